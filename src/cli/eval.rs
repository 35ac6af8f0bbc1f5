//! `kenyon eval`.

use std::path::{Path, PathBuf};

use candle_core::WithDType;
use clap::{Args, ValueEnum};
use kenyon_base::{Progress, Result, UserError};
use kenyon_datasets::odors::ceiling;
use kenyon_datasets::split::Part;
use kenyon_neurons::point::Real;
use serde::Serialize;

use super::context::Context;
use super::output::{TextTable, count, percent};
use crate::run::checkpoint::Checkpoint;
use crate::run::folder::RunFolder;
use crate::run::store::BestBy;
use crate::training::config::{Precision, TrainConfig};
use crate::training::evaluate::{Evaluation, evaluate};
use crate::training::setup::Setup;
use crate::training::trainer::{BEST_BY, check_samples, load};

/// Judge a checkpoint of a run: accuracy with its interval, confusion, activity per population and cell type.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon eval runs/first --split test --json\n  kenyon eval runs/first --checkpoint last --split validation")]
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
pub(super) struct Report {
    pub(super) run: PathBuf,
    pub(super) split: Part,
    pub(super) checkpoint: String,
    pub(super) epoch: u64,
    pub(super) step: u64,
    #[serde(flatten)]
    pub(super) result: Evaluation,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ceiling: Option<kenyon_datasets::odors::Ceiling>,
}

impl Eval {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let report = self.report(context)?;
        context.print(&report, || text(&report));
        Ok(())
    }

    fn report(&self, context: &Context) -> Result<Report> {
        let folder = RunFolder::open(&self.run)?;
        if folder.manifest().kind != "train" {
            return Err(UserError::bad_data("not-a-run", "is a run of another command")
                .file(&self.run)
                .found(&folder.manifest().kind)
                .expected("a run of `kenyon train`")
                .mend("name a folder that `kenyon train --run` wrote"));
        }
        folder.check_inputs()?;
        let path = self.run.join("config.toml");
        let config = TrainConfig::read(&path)?;
        let setup = Setup::open(&config, &path, folder.manifest().seed)?;
        let checkpoint = find(&folder, &self.checkpoint)?;
        checkpoint.check_config(&folder.manifest().config_sha256)?;
        check_samples(&checkpoint, &*setup.source)?;
        disjoint(&setup)?;
        match config.train.precision {
            Precision::F32 => self.judge::<f32>(&config, setup, &checkpoint, &folder, context),
            Precision::F64 => self.judge::<f64>(&config, setup, &checkpoint, &folder, context),
        }
    }

    fn judge<F: Real + WithDType>(
        &self,
        config: &TrainConfig,
        setup: Setup,
        checkpoint: &Checkpoint,
        folder: &RunFolder,
        context: &Context,
    ) -> Result<Report> {
        let model = setup.model::<F>(config, folder.manifest().seed)?;
        load(&model, checkpoint)?;
        let part = Part::from(self.split);
        let mut samples = setup.source.split().part(part).to_vec();
        samples.truncate(self.samples.unwrap_or(usize::MAX));
        context.stage("evaluating", Some(samples.len() as u64));
        let batch = config.train.batch_size.max(16);
        let result = evaluate(&model, &setup.source, setup.remap.as_ref(), &samples, batch, &config.loss, context)?;
        let ceiling = match (&setup.generator, self.ceiling) {
            (Some(generator), true) => ceiling(generator, &samples, context)?,
            _ => None,
        };
        Ok(Report {
            run: self.run.clone(),
            split: part,
            checkpoint: name_of(checkpoint.origin()),
            epoch: checkpoint.manifest.epoch,
            step: checkpoint.manifest.step,
            result,
            ceiling,
        })
    }
}

/// File name of a checkpoint.
fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A test sample must never have been trained on.
fn disjoint(setup: &Setup) -> Result<()> {
    let split = setup.source.split();
    split.check(setup.source.len())?;
    split.refuse_test(&split.train)
}

/// A checkpoint of a run by word or file.
pub(super) fn find(folder: &RunFolder, which: &str) -> Result<Checkpoint> {
    let store = folder.checkpoints(1, BestBy { metric: BEST_BY.into(), higher_is_better: true })?;
    let path = match which {
        "best" => store.best().map_or_else(|| store.last(), |best| Ok(Some(best)))?,
        "last" => store.last()?,
        file => {
            let path = Path::new(file);
            Some(if path.is_file() { path.to_path_buf() } else { folder.path().join("checkpoints").join(file) })
        }
    };
    let Some(path) = path else {
        return Err(UserError::bad_data("no-checkpoint", "holds no checkpoint yet")
            .file(folder.path())
            .mend("go on with it: `kenyon train --run RUN --resume`"));
    };
    Checkpoint::read(&path)
}

/// A result as text.
pub(super) fn text(report: &Report) -> String {
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
        out += &format!("an ideal observer of the input spike counts reaches {}\n", percent(ceiling.accuracy));
    }
    out += &format!("loss {:.4}; {:.2} spikes per neuron and sample; epoch {}, step {}\n\n", r.loss, r.spikes_per_neuron, report.epoch, report.step);
    let mut table = TextTable::new(&["population", "neurons", "rate Hz", "active per odour", "never spike", "above 50 Hz"]);
    for p in &r.populations {
        table.row([
            p.population.clone(),
            count(p.neurons),
            format!("{:.2}", p.rate_hz),
            percent(p.active_share),
            percent(p.silent_share),
            percent(p.saturated_share),
        ]);
    }
    out += &table.render();
    for hint in &r.hints {
        out += &format!("hint: {hint}\n");
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
