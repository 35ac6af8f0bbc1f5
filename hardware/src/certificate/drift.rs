//! What became of a population's spikes between two models.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use kenyon_base::{pair_up, van_rossum_d2};

use super::{PopulationDrift, VAN_ROSSUM_TAU_MS};

/// Farthest that two spikes of a neuron may lie apart and still be the same, in steps.
const WITHIN: u32 = 2;

/// A neuron is saturated if it spikes as often as it can for at least this part of a sample: one of so many.
const SATURATED_PART: u32 = 10;

/// Spikes of one population, summed over samples.
#[derive(Debug, Clone)]
pub(super) struct Drift {
    label: String,
    /// Least distance of two spikes of each neuron, in steps.
    every: Vec<u32>,
    /// Steps of a sample of the trained network.
    steps: u32,
    /// Spikes per neuron: float, emulator.
    counts: [Vec<u64>; 2],
    /// Whether a neuron was saturated in some sample.
    saturated: [Vec<bool>; 2],
    interpreter: u64,
    mismatched: u64,
    identical: u64,
    matched: u64,
    shift: u64,
    dt_ms: f64,
    /// Sum of squared distances, and over how many pairs of trains.
    distance: (f64, u64),
}

impl Drift {
    /// A population whose neurons can spike `every` so many steps, in samples of `steps` steps.
    pub(super) fn new(label: &str, every: Vec<u32>, steps: u32, dt_ms: f64) -> Self {
        let n = every.len();
        Self {
            label: label.into(),
            every,
            steps,
            counts: [vec![0; n], vec![0; n]],
            saturated: [vec![false; n], vec![false; n]],
            interpreter: 0,
            mismatched: 0,
            identical: 0,
            matched: 0,
            shift: 0,
            dt_ms,
            distance: (0.0, 0),
        }
    }

    /// Adds one sample: spikes as (neuron, step), sorted, of trained, lowered and emulated network.
    pub(super) fn add(&mut self, float: &[(u32, u32)], interpreter: &[(u32, u32)], emulator: &[(u32, u32)]) {
        for (k, spikes) in [float, emulator].into_iter().enumerate() {
            for spike in spikes {
                self.counts[k][spike.0 as usize] += 1;
            }
            for own in spikes.chunk_by(|a, b| a.0 == b.0) {
                let neuron = own[0].0 as usize;
                self.saturated[k][neuron] |= saturated(own, self.every[neuron], self.steps);
            }
        }
        self.interpreter += interpreter.len() as u64;
        self.mismatched += differences(float, interpreter).len() as u64;
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
    pub(super) fn finish(&self, max_abs_v: f64, max_abs_g: f64) -> PopulationDrift {
        let [float, emulator] = [0, 1].map(|k: usize| self.counts[k].iter().sum::<u64>());
        let silent = |k: usize| self.counts[k].iter().filter(|n| **n == 0).count() as u64;
        let saturated = |k: usize| self.saturated[k].iter().filter(|s| **s).count() as u64;
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        PopulationDrift {
            n: self.counts[0].len() as u64,
            spikes_float: float,
            spikes_interpreter: self.interpreter,
            spikes_emulator: emulator,
            mismatched_interpreter: self.mismatched,
            drift_percent: drift_percent(float, emulator),
            identical_share: share(self.identical, float),
            mean_abs_shift_steps: share(self.shift, self.matched),
            van_rossum_d2: (self.distance.1 > 0).then(|| self.distance.0 / self.distance.1 as f64),
            silent_float: silent(0),
            silent_emulator: silent(1),
            saturated_float: saturated(0),
            saturated_emulator: saturated(1),
            max_abs_v,
            max_abs_g,
            label: self.label.clone(),
        }
    }
}

/// Change of the number of spikes in per cent; none if there was no spike.
pub(super) fn drift_percent(float: u64, emulator: u64) -> Option<f64> {
    (float > 0).then(|| 100.0 * (emulator as f64 - float as f64) / float as f64)
}

/// Whether one neuron's spikes, sorted, hold a run of at least two in which each follows the one before as soon as it can, over at
/// least a tenth of `steps`.
fn saturated(own: &[(u32, u32)], every: u32, steps: u32) -> bool {
    own.chunk_by(|a, b| b.1 - a.1 <= every).any(|run| {
        let span = run[run.len() - 1].1 - run[0].1 + 1;
        run.len() > 1 && u64::from(span) * u64::from(SATURATED_PART) >= u64::from(steps)
    })
}

/// What stands in one of two sorted lists only, sorted. Twice with the same list gives the other again.
pub(super) fn differences<T: Ord + Copy>(a: &[T], b: &[T]) -> Vec<T> {
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            Ordering::Less => (out.push(a[i]), i += 1).1,
            Ordering::Greater => (out.push(b[j]), j += 1).1,
            Ordering::Equal => (i, j) = (i + 1, j + 1),
        }
    }
    out.extend(&a[i..]);
    out.extend(&b[j..]);
    out
}

/// Distances in steps of spikes of the same neuron, paired one to one from the left; both lists (neuron, step), sorted.
fn matches(a: &[(u32, u32)], b: &[(u32, u32)]) -> Vec<u32> {
    let pairs = pair_up(a, b, |x, y| x.0 == y.0 && x.1.abs_diff(y.1) <= WITHIN);
    pairs.iter().map(|(x, y)| x.1.abs_diff(y.1)).collect()
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
        let mut drift = Drift::new("KC", vec![2; 4], 100, 1.0);
        drift.add(&float, &float[1..], &emulator);
        let done = drift.finish(1.0, 2.0);
        assert_eq!((done.spikes_interpreter, done.mismatched_interpreter), (3, 1));
        assert_eq!((done.spikes_float, done.spikes_emulator, done.silent_float, done.silent_emulator), (4, 4, 1, 1));
        assert_eq!((done.identical_share, done.mean_abs_shift_steps, done.drift_percent), (Some(0.25), Some(0.5), Some(0.0)));
        // Neurons 2 and 3 have a spike too many each; those of 0 and 1 lie apart.
        let apart = 1.0 - (-0.1f64).exp() + 1.0 - (-0.3f64).exp();
        let cross = (-0.7f64).exp() + (-0.3f64).exp() - (-0.4f64).exp() - (-0.6f64).exp();
        assert!((done.van_rossum_d2.expect("spikes") - (apart - cross + 1.0) / 4.0).abs() < 1e-12);
    }

    #[test]
    fn without_spikes_there_is_no_share() {
        let done = Drift::new("APL", vec![2], 100, 1.0).finish(0.0, 0.0);
        assert_eq!((done.identical_share, done.mean_abs_shift_steps, done.drift_percent), (None, None, None));
    }

    #[test]
    fn the_first_difference_is_that_of_the_earlier_list() {
        let a = [(1, 0, 0), (2, 0, 4), (5, 1, 0)];
        assert_eq!(first_difference(&a, &a), None);
        assert_eq!(first_difference(&a, &[(1, 0, 0), (3, 0, 4)]), Some(2));
        assert_eq!(first_difference(&a, &a[..2]), Some(5));
    }

    #[test]
    fn a_neuron_is_saturated_if_it_spikes_whenever_it_can_for_a_tenth_of_the_sample() {
        let spikes = |steps: &[u32]| steps.iter().map(|&step| (0, step)).collect::<Vec<_>>();
        // Every second step over 9 and over 11 of 100 steps.
        assert!(!saturated(&spikes(&[10, 12, 14, 16, 18]), 2, 100));
        assert!(saturated(&spikes(&[3, 10, 12, 14, 16, 18, 20]), 2, 100));
        // A pause breaks the run; one spike is none.
        assert!(!saturated(&spikes(&[10, 12, 14, 17, 19, 21]), 2, 100));
        assert!(!saturated(&spikes(&[3]), 2, 1));
        let mut drift = Drift::new("KC", vec![1, 2], 10, 1.0);
        drift.add(&[(0, 1), (0, 2), (1, 1), (1, 2)], &[], &[(0, 1), (0, 3)]);
        let done = drift.finish(0.0, 0.0);
        assert_eq!((done.saturated_float, done.saturated_emulator), (2, 0));
    }

    #[test]
    fn a_list_and_its_differences_give_the_other() {
        let (a, b) = ([1, 3, 4, 9], [2, 3, 9, 11]);
        let apart = differences(&a, &b);
        assert_eq!(apart, [1, 2, 4, 11]);
        assert_eq!(differences(&a, &apart), b);
        assert_eq!(differences(&b, &apart), a);
    }
}
