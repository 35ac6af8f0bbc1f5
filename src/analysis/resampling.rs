//! Results over several runs: summary and paired bootstrap.

use kenyon_base::random::below;
use kenyon_base::{Result, Streams, UserError};
use rayon::prelude::*;
use serde::Serialize;

use super::measure::{Measure, check_finite};
use super::sum::{mean, pairwise_of, sd_n_minus_1};

/// Mean and spread over independent runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Mean over runs.
    pub mean: Measure,
    /// Standard deviation over runs (divisor n - 1).
    pub sd: Measure,
}

/// Mean and standard deviation of one value per run.
pub fn summary(values: &[f64]) -> Result<Summary> {
    check_finite("values", values)?;
    let n = values.len();
    Ok(Summary {
        mean: mean(values).map_or_else(|| Measure::none(0, "no runs"), |mean| Measure::new(mean, n)),
        sd: sd_n_minus_1(values).map_or_else(|| Measure::none(n, "fewer than 2 runs"), |sd| Measure::new(sd, n)),
    })
}

/// Paired bootstrap of a mean difference (Efron 1979).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairedBootstrap {
    /// Mean of first minus second.
    pub difference: Measure,
    /// 2.5 % quantile of the resampled means.
    pub low: Option<f64>,
    /// 97.5 % quantile of the resampled means.
    pub high: Option<f64>,
    /// Number of resamples.
    pub resamples: u64,
    /// Seed of the draws.
    pub seed: u64,
}

/// Resamples the pairs with replacement; 10,000 times by custom.
///
/// # Errors
/// If the numbers of values differ, or one is not finite.
pub fn paired_bootstrap(first: &[f64], second: &[f64], resamples: u64, seed: u64) -> Result<PairedBootstrap> {
    if first.len() != second.len() {
        return Err(UserError::failed("length", "the values are not pairs")
            .found(first.len().to_string())
            .expected(second.len().to_string()));
    }
    check_finite("values", first)?;
    check_finite("values", second)?;
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    let n = differences.len();
    let Some(difference) = mean(&differences) else {
        return Ok(PairedBootstrap { difference: Measure::none(0, "no pairs"), low: None, high: None, resamples, seed });
    };
    // One stream per resample: the result does not depend on how they are divided among threads.
    let resampled = |index: u64| {
        let mut random = Streams::new(seed).indexed("paired-bootstrap", index);
        let drawn: Vec<usize> = (0..n).map(|_| below(n as u64, &mut random) as usize).collect();
        pairwise_of(n, &|i| differences[drawn[i]]) / n as f64
    };
    let mut means: Vec<f64> = (0..resamples).into_par_iter().map(resampled).collect();
    means.sort_by(f64::total_cmp);
    let quantile = |q: f64| {
        let at = (q * resamples.saturating_sub(1) as f64).round() as usize;
        means.get(at).copied()
    };
    Ok(PairedBootstrap { difference: Measure::new(difference, n), low: quantile(0.025), high: quantile(0.975), resamples, seed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_many_pairs_is_the_normal_one_and_repeats() {
        let first: Vec<f64> = (0..400).map(|i| f64::from(i % 20)).collect();
        let second = vec![5.0; 400];
        let result = paired_bootstrap(&first, &second, 10_000, 3).unwrap();
        assert_eq!(result.difference.value, Some(4.5));
        // Standard error 5.766 / 20.
        assert!((result.low.unwrap() - (4.5 - 0.565)).abs() < 0.03, "{result:?}");
        assert!((result.high.unwrap() - (4.5 + 0.565)).abs() < 0.03, "{result:?}");
        assert_eq!(result, paired_bootstrap(&first, &second, 10_000, 3).unwrap());
        assert_ne!(result.low, paired_bootstrap(&first, &second, 10_000, 4).unwrap().low);
    }

    #[test]
    fn few_runs_say_so() {
        assert_eq!(summary(&[]).unwrap().mean.value, None);
        let one = summary(&[0.5]).unwrap();
        assert_eq!((one.mean.value, one.sd.reason.as_deref()), (Some(0.5), Some("fewer than 2 runs")));
        assert_eq!(paired_bootstrap(&[], &[], 10, 1).unwrap().difference.value, None);
        assert!(paired_bootstrap(&[1.0], &[], 10, 1).is_err());
    }
}
