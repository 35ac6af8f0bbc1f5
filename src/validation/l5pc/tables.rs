//! How tables of geometry and of final potentials cut the cell: its number of segments for each section.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kenyon_base::Result;
use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::morphology::{Section, Tree};

use super::stated::outright;
use crate::validation::table::Table;

/// How the cell is cut.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cut {
    /// By the rule, with this largest length, µm.
    Length(f64),
    /// With these numbers of segments, in the order of the sections: no length gives them.
    Counts(Vec<u32>),
}

impl Cut {
    /// The usual length.
    pub(super) const USUAL: Self = Self::Length(Segments::TWINPROP.max_length_um);

    /// Segments of each section.
    pub(super) fn counts(&self, tree: &Tree) -> Vec<u32> {
        match self {
            Self::Counts(counts) => counts.clone(),
            Self::Length(length) => tree.sections().iter().map(|s| by_rule(s, *length)).collect(),
        }
    }

    /// The cut with these numbers of segments: by a length of `first` or of the presets if one gives them, else by any that does.
    pub(super) fn of_counts(tree: &Tree, counts: &[u32], first: Option<f64>) -> Self {
        let presets = Segments::PRESETS.iter().map(|(_, preset)| preset.max_length_um);
        let fits = |length: &f64| Self::Length(*length).counts(tree) == counts;
        first
            .into_iter()
            .chain(presets)
            .chain(shortest(tree, counts))
            .find(fits)
            .map_or(Self::Counts(counts.to_vec()), Self::Length)
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Length(length) => format!("at most {length} µm"),
            Self::Counts(_) => "numbers of their own for each section".into(),
        }
    }
}

fn by_rule(section: &Section, max_length_um: f64) -> u32 {
    section.nseg.unwrap_or_else(|| (1.0 + 2.0 * (section.length_um() / max_length_um).floor()).min(1e6) as u32)
}

/// The length with the fewest decimals among those that may give these numbers.
fn shortest(tree: &Tree, counts: &[u32]) -> Option<f64> {
    let (mut above, mut up_to) = (0.0_f64, f64::INFINITY);
    for (section, nseg) in tree.sections().iter().zip(counts) {
        let (length, parts) = (section.length_um(), f64::from((nseg.max(&1) - 1) / 2));
        above = above.max(length / (parts + 1.0));
        up_to = up_to.min(length / parts);
    }
    let decimal = |digits: i32| {
        let scale = 10_f64.powi(digits);
        Some((up_to * scale).floor() / scale).filter(|length| *length > above)
    };
    if up_to.is_finite() { (0..6).find_map(decimal) } else { None }
}

/// A folder of tables of geometry, and how it cuts the cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Geometry {
    /// Its place, relative to the folder that is validated, or as it is if it lies outside.
    pub(super) place: PathBuf,
    pub(super) cut: Cut,
    pub(super) inside: bool,
}

impl Geometry {
    /// Reads the numbers of segments of a folder of tables; none if they are not those of this cell.
    pub(super) fn read(tree: &Tree, dir: &Path, place: &Path, inside: bool) -> Option<Self> {
        let counts = of_sections(tree, &dir.join("sections.csv")).or_else(|| of_rows(tree, &dir.join("segments.csv")))?;
        let name = place.file_name().and_then(|name| outright(&name.to_string_lossy()));
        Some(Self { place: place.to_path_buf(), cut: Cut::of_counts(tree, &counts, name), inside })
    }

    /// The folder whose runs share it: the one that holds `geometry` or a folder called after a length, else its own.
    pub(super) fn base(&self) -> PathBuf {
        let parts: Vec<_> = self.place.iter().collect();
        let named = parts.last().is_some_and(|name| outright(&name.to_string_lossy()).is_some());
        let end = parts.iter().position(|part| *part == "geometry").unwrap_or(parts.len() - usize::from(named));
        parts[..end].iter().collect()
    }
}

/// Column `nseg` of a table of sections.
fn of_sections(tree: &Tree, path: &Path) -> Option<Vec<u32>> {
    let read = || -> Result<BTreeMap<String, f64>> {
        let table = Table::read(path)?;
        let names = table.text("name")?.into_iter().map(str::to_string);
        Ok(names.zip(table.numbers("nseg")?).collect())
    };
    let counts = read().ok()?;
    tree.sections().iter().map(|s| counts.get(&s.name).filter(|n| **n >= 1.0 && n.fract() == 0.0).map(|n| *n as u32)).collect()
}

/// Rows for each section, in a table with a row for each segment; none if a section has no row.
pub(super) fn of_rows(tree: &Tree, path: &Path) -> Option<Vec<u32>> {
    let table = Table::read(path).ok()?;
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    table.text("section").ok()?.into_iter().for_each(|name| *counts.entry(name).or_default() += 1);
    tree.sections().iter().map(|s| counts.get(s.name.as_str()).copied()).collect()
}

#[cfg(test)]
mod tests {
    use kenyon_neurons::biophysical::morphology::{Attachment, Region, Shape};

    use super::*;

    #[test]
    fn numbers_of_segments_give_the_length_they_were_made_with() {
        let section = |k: usize, length_um| Section {
            name: format!("dend[{k}]"),
            region: Region::Basal,
            parent: (k > 0).then_some(Attachment { section: 0, x: 1.0 }),
            shape: Shape::Cylinder { length_um, diam_um: 1.0 },
            nseg: None,
        };
        let lengths = [24.2, 61.0, 130.5, 333.3, 80.0];
        let sections = lengths.iter().enumerate().map(|(k, length)| section(k, *length)).collect();
        let tree = Tree::new("cell", sections).expect("a tree");
        for length in [40.0, 24.3, 15.0, 20.0, 31.5] {
            let counts = Cut::Length(length).counts(&tree);
            let found = Cut::of_counts(&tree, &counts, None);
            assert!(matches!(found, Cut::Length(_)) && found.counts(&tree) == counts, "{length}: {found:?}");
        }
        assert_eq!(Cut::of_counts(&tree, &[2, 4, 6, 8, 2], None), Cut::Counts(vec![2, 4, 6, 8, 2]));
    }
}
