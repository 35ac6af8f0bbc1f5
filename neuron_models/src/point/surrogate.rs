//! Surrogate gradients: the derivative that stands for that of a spike's step.
//!
//! Each shape is the exact derivative of a smooth step ([`Surrogate::step`]), so that a network with the smooth step in
//! place of the hard one has exactly the gradients that the surrogate gives: this is how they are tested. With
//! `u = mem - threshold` and scale k:
//!
//! | shape | derivative |
//! |---|---|
//! | fast sigmoid | `1 / (k abs(u) + 1)^2` (Zenke and Ganguli 2018) |
//! | arctan | `1 / (1 + (pi k u / 2)^2)` |
//! | triangle | `max(0, 1 - k abs(u))` |
//! | Gaussian | `exp(-(k u)^2 / 2)` |
//! | multi-Gaussian | Yin et al. 2021, h = 0.15, s = 6, sigma = 1 / k, scaled as the Gaussian |
//! | straight-through | `1` |

#![expect(
    clippy::inline_always,
    reason = "kernels are compiled anew inside each instruction set's dispatch, which they reach only by inlining"
)]

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2};

use serde::{Deserialize, Serialize};

use super::real::Real;

/// Height of the outer Gaussians of the multi-Gaussian.
const OUTER_HEIGHT: f64 = 0.15;
/// Width of the outer Gaussians in units of the inner one.
const OUTER_WIDTH: f64 = 6.0;

/// The form of a surrogate derivative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SurrogateShape {
    /// Falls as the inverse square of the distance from threshold.
    #[default]
    FastSigmoid,
    /// Lorentzian.
    Arctan,
    /// Linear, zero beyond 1 / k.
    Triangle,
    /// Bell.
    Gaussian,
    /// Bell with negative flanks.
    MultiGaussian,
    /// One everywhere.
    StraightThrough,
}

impl SurrogateShape {
    /// All shapes.
    pub const ALL: [Self; 6] =
        [Self::FastSigmoid, Self::Arctan, Self::Triangle, Self::Gaussian, Self::MultiGaussian, Self::StraightThrough];
}

/// A surrogate derivative: shape and scale k (larger is narrower).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surrogate {
    /// The form.
    pub shape: SurrogateShape,
    /// Scale k, above zero; without effect on the straight-through form.
    pub scale: f64,
}

impl Default for Surrogate {
    fn default() -> Self {
        Self { shape: SurrogateShape::FastSigmoid, scale: 50.0 }
    }
}

impl Surrogate {
    /// A surrogate of this shape and scale.
    pub const fn new(shape: SurrogateShape, scale: f64) -> Self {
        Self { shape, scale }
    }

    /// The derivative at `u = mem - threshold`.
    pub fn derivative<F: Real>(self, u: F) -> F {
        let mut out = [u];
        self.derivatives(&mut out);
        out[0]
    }

    /// Puts the derivative at each `u` in its place.
    #[inline(always)]
    pub fn derivatives<F: Real>(self, u: &mut [F]) {
        let k = F::from_f64(self.scale);
        match self.shape {
            SurrogateShape::FastSigmoid => {
                for x in u {
                    let d = k * x.abs() + F::ONE;
                    *x = F::ONE / (d * d);
                }
            }
            SurrogateShape::Arctan => {
                let k = F::from_f64(FRAC_PI_2 * self.scale);
                for x in u {
                    let d = k * *x;
                    *x = F::ONE / (F::ONE + d * d);
                }
            }
            SurrogateShape::Triangle => {
                for x in u {
                    let d = F::ONE - k * x.abs();
                    *x = if d > F::ZERO { d } else { F::ZERO };
                }
            }
            SurrogateShape::Gaussian => {
                for x in u {
                    *x = bell(k * *x);
                }
            }
            SurrogateShape::MultiGaussian => {
                let inner = F::from_f64(1.0 + OUTER_HEIGHT);
                let outer = F::from_f64(OUTER_HEIGHT / OUTER_WIDTH);
                let narrow = F::from_f64(1.0 / OUTER_WIDTH);
                for x in u {
                    let y = k * *x;
                    *x = inner * bell(y) - outer * (bell((y - F::ONE) * narrow) + bell((y + F::ONE) * narrow));
                }
            }
            SurrogateShape::StraightThrough => u.fill(F::ONE),
        }
    }

    /// The smooth step that has [`derivative`](Self::derivative) as its derivative; 1/2 at threshold.
    ///
    /// It rises by the integral of the derivative (2 / k for the fast sigmoid), not by 1.
    pub fn step<F: Real>(self, u: F) -> F {
        let (k, u) = (self.scale, u.to_f64());
        let x = k * u;
        // Integral of exp(-x^2 / 2 / width^2).
        let bell_integral = |x: f64, width: f64| FRAC_PI_2.sqrt() * width * erf(x / width * FRAC_1_SQRT_2);
        let rise = match self.shape {
            SurrogateShape::FastSigmoid => u / (1.0 + x.abs()),
            SurrogateShape::Arctan => (FRAC_PI_2 * x).atan() / (FRAC_PI_2 * k),
            SurrogateShape::Triangle if x.abs() < 1.0 => u - u * x.abs() / 2.0,
            SurrogateShape::Triangle => u.signum() / (2.0 * k),
            SurrogateShape::Gaussian => bell_integral(x, 1.0) / k,
            SurrogateShape::MultiGaussian => {
                let outer = bell_integral(x - 1.0, OUTER_WIDTH) + bell_integral(x + 1.0, OUTER_WIDTH);
                ((1.0 + OUTER_HEIGHT) * bell_integral(x, 1.0) - OUTER_HEIGHT / OUTER_WIDTH * outer) / k
            }
            SurrogateShape::StraightThrough => u,
        };
        F::from_f64(0.5 + rise)
    }
}

#[inline(always)]
fn bell<F: Real>(x: F) -> F {
    (-(F::HALF * x * x)).exp()
}

/// Error function: Taylor series near zero, continued fraction of the complement far from it.
fn erf(x: f64) -> f64 {
    let magnitude = x.abs();
    if magnitude < 3.0 {
        // erf x = 2 / sqrt pi exp(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!!, all terms of one sign.
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term.abs() > sum.abs() * 1e-17 {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        return std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum;
    }
    // erfc x = exp(-x^2) / sqrt pi / (x + 1/2 / (x + 1 / (x + 3/2 / ...))).
    let fraction = (1..=60).rev().fold(magnitude, |below, n| magnitude + f64::from(n) / 2.0 / below);
    let complement = (-x * x).exp() * std::f64::consts::FRAC_2_SQRT_PI / 2.0 / fraction;
    x.signum() * (1.0 - complement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_derivative_is_that_of_its_smooth_step() {
        for shape in SurrogateShape::ALL {
            let surrogate = Surrogate::new(shape, 3.0);
            for n in -40..=40 {
                let (u, h) = (f64::from(n) * 0.05 + 0.011, 1e-6);
                let central = (surrogate.step(u + h) - surrogate.step(u - h)) / (2.0 * h);
                let derivative = surrogate.derivative(u);
                assert!((derivative - central).abs() < 1e-8, "{shape:?} at {u}: {derivative} against {central}");
            }
        }
    }

    #[test]
    fn the_peak_of_each_shape_is_one_but_that_of_the_multi_gaussian() {
        for shape in SurrogateShape::ALL {
            let peak: f64 = Surrogate::new(shape, 50.0).derivative(0.0);
            let expected = if shape == SurrogateShape::MultiGaussian { 1.1 } else { 1.0 };
            assert!((peak - expected).abs() < 1e-3, "{shape:?}: {peak}");
        }
    }

    #[test]
    fn the_error_function_has_its_tabulated_values() {
        for (x, value) in [
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (2.0, 0.995_322_265_018_952_7),
            (3.5, 0.999_999_256_901_627_7),
        ] {
            assert!((erf(x) - value).abs() < 1e-15, "erf {x} = {}", erf(x));
            assert!((erf(-x) + value).abs() < 1e-15);
        }
        assert!((erf(2.999_999_999) - erf(3.000_000_001)).abs() < 1e-12);
    }
}
