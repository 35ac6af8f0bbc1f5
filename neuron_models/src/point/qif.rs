//! A QIF neuron that fires at the intervals of a given LIF neuron.
//!
//! With `a = 4`, `v_sn = 0.5` and `I_c = 1` the resting point lies at 0 and the unstable point at 1, as threshold and rest of the
//! LIF neuron. At a total drive of 2 the LIF neuron (threshold 1, reset 0) fires every tau ln 2; integrating
//! `tau_qif x' = 4 x^2 + 1` from the reset to the peak gives `tau_qif / 2 (atan 2 - atan 2 (reset - v_sn))`.

use serde::{Deserialize, Serialize};

/// Curvature a of the matched neuron.
pub const CURVATURE: f64 = 4.0;
/// Its saddle-node potential.
pub const V_SN: f64 = 0.5;
/// Potential at which it spikes.
pub const V_PEAK: f64 = 1.5;
/// Current needed to fire, added to the LIF neuron's `I_c`.
pub const RHEOBASE: f64 = 1.0;
/// Distance of the reset from the saddle-node (SNIC below, HOM above).
pub const RESET_DISTANCE: f64 = 0.1;

/// How a QIF neuron begins to fire; fixed by where its reset lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QifKind {
    /// Saddle-node on an invariant circle: reset below the saddle-node.
    Snic,
    /// Homoclinic: reset above the saddle-node.
    Hom,
    /// Saddle-node loop: reset at the saddle-node.
    Snl,
    /// First half of the neurons SNIC, second half HOM.
    Mixed,
}

impl QifKind {
    /// The kind of neuron `index` of `count`: itself, but SNIC or HOM for [`Mixed`](Self::Mixed).
    #[must_use]
    pub const fn of_neuron(self, index: usize, count: usize) -> Self {
        match self {
            Self::Mixed if index < count / 2 => Self::Snic,
            Self::Mixed => Self::Hom,
            kind => kind,
        }
    }

    const fn reset(self) -> f64 {
        match self {
            Self::Snic => V_SN - RESET_DISTANCE,
            Self::Hom => V_SN + RESET_DISTANCE,
            Self::Snl | Self::Mixed => V_SN,
        }
    }
}

/// Parameters of one QIF neuron.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QifNeuron {
    /// Time constant, in the unit of the LIF neuron's.
    pub tau_mem: f64,
    /// Bias, subtracted from the synaptic variable.
    pub i_c: f64,
    /// Potential after a spike.
    pub reset: f64,
    /// Potential at which it spikes.
    pub threshold: f64,
}

impl QifNeuron {
    /// The QIF neuron that matches a LIF neuron (threshold 1, reset 0) with this time constant and bias.
    ///
    /// `kind` is that of one neuron (see [`QifKind::of_neuron`]).
    ///
    /// # Example
    /// ```
    /// use kenyon_neurons::point::{QifKind, QifNeuron};
    /// let neuron = QifNeuron::from_lif(20.0, 0.1, QifKind::Snic);
    /// assert!((neuron.tau_mem - 20.0 * 1.0626655).abs() < 1e-5);
    /// ```
    pub fn from_lif(tau_mem: f64, i_c: f64, kind: QifKind) -> Self {
        let reset = kind.reset();
        let factor = 2.0 * std::f64::consts::LN_2 / (2f64.atan() - (2.0 * (reset - V_SN)).atan());
        Self { tau_mem: tau_mem * factor, i_c: RHEOBASE + i_c, reset, threshold: V_PEAK }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::membrane::{Membrane, Qif};

    #[test]
    fn the_interval_at_twice_the_threshold_is_that_of_the_lif_neuron() {
        let tau = 400.0;
        for kind in [QifKind::Snic, QifKind::Hom] {
            let neuron = QifNeuron::from_lif(tau, 0.0, kind);
            let (model, leak) = (Qif { a: CURVATURE, v_sn: V_SN }, 1.0 / neuron.tau_mem);
            let (mut mem, mut spikes) = (neuron.reset, Vec::new());
            for step in 0..3000 {
                if mem > neuron.threshold {
                    spikes.push(step);
                    mem = neuron.reset;
                } else {
                    mem = model.advance(mem, 2.0 - neuron.i_c, leak);
                }
            }
            let ratio = f64::from(spikes[3] - spikes[2]) / (tau * std::f64::consts::LN_2);
            assert!((ratio - 1.0).abs() < 0.02, "{kind:?}: {ratio}");
        }
    }

    #[test]
    fn the_time_constants_are_those_of_the_definition() {
        assert!((QifNeuron::from_lif(1.0, 0.0, QifKind::Snic).tau_mem - 1.062_665_63).abs() < 1e-8);
        assert!((QifNeuron::from_lif(1.0, 0.0, QifKind::Hom).tau_mem - 1.523_813_74).abs() < 1e-8);
    }

    #[test]
    fn without_input_the_neuron_rests_at_zero_below_one() {
        let (model, neuron) = (Qif { a: CURVATURE, v_sn: V_SN }, QifNeuron::from_lif(20.0, 0.0, QifKind::Snl));
        let from = |start: f64| (0..2000).fold(start, |mem, _| model.advance(mem, -neuron.i_c, 1.0 / neuron.tau_mem));
        assert!(from(0.99).abs() < 1e-6);
        assert!(from(1.01) > V_PEAK || !from(1.01).is_finite());
    }

    #[test]
    fn mixed_is_snic_in_the_first_half_and_hom_in_the_second() {
        let kinds: Vec<_> = (0..5).map(|i| QifKind::Mixed.of_neuron(i, 5)).collect();
        assert_eq!(kinds, [QifKind::Snic, QifKind::Snic, QifKind::Hom, QifKind::Hom, QifKind::Hom]);
    }
}
