//! `K_Tst`: the transient potassium current (Korngreen & Sakmann 2000), `u = v + 10`.
//!
//! `m_inf = 1 / (1 + exp(-u / 19))`, `tau_m = (0.34 + 0.92 exp(-((u + 71) / 59)²)) / qt`;
//! `h_inf = 1 / (1 + exp((u + 66) / 10))`, `tau_h = (8 + 49 exp(-((u + 73) / 23)²)) / qt`.

use super::prelude::*;

/// The channel `K_Tst`.
#[derive(Debug, Clone, Copy)]
pub struct KTst;

/// `exp(-x²)`.
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
        let [m, m_bell, h, h_bell] = V::exps_bounded([
            u * (-1.0 / 19.0),
            -((u + 71.0) * (1.0 / 59.0)).square(),
            (u + 66.0) * 0.1,
            -((u + 73.0) * (1.0 / 23.0)).square(),
        ]);
        let m = GateRate { inf: (m + 1.0).recip(), rate: V::splat(QT) / (m_bell * 0.92 + 0.34) };
        let h = GateRate { inf: (h + 1.0).recip(), rate: V::splat(QT) / (h_bell * 49.0 + 8.0) };
        [m, h]
    }

    #[inline(always)]
    fn open<V: Real>(&self, [m, h]: [V; 2]) -> V {
        m.square().square() * h
    }
}
