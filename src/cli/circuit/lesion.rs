//! `kenyon circuit lesion`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use kenyon_base::{Result, UserError};
use kenyon_connectome::circuit::file;
use kenyon_connectome::circuit::lesion::{Lesion, lesion};

use crate::cli::context::Context;
use crate::cli::output::{count, of};
use crate::cli::target::Target;

/// Remove or silence neurons of a circuit.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon circuit lesion circuit.h5 --silence 'population = APL' -o no_apl.h5\n  \
    kenyon circuit lesion circuit.h5 --remove 'type ~ \"^KCg\"' -o no_gamma.h5")]
#[command(group(clap::ArgGroup::new("kind").required(true).args(["remove", "silence"])))]
pub(in crate::cli) struct LesionArgs {
    /// Circuit
    #[arg(value_name = "CIRCUIT")]
    circuit: PathBuf,
    /// Take these neurons out of the circuit
    #[arg(long, value_name = "QUERY")]
    remove: Option<String>,
    /// Keep these neurons in the stored order, without any connection
    #[arg(long, value_name = "QUERY")]
    silence: Option<String>,
    /// Circuit to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl LesionArgs {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let (query, kind, word) = match (&self.remove, &self.silence) {
            (Some(query), _) => (query, Lesion::Remove, "removed"),
            (None, Some(query)) => (query, Lesion::Silence, "silenced"),
            (None, None) => return Err(UserError::usage("no-lesion", "neither `--remove` nor `--silence` is given")),
        };
        let target = Target::new(&self.output, [self.circuit.as_path()])?;
        let circuit = file::read(&self.circuit)?;
        let (lesioned, report) = lesion(&circuit, query, kind)?;
        if report.neurons == 0 {
            context.warn("the query selects no neuron; the circuit is unchanged");
        }
        file::write(&lesioned, &self.output)?;
        target.written(context);
        context.print(&report, || {
            let mut out = format!(
                "{word}: {}, {}, {}",
                of(report.neurons, "neuron"),
                of(report.pairs, "pair"),
                of(report.synapses, "synapse")
            );
            for (population, n) in &report.populations {
                let _ = write!(out, "\n  {population}: {}", count(*n));
            }
            out + &format!("\nwritten: {}", self.output.display())
        });
        Ok(())
    }
}
