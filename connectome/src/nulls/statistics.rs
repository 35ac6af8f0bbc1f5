//! A real value against the values of its null models.

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

/// Fewest nulls a comparison is made with.
const FEWEST: usize = 5;

/// A real value against `n` null values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NullTest {
    /// Value of the real circuit.
    pub real: f64,
    /// Mean of the nulls.
    pub mean: f64,
    /// Sample standard deviation of the nulls (`n - 1`).
    pub sd: f64,
    /// Number of nulls.
    pub n: usize,
    /// `(real - mean) / sd`; none if all nulls are equal.
    pub z: Option<f64>,
    /// Rank p, one-sided: `(1 + #{null >= real}) / (n + 1)`; small when the real value is larger than its nulls.
    pub p: f64,
}

/// Compares a real value with the values of its nulls.
///
/// # Errors
/// Usage `too-few-nulls` below five nulls; bad data `not-finite` if a value is infinite or not a number.
///
/// # Example
/// ```
/// use kenyon_connectome::nulls::z_and_p;
///
/// let test = z_and_p(10.0, &[1.0, 2.0, 3.0, 4.0, 5.0])?;
/// assert_eq!((test.mean, test.p), (3.0, 1.0 / 6.0));
/// # Ok::<(), kenyon_base::UserError>(())
/// ```
pub fn z_and_p(real: f64, nulls: &[f64]) -> Result<NullTest> {
    let n = nulls.len();
    if n < FEWEST {
        return Err(UserError::usage("too-few-nulls", "too few nulls to compare with")
            .found(n.to_string())
            .expected(format!("at least {FEWEST}"))
            .mend("run the null model with more seeds"));
    }
    if let Some(bad) = nulls.iter().chain([&real]).find(|value| !value.is_finite()) {
        return Err(UserError::bad_data("not-finite", "a value to compare is not a finite number").found(bad.to_string()));
    }
    let mean = nulls.iter().sum::<f64>() / n as f64;
    let sd = (nulls.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1) as f64).sqrt();
    // The mean of equal values may differ from them in the last bit, which would give a meaningless z.
    let spread = nulls.iter().any(|value| value.to_bits() != nulls[0].to_bits());
    let (mean, sd) = if spread { (mean, sd) } else { (nulls[0], 0.0) };
    let reached = nulls.iter().filter(|&&value| value >= real).count();
    let z = (sd > 0.0).then(|| (real - mean) / sd);
    Ok(NullTest { real, mean, sd, n, z, p: (1 + reached) as f64 / (n + 1) as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z_and_rank_follow_their_definitions() {
        let test = z_and_p(4.0, &[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!((test.mean, test.n), (3.0, 5));
        assert!((test.sd - 2.5_f64.sqrt()).abs() < 1e-15);
        assert!((test.z.unwrap() - 1.0 / 2.5_f64.sqrt()).abs() < 1e-15);
        assert!((test.p - 3.0 / 6.0).abs() < 1e-15);
    }

    #[test]
    fn equal_nulls_have_no_z() {
        let test = z_and_p(1.0, &[0.1; 7]).unwrap();
        assert_eq!((test.sd, test.z), (0.0, None));
        assert!((test.p - 1.0 / 8.0).abs() < 1e-15);
    }

    #[test]
    fn four_nulls_are_too_few() {
        assert_eq!(z_and_p(1.0, &[0.0; 4]).unwrap_err().code(), "too-few-nulls");
        assert_eq!(z_and_p(f64::NAN, &[0.0; 5]).unwrap_err().code(), "not-finite");
    }
}
