//! `SK_E2`: the potassium current that calcium opens (Köhler et al. 1996).
//!
//! `z_inf = 1 / (1 + (0.00043 / cai)^4.8)`, `tau = 1 ms`; a concentration below 1e-7 mM is raised by 1e-7.

use super::prelude::*;

/// The channel `SK_E2`.
#[derive(Debug, Clone, Copy)]
pub struct SkE2;

impl Channel<1> for SkE2 {
    const NAME: &'static str = "SK_E2";
    const GATES: [&'static str; 1] = ["z"];
    const ION: Ion = Ion::Potassium;
    const DRIVE: Drive = Drive::Calcium;
    const REVERSAL_MV: Option<f64> = Some(-85.0);

    fn new(_: &Environment) -> Self {
        Self
    }

    #[inline(always)]
    fn rates<V: Real>(&self, cai: V) -> [GateRate<V>; 1] {
        let floor = V::splat(1e-7);
        let cai = V::select(cai.lt(floor), cai + 1e-7, cai);
        let inf = (((cai * (1.0 / 0.000_43)).ln() * -4.8).exp_bounded() + 1.0).recip();
        [GateRate { inf, rate: V::splat(1.0) }]
    }

    #[inline(always)]
    fn open<V: Real>(&self, [z]: [V; 1]) -> V {
        z
    }
}
