//! `kenyon odors info`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use kenyon_base::{Provenance, Result};
use kenyon_datasets::SpikeSource;
use kenyon_datasets::odors::SpikeStore;
use kenyon_datasets::odors::store::Report;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::output::{count, percent};

/// What a file of input spikes holds: samples, inputs, split, rates, ceiling.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon odors info odors.h5\n  kenyon odors info odors.h5 --json")]
pub(in crate::cli) struct Info {
    /// File that `kenyon odors make` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// A file of input spikes, described.
#[derive(Debug, Serialize)]
pub(super) struct Description {
    sha256: String,
    bytes: u64,
    samples: usize,
    classes: usize,
    inputs: usize,
    inputs_with_receptor: Option<usize>,
    synthetic: bool,
    split: BTreeMap<&'static str, usize>,
    stimulus_ms: [f64; 2],
    #[serde(flatten)]
    report: Report,
    provenance: Provenance,
}

impl Description {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let store = SpikeStore::open(path)?;
        let split = store.split();
        let durations = (0..store.len()).map(|i| f64::from(store.sample(i).duration) * store.dt_ms());
        let bounds = durations.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], d| [low.min(d), high.max(d)]);
        Ok(Self {
            sha256: store.sha256().into(),
            bytes: std::fs::metadata(path).map_or(0, |m| m.len()),
            samples: store.len(),
            classes: store.classes().len(),
            inputs: store.inputs().len(),
            inputs_with_receptor: store.receptors()?.map(|labels| labels.iter().filter(|l| !l.is_empty()).count()),
            synthetic: store.provenance().synthetic,
            split: BTreeMap::from([
                ("train", split.train.len()),
                ("validation", split.validation.len()),
                ("test", split.test.len()),
            ]),
            stimulus_ms: bounds,
            report: store.report().clone(),
            provenance: store.provenance().clone(),
        })
    }
}

impl Info {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let description = Description::read(&self.file)?;
        context.print(&description, || text(&description));
        Ok(())
    }
}

/// `70 to 500`, or one number if both are equal.
fn span([low, high]: [f64; 2]) -> String {
    if low >= high { low.to_string() } else { format!("{low} to {high}") }
}

/// The description as text.
pub(super) fn text(d: &Description) -> String {
    let number = |n: usize| count(n as u64);
    let mut out = format!(
        "{}{} samples of {} odours, {} steps of {} ms; {} inputs",
        if d.synthetic { "synthetic responses: " } else { "" },
        number(d.samples),
        number(d.classes),
        number(d.report.steps),
        d.report.dt_ms,
        number(d.inputs)
    );
    if let Some(with) = d.inputs_with_receptor {
        let _ = write!(out, ", {} of them with a receptor", number(with));
    }
    let _ = write!(
        out,
        "\nstimulus: {} ms; {} spikes, {:.2} Hz per input; {:.1} MB",
        span(d.stimulus_ms),
        count(d.report.events),
        d.report.mean_rate_hz,
        d.bytes as f64 / 1e6
    );
    let _ = write!(
        out,
        "\nsplit: {} training, {} validation, {} test; sha256 {}",
        number(d.split["train"]),
        number(d.split["validation"]),
        number(d.split["test"]),
        d.report.split_sha256
    );
    if let Some(ceiling) = &d.report.ceiling {
        let _ = write!(
            out,
            "\nceiling: an ideal observer of the spike counts names {} of the test samples rightly (95 % interval {} to {}; chance {})",
            percent(ceiling.accuracy),
            percent(ceiling.interval[0]),
            percent(ceiling.interval[1]),
            percent(ceiling.chance)
        );
    }
    for note in &d.report.notes {
        let _ = write!(out, "\nnote: {note}");
    }
    out
}
