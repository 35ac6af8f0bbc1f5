//! The one error a user sees: cause, place, expectation, mend.
//!
//! Every room reports through [`UserError`], so that the command line can print it, turn it into JSON and choose the exit
//! code without knowing which room spoke. `code` is stable: scripts may match on it.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Result with a [`UserError`].
pub type Result<T> = std::result::Result<T, UserError>;

/// What kind of trouble it is; fixes the exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operation failed for a reason outside the data (disk full, interrupted): exit code 1.
    Failed,
    /// The command was used wrongly: exit code 2.
    Usage,
    /// The input data are bad: exit code 3.
    BadData,
    /// A check did not hold: exit code 4.
    CheckFailed,
}

impl ErrorKind {
    /// Exit code of the process.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::BadData => 3,
            Self::CheckFailed => 4,
        }
    }
}

/// An error with a place and a mend.
///
/// # Example
/// ```
/// use kenyon_base::UserError;
///
/// let error = UserError::bad_data("count-not-integer", "bad synapse count")
///     .file("connections.csv").line(17).row(16).column("syn_count")
///     .found("1e400").expected("a whole number from 1 to 4294967295")
///     .mend("download the file again; a spreadsheet may have rewritten it");
/// assert_eq!(
///     error.to_string(),
///     "connections.csv, line 17, row 16, column `syn_count`: bad synapse count: found `1e400`, \
///      expected a whole number from 1 to 4294967295; download the file again; a spreadsheet may have rewritten it",
/// );
/// ```
#[derive(Debug, Clone, Serialize)]
pub struct UserError(Box<Details>);

#[derive(Debug, Clone, Serialize)]
struct Details {
    code: Cow<'static, str>,
    kind: ErrorKind,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl UserError {
    /// Creates an error of the given kind with a stable `code` and a one-line `message`.
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            code: Cow::Borrowed(code),
            kind,
            message: message.into(),
            file: None,
            line: None,
            row: None,
            column: None,
            key: None,
            dataset: None,
            byte: None,
            found: None,
            expected: None,
            mend: None,
        }))
    }

    /// Bad input data (exit code 3).
    pub fn bad_data(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadData, code, message)
    }

    /// Wrong usage (exit code 2).
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, code, message)
    }

    /// A check that did not hold (exit code 4).
    pub fn check_failed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::CheckFailed, code, message)
    }

    /// A failure outside the data (exit code 1).
    pub fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, code, message)
    }

    /// An input file that cannot be opened or read: bad data, with the cause named.
    pub fn cannot_read(path: &Path, cause: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let (code, mend) = match cause.kind() {
            Io::NotFound => ("not-found", "check the path"),
            Io::PermissionDenied => ("no-permission", "give yourself permission to read it"),
            Io::IsADirectory => ("is-a-directory", "name a file inside it"),
            _ => ("unreadable", "check the file and the disk it lies on"),
        };
        Self::bad_data(code, format!("cannot be read: {cause}")).file(path).mend(mend)
    }

    /// An output file that cannot be written: failed (exit code 1).
    pub fn cannot_write(path: &Path, cause: &std::io::Error) -> Self {
        Self::failed("cannot-write", format!("cannot be written: {cause}"))
            .file(path)
            .mend("check that the folder exists, that it may be written to, and the space left on the disk")
    }

    /// The same as bad data: what would be wrong usage on the command line stands in a file.
    #[must_use]
    pub fn in_data(mut self) -> Self {
        if self.0.kind == ErrorKind::Usage {
            self.0.kind = ErrorKind::BadData;
        }
        self
    }

    /// The same as wrong usage: what would be bad data in a file was said on the command line.
    #[must_use]
    pub fn in_usage(mut self) -> Self {
        if self.0.kind == ErrorKind::BadData {
            self.0.kind = ErrorKind::Usage;
        }
        self
    }

    /// Names the file (or folder) concerned.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.file = Some(path.into());
        self
    }

    /// Names the line, counted from 1 with the header as line 1.
    #[must_use]
    pub fn line(mut self, line: u64) -> Self {
        self.0.line = Some(line);
        self
    }

    /// Forgets the line: what was parsed is not what a reader sees.
    #[must_use]
    pub fn without_line(mut self) -> Self {
        (self.0.line, self.0.column) = (None, None);
        self
    }

    /// Names the data row, counted from 1 below the header.
    #[must_use]
    pub fn row(mut self, row: u64) -> Self {
        self.0.row = Some(row);
        self
    }

    /// Names the column of a table.
    #[must_use]
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.0.column = Some(column.into());
        self
    }

    /// Names the key of a config.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.0.key = Some(key.into());
        self
    }

    /// Names the data set of an HDF5 file.
    #[must_use]
    pub fn dataset(mut self, name: impl Into<String>) -> Self {
        self.0.dataset = Some(name.into());
        self
    }

    /// The same fault found inside the config at `path`: bad data there, not wrong usage.
    #[must_use]
    pub fn in_config(mut self, path: &Path, key: &str) -> Self {
        self.0.kind = ErrorKind::BadData;
        self.file(path).key(key)
    }

    /// Names the byte offset in the file.
    #[must_use]
    pub fn byte(mut self, offset: u64) -> Self {
        self.0.byte = Some(offset);
        self
    }

    /// Shows what was found: at most 80 characters, control characters escaped.
    #[must_use]
    pub fn found(mut self, text: impl AsRef<str>) -> Self {
        self.0.found = Some(shown(text.as_ref()));
        self
    }

    /// States what was expected.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = Some(expected.into());
        self
    }

    /// States how to mend it.
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.0.mend = Some(mend.into());
        self
    }

    /// Stable code of the problem, for scripts.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// Kind of trouble.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Exit code of the process that reports this error.
    pub fn exit_code(&self) -> u8 {
        self.0.kind.exit_code()
    }

    /// The line of the file concerned, if one is known.
    pub fn line_number(&self) -> Option<u64> {
        self.0.line
    }

    /// The file concerned, if one is known.
    pub fn path(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The key that it names, such as a population.
    pub fn key_name(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// What is wrong, with what was found and expected, but without its place and its mend.
    pub fn what(&self) -> String {
        let details = [("found", &self.0.found), ("expected", &self.0.expected)];
        let details: Vec<String> =
            details.into_iter().filter_map(|(word, text)| text.as_ref().map(|text| format!("{word} {text}"))).collect();
        if details.is_empty() { self.0.message.clone() } else { format!("{}: {}", self.0.message, details.join(", ")) }
    }

    /// The column concerned, if one is known.
    pub fn column_name(&self) -> Option<&str> {
        self.0.column.as_deref()
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &self.0;
        let mut place = Vec::new();
        if let Some(file) = &details.file {
            place.push(shown(&file.display().to_string()));
        }
        if let Some(line) = details.line {
            place.push(format!("line {line}"));
        }
        if let Some(row) = details.row {
            place.push(format!("row {row}"));
        }
        if let Some(column) = &details.column {
            place.push(format!("column `{}`", shown(column)));
        }
        if let Some(key) = &details.key {
            place.push(format!("key {}", quoted(&shown(key))));
        }
        if let Some(dataset) = &details.dataset {
            place.push(format!("data set `{}`", shown(dataset)));
        }
        if let Some(byte) = details.byte {
            place.push(format!("byte {byte}"));
        }
        if !place.is_empty() {
            write!(f, "{}: ", place.join(", "))?;
        }
        f.write_str(&details.message)?;
        let found = details.found.as_ref().map(|text| if text.is_empty() { "nothing".into() } else { quoted(text) });
        match (found, &details.expected) {
            (Some(found), Some(expected)) => write!(f, ": found {found}, expected {expected}")?,
            (Some(found), None) => write!(f, ": found {found}")?,
            (None, Some(expected)) => write!(f, ": expected {expected}")?,
            (None, None) => {}
        }
        if let Some(mend) = &details.mend {
            write!(f, "; {mend}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UserError {}

/// Text in backticks, unless it brings its own.
fn quoted(text: &str) -> String {
    if text.contains('`') { text.to_string() } else { format!("`{text}`") }
}

/// Text of others as it may be shown on a terminal: at most 80 characters, control characters escaped.
pub fn shown(text: &str) -> String {
    const LIMIT: usize = 80;
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == LIMIT {
            out.push('…');
            break;
        }
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{feff}') {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The known name nearest to `wanted`, if one is near enough to be a slip of the pen.
///
/// # Example
/// ```
/// assert_eq!(kenyon_base::nearest("sid", ["side", "type"]), Some("side"));
/// assert_eq!(kenyon_base::nearest("zebra", ["side", "type"]), None);
/// ```
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = wanted.to_lowercase();
    known
        .into_iter()
        .map(|name| {
            let known = name.to_lowercase();
            // Of two names at the same distance, the one that shares more letters and their order.
            let unlike = 1000 - (strsim::jaro_winkler(&folded, &known) * 1000.0) as u32;
            ((strsim::damerau_levenshtein(&folded, &known), unlike), name)
        })
        .filter(|((distance, _), name)| {
            let longest = folded.chars().count().max(name.chars().count());
            *distance <= 1.max(longest / 3) && *distance < longest
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_cut_and_escaped() {
        let error = UserError::bad_data("x", "m").found(format!("a\u{0}\n{}", "z".repeat(500)));
        let text = error.to_string();
        assert!(text.contains("a\\u{0}\\n"), "{text}");
        assert!(text.chars().count() < 120, "{text}");
    }

    #[test]
    fn each_kind_has_its_exit_code() {
        let codes = [ErrorKind::Failed, ErrorKind::Usage, ErrorKind::BadData, ErrorKind::CheckFailed].map(ErrorKind::exit_code);
        assert_eq!(codes, [1, 2, 3, 4]);
    }
}
