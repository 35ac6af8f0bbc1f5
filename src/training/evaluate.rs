//! Accuracy, confusion and activity of a model on some samples.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType, Tensor, WithDType};
use kenyon_base::{Progress, Result, UserError, wilson};
use kenyon_datasets::{Batch, Prefetch, Remap, SpikeSource};
use kenyon_neurons::point::Real;
use serde::{Deserialize, Serialize};

use super::loss::{self, LossSpec};
use super::model::Model;
use crate::analysis::activity::{self, ActivityReport};
use crate::network::parameters::internal;

/// Spikes that a neuron must give in a sample to respond.
pub const RESPONSE_SPIKES: f32 = 2.0;

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
    /// Mean over odours of the share of neurons that respond: at least two spikes in at least half of the samples of the odour.
    pub active_share: f64,
    /// Least and greatest of these shares.
    pub active_range: [f64; 2],
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
    /// Spikes per cell type.
    pub types: Vec<TypeActivity>,
    /// What deserves a look, in plain words.
    #[serde(default)]
    pub hints: Vec<String>,
    /// Spikes per sample of each hidden neuron.
    #[serde(skip)]
    pub neuron_spikes: Vec<f64>,
}

/// Sums over samples.
struct Sums {
    loss: f64,
    confusion: BTreeMap<(u32, u32), u32>,
    /// Spikes by neuron.
    spikes: Vec<f64>,
    /// Samples in which a neuron responded, by class and neuron.
    responses: Vec<u32>,
    shown: Vec<u64>,
}

/// Runs `samples` through the model.
///
/// # Errors
/// `no-samples` without any, a value that is not finite, a stored sample that cannot be read.
pub fn evaluate<F: Real + WithDType>(
    model: &Model<F>,
    source: &Arc<dyn SpikeSource>,
    remap: Option<&Arc<Remap>>,
    samples: &[u32],
    batch_size: usize,
    spec: &LossSpec,
    progress: &dyn Progress,
) -> Result<Evaluation> {
    if samples.is_empty() {
        return Err(UserError::bad_data("no-samples", "there is no sample to judge the network by")
            .found("0 samples")
            .expected("at least one")
            .mend("choose a part of the data set that holds samples, and `--samples` above 0"));
    }
    let (neurons, classes) = (model.network.neuron_ids.len(), model.network.classes);
    let mut sums = Sums {
        loss: 0.0,
        confusion: BTreeMap::new(),
        spikes: vec![0.0; neurons],
        responses: vec![0; neurons * classes],
        shown: vec![0; classes],
    };
    let batches = Prefetch::start(Arc::clone(source), samples.to_vec(), batch_size, remap.cloned(), 2)?;
    for batch in batches {
        let batch = batch?;
        sums.add(model, &batch, spec)?;
        progress.advance(batch.len() as u64);
    }
    Ok(sums.finish(model, source.classes(), source.steps() as f64 * source.dt_ms()))
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
    fn add<F: Real + WithDType>(&mut self, model: &Model<F>, batch: &Batch, spec: &LossSpec) -> Result<()> {
        let pass = model.run(batch, false, (0, u64::MAX))?;
        let rows = spec.rows(model.network.spec.dt_ms, batch.steps)?;
        let mut measure = || -> candle_core::Result<()> {
            let decision =
                loss::decide(spec.decision, &rows, &pass.out, &pass.counts, &pass.effective.w_readout, model.readout())?;
            let labels = Tensor::from_slice(&batch.labels, batch.len(), decision.device())?;
            let mean = loss::objective(spec.objective, &decision, &labels)?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
            self.loss += mean * batch.len() as f64;
            for (&label, name) in batch.labels.iter().zip(named(&decision)?) {
                *self.confusion.entry((label, name)).or_default() += 1;
                self.shown[label as usize] += 1;
            }
            let neurons = self.spikes.len();
            for (row, &label) in pass.counts.to_dtype(DType::F32)?.to_vec2::<f32>()?.iter().zip(&batch.labels) {
                let responses = &mut self.responses[label as usize * neurons..][..neurons];
                for ((&n, spikes), responses) in row.iter().zip(&mut self.spikes).zip(responses) {
                    *spikes += f64::from(n);
                    *responses += u32::from(n >= RESPONSE_SPIKES);
                }
            }
            Ok(())
        };
        measure().map_err(internal)
    }

    fn finish<F: Real + WithDType>(self, model: &Model<F>, names: &[String], duration_ms: f64) -> Evaluation {
        let network = &model.network;
        let samples: u64 = self.shown.iter().sum();
        let correct: u64 = self.confusion.iter().filter(|((a, b), _)| a == b).map(|(_, &n)| u64::from(n)).sum();
        let n = samples as f64;
        let report = ActivityReport::new(&self.spikes, samples, duration_ms, &network.watched());
        let right = |class: usize| self.confusion.get(&(class as u32, class as u32)).copied().unwrap_or(0);
        let class = |(i, name): (usize, &String)| ClassResult {
            odor: name.clone(),
            samples: self.shown[i],
            correct: u64::from(right(i)),
        };
        let mut types: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
        for (name, spikes) in network.types.iter().zip(&self.spikes) {
            let sum = types.entry(name).or_default();
            sum.0 += 1;
            sum.1 += spikes / n;
        }
        Evaluation {
            samples,
            correct,
            accuracy: correct as f64 / n,
            interval: wilson(correct, samples).expect("there are samples"),
            chance: 1.0 / names.len().max(1) as f64,
            loss: self.loss / n,
            spikes_per_neuron: self.spikes.iter().sum::<f64>() / n / self.spikes.len().max(1) as f64,
            classes: names.iter().enumerate().map(class).collect(),
            populations: network
                .populations
                .iter()
                .zip(&report.populations)
                .map(|((_, range), activity)| self.population(activity, range.clone()))
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
            confusion: self.confusion.into_iter().map(|((a, b), n)| (a, b, n)).collect(),
        }
    }

    /// Activity of the population of these neurons, with its share that responds to an odour.
    fn population(&self, activity: &activity::PopulationActivity, range: Range<usize>) -> PopulationActivity {
        let neurons = self.spikes.len();
        let size = range.len() as f64;
        let active: Vec<f64> = (0..self.shown.len())
            .filter(|&class| self.shown[class] > 0)
            .map(|class| {
                let responses = &self.responses[class * neurons..][range.clone()];
                responses.iter().filter(|&&r| u64::from(r) * 2 >= self.shown[class]).count() as f64 / size
            })
            .collect();
        PopulationActivity {
            population: activity.name.clone(),
            neurons: activity.neurons,
            rate_hz: activity.mean_rate_hz.unwrap_or(0.0),
            active_share: active.iter().sum::<f64>() / active.len().max(1) as f64,
            active_range: [active.iter().copied().fold(1.0, f64::min), active.iter().copied().fold(0.0, f64::max)],
            silent_share: activity.share_silent.unwrap_or(0.0),
            saturated_share: activity.share_saturated.unwrap_or(0.0),
        }
    }
}
