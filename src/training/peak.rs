//! Maximum over time as an operation of its own: candle's passes over a strided axis slowly and sends the gradient to every tie.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, WithDType, bail};

/// Maximum over the first axis; the gradient goes to the first row that holds it.
///
/// # Shapes
/// [T, B, C] → [B, C].
///
/// # Errors
/// A tensor of another rank or of integers.
pub(super) fn max_over_time(out: &Tensor) -> Result<Tensor> {
    out.contiguous()?.apply_op1(Peak)
}

#[derive(Debug)]
struct Peak;

/// Row of the first maximum of each column of a row-major matrix; a NaN counts as a maximum, so that it is not hidden.
fn peaks<F: PartialOrd + Copy>(values: &[F], rows: usize, columns: usize) -> Vec<u32> {
    let mut best = vec![0_u32; columns];
    for row in 1..rows {
        let current = &values[row * columns..(row + 1) * columns];
        for (column, (&value, best)) in current.iter().zip(&mut best).enumerate() {
            let kept = values[*best as usize * columns + column];
            // The first NaN stays: nothing compares with it.
            if value > kept || (is_nan(value) && !is_nan(kept)) {
                *best = row as u32;
            }
        }
    }
    best
}

fn is_nan<F: PartialOrd>(value: F) -> bool {
    value.partial_cmp(&value).is_none()
}

fn shape3(shape: &Shape) -> Result<(usize, usize, usize)> {
    let (t, b, c) = shape.dims3()?;
    if t == 0 {
        bail!("a trace without rows has no maximum")
    }
    Ok((t, b, c))
}

fn of<F: WithDType>(values: &[F], layout: &Layout) -> Result<(CpuStorage, Shape)> {
    let (t, b, c) = shape3(layout.shape())?;
    let Some((start, end)) = layout.contiguous_offsets() else { bail!("a contiguous trace is needed") };
    let values = &values[start..end];
    let maxima: Vec<F> = peaks(values, t, b * c).iter().enumerate().map(|(i, &row)| values[row as usize * b * c + i]).collect();
    Ok((F::to_cpu_storage_owned(maxima), Shape::from((b, c))))
}

fn spread<F: WithDType>(out: &Tensor, grad: &Tensor) -> Result<Tensor> {
    let (t, b, c) = shape3(out.shape())?;
    let values = out.flatten_all()?.to_vec1::<F>()?;
    let grad = grad.flatten_all()?.to_vec1::<F>()?;
    let mut all = vec![F::zero(); values.len()];
    for (i, &row) in peaks(&values, t, b * c).iter().enumerate() {
        all[row as usize * b * c + i] = grad[i];
    }
    Tensor::from_vec(all, (t, b, c), out.device())
}

impl CustomOp1 for Peak {
    fn name(&self) -> &'static str {
        "max-over-time"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        match storage {
            CpuStorage::F32(values) => of(values, layout),
            CpuStorage::F64(values) => of(values, layout),
            _ => bail!("a trace of real numbers is needed"),
        }
    }

    fn bwd(&self, out: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        match out.dtype() {
            candle_core::DType::F64 => spread::<f64>(out, grad).map(Some),
            _ => spread::<f32>(out, grad).map(Some),
        }
    }
}
