//! What is wrong with a deployment, or will surprise, found before anything runs.
//!
//! | file | subject |
//! |---|---|
//! | here | a finding; what it means for a command |
//! | `values` | numbers that no neuron can have: E1, E2, E4, E5 |

mod values;

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

pub use values::values;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The network cannot run as described.
    Error,
    /// It runs, but not as a reader of the description would expect.
    Warning,
    /// Good to know.
    Info,
}

/// Something that was found in a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Stable code, such as `E1`.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// Population or projection.
    #[serde(rename = "where")]
    pub place: String,
    /// How many values are concerned.
    pub count: u64,
    /// What was found, with the worst case and its ids.
    pub text: String,
    /// What to do.
    pub mend: String,
}

impl Finding {
    /// A finding; the first letter of the code says how bad it is.
    pub fn new(code: &str, place: impl Into<String>, count: u64, text: impl Into<String>, mend: impl Into<String>) -> Self {
        let severity = match code.as_bytes()[0] {
            b'E' => Severity::Error,
            b'W' => Severity::Warning,
            _ => Severity::Info,
        };
        Self { code: code.into(), severity, place: place.into(), count, text: text.into(), mend: mend.into() }
    }
}

/// An error if any finding is one: that of the first, with the number of the others.
///
/// # Errors
/// `lint-e…`, bad data.
pub fn refuse(findings: &[Finding]) -> Result<()> {
    let mut errors = findings.iter().filter(|f| f.severity == Severity::Error);
    let Some(first) = errors.next() else { return Ok(()) };
    let more = match errors.count() {
        0 => String::new(),
        n => format!(" (and {n} more findings)"),
    };
    Err(UserError::bad_data("lint", format!("{}: {}{more}", first.code, first.text)).key(&first.place).mend(&first.mend))
}
