//! `kenyon export compare`.

use std::path::PathBuf;

use clap::Args;
use kenyon_base::Result;
use kenyon_hardware::pynn::{self, Comparison, NOT_EVIDENCE};
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::output::TextTable;

/// What simulators did with an exported folder, beside what was expected: context, not evidence
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cd pynn && python3 run_pynn.py nest --all && kenyon export compare .")]
pub(crate) struct Compare {
    /// Folder that `kenyon export pynn` wrote and back ends ran in
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

impl Compare {
    pub(crate) fn run(&self, context: &Context) -> Result<()> {
        let rows = pynn::compare(&self.dir)?;
        context.print(&json!({ "comparisons": rows, "note": NOT_EVIDENCE }), || text(&rows));
        Ok(())
    }
}

fn text(rows: &[Comparison]) -> String {
    let header =
        ["back end", "sample", "right", "expected", "answer", "spikes expected", "spikes", "matched", "readout apart by"];
    let mut table = TextTable::new(&header);
    let class = |c: Option<u32>| c.map_or_else(|| "-".into(), |c| c.to_string());
    for row in rows {
        table.row([
            row.back_end.clone(),
            row.sample.to_string(),
            class(row.class),
            class(row.expected_answer),
            class(row.answer),
            row.expected_spikes.to_string(),
            row.spikes.to_string(),
            row.matched_share.map_or_else(|| "-".into(), |share| format!("{:.1} %", 100.0 * share)),
            row.readout_difference.map_or_else(|| "-".into(), |x| format!("{x:.4}")),
        ]);
    }
    let mut out = table.render();
    let mut last = "";
    for row in rows.iter().filter(|row| std::mem::replace(&mut last, &row.back_end) != row.back_end) {
        let packages = row.versions.iter().filter_map(|(name, v)| v.as_ref().map(|v| format!("{name} {v}")));
        out += &format!("{}: {}\n", row.back_end, packages.collect::<Vec<_>>().join(", "));
    }
    out + &format!("matched: spikes of the same neuron at most 2 steps apart; {NOT_EVIDENCE}")
}
