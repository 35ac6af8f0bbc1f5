//! Numbers in JSON that are none: read as such, so that a check can name the neuron or synapse.
//!
//! JSON has finite numbers only. Python writes `NaN` and `Infinity` all the same, and other writers `null`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number; `null` and `"NaN"` are none, `"Infinity"` and `"-Infinity"` are infinite.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_f64<E: Error>(self, v: f64) -> Result<Number, E> {
                Ok(Number(v))
            }

            fn visit_i64<E: Error>(self, v: i64) -> Result<Number, E> {
                Ok(Number(v as f64))
            }

            fn visit_u64<E: Error>(self, v: u64) -> Result<Number, E> {
                Ok(Number(v as f64))
            }

            fn visit_unit<E: Error>(self) -> Result<Number, E> {
                Ok(Number(f64::NAN))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                match text {
                    "NaN" => Ok(Number(f64::NAN)),
                    "Infinity" => Ok(Number(f64::INFINITY)),
                    "-Infinity" => Ok(Number(f64::NEG_INFINITY)),
                    _ => Err(E::invalid_type(serde::de::Unexpected::Str(text), &self)),
                }
            }
        }
        from.deserialize_any(Any)
    }
}

pub(super) fn one<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Number::deserialize(from).map(|n| n.0)
}

pub(super) fn many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    Vec::<Number>::deserialize(from).map(|list| list.into_iter().map(|n| n.0).collect())
}

/// JSON with the words for no number put in quotes; nothing if it has none outside of texts.
pub(super) fn quoted(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let (mut in_text, mut changed, mut at) = (false, false, 0);
    while at < text.len() {
        let rest = &text[at..];
        let word: Option<&[u8]> =
            [&b"NaN"[..], b"Infinity", b"-Infinity"].into_iter().find(|word| !in_text && rest.starts_with(word));
        if let Some(word) = word {
            out.push(b'"');
            out.extend_from_slice(word);
            out.push(b'"');
            (changed, at) = (true, at + word.len());
            continue;
        }
        let n = if in_text && rest[0] == b'\\' { rest.len().min(2) } else { 1 };
        in_text ^= n == 1 && rest[0] == b'"';
        out.extend_from_slice(&rest[..n]);
        at += n;
    }
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_no_number_are_quoted_outside_of_texts() {
        let json = br#"{"NaN \" NaN": [NaN, 1.5, -Infinity, Infinity], "x\\": NaN}"#;
        let got = quoted(json).expect("changed");
        assert_eq!(
            String::from_utf8(got).expect("text"),
            r#"{"NaN \" NaN": ["NaN", 1.5, "-Infinity", "Infinity"], "x\\": "NaN"}"#
        );
        assert_eq!(quoted(br#"{"a": "NaN\"#), None);
    }

    #[test]
    fn null_is_no_number_and_a_word_is_an_error() {
        let list = |json: &str| many(&mut serde_json::Deserializer::from_str(json));
        let got = list(r#"[1, -2, 0.1, null, "Infinity"]"#).expect("numbers");
        assert!(got[..3] == [1.0, -2.0, 0.1] && got[3].is_nan() && got[4] == f64::INFINITY);
        assert!(list(r#"["one"]"#).is_err() && list("[true]").is_err());
    }
}
