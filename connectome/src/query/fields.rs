//! Names of the fields and the aliases under which other tables know them.

/// The fields a full set of files offers, in canonical spelling.
///
/// A table may offer fewer or others; `root_id` and `list` are always there.
pub const FIELDS: [&str; 18] = [
    "root_id",
    "group",
    "flow",
    "super_class",
    "class",
    "sub_class",
    "hemilineage",
    "side",
    "nerve",
    "type",
    "additional_type",
    "nt",
    "sign",
    "receptor",
    "name",
    "label",
    "population",
    "list",
];

const ALIASES: [(&str, &str); 26] = [
    ("pt_root_id", "root_id"),
    ("body_id", "root_id"),
    ("bodyid", "root_id"),
    ("id", "root_id"),
    ("neuron_id", "root_id"),
    ("cell_super_class", "super_class"),
    ("superclass", "super_class"),
    ("cell_class", "class"),
    ("cell_sub_class", "sub_class"),
    ("subclass", "sub_class"),
    ("ito_lee_hemilineage", "hemilineage"),
    ("hemisphere", "side"),
    ("soma_side", "side"),
    ("cell_type", "type"),
    ("primary_type", "type"),
    ("additional_types", "additional_type"),
    ("nt_type", "nt"),
    ("top_nt", "nt"),
    ("neurotransmitter", "nt"),
    ("predicted_nt", "nt"),
    ("transmitter", "nt"),
    ("receptors", "receptor"),
    ("names", "name"),
    ("labels", "label"),
    ("processed_labels", "label"),
    ("lists", "list"),
];

/// The canonical name behind `name`: lower case, aliases replaced; unknown names stay as they are, in lower case.
pub(super) fn canonical(name: &str) -> String {
    // ASCII only: folding other letters can change a word into something that is not one.
    let folded = name.to_ascii_lowercase();
    match ALIASES.iter().find(|(alias, _)| *alias == folded) {
        Some((_, canonical)) => (*canonical).to_string(),
        None => folded,
    }
}

/// Whether the name is one that a full set of files offers.
pub(super) fn is_standard(canonical: &str) -> bool {
    FIELDS.contains(&canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_lead_to_fields_and_fields_to_themselves() {
        for (alias, field) in ALIASES {
            assert!(is_standard(field), "{field}");
            assert!(!is_standard(alias), "{alias}");
            assert_eq!(canonical(&alias.to_uppercase()), field);
        }
        for field in FIELDS {
            assert_eq!(canonical(field), field);
        }
    }
}
