//! What a network is expected to do, sample by sample.

use crate::deployment::{Deployment, Variable};
use crate::interpreter::{Interpreter, Peak};
use crate::readout::{self, Answer, Place, Rows};

/// What made the predictions.
pub(super) const BY: &str = "f64 interpreter: the network before rounding to the board's numbers";

/// What one sample is expected to leave.
pub(super) struct Prediction {
    /// Spikes of recorded populations as (step, population, neuron), sorted.
    pub(super) spikes: Vec<(u32, u32, u32)>,
    /// The readout and its answer, if the network has one that is recorded.
    pub(super) readout: Option<(Rows, Answer)>,
}

/// Runs all samples; also returns the largest magnitudes of each population.
pub(super) fn predict(d: &Deployment) -> (Vec<Prediction>, Vec<Peak>) {
    let interpreter = Interpreter::new(d);
    let mut peaks = vec![Peak::default(); d.populations.len()];
    let samples = d.samples.iter().map(|sample| {
        let outcome = interpreter.run(sample);
        peaks = peaks.iter().zip(&outcome.peaks).map(|(a, b)| a.max(*b)).collect();
        let rows = match readout::place(d) {
            Some(Place::Host(host)) => Some(readout::on_host(d, host, &outcome.spikes)),
            Some(Place::Device(p)) => Some(&outcome.v[p as usize]).filter(|v| !v.is_empty()).map(|v| readout::on_device(d, p, v)),
            None => None,
        };
        let recorded = |p: u32| d.populations[p as usize].record.contains(&Variable::Spikes);
        let readout = rows.map(|rows| {
            let answer = readout::decide(d.decision, &rows);
            (rows, answer)
        });
        Prediction { spikes: outcome.spikes.into_iter().filter(|s| recorded(s.1)).collect(), readout }
    });
    (samples.collect(), peaks)
}
