//! How the potential of one point neuron advances by one step, and the derivatives of that advance.
//!
//! `rise` is the share of the way to its drive that a potential goes in one step: 1 - exp(-dt / tau) for the exact models and
//! dt / tau for the Euler models, so that [`Lif`] serves both. It stands in the place of beta = exp(-dt / tau), as beta is close
//! to 1: in single precision 1 - beta would be known to one part in 10^6 only. Resting potential 0. Where a neuron spikes, the
//! network puts the reset value in place of the advance.

#![expect(
    clippy::inline_always,
    reason = "kernels are compiled anew inside each instruction set's dispatch, which they reach only by inlining"
)]

use serde::{Deserialize, Serialize};

use super::real::Real;

/// One advance `m = f(mem, drive; rise)` and its derivatives.
pub trait Membrane<F: Real>: Copy + Send + Sync {
    /// Whether it transmits spikes and is reset; otherwise it transmits its potential clamped to 0..1.
    const SPIKING: bool = true;

    /// The potential after one step without a spike.
    fn advance(self, mem: F, drive: F, rise: F) -> F;
    /// Gradient by the potential, from that by the advance; 1 - rise is never formed, which would be rounded.
    fn by_mem(self, by_advance: F, mem: F, rise: F) -> F;
    /// Derivative of the advance by the drive.
    fn d_drive(self, rise: F) -> F;
    /// Derivative of the advance by `rise`.
    fn d_rise(self, mem: F, drive: F) -> F;
    /// Derivative of the advance by `rise` times `rise`, from the potentials before and after.
    ///
    /// Serves where the drive was not stored.
    #[inline(always)]
    fn d_rise_between(self, mem: F, advanced: F) -> F {
        advanced - mem
    }
}

/// Leaky integrate-and-fire: `m = mem + rise (drive - mem)`, exact exponential or forward Euler by the value of `rise`.
#[derive(Debug, Clone, Copy)]
pub struct Lif;

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

macro_rules! leaky {
    ($model:ty, $spiking:literal) => {
        impl<F: Real> Membrane<F> for $model {
            const SPIKING: bool = $spiking;

            #[inline(always)]
            fn advance(self, mem: F, drive: F, rise: F) -> F {
                mem + rise * (drive - mem)
            }

            #[inline(always)]
            fn by_mem(self, by_advance: F, _: F, rise: F) -> F {
                by_advance - rise * by_advance
            }

            #[inline(always)]
            fn d_drive(self, rise: F) -> F {
                rise
            }

            #[inline(always)]
            fn d_rise(self, mem: F, drive: F) -> F {
                drive - mem
            }
        }
    };
}

leaky!(Lif, true);
leaky!(NonSpiking, false);

impl<F: Real> Membrane<F> for Qif<F> {
    #[inline(always)]
    fn advance(self, mem: F, drive: F, rise: F) -> F {
        let above = mem - self.v_sn;
        mem + rise * (self.a * above * above + drive)
    }

    #[inline(always)]
    fn by_mem(self, by_advance: F, mem: F, rise: F) -> F {
        let slope = self.a * (mem - self.v_sn);
        by_advance + rise * (slope + slope) * by_advance
    }

    #[inline(always)]
    fn d_drive(self, rise: F) -> F {
        rise
    }

    #[inline(always)]
    fn d_rise(self, mem: F, drive: F) -> F {
        let above = mem - self.v_sn;
        self.a * above * above + drive
    }
}

/// The point-neuron model of a network.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PointModel {
    /// [`Lif`], exact exponential.
    #[default]
    Lif,
    /// [`Lif`], forward Euler.
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

    /// Parameter `leak` of a neuron with this membrane time constant: exp(-dt / tau), or dt / tau of the Euler models.
    ///
    /// # Units
    /// Both in the same unit of time.
    pub fn leak(self, dt: f64, tau_mem: f64) -> f64 {
        if self.is_exact() { (-dt / tau_mem).exp() } else { dt / tau_mem }
    }

    /// Share of the way to its drive that the potential goes in one step, exact to the last digits.
    ///
    /// # Units
    /// Both in the same unit of time.
    pub fn rise(self, dt: f64, tau_mem: f64) -> f64 {
        if self.is_exact() { -(-dt / tau_mem).exp_m1() } else { dt / tau_mem }
    }

    /// Derivative of [`rise`](Self::rise) by `tau_mem`.
    pub fn rise_by_tau(self, dt: f64, tau_mem: f64) -> f64 {
        let x = dt / tau_mem;
        if self.is_exact() { -(-x).exp() * x / tau_mem } else { -x / tau_mem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derivatives_hold<M: Membrane<f64>>(model: M) {
        let (mem, drive, rise, h) = (0.37, 1.3, 0.17, 1e-6);
        let central = |f: &dyn Fn(f64) -> f64| (f(h) - f(-h)) / (2.0 * h);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-8, "{a} against {b}");
        close(model.by_mem(1.0, mem, rise), central(&|e| model.advance(mem + e, drive, rise)));
        close(model.d_drive(rise), central(&|e| model.advance(mem, drive + e, rise)));
        let by_rise = central(&|e| model.advance(mem, drive, rise + e));
        close(model.d_rise(mem, drive), by_rise);
        close(model.d_rise_between(mem, model.advance(mem, drive, rise)) / rise, by_rise);
    }

    #[test]
    fn each_derivative_equals_the_central_difference() {
        derivatives_hold(Lif);
        derivatives_hold(NonSpiking);
        derivatives_hold(Qif { a: 4.0, v_sn: 0.5 });
    }

    #[test]
    fn the_derivative_of_rise_by_tau_equals_the_central_difference() {
        for model in [PointModel::Lif, PointModel::Lif2] {
            let h = 1e-5;
            let central = (model.rise(1.0, 20.0 + h) - model.rise(1.0, 20.0 - h)) / (2.0 * h);
            assert!((model.rise_by_tau(1.0, 20.0) - central).abs() < 1e-10, "{model:?}");
        }
    }

    #[test]
    fn rise_and_leak_of_a_model_say_the_same() {
        assert!((PointModel::Lif.rise(1.0, 20.0) + PointModel::Lif.leak(1.0, 20.0) - 1.0).abs() < 1e-15);
        assert!((PointModel::Lif2.rise(1.0, 20.0) - PointModel::Lif2.leak(1.0, 20.0)).abs() < 1e-15);
    }

    #[test]
    fn a_lif_neuron_under_constant_drive_follows_the_exact_solution() {
        let (dt, tau, drive): (f64, f64, f64) = (0.5, 20.0, 0.9);
        let mut mem = 0.0;
        for _ in 0..100 {
            mem = Lif.advance(mem, drive, PointModel::Lif.rise(dt, tau));
        }
        assert!((mem - drive * (1.0 - (-100.0 * dt / tau).exp())).abs() < 1e-12);
    }
}
