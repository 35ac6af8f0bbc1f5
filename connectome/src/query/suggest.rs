//! What to try instead of a name nobody knows.

use kenyon_base::nearest;

/// Beyond this the distance to every known name costs more than the hint is worth.
const LONGEST_COMPARED: usize = 48;
const MOST_COMPARED: usize = 20_000;
const MOST_SHOWN: usize = 6;

/// The mend for an unknown `wanted`: the nearest of `known`, else those that contain it, else a few of them.
///
/// `kind` names what is wanted in the plural, such as "values of `side`"; if it is `searchable`, `~` works on it.
pub(crate) fn mend<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>, kind: &str, searchable: bool) -> String {
    let mut known: Vec<&str> = known.into_iter().filter(|name| !name.is_empty()).collect();
    known.sort_unstable();
    known.dedup();
    let folded = wanted.to_lowercase();
    if let Some(same) = known.iter().find(|name| name.to_lowercase() == folded) {
        return format!("did you mean {}? upper and lower case differ", shown(same));
    }
    let near = near(wanted, &known);
    if let Some((first, rest)) = near.split_first() {
        return match rest {
            [] => format!("did you mean {}?", shown(first)),
            _ => format!("did you mean {}, or one of {}?", shown(first), list(rest, rest.len())),
        };
    }
    let containing: Vec<&str> = known.iter().copied().filter(|name| name.to_lowercase().contains(&folded)).collect();
    if !folded.is_empty() && !containing.is_empty() {
        let search = if searchable { "; `~` takes all that match" } else { "" };
        return format!("{kind} that contain it: {}{search}", list(&containing, MOST_SHOWN));
    }
    if known.is_empty() { format!("there are no {kind} here") } else { format!("known {kind}: {}", list(&known, MOST_SHOWN)) }
}

/// Up to three known names within a slip of the pen, nearest first.
fn near<'a>(wanted: &str, known: &[&'a str]) -> Vec<&'a str> {
    let length = wanted.chars().count();
    if length > LONGEST_COMPARED {
        return Vec::new();
    }
    // No name whose length differs by more than half can be near: skipping it saves the distance.
    let mut left: Vec<&str> = known
        .iter()
        .copied()
        .filter(|name| name.chars().count().abs_diff(length) <= 1.max(length / 2))
        .take(MOST_COMPARED)
        .collect();
    let mut out = Vec::new();
    while out.len() < 3
        && let Some(name) = nearest(wanted, left.iter().copied())
    {
        left.retain(|other| *other != name);
        out.push(name);
    }
    out
}

fn list(names: &[&str], most: usize) -> String {
    let text = names.iter().take(most).map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{text} and {} more", names.len() - most) } else { text }
}

/// A name in backticks: at most 40 characters, control characters escaped.
fn shown(name: &str) -> String {
    let mut text = String::from("`");
    for c in name.chars().take(40) {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    if name.chars().nth(40).is_some() {
        text.push('…');
    }
    text.push('`');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_goes_from_case_over_distance_to_content_to_a_few_names() {
        let known = ["", "left", "right", "center"];
        let cases = [
            ("LEFT", "did you mean `left`? upper and lower case differ"),
            ("rihgt", "did you mean `right`?"),
            ("en", "values that contain it: `center`; `~` takes all that match"),
            ("both", "known values: `center`, `left`, `right`"),
        ];
        for (wanted, hint) in cases {
            assert_eq!(mend(wanted, known, "values", true), hint, "{wanted}");
        }
        assert_eq!(mend("emi", ["hemilineage"], "fields", false), "fields that contain it: `hemilineage`");
        assert_eq!(mend("x", [""], "values", true), "there are no values here");
    }

    #[test]
    fn long_names_and_many_names_are_cut() {
        let long = "n".repeat(100);
        assert!(mend("zz", [long.as_str()], "values", true).chars().count() < 80);
        let many: Vec<String> = (100..200).map(|i| format!("t{i}")).collect();
        assert!(mend("qqqqqq", many.iter().map(String::as_str), "types", true).ends_with("and 94 more"));
        assert!(mend(&"q".repeat(60_000), many.iter().map(String::as_str), "types", true).ends_with("and 94 more"));
    }
}
