//! `kenyon report`.

use std::path::{Path, PathBuf};

use candle_core::WithDType;
use clap::Args;
use kenyon_base::{Result, UserError};
use kenyon_datasets::split::Part;
use kenyon_neurons::point::Real;
use serde_json::json;

use super::context::Context;
use super::output::{count, percent};
use super::repeat;
use super::target::Target;
use crate::network::spec::ModelKind;
use crate::run::folder::RunFolder;
use crate::run::journal;
use crate::run::recorder::JOURNAL;
use crate::training::config::Precision;
use crate::training::control;
use crate::training::evaluate::Evaluation;
use crate::training::loaded::{Loaded, precision};
use crate::training::origin::Origin;
use crate::training::page::Story;

/// A run as one HTML page that opens offline: accuracy beside its bounds, curves, raster, confusion, activity.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon report runs/first -o first.html --control runs/shuffled")]
pub(super) struct Report {
    /// Run folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Page to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Run of the same training on a null model of the run's circuit, to show beside it
    #[arg(long, value_name = "RUN")]
    control: Option<PathBuf>,
    /// Checkpoint: `best`, `last`, or a file of the run
    #[arg(long, value_name = "WHICH", default_value = "best")]
    checkpoint: String,
    /// At most so many test samples
    #[arg(long, value_name = "N", value_parser = super::eval::at_least_one, allow_negative_numbers = true)]
    samples: Option<usize>,
}

/// Files of a run, and those it was made from; none if it is no run.
fn read_files(run: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let inputs = RunFolder::open(run).map_or_else(|_| Vec::new(), |folder| folder.manifest().inputs.clone());
    let inputs: Vec<PathBuf> = inputs.iter().map(|input| run.join(&input.path)).collect();
    let own = [run.to_path_buf(), run.join("checkpoints"), run.join("results")];
    let listed = own.into_iter().flat_map(|dir| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()));
    // A page that was written there before may be written anew.
    listed.filter(|path| path.is_file() && path.extension().is_none_or(|end| end != "html")).chain(inputs)
}

impl Report {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let read = read_files(&self.run).chain(self.control.iter().flat_map(|run| read_files(run))).collect::<Vec<_>>();
        let target = Target::new(&self.output, read.iter().map(PathBuf::as_path))?;
        let (test, origin) = match precision(&self.run)? {
            Precision::F32 => self.write::<f32>(context)?,
            Precision::F64 => self.write::<f64>(context)?,
        };
        let report = json!({
            "output": self.output,
            "accuracy": test.accuracy,
            "samples": test.samples,
            "synthetic": origin.is_synthetic(),
            "origin": origin,
        });
        target.written(context);
        context.print(&report, || format!("test accuracy {}\nwritten: {}", percent(test.accuracy), self.output.display()));
        Ok(())
    }

    fn write<F: Real + WithDType>(&self, context: &Context) -> Result<(Evaluation, Origin)> {
        let network = Loaded::<F>::open(&self.run, &self.checkpoint)?;
        let samples = network.samples(Part::Test, self.samples);
        let control = match &self.control {
            Some(run) => {
                same_precision(&self.run, run)?;
                let control = Loaded::<F>::open(run, "best")?;
                let name = control::check(&network, &control)?;
                Some((name, control.evaluate(&control.samples(Part::Test, self.samples), context)?))
            }
            None => None,
        };
        let test = network.evaluate(&samples, context)?;
        let ceiling = network.ceiling(&samples, context)?;
        if let Some(reason) = ceiling.reason() {
            context.warn(&format!("the page has no ideal observer: {reason}"));
        }
        let journal = journal::read(&self.run.join(JOURNAL))?;
        let net = &network.model.network;
        let graded_ms = (net.spec.model == ModelKind::Nonspiking).then_some(net.spec.dt_ms);
        let origin = &network.setup.origin;
        let story = Story {
            title: repeat::name(&self.run),
            subtitle: format!(
                "{}{} neurons and {} connections of {} learn to tell {} odours apart.",
                count(net.neuron_ids.len() as u64),
                if graded_ms.is_some() { "" } else { " spiking" },
                count((net.input.len() + net.recurrent.len()) as u64),
                origin.fly_in_words(),
                net.classes
            ),
            journal: &journal,
            test: &test,
            control: control.as_ref().map(|(_, control)| control),
            control_name: control.as_ref().map(|(name, _)| name.clone()).unwrap_or_default(),
            origin,
            graded_ms,
            ceiling: ceiling.known(),
            raster: samples.first().filter(|_| graded_ms.is_none()).map(|&s| network.raster(s)).transpose()?,
            commands: repeat::run(&network, &self.run, &self.output),
        };
        story.page().write(&self.output)?;
        Ok((test, network.setup.origin))
    }
}

/// A control in another precision is another training.
fn same_precision(run: &Path, control: &Path) -> Result<()> {
    let [own, theirs] = [run, control].map(precision);
    if own? == theirs? {
        return Ok(());
    }
    Err(UserError::bad_data("not-a-control", "was trained in another precision than the run")
        .file(control)
        .key("train.precision")
        .mend("train the control by the config of the run"))
}
