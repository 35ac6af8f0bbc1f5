//! `kenyon connectome import`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kenyon_base::Result;
use kenyon_connectome::import::{self, ImportReport, ImportSpec, OnDuplicate, OnOverlap, Threshold, ThresholdOn};
use kenyon_connectome::pack;

use crate::cli::context::Context;
use crate::cli::output::{TextTable, count, of};
use crate::cli::target::Target;

/// Read a folder of Codex downloads into one connectome pack.
///
/// Tables are recognised by their columns, `.csv` or `.csv.gz`. Keyword root-id lists (`root_ids_*.txt`) and a receptor map are
/// taken from the folder and its immediate subfolders.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon connectome import codex_783/ -o fly.h5\n  \
    kenyon connectome import codex_783/ --connections connections_princeton -o fly.h5\n  \
    kenyon connectome import codex_783/ --connections connections,connections_princeton --on-overlap first -o fly.h5")]
pub(in crate::cli) struct Import {
    /// Folder with Codex downloads
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Connectome pack to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Connection table to read, by file name, or several separated by commas; needed if there are several
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    connections: Vec<String>,
    /// What decides pairs found in several of the tables named
    #[arg(long, value_enum, default_value_t)]
    on_overlap: OverlapArg,
    /// What to do with a row (pre, post, neuropil) that occurs again
    #[arg(long, value_enum, default_value_t)]
    on_duplicate: DuplicateArg,
    /// Leave out connections with fewer synapses
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true)]
    min_synapses: u32,
    /// Whether `--min-synapses` looks at pairs or at single rows
    #[arg(long, value_enum, default_value_t)]
    threshold_on: ThresholdArg,
    /// Keep connections of a neuron onto itself
    #[arg(long)]
    keep_self_loops: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum OverlapArg {
    #[default]
    Error,
    First,
    Max,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum DuplicateArg {
    #[default]
    Error,
    Sum,
    First,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ThresholdArg {
    #[default]
    Pair,
    Row,
}

impl Import {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let spec = ImportSpec {
            connections: self.connections.clone(),
            on_overlap: match self.on_overlap {
                OverlapArg::Error => OnOverlap::Error,
                OverlapArg::First => OnOverlap::First,
                OverlapArg::Max => OnOverlap::Max,
            },
            on_duplicate: match self.on_duplicate {
                DuplicateArg::Error => OnDuplicate::Error,
                DuplicateArg::Sum => OnDuplicate::Sum,
                DuplicateArg::First => OnDuplicate::First,
            },
            threshold: Threshold {
                on: match self.threshold_on {
                    ThresholdArg::Pair => ThresholdOn::Pair,
                    ThresholdArg::Row => ThresholdOn::Row,
                },
                min: self.min_synapses,
            },
            keep_self_loops: self.keep_self_loops,
        };
        let target = Target::beside_folder(&self.output, &self.dir)?;
        let (connectome, report) = import::import(&self.dir, &spec, context)?;
        pack::write(&connectome, &self.output)?;
        target.written(context);
        if report.pairs == 0 {
            context.warn("the pack holds no connection: every row was dropped or lay below the threshold");
        }
        for unknown in &report.diagnostics.unknown_values {
            context.warn(&format!(
                "{}, line {}, column `{}`: `{}` is not a known value; treated as blank on {}",
                unknown.file,
                unknown.line,
                unknown.column,
                unknown.value,
                of(unknown.count, "row")
            ));
        }
        context.print(&report, || text(&report, &self.output));
        Ok(())
    }
}

/// The report as text.
pub(super) fn text(report: &ImportReport, output: &std::path::Path) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}{}, {}, {}, {}\n",
        if report.synthetic { "synthetic: " } else { "" },
        of(report.neurons, "neuron"),
        of(report.rows, "row"),
        of(report.pairs, "pair"),
        of(report.synapses, "synapse")
    );
    let mut files = TextTable::new(&["file", "kind", "rows"]);
    for file in &report.files {
        files.row([file.name.clone(), file.kind.clone(), file.rows.map_or_else(|| "not read".into(), count)]);
    }
    out.push_str(&files.render());
    for file in report.files.iter().filter(|f| !f.extra_columns.is_empty()) {
        let _ = writeln!(out, "columns of {} not read: {}", file.name, file.extra_columns.join(", "));
    }
    let d = &report.diagnostics;
    let mut table = TextTable::new(&["diagnostic", "count"]);
    for (what, n) in [
        ("rows read", d.rows_read),
        ("rows with count 0, dropped", d.zero_counts),
        ("repeated rows", d.duplicate_rows),
        ("self loops", d.self_loops),
        ("pairs in several tables", d.overlapping_pairs),
        ("pairs below the threshold", d.threshold.removed_pairs),
        ("pairs of several rows", d.multi_row_pairs),
        ("rows without a transmitter", d.blank_nt),
        ("neurons with several transmitters", d.several_nt),
        ("neurons unknown to neurons/classification", d.orphan_ids),
        ("neurons without a cell type", d.unknown_type),
        ("ids repeated in attribute tables", d.repeated_ids),
        ("attributes that contradict an earlier table", d.attribute_conflicts),
        ("sides that contradict a keyword list", d.side_conflicts),
        ("ids repeated in keyword lists", d.keyword_duplicates),
        ("receptor ids that are no neurons", d.receptor_outside),
        ("neurons without any connection", d.no_connection),
        ("neurons with output only", d.no_input),
        ("neurons with input only", d.no_output),
        ("receptor neurons", d.receptor_neurons),
        ("receptor neurons with several labels", d.receptor_several_labels),
        ("keyword ids that are no neurons", d.keyword_outside),
        ("keyword neurons without any connection", d.keyword_unconnected),
    ] {
        if n > 0 {
            table.row([what.to_string(), count(n)]);
        }
    }
    let _ = write!(out, "\n{}\nwritten: {}", table.render(), output.display());
    out
}
