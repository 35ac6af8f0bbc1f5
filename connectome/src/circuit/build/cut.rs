//! What closing the subgraph cuts away: a circuit that lost most input of a population says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::circuit::spec::CircuitSpec;

/// Synapses of a population's selected neurons, above the threshold, and how many of them end outside the selection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// Input synapses in the pack.
    pub in_synapses: u64,
    /// Input synapses from neurons outside the selection.
    pub in_lost: u64,
    /// Share of input synapses lost; 0 if there are none.
    pub in_lost_share: f64,
    /// Output synapses in the pack.
    pub out_synapses: u64,
    /// Output synapses onto neurons outside the selection.
    pub out_lost: u64,
    /// Share of output synapses lost; 0 if there are none.
    pub out_lost_share: f64,
}

/// Sums per population while connections are read.
#[derive(Debug)]
pub(super) struct CutSums(pub(super) Vec<Cut>);

impl CutSums {
    pub(super) fn new(populations: usize) -> Self {
        Self(vec![Cut::default(); populations])
    }

    /// Counts a connection above the threshold with at least one end selected.
    pub(super) fn count(&mut self, pre: Option<u32>, post: Option<u32>, synapses: u32) {
        let synapses = u64::from(synapses);
        if let Some(pre) = pre {
            let cut = &mut self.0[pre as usize];
            cut.out_synapses += synapses;
            cut.out_lost += if post.is_none() { synapses } else { 0 };
        }
        if let Some(post) = post {
            let cut = &mut self.0[post as usize];
            cut.in_synapses += synapses;
            cut.in_lost += if pre.is_none() { synapses } else { 0 };
        }
    }
}

/// Cuts by population name, with shares.
pub(super) fn describe(spec: &CircuitSpec, sums: &CutSums) -> BTreeMap<String, Cut> {
    let share = |lost: u64, all: u64| if all == 0 { 0.0 } else { lost as f64 / all as f64 };
    let with_shares = |cut: &Cut| Cut {
        in_lost_share: share(cut.in_lost, cut.in_synapses),
        out_lost_share: share(cut.out_lost, cut.out_synapses),
        ..*cut
    };
    spec.population.iter().map(|p| p.name.clone()).zip(sums.0.iter().map(with_shares)).collect()
}
