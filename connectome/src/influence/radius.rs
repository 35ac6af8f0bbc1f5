//! Spectral radius of a circuit, component by component.
//!
//! The eigenvalues of a matrix are those of its strongly connected components. This makes three things exact that no
//! iteration gives: a circuit without cycles has radius 0 (found by order, not by numbers), a bare cycle has the geometric
//! mean of its weights, and chains between components (Jordan blocks) do not slow convergence.

use kenyon_base::{Result, UserError};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use serde::{Deserialize, Serialize};

use super::eigen::dense_radius;
use super::krylov::largest_modulus;
use super::matrix::{Matrix, check_signs};
use crate::edges::Edges;

/// Components up to this size are solved as dense matrices.
const DENSE_UP_TO: usize = 96;
/// Balancing sweeps before the eigenvalues of a small component: long chains need many, and they cost nothing there.
const SWEEPS_SMALL: usize = 2_000;
/// Balancing sweeps before the eigenvalues of a large component.
const SWEEPS_LARGE: usize = 50;
/// Balanced enough: no neuron moved by more than this power of two in a sweep.
const LEVEL: f64 = 0.05;

/// When the spectral radius counts as found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RadiusOptions {
    /// Largest relative change between restarts, and largest relative residual of the eigenvector.
    pub tolerance: f64,
    /// Products of matrix and vector before giving up, for each component.
    pub most_products: usize,
}

impl Default for RadiusOptions {
    fn default() -> Self {
        Self { tolerance: 1e-10, most_products: 10_000 }
    }
}

/// Largest modulus of an eigenvalue of the circuit; 0 exactly if it has no cycle.
///
/// The matrix is `E[post, pre]` = synapses times the sign of `pre` (without signs if `sign` is `None`).
///
/// # Complexity
/// Linear in edges per product; memory about 73 numbers per neuron of the largest component.
///
/// # Errors
/// Bad data if edges or signs are inconsistent; `rho-not-converged` if the options are too strict.
pub fn spectral_radius(edges: &Edges, sign: Option<&[i8]>, options: &RadiusOptions) -> Result<f64> {
    edges.validate()?;
    check_signs(edges, sign)?;
    let matrix = Matrix::signed(edges, sign, &vec![false; edges.neurons as usize]);
    Ok(Spectrum::of(&matrix, options)?.radius)
}

/// Spectral radius and, without cycles, the order in which signals pass.
#[derive(Debug)]
pub(super) struct Spectrum {
    pub(super) radius: f64,
    /// Presynaptic before postsynaptic neurons; only for a circuit without cycles.
    pub(super) topological_order: Option<Vec<u32>>,
}

impl Spectrum {
    pub(super) fn of(matrix: &Matrix, options: &RadiusOptions) -> Result<Self> {
        let components = components(matrix);
        let loops = (0..matrix.rows()).any(|row| matrix.row(row).any(|(column, _)| column as usize == row));
        if !loops && components.iter().all(|component| component.len() == 1) {
            // Components come in reverse topological order.
            let order = components.into_iter().rev().flatten().collect();
            return Ok(Self { radius: 0.0, topological_order: Some(order) });
        }
        let mut local = vec![u32::MAX; matrix.rows()];
        let mut radius = 0.0_f64;
        for component in components {
            let inner = restrict(matrix, &component, &mut local);
            if inner.entries() > 0 && inner.norm_bound() > radius {
                radius = radius.max(component_radius(&inner, options)?);
            }
        }
        Ok(Self { radius, topological_order: None })
    }
}

/// Strongly connected components in reverse topological order of pre -> post.
fn components(matrix: &Matrix) -> Vec<Vec<u32>> {
    let mut graph: DiGraph<(), (), u32> = DiGraph::with_capacity(matrix.rows(), matrix.entries());
    for _ in 0..matrix.rows() {
        graph.add_node(());
    }
    for (post, pre, _) in matrix.iter() {
        graph.add_edge(NodeIndex::new(pre as usize), NodeIndex::new(post as usize), ());
    }
    let name = |component: Vec<NodeIndex>| component.into_iter().map(|node| node.index() as u32).collect();
    kosaraju_scc(&graph).into_iter().map(name).collect()
}

/// The entries inside `component`, renumbered; `local` is all `u32::MAX` before and after.
fn restrict(matrix: &Matrix, component: &[u32], local: &mut [u32]) -> Matrix {
    for (new, &old) in component.iter().enumerate() {
        local[old as usize] = new as u32;
    }
    let mut entries = Vec::new();
    for (row, &old) in component.iter().enumerate() {
        let inside = matrix.row(old as usize).filter(|(column, _)| local[*column as usize] != u32::MAX);
        entries.extend(inside.map(|(column, value)| (row as u32, local[column as usize], value)));
    }
    for &old in component {
        local[old as usize] = u32::MAX;
    }
    Matrix::from_entries(component.len(), &entries)
}

/// Spectral radius of a strongly connected matrix.
fn component_radius(inner: &Matrix, options: &RadiusOptions) -> Result<f64> {
    let n = inner.rows();
    if inner.entries() == n {
        // As many edges as neurons: one cycle. Logarithms keep long cycles from overflowing.
        let log_sum: f64 = inner.iter().map(|(_, _, value)| value.abs().ln()).sum();
        return Ok((log_sum / n as f64).exp());
    }
    let balanced = balance(inner);
    if n <= DENSE_UP_TO {
        let mut dense = vec![0.0; n * n];
        for (row, column, value) in balanced.iter() {
            dense[row as usize * n + column as usize] = value;
        }
        return dense_radius(&dense, n)
            .ok_or_else(|| UserError::failed("rho-not-converged", "the eigenvalues of a component did not settle"));
    }
    largest_modulus(&balanced, options.tolerance, options.most_products)
}

/// `D^-1 A D` with rows and columns of similar size, which leaves the eigenvalues as they are but makes them well
/// conditioned (Osborne 1960). `D` holds powers of two, so that nothing is rounded.
///
/// Each sweep sets one neuron after the other, so that a chain of uneven weights is levelled in one pass along it.
fn balance(matrix: &Matrix) -> Matrix {
    let transposed: Vec<_> = matrix.iter().map(|(row, column, value)| (column, row, value)).collect();
    let transposed = Matrix::from_entries(matrix.rows(), &transposed);
    let mut log_scale = vec![0.0_f64; matrix.rows()];
    let sweeps = if matrix.rows() <= DENSE_UP_TO { SWEEPS_SMALL } else { SWEEPS_LARGE };
    for _ in 0..sweeps {
        let mut largest = 0.0_f64;
        for at in 0..matrix.rows() {
            // Relative to the neuron itself, so that powers cannot overflow along a chain of neighbours.
            let here = log_scale[at];
            let sum = |side: &Matrix, turn: f64| -> f64 {
                let others = side.row(at).filter(|entry| entry.0 as usize != at);
                others.map(|(other, value)| value.abs() * (turn * (log_scale[other as usize] - here)).exp2()).sum()
            };
            let (row, column) = (sum(matrix, 1.0), sum(&transposed, -1.0));
            if row > 0.0 && column > 0.0 && row.is_finite() && column.is_finite() {
                let step = (row / column).log2() / 2.0;
                log_scale[at] += step;
                largest = largest.max(step.abs());
            }
        }
        if largest < LEVEL {
            break;
        }
    }
    let entries: Vec<_> = matrix
        .iter()
        .map(|(row, column, value)| {
            let power = log_scale[column as usize].round() - log_scale[row as usize].round();
            (row, column, value * power.exp2())
        })
        .collect();
    Matrix::from_entries(matrix.rows(), &entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn radius(edges: &Edges, sign: Option<&[i8]>) -> f64 {
        spectral_radius(edges, sign, &RadiusOptions::default()).unwrap()
    }

    #[test]
    fn the_golden_cycle_has_the_cube_root_of_24() {
        let edges = Edges::from_triples(3, &[(0, 1, 4), (1, 2, 2), (2, 0, 3)]);
        for sign in [None, Some(&[1, -1, 1][..])] {
            assert!((radius(&edges, sign) - 2.884_499_140_6).abs() < 1e-9);
        }
    }

    #[test]
    fn a_chain_has_radius_zero_whatever_its_length() {
        let triples: Vec<_> = (0..3000).map(|k| (k, k + 1, 1000)).collect();
        assert_eq!(radius(&Edges::from_triples(3001, &triples), None).to_bits(), 0);
    }

    #[test]
    fn a_neuron_that_excites_itself_is_a_cycle() {
        assert!((radius(&Edges::from_triples(2, &[(0, 0, 7), (0, 1, 9)]), None) - 7.0).abs() < 1e-12);
    }

    #[test]
    fn a_long_bare_cycle_with_uneven_weights_is_exact() {
        let triples: Vec<_> = (0..1000).map(|k| (k, (k + 1) % 1000, if k < 500 { 1000 } else { 1 })).collect();
        assert!((radius(&Edges::from_triples(1000, &triples), None) - 1000_f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn a_strong_bridge_between_components_does_not_count() {
        let edges = Edges::from_triples(4, &[(0, 1, 2), (1, 0, 2), (1, 2, 4_000_000), (2, 3, 3), (3, 2, 5)]);
        assert!((radius(&edges, None) - 15_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn balancing_levels_a_chain_of_uneven_weights() {
        let mut entries: Vec<_> = (0..40_u32).map(|k| ((k + 1) % 40, k, if k < 20 { 1000.0 } else { 1.0 })).collect();
        entries.push((0, 5, 2.0));
        let balanced = balance(&Matrix::from_entries(40, &entries));
        let (rows, columns) = balanced.absolute_sums();
        assert!(rows.iter().zip(columns).all(|(row, column)| (0.2..5.0).contains(&(row / column))));
    }

    #[test]
    fn uneven_weights_inside_a_component_do_not_spoil_the_radius() {
        // A cycle of 60 with one weak chord: nearly the bare cycle, but its unbalanced matrix is close to a Jordan block.
        let mut triples: Vec<_> = (0..60).map(|k| (k, (k + 1) % 60, if k < 30 { 1000 } else { 1 })).collect();
        triples.push((0, 0, 1));
        let exact = 1000_f64.sqrt();
        let found = radius(&Edges::from_triples(60, &triples), None);
        // One self loop of weight 1: lambda^59 (lambda - 1) = 1000^30.
        let mut lambda = exact;
        for _ in 0..200 {
            lambda = (30.0 * 1000_f64.ln() - 59.0 * lambda.ln()).exp() * 0.01 + 0.01 + 0.99 * lambda;
        }
        assert!((found - lambda).abs() < 1e-6 * exact, "{found} {lambda}");
    }
}
