//! Spikes of a trace: upward crossings, peaks.

pub use kenyon_base::peaks;

/// An upward crossing of a threshold, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossing {
    /// When the line between two samples meets the threshold, ms.
    pub t_cross_ms: f64,
    /// When the largest sample before the way down stands, ms.
    pub t_peak_ms: f64,
    /// That sample, mV.
    pub v_peak_mv: f64,
}

/// Upward crossings of a threshold in a trace with one sample for each step.
pub fn crossings(v: &[f64], dt_ms: f64, threshold_mv: f64) -> Vec<Crossing> {
    let mut found: Vec<Crossing> = Vec::new();
    for step in 1..v.len() {
        let (before, now) = (v[step - 1], v[step]);
        if before < threshold_mv && now >= threshold_mv {
            let share = (threshold_mv - before) / (now - before);
            let t_cross_ms = ((step - 1) as f64 + share) * dt_ms;
            found.push(Crossing { t_cross_ms, t_peak_ms: step as f64 * dt_ms, v_peak_mv: now });
        } else if let Some(last) = found.last_mut().filter(|last| now >= threshold_mv && now > last.v_peak_mv) {
            (last.t_peak_ms, last.v_peak_mv) = (step as f64 * dt_ms, now);
        }
    }
    found
}

/// The largest distance between the k-th members of two lists; none if they differ in length.
pub fn largest_shift(a: &[f64], b: &[f64]) -> Option<f64> {
    (a.len() == b.len()).then(|| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_lies_between_two_samples_and_its_peak_after_it() {
        let found = crossings(&[-70.0, -30.0, 10.0, 20.0, -40.0, -10.0, -50.0], 0.5, -20.0);
        assert_eq!(found.len(), 2);
        assert!((found[0].t_cross_ms - 0.625).abs() < 1e-12 && (found[0].t_peak_ms - 1.5).abs() < 1e-12);
        assert!((found[0].v_peak_mv - 20.0).abs() < 1e-12 && (found[1].v_peak_mv + 10.0).abs() < 1e-12);
    }

    #[test]
    fn a_plateau_is_one_peak_in_its_middle_and_the_ends_are_none() {
        assert_eq!(peaks(&[5.0, 1.0, 2.0, 2.0, 2.0, 1.0, 3.0], 0.0), [3]);
        assert_eq!(peaks(&[0.0, 1.0, 1.0, 0.0, -2.0, -1.0, -2.0], 0.0), [1]);
        assert_eq!(peaks(&[0.0, 1.0, 1.0, 2.0, 1.0], 0.0), [3]);
    }
}
