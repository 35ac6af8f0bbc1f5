//! A neuron with one excitatory and one inhibitory synapse on every dendritic segment.

use kenyon_base::Result;
use kenyon_datasets::simulation::{Neuron as AboutNeuron, SynapseRow};
use kenyon_neurons::biophysical::mechanism::Grid;
use kenyon_neurons::biophysical::model::Model;
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::placing::{self, SynapseKind, SynapseOrder};
use kenyon_neurons::biophysical::solver::{Settings, Synapse};
use serde::Serialize;
use serde_json::{Value, json};

/// A neuron ready to be simulated for a set.
#[derive(Debug, Clone)]
pub struct SetNeuron {
    /// The neuron.
    pub neuron: Neuron,
    /// Synapses by input row: excitation of every segment, then inhibition.
    pub synapses: Vec<Synapse>,
    /// Node of the soma.
    pub soma: u32,
    /// Nodes of the segments whose voltages are stored, in the order of the rows.
    pub branches: Vec<u32>,
    rows: Vec<SynapseRow>,
    order: SynapseOrder,
    /// All parameters, for the set to state.
    parameters: Value,
}

impl SetNeuron {
    /// A model with synapses in this order; `branches` keeps the voltages of the segments.
    ///
    /// # Errors
    /// A model without a soma.
    pub fn new(model: &Model, order: SynapseOrder, branches: bool) -> Result<Self> {
        let synapses = placing::per_segment(model, order);
        let nodes = placing::dendritic_nodes(model, order);
        let heights = placing::heights(model, &nodes);
        let row = |(synapse, y_mean): (&placing::PlacedSynapse, &f64)| SynapseRow {
            section: synapse.section.clone(),
            segment: model.neuron.cable.nodes[synapse.node as usize].segment.unwrap_or(0),
            x: synapse.x,
            sign: if synapse.kind == SynapseKind::Exc { 1 } else { -1 },
            y_mean: *y_mean,
        };
        let (section, x) = model.soma();
        Ok(Self {
            soma: model.neuron.cable.node_at(&section, x)?,
            rows: synapses.iter().zip(heights.iter().cycle()).map(row).collect(),
            synapses: synapses.iter().map(placing::PlacedSynapse::synapse).collect(),
            branches: if branches { nodes } else { Vec::new() },
            order,
            parameters: json!({ "name": model.name(), "model": model.spec, "notes": model.notes }),
            neuron: model.neuron.clone(),
        })
    }

    /// Lengths of the segments that bear synapses, µm, in the order of the rows.
    pub fn segment_um(&self) -> Vec<f64> {
        let excitatory = &self.synapses[..self.synapses.len() / 2];
        excitatory.iter().map(|s| self.neuron.cable.nodes[s.node as usize].length_um).collect()
    }

    /// What the set says about the neuron.
    ///
    /// Everything that a voltage hangs on stands here: sets of different settings are different sets.
    pub fn about(&self, settings: &Settings) -> AboutNeuron {
        let Settings { dt_ms, scheme, v_init_mv, tables } = *settings;
        AboutNeuron {
            parameters: self.parameters.clone(),
            dt_ms,
            scheme: word(&scheme),
            celsius: self.neuron.recipe.celsius,
            v_init_mv: v_init_mv.unwrap_or(self.neuron.recipe.v_init_mv),
            tables: tables.map(|Grid { from_mv, to_mv, step_mv }| [from_mv, to_mv, step_mv]),
            placement: word(&self.neuron.recipe.placement),
            synapse_order: word(&self.order),
            synapses: self.rows.clone(),
            branches: !self.branches.is_empty(),
        }
    }
}

/// How a choice is written in configs.
fn word(choice: &impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(Value::String(word)) => word,
        other => format!("{other:?}"),
    }
}
