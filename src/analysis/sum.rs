//! Sums in fixed order.

/// Below this many, one after the other.
const BLOCK: usize = 16;

/// Sum in pairs by index: halves are summed for themselves, so the rounding error grows with the logarithm of the length.
pub fn pairwise(values: &[f64]) -> f64 {
    if values.len() <= BLOCK {
        return values.iter().fold(0.0, |sum, x| sum + x);
    }
    let (left, right) = values.split_at(values.len().div_ceil(2).next_multiple_of(BLOCK).min(values.len() - 1));
    pairwise(left) + pairwise(right)
}

/// Sum of `f(i)` for `i` below `n`, in pairs by index, without storing the terms.
pub fn pairwise_of(n: usize, f: &impl Fn(usize) -> f64) -> f64 {
    range(0, n, f)
}

fn range(start: usize, end: usize, f: &impl Fn(usize) -> f64) -> f64 {
    if end - start <= BLOCK {
        return (start..end).fold(0.0, |sum, i| sum + f(i));
    }
    let middle = start + (end - start).div_ceil(2).next_multiple_of(BLOCK).min(end - start - 1);
    range(start, middle, f) + range(middle, end, f)
}

/// Mean; none of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| pairwise(values) / values.len() as f64)
}

/// Sum of squared distances from the mean.
pub fn squares_about_mean(values: &[f64]) -> f64 {
    let Some(mean) = mean(values) else { return 0.0 };
    pairwise_of(values.len(), &|i| (values[i] - mean).powi(2))
}

/// Standard deviation with `n` as divisor; none of nothing.
pub fn sd_n(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| (squares_about_mean(values) / values.len() as f64).sqrt())
}

/// Standard deviation with `n - 1` as divisor; none of less than two.
pub fn sd_n_minus_1(values: &[f64]) -> Option<f64> {
    (values.len() >= 2).then(|| (squares_about_mean(values) / (values.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_tenths_lose_less_than_one_after_the_other() {
        let tenths = vec![0.1; 1_000_000];
        let naive: f64 = tenths.iter().fold(0.0, |sum, x| sum + x);
        assert!((pairwise(&tenths) - 1e5).abs() < 1e-9 && (naive - 1e5).abs() > 1e-7);
        assert_eq!(pairwise(&tenths).to_bits(), pairwise_of(tenths.len(), &|i| tenths[i]).to_bits());
        for n in 0..70 {
            let whole: Vec<f64> = (0..n).map(f64::from).collect();
            assert!((pairwise(&whole) - f64::from(n * (n - 1)) / 2.0).abs() < 1e-12, "{n}");
        }
    }
}
