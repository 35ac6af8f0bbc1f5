//! What a response table looks like: sparseness, overlap, dimension (definitions: Treves and Rolls 1991, Vinje and Gallant 2000).

use serde::Serialize;

use super::table::ResponseTable;

/// Statistics of a response table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Geometry {
    /// Sparseness of a receptor over odours, mean over the receptors that respond at all.
    pub lifetime_sparseness: f64,
    /// Sparseness of an odour over receptors, mean over odours.
    pub population_sparseness: f64,
    /// Mean Pearson correlation of two odours.
    pub pair_correlation_mean: f64,
    /// Median Pearson correlation of two odours.
    pub pair_correlation_median: f64,
    /// Participation ratio of the covariance over odours.
    pub participation_ratio: f64,
    /// Share of responses above 0.3.
    pub share_above_0_3: f64,
    /// Odours without variance over receptors, which have no correlation.
    pub flat_odors: usize,
}

impl Geometry {
    /// Describes a table; `NaN` where a quantity has no meaning (fewer than two odours or receptors).
    pub fn of(table: &ResponseTable) -> Self {
        let (odors, receptors) = (table.odors.len(), table.receptors.len());
        let columns: Vec<Vec<f64>> = (0..receptors).map(|r| (0..odors).map(|o| table.value(o, r)).collect()).collect();
        let lifetime = columns.iter().filter_map(|column| sparseness(column));
        let population = (0..odors).filter_map(|o| sparseness(table.row(o)));
        let (mut correlations, flat_odors) = correlations(table);
        correlations.sort_unstable_by(f64::total_cmp);
        Self {
            lifetime_sparseness: mean(lifetime),
            population_sparseness: mean(population),
            pair_correlation_mean: mean(correlations.iter().copied()),
            pair_correlation_median: median(&correlations),
            participation_ratio: participation_ratio(&columns),
            share_above_0_3: table.values.iter().filter(|v| **v > 0.3).count() as f64 / table.values.len() as f64,
            flat_odors,
        }
    }
}

/// (1 - mean(r)² / mean(r²)) / (1 - 1/n) of responses clipped at 0; none if all are 0 or there are fewer than two.
fn sparseness(responses: &[f64]) -> Option<f64> {
    let n = responses.len() as f64;
    let sum: f64 = responses.iter().map(|r| r.max(0.0)).sum();
    let squares: f64 = responses.iter().map(|r| r.max(0.0).powi(2)).sum();
    (n >= 2.0 && squares > 0.0).then(|| (1.0 - (sum / n).powi(2) / (squares / n)) / (1.0 - 1.0 / n))
}

/// Pearson correlation of every pair of odours with variance, and the number of odours without.
fn correlations(table: &ResponseTable) -> (Vec<f64>, usize) {
    let unit: Vec<Vec<f64>> = (0..table.odors.len()).filter_map(|o| centred_unit(table.row(o))).collect();
    let mut out = Vec::with_capacity(unit.len() * unit.len().saturating_sub(1) / 2);
    for (i, a) in unit.iter().enumerate() {
        out.extend(unit[i + 1..].iter().map(|b| dot(a, b)));
    }
    let flat = table.odors.len() - unit.len();
    (out, flat)
}

/// The vector less its mean, of length 1; none without variance.
fn centred_unit(v: &[f64]) -> Option<Vec<f64>> {
    let centred = centred(v);
    let norm = dot(&centred, &centred).sqrt();
    (norm > 1e-12).then(|| centred.iter().map(|x| x / norm).collect())
}

fn centred(v: &[f64]) -> Vec<f64> {
    let mean = v.iter().sum::<f64>() / v.len() as f64;
    v.iter().map(|x| x - mean).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// (trace C)² / trace C², which is (Σ λ)² / Σ λ² without eigenvalues.
fn participation_ratio(columns: &[Vec<f64>]) -> f64 {
    let centred: Vec<Vec<f64>> = columns.iter().map(|c| centred(c)).collect();
    let trace: f64 = centred.iter().map(|c| dot(c, c)).sum();
    let squares: f64 = centred.iter().flat_map(|a| centred.iter().map(|b| dot(a, b).powi(2))).sum();
    trace * trace / squares
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0_usize), |(sum, n), v| (sum + v, n + 1));
    sum / n as f64
}

fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        n => f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparseness_has_its_golden_values() {
        for (responses, expected) in [
            ([1.0, 1.0, 1.0, 1.0], 0.0),
            ([0.0, 0.0, 0.0, 5.0], 1.0),
            ([1.0, 2.0, 3.0, 4.0], 2.0 / 9.0),
            ([0.0, 1.0, 0.0, 3.0], 0.8),
        ] {
            assert!((sparseness(&responses).expect("defined") - expected).abs() < 1e-14, "{responses:?}");
        }
        assert_eq!((sparseness(&[0.0, 0.0]), sparseness(&[1.0])), (None, None));
    }

    #[test]
    fn the_participation_ratio_has_its_golden_value() {
        let columns = vec![vec![1.0, 0.0, 0.0, 1.0], vec![0.0, 2.0, 0.0, 1.0], vec![0.0, 0.0, 3.0, 1.0]];
        assert!((participation_ratio(&columns) - 1.726_447_219_069_24).abs() < 1e-13);
    }
}
