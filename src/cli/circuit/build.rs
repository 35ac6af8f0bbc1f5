//! `kenyon circuit build`.

use std::path::PathBuf;

use clap::Args;
use kenyon_base::{Result, UserError};
use kenyon_connectome::circuit::{self, CircuitSpec, file};
use kenyon_connectome::{Circuit, Pack};

use crate::cli::context::Context;

/// Build a circuit from a connectome pack by a config: populations, thresholds, signs, completion.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon circuit build examples/synthetic_fly.toml --connectome fly.h5 -o circuit.h5\n  \
    kenyon circuit build my_circuit.toml -o circuit.h5 --json")]
pub(in crate::cli) struct Build {
    /// Config; see `docs/formats.md`, "Circuit config"
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// Circuit to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Connectome pack, instead of the one that the config names
    #[arg(long, value_name = "PACK")]
    connectome: Option<PathBuf>,
}

impl Build {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let mut spec = CircuitSpec::read(&self.config)?;
        spec.completion.seed.get_or_insert(context.seed);
        let beside = |path: &PathBuf| self.config.parent().map_or_else(|| path.clone(), |dir| dir.join(path));
        let Some(pack) = self.connectome.clone().or_else(|| spec.connectome.as_ref().map(beside)) else {
            return Err(UserError::usage("no-connectome", "names no connectome pack")
                .file(&self.config)
                .key("connectome")
                .mend("add `connectome = \"fly.h5\"` to it, or give `--connectome fly.h5`"));
        };
        let circuit = circuit::build(&Pack::open(&pack)?, &spec, &self.config, context)?;
        warn(&circuit, context);
        file::write(&circuit, &self.output)?;
        let info = circuit::info::describe(&circuit);
        context.print(&info, || format!("{}\nwritten: {}", super::info_text(&info), self.output.display()));
        Ok(())
    }
}

/// Says what a user would want to know before going on.
pub(in crate::cli) fn warn(circuit: &Circuit, context: &Context) {
    for selected in &circuit.report.selected {
        if selected.in_circuit == 0 {
            let why = if selected.matched == 0 {
                "nothing matches it"
            } else if selected.selected == 0 {
                "earlier populations, `within` or `sides` took all of its neurons"
            } else {
                "none of its neurons has a connection inside the circuit; `unconnected = \"keep\"` keeps them"
            };
            context.warn(&format!("population `{}` is empty: {why}", selected.name));
        }
        if selected.outside > 0 {
            context.warn(&format!("population `{}`: {} ids are no neurons of the pack", selected.name, selected.outside));
        }
    }
    for done in &circuit.report.completion {
        context.note(&format!(
            "synthetic: {} pairs of `{}` were generated from {} statistics",
            done.pairs, done.projection, done.source
        ));
    }
}
