//! The suite's measures of deviation.

use kenyon_base::peaks;

/// Phases at which the shape of an interval between spikes is compared.
const PHASES: usize = 100;

/// Root mean square of the difference, in % of the range of both traces.
pub fn trace_error(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() || a.is_empty() {
        return f64::NAN;
    }
    let (low, high) = range(a.iter().chain(b));
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    100.0 * (sum / a.len() as f64).sqrt() / (high - low)
}

/// Deviation of spiking traces, %: intervals, heights from peak to valley, and the shape between peaks, each as a root mean square of
/// fractions. None if the number of spikes differs, or there are fewer than two.
pub fn spike_error(ours: &[f64], theirs: &[f64]) -> Option<f64> {
    let (a, b) = (peaks(ours, 0.0), peaks(theirs, 0.0));
    if a.len() != b.len() || a.len() < 2 {
        return None;
    }
    let (low, high) = range(ours.iter().chain(theirs));
    let (mut interval, mut height, mut shape) = (0.0, 0.0, 0.0);
    for (p, q) in a.windows(2).zip(b.windows(2)) {
        let fraction = |ours: f64, theirs: f64| ((ours - theirs) / theirs).powi(2);
        interval += fraction((p[1] - p[0]) as f64, (q[1] - q[0]) as f64);
        height += fraction(fall(&ours[p[0]..p[1]]), fall(&theirs[q[0]..q[1]]));
        let difference = |k: usize| at_phase(ours, p, k) - at_phase(theirs, q, k);
        shape += (0..PHASES).map(|k| (difference(k) / (high - low)).powi(2)).sum::<f64>() / PHASES as f64;
    }
    let intervals = (a.len() - 1) as f64;
    Some(100.0 * [interval, height, shape].map(|sum| (sum / intervals).sqrt()).iter().sum::<f64>())
}

fn range<'a>(values: impl Iterator<Item = &'a f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)))
}

/// From the peak at its beginning to the lowest point of an interval.
fn fall(interval: &[f64]) -> f64 {
    interval[0] - range(interval.iter()).0
}

/// The potential at a phase of an interval between two samples, linear between samples.
fn at_phase(v: &[f64], interval: &[usize], phase: usize) -> f64 {
    let place = interval[0] as f64 + (interval[1] - interval[0]) as f64 * phase as f64 / PHASES as f64;
    let (k, share) = (place.floor() as usize, place.fract());
    v[k] + share * (v[(k + 1).min(v.len() - 1)] - v[k])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_deviates_by_its_rms_over_the_range() {
        assert!((trace_error(&[0.0, 10.0], &[1.0, 9.0]) - 10.0).abs() < 1e-12);
        assert!(trace_error(&[0.0], &[0.0, 1.0]).is_nan());
    }

    #[test]
    fn spikes_that_come_a_tenth_later_deviate_in_their_intervals_alone() {
        let train = |interval: usize| -> Vec<f64> {
            (0..=5 * interval).map(|k| (std::f64::consts::TAU * (k as f64 / interval as f64 - 0.5)).cos() * 50.0).collect()
        };
        let error = spike_error(&train(1100), &train(1000)).expect("five spikes each");
        assert!((error - 10.0).abs() < 0.1, "{error}");
        assert!(spike_error(&train(1000), &train(1000)).is_some_and(|e| e < 1e-9));
        assert!(spike_error(&train(1000)[..2000], &train(1000)).is_none());
    }
}
