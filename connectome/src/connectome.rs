//! The graph of neurons, as it lies in memory between import and pack.

use std::collections::BTreeMap;

use kenyon_base::Provenance;

use crate::Categorical;
use crate::query::ManyCategorical;

/// A connectome: neurons in ascending order of root id, pairs in ascending order of (pre, post).
#[derive(Debug, Clone, Default)]
pub struct Connectome {
    /// Root ids, ascending; a neuron's index is its position here.
    pub root_ids: Vec<u64>,
    /// Attributes by pack name (`type`, `class`, `side`, `nt`, …), each with one row per neuron.
    pub attributes: BTreeMap<String, Categorical>,
    /// Receptor labels per neuron, if a receptor map was given.
    pub receptors: Option<ManyCategorical>,
    /// Keyword lists by name; ids need not be neurons of the connectome.
    pub lists: BTreeMap<String, Vec<u64>>,
    /// Connected pairs.
    pub pairs: Pairs,
    /// The rows that the pairs sum, in the same order.
    pub rows: Rows,
    /// Neuropil names by code; code 0 is blank.
    pub neuropils: Vec<String>,
    /// Names of the connection tables, in order of precedence.
    pub tables: Vec<String>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// Connected pairs of neurons, sorted by (pre, post), each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    /// Index of the presynaptic neuron.
    pub pre: Vec<u32>,
    /// Index of the postsynaptic neuron.
    pub post: Vec<u32>,
    /// Synapses, summed over the pair's rows.
    pub syn_count: Vec<u32>,
    /// Number of rows that the pair sums.
    pub row_count: Vec<u16>,
}

impl Pairs {
    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.pre.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pre.is_empty()
    }

    /// Synapses in total.
    pub fn synapses(&self) -> u64 {
        self.syn_count.iter().map(|&n| u64::from(n)).sum()
    }
}

/// Rows (pre, post, neuropil), in the order of their pairs and then of the neuropil's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Synapses.
    pub syn_count: Vec<u32>,
    /// Code of the neuropil.
    pub neuropil: Vec<u16>,
    /// Transmitter predicted for the row, as [`Nt`](crate::codex::Nt) code.
    pub nt: Vec<u8>,
    /// Index of the connection table it comes from; empty if there is only one.
    pub table: Vec<u8>,
}
