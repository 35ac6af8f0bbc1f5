//! `Nap_Et2`: the persistent sodium current (Magistretti & Alonso 1999).
//!
//! `m_inf = 1 / (1 + exp((v + 52.6) / -4.6))`, its time constant six times that of [`NaTaT`](super::NaTaT)'s m;
//! `h_inf = 1 / (1 + exp((v + 48.8) / 10))`, `1 / tau_h = qt (2.88e-6 L(-(v + 17), 4.63) + 6.94e-6 L(v + 64.4, 2.63))`.

use super::nat::activation_rate;
use super::prelude::*;

/// The channel `Nap_Et2`.
#[derive(Debug, Clone, Copy)]
pub struct NapEt2;

impl Channel<2> for NapEt2 {
    const NAME: &'static str = "Nap_Et2";
    const GATES: [&'static str; 2] = ["m", "h"];
    const ION: Ion = Ion::Sodium;
    const REVERSAL_MV: Option<f64> = Some(50.0);

    fn new(_: &Environment) -> Self {
        Self
    }

    #[inline(always)]
    fn rates<V: Real>(&self, v: V) -> [GateRate<V>; 2] {
        let m = GateRate {
            inf: (((v + 52.6) * (-1.0 / 4.6)).exp_bounded() + 1.0).recip(),
            rate: activation_rate(v + 38.0) * (QT / 6.0),
        };
        let a = (-(v + 17.0)).linoid(4.63) * 2.88e-6;
        let b = (v + 64.4).linoid(2.63) * 6.94e-6;
        let h = GateRate { inf: (((v + 48.8) * 0.1).exp_bounded() + 1.0).recip(), rate: (a + b) * QT };
        [m, h]
    }

    #[inline(always)]
    fn open<V: Real>(&self, [m, h]: [V; 2]) -> V {
        m * m * m * h
    }
}
