//! Several values that go through the same operations side by side.
//!
//! An exponential is a long chain of short operations that wait for each other. [`Several`] makes a step of all chains before the next
//! step of any: the processor works on one while another waits, and numbers that are alone become a vector. The bits stay the same.

use std::array::from_fn;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Real;

/// `K` values that go through the same operations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Several<V, const K: usize>(pub(super) [V; K]);

impl<V: Real, const K: usize> Several<V, K> {
    #[inline(always)]
    fn map(self, f: impl Fn(V) -> V) -> Self {
        let mut out = self;
        for k in 0..K {
            out.0[k] = f(self.0[k]);
        }
        out
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(V, V) -> V) -> Self {
        let mut out = self;
        for k in 0..K {
            out.0[k] = f(self.0[k], other.0[k]);
        }
        out
    }
}

macro_rules! operators {
    ($($operator:ident, $method:ident, $sign:tt;)*) => {$(
        impl<V: Real, const K: usize> $operator for Several<V, K> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, |a, b| a $sign b)
            }
        }
    )*};
}

macro_rules! operators_with_a_number {
    ($($operator:ident, $method:ident, $sign:tt;)*) => {$(
        impl<V: Real, const K: usize> $operator<f64> for Several<V, K> {
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

operators_with_a_number! {
    Add, add, +;
    Sub, sub, -;
    Mul, mul, *;
}

impl<V: Real, const K: usize> Neg for Several<V, K> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|a| -a)
    }
}

impl<V: Real, const K: usize> Real for Several<V, K> {
    const WIDTH: usize = K * V::WIDTH;
    type Mask = [V::Mask; K];

    #[inline(always)]
    fn splat(x: f64) -> Self {
        Self([V::splat(x); K])
    }

    fn from_fn(mut f: impl FnMut(usize) -> f64) -> Self {
        Self(from_fn(|k| V::from_fn(|i| f(k * V::WIDTH + i))))
    }

    fn load(values: &[f64]) -> Self {
        Self(from_fn(|k| V::load(&values[k * V::WIDTH..])))
    }

    fn store(self, to: &mut [f64]) {
        for k in 0..K {
            self.0[k].store(&mut to[k * V::WIDTH..]);
        }
    }

    fn lane(self, i: usize) -> f64 {
        self.0[i / V::WIDTH].lane(i % V::WIDTH)
    }

    #[inline(always)]
    fn lt(self, other: Self) -> Self::Mask {
        let mut out = [self.0[0].lt(other.0[0]); K];
        for k in 1..K {
            out[k] = self.0[k].lt(other.0[k]);
        }
        out
    }

    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        let mut out = no;
        for k in 0..K {
            out.0[k] = V::select(mask[k], yes.0[k], no.0[k]);
        }
        out
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.map(V::abs)
    }

    #[inline(always)]
    fn map_bits(self, f: impl Fn(u64) -> u64) -> Self {
        self.map(|x| x.map_bits(&f))
    }

    fn largest_bits(self) -> u64 {
        self.0.iter().map(|x| x.largest_bits()).fold(0, u64::max)
    }
}
