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
            if value > kept || (is_nan(&value) && !is_nan(&kept)) {
                *best = row as u32;
            }
        }
    }
    best
}

fn is_nan<F: PartialOrd>(value: &F) -> bool {
    value.partial_cmp(value).is_none()
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

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Var};

    fn values(tensor: &Tensor) -> Vec<f64> {
        tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    /// Rows of time, one sample, three classes; the second class ties, the third peaks at the start.
    const TRACE: [f32; 12] = [0.0, 0.0, 0.0, 1.0, 2.0, -1.0, 3.0, 2.0, -2.0, 0.5, 1.0, -3.0];

    #[test]
    fn the_gradient_goes_to_the_first_row_that_holds_the_maximum() {
        for dtype in [DType::F32, DType::F64] {
            let tensor = Tensor::from_slice(&TRACE, (4, 1, 3), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let var = Var::from_tensor(&tensor).unwrap();
            let peak = max_over_time(var.as_tensor()).unwrap();
            assert_eq!((peak.dims(), values(&peak)), (&[1, 3][..], vec![3.0, 2.0, 0.0]));
            let weights = Tensor::from_slice(&[5.0_f32, 7.0, 11.0], (1, 3), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let store = (peak * weights).unwrap().sum_all().unwrap().backward().unwrap();
            let mut expected = [0.0; 12];
            (expected[6], expected[4], expected[2]) = (5.0, 7.0, 11.0);
            assert_eq!(values(store.get(&var).unwrap()), expected);
        }
    }

    #[test]
    fn the_maximum_is_that_of_candle_on_any_layout() {
        let tensor = Tensor::rand(-1.0_f32, 1.0, (5, 9, 4), &Device::Cpu).unwrap().transpose(0, 1).unwrap();
        assert_eq!(values(&max_over_time(&tensor).unwrap()), values(&tensor.contiguous().unwrap().max(0).unwrap()));
    }

    #[test]
    fn a_value_that_is_not_a_number_is_not_passed_over() {
        for at in [0, 3, 9] {
            let mut trace = TRACE;
            trace[at] = f32::NAN;
            let peak = max_over_time(&Tensor::from_slice(&trace, (4, 1, 3), &Device::Cpu).unwrap()).unwrap();
            assert!(values(&peak)[0].is_nan() && (values(&peak)[1] - 2.0).abs() < 1e-12, "row {}", at / 3);
        }
    }

    #[test]
    fn a_trace_without_rows_or_of_whole_numbers_is_an_error() {
        assert!(max_over_time(&Tensor::zeros((0, 1, 3), DType::F32, &Device::Cpu).unwrap()).is_err());
        assert!(max_over_time(&Tensor::zeros((2, 1, 3), DType::U32, &Device::Cpu).unwrap()).is_err());
    }
}
