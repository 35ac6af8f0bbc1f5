//! Calcium inside the membrane: one shell per node, filled by the calcium currents, emptied exponentially.
//!
//! `cai' = -10⁴ iCa gamma / (2 F depth) - (cai - min) / decay` (Destexhe, Babloyantz & Sejnowski 1993), advanced by the exact
//! solution for a constant current. The reversal potential is Nernst's, `eca = 1000 R T / (2 F) ln(cao / cai)`.

use pulp::Arch;

use crate::biophysical::lanes::Real;
use crate::biophysical::lanes::places::{Kernel, Places, Walk};

/// Gas constant, J / (mol K).
const GAS: f64 = 8.314_462_618_153_24;
/// Faraday's constant, C / mol.
const FARADAY: f64 = 96_485.332_123_31;
/// `eca` (mV) where calcium flows but no pool counts it.
pub const CONSTANT_ECA_MV: f64 = 132.457_934_163_700_9;
/// Concentration at the start (mM).
const START_MM: f64 = 5e-5;

/// `1000 R T / (2 F)` in mV.
#[inline]
fn thermal_mv(celsius: f64) -> f64 {
    1000.0 * GAS * (celsius + 273.15) / (2.0 * FARADAY)
}

/// The Nernst potential of calcium (mV) at `cai` and `cao` (mM).
pub fn nernst_calcium_mv(celsius: f64, cao_mm: f64, cai_mm: f64) -> f64 {
    -(Real::ln(cai_mm * (1.0 / cao_mm)) * thermal_mv(celsius))
}

/// Calcium of every node of every cell: `index = node * lanes + lane`.
#[derive(Debug, Clone, PartialEq)]
pub struct Calcium {
    /// Concentration inside, mM.
    pub cai: Vec<f64>,
    /// Reversal potential, mV; [`CONSTANT_ECA_MV`] where there is no pool.
    pub eca: Vec<f64>,
    /// Calcium current density of this step, mA/cm², negative inward.
    pub ica: Vec<f64>,
}

impl Calcium {
    /// At rest: 5e-5 mM everywhere.
    pub fn new(nodes: usize, lanes: usize) -> Self {
        let n = nodes * lanes;
        Self { cai: vec![START_MM; n], eca: vec![CONSTANT_ECA_MV; n], ica: vec![0.0; n] }
    }

    /// Back at rest.
    pub fn reset(&mut self) {
        self.cai.fill(START_MM);
        self.eca.fill(CONSTANT_ECA_MV);
        self.ica.fill(0.0);
    }
}

/// The pool of one node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoolInstance {
    /// Where it is.
    pub node: u32,
    /// Share of the current that stays free.
    pub gamma: f64,
    /// Time constant of removal, ms.
    pub decay_ms: f64,
    /// Depth of the shell, µm.
    pub depth_um: f64,
    /// Concentration that it returns to, mM.
    pub min_cai_mm: f64,
}

impl PoolInstance {
    /// A pool with the published depth (0.1 µm) and floor (1e-4 mM).
    pub fn new(node: u32, gamma: f64, decay_ms: f64) -> Self {
        Self { node, gamma, decay_ms, depth_um: 0.1, min_cai_mm: 1e-4 }
    }
}

/// All calcium pools of a cell, or of a batch of equal cells.
#[derive(Debug, Clone)]
pub struct CalciumPool {
    places: Places,
    arch: Arch,
    /// -thermal voltage, mV.
    slope_mv: f64,
    per_cao: f64,
    /// `decay * source` per current: what a held current adds in the end, mM per mA/cm².
    gain: Vec<f64>,
    min: Vec<f64>,
    decay_ms: Vec<f64>,
    /// `1 - exp(-dt / decay)` for the step `dt_ms`.
    share: Vec<f64>,
    dt_ms: f64,
}

impl CalciumPool {
    /// Pools in `lanes` cells, at a temperature and a concentration outside.
    pub fn new(instances: &[PoolInstance], lanes: usize, celsius: f64, cao_mm: f64) -> Self {
        let places = Places::new(instances.iter().map(|p| p.node), lanes);
        let gain = places.parameter(instances.iter().map(|p| -1e4 * p.gamma * p.decay_ms / (2.0 * FARADAY * p.depth_um)));
        let min = places.parameter(instances.iter().map(|p| p.min_cai_mm));
        let decay_ms = places.parameter(instances.iter().map(|p| p.decay_ms));
        let share = vec![0.0; decay_ms.len()];
        Self {
            places,
            arch: Arch::new(),
            slope_mv: -thermal_mv(celsius),
            per_cao: 1.0 / cao_mm,
            gain,
            min,
            decay_ms,
            share,
            dt_ms: 0.0,
        }
    }

    /// The same on another instruction set: same bits, other speed.
    #[must_use]
    pub fn on(mut self, arch: Arch) -> Self {
        self.arch = arch;
        self
    }

    /// The nodes that have a pool.
    pub fn nodes(&self) -> &[u32] {
        self.places.nodes()
    }

    /// Begins a step: `eca` of the present concentration, no current counted yet. Without any pool, nobody asks for the count.
    pub fn start_step(&self, calcium: &mut Calcium) {
        if self.places.is_empty() {
            return;
        }
        calcium.ica.fill(0.0);
        self.places.run(self.arch, Reversal { pool: self, calcium });
    }

    /// Ends a step: the concentration after `dt_ms` with the counted current held.
    pub fn advance(&mut self, calcium: &mut Calcium, dt_ms: f64) {
        if self.dt_ms.to_bits() != dt_ms.to_bits() {
            self.dt_ms = dt_ms;
            for (share, decay) in self.share.iter_mut().zip(&self.decay_ms[..self.places.len()]) {
                *share = -Real::exp_m1(-(dt_ms / decay));
            }
        }
        self.places.run(self.arch, Fill { pool: self, calcium });
    }
}

struct Reversal<'a> {
    pool: &'a CalciumPool,
    calcium: &'a mut Calcium,
}

impl Kernel for Reversal<'_> {
    #[inline(always)]
    fn run<W: Walk>(self, walk: W) {
        let (outer, inner) = walk.extent();
        for o in 0..outer {
            for i in 0..inner {
                let cai = walk.read(o, i, &self.calcium.cai);
                let eca = (cai * self.pool.per_cao).ln() * self.pool.slope_mv;
                walk.write(o, i, &mut self.calcium.eca, eca);
            }
        }
    }
}

struct Fill<'a> {
    pool: &'a CalciumPool,
    calcium: &'a mut Calcium,
}

impl Kernel for Fill<'_> {
    #[inline(always)]
    fn run<W: Walk>(self, walk: W) {
        let pool = self.pool;
        let (outer, inner) = walk.extent();
        for o in 0..outer {
            let (gain, min, share) =
                (walk.parameter(o, &pool.gain), walk.parameter(o, &pool.min), walk.parameter(o, &pool.share));
            for i in 0..inner {
                let cai = walk.read(o, i, &self.calcium.cai);
                let ica = walk.read(o, i, &self.calcium.ica);
                walk.write(o, i, &mut self.calcium.cai, cai + share * (min + gain * ica - cai));
            }
        }
    }
}
