//! The cells of a [`Deployment`] in f64, step by step as [`Neurons`] defines them.
//!
//! This is the network before any rounding: a lowered network runs here spike for spike as it did in training, and what a fixed-point
//! machine does differently shows against it.
//!
//! Order of a step: what arrives is added to the synaptic variables; potentials are recorded; membranes move; neurons spike; synaptic
//! variables decay; spikes leave for the step their delay names.

use std::ops::Range;

use crate::deployment::{CellKind, Cells, Deployment, Neurons, Receptor, Sample, Variable};

/// What a run leaves behind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Spikes of neurons as (step, population, neuron), sorted.
    pub spikes: Vec<(u32, u32, u32)>,
    /// For each population that records its potential: rows of steps, columns of neurons, before the step's update.
    pub v: Vec<Vec<f64>>,
    /// For each population: the largest magnitudes that occurred.
    pub peaks: Vec<Peak>,
}

/// Largest magnitudes of a population over a run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Peak {
    /// Potential in mV.
    pub v: f64,
    /// Synaptic variable.
    pub g: f64,
    /// Current in nA.
    pub i: f64,
}

impl Peak {
    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { v: self.v.max(other.v), g: self.g.max(other.g), i: self.i.max(other.i) }
    }
}

/// A deployment made ready to run sample after sample.
#[derive(Debug)]
pub struct Interpreter {
    groups: Vec<Group>,
    /// Synapses by sender: `targets[ptr[sender]..ptr[sender + 1]]`.
    ptr: Vec<usize>,
    targets: Vec<Target>,
    /// First global number of each population's neurons, spike sources included.
    first: Vec<u32>,
    populations: usize,
    steps: u32,
    slots: usize,
    total: usize,
}

/// One population of neurons.
#[derive(Debug)]
struct Group {
    population: u32,
    kind: CellKind,
    /// Global numbers of its neurons.
    range: Range<usize>,
    neurons: Neurons,
    /// `exp(-dt/tau_m)`, `tau_m/cm`, and the decay of each receptor, per neuron.
    decay_m: Vec<f64>,
    resistance: Vec<f64>,
    decay: [Vec<f64>; 2],
    refractory_steps: Vec<u32>,
    /// 1/dt: what a weight of `IF_curr_delta` is worth as current.
    per_step: f64,
    records_v: bool,
}

/// Where a synapse leads.
#[derive(Debug, Clone, Copy)]
struct Target {
    neuron: u32,
    receptor: u16,
    delay: u16,
    weight: f64,
}

impl Interpreter {
    /// Prepares a deployment that passes its [check](Deployment::check).
    pub fn new(d: &Deployment) -> Self {
        let mut first = vec![0u32];
        for population in &d.populations {
            first.push(first[first.len() - 1] + population.ids.len() as u32);
        }
        let total = first[d.populations.len()] as usize;
        let groups = d.populations.iter().enumerate().filter_map(|(p, population)| match &population.cells {
            Cells::SpikeSource => None,
            Cells::Neurons(neurons) => {
                let range = first[p] as usize..first[p + 1] as usize;
                Some(Group::new(p as u32, range, neurons, d.dt_ms, population.record.contains(&Variable::V)))
            }
        });
        let groups = groups.collect();
        let mut count = vec![0usize; total + 1];
        for projection in &d.projections {
            for s in &projection.synapses {
                count[(first[projection.pre as usize] + s.pre) as usize + 1] += 1;
            }
        }
        for i in 0..total {
            count[i + 1] += count[i];
        }
        let ptr = count.clone();
        let nothing = Target { neuron: 0, receptor: 0, delay: 1, weight: 0.0 };
        let mut targets = vec![nothing; ptr[total]];
        for projection in &d.projections {
            let receptor = u16::from(projection.receptor == Receptor::Inhibitory);
            for s in &projection.synapses {
                let at = &mut count[(first[projection.pre as usize] + s.pre) as usize];
                let neuron = first[projection.post as usize] + s.post;
                targets[*at] = Target { neuron, receptor, delay: s.delay() as u16, weight: s.weight };
                *at += 1;
            }
        }
        let slots = targets.iter().map(|t| usize::from(t.delay)).max().unwrap_or(1) + 1;
        Self { groups, ptr, targets, first, populations: d.populations.len(), steps: d.steps, slots, total }
    }

    /// Runs one sample from the start.
    pub fn run(&self, sample: &Sample) -> Outcome {
        // Per slot, receptor and neuron: what arrives in the step of that slot.
        let mut ring = vec![0.0; self.slots * 2 * self.total];
        let mut states: Vec<State> = self.groups.iter().map(State::new).collect();
        let mut outcome =
            Outcome { spikes: Vec::new(), v: vec![Vec::new(); self.populations], peaks: vec![Peak::default(); self.populations] };
        let mut sources: Vec<(u32, u32)> =
            sample.spikes.iter().map(|&(p, neuron, step)| (step, self.first[p as usize] + neuron)).collect();
        sources.sort_unstable();
        let mut next = 0;
        let mut fired = Vec::new();
        for step in 0..self.steps {
            fired.clear();
            while next < sources.len() && sources[next].0 == step {
                fired.push(sources[next].1);
                next += 1;
            }
            let slot = step as usize % self.slots * 2 * self.total;
            let (excitatory, inhibitory) = ring[slot..slot + 2 * self.total].split_at_mut(self.total);
            for (group, state) in self.groups.iter().zip(&mut states) {
                let arriving = [&mut excitatory[group.range.clone()], &mut inhibitory[group.range.clone()]];
                let before = fired.len();
                let peak = &mut outcome.peaks[group.population as usize];
                state.step(group, arriving, &mut outcome.v[group.population as usize], &mut fired, peak);
                let spikes = fired[before..].iter().map(|&n| (step, group.population, n - group.range.start as u32));
                outcome.spikes.extend(spikes);
            }
            for &neuron in &fired {
                for target in &self.targets[self.ptr[neuron as usize]..self.ptr[neuron as usize + 1]] {
                    let slot = (step as usize + usize::from(target.delay)) % self.slots;
                    ring[(slot * 2 + usize::from(target.receptor)) * self.total + target.neuron as usize] += target.weight;
                }
            }
        }
        outcome.spikes.sort_unstable();
        outcome
    }
}

impl Group {
    fn new(population: u32, range: Range<usize>, neurons: &Neurons, dt_ms: f64, records_v: bool) -> Self {
        let decays = |taus: &[f64]| taus.iter().map(|tau| (-dt_ms / tau).exp()).collect::<Vec<f64>>();
        let decay = if neurons.kind.decays() {
            [decays(&neurons.tau_syn_e_ms), decays(&neurons.tau_syn_i_ms)]
        } else {
            [vec![0.0; range.len()], vec![0.0; range.len()]]
        };
        Self {
            population,
            kind: neurons.kind,
            range,
            decay_m: decays(&neurons.tau_m_ms),
            resistance: neurons.tau_m_ms.iter().zip(&neurons.cm_nf).map(|(tau, cm)| tau / cm).collect(),
            decay,
            refractory_steps: neurons.tau_refrac_ms.iter().map(|tau| (tau / dt_ms - 1e-9).ceil().max(0.0) as u32).collect(),
            per_step: 1.0 / dt_ms,
            neurons: neurons.clone(),
            records_v,
        }
    }
}

/// State of a group during a run.
struct State {
    v: Vec<f64>,
    g: [Vec<f64>; 2],
    wait: Vec<u32>,
}

impl State {
    fn new(group: &Group) -> Self {
        let n = group.range.len();
        Self { v: group.neurons.v_init_mv.clone(), g: [vec![0.0; n], vec![0.0; n]], wait: vec![0; n] }
    }

    fn step(&mut self, group: &Group, arriving: [&mut [f64]; 2], record: &mut Vec<f64>, fired: &mut Vec<u32>, peak: &mut Peak) {
        for (g, arriving) in self.g.iter_mut().zip(arriving) {
            for (g, x) in g.iter_mut().zip(arriving) {
                *g += std::mem::take(x);
            }
        }
        if group.records_v {
            record.extend_from_slice(&self.v);
        }
        let neurons = &group.neurons;
        let [g_e, g_i] = &mut self.g;
        for i in 0..self.v.len() {
            let synaptic = match group.kind {
                CellKind::CurrExp => g_e[i] - g_i[i],
                CellKind::CurrDelta => (g_e[i] - g_i[i]) * group.per_step,
                CellKind::CondExp => g_e[i] * (neurons.e_rev_e_mv[i] - self.v[i]) - g_i[i] * (self.v[i] - neurons.e_rev_i_mv[i]),
            };
            let current = synaptic + neurons.i_offset_na[i];
            peak.g = peak.g.max(g_e[i].abs()).max(g_i[i].abs());
            peak.i = peak.i.max(current.abs());
            if self.wait[i] > 0 {
                self.wait[i] -= 1;
            } else {
                let rest = current * group.resistance[i] + neurons.v_rest_mv[i];
                let v = rest + group.decay_m[i] * (self.v[i] - rest);
                peak.v = peak.v.max(v.abs());
                self.v[i] = v;
            }
            // Also while it is refractory, as on the board: a reset at or above the threshold spikes in every step.
            if self.v[i] >= neurons.v_thresh_mv[i] {
                fired.push((group.range.start + i) as u32);
                self.v[i] = neurons.v_reset_mv[i];
                self.wait[i] = group.refractory_steps[i];
            }
            g_e[i] *= group.decay[0][i];
            g_i[i] *= group.decay[1][i];
        }
    }
}
