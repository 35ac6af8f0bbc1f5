//! Two classifiers on the same trials, and what to expect of new trials.

use crate::interval::wilson;

/// Trials by who answers correctly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairedCounts {
    /// Both.
    pub both: u64,
    /// Only the first.
    pub only_first: u64,
    /// Only the second.
    pub only_second: u64,
    /// None.
    pub none: u64,
}

impl PairedCounts {
    /// Counts a trial.
    pub fn add(&mut self, first: bool, second: bool) {
        *match (first, second) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.only_first,
            (false, true) => &mut self.only_second,
            (false, false) => &mut self.none,
        } += 1;
    }

    /// Trials.
    pub fn n(&self) -> u64 {
        self.both + self.only_first + self.only_second + self.none
    }

    /// Accuracy of the second less that of the first; none without trials.
    pub fn difference(&self) -> Option<f64> {
        let n = self.n();
        (n > 0).then(|| (self.only_second as f64 - self.only_first as f64) / n as f64)
    }

    /// 95 % score interval of the [difference](Self::difference), with the correlation of the two (Newcombe 1998, method 10).
    ///
    /// # Example
    /// ```
    /// let counts = kenyon_base::PairedCounts { both: 20, only_first: 2, only_second: 12, none: 16 };
    /// let [low, high] = counts.difference_ci95().expect("there are trials");
    /// assert!((low - 0.0562).abs() < 5e-5 && (high - 0.3292).abs() < 5e-5);
    /// ```
    pub fn difference_ci95(&self) -> Option<[f64; 2]> {
        let n = self.n();
        let difference = self.difference()?;
        let (first, second) = (self.both + self.only_first, self.both + self.only_second);
        let (p1, p2) = (first as f64 / n as f64, second as f64 / n as f64);
        let ([l1, u1], [l2, u2]) = (wilson(first, n)?, wilson(second, n)?);
        let [a, b, c, d] = [self.both, self.only_first, self.only_second, self.none].map(|k| k as f64);
        let product = a * d - b * c;
        let corrected = if product > 0.0 { (product - n as f64 / 2.0).max(0.0) } else { product };
        let scale = ((a + b) * (c + d) * (a + c) * (b + d)).sqrt();
        let phi = if scale > 0.0 { corrected / scale } else { 0.0 };
        let arm = |x: f64, y: f64| (x * x - 2.0 * phi * x * y + y * y).max(0.0).sqrt();
        Some([difference - arm(p2 - l2, u1 - p1), difference + arm(u2 - p2, p1 - l1)])
    }

    /// Two-sided exact probability of a difference this large if both were equally good (`McNemar` 1947): twice the smaller tail of the
    /// binomial distribution with one half over the discordant trials, at most 1.
    pub fn mcnemar_p(&self) -> f64 {
        let (total, fewer) = (self.only_first + self.only_second, self.only_first.min(self.only_second));
        // Terms ln(C(total, k) / 2^total), each from the one before.
        let mut ln_term = -(total as f64) * std::f64::consts::LN_2;
        let mut tail = ln_term.exp();
        for k in 1..=fewer {
            ln_term += ((total - k + 1) as f64).ln() - (k as f64).ln();
            tail += ln_term.exp();
        }
        (2.0 * tail).min(1.0)
    }
}

/// 95 % interval of the share that is right among `trials` new trials, where `correct` of `n` were right: quantiles of the
/// beta-binomial distribution with Jeffreys' prior. None without old or new trials.
///
/// # Panics
/// If more are correct than there are.
pub fn predicted_share(correct: u64, n: u64, trials: u64) -> Option<[f64; 2]> {
    assert!(correct <= n, "no more correct answers than answers");
    if n == 0 || trials == 0 {
        return None;
    }
    let (alpha, beta, m) = (correct as f64 + 0.5, (n - correct) as f64 + 0.5, trials as f64);
    // Logarithms of the probabilities up to a constant, each from the one before.
    let mut ln_p = Vec::with_capacity(trials as usize + 1);
    let mut current = 0.0;
    for x in 0..=trials {
        ln_p.push(current);
        let x = x as f64;
        current += ((m - x) * (x + alpha) / ((x + 1.0) * (m - x - 1.0 + beta))).ln();
    }
    let most = ln_p.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = ln_p.iter().map(|l| (l - most).exp()).sum();
    let quantile = |q: f64| {
        let mut sum = 0.0;
        let reached = |l: &f64| {
            sum += (l - most).exp() / total;
            sum >= q
        };
        ln_p.iter().position(reached).unwrap_or(trials as usize) as f64 / m
    };
    Some([quantile(0.025), quantile(0.975)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paired_interval_is_newcombes() {
        // Computed from the published formula by another program; the second is a table entry of Newcombe 1998: -0.3404 to -0.0569.
        for ((both, only_first, only_second, none), [low, high]) in [
            ((20, 12, 2, 16), [-0.329_207, -0.056_156]),
            ((36, 12, 2, 0), [-0.340_428, -0.056_930]),
            ((36, 14, 0, 0), [-0.416_651, -0.152_840]),
        ] {
            let got = PairedCounts { both, only_first, only_second, none }.difference_ci95().expect("there are trials");
            assert!((got[0] - low).abs() < 1e-6 && (got[1] - high).abs() < 1e-6, "{got:?}");
        }
        assert_eq!(PairedCounts::default().difference_ci95(), None);
    }

    #[test]
    fn mcnemar_is_the_binomial_test_of_the_discordant_trials() {
        let p = |only_first, only_second| PairedCounts { both: 50, only_first, only_second, none: 3 }.mcnemar_p();
        // 2 (1 + 6 + 15) / 2^6 = 0.6875; 2 / 2^8.
        assert!((p(2, 4) - 0.6875).abs() < 1e-12 && (p(0, 8) - 2.0 / 256.0).abs() < 1e-12);
        assert_eq!((p(0, 0), p(5, 5)), (1.0, 1.0));
    }

    #[test]
    fn new_trials_spread_more_than_the_share_itself() {
        let [low, high] = predicted_share(90, 100, 100).expect("there are trials");
        let [narrow_low, narrow_high] = wilson(90, 100).expect("there are trials");
        assert!(low < narrow_low && high > narrow_high, "{low} {high}");
        // One new trial is right or wrong.
        assert_eq!(predicted_share(50, 100, 1), Some([0.0, 1.0]));
        assert_eq!(predicted_share(0, 0, 5), None);
    }

    #[test]
    fn the_prediction_is_the_beta_binomial_distribution() {
        // By its definition: integrate the binomial over the posterior, on a fine grid.
        let (correct, n, trials) = (7u64, 9u64, 5u64);
        let steps = 200_000;
        let choose = [1.0, 5.0, 10.0, 10.0, 5.0, 1.0];
        let mut mass = [0.0f64; 6];
        for i in 0..steps {
            let p = (f64::from(i) + 0.5) / f64::from(steps);
            let density = p.powf(correct as f64 - 0.5) * (1.0 - p).powf((n - correct) as f64 - 0.5);
            for (k, mass) in mass.iter_mut().enumerate() {
                *mass += density * choose[k] * p.powi(k as i32) * (1.0 - p).powi((trials as i32) - k as i32);
            }
        }
        let total: f64 = mass.iter().sum();
        let quantile = |q: f64| {
            let mut sum = 0.0;
            mass.iter()
                .position(|m| {
                    sum += m / total;
                    sum >= q
                })
                .expect("reaches 1") as f64
                / trials as f64
        };
        assert_eq!(predicted_share(correct, n, trials), Some([quantile(0.025), quantile(0.975)]));
    }
}
