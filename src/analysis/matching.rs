//! Precision and recall of predicted spikes.

use kenyon_base::pair_up;
use serde::Serialize;

use super::measure::Measure;
use super::rates::SpikeTrain;

/// Spikes predicted within a tolerance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpikeMatch {
    /// Pairs of a predicted and a reference spike.
    pub matched: u64,
    /// Matched share of the predicted spikes.
    pub precision: Measure,
    /// Matched share of the reference spikes.
    pub recall: Measure,
    /// Harmonic mean of both.
    pub f1: Measure,
}

/// Greedy one-to-one matching from the left; a pair counts when it is at most `tolerance` apart (and 1e-12 of the window for ties).
pub fn count_matches(predicted: &SpikeTrain<'_>, reference: &SpikeTrain<'_>, tolerance: f64) -> u64 {
    let reach = tolerance + 1e-12 * reference.window().length();
    let (a, b) = (predicted.times(), reference.times());
    pair_up(a, b, |a, b| (a - b).abs() <= reach).len() as u64
}

/// Precision, recall and F1 of predicted spikes.
pub fn spike_match(predicted: &SpikeTrain<'_>, reference: &SpikeTrain<'_>, tolerance: f64) -> SpikeMatch {
    let matched = count_matches(predicted, reference, tolerance);
    let (p, r) = (predicted.times().len(), reference.times().len());
    let share = |whole: usize, reason: &str| {
        if whole == 0 { Measure::none(0, reason) } else { Measure::new(matched as f64 / whole as f64, whole) }
    };
    let f1 = if p + r == 0 {
        Measure::none(0, "no spikes in either train")
    } else {
        Measure::new(2.0 * matched as f64 / (p + r) as f64, p + r)
    };
    SpikeMatch { matched, precision: share(p, "no predicted spikes"), recall: share(r, "no reference spikes"), f1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rates::Window;

    const A: [f64; 4] = [0.2, 0.4, 0.6, 0.7];
    const B: [f64; 5] = [0.3, 0.45, 0.8, 0.9, 0.95];
    const C: [f64; 3] = [0.2, 0.4, 0.6];
    const D: [f64; 4] = [0.1, 0.4, 0.5, 0.6];

    #[test]
    fn each_spike_is_matched_once() {
        let train = |times: &'static [f64]| SpikeTrain::new(times, Window::new(0.0, 1.0).unwrap()).unwrap();
        assert_eq!(count_matches(&train(&A), &train(&C), 0.005), 3);
        assert_eq!(count_matches(&train(&A), &train(&D), 0.005), 2);
        assert_eq!(count_matches(&train(&A), &train(&A), 0.0), 4);
        assert_eq!(count_matches(&train(&A), &train(&B), 0.06), 1);
        let twice = spike_match(&train(&[0.4, 0.401]), &train(&[0.4]), 0.01);
        assert_eq!((twice.precision.value, twice.recall.value, twice.f1.value), (Some(0.5), Some(1.0), Some(2.0 / 3.0)));
        let none = spike_match(&train(&[]), &train(&A), 0.01);
        assert_eq!((none.precision.value, none.recall.value, none.f1.value), (None, Some(0.0), Some(0.0)));
    }
}
