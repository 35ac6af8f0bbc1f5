//! `kenyon export compare`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use kenyon_base::{Result, UserError};
use kenyon_hardware::pynn::{self, Comparison, NOT_EVIDENCE};
use kenyon_hardware::spinnaker::image::report::MappingComparison;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::output::TextTable;

/// What simulators did with an exported folder, beside what was expected: context, not evidence
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cd pynn && python3 run_pynn.py nest --all && kenyon export compare .\n  kenyon export compare pynn --mapping pynn/reports"
)]
pub(crate) struct Compare {
    /// Folder that `kenyon export pynn` wrote and back ends ran in
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Compare memory images and routes with the reports of sPyNNaker's mapper instead (`reports`, of a virtual board or a real one)
    #[arg(long, value_name = "REPORTS")]
    mapping: Option<PathBuf>,
}

impl Compare {
    pub(crate) fn run(&self, context: &Context) -> Result<()> {
        if let Some(reports) = &self.mapping {
            return mapping(&pynn::mapping(&self.dir, reports)?, reports, context);
        }
        let rows = pynn::compare(&self.dir)?;
        context.print(&json!({ "comparisons": rows, "note": NOT_EVIDENCE }), || text(&rows));
        Ok(())
    }
}

/// What the mapper did: evidence for the mapping, and for nothing that runs.
fn mapping(found: &MappingComparison, reports: &Path, context: &Context) -> Result<()> {
    context.print(found, || {
        let mut table = TextTable::new(&["population", "first neuron", "region", "words", "different"]);
        for region in found.regions.iter().filter(|r| r.different > 0) {
            table.row([
                region.population.clone(),
                region.first_neuron.to_string(),
                region.region.to_string(),
                region.words.to_string(),
                region.different.to_string(),
            ]);
        }
        let wrong = found.regions.iter().filter(|r| r.different > 0).count();
        let mut out = if wrong > 0 { table.render() + "\n" } else { String::new() };
        for (label, first, n) in &found.misrouted {
            let _ = writeln!(out, "{label}: packets of {n} neurons, from {first} on, reach other cores than their receivers'");
        }
        out + &format!(
            "{} populations on {} cores: {} of {} memory regions are equal word for word, {} are left to the board; {} packets followed, {} astray",
            found.populations,
            found.cores,
            found.regions.len() - wrong,
            found.regions.len(),
            found.not_in_report,
            found.packets,
            found.misrouted.iter().map(|m| m.2).sum::<usize>()
        )
    });
    if found.agrees() {
        return Ok(());
    }
    Err(UserError::check_failed("mapping", "the mapper made something else of this network").file(reports))
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
        let _ = writeln!(out, "{}: {}", row.back_end, packages.collect::<Vec<_>>().join(", "));
    }
    out + &format!("matched: spikes of the same neuron at most 2 steps apart; {NOT_EVIDENCE}")
}
