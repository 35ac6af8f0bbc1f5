//! Degree distributions.

use serde::{Deserialize, Serialize};

use crate::edges::Edges;

/// Summary of one number of partners per neuron; all zero for no neurons.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DegreeSummary {
    /// Number of neurons, those without partners included.
    pub neurons: u64,
    /// Mean.
    pub mean: f64,
    /// Standard deviation over all neurons (divided by `neurons`).
    pub sd: f64,
    /// 5th percentile; all percentiles interpolate linearly between neighbouring ranks.
    pub p5: f64,
    /// 25th percentile.
    pub p25: f64,
    /// Median.
    pub p50: f64,
    /// 75th percentile.
    pub p75: f64,
    /// 95th percentile.
    pub p95: f64,
    /// Maximum.
    pub max: u32,
    /// (degree, neurons with it) in ascending order of degree, empty degrees left out.
    pub histogram: Vec<(u32, u64)>,
}

impl DegreeSummary {
    /// Summarises one degree per neuron. `n log n`.
    ///
    /// # Example
    /// ```
    /// use kenyon_connectome::influence::DegreeSummary;
    ///
    /// let summary = DegreeSummary::of(&[1, 2, 2, 3]);
    /// assert_eq!((summary.mean, summary.p50, summary.max), (2.0, 2.0, 3));
    /// assert_eq!(summary.histogram, [(1, 1), (2, 2), (3, 1)]);
    /// ```
    pub fn of(degrees: &[u32]) -> Self {
        let mut sorted = degrees.to_vec();
        sorted.sort_unstable();
        let Some(&max) = sorted.last() else { return Self::default() };
        let n = sorted.len() as f64;
        let mean = sorted.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let variance = sorted.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
        let histogram = sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)).collect();
        Self {
            neurons: sorted.len() as u64,
            mean,
            sd: variance.sqrt(),
            p5: percentile(&sorted, 0.05),
            p25: percentile(&sorted, 0.25),
            p50: percentile(&sorted, 0.5),
            p75: percentile(&sorted, 0.75),
            p95: percentile(&sorted, 0.95),
            max,
            histogram,
        }
    }
}

/// Linear interpolation at rank `share * (n - 1)` of a sorted list that is not empty.
fn percentile(sorted: &[u32], share: f64) -> f64 {
    let rank = share * (sorted.len() - 1) as f64;
    let below = rank.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let (low, high) = (f64::from(sorted[below]), f64::from(sorted[above]));
    low + (rank - below as f64) * (high - low)
}

/// In- and out-degrees of a circuit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DegreeDistributions {
    /// Number of presynaptic partners.
    pub in_degree: DegreeSummary,
    /// Number of postsynaptic partners.
    pub out_degree: DegreeSummary,
}

/// Summarises the degrees of all neurons of a circuit.
pub fn degree_distributions(edges: &Edges) -> DegreeDistributions {
    DegreeDistributions { in_degree: DegreeSummary::of(&edges.in_degrees()), out_degree: DegreeSummary::of(&edges.out_degrees()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate_between_ranks() {
        let summary = DegreeSummary::of(&[10, 0, 20, 30]);
        let found = [summary.p5, summary.p25, summary.p50, summary.p75, summary.p95];
        for (found, expected) in found.iter().zip([1.5, 7.5, 15.0, 22.5, 28.5]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert!((summary.sd - 125_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_circuit_has_as_many_inputs_as_outputs() {
        let edges = Edges::from_triples(3, &[(0, 1, 5), (0, 2, 5), (1, 2, 5)]);
        let degrees = degree_distributions(&edges);
        assert!((degrees.in_degree.mean - degrees.out_degree.mean).abs() < 1e-15);
        assert_eq!(degrees.in_degree.histogram, [(0, 1), (1, 1), (2, 1)]);
        assert_eq!(degrees.out_degree.max, 2);
    }

    #[test]
    fn no_neurons_have_an_empty_summary() {
        assert_eq!(DegreeSummary::of(&[]), DegreeSummary::default());
    }
}
