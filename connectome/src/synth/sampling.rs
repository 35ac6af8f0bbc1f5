//! Drawing whole numbers from quantile tables with a given mean.
//!
//! Between two quantiles the logarithm runs linearly (connectome specification 8.5, step 3). That alone puts too much into
//! the tails: the mean comes out up to 10 % high. So the position within every segment is raised to a power, one below the
//! median and one above it. That leaves all tabulated quantiles where they are, and the two powers are solved such that the
//! mean and the standard deviation of the logarithm are right too.

use rand::Rng;
use rand::seq::SliceRandom;

use kenyon_base::Stream;

use super::relations::{Counts, Degrees};

/// Levels of the nine knots.
const LEVELS: [f64; 9] = [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0];
/// Segment that starts at the median.
const MEDIAN: usize = 4;
/// Range of the exponents; outside it a segment is a step.
const BEND: (f64, f64) = (0.05, 20.0);
/// Up to this number of values the levels are the sample quantiles, so that a handful of pairs looks as measured.
const FEW: usize = 64;

/// How the segments are bent: below the median and above it.
#[derive(Clone, Copy)]
struct Bend {
    low: f64,
    high: f64,
}

/// Value at level `u`, with the position in its segment raised to the power of the bend.
fn quantile(knots: &[f64; 9], u: f64, bend: Bend) -> f64 {
    let i = LEVELS[1..8].iter().take_while(|&&level| level <= u).count();
    let t = ((u - LEVELS[i]) / (LEVELS[i + 1] - LEVELS[i])).clamp(0.0, 1.0);
    let t = t.powf(if i < MEDIAN { bend.low } else { bend.high });
    (knots[i].ln() * (1.0 - t) + knots[i + 1].ln() * t).exp()
}

/// Bisects for the exponent at which `too_high` turns from true to false, in logarithmic steps.
fn bisect(steps: u32, mut too_high: impl FnMut(f64) -> bool) -> f64 {
    let (mut a, mut b) = (BEND.0.ln(), BEND.1.ln());
    for _ in 0..steps {
        let middle = f64::midpoint(a, b);
        if too_high(middle.exp()) { a = middle } else { b = middle }
    }
    f64::midpoint(a, b).exp()
}

/// Moments of the values at some levels.
struct Moments {
    mean: f64,
    sd: f64,
    ln_sd: f64,
}

/// A quantile table, and the limits that its values are cut to.
#[derive(Clone, Copy)]
struct Table<'a> {
    knots: &'a [f64; 9],
    low: u32,
    high: u32,
}

impl Table<'_> {
    fn value(self, u: f64, bend: Bend) -> u32 {
        (quantile(self.knots, u, bend).round_ties_even() as u32).clamp(self.low, self.high)
    }

    fn moments(self, levels: &[f64], bend: Bend) -> Moments {
        let n = levels.len().max(1) as f64;
        let (mut sum, mut square, mut ln, mut ln_square) = (0.0, 0.0, 0.0, 0.0);
        for &u in levels {
            let value = f64::from(self.value(u, bend));
            sum += value;
            square += value.powi(2);
            ln += value.ln();
            ln_square += value.ln().powi(2);
        }
        let spread = |square: f64, sum: f64| (square / n - (sum / n).powi(2)).max(0.0).sqrt();
        Moments { mean: sum / n, sd: spread(square, sum), ln_sd: spread(ln_square, ln) }
    }

    /// The bends at which the values at `levels` have the given mean, and are narrower than wanted no longer.
    fn solve(self, levels: &[f64], mean: f64, narrow: impl Fn(Moments) -> bool) -> Bend {
        let coarse = thinned(levels, 400);
        let high_for =
            |low: f64, levels: &[f64], steps: u32| bisect(steps, |high| self.moments(levels, Bend { low, high }).mean > mean);
        // The larger the exponent below the median, the smaller the values there, and the wider the spread.
        let low = bisect(12, |low| narrow(self.moments(&coarse, Bend { low, high: high_for(low, &coarse, 12) })));
        Bend { low, high: high_for(low, &thinned(levels, 4096), 24) }
    }
}

/// About `most` of the levels, evenly spread.
fn thinned(levels: &[f64], most: usize) -> Vec<f64> {
    levels.iter().copied().step_by((levels.len() / most).max(1)).collect()
}

/// Levels in rising order: one in each of `n` equal strata, or exactly the sample quantiles where there are few.
fn levels(n: usize, rng: &mut Stream) -> Vec<f64> {
    match n {
        0 | 1 => vec![0.5; n],
        2..=FEW => (0..n).map(|k| k as f64 / (n - 1) as f64).collect(),
        _ => (0..n).map(|k| (k as f64 + rng.random::<f64>()) / n as f64).collect(),
    }
}

/// `n` synapse counts in rising order with the quantiles, the mean and the spread of `counts`.
pub(super) fn draw_sorted(counts: &Counts, n: usize, rng: &mut Stream) -> Vec<u32> {
    let table = Table { knots: &counts.knots, low: counts.min, high: u32::MAX };
    let levels = levels(n, rng);
    let bend = table.solve(&levels, counts.mean, |m| m.ln_sd < counts.ln_sigma);
    let mut values: Vec<u32> = levels.iter().map(|&u| table.value(u, bend)).collect();
    values.sort_unstable();
    values
}

/// `n` degrees from 1 to `cap` in rising order that sum to `total`, or as near as the caps allow.
pub(super) fn degrees(shape: &Degrees, n: usize, total: usize, cap: usize, rng: &mut Stream) -> Vec<u32> {
    if n == 0 {
        return Vec::new();
    }
    let levels = levels(n, rng);
    let cap = cap.max(1) as u32;
    let table = Table { knots: &shape.knots, low: 1, high: cap };
    let mean = total as f64 / n as f64;
    let sd = shape.sd * mean / shape.mean;
    let bend = table.solve(&levels, mean, |m| m.sd < sd);
    let mut values: Vec<u32> = levels.iter().map(|&u| table.value(u, bend)).collect();
    fit_sum(&mut values, total, cap, rng);
    values.sort_unstable();
    values
}

/// Moves values by ones, kept within 1 and `cap`, until they sum to `total`.
pub(super) fn fit_sum(values: &mut [u32], total: usize, cap: u32, rng: &mut Stream) {
    let mut sum: usize = values.iter().map(|&v| v as usize).sum();
    if sum > 0 && sum.abs_diff(total) * 20 > total {
        // Far off: rescale first, so that the shape stays.
        let factor = total as f64 / sum as f64;
        for v in values.iter_mut() {
            *v = ((f64::from(*v) * factor).round() as u32).clamp(1, cap);
        }
        sum = values.iter().map(|&v| v as usize).sum();
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    while sum != total {
        order.shuffle(rng);
        let before = sum;
        for &i in &order {
            if sum < total && values[i] < cap {
                values[i] += 1;
                sum += 1;
            } else if sum > total && values[i] > 1 {
                values[i] -= 1;
                sum -= 1;
            }
        }
        if sum == before {
            break;
        }
    }
}

/// Whole numbers in proportion to `weights` that sum to `total` (largest remainder, ties to the first).
pub(super) fn apportion(weights: &[f64], total: usize) -> Vec<usize> {
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return vec![0; weights.len()];
    }
    let exact: Vec<f64> = weights.iter().map(|w| w / sum * total as f64).collect();
    let mut parts: Vec<usize> = exact.iter().map(|x| x.floor() as usize).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()).then(a.cmp(&b)));
    let missing = total.saturating_sub(parts.iter().sum());
    for &i in order.iter().filter(|&&i| weights[i] > 0.0).cycle().take(missing) {
        parts[i] += 1;
    }
    parts
}

/// Deals `sorted` values out so that the mean of each group is in the proportion of `targets`.
///
/// Every item has a normal score around its group's level; the items in order of score take the values in rising order, and
/// the levels are moved until the group means fit. All values are dealt, so their overall distribution does not change.
pub(super) fn deal_by_group(sorted: &[u32], groups: &[usize], targets: &[f64], rng: &mut Stream) -> Vec<u32> {
    let n = groups.len();
    let mut size = vec![0_usize; targets.len()];
    for &g in groups {
        size[g] += 1;
    }
    let total: f64 = sorted.iter().map(|&v| f64::from(v)).sum();
    let wanted: f64 = size.iter().zip(targets).map(|(&k, t)| k as f64 * t).sum();
    let scale = if wanted > 0.0 { total / wanted } else { 1.0 };
    let noise: Vec<f64> = (0..n).map(|_| rng.sample::<f64, _>(rand_distr::StandardNormal)).collect();
    let mut level = vec![0.0_f64; targets.len()];
    let mut order: Vec<usize> = (0..n).collect();
    let mut dealt = vec![0; n];
    for round in 0..24 {
        let score = |i: usize| level[groups[i]] + noise[i];
        order.sort_by(|&a, &b| score(a).total_cmp(&score(b)).then(a.cmp(&b)));
        order.iter().zip(sorted).for_each(|(&i, &v)| dealt[i] = v);
        if round == 23 {
            break;
        }
        let mut sum = vec![0.0; targets.len()];
        groups.iter().zip(&dealt).for_each(|(&g, &v)| sum[g] += f64::from(v));
        for g in (0..targets.len()).filter(|&g| size[g] > 0 && sum[g] > 0.0 && targets[g] > 0.0) {
            level[g] += 1.2 * (targets[g] * scale / (sum[g] / size[g] as f64)).ln();
        }
    }
    dealt
}

#[cfg(test)]
mod tests {
    use super::*;
    use kenyon_base::Streams;

    #[test]
    fn the_mean_is_met_and_the_quantiles_stay() {
        let knots = [5.0, 5.0, 5.0, 8.0, 14.0, 24.0, 54.0, 109.0, 234.0];
        let counts = Counts { knots, mean: 19.956, ln_sigma: 0.751, min: 5 };
        let values = draw_sorted(&counts, 6221, &mut Streams::new(1).stream("t"));
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / 6221.0;
        assert!((mean / 19.956 - 1.0).abs() < 0.01, "{mean}");
        assert_eq!((values[1555], values[3110], values[4666]), (8, 14, 24));
    }

    #[test]
    fn apportioned_parts_sum_to_the_total() {
        assert_eq!(apportion(&[1.0, 1.0, 1.0], 8), [3, 3, 2]);
        assert_eq!(apportion(&[0.0, 0.0], 3), [0, 0]);
        assert_eq!(apportion(&[0.0, 2.0], 3), [0, 3]);
    }

    #[test]
    fn degrees_sum_to_the_total_within_the_cap() {
        let knots = [1.0, 1.0, 1.0, 2.0, 2.0, 4.0, 7.0, 9.0, 13.0];
        let shape = Degrees { cells: 1956, cover: false, mean: 3.18, sd: 1.86, knots };
        let mut rng = Streams::new(1).stream("d");
        assert_eq!(degrees(&shape, 100, 318, 20, &mut rng).iter().sum::<u32>(), 318);
        assert_eq!(degrees(&shape, 10, 500, 3, &mut rng), [3; 10]);
        assert_eq!(degrees(&shape, 0, 5, 3, &mut rng).len(), 0);
    }
}
