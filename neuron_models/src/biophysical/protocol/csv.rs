//! Small tables of numbers and names: synapses, events, currents.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError, nearest};

/// Larger tables are none of these.
const LIMIT_BYTES: u64 = 1 << 30;

/// A table with a header; fields are separated by commas and not quoted.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    text: String,
    header: Vec<String>,
}

/// A row of a [`Table`].
#[derive(Debug)]
pub struct Row<'a> {
    table: &'a Table,
    /// Number of the line, from 1.
    line: u64,
    fields: Vec<&'a str>,
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// A file that cannot be read, is no text or has no header.
    pub fn read(path: &Path) -> Result<Self> {
        let meta = std::fs::metadata(path).map_err(|cause| UserError::cannot_read(path, &cause))?;
        if meta.len() > LIMIT_BYTES {
            return Err(UserError::bad_data("limit", "is too large for such a table").file(path));
        }
        let bytes = std::fs::read(path).map_err(|cause| UserError::cannot_read(path, &cause))?;
        let text = String::from_utf8(bytes).map_err(|_| {
            UserError::bad_data("not-text", "is not a text file").file(path).expected("a table of comma-separated values")
        })?;
        let text = text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), ToString::to_string);
        let header: Vec<String> = text.lines().next().unwrap_or_default().split(',').map(|c| c.trim().to_string()).collect();
        if header.iter().all(String::is_empty) {
            return Err(UserError::bad_data("empty-file", "has no header").file(path).mend("name the columns in its first line"));
        }
        Ok(Self { path: path.to_path_buf(), text, header })
    }

    /// Refuses columns that no one looks at: someone meant something by them.
    ///
    /// # Errors
    /// `unknown-column`, with the nearest known one; `duplicate-column`.
    pub fn only(&self, known: &[&str]) -> Result<()> {
        for (k, column) in self.header.iter().enumerate() {
            let at = |code, message: &str| UserError::bad_data(code, message).file(&self.path).line(1).found(column);
            if self.header[..k].contains(column) {
                return Err(at("duplicate-column", "a column stands twice").mend("remove one of them"));
            }
            if !known.contains(&column.as_str()) {
                let error = at("unknown-column", "such a table has no such column").expected(known.join(", "));
                return Err(match nearest(column, known.iter().copied()) {
                    Some(close) => error.mend(format!("did you mean `{close}`? else remove the column")),
                    None => error.mend("remove the column"),
                });
            }
        }
        Ok(())
    }

    /// Whether it has a column.
    pub fn has(&self, column: &str) -> bool {
        self.header.iter().any(|c| c == column)
    }

    /// Index of a column, under any of its names.
    ///
    /// # Errors
    /// `missing-column`.
    pub fn column(&self, names: &[&str]) -> Result<usize> {
        self.header.iter().position(|c| names.contains(&c.as_str())).ok_or_else(|| {
            let error = UserError::bad_data("missing-column", "a column is missing")
                .file(&self.path)
                .line(1)
                .column(names[0])
                .found(self.header.join(","));
            match nearest(names[0], self.header.iter().map(String::as_str)) {
                Some(close) => error.mend(format!("is it `{close}`? then rename it")),
                None => error.mend("add it"),
            }
        })
    }

    /// Its rows; empty lines are none.
    ///
    /// # Errors
    /// `ragged` for a row of another number of fields.
    pub fn rows(&self) -> impl Iterator<Item = Result<Row<'_>>> {
        let lines = self.text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty());
        lines.map(|(k, line)| {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            let row = Row { table: self, line: k as u64 + 1, fields };
            if row.fields.len() == self.header.len() {
                return Ok(row);
            }
            let found = format!("{} fields", row.fields.len());
            Err(UserError::bad_data("ragged", "a row has another number of fields than the header")
                .file(&self.path)
                .line(row.line)
                .found(found)
                .expected(format!("{}", self.header.len())))
        })
    }
}

impl<'a> Row<'a> {
    /// A field.
    pub fn text(&self, column: usize) -> &'a str {
        self.fields[column]
    }

    /// A field as a number, finite or not.
    ///
    /// # Errors
    /// `bad-number`.
    pub fn number<T: std::str::FromStr>(&self, column: usize) -> Result<T> {
        let field = self.fields[column];
        field.parse().map_err(|_| self.error(column, "bad-number", "is no such number").found(field))
    }

    /// An error at a field.
    pub fn error(&self, column: usize, code: &'static str, message: impl Into<String>) -> UserError {
        UserError::bad_data(code, message).file(&self.table.path).line(self.line).column(&self.table.header[column])
    }

    /// Names file, line and column in an error.
    pub fn locate(&self, column: usize, error: UserError) -> UserError {
        error.in_data().file(&self.table.path).line(self.line).column(&self.table.header[column])
    }
}
