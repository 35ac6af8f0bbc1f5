//! `kenyon export …`.

use std::path::PathBuf;

use candle_core::WithDType;
use clap::{Args, Subcommand};
use kenyon_base::Result;
use kenyon_datasets::split::Part;
use kenyon_hardware::pynn::{self, Exported};
use kenyon_neurons::point::Real;
use serde_json::json;

use super::context::Context;
use super::output::count;
use crate::training::config::Precision;
use crate::training::loaded::{Loaded, precision};
use crate::transfer::{LowerOptions, lower};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Pynn(Pynn),
}

impl Verb {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match self {
            Self::Pynn(args) => args.run(context),
        }
    }
}

/// A trained network as a PyNN script with data files, for NEST, Brian 2, NEURON or a SpiNNaker board.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  kenyon export pynn runs/first -o pynn\n  cd pynn && pip install -r requirements.txt && python3 run_pynn.py nest"
)]
pub(super) struct Pynn {
    /// Run folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Folder to write; it must not exist or be empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Checkpoint: `best`, `last`, or a file of the run
    #[arg(long, value_name = "WHICH", default_value = "best")]
    checkpoint: String,
    /// Test samples that go with the network
    #[arg(long, value_name = "N", default_value_t = 4)]
    samples: usize,
    /// mV per unit of potential
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    v_scale: f64,
}

impl Pynn {
    fn run(&self, context: &Context) -> Result<()> {
        let done = match precision(&self.run)? {
            Precision::F32 => self.export::<f32>()?,
            Precision::F64 => self.export::<f64>()?,
        };
        let report = json!({
            "output": self.output, "neurons": done.neurons, "synapses": done.synapses, "samples": done.samples, "files": done.files,
        });
        context.print(&report, || {
            format!(
                "{} neurons, {} synapses, {} samples\nwritten: {}\n\nNext: read {}",
                count(done.neurons as u64),
                count(done.synapses as u64),
                done.samples,
                self.output.display(),
                self.output.join("README.md").display()
            )
        });
        Ok(())
    }

    fn export<F: Real + WithDType>(&self) -> Result<Exported> {
        let network = Loaded::<F>::open(&self.run, &self.checkpoint)?;
        let source = &network.setup.source;
        let batch = network.batch(&network.samples(Part::Test, Some(self.samples)))?;
        let options = LowerOptions { decision: network.config.loss.decision, v_scale: self.v_scale, ..LowerOptions::default() };
        let name = self.run.file_name().map_or_else(|| "network".into(), |n| n.to_string_lossy().into_owned());
        let deployment = lower(&network.model, &name, source.classes(), source.steps(), &[batch], &options)?;
        pynn::export(&deployment, &self.output)
    }
}
