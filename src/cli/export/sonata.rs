//! `kenyon export sonata`.

use std::path::PathBuf;

use clap::Args;
use kenyon_base::Result;
use kenyon_hardware::sonata;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::lowering::{Lowering, at_least_one};
use crate::cli::output::of;

/// A trained network as a SONATA circuit: nodes, edges, input spikes, configuration.
///
/// Numbers are those of `IF_curr_exp` cells as `kenyon export deployment` lowers them: mV, nA, nF, ms, with signed weights.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon export sonata runs/first -o sonata\n  \
    python3 -c 'import libsonata; print(libsonata.CircuitConfig.from_file(\"sonata/circuit_config.json\").node_populations)'")]
pub(crate) struct Sonata {
    #[command(flatten)]
    lowering: Lowering,
    /// Folder to write; it must not exist or be empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Test samples that go with the network
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = at_least_one)]
    samples: usize,
}

impl Sonata {
    pub(crate) fn run(&self, context: &Context) -> Result<()> {
        let deployment = self.lowering.deployment(self.samples)?;
        let findings = super::lint_for_any(&deployment)?;
        let done = sonata::export(&deployment, &self.output)?;
        let report = json!({ "output": self.output, "export": done, "lint": findings });
        context.print(&report, || {
            format!(
                "{}, {}, {}\nwritten: {}",
                of(done.nodes as u64, "node"),
                of(done.edges as u64, "edge"),
                of(done.samples as u64, "sample"),
                self.output.display()
            )
        });
        Ok(())
    }
}
