//! Dealing fixed values out by swaps: the values stay what they are, only their places are improved until sums fit.
//!
//! Plain hill climbing on random swaps; the number of tries is fixed, so the result depends on the random stream alone.

use rand::Rng;
use rand::seq::SliceRandom;

use kenyon_base::Stream;

/// Tries per slot of [`to_groups`].
const GROUP_TRIES: usize = 2000;
/// Tries per cell and part of [`to_sums`].
const SUM_TRIES: usize = 100;
/// Tries per value in one climb of [`to_union`], and the most climbs.
const UNION_TRIES: usize = 4000;
const UNION_CLIMBS: usize = 8;
/// How far [`to_union`] moves a value at once.
const UNION_STEPS: [u32; 4] = [1, 1, 4, 16];
/// How much more the median of the union counts in [`to_union`].
const MEDIAN_WEIGHT: f64 = 10.0;
/// Share of a part's variance that [`to_union`] may move.
const SPREAD_DRIFT: f64 = 0.08;
/// Cost of one unit above the cap of a slot.
const ABOVE_CAP: f64 = 1e3;

/// Deals `values` out to slots such that every group's sum comes near its total, relative to the total's square root.
///
/// `group` and `cap` are those of each slot; a value above the cap is a last resort.
pub(super) fn to_groups(values: &[u32], group: &[usize], totals: &[f64], cap: &[u32], rng: &mut Stream) -> Vec<u32> {
    let n = values.len();
    let mut size = vec![0_usize; totals.len()];
    for &g in group {
        size[g] += 1;
    }
    // Start with the largest values where the mean is largest.
    let mut slots: Vec<usize> = (0..n).collect();
    slots.shuffle(rng);
    let mean = |slot: usize| totals[group[slot]] / size[group[slot]] as f64;
    slots.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)));
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let mut dealt = vec![0; n];
    slots.iter().zip(sorted).for_each(|(&slot, v)| dealt[slot] = v);
    let mut sum = vec![0.0; totals.len()];
    group.iter().zip(&dealt).for_each(|(&g, &v)| sum[g] += f64::from(v));
    let misfit = |g: usize, sum: f64| (sum - totals[g]).powi(2) / totals[g].max(1.0);
    let above = |slot: usize, v: u32| ABOVE_CAP * f64::from(v.saturating_sub(cap[slot]));
    for _ in 0..if n > 1 { GROUP_TRIES * n } else { 0 } {
        let (a, b) = (rng.random_range(0..n), rng.random_range(0..n));
        let (g, h, v, w) = (group[a], group[b], dealt[a], dealt[b]);
        if v == w {
            continue;
        }
        let step = f64::from(w) - f64::from(v);
        let mut change = above(a, w) + above(b, v) - above(a, v) - above(b, w);
        if g != h {
            change += misfit(g, sum[g] + step) + misfit(h, sum[h] - step) - misfit(g, sum[g]) - misfit(h, sum[h]);
        }
        if change <= 0.0 {
            dealt.swap(a, b);
            sum[g] += step;
            sum[h] -= step;
        }
    }
    dealt
}

/// Deals the values of every part out to the cells such that the parts of a cell add up to its `sum`.
///
/// `parts` are shorter than `sums` or equal; a cell without a value has 0. Returns one list per part.
pub(super) fn to_sums(parts: &[Vec<u32>], sums: &[u32], rng: &mut Stream) -> Vec<Vec<u32>> {
    let n = sums.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&c| std::cmp::Reverse(sums[c]));
    let mut dealt: Vec<Vec<u32>> = parts
        .iter()
        .map(|values| {
            let mut sorted = values.clone();
            sorted.sort_unstable_by_key(|&v| std::cmp::Reverse(v));
            let mut list = vec![0; n];
            order.iter().zip(sorted).for_each(|(&c, v)| list[c] = v);
            list
        })
        .collect();
    let mut error: Vec<i64> = (0..n).map(|c| dealt.iter().map(|d| i64::from(d[c])).sum::<i64>() - i64::from(sums[c])).collect();
    for _ in 0..if n > 1 { SUM_TRIES * n * parts.len() } else { 0 } {
        let part = &mut dealt[rng.random_range(0..parts.len())];
        let (a, b) = (rng.random_range(0..n), rng.random_range(0..n));
        let step = i64::from(part[b]) - i64::from(part[a]);
        if step != 0 && (error[a] + step).pow(2) + (error[b] - step).pow(2) <= error[a].pow(2) + error[b].pow(2) {
            part.swap(a, b);
            error[a] += step;
            error[b] -= step;
        }
    }
    dealt
}

/// Values of one part of a union, and how far each may be moved.
pub(super) struct Part {
    pub(super) values: Vec<u32>,
    pub(super) room: Vec<(u32, u32)>,
}

fn median(parts: &[Part]) -> Option<u32> {
    let mut all: Vec<u32> = parts.iter().flat_map(|p| p.values.iter().copied()).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}

/// Moves values within their room until all parts together are distributed like `union`, which is sorted.
///
/// The sums of the parts stay, their spreads nearly. A climb that ends beside the median starts anew.
pub(super) fn to_union(parts: &mut [Part], union: &[u32], rng: &mut Stream) {
    let start: Vec<Vec<u32>> = parts.iter().map(|p| p.values.clone()).collect();
    for _ in 0..UNION_CLIMBS {
        parts.iter_mut().zip(&start).for_each(|(p, start)| p.values.clone_from(start));
        climb_to_union(parts, union, rng);
        if median(parts) == union.get(union.len() / 2).copied() {
            break;
        }
    }
}

fn climb_to_union(parts: &mut [Part], union: &[u32], rng: &mut Stream) {
    let most = parts.iter().flat_map(|p| &p.values).chain(union).max().map_or(0, |&v| v as usize);
    // Surplus of values up to each size.
    let mut surplus = vec![0_i64; most + 2];
    parts.iter().flat_map(|p| &p.values).for_each(|&v| surplus[v as usize..].iter_mut().for_each(|s| *s += 1));
    for &v in union {
        surplus[v as usize..].iter_mut().for_each(|s| *s -= 1);
    }
    // Relative errors count, in the bulk more than in the tail.
    let mut weight: Vec<f64> = (0..surplus.len()).map(|at| (at as f64 + 1.0).powf(-1.5)).collect();
    if let Some(&median) = union.get(union.len() / 2) {
        weight[(median as usize).saturating_sub(1)..=median as usize].iter_mut().for_each(|w| *w *= MEDIAN_WEIGHT);
    }
    let limit: Vec<f64> = parts
        .iter()
        .map(|p| {
            let (mut sum, mut square) = (0.0, 0.0);
            p.values.iter().map(|&v| f64::from(v)).for_each(|v| (sum, square) = (sum + v, square + v * v));
            SPREAD_DRIFT * (square - sum * sum / p.values.len().max(1) as f64)
        })
        .collect();
    let mut drift = vec![0.0; parts.len()];
    let tries = UNION_TRIES * parts.iter().map(|p| p.values.len()).sum::<usize>();
    for _ in 0..tries {
        let k = rng.random_range(0..parts.len());
        let Part { values, room } = &mut parts[k];
        if values.len() < 2 {
            continue;
        }
        let (a, b) = (rng.random_range(0..values.len()), rng.random_range(0..values.len()));
        let (v, w) = (values[a], values[b]);
        let by = UNION_STEPS[rng.random_range(0..UNION_STEPS.len())];
        if a == b || v + by > room[a].1 || w < room[b].0 + by || (v + by) as usize > most {
            continue;
        }
        let step = f64::from(by) * 2.0 * (f64::from(v) - f64::from(w) + f64::from(by));
        if (drift[k] + step).abs() > limit[k] {
            continue;
        }
        // Up to each size from v to v + by - 1 there is one value less, and one more from w - by to w - 1.
        let moved = |at: u32| i64::from((w - by..w).contains(&at)) - i64::from((v..v + by).contains(&at));
        let touched = (v..v + by).chain((w - by..w).filter(|at| !(v..v + by).contains(at)));
        let change: f64 = touched
            .clone()
            .map(|at| {
                let now = surplus[at as usize];
                ((now + moved(at)).pow(2) - now.pow(2)) as f64 * weight[at as usize]
            })
            .sum();
        if change <= 0.0 {
            touched.for_each(|at| surplus[at as usize] += moved(at));
            (values[a], values[b]) = (v + by, w - by);
            drift[k] += step;
        }
    }
}

/// How many values there are of each size, against how many there should be.
pub(super) struct Histogram {
    surplus: Vec<i64>,
}

impl Histogram {
    /// `found` against `wanted`; the shorter one is filled up with zeros.
    pub(super) fn new(found: &[u32], wanted: &[u32]) -> Self {
        let most = found.iter().chain(wanted).max().map_or(0, |&v| v as usize);
        let mut surplus = vec![0; most + 2];
        for &v in found {
            surplus[v as usize] += 1;
        }
        for &v in wanted {
            surplus[v as usize] -= 1;
        }
        surplus[0] += wanted.len() as i64 - found.len() as i64;
        Self { surplus }
    }

    /// Change of the squared misfit when single values change from `.0` to `.1`.
    pub(super) fn change(&self, moves: [(u32, u32); 2]) -> i64 {
        let mut steps = [(0_usize, 0_i64); 4];
        for (k, (from, to)) in moves.into_iter().enumerate() {
            steps[2 * k] = (from as usize, -1);
            steps[2 * k + 1] = (to as usize, 1);
        }
        let mut change = 0;
        for (k, &(at, _)) in steps.iter().enumerate() {
            if steps[..k].iter().any(|s| s.0 == at) {
                continue;
            }
            let step: i64 = steps.iter().filter(|s| s.0 == at).map(|s| s.1).sum();
            let surplus = self.surplus.get(at).copied().unwrap_or(0);
            change += (surplus + step).pow(2) - surplus.pow(2);
        }
        change
    }

    /// Carries the moves out.
    pub(super) fn apply(&mut self, moves: [(u32, u32); 2]) {
        for (from, to) in moves {
            let need = from.max(to) as usize + 1;
            if self.surplus.len() < need {
                self.surplus.resize(need, 0);
            }
            self.surplus[from as usize] -= 1;
            self.surplus[to as usize] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kenyon_base::Streams;

    #[test]
    fn groups_get_their_totals_without_changing_a_value() {
        let values: Vec<u32> = (1..=40).collect();
        let group: Vec<usize> = (0..40).map(|k| k % 4).collect();
        let dealt = to_groups(&values, &group, &[100.0, 200.0, 220.0, 300.0], &[40; 40], &mut Streams::new(1).stream("g"));
        let sum = |g: usize| (0..40).filter(|&k| group[k] == g).map(|k| dealt[k]).sum::<u32>();
        assert_eq!([sum(0), sum(1), sum(2), sum(3)], [100, 200, 220, 300]);
        let mut sorted = dealt;
        sorted.sort_unstable();
        assert_eq!(sorted, values);
    }

    #[test]
    fn parts_add_up_to_the_sums() {
        let parts = [vec![1, 1, 2, 3, 5], vec![1, 1, 1, 4], vec![2, 2]];
        let sums = [6, 5, 4, 3, 3, 2];
        let dealt = to_sums(&parts, &sums, &mut Streams::new(1).stream("s"));
        let error: i64 = (0..6).map(|c| (dealt.iter().map(|d| i64::from(d[c])).sum::<i64>() - i64::from(sums[c])).abs()).sum();
        assert!(error <= 2, "{dealt:?}");
    }

    #[test]
    fn a_histogram_knows_what_a_move_changes() {
        let mut histogram = Histogram::new(&[1, 1, 2], &[1, 2, 2]);
        assert_eq!(histogram.change([(1, 2), (0, 0)]), -2);
        histogram.apply([(1, 2), (0, 0)]);
        assert_eq!(histogram.change([(1, 2), (0, 0)]), 2);
    }
}
