//! The optimiser on candle's variables, changed in place.

use std::cell::RefCell;
use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp1, Layout, Storage, Tensor, Var};
use kenyon_base::{Result, UserError};

use super::engine::{Optimiser, Seen, StepReport};
use super::rule::Clip;
use crate::run::tensor::candle_failed;

impl Optimiser {
    /// One step over `vars`, in order of name, with the gradients of a backward pass.
    ///
    /// # Errors
    /// `no-gradient` if a variable has none: some of candle's operations have no backward pass and say nothing. A parameter that
    /// is not trained does not belong into `vars`. Else as [`Optimiser::step`].
    pub fn step_vars(&mut self, vars: &BTreeMap<String, Var>, gradients: &GradStore) -> Result<StepReport> {
        let mut pairs = Vec::with_capacity(vars.len());
        for (name, var) in vars {
            let Some(gradient) = gradients.get(var) else {
                return Err(UserError::failed("no-gradient", format!("`{name}` received no gradient at step {}", self.steps()))
                    .mend("leave it out of the trained parameters, or use an operation that has a backward pass"));
            };
            if gradient.shape() != var.shape() || gradient.dtype() != var.dtype() {
                return Err(UserError::failed("gradient-shape", format!("the gradient of `{name}` does not fit it"))
                    .found(format!("{} {:?}", gradient.dtype().as_str(), gradient.dims()))
                    .expected(format!("{} {:?}", var.dtype().as_str(), var.dims())));
            }
            pairs.push((name, var, gradient.contiguous().map_err(|e| candle_failed(&e))?));
        }
        let mut seen = Seen::default();
        for (name, _, gradient) in &pairs {
            self.observe_tensor(&mut seen, name, gradient)?;
        }
        let (clip, report) = self.plan(&seen)?;
        for (name, var, gradient) in &pairs {
            self.apply_tensor(clip, name, var, gradient)?;
        }
        self.finish();
        Ok(report)
    }

    fn observe_tensor(&self, seen: &mut Seen, name: &str, gradient: &Tensor) -> Result<()> {
        let (storage, layout) = gradient.storage_and_layout();
        let (start, end) = contiguous(name, layout)?;
        match &*storage {
            Storage::Cpu(CpuStorage::F32(values)) => self.observe(seen, name, &values[start..end]),
            Storage::Cpu(CpuStorage::F64(values)) => self.observe(seen, name, &values[start..end]),
            _ => Err(unsupported(name)),
        }
    }

    fn apply_tensor(&mut self, clip: Clip, name: &str, var: &Var, gradient: &Tensor) -> Result<()> {
        let (storage, layout) = gradient.storage_and_layout();
        let (start, end) = contiguous(name, layout)?;
        let outcome = RefCell::new(Err(unsupported(name)));
        let update = |values: &mut CpuStorage, layout: &Layout| {
            let Ok((from, to)) = contiguous(name, layout) else { return };
            *outcome.borrow_mut() = match (values, &*storage) {
                (CpuStorage::F32(values), Storage::Cpu(CpuStorage::F32(gradient))) => {
                    self.apply(clip, name, &mut values[from..to], &gradient[start..end])
                }
                (CpuStorage::F64(values), Storage::Cpu(CpuStorage::F64(gradient))) => {
                    self.apply(clip, name, &mut values[from..to], &gradient[start..end])
                }
                _ => Err(unsupported(name)),
            };
        };
        var.as_tensor().inplace_op1(&InPlace(RefCell::new(update))).map_err(|e| candle_failed(&e))?;
        outcome.into_inner()
    }
}

/// A closure as candle's operation in place.
struct InPlace<F>(RefCell<F>);

impl<F: FnMut(&mut CpuStorage, &Layout)> InplaceOp1 for InPlace<F> {
    fn name(&self) -> &'static str {
        "optimiser-step"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        (self.0.borrow_mut())(storage, layout);
        Ok(())
    }
}

fn contiguous(name: &str, layout: &Layout) -> Result<(usize, usize)> {
    layout
        .contiguous_offsets()
        .ok_or_else(|| UserError::failed("tensor-layout", format!("`{name}` does not lie contiguously in memory")))
}

fn unsupported(name: &str) -> UserError {
    UserError::failed("tensor-type", format!("`{name}` cannot be trained")).expected("f32 or f64 on the CPU, contiguous")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::optimiser::{OptimiserSpec, Parameter};
    use candle_core::Device;

    #[test]
    fn variables_move_as_slices_do() {
        let start = [1.0_f32, -2.0, 0.5, 3.0];
        let var = Var::from_slice(&start, (2, 2), &Device::Cpu).unwrap();
        let vars = BTreeMap::from([("w".to_string(), var.clone())]);
        let (mut on_vars, mut on_slices) =
            (Optimiser::new(&OptimiserSpec::adam(0.1), 1, 9).unwrap(), Optimiser::new(&OptimiserSpec::adam(0.1), 1, 9).unwrap());
        let mut slice = start;
        for _ in 0..5 {
            // The transposition gives a gradient that does not lie contiguously.
            let scale = Tensor::new(&[[1.0_f32, 2.0], [3.0, 4.0]], &Device::Cpu).unwrap();
            let loss = (var.as_tensor().t().unwrap().sqr().unwrap() * scale).unwrap().sum_all().unwrap();
            let gradients = loss.backward().unwrap();
            on_vars.step_vars(&vars, &gradients).unwrap();
            let by_hand: Vec<f32> = slice.iter().zip([1.0_f32, 3.0, 2.0, 4.0]).map(|(w, s)| 2.0 * w * s).collect();
            on_slices.step(&mut [Parameter::f32("w", &mut slice, &by_hand)]).unwrap();
        }
        assert_eq!(var.flatten_all().unwrap().to_vec1::<f32>().unwrap(), slice);
    }

    #[test]
    fn a_variable_without_gradient_is_an_error() {
        let used = Var::new(1.0_f64, &Device::Cpu).unwrap();
        let unused = Var::new(1.0_f64, &Device::Cpu).unwrap();
        let gradients = used.as_tensor().sqr().unwrap().backward().unwrap();
        let vars = BTreeMap::from([("unused".to_string(), unused), ("used".to_string(), used.clone())]);
        let error = Optimiser::new(&OptimiserSpec::adam(0.1), 1, 9).unwrap().step_vars(&vars, &gradients).unwrap_err();
        assert_eq!(error.code(), "no-gradient");
        assert!((used.to_scalar::<f64>().unwrap() - 1.0).abs() < 1e-15);
    }
}
