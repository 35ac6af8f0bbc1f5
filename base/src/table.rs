//! Tables of comma-separated values that users write: every fault with its line and column.

use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::error::{Result, UserError, nearest};
use crate::input;

/// A table with a header.
///
/// Fields may be quoted, a byte order mark and empty lines do not count, space around a field neither.
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
    fields: StringRecord,
}

impl Table {
    /// Reads a table of at most `limit` bytes.
    ///
    /// # Errors
    /// A file that cannot be read or is no text; `empty-file` without a header, `no-commas` with other separators, `duplicate-column`.
    pub fn read(path: &Path, limit: u64) -> Result<Self> {
        let text = input::text(path, limit)?;
        let header = reader(&text).headers().map(|names| names.iter().map(str::to_string).collect::<Vec<_>>());
        let header = header.unwrap_or_default();
        if header.iter().all(String::is_empty) {
            return Err(UserError::bad_data("empty-file", "has no header").file(path).mend("name the columns in its first line"));
        }
        if let [only] = &header[..]
            && only.contains([';', '\t'])
        {
            return Err(UserError::bad_data("no-commas", "its columns are not separated by commas")
                .file(path)
                .line(1)
                .found(only)
                .mend("separate the columns with commas"));
        }
        if let Some(twice) = (1..header.len()).map(|k| &header[k]).enumerate().find(|(k, name)| header[..=*k].contains(name)) {
            return Err(UserError::bad_data("duplicate-column", "a column stands twice")
                .file(path)
                .line(1)
                .found(twice.1)
                .mend("remove one of them"));
        }
        Ok(Self { path: path.to_path_buf(), text, header })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Refuses columns that no one looks at: someone meant something by them.
    ///
    /// # Errors
    /// `unknown-column`, with the nearest known one.
    pub fn only(&self, known: &[&str]) -> Result<()> {
        let Some(column) = self.header.iter().find(|column| !known.contains(&column.as_str())) else { return Ok(()) };
        let error = UserError::bad_data("unknown-column", "such a table has no such column");
        let error = error.file(&self.path).line(1).found(column).expected(known.join(", "));
        Err(match nearest(column, known.iter().copied()) {
            Some(close) => error.mend(format!("did you mean `{close}`? else remove the column")),
            None => error.mend("remove the column"),
        })
    }

    /// Whether it has a column.
    pub fn has(&self, column: &str) -> bool {
        self.header.iter().any(|c| c == column)
    }

    /// Index of a column, under any of its names.
    ///
    /// # Errors
    /// `missing-column`; `duplicate-column` if it stands there under two of its names.
    pub fn column(&self, names: &[&str]) -> Result<usize> {
        let mut found = (0..self.header.len()).filter(|k| names.contains(&self.header[*k].as_str()));
        let at = |code, message: &str| UserError::bad_data(code, message).file(&self.path).line(1);
        match (found.next(), found.next()) {
            (Some(first), Some(second)) => {
                let names = format!("`{}` and `{}`", self.header[first], self.header[second]);
                Err(at("duplicate-column", "a column stands twice").found(names).mend("remove one of them"))
            }
            (Some(column), None) => Ok(column),
            (None, _) => {
                let error = at("missing-column", "a column is missing").column(names[0]).found(self.header.join(","));
                Err(match nearest(names[0], self.header.iter().map(String::as_str)) {
                    Some(close) => error.mend(format!("is it `{close}`? then rename it")),
                    None => error.mend("add it"),
                })
            }
        }
    }

    /// Its rows; empty lines are none.
    ///
    /// # Errors
    /// `ragged` for a row of another number of fields.
    pub fn rows(&self) -> impl Iterator<Item = Result<Row<'_>>> {
        let blank = |fields: &StringRecord| self.header.len() > 1 && fields.len() == 1 && fields[0].is_empty();
        let records = reader(&self.text).into_records().filter(move |r| !r.as_ref().is_ok_and(&blank));
        records.map(|record| {
            // The text is in memory and UTF-8: nothing is left that could not be read.
            let fields = record.map_err(|e| UserError::bad_data("bad-table", format!("is no table: {e}")).file(&self.path))?;
            let row = Row { table: self, line: self.line(&fields), fields };
            if row.fields.len() == self.header.len() {
                return Ok(row);
            }
            Err(UserError::bad_data("ragged", "a row has another number of fields than the header")
                .file(&self.path)
                .line(row.line)
                .found(format!("{} fields", row.fields.len()))
                .expected(self.header.len().to_string()))
        })
    }

    /// The line of a record: its reader says where it began to look, which may be at empty lines before it.
    fn line(&self, record: &StringRecord) -> u64 {
        let Some(place) = record.position() else { return 0 };
        let before = self.text.as_bytes()[place.byte() as usize..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
        place.line() + before.filter(|byte| **byte == b'\n').count() as u64
    }
}

fn reader(text: &str) -> csv::Reader<&[u8]> {
    ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(text.as_bytes())
}

impl Row<'_> {
    /// A field.
    pub fn text(&self, column: usize) -> &str {
        &self.fields[column]
    }

    /// Its line, from 1 with the header.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// A field as a number, finite or not.
    ///
    /// # Errors
    /// `bad-number`.
    pub fn number<T: std::str::FromStr>(&self, column: usize) -> Result<T> {
        let field = self.text(column);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Table> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("t.csv");
        std::fs::write(&path, text).expect("written");
        Table::read(&path, 1 << 20)
    }

    #[test]
    fn quotes_marks_spaces_and_empty_lines_change_nothing() {
        for text in ["a,b\n1,2\n\n3,4\n", "\u{feff}\"a\", b \r\n1,\"2\"\r\n\r\n \r\n3 , 4", "a,b\n\n1,2\n3,4\n\n"] {
            let table = table(text).expect("sound");
            let (a, b) = (table.column(&["a"]).expect("there"), table.column(&["x", "b"]).expect("there"));
            let rows = table.rows().map(|row| row.and_then(|r| Ok([r.number::<u32>(a)?, r.number(b)?])));
            assert_eq!(rows.collect::<Result<Vec<_>>>().expect("sound"), [[1, 2], [3, 4]], "{text}");
        }
    }

    #[test]
    fn every_fault_has_its_line() {
        for (text, line) in [("a,b\n1,2\n\n\n3\n", 5), ("a,b\r\n1,2\r\n\r\n3,4,5", 4), ("a,b\n\"1\n\",2\n1\n", 4), ("a,b\n1", 2)]
        {
            let table = table(text).expect("a header");
            let error = table.rows().find_map(Result::err).expect("ragged");
            assert!(error.code() == "ragged" && error.line_number() == Some(line), "{text:?}: {error}");
        }
        let table = table("a,b\n\n1,x\n").expect("sound");
        let error = table.rows().next().expect("a row").expect("sound").number::<f64>(1).expect_err("no number");
        assert!(error.line_number() == Some(3) && error.column_name() == Some("b"), "{error}");
    }

    #[test]
    fn headers_that_no_one_can_mean_are_refused() {
        for (text, code) in [
            ("", "empty-file"),
            ("\n\n", "empty-file"),
            (",\n", "empty-file"),
            ("a,b,a\n", "duplicate-column"),
            ("a;b\n1;2", "no-commas"),
            ("a\tb\n", "no-commas"),
        ] {
            assert_eq!(table(text).expect_err(text).code(), code, "{text:?}");
        }
        let table = table("weigth,t,time\n1,2,3\n").expect("sound");
        assert_eq!(table.column(&["t", "time"]).expect_err("two names").code(), "duplicate-column");
        let error = table.column(&["weight"]).expect_err("missing").to_string();
        assert!(error.contains("is it `weigth`"), "{error}");
        assert!(table.only(&["weight", "t", "time"]).expect_err("unknown").to_string().contains("did you mean `weight`"));
    }
}
