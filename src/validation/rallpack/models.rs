//! The three cells, runs of them, and the analytic solutions of the passive ones.

use std::f64::consts::PI;
use std::path::Path;

use kenyon_base::Result;
use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::morphology::builtin::{rallpack2, uniform_cable};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recipe::Recipe;
use kenyon_neurons::biophysical::solver::{Cells, Electrode, Observer, Scheme, Settings, Waveform};

/// Length of a run, ms.
pub const DURATION_MS: f64 = 250.0;
/// Time between samples, ms.
pub const SAMPLE_MS: f64 = 0.05;
/// Injected current, nA.
const AMP_NA: f64 = 0.1;
/// Resting potential, mV.
const REST_MV: f64 = -65.0;
/// Time constant of the membrane, ms: 40,000 Ω·cm² times 1 µF/cm².
const TAU_MS: f64 = 40.0;

/// RA 1 Ω·m, RM 4 Ω·m², CM 0.01 F/m², EM -65 mV.
const PASSIVE: &str = "
name = \"rallpack\"
celsius = 6.3
v_init_mv = -65.0
ena_mv = 50.0
ek_mv = -77.0

[region.basal]
ra_ohm_cm = 100.0
cm_uf_cm2 = 1.0

[region.basal.channels]
leak = { gbar = 2.5e-5, reversal_mv = -65.0 }
";
/// What Rallpack 3 has besides.
const ACTIVE: &str = "hh_na = 0.12\nhh_k = 0.036\n";

/// A cell of the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Rallpack 1: 1 mm by 1 µm in 1000 compartments.
    Cable,
    /// Rallpack 2: a binary tree of 1023 compartments.
    Tree,
    /// Rallpack 3: Rallpack 1 with the squid's channels.
    Axon,
}

impl Model {
    /// The cell.
    ///
    /// # Errors
    /// None in fact.
    pub fn neuron(self) -> Result<Neuron> {
        let (tree, recipe) = match self {
            Self::Cable => (uniform_cable(1000.0, 1.0, 1000)?, PASSIVE.to_string()),
            Self::Tree => (rallpack2()?, PASSIVE.to_string()),
            Self::Axon => (uniform_cable(1000.0, 1.0, 1000)?, format!("{PASSIVE}{ACTIVE}")),
        };
        Neuron::new(&tree, Segments::default(), Recipe::parse(&recipe, Path::new("rallpack"))?)
    }

    /// The first and the last compartment.
    ///
    /// # Errors
    /// None in fact.
    pub fn sites(self) -> Result<[u32; 2]> {
        let cable = self.neuron()?.cable;
        let last = &cable.sections[cable.sections.len() - 1];
        Ok([cable.sections[0].first_node, last.first_node + last.nseg - 1])
    }
}

/// Number of samples of a run, the start included.
pub fn samples() -> usize {
    (DURATION_MS / SAMPLE_MS).round() as usize + 1
}

/// Watches nodes every so many steps.
struct Watch {
    nodes: Vec<u32>,
    every: u64,
    traces: Vec<Vec<f64>>,
}

impl Observer for Watch {
    fn stepped(&mut self, cells: &Cells) -> Result<()> {
        if cells.steps().is_multiple_of(self.every) {
            for (node, trace) in self.nodes.iter().zip(&mut self.traces) {
                trace.push(cells.v_at(*node, 0));
            }
        }
        Ok(())
    }
}

fn simulate(model: Model, scheme: Scheme, dt_ms: f64, steps: u64, inject: Option<u32>, mut watch: Watch) -> Result<Watch> {
    let neuron = model.neuron()?;
    let mut cells = Cells::new(&neuron, 1, Settings { dt_ms, scheme, ..Settings::default() })?;
    let node = inject.unwrap_or(neuron.cable.sections[0].first_node);
    let waveform = Waveform::Step { delay_ms: 0.0, dur_ms: 1e9, amp_na: AMP_NA };
    cells.add_electrode(Electrode { node, lane: None, waveform });
    cells.run(steps, &mut watch)?;
    Ok(watch)
}

/// The potentials (mV) of the first and the last compartment every 50 µs; the current goes into the first, or into `inject`.
///
/// # Errors
/// A step that a run cannot have.
pub fn run(model: Model, scheme: Scheme, dt_ms: f64, inject: Option<u32>) -> Result<Vec<Vec<f64>>> {
    let nodes = model.sites()?.to_vec();
    let watch = Watch { traces: vec![Vec::new(); nodes.len()], nodes, every: (SAMPLE_MS / dt_ms).round() as u64 };
    Ok(simulate(model, scheme, dt_ms, (DURATION_MS / dt_ms).round() as u64, inject, watch)?.traces)
}

/// The potential (mV) of a compartment of Rallpack 1 at a time.
///
/// # Errors
/// A step that a run cannot have.
pub fn value_at(scheme: Scheme, dt_ms: f64, compartment: u32, t_ms: f64) -> Result<f64> {
    let steps = (t_ms / dt_ms).round() as u64;
    let watch = Watch { nodes: vec![compartment], every: steps, traces: vec![Vec::new()] };
    let watch = simulate(Model::Cable, scheme, dt_ms, steps, None, watch)?;
    Ok(watch.traces[0].last().copied().unwrap_or(f64::NAN))
}

/// The analytic solution of a finite cable with a current into its end.
///
/// `V = EM + I r λ [cosh(l - X)/sinh l - exp(-T)/l - (2/l) Σ cos(kπX/l) exp(-T(1 + a_k²))/(1 + a_k²)]`, `a_k = kπ/l`, T and X in
/// units of τ and λ, `r λ = 4 RA λ / (π d²)`.
#[derive(Debug, Clone, Copy)]
pub struct Series {
    /// Length constant, µm.
    lambda_um: f64,
    /// Length, µm.
    length_um: f64,
    /// `I r λ`, mV.
    scale_mv: f64,
    /// Centres of the first and the last compartment, µm from the near end.
    centres_um: [f64; 2],
}

impl Series {
    /// That of Rallpack 1 (and of the cable of 3), or of the cylinder that Rallpack 2 equals.
    pub fn of(model: Model) -> Self {
        let (lambda_um, length_um, diam_um, compartment_um) = match model {
            Model::Cable | Model::Axon => (1000.0, 1000.0, 1.0, 1.0),
            Model::Tree => (4000.0, 320.0, 16.0, 32.0),
        };
        // 1 Ω·m over µm is MΩ; nA times MΩ is mV.
        let scale_mv = AMP_NA * 4.0 * lambda_um / (PI * diam_um * diam_um);
        Self { lambda_um, length_um, scale_mv, centres_um: [compartment_um / 2.0, length_um - compartment_um / 2.0] }
    }

    /// The potential at the centre of the first (0) or the last (1) compartment, mV.
    pub fn v_mv(&self, site: usize, t_ms: f64) -> f64 {
        self.at(self.centres_um[site], t_ms)
    }

    /// The potential at a place, mV.
    pub fn at(&self, x_um: f64, t_ms: f64) -> f64 {
        if t_ms <= 0.0 {
            return REST_MV;
        }
        let (t, x, l) = (t_ms / TAU_MS, x_um / self.lambda_um, self.length_um / self.lambda_um);
        let mut sum = 0.0;
        for k in 1..100_000 {
            let a = f64::from(k) * PI / l;
            let decay = (-t * (1.0 + a * a)).exp() / (1.0 + a * a);
            sum += (f64::from(k) * PI * x / l).cos() * decay;
            if decay < 1e-18 {
                break;
            }
        }
        REST_MV + self.scale_mv * ((l - x).cosh() / l.sinh() - (-t).exp() / l - 2.0 / l * sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_has_the_tabulated_values() {
        let close = |v: f64, expected: f64| assert!((v - expected).abs() < 1e-4, "{v} instead of {expected}");
        let cable = Series::of(Model::Cable);
        for (t, near, far) in [
            (1.0, -42.5353, -64.9999),
            (10.0, 1.4097, -54.2707),
            (40.0, 55.2769, -3.4972),
            (100.0, 91.6658, 32.8909),
            (250.0, 101.8714, 43.0965),
        ] {
            close(cable.v_mv(0, t), near);
            close(cable.at(1000.0, t), far);
        }
        let tree = Series::of(Model::Tree);
        for (t, near, far) in
            [(1.0, -64.3330, -64.4125), (10.0, -59.4462, -59.5257), (40.0, -49.2274, -49.3070), (250.0, -40.1270, -40.2066)]
        {
            close(tree.at(0.0, t), near);
            close(tree.at(320.0, t), far);
        }
    }
}
