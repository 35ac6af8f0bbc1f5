//! How far numbers lie apart. A NaN is beyond every bar, and the worst of all.

/// Whether a deviation is beyond a bar.
pub fn beyond(error: f64, bar: f64) -> bool {
    error.is_nan() || error > bar
}

/// The largest of some deviations with its place; 0 at the first place if there is none above. A NaN is the largest.
pub fn worst(errors: impl IntoIterator<Item = f64>) -> (usize, f64) {
    let larger = |worst: (usize, f64), now: (usize, f64)| if !worst.1.is_nan() && beyond(now.1, worst.1) { now } else { worst };
    errors.into_iter().enumerate().fold((0, 0.0), larger)
}

/// The largest of some deviations.
pub fn largest(errors: impl IntoIterator<Item = f64>) -> f64 {
    worst(errors).1
}

/// The largest distance between the k-th members of two lists.
pub fn apart<'a>(a: impl IntoIterator<Item = &'a f64>, b: impl IntoIterator<Item = &'a f64>) -> f64 {
    largest(a.into_iter().zip(b).map(|(a, b)| (a - b).abs()))
}

/// The largest size of some numbers, at least `least`.
pub fn scale(numbers: &[f64], least: f64) -> f64 {
    largest(numbers.iter().map(|x| x.abs()).chain([least]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nan_is_beyond_every_bar_wherever_it_stands() {
        for errors in [[f64::NAN, 1.0, 2.0], [1.0, f64::NAN, 2.0], [1.0, 2.0, f64::NAN]] {
            assert!(largest(errors).is_nan() && beyond(largest(errors), 1e300), "{errors:?}");
        }
        assert_eq!(worst([0.5, f64::NAN, 3.0]).0, 1);
        assert_eq!(worst([0.5, 3.0, 1.0]), (1, 3.0));
        assert_eq!(worst([]), (0, 0.0));
        assert!(apart(&[0.0, f64::NAN], &[0.0, 1.0]).is_nan() && apart(&[0.0, 1.0], &[f64::NAN, 1.0]).is_nan());
        assert!(scale(&[1.0, f64::NAN], 0.1).is_nan() && !beyond(1.0, 1.0));
    }
}
