//! The reference data: where it lies, and its tables.
#![allow(dead_code, reason = "no test program uses everything")]

use std::path::PathBuf;

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

/// A table of numbers.
pub(crate) struct Table {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
}

impl Table {
    /// The CSV file `name` of the channels' folder.
    pub(crate) fn read(name: &str) -> Option<Self> {
        let text = std::fs::read_to_string(folder()?.join(name)).expect("a readable table");
        let mut lines = text.lines();
        let names: Vec<String> = lines.next().expect("a header").split(',').map(str::to_owned).collect();
        let mut columns = vec![Vec::new(); names.len()];
        for line in lines {
            for (column, cell) in columns.iter_mut().zip(line.split(',')) {
                column.push(cell.parse().expect("a number"));
            }
        }
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
