//! Two documents field by field.

use kenyon_base::{Result, UserError};
use serde::Serialize;
use serde_json::Value;

/// Relative difference of two real numbers that may come from another machine's exponential.
const CLOSE: f64 = 1e-12;

/// Compares what is certified with what the bundle says, and names the first field that differs.
///
/// # Errors
/// `not-verified`, a check that did not hold.
pub(super) fn same(certified: &impl Serialize, found: &impl Serialize) -> Result<()> {
    let [certified, found] =
        [serde_json::to_value(certified), serde_json::to_value(found)].map(|value| value.expect("plain data"));
    match difference(&certified, &found, String::new()) {
        None => Ok(()),
        Some((key, certified, found)) => Err(failed(&key, &certified, &found)),
    }
}

/// An error that names what is not as it was certified.
pub(super) fn failed(key: &str, certified: &str, found: &str) -> UserError {
    UserError::check_failed("not-verified", "is not what the bundle says")
        .key(key)
        .expected(format!("{found}, by the bundle"))
        .found(format!("{certified}, certified"))
        .mend("restore `certificate.json`, or certify again")
}

/// Place and values of the first difference.
fn difference(a: &Value, b: &Value, place: String) -> Option<(String, String, String)> {
    let inside = |key: &str| if place.is_empty() { key.to_string() } else { format!("{place}.{key}") };
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            let of = |object: &serde_json::Map<String, Value>, key: &str| object.get(key).cloned().unwrap_or(Value::Null);
            keys.into_iter().find_map(|key| difference(&of(a, key), &of(b, key), inside(key)))
        }
        (Value::Array(a), Value::Array(b)) => {
            let items = a.iter().zip(b).enumerate().find_map(|(k, (x, y))| difference(x, y, inside(&name(y, k))));
            items.or_else(|| (a.len() != b.len()).then(|| (place.clone(), items_of(a.len()), items_of(b.len()))))
        }
        (Value::Number(x), Value::Number(y)) if x != y => {
            let close = x.is_f64() && y.is_f64() && {
                let (x, y) = (x.as_f64().unwrap_or(f64::NAN), y.as_f64().unwrap_or(f64::NAN));
                (x - y).abs() <= CLOSE * x.abs().max(y.abs())
            };
            (!close).then(|| (place, x.to_string(), y.to_string()))
        }
        _ => (a != b).then(|| (place, a.to_string(), b.to_string())),
    }
}

fn items_of(n: usize) -> String {
    format!("{n} entries")
}

/// How an entry of a list is called: by its label, its ends, its code, or its place.
fn name(item: &Value, k: usize) -> String {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    match (text("label"), text("pre"), text("post"), text("receptor"), text("code"), text("where")) {
        (Some(label), ..) => label.to_string(),
        (_, Some(pre), Some(post), Some(receptor), ..) => format!("{pre} -> {post} ({receptor})"),
        (.., Some(code), Some(place)) => format!("{code} of {place}"),
        _ => k.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_field_that_differs_is_named() {
        let certified = json!({ "n": 1, "populations": [{ "label": "KC", "share": 0.5, "none": null }] });
        assert!(same(&certified, &certified).is_ok());
        let named = |path: &str, value: Value| {
            let mut found = certified.clone();
            *found.pointer_mut(path).expect("there") = value;
            serde_json::to_value(same(&certified, &found).expect_err("differs")).expect("plain data")["key"].clone()
        };
        assert_eq!(named("/n", json!(2)), "n");
        assert_eq!(named("/populations/0/share", json!(0.500_001)), "populations.KC.share");
        assert_eq!(named("/populations/0/none", json!(0)), "populations.KC.none");
        assert_eq!(named("/populations", json!([])), "populations");
        // Another machine's last bit is no difference.
        let near = json!({ "n": 1, "populations": [{ "label": "KC", "share": 0.5 + 1e-16, "none": null }] });
        assert!(same(&certified, &near).is_ok());
    }
}
