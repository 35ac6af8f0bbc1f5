//! Cell kinds of a population and their parameters.

use serde::{Deserialize, Serialize};

use super::{Variable, numbers};

/// What the neurons of a population are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Cells {
    /// `SpikeSourceArray`: spikes come from a [`Sample`](super::Sample).
    SpikeSource,
    /// Integrate-and-fire neurons.
    Neurons(Box<Neurons>),
}

impl Cells {
    /// Name of the cell type in PyNN.
    pub fn pynn_name(&self) -> &'static str {
        match self {
            Self::SpikeSource => "SpikeSourceArray",
            Self::Neurons(neurons) => neurons.kind.pynn_name(),
        }
    }

    /// The neurons, unless these are spike sources.
    pub fn neurons(&self) -> Option<&Neurons> {
        match self {
            Self::SpikeSource => None,
            Self::Neurons(neurons) => Some(neurons),
        }
    }

    /// The same, to change.
    pub fn neurons_mut(&mut self) -> Option<&mut Neurons> {
        match self {
            Self::SpikeSource => None,
            Self::Neurons(neurons) => Some(neurons),
        }
    }

    /// Whether the variable exists.
    pub(crate) fn has(&self, variable: Variable) -> bool {
        variable == Variable::Spikes || self.neurons().is_some()
    }
}

/// Kind of integrate-and-fire neuron, by its name in PyNN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CellKind {
    /// Exponentially decaying currents.
    #[default]
    #[serde(rename = "IF_curr_exp")]
    CurrExp,
    /// Currents that last one step.
    #[serde(rename = "IF_curr_delta")]
    CurrDelta,
    /// Exponentially decaying conductances.
    #[serde(rename = "IF_cond_exp")]
    CondExp,
}

impl CellKind {
    /// Name of the cell type in PyNN.
    pub fn pynn_name(self) -> &'static str {
        match self {
            Self::CurrExp => "IF_curr_exp",
            Self::CurrDelta => "IF_curr_delta",
            Self::CondExp => "IF_cond_exp",
        }
    }

    /// Whether synaptic input decays over time.
    pub fn decays(self) -> bool {
        self != Self::CurrDelta
    }

    /// Whether synaptic input is a conductance.
    pub fn conducts(self) -> bool {
        self == Self::CondExp
    }
}

/// Parameters of integrate-and-fire neurons, one value per neuron.
///
/// Per step: `I = g_E - g_I + i_offset` (conductances: `g_E (e_rev_E - V) + g_I (e_rev_I - V) + i_offset`); unless refractory
/// `V <- I R + v_rest + E (V - I R - v_rest)` with `E = exp(-dt/tau_m)`, `R = tau_m/cm`; at `V >= v_thresh` a spike, `V <- v_reset`;
/// `g <- g exp(-dt/tau_syn)`, or `g <- 0` for `IF_curr_delta`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neurons {
    /// Kind of neuron.
    pub kind: CellKind,
    /// Membrane time constant.
    #[serde(deserialize_with = "numbers::many")]
    pub tau_m_ms: Vec<f64>,
    /// Capacitance.
    #[serde(deserialize_with = "numbers::many")]
    pub cm_nf: Vec<f64>,
    /// Constant current.
    #[serde(deserialize_with = "numbers::many")]
    pub i_offset_na: Vec<f64>,
    /// Resting potential.
    #[serde(deserialize_with = "numbers::many")]
    pub v_rest_mv: Vec<f64>,
    /// Potential after a spike.
    #[serde(deserialize_with = "numbers::many")]
    pub v_reset_mv: Vec<f64>,
    /// Threshold: reaching it is a spike.
    #[serde(deserialize_with = "numbers::many")]
    pub v_thresh_mv: Vec<f64>,
    /// Time after a spike during which the potential stays at `v_reset`.
    #[serde(deserialize_with = "numbers::many")]
    pub tau_refrac_ms: Vec<f64>,
    /// Potential at the start.
    #[serde(deserialize_with = "numbers::many")]
    pub v_init_mv: Vec<f64>,
    /// Decay of excitatory input. Empty for `IF_curr_delta`, as the next.
    #[serde(default, deserialize_with = "numbers::many", skip_serializing_if = "Vec::is_empty")]
    pub tau_syn_e_ms: Vec<f64>,
    /// Decay of inhibitory input.
    #[serde(default, deserialize_with = "numbers::many", skip_serializing_if = "Vec::is_empty")]
    pub tau_syn_i_ms: Vec<f64>,
    /// Reversal potential of excitation. Empty but for `IF_cond_exp`, as the next.
    #[serde(default, deserialize_with = "numbers::many", skip_serializing_if = "Vec::is_empty")]
    pub e_rev_e_mv: Vec<f64>,
    /// Reversal potential of inhibition.
    #[serde(default, deserialize_with = "numbers::many", skip_serializing_if = "Vec::is_empty")]
    pub e_rev_i_mv: Vec<f64>,
}

/// The vectors of a [`Neurons`] under their names, borrowed as asked; those that the kind lacks are left out.
macro_rules! columns {
    ($of:expr, $($borrow:tt)+) => {{
        let mut columns = vec![
            ("tau_m", $($borrow)+ $of.tau_m_ms),
            ("cm", $($borrow)+ $of.cm_nf),
            ("i_offset", $($borrow)+ $of.i_offset_na),
            ("v_rest", $($borrow)+ $of.v_rest_mv),
            ("v_reset", $($borrow)+ $of.v_reset_mv),
            ("v_thresh", $($borrow)+ $of.v_thresh_mv),
            ("tau_refrac", $($borrow)+ $of.tau_refrac_ms),
            ("v", $($borrow)+ $of.v_init_mv),
        ];
        if $of.kind.decays() {
            columns.push(("tau_syn_E", $($borrow)+ $of.tau_syn_e_ms));
            columns.push(("tau_syn_I", $($borrow)+ $of.tau_syn_i_ms));
        }
        if $of.kind.conducts() {
            columns.push(("e_rev_E", $($borrow)+ $of.e_rev_e_mv));
            columns.push(("e_rev_I", $($borrow)+ $of.e_rev_i_mv));
        }
        columns
    }};
}

impl Neurons {
    /// The parameters that the kind has, under PyNN's names; `v` is the initial potential.
    pub fn columns(&self) -> Vec<(&'static str, &Vec<f64>)> {
        columns!(self, &)
    }

    /// The same, to change.
    pub fn columns_mut(&mut self) -> Vec<(&'static str, &mut Vec<f64>)> {
        columns!(self, &mut)
    }
}
