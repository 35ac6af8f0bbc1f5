//! Segment lengths as names, keys and notes state them.

use std::path::Path;

use kenyon_base::Result;
use serde_json::{Map, Value};

use crate::validation::keys;

/// What a key or a name says of the segments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stated {
    /// Largest length, µm.
    Length(f64),
    /// Number of all segments.
    Count(u32),
    /// Number of segments of dendrites.
    Dendritic(u32),
}

/// Keys of a length, without underscores and unit.
const LENGTHS: [&str; 16] = [
    "maxseg",
    "maxsegment",
    "maxseglen",
    "maxseglength",
    "maxsegmentlen",
    "maxsegmentlength",
    "maximumsegmentlength",
    "neuronmodelmaxsegmentlength",
    "seglen",
    "seglength",
    "segmentlen",
    "segmentlength",
    "seglenmax",
    "seglengthmax",
    "segmentlengthmax",
    "segmentmaxlength",
];
/// Keys of a number of segments.
const COUNTS: [&str; 9] =
    ["nseg", "nsegs", "nsegment", "nsegments", "nsegtotal", "numsegments", "totalnseg", "totalsegments", "segmentcount"];
/// Keys of a number of dendritic segments.
const DENDRITIC: [&str; 4] = ["ndendseg", "ndendsegments", "ndendriticseg", "ndendriticsegments"];

/// What a key with this value states, if it is one of those that do; a key that merely looks like one states nothing.
///
/// # Errors
/// If the value is no length above zero, or no number of segments.
pub(super) fn of_key(key: &str, value: &Value, path: &Path) -> Result<Option<Stated>> {
    let plain: String = key.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let bare = ["um", "µm", "μm"].iter().find_map(|unit| plain.strip_suffix(unit));
    let bad = |expected: &str| keys::bad(path, "states no segment length").key(key).found(value.to_string()).expected(expected);
    let count = |value: &Value| {
        let count = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
        count.ok_or_else(|| bad("a whole number above 0"))
    };
    if LENGTHS.contains(&bare.unwrap_or(&plain)) || bare.is_some_and(|bare| ["seg", "segment", "segments"].contains(&bare)) {
        let length = value.as_f64().or_else(|| value.as_str().and_then(|text| Some(number(text.trim())?.0)));
        let length = length.filter(|length| length.is_finite() && *length > 0.0);
        return length.map(|length| Some(Stated::Length(length))).ok_or_else(|| bad("a length above 0, µm"));
    }
    if COUNTS.contains(&plain.as_str()) {
        return count(value).map(|n| Some(Stated::Count(n)));
    }
    if DENDRITIC.contains(&plain.as_str()) {
        return count(value).map(|n| Some(Stated::Dendritic(n)));
    }
    Ok(None)
}

/// All that an object states under keys and in words, each with its key; objects in it are looked into.
///
/// # Errors
/// As [`of_key`].
pub(super) fn of_object(object: &Map<String, Value>, path: &Path) -> Result<Vec<(String, Stated)>> {
    let mut found = Vec::new();
    for (key, value) in object {
        if let Some(stated) = of_key(key, value, path)? {
            found.push((key.clone(), stated));
        } else if let Value::Object(inner) = value {
            found.extend(of_object(inner, path)?);
        } else if let Some(stated) = value.as_str().filter(|_| key != "name").and_then(of_words) {
            found.push((key.clone(), stated));
        }
    }
    Ok(found)
}

/// A number above zero that a text begins with, and what follows it.
fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].trim_end_matches('.').parse().ok()?;
    (number > 0.0).then_some((number, &text[end..]))
}

fn lowered(text: &str) -> String {
    text.to_lowercase().replace(['µ', 'μ'], "u")
}

/// Separators in names.
const BETWEEN: [char; 6] = ['_', '-', '=', ':', ' ', '/'];

/// The length that a name states outright: `max_seg_24.3`, `maxseg15`, `seg_len_40`, `seg40um`.
pub(super) fn outright(name: &str) -> Option<f64> {
    let lower = lowered(name);
    let after = |key: &str, unit: bool| {
        lower.match_indices(key).find_map(|(at, _)| {
            let rest = lower[at + key.len()..].trim_start_matches(BETWEEN);
            let (length, rest) = number(rest)?;
            (!unit || rest.trim_start_matches(BETWEEN).starts_with("um")).then_some(length)
        })
    };
    let named = ["length", "len", ""].iter().find_map(|end| {
        ["max_segment", "maxsegment", "max segment", "max_seg", "maxseg", "max seg"]
            .iter()
            .flat_map(|key| ["", "_", " "].map(|gap| format!("{key}{gap}{end}")))
            .find_map(|key| after(&key, false))
    });
    let by_length = || {
        ["seg_len", "seglen", "segment_length", "segment length", "seg_length", "segmentlength"]
            .iter()
            .find_map(|key| after(key, false))
    };
    named.or_else(by_length).or_else(|| ["seg", "segs", "segment", "segments"].iter().find_map(|key| after(key, true)))
}

/// Lengths that a name may mean: `seg40`, `seg_40`, `40um`. Only what is known otherwise tells whether it does.
pub(super) fn perhaps(name: &str) -> Vec<f64> {
    let lower = lowered(name);
    let parts: Vec<&str> = lower.split(BETWEEN).collect();
    let mut found = Vec::new();
    for (k, part) in parts.iter().enumerate() {
        let whole = |text: &str| number(text).filter(|(_, rest)| rest.is_empty()).map(|(length, _)| length);
        let short = part.strip_prefix("segs").or_else(|| part.strip_prefix("seg")).and_then(whole);
        let apart = (k > 0 && ["seg", "segs"].contains(&parts[k - 1])).then(|| whole(part)).flatten();
        let unit = number(part).filter(|(_, rest)| *rest == "um").map(|(length, _)| length);
        found.extend(short.or(apart).or(unit));
    }
    found
}

/// What a sentence states: a length outright, or `... the 1041 dendritic segments`, `1044 segments in all`.
fn of_words(text: &str) -> Option<Stated> {
    if let Some(length) = outright(text) {
        return Some(Stated::Length(length));
    }
    let words: Vec<&str> = text.split_whitespace().map(|word| word.trim_matches([',', ';', '(', ')'])).collect();
    let whole = |word: &str| word.replace(',', "").parse::<u32>().ok().filter(|n| *n > 0);
    words.windows(4).find_map(|w| match *w {
        ["the", n, "dendritic", "segments"] => whole(n).map(Stated::Dendritic),
        [n, "segments", "in", "all"] => whole(n).map(Stated::Count),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_states_a_length_outright_or_perhaps_or_not() {
        for (name, outspoken, possible) in [
            ("geometry/max_seg_24.3", Some(24.3), vec![24.3]),
            ("step_0.4nA_max_seg40", Some(40.0), vec![40.0]),
            ("steps_maxseg_15um", Some(15.0), vec![15.0]),
            ("step_0.80nA_seg40um", Some(40.0), vec![]),
            ("step_0.80nA_seg_40_um", Some(40.0), vec![40.0]),
            ("step_0.80nA_seg40", None, vec![40.0]),
            ("step_1.1nA_40um", None, vec![40.0]),
            ("c_seg3", None, vec![3.0]),
            ("bac_620um", None, vec![620.0]),
            ("convergence_0.80nA_dt0.0125", None, vec![]),
            ("full2082", None, vec![]),
            ("segments of at most 40 um; max segment length 15 µm", Some(15.0), vec![]),
        ] {
            assert_eq!(outright(name), outspoken, "{name}");
            if !name.contains(';') {
                assert_eq!(perhaps(name), possible, "{name}");
            }
        }
    }

    #[test]
    fn keys_state_lengths_and_numbers_and_those_that_look_like_it_do_not() {
        let of = |text: Value| of_object(text.as_object().expect("an object"), Path::new("x.json"));
        let one = |text: Value| of(text).expect("sound").first().map(|(_, stated)| *stated);
        assert_eq!(one(json!({"max_seg_um": 40})), Some(Stated::Length(40.0)));
        assert_eq!(one(json!({"config": {"max_segment_length_um": 15.0}})), Some(Stated::Length(15.0)));
        assert_eq!(one(json!({"maxSegLen": "24.3 µm"})), Some(Stated::Length(24.3)));
        assert_eq!(one(json!({"geometry": "geometry/max_seg_40"})), Some(Stated::Length(40.0)));
        assert_eq!(one(json!({"n_segments": 642})), Some(Stated::Count(642)));
        assert_eq!(one(json!({"note": "one synapse on each of the 1041 dendritic segments"})), Some(Stated::Dendritic(1041)));
        for key in ["max_segs", "n_seg_max", "segment_index", "seg", "recorded_segment"] {
            assert_eq!(one(json!({key: 3})), None, "{key}");
        }
        let error = of(json!({"max_seg_um": -15})).expect_err("no length").to_string();
        assert!(error.contains("x.json") && error.contains("max_seg_um") && error.contains("-15"), "{error}");
    }
}
