//! Largest eigenvalue modulus of a large sparse matrix: Arnoldi with Krylov-Schur restarts.
//!
//! Stewart (2001), *A Krylov-Schur algorithm for large eigenproblems*. Power iteration is not enough here: a signed circuit
//! usually has a complex pair, or a whole circle, of dominant eigenvalues, and then the power vectors never settle. The
//! Krylov basis keeps the whole dominant subspace at once.

use kenyon_base::{Streams, UserError};
use rand::Rng;

use super::eigen::Schur;
use super::matrix::Matrix;

/// Basis vectors before a restart.
const LARGEST_BASIS: usize = 72;
/// Schur vectors that survive a restart; complex pairs that are cut apart may add some.
const KEPT: usize = 28;
/// A direction shorter than this is rounding, not part of the subspace.
const NEGLIGIBLE: f64 = 1e-7;

/// Orthonormal basis `v` with `A V_m = V_m H + beta v_{m+1} e_m^T`.
struct Basis {
    vectors: Vec<Vec<f64>>,
    h: Vec<f64>,
    size: usize,
}

/// Largest eigenvalue modulus, its relative residual below `tolerance` and settled to `tolerance` between restarts.
///
/// The start vector is fixed (its own stream), so the result is a function of the matrix.
///
/// # Errors
/// `rho-not-converged` after `most_products` products.
pub(super) fn largest_modulus(matrix: &Matrix, tolerance: f64, most_products: usize) -> Result<f64, UserError> {
    let n = matrix.rows();
    let size = LARGEST_BASIS.min(n);
    let mut rng = Streams::new(0).stream("influence/krylov");
    let mut start: Vec<f64> = (0..n).map(|_| rng.random_range(0.5..1.5)).collect();
    let length = norm(&start);
    scale(&mut start, 1.0 / length);
    let mut basis = Basis { vectors: vec![start], h: vec![0.0; size * size], size };
    let tiny = f64::EPSILON * matrix.norm_bound();
    let (mut kept, mut products, mut last) = (0, 0, f64::INFINITY);
    loop {
        let (filled, beta) = basis.extend(matrix, kept, tiny);
        products += filled - kept;
        let small = leading_block(&basis.h, size, filled);
        let mut schur = Schur::new(&small, filled).ok_or_else(|| not_converged(last, f64::NAN, products))?;
        schur.sort_by_modulus();
        let modulus = schur.eigenvalues().next().map_or(0.0, super::eigen::Complex::abs);
        if filled < size || beta <= tiny {
            // The basis spans an invariant subspace: its eigenvalues are exact.
            return Ok(modulus);
        }
        // The first Schur vector is an eigenvector of H; its last component times beta is the residual in the large space.
        let residual = beta * schur.vector(size - 1, 0).abs();
        let settled = (modulus - last).abs() <= tolerance * modulus;
        if settled && residual <= tolerance * modulus {
            return Ok(modulus);
        }
        last = modulus;
        if products >= most_products {
            return Err(not_converged(modulus, residual / modulus, products));
        }
        kept = basis.restart(&schur, beta);
    }
}

fn not_converged(modulus: f64, residual: f64, products: usize) -> UserError {
    UserError::failed("rho-not-converged", format!("the spectral radius did not settle in {products} products"))
        .found(format!("{modulus:.6e} with relative residual {residual:.1e}"))
        .mend("raise `most_products` or `tolerance` of the radius options")
}

impl Basis {
    /// Fills the basis from `kept` vectors on; returns how many there are and the length of the last remainder.
    fn extend(&mut self, matrix: &Matrix, kept: usize, tiny: f64) -> (usize, f64) {
        let mut beta = 0.0;
        for column in kept..self.size {
            let mut next = vec![0.0; matrix.rows()];
            matrix.multiply(&self.vectors[column], &mut next);
            // Twice is enough: the second pass removes what rounding left of the first.
            for _ in 0..2 {
                for (row, vector) in self.vectors.iter().enumerate() {
                    let part = dot(vector, &next);
                    subtract(&mut next, part, vector);
                    self.h[row * self.size + column] += part;
                }
            }
            beta = norm(&next);
            if beta <= tiny {
                return (column + 1, 0.0);
            }
            scale(&mut next, 1.0 / beta);
            self.vectors.push(next);
            if column + 1 < self.size {
                self.h[(column + 1) * self.size + column] = beta;
            }
        }
        (self.size, beta)
    }

    /// Shrinks the basis to the dominant invariant subspace of `H`; returns its dimension.
    ///
    /// With real orthonormal `Q` spanning that subspace: `V <- V Q`, `H <- Q^T H Q`, and the remainder gets the row
    /// `beta e_m^T Q`.
    fn restart(&mut self, schur: &Schur, beta: f64) -> usize {
        let size = self.size;
        let q = real_basis(schur, KEPT.min(size / 2));
        let kept = q.len();
        let mut h = vec![0.0; size * size];
        for (column, right) in q.iter().enumerate() {
            let image: Vec<f64> = self.h.chunks_exact(size).map(|row| dot(row, right)).collect();
            for (row, left) in q.iter().enumerate() {
                h[row * size + column] = dot(left, &image);
            }
            h[kept * size + column] = beta * right[size - 1];
        }
        let remainder = self.vectors.pop().expect("a full basis has its remainder last");
        let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(size + 1);
        for combination in &q {
            let mut out = vec![0.0; remainder.len()];
            for (vector, &factor) in self.vectors.iter().zip(combination) {
                subtract(&mut out, -factor, vector);
            }
            vectors.push(out);
        }
        vectors.push(remainder);
        self.vectors = vectors;
        self.h = h;
        kept
    }
}

/// Real orthonormal basis of the span of the first `wanted` Schur vectors and their conjugates.
///
/// Pivoted Gram-Schmidt on real and imaginary parts. The span is closed under conjugation if no complex pair was cut apart;
/// if one was, its other half is included.
fn real_basis(schur: &Schur, wanted: usize) -> Vec<Vec<f64>> {
    let size = schur.size;
    let mut candidates: Vec<Vec<f64>> = (0..wanted)
        .flat_map(|column| {
            let part = |of: fn(super::eigen::Complex) -> f64| (0..size).map(|row| of(schur.vector(row, column))).collect();
            [part(|x| x.re), part(|x| x.im)]
        })
        .collect();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    while basis.len() + 1 < size {
        let lengths = candidates.iter().map(|candidate| norm(candidate)).enumerate();
        let Some((at, length)) = lengths.max_by(|a, b| a.1.total_cmp(&b.1)) else {
            break;
        };
        if length < NEGLIGIBLE {
            break;
        }
        let mut next = candidates.swap_remove(at);
        for _ in 0..2 {
            for vector in &basis {
                let part = dot(vector, &next);
                subtract(&mut next, part, vector);
            }
            let length = norm(&next);
            scale(&mut next, 1.0 / length);
        }
        for candidate in &mut candidates {
            let part = dot(&next, candidate);
            subtract(candidate, part, &next);
        }
        basis.push(next);
    }
    basis
}

fn leading_block(h: &[f64], size: usize, filled: usize) -> Vec<f64> {
    h.chunks_exact(size).take(filled).flat_map(|row| row[..filled].iter().copied()).collect()
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

pub(super) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

pub(super) fn scale(a: &mut [f64], factor: f64) {
    for x in a {
        *x *= factor;
    }
}

/// `a <- a - factor b`
pub(super) fn subtract(a: &mut [f64], factor: f64, b: &[f64]) {
    for (x, y) in a.iter_mut().zip(b) {
        *x -= factor * y;
    }
}

#[cfg(test)]
mod tests {
    use super::super::eigen::dense_radius;
    use super::*;

    /// A random sparse signed matrix and its dense copy.
    fn random(seed: u64, n: u32, degree: u32, negative: f64) -> (Matrix, Vec<f64>) {
        let mut rng = Streams::new(seed).stream("test");
        let mut dense = vec![0.0; (n * n) as usize];
        let sign: Vec<f64> = (0..n).map(|_| if rng.random_bool(negative) { -1.0 } else { 1.0 }).collect();
        for row in 0..n {
            for _ in 0..degree {
                let column = rng.random_range(0..n);
                dense[(row * n + column) as usize] = sign[column as usize] * f64::from(rng.random_range(1..50_u32));
            }
        }
        let entries: Vec<_> =
            (0..n * n).filter(|&k| dense[k as usize] != 0.0).map(|k| (k / n, k % n, dense[k as usize])).collect();
        (Matrix::from_entries(n as usize, &entries), dense)
    }

    #[test]
    fn the_modulus_agrees_with_dense_eigenvalues_on_random_signed_matrices() {
        for seed in 0..12 {
            for negative in [0.0, 0.3, 0.5] {
                let (matrix, dense) = random(seed, 150, 6, negative);
                let sparse = largest_modulus(&matrix, 1e-10, 10_000).unwrap();
                let exact = dense_radius(&dense, 150).unwrap();
                assert!((sparse - exact).abs() < 1e-8 * exact, "seed {seed}, {negative}: {sparse} {exact}");
            }
        }
    }

    #[test]
    fn a_pair_of_opposite_dominant_eigenvalues_is_no_obstacle() {
        // Bipartite circuit: the spectrum is symmetric about zero.
        let mut entries = Vec::new();
        for row in 0..200_u32 {
            for k in 0..5 {
                entries.push((row, (row + 1 + 2 * ((row * 13 + k * 29) % 100)) % 200, f64::from(1 + (row * k) % 9)));
            }
        }
        let matrix = Matrix::from_entries(200, &entries);
        let mut dense = vec![0.0; 200 * 200];
        for (row, column, value) in matrix.iter() {
            dense[(row * 200 + column) as usize] += value;
        }
        let sparse = largest_modulus(&matrix, 1e-10, 10_000).unwrap();
        assert!((sparse - dense_radius(&dense, 200).unwrap()).abs() < 1e-8 * sparse);
    }

    #[test]
    fn too_few_products_are_an_error_with_a_mend() {
        let (matrix, _) = random(1, 400, 6, 0.5);
        let error = largest_modulus(&matrix, 1e-14, 10).unwrap_err();
        assert_eq!(error.code(), "rho-not-converged");
        assert!(error.to_string().contains("most_products"));
    }
}
