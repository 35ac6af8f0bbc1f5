//! Accuracy, confusion and activity of a model on some samples.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType, Tensor, WithDType};
use kenyon_base::{Progress, Result, UserError};
use kenyon_datasets::{Batch, Prefetch, Remap, SpikeSource};
use kenyon_neurons::point::Real;
use serde::{Deserialize, Serialize};

use super::loss::{self, LossSpec};
use super::model::{Model, Pass};
use super::responses::{self, Responses};
use crate::analysis::activity::{self, ActivityReport};
use crate::analysis::confusion::ClassRow;
use crate::analysis::rates::ResponseRule;
use crate::analysis::{Accuracy, Confusion};
use crate::network::parameters::internal;

/// Spikes of a neuron in a sample that count as spiking twice.
const TWICE: f32 = 2.0;

/// Result of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassResult {
    /// Name; names may repeat.
    pub odor: String,
    /// Samples shown.
    pub samples: u64,
    /// Samples named rightly.
    pub correct: u64,
}

/// Activity of a population over the samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationActivity {
    /// Name.
    pub population: String,
    /// Its neurons.
    pub neurons: u64,
    /// Mean rate over neurons and samples in Hz.
    pub rate_hz: f64,
    /// Mean over odours of the share of neurons that respond by [`Evaluation::response`]; none if that was not looked at.
    pub responding_share: Option<f64>,
    /// Least and greatest of these shares.
    pub responding_range: Option<[f64; 2]>,
    /// Mean over odours of the share of neurons with at least two spikes, at any time, in at least half of the odour's samples.
    pub spiking_twice_share: f64,
    /// Least and greatest of these shares.
    pub spiking_twice_range: [f64; 2],
    /// Share of neurons that never spike.
    pub silent_share: f64,
    /// Share of neurons with a mean rate above 50 Hz.
    pub saturated_share: f64,
}

/// Spikes of a cell type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeActivity {
    /// Cell type; blank for neurons without one.
    pub cell_type: String,
    /// Its neurons.
    pub neurons: u64,
    /// Spikes per neuron and sample.
    pub spikes: f64,
}

/// What counts as a response, as `metrics` of the literature have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResponseReport {
    /// Spikes in the stimulus window at least.
    pub min_spikes: u64,
    /// Standard deviations of the baseline by which they exceed its mean.
    pub baseline_sds: f64,
    /// What the baseline is; none if there is none, so that responses are not known.
    pub baseline: Option<String>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a model does on some samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Samples shown.
    pub samples: u64,
    /// Samples named rightly.
    pub correct: u64,
    /// Share named rightly.
    pub accuracy: f64,
    /// 95 % Wilson interval.
    pub interval: [f64; 2],
    /// Accuracy of guessing.
    pub chance: f64,
    /// Mean objective, without regularisers.
    pub loss: f64,
    /// Spikes per hidden neuron and sample.
    pub spikes_per_neuron: f64,
    /// Result per class.
    pub classes: Vec<ClassResult>,
    /// Non-zero entries of the confusion matrix: shown, named, samples.
    pub confusion: Vec<(u32, u32, u32)>,
    /// Activity per population.
    pub populations: Vec<PopulationActivity>,
    /// When a neuron counts as responding to an odour: in at least half of its samples. None if that was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseReport>,
    /// Spikes per cell type.
    pub types: Vec<TypeActivity>,
    /// What deserves a look, in plain words.
    #[serde(default)]
    pub hints: Vec<String>,
    /// Spikes per sample of each hidden neuron.
    #[serde(skip)]
    pub neuron_spikes: Vec<f64>,
    /// Whether each sample was named rightly, in the order in which they were shown.
    #[serde(skip)]
    pub right: Vec<bool>,
}

/// What a model is shown.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// Samples.
    pub source: &'a Arc<dyn SpikeSource>,
    /// From columns of the samples to inputs of the network.
    pub remap: Option<&'a Arc<Remap>>,
    /// Which of them.
    pub samples: &'a [u32],
    /// At most so many at a time.
    pub batch_size: usize,
    /// Whether to find out which neurons respond, which takes a record of all spikes.
    pub responses: Option<Rest>,
}

/// How the inputs fire without an odour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rest {
    /// Rate in Hz, if it is known.
    pub hz: Option<f64>,
    /// Seed of those spikes.
    pub seed: u64,
}

/// Sums over samples.
struct Sums {
    loss: f64,
    confusion: Confusion,
    right: Vec<bool>,
    /// Spikes by neuron.
    spikes: Vec<f64>,
    /// Samples in which a neuron spiked at least twice, by class and neuron.
    twice: Vec<u32>,
    shown: Vec<u64>,
}

/// Runs `samples` through the model.
///
/// # Errors
/// `no-samples` without any, a value that is not finite, a stored sample that cannot be read.
pub fn evaluate<F: Real + WithDType>(
    model: &Model<F>,
    shown: Shown<'_>,
    spec: &LossSpec,
    progress: &dyn Progress,
) -> Result<Evaluation> {
    let Shown { source, samples, .. } = shown;
    if samples.is_empty() {
        return Err(UserError::bad_data("no-samples", "there is no sample to judge the network by")
            .found("0 samples")
            .expected("at least one")
            .mend("choose a part of the data set that holds samples, and `--samples` above 0"));
    }
    let (neurons, classes) = (model.network.neuron_ids.len(), model.network.classes);
    let mut sums = Sums {
        loss: 0.0,
        confusion: Confusion::new(classes),
        right: Vec::with_capacity(samples.len()),
        spikes: vec![0.0; neurons],
        twice: vec![0; neurons * classes],
        shown: vec![0; classes],
    };
    let mut responses = match shown.responses {
        Some(rest) => Responses::new(model, &**source, samples, rest.hz, rest.seed)?,
        None => None,
    };
    let most =
        if responses.is_some() { responses::batch_size(neurons, source.steps(), shown.batch_size) } else { shown.batch_size };
    let batches = Prefetch::start(Arc::clone(source), samples.to_vec(), most, shown.remap.cloned(), 2)?;
    for batch in batches {
        let batch = batch?;
        let pass = match &mut responses {
            Some(responses) => responses.run(model, &**source, &batch)?,
            None => model.run(&batch, false, (0, u64::MAX))?,
        };
        sums.add(model, &batch, &pass, spec)?;
        progress.advance(batch.len() as u64);
    }
    if sums.right.len() != samples.len() {
        return Err(UserError::failed("batches", "the data set ended before all samples were shown")
            .found(format!("{} samples", sums.right.len()))
            .expected(samples.len().to_string()));
    }
    let response = shown.responses.map(|_| report(responses.as_ref()));
    let mut evaluation = sums.finish(model, source.classes(), source.steps() as f64 * source.dt_ms());
    evaluation.response = response;
    if let Some(responses) = responses {
        let (responding, trials) = responses.finish();
        for (population, (_, range)) in evaluation.populations.iter_mut().zip(&model.network.populations) {
            let (mean, bounds) = share_per_class(&responding, &trials, neurons, range);
            (population.responding_share, population.responding_range) = (Some(mean), Some(bounds));
        }
    }
    Ok(evaluation)
}

fn report(responses: Option<&Responses>) -> ResponseReport {
    let ResponseRule { min_spikes, baseline_sds } = responses.map_or_else(ResponseRule::default, Responses::rule);
    let reason = "no time before the odour, and the data set does not say how its inputs fire without one";
    ResponseReport {
        min_spikes,
        baseline_sds,
        baseline: responses.map(Responses::baseline),
        reason: responses.is_none().then(|| reason.into()),
    }
}

/// Mean, least and greatest over the classes shown of the share of the neurons in `range` that qualify in at least half of the trials;
/// `qualifying[class * neurons + neuron]` trials of `trials[class]`.
fn share_per_class(qualifying: &[u32], trials: &[u64], neurons: usize, range: &Range<usize>) -> (f64, [f64; 2]) {
    let of = |class: usize| {
        let own = &qualifying[class * neurons..][range.clone()];
        own.iter().filter(|&&n| ResponseRule::in_enough(u64::from(n), trials[class])).count() as f64 / range.len() as f64
    };
    let shares: Vec<f64> = (0..trials.len()).filter(|&class| trials[class] > 0).map(of).collect();
    let bounds = [shares.iter().copied().fold(1.0, f64::min), shares.iter().copied().fold(0.0, f64::max)];
    (shares.iter().sum::<f64>() / shares.len().max(1) as f64, bounds)
}

/// The class that each row of a decision names: the lowest of equals.
///
/// # Errors
/// A tensor that is no matrix.
pub fn named(decision: &Tensor) -> candle_core::Result<Vec<u32>> {
    let rows = decision.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    let best = |row: &Vec<f64>| (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best }) as u32;
    Ok(rows.iter().map(best).collect())
}

impl Sums {
    fn add<F: Real + WithDType>(&mut self, model: &Model<F>, batch: &Batch, pass: &Pass, spec: &LossSpec) -> Result<()> {
        let mut answers = Vec::new();
        let rows = spec.rows(model.network.spec.dt_ms, batch.steps)?;
        let mut measure = || -> candle_core::Result<()> {
            let decision =
                loss::decide(spec.decision, &rows, &pass.out, &pass.counts, &pass.effective.w_readout, model.readout())?;
            let labels = Tensor::from_slice(&batch.labels, batch.len(), decision.device())?;
            let mean = loss::objective(spec.objective, &decision, &labels)?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
            self.loss += mean * batch.len() as f64;
            answers = named(&decision)?;
            let neurons = self.spikes.len();
            for (row, &label) in pass.counts.to_dtype(DType::F32)?.to_vec2::<f32>()?.iter().zip(&batch.labels) {
                let twice = &mut self.twice[label as usize * neurons..][..neurons];
                for ((&n, spikes), twice) in row.iter().zip(&mut self.spikes).zip(twice) {
                    *spikes += f64::from(n);
                    *twice += u32::from(n >= TWICE);
                }
            }
            Ok(())
        };
        measure().map_err(internal)?;
        for (&label, answer) in batch.labels.iter().zip(answers) {
            self.confusion.add(label, answer)?;
            self.right.push(label == answer);
            self.shown[label as usize] += 1;
        }
        Ok(())
    }

    fn finish<F: Real + WithDType>(self, model: &Model<F>, names: &[String], duration_ms: f64) -> Evaluation {
        let network = &model.network;
        let Accuracy { correct, n: samples, accuracy, low, high } = self.confusion.accuracy();
        let n = samples as f64;
        let report = ActivityReport::new(&self.spikes, samples, duration_ms, &network.watched());
        let class = |(row, name): (ClassRow, &String)| ClassResult { odor: name.clone(), samples: row.n, correct: row.correct };
        let mut types: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
        for (name, spikes) in network.types.iter().zip(&self.spikes) {
            let sum = types.entry(name).or_default();
            sum.0 += 1;
            sum.1 += spikes / n;
        }
        Evaluation {
            samples,
            correct,
            accuracy: accuracy.expect("there are samples"),
            interval: [low, high].map(|end| end.expect("there are samples")),
            chance: 1.0 / names.len().max(1) as f64,
            loss: self.loss / n,
            spikes_per_neuron: self.spikes.iter().sum::<f64>() / n / self.spikes.len().max(1) as f64,
            classes: self.confusion.per_class().into_iter().zip(names).map(class).collect(),
            populations: network
                .populations
                .iter()
                .zip(&report.populations)
                .map(|((_, range), activity)| self.population(activity, range))
                .collect(),
            hints: report.hints,
            types: types
                .into_iter()
                .map(|(name, (neurons, spikes))| TypeActivity {
                    cell_type: name.to_string(),
                    neurons,
                    spikes: spikes / neurons as f64,
                })
                .collect(),
            neuron_spikes: self.spikes.iter().map(|s| s / n).collect(),
            confusion: self.confusion.entries().map(|(a, b, n)| (a, b, n as u32)).collect(),
            response: None,
            right: self.right,
        }
    }

    /// Activity of the population of these neurons, with its share that an odour makes spike twice.
    fn population(&self, activity: &activity::PopulationActivity, range: &Range<usize>) -> PopulationActivity {
        let (spiking_twice_share, spiking_twice_range) = share_per_class(&self.twice, &self.shown, self.spikes.len(), range);
        PopulationActivity {
            population: activity.name.clone(),
            neurons: activity.neurons,
            rate_hz: activity.mean_rate_hz.unwrap_or(0.0),
            responding_share: None,
            responding_range: None,
            spiking_twice_share,
            spiking_twice_range,
            silent_share: activity.share_silent.unwrap_or(0.0),
            saturated_share: activity.share_saturated.unwrap_or(0.0),
        }
    }
}
