//! `K_Pst`: the persistent potassium current (Korngreen & Sakmann 2000), `u = v + 10`.
//!
//! `m_inf = 1 / (1 + exp(-(u + 1) / 12))`, `tau_m = (1.25 + 175.03 exp(0.026 u)) / qt` for `u < -50`, else
//! `(1.25 + 13 exp(-0.026 u)) / qt`: the two branches do not meet, -50 itself belongs to the second.
//! `h_inf = 1 / (1 + exp((u + 54) / 11))`, `tau_h = (360 + (1010 + 24 (u + 55)) exp(-((u + 75) / 48)²)) / qt`.

use super::prelude::*;

/// The channel `K_Pst`.
#[derive(Debug, Clone, Copy)]
pub struct KPst;

impl Channel<2> for KPst {
    const NAME: &'static str = "K_Pst";
    const GATES: [&'static str; 2] = ["m", "h"];
    const ION: Ion = Ion::Potassium;
    const REVERSAL_MV: Option<f64> = Some(-85.0);

    fn new(_: &Environment) -> Self {
        Self
    }

    #[inline(always)]
    fn rates<V: Real>(&self, v: V) -> [GateRate<V>; 2] {
        let u = v + 10.0;
        let below = u.lt(V::splat(-50.0));
        let slope = V::select(below, V::splat(0.026), V::splat(-0.026));
        let factor = V::select(below, V::splat(175.03), V::splat(13.0));
        let m = GateRate {
            inf: (((u + 1.0) * (-1.0 / 12.0)).exp_bounded() + 1.0).recip(),
            rate: V::splat(QT) / (factor * (u * slope).exp_bounded() + 1.25),
        };
        let bell = (-((u + 75.0) * (1.0 / 48.0)).square()).exp_bounded();
        let h = GateRate {
            inf: (((u + 54.0) * (1.0 / 11.0)).exp_bounded() + 1.0).recip(),
            rate: V::splat(QT) / (((u + 55.0) * 24.0 + 1010.0) * bell + 360.0),
        };
        [m, h]
    }

    #[inline(always)]
    fn open<V: Real>(&self, [m, h]: [V; 2]) -> V {
        m.square() * h
    }
}
