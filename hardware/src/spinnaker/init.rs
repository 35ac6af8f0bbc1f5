//! Initialisation: what a core computes from the parameters of its neurons before the first step.

use super::exp::{exp_s1615, exp_u032};
use crate::deployment::CellKind;

/// Parameters of a population's neurons as raw s16.15, one value per neuron; columns that the kind lacks are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawCells {
    /// Membrane time constant in ms.
    pub tau_m: Vec<i32>,
    /// Capacitance in nF.
    pub cm: Vec<i32>,
    /// Constant current in nA.
    pub i_offset: Vec<i32>,
    /// Resting potential in mV.
    pub v_rest: Vec<i32>,
    /// Potential after a spike.
    pub v_reset: Vec<i32>,
    /// Threshold.
    pub v_thresh: Vec<i32>,
    /// Refractory time in ms.
    pub tau_refrac: Vec<i32>,
    /// Potential at the start.
    pub v_init: Vec<i32>,
    /// Decay of excitatory input in ms.
    pub tau_syn_e: Vec<i32>,
    /// Decay of inhibitory input in ms.
    pub tau_syn_i: Vec<i32>,
    /// Reversal potential of excitation in mV.
    pub e_rev_e: Vec<i32>,
    /// Reversal potential of inhibition in mV.
    pub e_rev_i: Vec<i32>,
}

/// Decay of a synaptic variable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SynapseConstants {
    /// Decay per step, u0.32.
    pub decay: u32,
    /// Factor of every input, u0.32: the mean of the decay over the step in which it arrives.
    pub init: u32,
}

/// What a core derives for one neuron.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Derived {
    /// Membrane resistance `tau_m / cm`, s16.15.
    pub r_membrane: i32,
    /// Decay of the membrane per step, s16.15.
    pub exp_tc: i32,
    /// Refractory steps.
    pub t_refract: i32,
    /// Excitatory synapse; zero for `IF_curr_delta`, as the next.
    pub exc: SynapseConstants,
    /// Inhibitory synapse.
    pub inh: SynapseConstants,
}

/// `tau_m / cm` before it is known to fit into s16.15.
pub fn resistance(tau_m: i32, cm: i32) -> i64 {
    (i64::from(tau_m) << 15) / i64::from(cm)
}

/// Decay of the membrane per step, s16.15, by the raw time step `ts`.
pub fn membrane_decay(ts: i32, tau_m: i32) -> i32 {
    exp_s1615(-((i64::from(ts) << 15) / i64::from(tau_m)))
}

/// Whole steps of a refractory time, the last one begun.
pub fn refractory_steps(ts: i32, tau_refrac: i32) -> i32 {
    let quotient = (i64::from(tau_refrac) << 15) / i64::from(ts);
    ((quotient >> 15) + i64::from(quotient & 0x7fff != 0)) as i32
}

/// Constants of a synapse.
pub fn synapse(ts: i32, tau_syn: i32) -> SynapseConstants {
    let (ts, tau_syn) = (i64::from(ts), i64::from(tau_syn));
    let decay = exp_u032(-((ts << 15) / tau_syn));
    // One less than 1.0 in u0.32: so the binaries have it.
    let lost = u64::from(u32::MAX - decay);
    let steps = ((tau_syn << 15) / ts) as u64;
    SynapseConstants { decay, init: (steps.wrapping_mul(lost) >> 15) as u32 }
}

/// Factor from a delta input's weight to its current, s16.15: one over the time step.
pub fn delta_gain(ts: i32) -> i32 {
    (1 << 30) / ts
}

impl RawCells {
    /// Number of neurons.
    pub fn len(&self) -> usize {
        self.tau_m.len()
    }

    /// Whether there is no neuron.
    pub fn is_empty(&self) -> bool {
        self.tau_m.is_empty()
    }

    /// What a core derives for neuron `i`; time constants, capacitance and `ts` are above zero.
    pub fn derive(&self, kind: CellKind, ts: i32, i: usize) -> Derived {
        let decaying = |tau: &[i32]| if kind.decays() { synapse(ts, tau[i]) } else { SynapseConstants::default() };
        Derived {
            r_membrane: resistance(self.tau_m[i], self.cm[i]) as i32,
            exp_tc: membrane_decay(ts, self.tau_m[i]),
            t_refract: refractory_steps(ts, self.tau_refrac[i]),
            exc: decaying(&self.tau_syn_e),
            inh: decaying(&self.tau_syn_i),
        }
    }

    /// The columns under PyNN's names; `v` is the initial potential. Columns that the kind lacks are left out.
    pub fn columns(&self) -> Vec<(&'static str, &Vec<i32>)> {
        let all = [
            ("tau_m", &self.tau_m),
            ("cm", &self.cm),
            ("i_offset", &self.i_offset),
            ("v_rest", &self.v_rest),
            ("v_reset", &self.v_reset),
            ("v_thresh", &self.v_thresh),
            ("tau_refrac", &self.tau_refrac),
            ("v", &self.v_init),
            ("tau_syn_E", &self.tau_syn_e),
            ("tau_syn_I", &self.tau_syn_i),
            ("e_rev_E", &self.e_rev_e),
            ("e_rev_I", &self.e_rev_i),
        ];
        all.into_iter().filter(|(_, column)| column.len() == self.len()).collect()
    }

    /// The column of a name of PyNN, to fill.
    pub(super) fn column_mut(&mut self, name: &str) -> &mut Vec<i32> {
        match name {
            "tau_m" => &mut self.tau_m,
            "cm" => &mut self.cm,
            "i_offset" => &mut self.i_offset,
            "v_rest" => &mut self.v_rest,
            "v_reset" => &mut self.v_reset,
            "v_thresh" => &mut self.v_thresh,
            "tau_refrac" => &mut self.tau_refrac,
            "v" => &mut self.v_init,
            "tau_syn_E" => &mut self.tau_syn_e,
            "tau_syn_I" => &mut self.tau_syn_i,
            "e_rev_E" => &mut self.e_rev_e,
            "e_rev_I" => &mut self.e_rev_i,
            _ => unreachable!("`Neurons` has no column `{name}`"),
        }
    }
}

/// The raw `tau_m` near `tau_m` whose decay is nearest to the ideal one, `round(2^15 e^(-dt/tau_m))`.
///
/// The decay has 15 bits: near 1, a raw time constant rounded to the nearest misses the ideal decay by up to one unit, about 0.1 %
/// of the time constant. `ts` and `tau_m` are raw; `ideal` is the time constant in steps.
pub fn nudged(ts: i32, tau_m: i32, ideal: f64) -> i32 {
    let wanted = ((-1.0 / ideal).exp() * 32_768.0).round() as i32;
    let product = i64::from(ts) << 15;
    let middle = product / i64::from(tau_m);
    // All time constants of one quotient have one decay; of each quotient, the nearest time constant.
    let nearby = (middle - 64).max(0)..=middle + 64;
    let candidates = nearby.filter_map(|quotient| {
        let low = (product / (quotient + 1) + 1).max(1);
        let high = if quotient == 0 { i64::from(i32::MAX) } else { product / quotient };
        (low <= high && low <= i64::from(i32::MAX)).then(|| i64::from(tau_m).clamp(low, high.min(i64::from(i32::MAX))) as i32)
    });
    let distance = |candidate: i32| ((membrane_decay(ts, candidate) - wanted).abs(), (candidate - tau_m).unsigned_abs());
    candidates.chain([tau_m]).min_by_key(|&c| distance(c)).expect("the time constant itself is one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_has_its_constants() {
        let (ts, tau) = (65_536, 2_621_440);
        assert_eq!((resistance(tau, tau), membrane_decay(ts, tau)), (32_768, 31_959));
        assert_eq!(synapse(ts, 1_310_720), SynapseConstants { decay: 4_085_544_196, init: 4_188_461_980 });
        assert_eq!(nudged(ts, tau, 40.0), tau, "the decay is the wanted one already");
    }

    #[test]
    fn a_refractory_time_is_rounded_up_to_whole_steps() {
        let ms = |x: f64| super::super::fixed::raw(x).expect("in range");
        let steps = |dt, t| refractory_steps(ms(dt), ms(t));
        assert_eq!((steps(1.0, 0.0), steps(1.0, 1.0), steps(1.0, 1.3), steps(2.0, 2.0), steps(0.1, 1.3)), (0, 1, 2, 1, 13));
    }

    #[test]
    fn a_nudged_time_constant_has_the_decay_that_was_wanted() {
        for (dt, step) in [(2.0f64, 0.37f64), (1.0, 1.73), (0.1, 0.093)] {
            let ts = super::super::fixed::raw(dt).expect("in range");
            for k in 0..200 {
                let tau = dt * (3.0 + step * f64::from(k));
                let raw = super::super::fixed::raw(tau).expect("in range");
                // The true step is the raw one: 0.1 ms is 3277/32768.
                let ideal = tau / dt;
                let nudged = nudged(ts, raw, ideal);
                let wanted = ((-1.0 / ideal).exp() * 32_768.0).round() as i32;
                assert_eq!(membrane_decay(ts, nudged), wanted, "tau {tau} at {dt} ms");
                assert!(
                    (f64::from(nudged) / f64::from(raw) - 1.0).abs() < 4e-3,
                    "tau {tau} at {dt} ms moves to {nudged} from {raw}"
                );
            }
        }
    }
}
