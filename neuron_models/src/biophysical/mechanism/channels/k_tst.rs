//! `K_Tst`: the transient potassium current (Korngreen & Sakmann 2000), `u = v + 10`.
//!
//! `m_inf = 1 / (1 + exp(-u / 19))`, `tau_m = (0.34 + 0.92 exp(-((u + 71) / 59)²)) / qt`;
//! `h_inf = 1 / (1 + exp((u + 66) / 10))`, `tau_h = (8 + 49 exp(-((u + 73) / 23)²)) / qt`.

use super::prelude::*;

/// The channel `K_Tst`.
#[derive(Debug, Clone, Copy)]
pub struct KTst;

/// `exp(-x²)`.
#[inline(always)]
fn bell<V: Real>(x: V) -> V {
    (-x.square()).exp_bounded()
}

impl Channel<2> for KTst {
    const NAME: &'static str = "K_Tst";
    const GATES: [&'static str; 2] = ["m", "h"];
    const ION: Ion = Ion::Potassium;
    const REVERSAL_MV: Option<f64> = Some(-85.0);

    fn new(_: &Environment) -> Self {
        Self
    }

    #[inline(always)]
    fn rates<V: Real>(&self, v: V) -> [GateRate<V>; 2] {
        let u = v + 10.0;
        let m = GateRate {
            inf: ((u * (-1.0 / 19.0)).exp_bounded() + 1.0).recip(),
            rate: V::splat(QT) / (bell((u + 71.0) * (1.0 / 59.0)) * 0.92 + 0.34),
        };
        let h = GateRate {
            inf: (((u + 66.0) * 0.1).exp_bounded() + 1.0).recip(),
            rate: V::splat(QT) / (bell((u + 73.0) * (1.0 / 23.0)) * 49.0 + 8.0),
        };
        [m, h]
    }

    #[inline(always)]
    fn open<V: Real>(&self, [m, h]: [V; 2]) -> V {
        m.square().square() * h
    }
}
