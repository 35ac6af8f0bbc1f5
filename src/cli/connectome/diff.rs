//! `kenyon connectome diff`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use kenyon_base::Result;
use kenyon_connectome::Pack;
use kenyon_connectome::diff::{self, Diff, Sets};

use crate::cli::context::Context;
use crate::cli::output::{TextTable, count};

/// Compare two packs, for example materializations 630 and 783: neurons, pairs, synapses, attributes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon connectome diff fly_630.h5 fly_783.h5 --json")]
pub(in crate::cli) struct DiffArgs {
    /// First pack
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Second pack
    #[arg(value_name = "B")]
    b: PathBuf,
}

impl DiffArgs {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let diff = diff::diff(&Pack::open(&self.a)?, &Pack::open(&self.b)?)?;
        context.print(&diff, || text(&diff));
        Ok(())
    }
}

fn text(diff: &Diff) -> String {
    let made = made(diff);
    if diff.equal {
        return format!("no difference\n{made}");
    }
    let mut table = TextTable::new(&["", "first", "second", "in both", "only first", "only second"]);
    let mut row = |name: &str, s: &Sets| {
        table.row([name.to_string(), count(s.a), count(s.b), count(s.common), count(s.only_a), count(s.only_b)]);
    };
    row("neurons", &diff.neurons);
    row("pairs", &diff.pairs);
    let mut out = table.render();
    let _ = writeln!(
        out,
        "\nsynapses: {} and {}; on common pairs {} and {}; {} common pairs with another count\n",
        count(diff.synapses.a),
        count(diff.synapses.b),
        count(diff.synapses.common_a),
        count(diff.synapses.common_b),
        count(diff.pairs_changed)
    );
    let mut table = TextTable::new(&["attribute of common neurons", "gained", "lost", "changed", "most frequent change"]);
    for (name, d) in &diff.attributes {
        let example = d.examples.first().map_or(String::new(), |(a, b, n)| format!("{a} -> {b} ({n})"));
        table.row([name.clone(), count(d.gained), count(d.lost), count(d.changed), example]);
    }
    out.push_str(&table.render());
    out + &made
}

/// How the packs were made differently; nothing if they were not.
fn made(diff: &Diff) -> String {
    if diff.made.is_empty() {
        return String::new();
    }
    let mut table = TextTable::new(&["made differently", "first", "second"]);
    for m in &diff.made {
        table.row([m.what.as_str(), &m.a, &m.b]);
    }
    format!("\n{}", table.render())
}
