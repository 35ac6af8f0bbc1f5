//! The linear system of a tree and its elimination: leaves to root, root to leaves (Hines 1984).
//!
//! With L the matrix of axial conductances, `(C cj + Σg + L) ΔV = rhs + axial(V)`; a node without area has neither capacitance nor
//! current, its row is Kirchhoff's sum alone.

use pulp::{Arch, Simd, WithSimd};

use crate::biophysical::cable::Cable;
use crate::biophysical::lanes::places::CHUNK;
use crate::biophysical::lanes::{Lanes, Real};

/// Beyond this many mV a potential has left all bounds.
pub(super) const BOUND_MV: f64 = 1e4;

/// Conductances and capacitances of a tree, for one step.
#[derive(Debug, Clone)]
pub(super) struct Elimination {
    /// Node towards the root; 0 for the root.
    parent: Vec<u32>,
    /// Axial conductance to it, µS; 0 for the root.
    axial_us: Vec<f64>,
    /// `C / dt` and the axial conductances of a node, µS.
    diagonal_us: Vec<f64>,
    /// What the solution is multiplied by.
    multiply: f64,
    lanes: usize,
    arch: Arch,
}

impl Elimination {
    /// The system of a cable, with capacitances over `dt_ms`, whose solution is `multiply` times the change.
    pub(super) fn new(cable: &Cable, dt_ms: f64, multiply: f64, lanes: usize) -> Self {
        let parent: Vec<u32> = cable.nodes.iter().map(|node| node.parent.unwrap_or(0)).collect();
        let axial_us: Vec<f64> = cable.nodes.iter().map(|node| node.parent.map_or(0.0, |_| 1.0 / node.ri_mohm)).collect();
        let mut diagonal_us: Vec<f64> = cable.nodes.iter().map(|node| node.cm_uf_cm2 * node.area_um2 * 1e-5 / dt_ms).collect();
        for (node, (&to, &g)) in parent.iter().zip(&axial_us).enumerate() {
            if g > 0.0 {
                diagonal_us[node] += g;
                diagonal_us[to as usize] += g;
            }
        }
        Self { parent, axial_us, diagonal_us, multiply, lanes, arch: Arch::new() }
    }

    /// Begins a step: no current yet, the diagonal without slopes.
    pub(super) fn begin(&self, rhs: &mut [f64], diag: &mut [f64]) {
        rhs.fill(0.0);
        if self.lanes == 1 {
            diag.copy_from_slice(&self.diagonal_us);
        } else {
            for (to, g) in diag.chunks_exact_mut(self.lanes).zip(&self.diagonal_us) {
                to.fill(*g);
            }
        }
    }

    /// Moves `v` by the solution; `rhs` and `diag` are used up. False if a potential is no number or beyond [`BOUND_MV`].
    pub(super) fn solve(&self, v: &mut [f64], rhs: &mut [f64], diag: &mut [f64]) -> bool {
        self.arch.dispatch(Solve { system: self, v, rhs, diag })
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
#[allow(clippy::inline_always, reason = "compiled anew for each instruction set")]
fn solve<V: Real>(of: Solve) -> bool {
    let Solve { system, v, rhs, diag } = of;
    let lanes = system.lanes;
    let nodes = system.parent.len();
    for node in (1..nodes).rev() {
        let (to, g) = (system.parent[node] as usize * lanes, system.axial_us[node]);
        for lane in (0..lanes).step_by(V::WIDTH) {
            let (at, to) = (node * lanes + lane, to + lane);
            let axial = (V::load(&v[to..]) - V::load(&v[at..])) * g;
            let own = V::load(&rhs[at..]) + axial;
            let inverse = V::load(&diag[at..]).recip();
            let share = inverse * g;
            (V::load(&diag[to..]) - share * g).store(&mut diag[to..]);
            (V::load(&rhs[to..]) - axial + share * own).store(&mut rhs[to..]);
            own.store(&mut rhs[at..]);
            inverse.store(&mut diag[at..]);
        }
    }
    let mut outside = V::splat(0.0);
    let (bound, one) = (V::splat(BOUND_MV), V::splat(1.0));
    for node in 0..nodes {
        let (to, g) = (system.parent[node] as usize * lanes, system.axial_us[node]);
        for lane in (0..lanes).step_by(V::WIDTH) {
            let (at, to) = (node * lanes + lane, to + lane);
            let change = if node == 0 {
                V::load(&rhs[at..]) * V::load(&diag[at..]).recip()
            } else {
                (V::load(&rhs[at..]) + V::load(&rhs[to..]) * g) * V::load(&diag[at..])
            };
            change.store(&mut rhs[at..]);
            let new = V::load(&v[at..]) + change * system.multiply;
            new.store(&mut v[at..]);
            outside = V::select(new.abs().lt(bound), outside, one);
        }
    }
    (0..V::WIDTH).all(|lane| outside.lane(lane) < 0.5)
}
