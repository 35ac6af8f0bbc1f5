//! A network as hardware sees it: populations of integrate-and-fire cells, projections of synapses, input spikes.
//!
//! | file | subject |
//! |---|---|
//! | here | populations, projections, samples, readout, as plain data |
//! | `cells` | the cell kinds and their parameters |
//! | `check` | whether a description makes sense |
//! | `file` | reading and writing it as HDF5 and JSON |
//! | `numbers` | numbers in JSON that are none |
//!
//! # Units
//! Time in ms or in steps, potential in mV, current in nA, capacitance in nF; weights in nA, of conductance cells in uS.

mod cells;
mod check;
mod file;
mod numbers;

use serde::{Deserialize, Serialize};

pub use cells::{CellKind, Cells, Neurons};

/// Version of the description.
pub const VERSION: u32 = 1;

/// A network lowered for hardware.
///
/// Everything is plain data; [`check`](Self::check) says whether it makes sense. Back ends check before they write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// [`VERSION`].
    pub version: u32,
    /// Name for people.
    pub name: String,
    /// Time step.
    #[serde(deserialize_with = "numbers::one")]
    pub dt_ms: f64,
    /// Steps of a simulation, lead-in included.
    pub steps: u32,
    /// Steps before the first input step of the trained network; spikes of [`Sample`]s already stand after them.
    pub lead_in_steps: u32,
    /// The populations.
    pub populations: Vec<Population>,
    /// The projections, one for each (pre, post, receptor).
    pub projections: Vec<Projection>,
    /// Inputs to run.
    pub samples: Vec<Sample>,
    /// How the readout becomes an answer.
    pub decision: Decision,
    /// The readout, where it is computed on the host from recorded spikes.
    pub host_readout: Option<HostReadout>,
    /// What the network was made from: name and sha256.
    pub sources: Vec<(String, String)>,
    /// Whether the connectome or a part of the circuit was synthetic: a statistical stand-in, not a measurement.
    pub synthetic: bool,
}

/// A group of neurons of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Name of the population: any text.
    pub label: String,
    /// What it is for.
    pub role: Role,
    /// Id of each neuron: its `root_id`, or for a readout the number of its class.
    pub ids: Vec<u64>,
    /// Name of each neuron, such as its cell type or the odour; any text. Empty where there are none.
    pub names: Vec<String>,
    /// What the neurons are.
    pub cells: Cells,
    /// What is recorded.
    pub record: Vec<Variable>,
    /// mV and nA per unit of the trained network, a power of two.
    #[serde(deserialize_with = "numbers::one")]
    pub v_scale: f64,
}

/// What a population is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Spike sources.
    Input,
    /// Spiking neurons.
    Hidden,
    /// Integrators whose potential is the answer.
    Readout,
}

/// What can be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variable {
    /// Spikes.
    Spikes,
    /// Membrane potential.
    V,
    /// Excitatory synaptic variable.
    GsynExc,
    /// Inhibitory synaptic variable.
    GsynInh,
}

impl Variable {
    /// Its name in PyNN.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spikes => "spikes",
            Self::V => "v",
            Self::GsynExc => "gsyn_exc",
            Self::GsynInh => "gsyn_inh",
        }
    }
}

/// Synapses from one population to another at one receptor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Projection {
    /// Index of the sending population.
    pub pre: u32,
    /// Index of the receiving population.
    pub post: u32,
    /// Receptor.
    pub receptor: Receptor,
    /// The synapses. Lowering sorts them by sender, receiver, delay and adds up what agrees in all three; a list of other origin keeps
    /// its order, which is the order of a row on the board.
    pub synapses: Vec<Synapse>,
}

impl Receptor {
    /// Its name in PyNN.
    pub fn name(self) -> &'static str {
        match self {
            Self::Excitatory => "excitatory",
            Self::Inhibitory => "inhibitory",
        }
    }
}

/// Sign of a synapse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receptor {
    /// Current is added.
    Excitatory,
    /// Current is taken away.
    Inhibitory,
}

/// One synapse.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synapse {
    /// Sender: position in its population.
    pub pre: u32,
    /// Receiver: position in its population.
    pub post: u32,
    /// Magnitude, above zero; the receptor holds the sign. In nA, of conductance cells in uS.
    #[serde(deserialize_with = "numbers::one")]
    pub weight: f64,
    /// Delay in steps: a whole number, at least 1.
    #[serde(deserialize_with = "numbers::one")]
    pub delay_steps: f64,
}

impl Synapse {
    /// The delay as tools load it: whole steps, halves to the even one, at least 1.
    pub fn delay(&self) -> u32 {
        self.delay_steps.round_ties_even().max(1.0) as u32
    }
}

/// One input to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Name for people: any text.
    pub name: String,
    /// Number of the right class, where one is known.
    pub class: Option<u32>,
    /// Spikes (population, neuron, step), lead-in included, sorted; no two are equal.
    pub spikes: Vec<(u32, u32, u32)>,
}

/// How the readout over time becomes an answer: the class with the largest value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Largest value over time.
    #[default]
    Max,
    /// Mean over time.
    Mean,
    /// Mean over the rows `from` up to but not `to` (see [`readout`](crate::readout)).
    Window {
        /// First row.
        from: u32,
        /// Row after the last.
        to: u32,
    },
    /// Last value.
    Last,
    /// Spikes, each with its weight; only where the host reads.
    Count,
}

/// A readout that the host computes from recorded spikes: `flt <- a flt + s W`, `out <- b out + (1 - b) flt` (old `flt`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostReadout {
    /// The neurons that are read, as (population, neuron).
    pub sources: Vec<(u32, u32)>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Decay of the filter per step.
    #[serde(deserialize_with = "numbers::one")]
    pub decay_syn: f64,
    /// Decay of the integrator per step.
    #[serde(deserialize_with = "numbers::one")]
    pub decay_mem: f64,
    /// Weights that are not zero: (index of a source, class, signed weight in units of the trained network), sorted.
    pub weights: Vec<(u32, u32, f64)>,
}

impl Deployment {
    /// A network without populations.
    pub fn new(name: impl Into<String>, dt_ms: f64, steps: u32) -> Self {
        Self {
            version: VERSION,
            name: name.into(),
            dt_ms,
            steps,
            lead_in_steps: 0,
            populations: Vec::new(),
            projections: Vec::new(),
            samples: Vec::new(),
            decision: Decision::default(),
            host_readout: None,
            sources: Vec::new(),
            synthetic: false,
        }
    }

    /// Adds a population and returns its index.
    pub fn add(&mut self, population: Population) -> u32 {
        self.populations.push(population);
        self.populations.len() as u32 - 1
    }

    /// The same without what stands in tables: values per neuron, synapses, spikes, weights of the host's readout.
    pub(crate) fn without_tables(&self) -> Self {
        let mut populations = self.populations.clone();
        for population in &mut populations {
            population.ids.clear();
            population.names.clear();
            population.cells.neurons_mut().map(Neurons::columns_mut).unwrap_or_default().into_iter().for_each(|c| c.1.clear());
        }
        let bare = |p: &Projection| Projection { synapses: Vec::new(), ..*p };
        let silent = |s: &Sample| Sample { name: s.name.clone(), class: s.class, spikes: Vec::new() };
        let host_readout = self.host_readout.as_ref().map(|r| HostReadout {
            sources: r.sources.clone(),
            classes: r.classes.clone(),
            weights: Vec::new(),
            ..*r
        });
        Self {
            name: self.name.clone(),
            populations,
            projections: self.projections.iter().map(bare).collect(),
            samples: self.samples.iter().map(silent).collect(),
            host_readout,
            sources: self.sources.clone(),
            ..*self
        }
    }

    /// Number of synapses.
    pub fn synapses(&self) -> usize {
        self.projections.iter().map(|p| p.synapses.len()).sum()
    }
}
