//! What runs of the emulator come to, for the lint.

use super::activity::{Activity, PopulationActivity};
use crate::deployment::{Deployment, Sample, Variable};
use crate::spinnaker::{PopulationRun, Quantised, QuantisedCells, Run, emulate_batch, fixed};

/// Fewest spikes of a neuron that is said to spike always.
const ALWAYS: usize = 10;

impl Activity {
    /// Emulates all samples of a deployment, on the threads of the current pool. Spikes are watched, whether or not they are recorded.
    pub fn emulated(deployment: &Deployment, network: &Quantised) -> Self {
        let network = &network.watching_spikes();
        let runs =
            emulate_batch(network, &deployment.samples, |i, run| Self::of(deployment, network, &deployment.samples[i], run));
        runs.into_iter().reduce(Self::merge).unwrap_or_default()
    }

    /// What one run saw. Silent and restless neurons, and spikes that arrive, are told of populations that record their spikes: let the
    /// network be one that [watches](Quantised::watching_spikes) them all.
    pub fn of(deployment: &Deployment, network: &Quantised, sample: &Sample, run: &Run) -> Self {
        let arriving = arriving(deployment, sample, run);
        let populations = run.populations.iter().zip(&network.populations).zip(arriving).map(|((run, population), arriving)| {
            let Some(cells) = &population.cells else { return PopulationActivity::default() };
            let mut seen = PopulationActivity {
                spikes: run.spike_count,
                saturations: run.saturations,
                worst_slot: run.largest_slot.map(u64::from),
                max_v: f64::from(run.largest.v) / fixed::ONE,
                // Conductances are kept in 1/1024 uS.
                max_g: f64::from(run.largest.g) / fixed::ONE / cells.weight_scale(),
                max_i: f64::from(run.largest.i) / fixed::ONE,
                wraps: run.wraps,
                max_arriving: arriving,
                ..PopulationActivity::default()
            };
            if population.record.contains(&Variable::Spikes) {
                (seen.silent, seen.always_on) = silent_and_restless(cells, network.steps, run);
            }
            seen
        });
        Self { samples: 1, populations: populations.collect() }
    }

    /// Both together.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.samples += other.samples;
        for (a, b) in self.populations.iter_mut().zip(other.populations) {
            a.spikes += b.spikes;
            a.saturations += b.saturations;
            a.wraps += b.wraps;
            for receptor in 0..2 {
                a.worst_slot[receptor] = a.worst_slot[receptor].max(b.worst_slot[receptor]);
            }
            (a.max_v, a.max_g, a.max_i) = (a.max_v.max(b.max_v), a.max_g.max(b.max_g), a.max_i.max(b.max_i));
            a.silent.retain(|i| b.silent.binary_search(i).is_ok());
            a.always_on.extend(b.always_on);
            a.always_on.sort_unstable();
            a.always_on.dedup();
            a.max_arriving = a.max_arriving.max(b.max_arriving);
        }
        self
    }
}

/// Neurons without a spike, and neurons that from their first spike on spiked as often as they could.
fn silent_and_restless(cells: &QuantisedCells, steps: u32, run: &PopulationRun) -> (Vec<u32>, Vec<u32>) {
    // First spike and number of spikes.
    let mut spikes = vec![(0u32, 0usize); cells.derived.len()];
    for &(step, neuron) in &run.spikes {
        let (first, n) = &mut spikes[neuron as usize];
        if *n == 0 {
            *first = step;
        }
        *n += 1;
    }
    let positions = |which: &dyn Fn(usize) -> bool| (0..spikes.len()).filter(|&i| which(i)).map(|i| i as u32).collect();
    let restless = |i: usize| {
        let (first, n) = spikes[i];
        let every = cells.derived[i].t_refract.max(0) as u32 + 1;
        n >= ALWAYS && n as u32 > (steps - 1 - first) / every
    };
    (positions(&|i| spikes[i].1 == 0), positions(&restless))
}

/// Largest number of spikes within a step from all senders of each population, as far as their spikes are recorded.
fn arriving(deployment: &Deployment, sample: &Sample, run: &Run) -> Vec<u64> {
    let steps = deployment.steps as usize;
    let mut per_step: Vec<Vec<u32>> = vec![Vec::new(); deployment.populations.len()];
    let mut count = |population: usize, step: u32| {
        let counts = &mut per_step[population];
        counts.resize(steps, 0);
        if let Some(n) = counts.get_mut(step as usize) {
            *n += 1;
        }
    };
    sample.spikes.iter().for_each(|&(population, _, step)| count(population as usize, step));
    for (population, run) in run.populations.iter().enumerate() {
        run.spikes.iter().for_each(|&(step, _)| count(population, step));
    }
    let of = |post: usize| {
        let mut senders: Vec<u32> = deployment.projections.iter().filter(|p| p.post as usize == post).map(|p| p.pre).collect();
        senders.sort_unstable();
        senders.dedup();
        let lists: Vec<&Vec<u32>> = senders.iter().map(|&s| &per_step[s as usize]).filter(|c| !c.is_empty()).collect();
        (0..steps).map(|t| lists.iter().map(|c| u64::from(c[t])).sum()).max().unwrap_or(0)
    };
    (0..deployment.populations.len()).map(of).collect()
}
