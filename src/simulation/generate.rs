//! From a plan to a stored set.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use half::f16;
use kenyon_base::{Progress, Result, UserError};
use kenyon_datasets::simulation::{
    Input, Item, LabelSpec, Labels, Manifest, Record, SetAbout, SetPlan, SetReport, SetWriter, Shard, SimStore,
};
use kenyon_neurons::biophysical::solver::{Cells, Observer, Settings};
use kenyon_neurons::biophysical::synapse::{Event, EventQueue};
use rayon::prelude::*;

use super::SetNeuron;

/// Cells that run side by side.
pub const LANES: usize = 8;

/// A set, or a shard of it, to be made.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The simulations and their inputs.
    pub plan: &'a SetPlan,
    /// The neuron.
    pub neuron: &'a SetNeuron,
    /// How it is simulated.
    pub settings: &'a Settings,
    /// File to write.
    pub target: &'a Path,
    /// Which piece of the set.
    pub shard: Shard,
    /// When it is begun, if that is to be said.
    pub created: &'a str,
    /// Raised by whoever wants it to end early: what is under way is finished, nothing is begun.
    pub stop: &'a AtomicBool,
    /// What belongs to a written set (page, manifest): done once it lies there, and again if that was cut short.
    pub last: &'a (dyn Fn(&Path) -> Result<()> + Sync),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Done {
    /// What was written, or was there.
    pub report: SetReport,
    /// Whether the set was there already: nothing was simulated.
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
/// threads, whoever ran beside whom, and however often it was interrupted. One in which a potential leaves all bounds costs no other
/// one: it is stored as flagged, without an answer.
///
/// # Errors
/// `set-in-use` if another run writes it, `interrupted` if it was stopped (what is finished is kept), a failed write: it ends the run.
pub fn generate(job: &Job, progress: &dyn Progress) -> Result<Done> {
    let Job { plan, neuron, settings, target, shard, .. } = *job;
    let about = SetAbout::of(plan, neuron.about(settings), job.created);
    let items = plan.items(shard);
    let all = items.len();
    let there = || -> Result<Option<Done>> {
        let Some(report) = complete(target, &about, shard, &items)? else { return Ok(None) };
        SetWriter::end(target, &about, shard, || (job.last)(target))?;
        Ok(Some(Done { report, complete: true, found: all, simulated: 0, simulated_ms: 0 }))
    };
    if let Some(done) = there()? {
        return Ok(done);
    }
    let writer = SetWriter::start(target, about.clone(), shard, items.clone())?;
    // The run that held the lock until now may have been writing this very set.
    if complete(target, &about, shard, &items)?.is_some() {
        drop(writer);
        return there()?.ok_or_else(|| UserError::failed("interrupted", "the set was replaced").file(target).mend("try again"));
    }
    for path in writer.damaged() {
        progress.note(&format!("warning: a damaged simulation is made anew; it was put aside: {}", path.display()));
    }
    let missing = writer.missing();
    let found = all - missing.len();
    progress.stage("simulating", Some(missing.len() as u64));
    let failed = AtomicBool::new(false);
    let group = |group: &[Item]| {
        // After a failed write every further simulation would be lost too.
        if failed.load(Ordering::Relaxed) || job.stop.load(Ordering::Relaxed) {
            return Ok(0);
        }
        let done = simulate(job, &writer, group, progress);
        failed.fetch_or(done.is_err(), Ordering::Relaxed);
        done
    };
    let done: Vec<Result<u64>> = missing.par_chunks(LANES).map(group).collect();
    let simulated_ms = done.into_iter().sum::<Result<u64>>()?;
    let left = writer.missing().len();
    if left > 0 {
        return Err(UserError::failed(
            "interrupted",
            format!("stopped after {} of {all} simulations; they are kept", all - left),
        )
        .file(target)
        .mend("give the command again: it goes on where it was"));
    }
    let report = writer.finish_with(progress, |_| (job.last)(target))?;
    Ok(Done { report, complete: false, found, simulated: missing.len(), simulated_ms })
}

/// The report of the set at `target` if it is the one to be made; another set, or no set at all, is replaced in the end.
fn complete(target: &Path, about: &SetAbout, shard: Shard, items: &[Item]) -> Result<Option<SetReport>> {
    let Some(store) = SimStore::open(target).ok().filter(|store| store.is_of(about, shard, items)) else { return Ok(None) };
    // A shard that has changed since it was made is made anew.
    let whole = shard == Shard::WHOLE || Manifest::changed(target)?.is_none();
    Ok(whole.then(|| store.report()))
}

/// Simulates a group until each of it has a spike or has been drawn often enough; returns the simulated time in ms.
fn simulate(job: &Job, writer: &SetWriter, group: &[Item], progress: &dyn Progress) -> Result<u64> {
    let plan = job.plan;
    let (config, about) = (plan.config(), writer.about());
    let mut open: Vec<Item> = group.to_vec();
    let mut simulated_ms = 0;
    for trial in 1..=config.max_trials {
        let inputs: Vec<Input> = open.iter().map(|item| plan.trial(item.part, item.index, trial - 1)).collect();
        let answers = answers(job.neuron, job.settings, &inputs, config.labels.branch_cap_mv)?;
        simulated_ms += open.len() as u64 * u64::from(config.bins());
        let mut silent = Vec::new();
        for ((item, input), answer) in open.iter().zip(inputs).zip(answers) {
            let seed = plan.seed(item.part, item.index, trial - 1);
            let record = match answer {
                Answer::LeftBounds { t_ms } => {
                    let t_ms = t_ms - f64::from(config.warmup_ms);
                    Record::without_answer(about, *item, seed, trial, input, t_ms)
                }
                Answer::Trace(trace) => {
                    let labels = trace.labels(&config.labels)?;
                    if labels.silent(config.initialisation_ms) && trial < config.max_trials {
                        silent.push(*item);
                        continue;
                    }
                    let mut record = Record::new(about, *item, seed, trial, input, labels, &[]);
                    record.branch_v = trace.branches;
                    if let Some(filter) = &config.filter {
                        record.apply(filter, about);
                    }
                    record
                }
            };
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
    /// Of the segments at whole ms, segment by segment, mV; at most the cap, in 16 bits as sets hold them.
    pub branches: Vec<f16>,
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

impl Trace {
    /// Bytes that one takes.
    pub const fn bytes(segments: usize, bins: usize, steps_per_ms: usize) -> usize {
        segments * bins * size_of::<f16>() + (bins * steps_per_ms + 1) * size_of::<f64>()
    }
}

/// What became of one simulation.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Its voltages.
    Trace(Trace),
    /// A potential left all bounds.
    LeftBounds {
        /// When, ms from the begin of the input.
        t_ms: f64,
    },
}

/// Runs a neuron on inputs of the same length side by side; voltages of segments are cut at `branch_cap_mv`.
///
/// Each answer is that of the input alone: where one cell leaves all bounds, the others are run again without it.
///
/// # Errors
/// `bad-time-step` unless a ms is a whole number of steps.
pub fn answers(neuron: &SetNeuron, settings: &Settings, inputs: &[Input], branch_cap_mv: f64) -> Result<Vec<Answer>> {
    let mut answers: Vec<Option<Answer>> = vec![None; inputs.len()];
    let mut open: Vec<usize> = (0..inputs.len()).collect();
    let attempt = |of: &[usize]| {
        let inputs: Vec<&Input> = of.iter().map(|&at| &inputs[at]).collect();
        attempt(neuron, settings, &inputs, branch_cap_mv)
    };
    while !open.is_empty() {
        match attempt(&open)? {
            Ok(traces) => {
                for (at, trace) in open.drain(..).zip(traces) {
                    answers[at] = Some(Answer::Trace(trace));
                }
            }
            Err(Broken { lane, t_ms }) if lane < open.len() => answers[open.remove(lane)] = Some(Answer::LeftBounds { t_ms }),
            // A cell without any input, which only fills the group: then each for itself.
            Err(_) => {
                for at in open.drain(..) {
                    answers[at] = Some(match attempt(&[at])? {
                        Ok(mut traces) => Answer::Trace(traces.remove(0)),
                        Err(Broken { t_ms, .. }) => Answer::LeftBounds { t_ms },
                    });
                }
            }
        }
    }
    Ok(answers.into_iter().map(|answer| answer.expect("each was answered")).collect())
}

/// A cell whose potential left all bounds.
struct Broken {
    lane: usize,
    t_ms: f64,
}

/// Runs inputs side by side until one of the cells breaks.
fn attempt(
    neuron: &SetNeuron,
    settings: &Settings,
    inputs: &[&Input],
    branch_cap_mv: f64,
) -> Result<std::result::Result<Vec<Trace>, Broken>> {
    let steps_per_ms = steps_per_ms(settings.dt_ms)?;
    let Some(first) = inputs.first() else { return Ok(Ok(Vec::new())) };
    let (bins, warmup) = (first.bins as usize, first.warmup as usize);
    let lanes = if inputs.len() == 1 { 1 } else { inputs.len().next_multiple_of(LANES) };
    let mut cells = Cells::new(&neuron.neuron, lanes, *settings)?;
    cells.set_synapses(&neuron.synapses, true)?;
    for (lane, input) in inputs.iter().enumerate() {
        let events = input.events.iter().map(|e| Event { time_ms: f64::from(e.t), synapse: e.row, weight: e.weight });
        cells.set_events(lane, EventQueue::new(events.collect())?)?;
    }
    let mut watch = Watch::new(neuron, inputs.len(), steps_per_ms, bins - warmup, warmup, branch_cap_mv);
    match cells.run((bins * steps_per_ms) as u64, &mut watch) {
        Ok(()) => Ok(Ok(watch.traces)),
        Err(e) if e.code() == "left-bounds" => {
            let size = |v: f64| if v.is_nan() { f64::INFINITY } else { v.abs() };
            let farthest = cells.v().iter().enumerate().max_by(|a, b| size(*a.1).total_cmp(&size(*b.1)));
            Ok(Err(Broken { lane: farthest.map_or(0, |(at, _)| at % lanes), t_ms: cells.t_ms() }))
        }
        Err(e) => Err(e),
    }
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
        .expected("0.1, 0.05, 0.025, 0.0125, ..."))
}

/// Writes down the soma at every step and the segments at every ms, after the warm-up.
struct Watch<'a> {
    neuron: &'a SetNeuron,
    traces: Vec<Trace>,
    steps_per_ms: usize,
    first: u64,
    bins: usize,
    branch_cap_mv: f64,
}

impl<'a> Watch<'a> {
    fn new(neuron: &'a SetNeuron, cells: usize, steps_per_ms: usize, bins: usize, warmup: usize, branch_cap_mv: f64) -> Self {
        let trace = |_| Trace {
            soma: Vec::with_capacity(bins * steps_per_ms + 1),
            branches: vec![f16::ZERO; neuron.branches.len() * bins],
            steps_per_ms,
            bins,
        };
        let traces = (0..cells).map(trace).collect();
        Self { neuron, traces, steps_per_ms, first: (warmup * steps_per_ms) as u64, bins, branch_cap_mv }
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
                    trace.branches[k * self.bins + ms] = f16::from_f64(cells.v_at(node, lane).min(self.branch_cap_mv));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{Dataset, DatasetConfig};

    /// A ball and stick with dendrites so fine that some inputs let it leave all bounds.
    fn wild() -> Dataset {
        let text = r#"
            preset = "ref_nmda_cable"
            [neuron]
            cell = "ball-and-stick"
            morphology = { ball_and_stick = { dend_length_um = 2048.0, dend_diam_um = 0.05, segments = 60 } }
            [set]
            seed = 5
            duration_ms = 200
            warmup_ms = 50
            counts = { train = 8, valid = 0, test = 0 }
            generator = { ball_and_stick = { interval_ms = [16, 64], max_weight = [[[2.0, 4.5], [5.0, 400.0]], [[2.0, 3.5], [4.0, 7.0]]] } }
        "#;
        let path = Path::new("set.toml");
        kenyon_base::config::parse::<DatasetConfig>(text, path).and_then(|c| c.resolve(path, None)).expect("sound")
    }

    #[test]
    fn each_answer_of_a_group_is_that_of_the_input_alone() {
        let set = wild();
        let input = |item: &Item| set.plan.input(item.part, item.index);
        let inputs: Vec<Input> = set.plan.items(Shard::WHOLE).iter().map(input).collect();
        let answers = |inputs: &[Input]| super::answers(&set.neuron, &set.settings, inputs, 0.0).expect("answered");
        let together = answers(&inputs);
        let broken = together.iter().filter(|answer| matches!(answer, Answer::LeftBounds { .. })).count();
        assert!(broken > 0 && broken < inputs.len(), "{broken}");
        let words = |answer: &Answer| format!("{answer:?}");
        for (input, answer) in inputs.iter().zip(&together) {
            let alone = answers(std::slice::from_ref(input));
            assert!(words(&alone[0]) == words(answer));
            if let Answer::Trace(trace) = answer {
                let held = trace.soma.capacity() * 8 + trace.branches.capacity() * 2;
                assert_eq!(held, Trace::bytes(60, 200, 40), "what the estimate counts");
            }
        }
        // A group with cells that only fill it.
        let some = answers(&inputs[2..5]);
        assert!(some.iter().zip(&together[2..5]).all(|(a, b)| words(a) == words(b)));
    }
}
