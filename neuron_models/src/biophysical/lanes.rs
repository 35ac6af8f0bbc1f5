//! The number that the equations are written in: one value, or the same value of several cells or places.
//!
//! [`Real`] is [`f64`] or [`Lanes`], an array on which every operation works element by element. A kernel written over `Real`
//! becomes vector code when it is inlined into `pulp::Arch::dispatch`, and a lane has the same bits as the same computation
//! in `f64`, at any width and on any processor: the operations and their order are the same, nothing is fused, and the
//! elementary functions are our own ([`Real::exp`], [`Real::ln`], [`Real::linoid`]).

#![allow(
    clippy::inline_always,
    reason = "kernels are compiled anew inside each instruction set's dispatch, which they reach only by inlining"
)]
#![allow(clippy::needless_range_loop, reason = "the plain loop over a fixed width is what becomes one vector instruction")]

mod elementary;
pub mod places;

use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number, or several that go through the same operations.
pub trait Real:
    Copy
    + Debug
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
{
    /// How many numbers there are.
    const WIDTH: usize;
    /// The outcome of a comparison, one for each number.
    type Mask: Copy;

    /// `x` in every lane.
    fn splat(x: f64) -> Self;
    /// Lane `i` from `f(i)`.
    fn from_fn(f: impl FnMut(usize) -> f64) -> Self;
    /// The first [`Real::WIDTH`] values.
    fn load(values: &[f64]) -> Self;
    /// Writes the lanes to the first [`Real::WIDTH`] places.
    fn store(self, to: &mut [f64]);
    /// The number in lane `i`.
    fn lane(self, i: usize) -> f64;
    /// `self < other`; false where either is NaN.
    fn lt(self, other: Self) -> Self::Mask;
    /// `yes` where the mask holds, `no` elsewhere.
    #[must_use]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// The largest of their bit patterns: as its float for numbers from 0 on, above all of these if one is negative or no number.
    fn largest_bits(self) -> u64;
    /// Absolute value.
    #[must_use]
    fn abs(self) -> Self;
    /// The numbers with these bits instead of theirs.
    #[must_use]
    fn map_bits(self, f: impl Fn(u64) -> u64) -> Self;

    /// The smaller one; NaN if `self` is.
    #[inline(always)]
    #[must_use]
    fn min(self, other: Self) -> Self {
        Self::select(other.lt(self), other, self)
    }

    /// The larger one; NaN if `self` is.
    #[inline(always)]
    #[must_use]
    fn max(self, other: Self) -> Self {
        Self::select(self.lt(other), other, self)
    }

    /// `exp(self)` to 1 ulp: 0 and subnormal below, infinite above, NaN of NaN.
    #[inline(always)]
    #[must_use]
    fn exp(self) -> Self {
        elementary::exp(self)
    }

    /// `exp` of the value kept within ±700: neither 0 nor infinite, the same bits as [`Real::exp`] inside.
    #[inline(always)]
    #[must_use]
    fn exp_bounded(self) -> Self {
        elementary::exp_bounded(self)
    }

    /// `exp(self) - 1` of the value kept within -60..700, accurate also near 0.
    #[inline(always)]
    #[must_use]
    fn exp_m1(self) -> Self {
        elementary::exp_m1(self)
    }

    /// Natural logarithm to 1 ulp: -infinite of 0, NaN below, infinite of infinite.
    #[inline(always)]
    #[must_use]
    fn ln(self) -> Self {
        elementary::ln(self)
    }

    /// `self^y` of a positive number, as `exp(y ln self)`.
    #[inline(always)]
    #[must_use]
    fn powf(self, y: f64) -> Self {
        (self.ln() * y).exp()
    }

    /// `self * self`.
    #[inline(always)]
    #[must_use]
    fn square(self) -> Self {
        self * self
    }

    /// `1 / self`.
    #[inline(always)]
    #[must_use]
    fn recip(self) -> Self {
        Self::splat(1.0) / self
    }

    /// `x / (1 - exp(-x / k))`, `k` at `x = 0`: exact, finite and without a jump everywhere, for one exponential.
    ///
    /// Its mirror image `linoid(-x, k) = exp(-x / k) linoid(x, k)` needs no other: see [`Real::linoid_pair`].
    #[inline(always)]
    #[must_use]
    fn linoid(self, k: f64) -> Self {
        self.linoid_pair(k).0
    }

    /// `linoid(x, k)` and `linoid(-x, k)`, both to a few ulp, for one exponential and one division.
    #[inline(always)]
    #[must_use]
    fn linoid_pair(self, k: f64) -> (Self, Self) {
        elementary::linoid_pair(self, k)
    }
}

impl Real for f64 {
    const WIDTH: usize = 1;
    type Mask = bool;

    #[inline(always)]
    fn splat(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn from_fn(mut f: impl FnMut(usize) -> f64) -> Self {
        f(0)
    }

    #[inline(always)]
    fn load(values: &[f64]) -> Self {
        values[0]
    }

    #[inline(always)]
    fn store(self, to: &mut [f64]) {
        to[0] = self;
    }

    #[inline(always)]
    fn lane(self, _: usize) -> f64 {
        self
    }

    #[inline(always)]
    fn lt(self, other: Self) -> bool {
        self < other
    }

    #[inline(always)]
    fn select(mask: bool, yes: Self, no: Self) -> Self {
        if mask { yes } else { no }
    }

    #[inline(always)]
    fn largest_bits(self) -> u64 {
        self.to_bits()
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.abs()
    }

    #[inline(always)]
    fn map_bits(self, f: impl Fn(u64) -> u64) -> Self {
        Self::from_bits(f(self.to_bits()))
    }
}

/// `N` numbers that go through the same operations.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(32))]
pub struct Lanes<const N: usize>(pub [f64; N]);

impl<const N: usize> Lanes<N> {
    #[inline(always)]
    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        let mut out = self;
        for i in 0..N {
            out.0[i] = f(self.0[i]);
        }
        out
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let mut out = self;
        for i in 0..N {
            out.0[i] = f(self.0[i], other.0[i]);
        }
        out
    }
}

macro_rules! operators {
    ($($operator:ident, $method:ident, $sign:tt;)*) => {$(
        impl<const N: usize> $operator for Lanes<N> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, |a, b| a $sign b)
            }
        }

        impl<const N: usize> $operator<f64> for Lanes<N> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: f64) -> Self {
                self.map(|a| a $sign other)
            }
        }
    )*};
}

operators! {
    Add, add, +;
    Sub, sub, -;
    Mul, mul, *;
    Div, div, /;
}

impl<const N: usize> Neg for Lanes<N> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|a| -a)
    }
}

impl<const N: usize> Real for Lanes<N> {
    const WIDTH: usize = N;
    type Mask = [bool; N];

    #[inline(always)]
    fn splat(x: f64) -> Self {
        Self([x; N])
    }

    #[inline(always)]
    fn from_fn(mut f: impl FnMut(usize) -> f64) -> Self {
        let mut out = [0.0; N];
        for i in 0..N {
            out[i] = f(i);
        }
        Self(out)
    }

    #[inline(always)]
    fn load(values: &[f64]) -> Self {
        Self(*values.first_chunk().expect("a whole chunk"))
    }

    #[inline(always)]
    fn store(self, to: &mut [f64]) {
        *to.first_chunk_mut().expect("a whole chunk") = self.0;
    }

    #[inline(always)]
    fn lane(self, i: usize) -> f64 {
        self.0[i]
    }

    #[inline(always)]
    fn lt(self, other: Self) -> [bool; N] {
        let mut out = [false; N];
        for i in 0..N {
            out[i] = self.0[i] < other.0[i];
        }
        out
    }

    #[inline(always)]
    fn select(mask: [bool; N], yes: Self, no: Self) -> Self {
        let mut out = no;
        for i in 0..N {
            out.0[i] = if mask[i] { yes.0[i] } else { no.0[i] };
        }
        out
    }

    #[inline(always)]
    fn largest_bits(self) -> u64 {
        let mut largest = 0;
        for i in 0..N {
            largest = u64::max(largest, self.0[i].to_bits());
        }
        largest
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.map(f64::abs)
    }

    #[inline(always)]
    fn map_bits(self, f: impl Fn(u64) -> u64) -> Self {
        self.map(|x| f64::from_bits(f(x.to_bits())))
    }
}

#[cfg(test)]
mod tests;
