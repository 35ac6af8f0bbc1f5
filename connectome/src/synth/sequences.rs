//! Whole numbers in the shape of a quantile table, with the mean and the spread that the table is quoted with.
//!
//! The values are stratified: value `k` of `n` stands at level `k / (n - 1)`, so the sample quantiles are those of the table for
//! any seed, and chance only decides which cell or pair gets which value. Between two quantiles the logarithm runs linearly
//! (connectome specification 8.5, step 3), which leaves the mean up to 10 % high. So the position within every segment is raised to
//! a power of its own, which moves no tabulated quantile; the powers are chosen such that mean and standard deviations fit.

use kenyon_base::Stream;

use super::relations::{Counts, Degrees};
use super::sampling::fit_sum;

/// Levels of the nine knots.
const LEVELS: [f64; 9] = [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0];
const SEGMENTS: usize = 8;
/// Exponents that are tried: this many, from `1 / STEEPEST` to `STEEPEST` in logarithmic steps, with 1 in the middle.
const EXPONENTS: usize = 31;
const STEEPEST: f64 = 20.0;
/// Values of a segment that take part in choosing its exponent.
const SAMPLED: usize = 128;
/// Weight of a straight segment against an exact moment, small enough to decide only between equals.
const STRAIGHT: f64 = 1e-6;

/// What the values shall have in common.
struct Aim {
    mean: f64,
    sd: f64,
    ln_sd: Option<f64>,
}

/// A quantile table, and the limits that its values are cut to.
#[derive(Clone, Copy)]
struct Table<'a> {
    knots: &'a [f64; 9],
    low: u32,
    high: u32,
}

/// Sums over some values: their number, and the sums of `v`, `v^2`, `ln v` and `(ln v)^2`.
#[derive(Clone, Copy, Default)]
struct Sums([f64; 5]);

impl Sums {
    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a += b);
    }

    /// Squared relative errors of the moments.
    fn miss(&self, aim: &Aim) -> f64 {
        let [n, sum, square, ln, ln_square] = self.0;
        let spread = |square: f64, sum: f64| (square / n - (sum / n).powi(2)).max(0.0).sqrt();
        let relative = |found: f64, wanted: f64| ((found - wanted) / wanted.max(1e-3)).powi(2);
        let mut miss = relative(sum / n, aim.mean) + relative(spread(square, sum), aim.sd);
        if let Some(wanted) = aim.ln_sd {
            miss += relative(spread(ln_square, ln), wanted);
        }
        miss
    }
}

fn exponent(k: usize) -> f64 {
    STEEPEST.powf(2.0 * k as f64 / (EXPONENTS - 1) as f64 - 1.0)
}

fn level(k: usize, n: usize) -> f64 {
    if n < 2 { 0.5 } else { k as f64 / (n - 1) as f64 }
}

fn segment(u: f64) -> usize {
    LEVELS[1..SEGMENTS].iter().take_while(|&&level| level <= u).count()
}

impl Table<'_> {
    fn exact(self, u: f64, exponent: f64) -> f64 {
        let i = segment(u);
        let t = ((u - LEVELS[i]) / (LEVELS[i + 1] - LEVELS[i])).clamp(0.0, 1.0).powf(exponent);
        (self.knots[i].ln() * (1.0 - t) + self.knots[i + 1].ln() * t).exp()
    }

    fn value(self, u: f64, exponent: f64) -> u32 {
        (self.exact(u, exponent).round_ties_even() as u32).clamp(self.low, self.high)
    }

    /// The values next to a knot, such that interpolating between them gives the knot; `None` elsewhere.
    ///
    /// A quantile of few values lies between two of them, and often one of the two is the smallest or the largest.
    fn pinned(self, n: usize) -> Vec<Option<u32>> {
        let mut pinned = vec![None; n];
        if n < 2 {
            return pinned;
        }
        let fit = |k: usize, value: f64| {
            let s = segment(level(k, n));
            Some(
                (value.clamp(self.knots[s].floor(), self.knots[s + 1].ceil()).round_ties_even() as u32)
                    .clamp(self.low, self.high),
            )
        };
        pinned[0] = fit(0, self.knots[0]);
        pinned[n - 1] = fit(n - 1, self.knots[SEGMENTS]);
        let mut open: Vec<(usize, f64, f64)> = Vec::new();
        for (&knot, quantile) in self.knots.iter().zip(LEVELS).take(SEGMENTS).skip(1) {
            let at = quantile * (n - 1) as f64;
            if at.fract() < 1e-6 {
                pinned[at as usize] = pinned[at as usize].or_else(|| fit(at as usize, knot));
            } else {
                open.push((at as usize, at.fract(), knot));
            }
        }
        loop {
            open.retain(|&(k, _, _)| pinned[k].is_none() || pinned[k + 1].is_none());
            // A quantile with one known neighbour gives the other one, best where that one counts most.
            let weight = |&(k, f, _): &(usize, f64, f64)| match (pinned[k], pinned[k + 1]) {
                (None, None) => 0.0,
                (None, _) => 1.0 - f,
                _ => f,
            };
            let Some(&(k, f, knot)) = open.iter().reduce(|a, b| if weight(b) > weight(a) { b } else { a }) else { break };
            match (pinned[k], pinned[k + 1]) {
                (Some(low), _) => pinned[k + 1] = fit(k + 1, (knot - (1.0 - f) * f64::from(low)) / f),
                (_, Some(high)) => pinned[k] = fit(k, (knot - f * f64::from(high)) / (1.0 - f)),
                // Neither is known: a whole quantile stands on two equal values; else the one that counts less comes from the table.
                _ if knot.fract() == 0.0 => pinned[k] = fit(k, knot),
                _ if f < 0.5 => pinned[k + 1] = fit(k + 1, self.exact(level(k + 1, n), 1.0).ceil()),
                _ => pinned[k] = fit(k, self.exact(level(k, n), 1.0).floor()),
            }
        }
        pinned
    }

    /// Sums of each segment for each exponent.
    fn sums(self, n: usize, pinned: &[Option<u32>]) -> [[Sums; EXPONENTS]; SEGMENTS] {
        let mut of = [const { Vec::new() }; SEGMENTS];
        (0..n).for_each(|k| of[segment(level(k, n))].push(k));
        let mut sums = [[Sums::default(); EXPONENTS]; SEGMENTS];
        for (levels, sums) in of.iter().zip(&mut sums) {
            let stride = levels.len().div_ceil(SAMPLED).max(1);
            let weight = levels.len() as f64 / levels.len().div_ceil(stride).max(1) as f64;
            for (e, sums) in sums.iter_mut().enumerate() {
                for &k in levels.iter().skip(stride / 2).step_by(stride) {
                    let v = f64::from(pinned[k].unwrap_or_else(|| self.value(level(k, n), exponent(e))));
                    let ln = v.ln();
                    sums.add(&Sums([weight, weight * v, weight * v * v, weight * ln, weight * ln * ln]));
                }
            }
        }
        sums
    }

    /// The exponents at which `n` values come nearest to the aim: two segments at a time, until nothing improves.
    fn bend(self, n: usize, pinned: &[Option<u32>], aim: &Aim) -> [usize; SEGMENTS] {
        let sums = self.sums(n, pinned);
        let mut best = [EXPONENTS / 2; SEGMENTS];
        let curved = |e: usize| STRAIGHT * (e as f64 - (EXPONENTS / 2) as f64).powi(2);
        let mut least = f64::INFINITY;
        for _ in 0..20 {
            let before = least;
            for a in 0..SEGMENTS {
                for b in a + 1..SEGMENTS {
                    let mut rest = Sums::default();
                    (0..SEGMENTS).filter(|s| ![a, b].contains(s)).for_each(|s| rest.add(&sums[s][best[s]]));
                    let bent: f64 = (0..SEGMENTS).filter(|s| ![a, b].contains(s)).map(|s| curved(best[s])).sum();
                    let now = (best[a], best[b]);
                    let try_at = |at: (usize, usize)| {
                        let mut all = rest;
                        all.add(&sums[a][at.0]);
                        all.add(&sums[b][at.1]);
                        all.miss(aim) + bent + curved(at.0) + curved(at.1)
                    };
                    least = try_at(now);
                    for at in (0..EXPONENTS * EXPONENTS).map(|k| (k / EXPONENTS, k % EXPONENTS)) {
                        let miss = try_at(at);
                        if miss < least {
                            (least, best[a], best[b]) = (miss, at.0, at.1);
                        }
                    }
                }
            }
            if before - least < 1e-9 {
                break;
            }
        }
        best
    }

    /// `n` values in rising order near the aim that sum to `total`, if the table leaves room for it.
    fn values(self, n: usize, aim: &Aim, total: usize) -> Vec<u32> {
        let pinned = self.pinned(n);
        let bend = self.bend(n, &pinned, aim);
        let value = |k: usize| {
            let u = level(k, n);
            self.value(u, exponent(bend[segment(u)]))
        };
        let mut values: Vec<u32> = pinned.iter().enumerate().map(|(k, pin)| pin.unwrap_or_else(|| value(k))).collect();
        self.round_off(&mut values, &pinned, total);
        values.sort_unstable();
        values
    }

    /// Takes the last difference to the total off single values, evenly spread, without moving a tabulated quantile.
    fn round_off(self, values: &mut [u32], pinned: &[Option<u32>], total: usize) {
        let n = values.len();
        let sum: usize = values.iter().map(|&v| v as usize).sum();
        let missing = sum.abs_diff(total);
        if missing == 0 || missing * 20 > total {
            return;
        }
        let moved = |k: usize, v: u32| {
            let s = segment(level(k, n));
            let (low, high) = (self.knots[s].ceil() as u32, self.knots[s + 1].floor() as u32);
            let to = if sum < total { v + 1 } else { v.saturating_sub(1) };
            (low.max(self.low)..=high.min(self.high)).contains(&to).then_some(to)
        };
        let free: Vec<usize> = (0..n).filter(|&k| pinned[k].is_none() && moved(k, values[k]).is_some()).collect();
        let steps = missing.min(free.len());
        for k in (0..steps).map(|i| free[(2 * i + 1) * free.len() / (2 * steps)]) {
            values[k] = moved(k, values[k]).unwrap_or(values[k]);
        }
    }
}

/// `n` synapse counts in rising order with the quantiles, the mean and the spreads of `counts`.
pub(super) fn draw_sorted(counts: &Counts, n: usize) -> Vec<u32> {
    if n == 0 {
        return Vec::new();
    }
    let table = Table { knots: &counts.knots, low: counts.min, high: u32::MAX };
    let aim = Aim { mean: counts.mean, sd: counts.sd, ln_sd: Some(counts.ln_sigma) };
    table.values(n, &aim, (counts.mean * n as f64).round() as usize)
}

/// `n` degrees from 1 to `cap` in rising order that sum to `total`, or as near as the caps allow.
pub(super) fn degrees(shape: &Degrees, n: usize, total: usize, cap: usize, rng: &mut Stream) -> Vec<u32> {
    if n == 0 {
        return Vec::new();
    }
    let cap = u32::try_from(cap.max(1)).unwrap_or(u32::MAX);
    let total = total.min(n.saturating_mul(cap as usize));
    let mean = total as f64 / n as f64;
    let aim = Aim { mean, sd: shape.sd * mean / shape.mean, ln_sd: None };
    let mut values = Table { knots: &shape.knots, low: 1, high: cap }.values(n, &aim, total);
    fit_sum(&mut values, total, cap, rng);
    values.sort_unstable();
    values
}

/// How far each of `n` degrees in rising order can be moved without changing a quantile of the table.
pub(super) fn room(shape: &Degrees, degrees: &[u32], cap: usize) -> Vec<(u32, u32)> {
    let n = degrees.len();
    let table = Table { knots: &shape.knots, low: 1, high: u32::try_from(cap.max(1)).unwrap_or(u32::MAX) };
    let pinned = table.pinned(n);
    // A value stays between the pinned ones before and after it.
    let known = |k: &usize| pinned[*k].is_some();
    let below = |k: usize| (0..=k).rev().find(known).map_or(1, |at| degrees[at]);
    let above = |k: usize| (k..n).find(known).map_or(table.high, |at| degrees[at]);
    (0..n).map(|k| (below(k), above(k))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::{RELATIONS, Source};
    use kenyon_base::Streams;

    fn moments(values: &[u32]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        (mean, (values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n).sqrt())
    }

    #[test]
    fn counts_have_the_mean_and_spread_of_their_table_and_keep_its_quantiles() {
        for r in RELATIONS.iter().filter(|r| r.edges >= 20 && r.source == Source::Measured) {
            let values = draw_sorted(&r.counts, r.edges);
            let (mean, sd) = moments(&values);
            assert!((mean / r.counts.mean - 1.0).abs() < 0.01, "{}: mean {mean}", r.name);
            assert!((sd / r.counts.sd - 1.0).abs() < 0.05, "{}: sd {sd}, {}", r.name, r.counts.sd);
            let top = f64::from(*values.last().expect("some"));
            assert!((top - r.counts.knots[8]).abs() <= 1.0, "{}: {top}", r.name);
            let median = f64::from(values[values.len() / 2]);
            assert!((median - r.counts.knots[4]).abs() <= 0.05 * median + 0.5, "{}: {median}", r.name);
        }
    }

    #[test]
    fn a_handful_of_values_is_found_again_from_its_quantiles() {
        for (name, values) in [("MBON->MBIN", vec![31, 36]), ("ALPN->DPM", vec![5])] {
            let counts = RELATIONS.iter().find(|r| r.name == name).expect("known").counts;
            assert_eq!(draw_sorted(&counts, values.len()), values, "{name}");
        }
        let feedback = RELATIONS.iter().find(|r| r.name == "APL/DPM->MBON").expect("known").out_degree;
        assert_eq!(degrees(&feedback, 4, 138, 71, &mut Streams::new(1).stream("d")), [32, 33, 35, 38]);
    }

    #[test]
    fn degrees_have_the_spread_of_their_table() {
        let mut rng = Streams::new(1).stream("d");
        for r in RELATIONS.iter().filter(|r| r.edges >= 20 && r.source == Source::Measured) {
            for (shape, cap) in [(&r.out_degree, r.in_degree.cells), (&r.in_degree, r.out_degree.cells)] {
                let values = degrees(shape, shape.cells, r.edges, cap, &mut rng);
                assert_eq!(values.iter().map(|&v| v as usize).sum::<usize>(), r.edges, "{}", r.name);
                let (_, sd) = moments(&values);
                assert!((sd - shape.sd).abs() <= 0.05 * shape.sd + 0.5, "{}: sd {sd}, {}", r.name, shape.sd);
            }
        }
    }

    #[test]
    fn degrees_sum_to_the_total_within_the_cap() {
        let knots = [1.0, 1.0, 1.0, 2.0, 2.0, 4.0, 7.0, 9.0, 13.0];
        let shape = Degrees { cells: 1956, cover: false, mean: 3.18, sd: 1.86, knots };
        let mut rng = Streams::new(1).stream("d");
        assert_eq!(degrees(&shape, 100, 318, 20, &mut rng).iter().sum::<u32>(), 318);
        assert_eq!(degrees(&shape, 10, 500, 3, &mut rng), [3; 10]);
        assert_eq!(degrees(&shape, 10, usize::MAX, 3, &mut rng), [3; 10]);
        assert_eq!(degrees(&shape, 0, 5, 3, &mut rng).len(), 0);
    }
}
