//! Accuracy with its interval, and the comparison of two classifiers on the same trials.

use kenyon_base::{PairedCounts, Result, UserError, wilson};
use serde::{Deserialize, Serialize};

/// Share of correct answers with Wilson's 95 % interval (Wilson 1927).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Correct answers.
    pub correct: u64,
    /// All answers.
    pub n: u64,
    /// Share of correct ones; none of nothing.
    pub accuracy: Option<f64>,
    /// Lower end of the interval.
    pub low: Option<f64>,
    /// Upper end of the interval.
    pub high: Option<f64>,
}

impl Accuracy {
    /// `correct` of `n` answers.
    ///
    /// # Panics
    /// If more are correct than there are.
    pub fn new(correct: u64, n: u64) -> Self {
        let interval = wilson(correct, n);
        Self {
            correct,
            n,
            accuracy: interval.map(|_| correct as f64 / n as f64),
            low: interval.map(|[low, _]| low),
            high: interval.map(|[_, high]| high),
        }
    }

    /// Of answers and truths, one each per trial.
    ///
    /// # Errors
    /// If their numbers differ.
    pub fn of(answers: &[u32], truths: &[u32]) -> Result<Self> {
        same_length(answers.len(), truths.len())?;
        let correct = answers.iter().zip(truths).filter(|(a, t)| a == t).count();
        Ok(Self::new(correct as u64, truths.len() as u64))
    }
}

/// Exact `McNemar` test of two classifiers on the same trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Trials that only the first answers correctly.
    pub only_first: u64,
    /// Trials that only the second answers correctly.
    pub only_second: u64,
    /// All trials.
    pub n: u64,
    /// Two-sided probability of a difference this large if both were equally good.
    pub p: f64,
}

impl McNemar {
    /// Of whether each classifier was correct, trial by trial.
    ///
    /// # Errors
    /// If their numbers differ.
    pub fn of(first: &[bool], second: &[bool]) -> Result<Self> {
        same_length(first.len(), second.len())?;
        let count = |a: bool, b: bool| first.iter().zip(second).filter(|&(&x, &y)| (x, y) == (a, b)).count() as u64;
        Ok(Self::from_counts(count(true, false), count(false, true), first.len() as u64))
    }

    /// Of the discordant trials alone.
    pub fn from_counts(only_first: u64, only_second: u64, n: u64) -> Self {
        let p = PairedCounts { only_first, only_second, ..PairedCounts::default() }.mcnemar_p();
        Self { only_first, only_second, n, p }
    }
}

fn same_length(a: usize, b: usize) -> Result<()> {
    if a == b {
        return Ok(());
    }
    Err(UserError::failed("length", "answers and truths are not of the same trials").found(a.to_string()).expected(b.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn the_interval_is_wilsons() {
        // Newcombe 1998, table I: 81 of 263.
        let known = Accuracy::new(81, 263);
        assert!((known.low.unwrap() - 0.2553).abs() < 5e-5 && (known.high.unwrap() - 0.3662).abs() < 5e-5);
        assert_eq!(Accuracy::new(0, 0).accuracy, None);
    }

    #[test]
    fn mcnemar_is_the_binomial_test_of_the_discordant_trials() {
        for (b, c, p) in [(0, 0, 1.0), (3, 3, 1.0), (0, 5, 0.0625), (1, 9, 22.0 / 1024.0), (10, 2, 158.0 / 4096.0)] {
            assert!(close(McNemar::from_counts(b, c, 100).p, p), "{b} {c}");
        }
        let large = McNemar::from_counts(40_000, 41_000, 100_000);
        assert!(large.p > 4.0e-4 && large.p < 4.8e-4, "z = 3.51: {}", large.p);
        let counted = McNemar::of(&[true, true, false, false], &[true, false, true, false]).unwrap();
        assert_eq!((counted.only_first, counted.only_second, counted.n), (1, 1, 4));
    }
}
