//! Presynaptic inhibition: inhibitory neurons of the circuit that reach the terminals of its inputs.

use std::path::Path;

use kenyon_base::{Result, UserError};
use kenyon_connectome::Circuit;

use super::spec::NetworkSpec;

/// Pairs from inhibitory hidden neurons onto inputs, sorted by (pre, post), each once.
#[derive(Debug, Clone, PartialEq)]
pub struct Presynaptic {
    /// Sender of each pair, an index of the hidden neurons.
    pub pre: Vec<u32>,
    /// Input that each pair reaches.
    pub post: Vec<u32>,
    /// Synapses of each pair.
    pub syn_count: Vec<u32>,
    /// What one spike adds to the trace of an input, per synapse.
    pub strength: f64,
    /// Time constant of the trace in ms.
    pub tau_ms: f64,
}

/// Whether a pair onto an input takes part: the config wants it and its sender inhibits.
pub(super) fn takes_part(spec: &NetworkSpec, sign: i8) -> bool {
    spec.presynaptic_inhibition && sign < 0
}

impl Presynaptic {
    /// The pairs of a circuit, none if the config does not want them; `position` is each neuron's index among its kind.
    ///
    /// # Errors
    /// `no-presynaptic-inhibition` if the config wants what the circuit lacks.
    pub(super) fn build(circuit: &Circuit, spec: &NetworkSpec, position: &[u32], config: &Path) -> Result<Option<Self>> {
        if !spec.presynaptic_inhibition {
            return Ok(None);
        }
        let tau_ms = spec.presynaptic_tau_ms.unwrap_or(spec.tau_syn_ms);
        let (strength, mut silenced) = (spec.presynaptic_strength, 0);
        let mut out = Self { pre: Vec::new(), post: Vec::new(), syn_count: Vec::new(), strength, tau_ms };
        for (pre, post, syn_count) in circuit.edges.triples() {
            let onto_input = !circuit.input[pre as usize] && circuit.input[post as usize];
            if !onto_input || !takes_part(spec, circuit.sign[pre as usize]) {
                continue;
            }
            if circuit.silenced[pre as usize] {
                silenced += 1;
                continue;
            }
            out.pre.push(position[pre as usize]);
            out.post.push(position[post as usize]);
            out.syn_count.push(syn_count);
        }
        if out.is_empty() && silenced == 0 {
            return Err(UserError::bad_data("no-presynaptic-inhibition", "no inhibitory neuron of the circuit reaches an input")
                .file(config)
                .key("network.presynaptic_inhibition")
                .found("true")
                .expected("a circuit with inhibitory connections onto its inputs")
                .mend("build the circuit with `presynaptic_inhibition = true` in `[selection]`, or leave the key out here"));
        }
        Ok(Some(out))
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.pre.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pre.is_empty()
    }
}
