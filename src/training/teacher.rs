//! Teacher and student: a network that learns to repeat the traces of one that was trained before.
//!
//! A term of the loss names a run, one of its traces and the neurons that are recorded; the teacher runs on the same samples as the
//! student, without gradient. Neurons are matched by root id. With differences d = student - teacher:
//!
//! | trace | term, times the strength |
//! |---|---|
//! | voltage | mean of d² over steps, samples and recorded neurons |
//! | filtered-spikes | mean over samples and neurons of (dt / tau) Σ_t d², d between spikes after the filter exp(-t / tau) (van Rossum 2001) |
//! | rate | mean of d² over samples and neurons, in spikes per sample |
//! | out | mean of d² over steps, samples and classes of the readout |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Result as Candle, Tensor, WithDType};
use kenyon_base::random::shuffle;
use kenyon_base::{Result, Streams, UserError};
use kenyon_datasets::Batch;
use kenyon_neurons::point::Real;
use serde::{Deserialize, Serialize};

use super::config::TrainConfig;
use super::engine::{Record, Spiking};
use super::filter::filtered;
use super::loaded::{Loaded, precision};
use super::model::Model;
use super::setup::Setup;
use crate::network::Network;
use crate::network::parameters::internal;
use crate::network::spec::NUMBERS;

/// What of a teacher is to be repeated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trace {
    /// Potentials, as they are before a reset.
    #[default]
    Voltage,
    /// Spikes through an exponential filter.
    FilteredSpikes,
    /// Spikes of each neuron over the sample.
    Rate,
    /// The readout trace.
    Out,
}

/// One term of the loss: a trace of a teacher that the network is to repeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TeacherSpec {
    /// Folder of the teacher's run, relative to the config.
    pub run: PathBuf,
    /// Its checkpoint: `best`, `last`, or a file; a run stores the file.
    pub checkpoint: String,
    /// What is to be repeated.
    pub trace: Trace,
    /// Population; all hidden neurons if empty. Without effect on `out`.
    pub population: String,
    /// Share of its neurons that is recorded, drawn at random from the seed.
    pub fraction: f64,
    /// Time constant of the filter, for `filtered-spikes`.
    pub tau_ms: f64,
    /// Strength.
    pub strength: f64,
}

impl Default for TeacherSpec {
    fn default() -> Self {
        Self {
            run: PathBuf::new(),
            checkpoint: "best".into(),
            trace: Trace::default(),
            population: String::new(),
            fraction: 1.0,
            tau_ms: 20.0,
            strength: 1.0,
        }
    }
}

impl TeacherSpec {
    /// Checks the numbers of the term at `index`; `path` is named in errors.
    pub(super) fn validate(&self, index: usize, path: &Path) -> Result<()> {
        let key = |word: &str| format!("loss.teacher {}.{word}", index + 1);
        if self.run.as_os_str().is_empty() {
            return Err(UserError::bad_data("no-teacher", "names no teacher")
                .file(path)
                .key(key("run"))
                .mend("add `run = \"runs/teacher\"`, the folder of a run of `kenyon train`"));
        }
        let numbers = [("fraction", self.fraction, 1.0), ("tau_ms", self.tau_ms, 1e9), ("strength", self.strength, 1e12)];
        match numbers.into_iter().find(|(_, value, most)| !(*value > 0.0 && value <= most)) {
            None => Ok(()),
            Some((word, value, _)) => Err(UserError::bad_data("bad-number", "is out of range")
                .file(path)
                .key(key(word))
                .found(value.to_string())
                .expected(if word == "fraction" { "above 0, at most 1" } else { "above 0" })
                .mend(NUMBERS)),
        }
    }

    /// The neurons whose traces the term compares, ascending; none for the readout.
    fn neurons(&self, network: &Network, index: usize, seed: u64) -> Vec<u32> {
        if self.trace == Trace::Out {
            return Vec::new();
        }
        let named = network.populations.iter().find(|(name, _)| *name == self.population);
        let range = named.map_or(0..network.neuron_ids.len(), |(_, range)| range.clone());
        let mut all: Vec<u32> = (range.start as u32..range.end as u32).collect();
        let wanted = ((all.len() as f64 * self.fraction).round() as usize).max(1).min(all.len());
        if wanted < all.len() {
            shuffle(&mut all, &mut Streams::new(seed).stream(&format!("training/teacher/{index}")));
            all.truncate(wanted);
            all.sort_unstable();
        }
        all
    }

    /// The term of one batch.
    ///
    /// # Shapes
    /// Traces [T, B, H], counts [B, H], or readout traces [T + 1, B, C].
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn term(&self, dt_ms: f64, ours: &Tensor, theirs: &Tensor) -> Candle<Tensor> {
        let difference = (ours - theirs.detach())?;
        let term = match self.trace {
            Trace::Voltage | Trace::Rate => difference.sqr()?.mean_all()?,
            Trace::FilteredSpikes => {
                let squares = filtered(&difference, (-dt_ms / self.tau_ms).exp())?.sqr()?.sum(0)?;
                (squares.mean_all()? * (dt_ms / self.tau_ms))?
            }
            Trace::Out => difference.narrow(0, 1, difference.dim(0)? - 1)?.sqr()?.mean_all()?,
        };
        term * self.strength
    }
}

/// The trace that a term compares, of the neurons at `columns` of the record, or at `neurons` of all.
fn traced(trace: Trace, of: &Spiking, columns: &Tensor, neurons: &Tensor) -> Candle<Tensor> {
    match trace {
        Trace::Voltage => of.mem()?.index_select(columns, 2),
        Trace::FilteredSpikes => of.spikes()?.index_select(columns, 2),
        Trace::Rate => of.counts()?.index_select(neurons, 1),
        Trace::Out => of.out(),
    }
}

/// Where the neurons of a term stand in one network and in its record.
#[derive(Debug)]
struct Place {
    neurons: Tensor,
    columns: Tensor,
}

impl Place {
    fn new(neurons: &[u32], record: &Record) -> Result<Self> {
        // A term that needs no record has no columns in it.
        let columns: Vec<u32> =
            neurons.iter().filter_map(|n| record.neurons.iter().position(|r| r == n)).map(|at| at as u32).collect();
        let tensor = |x: &[u32]| Tensor::from_slice(x, x.len(), &Device::Cpu).map_err(internal);
        Ok(Self { neurons: tensor(neurons)?, columns: tensor(&columns)? })
    }
}

#[derive(Debug)]
struct Term {
    spec: TeacherSpec,
    teacher: usize,
    ours: Place,
    theirs: Place,
}

/// The teachers of a run, and what of them is to be repeated.
#[derive(Debug)]
pub struct Teachers<F: Real> {
    models: Vec<Model<F>>,
    terms: Vec<Term>,
    /// What the student has to record.
    record: Record,
    dt_ms: f64,
}

/// The traces that some terms need of one network.
fn record<'a>(terms: impl Iterator<Item = (Trace, &'a [u32])>) -> Record {
    let mut record = Record::default();
    for (trace, neurons) in terms {
        match trace {
            Trace::Voltage => record.mem = true,
            Trace::FilteredSpikes => record.spikes = true,
            Trace::Rate | Trace::Out => continue,
        }
        record.neurons.extend(neurons);
    }
    record.neurons.sort_unstable();
    record.neurons.dedup();
    record
}

impl<F: Real + WithDType> Teachers<F> {
    /// Opens the teachers that `config` names; their runs are relative to `folder`.
    ///
    /// # Errors
    /// A run that is missing or damaged; `teacher-mismatch` for one of other inputs, neurons, steps or classes.
    pub fn open(config: &TrainConfig, folder: &Path, setup: &Setup, seed: u64) -> Result<Self> {
        let specs = &config.loss.teacher;
        let mut opened: Vec<(PathBuf, &str, Loaded<F>)> = Vec::new();
        let mut found = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            let path = folder.join(&spec.run);
            let known = opened.iter().position(|(p, checkpoint, _)| *p == path && *checkpoint == spec.checkpoint);
            let teacher = if let Some(at) = known {
                at
            } else {
                if precision(&path)? != config.train.precision {
                    return Err(mismatch(index, &path, "numbers of another precision", "the same `train.precision`"));
                }
                opened.push((path.clone(), &spec.checkpoint, Loaded::open(&path, &spec.checkpoint).map_err(UserError::in_data)?));
                opened.len() - 1
            };
            let loaded = &opened[teacher].2;
            let ours = spec.neurons(&setup.network, index, seed);
            let theirs = fits(index, &path, loaded, setup, spec.trace, &ours)?;
            found.push((teacher, ours, theirs));
        }
        let own = record(specs.iter().zip(&found).map(|(s, (_, ours, _))| (s.trace, ours.as_slice())));
        let mut models = Vec::with_capacity(opened.len());
        for (at, (_, _, loaded)) in opened.into_iter().enumerate() {
            let mut model = loaded.model;
            let terms = specs.iter().zip(&found).filter(|(_, (teacher, ..))| *teacher == at);
            model.set_record(record(terms.map(|(s, (_, _, theirs))| (s.trace, theirs.as_slice()))))?;
            models.push(model);
        }
        let mut terms = Vec::with_capacity(specs.len());
        for (spec, (teacher, ours, theirs)) in specs.iter().zip(found) {
            let (ours, theirs) = (Place::new(&ours, &own)?, Place::new(&theirs, models[teacher].record())?);
            terms.push(Term { spec: spec.clone(), teacher, ours, theirs });
        }
        Ok(Self { models, terms, record: own, dt_ms: setup.source.dt_ms() })
    }

    /// What the student has to record.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The term of each `[[loss.teacher]]` for what the student did on `batch`.
    ///
    /// # Errors
    /// A value of a teacher that is not finite.
    pub fn terms(&self, batch: &Batch, student: &Spiking) -> Result<Vec<Tensor>> {
        let mut runs = Vec::with_capacity(self.models.len());
        for model in &self.models {
            runs.push(model.traces(batch)?);
        }
        let one = |term: &Term| {
            let trace = term.spec.trace;
            let ours = traced(trace, student, &term.ours.columns, &term.ours.neurons)?;
            let theirs = traced(trace, &runs[term.teacher], &term.theirs.columns, &term.theirs.neurons)?;
            term.spec.term(self.dt_ms, &ours, &theirs)
        };
        self.terms.iter().map(|term| one(term).map_err(internal)).collect()
    }
}

fn mismatch(index: usize, run: &Path, found: impl Into<String>, expected: &str) -> UserError {
    UserError::bad_data("teacher-mismatch", "the teacher's network does not fit the student's")
        .file(run)
        .key(format!("loss.teacher {}.run", index + 1))
        .found(found.into())
        .expected(expected)
        .mend("train the teacher on the same circuit and odours")
}

/// The teacher's neurons that correspond to `ours`, in their order.
fn fits<F: Real>(index: usize, path: &Path, teacher: &Loaded<F>, setup: &Setup, trace: Trace, ours: &[u32]) -> Result<Vec<u32>> {
    let (their, our) = (&teacher.model.network, &setup.network);
    let refuse = |found: String, expected: &str| Err(mismatch(index, path, found, expected));
    if their.input_ids != our.input_ids {
        let known = our.input_ids.iter().filter(|id| their.input_ids.contains(id)).count();
        return refuse(
            format!("{} inputs, {known} of them the student's", their.input_ids.len()),
            "the same inputs in the same order",
        );
    }
    let (theirs, own) = (&teacher.setup.source, &setup.source);
    if theirs.steps() != own.steps() || (theirs.dt_ms() - own.dt_ms()).abs() > 1e-12 {
        let found = format!("samples of {} steps of {} ms", theirs.steps(), theirs.dt_ms());
        return refuse(found, &format!("{} steps of {} ms", own.steps(), own.dt_ms()));
    }
    if trace == Trace::Out && their.classes != our.classes {
        return refuse(format!("{} classes", their.classes), &format!("{} classes", our.classes));
    }
    let places: BTreeMap<u64, u32> = their.neuron_ids.iter().zip(0..).map(|(&id, at)| (id, at)).collect();
    let found: Vec<u32> = ours.iter().filter_map(|&n| places.get(&our.neuron_ids[n as usize]).copied()).collect();
    if found.len() != ours.len() {
        return refuse(format!("{} of {} recorded neurons", found.len(), ours.len()), "every recorded neuron by its root id");
    }
    Ok(found)
}
