//! The reference data: where it lies, and its tables.
#![allow(dead_code, reason = "no test program uses everything")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of the channels' tables, if it is there.
pub(crate) fn folder() -> Option<PathBuf> {
    part("l5pc/channels")
}

/// A folder of the reference data, if it is there.
pub(crate) fn part(name: &str) -> Option<PathBuf> {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let folder = std::env::var_os("KENYON_REFERENCE_DATA").map_or_else(default, PathBuf::from).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no reference data");
    None
}

/// A table of words and numbers: its header and the cells of its rows.
pub(crate) fn rows(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let table = kenyon_base::table::Table::read(path, 1 << 30).expect("a readable table");
    let columns = table.header().len();
    let cells = |row: kenyon_base::table::Row<'_>| (0..columns).map(|k| row.text(k).to_string()).collect();
    let rows = table.rows().map(|row| cells(row.expect("a row as long as the header"))).collect();
    (table.header().to_vec(), rows)
}

/// The same, each row by the names of the columns.
pub(crate) fn named_rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let (header, rows) = rows(path);
    rows.into_iter().map(|row| header.iter().cloned().zip(row).collect()).collect()
}

/// A cell that is a number.
pub(crate) fn number(cell: &str) -> f64 {
    cell.parse().expect("a number")
}

/// A table of numbers.
pub(crate) struct Table {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
}

impl Table {
    /// The CSV file `name` of the channels' folder.
    pub(crate) fn read(name: &str) -> Option<Self> {
        let (names, rows) = rows(&folder()?.join(name));
        let columns = (0..names.len()).map(|k| rows.iter().map(|row| number(&row[k])).collect()).collect();
        Some(Self { names, columns })
    }

    /// The column called `name`.
    pub(crate) fn column(&self, name: &str) -> &[f64] {
        let at = self.names.iter().position(|n| n == name).unwrap_or_else(|| panic!("no column {name} in {:?}", self.names));
        &self.columns[at]
    }
}

/// The worst `|a - b|`, relative to `|b|` where that exceeds `floor`.
pub(crate) fn worst_relative(a: &[f64], b: &[f64], floor: f64) -> f64 {
    assert_eq!(a.len(), b.len());
    let of = |(a, b): (&f64, &f64)| (a - b).abs() / if b.abs() > floor { b.abs() } else { 1.0 };
    a.iter().zip(b).map(of).fold(0.0, f64::max)
}
