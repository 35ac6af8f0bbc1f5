//! `SKv3_1`: the fast non-inactivating potassium current of Kv3.1 (Rettig et al. 1992).
//!
//! `inf = 1 / (1 + exp((v - 18.7) / -9.7))`, `tau = 4 / (1 + exp((v + 46.56) / -44.14))`, not scaled by `qt`.

use super::prelude::*;

/// The channel `SKv3_1`.
#[derive(Debug, Clone, Copy)]
pub struct Skv31;

impl Channel<1> for Skv31 {
    const NAME: &'static str = "SKv3_1";
    const GATES: [&'static str; 1] = ["m"];
    const ION: Ion = Ion::Potassium;
    const REVERSAL_MV: Option<f64> = Some(-85.0);

    fn new(_: &Environment) -> Self {
        Self
    }

    #[inline(always)]
    fn rates<V: Real>(&self, v: V) -> [GateRate<V>; 1] {
        let inf = (((v - 18.7) * (-1.0 / 9.7)).exp_bounded() + 1.0).recip();
        let rate = (((v + 46.56) * (-1.0 / 44.14)).exp_bounded() + 1.0) * 0.25;
        [GateRate { inf, rate }]
    }

    #[inline(always)]
    fn open<V: Real>(&self, [m]: [V; 1]) -> V {
        m
    }
}
