//! Counter-based random numbers and Bernoulli spike trains by skipping.
//!
//! The trains of a neuron in a sample hang on (seed, sample, root id) alone: not on order, threads, the other neurons, or the
//! machine (the logarithm is our own, so that no mathematical library changes a bit).

use kenyon_base::random::mix64;

/// Increment of the counter: 2^64 divided by the golden ratio.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The numbers of one key: number `n` is `mix64(key + n * GAMMA)`.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    state: u64,
}

impl Counter {
    /// Numbers of (seed, sample, id).
    pub(super) const fn new(seed: u64, sample: u64, id: u64) -> Self {
        // Each word is mixed before the next one enters, so that neighbouring samples and ids are far apart.
        let a = mix64(seed.wrapping_add(GAMMA));
        let b = mix64(a ^ mix64(sample.wrapping_add(GAMMA.wrapping_mul(2))));
        Self { state: mix64(b ^ mix64(id.wrapping_add(GAMMA.wrapping_mul(3)))) }
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix64(self.state)
    }

    /// A number above 0 and below 1: one of the 2^52 midpoints.
    pub(super) fn uniform(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64)
    }
}

/// A whole number below `n` made of a 64-bit one.
pub(super) fn below(number: u64, n: u64) -> u64 {
    ((u128::from(number) * u128::from(n)) >> 64) as u64
}

/// The spike probability per step of a train, made ready for skipping.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rate {
    Never,
    Always,
    /// 1 / ln(1 - p).
    Skip(f64),
}

impl Rate {
    pub(super) fn new(p: f64) -> Self {
        if p <= 0.0 {
            Self::Never
        } else if p >= 1.0 {
            Self::Always
        } else {
            // Below 1e-5, 1 - p has lost digits of p.
            Self::Skip(1.0 / if p < 1e-5 { -p * (1.0 + p * (0.5 + p / 3.0)) } else { ln(1.0 - p) })
        }
    }
}

/// Hands every step of `from..to` at which the neuron fires to `spike`.
///
/// Between spikes lie floor(ln u / ln(1 - p)) empty steps, the geometric distribution: the train is Bernoulli in every step.
/// The chain starts anew in every window of constant probability.
#[inline]
pub(super) fn bernoulli(numbers: &mut Counter, rate: Rate, from: u32, to: u32, mut spike: impl FnMut(u32)) {
    match rate {
        Rate::Never => {}
        Rate::Always => (from..to).for_each(spike),
        Rate::Skip(factor) => {
            let mut step = u64::from(from);
            while step < u64::from(to) {
                // The cast saturates where the gap is beyond any sample.
                step = step.saturating_add((ln(numbers.uniform()) * factor) as u64);
                if step >= u64::from(to) {
                    return;
                }
                spike(step as u32);
                step += 1;
            }
        }
    }
}

/// Natural logarithm of a normal number above 0, by sums and products alone: the same bits on every machine.
///
/// With x = m · 2^e, m from √½ to √2, and s = (m - 1) / (m + 1): ln x = e ln 2 + 2 (s + s³/3 + s⁵/5 + …).
pub(crate) fn ln(x: f64) -> f64 {
    const SQRT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;
    let bits = x.to_bits().wrapping_add((1023_u64 << 52) - SQRT_HALF_BITS);
    let e = (bits >> 52) as i64 - 1023;
    let m = f64::from_bits((bits & ((1 << 52) - 1)) + SQRT_HALF_BITS);
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let mut series = 1.0 / 21.0;
    for k in [19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        series = series * z + 1.0 / k;
    }
    e as f64 * std::f64::consts::LN_2 + (2.0 * s + 2.0 * s * z * series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_logarithm_agrees_with_the_library() {
        let mut numbers = Counter::new(1, 2, 3);
        let edges = [f64::MIN_POSITIVE, 1e-16, 0.5, 0.7, 0.71, 1.0 - 1e-16, 1.0, 1.5, 2.0, 1e300];
        for x in edges.into_iter().chain((0..100_000).map(|_| numbers.uniform())) {
            let (ours, library) = (ln(x), x.ln());
            assert!((ours - library).abs() <= 4e-16 * library.abs().max(0.25), "{x}: {ours} {library}");
        }
    }

    #[test]
    fn numbers_keep_their_values_across_releases() {
        let mut numbers = Counter::new(1, 0, 720_575_940_605_686_886);
        assert_eq!([numbers.next(), numbers.next()], [16_568_470_193_596_784_430, 999_525_815_496_298_090]);
    }

    /// The plain twin: one draw per step. Its trains are others, their statistics must be the same.
    fn step_by_step(numbers: &mut Counter, p: f64, steps: u32) -> Vec<u32> {
        (0..steps).filter(|_| numbers.uniform() < p).collect()
    }

    #[test]
    fn trains_by_skipping_have_the_statistics_of_one_draw_per_step() {
        let (steps, trials) = (200_u32, 20_000_u64);
        for p in [0.004, 0.008, 0.1, 0.5, 0.97] {
            let mut per_step = vec![0.0_f64; steps as usize];
            let (mut sum, mut squares, mut adjacent) = (0.0, 0.0, 0.0);
            let mut plain = 0.0;
            for trial in 0..trials {
                let mut train = Vec::new();
                bernoulli(&mut Counter::new(7, trial, 1), Rate::new(p), 0, steps, |t| train.push(t));
                assert!(train.is_sorted_by(|a, b| a < b));
                let n = train.len() as f64;
                (sum, squares) = (sum + n, squares + n * n);
                adjacent += train.windows(2).filter(|w| w[1] == w[0] + 1).count() as f64;
                for t in train {
                    per_step[t as usize] += 1.0;
                }
                plain += step_by_step(&mut Counter::new(7, trial, 2), p, steps).len() as f64;
            }
            let (n, trials) = (f64::from(steps), trials as f64);
            let mean = sum / trials;
            let error = (n * p * (1.0 - p) / trials).sqrt();
            assert!((mean - n * p).abs() < 5.0 * error, "mean {mean} at {p}");
            assert!((mean - plain / trials).abs() < 7.0 * error, "{mean} by skipping, {} plainly at {p}", plain / trials);
            let variance = squares / trials - mean * mean;
            assert!((variance / (n * p * (1.0 - p)) - 1.0).abs() < 0.06, "variance {variance} at {p}");
            let pairs = (n - 1.0) * p * p * trials;
            assert!((adjacent - pairs).abs() < 6.0 * pairs.sqrt() * (1.0 + 2.0 * p), "{adjacent} neighbours, {pairs} at {p}");
            let z = |count: &f64| (count - trials * p) / (trials * p * (1.0 - p)).sqrt();
            assert!(per_step.iter().all(|c| z(c).abs() < 5.0), "a step fires too often or too rarely at {p}");
        }
    }

    #[test]
    fn probabilities_zero_and_one_are_exact() {
        let train = |p: f64| {
            let mut train = Vec::new();
            bernoulli(&mut Counter::new(1, 1, 1), Rate::new(p), 3, 7, |t| train.push(t));
            train
        };
        assert_eq!(train(0.0), [0_u32; 0]);
        assert_eq!(train(1.0), [3, 4, 5, 6]);
        assert_eq!(train(1e-300), [0_u32; 0]);
    }

    #[test]
    fn whole_numbers_are_uniform() {
        let mut counts = [0_u32; 430];
        for sample in 0..43_000 {
            counts[below(Counter::new(1, sample, 0).next(), 430) as usize] += 1;
        }
        let chi2: f64 = counts.iter().map(|&c| (f64::from(c) - 100.0).powi(2) / 100.0).sum();
        assert!((chi2 - 429.0).abs() < 5.0 * (2.0 * 429.0_f64).sqrt(), "chi² {chi2}");
    }
}
