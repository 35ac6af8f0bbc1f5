//! `kenyon connectome info`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use kenyon_base::Result;
use kenyon_connectome::Pack;
use kenyon_connectome::overview::{Counts, Overview, overview};

use crate::cli::context::Context;
use crate::cli::output::{TextTable, count};

/// What a pack holds: classes by transmitter, sides, neuropils, keyword lists, sources.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon connectome info fly.h5 --json")]
pub(in crate::cli) struct Info {
    /// Connectome pack
    #[arg(value_name = "PACK")]
    pack: PathBuf,
}

impl Info {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let info = overview(&Pack::open(&self.pack)?)?;
        context.print(&info, || text(&info));
        Ok(())
    }
}

fn text(info: &Overview) -> String {
    let headline = format!(
        "{}{} neurons, {} rows, {} pairs, {} synapses; {} cell types; {} neurons with output, {} with input",
        if info.synthetic { "synthetic: " } else { "" },
        count(info.neurons),
        count(info.rows),
        count(info.pairs),
        count(info.synapses),
        count(info.types),
        count(info.connected.pre),
        count(info.connected.post),
    );
    let mut parts = vec![headline, format!("queries can use: {}", info.fields.join(", ")), by_transmitter(&info.classes)];
    parts.push(counts("side", &info.sides, "neurons"));
    parts.push(counts("transmitter of a row", &info.row_transmitters, "rows"));
    parts.push(largest("neuropil", &info.neuropils, "synapses"));
    if !info.lists.is_empty() {
        parts.push(counts("keyword list", &info.lists, "ids"));
    }
    if let Some(n) = info.receptor_neurons {
        parts.push(format!("{} neurons with a receptor label", count(n)));
    }
    parts.iter().map(|part| part.trim_end()).collect::<Vec<_>>().join("\n\n")
}

fn shown(text: &str) -> String {
    if text.is_empty() { "(blank)".into() } else { text.into() }
}

fn by_transmitter(classes: &BTreeMap<String, Counts>) -> String {
    let mut transmitters: Vec<&String> = classes.values().flat_map(Counts::keys).collect();
    transmitters.sort_unstable();
    transmitters.dedup();
    let header: Vec<String> = transmitters.iter().map(|t| shown(t)).collect();
    let mut columns = vec!["class", "neurons"];
    columns.extend(header.iter().map(String::as_str));
    let mut table = TextTable::new(&columns);
    let mut rows: Vec<_> = classes.iter().map(|(class, counts)| (class, counts, counts.values().sum::<u64>())).collect();
    rows.sort_by(|a, b| b.2.cmp(&a.2).then(a.0.cmp(b.0)));
    for (class, counts, total) in rows {
        let cells = transmitters.iter().map(|t| counts.get(*t).map_or(String::new(), |&n| count(n)));
        table.row([shown(class), count(total)].into_iter().chain(cells));
    }
    table.render()
}

fn counts(what: &str, counts: &Counts, unit: &str) -> String {
    let mut table = TextTable::new(&[what, unit]);
    for (value, &n) in counts {
        table.row([shown(value), count(n)]);
    }
    table.render()
}

fn largest(what: &str, counts: &Counts, unit: &str) -> String {
    const SHOWN: usize = 15;
    let mut rows: Vec<_> = counts.iter().collect();
    rows.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let mut table = TextTable::new(&[what, unit]);
    for &(value, &n) in rows.iter().take(SHOWN) {
        table.row([shown(value), count(n)]);
    }
    if rows.len() > SHOWN {
        table.row([format!("{} more", rows.len() - SHOWN), count(rows[SHOWN..].iter().map(|r| r.1).sum())]);
    }
    table.render()
}
