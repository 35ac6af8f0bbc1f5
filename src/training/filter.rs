//! Spikes through an exponential filter along time, as one operation with its own backward pass.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, WithDType, bail};

/// `f_t = decay f_{t-1} + s_t`, from `f_0 = s_0`.
///
/// # Shapes
/// [T, ..] → [T, ..].
///
/// # Errors
/// A tensor of integers or without axes.
pub(super) fn filtered(spikes: &Tensor, decay: f64) -> Result<Tensor> {
    spikes.contiguous()?.apply_op1(Filter { decay })
}

#[derive(Debug)]
struct Filter {
    decay: f64,
}

/// Runs along the rows of a row-major matrix, forward or (its transpose) backward.
fn run<F: WithDType>(values: &[F], rows: usize, decay: F, backward: bool) -> Vec<F> {
    let columns = values.len().checked_div(rows).unwrap_or(0);
    let mut out = values.to_vec();
    for step in 1..rows {
        let (from, to) = if backward { (rows - step, rows - step - 1) } else { (step - 1, step) };
        for column in 0..columns {
            let carried = decay * out[from * columns + column];
            out[to * columns + column] += carried;
        }
    }
    out
}

impl Filter {
    fn of<F: WithDType>(&self, values: &[F], layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("contiguous spikes are needed") };
        let Some(&rows) = layout.dims().first() else { bail!("spikes without an axis of time") };
        let out = run(&values[start..end], rows, F::from_f64(self.decay), false);
        Ok((F::to_cpu_storage_owned(out), layout.shape().clone()))
    }

    fn back<F: WithDType>(&self, grad: &Tensor) -> Result<Tensor> {
        let values = grad.flatten_all()?.to_vec1::<F>()?;
        Tensor::from_vec(run(&values, grad.dim(0)?, F::from_f64(self.decay), true), grad.shape(), grad.device())
    }
}

impl CustomOp1 for Filter {
    fn name(&self) -> &'static str {
        "filter"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        match storage {
            CpuStorage::F32(values) => self.of(values, layout),
            CpuStorage::F64(values) => self.of(values, layout),
            _ => bail!("real numbers are needed"),
        }
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        match grad.dtype() {
            candle_core::DType::F64 => self.back::<f64>(grad).map(Some),
            _ => self.back::<f32>(grad).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Var};

    /// The same with candle's own operations.
    fn plainly(spikes: &Tensor, decay: f64) -> Tensor {
        let mut rows = vec![spikes.get(0).unwrap()];
        for t in 1..spikes.dim(0).unwrap() {
            rows.push(((&rows[t - 1] * decay).unwrap() + spikes.get(t).unwrap()).unwrap());
        }
        Tensor::stack(&rows, 0).unwrap()
    }

    #[test]
    fn values_and_gradient_are_those_of_candles_own_operations() {
        for dtype in [DType::F32, DType::F64] {
            let random = Tensor::rand(-1.0_f64, 1.0, (7, 2, 3), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let var = Var::from_tensor(&random).unwrap();
            let (ours, plain) = (filtered(var.as_tensor(), 0.8).unwrap(), plainly(var.as_tensor(), 0.8));
            let gradient = |of: &Tensor| of.sqr().unwrap().sum_all().unwrap().backward().unwrap().get(&var).unwrap().clone();
            for (a, b) in [(gradient(&ours), gradient(&plain)), (ours, plain)] {
                let largest = (a - b).unwrap().abs().unwrap().max_all().unwrap().to_dtype(DType::F64).unwrap();
                assert!(largest.to_scalar::<f64>().unwrap() < if dtype == DType::F64 { 1e-14 } else { 1e-5 });
            }
        }
    }
}
