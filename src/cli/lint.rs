//! `kenyon lint`: what is wrong with a deployment, before anything runs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kenyon_base::{Progress as _, Result, UserError, shown};
use kenyon_hardware::lint::{self, Activity, Finding, Known, Severity};
use kenyon_hardware::spinnaker::packing::Machine;
use kenyon_hardware::spinnaker::{Options, Shifts, measured_shifts};
use kenyon_hardware::{Cells, Deployment};
use serde::Serialize;

use super::context::Context;
use super::output::{TextTable, count, of};

/// Say what is wrong with a deployment for a SpiNNaker board, or will surprise; exit code 4 if it cannot run
///
/// Any deployment file is taken, also one that other commands refuse. `docs/lint.md` explains the codes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon lint first.h5\n  kenyon lint by_hand.json --json")]
pub(super) struct Lint {
    /// Deployment: HDF5, or JSON if its name ends so
    #[arg(value_name = "DEPLOYMENT")]
    deployment: PathBuf,
    /// Largest summed input that a population will see (nA, uS), instead of the mapper's guess; once per population
    #[arg(long, value_name = "POPULATION=EXC,INH")]
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
}

impl Lint {
    /// A lowered network gets the shifts that its own samples ask for, as `emulate` and `certify` choose them, where it can run at all.
    fn measured(&self, deployment: &Deployment, options: Options, context: &Context) -> Options {
        let asked = self.as_written || options.shifts != Shifts::Mapper || deployment.samples.is_empty();
        if asked || deployment.check().is_err() {
            return options;
        }
        context.stage("measuring the input", None);
        match measured_shifts(deployment, &options, &deployment.samples) {
            Ok(choice) => Options { shifts: Shifts::Given(choice.shifts), ..options },
            // What is in the way is found by the lint, with its place.
            Err(_) => options,
        }
    }

    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let deployment = Deployment::read_unchecked(&self.deployment)?;
        let known = Known { combined_cores: self.combined_cores, ..Known::default() };
        let numbers = if self.as_written { Options::AS_WRITTEN } else { Options::LOWERED };
        let options = Options { shifts: expected(&deployment, &self.max_expected_summed_weight)?, ..numbers };
        let options = self.measured(&deployment, options, context);
        let machine = Some(self.machine.into());
        let mut linted = lint::quantised(&deployment, &options, machine, &known);
        if let (true, Some(network)) = (self.emulate, &linted.quantised) {
            context.stage("emulating", None);
            let activity = Activity::emulated(&deployment, network);
            linted = lint::quantised(&deployment, &options, machine, &Known { activity: Some(&activity), ..known });
        }
        let findings = linted.findings;
        let failed = lint::stop(&findings, false);
        if failed.is_ok() {
            // What is wrong with the description itself, and has no code.
            deployment.check_structure().map_err(|e| e.file(&self.deployment))?;
        }
        let number = |severity| findings.iter().filter(|f| f.severity == severity).count();
        let cells = deployment.populations.iter().filter(|p| !matches!(p.cells, Cells::SpikeSource));
        let report = Report {
            deployment: &self.deployment,
            neurons: cells.map(|p| p.ids.len() as u64).sum(),
            synapses: deployment.synapses() as u64,
            errors: number(Severity::Error),
            warnings: number(Severity::Warning),
            findings: &findings,
        };
        context.print(&report, || text(&report));
        failed.map_err(|e| e.file(&self.deployment))
    }
}

/// The shifts that come of `POPULATION=EXC,INH`, as many as there are.
fn expected(deployment: &Deployment, given: &[String]) -> Result<Shifts> {
    if given.is_empty() {
        return Ok(Shifts::Mapper);
    }
    let mut expected = vec![None; deployment.populations.len()];
    for text in given {
        let pair = text.rsplit_once('=').and_then(|(label, pair)| Some((label, pair.split_once(',')?)));
        let number = |text: &str| text.trim().parse().ok().filter(|v: &f64| v.is_finite() && *v >= 0.0);
        let parsed = pair.and_then(|(label, (exc, inh))| Some((label, [number(exc)?, number(inh)?])));
        let Some((label, pair)) = parsed else {
            return Err(UserError::usage("bad-summed-weight", "`--max-expected-summed-weight` is not understood")
                .found(text)
                .expected("POPULATION=EXC,INH with two numbers of 0 or more, such as `KC=12,3.5`"));
        };
        let Some(at) = deployment.populations.iter().position(|p| p.label == label && p.cells.neurons().is_some()) else {
            return Err(UserError::usage("unknown-population", "`--max-expected-summed-weight` names no population of neurons")
                .found(label)
                .mend("take a label of the deployment"));
        };
        expected[at] = Some(pair);
    }
    Ok(Shifts::Expected(expected))
}

/// The findings as a table, each with what to do below.
fn text(report: &Report) -> String {
    let mut out = format!("{}, {}: ", of(report.neurons, "neuron"), of(report.synapses, "synapse"));
    let _ = writeln!(out, "{}, {}\n", of(report.errors as u64, "error"), of(report.warnings as u64, "warning"));
    if report.findings.is_empty() {
        return out;
    }
    let mut table = TextTable::new(&["code", "severity", "count", "where"]);
    for finding in report.findings {
        table.row([finding.code.clone(), finding.severity.name().into(), count(finding.count), shown(&finding.place)]);
    }
    out += &table.render();
    for finding in report.findings {
        let _ = write!(out, "\n{} {}\n  {}\n  -> {}\n", finding.code, shown(&finding.place), finding.text, finding.mend);
    }
    out
}
