//! What of a training run is a statistical stand-in: fly, completed pairs, odour responses. It is told wherever results are.

use std::collections::BTreeMap;

use kenyon_connectome::Circuit;
use kenyon_connectome::circuit::Generated;
use serde::Serialize;

use crate::report::number;

/// What was generated and not measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Whether the whole fly is synthetic.
    pub fly: bool,
    /// Pairs of the circuit that a completion generated.
    pub generated_pairs: u64,
    /// All pairs of the circuit.
    pub pairs: u64,
    /// Generated pairs by projection, as the completion drew them.
    pub completed: BTreeMap<String, u64>,
    /// Whether the responses to odours are synthetic.
    pub responses: bool,
}

impl Origin {
    /// What of `circuit`, and of its samples, is generated.
    pub fn of(circuit: &Circuit, responses: bool) -> Self {
        let Generated { fly, pairs, of_pairs, .. } = circuit.generated();
        let completed = circuit.report.completion.iter().map(|done| (done.projection.clone(), done.pairs)).collect();
        Self { fly, generated_pairs: pairs, pairs: of_pairs, completed, responses }
    }

    /// Whether anything was.
    pub fn is_synthetic(&self) -> bool {
        self.fly || self.generated_pairs > 0 || self.responses
    }

    /// The fly in a few words, for the middle of a sentence.
    pub fn fly_in_words(&self) -> &'static str {
        match (self.fly, self.generated_pairs) {
            (true, _) => "a synthetic fly",
            (false, 0) => "a real connectome",
            (false, _) => "a real connectome completed with generated pairs",
        }
    }

    /// All of it as sentences; none if everything was measured.
    pub fn sentences(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.fly {
            out.push("The fly is synthetic: no neuron of it is real.".to_string());
        }
        if self.generated_pairs > 0 {
            let names: Vec<&str> = self.completed.keys().map(String::as_str).collect();
            out.push(format!(
                "{} of the circuit's {} connected pairs are synthetic, generated from published statistics and not measured: {}.",
                number(self.generated_pairs as f64, 0),
                number(self.pairs as f64, 0),
                names.join(", ")
            ));
        }
        if self.responses {
            out.push("The responses to odours are synthetic.".to_string());
        }
        out
    }
}
