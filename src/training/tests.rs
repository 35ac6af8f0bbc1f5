//! Claims about training as a whole, on a small circuit.

mod costs;
mod deploy_aware;
mod gradients;
mod judging;
mod state;
mod teacher;

use std::sync::Arc;

use candle_core::{DType, Tensor, Var, WithDType};
use kenyon_base::Streams;
use kenyon_datasets::Batch;
use kenyon_neurons::point::{Real, Surrogate, SurrogateShape};
use rand::Rng;

use super::config::TrainSpec;
use super::engine::EngineSpec;
use super::loss::{self, Decision, Objective, RateSpec};
use super::model::Model;
use crate::network::fixtures;
use crate::network::spec::{ModelKind, NetworkSpec, WeightForm};
use crate::network::{Network, Parameters};

const FORMS: [WeightForm; 5] =
    [WeightForm::Gain, WeightForm::TypePair, WeightForm::LogMagnitude, WeightForm::Free, WeightForm::LowRank];
const MODELS: [ModelKind; 4] = [ModelKind::Lif, ModelKind::Lif2, ModelKind::Qif, ModelKind::Nonspiking];

/// A model of `network` in which every parameter is trained.
fn model<F: Real + WithDType>(network: Network, steps: usize) -> Model<F> {
    let mut parameters = Parameters::start(&network, 1, F::DTYPE).unwrap();
    let names: Vec<String> = parameters.iter().map(|(name, _)| name.to_string()).collect();
    parameters.train(&names).unwrap();
    let surrogate = Surrogate::new(SurrogateShape::Arctan, 2.0);
    Model::new(network, parameters, &TrainSpec::default(), surrogate, steps).unwrap()
}

/// The model with its engine's settings changed.
fn with_engine<F: Real + WithDType>(mut model: Model<F>, change: impl FnOnce(&mut EngineSpec)) -> Model<F> {
    let mut spec = model.engine.spec().clone();
    change(&mut spec);
    model.engine = Arc::new(model.engine.with_spec(spec).unwrap());
    model
}

/// Random input spikes of `inputs` inputs; labels in turn.
fn batch(samples: u32, steps: usize, inputs: u32, probability: f64) -> Batch {
    let mut random = Streams::new(9).stream("training-tests");
    let mut batch = Batch { steps, ptr: vec![0], ..Batch::default() };
    for sample in 0..samples {
        for _ in 0..steps {
            batch.idx.extend((0..inputs).filter(|_| random.random_bool(probability)));
            batch.ptr.push(batch.idx.len() as u32);
        }
        batch.samples.push(sample);
        batch.labels.push(sample % 3);
        batch.durations.push(steps as u32);
    }
    batch
}

/// Cross entropy of the maximum over time, with penalties on the spikes of the second to fourth neuron.
fn total<F: Real + WithDType>(model: &Model<F>, batch: &Batch) -> Tensor {
    let pass = model.run(batch, true, (0, 0)).unwrap();
    let decision =
        loss::decide(Decision::Max, &(1..batch.steps + 1), &pass.out, &pass.counts, &pass.effective.w_readout, model.readout())
            .unwrap();
    let labels = Tensor::from_slice(&batch.labels, batch.len(), decision.device()).unwrap();
    let rate = RateSpec { target: 2.0, target_strength: 0.1, lower: 50.0, lower_strength: 1e-4, ..RateSpec::default() };
    let penalty = loss::rate_penalty(&rate, &pass.counts, &(1..4)).unwrap().unwrap();
    (loss::objective(Objective::CrossEntropy, &decision, &labels).unwrap() + penalty).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn set(var: &Var, at: usize, value: f64) {
    let mut all = values(var.as_tensor());
    all[at] = value;
    let tensor = Tensor::from_vec(all, var.shape(), var.device()).unwrap().to_dtype(var.dtype()).unwrap();
    var.set(&tensor).unwrap();
}

fn small(form: WeightForm, kind: ModelKind) -> Network {
    let mut spec = NetworkSpec { model: kind, ..fixtures::spec(form) };
    if form == WeightForm::LowRank {
        // Its weights are small: neurons must be close to their threshold to spike, and those that inputs drive be read out too.
        spec.i_c = [-1.0, -0.9];
        spec.readout.query.clear();
    }
    if kind == ModelKind::Nonspiking {
        // Not at the kink of its activity, where there is no derivative.
        spec.reset = 0.3;
    }
    fixtures::network(&spec)
}
