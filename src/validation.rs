//! Our results beside reference results, case by case: the biophysical neurons.
//!
//! Each kind of folder becomes a list of [`Job`]s in the order of its files; [`play`] runs them side by side and says of each
//! what it found. A case that cannot be run is a case that failed.
//!
//! | module | owns |
//! |---|---|
//! | [`l5pc`] | the layer 5 pyramidal cell: geometry, channels, traces, f-I curve, against NEURON |
//! | [`ball_and_stick`] | the Ball & Stick neuron: traces, labels, tables, against NEURON |
//! | [`rallpack`] | Rallpack 1 to 3: analytic solutions, order of convergence, published traces |
//! | [`report`] | a case and a report, the same for every kind |
//! | [`kinds`] | which kind of cases a folder holds |
//! | [`deviation`] | how far numbers lie apart, a NaN being the farthest |
//! | [`table`] | tables of text: read, compared, written |
//! | [`traces`] | columns over time: read, compared, written |
//! | [`spikes`] | spikes of a trace and of a file of spikes |
//! | [`keys`] | numbers in JSON files that were written by others |

pub mod ball_and_stick;
pub mod deviation;
pub mod keys;
pub mod kinds;
pub mod l5pc;
pub mod rallpack;
pub mod report;
pub mod spikes;
pub mod table;
pub mod traces;

use kenyon_base::{Progress, Result, UserError};
use rayon::prelude::*;

use self::deviation::beyond;
use self::report::NOTHING;
pub use self::report::{Case, Nothing, Report};
use self::table::Table;

/// What a case has found so far.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    faults: Vec<String>,
    missing: Vec<String>,
    compared: bool,
    remarks: Vec<String>,
    bars: Vec<String>,
    error: Option<f64>,
    unit: &'static str,
    spikes: Option<(u64, u64)>,
    shift_ms: Option<f64>,
}

impl Findings {
    /// Of a case whose deviation is in this unit.
    pub fn new(unit: &'static str) -> Self {
        Self { unit, ..Self::default() }
    }

    /// Something that must not be.
    pub fn fault(&mut self, text: impl Into<String>) {
        self.faults.push(text.into());
    }

    /// Something that is not there, and so was not compared.
    pub fn missing(&mut self, text: impl Into<String>) {
        self.missing.push(text.into());
    }

    /// Says that something of the case was compared.
    pub fn compared(&mut self) {
        self.compared = true;
    }

    /// Something worth knowing.
    pub fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }

    /// Some of those, or none.
    pub fn remarks(&mut self, texts: impl IntoIterator<Item = String>) {
        self.remarks.extend(texts);
    }

    /// A bar, for the note.
    pub fn bar(&mut self, text: impl Into<String>) {
        self.bars.push(text.into());
    }

    /// Counts a deviation in the case's unit.
    pub fn see(&mut self, error: f64) {
        if self.error.is_none_or(|worst| beyond(error, worst)) {
            self.error = Some(error);
        }
    }

    /// Asks that `error` of `what` lies within `bar`; a NaN does not.
    pub fn within(&mut self, what: &str, error: f64, bar: f64) {
        if beyond(error, bar) {
            self.fault(format!("{what} deviates by {error:.3e}, beyond {bar:e}"));
        }
    }

    /// Asks that a table has these columns, and beside them none but the `optional` ones; whether it has all of the first.
    pub fn columns(&mut self, table: &Table, required: &[&str], optional: &[&str]) -> bool {
        let file = table.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lacks: Vec<&str> = required.iter().copied().filter(|name| !table.has(name)).collect();
        let known = |name: &&str| required.contains(name) || optional.contains(name);
        let unknown: Vec<&str> = table.header().iter().map(String::as_str).filter(|name| !known(name)).collect();
        let whole = lacks.is_empty();
        if !whole {
            self.fault(format!("{file} lacks {}", quoted(lacks)));
        }
        if !unknown.is_empty() {
            self.fault(format!("{file} has columns that are not known: {}", quoted(unknown)));
        }
        whole
    }

    /// Counts spikes: expected, found, largest shift in ms.
    pub fn spikes(&mut self, expected: usize, got: usize, shift_ms: Option<f64>) {
        self.spikes = Some((expected as u64, got as u64));
        self.shift_ms = shift_ms;
    }

    /// The finished case.
    pub fn into_case(self, name: &str) -> Case {
        let bars = if self.bars.is_empty() { None } else { Some(format!("bars: {}", self.bars.join(", "))) };
        let pass = self.faults.is_empty();
        let missing = if self.missing.is_empty() { None } else { Some(format!("not compared: {}", self.missing.join(", "))) };
        let nothing = (pass && !self.compared && missing.is_some()).then(|| NOTHING.to_string());
        let note: Vec<String> = self.faults.into_iter().chain(nothing).chain(missing).chain(self.remarks).chain(bars).collect();
        Case {
            name: name.to_string(),
            pass,
            max_abs_error: self.error.filter(|e| e.is_finite()),
            unit: self.unit,
            spikes_expected: self.spikes.map(|s| s.0),
            spikes_got: self.spikes.map(|s| s.1),
            max_spike_shift_ms: self.shift_ms,
            note: note.join("; "),
            ..Case::default()
        }
    }
}

/// Names in words.
fn quoted<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// What a [`Job`] does.
type Work<'a> = Box<dyn Fn() -> Result<Findings> + Send + Sync + 'a>;

/// A case that is still to be run.
pub struct Job<'a> {
    name: String,
    unit: &'static str,
    work: Work<'a>,
}

impl<'a> Job<'a> {
    /// A case and what runs it; `unit` is that of its deviation.
    pub fn new(name: impl Into<String>, unit: &'static str, work: impl Fn() -> Result<Findings> + Send + Sync + 'a) -> Self {
        Self { name: name.into(), unit, work: Box::new(work) }
    }

    /// A case that cannot be run.
    pub fn impossible(name: impl Into<String>, unit: &'static str, error: UserError) -> Self {
        Self::new(name, unit, move || Err(error.clone()))
    }

    fn run(&self) -> Result<Case> {
        match (self.work)() {
            Ok(findings) => Ok(findings.into_case(&self.name)),
            // A full disk is no property of the case.
            Err(error) if error.code() == "cannot-write" => Err(error),
            Err(error) => Ok(Case::not_run(self.name.clone(), self.unit, &error)),
        }
    }
}

/// Runs all cases, side by side, and returns them in their order.
///
/// # Errors
/// If our own values cannot be written.
pub fn play(jobs: &[Job], progress: &dyn Progress) -> Result<Vec<Case>> {
    progress.stage("cases", Some(jobs.len() as u64));
    let run = |job: &Job| {
        let case = job.run();
        progress.advance(1);
        case
    };
    jobs.par_iter().with_max_len(1).map(run).collect()
}
