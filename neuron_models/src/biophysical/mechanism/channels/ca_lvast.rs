//! `Ca_LVAst`: the calcium current of low threshold (Avery & Johnston 1996; Randall & Tsien 1997), `u = v + 10`.
//!
//! `m_inf = 1 / (1 + exp((u + 30) / -6))`, `tau_m = (5 + 20 / (1 + exp((u + 25) / 5))) / qt`;
//! `h_inf = 1 / (1 + exp((u + 80) / 6.4))`, `tau_h = (20 + 50 / (1 + exp((u + 40) / 7))) / qt`.

use super::prelude::*;

/// The channel `Ca_LVAst`.
#[derive(Debug, Clone, Copy)]
pub struct CaLvast;

/// `qt / (p + q / (1 + e)) = qt (1 + e) / (p + q + p e)`: one division.
#[inline(always)]
fn rate<V: Real>(e: V, p: f64, q: f64) -> V {
    (e + 1.0) * QT / (e * p + (p + q))
}

impl Channel<2> for CaLvast {
    const NAME: &'static str = "Ca_LVAst";
    const GATES: [&'static str; 2] = ["m", "h"];
    const ION: Ion = Ion::Calcium;
    const REVERSAL_MV: Option<f64> = None;

    fn new(_: &Environment) -> Self {
        Self
    }

    #[inline(always)]
    fn rates<V: Real>(&self, v: V) -> [GateRate<V>; 2] {
        let u = v + 10.0;
        let m = GateRate {
            inf: (((u + 30.0) * (-1.0 / 6.0)).exp_bounded() + 1.0).recip(),
            rate: rate(((u + 25.0) * 0.2).exp_bounded(), 5.0, 20.0),
        };
        let h = GateRate {
            inf: (((u + 80.0) * (1.0 / 6.4)).exp_bounded() + 1.0).recip(),
            rate: rate(((u + 40.0) * (1.0 / 7.0)).exp_bounded(), 20.0, 50.0),
        };
        [m, h]
    }

    #[inline(always)]
    fn open<V: Real>(&self, [m, h]: [V; 2]) -> V {
        m.square() * h
    }
}
