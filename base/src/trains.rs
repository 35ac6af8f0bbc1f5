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
