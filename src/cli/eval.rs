//! `kenyon eval`.

use std::fmt::Write;
use std::path::PathBuf;

use candle_core::WithDType;
use clap::{Args, ValueEnum};
use kenyon_base::Result;
use kenyon_datasets::split::Part;
use kenyon_neurons::point::Real;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::context::Context;
use super::output::{TextTable, count, percent};
use crate::network::spec::{ModelKind, NetworkSpec};
use crate::training::config::Precision;
use crate::training::evaluate::Evaluation;
use crate::training::loaded::{Loaded, precision};
use crate::training::origin::Origin;

/// Judge a checkpoint of a run: accuracy with its interval, confusion, activity per population and cell type.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kenyon eval runs/first --split test --json\n  kenyon eval runs/first --checkpoint last --split validation"
)]
pub(super) struct Eval {
    /// Run folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Part of the data set
    #[arg(long, value_enum, default_value_t)]
    split: Split,
    /// Checkpoint: `best`, `last`, or a file of the run
    #[arg(long, value_name = "WHICH", default_value = "best")]
    checkpoint: String,
    /// At most so many samples, from the first
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    samples: Option<usize>,
    /// Also the accuracy of an ideal observer of the input spike counts
    #[arg(long)]
    ceiling: bool,
}

/// Part of the data set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Split {
    /// Samples to train on
    Train,
    /// Samples that chose the checkpoint
    Validation,
    /// Samples that nothing was chosen by
    #[default]
    Test,
}

impl From<Split> for Part {
    fn from(split: Split) -> Self {
        match split {
            Split::Train => Self::Train,
            Split::Validation => Self::Validation,
            Split::Test => Self::Test,
        }
    }
}

/// What `eval` prints.
#[derive(Debug, Serialize)]
struct Report {
    run: PathBuf,
    split: Part,
    checkpoint: String,
    epoch: u64,
    step: u64,
    weights_sha256: String,
    synthetic: bool,
    origin: Origin,
    #[serde(flatten)]
    result: Measured,
    /// Null without `--ceiling`, and where it is not known.
    ceiling: Option<kenyon_datasets::odors::Ceiling>,
    /// Why a ceiling that was asked for is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    ceiling_unknown: Option<String>,
}

impl Eval {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let report = self.report(context)?;
        context.print(&report, || text(&report));
        Ok(())
    }

    fn report(&self, context: &Context) -> Result<Report> {
        match precision(&self.run)? {
            Precision::F32 => self.judge::<f32>(context),
            Precision::F64 => self.judge::<f64>(context),
        }
    }

    fn judge<F: Real + WithDType>(&self, context: &Context) -> Result<Report> {
        let loaded = Loaded::<F>::open(&self.run, &self.checkpoint)?;
        let part = Part::from(self.split);
        let samples = loaded.samples(part, self.samples);
        let result = loaded.evaluate(&samples, context)?;
        let bound = if self.ceiling { Some(loaded.ceiling(&samples, context)?) } else { None };
        let ceiling_unknown = bound.as_ref().and_then(|bound| bound.reason().map(String::from));
        if let Some(reason) = &ceiling_unknown {
            context.warn(&format!("the ceiling is not known: {reason}"));
        }
        Ok(Report {
            run: self.run.clone(),
            split: part,
            checkpoint: loaded.file,
            epoch: loaded.manifest.epoch,
            step: loaded.manifest.step,
            weights_sha256: loaded.weights_sha256,
            synthetic: loaded.setup.origin.is_synthetic(),
            origin: loaded.setup.origin,
            result: Measured::new(result, &loaded.config.network),
            ceiling: bound.and_then(|bound| bound.known()),
            ceiling_unknown,
        })
    }
}

/// A result; of neurons that do not spike only what means something.
#[derive(Debug)]
struct Measured {
    result: Evaluation,
    /// Length of a step in ms, if the neurons transmit values instead of spikes.
    graded_ms: Option<f64>,
}

impl Measured {
    fn new(result: Evaluation, network: &NetworkSpec) -> Self {
        Self { result, graded_ms: (network.model == ModelKind::Nonspiking).then_some(network.dt_ms) }
    }
}

impl Serialize for Measured {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Some(dt_ms) = self.graded_ms else { return self.result.serialize(serializer) };
        let mut value = serde_json::to_value(&self.result).map_err(S::Error::custom)?;
        let whole = value.as_object_mut().ok_or_else(|| S::Error::custom("a result is a table"))?;
        whole.retain(|key, _| !matches!(key.as_str(), "spikes_per_neuron" | "types"));
        for population in whole.get_mut("populations").and_then(Value::as_array_mut).into_iter().flatten() {
            let mean = population["rate_hz"].as_f64().map(|rate| rate * dt_ms * 1e-3);
            *population =
                json!({ "population": population["population"], "neurons": population["neurons"], "mean_output": mean });
        }
        value.serialize(serializer)
    }
}

/// A number of samples.
pub(super) fn at_least_one(text: &str) -> std::result::Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "expected a whole number of at least 1".into())
}

/// A result as text.
fn text(report: &Report) -> String {
    let r = &report.result.result;
    let mut out = format!(
        "{} accuracy {} (95 % interval {} to {}), {} of {} samples; chance {}\n",
        serde_json::to_value(report.split).ok().and_then(|v| v.as_str().map(String::from)).unwrap_or_default(),
        percent(r.accuracy),
        percent(r.interval[0]),
        percent(r.interval[1]),
        count(r.correct),
        count(r.samples),
        percent(r.chance)
    );
    if let Some(ceiling) = &report.ceiling {
        let _ = writeln!(out, "an ideal observer of the input spike counts reaches {}", percent(ceiling.accuracy));
    }
    for sentence in report.origin.sentences() {
        let _ = writeln!(out, "synthetic: {sentence}");
    }
    let _ = write!(out, "loss {:.4}; ", r.loss);
    if report.result.graded_ms.is_none() {
        let _ = write!(out, "{:.2} spikes per neuron and sample; ", r.spikes_per_neuron);
    }
    let _ = writeln!(out, "epoch {}, step {}\n", report.epoch, report.step);
    out += &activity(&report.result).render();
    for hint in &r.hints {
        let _ = writeln!(out, "hint: {hint}");
    }
    out + &confusions(r)
}

/// Activity per population.
fn activity(measured: &Measured) -> TextTable {
    let populations = &measured.result.populations;
    if let Some(dt_ms) = measured.graded_ms {
        let mut table = TextTable::new(&["population", "neurons", "mean output (no spikes)"]);
        for p in populations {
            table.row([p.population.clone(), count(p.neurons), format!("{:.4}", p.rate_hz * dt_ms * 1e-3)]);
        }
        return table;
    }
    let mut table = TextTable::new(&["population", "neurons", "rate Hz", "active per odour", "never spike", "above 50 Hz"]);
    for p in populations {
        table.row([
            p.population.clone(),
            count(p.neurons),
            format!("{:.2}", p.rate_hz),
            p.responding_share.map_or_else(|| "-".into(), percent),
            percent(p.spiking_twice_share),
            percent(p.silent_share),
            percent(p.saturated_share),
        ]);
    }
    table
}

/// The most frequent confusions.
fn confusions(r: &Evaluation) -> String {
    let mut out = String::new();
    let mut confused: Vec<_> = r.confusion.iter().filter(|(a, b, _)| a != b).collect();
    confused.sort_by(|a, b| b.2.cmp(&a.2).then(a.cmp(b)));
    if !confused.is_empty() {
        let mut table = TextTable::new(&["shown", "named", "samples"]);
        for (shown, named, n) in confused.into_iter().take(10) {
            let name = |i: &u32| r.classes[*i as usize].odor.clone();
            table.row([name(shown), name(named), count(u64::from(*n))]);
        }
        out += "\nmost confused:\n";
        out += &table.render();
    }
    out
}
