//! The ceiling: how often an ideal observer of the input spike counts names the right odour.
//!
//! The observer knows the recipe and every rate, and sees of a test sample only how often each input fired; it does not know how
//! long the stimulus lasted or how strong it was. For a class c, s stimulus steps and a concentration k, input n fires in a
//! step with the mean probability q = (s p(c, k, n) + (T - s) p₀) / T; its count over T steps is taken as binomial. The
//! likelihood of the counts is averaged over s and k as the recipe draws them, and the most likely class is named (the first on
//! a tie). Inputs of equal rate under every class are pooled: their sum is all that matters.

use kenyon_base::{Progress, Result, wilson};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::generator::OdorGenerator;
use super::spec::Quantity;
use crate::events::{Events, SpikeSource};

/// Stimuli (steps × concentrations) per class that the likelihood is averaged over.
const STIMULI: usize = 512;
/// Concentrations that stand for a range.
const RANGE_POINTS: usize = 16;
/// Probabilities are kept so far from 0 and 1 that logarithms stay finite.
const EDGE: f64 = 1e-12;
/// Samples that are scored side by side.
const LANES: usize = 4;

/// Accuracy of the ideal observer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Share of samples named rightly.
    pub accuracy: f64,
    /// 95 % Wilson interval of the accuracy.
    pub interval: [f64; 2],
    /// Samples named rightly.
    pub correct: usize,
    /// Samples shown.
    pub samples: usize,
    /// Accuracy of guessing: 1 / classes.
    pub chance: f64,
}

/// Measures the ceiling on `samples` (the test part, usually); none if there are no samples.
///
/// # Errors
/// A sample that the generator does not have.
///
/// # Complexity
/// samples × classes × stimuli × groups of equal receptors: seconds for the full recipe.
pub fn ceiling(generator: &OdorGenerator, samples: &[u32], progress: &dyn Progress) -> Result<Option<Ceiling>> {
    if samples.is_empty() {
        return Ok(None);
    }
    let named = name(generator, samples, progress)?;
    let correct = named.iter().zip(samples).filter(|(class, i)| **class == generator.label(**i as usize)).count();
    let n = samples.len() as f64;
    let accuracy = correct as f64 / n;
    Ok(Some(Ceiling {
        accuracy,
        interval: wilson(correct as u64, samples.len() as u64).expect("there are samples"),
        correct,
        samples: samples.len(),
        chance: 1.0 / generator.classes().len() as f64,
    }))
}

/// The class that the observer names for each sample.
fn name(generator: &OdorGenerator, samples: &[u32], progress: &dyn Progress) -> Result<Vec<u32>> {
    let groups = informative(generator);
    progress.stage("counting spikes", Some(samples.len() as u64));
    let counts: Vec<Vec<f64>> = samples
        .par_iter()
        .map(|&i| {
            let counts = pooled(generator, &groups, i as usize);
            progress.advance(1);
            counts
        })
        .collect::<Result<_>>()?;
    let stimuli = stimuli(generator);
    let classes = generator.classes().len();
    progress.stage("ideal observer", Some(classes as u64));
    let scores: Vec<Vec<f64>> = (0..classes)
        .into_par_iter()
        .map(|class| {
            let scores = Observer::new(generator, &groups, &stimuli, class).log_likelihoods(&counts);
            progress.advance(1);
            scores
        })
        .collect();
    let best = |s: usize| (0..classes).rev().max_by(|&a, &b| scores[a][s].total_cmp(&scores[b][s])).unwrap_or(0) as u32;
    Ok((0..samples.len()).map(best).collect())
}

/// Groups that are driven by any odour; the others say nothing.
fn informative(generator: &OdorGenerator) -> Vec<usize> {
    let drives = generator.drives();
    (0..drives.groups()).filter(|&g| (0..generator.classes().len()).any(|c| drives.row(c)[g] > 0.0)).collect()
}

/// Spikes of each informative group in a sample.
fn pooled(generator: &OdorGenerator, groups: &[usize], i: usize) -> Result<Vec<f64>> {
    let mut events = Events::default();
    generator.events(i, &mut events)?;
    let mut all = vec![0_u32; generator.drives().groups()];
    for &column in &events.idx {
        all[generator.drives().group[column as usize] as usize] += 1;
    }
    Ok(groups.iter().map(|&g| f64::from(all[g])).collect())
}

/// A stimulus as the observer must reckon with it.
#[derive(Debug, Clone, Copy)]
struct Stimulus {
    steps: f64,
    concentration: f64,
    ln_weight: f64,
}

fn stimuli(generator: &OdorGenerator) -> Vec<Stimulus> {
    let concentrations = match &generator.spec().concentration {
        Quantity::Fixed(c) => vec![*c],
        Quantity::List(list) => list.clone(),
        Quantity::Range { from, to } => {
            (0..RANGE_POINTS).map(|k| from + (to - from) * (k as f64 + 0.5) / RANGE_POINTS as f64).collect()
        }
    };
    let steps = generator.stimulus_steps();
    // Neighbouring lengths are joined where there would be too many stimuli.
    let join = (steps.len() * concentrations.len()).div_ceil(STIMULI).max(1);
    let mut out = Vec::new();
    for joined in steps.chunks(join) {
        let weight: f64 = joined.iter().map(|(_, w)| w).sum();
        let mean = joined.iter().map(|(s, w)| f64::from(*s) * w).sum::<f64>() / weight;
        let ln_weight = (weight / concentrations.len() as f64).ln();
        out.extend(concentrations.iter().map(|&concentration| Stimulus { steps: mean, concentration, ln_weight }));
    }
    out
}

/// Everything about one class.
struct Observer {
    stimuli: usize,
    /// ln(q / (1 - q)), groups × stimuli.
    log_odds: Vec<f64>,
    /// ln weight + Σ members · T · ln(1 - q), by stimulus.
    offset: Vec<f64>,
}

impl Observer {
    fn new(generator: &OdorGenerator, groups: &[usize], stimuli: &[Stimulus], class: usize) -> Self {
        let steps = generator.spec().steps as f64;
        let spontaneous = generator.spontaneous_probability();
        let mut log_odds = vec![0.0; groups.len() * stimuli.len()];
        let mut offset = Vec::with_capacity(stimuli.len());
        for (h, stimulus) in stimuli.iter().enumerate() {
            let p = generator.group_probability(class, stimulus.concentration);
            let mut sum = stimulus.ln_weight;
            for (at, &g) in groups.iter().enumerate() {
                let q = (stimulus.steps * p[g] + (steps - stimulus.steps) * spontaneous) / steps;
                let q = q.clamp(EDGE, 1.0 - EDGE);
                log_odds[at * stimuli.len() + h] = (q / (1.0 - q)).ln();
                sum += f64::from(generator.drives().members[g]) * steps * (-q).ln_1p();
            }
            offset.push(sum);
        }
        Self { stimuli: stimuli.len(), log_odds, offset }
    }

    /// ln of the mean likelihood over stimuli, for every sample.
    fn log_likelihoods(&self, counts: &[Vec<f64>]) -> Vec<f64> {
        let n = self.stimuli;
        let mut out = Vec::with_capacity(counts.len());
        let mut scores = vec![[0.0; LANES]; n];
        let mut lanes = vec![[0.0; LANES]; self.log_odds.len() / n];
        for samples in counts.chunks(LANES) {
            for (lane, sample) in samples.iter().enumerate() {
                lanes.iter_mut().zip(sample).for_each(|(l, &count)| l[lane] = count);
            }
            for (score, &offset) in scores.iter_mut().zip(&self.offset) {
                *score = [offset; LANES];
            }
            for (count, odds) in lanes.iter().zip(self.log_odds.chunks_exact(n)) {
                for (score, &odds) in scores.iter_mut().zip(odds) {
                    for lane in 0..LANES {
                        score[lane] += count[lane] * odds;
                    }
                }
            }
            out.extend((0..samples.len()).map(|lane| log_sum_exp(scores.iter().map(|s| s[lane]))));
        }
        out
    }
}

fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    // What is e^-40 of the largest changes nothing in 16 digits.
    largest + values.filter(|v| *v > largest - 40.0).map(|v| (v - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odors::{InputLayer, OdorSpec, ResponseTable};
    use kenyon_base::Silent;

    /// One receptor neuron; odour `a` drives it, odour `b` does not.
    fn one_neuron(duration_ms: Quantity, neurons: u64) -> OdorGenerator {
        let labels = vec![vec!["Or1".to_string()]; neurons as usize];
        let layer = InputLayer::new((1..=neurons).collect(), labels).expect("valid");
        let table = ResponseTable {
            odors: ["a", "b"].map(String::from).to_vec(),
            receptors: vec!["Or1".into()],
            values: vec![0.25, 0.0],
            synthetic: true,
            source: None,
            notes: vec![],
            lines: vec![],
        };
        let spec = OdorSpec { duration_ms, repeats: 10_000, split: [0.0, 0.0, 1.0], ..OdorSpec::default() };
        OdorGenerator::new(&spec, 5, layer, &table).expect("valid")
    }

    /// Distribution of the sum of `n` Bernoulli variables of chance `p`, convolved with `with`.
    fn convolve(with: &[f64], n: usize, p: f64) -> Vec<f64> {
        let mut out = [with, &vec![0.0; n]].concat();
        for _ in 0..n {
            for k in (0..out.len()).rev() {
                out[k] = out[k] * (1.0 - p) + if k > 0 { out[k - 1] * p } else { 0.0 };
            }
        }
        out
    }

    /// Accuracy of the best decision between two distributions of a count.
    fn best(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(x, y)| 0.5 * x.max(*y)).sum()
    }

    #[test]
    fn one_neuron_and_two_odours_reach_the_analytic_accuracy() {
        let (p, p0) = (0.032, 0.008);
        for neurons in [1, 3] {
            let n = 500 * neurons;
            let expected = best(&convolve(&[1.0], n, p), &convolve(&[1.0], n, p0));
            let generator = one_neuron(Quantity::Fixed(500.0), neurons as u64);
            let found = ceiling(&generator, &generator.split().test, &Silent).expect("generated").expect("samples");
            let error = (expected * (1.0 - expected) / found.samples as f64).sqrt();
            assert!((found.accuracy - expected).abs() < 4.0 * error, "{found:?}, analytic {expected}");
            assert!(found.interval[0] < found.accuracy && found.accuracy < found.interval[1]);
        }
    }

    #[test]
    fn an_unknown_duration_is_averaged_over() {
        let (p, p0) = (0.032, 0.008);
        let generator = one_neuron(Quantity::List(vec![100.0, 500.0]), 1);
        let (short, long) = (convolve(&convolve(&[1.0], 100, p), 400, p0), convolve(&[1.0], 500, p));
        let a: Vec<f64> = short.iter().zip(&long).map(|(x, y)| f64::midpoint(*x, *y)).collect();
        let expected = best(&a, &convolve(&[1.0], 500, p0));
        let found = ceiling(&generator, &generator.split().test, &Silent).expect("generated").expect("samples");
        let error = (expected * (1.0 - expected) / found.samples as f64).sqrt();
        assert!((found.accuracy - expected).abs() < 4.0 * error, "{found:?}, analytic {expected}");
    }

    #[test]
    fn the_scores_in_lanes_are_the_plain_likelihoods() {
        let generator = crate::odors::fixtures::generator();
        let (groups, stimuli) = (informative(&generator), stimuli(&generator));
        let counts: Vec<Vec<f64>> = (0..7).map(|i| pooled(&generator, &groups, i).expect("generated")).collect();
        let found = Observer::new(&generator, &groups, &stimuli, 2).log_likelihoods(&counts);
        for (sample, found) in counts.iter().zip(found) {
            let likelihoods = stimuli.iter().map(|s| {
                let p = generator.group_probability(2, s.concentration);
                let of = |(&g, &k): (&usize, &f64)| {
                    let q = (s.steps * p[g] + (500.0 - s.steps) * 0.008) / 500.0;
                    let n = f64::from(generator.drives().members[g]) * 500.0;
                    k * q.ln() + (n - k) * (1.0 - q).ln()
                };
                s.ln_weight + groups.iter().zip(sample).map(of).sum::<f64>()
            });
            let plain: Vec<f64> = likelihoods.collect();
            assert!((log_sum_exp(plain.iter().copied()) - found).abs() < 1e-7, "{found}");
        }
    }
}
