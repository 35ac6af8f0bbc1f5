//! kenyon's own choice of ring-buffer shifts: from the input that a network really gets.

use kenyon_base::{Result, UserError};
use serde::Serialize;

use super::emulator::emulate_batch;
use super::quantise::{Options, Quantised, Shifts, held, mapper_shifts, quantise};
use super::shift::{self, MAX_SHIFT};
use crate::deployment::{Deployment, Receptor, Sample};

/// Rounds after which a choice that still moves is taken at its larger value.
const ROUNDS: usize = 12;

/// Most samples that are run, spread over those that there are; the factor of two holds for the others.
const SAMPLES: usize = 64;

/// Shifts chosen from measured activity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// Shifts \[exc, inh\] of each population; zeros for spike sources.
    pub shifts: Vec<[u8; 2]>,
    /// Largest sums of one step that were measured, in nA or uS.
    pub largest_sum: Vec<[f64; 2]>,
    /// What one less, the choice, and one more would do, all populations at a time.
    pub alternatives: Vec<Alternative>,
}

/// What a population's shifts do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alternative {
    /// Index of the population.
    pub population: u32,
    /// Shifts \[exc, inh\].
    pub shift: [u8; 2],
    /// Weights that round to 0, \[exc, inh\].
    pub zeroed: [u64; 2],
    /// Clipped additions over all samples.
    pub saturated: u64,
}

/// Emulates the samples and takes the least shifts whose ring buffers hold twice the largest sum of a step.
///
/// Of more than 64 samples, 64 are run. The choice depends on the activity and the activity a little on the choice, so it is repeated until it stays.
///
/// # Errors
/// Bad data if there is no sample, what [`quantise`] refuses, or a shift beyond what a ring buffer holds.
pub fn measured_shifts(deployment: &Deployment, options: &Options, samples: &[Sample]) -> Result<Choice> {
    let choice = wanted_shifts(deployment, options, samples)?;
    for (k, pair) in choice.shifts.iter().enumerate() {
        for receptor in [Receptor::Excitatory, Receptor::Inhibitory] {
            held(deployment, k, receptor, pair[receptor as usize])?;
        }
    }
    Ok(choice)
}

/// The same, also where a ring buffer cannot hold what it is to hold: such shifts are above 15, and a network cannot be run with them.
///
/// # Errors
/// As [`measured_shifts`], but for shifts.
pub fn wanted_shifts(deployment: &Deployment, options: &Options, samples: &[Sample]) -> Result<Choice> {
    if samples.is_empty() {
        return Err(UserError::bad_data("no-samples", "no sample to measure the input of the ring buffers with")
            .mend("add samples to the deployment, or let the mapper's formula choose"));
    }
    let spread: Vec<Sample>;
    let samples = if samples.len() > SAMPLES {
        spread = (0..SAMPLES).map(|k| samples[k * samples.len() / SAMPLES].clone()).collect();
        &spread
    } else {
        samples
    };
    let at = |shifts: &[[u8; 2]]| {
        let most = shifts.iter().map(|pair| pair.map(|p| p.min(MAX_SHIFT))).collect();
        quantise(deployment, &Options { shifts: Shifts::Given(most), ..options.clone() })
    };
    let mut shifts = mapper_shifts(deployment, options)?;
    let mut sums = Vec::new();
    for round in 0..=ROUNDS {
        let network = at(&shifts)?;
        sums = largest_sums(&network, samples);
        let biggest = largest_weights(&network);
        let mut next = shifts.clone();
        for (p, next) in next.iter_mut().enumerate().filter(|(p, _)| network.populations[*p].cells.is_some()) {
            let scale = network.populations[p].cells.as_ref().map_or(1.0, super::QuantisedCells::weight_scale);
            for receptor in 0..2 {
                let chosen = shift::for_measured(sums[p][receptor] * scale, biggest[p][receptor] * scale);
                next[receptor] = if round == ROUNDS { chosen.max(shifts[p][receptor]) } else { chosen };
            }
        }
        if next == shifts {
            break;
        }
        shifts = next;
    }
    let mut alternatives = Vec::new();
    for by in [-1, 0, 1] {
        let moved = |p: u8| (i16::from(p.min(MAX_SHIFT)) + by).clamp(0, i16::from(MAX_SHIFT)) as u8;
        let moved: Vec<[u8; 2]> = shifts.iter().map(|pair| pair.map(moved)).collect();
        let network = at(&moved)?;
        let saturated =
            emulate_batch(&network, samples, |_, run| run.populations.iter().map(|p| p.saturations).collect::<Vec<_>>());
        for (p, population) in network.populations.iter().enumerate() {
            let Some(cells) = &population.cells else { continue };
            let mut zeroed = [0; 2];
            for projection in network.projections.iter().filter(|q| q.post as usize == p) {
                zeroed[projection.receptor as usize] += projection.statistics.zeroed;
            }
            let saturated = saturated.iter().map(|run| run[p]).sum();
            alternatives.push(Alternative { population: p as u32, shift: cells.shift, zeroed, saturated });
        }
    }
    alternatives.sort_by_key(|a| a.population);
    Ok(Choice { shifts, largest_sum: sums, alternatives })
}

/// Largest sum of one step by population and receptor, in nA or uS.
fn largest_sums(network: &Quantised, samples: &[Sample]) -> Vec<[f64; 2]> {
    let slots = emulate_batch(network, samples, |_, run| run.populations.iter().map(|p| p.largest_slot).collect::<Vec<_>>());
    let populations = network.populations.iter().enumerate();
    let sums = populations.map(|(p, population)| {
        let Some(cells) = &population.cells else { return [0.0; 2] };
        [0, 1].map(|receptor| {
            let raw = slots.iter().map(|run| run[p][receptor]).max().unwrap_or(0);
            f64::from(raw) * f64::from(i32::from(cells.shift[receptor]) - 15).exp2() / cells.weight_scale()
        })
    });
    sums.collect()
}

/// Largest weight by population and receptor, in nA or uS.
fn largest_weights(network: &Quantised) -> Vec<[f64; 2]> {
    let mut largest = vec![[0f64; 2]; network.populations.len()];
    for projection in &network.projections {
        let largest = &mut largest[projection.post as usize][usize::from(projection.receptor == Receptor::Inhibitory)];
        *largest = largest.max(projection.statistics.largest);
    }
    largest
}
