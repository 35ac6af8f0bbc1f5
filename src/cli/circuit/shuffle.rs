//! `kenyon circuit shuffle`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kenyon_base::{Progress, Result, UserError};
use kenyon_connectome::circuit::{file, shuffle};
use kenyon_connectome::nulls::{Block, NullModel, NullOptions, NullReport};

use crate::cli::context::Context;
use crate::cli::output::{TextTable, count, of, percent};
use crate::cli::target::Target;

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
    /// Blocks of `weight-block` [default: type]
    #[arg(long, value_enum)]
    block: Option<BlockArg>,
    /// Circuit to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum BlockArg {
    /// Pairs of cell types
    Type,
    /// Pairs of populations: the coarse baseline
    Population,
}

impl Shuffle {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let model: NullModel = self.model.parse()?;
        if self.block.is_some() && model != NullModel::WeightBlock {
            return Err(UserError::usage("unused-option", format!("`--block` has no meaning for `{model}`"))
                .key("--block")
                .expected("`--model weight-block`")
                .mend("take `--block` out, or choose that model"));
        }
        let block = match self.block {
            Some(BlockArg::Type) | None => Block::Type,
            Some(BlockArg::Population) => Block::Population,
        };
        let target = Target::new(&self.output, [self.circuit.as_path()])?;
        let circuit = file::read(&self.circuit)?;
        context.stage("shuffling", None);
        let options = NullOptions { block, ..NullOptions::default() };
        let made = shuffle::shuffle(&circuit, model, context.seed, &options);
        let (null, report) = made.map_err(|error| error.file(&self.circuit))?;
        file::write(&null, &self.output)?;
        target.written(context);
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
        "`{}` of {}, seed {}: {} of {} moves accepted, {} of the pairs are new, {} of the edges have changed\n\n{}",
        report.model,
        of(report.edges, "edge"),
        report.seed,
        count(report.accepted),
        count(report.attempted),
        percent(report.pairs_changed),
        percent(report.edges_changed),
        table.render()
    )
}
