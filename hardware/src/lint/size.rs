//! Rows and lists that are too long: E9, W10.

use super::Finding;
use super::tally::{self, Tally};
use crate::deployment::{Deployment, Projection};
use crate::spinnaker::board::{LONGEST_ROW as ROW, NEURONS_PER_CORE as PER_CORE};

/// Synapses of a list that take long to load.
const MANY: usize = 1_000_000;

/// Findings E9 and W10.
pub(super) fn size(deployment: &Deployment) -> Vec<Finding> {
    let rows = deployment.projections.iter().filter_map(|p| long_rows(deployment, p));
    rows.chain(deployment.projections.iter().filter_map(|p| long_list(deployment, p))).collect()
}

/// E9: a row holds the synapses of one sender on one core, 256 at most.
fn long_rows(deployment: &Deployment, projection: &Projection) -> Option<Finding> {
    let senders = deployment.populations.get(projection.pre as usize)?.ids.len();
    let mut all = vec![0u32; senders];
    for s in &projection.synapses {
        if let Some(n) = all.get_mut(s.pre as usize) {
            *n += 1;
        }
    }
    // Only senders with more than a row in all can have one that is too long.
    let suspect = |pre: u32| all.get(pre as usize).is_some_and(|&n| n > ROW);
    let mut rows: Vec<(u32, u32)> =
        projection.synapses.iter().filter(|s| suspect(s.pre)).map(|s| (s.pre, s.post / PER_CORE)).collect();
    rows.sort_unstable();
    let mut tally = Tally::default();
    for row in rows.chunk_by(|a, b| a == b).filter(|row| row.len() > ROW as usize) {
        tally.add(row.len() as f64, (row[0], row.len()));
    }
    let ((pre, slice), length) = tally.worst()?;
    let sender = deployment.populations.get(projection.pre as usize)?;
    let text = format!(
        "{length} synapses of neuron {} on the core of neurons {} to {}; a row holds {ROW}",
        tally::neuron(sender, pre as usize),
        slice * PER_CORE,
        slice * PER_CORE + PER_CORE - 1
    );
    let mend = "sum synapses that agree in sender, receiver and delay, or split the receiving population into smaller ones";
    Some(Finding::new("E9", deployment.place(projection), tally.count, text, mend))
}

/// W10: long lists take long to load.
fn long_list(deployment: &Deployment, projection: &Projection) -> Option<Finding> {
    let n = projection.synapses.len();
    if n <= MANY {
        return None;
    }
    let size = |p: u32| deployment.populations.get(p as usize).map_or(1, |p| p.ids.len().max(1)) as f64;
    let density = n as f64 / (size(projection.pre) * size(projection.post));
    let text =
        format!("{n} synapses from a list, {} of all pairs; a list of 25 million did not load in 490 s", tally::percent(density));
    let mend = "prune small weights, or read out on the host";
    Some(Finding::new("W10", deployment.place(projection), n as u64, text, mend))
}
