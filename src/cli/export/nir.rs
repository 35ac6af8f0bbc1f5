//! `kenyon export nir`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kenyon_base::Result;
use kenyon_hardware::nir;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::lowering::{Lowering, at_least_one};
use crate::cli::output::{count, of};
use crate::cli::target::Target;

/// A trained network as a NIR graph, for Norse, snnTorch and others.
///
/// NIR describes neurons in continuous time, and each reader steps through time in its own way: a file is written for one of them. NIR
/// has no refractory step, so Norse and snnTorch compute another network than the trained one; how many spikes of the samples agree
/// is printed. The step, the conventions, the samples and the spikes that the reader should find are stored in `/metadata/kenyon`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon export nir runs/first --profile norse -o first.nir\n  \
    python3 -c 'import nir, norse.torch as n; n.from_nir(nir.read(\"first.nir\"), dt=0.002)'")]
pub(crate) struct Nir {
    #[command(flatten)]
    lowering: Lowering,
    /// File to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The reader that the file is for
    #[arg(long, value_name = "READER", value_enum, default_value_t)]
    profile: Profile,
    /// Test samples that go with the network
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = at_least_one)]
    samples: usize,
}

/// A reader of NIR files.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Profile {
    /// NIR by its definition, with exact time constants and delays as nodes
    #[default]
    Canonical,
    /// Norse 1.1.0
    Norse,
    /// snnTorch 1.0.0
    Snntorch,
}

impl Nir {
    pub(crate) fn run(&self, context: &Context) -> Result<()> {
        let target = Target::beside_folder(&self.output, self.lowering.run())?;
        let profile = match self.profile {
            Profile::Canonical => nir::Profile::Canonical,
            Profile::Norse => nir::Profile::Norse,
            Profile::Snntorch => nir::Profile::SnnTorch,
        };
        let deployment = self.lowering.deployment(self.samples)?;
        let findings = super::lint_for_any(&deployment)?;
        let done = nir::export(&deployment, profile, &self.output)?;
        let report = json!({ "output": self.output, "export": done, "lint": findings });
        context.print(&report, || {
            let spikes = match profile {
                nir::Profile::Canonical => format!("{} spikes", count(done.spikes as u64)),
                _ => format!(
                    "{} spikes, of which {} find their neuron and step among the {} of its reader",
                    count(done.spikes as u64),
                    count(done.same_spikes as u64),
                    count(done.reader_spikes as u64)
                ),
            };
            format!(
                "{}, {}, {}, {}\n{}: {spikes}",
                of(done.neurons as u64, "neuron"),
                of(done.relays as u64, "relay"),
                of(done.synapses as u64, "synapse"),
                of(done.nodes as u64, "node"),
                of(done.samples as u64, "sample"),
            )
        });
        target.written(context);
        Ok(())
    }
}
