//! `kenyon report`.

use std::path::{Path, PathBuf};

use candle_core::WithDType;
use clap::Args;
use kenyon_base::Result;
use kenyon_datasets::split::Part;
use kenyon_neurons::point::Real;
use serde_json::json;

use super::context::Context;
use super::output::{count, percent};
use super::target::Target;
use crate::run::folder::RunFolder;
use crate::run::journal;
use crate::run::recorder::JOURNAL;
use crate::training::config::Precision;
use crate::training::evaluate::Evaluation;
use crate::training::loaded::{Loaded, precision};
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
    /// Run of the same training on a shuffled connectome, to show beside it
    #[arg(long, value_name = "RUN")]
    control: Option<PathBuf>,
    /// Checkpoint: `best`, `last`, or a file of the run
    #[arg(long, value_name = "WHICH", default_value = "best")]
    checkpoint: String,
    /// At most so many test samples
    #[arg(long, value_name = "N")]
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
        let test = match precision(&self.run)? {
            Precision::F32 => self.write::<f32>(context)?,
            Precision::F64 => self.write::<f64>(context)?,
        };
        let report = json!({ "output": self.output, "accuracy": test.accuracy, "samples": test.samples });
        target.written(context);
        context.print(&report, || format!("test accuracy {}\nwritten: {}", percent(test.accuracy), self.output.display()));
        Ok(())
    }

    fn write<F: Real + WithDType>(&self, context: &Context) -> Result<Evaluation> {
        let network = Loaded::<F>::open(&self.run, &self.checkpoint)?;
        let samples = network.samples(Part::Test, self.samples);
        let test = network.evaluate(&samples, context)?;
        let control = match &self.control {
            Some(run) => {
                let control = Loaded::<F>::open(run, "best")?;
                Some(control.evaluate(&control.samples(Part::Test, self.samples), context)?)
            }
            None => None,
        };
        let ceiling = network.ceiling(&samples, context)?;
        if let Some(reason) = ceiling.reason() {
            context.warn(&format!("the page has no ideal observer: {reason}"));
        }
        let journal = journal::read(&self.run.join(JOURNAL))?;
        let net = &network.model.network;
        let story = Story {
            title: self.run.file_name().map_or_else(|| "A run".into(), |n| n.to_string_lossy().into_owned()),
            subtitle: format!(
                "{} spiking neurons and {} connections learn to tell {} odours apart.",
                count(net.neuron_ids.len() as u64),
                count((net.input.len() + net.recurrent.len()) as u64),
                net.classes
            ),
            journal: &journal,
            test: &test,
            control: control.as_ref(),
            control_name: "control".into(),
            ceiling: ceiling.known(),
            raster: samples.first().map(|&s| network.raster(s)).transpose()?,
            commands: String::new(),
        };
        story.page().write(&self.output)?;
        Ok(test)
    }
}
