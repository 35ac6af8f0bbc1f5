//! Normalised subsets: simulations whose mean rate is a given one.

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::spec::Check;

/// How a subset is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NormaliseSpec {
    /// Share of the simulations that is chosen.
    pub share: f64,
    /// Mean that the subset should have; Hz for rates.
    pub target: f64,
    /// How near it must come.
    pub tolerance: f64,
    /// Exchanges that are tried in an iteration; the best one is made.
    pub changes: u32,
    /// Iterations in a row without progress after which the search ends.
    pub strikes: u32,
    /// Seed of the search.
    pub seed: u64,
}

impl Default for NormaliseSpec {
    fn default() -> Self {
        Self { share: 0.4, target: 1.0, tolerance: 0.001, changes: 50, strikes: 500, seed: 0 }
    }
}

/// A subset and how near its mean came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Normalised {
    /// Indices of the chosen simulations, increasing.
    pub indices: Vec<u32>,
    /// Their mean.
    pub mean: f64,
    /// Whether it lies within the tolerance.
    pub reached: bool,
}

/// Chooses a subset of (index, value) whose mean value comes near the target; the order of `values` does not matter.
///
/// # Errors
/// `nothing-to-normalise` without simulations, or a recipe out of range.
pub fn normalise(values: &[(u32, f64)], spec: &NormaliseSpec) -> Result<Normalised> {
    let check = Check("normalise");
    check.number("share", spec.share, 1e-6, 1.0)?;
    check.number("target", spec.target, -1e9, 1e9)?;
    check.number("tolerance", spec.tolerance, 0.0, 1e9)?;
    check.whole("changes", spec.changes, 1, 1_000_000)?;
    check.whole("strikes", spec.strikes, 1, 1_000_000)?;
    let mut all: Vec<(u32, f64)> = values.iter().copied().filter(|(_, v)| v.is_finite()).collect();
    all.sort_unstable_by_key(|&(index, _)| index);
    if all.is_empty() {
        return Err(UserError::bad_data("nothing-to-normalise", "there is no simulation to choose from")
            .mend("make the part first, or give another one"));
    }
    let n = all.len();
    let k = ((n as f64 * spec.share).round() as usize).clamp(1, n);
    let mut draw = Draw::new(spec.seed, "normalise");
    let mut order: Vec<usize> = draw.order(n as u32).into_iter().map(|i| i as usize).collect();
    let mut sum: f64 = order[..k].iter().map(|&i| all[i].1).sum();
    let distance = |sum: f64| (sum / k as f64 - spec.target).abs();
    let mut strikes = 0;
    while k < n && distance(sum) > spec.tolerance && strikes < spec.strikes {
        let mut best = (distance(sum), None);
        for _ in 0..spec.changes {
            let (out, inn) = (draw.int([0, k as u32]) as usize, draw.int([k as u32, n as u32]) as usize);
            let changed = distance(sum - all[order[out]].1 + all[order[inn]].1);
            if changed < best.0 {
                best = (changed, Some((out, inn)));
            }
        }
        match best.1 {
            Some((out, inn)) => {
                order.swap(out, inn);
                // Summed anew: no rounding is carried along.
                sum = order[..k].iter().map(|&i| all[i].1).sum();
                strikes = 0;
            }
            None => strikes += 1,
        }
    }
    let mut chosen: Vec<usize> = order[..k].to_vec();
    chosen.sort_unstable();
    let mean = chosen.iter().map(|&i| all[i].1).sum::<f64>() / k as f64;
    let reached = (mean - spec.target).abs() <= spec.tolerance;
    Ok(Normalised { indices: chosen.iter().map(|&i| all[i].0).collect(), mean, reached })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(n: u32) -> Vec<(u32, f64)> {
        (0..n).map(|i| (3 * i, f64::from((i * 7919) % 97) / 30.0)).collect()
    }

    #[test]
    fn the_subset_has_the_mean_and_does_not_hang_on_the_order() {
        let mut values = rates(200);
        let chosen = normalise(&values, &NormaliseSpec::default()).expect("chosen");
        assert!(chosen.reached && (chosen.mean - 1.0).abs() <= 0.001 && chosen.indices.len() == 80);
        assert!(chosen.indices.is_sorted_by(|a, b| a < b));
        values.reverse();
        assert_eq!(normalise(&values, &NormaliseSpec::default()).expect("chosen"), chosen);
        let other = normalise(&values, &NormaliseSpec { seed: 1, ..NormaliseSpec::default() }).expect("chosen");
        assert_ne!(other.indices, chosen.indices);
    }

    #[test]
    fn a_mean_out_of_reach_is_told_and_nothing_is_an_error() {
        let chosen = normalise(&rates(50), &NormaliseSpec { target: 9.0, ..NormaliseSpec::default() }).expect("chosen");
        assert!(!chosen.reached && chosen.mean > 2.0);
        assert_eq!(normalise(&[], &NormaliseSpec::default()).expect_err("nothing").code(), "nothing-to-normalise");
        assert!(normalise(&rates(5), &NormaliseSpec { share: 0.0, ..NormaliseSpec::default() }).is_err());
    }
}
