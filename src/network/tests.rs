//! Claims about networks and their parameters, on a small circuit.

mod building;
mod constraining;
mod deriving;
mod presynaptic;

use candle_core::{DType, Tensor, Var};

use super::fixtures::{circuit, large, network, parameters, spec};
use super::spec::WeightForm;
use super::*;

const FORMS: [WeightForm; 5] =
    [WeightForm::Gain, WeightForm::TypePair, WeightForm::LogMagnitude, WeightForm::Free, WeightForm::LowRank];

/// All values of a tensor.
fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Sets one value of a variable.
fn set(var: &Var, at: usize, value: f64) {
    let mut all = values(var.as_tensor());
    all[at] = value;
    let tensor = Tensor::from_vec(all, var.shape(), var.device()).unwrap().to_dtype(var.dtype()).unwrap();
    var.set(&tensor).unwrap();
}

fn of(parameters: &Parameters, name: &str) -> Var {
    parameters.get(name).unwrap_or_else(|| panic!("there is no `{name}`")).var.clone()
}
