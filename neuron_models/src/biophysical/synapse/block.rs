//! All receptors of one kind: their states and what they do in a step.

use std::collections::BTreeMap;

use kenyon_base::UserError;
use pulp::{Arch, Simd, WithSimd};

use super::kinetics::{MagnesiumBlock, Receptor};
use crate::biophysical::lanes::Real;
use crate::biophysical::lanes::places::{Kernel, Places, Walk};

/// The slope of a current is its difference over this many mV: the definition of the reference.
const SLOPE_MV: f64 = 0.001;

/// States below are 0: they would halve their way through the subnormals, slowly, and never arrive.
const VANISHED: f64 = 1e-150;

/// One receptor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReceptorInstance {
    /// The node it lies on.
    pub node: u32,
    /// Conductance at the peak of an event of weight 1, µS.
    pub gmax_us: f64,
}

/// Receptors of one kind, one per node, and which of them stands for each of the original ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// One for each node that has any.
    pub instances: Vec<ReceptorInstance>,
    /// For each original receptor: the instance that its events go to, and the factor of their weights.
    pub targets: Vec<(u32, f64)>,
}

/// Joins the receptors of each node into one, for receptors of one kind that are not recorded singly.
///
/// Their states obey the same linear equation, so the sum does too: the same currents up to rounding, in fewer states.
/// A node whose receptors have no conductance keeps one with none.
pub fn merge(receptors: &[ReceptorInstance]) -> Merged {
    let mut most: BTreeMap<u32, f64> = BTreeMap::new();
    for receptor in receptors {
        let gmax = most.entry(receptor.node).or_insert(0.0);
        *gmax = gmax.max(receptor.gmax_us);
    }
    let places: BTreeMap<u32, u32> = most.keys().enumerate().map(|(i, &node)| (node, i as u32)).collect();
    let share = |gmax: f64, whole: f64| if whole > 0.0 { gmax / whole } else { 0.0 };
    Merged {
        targets: receptors.iter().map(|r| (places[&r.node], share(r.gmax_us, most[&r.node]))).collect(),
        instances: most.into_iter().map(|(node, gmax_us)| ReceptorInstance { node, gmax_us }).collect(),
    }
}

const NO_BLOCK: MagnesiumBlock = MagnesiumBlock { gamma_per_mv: 0.0, mg_mm: 0.0 };

/// What the slope of a block by magnesium is made of, without cancellation.
#[derive(Debug, Clone, Copy)]
struct Slope {
    /// `exp(-gamma (v + d)) = ratio exp(-gamma v)`.
    ratio: f64,
    /// `(1 - ratio) / d`, 1/mV.
    fall: f64,
}

impl Slope {
    fn of(block: MagnesiumBlock) -> Self {
        let exponent = -block.gamma_per_mv * SLOPE_MV;
        Self { ratio: Real::exp(exponent), fall: -Real::exp_m1(exponent) / SLOPE_MV }
    }
}

/// All receptors of one kind, in a cell or in a batch of equal cells.
///
/// `g = gmax (B - A)`, on an event `A += w f` and `B += w f`; `index = instance * lanes + lane`. Without a rise there is no A.
#[derive(Debug, Clone)]
pub struct ReceptorBlock {
    receptor: Receptor,
    places: Places,
    arch: Arch,
    gmax_us: Vec<f64>,
    factor: f64,
    rise: Option<Vec<f64>>,
    decay: Vec<f64>,
    slope: Slope,
    /// Of one step of `dt_ms`: what is left of A and of B.
    left: [f64; 2],
    dt_ms: f64,
}

impl ReceptorBlock {
    /// Receptors in `lanes` cells, all closed.
    ///
    /// # Errors
    /// If the time constants are impossible.
    ///
    /// # Panics
    /// If `lanes` is neither 1 nor a multiple of [`CHUNK`](crate::biophysical::lanes::places::CHUNK).
    pub fn new(receptor: Receptor, instances: &[ReceptorInstance], lanes: usize) -> Result<Self, UserError> {
        let kinetics = receptor.kinetics.checked()?;
        let places = Places::new(instances.iter().map(|r| r.node), lanes);
        let closed = vec![0.0; places.state_len()];
        Ok(Self {
            receptor,
            arch: Arch::new(),
            gmax_us: places.parameter(instances.iter().map(|r| r.gmax_us)),
            factor: kinetics.factor(),
            rise: kinetics.rise_ms().map(|_| closed.clone()),
            decay: closed,
            slope: Slope::of(receptor.magnesium.unwrap_or(NO_BLOCK)),
            left: [1.0; 2],
            dt_ms: 0.0,
            places,
        })
    }

    /// The kind.
    pub fn receptor(&self) -> &Receptor {
        &self.receptor
    }

    /// The node of each instance.
    pub fn nodes(&self) -> &[u32] {
        self.places.nodes()
    }

    /// Runs on another instruction set from now on: same bits, other speed.
    pub fn run_on(&mut self, arch: Arch) {
        self.arch = arch;
    }

    /// Closes all receptors.
    pub fn init(&mut self) {
        self.decay.fill(0.0);
        if let Some(rise) = &mut self.rise {
            rise.fill(0.0);
        }
    }

    /// An event of this weight arrives at `instance` of the cell `lane`.
    pub fn deliver(&mut self, instance: usize, lane: usize, weight: f64) {
        let at = self.places.index(instance, lane);
        let jump = weight * self.factor;
        self.decay[at] += jump;
        if let Some(rise) = &mut self.rise {
            rise[at] += jump;
        }
    }

    /// Takes the current (nA) from `rhs` and adds its slope (µS) to `diag`.
    ///
    /// The slope is `(I(v + 0.001) - I(v)) / 0.001`: the conductance, and with a magnesium block also the block's rise.
    pub fn add_currents(&self, v: &[f64], rhs: &mut [f64], diag: &mut [f64]) {
        match (self.receptor.magnesium, &self.rise) {
            (None, None) => self.places.run(self.arch, Currents::<false, false> { block: self, v, rhs, diag }),
            (None, Some(_)) => self.places.run(self.arch, Currents::<true, false> { block: self, v, rhs, diag }),
            (Some(_), None) => self.places.run(self.arch, Currents::<false, true> { block: self, v, rhs, diag }),
            (Some(_), Some(_)) => self.places.run(self.arch, Currents::<true, true> { block: self, v, rhs, diag }),
        }
    }

    /// Lets all states decay for `dt_ms`.
    pub fn advance(&mut self, dt_ms: f64) {
        if self.dt_ms.to_bits() != dt_ms.to_bits() {
            self.dt_ms = dt_ms;
            let left = |tau_ms: f64| Real::exp(-dt_ms / tau_ms);
            let kinetics = self.receptor.kinetics;
            self.left = [kinetics.rise_ms().map_or(1.0, left), left(kinetics.decay_ms())];
        }
        self.arch.dispatch(Decay { states: &mut self.decay, left: self.left[1] });
        if let Some(rise) = &mut self.rise {
            self.arch.dispatch(Decay { states: rise, left: self.left[0] });
        }
    }

    /// The conductance of one receptor, µS, as if there were no block by magnesium.
    pub fn opening(&self, instance: usize, lane: usize) -> f64 {
        let at = self.places.index(instance, lane);
        self.gmax_us[instance] * (self.decay[at] - self.rise.as_ref().map_or(0.0, |rise| rise[at]))
    }

    /// The conductance of one receptor, µS, with the block by magnesium at the potential `v`.
    pub fn conductance(&self, instance: usize, lane: usize, v: &[f64]) -> f64 {
        let g = self.opening(instance, lane);
        let v = v[self.places.node_index(instance, lane)];
        match self.receptor.magnesium {
            Some(block) => g / ((v * -block.gamma_per_mv).exp_bounded() * (block.mg_mm / 3.57) + 1.0),
            None => g,
        }
    }

    /// The current of one receptor, nA, positive outward.
    pub fn current(&self, instance: usize, lane: usize, v: &[f64]) -> f64 {
        let force = v[self.places.node_index(instance, lane)] - self.receptor.reversal_mv;
        self.conductance(instance, lane, v) * force
    }

    /// The states A (if there is a rise) and B.
    pub fn states(&self) -> (Option<&[f64]>, &[f64]) {
        (self.rise.as_deref().map(|a| self.places.own(a)), self.places.own(&self.decay))
    }

    /// The same to be written: to restore a state.
    pub fn states_mut(&mut self) -> (Option<&mut [f64]>, &mut [f64]) {
        let own = self.places.len() * self.places.lanes();
        (self.rise.as_deref_mut().map(|a| &mut a[..own]), &mut self.decay[..own])
    }
}

struct Decay<'a> {
    states: &'a mut [f64],
    left: f64,
}

impl WithSimd for Decay<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for x in self.states {
            let next = *x * self.left;
            *x = if next.abs() < VANISHED { 0.0 } else { next };
        }
    }
}

struct Currents<'a, const RISE: bool, const MAGNESIUM: bool> {
    block: &'a ReceptorBlock,
    v: &'a [f64],
    rhs: &'a mut [f64],
    diag: &'a mut [f64],
}

impl<const RISE: bool, const MAGNESIUM: bool> Kernel for Currents<'_, RISE, MAGNESIUM> {
    #[inline(always)]
    fn run<W: Walk>(self, walk: W) {
        let block = self.block;
        let rise = block.rise.as_deref().unwrap_or_default();
        let mg = block.receptor.magnesium.unwrap_or(NO_BLOCK);
        let Slope { ratio, fall } = block.slope;
        let (outer, inner) = walk.extent();
        for o in 0..outer {
            let gmax = walk.parameter(o, &block.gmax_us);
            for i in 0..inner {
                let state = walk.state(o, i);
                let b = W::V::load(&block.decay[state..]);
                let open = if RISE { b - W::V::load(&rise[state..]) } else { b };
                let g = gmax * open;
                let v = walk.read(o, i, self.v);
                let force = v - block.receptor.reversal_mv;
                if MAGNESIUM {
                    let blocked = (v * -mg.gamma_per_mv).exp_bounded() * (mg.mg_mm / 3.57);
                    let here = (blocked + 1.0).recip();
                    let beside = (blocked * ratio + 1.0).recip();
                    walk.add(o, i, self.rhs, -(g * here * force));
                    walk.add(o, i, self.diag, g * beside * (force * blocked * here * fall + 1.0));
                } else {
                    walk.add(o, i, self.rhs, -(g * force));
                    walk.add(o, i, self.diag, g);
                }
            }
        }
    }
}
