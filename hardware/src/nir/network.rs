//! A deployment in units of the trained network, as far as NIR can hold it.

use std::collections::BTreeMap;

use kenyon_base::{Result, UserError};

use super::graph::Element;
use crate::deployment::{CellKind, Deployment, Neurons, Population, Receptor, Role};

/// Delay of a host's readout, as of one on the device.
const READOUT_DELAY: u32 = crate::lowering::RECURRENT_DELAY;

/// A deployment without scale: every number as NIR has it, but for time in ms.
#[derive(Debug)]
pub(super) struct Network<'a> {
    pub(super) deployment: &'a Deployment,
    /// Per population its neurons; none for spike sources.
    pub(super) cells: Vec<Option<Leaky>>,
    /// Signed weights (receiver, sender, weight) by sending population, receiving population and delay in steps, but for the readout.
    pub(super) wires: BTreeMap<(u32, u32, u32), Vec<Element>>,
    /// The readout.
    pub(super) readout: Option<Readout>,
    /// Refractory steps of all spiking neurons.
    pub(super) refractory_steps: u32,
}

/// Leaky neurons: `I <- a I + W x`; `v <- b v + (1 - b)(I + leak)`; above `threshold` a spike and `v = reset`.
#[derive(Debug)]
pub(super) struct Leaky {
    pub(super) tau_mem_ms: Vec<f64>,
    /// None where input lasts one step.
    pub(super) tau_syn_ms: Option<Vec<f64>>,
    pub(super) leak: Vec<f64>,
    pub(super) threshold: Vec<f64>,
    pub(super) reset: Vec<f64>,
    pub(super) start: Vec<f64>,
}

/// Leaky integrators over spikes, wherever the deployment computes them.
#[derive(Debug)]
pub(super) struct Readout {
    pub(super) classes: Vec<String>,
    pub(super) tau_syn_ms: f64,
    pub(super) tau_mem_ms: f64,
    /// Weights (class, sender, weight) by sending population and delay in steps.
    pub(super) wires: BTreeMap<(u32, u32), Vec<Element>>,
}

impl<'a> Network<'a> {
    /// Takes the scale out of a deployment that passes its check.
    pub(super) fn new(deployment: &'a Deployment) -> Result<Self> {
        let cells = deployment.populations.iter().map(|p| p.cells.neurons().map(|n| Leaky::new(p, n)).transpose());
        let cells = cells.collect::<Result<Vec<_>>>()?;
        let mut network =
            Self { deployment, cells, wires: BTreeMap::new(), readout: None, refractory_steps: refractory_steps(deployment)? };
        let mut device = BTreeMap::new();
        for projection in &deployment.projections {
            let (pre, post) =
                (&deployment.populations[projection.pre as usize], &deployment.populations[projection.post as usize]);
            let place = deployment.place(projection);
            if pre.role == Role::Readout || post.role == Role::Readout && pre.role == Role::Input {
                return Err(refused("nir-readout", "a readout stands between neurons and nothing else")
                    .key(place)
                    .mend("project to it from hidden populations alone"));
            }
            let Some(neurons) = post.cells.neurons() else { continue };
            let sign = if projection.receptor == Receptor::Excitatory { 1.0 } else { -1.0 };
            let step = if neurons.kind.decays() { 1.0 } else { 1.0 / deployment.dt_ms };
            for s in &projection.synapses {
                let i = s.post as usize;
                let weight = sign * s.weight * (neurons.tau_m_ms[i] / neurons.cm_nf[i]) * step / post.v_scale;
                let delay = s.delay();
                let wires = match post.role {
                    Role::Readout => device.entry((projection.pre, delay)).or_insert_with(Vec::new),
                    _ => network.wires.entry((projection.pre, projection.post, delay)).or_default(),
                };
                wires.push((s.post, s.pre, weight));
            }
        }
        network.readout = network.find_readout(device)?;
        Ok(network)
    }

    fn find_readout(&self, device: BTreeMap<(u32, u32), Vec<Element>>) -> Result<Option<Readout>> {
        let d = self.deployment;
        if let Some(host) = &d.host_readout {
            let mut wires: BTreeMap<_, Vec<_>> = BTreeMap::new();
            for &(source, class, weight) in &host.weights {
                let (population, neuron) = host.sources[source as usize];
                wires.entry((population, READOUT_DELAY)).or_default().push((class, neuron, weight));
            }
            let tau = |decay: f64| -d.dt_ms / decay.ln();
            let (tau_syn_ms, tau_mem_ms) = (tau(host.decay_syn), tau(host.decay_mem));
            return Ok(Some(Readout { classes: host.classes.clone(), tau_syn_ms, tau_mem_ms, wires }));
        }
        let mut readouts = d.populations.iter().zip(&self.cells).filter(|(p, _)| p.role == Role::Readout);
        let Some((population, cells)) = readouts.next() else { return Ok(None) };
        let cells = cells.as_ref().ok_or_else(|| refused("nir-readout", "a readout of spike sources").key(&population.label))?;
        let same = |v: &[f64]| v.iter().all(|x| x.to_bits() == v[0].to_bits());
        let uniform = cells.tau_syn_ms.as_ref().filter(|tau| same(tau) && same(&cells.tau_mem_ms));
        let (Some(tau_syn), None) = (uniform, readouts.next()) else {
            return Err(refused("nir-readout", "the readout is more than integrators of one time constant")
                .key(&population.label)
                .mend("lower the run with `--readout host`"));
        };
        let name = |i: usize| population.names.get(i).cloned().unwrap_or_else(|| population.ids[i].to_string());
        Ok(Some(Readout {
            classes: (0..population.ids.len()).map(name).collect(),
            tau_syn_ms: tau_syn[0],
            tau_mem_ms: cells.tau_mem_ms[0],
            wires: device,
        }))
    }

    /// Indices of the populations of a role.
    pub(super) fn populations(&self, role: Role) -> impl Iterator<Item = usize> {
        let populations = &self.deployment.populations;
        (0..populations.len()).filter(move |&p| populations[p].role == role)
    }

    /// Number of neurons of a population.
    pub(super) fn len(&self, population: usize) -> usize {
        self.deployment.populations[population].ids.len()
    }
}

impl Leaky {
    fn new(population: &Population, n: &Neurons) -> Result<Self> {
        if n.kind == CellKind::CondExp {
            return Err(refused("nir-cells", "NIR has no neurons with conductances")
                .key(&population.label)
                .found(n.kind.pynn_name())
                .expected("`IF_curr_exp` or `IF_curr_delta`")
                .mend("train with currents"));
        }
        if let Some(i) = (0..n.tau_syn_e_ms.len()).find(|&i| n.tau_syn_e_ms[i].to_bits() != n.tau_syn_i_ms[i].to_bits()) {
            return Err(refused("nir-synapses", format!("neuron {i} has two synaptic time constants; a NIR neuron has one"))
                .key(&population.label)
                .found(format!("{} and {} ms", n.tau_syn_e_ms[i], n.tau_syn_i_ms[i]))
                .mend("train with one, or use `kenyon export pynn`"));
        }
        let g = population.v_scale;
        let resistance = |i: usize| n.tau_m_ms[i] / n.cm_nf[i];
        let all = |of: &dyn Fn(usize) -> f64| (0..population.ids.len()).map(|i| of(i) / g).collect::<Vec<f64>>();
        Ok(Self {
            tau_mem_ms: n.tau_m_ms.clone(),
            tau_syn_ms: n.kind.decays().then(|| n.tau_syn_e_ms.clone()),
            leak: all(&|i| n.v_rest_mv[i] + resistance(i) * n.i_offset_na[i]),
            // A cell spikes at its threshold, a NIR neuron above it.
            threshold: all(&|i| n.v_thresh_mv[i].next_down()),
            reset: all(&|i| n.v_reset_mv[i]),
            start: all(&|i| n.v_init_mv[i]),
        })
    }
}

/// Refractory steps of the spiking neurons, which must agree: NIR has no place for them.
fn refractory_steps(d: &Deployment) -> Result<u32> {
    let mut all = None;
    for population in d.populations.iter().filter(|p| p.role == Role::Hidden) {
        for (i, tau) in population.cells.neurons().iter().flat_map(|n| n.tau_refrac_ms.iter().enumerate()) {
            let steps = (tau / d.dt_ms - 1e-9).ceil().max(0.0) as u32;
            if *all.get_or_insert(steps) != steps {
                return Err(refused("nir-refractory", format!("neuron {i} has another refractory time than those before it"))
                    .key(&population.label)
                    .found(format!("{steps} steps"))
                    .expected("the same everywhere: NIR has no refractory time")
                    .mend("use `kenyon export pynn`"));
            }
        }
    }
    Ok(all.unwrap_or(0))
}

pub(super) fn refused(code: &'static str, message: impl Into<String>) -> UserError {
    UserError::bad_data(code, message)
}
