//! `Ca_HVA`: the calcium current of high threshold (Reuveni, Friedman, Amitai & Gutnick 1993), not scaled by `qt`.
//!
//! m: `a = 0.055 (-27 - v) / (exp((-27 - v) / 3.8) - 1)`, `b = 0.94 exp((-75 - v) / 17)`;
//! h: `a = 4.57e-4 exp((-13 - v) / 50)`, `b = 0.0065 / (exp((-v - 15) / 28) + 1)`.

use super::prelude::*;

/// The channel `Ca_HVA`.
#[derive(Debug, Clone, Copy)]
pub struct CaHva;

impl Channel<2> for CaHva {
    const NAME: &'static str = "Ca_HVA";
    const GATES: [&'static str; 2] = ["m", "h"];
    const ION: Ion = Ion::Calcium;
    const REVERSAL_MV: Option<f64> = None;

    fn new(_: &Environment) -> Self {
        Self
    }

    #[inline(always)]
    fn rates<V: Real>(&self, v: V) -> [GateRate<V>; 2] {
        let am = (v + 27.0).linoid(3.8) * 0.055;
        let bm = ((v + 75.0) * (-1.0 / 17.0)).exp_bounded() * 0.94;
        let ah = ((v + 13.0) * -0.02).exp_bounded() * 4.57e-4;
        let bh = V::splat(0.0065) / (((v + 15.0) * (-1.0 / 28.0)).exp_bounded() + 1.0);
        [GateRate::of_rates(am, bm, 1.0), GateRate::of_rates(ah, bh, 1.0)]
    }

    #[inline(always)]
    fn open<V: Real>(&self, [m, h]: [V; 2]) -> V {
        m.square() * h
    }
}
