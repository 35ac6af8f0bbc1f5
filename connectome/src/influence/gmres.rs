//! Restarted GMRES for `(1 - c E) x = s`.
//!
//! Saad and Schultz (1986). Modified Gram-Schmidt with one repetition, Givens rotations on the small problem. The residual
//! that decides is recomputed from `x` at every restart; the running estimate is only used to stop a cycle early.

use super::krylov::{dot, norm, scale, subtract};
use super::matrix::Matrix;

/// Basis vectors before a restart.
const RESTART: usize = 80;

/// Solution of a linear system.
#[derive(Debug, Clone)]
pub(super) struct Solution {
    pub(super) x: Vec<f64>,
    /// `|s - (1 - c E) x| / |s|`, recomputed from `x`.
    pub(super) residual: f64,
    pub(super) iterations: usize,
}

/// Solves `(1 - factor E) x = s` until the relative residual is at most `tolerance` or `most_iterations` are used up.
pub(super) fn solve(matrix: &Matrix, factor: f64, s: &[f64], tolerance: f64, most_iterations: usize) -> Solution {
    let size = norm(s);
    let mut x = s.to_vec();
    let mut iterations = 0;
    if size == 0.0 {
        return Solution { x, residual: 0.0, iterations };
    }
    loop {
        let mut r = residual(matrix, factor, s, &x);
        let relative = norm(&r) / size;
        if relative <= tolerance || iterations >= most_iterations || !relative.is_finite() {
            return Solution { x, residual: relative, iterations };
        }
        let length = norm(&r);
        scale(&mut r, 1.0 / length);
        let allowed = RESTART.min(most_iterations - iterations);
        // A little further than asked, so that the true residual passes where the estimate does.
        iterations += cycle(matrix, factor, r, length, 0.1 * tolerance * size, allowed, &mut x);
    }
}

/// `out = (1 - factor E) x`
fn apply(matrix: &Matrix, factor: f64, x: &[f64], out: &mut [f64]) {
    matrix.multiply(x, out);
    for (out, x) in out.iter_mut().zip(x) {
        *out = x - factor * *out;
    }
}

/// `s - (1 - factor E) x`
pub(super) fn residual(matrix: &Matrix, factor: f64, s: &[f64], x: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; s.len()];
    apply(matrix, factor, x, &mut out);
    for (out, s) in out.iter_mut().zip(s) {
        *out = s - *out;
    }
    out
}

/// One cycle from the unit residual `start` of length `length`; improves `x` and returns the steps taken.
fn cycle(matrix: &Matrix, factor: f64, start: Vec<f64>, length: f64, goal: f64, allowed: usize, x: &mut [f64]) -> usize {
    let mut basis = vec![start];
    let mut columns: Vec<Vec<f64>> = Vec::new();
    let mut rotations: Vec<(f64, f64)> = Vec::new();
    let mut right = vec![length];
    while columns.len() < allowed {
        let k = columns.len();
        let mut next = vec![0.0; x.len()];
        apply(matrix, factor, &basis[k], &mut next);
        let before = norm(&next);
        let mut column = vec![0.0; k + 1];
        for _ in 0..2 {
            for (h, vector) in column.iter_mut().zip(&basis) {
                let part = dot(vector, &next);
                subtract(&mut next, part, vector);
                *h += part;
            }
        }
        let rest = norm(&next);
        for (at, &(c, s)) in rotations.iter().enumerate() {
            (column[at], column[at + 1]) = (c * column[at] + s * column[at + 1], c * column[at + 1] - s * column[at]);
        }
        let radius = column[k].hypot(rest);
        if radius == 0.0 {
            break;
        }
        let (c, s) = (column[k] / radius, rest / radius);
        column[k] = radius;
        columns.push(column);
        rotations.push((c, s));
        let tail = right[k];
        right[k] = c * tail;
        right.push(-s * tail);
        let exhausted = rest <= f64::EPSILON * before;
        if right[k + 1].abs() <= goal || exhausted {
            break;
        }
        scale(&mut next, 1.0 / rest);
        basis.push(next);
    }
    let mut y = vec![0.0; columns.len()];
    for row in (0..columns.len()).rev() {
        let known: f64 = (row + 1..columns.len()).map(|column| columns[column][row] * y[column]).sum();
        y[row] = (right[row] - known) / columns[row][row];
    }
    for (vector, &factor) in basis.iter().zip(&y) {
        subtract(x, -factor, vector);
    }
    columns.len().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_solved_by_hand() {
        let matrix = Matrix::from_entries(3, &[(1, 0, 2.0), (2, 1, -3.0)]);
        let solution = solve(&matrix, 0.5, &[1.0, 0.0, 0.0], 1e-12, 100);
        for (found, exact) in solution.x.iter().zip([1.0, 1.0, -1.5]) {
            assert!((found - exact).abs() < 1e-12);
        }
        assert!(solution.residual <= 1e-12 && solution.iterations <= 3);
    }

    #[test]
    fn an_empty_right_side_has_an_empty_answer() {
        let matrix = Matrix::from_entries(2, &[(1, 0, 2.0)]);
        assert_eq!(solve(&matrix, 0.5, &[0.0, 0.0], 1e-12, 100).x, [0.0, 0.0]);
    }
}
