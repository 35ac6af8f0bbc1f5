//! Attributes of chosen neurons, looked up in the sources a second time.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};

use super::frames::{Frames, column, is_blank};
use crate::codex::{Column, Nt, Side, TableKind, keywords};
use crate::import::ATTRIBUTES;

/// Cells of the pack, and what the sources say about them.
#[derive(Debug, Default)]
pub(super) struct Cells {
    /// Root id and attribute of each cell.
    pub(super) chosen: Vec<(u64, String)>,
    /// What was found first for each.
    pub(super) found: Vec<String>,
    by_id: BTreeMap<u64, Vec<usize>>,
}

impl Cells {
    pub(super) fn push(&mut self, id: u64, attribute: &str) {
        self.by_id.entry(id).or_default().push(self.chosen.len());
        self.chosen.push((id, attribute.to_string()));
        self.found.push(String::new());
    }

    /// Looks through one table; its neurons go to `neurons` if it is one that says which neurons there are.
    pub(super) fn look(&mut self, path: &Path, kind: TableKind, neurons: &mut HashSet<u64>) -> Result<u64> {
        let mut frames = Frames::open(path)?;
        let is_master = matches!(kind, TableKind::Neurons | TableKind::Classification);
        let mut data_rows = 0;
        while let Some(frame) = frames.next()? {
            let ids = column(&frame, Column::RootId).ok_or_else(|| frames.unreadable("column `root_id` is missing"))?;
            let columns: BTreeMap<&str, _> =
                ATTRIBUTES.iter().filter_map(|&(wanted, name)| column(&frame, wanted).map(|texts| (name, texts))).collect();
            for i in 0..frame.height() {
                let text = ids.get(i).unwrap_or_default().trim();
                if text.is_empty() && is_blank(&frame, i) {
                    continue;
                }
                data_rows += 1;
                let id: u64 = text.parse().map_err(|_| frames.unreadable("not a number"))?;
                if is_master {
                    neurons.insert(id);
                }
                for &cell in self.by_id.get(&id).into_iter().flatten() {
                    if !self.found[cell].is_empty() {
                        continue;
                    }
                    let attribute = self.chosen[cell].1.as_str();
                    let text = columns.get(attribute).and_then(|texts| texts.get(i)).unwrap_or_default().trim();
                    self.found[cell] = match attribute {
                        "nt" => Nt::from_field(text.as_bytes()).map_or("", Nt::word).to_string(),
                        "side" => Side::from_text(text).map_or("", Side::word).to_string(),
                        _ => text.to_string(),
                    };
                }
            }
        }
        Ok(data_rows)
    }

    /// Fills sides that no table tells from the keyword lists whose names end in a side.
    pub(super) fn sides_from(&mut self, lists: &[PathBuf]) -> Result<()> {
        let mut sided: Vec<(String, Side, &PathBuf)> = lists
            .iter()
            .filter_map(|path| {
                let name = keywords::list_name(path);
                let side = name.rsplit_once("_side_").and_then(|(_, word)| Side::from_text(word))?;
                Some((name, side, path))
            })
            .collect();
        sided.sort();
        let open: Vec<usize> =
            (0..self.chosen.len()).filter(|&c| self.chosen[c].1 == "side" && self.found[c].is_empty()).collect();
        for (_, side, path) in sided.iter().filter(|_| !open.is_empty()) {
            let ids = numbers(path)?;
            for &cell in &open {
                if self.found[cell].is_empty() && ids.contains(&self.chosen[cell].0) {
                    self.found[cell] = side.word().to_string();
                }
            }
        }
        Ok(())
    }
}

/// Every whole number of a text file.
fn numbers(path: &Path) -> Result<HashSet<u64>> {
    let bytes = std::fs::read(path).map_err(|e| UserError::cannot_read(path, &e))?;
    let mut text = bytes.clone();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        text.clear();
        std::io::Read::read_to_end(&mut flate2::bufread::MultiGzDecoder::new(bytes.as_slice()), &mut text)
            .map_err(|e| UserError::cannot_read(path, &e))?;
    }
    let words = text.split(|b| !b.is_ascii_digit());
    Ok(words.filter_map(|word| std::str::from_utf8(word).ok()?.parse().ok()).collect())
}
