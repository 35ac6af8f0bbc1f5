//! The van Rossum distance of two spike trains (van Rossum 2001, Neural Computation 13:751).

/// Squared distance `D^2 = (1/tau) ∫ (f - g)^2 dt` of two trains after the filter `exp(-t / tau)`; one spike too many gives 0.5.
///
/// Times are sorted, in the unit of `tau`. One pass over both trains.
pub fn van_rossum_d2(a: &[f64], b: &[f64], tau: f64) -> f64 {
    let (mut i, mut j) = (0, 0);
    // D^2 = 1/2 sum_kl w_k w_l exp(-|t_k - t_l| / tau), with w = 1 for spikes of a and -1 for those of b.
    let (mut sum, mut trace, mut last) = (0.0, 0.0, f64::NEG_INFINITY);
    while i < a.len() || j < b.len() {
        let from_a = j == b.len() || (i < a.len() && a[i] <= b[j]);
        let (t, w) = if from_a { (a[i], 1.0) } else { (b[j], -1.0) };
        *(if from_a { &mut i } else { &mut j }) += 1;
        if t > last {
            trace *= (-(t - last) / tau).exp();
        }
        // With itself once, with every earlier spike twice.
        sum += 1.0 + 2.0 * w * trace;
        trace += w;
        last = t;
    }
    (sum / 2.0).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[f64] = &[0.2, 0.4, 0.6, 0.7];
    const B: &[f64] = &[0.3, 0.45, 0.8, 0.9, 0.95];
    const C: &[f64] = &[0.2, 0.4, 0.6];
    const D: &[f64] = &[0.1, 0.4, 0.5, 0.6];

    #[test]
    fn the_distances_of_four_trains_are_those_of_the_double_sum() {
        let golden = [
            (A, B, [4.499_954_905_931, 4.061_429_607_804, 1.535_163_523_353]),
            (A, C, [0.5; 3]),
            (A, D, [1.999_954_598_009, 1.469_573_040_935, 0.263_652_677_859]),
            (B, C, [3.999_954_908_020, 3.822_725_511_810, 2.734_467_008_215]),
        ];
        for (x, y, expected) in golden {
            for (tau, expected) in [0.01, 0.1, 1.0].into_iter().zip(expected) {
                let found = van_rossum_d2(x, y, tau);
                assert!((found - expected).abs() < 1e-11, "{x:?} {y:?} {tau}: {found}");
                assert!((found - van_rossum_d2(y, x, tau)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn equal_trains_have_none_and_an_empty_train_counts_every_spike() {
        assert!(van_rossum_d2(B, B, 0.1).abs() < 1e-15);
        assert!(van_rossum_d2(&[], &[], 1.0).abs() < 1e-15);
        assert!((van_rossum_d2(&[], &[0.0, 1e9], 1.0) - 1.0).abs() < 1e-12);
    }
}
