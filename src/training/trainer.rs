//! The training loop: epochs of batches, validation, checkpoints; exactly repeatable and resumable at any step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use candle_core::{DType, Tensor, Var, WithDType};
use kenyon_base::{Progress, Result, UserError};
use kenyon_datasets::{Batch, Prefetch, Remap, SpikeSource};
use kenyon_neurons::point::Real;
use serde::{Deserialize, Serialize};

use super::config::TrainConfig;
use super::deploy_aware::Grid;
use super::evaluate::{self, Evaluation, Shown, evaluate};
use super::loss::{self, Decision};
use super::model::Model;
use super::optimiser::Optimiser;
use super::resting::at_rest;
use super::sampler::{Order, Sampler};
use super::state::{self, check_order, check_samples, load};
use super::teacher::Teachers;
use crate::network::parameters::internal;
use crate::run::checkpoint::Checkpoint;
use crate::run::folder::RunFolder;
use crate::run::journal::Record;
use crate::run::recorder::Recorder;
use crate::run::store::{BestBy, CheckpointStore};

/// Metric that decides which checkpoint is best.
pub const BEST_BY: &str = "validation/accuracy";

/// Name of the board's numbers in the state of a run.
pub(super) const GRID: &str = "grid";

/// Samples that are shown before training, to see whether anything reaches the readout.
const FIRST_SAMPLES: usize = 16;

/// What a run trains and on what.
pub struct Training<'a, F: Real> {
    /// Config, fully resolved.
    pub config: &'a TrainConfig,
    /// Model; its parameters are changed.
    pub model: Model<F>,
    /// Networks whose traces it is to repeat, if any.
    pub teachers: Teachers<F>,
    /// Samples.
    pub source: Arc<dyn SpikeSource>,
    /// From columns of the samples to inputs of the network.
    pub remap: Option<Arc<Remap>>,
    /// Rate of the inputs without an odour in Hz, if it is known.
    pub rest_hz: Option<f64>,
    /// Seed of the run.
    pub seed: u64,
    /// Progress.
    pub progress: &'a dyn Progress,
}

/// Sums over the batches of an epoch; part of the state of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct EpochSums {
    samples: u64,
    correct: u64,
    loss: f64,
    spikes: f64,
}

impl EpochSums {
    /// How the epoch goes so far.
    fn words(&self) -> String {
        let n = self.samples.max(1) as f64;
        let accuracy = self.correct as f64 / n * 100.0;
        format!("loss {:.4}, accuracy {accuracy:.1} %, {:.2} spikes per neuron", self.loss / n, self.spikes / n)
    }
}

/// How training went.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Epochs done.
    pub epochs: u64,
    /// Optimiser steps done.
    pub steps: u64,
    /// Best validation accuracy.
    pub best_validation_accuracy: Option<f64>,
    /// Last validation.
    #[serde(skip)]
    pub validation: Option<Evaluation>,
    /// SHA-256 of the final weights.
    pub weights_sha256: String,
    /// Seconds of this process's part.
    pub seconds: f64,
}

/// The moving parts of a run.
struct Loop<'a, F: Real> {
    training: Training<'a, F>,
    sampler: Sampler,
    optimiser: Optimiser,
    store: CheckpointStore,
    recorder: Recorder,
    config_sha256: String,
    sums: EpochSums,
    step: u64,
    samples: Vec<u32>,
    validation: Vec<u32>,
    /// Hints that were told last.
    hints: Vec<String>,
    began: Instant,
}

impl<F: Real + WithDType> Training<'_, F> {
    /// Trains until the last epoch, from the start or from the last checkpoint of `run`.
    ///
    /// # Errors
    /// A damaged checkpoint, one of another network or data set, a value that is not finite, a full disk.
    pub fn run(self, run: &RunFolder) -> Result<Summary> {
        Loop::open(self, run)?.train()
    }
}

impl<'a, F: Real + WithDType> Loop<'a, F> {
    fn open(mut training: Training<'a, F>, run: &RunFolder) -> Result<Self> {
        let train = &training.config.train;
        let split = training.source.split();
        let mut samples = split.train.clone();
        samples.truncate(train.training_samples.unwrap_or(usize::MAX));
        let mut validation = split.validation.clone();
        validation.truncate(train.validation_samples.unwrap_or(usize::MAX));
        split.refuse_test(&samples)?;
        let sampler = match train.order {
            Order::Stratified => {
                let labels: Vec<u32> = samples.iter().map(|&i| training.source.label(i as usize)).collect();
                Sampler::stratified(&labels, train.batch_size, training.seed)?
            }
            order => Sampler::new(samples.len(), train.batch_size, training.seed, order)?,
        };
        let mut store = run.checkpoints(train.keep, BestBy { metric: BEST_BY.into(), higher_is_better: true })?;
        let last = store.load_last()?;
        let config_sha256 = run.manifest().config_sha256.clone();
        let (mut sampler, mut sums, mut step) = (sampler, EpochSums::default(), 0);
        if let Some(checkpoint) = &last {
            checkpoint.check_config(&config_sha256)?;
            check_samples(checkpoint, &*training.source)?;
            check_order(&training.model, checkpoint)?;
            load(&training.model, checkpoint)?;
            sampler.restore(&checkpoint.state("sampler")?)?;
            sums = checkpoint.state("epoch_sums")?;
            step = checkpoint.manifest.step;
            if checkpoint.manifest.state.contains_key(GRID) {
                training.model.set_grid(Some(checkpoint.state(GRID)?)).map_err(|e| e.file(checkpoint.origin()))?;
            }
        }
        let mut optimiser = optimiser(training.config, &sampler)?;
        if let Some(checkpoint) = &last {
            optimiser.restore(checkpoint)?;
            // Only now, as the checkpoint is known to fit, is anything in the folder changed.
            store.restore(&checkpoint.manifest)?;
        }
        let recorder = run.recorder(last.as_ref())?;
        training.model.set_record(training.teachers.record().clone())?;
        let (began, hints) = (Instant::now(), Vec::new());
        let mut this =
            Self { training, sampler, optimiser, store, recorder, config_sha256, sums, step, samples, validation, hints, began };
        this.begin_epoch()?;
        if last.is_none() {
            this.look_at_rest()?;
            this.look_at_readout()?;
        }
        Ok(this)
    }

    /// Warns of populations that are dead or saturated before any training.
    fn look_at_rest(&mut self) -> Result<()> {
        let Training { model, source, seed, progress, rest_hz, .. } = &self.training;
        let mut record = Record::new("rest", 0, 0);
        let Some(rest_hz) = *rest_hz else {
            let note = "activity at rest was not looked at: the data set does not say how its inputs fire without an odour";
            progress.note(note);
            return self.recorder.record(&record.note(note));
        };
        let report = at_rest(model, source.steps(), source.dt_ms(), rest_hz, *seed)?;
        record = record.value("rest/input_hz", rest_hz);
        for population in &report.populations {
            record = record.value(&format!("rest_hz/{}", population.name), population.mean_rate_hz.unwrap_or(0.0));
        }
        for hint in report.hints {
            let hint = format!("at rest, without an odour: {hint}");
            progress.note(&format!("hint: {hint}"));
            record = record.note(hint);
        }
        self.recorder.record(&record)
    }

    /// Warns of a readout that hears nothing of the first samples.
    fn look_at_readout(&mut self) -> Result<()> {
        let Training { config, model, source, remap, .. } = &self.training;
        let first = &self.samples[..self.samples.len().min(FIRST_SAMPLES)];
        let batch = Batch::load(&**source, first, remap.as_deref())?;
        let pass = model.run(&batch, false, (0, u64::MAX))?;
        let spikes = || pass.counts.index_select(model.readout(), 1)?.sum_all()?.to_dtype(DType::F64)?.to_scalar::<f64>();
        if spikes().map_err(internal)? > 0.0 {
            return Ok(());
        }
        let hint = silent_readout(config, first.len());
        tracing::warn!("{hint}");
        self.recorder.record(&Record::new("start", 0, 0).note(hint))
    }

    fn train(mut self) -> Result<Summary> {
        let mut validation = None;
        while self.sampler.state().epoch < self.training.config.train.epochs {
            validation = Some(self.epoch()?);
        }
        let weights_sha256 = self.checkpoint(&BTreeMap::new())?.weights_sha256();
        Ok(Summary {
            epochs: self.training.config.train.epochs,
            steps: self.step,
            best_validation_accuracy: self.store.best_so_far().map(|best| best.value),
            validation,
            weights_sha256,
            seconds: self.began.elapsed().as_secs_f64(),
        })
    }

    /// Sets what is trained in the current epoch, the surrogate, and the numbers that the network runs with.
    fn begin_epoch(&mut self) -> Result<()> {
        let epoch = self.sampler.state().epoch;
        let train = &self.training.config.train;
        let names = self.training.config.trained_in(epoch, &self.training.model.parameters)?;
        let progress = if train.epochs > 1 { epoch as f64 / (train.epochs - 1) as f64 } else { 0.0 };
        let surrogate = self.training.config.surrogate(progress.min(1.0));
        self.training.model.set_trained(&names, surrogate)?;
        if self.training.config.is_deploy_aware(epoch) && self.training.model.grid().is_none() {
            self.begin_deploy_aware(epoch)?;
        }
        Ok(())
    }

    /// Chooses the board's numbers for the network as it is; it runs with them until the end.
    fn begin_deploy_aware(&mut self, epoch: u64) -> Result<()> {
        let Training { config, model, source, remap, progress, .. } = &mut self.training;
        progress.stage("choosing the board's scales and shifts", None);
        let grid = Grid::choose(model, &**source, remap.as_deref(), &config.loss)?;
        let mut record = Record::new("deploy-aware", epoch, self.step);
        let names = model.network.populations.iter().map(|(name, _)| name.as_str());
        for (name, resolution) in names.zip(&grid.hidden).chain(grid.readout.iter().map(|r| ("readout", r))) {
            record = record
                .value(&format!("board_scale/{name}"), resolution.v_scale)
                .value(&format!("board_shift_exc/{name}"), f64::from(resolution.shifts[0]))
                .value(&format!("board_shift_inh/{name}"), f64::from(resolution.shifts[1]));
        }
        progress.note(&format!("from epoch {} on, the network runs with the values that a board would hold", epoch + 1));
        model.set_grid(Some(grid))?;
        self.recorder.record(&record)
    }

    fn vars(&self) -> BTreeMap<String, Var> {
        self.training.model.parameters.trained().map(|(name, p)| (name.to_string(), p.var.clone())).collect()
    }

    /// The rest of the current epoch, validation, and the checkpoint behind it.
    fn epoch(&mut self) -> Result<Evaluation> {
        let epoch = self.sampler.state().epoch;
        let epochs = self.training.config.train.epochs;
        let vars = self.vars();
        let mut ahead = self.sampler.clone();
        let order: Vec<u32> =
            std::iter::from_fn(|| ahead.next_batch()).flat_map(|b| b.samples).map(|i| self.samples[i as usize]).collect();
        let batch_size = self.training.config.train.batch_size;
        self.training.progress.stage(&format!("epoch {} of {epochs}", epoch + 1), Some(order.len() as u64));
        let batches = Prefetch::start(Arc::clone(&self.training.source), order, batch_size, self.training.remap.clone(), 2)?;
        let mut waiting = Instant::now();
        for batch in batches {
            let batch = batch?;
            let waited = waiting.elapsed().as_secs_f64();
            self.sampler.next_batch();
            self.one_step(&batch, epoch, &vars, waited)?;
            self.training.progress.advance(batch.len() as u64);
            self.training.progress.message(&self.sums.words());
            let every = self.training.config.train.checkpoint_every;
            // The epoch's own checkpoint follows upon its last step.
            let ended = self.sampler.state().step_in_epoch == self.sampler.steps_per_epoch();
            if every.is_some_and(|n| self.step.is_multiple_of(n)) && !ended {
                self.save(&BTreeMap::new())?;
            }
            waiting = Instant::now();
        }
        // The sampler steps into the next epoch when it has no batch left.
        while self.sampler.state().epoch == epoch {
            if self.sampler.next_batch().is_some() {
                return Err(UserError::failed("batches", "the data set ended before the epoch did"));
            }
        }
        self.finish_epoch(epoch)
    }

    fn one_step(&mut self, batch: &Batch, epoch: u64, vars: &BTreeMap<String, Var>, waited: f64) -> Result<()> {
        let began = Instant::now();
        let model = &self.training.model;
        let pass = model.run(batch, true, (self.training.seed, epoch))?;
        let spec = &self.training.config.loss;
        let rows = spec.rows(self.training.source.dt_ms(), batch.steps)?;
        let taught = self.training.teachers.terms(batch, &pass.spiking)?;
        let measured = || -> candle_core::Result<(Tensor, f64, u64, f64)> {
            let decision =
                loss::decide(spec.decision, &rows, &pass.out, &pass.counts, &pass.effective.w_readout, model.readout())?;
            let labels = Tensor::from_slice(&batch.labels, batch.len(), decision.device())?;
            let objective = loss::objective(spec.objective, &decision, &labels)?;
            let value = objective.to_dtype(DType::F64)?.to_scalar::<f64>()?;
            let correct = evaluate::named(&decision)?.iter().zip(&batch.labels).filter(|(a, b)| a == b).count() as u64;
            let spikes = pass.counts.to_dtype(DType::F64)?.mean_all()?.to_scalar::<f64>()?;
            let total = self.regularised((objective * spec.objective_strength)?, &taught, &pass.counts, batch.len())?;
            Ok((total, value, correct, spikes))
        };
        let (total, value, correct, spikes) = measured().map_err(internal)?;
        let scalar = total.to_dtype(DType::F64).and_then(|t| t.to_scalar::<f64>()).map_err(internal)?;
        if !scalar.is_finite() {
            return Err(UserError::failed("not-a-number", format!("the loss is not a finite number at step {}", self.step))
                .found(scalar.to_string())
                .mend("lower the learning rate, clip gradients (`[optimiser.clip]`), or narrow the start values"));
        }
        let gradients = total.backward().map_err(|error| model.explained(error))?;
        let rates = self.optimiser.group_rates();
        let report = self.optimiser.step_vars(vars, &gradients)?;
        drop(gradients);
        model.parameters.project()?;
        self.step += 1;
        let n = batch.len() as u64;
        self.sums.samples += n;
        self.sums.correct += correct;
        self.sums.loss += value * n as f64;
        self.sums.spikes += spikes * n as f64;
        let mut record = Record::new("train", epoch, self.step)
            .value("train/loss", value)
            .value("train/total", scalar)
            .value("train/accuracy", correct as f64 / n as f64)
            .value("train/spikes_per_neuron", spikes)
            .value("train/gradient_norm", report.gradient_norm)
            .value("train/lr", report.lr)
            .seconds("wait", waited)
            .seconds("step", began.elapsed().as_secs_f64());
        for (group, lr) in rates {
            record = record.value(&format!("train/lr/{group}"), lr);
        }
        for (i, term) in taught.iter().enumerate() {
            let term = term.to_dtype(DType::F64).and_then(|t| t.to_scalar::<f64>()).map_err(internal)?;
            record = record.value(&format!("train/teacher_{}", i + 1), term);
        }
        self.recorder.record(&record)
    }

    fn regularised(&self, objective: Tensor, taught: &[Tensor], counts: &Tensor, batch: usize) -> candle_core::Result<Tensor> {
        let spec = &self.training.config.loss;
        let model = &self.training.model;
        let mut terms = vec![objective];
        terms.extend_from_slice(taught);
        for rate in &spec.rate {
            let all = 0..model.network.neuron_ids.len();
            let named = model.network.populations.iter().find(|(name, _)| *name == rate.population);
            let neurons = named.map_or(all, |(_, range)| range.clone());
            if let Some(penalty) = loss::rate_penalty(rate, counts, &neurons)? {
                let factor = if spec.parity_batch { 1.0 / batch as f64 } else { 1.0 };
                terms.push((penalty * factor)?);
            }
        }
        let readout = model.parameters.get("w_readout").filter(|p| p.trained);
        if let Some(w) = readout {
            if spec.readout_l1 > 0.0 {
                terms.push((w.var.abs()?.sum_all()? * spec.readout_l1)?);
            }
            if spec.readout_l2 > 0.0 {
                terms.push((w.var.sqr()?.sum_all()? * spec.readout_l2)?);
            }
        }
        if spec.prior > 0.0 {
            for (_, theta) in model.parameters.trained().filter(|(name, _)| name.starts_with("theta_")) {
                terms.push((theta.var.sqr()?.mean_all()? * spec.prior)?);
            }
        }
        Ok(loss::sum(terms)?.expect("there is an objective"))
    }

    fn finish_epoch(&mut self, epoch: u64) -> Result<Evaluation> {
        let Training { config, model, source, remap, progress, .. } = &self.training;
        progress.stage(&format!("validation {} of {}", epoch + 1, config.train.epochs), Some(self.validation.len() as u64));
        let began = Instant::now();
        let (remap, batch_size) = (remap.as_ref(), config.train.batch_size);
        let shown = Shown { source, remap, samples: &self.validation, batch_size, responses: None };
        let result = evaluate(model, shown, &config.loss, *progress)?;
        let n = self.sums.samples as f64;
        let mut record = Record::new("epoch", epoch, self.step)
            .value("epoch/train_loss", self.sums.loss / n)
            .value("epoch/train_accuracy", self.sums.correct as f64 / n)
            .value("epoch/train_spikes_per_neuron", self.sums.spikes / n)
            .value("validation/loss", result.loss)
            .value(BEST_BY, result.accuracy)
            .value("validation/spikes_per_neuron", result.spikes_per_neuron)
            .seconds("validation", began.elapsed().as_secs_f64());
        for activity in &result.populations {
            record = record
                .value(&format!("rate_hz/{}", activity.population), activity.rate_hz)
                .value(&format!("spiking_twice_share/{}", activity.population), activity.spiking_twice_share)
                .value(&format!("silent_share/{}", activity.population), activity.silent_share);
        }
        for hint in &result.hints {
            record = record.note(hint);
        }
        self.recorder.record(&record)?;
        let metrics =
            BTreeMap::from([(BEST_BY.to_string(), Some(result.accuracy)), ("validation/loss".to_string(), Some(result.loss))]);
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        progress.note(&format!(
            "epoch {} of {}: {}; validation loss {:.4}, accuracy {}, {:.2} spikes per neuron",
            epoch + 1,
            config.train.epochs,
            self.sums.words(),
            result.loss,
            percent(result.accuracy),
            result.spikes_per_neuron
        ));
        if result.hints != self.hints {
            result.hints.iter().for_each(|hint| progress.note(&format!("hint: {hint}")));
            if result.hints.is_empty() {
                progress.note("no population is dead or saturated any more");
            }
            self.hints.clone_from(&result.hints);
        }
        self.sums = EpochSums::default();
        let config = self.training.config;
        self.begin_epoch()?;
        if config.is_deferred(epoch + 1) && !config.is_deferred(epoch) {
            self.optimiser = optimiser(config, &self.sampler)?;
        }
        if config.is_deploy_aware(epoch) {
            // Accuracies with plain parameters do not compare with those of the board's numbers.
            let before = config.train.epochs - config.train.deploy_aware_epochs;
            self.store.forget_best_until(before * self.sampler.steps_per_epoch());
        }
        self.save(&metrics)?;
        Ok(result)
    }

    fn save(&mut self, metrics: &BTreeMap<String, Option<f64>>) -> Result<()> {
        let mut checkpoint = self.checkpoint(metrics)?;
        checkpoint.manifest.journal_lines = self.recorder.mark()?;
        self.store.save(&mut checkpoint)?;
        Ok(())
    }

    /// The whole state of the run.
    fn checkpoint(&self, metrics: &BTreeMap<String, Option<f64>>) -> Result<Checkpoint> {
        let Training { model, source, seed, .. } = &self.training;
        let mut checkpoint = state::of_model(model, *seed, &self.config_sha256)?;
        self.optimiser.store(&mut checkpoint);
        checkpoint.put_state("sampler", &self.sampler.state());
        checkpoint.put_state("epoch_sums", &self.sums);
        if let Some(grid) = model.grid() {
            checkpoint.put_state(GRID, grid);
        }
        checkpoint.manifest.epoch = self.sampler.state().epoch;
        checkpoint.manifest.step = self.step;
        checkpoint.manifest.splits.insert("data".into(), source.split().sha256());
        checkpoint.manifest.metrics.clone_from(metrics);
        Ok(checkpoint)
    }
}

/// What to do where no neuron that is read out fires.
fn silent_readout(config: &TrainConfig, samples: usize) -> String {
    let mut hint = format!("no neuron that is read out fires on the first {samples} training samples, before training");
    let penalised = config.loss.rate.iter().any(|r| r.lower_strength + r.target_strength > 0.0);
    if config.loss.decision == Decision::Max {
        // The largest value is the first row, which no parameter changes.
        hint += ": with `loss.decision = \"max\"` the objective then has no gradient at all";
        hint += if penalised { ", and only the penalties in `loss.rate` can wake them" } else { ", and nothing will be learned" };
    }
    hint += ". Raise `network.weights.scale` (or the factors in `network.weights.projection` on the way to them), or lower `network.i_c`";
    if config.loss.decision == Decision::Max {
        hint += ", or take `decision = \"mean\"`";
    }
    if !penalised {
        hint += ", or give them a `target` with a `target_strength` in `[[loss.rate]]`";
    }
    hint
}

/// A fresh optimiser for the stage of training in which the sampler stands; its schedule spans that stage.
fn optimiser(config: &TrainConfig, sampler: &Sampler) -> Result<Optimiser> {
    let train = &config.train;
    let deferred = config.is_deferred(sampler.state().epoch);
    let epochs = if deferred { train.deferred_epochs } else { train.epochs - train.deferred_epochs };
    Optimiser::new(&config.optimiser, sampler.steps_per_epoch(), sampler.steps_per_epoch() * epochs)
}
