//! Which neurons respond to an odour: spikes in the stimulus window against those without an odour.
//!
//! The rule is that of [`ResponseRule`]. Where every sample leaves room for it, the baseline of a neuron is its spikes in the window of
//! the same length right before the odour, over the trials of that odour. Where it does not, as with odours that begin with
//! the sample, the baseline is the same window of samples at rest, in which the inputs fire at their spontaneous rate: so what the
//! network does from its start state on counts on both sides.

use candle_core::WithDType;
use kenyon_base::Result;
use kenyon_datasets::events::Sample;
use kenyon_datasets::{Batch, SpikeSource};
use kenyon_neurons::point::Real;

use super::model::{Model, Pass};
use super::resting::spontaneous;
use crate::analysis::rates::ResponseRule;

/// Samples at rest that make a baseline.
const REST_SAMPLES: usize = 16;
/// Recorded spikes (steps × samples × neurons) that are kept at a time.
const RECORDED: usize = 1 << 25;

/// Where the baseline comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Baseline {
    /// The window right before the odour.
    Before,
    /// Samples at rest: steps at which each neuron spikes, by sample and neuron.
    Rest(Vec<Vec<u32>>),
}

/// Counts responding trials.
#[derive(Debug)]
pub struct Responses {
    rule: ResponseRule,
    baseline: Baseline,
    neurons: usize,
    /// Responding trials by class and neuron.
    responding: Vec<u32>,
    /// Trials by class; with their counts before and during the odour where the baseline needs all of them.
    trials: Vec<Vec<Trial>>,
}

/// Spikes of the neurons that spiked, before and during the odour.
#[derive(Debug, Default)]
struct Trial {
    counts: Vec<(u32, f32, f32)>,
}

/// How many samples may be run at a time while all spikes are recorded.
pub fn batch_size(neurons: usize, steps: usize, wanted: usize) -> usize {
    (RECORDED / (neurons * steps).max(1)).clamp(1, wanted.max(1))
}

/// Whether every sample has room for a window as long as its odour before it, and all odours last equally long.
fn has_room(samples: &[Sample]) -> bool {
    let first = samples.first().map_or(0, |s| s.duration);
    first > 0 && samples.iter().all(|s| s.duration == first && s.onset >= s.duration)
}

impl Responses {
    /// Prepares the baseline; `samples` are all that will be shown. None if there is none: no time before the odour, and the
    /// rate `rest_hz` of the inputs at rest is not known.
    ///
    /// # Errors
    /// A value that is not finite.
    pub fn new<F: Real + WithDType>(
        model: &Model<F>,
        source: &dyn SpikeSource,
        samples: &[u32],
        rest_hz: Option<f64>,
        seed: u64,
    ) -> Result<Option<Self>> {
        let shown: Vec<Sample> = samples.iter().map(|&i| source.sample(i as usize)).collect();
        let baseline = match (has_room(&shown), rest_hz) {
            (true, _) => Baseline::Before,
            (false, Some(hz)) => Baseline::Rest(at_rest(model, source, hz, seed)?),
            (false, None) => return Ok(None),
        };
        Ok(Some(Self::with(baseline, model.network.neuron_ids.len(), model.network.classes)))
    }

    fn with(baseline: Baseline, neurons: usize, classes: usize) -> Self {
        let trials = (0..classes).map(|_| Vec::new()).collect();
        Self { rule: ResponseRule::default(), baseline, neurons, responding: vec![0; neurons * classes], trials }
    }

    /// The rule.
    pub fn rule(&self) -> ResponseRule {
        self.rule
    }

    /// Where the baseline comes from, in words.
    pub fn baseline(&self) -> String {
        match &self.baseline {
            Baseline::Before => "the window of the same length before the odour".into(),
            Baseline::Rest(_) => format!("the same window of {REST_SAMPLES} samples without an odour"),
        }
    }

    /// Runs a batch and counts its responses.
    ///
    /// # Errors
    /// A value that is not finite.
    pub fn run<F: Real + WithDType>(&mut self, model: &Model<F>, source: &dyn SpikeSource, batch: &Batch) -> Result<Pass> {
        let (pass, spikes) = model.run_recorded(batch)?;
        for (b, &sample) in batch.samples.iter().enumerate() {
            let shown = source.sample(sample as usize);
            let count = |from: u32, to: u32| {
                let mut counts = vec![0.0_f32; self.neurons];
                for t in from as usize..(to as usize).min(batch.steps) {
                    let row = &spikes[(t * batch.len() + b) * self.neurons..][..self.neurons];
                    counts.iter_mut().zip(row).for_each(|(n, spike)| *n += Real::to_f64(*spike) as f32);
                }
                counts
            };
            let during = count(shown.onset, shown.onset + shown.duration);
            let before = match self.baseline {
                Baseline::Before => count(shown.onset - shown.duration, shown.onset),
                Baseline::Rest(_) => Vec::new(),
            };
            self.add(&shown, &during, &before);
        }
        Ok(pass)
    }

    /// One trial: spikes of each neuron during its odour and, if they are the baseline, in the window before.
    fn add(&mut self, shown: &Sample, during: &[f32], before: &[f32]) {
        let class = shown.label as usize;
        let mut trial = Trial::default();
        match &self.baseline {
            Baseline::Before => {
                let both = before.iter().zip(during).zip(0..);
                trial.counts.extend(both.filter(|((b, d), _)| **b > 0.0 || **d > 0.0).map(|((&b, &d), n)| (n, b, d)));
            }
            Baseline::Rest(trains) => {
                let (from, to) = (shown.onset, shown.onset + shown.duration);
                let responding = &mut self.responding[class * self.neurons..][..self.neurons];
                let mut rest = vec![0.0; trains.len() / self.neurons.max(1)];
                for (neuron, (&n, responding)) in during.iter().zip(responding).enumerate() {
                    if n < self.rule.min_spikes as f32 {
                        continue;
                    }
                    for (rest, train) in rest.iter_mut().zip(trains.iter().skip(neuron).step_by(self.neurons)) {
                        let spikes = train.partition_point(|&t| t < to) - train.partition_point(|&t| t < from);
                        *rest = spikes as f64;
                    }
                    *responding += u32::from(self.rule.exceeds(f64::from(n), self.rule.limit(&rest)));
                }
            }
        }
        self.trials[class].push(trial);
    }

    /// Trials of each neuron that respond, by class: `responding[class * neurons + neuron]`, and the trials of each class.
    pub fn finish(mut self) -> (Vec<u32>, Vec<u64>) {
        let shown = self.trials.iter().map(|trials| trials.len() as u64).collect();
        if self.baseline == Baseline::Before {
            for (class, trials) in self.trials.iter().enumerate() {
                let mut counts: Vec<Vec<(f64, f64)>> = vec![Vec::new(); self.neurons];
                for &(neuron, before, during) in trials.iter().flat_map(|t| &t.counts) {
                    counts[neuron as usize].push((f64::from(before), f64::from(during)));
                }
                for (neuron, counts) in counts.iter().enumerate().filter(|(_, counts)| !counts.is_empty()) {
                    // Trials without any spike are not stored.
                    let mut before: Vec<f64> = counts.iter().map(|c| c.0).collect();
                    before.resize(trials.len(), 0.0);
                    let limit = self.rule.limit(&before);
                    let responding = counts.iter().filter(|c| self.rule.exceeds(c.1, limit)).count();
                    self.responding[class * self.neurons + neuron] = responding as u32;
                }
            }
        }
        (self.responding, shown)
    }
}

/// Spike trains of every neuron in samples at rest.
fn at_rest<F: Real + WithDType>(model: &Model<F>, source: &dyn SpikeSource, hz: f64, seed: u64) -> Result<Vec<Vec<u32>>> {
    let (neurons, steps) = (model.network.neuron_ids.len(), source.steps());
    let probability = hz * source.dt_ms() * 1e-3;
    let all = spontaneous(model.network.input_ids.len(), steps, probability, seed, REST_SAMPLES);
    let mut trains = vec![Vec::new(); REST_SAMPLES * neurons];
    let at_once = batch_size(neurons, steps, REST_SAMPLES);
    for first in (0..REST_SAMPLES).step_by(at_once) {
        let batch = part(&all, first, (first + at_once).min(REST_SAMPLES));
        let (_, spikes) = model.run_recorded(&batch)?;
        for (row, at) in spikes.chunks_exact(neurons).zip(0..) {
            let (t, sample) = (at / batch.len(), first + at % batch.len());
            for (&spike, train) in row.iter().zip(&mut trains[sample * neurons..]) {
                if Real::to_f64(spike) > 0.0 {
                    train.push(t as u32);
                }
            }
        }
    }
    Ok(trains)
}

/// Samples `from..to` of a batch.
fn part(batch: &Batch, from: usize, to: usize) -> Batch {
    let ptr = &batch.ptr[from * batch.steps..=to * batch.steps];
    Batch {
        steps: batch.steps,
        ptr: ptr.iter().map(|p| p - ptr[0]).collect(),
        idx: batch.idx[ptr[0] as usize..ptr[ptr.len() - 1] as usize].to_vec(),
        samples: batch.samples[from..to].to_vec(),
        labels: batch.labels[from..to].to_vec(),
        durations: batch.durations[from..to].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(label: u32, onset: u32, duration: u32) -> Sample {
        Sample { label, onset, duration, concentration: 1.0 }
    }

    #[test]
    fn a_tonic_neuron_is_no_responder_and_one_that_the_odour_drives_is() {
        // Neuron 0 fires every fifth step with or without an odour, neuron 1 with it alone, neuron 2 once.
        let tonic: Vec<u32> = (0..100).step_by(5).collect();
        let rest = (0..4).flat_map(|_| [tonic.clone(), vec![], vec![]]).collect();
        let mut rested = Responses::with(Baseline::Rest(rest), 3, 2);
        let mut before = Responses::with(Baseline::Before, 3, 2);
        for _ in 0..4 {
            rested.add(&sample(1, 0, 50), &[10.0, 6.0, 1.0], &[]);
            before.add(&sample(1, 50, 50), &[10.0, 6.0, 1.0], &[10.0, 0.0, 0.0]);
        }
        for responses in [rested, before] {
            assert_eq!(responses.finish(), (vec![0, 0, 0, 0, 4, 0], vec![0, 4]));
        }
    }

    #[test]
    fn the_window_at_rest_is_as_long_as_that_of_the_odour() {
        let rest = vec![(0..100).collect::<Vec<u32>>(), (0..100).collect()];
        let mut responses = Responses::with(Baseline::Rest(rest), 1, 1);
        // 14 spikes are more than 10 and 3.5 standard deviations of 1, but not more than 20.
        responses.add(&sample(0, 0, 10), &[14.0], &[]);
        responses.add(&sample(0, 0, 20), &[14.0], &[]);
        assert_eq!(responses.finish(), (vec![1], vec![2]));
    }

    #[test]
    fn the_time_before_the_odour_serves_only_where_all_windows_are_equal() {
        assert!(has_room(&[sample(0, 100, 100), sample(1, 120, 100)]));
        assert!(!has_room(&[sample(0, 100, 100), sample(1, 120, 90)]));
        assert!(!has_room(&[sample(0, 0, 100)]) && !has_room(&[sample(0, 9, 0)]) && !has_room(&[]));
    }
}
