//! From a plan to a stored set.

use std::path::Path;

use kenyon_base::{Progress, Result, UserError};
use kenyon_datasets::simulation::{
    Input, Item, LabelSpec, Labels, Record, SetAbout, SetPlan, SetReport, SetWriter, Shard, SimStore,
};
use kenyon_neurons::biophysical::solver::{Cells, Observer, Settings};
use kenyon_neurons::biophysical::synapse::{Event, EventQueue};
use rayon::prelude::*;

use super::SetNeuron;

/// Cells that run side by side.
const LANES: usize = 8;

/// What was done.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Done {
    /// What was written, or was there.
    pub report: SetReport,
    /// Whether the set was there already: nothing was done.
    pub complete: bool,
    /// Simulations that an earlier run had left.
    pub found: usize,
    /// Simulations of this run.
    pub simulated: usize,
    /// Simulated time of this run, ms, repeated draws included.
    pub simulated_ms: u64,
}

/// Simulates what is missing of a shard and writes its file; what a killed run left is kept, and so is the very set if it is there.
///
/// Every simulation depends on the seed of the set, its part and its index alone, so the file has the same bytes at any number of
/// threads, whoever ran beside whom, and however often it was interrupted.
///
/// # Errors
/// A potential that leaves all bounds, with the simulation it happened in; the other simulations are kept. A failed write.
pub fn generate(
    plan: &SetPlan,
    neuron: &SetNeuron,
    settings: &Settings,
    target: &Path,
    shard: Shard,
    created: &str,
    progress: &dyn Progress,
) -> Result<Done> {
    let about = SetAbout::of(plan, neuron.about(settings), created);
    let items = plan.items(shard);
    // Another set, or no set at all, is replaced in the end.
    if let Some(store) = SimStore::open(target).ok().filter(|store| store.is_of(&about, shard, &items)) {
        return Ok(Done { report: store.report(), complete: true, found: items.len(), simulated: 0, simulated_ms: 0 });
    }
    let writer = SetWriter::start(target, about, shard, items)?;
    let missing = writer.missing();
    let found = plan.items(shard).len() - missing.len();
    progress.stage("simulating", Some(missing.len() as u64));
    let groups: Vec<&[Item]> = missing.chunks(LANES).collect();
    let done: Vec<Result<u64>> =
        groups.par_iter().map(|group| simulate(plan, neuron, settings, &writer, group, progress)).collect();
    let mut simulated_ms = 0;
    for time in done {
        simulated_ms += time?;
    }
    Ok(Done { report: writer.finish(progress)?, complete: false, found, simulated: missing.len(), simulated_ms })
}

/// Simulates a group until each of it has a spike or has been drawn often enough; returns the simulated time in ms.
fn simulate(
    plan: &SetPlan,
    neuron: &SetNeuron,
    settings: &Settings,
    writer: &SetWriter,
    group: &[Item],
    progress: &dyn Progress,
) -> Result<u64> {
    let config = plan.config();
    let mut open: Vec<Item> = group.to_vec();
    let mut simulated_ms = 0;
    for trial in 1..=config.max_trials {
        let inputs: Vec<Input> = open.iter().map(|item| plan.trial(item.part, item.index, trial - 1)).collect();
        let traces = run(neuron, settings, &inputs).map_err(|e| {
            let names: Vec<String> = open.iter().map(|item| format!("{} {}", item.part.name(), item.index)).collect();
            e.mend(format!("it was one of the simulations {}; check the weights and the time step", names.join(", ")))
        })?;
        simulated_ms += open.len() as u64 * u64::from(config.bins());
        let mut silent = Vec::new();
        for ((item, input), trace) in open.iter().zip(inputs).zip(traces) {
            let labels = trace.labels(&config.labels)?;
            if labels.silent(config.initialisation_ms) && trial < config.max_trials {
                silent.push(*item);
                continue;
            }
            let seed = plan.seed(item.part, item.index, trial - 1);
            let mut record = Record::new(writer.about(), *item, seed, trial, input, labels, &trace.branches);
            if let Some(filter) = &config.filter {
                record.apply(filter, writer.about());
            }
            writer.append(&record)?;
            progress.advance(1);
        }
        open = silent;
        if open.is_empty() {
            break;
        }
    }
    Ok(simulated_ms)
}

/// Voltages of one simulation, after the warm-up.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// Of the soma, every step, mV.
    pub soma: Vec<f64>,
    /// Of the segments at whole ms, segment by segment, mV.
    pub branches: Vec<f64>,
    /// Steps in a ms.
    steps_per_ms: usize,
    /// Labelled ms.
    bins: usize,
}

impl Trace {
    fn labels(&self, spec: &LabelSpec) -> Result<Labels> {
        Labels::from_trace(&self.soma, self.steps_per_ms, self.bins, spec)
    }
}

/// Runs a neuron on inputs of the same length side by side.
///
/// # Errors
/// `bad-time-step` unless a ms is a whole number of steps; a potential that leaves all bounds.
pub fn run(neuron: &SetNeuron, settings: &Settings, inputs: &[Input]) -> Result<Vec<Trace>> {
    let steps_per_ms = steps_per_ms(settings.dt_ms)?;
    let Some(first) = inputs.first() else { return Ok(Vec::new()) };
    let (bins, warmup) = (first.bins as usize, first.warmup as usize);
    let lanes = inputs.len().next_multiple_of(LANES);
    let mut cells = Cells::new(&neuron.neuron, lanes, *settings)?;
    cells.set_synapses(&neuron.synapses, true)?;
    for (lane, input) in inputs.iter().enumerate() {
        let events = input.events.iter().map(|e| Event { time_ms: f64::from(e.t), synapse: e.row, weight: e.weight });
        cells.set_events(lane, EventQueue::new(events.collect())?)?;
    }
    let mut watch = Watch::new(neuron, inputs.len(), steps_per_ms, bins - warmup, warmup);
    cells.run((bins * steps_per_ms) as u64, &mut watch)?;
    Ok(watch.traces)
}

/// Steps in a millisecond.
///
/// # Errors
/// `bad-time-step` unless it is a whole number.
pub fn steps_per_ms(dt_ms: f64) -> Result<usize> {
    let steps = (1.0 / dt_ms).round();
    if steps >= 1.0 && (steps * dt_ms - 1.0).abs() < 1e-9 {
        return Ok(steps as usize);
    }
    Err(UserError::usage("bad-time-step", "a millisecond must be a whole number of steps")
        .found(format!("{dt_ms} ms"))
        .expected("1, 0.5, 0.1, 0.05, 0.025, ..."))
}

/// Writes down the soma at every step and the segments at every ms, after the warm-up.
struct Watch<'a> {
    neuron: &'a SetNeuron,
    traces: Vec<Trace>,
    steps_per_ms: usize,
    first: u64,
    bins: usize,
}

impl<'a> Watch<'a> {
    fn new(neuron: &'a SetNeuron, cells: usize, steps_per_ms: usize, bins: usize, warmup: usize) -> Self {
        let trace = Trace {
            soma: Vec::with_capacity(bins * steps_per_ms + 1),
            branches: vec![0.0; neuron.branches.len() * bins],
            steps_per_ms,
            bins,
        };
        Self { neuron, traces: vec![trace; cells], steps_per_ms, first: (warmup * steps_per_ms) as u64, bins }
    }
}

impl Observer for Watch<'_> {
    fn stepped(&mut self, cells: &Cells) -> Result<()> {
        let Some(step) = cells.steps().checked_sub(self.first) else { return Ok(()) };
        let ms = step as usize / self.steps_per_ms;
        let whole = (step as usize).is_multiple_of(self.steps_per_ms) && ms < self.bins;
        for (lane, trace) in self.traces.iter_mut().enumerate() {
            trace.soma.push(cells.v_at(self.neuron.soma, lane));
            if whole {
                for (k, &node) in self.neuron.branches.iter().enumerate() {
                    trace.branches[k * self.bins + ms] = cells.v_at(node, lane);
                }
            }
        }
        Ok(())
    }
}
