//! Influence of a seed on every neuron at the steady state of a linear network.
//!
//! Definition of the connectome influence calculator: `E[post, pre]` is the signed or unsigned synapse count,
//! `W~ = (0.99 / rho(E)) E` with the spectral radius `rho`, and `r = -(W~ - 1)^-1 s` for a seed vector `s`. Without cycles
//! `rho` is 0 and `W~ = E / c` with `c` the largest column sum of absolute counts.

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

use super::gmres::{Solution, residual, solve};
use super::krylov::norm;
use super::matrix::{Matrix, check_neurons, check_signs};
use super::radius::{RadiusOptions, Spectrum};
use crate::edges::Edges;

/// Spectral radius of `W~`: as strong as recurrence can be while the network stays stable.
const GAIN: f64 = 0.99;

/// When an influence counts as computed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InfluenceOptions {
    /// Largest relative residual `|s - (1 - W~) r| / |s|`.
    pub tolerance: f64,
    /// GMRES steps before giving up.
    pub most_iterations: usize,
    /// Spectral radius.
    pub radius: RadiusOptions,
    /// With silenced neurons: solve a second time with the radius of the intact graph.
    pub with_intact_radius: bool,
}

impl Default for InfluenceOptions {
    fn default() -> Self {
        Self { tolerance: 1e-10, most_iterations: 20_000, radius: RadiusOptions::default(), with_intact_radius: true }
    }
}

/// Influence of a seed on every neuron.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InfluenceResult {
    /// Influence on each neuron, in units of the seed.
    pub r: Vec<f64>,
    /// Spectral radius of the graph without the silenced neurons; 0 if it has no cycle.
    pub rho: f64,
    /// Spectral radius of the intact graph.
    pub rho_intact: f64,
    /// Whether the graph without the silenced neurons has no cycle: then `W~ = E / max column sum`.
    pub acyclic: bool,
    /// Factor `c` of `W~ = c E`: `0.99 / rho`, or one over the largest column sum.
    pub factor: f64,
    /// Relative residual of the solution, recomputed from `r`.
    pub gmres_residual: f64,
    /// GMRES steps; 0 without cycles, where one pass in order of the graph is exact.
    pub iterations: usize,
    /// Influence with `W~` scaled by the intact graph: comparable with the influence before silencing, since weights that
    /// were not silenced are the same in both. Only with silenced neurons, and if asked for.
    pub r_intact_scale: Option<Vec<f64>>,
}

/// Influence of `seeds` (neuron, strength) on every neuron, with the rows and columns of `silenced` set to zero.
///
/// Strengths of a neuron named twice add up. A silenced seed keeps its own value and reaches nobody. `sign` is per
/// presynaptic neuron; `None` counts all synapses as positive.
///
/// # Complexity
/// Products of matrix and vector only; memory about 80 numbers per neuron.
///
/// # Errors
/// Usage `no-seeds`, `unknown-neuron`, `bad-seed`; `rho-not-converged`; `influence-not-converged` if GMRES does not reach
/// the tolerance.
///
/// # Example
/// ```
/// use kenyon_connectome::edges::Edges;
/// use kenyon_connectome::influence::{InfluenceOptions, influence};
///
/// let edges = Edges::from_triples(2, &[(0, 1, 5)]);
/// let result = influence(&edges, None, &[(0, 1.0)], &[], &InfluenceOptions::default())?;
/// assert!(result.acyclic);
/// assert_eq!(result.r, [1.0, 1.0]);
/// # Ok::<(), kenyon_base::UserError>(())
/// ```
pub fn influence(
    edges: &Edges,
    sign: Option<&[i8]>,
    seeds: &[(u32, f64)],
    silenced: &[u32],
    options: &InfluenceOptions,
) -> Result<InfluenceResult> {
    edges.validate()?;
    check_signs(edges, sign)?;
    check_neurons(edges, "seeds", seeds.iter().map(|seed| seed.0))?;
    check_neurons(edges, "silenced neurons", silenced.iter().copied())?;
    let s = seed_vector(edges, seeds)?;
    let mut off = vec![false; edges.neurons as usize];
    let intact = Matrix::signed(edges, sign, &off);
    let intact_spectrum = Spectrum::of(&intact, &options.radius)?;
    let rho_intact = intact_spectrum.radius;
    if silenced.is_empty() {
        let solved = Solved::new(&intact, &intact_spectrum, &s, options)?;
        return Ok(solved.result(intact_spectrum.radius, rho_intact, None));
    }
    for &neuron in silenced {
        off[neuron as usize] = true;
    }
    let matrix = Matrix::signed(edges, sign, &off);
    let spectrum = Spectrum::of(&matrix, &options.radius)?;
    let solved = Solved::new(&matrix, &spectrum, &s, options)?;
    let again = if options.with_intact_radius {
        let factor = factor(&intact, &intact_spectrum);
        let solved = Solved::with_factor(&matrix, &spectrum, factor, &s, options);
        // Without the silenced neurons the network may be unstable at the old scale.
        Some(solved.map_err(|error| error.mend("set `with_intact_radius = false`, or raise `most_iterations`"))?.solution.x)
    } else {
        None
    };
    Ok(solved.result(spectrum.radius, rho_intact, again))
}

fn seed_vector(edges: &Edges, seeds: &[(u32, f64)]) -> Result<Vec<f64>> {
    if seeds.is_empty() {
        return Err(UserError::usage("no-seeds", "no neuron to start from").mend("name at least one seed neuron"));
    }
    let mut s = vec![0.0; edges.neurons as usize];
    for &(neuron, strength) in seeds {
        if !strength.is_finite() {
            return Err(UserError::usage("bad-seed", format!("the strength of seed neuron {neuron} is not a finite number"))
                .found(strength.to_string()));
        }
        s[neuron as usize] += strength;
    }
    Ok(s)
}

/// `c` of `W~ = c E`.
fn factor(matrix: &Matrix, spectrum: &Spectrum) -> f64 {
    if spectrum.topological_order.is_none() {
        return GAIN / spectrum.radius;
    }
    let largest = matrix.absolute_sums().1.into_iter().fold(0.0, f64::max);
    if largest > 0.0 { 1.0 / largest } else { 1.0 }
}

struct Solved {
    solution: Solution,
    factor: f64,
    acyclic: bool,
}

impl Solved {
    fn new(matrix: &Matrix, spectrum: &Spectrum, s: &[f64], options: &InfluenceOptions) -> Result<Self> {
        Self::with_factor(matrix, spectrum, factor(matrix, spectrum), s, options)
    }

    fn with_factor(matrix: &Matrix, spectrum: &Spectrum, factor: f64, s: &[f64], options: &InfluenceOptions) -> Result<Self> {
        let solution = match &spectrum.topological_order {
            Some(order) => in_order(matrix, order, factor, s),
            None => solve(matrix, factor, s, options.tolerance, options.most_iterations),
        };
        // One pass in order is exact up to rounding, whatever the size of the answer. Written so that a residual that is
        // not a number fails.
        let exact = spectrum.topological_order.is_some() && solution.residual.is_finite();
        let reached = exact || solution.residual <= options.tolerance;
        if !reached {
            let steps = solution.iterations;
            return Err(UserError::failed("influence-not-converged", format!("GMRES did not settle in {steps} steps"))
                .found(format!("relative residual {:.1e}", solution.residual))
                .expected(format!("at most {:.1e}", options.tolerance))
                .mend("raise `most_iterations` or `tolerance` of the influence options"));
        }
        Ok(Self { solution, factor, acyclic: spectrum.topological_order.is_some() })
    }

    fn result(self, rho: f64, rho_intact: f64, r_intact_scale: Option<Vec<f64>>) -> InfluenceResult {
        InfluenceResult {
            r: self.solution.x,
            rho,
            rho_intact,
            acyclic: self.acyclic,
            factor: self.factor,
            gmres_residual: self.solution.residual,
            iterations: self.solution.iterations,
            r_intact_scale,
        }
    }
}

/// Without cycles the system is triangular: one pass, presynaptic neurons first.
fn in_order(matrix: &Matrix, order: &[u32], factor: f64, s: &[f64]) -> Solution {
    let mut x = s.to_vec();
    for &neuron in order {
        let input: f64 = matrix.row(neuron as usize).map(|(pre, value)| value * x[pre as usize]).sum();
        x[neuron as usize] += factor * input;
    }
    let size = norm(s);
    let rest = norm(&residual(matrix, factor, s, &x));
    Solution { x, residual: if size > 0.0 { rest / size } else { rest }, iterations: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kenyon_base::Streams;
    use rand::Rng;

    fn random(seed: u64, neurons: u32, density: f64) -> (Edges, Vec<i8>) {
        let mut rng = Streams::new(seed).stream("test");
        let mut triples = Vec::new();
        for pre in 0..neurons {
            for post in 0..neurons {
                if rng.random_bool(density) {
                    triples.push((pre, post, rng.random_range(1..100)));
                }
            }
        }
        let sign = (0..neurons).map(|_| if rng.random_bool(0.4) { -1 } else { 1 }).collect();
        (Edges::from_triples(neurons, &triples), sign)
    }

    /// `(1 - factor E) x = s` by Gaussian elimination with row pivots.
    fn dense_solve(edges: &Edges, sign: Option<&[i8]>, factor: f64, s: &[f64]) -> Vec<f64> {
        let n = s.len();
        let mut a = vec![vec![0.0; n + 1]; n];
        for (row, line) in a.iter_mut().enumerate() {
            line[row] = 1.0;
            line[n] = s[row];
        }
        for (pre, post, count) in edges.triples() {
            let sign = sign.map_or(1.0, |sign| f64::from(sign[pre as usize]));
            a[post as usize][pre as usize] -= factor * sign * f64::from(count);
        }
        for k in 0..n {
            let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap();
            a.swap(k, pivot);
            let lead = a[k].clone();
            for line in a.iter_mut().skip(k + 1) {
                let share = line[k] / lead[k];
                for (x, y) in line.iter_mut().zip(&lead).skip(k) {
                    *x -= share * y;
                }
            }
        }
        let mut x = vec![0.0; n];
        for k in (0..n).rev() {
            let known: f64 = (k + 1..n).map(|j| a[k][j] * x[j]).sum();
            x[k] = (a[k][n] - known) / a[k][k];
        }
        x
    }

    fn assert_close(found: &[f64], exact: &[f64], tolerance: f64) {
        let scale = exact.iter().fold(1.0_f64, |m, x| m.max(x.abs()));
        for (at, (found, exact)) in found.iter().zip(exact).enumerate() {
            assert!((found - exact).abs() <= tolerance * scale, "{at}: {found} {exact}");
        }
    }

    #[test]
    fn the_golden_cycle_has_its_published_influence() {
        let edges = Edges::from_triples(3, &[(0, 1, 4), (1, 2, 2), (2, 0, 3)]);
        let result = influence(&edges, Some(&[1, -1, 1]), &[(0, 1.0)], &[], &InfluenceOptions::default()).unwrap();
        assert!((result.rho - 2.884_499_140_6).abs() < 1e-9 && !result.acyclic);
        for (found, golden) in result.r.iter().zip([0.507_537_176_8, 0.696_775_122_2, -0.478_285_715_7]) {
            assert!((found - golden).abs() < 1e-8, "{found} {golden}");
        }
        assert!(result.gmres_residual <= 1e-10);
    }

    #[test]
    fn influence_agrees_with_a_dense_solve_on_random_circuits() {
        for seed in 0..10 {
            for (neurons, density) in [(12, 0.2), (60, 0.05), (180, 0.03)] {
                let (edges, sign) = random(seed, neurons, density);
                for sign in [None, Some(&sign[..])] {
                    let seeds = [(0, 1.0), (3, -0.5), (0, 0.25)];
                    let result = influence(&edges, sign, &seeds, &[], &InfluenceOptions::default()).unwrap();
                    let mut s = vec![0.0; neurons as usize];
                    (s[0], s[3]) = (1.25, -0.5);
                    assert_close(&result.r, &dense_solve(&edges, sign, result.factor, &s), 1e-7);
                }
            }
        }
    }

    #[test]
    fn silencing_removes_the_neuron_before_the_radius_is_taken() {
        let (edges, sign) = random(5, 40, 0.1);
        let silenced = [2, 7, 11];
        let options = InfluenceOptions::default();
        let result = influence(&edges, Some(&sign), &[(0, 1.0)], &silenced, &options).unwrap();
        let kept: Vec<_> = edges.triples().filter(|(a, b, _)| !silenced.contains(a) && !silenced.contains(b)).collect();
        let cut = Edges::from_triples(40, &kept);
        let expected = influence(&cut, Some(&sign), &[(0, 1.0)], &[], &options).unwrap();
        assert_eq!(result.r, expected.r);
        assert_eq!(result.rho.to_bits(), expected.rho.to_bits());
        assert!(silenced.iter().all(|&neuron| result.r[neuron as usize] == 0.0));
        let intact = influence(&edges, Some(&sign), &[(0, 1.0)], &[], &options).unwrap();
        assert_eq!(result.rho_intact.to_bits(), intact.rho.to_bits());
        let mut s = vec![0.0; 40];
        s[0] = 1.0;
        assert_close(&result.r_intact_scale.unwrap(), &dense_solve(&cut, Some(&sign), intact.factor, &s), 1e-7);
    }

    #[test]
    fn a_circuit_without_cycles_is_scaled_by_its_largest_column_sum_and_says_so() {
        let edges = Edges::from_triples(4, &[(0, 1, 6), (0, 2, 2), (1, 3, 4), (2, 3, 1)]);
        let result = influence(&edges, Some(&[1, -1, 1, 1]), &[(0, 1.0)], &[], &InfluenceOptions::default()).unwrap();
        assert!(result.acyclic && result.rho == 0.0);
        assert!((result.factor - 1.0 / 8.0).abs() < 1e-15);
        assert_close(&result.r, &[1.0, 0.75, 0.25, -0.375 + 0.03125], 1e-12);
    }

    #[test]
    fn silencing_the_only_cycle_leaves_a_circuit_without_cycles() {
        let edges = Edges::from_triples(3, &[(0, 1, 4), (1, 2, 2), (2, 0, 3)]);
        let result = influence(&edges, None, &[(0, 1.0)], &[2], &InfluenceOptions::default()).unwrap();
        assert!(result.acyclic && result.rho_intact > 2.8);
        assert_close(&result.r, &[1.0, 1.0, 0.0], 1e-12);
    }

    #[test]
    fn an_empty_circuit_gives_back_the_seed() {
        let result = influence(&Edges::new(2), None, &[(1, 2.0)], &[], &InfluenceOptions::default()).unwrap();
        assert_eq!(result.r, [0.0, 2.0]);
    }

    #[test]
    fn wrong_requests_have_their_own_codes() {
        let edges = Edges::from_triples(2, &[(0, 1, 5)]);
        let code = |seeds: &[(u32, f64)], silenced: &[u32], sign: Option<&[i8]>| {
            influence(&edges, sign, seeds, silenced, &InfluenceOptions::default()).unwrap_err().code().to_string()
        };
        assert_eq!(code(&[], &[], None), "no-seeds");
        assert_eq!(code(&[(2, 1.0)], &[], None), "unknown-neuron");
        assert_eq!(code(&[(0, f64::NAN)], &[], None), "bad-seed");
        assert_eq!(code(&[(0, 1.0)], &[9], None), "unknown-neuron");
        assert_eq!(code(&[(0, 1.0)], &[], Some(&[1])), "neuron-lengths");
        assert_eq!(code(&[(0, 1.0)], &[], Some(&[1, 2])), "bad-sign");
    }

    #[test]
    fn too_few_steps_are_an_error_with_a_mend() {
        let (edges, _) = random(5, 200, 0.1);
        let options = InfluenceOptions { most_iterations: 2, ..InfluenceOptions::default() };
        let error = influence(&edges, None, &[(0, 1.0)], &[], &options).unwrap_err();
        assert_eq!(error.code(), "influence-not-converged");
        assert!(error.to_string().contains("most_iterations"));
    }
}
