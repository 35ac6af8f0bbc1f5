//! Null models of a circuit.

use kenyon_base::Result;
use serde_json::json;

use super::Circuit;
use crate::codex::Nt;
use crate::nulls::{self, NullInput, NullModel, NullOptions, NullReport};

/// Makes a null model of `circuit`; its invariants are checked.
///
/// # Errors
/// The circuit has self loops where the model forbids them, or a silenced neuron with connections; an invariant did not hold.
pub fn shuffle(circuit: &Circuit, model: NullModel, seed: u64, options: &NullOptions) -> Result<(Circuit, NullReport)> {
    let types = circuit.attribute("type");
    let nt: Vec<u32> = circuit.nt.iter().map(|&nt| nt as u32).collect();
    let hidden: Vec<bool> = circuit.input.iter().map(|&input| !input).collect();
    let input = NullInput {
        edges: &circuit.edges,
        type_code: types.codes(),
        population: &circuit.population,
        nt: &nt,
        sign: &circuit.sign,
        hidden: &hidden,
        silenced: &circuit.silenced,
    };
    let made = nulls::generate(model, &input, seed, options)?;
    let mut out = circuit.successor();
    out.edges = made.edges;
    out.sign = made.sign;
    out.nt = made.nt.iter().map(|&code| Nt::from_code(code as u8).unwrap_or_default()).collect();
    out.report.changes.push(json!({ "null": made.report }));
    out.provenance.steps.push(json!({ "null": made.report, "permutation": made.permutation }));
    Ok((out, made.report))
}
