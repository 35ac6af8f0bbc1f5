//! From what a network left behind to its answer.
//!
//! Rows of a readout stand for the steps of the trained network: row t is `out_t`, t from 0 to the number of input steps.

use crate::deployment::{Decision, Deployment, HostReadout, Role};

/// Values of the readout: rows of steps, columns of classes, in units of the trained network.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Row after row.
    pub values: Vec<f64>,
    /// Number of columns.
    pub classes: usize,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Value of each class.
    pub values: Vec<f64>,
    /// The class with the largest; the first of equals.
    pub class: u32,
}

impl Answer {
    /// By how much the largest value exceeds the second.
    pub fn margin(&self) -> f64 {
        let others = self.values.iter().enumerate().filter(|(c, _)| *c != self.class as usize).map(|(_, v)| *v);
        self.values[self.class as usize] - others.fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Where the readout of a deployment is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place<'a> {
    /// On the host, from recorded spikes.
    Host(&'a HostReadout),
    /// By a population of integrators.
    Device(u32),
}

/// Where the readout is computed; none if the network has none.
pub fn place(d: &Deployment) -> Option<Place<'_>> {
    let device = || d.populations.iter().position(|p| p.role == Role::Readout).map(|p| Place::Device(p as u32));
    d.host_readout.as_ref().map(Place::Host).or_else(device)
}

/// Rows of the readout wherever it is computed; none if the network has none. `v` holds the recorded potentials in mV by population.
pub fn rows(d: &Deployment, spikes: &[(u32, u32, u32)], v: &[Vec<f64>]) -> Option<Rows> {
    Some(match place(d)? {
        Place::Host(readout) => on_host(d, readout, spikes),
        Place::Device(population) => on_device(d, population, &v[population as usize]),
    })
}

/// Rows from spikes (step, population, neuron) of the network's neurons.
///
/// A spike of step k is the trained network's of k + 1, and `flt <- a flt + s W`, `out <- b out + (1 - b) flt` with the old `flt`.
/// Where spikes are counted there is one row: the sum of the weights of all spikes within the trained time.
pub fn on_host(d: &Deployment, readout: &HostReadout, spikes: &[(u32, u32, u32)]) -> Rows {
    let classes = readout.classes.len();
    let mut weights: Vec<Vec<(u32, f64)>> = vec![Vec::new(); readout.sources.len()];
    for &(source, class, weight) in &readout.weights {
        weights[source as usize].push((class, weight));
    }
    let mut source_of: Vec<Vec<u32>> = d.populations.iter().map(|p| vec![u32::MAX; p.ids.len()]).collect();
    for (k, &(population, neuron)) in readout.sources.iter().enumerate() {
        source_of[population as usize][neuron as usize] = k as u32;
    }
    let mut rows = Rows { values: Vec::new(), classes };
    if d.decision == Decision::Count {
        rows.values = vec![0.0; classes];
        for &(_, population, neuron) in spikes.iter().filter(|s| in_trained_time(d, s.0)) {
            let source = source_of[population as usize][neuron as usize];
            for &(class, weight) in weights.get(source as usize).map_or(&[][..], Vec::as_slice) {
                rows.values[class as usize] += weight;
            }
        }
        return rows;
    }
    let (mut flt, mut out) = (vec![0.0; classes], vec![0.0; classes]);
    let (a, b) = (readout.decay_syn, readout.decay_mem);
    let mut next = 0;
    for step in 0..d.steps {
        if step >= d.lead_in_steps {
            rows.values.extend_from_slice(&out);
        }
        for (out, flt) in out.iter_mut().zip(&mut flt) {
            *out = b * *out + (1.0 - b) * *flt;
            *flt *= a;
        }
        while next < spikes.len() && spikes[next].0 < step {
            let (_, population, neuron) = spikes[next];
            let source = source_of[population as usize][neuron as usize];
            for &(class, weight) in weights.get(source as usize).map_or(&[][..], Vec::as_slice) {
                flt[class as usize] += weight;
            }
            next += 1;
        }
    }
    rows
}

/// Whether a spike of `step` is one of the trained network's steps. Its spike of step t is the board's of t - 1; the board goes on
/// for two steps, so that the last one reaches the readout.
pub(crate) fn in_trained_time(d: &Deployment, step: u32) -> bool {
    step + 2 < d.steps
}

/// Rows from the recorded potential of a population of integrators: rows of all steps, in mV.
pub fn on_device(d: &Deployment, population: u32, v: &[f64]) -> Rows {
    let (classes, scale) = (d.populations[population as usize].ids.len(), d.populations[population as usize].v_scale);
    let values = v[d.lead_in_steps as usize * classes..].iter().map(|v| v / scale).collect();
    Rows { values, classes }
}

/// The answer. The mean leaves row 0 out, which is 0 in every network.
pub fn decide(decision: Decision, rows: &Rows) -> Answer {
    let column = |c: usize| rows.values.iter().skip(c).step_by(rows.classes);
    let count = rows.values.len() / rows.classes;
    let values: Vec<f64> = (0..rows.classes)
        .map(|c| match decision {
            Decision::Max => column(c).copied().fold(f64::NEG_INFINITY, f64::max),
            Decision::Mean => column(c).skip(1).sum::<f64>() / (count - 1).max(1) as f64,
            Decision::Window { from, to } => {
                column(c).take(to as usize).skip(from as usize).sum::<f64>() / f64::from(to.saturating_sub(from).max(1))
            }
            Decision::Last | Decision::Count => column(c).next_back().copied().unwrap_or(0.0),
        })
        .collect();
    let class = (1..values.len()).fold(0, |best, c| if values[c] > values[best] { c } else { best });
    Answer { values, class: class as u32 }
}
