//! A neuron with one excitatory and one inhibitory synapse on every dendritic segment.

use kenyon_datasets::simulation::{Neuron as AboutNeuron, SynapseRow};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recipe::Placement;
use kenyon_neurons::biophysical::solver::{Scheme, Settings, Synapse};
use kenyon_neurons::biophysical::synapse::SynapseSet;
use serde_json::Value;

/// A dendritic segment that bears synapses.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentPlace {
    /// Its node.
    pub node: u32,
    /// Mean height, µm; rows may be sorted by it.
    pub y_mean_um: f64,
}

/// A neuron ready to be simulated for a set.
#[derive(Debug, Clone)]
pub struct SetNeuron {
    /// The neuron.
    pub neuron: Neuron,
    /// Synapses by input row: excitation of every segment, then inhibition.
    pub synapses: Vec<Synapse>,
    /// Node of the soma.
    pub soma: u32,
    /// Nodes of the segments, in the order of the rows.
    pub branches: Vec<u32>,
    rows: Vec<SynapseRow>,
    /// What the order of the rows is.
    order: String,
    /// Whether voltages of the segments are stored.
    stored_branches: bool,
    /// All parameters, for the set to state.
    parameters: Value,
}

impl SetNeuron {
    /// Synapses of a published set on these segments, in this order, which `order` names; `parameters` describes the neuron.
    pub fn new(neuron: Neuron, soma: u32, set: &SynapseSet, places: &[SegmentPlace], order: &str, parameters: Value) -> Self {
        let open = |receptors: [(_, f64); 2]| receptors.into_iter().filter(|(_, gmax)| *gmax > 0.0).collect::<Vec<_>>();
        let excitation = open([(set.ampa_receptor(), set.ampa.gmax_us), (set.nmda_receptor(), set.nmda.gmax_us)]);
        let inhibition = open([(set.gaba_a_receptor(), set.gaba_a.gmax_us), (set.gaba_b_receptor(), set.gaba_b.gmax_us)]);
        let of = |receptors: &Vec<_>| places.iter().map(|p| Synapse { node: p.node, receptors: receptors.clone() }).collect::<Vec<_>>();
        let synapses = [of(&excitation), of(&inhibition)].concat();
        let row = |place: &SegmentPlace, sign: i8| {
            let node = &neuron.cable.nodes[place.node as usize];
            SynapseRow {
                section: neuron.cable.sections[node.section as usize].name.clone(),
                segment: node.segment.unwrap_or(0),
                x: node.x,
                sign,
                y_mean: place.y_mean_um,
            }
        };
        let rows = [1, -1].into_iter().flat_map(|sign| places.iter().map(move |p| (p, sign)));
        Self {
            rows: rows.map(|(place, sign)| row(place, sign)).collect(),
            branches: places.iter().map(|p| p.node).collect(),
            order: order.into(),
            stored_branches: true,
            synapses,
            soma,
            neuron,
            parameters,
        }
    }

    /// The same without voltages of the segments in the set.
    #[must_use]
    pub fn without_branches(mut self) -> Self {
        (self.branches, self.stored_branches) = (Vec::new(), false);
        self
    }

    /// Lengths of the segments that bear synapses, µm, in the order of the rows.
    pub fn segment_um(&self) -> Vec<f64> {
        let half = &self.synapses[..self.synapses.len() / 2];
        half.iter().map(|s| self.neuron.cable.nodes[s.node as usize].length_um).collect()
    }

    /// What the set says about the neuron.
    pub fn about(&self, settings: &Settings) -> AboutNeuron {
        AboutNeuron {
            parameters: self.parameters.clone(),
            dt_ms: settings.dt_ms,
            scheme: match settings.scheme {
                Scheme::ImplicitEuler => "implicit-euler",
                Scheme::CrankNicolson => "crank-nicolson",
            }
            .into(),
            celsius: self.neuron.recipe.celsius,
            placement: match self.neuron.recipe.placement {
                Placement::Reference => "reference",
                Placement::Centre => "centre",
            }
            .into(),
            synapse_order: self.order.clone(),
            synapses: self.rows.clone(),
            branches: self.stored_branches,
        }
    }
}
