//! The shifts that the options choose, and whether a ring buffer can hold them.

use kenyon_base::{Result, UserError};

use super::{Options, Shifts};
use crate::deployment::{Deployment, Receptor};
use crate::spinnaker::shift::{self, ListStatistics, MAX_SHIFT};

/// Shifts of a population, and the bounds they were chosen from unless they were given.
pub(super) fn choose_shifts(
    deployment: &Deployment,
    options: &Options,
    population: usize,
    scale: f64,
    weights: &[Vec<f64>],
) -> ([u8; 2], Option<[f64; 2]>) {
    let expected = match &options.shifts {
        Shifts::Given(shifts) => return (shifts.get(population).copied().unwrap_or_default(), None),
        Shifts::Expected(expected) => expected.get(population).copied().flatten(),
        Shifts::Mapper => None,
    };
    let bounds = match expected {
        Some(pair) => pair.map(|bound| bound * scale),
        None => [Receptor::Excitatory, Receptor::Inhibitory].map(|receptor| {
            let incoming = deployment.projections.iter().zip(weights);
            let incoming = incoming.filter(|(p, _)| p.post as usize == population && p.receptor == receptor);
            let lists: Vec<ListStatistics> = incoming
                .filter_map(|(p, weights)| {
                    let synapses = p.synapses.iter().zip(weights).map(|(s, w)| (s.post, *w, f64::from(s.delay())));
                    ListStatistics::of(synapses, deployment.dt_ms)
                })
                .collect();
            shift::mapper_bound(&lists, deployment.dt_ms, scale)
        }),
    };
    (bounds.map(shift::for_bound), Some(bounds))
}

/// Refuses shifts with which a slot leaves 32 bits.
pub(in crate::spinnaker) fn held(deployment: &Deployment, population: usize, receptor: Receptor, shift: u8) -> Result<()> {
    if shift <= MAX_SHIFT {
        return Ok(());
    }
    let key = format!("{}, {}", deployment.populations[population].label, receptor.name());
    Err(UserError::bad_data("shift-too-large", "summed input leaves 32 bits")
        .key(key)
        .found(format!("a ring-buffer shift of {shift}"))
        .expected("at most 15")
        .mend("export with a lower `--weight-scale`, or correct the largest weight into this population"))
}
