//! One sample through the three models, and what all samples together show.

use super::drift::{Drift, differences, first_difference};
use super::{PopulationDrift, SampleRow, SpikesHash};
use crate::deployment::{Deployment, Sample};
use crate::lint::Activity;
use crate::readout;
use crate::spinnaker::{Quantised, Run};

/// A spike as (step, population, neuron).
pub(super) type Spike = (u32, u32, u32);

/// One sample through the three models: spikes in the board's steps, sorted.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Of the trained network.
    float: Vec<Spike>,
    /// Of the lowered network in f64, within the time of the trained one.
    interpreter: Vec<Spike>,
    /// Of the emulator, within that time.
    emulator: Vec<Spike>,
    /// All of the emulator.
    all: Vec<Spike>,
    saturations: u64,
    activity: Activity,
}

impl Trial {
    /// What the models did with a sample: `float` in the board's steps, `interpreter` as its run left them.
    pub fn new(
        d: &Deployment,
        network: &Quantised,
        sample: &Sample,
        mut float: Vec<Spike>,
        interpreter: &[Spike],
        run: &Run,
    ) -> Self {
        float.sort_unstable();
        let all = run.spikes();
        Self {
            float,
            interpreter: trained_time(d, interpreter),
            emulator: trained_time(d, &all),
            all,
            saturations: run.saturations(),
            activity: Activity::of(d, network, sample, run),
        }
    }

    /// The same by the spikes in which the trained network differs from its lowering.
    pub(super) fn from_differences(
        d: &Deployment,
        network: &Quantised,
        sample: &Sample,
        apart: &[Spike],
        interpreter: &[Spike],
        run: &Run,
    ) -> Self {
        let float = differences(&trained_time(d, interpreter), apart);
        Self::new(d, network, sample, float, interpreter, run)
    }

    /// Spikes in which the trained network and its lowering in f64 differ, sorted.
    pub(super) fn differences(&self) -> Vec<Spike> {
        differences(&self.interpreter, &self.float)
    }

    /// Fills in what spikes tell.
    #[must_use]
    pub fn row(&self, d: &Deployment, mut row: SampleRow) -> SampleRow {
        let counts = |spikes: &[Spike]| {
            let mut counts = vec![0u64; d.populations.len()];
            for spike in spikes {
                counts[spike.1 as usize] += 1;
            }
            counts.into_iter().zip(&d.populations).filter(|(_, p)| p.cells.neurons().is_some()).map(|(n, _)| n).collect()
        };
        row.diverges = first_difference(&self.float, &self.emulator);
        (row.spikes_float, row.spikes_emulator) = (counts(&self.float), counts(&self.emulator));
        row.saturations = self.saturations;
        row
    }
}

/// Spikes within the time that the trained network was simulated.
fn trained_time(d: &Deployment, spikes: &[Spike]) -> Vec<Spike> {
    spikes.iter().copied().filter(|s| readout::in_trained_time(d, s.0)).collect()
}

/// What all samples together show; to be added in their order.
#[derive(Debug)]
pub struct Seen {
    /// Indices of the populations of neurons.
    neurons: Vec<u32>,
    drifts: Vec<Drift>,
    hash: SpikesHash,
    /// What the lint asks about.
    pub(super) activity: Activity,
}

impl Seen {
    /// Nothing yet.
    pub fn new(d: &Deployment, network: &Quantised) -> Self {
        let steps = d.steps.saturating_sub(d.lead_in_steps + 1);
        let (mut neurons, mut drifts) = (Vec::new(), Vec::new());
        for (k, population) in (0..).zip(&network.populations) {
            let Some(cells) = &population.cells else { continue };
            let every = cells.derived.iter().map(|neuron| neuron.t_refract.max(0) as u32 + 1).collect();
            drifts.push(Drift::new(&population.label, every, steps, d.dt_ms));
            neurons.push(k);
        }
        Self { neurons, drifts, hash: SpikesHash::default(), activity: Activity::default() }
    }

    /// Adds the next sample.
    pub fn add(&mut self, trial: Trial) {
        for (drift, &p) in self.drifts.iter_mut().zip(&self.neurons) {
            let [a, b, c] = [&trial.float, &trial.interpreter, &trial.emulator].map(|spikes| of_population(spikes, p));
            drift.add(&a, &b, &c);
        }
        self.hash.add(&trial.all);
        let before = std::mem::take(&mut self.activity);
        self.activity = if before.samples == 0 { trial.activity } else { before.merge(trial.activity) };
    }

    /// What became of each population's spikes, and the hash of all that were predicted.
    pub(super) fn finish(self) -> (Vec<PopulationDrift>, String, Activity) {
        let activity = self.activity;
        let finish = |(drift, &p): (&Drift, &u32)| {
            let seen = activity.populations.get(p as usize);
            drift.finish(seen.map_or(0.0, |s| s.max_v), seen.map_or(0.0, |s| s.max_g))
        };
        (self.drifts.iter().zip(&self.neurons).map(finish).collect(), self.hash.finish(), activity)
    }
}

/// Spikes of one population as (neuron, step), sorted.
fn of_population(spikes: &[Spike], population: u32) -> Vec<(u32, u32)> {
    let mut own: Vec<_> = spikes.iter().filter(|s| s.1 == population).map(|&(step, _, neuron)| (neuron, step)).collect();
    own.sort_unstable();
    own
}
