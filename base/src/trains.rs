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
