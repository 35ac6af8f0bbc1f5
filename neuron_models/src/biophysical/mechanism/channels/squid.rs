//! The squid giant axon (Hodgkin & Huxley 1952) with the resting potential at -65 mV.
//!
//! m: `a = 0.1 L(v + 40, 10)`, `b = 4 exp(-(v + 65) / 18)`; h: `a = 0.07 exp(-(v + 65) / 20)`, `b = 1 / (exp(-(v + 35) / 10) + 1)`;
//! n: `a = 0.01 L(v + 55, 10)`, `b = 0.125 exp(-(v + 65) / 80)`; all scaled by `3^((celsius - 6.3) / 10)`, 1 at the
//! temperature of the experiments (and of Rallpack 3: 120 and 36 mS/cm², sodium at 50 mV, potassium at -77, leak 1/40000 S/cm² at -65).
//!
//! `exp(-v / 10)` of the linoids and of `b` of h is a power of the slowest exponential of the channel: one exponential less or two.

use std::f64::consts::E;

use super::prelude::*;

const E_5_HALVES: f64 = 12.182_493_960_703_473;
const E_3: f64 = 20.085_536_923_187_668;

/// The channel `hh_na`: `m³h`.
#[derive(Debug, Clone, Copy)]
pub struct SquidSodium {
    scale: f64,
}

/// The channel `hh_k`: `n⁴`.
#[derive(Debug, Clone, Copy)]
pub struct SquidPotassium {
    scale: f64,
}

fn scale(celsius: f64) -> f64 {
    Real::powf(3.0_f64, (celsius - 6.3) / 10.0)
}

/// `L(x, 10)`, given `exp(-x / 10)` to some ulp.
#[inline(always)]
fn linoid<V: Real>(x: V, fallen: V) -> V {
    let z = x * 0.1;
    // Near 0 the difference from 1 loses too many digits: there, the series up to z^4.
    let near = z.abs().lt(V::splat(0.01));
    let z2 = z * z;
    let series = (z2 * (-1.0 / 720.0) + 1.0 / 12.0) * z2 + (z * 0.5 + 1.0);
    V::select(near, series * 10.0, -(x / V::select(near, V::splat(1.0), fallen - 1.0)))
}

impl Channel<2> for SquidSodium {
    const NAME: &'static str = "hh_na";
    const GATES: [&'static str; 2] = ["m", "h"];
    const ION: Ion = Ion::Sodium;
    const REVERSAL_MV: Option<f64> = Some(50.0);

    fn new(environment: &Environment) -> Self {
        Self { scale: scale(environment.celsius) }
    }

    #[inline(always)]
    fn rates<V: Real>(&self, v: V) -> [GateRate<V>; 2] {
        let slow = ((v + 65.0) * -0.05).exp_bounded();
        let fallen = slow.square();
        let am = linoid(v + 40.0, fallen * E_5_HALVES) * 0.1;
        let bm = ((v + 65.0) * (-1.0 / 18.0)).exp_bounded() * 4.0;
        let bh = (fallen * E_3 + 1.0).recip();
        [GateRate::of_rates(am, bm, self.scale), GateRate::of_rates(slow * 0.07, bh, self.scale)]
    }

    #[inline(always)]
    fn open<V: Real>(&self, [m, h]: [V; 2]) -> V {
        m * m * m * h
    }
}

impl Channel<1> for SquidPotassium {
    const NAME: &'static str = "hh_k";
    const GATES: [&'static str; 1] = ["n"];
    const ION: Ion = Ion::Potassium;
    const REVERSAL_MV: Option<f64> = Some(-77.0);

    fn new(environment: &Environment) -> Self {
        Self { scale: scale(environment.celsius) }
    }

    #[inline(always)]
    fn rates<V: Real>(&self, v: V) -> [GateRate<V>; 1] {
        let slow = ((v + 65.0) * (-1.0 / 80.0)).exp_bounded();
        let fallen = slow.square().square().square();
        [GateRate::of_rates(linoid(v + 55.0, fallen * E) * 0.01, slow * 0.125, self.scale)]
    }

    #[inline(always)]
    fn open<V: Real>(&self, [n]: [V; 1]) -> V {
        n.square().square()
    }
}
