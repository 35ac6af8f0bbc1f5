//! `kenyon export pynn`.

use std::path::PathBuf;

use clap::Args;
use kenyon_base::Result;
use kenyon_hardware::pynn;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::lowering::Lowering;
use crate::cli::output::count;

/// A trained network as a PyNN script with data files, for NEST, Brian 2, NEURON or a SpiNNaker board.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  kenyon export pynn runs/first -o pynn\n  cd pynn && pip install -r requirements.txt && python3 run_pynn.py nest"
)]
pub(crate) struct Pynn {
    #[command(flatten)]
    lowering: Lowering,
    /// Folder to write; it must not exist or be empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Test samples that go with the network
    #[arg(long, value_name = "N", default_value_t = 4)]
    samples: usize,
}

impl Pynn {
    pub(crate) fn run(&self, context: &Context) -> Result<()> {
        let done = pynn::export(&self.lowering.deployment(self.samples)?, &self.output)?;
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
}
