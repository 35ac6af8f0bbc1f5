//! What every command shares that starts from a run and needs it as a deployment.

use std::path::{Path, PathBuf};

use candle_core::WithDType;
use clap::Args;
use kenyon_base::Result;
use kenyon_datasets::split::Part;
use kenyon_hardware::Deployment;
use kenyon_neurons::point::Real;

use crate::training::config::Precision;
use crate::training::loaded::{Loaded, precision};
use crate::transfer::{LowerOptions, Readout, of_run};

/// Which network, and how it is lowered.
#[derive(Debug, Args)]
pub(super) struct Lowering {
    /// Run folder
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// Checkpoint: `best`, `last`, or a file of the run
    #[arg(long, value_name = "WHICH", default_value = "best")]
    pub(super) checkpoint: String,
    /// mV per unit of potential, a power of two [default: one per population, from what samples do]
    #[arg(long, value_name = "G", value_parser = power_of_two)]
    pub(super) weight_scale: Option<f64>,
    /// Steps before a sample begins; simulators refuse spikes in their first step
    #[arg(long, value_name = "STEPS", default_value_t = LowerOptions::default().lead_in_steps)]
    pub(super) lead_in: u32,
    /// Where the readout is computed
    #[arg(long, value_name = "WHERE", value_enum, default_value_t)]
    pub(super) readout: Readout,
}

/// Parses a scale.
fn power_of_two(text: &str) -> std::result::Result<f64, String> {
    let scale: f64 = text.parse().map_err(|_| "expected a number".to_string())?;
    let power = scale > 0.0 && scale.is_finite() && scale.log2().fract() == 0.0;
    if power { Ok(scale) } else { Err("expected a power of two, such as 0.5, 1 or 256".into()) }
}

/// Parses a number of samples that go with a network.
pub(super) fn at_least_one(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("expected at least one sample".into()),
        Ok(n) => Ok(n),
        Err(_) => Err("expected a whole number".into()),
    }
}

impl Lowering {
    /// The network with the first `samples` of the test set.
    pub(super) fn deployment(&self, samples: usize) -> Result<Deployment> {
        match precision(&self.run)? {
            Precision::F32 => {
                let loaded = Loaded::<f32>::open(&self.run, &self.checkpoint)?;
                of_run(&loaded, &loaded.samples(Part::Test, Some(samples)), &self.options(&loaded)?)
            }
            Precision::F64 => {
                let loaded = Loaded::<f64>::open(&self.run, &self.checkpoint)?;
                of_run(&loaded, &loaded.samples(Part::Test, Some(samples)), &self.options(&loaded)?)
            }
        }
    }

    /// The choices, for this run.
    pub(super) fn options<F: Real + WithDType>(&self, loaded: &Loaded<F>) -> Result<LowerOptions> {
        let decision = loaded.decision()?;
        Ok(LowerOptions { v_scale: self.weight_scale, lead_in_steps: self.lead_in, readout: self.readout, decision })
    }

    /// Folder of the run: an input, never an output.
    pub(super) fn run(&self) -> &Path {
        &self.run
    }
}
