//! What an emulated network answers.

use super::fixed;
use super::recording::Run;
use crate::deployment::Deployment;
use crate::readout::{self, Answer, Rows};

impl Run {
    /// Recorded spikes of all populations as (step, population, neuron), sorted.
    pub fn spikes(&self) -> Vec<(u32, u32, u32)> {
        let populations = self.populations.iter().enumerate();
        let mut all: Vec<_> =
            populations.flat_map(|(p, run)| run.spikes.iter().map(move |&(step, neuron)| (step, p as u32, neuron))).collect();
        all.sort_unstable();
        all
    }

    /// Recorded potentials in mV by population: rows of steps.
    pub fn potentials(&self) -> Vec<Vec<f64>> {
        self.populations.iter().map(|p| p.v.iter().map(|&raw| fixed::value(raw)).collect()).collect()
    }
}

/// The answer in a run; none if the deployment has no readout.
pub fn answer(deployment: &Deployment, run: &Run) -> Option<Answer> {
    Some(readout::decide(deployment.decision, &readout_rows(deployment, run)?))
}

/// Rows of the readout; none if the deployment has none.
pub fn readout_rows(deployment: &Deployment, run: &Run) -> Option<Rows> {
    readout::rows(deployment, &run.spikes(), &run.potentials())
}
