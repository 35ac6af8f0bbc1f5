//! `kenyon lint`: what is wrong with a deployment, before anything runs.
//!
//! | module | owns |
//! |---|---|
//! | `layout` | how the populations lie on the machine |

mod layout;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kenyon_base::{Progress as _, Result, shown};
use kenyon_hardware::lint::{self, Activity, Finding, Known, Severity};
use kenyon_hardware::spinnaker::Options;
use kenyon_hardware::spinnaker::packing::Machine;
use kenyon_hardware::{Cells, Deployment};
use serde::Serialize;

use super::context::Context;
use super::emulate::shifts::{How, Named, choose};
use super::output::{TextTable, count, of};

/// Say what is wrong with a deployment for a SpiNNaker board, or will surprise; exit code 4 if it cannot run
///
/// Any deployment file is taken, also one that other commands refuse. `docs/lint.md` explains the codes.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kenyon lint first.h5\n  kenyon lint first.h5 --emulate --max-expected-summed-weight KC=12,3.5\n  \
                  kenyon lint by_hand.json --json"
)]
pub(super) struct Lint {
    /// Deployment: HDF5, or JSON if its name ends so
    #[arg(value_name = "DEPLOYMENT")]
    deployment: PathBuf,
    /// Largest summed input that this population will see (nA, uS): sets its shifts; all others keep theirs. Once per population
    #[arg(long, value_name = "LABEL=E,I")]
    max_expected_summed_weight: Vec<String>,
    /// Emulate its samples too, and say what they would do on the board
    #[arg(long)]
    emulate: bool,
    /// Machine that is to hold it
    #[arg(long, value_name = "BOARD", value_enum, default_value = "spinn5")]
    machine: Board,
    /// Synapses and neurons share cores below 1 ms too, as emulated
    #[arg(long)]
    combined_cores: bool,
    /// Take the numbers as a PyNN script's own: weights and thresholds as they stand, not as those of a trained network
    #[arg(long)]
    as_written: bool,
}

/// A machine.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Board {
    /// SpiNN-3: 4 chips
    Spinn3,
    /// SpiNN-5: 48 chips
    Spinn5,
}

impl From<Board> for Machine {
    fn from(board: Board) -> Self {
        match board {
            Board::Spinn3 => Self::Spinn3,
            Board::Spinn5 => Self::Spinn5 { boards: 1 },
        }
    }
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    deployment: &'a Path,
    neurons: u64,
    synapses: u64,
    errors: usize,
    warnings: usize,
    findings: &'a [Finding],
    /// How the populations lie on the machine, where the errors let that be told.
    layout: Vec<layout::Lain>,
}

impl Lint {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let deployment = Deployment::read_unchecked(&self.deployment)?;
        let known = Known { combined_cores: self.combined_cores, ..Known::default() };
        let base = if self.as_written { Options::AS_WRITTEN } else { Options::LOWERED };
        let named = Named::parse(&deployment, &[], &self.max_expected_summed_weight)?;
        let samples = &deployment.samples;
        let (options, measured) = if deployment.check().is_ok() {
            let how = How::by_itself(self.as_written, samples);
            // What is in the way of a measurement is in the way of the lint's own copy too, which tells it with its place.
            choose(&deployment, &base, samples, how, &named, context).unwrap_or((base, None))
        } else {
            (base, None)
        };
        let mut linted = lint::quantised(&deployment, &options, Some(self.machine.into()), &known);
        if let (true, Some(network)) = (self.emulate, &linted.quantised) {
            context.stage("emulating", None);
            let activity = Activity::emulated(&deployment, network);
            linted.see(&deployment, &activity, &known);
        }
        let failed = lint::stop(&linted.findings, false);
        let findings = &linted.findings;
        let number = |severity| findings.iter().filter(|f| f.severity == severity).count();
        let cells = deployment.populations.iter().filter(|p| !matches!(p.cells, Cells::SpikeSource));
        let report = Report {
            deployment: &self.deployment,
            neurons: cells.map(|p| p.ids.len() as u64).sum(),
            synapses: deployment.synapses() as u64,
            errors: number(Severity::Error),
            warnings: number(Severity::Warning),
            findings,
            layout: layout::layout(&deployment, &linted, measured.as_ref()),
        };
        context.print(&report, || text(&report));
        failed.map_err(|e| e.file(&self.deployment))
    }
}

/// A finding in full, safe for a terminal.
pub(super) fn words(finding: &Finding) -> String {
    let safe = |text: &str| {
        text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect::<String>()
    };
    let Finding { code, place, text, mend, .. } = finding;
    format!("{code} {}\n  {}\n  -> {}", safe(place), safe(text), safe(mend))
}

/// Warnings and errors on stderr, one line each; `told` of them were there before.
pub(super) fn warn(findings: &[Finding], told: &[Finding], context: &Context) {
    for finding in findings.iter().filter(|f| f.severity != Severity::Info && !told.contains(f)) {
        let line = words(finding).replace("\n  ", " ");
        context.note(&format!("{}: {line}", finding.severity.name()));
    }
}

/// The findings as a table, each with what to do below.
fn text(report: &Report) -> String {
    let mut out = format!("{}, {}: ", of(report.neurons, "neuron"), of(report.synapses, "synapse"));
    let _ = writeln!(out, "{}, {}\n", of(report.errors as u64, "error"), of(report.warnings as u64, "warning"));
    if report.findings.is_empty() {
        return out + &layout::table(&report.layout);
    }
    if !report.layout.is_empty() {
        out += &layout::table(&report.layout);
        out.push('\n');
    }
    let mut table = TextTable::new(&["code", "severity", "count", "where"]);
    for finding in report.findings {
        table.row([finding.code.clone(), finding.severity.name().into(), count(finding.count), shown(&finding.place)]);
    }
    out += &table.render();
    for finding in report.findings {
        let _ = writeln!(out, "\n{}", words(finding));
    }
    out
}
