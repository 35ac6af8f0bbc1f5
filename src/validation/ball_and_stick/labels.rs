//! What is predicted of a run, in milliseconds: spikes, near spikes, the rate, the capped potential.
//!
//! Near spikes and their numbers are those of simulation sets (`kenyon_datasets::simulation`), so that the reference judges them too.
//! The rate stands here a second time, in double precision: sets store it in single precision, and our own values are written with
//! all digits. A test asks that both are the same number to single precision.

use kenyon_datasets::simulation::{LabelSpec, near_spike};

/// The soma's potential is cut off here, mV.
pub(super) const CAP_MV: f64 = -62.0;
/// Box and Gaussian of the rate, ms.
const WINDOW_MS: usize = 50;
const SIGMA_MS: f64 = 2.5;
const HALF_TAPS: usize = 10;

/// Labels of a run, one for each millisecond.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Labels {
    pub(super) spike: Vec<bool>,
    pub(super) near_spike: Vec<bool>,
    /// Spikes per ms.
    pub(super) rate: Vec<f64>,
    pub(super) v_soma_capped: Vec<f64>,
}

impl Labels {
    /// Labels of a trace with `per_ms` samples per millisecond, whose peaks stand at these steps.
    pub(super) fn new(v_soma: &[f64], peaks: &[usize], per_ms: usize, len: usize) -> Self {
        let mut spike = vec![false; len];
        peaks.iter().filter(|p| *p / per_ms < len).for_each(|p| spike[p / per_ms] = true);
        let v = |k: usize| v_soma[(k * per_ms).min(v_soma.len() - 1)];
        let at_ms: Vec<f64> = (0..len).map(v).collect();
        let spec = LabelSpec { soma_cap_mv: CAP_MV, ..LabelSpec::default() };
        Self {
            near_spike: near_spike(&spike, &at_ms, &spec),
            rate: rate(&spike),
            v_soma_capped: at_ms.iter().map(|v| v.min(CAP_MV)).collect(),
            spike,
        }
    }
}

/// Share of spikes in the last 50 ms, smoothed by a Gaussian of 21 taps.
fn rate(spike: &[bool]) -> Vec<f64> {
    let len = spike.len();
    let count = |k: usize| spike[(k + 1).saturating_sub(WINDOW_MS)..=k].iter().filter(|s| **s).count();
    let boxed: Vec<f64> = (0..len).map(|k| count(k) as f64 / WINDOW_MS as f64).collect();
    let tap = |k: usize| (-(k as f64 - HALF_TAPS as f64).powi(2) / (2.0 * SIGMA_MS * SIGMA_MS)).exp();
    let taps: Vec<f64> = (0..=2 * HALF_TAPS).map(tap).collect();
    let sum: f64 = taps.iter().sum();
    let smooth = |k: usize| {
        let at = |j: usize| (k + j).checked_sub(HALF_TAPS).and_then(|i| boxed.get(i)).unwrap_or(&0.0);
        taps.iter().enumerate().map(|(j, tap)| tap * at(j)).sum::<f64>() / sum
    };
    (0..len).map(smooth).collect()
}

#[cfg(test)]
mod tests {
    use kenyon_datasets::simulation::{RateRule, inst_rate};

    use super::*;

    #[test]
    fn the_rate_of_a_spike_is_its_share_for_fifty_milliseconds() {
        let mut v = vec![-80.0; 2000];
        v[801] = 10.0;
        let labels = Labels::new(&v, &[801], 10, 200);
        assert_eq!(labels.spike.iter().position(|s| *s), Some(80));
        assert_eq!(labels.near_spike.iter().filter(|s| **s).count(), 10);
        assert!((labels.rate[105] - 0.02).abs() < 1e-12 && labels.rate[65] == 0.0 && labels.rate[145] < 1e-12);
        assert!((labels.rate.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        for (ours, stored) in labels.rate.iter().zip(inst_rate(&labels.spike, RateRule::Reference)) {
            assert!((ours - f64::from(stored)).abs() < 1e-8, "{ours} {stored}");
        }
    }
}
