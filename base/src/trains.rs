//! Spikes in a trace, and spikes of two trains paired.

/// Samples that are local maxima of at least `least`: higher than what is before and after; of a plateau the middle sample, the left
/// one of two. The first and last sample are none.
///
/// # Example
/// ```
/// assert_eq!(kenyon_base::peaks(&[0.0, 5.0, 5.0, 5.0, 1.0, 2.0, 1.0], 0.0), [2, 5]);
/// ```
#[expect(clippy::float_cmp, reason = "a plateau is of equal samples")]
pub fn peaks(trace: &[f64], least: f64) -> Vec<usize> {
    let mut found = Vec::new();
    let mut k = 1;
    while k + 1 < trace.len() {
        if trace[k] > trace[k - 1] {
            let mut end = k;
            while end + 1 < trace.len() && trace[end + 1] == trace[k] {
                end += 1;
            }
            if end + 1 < trace.len() && trace[end + 1] < trace[k] && trace[k] >= least {
                found.push(usize::midpoint(k, end));
            }
            k = end;
        }
        k += 1;
    }
    found
}

/// Where a trace rises to a threshold: between a sample below and the next, at or above it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rise {
    /// The sample below.
    pub before: usize,
    /// Share of the way to the next sample at which the line between both meets the threshold, above 0 and up to 1.
    pub share: f64,
}

impl Rise {
    /// The place in samples.
    pub fn place(self) -> f64 {
        self.before as f64 + self.share
    }
}

/// Upward crossings of a threshold. What starts at or above it has not crossed; what touches it from below has.
///
/// # Example
/// ```
/// let places: Vec<f64> = kenyon_base::rises(&[-80.0, -40.0, 0.0, -70.0], -20.0).iter().map(|rise| rise.place()).collect();
/// assert_eq!(places, [1.5]);
/// ```
pub fn rises(trace: &[f64], threshold: f64) -> Vec<Rise> {
    let rise = |(before, pair): (usize, &[f64])| {
        let share = (threshold - pair[0]) / (pair[1] - pair[0]);
        (pair[0] < threshold && pair[1] >= threshold).then_some(Rise { before, share })
    };
    trace.windows(2).enumerate().filter_map(rise).collect()
}

/// Whole milliseconds with a spike as `TwinProp` files have them: rule `twinprop_1ms`.
///
/// Local maxima of -20 mV or more of the potential, sampled every `dt_ms` from 0 ms on and interpolated to 8 samples per ms; times are
/// cut to whole ms, and two in the same ms are one.
///
/// # Example
/// ```
/// // 0.5 ms steps: peaks at 0.5, 1.5 and 3.0 ms.
/// assert_eq!(kenyon_base::twinprop_1ms(&[-80.0, 0.0, -80.0, 9.0, -80.0, -80.0, 5.0, -80.0], 0.5), [0, 1, 3]);
/// ```
pub fn twinprop_1ms(trace_mv: &[f64], dt_ms: f64) -> Vec<u64> {
    const PER_MS: usize = 8;
    const LEAST_MV: f64 = -20.0;
    let Some(last) = trace_mv.len().checked_sub(1) else { return Vec::new() };
    let fine_dt = PER_MS as f64 * dt_ms;
    let count = (last as f64 * fine_dt + 1e-9).floor() as usize;
    let at = |i: usize| {
        let place = i as f64 / fine_dt;
        // 0.025 ms has no exact number: what is a sample must not be interpolated.
        let whole = place.round();
        if (place - whole).abs() < 1e-9 * whole.max(1.0) {
            return trace_mv[(whole as usize).min(last)];
        }
        let k = (place as usize).min(last);
        trace_mv[k] + (trace_mv[(k + 1).min(last)] - trace_mv[k]) * (place - k as f64)
    };
    let fine: Vec<f64> = (0..=count).map(at).collect();
    let mut out: Vec<u64> = peaks(&fine, LEAST_MV).into_iter().map(|i| (i / PER_MS) as u64).collect();
    out.dedup();
    out
}

/// Pairs of near members of two sorted lists, each member in one pair: the earliest that fits, from the left.
///
/// # Example
/// ```
/// let pairs = kenyon_base::pair_up(&[1, 3, 9], &[3, 5], |a, b| i32::abs_diff(*a, *b) <= 2);
/// assert_eq!(pairs, [(1, 3), (3, 5)]);
/// ```
pub fn pair_up<T: Copy + PartialOrd>(a: &[T], b: &[T], near: impl Fn(&T, &T) -> bool) -> Vec<(T, T)> {
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if near(&a[i], &b[j]) {
            pairs.push((a[i], b[j]));
            (i, j) = (i + 1, j + 1);
        } else if a[i] < b[j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plateau_is_one_peak_in_its_middle_and_the_ends_are_none() {
        assert_eq!(peaks(&[5.0, 1.0, 2.0, 2.0, 2.0, 1.0, 3.0], 0.0), [3]);
        assert_eq!(peaks(&[0.0, 3.0, 3.0, 0.0, -9.0, -1.0, -9.0], 0.0), [1]);
        assert_eq!(peaks(&[0.0, 3.0, 3.0, 4.0, 0.0], 0.0), [3]);
        for none in [&[5.0, 1.0, 5.0][..], &[0.0, 3.0, 3.0], &[1.0, 2.0], &[]] {
            assert_eq!(peaks(none, 0.0), [0; 0], "{none:?}");
        }
        assert_eq!(peaks(&[0.0, f64::NAN, 0.0, 1.0, f64::NAN], 0.0), [0; 0]);
    }

    #[test]
    fn a_crossing_needs_a_rise_and_touching_from_below_counts() {
        let places = |trace: &[f64]| rises(trace, -20.0).into_iter().map(Rise::place).collect::<Vec<_>>();
        assert_eq!(places(&[-20.0, -10.0]), [0.0; 0]);
        assert_eq!(places(&[-30.0, -20.0, -20.0, -30.0, -10.0]), [1.0, 3.5]);
        assert_eq!(places(&[-30.0, f64::NAN, -10.0]), [0.0; 0]);
        assert_eq!(places(&[]), [0.0; 0]);
    }

    #[test]
    fn a_plateau_between_samples_of_twinprop_is_one_spike_at_any_step() {
        for per_ms in [4.0, 8.0, 10.0, 20.0, 40.0, 160.0] {
            let mut trace = vec![-80.0; 4 * per_ms as usize + 1];
            // From 0.375 to 2.5 ms: 0.375 / 0.025 is not 15 in floating point.
            trace[(0.375 * per_ms) as usize..=(2.5 * per_ms) as usize].fill(10.0);
            assert_eq!(twinprop_1ms(&trace, 1.0 / per_ms), [1], "{per_ms}");
        }
        assert_eq!(twinprop_1ms(&[], 0.025), [0; 0]);
        assert_eq!(twinprop_1ms(&[-80.0, 30.0, -80.0], 1.0), [1]);
    }

    #[test]
    fn each_member_stands_in_one_pair_at_most() {
        let near = |a: &f64, b: &f64| (a - b).abs() <= 1.0;
        assert_eq!(pair_up(&[1.0, 1.5, 9.0], &[1.2, 5.0, 9.9], near), [(1.0, 1.2), (9.0, 9.9)]);
        assert_eq!(pair_up(&[], &[1.0], near), []);
    }
}
