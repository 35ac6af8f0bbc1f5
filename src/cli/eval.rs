//! `kenyon eval`.

use std::fmt::Write;
use std::path::PathBuf;

use candle_core::WithDType;
use clap::{Args, ValueEnum};
use kenyon_base::Result;
use kenyon_datasets::split::Part;
use kenyon_neurons::point::Real;
use serde::Serialize;

use super::context::Context;
use super::output::{TextTable, count, percent};
use crate::training::config::Precision;
use crate::training::evaluate::Evaluation;
use crate::training::loaded::{Loaded, precision};

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
    #[arg(long, value_name = "N")]
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
    #[serde(flatten)]
    result: Evaluation,
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
            result,
            ceiling: bound.and_then(|bound| bound.known()),
            ceiling_unknown,
        })
    }
}

/// A result as text.
fn text(report: &Report) -> String {
    let r = &report.result;
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
    let _ = writeln!(
        out,
        "loss {:.4}; {:.2} spikes per neuron and sample; epoch {}, step {}\n",
        r.loss, r.spikes_per_neuron, report.epoch, report.step
    );
    let columns = ["population", "neurons", "rate Hz", "respond per odour", "two spikes per odour", "never spike", "above 50 Hz"];
    let mut table = TextTable::new(&columns);
    for p in &r.populations {
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
    out += &table.render();
    if let Some(rule) = &r.response {
        let baseline = rule.baseline.as_deref().unwrap_or("not known");
        let _ = writeln!(
            out,
            "a neuron responds with at least {} spikes in the stimulus window, {} standard deviations above its baseline ({baseline}), \
             in half of the samples; two spikes count at any time",
            rule.min_spikes, rule.baseline_sds
        );
        if let Some(reason) = &rule.reason {
            let _ = writeln!(out, "responses are not known: {reason}");
        }
    }
    for hint in &r.hints {
        let _ = writeln!(out, "hint: {hint}");
    }
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
