//! The mapping from a trained network's numbers to those of `IF_curr_exp`.
//!
//! The trained network is `s = [mem > th]`; `syn <- a syn + x W1 + s V`; `mem <- b mem + (1 - b)(syn - I_c)`, with the old `syn`,
//! or `reset` where `s = 1`. `IF_curr_exp` does the same in other words, shifted by one step (see [`Neurons`]):
//!
//! | quantity | value | why |
//! |---|---|---|
//! | `tau_m` | `-dt / ln b` | from the trained decay, not from the time constant it started with |
//! | `cm` | `tau_m` | resistance 1 |
//! | `i_offset` | `-I_c G` | the model subtracts `I_c` |
//! | `v_thresh` | the next f64 above `th G` | the target tests `>=`, the model `>` |
//! | `tau_refrac` | `dt` | the model spends one step at `reset` |
//! | weight | magnitude times `G` of the receiver | the receptor holds the sign |
//! | delay | input 1 step, recurrent 2 steps | a model spike of step t is the target's spike of step t - 1 |
//!
//! `G` is the population's scale (mV per model unit), a power of two. Rounding to fixed point is the back end's matter.

use kenyon_base::{Result, UserError};

use crate::deployment::{CellKind, Neurons, Receptor, Synapse};
use crate::interpreter::Peak;

use crate::spinnaker::fixed;

/// A threshold that an integrator never reaches: the largest s16.15.
const UNREACHABLE: f64 = 2_147_483_647.0 / fixed::ONE;
/// Delay of a synapse from an input.
pub const INPUT_DELAY: u32 = 1;
/// Delay of a synapse from a spiking neuron.
pub const RECURRENT_DELAY: u32 = 2;

/// Point neurons of a trained network, in its own units; one value per neuron.
#[derive(Debug, Clone, Copy)]
pub struct Lif<'a> {
    /// Decay of the synaptic variable per step, `a`, of excitatory and inhibitory synapses.
    pub decay_syn: [&'a [f64]; 2],
    /// Decay of the membrane per step, `b`.
    pub decay_mem: &'a [f64],
    /// Current that is subtracted, `I_c`.
    pub i_c: &'a [f64],
    /// Threshold.
    pub threshold: &'a [f64],
    /// Value after a spike, and at the start.
    pub reset: &'a [f64],
}

/// Cells of spiking neurons.
///
/// With a lead-in of L steps before the first input, the start is taken back in time, `mem = -I_c + (reset + I_c) b^-L`, so that
/// the neuron stands at `reset` when the input begins.
///
/// # Errors
/// Bad data if sizes differ, a decay is not between 0 and 1, or a neuron would cross its threshold during the lead-in.
pub fn spiking(lif: &Lif, dt_ms: f64, v_scale: f64, lead_in_steps: u32) -> Result<Neurons> {
    let n = lif.decay_mem.len();
    for (name, values) in [
        ("decay_syn", lif.decay_syn[0]),
        ("decay_syn", lif.decay_syn[1]),
        ("i_c", lif.i_c),
        ("threshold", lif.threshold),
        ("reset", lif.reset),
    ] {
        if values.len() != n {
            return Err(UserError::bad_data("size-mismatch", format!("`{name}` does not match the neurons"))
                .found(values.len().to_string())
                .expected(n.to_string()));
        }
    }
    let tau_syn = |receptor: Receptor| time_constants(lif.decay_syn[receptor as usize], dt_ms, "decay_syn");
    let tau_mem = time_constants(lif.decay_mem, dt_ms, "decay_mem")?;
    let start = (0..n).map(|i| start(lif, i, lead_in_steps).map(|v| v * v_scale)).collect::<Result<_>>()?;
    let scaled = |values: &[f64], by: f64| values.iter().map(|v| zero(v * by)).collect::<Vec<f64>>();
    Ok(Neurons {
        kind: CellKind::CurrExp,
        cm_nf: tau_mem.clone(),
        tau_m_ms: tau_mem,
        tau_syn_e_ms: tau_syn(Receptor::Excitatory)?,
        tau_syn_i_ms: tau_syn(Receptor::Inhibitory)?,
        i_offset_na: scaled(lif.i_c, -v_scale),
        v_rest_mv: vec![0.0; n],
        v_reset_mv: scaled(lif.reset, v_scale),
        v_thresh_mv: lif.threshold.iter().map(|th| (th * v_scale).next_up()).collect(),
        v_init_mv: start,
        tau_refrac_ms: vec![dt_ms; n],
        ..Neurons::default()
    })
}

/// Cells of `n` integrators: a readout whose potential is the answer.
///
/// # Errors
/// Bad data if a decay is not between 0 and 1.
pub fn integrators(n: usize, decay_syn: f64, decay_mem: f64, dt_ms: f64) -> Result<Neurons> {
    let tau_syn = time_constants(&vec![decay_syn; n], dt_ms, "decay_syn")?;
    let tau_mem = time_constants(&vec![decay_mem; n], dt_ms, "decay_mem")?;
    Ok(Neurons {
        kind: CellKind::CurrExp,
        cm_nf: tau_mem.clone(),
        tau_m_ms: tau_mem,
        tau_syn_e_ms: tau_syn.clone(),
        tau_syn_i_ms: tau_syn,
        i_offset_na: vec![0.0; n],
        v_rest_mv: vec![0.0; n],
        v_reset_mv: vec![0.0; n],
        v_thresh_mv: vec![UNREACHABLE; n],
        v_init_mv: vec![0.0; n],
        tau_refrac_ms: vec![0.0; n],
        ..Neurons::default()
    })
}

/// Largest scale that [`scale`] chooses.
const LARGEST_SCALE: f64 = 1_024.0;
/// Largest magnitude that it allows: a quarter of the range of s16.15.
const LARGEST_VALUE: f64 = 16_384.0;

/// Scale of a population that reached `peak` at scale 1: the largest power of two, from 1 to 1,024, that keeps it below 2^14.
pub fn scale(peak: Peak) -> f64 {
    let most = peak.v.max(peak.g).max(peak.i);
    let mut scale = LARGEST_SCALE;
    while scale > 1.0 && scale * most > LARGEST_VALUE {
        scale /= 2.0;
    }
    scale
}

/// Synapses split by sign.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Split {
    /// Weights above zero.
    pub excitatory: Vec<Synapse>,
    /// Weights below zero, as magnitudes.
    pub inhibitory: Vec<Synapse>,
    /// Weights that are zero, which hardware need not store.
    pub zeros: usize,
}

impl Split {
    /// The two lists with their receptors, empty ones left out.
    pub fn into_receptors(self) -> impl Iterator<Item = (Receptor, Vec<Synapse>)> {
        [(Receptor::Excitatory, self.excitatory), (Receptor::Inhibitory, self.inhibitory)]
            .into_iter()
            .filter(|(_, synapses)| !synapses.is_empty())
    }
}

/// Splits signed weights (sender, receiver, weight, delay in steps) by receptor, scales, sorts, adds up what is equal, and drops zeros.
///
/// # Errors
/// Bad data if a weight is not finite.
pub fn split(weights: impl IntoIterator<Item = (u32, u32, f64, u32)>, v_scale: f64) -> Result<Split> {
    let mut split = Split::default();
    for (pre, post, weight, delay_steps) in weights {
        if !weight.is_finite() {
            return Err(UserError::bad_data("weight-not-finite", format!("bad weight of synapse {pre} -> {post}"))
                .found(weight.to_string())
                .expected("a finite number")
                .mend("give finite weights; from training, take an earlier checkpoint"));
        }
        let synapse = Synapse { pre, post, weight: weight.abs() * v_scale, delay_steps: f64::from(delay_steps) };
        if synapse.weight == 0.0 {
            split.zeros += 1;
        } else if weight > 0.0 {
            split.excitatory.push(synapse);
        } else {
            split.inhibitory.push(synapse);
        }
    }
    for list in [&mut split.excitatory, &mut split.inhibitory] {
        list.sort_by(|a, b| (a.pre, a.post).cmp(&(b.pre, b.post)).then(a.delay_steps.total_cmp(&b.delay_steps)));
        list.dedup_by(|next, kept| {
            let same = (next.pre, next.post, next.delay_steps) == (kept.pre, kept.post, kept.delay_steps);
            if same {
                kept.weight += next.weight;
            }
            same
        });
    }
    Ok(split)
}

/// Time constant of each decay per step: `-dt / ln decay`.
fn time_constants(decays: &[f64], dt_ms: f64, name: &str) -> Result<Vec<f64>> {
    decays
        .iter()
        .enumerate()
        .map(|(i, &decay)| {
            if decay > 0.0 && decay < 1.0 {
                return Ok(-dt_ms / decay.ln());
            }
            Err(UserError::bad_data("bad-decay", format!("bad `{name}` of neuron {i}"))
                .found(decay.to_string())
                .expected("a decay per step between 0 and 1"))
        })
        .collect()
}

/// Value of neuron `i` that many steps before it must stand at `reset`.
fn start(lif: &Lif, i: usize, steps: u32) -> Result<f64> {
    let (b, i_c, reset, threshold) = (lif.decay_mem[i], lif.i_c[i], lif.reset[i], lif.threshold[i]);
    let at = |back: u32| (reset + i_c) * b.powi(-(back as i32)) - i_c;
    if (1..=steps).any(|back| at(back) > threshold) {
        return Err(UserError::bad_data("lead-in-crosses-threshold", format!("neuron {i} would spike during the lead-in"))
            .found(at(steps).to_string())
            .expected(format!("a start of at most its threshold, {threshold}"))
            .mend("export with `--lead-in 0`"));
    }
    Ok(zero(if steps == 0 { reset } else { at(steps) }))
}

/// The same number, with zero for minus zero.
fn zero(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_has_its_numbers() {
        let b = (-2.0f64 / 80.0).exp();
        let a = (-2.0f64 / 40.0).exp();
        let lif = Lif { decay_syn: [&[a], &[a]], decay_mem: &[b], i_c: &[0.4488], threshold: &[1.0], reset: &[0.0] };
        let cells = spiking(&lif, 2.0, 256.0, 0).expect("sound");
        assert!((cells.tau_m_ms[0] - 80.0).abs() < 1e-9 && cells.cm_nf == cells.tau_m_ms);
        assert!((cells.tau_syn_e_ms[0] - 40.0).abs() < 1e-9);
        assert_eq!((cells.i_offset_na[0] * fixed::ONE).round() as i64, -3_764_807);
        // The smallest s16.15 that the threshold does not exceed: 8388608 would be the threshold itself.
        assert_eq!((cells.v_thresh_mv[0] * fixed::ONE).ceil() as i64, 8_388_609);
        assert_eq!((cells.tau_refrac_ms[0], cells.v_init_mv[0]), (2.0, 0.0));
    }

    #[test]
    fn zero_weights_are_dropped_and_counted() {
        let split =
            split([(1, 0, 0.5, 2), (0, 1, -0.25, 2), (0, 0, 0.0, 2), (0, 2, -0.0, 2), (1, 0, 0.25, 2)], 4.0).expect("finite");
        assert_eq!(split.zeros, 2);
        assert_eq!(split.excitatory, [Synapse { pre: 1, post: 0, weight: 3.0, delay_steps: 2.0 }]);
        assert_eq!(split.inhibitory, [Synapse { pre: 0, post: 1, weight: 1.0, delay_steps: 2.0 }]);
    }

    #[test]
    fn numbers_that_no_hardware_can_hold_are_refused() {
        assert_eq!(split([(0, 0, f64::NAN, 1)], 1.0).expect_err("not a number").code(), "weight-not-finite");
        assert_eq!(integrators(1, 1.0, 0.5, 1.0).expect_err("never decays").code(), "bad-decay");
        let lif = Lif { decay_syn: [&[0.5], &[0.5]], decay_mem: &[0.1], i_c: &[0.5], threshold: &[1.0], reset: &[0.0] };
        assert_eq!(spiking(&lif, 1.0, 1.0, 2).expect_err("starts above").code(), "lead-in-crosses-threshold");
    }
}
