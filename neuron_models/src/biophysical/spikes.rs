//! What counts as a spike.
//!
//! A spike of a simulated potential is a matter of definition, and definitions differ by up to a millisecond: every list of spikes
//! bears the name of its own.

use kenyon_base::{Result, UserError, rises};
pub use kenyon_base::{peaks, twinprop_1ms};
use serde::{Deserialize, Serialize};

/// What counts as a spike, and when it happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub enum Definition {
    /// Upward crossing of −20 mV, the time interpolated linearly between samples.
    #[default]
    #[serde(rename = "cross20")]
    Cross20,
    /// Upward crossing of the threshold that is given with it.
    #[serde(rename = "cross")]
    Cross,
    /// Local maximum of 0 mV or more; of a plateau the middle sample.
    #[serde(rename = "peak0")]
    Peak0,
    /// Peaks of −20 mV or more of the potential interpolated to 8 samples per ms, the time cut to whole ms: two in the same ms
    /// are one. For files of `TwinProp` alone.
    #[serde(rename = "twinprop_1ms")]
    Twinprop1ms,
}

impl Definition {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cross20 => "cross20",
            Self::Cross => "cross",
            Self::Peak0 => "peak0",
            Self::Twinprop1ms => "twinprop_1ms",
        }
    }
}

/// A definition with its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What counts.
    #[serde(default)]
    pub definition: Definition,
    /// Threshold of `cross`, mV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_mv: Option<f64>,
}

impl Default for Rule {
    fn default() -> Self {
        Self { definition: Definition::Cross20, threshold_mv: None }
    }
}

impl Rule {
    /// Checks that a threshold stands where one is needed, and nowhere else.
    ///
    /// # Errors
    /// `bad-threshold`.
    pub fn checked(self) -> Result<Self> {
        let bad = |found: String| UserError::usage("bad-threshold", "this is no threshold of spikes").found(found);
        match (self.definition, self.threshold_mv) {
            (Definition::Cross, None) => Err(bad(String::new()).mend("add `threshold_mv`, or choose `cross20`")),
            (Definition::Cross, Some(mv)) if !mv.is_finite() || mv.abs() > 200.0 => {
                Err(bad(format!("{mv} mV")).expected("a potential from -200 to 200 mV"))
            }
            (Definition::Cross, Some(_)) | (_, None) => Ok(self),
            (other, Some(mv)) => {
                let message =
                    format!("`{}` has a threshold of its own: leave `threshold_mv` out, or choose `cross`", other.name());
                Err(bad(format!("{mv} mV")).mend(message))
            }
        }
    }

    /// Times of the spikes (ms) of a potential sampled every `dt_ms` from 0 ms on.
    pub fn times_ms(self, v_mv: &[f64], dt_ms: f64) -> Vec<f64> {
        match self.definition {
            Definition::Cross20 => crossings(v_mv, dt_ms, -20.0),
            Definition::Cross => crossings(v_mv, dt_ms, self.threshold_mv.unwrap_or(-20.0)),
            Definition::Peak0 => peaks(v_mv, 0.0).into_iter().map(|k| k as f64 * dt_ms).collect(),
            Definition::Twinprop1ms => twinprop_1ms(v_mv, dt_ms).into_iter().map(|ms| ms as f64).collect(),
        }
    }
}

/// Times (ms) at which the potential rises to a threshold, linear between samples.
///
/// # Example
/// ```
/// use kenyon_neurons::biophysical::spikes::crossings;
///
/// assert_eq!(crossings(&[-80.0, -40.0, 0.0, -70.0], 0.5, -20.0), [0.75]);
/// ```
pub fn crossings(v_mv: &[f64], dt_ms: f64, threshold_mv: f64) -> Vec<f64> {
    rises(v_mv, threshold_mv).into_iter().map(|rise| dt_ms * rise.place()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spikes_in_one_millisecond_are_one_for_twinprop() {
        let mut v = vec![-80.0; 401];
        for k in [40, 60, 120] {
            v[k] = 30.0;
        }
        // At 0.025 ms: 1.0, 1.5 and 3.0 ms.
        assert_eq!(twinprop_1ms(&v, 0.025), [1, 3]);
        assert_eq!(Rule { definition: Definition::Peak0, threshold_mv: None }.times_ms(&v, 0.025).len(), 3);
    }

    #[test]
    fn a_threshold_stands_with_cross_alone() {
        let rule = |definition, threshold_mv| Rule { definition, threshold_mv };
        assert!(rule(Definition::Cross, None).checked().is_err());
        assert!(rule(Definition::Cross, Some(f64::NAN)).checked().is_err());
        assert!(rule(Definition::Peak0, Some(0.0)).checked().is_err());
        assert!(rule(Definition::Cross, Some(-10.0)).checked().is_ok());
    }
}
