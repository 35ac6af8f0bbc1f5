//! Eigenvalues of a small dense matrix: complex Schur form by the shifted QR algorithm.
//!
//! Golub and Van Loan, *Matrix Computations*, chapter 7. Complex arithmetic throughout: a real matrix with complex
//! eigenvalues has a triangular complex Schur form, which makes reordering a sequence of plane rotations.

use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

/// Complex number.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    const ONE: Self = Self { re: 1.0, im: 0.0 };

    pub(super) fn abs(self) -> f64 {
        self.re.hypot(self.im)
    }

    fn conj(self) -> Self {
        Self { re: self.re, im: -self.im }
    }

    fn scaled(self, factor: f64) -> Self {
        Self { re: self.re * factor, im: self.im * factor }
    }

    /// Principal square root.
    fn sqrt(self) -> Self {
        let r = self.abs();
        let re = f64::midpoint(r, self.re).max(0.0).sqrt();
        let im = f64::midpoint(r, -self.re).max(0.0).sqrt();
        Self { re, im: im.copysign(self.im) }
    }
}

impl From<f64> for Complex {
    fn from(re: f64) -> Self {
        Self { re, im: 0.0 }
    }
}

impl Add for Complex {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }
}

impl Sub for Complex {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }
}

impl Mul for Complex {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
}

impl Neg for Complex {
    type Output = Self;
    fn neg(self) -> Self {
        Self { re: -self.re, im: -self.im }
    }
}

impl AddAssign for Complex {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Complex {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// Schur form `A = Q T Q^H`: `T` upper triangular with the eigenvalues on its diagonal, `Q` unitary.
#[derive(Debug, Clone)]
pub(super) struct Schur {
    pub(super) size: usize,
    t: Vec<Complex>,
    q: Vec<Complex>,
}

/// A unitary plane rotation that sends `(f, g)` to `(r, 0)`.
#[derive(Clone, Copy)]
struct Rotation {
    a: Complex,
    b: Complex,
}

impl Rotation {
    fn new(f: Complex, g: Complex) -> Option<Self> {
        let r = f.abs().hypot(g.abs());
        (r > 0.0).then(|| Self { a: f.scaled(1.0 / r), b: g.scaled(1.0 / r) })
    }

    /// Applies `G` to rows `k` and `k + 1`, columns `from..`.
    fn rows(self, matrix: &mut [Complex], size: usize, k: usize, from: usize) {
        for column in from..size {
            let (x, y) = (matrix[k * size + column], matrix[(k + 1) * size + column]);
            matrix[k * size + column] = self.a.conj() * x + self.b.conj() * y;
            matrix[(k + 1) * size + column] = self.a * y - self.b * x;
        }
    }

    /// Applies `G^H` to columns `k` and `k + 1`, rows `..to`.
    fn columns(self, matrix: &mut [Complex], size: usize, k: usize, to: usize) {
        for row in matrix.chunks_exact_mut(size).take(to) {
            let (x, y) = (row[k], row[k + 1]);
            row[k] = x * self.a + y * self.b;
            row[k + 1] = y * self.a.conj() - x * self.b.conj();
        }
    }
}

impl Schur {
    /// Schur form of the real matrix `a`, `size` rows of `size` values; `None` if QR does not converge (never seen).
    ///
    /// `O(size^3)`, about 25 `size^3` complex operations.
    pub(super) fn new(a: &[f64], size: usize) -> Option<Self> {
        let (h, q) = hessenberg(a, size);
        let complex = |values: Vec<f64>| values.into_iter().map(Complex::from).collect();
        let mut schur = Self { size, t: complex(h), q: complex(q) };
        schur.iterate().then_some(schur)
    }

    /// The eigenvalues, in the order of the diagonal.
    pub(super) fn eigenvalues(&self) -> impl Iterator<Item = Complex> {
        (0..self.size).map(|k| self.t[k * self.size + k])
    }

    /// Component `row` of the `column`-th Schur vector.
    pub(super) fn vector(&self, row: usize, column: usize) -> Complex {
        self.q[row * self.size + column]
    }

    /// Reorders so that the moduli of the eigenvalues descend; the first vectors then span the dominant subspace.
    pub(super) fn sort_by_modulus(&mut self) {
        let n = self.size;
        let modulus = |t: &[Complex], k: usize| t[k * n + k].abs();
        for end in (1..n).rev() {
            for k in 0..end {
                if modulus(&self.t, k) < modulus(&self.t, k + 1) {
                    self.exchange(k);
                }
            }
        }
    }

    /// Exchanges the neighbouring eigenvalues `k` and `k + 1`.
    fn exchange(&mut self, k: usize) {
        let n = self.size;
        let (first, second) = (self.t[k * n + k], self.t[(k + 1) * n + k + 1]);
        let Some(rotation) = Rotation::new(self.t[k * n + k + 1], second - first) else {
            return;
        };
        rotation.rows(&mut self.t, n, k, k);
        rotation.columns(&mut self.t, n, k, k + 2);
        rotation.columns(&mut self.q, n, k, n);
        self.t[(k + 1) * n + k] = Complex::default();
        // The rotation reproduces the eigenvalues up to rounding; the exact ones keep the order stable.
        self.t[k * n + k] = second;
        self.t[(k + 1) * n + k + 1] = first;
    }

    /// Shifted QR steps with deflation from the bottom.
    fn iterate(&mut self) -> bool {
        const MOST_STEPS: usize = 300;
        let n = self.size;
        let norm = self.t.iter().map(|x| x.abs()).fold(0.0, f64::max);
        let mut high = n.saturating_sub(1);
        let mut steps = 0;
        while high > 0 {
            let low = self.active_start(high, norm);
            if low == high {
                high -= 1;
                steps = 0;
                continue;
            }
            steps += 1;
            if steps > MOST_STEPS {
                return false;
            }
            // Every tenth step takes an unrelated shift: a cyclic permutation is a fixed point of the usual one.
            let shift = if steps % 10 == 0 {
                let size = self.t[high * n + high - 1].abs();
                Complex { re: 0.75 * size, im: 0.4375 * size } + self.t[high * n + high]
            } else {
                self.wilkinson_shift(high)
            };
            self.qr_step(low, high, shift);
        }
        true
    }

    /// First row of the unreduced block that ends at `high`; negligible subdiagonal entries become zero.
    fn active_start(&mut self, high: usize, norm: f64) -> usize {
        let n = self.size;
        let mut low = high;
        while low > 0 {
            let neighbours = self.t[(low - 1) * n + low - 1].abs() + self.t[low * n + low].abs();
            let scale = if neighbours > 0.0 { neighbours } else { norm };
            if self.t[low * n + low - 1].abs() <= f64::EPSILON * scale {
                self.t[low * n + low - 1] = Complex::default();
                break;
            }
            low -= 1;
        }
        low
    }

    /// The eigenvalue of the last 2 x 2 block that is nearer to its last entry.
    fn wilkinson_shift(&self, high: usize) -> Complex {
        let n = self.size;
        let (a, b) = (self.t[(high - 1) * n + high - 1], self.t[(high - 1) * n + high]);
        let (c, d) = (self.t[high * n + high - 1], self.t[high * n + high]);
        let half = (a - d).scaled(0.5);
        let root = (half * half + b * c).sqrt();
        let middle = (a + d).scaled(0.5);
        let (one, two) = (middle + root, middle - root);
        if (one - d).abs() < (two - d).abs() { one } else { two }
    }

    /// `T - s = Q R`, `T <- R Q + s` on rows `low..=high`.
    fn qr_step(&mut self, low: usize, high: usize, shift: Complex) {
        let n = self.size;
        for k in low..=high {
            self.t[k * n + k] -= shift;
        }
        let mut rotations = Vec::with_capacity(high - low);
        for k in low..high {
            let rotation = Rotation::new(self.t[k * n + k], self.t[(k + 1) * n + k])
                .unwrap_or(Rotation { a: Complex::ONE, b: Complex::default() });
            rotation.rows(&mut self.t, n, k, k);
            self.t[(k + 1) * n + k] = Complex::default();
            rotations.push(rotation);
        }
        for (k, rotation) in (low..high).zip(rotations) {
            rotation.columns(&mut self.t, n, k, (k + 2).min(n));
            rotation.columns(&mut self.q, n, k, n);
        }
        for k in low..=high {
            self.t[k * n + k] += shift;
        }
    }
}

/// Hessenberg form `A = Q H Q^T` by Householder reflections.
fn hessenberg(a: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut h = a.to_vec();
    let mut q = vec![0.0; n * n];
    for k in 0..n {
        q[k * n + k] = 1.0;
    }
    for k in 0..n.saturating_sub(2) {
        let mut v: Vec<f64> = (k + 1..n).map(|row| h[row * n + k]).collect();
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm == 0.0 {
            continue;
        }
        v[0] += norm.copysign(v[0]);
        let square = v.iter().map(|x| x * x).sum::<f64>();
        for column in 0..n {
            let dot: f64 = v.iter().enumerate().map(|(i, x)| x * h[(k + 1 + i) * n + column]).sum();
            for (i, x) in v.iter().enumerate() {
                h[(k + 1 + i) * n + column] -= 2.0 * x * dot / square;
            }
        }
        for matrix in [&mut h, &mut q] {
            for row in matrix.chunks_exact_mut(n) {
                let tail = &mut row[k + 1..];
                let dot: f64 = v.iter().zip(&*tail).map(|(x, y)| x * y).sum();
                for (x, y) in v.iter().zip(tail) {
                    *y -= 2.0 * x * dot / square;
                }
            }
        }
        for row in k + 2..n {
            h[row * n + k] = 0.0;
        }
    }
    (h, q)
}

/// Largest modulus of an eigenvalue of a dense matrix.
pub(super) fn dense_radius(a: &[f64], size: usize) -> Option<f64> {
    Some(Schur::new(a, size)?.eigenvalues().map(Complex::abs).fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kenyon_base::Streams;
    use rand::Rng;

    fn random(seed: u64, n: usize) -> Vec<f64> {
        let mut rng = Streams::new(seed).stream("test");
        (0..n * n).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    /// Largest entry of `A Q - Q T`, and of `Q^H Q - 1`.
    fn residuals(a: &[f64], schur: &Schur) -> (f64, f64) {
        let n = schur.size;
        let (mut relation, mut unitary) = (0.0_f64, 0.0_f64);
        for i in 0..n {
            for j in 0..n {
                let mut left = Complex::default();
                let mut right = Complex::default();
                let mut dot = Complex::default();
                for k in 0..n {
                    left += Complex::from(a[i * n + k]) * schur.vector(k, j);
                    right += schur.vector(i, k) * schur.t[k * n + j];
                    dot += schur.vector(k, i).conj() * schur.vector(k, j);
                }
                relation = relation.max((left - right).abs());
                unitary = unitary.max((dot - Complex::from(f64::from(u8::from(i == j)))).abs());
            }
        }
        (relation, unitary)
    }

    #[test]
    fn the_schur_form_reproduces_random_matrices_before_and_after_sorting() {
        for (seed, n) in [(1, 1), (2, 2), (3, 3), (4, 10), (5, 40)] {
            let a = random(seed, n);
            let mut schur = Schur::new(&a, n).unwrap();
            schur.sort_by_modulus();
            let (relation, unitary) = residuals(&a, &schur);
            assert!(relation < 1e-12 && unitary < 1e-12, "{n}: {relation} {unitary}");
            let moduli: Vec<f64> = schur.eigenvalues().map(Complex::abs).collect();
            assert!(moduli.is_sorted_by(|x, y| *x >= y - 1e-12), "{moduli:?}");
            let trace: f64 = (0..n).map(|k| a[k * n + k]).sum();
            assert!((schur.eigenvalues().map(|x| x.re).sum::<f64>() - trace).abs() < 1e-11);
        }
    }

    #[test]
    fn a_cycle_has_its_eigenvalues_on_a_circle() {
        let radius = dense_radius(&[0.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0, -2.0, 0.0], 3).unwrap();
        assert!((radius - 2.884_499_140_6).abs() < 1e-9, "{radius}");
        for n in [2, 5, 16, 33] {
            let mut a = vec![0.0; n * n];
            for k in 0..n {
                a[((k + 1) % n) * n + k] = 2.0;
            }
            assert!((dense_radius(&a, n).unwrap() - 2.0).abs() < 1e-12);
        }
    }

    #[test]
    fn eigenvalues_of_a_rotation_are_complex() {
        let values: Vec<Complex> = Schur::new(&[0.0, -3.0, 3.0, 0.0], 2).unwrap().eigenvalues().collect();
        assert!(values.iter().all(|x| x.re.abs() < 1e-12 && (x.im.abs() - 3.0).abs() < 1e-12), "{values:?}");
    }
}
