//! Regions beside reference regions, as the released mapper wrote them.

use kenyon_base::Result;
use serde::Serialize;

use super::keys::Key;
use super::regions::{RegionKind, regions};
use crate::spinnaker::Quantised;

/// A region of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceRegion {
    /// Index of the population.
    pub population: u32,
    /// Which region.
    pub kind: RegionKind,
    /// Its words.
    pub words: Vec<u32>,
}

/// How one region compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegionDifference {
    /// Name of the population.
    pub population: String,
    /// Name of the region.
    pub region: &'static str,
    /// Words of the reference.
    pub words: usize,
    /// How many of them we write otherwise, or not at all, or beyond its end.
    pub different: usize,
    /// The first such word, the reference's and ours.
    pub first: Option<(usize, Option<u32>, Option<u32>)>,
}

/// Our regions beside the reference's, region by region, equal ones included. `keys` are the reference's own.
///
/// # Errors
/// As [`regions`].
pub fn compare_regions(
    network: &Quantised,
    keys: &[Option<Key>],
    reference: &[ReferenceRegion],
) -> Result<Vec<RegionDifference>> {
    let ours = regions(network, keys)?;
    let compared = reference.iter().map(|region| {
        let population = region.population as usize;
        let words = ours.get(population).and_then(Option::as_ref).map_or(&[][..], |r| r.words(region.kind));
        let length = words.len().max(region.words.len());
        let differ = |i: &usize| words.get(*i) != region.words.get(*i);
        let first = (0..length).find(differ).map(|i| (i, region.words.get(i).copied(), words.get(i).copied()));
        RegionDifference {
            population: network.populations.get(population).map(|p| p.label.clone()).unwrap_or_default(),
            region: region.kind.name(),
            words: region.words.len(),
            different: (0..length).filter(differ).count(),
            first,
        }
    });
    Ok(compared.collect())
}
