//! A random trained network, its plain simulation, and its lowering.
#![allow(dead_code, reason = "no test program uses everything")]

pub(crate) mod program;

pub(crate) mod golden;
pub(crate) mod small;

use kenyon_hardware::lowering::{self, INPUT_DELAY, Lif, RECURRENT_DELAY};
use kenyon_hardware::{Cells, Deployment, HostReadout, Population, Projection, Role, Sample, Variable};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// A trained network in its own units; matrices hold rows of senders.
pub(crate) struct Model {
    pub(crate) decay_syn: Vec<f64>,
    pub(crate) decay_mem: Vec<f64>,
    pub(crate) i_c: Vec<f64>,
    pub(crate) threshold: Vec<f64>,
    pub(crate) reset: Vec<f64>,
    pub(crate) w1: Vec<Vec<f64>>,
    pub(crate) v: Vec<Vec<f64>>,
    pub(crate) w2: Vec<Vec<f64>>,
    pub(crate) input: Vec<Vec<bool>>,
    /// Decays of the readout: filter, integrator.
    pub(crate) decay_out: (f64, f64),
}

/// What a simulation of the model leaves: spikes (step, neuron) and rows of `mem` and `out`.
pub(crate) struct Trace {
    pub(crate) spikes: Vec<(u32, u32)>,
    pub(crate) mem: Vec<Vec<f64>>,
    pub(crate) out: Vec<Vec<f64>>,
}

impl Model {
    pub(crate) fn random(seed: u64, steps: usize) -> Self {
        let mut draw = StdRng::seed_from_u64(seed);
        let (inputs, n, outputs) = (12, 40, 5);
        let mut matrix = |rows: usize, columns: usize, scale: f64, density: f64| {
            (0..rows)
                .map(|_| {
                    (0..columns)
                        .map(|_| if draw.random_bool(density) { draw.random_range(-0.4..1.0) * scale } else { 0.0 })
                        .collect()
                })
                .collect::<Vec<Vec<f64>>>()
        };
        let (w1, v, w2) = (matrix(inputs, n, 0.9, 0.4), matrix(n, n, 0.5, 0.2), matrix(n, outputs, 1.0, 0.9));
        let mut vector = |low: f64, high: f64| (0..n).map(|_| draw.random_range(low..high)).collect::<Vec<f64>>();
        Self {
            decay_syn: vector(0.9, 0.97),
            decay_mem: vector(0.92, 0.99),
            i_c: vector(-0.2, 0.4),
            threshold: vector(0.5, 1.0),
            reset: vector(-0.2, 0.1),
            w1,
            v,
            w2,
            input: (0..steps).map(|_| (0..inputs).map(|_| draw.random_bool(0.05)).collect()).collect(),
            decay_out: (0.95, 0.97),
        }
    }

    /// The equations of training, word for word.
    pub(crate) fn simulate(&self) -> Trace {
        let n = self.i_c.len();
        let (mut mem, mut syn) = (self.reset.clone(), vec![0.0; n]);
        let (mut filtered, mut out) = (vec![0.0; self.w2[0].len()], vec![0.0; self.w2[0].len()]);
        let mut trace = Trace { spikes: Vec::new(), mem: Vec::new(), out: vec![out.clone()] };
        for (t, x) in self.input.iter().enumerate() {
            let s: Vec<bool> = mem.iter().zip(&self.threshold).map(|(m, th)| m > th).collect();
            trace.spikes.extend(s.iter().enumerate().filter(|(_, s)| **s).map(|(i, _)| (t as u32, i as u32)));
            trace.mem.push(mem.clone());
            let (a, b) = self.decay_out;
            for c in 0..out.len() {
                out[c] = b * out[c] + (1.0 - b) * filtered[c];
                filtered[c] = a * filtered[c] + (0..n).filter(|&i| s[i]).map(|i| self.w2[i][c]).sum::<f64>();
            }
            trace.out.push(out.clone());
            for i in 0..n {
                let old = syn[i];
                syn[i] = self.decay_syn[i] * old
                    + (0..x.len()).filter(|&j| x[j]).map(|j| self.w1[j][i]).sum::<f64>()
                    + (0..n).filter(|&j| s[j]).map(|j| self.v[j][i]).sum::<f64>();
                let b = self.decay_mem[i];
                mem[i] = if s[i] { self.reset[i] } else { b * mem[i] + (1.0 - b) * (old - self.i_c[i]) };
            }
        }
        trace
    }

    /// The readout as the host computes it.
    pub(crate) fn host_readout(&self) -> HostReadout {
        let rows = self.w2.iter().enumerate();
        HostReadout {
            sources: (0..self.w2.len() as u32).map(|i| (1, i)).collect(),
            classes: (0..self.w2[0].len()).map(|c| format!("class {c}")).collect(),
            decay_syn: self.decay_out.0,
            decay_mem: self.decay_out.1,
            weights: rows.flat_map(|(i, row)| row.iter().enumerate().map(move |(c, w)| (i as u32, c as u32, *w))).collect(),
        }
    }

    pub(crate) fn lower(&self, v_scale: f64, lead_in: u32) -> Deployment {
        let dt_ms = 2.0;
        let mut d = Deployment::new("random", dt_ms, self.input.len() as u32 + lead_in + 1);
        d.lead_in_steps = lead_in;
        let lif = Lif {
            decay_syn: [&self.decay_syn; 2],
            decay_mem: &self.decay_mem,
            i_c: &self.i_c,
            threshold: &self.threshold,
            reset: &self.reset,
        };
        let ids = |first: u64, n: usize| (first..first + n as u64).collect();
        let hidden_cells = lowering::spiking(&lif, dt_ms, v_scale, lead_in).expect("sound");
        let readout_cells = lowering::integrators(self.w2[0].len(), self.decay_out.0, self.decay_out.1, dt_ms).expect("sound");
        let input = d.add(population("ORN", Role::Input, ids(720_575_940_600_000_001, self.w1.len()), Cells::SpikeSource, 1.0));
        let hidden = d.add(population(
            "Kenyon_Cell",
            Role::Hidden,
            ids(720_575_940_610_000_001, self.i_c.len()),
            Cells::Neurons(Box::new(hidden_cells)),
            v_scale,
        ));
        let readout = d.add(population(
            "readout",
            Role::Readout,
            ids(0, self.w2[0].len()),
            Cells::Neurons(Box::new(readout_cells)),
            v_scale,
        ));
        for (pre, post, matrix, delay) in [
            (input, hidden, &self.w1, INPUT_DELAY),
            (hidden, hidden, &self.v, RECURRENT_DELAY),
            (hidden, readout, &self.w2, RECURRENT_DELAY),
        ] {
            let triples = matrix
                .iter()
                .enumerate()
                .flat_map(|(i, row)| row.iter().enumerate().map(move |(j, w)| (i as u32, j as u32, *w, delay)));
            let split = lowering::split(triples, v_scale).expect("finite");
            for (receptor, synapses) in split.into_receptors() {
                d.projections.push(Projection { pre, post, receptor, synapses });
            }
        }
        let mut spikes: Vec<(u32, u32, u32)> = Vec::new();
        for (t, x) in self.input.iter().enumerate() {
            spikes.extend(x.iter().enumerate().filter(|(_, x)| **x).map(|(j, _)| (input, j as u32, t as u32 + lead_in)));
        }
        spikes.sort_unstable();
        d.samples.push(Sample { name: "first".into(), class: Some(2), spikes });
        d
    }
}

pub(crate) fn population(label: &str, role: Role, ids: Vec<u64>, cells: Cells, v_scale: f64) -> Population {
    let record = match role {
        Role::Input => Vec::new(),
        Role::Hidden => vec![Variable::Spikes],
        Role::Readout => vec![Variable::V],
    };
    Population { label: label.into(), role, ids, names: Vec::new(), cells, record, v_scale }
}
