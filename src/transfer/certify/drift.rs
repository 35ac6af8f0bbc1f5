//! What became of a population's spikes between two models.

use std::collections::BTreeMap;

use kenyon_hardware::certificate::{PopulationDrift, VAN_ROSSUM_TAU_MS};

use crate::analysis::van_rossum::van_rossum_d2;

/// Farthest that two spikes of a neuron may lie apart and still be the same, in steps.
const WITHIN: u32 = 2;

/// Spikes of one population, summed over samples.
#[derive(Debug, Clone)]
pub(super) struct Drift {
    label: String,
    /// Spikes per neuron: float, emulator.
    counts: [Vec<u64>; 2],
    identical: u64,
    matched: u64,
    shift: u64,
    dt_ms: f64,
    /// Sum of squared distances, and over how many pairs of trains.
    distance: (f64, u64),
}

impl Drift {
    pub(super) fn new(label: &str, neurons: usize, dt_ms: f64) -> Self {
        let counts = [vec![0; neurons], vec![0; neurons]];
        Self { label: label.into(), counts, identical: 0, matched: 0, shift: 0, dt_ms, distance: (0.0, 0) }
    }

    /// Adds one sample: spikes as (neuron, step), sorted.
    pub(super) fn add(&mut self, float: &[(u32, u32)], emulator: &[(u32, u32)]) {
        for (counts, spikes) in self.counts.iter_mut().zip([float, emulator]) {
            for spike in spikes {
                counts[spike.0 as usize] += 1;
            }
        }
        self.identical += float.iter().filter(|s| emulator.binary_search(s).is_ok()).count() as u64;
        for distance in matches(float, emulator) {
            self.matched += 1;
            self.shift += u64::from(distance);
        }
        // Trains in ms by neuron; neurons without a spike in either have no distance.
        let mut trains: BTreeMap<u32, [Vec<f64>; 2]> = BTreeMap::new();
        for (k, spikes) in [float, emulator].into_iter().enumerate() {
            for &(neuron, step) in spikes {
                trains.entry(neuron).or_default()[k].push(f64::from(step) * self.dt_ms);
            }
        }
        for [a, b] in trains.values() {
            self.distance.0 += van_rossum_d2(a, b, VAN_ROSSUM_TAU_MS);
            self.distance.1 += 1;
        }
    }

    /// The summary, with the largest potential and synaptic variable that the emulator saw.
    pub(super) fn finish(self, max_abs_v: f64, max_abs_g: f64) -> PopulationDrift {
        let [float, emulator] = [0, 1].map(|k: usize| self.counts[k].iter().sum::<u64>());
        let silent = |k: usize| self.counts[k].iter().filter(|n| **n == 0).count() as u64;
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        PopulationDrift {
            n: self.counts[0].len() as u64,
            spikes_float: float,
            spikes_emulator: emulator,
            drift_percent: (float > 0).then(|| 100.0 * (emulator as f64 - float as f64) / float as f64),
            identical_share: share(self.identical, float),
            mean_abs_shift_steps: share(self.shift, self.matched),
            van_rossum_d2: (self.distance.1 > 0).then(|| self.distance.0 / self.distance.1 as f64),
            silent_float: silent(0),
            silent_emulator: silent(1),
            max_abs_v,
            max_abs_g,
            label: self.label,
        }
    }
}

/// Distances in steps of spikes of the same neuron, paired one to one from the left; both lists (neuron, step), sorted.
fn matches(a: &[(u32, u32)], b: &[(u32, u32)]) -> Vec<u32> {
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        let (x, y) = (a[i], b[j]);
        if x.0 == y.0 && x.1.abs_diff(y.1) <= WITHIN {
            found.push(x.1.abs_diff(y.1));
            (i, j) = (i + 1, j + 1);
        } else if x < y {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

/// First step in which two lists of spikes differ, any neuron of any population: (step, population, neuron), sorted.
pub(super) fn first_difference(a: &[(u32, u32, u32)], b: &[(u32, u32, u32)]) -> Option<u32> {
    let common = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    match (a.get(common), b.get(common)) {
        (Some(x), Some(y)) => Some(x.0.min(y.0)),
        (Some(x), None) | (None, Some(x)) => Some(x.0),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_are_paired_once_and_within_two_steps() {
        let float = [(0, 5), (0, 9), (1, 3), (2, 7)];
        let emulator = [(0, 6), (0, 12), (1, 3), (3, 7)];
        assert_eq!(matches(&float, &emulator), [1, 0]);
        let mut drift = Drift::new("KC", 4, 1.0);
        drift.add(&float, &emulator);
        let done = drift.finish(1.0, 2.0);
        assert_eq!((done.spikes_float, done.spikes_emulator, done.silent_float, done.silent_emulator), (4, 4, 1, 1));
        assert_eq!((done.identical_share, done.mean_abs_shift_steps, done.drift_percent), (Some(0.25), Some(0.5), Some(0.0)));
        // Neurons 2 and 3 have a spike too many each; those of 0 and 1 lie apart.
        let apart = 1.0 - (-0.1f64).exp() + 1.0 - (-0.3f64).exp();
        let cross = (-0.4f64).exp() + (-0.7f64).exp() - (-0.3f64).exp() - (-0.6f64).exp();
        assert!((done.van_rossum_d2.expect("spikes") - (apart - cross + 1.0) / 4.0).abs() < 1e-12);
    }

    #[test]
    fn without_spikes_there_is_no_share() {
        let done = Drift::new("APL", 1, 1.0).finish(0.0, 0.0);
        assert_eq!((done.identical_share, done.mean_abs_shift_steps, done.drift_percent), (None, None, None));
    }

    #[test]
    fn the_first_difference_is_that_of_the_earlier_list() {
        let a = [(1, 0, 0), (2, 0, 4), (5, 1, 0)];
        assert_eq!(first_difference(&a, &a), None);
        assert_eq!(first_difference(&a, &[(1, 0, 0), (3, 0, 4)]), Some(2));
        assert_eq!(first_difference(&a, &a[..2]), Some(5));
    }
}
