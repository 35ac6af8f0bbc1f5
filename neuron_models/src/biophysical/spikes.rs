//! What counts as a spike.
//!
//! A spike of a simulated potential is a matter of definition, and definitions differ by up to a millisecond: every list of spikes
//! bears the name of its own.

use kenyon_base::{Result, UserError, rises};
pub use kenyon_base::{peaks, twinprop_1ms};
use serde::{Deserialize, Serialize};

/// Threshold of [`Definition::Cross20`], mV.
const CROSS20_MV: f64 = -20.0;

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

    /// Threshold that a spike crosses, mV, if that is what it is.
    fn crossing_mv(self) -> Option<f64> {
        match self.definition {
            Definition::Cross20 => Some(CROSS20_MV),
            Definition::Cross => Some(self.threshold_mv.unwrap_or(CROSS20_MV)),
            Definition::Peak0 | Definition::Twinprop1ms => None,
        }
    }

    /// Whether a [`Counter`] needs no more than the last sample.
    pub fn counts_as_it_goes(self) -> bool {
        self.crossing_mv().is_some()
    }

    /// Times of the spikes (ms) of a potential sampled every `dt_ms` from 0 ms on.
    pub fn times_ms(self, v_mv: &[f64], dt_ms: f64) -> Vec<f64> {
        match self.definition {
            Definition::Cross20 | Definition::Cross => crossings(v_mv, dt_ms, self.crossing_mv().unwrap_or(CROSS20_MV)),
            Definition::Peak0 => peaks(v_mv, 0.0).into_iter().map(|k| k as f64 * dt_ms).collect(),
            Definition::Twinprop1ms => twinprop_1ms(v_mv, dt_ms).into_iter().map(|ms| ms as f64).collect(),
        }
    }
}

/// Spikes of a potential that is seen sample by sample.
///
/// Crossings are found as they happen; definitions that look at what follows keep the samples.
#[derive(Debug, Clone)]
pub struct Counter {
    rule: Rule,
    dt_ms: f64,
    seen: u64,
    /// The last sample, or all of them.
    samples: Vec<f64>,
    times_ms: Vec<f64>,
}

impl Counter {
    /// Nothing seen yet; the first sample is that of 0 ms.
    pub fn new(rule: Rule, dt_ms: f64) -> Self {
        Self { rule, dt_ms, seen: 0, samples: Vec::new(), times_ms: Vec::new() }
    }

    /// The next sample, mV.
    pub fn sample(&mut self, v_mv: f64) {
        if let Some(threshold_mv) = self.rule.crossing_mv() {
            if let Some(&before) = self.samples.last() {
                self.times_ms.extend(crossing([before, v_mv], self.seen - 1, self.dt_ms, threshold_mv));
            }
            self.samples.clear();
        }
        self.samples.push(v_mv);
        self.seen += 1;
    }

    /// Times of the spikes, ms.
    pub fn times_ms(self) -> Vec<f64> {
        if self.rule.counts_as_it_goes() { self.times_ms } else { self.rule.times_ms(&self.samples, self.dt_ms) }
    }
}

/// Time (ms) of the crossing between sample `k` and the next, if there is one.
fn crossing(pair: [f64; 2], k: u64, dt_ms: f64, threshold_mv: f64) -> Option<f64> {
    rises(&pair, threshold_mv).first().map(|rise| dt_ms * (k as f64 + rise.share))
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
    fn spikes_that_are_counted_as_they_happen_are_those_of_the_whole_trace() {
        let v: Vec<f64> = (0..2000).map(|k| 60.0 * (f64::from(k) * 0.013).sin() - 30.0 + f64::from(k % 7)).collect();
        for definition in [Definition::Cross20, Definition::Cross, Definition::Peak0, Definition::Twinprop1ms] {
            let rule = Rule { definition, threshold_mv: (definition == Definition::Cross).then_some(-31.5) };
            let mut counter = Counter::new(rule, 0.025);
            for &mv in &v {
                counter.sample(mv);
            }
            assert_eq!(counter.times_ms(), rule.times_ms(&v, 0.025));
            assert!(!rule.times_ms(&v, 0.025).is_empty());
        }
    }

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
