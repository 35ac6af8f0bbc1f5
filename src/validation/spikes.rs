//! Spikes of a trace: upward crossings with their peaks.

use kenyon_base::rises;

use super::deviation::apart;

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
    let crossing = |rise: kenyon_base::Rise| {
        let up = rise.before + 1;
        let above = v[up..].iter().take_while(|now| **now >= threshold_mv);
        let (at, peak) = above.enumerate().fold((0, v[up]), |peak, now| if *now.1 > peak.1 { (now.0, *now.1) } else { peak });
        Crossing { t_cross_ms: rise.place() * dt_ms, t_peak_ms: (up + at) as f64 * dt_ms, v_peak_mv: peak }
    };
    rises(v, threshold_mv).into_iter().map(crossing).collect()
}

/// The largest distance between the k-th members of two lists; none if they differ in length.
pub fn largest_shift(a: &[f64], b: &[f64]) -> Option<f64> {
    (a.len() == b.len()).then(|| apart(a, b))
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
    fn a_shift_needs_as_many_members_and_keeps_a_nan() {
        assert_eq!(largest_shift(&[1.0, 2.0], &[1.0, 2.5]), Some(0.5));
        assert_eq!(largest_shift(&[1.0], &[]), None);
        assert!(largest_shift(&[1.0, f64::NAN], &[1.0, 2.0]).is_some_and(f64::is_nan));
    }
}
