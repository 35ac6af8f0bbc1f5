//! How the potential of one point neuron advances by one step, and the derivatives of that advance.
//!
//! `leak` is beta = exp(-dt / tau) for the exact models ([`Lif`], [`NonSpiking`]) and dt / tau for the Euler models
//! ([`Lif2`], [`Qif`]). Resting potential 0. Where a neuron spikes, the network puts the reset value in place of the advance.

#![expect(
    clippy::inline_always,
    reason = "kernels are compiled anew inside each instruction set's dispatch, which they reach only by inlining"
)]

use serde::{Deserialize, Serialize};

use super::real::Real;

/// One advance `m = f(mem, drive; leak)` and its derivatives.
pub trait Membrane<F: Real>: Copy + Send + Sync {
    /// Whether it transmits spikes and is reset; otherwise it transmits its potential clamped to 0..1.
    const SPIKING: bool = true;

    /// The potential after one step without a spike.
    fn advance(self, mem: F, drive: F, leak: F) -> F;
    /// Derivative of the advance by the potential.
    fn d_mem(self, mem: F, leak: F) -> F;
    /// Derivative of the advance by the drive.
    fn d_drive(self, leak: F) -> F;
    /// Derivative of the advance by `leak`.
    fn d_leak(self, mem: F, drive: F) -> F;
    /// Derivative of the advance by `leak` times [`leak_norm`](Self::leak_norm), from the potentials before and after.
    ///
    /// Serves where the drive was not stored.
    fn d_leak_between(self, mem: F, advanced: F) -> F;
    /// What [`d_leak_between`](Self::d_leak_between) is to be divided by.
    fn leak_norm(self, leak: F) -> F;
}

/// Leaky integrate-and-fire, exact exponential: `m = beta mem + (1 - beta) drive`.
#[derive(Debug, Clone, Copy)]
pub struct Lif;

/// Leaky integrate-and-fire, forward Euler: `m = mem + dt / tau (drive - mem)`.
#[derive(Debug, Clone, Copy)]
pub struct Lif2;

/// The membrane of [`Lif`] without spike and reset; transmits its potential clamped to 0..1.
#[derive(Debug, Clone, Copy)]
pub struct NonSpiking;

/// Quadratic integrate-and-fire, forward Euler: `m = mem + dt / tau (a (mem - v_sn)^2 + drive)`.
#[derive(Debug, Clone, Copy)]
pub struct Qif<F> {
    /// Curvature a.
    pub a: F,
    /// Potential of the saddle-node, the bottom of the parabola.
    pub v_sn: F,
}

macro_rules! exact {
    ($model:ty, $spiking:literal) => {
        impl<F: Real> Membrane<F> for $model {
            const SPIKING: bool = $spiking;

            #[inline(always)]
            fn advance(self, mem: F, drive: F, leak: F) -> F {
                leak * mem + (F::ONE - leak) * drive
            }

            #[inline(always)]
            fn d_mem(self, _: F, leak: F) -> F {
                leak
            }

            #[inline(always)]
            fn d_drive(self, leak: F) -> F {
                F::ONE - leak
            }

            #[inline(always)]
            fn d_leak(self, mem: F, drive: F) -> F {
                mem - drive
            }

            #[inline(always)]
            fn d_leak_between(self, mem: F, advanced: F) -> F {
                mem - advanced
            }

            #[inline(always)]
            fn leak_norm(self, leak: F) -> F {
                F::ONE - leak
            }
        }
    };
}

exact!(Lif, true);
exact!(NonSpiking, false);

impl<F: Real> Membrane<F> for Lif2 {
    #[inline(always)]
    fn advance(self, mem: F, drive: F, leak: F) -> F {
        mem + leak * (drive - mem)
    }

    #[inline(always)]
    fn d_mem(self, _: F, leak: F) -> F {
        F::ONE - leak
    }

    #[inline(always)]
    fn d_drive(self, leak: F) -> F {
        leak
    }

    #[inline(always)]
    fn d_leak(self, mem: F, drive: F) -> F {
        drive - mem
    }

    #[inline(always)]
    fn d_leak_between(self, mem: F, advanced: F) -> F {
        advanced - mem
    }

    #[inline(always)]
    fn leak_norm(self, leak: F) -> F {
        leak
    }
}

impl<F: Real> Membrane<F> for Qif<F> {
    #[inline(always)]
    fn advance(self, mem: F, drive: F, leak: F) -> F {
        let above = mem - self.v_sn;
        mem + leak * (self.a * above * above + drive)
    }

    #[inline(always)]
    fn d_mem(self, mem: F, leak: F) -> F {
        let slope = self.a * (mem - self.v_sn);
        F::ONE + leak * (slope + slope)
    }

    #[inline(always)]
    fn d_drive(self, leak: F) -> F {
        leak
    }

    #[inline(always)]
    fn d_leak(self, mem: F, drive: F) -> F {
        let above = mem - self.v_sn;
        self.a * above * above + drive
    }

    #[inline(always)]
    fn d_leak_between(self, mem: F, advanced: F) -> F {
        advanced - mem
    }

    #[inline(always)]
    fn leak_norm(self, leak: F) -> F {
        leak
    }
}

/// The point-neuron model of a network.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PointModel {
    /// [`Lif`].
    #[default]
    Lif,
    /// [`Lif2`].
    Lif2,
    /// [`Qif`].
    Qif {
        /// Curvature a.
        a: f64,
        /// Potential of the saddle-node.
        v_sn: f64,
    },
    /// [`NonSpiking`].
    NonSpiking,
}

impl PointModel {
    /// The QIF membrane that [`qif`](super::qif) matches to LIF neurons.
    pub const fn qif() -> Self {
        Self::Qif { a: super::qif::CURVATURE, v_sn: super::qif::V_SN }
    }

    /// Whether the model's `leak` is exp(-dt / tau) (LIF, non-spiking); otherwise it is dt / tau.
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::Lif | Self::NonSpiking)
    }

    /// Whether it transmits spikes and is reset.
    pub const fn is_spiking(self) -> bool {
        !matches!(self, Self::NonSpiking)
    }

    /// `leak` of a neuron with this membrane time constant.
    ///
    /// # Units
    /// Both in the same unit of time.
    pub fn leak(self, dt: f64, tau_mem: f64) -> f64 {
        if self.is_exact() { (-dt / tau_mem).exp() } else { dt / tau_mem }
    }

    /// Derivative of [`leak`](Self::leak) by `tau_mem`.
    pub fn leak_by_tau(self, dt: f64, tau_mem: f64) -> f64 {
        let x = dt / tau_mem;
        if self.is_exact() { (-x).exp() * x / tau_mem } else { -x / tau_mem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derivatives_hold<M: Membrane<f64>>(model: M) {
        let (mem, drive, leak, h) = (0.37, 1.3, 0.83, 1e-6);
        let central = |f: &dyn Fn(f64) -> f64| (f(h) - f(-h)) / (2.0 * h);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-8, "{a} against {b}");
        close(model.d_mem(mem, leak), central(&|e| model.advance(mem + e, drive, leak)));
        close(model.d_drive(leak), central(&|e| model.advance(mem, drive + e, leak)));
        let by_leak = central(&|e| model.advance(mem, drive, leak + e));
        close(model.d_leak(mem, drive), by_leak);
        close(model.d_leak_between(mem, model.advance(mem, drive, leak)) / model.leak_norm(leak), by_leak);
    }

    #[test]
    fn each_derivative_equals_the_central_difference() {
        derivatives_hold(Lif);
        derivatives_hold(Lif2);
        derivatives_hold(NonSpiking);
        derivatives_hold(Qif { a: 4.0, v_sn: 0.5 });
    }

    #[test]
    fn the_derivative_of_leak_by_tau_equals_the_central_difference() {
        for model in [PointModel::Lif, PointModel::Lif2] {
            let h = 1e-5;
            let central = (model.leak(1.0, 20.0 + h) - model.leak(1.0, 20.0 - h)) / (2.0 * h);
            assert!((model.leak_by_tau(1.0, 20.0) - central).abs() < 1e-10, "{model:?}");
        }
    }

    #[test]
    fn a_lif_neuron_under_constant_drive_follows_the_exact_solution() {
        let (dt, tau, drive): (f64, f64, f64) = (0.5, 20.0, 0.9);
        let mut mem = 0.0;
        for _ in 0..100 {
            mem = Lif.advance(mem, drive, PointModel::Lif.leak(dt, tau));
        }
        assert!((mem - drive * (1.0 - (-100.0 * dt / tau).exp())).abs() < 1e-12);
    }
}
