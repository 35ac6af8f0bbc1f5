//! What an emulation of the samples saw: W2, W3, W9, W11.

use serde::{Deserialize, Serialize};

use super::tally;
use super::{Finding, Severity};
use crate::deployment::{Cells, Deployment, Population, Role};

/// Largest sum that a slot of a ring buffer holds.
const FULL: u64 = 65_535;
/// Half of what s16.15 holds.
const HALF: f64 = 32_768.0;
/// Spikes that a core takes in within a step.
const BUFFER: u64 = 255;
/// Steps of a sample that are looked at.
const LONGEST: u32 = 1 << 20;
/// Share of neurons of a population that may be silent.
const SILENT: f64 = 0.9;

/// What an emulation saw, all samples taken together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// Number of samples.
    pub samples: u64,
    /// One for each population, in the order of the deployment. Those of spike sources are not looked at.
    pub populations: Vec<PopulationActivity>,
}

/// What an emulation saw of one population.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopulationActivity {
    /// Spikes.
    pub spikes: u64,
    /// Additions to ring buffers that were clipped.
    pub saturations: u64,
    /// Largest sum of raw weights of one slot, excitatory and inhibitory; above 65,535 only where clipping was left out.
    pub worst_slot: [u64; 2],
    /// Largest potential (mV) in magnitude.
    pub max_v: f64,
    /// Largest synaptic variable (nA, uS).
    pub max_g: f64,
    /// Largest current (nA) in magnitude.
    pub max_i: f64,
    /// Sums and products that left 32 bits.
    pub wraps: u64,
    /// Neurons that spiked in no sample.
    pub silent: Vec<u32>,
    /// Neurons that spiked, in some sample, in every step that their refractory time allows.
    pub always_on: Vec<u32>,
    /// Largest number of spikes that reached one core within one step.
    pub max_arriving: u64,
}

/// Findings W2, W3, W9 and W11. What reaches a core is told from the input alone where nothing was emulated.
pub(super) fn activity(deployment: &Deployment, activity: Option<&Activity>) -> Vec<Finding> {
    let arriving: Vec<u64> = match activity {
        Some(activity) => activity.populations.iter().map(|p| p.max_arriving).collect(),
        None => arriving_input(deployment),
    };
    let receivers = deployment.populations.iter().zip(arriving).filter(|(p, _)| !matches!(p.cells, Cells::SpikeSource));
    let mut found: Vec<Finding> = receivers.filter_map(|(p, n)| crowded(p, n)).collect();
    let Some(activity) = activity else { return found };
    for (population, seen) in deployment.populations.iter().zip(&activity.populations) {
        if matches!(population.cells, Cells::SpikeSource) {
            continue;
        }
        found.extend(saturated(population, seen));
        found.extend(headroom(population, seen));
        if population.role == Role::Hidden && activity.samples > 0 {
            found.extend(out_of_use(population, seen));
        }
    }
    found
}

/// W2: ring buffers overflow.
fn saturated(population: &Population, seen: &PopulationActivity) -> Option<Finding> {
    let receptor = usize::from(seen.worst_slot[1] > seen.worst_slot[0]);
    let worst = seen.worst_slot[receptor];
    if seen.saturations == 0 && worst <= FULL {
        return None;
    }
    let text = format!(
        "{} additions to ring buffers were clipped; the largest sum was {worst} of {FULL}, {}",
        seen.saturations,
        ["excitatory", "inhibitory"][receptor],
    );
    let mend = "choose a larger shift for this population, which makes small weights coarser: a higher `--max-expected-summed-weight` of it \
                in `lint` and `emulate`";
    Some(Finding::new("W2", &population.label, seen.saturations.max(1), text, mend))
}

/// W3: values come near the ends of s16.15, or go beyond.
fn headroom(population: &Population, seen: &PopulationActivity) -> Vec<Finding> {
    let mut found = Vec::new();
    let mend = "export with a lower `--weight-scale`";
    if seen.wraps > 0 {
        let text = format!("{} sums or products left 32 bits: their values are wrong", seen.wraps);
        found.push(Finding::new("W3", &population.label, seen.wraps, text, mend).severity(Severity::Error));
    }
    if population.role == Role::Readout && seen.spikes > 0 {
        let text = format!("integrators reached their threshold {} times and were reset", seen.spikes);
        found.push(Finding::new("W3", &population.label, seen.spikes, text, mend).severity(Severity::Error));
    }
    let conducts = population.cells.neurons().is_some_and(|n| n.kind.conducts());
    // Conductances are kept in 1/1024 uS, so that their end is nearer.
    let end = |name: &str| if name == "|g|" && conducts { 2.0 * HALF / 1024.0 } else { 2.0 * HALF };
    let large = [("|V|", seen.max_v), ("|g|", seen.max_g), ("|I|", seen.max_i)].map(|(name, v)| (name, v.abs()));
    let near = large.iter().filter(|(name, v)| *v >= end(name) / 2.0 || v.is_nan());
    let near: Vec<String> = near.map(|(name, v)| format!("{name} reached {v:.1} of {}", end(name))).collect();
    if !near.is_empty() {
        let text = format!("{}, where s16.15 ends", near.join(", "));
        found.push(Finding::new("W3", &population.label, near.len() as u64, text, mend));
    }
    found
}

/// W11: neurons that say nothing.
fn out_of_use(population: &Population, seen: &PopulationActivity) -> Vec<Finding> {
    let mut found = Vec::new();
    let names = |list: &[u32]| {
        let some: Vec<String> = list.iter().take(5).map(|&i| tally::neuron(population, i as usize)).collect();
        some.join(", ") + if list.len() > 5 { ", …" } else { "" }
    };
    let (n, silent) = (population.ids.len(), seen.silent.len());
    if silent as f64 > SILENT * n as f64 {
        let text = format!("{silent} of {n} neurons never spiked: {}", names(&seen.silent));
        let mend = "compare with the spikes of the trained network";
        found.push(Finding::new("W11", &population.label, silent as u64, text, mend));
    }
    if !seen.always_on.is_empty() {
        let text = format!("neurons spiked in every step that they could: {}", names(&seen.always_on));
        let mend = "compare with the spikes of the trained network, and check `i_offset` and `v_thresh`";
        found.push(Finding::new("W11", &population.label, seen.always_on.len() as u64, text, mend));
    }
    found
}

/// W9: more spikes within a step than a core can take in.
fn crowded(population: &Population, arriving: u64) -> Option<Finding> {
    if arriving <= BUFFER {
        return None;
    }
    let text =
        format!("up to {arriving} spikes reach a core within one step; its buffer holds {BUFFER}, and the rest may be lost");
    let mend = "spread the input over more steps, or its targets over several populations";
    Some(Finding::new("W9", &population.label, arriving, text, mend))
}

/// Largest number of input spikes within a step that each population can be sent.
fn arriving_input(deployment: &Deployment) -> Vec<u64> {
    let n = deployment.populations.len();
    let mut arriving = vec![0u64; n];
    let mut senders: Vec<Vec<usize>> = vec![Vec::new(); n];
    for projection in &deployment.projections {
        if let Some(list) = senders.get_mut(projection.post as usize)
            && !list.contains(&(projection.pre as usize))
        {
            list.push(projection.pre as usize);
        }
    }
    let mut counts = vec![Vec::new(); n];
    for sample in &deployment.samples {
        let spikes = || sample.spikes.iter().filter(|s| s.2 < deployment.steps.min(LONGEST) && (s.0 as usize) < n);
        let steps = spikes().map(|s| s.2 as usize + 1).max().unwrap_or(0);
        counts.iter_mut().for_each(Vec::clear);
        for &(population, _, step) in spikes() {
            let count: &mut Vec<u32> = &mut counts[population as usize];
            count.resize(steps, 0);
            count[step as usize] += 1;
        }
        for (most, senders) in arriving.iter_mut().zip(&senders) {
            let senders: Vec<&Vec<u32>> = senders.iter().filter_map(|&s| counts.get(s)).filter(|c| !c.is_empty()).collect();
            let at = |step: usize| senders.iter().map(|c| u64::from(c[step])).sum::<u64>();
            *most = (0..steps).map(at).max().unwrap_or(0).max(*most);
        }
    }
    arriving
}
