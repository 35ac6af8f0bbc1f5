//! Gates of channels with few instances, moved together.
//!
//! A single cell has many channels at one place, its soma. One after the other they leave a vector's numbers unused; so each hands
//! over the steady state and the rate of its gates, the exponentials of all are computed at once, and each takes its shares back.
//! The operations of a gate, and so its bits, are those of a channel on its own.

use pulp::{Arch, Simd, WithSimd};

use super::GateRate;
use crate::biophysical::lanes::places::CHUNK;
use crate::biophysical::lanes::{Lanes, Real};

/// Steady states and shares of gates, in the order in which they were handed over.
#[derive(Debug, Clone, Default)]
pub struct GatesTogether {
    inf: Vec<f64>,
    /// Rates, 1/ms; after [`GatesTogether::shares`] `exp(-dt rate) - 1`. Filled up to whole chunks.
    share: Vec<f64>,
    next: usize,
}

impl GatesTogether {
    /// Room for so many gates.
    pub fn with_gates(count: usize) -> Self {
        Self { inf: vec![0.0; count], share: vec![0.0; count.next_multiple_of(CHUNK)], next: 0 }
    }

    /// Starts again from the first gate.
    pub fn rewind(&mut self) {
        self.next = 0;
    }

    /// The next gate's steady state and rate.
    #[inline(always)]
    pub fn hand_over(&mut self, gate: GateRate<f64>) {
        self.inf[self.next] = gate.inf;
        self.share[self.next] = gate.rate;
        self.next += 1;
    }

    /// Of all gates: the negative share of the way that they go in `dt_ms`.
    pub fn shares(&mut self, arch: Arch, dt_ms: f64) {
        arch.dispatch(Shares { rates: &mut self.share, dt_ms });
    }

    /// The next gate, that was at `x`, moved.
    #[inline(always)]
    pub fn moved(&mut self, x: f64) -> f64 {
        let k = self.next;
        self.next += 1;
        x - self.share[k] * (self.inf[k] - x)
    }
}

struct Shares<'a> {
    rates: &'a mut [f64],
    dt_ms: f64,
}

impl WithSimd for Shares<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for chunk in self.rates.as_chunks_mut::<CHUNK>().0 {
            (Lanes(*chunk) * -self.dt_ms).exp_m1().store(chunk);
        }
    }
}
