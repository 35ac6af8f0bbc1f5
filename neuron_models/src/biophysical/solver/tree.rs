//! The linear system of a tree and its elimination: ends to middle, middle to ends (Hines 1984).
//!
//! With L the matrix of axial conductances, `(C cj + Σg + L) ΔV = rhs + axial(V)`; a node without area has neither capacitance nor
//! current, its row is Kirchhoff's sum alone.
//!
//! A tree may be eliminated towards any of its nodes. Ours is the middle of its longest path, and nodes equally far from it follow
//! each other: their divisions do not wait for one another.

#![allow(clippy::inline_always, reason = "compiled anew for each instruction set")]

use pulp::{Arch, Simd, WithSimd};

use crate::biophysical::cable::Cable;
use crate::biophysical::lanes::places::CHUNK;
use crate::biophysical::lanes::{Lanes, Real};

/// Beyond this many mV a potential has left all bounds.
pub(super) const BOUND_MV: f64 = 1e4;

/// A node and its neighbour towards the middle.
#[derive(Debug, Clone, Copy)]
struct Link {
    node: u32,
    to: u32,
    /// Axial conductance between them, µS.
    axial_us: f64,
}

/// Conductances and capacitances of a tree, for one step.
#[derive(Debug, Clone)]
pub(super) struct Elimination {
    /// The node that the others are eliminated towards.
    middle: u32,
    /// All others, the farthest first.
    links: Vec<Link>,
    /// `C / dt`, axial conductances and constant conductances of a node, µS.
    diagonal_us: Vec<f64>,
    /// Constant conductances, µS.
    constant_us: Vec<f64>,
    /// Their current at 0 mV, inward, nA.
    constant_na: Vec<f64>,
    /// What the solution is multiplied by.
    multiply: f64,
    lanes: usize,
    arch: Arch,
}

/// Nodes in the order of their distance (in links) from one of them, each with the link towards it.
fn from_node(first: u32, neighbours: &[Vec<(u32, f64)>]) -> Vec<Link> {
    let mut order = vec![Link { node: first, to: first, axial_us: 0.0 }];
    let mut next = 0;
    while let Some(&Link { node, to, .. }) = order.get(next) {
        let onward = neighbours[node as usize].iter().filter(|(other, _)| *other != to);
        order.extend(onward.map(|&(other, axial_us)| Link { node: other, to: node, axial_us }));
        next += 1;
    }
    order
}

/// The middle of the longest path.
fn middle(neighbours: &[Vec<(u32, f64)>]) -> u32 {
    let last = |order: &[Link]| order.last().map_or(0, |link| link.node);
    let order = from_node(last(&from_node(0, neighbours)), neighbours);
    let mut towards = vec![0; neighbours.len()];
    for link in &order {
        towards[link.node as usize] = link.to;
    }
    let mut path = vec![last(&order)];
    while let Some(&node) = path.last()
        && towards[node as usize] != node
    {
        path.push(towards[node as usize]);
    }
    path[path.len() / 2]
}

impl Elimination {
    /// The system of a cable with constant conductances (node, µS, reversal potential in mV), with capacitances over `dt_ms`, whose
    /// solution is `multiply` times the change.
    pub(super) fn new(cable: &Cable, constant: &[(u32, f64, f64)], dt_ms: f64, multiply: f64, lanes: usize) -> Self {
        let count = cable.nodes.len();
        let mut diagonal_us: Vec<f64> = cable.nodes.iter().map(|node| node.cm_uf_cm2 * node.area_um2 * 1e-5 / dt_ms).collect();
        let mut neighbours = vec![Vec::new(); count];
        for (node, place) in cable.nodes.iter().enumerate().skip(1) {
            let to = place.parent.unwrap_or(0);
            let axial_us = place.parent.map_or(0.0, |_| 1.0 / place.ri_mohm);
            diagonal_us[node] += axial_us;
            diagonal_us[to as usize] += axial_us;
            neighbours[node].push((to, axial_us));
            neighbours[to as usize].push((node as u32, axial_us));
        }
        let (mut constant_us, mut constant_na) = (vec![0.0; count], vec![0.0; count]);
        for &(node, g_us, reversal_mv) in constant {
            diagonal_us[node as usize] += g_us;
            constant_us[node as usize] += g_us;
            constant_na[node as usize] += g_us * reversal_mv;
        }
        let mut links = from_node(middle(&neighbours), &neighbours);
        links.reverse();
        let middle = links.pop().map_or(0, |link| link.node);
        Self { middle, links, diagonal_us, constant_us, constant_na, multiply, lanes, arch: Arch::new() }
    }

    /// Runs on another instruction set from now on: same bits, other speed.
    pub(super) fn run_on(&mut self, arch: Arch) {
        self.arch = arch;
    }

    /// Begins a step: constant currents, the diagonal without slopes.
    pub(super) fn begin(&self, v: &[f64], rhs: &mut [f64], diag: &mut [f64]) {
        self.arch.dispatch(Begin { system: self, v, rhs, diag });
    }

    /// Moves `v` by the solution; `rhs` and `diag` are used up. False if a potential is no number or beyond [`BOUND_MV`].
    pub(super) fn solve(&self, v: &mut [f64], rhs: &mut [f64], diag: &mut [f64]) -> bool {
        self.arch.dispatch(Solve { system: self, v, rhs, diag })
    }
}

struct Begin<'a> {
    system: &'a Elimination,
    v: &'a [f64],
    rhs: &'a mut [f64],
    diag: &'a mut [f64],
}

impl WithSimd for Begin<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { system, v, rhs, diag } = self;
        let constant = system.constant_na.iter().zip(&system.constant_us);
        if system.lanes == 1 {
            diag.copy_from_slice(&system.diagonal_us);
            for ((rhs, v), (i, g)) in rhs.iter_mut().zip(v).zip(constant) {
                *rhs = i - g * v;
            }
            return;
        }
        let rows = rhs.chunks_exact_mut(system.lanes).zip(diag.chunks_exact_mut(system.lanes)).zip(v.chunks_exact(system.lanes));
        for (((rhs, diag), v), ((i, g), whole)) in rows.zip(constant.zip(&system.diagonal_us)) {
            diag.fill(*whole);
            for (rhs, v) in rhs.iter_mut().zip(v) {
                *rhs = i - g * v;
            }
        }
    }
}

struct Solve<'a> {
    system: &'a Elimination,
    v: &'a mut [f64],
    rhs: &'a mut [f64],
    diag: &'a mut [f64],
}

impl WithSimd for Solve<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        if self.system.lanes == 1 { solve::<f64>(self) } else { solve::<Lanes<CHUNK>>(self) }
    }
}

/// Both sweeps, a chunk of cells at a time.
#[inline(always)]
fn solve<V: Real>(of: Solve) -> bool {
    let Solve { system, v, rhs, diag } = of;
    let lanes = system.lanes;
    for link in &system.links {
        let (node, to, g) = (link.node as usize * lanes, link.to as usize * lanes, link.axial_us);
        for lane in (0..lanes).step_by(V::WIDTH) {
            let (at, to) = (node + lane, to + lane);
            let axial = (V::load(&v[to..]) - V::load(&v[at..])) * g;
            let inverse = V::load(&diag[at..]).recip();
            let share = inverse * g;
            let own = (V::load(&rhs[at..]) + axial) * inverse;
            (V::load(&diag[to..]) - share * g).store(&mut diag[to..]);
            (V::load(&rhs[to..]) - axial + own * g).store(&mut rhs[to..]);
            // The change will be `own + share * that of the neighbour`.
            own.store(&mut rhs[at..]);
            share.store(&mut diag[at..]);
        }
    }
    let mut outside = V::splat(0.0);
    let (bound, one) = (V::splat(BOUND_MV), V::splat(1.0));
    let mut settle = |v: &mut [f64], at: usize, change: V| {
        let new = V::load(&v[at..]) + change * system.multiply;
        new.store(&mut v[at..]);
        outside = V::select(new.abs().lt(bound), outside, one);
    };
    for lane in (0..lanes).step_by(V::WIDTH) {
        let at = system.middle as usize * lanes + lane;
        let change = V::load(&rhs[at..]) / V::load(&diag[at..]);
        change.store(&mut rhs[at..]);
        settle(v, at, change);
    }
    for link in system.links.iter().rev() {
        for lane in (0..lanes).step_by(V::WIDTH) {
            let (at, to) = (link.node as usize * lanes + lane, link.to as usize * lanes + lane);
            let change = V::load(&rhs[at..]) + V::load(&rhs[to..]) * V::load(&diag[at..]);
            change.store(&mut rhs[at..]);
            settle(v, at, change);
        }
    }
    (0..V::WIDTH).all(|lane| outside.lane(lane) < 0.5)
}
