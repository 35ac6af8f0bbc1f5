//! Tables of a model that need many short simulations: f-I curve, postsynaptic potentials, input resistance.
//!
//! Cells run eight at a time with different inputs, batches on all threads; the bits are those of cells that run alone.
//!
//! | module | owns |
//! |---|---|
//! | here | batches of trials |
//! | [`fi`] | spikes by current |
//! | [`response`] | what a synapse or a current does, against the same cell without it |

pub mod fi;
pub mod response;

use std::ops::Range;

use kenyon_base::{Progress, Result};
use rayon::prelude::*;

use super::model::Model;
use super::protocol::run::name_place;
use super::solver::{Cells, Observer, Settings};

pub use fi::{FiRow, FiSpec, fi_curve};
pub use response::{EpspRow, EpspSpec, ResistanceRow, ResistanceSpec, Site, epsp_table, input_resistance, spread_sites};

/// Cells of a batch.
const LANES: usize = 8;
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

/// Runs cells to the end of `steps`, naming the place if a potential leaves all bounds.
fn run(model: &Model, cells: &mut Cells, steps: u64, observer: &mut impl Observer) -> Result<()> {
    cells.run(steps, observer).map_err(|error| name_place(&model.neuron, cells, error))
}

/// Settings with a step and nothing else out of the ordinary.
fn settings(dt_ms: f64) -> Settings {
    Settings { dt_ms, ..Settings::default() }
}
