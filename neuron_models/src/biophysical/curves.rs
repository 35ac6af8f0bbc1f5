//! Tables of a model that need many short simulations: f-I curve, postsynaptic potentials, input resistance.
//!
//! Cells run eight at a time with different inputs, batches on all threads; the bits are those of cells that run alone.
//!
//! | module | owns |
//! |---|---|
//! | here | batches of trials |
//! | [`fi`] | spikes by current |
//! | [`response`] | what a synapse or a current does to the potential |

pub mod fi;
pub mod response;

use std::ops::Range;

use kenyon_base::{Progress, Result, UserError};
use rayon::prelude::*;

use super::protocol::whole_steps_ms;
use super::solver::{Settings, time_step};

pub use fi::{FiRow, FiSpec, fi_curve};
pub use response::{
    Baseline, EpspRow, EpspSpec, ResistanceRow, ResistanceSpec, Site, epsp_table, input_resistance, spread_sites,
};

/// Cells of a batch.
const LANES: usize = 8;
/// Steps of a trial at most.
const MOST_STEPS: f64 = 1e10;
/// Samples that are held at a time at most, in all lanes of all threads: 2 GiB.
const MOST_SAMPLES: f64 = (1_u64 << 28) as f64;
/// Below this number of trials a batch is not worth its empty lanes.
const WORTH_A_BATCH: usize = 3;

/// Trials in batches, results in their order: `work` is given the trials and the number of lanes for them.
fn in_batches<T: Send>(
    trials: usize,
    progress: &dyn Progress,
    work: impl Fn(Range<usize>, usize) -> Result<Vec<T>> + Sync,
) -> Result<Vec<T>> {
    let mut batches: Vec<(Range<usize>, usize)> = Vec::new();
    for first in (0..trials).step_by(LANES) {
        let last = (first + LANES).min(trials);
        if last - first < WORTH_A_BATCH {
            batches.extend((first..last).map(|k| (k..k + 1, 1)));
        } else {
            batches.push((first..last, LANES));
        }
    }
    let results: Result<Vec<Vec<T>>> = batches
        .into_par_iter()
        .map(|(range, lanes)| {
            let count = range.len() as u64;
            let rows = work(range, lanes)?;
            progress.advance(count);
            Ok(rows)
        })
        .collect();
    Ok(results?.into_iter().flatten().collect())
}

/// Steps that a time is.
fn steps(duration_ms: f64, dt_ms: f64) -> Result<u64> {
    let count = (duration_ms / time_step(dt_ms)?).round();
    if count > MOST_STEPS {
        return Err(UserError::usage("limit", "this takes too many steps")
            .found(format!("{count:e} steps of {dt_ms} ms"))
            .expected(format!("at most {MOST_STEPS:e}"))
            .mend("shorten the simulation, or take a longer time step"));
    }
    Ok(count.max(0.0) as u64)
}

/// Refuses a time that is no whole number of steps, as a protocol does.
fn whole(name: &str, time_ms: f64, dt_ms: f64) -> Result<()> {
    let dt_ms = time_step(dt_ms)?;
    let count = (time_ms / dt_ms).round().max(1.0);
    // Of very many steps the product itself is not known to a millionth of one.
    if (count * dt_ms - time_ms).abs() <= 1e-6 * dt_ms + 4.0 * f64::EPSILON * time_ms {
        return Ok(());
    }
    Err(UserError::usage("not-whole", format!("the {name} is no whole number of steps"))
        .found(format!("{time_ms} ms in steps of {dt_ms} ms"))
        .mend(format!("choose {} ms", whole_steps_ms(count, dt_ms))))
}

/// Refuses simulations that would hold more samples than memory has room for: one of `traces` potentials in each step.
fn room(steps: u64, traces: usize) -> Result<()> {
    let samples = (steps + 1) as f64 * traces as f64;
    if samples <= MOST_SAMPLES {
        return Ok(());
    }
    Err(UserError::usage("limit", "this would hold too many samples")
        .found(format!("{samples:e} samples"))
        .expected(format!("at most {MOST_SAMPLES:e}"))
        .mend("shorten the simulation, take a longer time step, or ask for fewer at a time"))
}

/// Settings with a step and nothing else out of the ordinary.
fn settings(dt_ms: f64) -> Settings {
    Settings { dt_ms, ..Settings::default() }
}
