//! How few neurons answer how strongly, and how few stimuli a neuron answers.

use kenyon_base::{Result, UserError};

use super::measure::{Matrix, Measure};
use super::sum::pairwise_of;

/// Sparseness of responses `r`, clipped at 0: `(1 - mean(r)^2 / mean(r^2)) / (1 - 1/n)` (Treves and Rolls 1991, Vinje and Gallant
/// 2000). 0 if all are equal, 1 if one alone responds; none if all are 0 or there are fewer than 2.
pub fn sparseness(responses: &[f64]) -> Option<f64> {
    let n = responses.len() as f64;
    let sum = pairwise_of(responses.len(), &|i| responses[i].max(0.0));
    let squares = pairwise_of(responses.len(), &|i| responses[i].max(0.0).powi(2));
    (responses.len() >= 2 && squares > 0.0).then(|| (1.0 - sum * sum / (n * squares)) / (1.0 - 1.0 / n))
}

/// Lifetime sparseness: over stimuli for each neuron, mean over neurons that respond at all.
pub fn lifetime(responses: &Matrix<'_>) -> Measure {
    let each = (0..responses.columns()).map(|neuron| sparseness(&responses.column(neuron)));
    Measure::mean_of(each, "no neuron responds, or fewer than 2 stimuli")
}

/// Population sparseness: over neurons for each stimulus, mean over stimuli that any neuron answers.
pub fn population(responses: &Matrix<'_>) -> Measure {
    let each = (0..responses.rows()).map(|stimulus| sparseness(responses.row(stimulus)));
    Measure::mean_of(each, "no stimulus is answered, or fewer than 2 neurons")
}

/// Share of neurons that respond to a stimulus, mean over stimuli; `responds` has one row per stimulus.
///
/// # Errors
/// If the shape does not hold the values.
pub fn active_fraction(responds: &[bool], stimuli: usize, neurons: usize) -> Result<Measure> {
    if stimuli.checked_mul(neurons) != Some(responds.len()) {
        return Err(UserError::failed("shape", format!("{} responses are no {stimuli} × {neurons} matrix", responds.len())));
    }
    if responds.is_empty() {
        return Ok(Measure::none(0, "no stimuli or no neurons"));
    }
    let active = responds.iter().filter(|r| **r).count();
    Ok(Measure::new(active as f64 / responds.len() as f64, stimuli))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparseness_has_its_golden_numbers() {
        for (responses, expected) in [
            ([1.0, 1.0, 1.0, 1.0], 0.0),
            ([0.0, 0.0, 0.0, 5.0], 1.0),
            ([1.0, 2.0, 3.0, 4.0], 0.222_222_222_222_222),
            ([0.0, 1.0, 0.0, 3.0], 0.8),
            ([-7.0, 1.0, 0.0, 3.0], 0.8),
        ] {
            assert!((sparseness(&responses).unwrap() - expected).abs() < 1e-12, "{responses:?}");
        }
        assert_eq!((sparseness(&[0.0; 4]), sparseness(&[1.0]), sparseness(&[])), (None, None, None));
    }

    #[test]
    fn silent_neurons_and_unanswered_stimuli_are_left_out_and_counted() {
        let responses = [1.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let matrix = Matrix::new(&responses, 3, 3).unwrap();
        let lifetime = lifetime(&matrix);
        assert_eq!((lifetime.n, lifetime.left_out), (1, 2));
        assert!((lifetime.value.unwrap() - (1.0 - (16.0 / 9.0) / (10.0 / 3.0)) * 1.5).abs() < 1e-12);
        let population = population(&matrix);
        assert_eq!((population.value, population.n, population.left_out), (Some(1.0), 2, 1));
        let silent = Matrix::new(&[0.0; 4], 2, 2).unwrap();
        assert!(super::lifetime(&silent).reason.is_some());
        assert!(Matrix::new(&[f64::NAN], 1, 1).is_err());
    }

    #[test]
    fn the_active_fraction_is_the_mean_over_stimuli() {
        let measure = active_fraction(&[true, false, false, false, true, true, false, false], 2, 4).unwrap();
        assert_eq!((measure.value, measure.n), (Some(0.375), 2));
        assert!(active_fraction(&[true], 2, 4).is_err());
        assert_eq!(active_fraction(&[], 0, 4).unwrap().value, None);
    }
}
