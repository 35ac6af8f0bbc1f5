//! Tables of an `SQLite` database, read whole: enough for a report, nothing is written.
//!
//! File format: pages of equal size; a table is a tree of pages (interior 0x05, leaf 0x0d); a leaf's cell holds a record of typed columns,
//! the end of a long one on a chain of overflow pages. <https://www.sqlite.org/fileformat.html>

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};

/// First bytes of every database.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Bytes before the first page's own header.
const FILE_HEADER: usize = 100;
/// Levels of a tree beyond which it is taken for a circle.
const DEEPEST: usize = 32;

/// A database in memory.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    bytes: Vec<u8>,
    page: usize,
    /// Bytes of a page that hold content.
    usable: usize,
}

/// One column of one row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Real,
    Text(String),
    Blob(Vec<u8>),
}

impl Cell {
    pub(super) fn integer(&self) -> Option<i64> {
        if let Self::Integer(value) = self { Some(*value) } else { None }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl Database {
    /// Reads a file.
    ///
    /// # Errors
    /// Bad data if it is no database or one whose last changes lie in a write-ahead log.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| UserError::cannot_read(path, &e))?;
        Self::of(path.to_path_buf(), bytes)
    }

    fn of(path: PathBuf, bytes: Vec<u8>) -> Result<Self> {
        let header = bytes.get(..FILE_HEADER).filter(|h| h.starts_with(MAGIC));
        let Some(header) = header else {
            return Err(UserError::bad_data("bad-database", "is no SQLite database").file(path));
        };
        let page = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            size => usize::from(size),
        };
        let usable = page.saturating_sub(header[20].into());
        if !page.is_power_of_two() || page < 512 || usable < 480 {
            return Err(UserError::bad_data("bad-database", "has an impossible page size").file(path).found(page.to_string()));
        }
        if header[19] != 1 {
            return Err(UserError::bad_data("write-ahead-log", "may have its last changes in a log beside it")
                .file(path)
                .mend("run `PRAGMA journal_mode = DELETE` on it"));
        }
        if header[59] > 1 {
            return Err(UserError::bad_data("bad-database", "is not in UTF-8").file(path));
        }
        Ok(Self { path, bytes, page, usable })
    }

    /// The rows of a table, each with the named columns in this order.
    ///
    /// # Errors
    /// Bad data if the table or a column is not there, or the file is damaged.
    pub(super) fn table(&self, name: &str, columns: &[&str]) -> Result<Vec<Vec<Cell>>> {
        let missing = |what: String| UserError::bad_data("missing-table", what).file(&self.path);
        // Columns of the first table: type, name, table, first page, SQL.
        let schema = self.rows(1)?;
        let entry = schema
            .iter()
            .find(|row| row.first().and_then(Cell::text) == Some("table") && row.get(1).and_then(Cell::text) == Some(name));
        let entry = entry.ok_or_else(|| missing(format!("has no table `{name}`")))?;
        let (root, sql) = (entry.get(3).and_then(Cell::integer), entry.get(4).and_then(Cell::text));
        let (Some(root), Some(sql)) = (root.and_then(|r| usize::try_from(r).ok()), sql) else { return Err(self.damaged()) };
        let names = column_names(sql);
        let place = |column: &&str| {
            let place = names.iter().position(|n| n.eq_ignore_ascii_case(column));
            place.ok_or_else(|| missing(format!("has no column `{column}` in table `{name}`")))
        };
        let places = columns.iter().map(place).collect::<Result<Vec<_>>>()?;
        let rows = self.rows(root)?.into_iter();
        // Columns that were added later are not in older rows.
        Ok(rows.map(|row| places.iter().map(|p| row.get(*p).cloned().unwrap_or(Cell::Null)).collect()).collect())
    }

    fn damaged(&self) -> UserError {
        UserError::bad_data("bad-database", "is damaged").file(&self.path).mend("make the report again")
    }

    fn rows(&self, root: usize) -> Result<Vec<Vec<Cell>>> {
        let mut rows = Vec::new();
        // No page is part of a tree twice.
        let mut left = self.bytes.len() / self.page;
        self.walk(root, DEEPEST, &mut left, &mut rows).ok_or_else(|| self.damaged())?;
        Ok(rows)
    }

    /// Page `number`, counted from 1, and where its header begins.
    fn page(&self, number: usize) -> Option<(&[u8], usize)> {
        let start = number.checked_sub(1)?.checked_mul(self.page)?;
        let page = self.bytes.get(start..start.checked_add(self.page)?)?;
        Some((page, if number == 1 { FILE_HEADER } else { 0 }))
    }

    fn walk(&self, number: usize, depth: usize, left: &mut usize, rows: &mut Vec<Vec<Cell>>) -> Option<()> {
        *left = left.checked_sub(1)?;
        let depth = depth.checked_sub(1)?;
        let (page, at) = self.page(number)?;
        let cells = usize::from(be16(page, at + 3)?);
        let interior = *page.get(at)? == 0x05;
        if !interior && page[at] != 0x0d {
            return None;
        }
        let pointers = at + if interior { 12 } else { 8 };
        for k in 0..cells {
            let cell = usize::from(be16(page, pointers + 2 * k)?);
            if interior {
                self.walk(be32(page, cell)? as usize, depth, left, rows)?;
            } else {
                rows.push(record(&self.payload(page.get(cell..)?)?)?);
            }
        }
        if interior {
            self.walk(be32(page, at + 8)? as usize, depth, left, rows)?;
        }
        Some(())
    }

    /// The record of a leaf's cell, with what overflows.
    fn payload(&self, cell: &[u8]) -> Option<Vec<u8>> {
        let mut at = 0;
        let length = usize::try_from(varint(cell, &mut at)?).ok()?;
        varint(cell, &mut at)?;
        let usable = self.usable;
        let local = if length <= usable - 35 {
            length
        } else {
            let least = (usable - 12) * 32 / 255 - 23;
            let fitting = least + (length - least) % (usable - 4);
            if fitting <= usable - 35 { fitting } else { least }
        };
        let mut payload = cell.get(at..at.checked_add(local)?)?.to_vec();
        if length > self.bytes.len() {
            return None;
        }
        let mut next = if length > local { be32(cell, at + local)? as usize } else { 0 };
        while payload.len() < length {
            let (page, _) = self.page(next)?;
            let part = (length - payload.len()).min(usable - 4);
            payload.extend(page.get(4..4 + part)?);
            next = be32(page, 0)? as usize;
        }
        Some(payload)
    }
}

/// Names of the columns in `CREATE TABLE name(...)`.
fn column_names(sql: &str) -> Vec<String> {
    let inner = sql.find('(').map_or("", |at| &sql[at + 1..]);
    let (mut depth, mut parts, mut part) = (0, Vec::new(), String::new());
    for c in inner.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => break,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    let word = |part: &String| part.split_whitespace().next().map(|w| w.trim_matches(['"', '`', '[', ']']).to_string());
    let constraint =
        |w: &String| ["PRIMARY", "FOREIGN", "UNIQUE", "CHECK", "CONSTRAINT"].iter().any(|c| w.eq_ignore_ascii_case(c));
    parts.iter().filter_map(word).filter(|w| !constraint(w)).collect()
}

/// Columns of a record: their types first, then their values.
fn record(payload: &[u8]) -> Option<Vec<Cell>> {
    let mut at = 0;
    let header = usize::try_from(varint(payload, &mut at)?).ok()?;
    let mut value = header;
    let mut cells = Vec::new();
    while at < header {
        let kind = varint(payload, &mut at)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            12.. => (kind - 12) / 2,
            _ => return None,
        };
        let end = value.checked_add(usize::try_from(length).ok()?)?;
        let bytes = payload.get(value..end)?;
        value = end;
        cells.push(match kind {
            0 => Cell::Null,
            7 => Cell::Real,
            8 => Cell::Integer(0),
            9 => Cell::Integer(1),
            1..=6 => {
                let sign = i64::from(bytes[0].cast_signed() >> 7);
                Cell::Integer(bytes.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte)))
            }
            _ if kind % 2 == 0 => Cell::Blob(bytes.to_vec()),
            _ => Cell::Text(String::from_utf8(bytes.to_vec()).ok()?),
        });
    }
    Some(cells)
}

/// A number of one to nine bytes, seven bits in each but the ninth.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for k in 0..9 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if k == 8 {
            return Some(value << 8 | u64::from(byte));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_be_bytes(*b))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_without_their_types_and_constraints() {
        let sql = "CREATE TABLE region(\n  region_num INTEGER NOT NULL,\n  \"x\" INTEGER DEFAULT (1, 2),\n content BLOB,\n PRIMARY KEY (x, y))";
        assert_eq!(column_names(sql), ["region_num", "x", "content"]);
    }

    #[test]
    fn whole_numbers_have_one_to_nine_bytes() {
        let read = |bytes: &[u8]| varint(bytes, &mut 0);
        assert_eq!((read(&[0x7f]), read(&[0x81, 0]), read(&[0x80])), (Some(127), Some(128), None));
        assert_eq!(read(&[0xff; 9]), Some(u64::MAX));
    }

    #[test]
    fn records_hold_signed_numbers_texts_and_blobs() {
        let found = record(&[8, 0, 1, 2, 8, 9, 15, 16, 0xff, 0x80, 0, b'a', 1, 2]).expect("whole");
        let text = Cell::Text("a".into());
        let blob = Cell::Blob(vec![1, 2]);
        let number = Cell::Integer;
        assert_eq!(found, [Cell::Null, number(-1), number(-32_768), number(0), number(1), text, blob]);
        assert_eq!(record(&[3, 1, 2, 0]), None, "cut short");
    }

    #[test]
    fn noise_is_no_database_and_never_a_panic() {
        for length in [0, 50, 100, 512, 4096] {
            assert!(Database::of("x".into(), vec![7; length]).is_err());
        }
        let mut bytes = vec![0; 1024];
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..18].copy_from_slice(&512u16.to_be_bytes());
        bytes[19] = 1;
        for kind in 0..=255 {
            bytes[100] = kind;
            bytes[103..].fill(kind);
            let database = Database::of("x".into(), bytes.clone()).expect("a sound header");
            assert!(database.table("region", &["x"]).is_err());
        }
    }
}
