//! The geometry of population responses: correlation of stimuli, dimension, whitening.

use rayon::prelude::*;
use serde::Serialize;

use super::eigen::eigenvalues;
use super::measure::{Matrix, Measure};
use super::sum::{mean, pairwise, pairwise_of, sd_n};

/// Correlation of population responses over all pairs of stimuli.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairCorrelation {
    /// Mean Pearson correlation; `n` counts pairs, `left_out` stimuli that all neurons answer alike.
    pub mean: Measure,
    /// Median Pearson correlation.
    pub median: Measure,
    /// Mean of its magnitude.
    pub mean_magnitude: Measure,
}

/// Pearson correlations of all pairs of rows, upper triangle row by row, and the number of rows without variance, left out.
pub fn row_correlations(responses: &Matrix<'_>) -> (Vec<f64>, usize) {
    let normalised: Vec<Vec<f64>> = (0..responses.rows()).filter_map(|row| normalise(responses.row(row))).collect();
    let left_out = responses.rows() - normalised.len();
    let of_row = |i: usize| -> Vec<f64> {
        let x = &normalised[i];
        normalised[i + 1..].iter().map(|y| pairwise_of(x.len(), &|k| x[k] * y[k]).clamp(-1.0, 1.0)).collect()
    };
    let rows: Vec<Vec<f64>> = (0..normalised.len()).into_par_iter().map(of_row).collect();
    (rows.concat(), left_out)
}

/// Mean removed and scaled to length 1; none without variance.
fn normalise(row: &[f64]) -> Option<Vec<f64>> {
    let mean = mean(row)?;
    let length = pairwise_of(row.len(), &|i| (row[i] - mean).powi(2)).sqrt();
    // A row of equal numbers may keep a trace of rounding.
    let largest = row.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    (length > 1e-14 * largest * (row.len() as f64).sqrt()).then(|| row.iter().map(|x| (x - mean) / length).collect())
}

/// Correlation of the stimuli, one row each.
pub fn pair_correlation(responses: &Matrix<'_>) -> PairCorrelation {
    let (pairs, left_out) = row_correlations(responses);
    if pairs.is_empty() {
        let none = Measure::none(0, "fewer than 2 stimuli with variance").leaving_out(left_out);
        return PairCorrelation { mean: none.clone(), median: none.clone(), mean_magnitude: none };
    }
    let of = |value: f64| Measure::new(value, pairs.len()).leaving_out(left_out);
    let magnitude = pairwise_of(pairs.len(), &|i| pairs[i].abs()) / pairs.len() as f64;
    PairCorrelation { mean: of(pairwise(&pairs) / pairs.len() as f64), median: of(median(&pairs)), mean_magnitude: of(magnitude) }
}

/// Median of at least one number.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// The smaller of covariance (neurons) and Gram matrix (stimuli), mean removed per neuron, divisor n - 1, and its extent.
///
/// Both have the same eigenvalues but for zeros.
fn smaller_gram(responses: &Matrix<'_>) -> (Vec<f64>, usize) {
    let (stimuli, neurons) = (responses.rows(), responses.columns());
    let mut centred: Vec<Vec<f64>> = (0..neurons)
        .map(|neuron| {
            let column = responses.column(neuron);
            let mean = mean(&column).unwrap_or(0.0);
            column.into_iter().map(|x| x - mean).collect()
        })
        .collect();
    if stimuli < neurons {
        centred = (0..stimuli).map(|s| centred.iter().map(|column| column[s]).collect()).collect();
    }
    let n = centred.len();
    let divisor = stimuli.saturating_sub(1).max(1) as f64;
    let of_row = |i: usize| -> Vec<f64> {
        let x = &centred[i];
        centred.iter().map(|y| pairwise_of(x.len(), &|k| x[k] * y[k]) / divisor).collect()
    };
    let rows: Vec<Vec<f64>> = (0..n).into_par_iter().map(of_row).collect();
    (rows.concat(), n)
}

/// Participation ratio `(sum l)^2 / sum l^2` of the eigenvalues of the covariance over stimuli: how many dimensions are in use.
///
/// Neither sum needs the eigenvalues: they are the trace and the sum of all squared elements.
pub fn participation_ratio(responses: &Matrix<'_>) -> Measure {
    if responses.rows() < 2 {
        return Measure::none(responses.rows(), "fewer than 2 stimuli");
    }
    let (gram, n) = smaller_gram(responses);
    ratio_of(&gram, n, responses.rows())
}

fn ratio_of(gram: &[f64], n: usize, stimuli: usize) -> Measure {
    let trace = pairwise_of(n, &|i| gram[i * n + i]);
    let squares = pairwise_of(gram.len(), &|i| gram[i] * gram[i]);
    if squares > 0.0 {
        Measure::new(trace * trace / squares, stimuli)
    } else {
        Measure::none(stimuli, "no variance over stimuli")
    }
}

/// How far responses are whitened: four values, of which none stands for the others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Whitening {
    /// Mean magnitude of the correlation between stimuli.
    pub mean_correlation_magnitude: Measure,
    /// Coefficient of variation over stimuli of the total activity (divisor n).
    pub cv_total_activity: Measure,
    /// Coefficient of variation over stimuli of the length of the response vector (divisor n).
    pub cv_norm: Measure,
    /// Participation ratio.
    pub participation_ratio: Measure,
    /// Slope of the logarithm of an eigenvalue of the covariance over the logarithm of its rank, by least squares.
    pub eigenvalue_slope: Measure,
}

/// Whitening of the responses, one row per stimulus.
pub fn whitening(responses: &Matrix<'_>) -> Whitening {
    let stimuli = responses.rows();
    let totals: Vec<f64> = (0..stimuli).map(|s| pairwise(responses.row(s))).collect();
    let norms: Vec<f64> = (0..stimuli).map(|s| responses.row(s)).map(|r| pairwise_of(r.len(), &|i| r[i] * r[i]).sqrt()).collect();
    let (participation_ratio, eigenvalue_slope) = if stimuli < 2 {
        let none = Measure::none(stimuli, "fewer than 2 stimuli");
        (none.clone(), none)
    } else {
        let (gram, n) = smaller_gram(responses);
        (ratio_of(&gram, n, stimuli), log_slope(&eigenvalues(&gram, n)))
    };
    Whitening {
        mean_correlation_magnitude: pair_correlation(responses).mean_magnitude,
        cv_total_activity: variation(&totals),
        cv_norm: variation(&norms),
        participation_ratio,
        eigenvalue_slope,
    }
}

fn variation(values: &[f64]) -> Measure {
    match (sd_n(values), mean(values)) {
        (Some(sd), Some(mean)) if mean != 0.0 => Measure::new(sd / mean.abs(), values.len()),
        _ => Measure::none(values.len(), "the mean is 0"),
    }
}

/// Slope of `ln l` over `ln rank`; eigenvalues below 1e-12 of the largest are rounding and left out.
fn log_slope(sorted: &[f64]) -> Measure {
    let largest = sorted.first().copied().unwrap_or(0.0);
    let kept: Vec<f64> = sorted.iter().copied().take_while(|&l| l > 1e-12 * largest && l > 0.0).collect();
    let left_out = sorted.len() - kept.len();
    if kept.len() < 2 {
        return Measure::none(kept.len(), "fewer than 2 eigenvalues above zero").leaving_out(left_out);
    }
    let x: Vec<f64> = (1..=kept.len()).map(|rank| (rank as f64).ln()).collect();
    let y: Vec<f64> = kept.iter().map(|l| l.ln()).collect();
    let (mx, my) = (pairwise(&x) / x.len() as f64, pairwise(&y) / y.len() as f64);
    let slope = pairwise_of(x.len(), &|i| (x[i] - mx) * (y[i] - my)) / pairwise_of(x.len(), &|i| (x[i] - mx).powi(2));
    Measure::new(slope, kept.len()).leaving_out(left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: [f64; 12] = [1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 3.0, 1.0, 1.0, 1.0];

    #[test]
    fn the_participation_ratio_has_its_golden_number_both_ways() {
        let tall = Matrix::new(&GOLDEN, 4, 3).unwrap();
        assert!((participation_ratio(&tall).value.unwrap() - 1.726_447_219_069_24).abs() < 1e-12);
        // Silent neurons make the Gram matrix the smaller one and change nothing.
        let wide: Vec<f64> = GOLDEN.chunks(3).flat_map(|row| [row, &[0.0; 4]].concat()).collect();
        let wide = Matrix::new(&wide, 4, 7).unwrap();
        assert!((participation_ratio(&wide).value.unwrap() - 1.726_447_219_069_24).abs() < 1e-12);
        let constant = Matrix::new(&[1.0, 2.0, 1.0, 2.0], 2, 2).unwrap();
        assert_eq!(participation_ratio(&constant).reason.as_deref(), Some("no variance over stimuli"));
    }

    #[test]
    fn correlations_are_pearsons_and_rows_without_variance_are_left_out() {
        let values = [1.0, 2.0, 3.0, 4.0, 2.0, 1.0, 4.0, 3.0, 0.1, 0.1, 0.1, 0.1, 4.0, 3.0, 2.0, 1.0];
        let (pairs, left_out) = row_correlations(&Matrix::new(&values, 4, 4).unwrap());
        assert_eq!(left_out, 1);
        for (got, expected) in pairs.iter().zip([0.6, -1.0, -0.6]) {
            assert!((got - expected).abs() < 1e-12);
        }
        let report = pair_correlation(&Matrix::new(&values, 4, 4).unwrap());
        assert!((report.mean.value.unwrap() + 1.0 / 3.0).abs() < 1e-12);
        assert!((report.median.value.unwrap() + 0.6).abs() < 1e-12);
        assert!((report.mean_magnitude.value.unwrap() - 2.2 / 3.0).abs() < 1e-12);
        assert_eq!((report.mean.n, report.mean.left_out), (3, 1));
        let none = pair_correlation(&Matrix::new(&[1.0, 1.0], 1, 2).unwrap());
        assert!(none.mean.value.is_none() && none.mean.reason.is_some());
    }

    #[test]
    fn white_responses_have_a_flat_spectrum_and_as_many_dimensions_as_neurons() {
        // Every neuron answers one stimulus with + and one with -, all alike.
        let n = 5;
        let value = |s: usize, i: usize| {
            if s == i {
                1.0
            } else if s == n + i {
                -1.0
            } else {
                0.0
            }
        };
        let values: Vec<f64> = (0..2 * n * n).map(|at| value(at / n, at % n)).collect();
        let report = whitening(&Matrix::new(&values, 2 * n, n).unwrap());
        assert!((report.participation_ratio.value.unwrap() - 5.0).abs() < 1e-12);
        assert!(report.eigenvalue_slope.value.unwrap().abs() < 1e-12);
        assert!(report.cv_norm.value.unwrap().abs() < 1e-12);
        assert_eq!(report.cv_total_activity.reason.as_deref(), Some("the mean is 0"));
    }

    #[test]
    fn a_power_law_spectrum_has_its_slope() {
        let spectrum: Vec<f64> = (1..30).map(|k| f64::from(k).powf(-1.5)).collect();
        assert!((log_slope(&spectrum).value.unwrap() + 1.5).abs() < 1e-12);
    }
}
