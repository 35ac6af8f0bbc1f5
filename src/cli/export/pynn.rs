//! `kenyon export pynn`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use kenyon_base::{Result, UserError};
use kenyon_hardware::lint::Severity;
use kenyon_hardware::pynn::{self, Options};
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::lint;
use crate::cli::lowering::{Lowering, at_least_one};
use crate::cli::output::count;

/// A trained network as a PyNN program with data files, for NEST, NEURON, Brian 2 or a SpiNNaker board
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  kenyon export pynn runs/first -o pynn\n  cd pynn && pip install -r requirements.txt && python3 run_pynn.py nest\n  kenyon export compare pynn"
)]
pub(crate) struct Pynn {
    #[command(flatten)]
    lowering: Lowering,
    /// Folder to write; it must not exist or be empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Test samples that go with the network
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = at_least_one)]
    samples: usize,
    /// Address of the SpiNNaker board, for `spynnaker.cfg` [default: a virtual board]
    #[arg(long, value_name = "ADDRESS")]
    machine: Option<String>,
    /// Below 1 ms, let neurons and synapses run on cores of their own (SpiNNaker; not emulated)
    #[arg(long)]
    split: bool,
    /// Largest summed input of a step in nA, excitatory and inhibitory (SpiNNaker) [default: from what the samples do]
    #[arg(long, value_name = "E,I", value_delimiter = ',')]
    max_expected_summed_weight: Option<Vec<f64>>,
    /// Write even what cannot run on a SpiNN-5 board; never what no neuron can have
    #[arg(long)]
    force: bool,
}

impl Pynn {
    pub(crate) fn run(&self, context: &Context) -> Result<()> {
        let options = self.options()?;
        let deployment = self.lowering.deployment(self.samples)?;
        let done = pynn::export(&deployment, &self.output, &options)?;
        if self.split && deployment.dt_ms >= 1.0 {
            context.warn("`--split` changes nothing from 1 ms on: neurons and synapses share cores there");
        }
        let report = json!({
            "output": self.output, "neurons": done.neurons, "synapses": done.synapses, "samples": done.samples,
            "zeroed": done.zeroed, "lint": done.findings, "files": done.files,
        });
        context.print(&report, || {
            let mut text = format!(
                "{} neurons, {} synapses ({} of them 0 in a board's 16 bits), {} samples\n",
                count(done.neurons as u64),
                count(done.synapses as u64),
                count(done.zeroed),
                done.samples,
            );
            for f in done.findings.iter().filter(|f| f.severity != Severity::Info) {
                let _ = writeln!(text, "{}", lint::words(f));
            }
            text + &format!("written: {0}\n\nNext: read {0}/README.md", self.output.display())
        });
        Ok(())
    }

    fn options(&self) -> Result<Options> {
        let sums = self.max_expected_summed_weight.as_deref();
        if sums.is_some_and(|sums| sums.len() != 2 || sums.iter().any(|s| !s.is_finite() || *s <= 0.0)) {
            return Err(UserError::usage("bad-summed-weight", "bad `--max-expected-summed-weight`")
                .expected("two numbers above 0, such as `12,3.5`"));
        }
        let max_expected_summed_weight = sums.map(|sums| [sums[0], sums[1]]);
        Ok(Options { machine: self.machine.clone(), split: self.split, max_expected_summed_weight, force: self.force })
    }
}
