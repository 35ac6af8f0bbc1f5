//! The size of a gradient, in fixed order, and the guard against NaN.

use kenyon_base::{Result, UserError};
use rayon::prelude::*;

use super::rule::Real;
use crate::analysis::sum::pairwise;

/// Elements of one partial sum.
const CHUNK: usize = 4096;

/// Sum of squares of the elements, each cut to the magnitude `limit`, in f64.
///
/// Fixed chunks are summed one by one and then in pairs by index: the same bits at any number of threads.
pub fn sum_of_squares<T: Real>(values: &[T], limit: f64) -> f64 {
    let part = |chunk: &[T]| {
        // Eight sums side by side: a fixed order that the processor can add at once.
        let mut lanes = [0.0_f64; 8];
        for eight in chunk.chunks(8) {
            for (lane, x) in lanes.iter_mut().zip(eight) {
                // `clamp` lets a NaN through.
                let x = x.wide().clamp(-limit, limit);
                *lane += x * x;
            }
        }
        pairwise(&lanes)
    };
    let parts: Vec<f64> = values.par_chunks(CHUNK).map(part).collect();
    pairwise(&parts)
}

/// Checks that every element is finite.
///
/// # Errors
/// `not-finite` (exit code 1) with the tensor, the element and the step.
pub fn check_finite<T: Real>(what: &str, name: &str, step: u64, values: &[T]) -> Result<()> {
    match values.iter().position(|x| !x.finite()) {
        None => Ok(()),
        Some(index) => Err(not_finite(what, name, step, index, values[index].wide())),
    }
}

/// The error of a value that is not finite.
fn not_finite(what: &str, name: &str, step: u64, index: usize, value: f64) -> UserError {
    UserError::failed("not-finite", format!("element {index} of the {what} of `{name}` at step {step}"))
        .found(value.to_string())
        .expected("a finite number")
        .mend("lower the learning rate or switch on gradient clipping, and resume from the last checkpoint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_squares_is_that_of_a_plain_loop() {
        let values: Vec<f32> = (0..10_001).map(|i| ((i * 31 % 97) as f32 - 48.0) / 7.0).collect();
        let plain: f64 = values.iter().map(|&x| f64::from(x).powi(2)).sum();
        assert!((sum_of_squares(&values, f64::INFINITY) / plain - 1.0).abs() < 1e-12);
        assert!((sum_of_squares(&[3.0_f64, -4.0], 2.0) - 8.0).abs() < 1e-15);
        assert!(sum_of_squares(&[1.0_f32, f32::NAN], 2.0).is_nan());
    }

    #[test]
    fn the_guard_names_tensor_element_and_step() {
        let error = check_finite("gradient", "readout", 41, &[0.0_f32, f32::NEG_INFINITY]).unwrap_err();
        assert_eq!((error.code(), error.exit_code()), ("not-finite", 1));
        assert!(error.to_string().contains("element 1 of the gradient of `readout` at step 41: found `-inf`"), "{error}");
    }
}
