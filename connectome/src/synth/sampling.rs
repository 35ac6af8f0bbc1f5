//! Whole numbers that sum to a total, and dealing values out to groups.

use rand::Rng;
use rand::seq::SliceRandom;

use kenyon_base::Stream;

/// Moves values by ones, kept within 1 and `cap`, until they sum to `total`.
pub(super) fn fit_sum(values: &mut [u32], total: usize, cap: u32, rng: &mut Stream) {
    let total = total.min(values.len().saturating_mul(cap as usize));
    let mut sum: usize = values.iter().map(|&v| v as usize).sum();
    if sum > 0 && sum.abs_diff(total) > total / 20 {
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
    fn apportioned_parts_sum_to_the_total() {
        assert_eq!(apportion(&[1.0, 1.0, 1.0], 8), [3, 3, 2]);
        assert_eq!(apportion(&[0.0, 0.0], 3), [0, 0]);
        assert_eq!(apportion(&[0.0, 2.0], 3), [0, 3]);
    }

    #[test]
    fn a_sum_beyond_all_caps_fills_them_and_ends() {
        let mut values = vec![1; 5];
        fit_sum(&mut values, usize::MAX, 3, &mut Streams::new(1).stream("s"));
        assert_eq!(values, [3; 5]);
    }
}
