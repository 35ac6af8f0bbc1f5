//! Fields of a vector: numbers in range, texts, lists; each used once, none left over.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Result with a sentence about the field.
pub(super) type Found<T> = Result<T, String>;

/// Fields, and which of them were used.
pub(super) struct Fields<'a> {
    all: &'a Map<String, Value>,
    used: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(all: &'a Map<String, Value>) -> Self {
        Self { all, used: BTreeSet::new() }
    }

    /// The value under a name; null counts as absent.
    pub(super) fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.used.insert(name);
        self.all.get(name).filter(|v| !v.is_null())
    }

    fn needed(&mut self, name: &'static str) -> Found<&'a Value> {
        self.value(name).ok_or_else(|| format!("`{name}` is missing"))
    }

    /// A number that fits `T`.
    pub(super) fn number<T: TryFrom<u64>>(&mut self, name: &'static str) -> Found<T> {
        number(name, self.needed(name)?)
    }

    /// The same, if it is there.
    pub(super) fn optional<T: TryFrom<u64>>(&mut self, name: &'static str) -> Found<Option<T>> {
        self.value(name).map(|v| number(name, v)).transpose()
    }

    /// A truth value, also as 0 or 1; false if absent.
    pub(super) fn flag(&mut self, name: &'static str) -> Found<bool> {
        match self.value(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(value) => match value.as_u64() {
                Some(0) => Ok(false),
                Some(1) => Ok(true),
                _ => Err(format!("`{name}` is {value}, expected true or false")),
            },
        }
    }

    /// A number that may have a fraction; 0 if absent.
    pub(super) fn real(&mut self, name: &'static str) -> Found<f64> {
        self.value(name).map_or(Ok(0.0), |v| v.as_f64().ok_or_else(|| format!("`{name}` is {v}, expected a number")))
    }

    /// A text, if it is there.
    pub(super) fn text(&mut self, name: &'static str) -> Found<Option<&'a str>> {
        self.value(name).map(|v| v.as_str().ok_or_else(|| format!("`{name}` is {v}, expected text"))).transpose()
    }

    /// Bytes written as hexadecimal text; none if absent.
    pub(super) fn hex(&mut self, name: &'static str) -> Found<Vec<u8>> {
        bytes(self.text(name)?.unwrap_or_default()).ok_or_else(|| format!("`{name}` is no hexadecimal text"))
    }

    /// A list of numbers; one number is a list of one, nothing is none.
    pub(super) fn numbers<T: TryFrom<u64>>(&mut self, name: &'static str) -> Found<Vec<T>> {
        match self.value(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => list.iter().map(|v| number(name, v)).collect(),
            Some(value) => Ok(vec![number(name, value)?]),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, name: &'static str) -> Found<Vec<&'a str>> {
        let list = self.needed(name)?.as_array().ok_or_else(|| format!("`{name}` is no list"))?;
        list.iter().map(|v| v.as_str().ok_or_else(|| format!("`{name}` holds {v}, expected text"))).collect()
    }

    /// That a name beside a number is the right one, if it is given.
    pub(super) fn agrees(&mut self, name: &'static str, expected: &str) -> Found<()> {
        match self.text(name)? {
            Some(found) if found != expected => Err(format!("`{name}` is `{found}`, expected `{expected}`")),
            _ => Ok(()),
        }
    }

    /// That every field was understood.
    pub(super) fn none_left(&self) -> Found<()> {
        match self.all.keys().find(|k| !self.used.contains(k.as_str())) {
            Some(name) => Err(format!("the field `{name}` is not known")),
            None => Ok(()),
        }
    }
}

pub(super) fn number<T: TryFrom<u64>>(name: &str, value: &Value) -> Found<T> {
    let whole = value.as_u64().and_then(|v| T::try_from(v).ok());
    whole.ok_or_else(|| format!("`{name}` is {value}, which is no whole number in range"))
}

/// Bytes of hexadecimal text.
pub(super) fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|d| d.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
