//! What parameters must obey: ranges and signs, enforced after every optimiser step and counted before every save.
//!
//! Besides what each tensor obeys for itself, every reset stays [`RESET_MARGIN`] below its threshold: a neuron that is reset
//! above its threshold would spike in every step.

use candle_core::{DType, Tensor};
use kenyon_base::Result;

use super::parameters::{Parameter, Parameters, internal};
use super::spec::RESET_MARGIN;

/// What every value of a tensor must obey.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// Nothing.
    Free,
    /// A closed range.
    Range {
        /// Least value.
        least: f64,
        /// Greatest value.
        most: f64,
    },
    /// Dale's law: each value is 0 or has this sign; 0 keeps it at 0.
    Signs(Vec<i8>),
}

impl Constraint {
    /// The nearest value that obeys; NaN stays NaN, for the guard of the trainer to find.
    fn nearest(&self, i: usize, value: f64) -> f64 {
        match self {
            Self::Free => value,
            _ if value.is_nan() => value,
            Self::Range { least, most } if value >= *least && value <= *most => value,
            Self::Range { least, most } => value.clamp(*least, *most),
            Self::Signs(signs) => match signs[i] {
                0 => 0.0,
                sign if value * f64::from(sign) < 0.0 => 0.0,
                _ => value,
            },
        }
    }

    /// Projects values of type `F`; in that type, so that a projected value passes [`violations`](Self::violations).
    fn project<F: Value>(&self, values: &mut [F]) {
        if *self == Self::Free {
            return;
        }
        for (i, value) in values.iter_mut().enumerate() {
            let old = value.wide();
            let new = self.nearest(i, old);
            if new.to_bits() != old.to_bits() {
                *value = F::inside(self, new);
            }
        }
    }

    /// Values that do not obey, NaN among them.
    fn violations<F: Value>(&self, values: &[F]) -> usize {
        let bad = |(i, value): (usize, &F)| {
            let value = value.wide();
            value.is_nan() || (self.nearest(i, value) - value).abs() > 0.0
        };
        values.iter().enumerate().filter(|&(i, v)| bad((i, v))).count()
    }
}

/// A number that a tensor holds.
trait Value: Copy {
    fn wide(self) -> f64;
    /// `value` rounded such that it obeys.
    fn inside(constraint: &Constraint, value: f64) -> Self;
}

impl Value for f64 {
    fn wide(self) -> f64 {
        self
    }

    fn inside(_: &Constraint, value: f64) -> Self {
        value
    }
}

impl Value for f32 {
    fn wide(self) -> f64 {
        f64::from(self)
    }

    fn inside(constraint: &Constraint, value: f64) -> Self {
        let rounded = value as Self;
        match constraint {
            Constraint::Range { least, .. } if f64::from(rounded) < *least => rounded.next_up(),
            Constraint::Range { most, .. } if f64::from(rounded) > *most => rounded.next_down(),
            _ => rounded,
        }
    }
}

impl Parameters {
    /// Moves every parameter to the nearest value that obeys its constraint.
    ///
    /// # Errors
    /// A tensor operation fails for lack of memory.
    pub fn project(&self) -> Result<()> {
        for (_, parameter) in self.iter().filter(|(_, p)| p.constraint != Constraint::Free) {
            let tensor = parameter.var.as_tensor();
            let projected = match tensor.dtype() {
                DType::F64 => projected::<f64>(tensor, &parameter.constraint),
                _ => projected::<f32>(tensor, &parameter.constraint),
            };
            projected.and_then(|p| parameter.var.set(&p)).map_err(internal)?;
        }
        let Some((reset, highest)) = self.highest_resets().map_err(internal)? else { return Ok(()) };
        let lowered = match reset.var.dtype() {
            DType::F64 => lowered::<f64>(reset.var.as_tensor(), &highest),
            _ => lowered::<f32>(reset.var.as_tensor(), &highest),
        };
        lowered.and_then(|tensor| tensor.map_or(Ok(()), |tensor| reset.var.set(&tensor))).map_err(internal)
    }

    /// The resets, and the highest that each may be.
    fn highest_resets(&self) -> candle_core::Result<Option<(&Parameter, Vec<f64>)>> {
        let (Some(reset), Some(threshold)) = (self.get("reset"), self.get("threshold")) else { return Ok(None) };
        let thresholds = threshold.var.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        Ok(Some((reset, thresholds.into_iter().map(|threshold| threshold - RESET_MARGIN).collect())))
    }

    /// Number of values that break their constraint, by tensor; tensors without any are left out.
    ///
    /// # Errors
    /// A tensor operation fails for lack of memory.
    pub fn violations(&self) -> Result<Vec<(String, usize)>> {
        let mut out = Vec::new();
        for (name, parameter) in self.iter() {
            let flat = parameter.var.as_tensor().flatten_all().map_err(internal)?;
            let mut count = match flat.dtype() {
                DType::F64 => parameter.constraint.violations(&flat.to_vec1::<f64>().map_err(internal)?),
                _ => parameter.constraint.violations(&flat.to_vec1::<f32>().map_err(internal)?),
            };
            if name == "reset" {
                count += self.resets_too_high().map_err(internal)?;
            }
            if count > 0 {
                out.push((name.to_string(), count));
            }
        }
        Ok(out)
    }

    fn resets_too_high(&self) -> candle_core::Result<usize> {
        let Some((reset, highest)) = self.highest_resets()? else { return Ok(0) };
        let resets = reset.var.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        Ok(resets.iter().zip(&highest).filter(|(reset, highest)| reset > highest).count())
    }
}

/// The resets with those lowered that are too high; nothing if none is.
fn lowered<F: Value + candle_core::WithDType>(resets: &Tensor, highest: &[f64]) -> candle_core::Result<Option<Tensor>> {
    let mut values = resets.to_vec1::<F>()?;
    let mut changed = false;
    for (value, &most) in values.iter_mut().zip(highest) {
        if value.wide() > most {
            *value = F::inside(&Constraint::Range { least: f64::NEG_INFINITY, most }, most);
            changed = true;
        }
    }
    changed.then(|| Tensor::from_vec(values, resets.shape(), resets.device())).transpose()
}

fn projected<F: Value + candle_core::WithDType>(tensor: &Tensor, constraint: &Constraint) -> candle_core::Result<Tensor> {
    let mut values = tensor.flatten_all()?.to_vec1::<F>()?;
    constraint.project(&mut values);
    Tensor::from_vec(values, tensor.shape(), tensor.device())
}
