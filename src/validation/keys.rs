//! Numbers in JSON files that were written by others: what describes a run.

use std::path::Path;

use kenyon_base::{Result, UserError};
use serde_json::{Map, Value};

use super::table::read_text;

/// Reads a JSON file that holds an object.
///
/// # Errors
/// If it is not there, is no JSON, or something else than an object.
pub fn read_object(path: &Path) -> Result<Map<String, Value>> {
    match read(path)? {
        Value::Object(object) => Ok(object),
        other => Err(bad(path, "holds no object").found(other.to_string())),
    }
}

/// Reads a JSON file.
///
/// # Errors
/// If it is not there or no JSON.
pub fn read(path: &Path) -> Result<Value> {
    serde_json::from_str(&read_text(path)?).map_err(|e| bad(path, "is no JSON").line(e.line() as u64).found(e.to_string()))
}

/// What a broken JSON file is.
pub fn bad(path: &Path, message: &str) -> UserError {
    UserError::bad_data("bad-json", message).file(path).mend("take the file from the reference again")
}

/// A finite number under a key.
///
/// # Errors
/// If the key is missing, or something else stands there.
pub fn number(object: &Map<String, Value>, key: &str, path: &Path) -> Result<f64> {
    optional(object, key, path)?.ok_or_else(|| bad(path, "lacks a key").key(key).expected("a number"))
}

/// A finite number under a key, if it is there.
///
/// # Errors
/// If something else stands there.
pub fn optional(object: &Map<String, Value>, key: &str, path: &Path) -> Result<Option<f64>> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64().filter(|x| x.is_finite()) {
            Some(x) => Ok(Some(x)),
            None => Err(bad(path, "holds no number").key(key).found(value.to_string()).expected("a number")),
        },
    }
}

/// The number of steps of a run.
///
/// # Errors
/// A step or duration that is none, or more steps than anyone can wait for.
pub fn steps(duration_ms: f64, dt_ms: f64, path: &Path) -> Result<u64> {
    let steps = (duration_ms / dt_ms).round();
    if dt_ms > 0.0 && (0.0..=1e9).contains(&steps) {
        return Ok(steps as u64);
    }
    Err(bad(path, "asks for a run that cannot be").found(format!("{duration_ms} ms in steps of {dt_ms} ms")))
}
