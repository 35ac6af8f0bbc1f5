//! `kenyon circuit shuffle`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kenyon_base::{Progress, Result};
use kenyon_connectome::circuit::{file, shuffle};
use kenyon_connectome::nulls::{Block, NullModel, NullOptions, NullReport};

use crate::cli::context::Context;
use crate::cli::output::{TextTable, count, percent};

/// Make a null model of a circuit; what it must preserve is checked, not assumed.
///
/// `swap` keeps every neuron's degrees, `swap-typed` also the edges between cell types, `weight-block` the wiring and the counts
/// between types, `weight-all` the wiring, `sign` everything but who is inhibitory, `er` only the number of edges, `identity`
/// everything but the neurons' identities.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon circuit shuffle circuit.h5 --model swap --seed 3 -o null.h5")]
pub(in crate::cli) struct Shuffle {
    /// Circuit
    #[arg(value_name = "CIRCUIT")]
    circuit: PathBuf,
    /// Null model: swap, swap-typed, weight-block, weight-all, sign, er, identity
    #[arg(long, value_name = "NAME")]
    model: String,
    /// Blocks of `weight-block`
    #[arg(long, value_enum, default_value_t)]
    block: BlockArg,
    /// Circuit to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum BlockArg {
    /// Pairs of cell types
    #[default]
    Type,
    /// Pairs of populations: the coarse baseline
    Population,
}

impl Shuffle {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let model: NullModel = self.model.parse()?;
        let block = match self.block {
            BlockArg::Type => Block::Type,
            BlockArg::Population => Block::Population,
        };
        let circuit = file::read(&self.circuit)?;
        context.stage("shuffling", None);
        let (null, report) = shuffle::shuffle(&circuit, model, context.seed, &NullOptions { block, ..NullOptions::default() })?;
        file::write(&null, &self.output)?;
        context.print(&report, || format!("{}\nwritten: {}", text(&report), self.output.display()));
        Ok(())
    }
}

fn text(report: &NullReport) -> String {
    let mut table = TextTable::new(&["preserved exactly", "checked"]);
    for invariant in &report.invariants {
        table.row([invariant.name.as_str(), if invariant.held { "holds" } else { "BROKEN" }]);
    }
    format!(
        "`{}` of {} edges, seed {}: {} of {} moves accepted, {} of the pairs are new\n\n{}",
        report.model,
        count(report.edges),
        report.seed,
        count(report.accepted),
        count(report.attempted),
        percent(report.pairs_changed),
        table.render()
    )
}
