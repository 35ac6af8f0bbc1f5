//! The board's step in its plainest form: one neuron after the other, ring buffers as a map.
//!
//! It is the reference of [`Emulator`](super::Emulator) in tests, and the second path by which results are verified. It shares
//! nothing with the fast one but the number formats.

use std::collections::BTreeMap;

use super::fixed;
use super::init::Derived;
use super::quantise::{Quantised, QuantisedCells, RawSynapse};
use super::recording::{PopulationRun, Run};
use crate::deployment::{CellKind, Receptor, Variable};

/// The products of the board, to be replaced by wrong ones in tests that must notice it.
#[derive(Debug, Clone, Copy)]
pub struct Arithmetic {
    /// Product of two s16.15, before it wraps.
    pub mul: fn(i32, i32) -> i64,
    /// Product of an s16.15 and a u0.32.
    pub decay: fn(i32, u32) -> i32,
    /// Current of an inhibitory conductance by conductance, potential, reversal potential.
    pub inhibition: fn(i32, i32, i32) -> i64,
}

impl Arithmetic {
    /// As the binaries compute.
    pub const BOARD: Self =
        Self { mul: fixed::wide_mul, decay: fixed::decay, inhibition: |g, v, e| -fixed::wide_mul(g, v.wrapping_sub(e)) };
}

/// State of one neuron.
#[derive(Debug, Clone, Copy)]
struct Neuron {
    v: i32,
    g: [i32; 2],
    refractory: i32,
}

/// A synapse with the population and receptor that it reaches.
type Target<'a> = (u32, Receptor, &'a RawSynapse);

/// Wraps to 32 bits and says so.
fn wrap(value: i64, wrapped: &mut bool) -> i32 {
    *wrapped |= i32::try_from(value).is_err();
    value as i32
}

/// Runs one sample: input spikes as (population, neuron, step).
pub fn run(network: &Quantised, input: &[(u32, u32, u32)], arithmetic: Arithmetic) -> Run {
    let mut neurons: Vec<Vec<Neuron>> = network
        .populations
        .iter()
        .map(|p| match &p.cells {
            Some(cells) => cells.raw.v_init.iter().map(|&v| Neuron { v, g: [0; 2], refractory: 0 }).collect(),
            None => Vec::new(),
        })
        .collect();
    let mut fan_out: BTreeMap<(u32, u32), Vec<Target>> = BTreeMap::new();
    for projection in &network.projections {
        for synapse in &projection.synapses {
            let row = fan_out.entry((projection.pre, synapse.pre)).or_default();
            row.push((projection.post, projection.receptor, synapse));
        }
    }
    // What arrives: (step, population, neuron, receptor) to the raw sum.
    let mut ring: BTreeMap<(u32, u32, u32, usize), u16> = BTreeMap::new();
    let mut out = Run { populations: vec![PopulationRun::default(); network.populations.len()] };
    for t in 0..network.steps {
        let mut fired = Vec::new();
        for (p, population) in network.populations.iter().enumerate() {
            let result = &mut out.populations[p];
            let Some(cells) = &population.cells else {
                let mut now: Vec<u32> = input.iter().filter(|s| s.0 as usize == p && s.2 == t).map(|s| s.1).collect();
                now.sort_unstable();
                fired.extend(now.into_iter().map(|i| (p as u32, i)));
                continue;
            };
            for i in 0..population.n {
                let slots = [0, 1].map(|receptor| ring.remove(&(t, p as u32, i, receptor)).unwrap_or(0));
                let neuron = &mut neurons[p][i as usize];
                if step(neuron, cells, i as usize, slots, &population.record, arithmetic, result) {
                    fired.push((p as u32, i));
                }
            }
        }
        for &(p, i) in &fired {
            let result = &mut out.populations[p as usize];
            result.spike_count += 1;
            if network.populations[p as usize].record.contains(&Variable::Spikes) {
                result.spikes.push((t, i));
            }
            for &(post, receptor, synapse) in fan_out.get(&(p, i)).into_iter().flatten() {
                let slot = ring.entry((t + u32::from(synapse.delay), post, synapse.post, receptor as usize)).or_default();
                let sum = u32::from(*slot) + u32::from(synapse.weight);
                out.populations[post as usize].saturations += u64::from(sum > 65_535);
                *slot = sum.min(65_535) as u16;
            }
        }
    }
    out
}

/// One step of one neuron; whether it fires.
fn step(
    neuron: &mut Neuron,
    cells: &QuantisedCells,
    i: usize,
    slots: [u16; 2],
    record: &[Variable],
    arithmetic: Arithmetic,
    result: &mut PopulationRun,
) -> bool {
    let derived: &Derived = &cells.derived[i];
    let constants = [derived.exc, derived.inh];
    let mut wrapped = false;
    for receptor in 0..2 {
        let x = i32::from(slots[receptor]).wrapping_shl(u32::from(cells.shift[receptor]));
        let x = if cells.kind.decays() { (arithmetic.decay)(x, constants[receptor].init) } else { x };
        neuron.g[receptor] = wrap(i64::from(neuron.g[receptor]) + i64::from(x), &mut wrapped);
        result.largest.g = result.largest.g.max(neuron.g[receptor].unsigned_abs());
        result.largest_slot[receptor] = result.largest_slot[receptor].max(slots[receptor]);
    }
    let seen = |g: i32| if cells.kind.conducts() { g >> 10 } else { g };
    let rows = [
        (Variable::V, &mut result.v, neuron.v),
        (Variable::GsynExc, &mut result.gsyn_exc, seen(neuron.g[0])),
        (Variable::GsynInh, &mut result.gsyn_inh, seen(neuron.g[1])),
    ];
    for (variable, row, value) in rows {
        if record.contains(&variable) {
            row.push(value);
        }
    }
    let raw = &cells.raw;
    let offset = i64::from(raw.i_offset[i]);
    let current = match cells.kind {
        CellKind::CurrExp => i64::from(neuron.g[0]) - i64::from(neuron.g[1]) + offset,
        CellKind::CurrDelta => {
            (arithmetic.mul)(neuron.g[0], cells.delta_gain) - (arithmetic.mul)(neuron.g[1], cells.delta_gain) + offset
        }
        CellKind::CondExp => {
            let drive = wrap(i64::from(raw.e_rev_e[i]) - i64::from(neuron.v), &mut wrapped);
            wrap(i64::from(neuron.v) - i64::from(raw.e_rev_i[i]), &mut wrapped);
            let excitation = (arithmetic.mul)(neuron.g[0] >> 10, drive);
            excitation + (arithmetic.inhibition)(neuron.g[1] >> 10, neuron.v, raw.e_rev_i[i]) + offset
        }
    };
    let current = wrap(current, &mut wrapped);
    result.largest.i = result.largest.i.max(current.unsigned_abs());
    if neuron.refractory <= 0 {
        let rest = wrap((arithmetic.mul)(current, derived.r_membrane) + i64::from(raw.v_rest[i]), &mut wrapped);
        let apart = wrap(i64::from(rest) - i64::from(neuron.v), &mut wrapped);
        neuron.v = wrap(i64::from(rest) - (arithmetic.mul)(derived.exp_tc, apart), &mut wrapped);
    } else {
        neuron.refractory -= 1;
    }
    result.largest.v = result.largest.v.max(neuron.v.unsigned_abs());
    let fires = neuron.v >= raw.v_thresh[i];
    if fires {
        neuron.v = raw.v_reset[i];
        neuron.refractory = derived.t_refract;
    }
    for (g, constants) in neuron.g.iter_mut().zip(constants) {
        *g = if cells.kind.decays() { (arithmetic.decay)(*g, constants.decay) } else { 0 };
    }
    result.wraps += u64::from(wrapped);
    fires
}
