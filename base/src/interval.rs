//! The interval of a share that was counted.

/// 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// 95 % score interval of a share `correct / n` (Wilson 1927); none of nothing.
///
/// # Panics
/// If more are correct than there are.
///
/// # Example
/// ```
/// let [low, high] = kenyon_base::wilson(81, 263).expect("there are some");
/// assert!((low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5); // Newcombe 1998, table I
/// assert_eq!(kenyon_base::wilson(0, 0), None);
/// ```
pub fn wilson(correct: u64, n: u64) -> Option<[f64; 2]> {
    assert!(correct <= n, "no more correct answers than answers");
    if n == 0 {
        return None;
    }
    let (count, p) = (n as f64, correct as f64 / n as f64);
    let z2 = Z * Z;
    let centre = (p + z2 / (2.0 * count)) / (1.0 + z2 / count);
    let half = Z / (1.0 + z2 / count) * (p * (1.0 - p) / count + z2 / (4.0 * count * count)).sqrt();
    // At 0 and 1 the interval ends there exactly; rounding would leave a trace beside it.
    let low = if correct == 0 { 0.0 } else { centre - half };
    let high = if correct == n { 1.0 } else { centre + half };
    Some([low, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// End of the interval by its definition: where `|p - x| = z sqrt(x (1 - x) / n)`.
    fn by_bisection(correct: u64, n: u64, mut inside: f64, mut outside: f64) -> f64 {
        let p = correct as f64 / n as f64;
        for _ in 0..200 {
            let x = f64::midpoint(inside, outside);
            if (p - x).abs() <= Z * (x * (1.0 - x) / n as f64).sqrt() { inside = x } else { outside = x }
        }
        inside
    }

    #[test]
    fn the_interval_is_wilsons() {
        for (correct, n) in [(0, 7), (1, 10), (8, 10), (81, 263), (2600, 2840), (9, 9)] {
            let [low, high] = wilson(correct, n).expect("there are some");
            let p = correct as f64 / n as f64;
            assert!((low - by_bisection(correct, n, p, 0.0)).abs() < 1e-12, "{correct} of {n}: {low}");
            assert!((high - by_bisection(correct, n, p, 1.0)).abs() < 1e-12, "{correct} of {n}: {high}");
        }
    }
}
