//! The step of a block of neurons of one population, all of one kind; one array per variable and constant.
//!
//! Loops without branches over plain arrays: the compiler turns them into vector instructions where there are some.

use super::fixed::{decay, wide_mul};
use super::quantise::QuantisedCells;
use super::recording::Largest;
use crate::deployment::{CellKind, Variable};

/// Constants of a block's neurons.
#[derive(Debug)]
pub(super) struct Constants {
    pub(super) kind: CellKind,
    shift: [u8; 2],
    delta_gain: i32,
    init: [Vec<u32>; 2],
    decay: [Vec<u32>; 2],
    i_offset: Vec<i32>,
    r_membrane: Vec<i32>,
    exp_tc: Vec<i32>,
    v_rest: Vec<i32>,
    v_reset: Vec<i32>,
    v_thresh: Vec<i32>,
    t_refract: Vec<i32>,
    e_rev: [Vec<i32>; 2],
    v_init: Vec<i32>,
}

impl Constants {
    /// Those of the neurons in `range`.
    pub(super) fn new(cells: &QuantisedCells, range: std::ops::Range<usize>) -> Self {
        let derived = &cells.derived[range.clone()];
        let raw = |column: &[i32]| if column.is_empty() { vec![0; range.len()] } else { column[range.clone()].to_vec() };
        Self {
            kind: cells.kind,
            shift: cells.shift,
            delta_gain: cells.delta_gain,
            init: [derived.iter().map(|d| d.exc.init).collect(), derived.iter().map(|d| d.inh.init).collect()],
            decay: [derived.iter().map(|d| d.exc.decay).collect(), derived.iter().map(|d| d.inh.decay).collect()],
            i_offset: raw(&cells.raw.i_offset),
            r_membrane: derived.iter().map(|d| d.r_membrane).collect(),
            exp_tc: derived.iter().map(|d| d.exp_tc).collect(),
            v_rest: raw(&cells.raw.v_rest),
            v_reset: raw(&cells.raw.v_reset),
            v_thresh: raw(&cells.raw.v_thresh),
            t_refract: derived.iter().map(|d| d.t_refract).collect(),
            e_rev: [raw(&cells.raw.e_rev_e), raw(&cells.raw.e_rev_i)],
            v_init: raw(&cells.raw.v_init),
        }
    }
}

/// State of a block's neurons.
#[derive(Debug, Clone)]
pub(super) struct State {
    v: Vec<i32>,
    g: [Vec<i32>; 2],
    refractory: Vec<i32>,
    /// Whether a sum of this step left 32 bits.
    wrapped: Vec<u8>,
    fired: Vec<u8>,
    pub(super) wraps: u64,
    pub(super) largest: Largest,
    pub(super) largest_slot: [u16; 2],
}

impl State {
    pub(super) fn new(n: usize) -> Self {
        Self {
            v: vec![0; n],
            g: [vec![0; n], vec![0; n]],
            refractory: vec![0; n],
            wrapped: vec![0; n],
            fired: vec![0; n],
            wraps: 0,
            largest: Largest::default(),
            largest_slot: [0; 2],
        }
    }

    /// Back to the state before the first step.
    pub(super) fn reset(&mut self, constants: &Constants) {
        self.v.copy_from_slice(&constants.v_init);
        self.g.iter_mut().for_each(|g| g.fill(0));
        self.refractory.fill(0);
        (self.wraps, self.largest, self.largest_slot) = (0, Largest::default(), [0; 2]);
    }

    /// Takes the step's input out of the ring buffers: `slots` of the one receptor, then of the other.
    pub(super) fn input(&mut self, constants: &Constants, slots: &mut [u16]) {
        let n = self.v.len();
        self.wrapped.fill(0);
        let (exc, inh) = slots.split_at_mut(n);
        for (receptor, slots) in [exc, inh].into_iter().enumerate() {
            let (g, init) = (&mut self.g[receptor][..n], &constants.init[receptor][..n]);
            let (wrapped, shift) = (&mut self.wrapped[..n], u32::from(constants.shift[receptor]));
            let largest_slot = slots.iter().copied().fold(0, u16::max);
            // Most steps bring nothing: the variable has decayed already, and only its size is to be noted.
            let mut largest = 0;
            if largest_slot == 0 {
                for g in &*g {
                    largest = largest.max(g.unsigned_abs());
                }
            } else if constants.kind.decays() {
                for i in 0..n {
                    let x = decay(i32::from(slots[i]) << shift, init[i]);
                    let sum = i64::from(g[i]) + i64::from(x);
                    g[i] = sum as i32;
                    wrapped[i] |= u8::from(i64::from(g[i]) != sum);
                    largest = largest.max(g[i].unsigned_abs());
                }
            } else {
                for i in 0..n {
                    let sum = i64::from(g[i]) + (i64::from(slots[i]) << shift);
                    g[i] = sum as i32;
                    wrapped[i] |= u8::from(i64::from(g[i]) != sum);
                    largest = largest.max(g[i].unsigned_abs());
                }
            }
            slots.fill(0);
            self.largest.g = self.largest.g.max(largest);
            self.largest_slot[receptor] = self.largest_slot[receptor].max(largest_slot);
        }
    }

    /// Appends the row of a variable, between input and update.
    pub(super) fn record(&self, constants: &Constants, variable: Variable, row: &mut Vec<i32>) {
        let g = match variable {
            Variable::Spikes => return,
            Variable::V => return row.extend_from_slice(&self.v),
            Variable::GsynExc => &self.g[0],
            Variable::GsynInh => &self.g[1],
        };
        if constants.kind.conducts() {
            row.extend(g.iter().map(|g| g >> 10));
        } else {
            row.extend_from_slice(g);
        }
    }

    /// The update of the step; appends the positions of neurons that fire, counted from `first`.
    pub(super) fn update(&mut self, constants: &Constants, first: u32, fired: &mut Vec<u32>) {
        let any_wrapped = match constants.kind {
            CellKind::CurrExp => self.advance(constants, |_, _, exc, inh| (i64::from(exc) - i64::from(inh), false)),
            CellKind::CurrDelta => {
                let gain = constants.delta_gain;
                self.advance(constants, |_, _, exc, inh| (wide_mul(exc, gain) - wide_mul(inh, gain), false))
            }
            CellKind::CondExp => {
                let (e_exc, e_inh) = (&constants.e_rev[0][..], &constants.e_rev[1][..]);
                self.advance(constants, |i, v, exc, inh| {
                    let (up, down) = (i64::from(e_exc[i]) - i64::from(v), i64::from(v) - i64::from(e_inh[i]));
                    let (drive, pull) = (up as i32, down as i32);
                    let wrapped = i64::from(drive) != up || i64::from(pull) != down;
                    (wide_mul(exc >> 10, drive) - wide_mul(inh >> 10, pull), wrapped)
                })
            }
        };
        if any_wrapped {
            self.wraps += self.wrapped.iter().map(|w| u64::from(*w)).sum::<u64>();
        }
        for (k, eight) in self.fired.chunks(8).enumerate() {
            if eight.iter().fold(0, |any, f| any | f) != 0 {
                let here = first + 8 * k as u32;
                fired.extend((here..).zip(eight).filter(|(_, f)| **f != 0).map(|(i, _)| i));
            }
        }
        for (g, by) in self.g.iter_mut().zip(&constants.decay) {
            if !constants.kind.decays() {
                g.fill(0);
                continue;
            }
            for (g, by) in g.iter_mut().zip(by) {
                *g = decay(*g, *by);
            }
        }
    }

    /// Potential, refractoriness, threshold; `synaptic` gives the current without the constant one by (neuron, V, g, g), and whether
    /// a sum in it wrapped.
    #[inline]
    fn advance(&mut self, c: &Constants, synaptic: impl Fn(usize, i32, i32, i32) -> (i64, bool)) -> bool {
        let n = self.v.len();
        let (v, refractory, fired, wrapped) =
            (&mut self.v[..n], &mut self.refractory[..n], &mut self.fired[..n], &mut self.wrapped[..n]);
        let (exc, inh, i_offset) = (&self.g[0][..n], &self.g[1][..n], &c.i_offset[..n]);
        let (r_membrane, exp_tc, v_rest) = (&c.r_membrane[..n], &c.exp_tc[..n], &c.v_rest[..n]);
        let (v_thresh, v_reset, t_refract) = (&c.v_thresh[..n], &c.v_reset[..n], &c.t_refract[..n]);
        let (mut largest_v, mut largest_i, mut any_wrapped) = (0, 0, 0);
        for i in 0..n {
            let (synaptic, wraps) = synaptic(i, v[i], exc[i], inh[i]);
            let sum = synaptic + i64::from(i_offset[i]);
            let current = sum as i32;
            let active = refractory[i] <= 0;
            let target = wide_mul(current, r_membrane[i]) + i64::from(v_rest[i]);
            let rest = target as i32;
            let apart = i64::from(rest) - i64::from(v[i]);
            let moved = i64::from(rest) - wide_mul(exp_tc[i], apart as i32);
            let left = target != i64::from(rest) || apart != i64::from(apart as i32) || moved != i64::from(moved as i32);
            let sum_left = sum != i64::from(current);
            wrapped[i] |= u8::from(wraps) | u8::from(sum_left) | (u8::from(active) & u8::from(left));
            any_wrapped |= wrapped[i];
            let now = if active { moved as i32 } else { v[i] };
            let fires = now >= v_thresh[i];
            largest_v = now.unsigned_abs().max(largest_v);
            largest_i = current.unsigned_abs().max(largest_i);
            v[i] = if fires { v_reset[i] } else { now };
            refractory[i] = if fires { t_refract[i] } else { refractory[i] - i32::from(!active) };
            fired[i] = u8::from(fires);
        }
        self.largest.v = self.largest.v.max(largest_v);
        self.largest.i = self.largest.i.max(largest_i);
        any_wrapped != 0
    }
}
