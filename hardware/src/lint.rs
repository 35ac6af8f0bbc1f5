//! What is wrong with a deployment, or will surprise, found before anything runs.
//!
//! | file | subject |
//! |---|---|
//! | here | a finding; what it means for a command; [`spinnaker`] asks all questions |
//! | `tally` | counting what is wrong, with the worst case |
//! | `places` | neurons and ids that do not exist: E6 |
//! | `structure` | a description that contradicts itself: E11 |
//! | `values` | numbers that no neuron can have, or no s16.15 can hold: E1 to E5 |
//! | `timing` | steps, refractory time, start, delays: W5, W6, W7, W8, W12 |
//! | `size` | rows and lists that are too long: E9, W10 |
//! | `rounding` | what becomes of weights and parameters: E7, E8, W1, W4 |
//! | `compare` | a deployment beside its quantised copy |
//! | `activity` | what an emulation saw: W2, W3, W9, W11 |
//! | `observe` | runs of the emulator, summed up |
//! | `fit` | the machine: E10, I1 |
//!
//! Each question needs only what it is about: the deployment alone, its quantised copy, what an emulation saw, how it fits the
//! machine. What is not known yet is not asked.

mod activity;
mod compare;
mod fit;
mod observe;
mod places;
mod rounding;
mod size;
mod structure;
mod tally;
mod timing;
mod values;

use kenyon_base::{Result, UserError, shown};
use serde::{Deserialize, Serialize};

use crate::deployment::Deployment;
use crate::spinnaker::packing::Fit;

pub use activity::{Activity, PopulationActivity};
pub use compare::{Linted, quantised};
pub use rounding::{ParameterRounding, PopulationRounding, ProjectionRounding, Rounding};
pub use structure::{MOST_RECORDED, MOST_STEPS};
pub use values::values;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The network cannot run as described.
    Error,
    /// It runs, but not as a reader of the description would expect.
    Warning,
    /// Good to know.
    Info,
}

impl Severity {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Something that was found in a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Stable code, such as `E1`.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// Population or projection.
    #[serde(rename = "where")]
    pub place: String,
    /// How many values are concerned.
    pub count: u64,
    /// What was found, with the worst case and its ids.
    pub text: String,
    /// What to do.
    pub mend: String,
}

impl Finding {
    /// A finding; the first letter of the code says how bad it is.
    pub fn new(code: &str, place: impl Into<String>, count: u64, text: impl Into<String>, mend: impl Into<String>) -> Self {
        let severity = match code.as_bytes()[0] {
            b'E' => Severity::Error,
            b'W' => Severity::Warning,
            _ => Severity::Info,
        };
        Self { code: code.into(), severity, place: place.into(), count, text: text.into(), mend: mend.into() }
    }

    /// The same, as bad as given.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Whether it can be overridden: a network that cannot be described at all cannot.
    pub fn can_be_forced(&self) -> bool {
        !matches!(self.code.as_str(), "E1" | "E2" | "E3" | "E4" | "E5" | "E6" | "E11")
    }

    /// Errors first, of them those that nothing overrides, then by kind of code and its number.
    fn order(&self) -> (Severity, bool, u8, u32) {
        let (kind, number) = self.code.split_at(1);
        (self.severity, self.can_be_forced(), kind.as_bytes()[0], number.parse().unwrap_or(0))
    }
}

/// What is known beside the deployment. Everything may be missing; then its questions are not asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// What the network was trained with.
    pub training: Option<&'a Training>,
    /// What became of its numbers in fixed point.
    pub rounding: Option<&'a Rounding>,
    /// What an emulation saw.
    pub activity: Option<&'a Activity>,
    /// How it fits a machine.
    pub fit: Option<&'a Fit>,
    /// Cores that hold both synapses and neurons were asked for below 1 ms too.
    pub combined_cores: bool,
}

/// What a network was trained with.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// Time step.
    pub dt_ms: f64,
    /// Steps of a sample.
    pub steps: u32,
    /// Steps after a spike during which a spiking neuron stays at its reset.
    pub refractory_steps: u32,
    /// Ids of inputs and neurons, in any order; empty if they are not known.
    pub ids: Vec<u64>,
}

/// What keeps a network from being quantised and run: E11, and E6 for what does not exist.
pub fn structure(deployment: &Deployment) -> Vec<Finding> {
    let mut found = structure::structure(deployment);
    found.extend(places::places(deployment, None));
    found
}

/// What no network on any machine may have: E1, E2, E4, E5, E6 and E11.
pub fn description(deployment: &Deployment) -> Vec<Finding> {
    let mut found = structure(deployment);
    found.extend(structure::lowered(deployment));
    found.extend(values(deployment));
    found
}

/// Findings for a SpiNNaker board from what is known, the worst kinds first.
///
/// Takes a deployment of any kind, also one that [`Deployment::check`] refuses. `Error` findings that cannot be
/// [forced](Finding::can_be_forced) mean that it cannot be quantised.
pub fn spinnaker(deployment: &Deployment, known: &Known) -> Vec<Finding> {
    let mut found = places::places(deployment, known.training);
    found.extend(structure::structure(deployment));
    found.extend(structure::lowered(deployment));
    found.extend(values(deployment));
    found.extend(values::format(deployment));
    found.extend(timing::timing(deployment, known));
    found.extend(size::size(deployment));
    found.extend(known.rounding.iter().flat_map(|r| rounding::rounding(deployment, r)));
    found.extend(activity::activity(deployment, known.activity));
    found.extend(known.fit.iter().flat_map(|f| fit::fit(deployment, f, known.activity)));
    found.sort_by_key(Finding::order);
    found
}

/// An error if any finding is one: that of the first, with the number of the others.
///
/// # Errors
/// `lint`, bad data.
pub fn refuse(findings: &[Finding]) -> Result<()> {
    let errors: Vec<&Finding> = findings.iter().filter(|f| f.severity == Severity::Error).collect();
    match errors.first() {
        Some(first) => Err(UserError::bad_data("lint", message(&errors)).key(&first.place).mend(&first.mend)),
        None => Ok(()),
    }
}

/// The same for a command that lints before it does something: a check that does not hold. `force` lets pass what
/// [can be forced](Finding::can_be_forced).
///
/// # Errors
/// `lint`, a failed check.
pub fn stop(findings: &[Finding], force: bool) -> Result<()> {
    let stops = |f: &&Finding| f.severity == Severity::Error && !(force && f.can_be_forced());
    let errors: Vec<&Finding> = findings.iter().filter(stops).collect();
    match errors.first() {
        Some(first) => Err(UserError::check_failed("lint", message(&errors)).key(&first.place).mend(&first.mend)),
        None => Ok(()),
    }
}

/// The first error in words, and where the others are.
fn message(errors: &[&Finding]) -> String {
    let first = format!("{}: {}", errors[0].code, errors[0].text);
    let others: Vec<String> = errors[1..].iter().take(5).map(|f| format!("{} in {}", f.code, shown(&f.place))).collect();
    match errors.len() - 1 {
        0 => first,
        1 => format!("{first} (and {})", others[0]),
        n if n > others.len() => format!("{first} (and {n} more errors: {}, …)", others.join(", ")),
        n => format!("{first} (and {n} more errors: {})", others.join(", ")),
    }
}
