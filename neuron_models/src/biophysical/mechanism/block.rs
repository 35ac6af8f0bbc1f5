//! All instances of one channel: their states and what they do in a step.
//!
//! Kernels fill arrays in plain loops: `array::from_fn` and `map` are not inlined for certain, and what they call would then be compiled
//! for the oldest processor.

#![allow(clippy::needless_range_loop, reason = "one index into several arrays of gates")]

use std::array::from_fn;

use kenyon_base::UserError;
use pulp::{Arch, Simd, WithSimd};

use super::registry::ChannelInfo;
use super::table::{Grid, RateTable, TableError};
use super::together::GatesTogether;
use super::{Calcium, Channel, Drive, Environment, Ion};
use crate::biophysical::lanes::Real;
use crate::biophysical::lanes::places::{Kernel, Places, Walk};

/// One place with a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Instance {
    /// The node it lies on.
    pub node: u32,
    /// Area of the node's membrane, µm².
    pub area_um2: f64,
    /// Conductance with all channels open, S/cm².
    pub gbar_s_cm2: f64,
    /// Reversal potential, mV; calcium channels take the node's instead.
    pub reversal_mv: f64,
}

/// What a channel passes at one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Density {
    /// Conductance, S/cm².
    pub g_s_cm2: f64,
    /// Current, mA/cm², positive outward.
    pub i_ma_cm2: f64,
}

/// A mechanism of a cell, or of a batch of equal cells, as the solver sees it.
///
/// Quantities of nodes are slices with `index = node * lanes + lane`, states with `index = instance * lanes + lane`.
pub trait Mechanism: Send + Sync {
    /// Which channel it is.
    fn info(&self) -> &'static ChannelInfo;

    /// The node of each instance.
    fn nodes(&self) -> &[u32];

    /// Sets all gates to their steady state.
    fn init(&mut self, v: &[f64], calcium: &Calcium);

    /// Takes the current (nA) from `rhs`, adds its slope (µS) to `diag`, and counts calcium in `calcium.ica`.
    fn add_currents(&self, v: &[f64], calcium: &mut Calcium, rhs: &mut [f64], diag: &mut [f64]);

    /// Conductance (µS) and reversal potential (mV) at each node, if they never change.
    fn constant(&self) -> Option<Vec<(u32, f64, f64)>>;

    /// Moves all gates by `dt_ms` with the drive held: `x += (1 - exp(-dt / tau)) (inf - x)`.
    fn advance(&mut self, v: &[f64], calcium: &Calcium, dt_ms: f64);

    /// [`Mechanism::advance`] and then [`Mechanism::add_currents`], in one go.
    ///
    /// # Panics
    /// For calcium channels: their reversal potential changes in between.
    fn advance_and_add(&mut self, v: &[f64], calcium: &Calcium, dt_ms: f64, rhs: &mut [f64], diag: &mut [f64]);

    /// How many gates [`Mechanism::hand_over`] hands over; none if they had better be moved by [`Mechanism::advance`].
    fn gates_together(&self) -> usize;

    /// Hands over all gates, in the first part of [`Mechanism::advance`].
    fn hand_over(&self, v: &[f64], gates: &mut GatesTogether);

    /// Takes them back, and if `sums` are given (right side and diagonal) does [`Mechanism::add_currents`].
    fn take_back(&mut self, gates: &mut GatesTogether, v: &[f64], sums: Option<(&mut [f64], &mut [f64])>);

    /// The states of gate `gate`, in the order of [`ChannelInfo::gates`].
    fn gate(&self, gate: usize) -> &[f64];

    /// The same to be written: to restore a state.
    fn gate_mut(&mut self, gate: usize) -> &mut [f64];

    /// Conductance and current of one instance, with the present gates.
    fn density(&self, instance: usize, lane: usize, v: &[f64], calcium: &Calcium) -> Density;

    /// From now on gates at voltages on `grid` are interpolated for steps of `dt_ms`; the worst errors, one per gate.
    ///
    /// Channels without gates that follow the voltage stay exact and have no errors.
    ///
    /// # Errors
    /// If the grid is empty, upside down, or finer than a table can be.
    fn use_table(&mut self, grid: Grid, dt_ms: f64) -> Result<Vec<TableError>, UserError>;

    /// Runs on another instruction set from now on: same bits, other speed.
    fn run_on(&mut self, arch: Arch);
}

/// All instances of the channel `C` with `G` gates.
#[derive(Debug, Clone)]
pub struct ChannelBlock<C, const G: usize> {
    info: &'static ChannelInfo,
    channel: C,
    places: Places,
    arch: Arch,
    /// `gbar A` in µS.
    g_us: Vec<f64>,
    gbar_s_cm2: Vec<f64>,
    reversal_mv: Vec<f64>,
    gates: [Vec<f64>; G],
    table: Option<RateTable<G>>,
}

impl<const G: usize, C: Channel<G>> ChannelBlock<C, G> {
    /// Instances in `lanes` cells; gates are 0 until [`Mechanism::init`].
    ///
    /// # Panics
    /// If `lanes` is neither 1 nor a multiple of [`CHUNK`](crate::biophysical::lanes::places::CHUNK).
    pub fn new(info: &'static ChannelInfo, environment: &Environment, instances: &[Instance], lanes: usize) -> Self {
        let places = Places::new(instances.iter().map(|i| i.node), lanes);
        Self {
            info,
            channel: C::new(environment),
            arch: Arch::new(),
            g_us: places.parameter(instances.iter().map(|i| i.gbar_s_cm2 * i.area_um2 * 1e-2)),
            gbar_s_cm2: places.parameter(instances.iter().map(|i| i.gbar_s_cm2)),
            reversal_mv: places.parameter(instances.iter().map(|i| i.reversal_mv)),
            gates: from_fn(|_| vec![0.0; places.state_len()]),
            places,
            table: None,
        }
    }
}

impl<const G: usize, C: Channel<G>> ChannelBlock<C, G> {
    /// Moves the gates, and adds the currents of the moved ones to `sums` (right side and diagonal).
    fn step(&mut self, v: &[f64], calcium: &Calcium, dt_ms: f64, sums: Option<(&mut [f64], &mut [f64])>) {
        let drive = if C::DRIVE == Drive::Calcium { &calcium.cai } else { v };
        let Self { places, channel, gates, arch, table, g_us, reversal_mv, .. } = self;
        let currents = sums.map(|(rhs, diag)| Passed { g_us, reversal_mv, v, rhs, diag });
        match table {
            Some(table) if table.is_for(dt_ms) => {
                places.run(*arch, Interpolate { channel, table, drive, gates, dt_ms, currents });
            }
            _ => places.run(*arch, Advance { channel, drive, gates, dt_ms, currents }),
        }
    }
}

impl<const G: usize, C: Channel<G>> Mechanism for ChannelBlock<C, G> {
    fn info(&self) -> &'static ChannelInfo {
        self.info
    }

    fn nodes(&self) -> &[u32] {
        self.places.nodes()
    }

    fn init(&mut self, v: &[f64], calcium: &Calcium) {
        let drive = if C::DRIVE == Drive::Calcium { &calcium.cai } else { v };
        let Self { places, channel, gates, arch, .. } = self;
        places.run(*arch, Settle { channel, drive, gates });
    }

    fn add_currents(&self, v: &[f64], calcium: &mut Calcium, rhs: &mut [f64], diag: &mut [f64]) {
        self.places.run(self.arch, Currents { block: self, v, calcium, rhs, diag });
    }

    fn constant(&self) -> Option<Vec<(u32, f64, f64)>> {
        if G > 0 || C::ION == Ion::Calcium {
            return None;
        }
        let open = self.channel.open::<f64>(from_fn(|_| 0.0));
        let at = |(i, &node): (usize, &u32)| (node, self.g_us[i] * open, self.reversal_mv[i]);
        Some(self.places.nodes().iter().enumerate().map(at).collect())
    }

    fn advance(&mut self, v: &[f64], calcium: &Calcium, dt_ms: f64) {
        self.step(v, calcium, dt_ms, None);
    }

    fn advance_and_add(&mut self, v: &[f64], calcium: &Calcium, dt_ms: f64, rhs: &mut [f64], diag: &mut [f64]) {
        assert!(C::ION != Ion::Calcium, "calcium's reversal potential follows the pool");
        self.step(v, calcium, dt_ms, Some((rhs, diag)));
    }

    fn gates_together(&self) -> usize {
        let alone = self.table.is_some() || C::DRIVE == Drive::Calcium || !self.places.are_few();
        if alone { 0 } else { G * self.places.len() }
    }

    fn hand_over(&self, v: &[f64], gates: &mut GatesTogether) {
        self.arch.dispatch(HandOver { block: self, v, gates });
    }

    fn take_back(&mut self, gates: &mut GatesTogether, v: &[f64], mut sums: Option<(&mut [f64], &mut [f64])>) {
        for (instance, &node) in self.places.nodes().iter().enumerate() {
            let mut moved = [0.0; G];
            for gate in 0..G {
                moved[gate] = gates.moved(self.gates[gate][instance]);
                self.gates[gate][instance] = moved[gate];
            }
            if let Some((rhs, diag)) = &mut sums {
                let node = node as usize;
                let g = self.g_us[instance] * self.channel.open(moved);
                let force = v[node] - self.reversal_mv[instance];
                rhs[node] += -(g * force);
                diag[node] += g;
            }
        }
    }

    fn gate(&self, gate: usize) -> &[f64] {
        self.places.own(&self.gates[gate])
    }

    fn gate_mut(&mut self, gate: usize) -> &mut [f64] {
        let own = self.places.len() * self.places.lanes();
        &mut self.gates[gate][..own]
    }

    fn density(&self, instance: usize, lane: usize, v: &[f64], calcium: &Calcium) -> Density {
        let state = self.places.index(instance, lane);
        let node = self.places.node_index(instance, lane);
        let g = self.gbar_s_cm2[instance] * self.channel.open::<f64>(from_fn(|gate| self.gates[gate][state]));
        let e = if C::ION == Ion::Calcium { calcium.eca[node] } else { self.reversal_mv[instance] };
        Density { g_s_cm2: g, i_ma_cm2: g * (v[node] - e) }
    }

    fn use_table(&mut self, grid: Grid, dt_ms: f64) -> Result<Vec<TableError>, UserError> {
        if G == 0 || C::DRIVE == Drive::Calcium {
            return Ok(Vec::new());
        }
        let table = RateTable::new(&self.channel, grid, dt_ms)?;
        let errors = table.worst_errors(&self.channel);
        self.table = Some(table);
        Ok(errors)
    }

    fn run_on(&mut self, arch: Arch) {
        self.arch = arch;
    }
}

struct Settle<'a, C, const G: usize> {
    channel: &'a C,
    drive: &'a [f64],
    gates: &'a mut [Vec<f64>; G],
}

impl<const G: usize, C: Channel<G>> Kernel for Settle<'_, C, G> {
    #[inline(always)]
    fn run<W: Walk>(self, walk: W) {
        let (outer, inner) = walk.extent();
        for o in 0..outer {
            for i in 0..inner {
                let rates = self.channel.rates(walk.read(o, i, self.drive));
                for (gate, rate) in self.gates.iter_mut().zip(rates) {
                    rate.inf.store(&mut gate[walk.state(o, i)..]);
                }
            }
        }
    }
}

struct HandOver<'a, C, const G: usize> {
    block: &'a ChannelBlock<C, G>,
    v: &'a [f64],
    gates: &'a mut GatesTogether,
}

impl<const G: usize, C: Channel<G>> WithSimd for HandOver<'_, C, G> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for &node in self.block.places.nodes() {
            for gate in self.block.channel.rates(self.v[node as usize]) {
                self.gates.hand_over(gate);
            }
        }
    }
}

struct Currents<'a, C, const G: usize> {
    block: &'a ChannelBlock<C, G>,
    v: &'a [f64],
    calcium: &'a mut Calcium,
    rhs: &'a mut [f64],
    diag: &'a mut [f64],
}

impl<const G: usize, C: Channel<G>> Kernel for Currents<'_, C, G> {
    #[inline(always)]
    fn run<W: Walk>(self, walk: W) {
        let block = self.block;
        let (outer, inner) = walk.extent();
        for o in 0..outer {
            let g_us = walk.parameter(o, &block.g_us);
            let gbar = walk.parameter(o, &block.gbar_s_cm2);
            let reversal = walk.parameter(o, &block.reversal_mv);
            for i in 0..inner {
                let state = walk.state(o, i);
                let mut gates = [W::V::splat(0.0); G];
                for gate in 0..G {
                    gates[gate] = W::V::load(&block.gates[gate][state..]);
                }
                let open = block.channel.open(gates);
                let e = if C::ION == Ion::Calcium { walk.read(o, i, &self.calcium.eca) } else { reversal };
                let force = walk.read(o, i, self.v) - e;
                let g = g_us * open;
                walk.add(o, i, self.rhs, -(g * force));
                walk.add(o, i, self.diag, g);
                if C::ION == Ion::Calcium {
                    walk.add(o, i, &mut self.calcium.ica, gbar * open * force);
                }
            }
        }
    }
}

/// Where the current of moved gates goes.
struct Passed<'a> {
    g_us: &'a [f64],
    reversal_mv: &'a [f64],
    v: &'a [f64],
    rhs: &'a mut [f64],
    diag: &'a mut [f64],
}

impl Passed<'_> {
    #[inline(always)]
    fn add<W: Walk>(&mut self, walk: W, o: usize, i: usize, open: W::V) {
        let g = walk.parameter(o, self.g_us) * open;
        let force = walk.read(o, i, self.v) - walk.parameter(o, self.reversal_mv);
        walk.add(o, i, self.rhs, -(g * force));
        walk.add(o, i, self.diag, g);
    }
}

struct Advance<'a, C, const G: usize> {
    channel: &'a C,
    drive: &'a [f64],
    gates: &'a mut [Vec<f64>; G],
    dt_ms: f64,
    currents: Option<Passed<'a>>,
}

impl<const G: usize, C: Channel<G>> Kernel for Advance<'_, C, G> {
    #[inline(always)]
    fn run<W: Walk>(mut self, walk: W) {
        let (outer, inner) = walk.extent();
        for o in 0..outer {
            for i in 0..inner {
                let state = walk.state(o, i);
                let rates = self.channel.rates(walk.read(o, i, self.drive));
                let mut moved = [W::V::splat(0.0); G];
                for gate in 0..G {
                    let x = W::V::load(&self.gates[gate][state..]);
                    // The negative share of the way: exp(-dt / tau) - 1.
                    let share = (rates[gate].rate * -self.dt_ms).exp_m1();
                    moved[gate] = x - share * (rates[gate].inf - x);
                    moved[gate].store(&mut self.gates[gate][state..]);
                }
                if let Some(currents) = &mut self.currents {
                    currents.add(walk, o, i, self.channel.open(moved));
                }
            }
        }
    }
}

struct Interpolate<'a, C, const G: usize> {
    channel: &'a C,
    table: &'a RateTable<G>,
    drive: &'a [f64],
    gates: &'a mut [Vec<f64>; G],
    dt_ms: f64,
    currents: Option<Passed<'a>>,
}

impl<const G: usize, C: Channel<G>> Kernel for Interpolate<'_, C, G> {
    #[inline(always)]
    fn run<W: Walk>(mut self, walk: W) {
        let (outer, inner) = walk.extent();
        for o in 0..outer {
            for i in 0..inner {
                let state = walk.state(o, i);
                let drive = walk.read(o, i, self.drive);
                let (mut steps, inside) = self.table.steps(drive);
                if !self.table.covers(drive) {
                    for (step, rate) in steps.iter_mut().zip(self.channel.rates(drive)) {
                        step.inf = W::V::select(inside, step.inf, rate.inf);
                        step.share = W::V::select(inside, step.share, (rate.rate * -self.dt_ms).exp_m1());
                    }
                }
                let mut moved = [W::V::splat(0.0); G];
                for gate in 0..G {
                    let x = W::V::load(&self.gates[gate][state..]);
                    moved[gate] = x - steps[gate].share * (steps[gate].inf - x);
                    moved[gate].store(&mut self.gates[gate][state..]);
                }
                if let Some(currents) = &mut self.currents {
                    currents.add(walk, o, i, self.channel.open(moved));
                }
            }
        }
    }
}
