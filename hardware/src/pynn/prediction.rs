//! What a board is predicted to do, sample by sample.

use kenyon_base::Result;

use super::Options;
use crate::deployment::{Deployment, Variable};
use crate::readout::{self, Answer, Place, Rows};
use crate::spinnaker::{self, Quantised, Run, Shifts, emulate_batch, measured_shifts, quantise, readout_rows, shift};

/// What made the predictions.
pub(super) const BY: &str = "emulation of a SpiNNaker core with the arithmetic of the sPyNNaker 7.4.1 binaries";

/// What one sample is predicted to leave.
pub(super) struct Prediction {
    /// Spikes of recorded populations as (step, population, neuron), sorted.
    pub(super) spikes: Vec<(u32, u32, u32)>,
    /// The readout and its answer, if the network has one that is recorded.
    pub(super) readout: Option<(Rows, Answer)>,
}

/// Emulates all samples.
pub(super) fn predict(d: &Deployment, board: &Quantised) -> Vec<Prediction> {
    emulate_batch(board, &d.samples, |_, run| of(d, run))
}

fn of(d: &Deployment, run: &Run) -> Prediction {
    let recorded = match readout::place(d) {
        Some(Place::Device(p)) => d.populations[p as usize].record.contains(&Variable::V),
        Some(Place::Host(_)) => true,
        None => false,
    };
    let rows = recorded.then(|| readout_rows(d, run)).flatten();
    let readout = rows.map(|rows| {
        let answer = readout::decide(d.decision, &rows);
        (rows, answer)
    });
    Prediction { spikes: run.spikes(), readout }
}

/// `max_expected_summed_weight` of each population \[excitatory, inhibitory\].
pub(super) type ExpectedSums = Vec<Option<[f64; 2]>>;

/// The network in the board's numbers, with the `max_expected_summed_weight` that makes sPyNNaker choose the same shifts.
///
/// Unless given, shifts follow from what arrives in the samples, or without samples from the released mapper's formula.
pub(super) fn on_board(d: &Deployment, options: &Options) -> Result<(spinnaker::Options, Quantised, ExpectedSums)> {
    let lowered = spinnaker::Options::LOWERED;
    let shifts = match options.max_expected_summed_weight {
        Some(sums) => Shifts::Expected(vec![Some(sums); d.populations.len()]),
        None if d.samples.is_empty() => Shifts::Mapper,
        None => Shifts::Given(measured_shifts(d, &lowered, &d.samples)?.shifts),
    };
    let chosen = spinnaker::Options { shifts, ..lowered };
    let board = quantise(d, &chosen)?;
    let sums = board.populations.iter().map(|population| {
        let cells = population.cells.as_ref()?;
        let own = cells.shift.map(|p| shift::expected_weight(p, cells.weight_scale()));
        Some(options.max_expected_summed_weight.unwrap_or(own))
    });
    let sums = sums.collect();
    Ok((chosen, board, sums))
}
