//! `kenyon train`.

use std::path::{Path, PathBuf};

use candle_core::WithDType;
use clap::Args;
use kenyon_base::{Result, UserError};
use kenyon_neurons::point::Real;
use serde_json::json;

use super::context::Context;
use super::output::{count, of, percent};
use super::{interrupt, repeat};
use crate::network::spec::ModelKind;
use crate::run::folder::RunFolder;
use crate::training::config::{Precision, TrainConfig};
use crate::training::deploy_aware;
use crate::training::model::Model;
use crate::training::setup::{Setup, for_run};
use crate::training::teacher::Teachers;
use crate::training::trainer::{Summary, Training};

/// Train a network to tell odours apart, into a run folder; a killed run goes on with `--resume`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon train examples/train_demo.toml --circuit circuit.h5 --run runs/first\n  \
    kenyon train --run runs/first --resume\n\nLook at a run with `tensorboard --logdir runs`, judge it with `kenyon eval runs/first`.")]
pub(super) struct Train {
    /// Config; see `docs/training.md`. Not needed with `--resume`
    #[arg(value_name = "CONFIG", required_unless_present = "resume")]
    config: Option<PathBuf>,
    /// Circuit, instead of the one that the config names; needed if it names none
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    circuit: Option<PathBuf>,
    /// Run folder; it must not exist or be empty
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// Run the last epoch with the values that a SpiNNaker board would hold, unless the config sets `train.deploy_aware_epochs`
    #[arg(long, conflicts_with = "resume")]
    deploy_aware: bool,
    /// Go on with a run that was ended before its time
    #[arg(long)]
    resume: bool,
}

impl Train {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let summary = match (&self.config, self.resume) {
            (config, true) => resume(&self.run, config.as_deref(), context)?,
            (Some(path), false) => {
                let mut config = TrainConfig::read_with(path, self.circuit.as_deref())?;
                if self.deploy_aware && config.train.deploy_aware_epochs == 0 {
                    config.train.deploy_aware_epochs = 1;
                }
                begin_with(&config, path, &self.run, context)?
            }
            (None, false) => {
                return Err(UserError::usage("no-config", "`train` wants a config").mend("name one, or give `--resume`"));
            }
        };
        context.print(&json!({ "run": self.run, "summary": summary }), || text(&summary, &self.run));
        Ok(())
    }
}

/// Begins a run of the config at `path`.
pub(super) fn begin(path: &Path, circuit: Option<&Path>, run: &Path, context: &Context) -> Result<Summary> {
    begin_with(&TrainConfig::read_with(path, circuit)?, path, run, context)
}

fn begin_with(config: &TrainConfig, path: &Path, run: &Path, context: &Context) -> Result<Summary> {
    let setup = Setup::open(config, path, context.seed)?;
    match config.train.precision {
        Precision::F32 => begin_as::<f32>(config, setup, path, run, context),
        Precision::F64 => begin_as::<f64>(config, setup, path, run, context),
    }
}

/// Makes the run folder only when everything that can be known to be wrong is known not to be.
fn begin_as<F: Real + WithDType>(
    config: &TrainConfig,
    setup: Setup,
    path: &Path,
    run: &Path,
    context: &Context,
) -> Result<Summary> {
    let model = setup.model::<F>(config, context.seed)?;
    setup.check_names(config, &model.parameters, path)?;
    if config.train.deploy_aware_epochs > 0 {
        deploy_aware::check(&model, &*setup.source, &config.loss).map_err(|e| e.file(path).key("train.deploy_aware_epochs"))?;
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let teachers = Teachers::open(config, folder, &setup, context.seed)?;
    let made = !run.exists();
    std::fs::create_dir_all(run).map_err(|e| UserError::cannot_write(run, &e))?;
    let create = || {
        let stored = for_run(config, folder, run)?;
        RunFolder::create(run, &stored.resolved(), |run| setup.manifest(config, folder, run, context.seed))
    };
    let created = create();
    if created.is_err() && made {
        // An empty folder of ours is no use to anyone.
        let _ = std::fs::remove_dir(run);
    }
    go(config, setup, model, teachers, &created?, context)
}

fn resume(run: &Path, config: Option<&Path>, context: &Context) -> Result<Summary> {
    let given = match config {
        // Before paths are made relative to a folder that may be no run.
        Some(_) if !run.is_dir() => None,
        Some(path) => {
            let config = TrainConfig::read(path)?;
            Some(for_run(&config, path.parent().unwrap_or(Path::new("")), run)?.resolved())
        }
        None => None,
    };
    let folder = RunFolder::resume(run, given.as_deref())?;
    let path = run.join("config.toml");
    let config = TrainConfig::read(&path)?;
    let seed = folder.manifest().seed;
    if let Some(given) = context.given_seed.filter(|&given| given != seed) {
        return Err(UserError::usage("seed-mismatch", "the run was begun with another seed")
            .file(run)
            .key("--seed")
            .found(given.to_string())
            .expected(format!("{seed}, as the run has it"))
            .mend("leave `--seed` out to resume with the run's own, or start a new run"));
    }
    let setup = Setup::open(&config, &path, seed)?;
    match config.train.precision {
        Precision::F32 => {
            let model = setup.model::<f32>(&config, seed)?;
            let teachers = Teachers::open(&config, run, &setup, seed)?;
            go(&config, setup, model, teachers, &folder, context)
        }
        Precision::F64 => {
            let model = setup.model::<f64>(&config, seed)?;
            let teachers = Teachers::open(&config, run, &setup, seed)?;
            go(&config, setup, model, teachers, &folder, context)
        }
    }
}

fn go<F: Real + WithDType>(
    config: &TrainConfig,
    setup: Setup,
    model: Model<F>,
    teachers: Teachers<F>,
    run: &RunFolder,
    context: &Context,
) -> Result<Summary> {
    context.note(&format!(
        "{} inputs, {} neurons, {} readout neurons; {} + {} connected pairs; {} classes, {} training samples",
        count(setup.network.input_ids.len() as u64),
        count(setup.network.neuron_ids.len() as u64),
        count(setup.network.readout.len() as u64),
        count(setup.network.input.len() as u64),
        count(setup.network.recurrent.len() as u64),
        count(setup.network.classes as u64),
        count(setup.source.split().train.len() as u64),
    ));
    if setup.network.spec.model != ModelKind::Lif {
        let model =
            serde_json::to_value(setup.network.spec.model).ok().and_then(|v| v.as_str().map(String::from)).unwrap_or_default();
        context.note(&format!(
            "note: a network of `{model}` neurons cannot be exported; only `lif` neurons have a counterpart on the boards"
        ));
    }
    let watch = interrupt::watch(run.path(), context.quiet);
    if !watch.heard {
        let path = repeat::quoted(&run.path().display().to_string());
        context.note(&format!("if this is interrupted, go on with: kenyon train --run {path} --resume"));
    }
    let seed = run.manifest().seed;
    let Setup { source, remap, rest_hz, .. } = setup;
    let summary = Training { config, model, teachers, source, remap, rest_hz, seed, progress: context }.run(run)?;
    if summary.validation.is_none() {
        context.note("the run had reached its last epoch: nothing was left to do");
    }
    Ok(summary)
}

fn text(summary: &Summary, run: &Path) -> String {
    format!(
        "{}, {}; best validation accuracy {}\nweights: sha256 {}\nrun: {}\n\nNext: kenyon eval {} --split test",
        of(summary.epochs, "epoch"),
        of(summary.steps, "step"),
        summary.best_validation_accuracy.map_or("-".into(), percent),
        summary.weights_sha256,
        run.display(),
        run.display()
    )
}
