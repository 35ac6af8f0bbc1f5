//! Tables of text: read with the place of every fault, and written with all digits.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicFile, Result, UserError};

/// Largest table, in bytes.
const LIMIT_BYTES: u64 = 2 << 30;

/// A table with a header, as text.
#[derive(Debug, Clone)]
pub struct Table {
    path: PathBuf,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a CSV file.
    ///
    /// # Errors
    /// A file that is not there, is no text or too large; a row that is longer or shorter than the header.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_text(path)?;
        let mut lines = text.lines();
        let Some(first) = lines.next().filter(|line| !line.trim().is_empty()) else {
            return Err(bad(path, "has no header").expected("names of columns in the first line"));
        };
        let split = |line: &str| line.split(',').map(|cell| cell.trim().to_string()).collect::<Vec<_>>();
        let header = split(first);
        if let Some((at, twice)) = header.iter().enumerate().find(|(at, name)| header[..*at].contains(name)) {
            return Err(bad(path, "has two columns of one name").column(twice).found(format!("column {}", at + 1)));
        }
        let mut rows = Vec::new();
        for (index, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let row = split(line);
            if row.len() != header.len() {
                return Err(bad(path, "has a row of another length than its header")
                    .line(index as u64 + 2)
                    .found(format!("{} fields", row.len()))
                    .expected(format!("{} fields", header.len())));
            }
            rows.push(row);
        }
        Ok(Self { path: path.to_path_buf(), header, rows })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether there is a column of this name.
    pub fn has(&self, column: &str) -> bool {
        self.header.iter().any(|name| name == column)
    }

    fn index(&self, column: &str) -> Result<usize> {
        self.header
            .iter()
            .position(|name| name == column)
            .ok_or_else(|| bad(&self.path, "lacks a column").column(column).found(self.header.join(", ")))
    }

    /// The cells of a column.
    ///
    /// # Errors
    /// If there is no such column.
    pub fn text(&self, column: &str) -> Result<Vec<&str>> {
        let at = self.index(column)?;
        Ok(self.rows.iter().map(|row| row[at].as_str()).collect())
    }

    /// A column of finite numbers.
    ///
    /// # Errors
    /// If there is no such column, or a cell is none.
    pub fn numbers(&self, column: &str) -> Result<Vec<f64>> {
        self.parse(column, finite)
    }

    /// A column of finite numbers and empty cells.
    ///
    /// # Errors
    /// If there is no such column, or a cell is neither.
    pub fn optional(&self, column: &str) -> Result<Vec<Option<f64>>> {
        self.parse(column, |cell| if cell.is_empty() { Some(None) } else { finite(cell).map(Some) })
    }

    fn parse<T>(&self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
        let at = self.index(column)?;
        let cell = |(row, cells): (usize, &Vec<String>)| {
            parse(&cells[at]).ok_or_else(|| {
                bad(&self.path, "holds something that is no finite number").row(row as u64 + 1).column(column).found(&cells[at])
            })
        };
        self.rows.iter().enumerate().map(cell).collect()
    }

    /// Significant digits of the longest number in a column.
    pub fn digits(&self, column: &str) -> usize {
        let Ok(cells) = self.text(column) else { return 0 };
        cells.into_iter().map(significant).max().unwrap_or(0)
    }
}

fn finite(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|x: &f64| x.is_finite())
}

/// Significant digits of a number as it is written.
fn significant(cell: &str) -> usize {
    let mantissa = cell.split(['e', 'E']).next().unwrap_or_default();
    mantissa.chars().filter(char::is_ascii_digit).skip_while(|c| *c == '0').count()
}

/// A file as text.
///
/// # Errors
/// A file that is not there, is too large, or is no text.
pub fn read_text(path: &Path) -> Result<String> {
    let size = std::fs::metadata(path).map_err(|e| UserError::cannot_read(path, &e))?;
    if !size.is_file() || size.len() > LIMIT_BYTES {
        return Err(bad(path, "is no file, or one that is too large").found(format!("{} bytes", size.len())));
    }
    let bytes = std::fs::read(path).map_err(|e| UserError::cannot_read(path, &e))?;
    String::from_utf8(bytes).map_err(|e| bad(path, "is no text").byte(e.utf8_error().valid_up_to() as u64))
}

fn bad(path: &Path, message: &str) -> UserError {
    UserError::bad_data("bad-table", message).file(path).mend("take the file from the reference again")
}

/// A column of our own values.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Words, whole numbers: as they are.
    Text(Vec<String>),
    /// Numbers, written with all digits.
    Numbers(Vec<f64>),
    /// Numbers and empty cells.
    Optional(Vec<Option<f64>>),
}

impl Column {
    /// Whole numbers.
    pub fn whole(values: impl IntoIterator<Item = u64>) -> Self {
        Self::Text(values.into_iter().map(|n| n.to_string()).collect())
    }

    /// The same text in every row.
    pub fn texts<S: ToString>(values: impl IntoIterator<Item = S>) -> Self {
        Self::Text(values.into_iter().map(|s| s.to_string()).collect())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(x) => x.len(),
            Self::Numbers(x) => x.len(),
            Self::Optional(x) => x.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn cell(&self, row: usize, out: &mut String) {
        let written = match self {
            Self::Text(x) => out.write_str(&x[row]),
            Self::Numbers(x) => write!(out, "{:?}", x[row]),
            Self::Optional(x) => x[row].map_or(Ok(()), |x| write!(out, "{x:?}")),
        };
        written.expect("a string takes it");
    }
}

/// Writes columns of one length as CSV.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, columns: &[(&str, &Column)]) -> Result<()> {
    let rows = columns.first().map_or(0, |(_, column)| column.len());
    let mut out = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",");
    out.push('\n');
    for row in 0..rows {
        for (k, (_, column)) in columns.iter().enumerate() {
            if k > 0 {
                out.push(',');
            }
            column.cell(row, &mut out);
        }
        out.push('\n');
    }
    write_bytes(path, out.as_bytes())
}

/// Writes a file and the folders that it lies in.
///
/// # Errors
/// If it cannot be written.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| UserError::cannot_write(folder, &e))?;
    }
    AtomicFile::write(path, bytes)
}

/// Copies a file of the reference to our own values: what describes a case.
///
/// # Errors
/// If it cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    write_bytes(to, &std::fs::read(from).map_err(|e| UserError::cannot_read(from, &e))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number_without_sign_point_and_leading_zeros() {
        for (text, digits) in [("-76.0994816", 9), ("0.00012", 2), ("5e-05", 1), ("-76", 2), ("0", 0), ("1.50e3", 3)] {
            assert_eq!(significant(text), digits, "{text}");
        }
    }

    #[test]
    fn numbers_come_back_with_all_bits() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("deep/table.csv");
        let values = vec![0.1 + 0.2, -1e-300, 12345.0, 1.0 / 3.0];
        let column = Column::Numbers(values.clone());
        let gaps = Column::Optional(vec![None, Some(1.0), None, Some(2.5)]);
        write(&path, &[("x", &column), ("y", &gaps)]).expect("written");
        let table = Table::read(&path).expect("read");
        assert_eq!(table.numbers("x").expect("numbers"), values);
        assert_eq!(table.optional("y").expect("numbers"), [None, Some(1.0), None, Some(2.5)]);
        assert!(table.numbers("y").is_err_and(|e| e.to_string().contains("row 1")));
    }
}
