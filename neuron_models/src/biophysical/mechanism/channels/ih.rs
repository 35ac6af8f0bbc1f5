//! Ih: the current that hyperpolarisation opens (Kole, Hallermann & Stuart 2006).
//!
//! `a = 0.00643 (v + 154.9) / (exp((v + 154.9) / 11.9) - 1)`, `b = 0.193 exp(v / 33.1)`, not scaled by `qt`.

use super::prelude::*;

/// The channel `Ih`.
#[derive(Debug, Clone, Copy)]
pub struct Ih;

impl Channel<1> for Ih {
    const NAME: &'static str = "Ih";
    const GATES: [&'static str; 1] = ["m"];
    const ION: Ion = Ion::Unspecific;
    const REVERSAL_MV: Option<f64> = Some(-45.0);

    fn new(_: &Environment) -> Self {
        Self
    }

    #[inline(always)]
    fn rates<V: Real>(&self, v: V) -> [GateRate<V>; 1] {
        let a = (-(v + 154.9)).linoid(11.9) * 0.006_43;
        let b = (v * (1.0 / 33.1)).exp_bounded() * 0.193;
        [GateRate::of_rates(a, b, 1.0)]
    }

    #[inline(always)]
    fn open<V: Real>(&self, [m]: [V; 1]) -> V {
        m
    }
}
