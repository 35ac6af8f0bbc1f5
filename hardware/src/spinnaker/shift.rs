//! The left shift of a ring buffer: how the range of summed inputs is laid on 16 bits.
//!
//! A weight is stored as `rint(|w| 2^(15 - p))`; a slot holds sums below `2^(p + 1)`. The released mapper chooses p from an upper
//! bound on the input of one step, by the statistics below. That bound knows nothing of the network's activity.

/// Spikes per second that the released mapper expects of every source.
const RATE_HZ: f64 = 30.0;
/// Standard deviations above the mean that it allows for.
const SIGMA: f64 = 5.0;
/// Standard deviations at which it ends the sum over numbers of spikes.
const SUM_LIMIT: f64 = 3.0;
/// Logarithm beyond which it leaves the spread of weights out.
const LOG_LIMIT: f64 = 701.0;
/// Largest shift with which a slot of 16 bits still fits into 32 bits.
pub const MAX_SHIFT: u8 = 15;
/// A shift for whatever has no end.
const ENDLESS: u8 = 64;

/// What the mapper knows about one projection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListStatistics {
    /// Largest number of synapses on any one neuron.
    pub fan_in: usize,
    /// Mean of the magnitudes of the weights.
    pub mean: f64,
    /// Their variance, over n.
    pub variance: f64,
    /// The largest.
    pub max: f64,
    /// Variance of the delays in ms, over n.
    pub delay_variance: f64,
}

impl ListStatistics {
    /// Statistics of a list of (receiver, magnitude, delay in steps); none if it is empty.
    pub fn of(synapses: impl Iterator<Item = (u32, f64, f64)>, dt_ms: f64) -> Option<Self> {
        let (mut weights, mut delays, mut fan_in) = (Vec::new(), Vec::new(), Vec::<usize>::new());
        for (post, weight, delay) in synapses {
            weights.push(weight);
            delays.push(delay * dt_ms);
            let post = post as usize;
            if fan_in.len() <= post {
                fan_in.resize(post + 1, 0);
            }
            fan_in[post] += 1;
        }
        let fan_in = fan_in.into_iter().max()?;
        let (mean, variance) = mean_and_variance(&mut weights.clone());
        let (_, delay_variance) = mean_and_variance(&mut delays);
        Some(Self { fan_in, mean, variance, max: weights.iter().copied().fold(0.0, f64::max), delay_variance })
    }
}

/// Mean and variance with sums in the order of numpy: equal delays such as 0.1 ms get the same tiny variance that it finds, on which
/// the mapper's choice hangs.
fn mean_and_variance(values: &mut [f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = pairwise(values) / n;
    for value in &mut *values {
        *value = (*value - mean) * (*value - mean);
    }
    (mean, pairwise(values) / n)
}

/// A sum in blocks of up to 128 numbers with eight partial sums each, halves added.
fn pairwise(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 8 {
        return values.iter().fold(0.0, |sum, x| sum + x);
    }
    if n > 128 {
        let half = n / 2 - n / 2 % 8;
        return pairwise(&values[..half]) + pairwise(&values[half..]);
    }
    let mut r = [0.0; 8];
    r.copy_from_slice(&values[..8]);
    let blocks = values[8..].chunks_exact(8);
    let rest = blocks.remainder();
    for block in blocks {
        for (sum, x) in r.iter_mut().zip(block) {
            *sum += x;
        }
    }
    let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    rest.iter().fold(sum, |sum, x| sum + x)
}

/// Mean and variance of several lists, each standing for as many items as its fan-in.
#[derive(Default)]
struct Pooled {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Pooled {
    fn add(&mut self, mean: f64, variance: f64, n: f64) {
        let sum = self.n + n;
        let apart = mean - self.mean;
        self.squares += variance * (n - 1.0) + apart * apart * self.n * n / sum;
        self.mean = (self.n * self.mean + n * mean) / sum;
        self.n = sum;
    }

    fn variance(&self) -> f64 {
        if self.n > 1.0 { self.squares / (self.n - 1.0) } else { 0.0 }
    }
}

/// The released mapper's bound on the summed input of one step, over all projections into one receptor.
///
/// `weight_scale` is 1, or 1024 for conductances.
pub fn mapper_bound(lists: &[ListStatistics], dt_ms: f64, weight_scale: f64) -> f64 {
    let steps_per_second = 1000.0 / dt_ms;
    let spikes_per_step = (RATE_HZ / steps_per_second).max(1.0);
    let (mut weights, mut delays) = (Pooled::default(), Pooled::default());
    let (mut total, mut biggest) = (0.0, 0f64);
    for list in lists {
        let n = list.fan_in as f64;
        weights.add(list.mean * weight_scale, list.variance * weight_scale * weight_scale, n);
        delays.add(0.0, list.delay_variance, n);
        biggest = biggest.max(list.max * weight_scale);
        // The total is not scaled: a quirk of the mapper, felt by conductances.
        total += spikes_per_step * (list.max * n);
    }
    if delays.variance() == 0.0 {
        return biggest.max(total);
    }
    upper_bound(weights.mean, weights.variance(), weights.n * RATE_HZ / steps_per_second).min(total).max(biggest)
}

/// Mean plus five standard deviations of the input of one step, by Poisson spikes: `spikes` of them expected.
fn upper_bound(mean: f64, variance: f64, spikes: f64) -> f64 {
    let last = (spikes + SUM_LIMIT * spikes.sqrt()).round_ties_even() as u64;
    let log_factorial: f64 = (1..=last).map(|k| (k as f64).ln()).sum();
    let log_last = last as f64 * spikes.ln() - log_factorial;
    let mut spread = 0.0;
    if variance > 0.0 && log_last > -LOG_LIMIT && log_last < LOG_LIMIT && log_last != 0.0 {
        // The regularised incomplete gamma function less the last term is the chance of fewer than `last` spikes.
        let mut log_term = -spikes;
        let mut chance = 0.0;
        for k in 0..last {
            chance += log_term.exp();
            log_term += spikes.ln() - (k as f64 + 1.0).ln();
        }
        spread = spikes * variance * chance;
    }
    spikes * mean + SIGMA * (spikes * mean * mean + spread).sqrt()
}

/// The shift for sums up to `bound`: the least p with `bound < 2^p`.
pub fn for_bound(bound: f64) -> u8 {
    if bound.is_nan() || bound <= 0.0 {
        return 0;
    }
    // Beyond any shift that can be loaded, one is as good as another.
    let p = bound.log2().max(0.0).ceil().min(f64::from(ENDLESS));
    p as u8 + u8::from(p.exp2() <= bound)
}

/// kenyon's choice from measured activity: the least p whose slots hold twice the largest sum, and the largest weight as it is rounded.
pub fn for_measured(largest_sum: f64, largest_weight: f64) -> u8 {
    let fits = |p: &u8| {
        let raw = (largest_weight * (15.0 - f64::from(*p)).exp2()).round_ties_even();
        largest_sum <= f64::from(*p).exp2() && raw <= f64::from(u16::MAX)
    };
    (0..ENDLESS).find(fits).unwrap_or(ENDLESS)
}

/// The `max_expected_summed_weight` with which the released mapper chooses p; not to be scaled for conductances.
pub fn expected_weight(p: u8, weight_scale: f64) -> f64 {
    0.75 * f64::from(p).exp2() / weight_scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_is_the_least_whose_range_lies_above_the_bound() {
        assert_eq!([0.0, 0.3, 1.0, 1.1, 2.0, 3.9, 4.0, 414.0].map(for_bound), [0, 0, 1, 1, 2, 2, 3, 9]);
        assert_eq!(for_bound(f64::NAN), 0);
        assert!([2f64.powi(256), 2f64.powi(332), f64::MAX, f64::INFINITY].iter().all(|bound| for_bound(*bound) > MAX_SHIFT));
        for p in 0..=14 {
            assert_eq!(for_bound(expected_weight(p, 1.0)), p);
        }
    }

    #[test]
    fn equal_delays_give_the_worst_case() {
        let lists = [ListStatistics::of((0..5177).map(|_| (0, 0.08, 1.0)), 1.0).expect("not empty")];
        assert_eq!(for_bound(mapper_bound(&lists, 1.0, 1.0)), 9);
    }

    #[test]
    fn sums_are_those_of_numpy() {
        // `numpy.var(numpy.full(n, k * 0.1))` of numpy 2.
        let variance = |n: usize, k: f64| mean_and_variance(&mut vec![k * 0.1; n]).1;
        assert_eq!(
            [(4, 1.0), (6, 3.0), (10, 2.0), (24, 3.0), (200, 1.0), (200, 2.0)].map(|(n, k)| variance(n, k).to_bits()),
            [0; 6]
        );
        assert_eq!((variance(3, 1.0), variance(24, 2.0)), (1.925_929_944_387_236e-34, 7.703_719_777_548_943e-34));
        assert_eq!((variance(200, 3.0), variance(1000, 3.0)), (3.081_487_911_019_577_4e-33, 2.773_339_119_917_619_6e-32));
        let values: Vec<f64> = (0..1000).map(|i| (f64::from(i) * 0.37).sin()).collect();
        let plain: f64 = values.iter().sum();
        assert!((pairwise(&values) - plain).abs() < 1e-11);
    }

    #[test]
    fn a_measured_shift_leaves_room_for_twice_the_largest_sum() {
        assert_eq!(
            (for_measured(0.0, 0.0), for_measured(1.0, 1.0), for_measured(1.1, 1.0), for_measured(3.0, 9.0)),
            (0, 0, 1, 3)
        );
        // Just below 2^(p + 1), but 65,536 once it is rounded.
        let weight = 2.0 - 2f64.powi(-17);
        assert_eq!((weight * 32_768.0).round_ties_even() as u32, 65_536);
        assert_eq!((for_measured(0.0, weight), for_measured(0.0, 65_535.0 / 32_768.0)), (1, 0));
        assert!(for_measured(f64::INFINITY, 1.0) > MAX_SHIFT && for_measured(1.0, f64::INFINITY) > MAX_SHIFT);
    }
}
