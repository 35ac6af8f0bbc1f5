//! Im: the muscarinic potassium current (Adams, Brown & Constanti 1982).
//!
//! `a = 3.3e-3 exp(0.1 (v + 35))`, `b = 3.3e-3 exp(-0.1 (v + 35))`, scaled by `qt`.

use super::prelude::*;

/// The channel `Im`.
#[derive(Debug, Clone, Copy)]
pub struct Im;

impl Channel<1> for Im {
    const NAME: &'static str = "Im";
    const GATES: [&'static str; 1] = ["m"];
    const ION: Ion = Ion::Potassium;
    const REVERSAL_MV: Option<f64> = Some(-85.0);

    fn new(_: &Environment) -> Self {
        Self
    }

    #[inline(always)]
    fn rates<V: Real>(&self, v: V) -> [GateRate<V>; 1] {
        let a = ((v + 35.0) * 0.1).exp_bounded();
        [GateRate::of_rates(a, a.recip(), 3.3e-3 * QT)]
    }

    #[inline(always)]
    fn open<V: Real>(&self, [m]: [V; 1]) -> V {
        m
    }
}
