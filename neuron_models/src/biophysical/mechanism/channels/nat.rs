//! `NaTa_t` and `NaTs2_t`: the fast sodium currents of axon and of soma and dendrites (Colbert & Pan 2002).
//!
//! m: `a = 0.182 L(x, 6)`, `b = 0.124 L(-x, 6)`, with `x = v + 38` (axon) or `v + 32`;
//! h: `a = 0.015 L(-y, 6)`, `b = 0.015 L(y, 6)`, with `y = v + 66` or `v + 60`; both scaled by `qt`.

use super::prelude::*;

/// The channel `NaTa_t`.
#[derive(Debug, Clone, Copy)]
pub struct NaTaT;

/// The channel `NaTs2_t`.
#[derive(Debug, Clone, Copy)]
pub struct NaTs2T;

/// Opening and closing of m, `x` mV above half of its shift.
#[inline(always)]
fn activation<V: Real>(x: V) -> (V, V) {
    let (right, left) = x.linoid_pair(6.0);
    (right * 0.182, left * 0.124)
}

/// `a + b` of m, before any scaling; [`NapEt2`](super::NapEt2) shares it.
#[inline(always)]
pub(super) fn activation_rate<V: Real>(x: V) -> V {
    let (opening, closing) = activation(x);
    opening + closing
}

#[inline(always)]
fn rates<V: Real>(x: V, y: V) -> [GateRate<V>; 2] {
    let (opening, closing) = activation(x);
    // a / (a + b) of mirror images is a logistic of y; the pair gives it without a second exponential.
    let (left, right) = (-y).linoid_pair(6.0);
    [GateRate::of_rates(opening, closing, QT), GateRate::of_rates(left, right, 0.015 * QT)]
}

macro_rules! sodium {
    ($type:ty, $name:literal, $m:literal, $h:literal) => {
        impl Channel<2> for $type {
            const NAME: &'static str = $name;
            const GATES: [&'static str; 2] = ["m", "h"];
            const ION: Ion = Ion::Sodium;
            const REVERSAL_MV: Option<f64> = Some(50.0);

            fn new(_: &Environment) -> Self {
                Self
            }

            #[inline(always)]
            fn rates<V: Real>(&self, v: V) -> [GateRate<V>; 2] {
                rates(v + $m, v + $h)
            }

            #[inline(always)]
            fn open<V: Real>(&self, [m, h]: [V; 2]) -> V {
                m * m * m * h
            }
        }
    };
}

sodium!(NaTaT, "NaTa_t", 38.0, 66.0);
sodium!(NaTs2T, "NaTs2_t", 32.0, 60.0);
