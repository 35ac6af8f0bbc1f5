//! How a neuron is simulated: time step, scheme, tables.

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

use crate::biophysical::mechanism::Grid;

/// How the potential is integrated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// First order, stable: the default everywhere, as in NEURON.
    #[default]
    ImplicitEuler,
    /// Second order (NEURON's `secondorder = 2`).
    CrankNicolson,
}

impl Scheme {
    /// What divides the capacitance in terms of `dt`, and what the solution is multiplied by.
    pub(super) fn factors(self) -> (f64, f64) {
        match self {
            Self::ImplicitEuler => (1.0, 1.0),
            Self::CrankNicolson => (2.0, 2.0),
        }
    }
}

/// How a neuron is simulated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Time step, ms.
    pub dt_ms: f64,
    /// Scheme.
    pub scheme: Scheme,
    /// Potential that everything starts from, mV; the recipe's unless given.
    pub v_init_mv: Option<f64>,
    /// Whether rates are interpolated from tables, on this grid.
    pub tables: Option<Grid>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { dt_ms: 0.025, scheme: Scheme::ImplicitEuler, v_init_mv: None, tables: None }
    }
}

/// A time step that a neuron can be simulated with.
///
/// # Errors
/// `bad-time-step`.
pub fn time_step(dt_ms: f64) -> Result<f64> {
    if (1e-6..=10.0).contains(&dt_ms) {
        return Ok(dt_ms);
    }
    Err(UserError::usage("bad-time-step", "no neuron can be simulated with this time step")
        .found(format!("{dt_ms} ms"))
        .expected("1e-6 to 10 ms")
        .mend("0.025 is usual"))
}

/// Longest step at which spikes keep their time to a tenth of a millisecond or so, ms.
const LONGEST_FOR_SPIKES_MS: f64 = 0.05;

/// What must be known of a time step that is long for spikes; `None` for a usual one.
pub fn long_step(dt_ms: f64, scheme: Scheme) -> Option<String> {
    if dt_ms.is_nan() || dt_ms <= LONGEST_FOR_SPIKES_MS {
        return None;
    }
    let what = match scheme {
        Scheme::ImplicitEuler => "fixed-step implicit Euler stays stable at any step, but its error grows with it",
        Scheme::CrankNicolson => "Crank-Nicolson rings at steps longer than the fastest time constant",
    };
    Some(format!(
        "steps of {dt_ms} ms are long: {what}; sodium gates need {LONGEST_FOR_SPIKES_MS} ms or less (0.025 ms is usual), beyond it spikes \
         move, change shape and get lost. Halve the step until nothing moves that matters"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_step_that_is_long_for_spikes_is_worth_a_word() {
        assert!(long_step(0.025, Scheme::ImplicitEuler).is_none() && long_step(0.05, Scheme::CrankNicolson).is_none());
        assert!(long_step(5.0, Scheme::ImplicitEuler).expect("long").contains("0.025 ms is usual"));
    }
}
