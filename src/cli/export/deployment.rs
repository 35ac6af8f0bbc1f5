//! `kenyon export deployment`.

use std::path::PathBuf;

use clap::Args;
use kenyon_base::Result;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::lowering::{Lowering, at_least_one};
use crate::cli::output::count;
use crate::cli::target::Target;

/// A trained network as a deployment file: HDF5, or JSON if its name ends so
///
/// What `kenyon lint` finds in it is told on stderr; it is written all the same.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon export deployment runs/first -o first.h5\n  kenyon emulate first.h5 -o emulated")]
pub(crate) struct Export {
    #[command(flatten)]
    lowering: Lowering,
    /// File to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Test samples that go with the network
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = at_least_one)]
    samples: usize,
}

impl Export {
    pub(crate) fn run(&self, context: &Context) -> Result<()> {
        let target = Target::beside_folder(&self.output, self.lowering.run())?;
        let deployment = self.lowering.deployment(self.samples)?;
        let findings = super::lint_for_board(&deployment, context);
        deployment.write(&self.output)?;
        let neurons: usize = deployment.populations.iter().map(|p| p.ids.len()).sum();
        let scales: Vec<_> =
            deployment.populations.iter().map(|p| json!({ "population": p.label, "v_scale": p.v_scale })).collect();
        let report = json!({
            "output": self.output, "neurons": neurons, "synapses": deployment.synapses(), "samples": deployment.samples.len(),
            "scales": scales, "lint": findings,
        });
        context.print(&report, || {
            let (neurons, synapses) = (count(neurons as u64), count(deployment.synapses() as u64));
            format!("{neurons} neurons, {synapses} synapses, {} samples", deployment.samples.len())
        });
        target.written(context);
        Ok(())
    }
}
