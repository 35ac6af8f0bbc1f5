//! `kenyon circuit build`.

use std::path::PathBuf;

use clap::Args;
use kenyon_base::{Result, UserError};
use kenyon_connectome::circuit::build::PopulationReport;
use kenyon_connectome::circuit::{self, CircuitSpec, file};
use kenyon_connectome::{Circuit, Pack};

use crate::cli::context::Context;
use crate::cli::output::{count, of};
use crate::cli::target::Target;

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
        let mut spec = CircuitSpec::read(&self.config).map_err(|error| match error.code() {
            "not-text" => error.expected("a TOML config").mend("name the config first, and give the pack with `--connectome`"),
            _ => error,
        })?;
        spec.completion.seed.get_or_insert(context.seed);
        let beside = |path: &PathBuf| self.config.parent().map_or_else(|| path.clone(), |dir| dir.join(path));
        let Some(pack) = self.connectome.clone().or_else(|| spec.connectome.as_ref().map(beside)) else {
            return Err(UserError::usage("no-connectome", "names no connectome pack")
                .file(&self.config)
                .key("connectome")
                .mend("add `connectome = \"fly.h5\"` to it, or give `--connectome fly.h5`"));
        };
        let files = spec.population.iter().filter_map(|p| p.file.as_ref()).chain(&spec.signs.table).map(beside);
        let inputs: Vec<PathBuf> = [self.config.clone(), pack.clone()].into_iter().chain(files).collect();
        let target = Target::new(&self.output, inputs.iter().map(PathBuf::as_path))?;
        let opened = Pack::open(&pack)?;
        let circuit = circuit::build(&opened, &spec, &self.config, context)?;
        warn(&circuit, &opened.tables()?, context);
        file::write(&circuit, &self.output)?;
        target.written(context);
        let info = circuit::info::describe(&circuit);
        context.print(&info, || format!("{}\nwritten: {}", super::info_text(&info), self.output.display()));
        Ok(())
    }
}

/// Says what a user would want to know before going on; `tables` are the connection tables of the pack.
pub(in crate::cli) fn warn(circuit: &Circuit, tables: &[String], context: &Context) {
    let report = &circuit.report;
    for selected in &report.selected {
        if selected.in_circuit == 0 {
            context.warn(&format!("population `{}` is empty: {}", selected.name, why_empty(selected, tables)));
        }
        if selected.outside > 0 {
            context.warn(&format!("population `{}`: {} are no neurons of the pack", selected.name, of(selected.outside, "id")));
        }
    }
    if report.inputs_matched.is_some() && !circuit.input.contains(&true) {
        context.warn(&format!(
            "no neuron of the circuit is driven by odours: `inputs` names {} of the pack, none of them in the circuit",
            of(report.inputs_matched.unwrap_or(0), "neuron")
        ));
    }
    if let Some(table) = report.sign_table.as_ref().filter(|table| table.outside > 0) {
        context.warn(&format!(
            "sign table: {} of its {} are no neurons of the pack; the first is {}",
            of(table.outside, "root id"),
            of(table.rows, "row"),
            table.outside_examples.first().map_or("", String::as_str)
        ));
    }
    for done in &report.completion {
        context.note(&format!(
            "synthetic: {} of `{}` were generated from {} statistics",
            of(done.pairs, "pair"),
            done.projection,
            done.source
        ));
        let (drawn, planned) = (count(done.drawn), count(done.planned));
        if done.drawn * 100 < done.planned * 99 {
            context.warn(&format!(
                "`{}`: {drawn} of {planned} planned pairs were drawn; the circuit has no more pairs of these neurons",
                done.projection
            ));
        } else if done.drawn * 100 > done.planned * 101 {
            context.warn(&format!(
                "`{}`: {drawn} pairs were drawn where the scale plans {planned}; every neuron of this projection keeps one",
                done.projection
            ));
        }
    }
}

fn why_empty(selected: &PopulationReport, tables: &[String]) -> String {
    if selected.matched == 0 {
        return "nothing matches it".into();
    }
    if selected.taken == selected.matched {
        let by: Vec<String> = selected.taken_by.iter().map(|(name, &n)| format!("`{name}` ({})", count(n))).collect();
        return format!("earlier populations took all of its neurons: {}", by.join(", "));
    }
    if selected.selected == 0 {
        return format!("`within` and `sides` left none of its {}", of(selected.matched - selected.taken, "neuron"));
    }
    if selected.connected == 0 {
        return format!(
            "none of its {} has a connection in the pack (tables read: {}); import another table",
            of(selected.selected, "neuron"),
            tables.join(", ")
        );
    }
    format!(
        "none of its {} has a connection inside the circuit; `unconnected = \"keep\"` keeps them",
        of(selected.selected, "neuron")
    )
}
