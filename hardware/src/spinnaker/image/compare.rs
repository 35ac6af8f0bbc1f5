//! Regions beside reference regions, as the released mapper wrote them.

use kenyon_base::Result;
use serde::Serialize;

use super::keys::Key;
use super::regions::{RegionKind, Rows, regions};
use crate::spinnaker::Quantised;

/// A region of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceRegion {
    /// Index of the population.
    pub population: u32,
    /// First neuron of the core.
    pub first: u32,
    /// Which region.
    pub kind: RegionKind,
    /// Its words.
    pub words: Vec<u32>,
}

impl ReferenceRegion {
    /// The comparison with a region that we cannot make: every word differs.
    pub fn missing(&self, network: &Quantised) -> RegionDifference {
        let label = network.populations.get(self.population as usize).map(|p| p.label.clone());
        RegionDifference {
            population: label.unwrap_or_default(),
            first_neuron: self.first,
            region: self.kind.name(),
            words: self.words.len(),
            different: self.words.len(),
            first: self.words.first().map(|word| (0, Some(*word), None)),
        }
    }
}

/// How one region compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegionDifference {
    /// Name of the population.
    pub population: String,
    /// First neuron of the core.
    pub first_neuron: u32,
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
/// Rows of a population on several cores are compared whatever the order of their synapses; all else word for word.
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
        let core = ours.get(population).and_then(|cores| cores.iter().find(|core| core.first == region.first));
        let words = core.map_or(&[][..], |core| core.regions.words(region.kind));
        let (mut words, mut expected) = (words.to_vec(), region.words.clone());
        // The released mapper sorts the lists of several cores in an order that depends on the machine it runs on.
        if let Some(core) = core.filter(|_| region.kind == RegionKind::SynapticBlocks && ours[population].len() > 1) {
            sort_rows(&mut words, &core.rows);
            sort_rows(&mut expected, &core.rows);
        }
        let length = words.len().max(expected.len());
        let differ = |i: &usize| words.get(*i) != expected.get(*i);
        let first = (0..length).find(differ).map(|i| (i, expected.get(i).copied(), words.get(i).copied()));
        RegionDifference {
            population: network.populations.get(population).map(|p| p.label.clone()).unwrap_or_default(),
            first_neuron: region.first,
            region: region.kind.name(),
            words: region.words.len(),
            different: (0..length).filter(differ).count(),
            first,
        }
    });
    Ok(compared.collect())
}

fn sort_rows(words: &mut [u32], blocks: &[Rows]) {
    for rows in blocks {
        for row in 0..rows.count {
            if let Some(synapses) = words.get_mut(rows.synapses(row)) {
                // The padding stays at the end.
                synapses.sort_unstable_by(|a, b| b.cmp(a));
            }
        }
    }
}
