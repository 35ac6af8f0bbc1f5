//! Between circuits and odours: the inputs of a circuit as an input layer.

use kenyon_base::Result;
use kenyon_connectome::Circuit;
use kenyon_datasets::odors::{InputLayer, receptors_of_type};

/// The neurons of a circuit that are driven by odours, in stored order, with their receptor labels.
///
/// Without a receptor map, labels follow from the cell types; [`labels_from_types`] says so.
///
/// # Errors
/// `no-inputs` if the circuit has none.
pub fn input_layer(circuit: &Circuit) -> Result<InputLayer> {
    let types = circuit.attribute("type");
    let from_types = labels_from_types(circuit);
    let labels = |i: usize| -> Vec<String> {
        match &circuit.receptors {
            Some(receptors) if !from_types => receptors.get(i).map(ToString::to_string).collect(),
            _ => receptors_of_type(types.get(i)).iter().map(ToString::to_string).collect(),
        }
    };
    let rows = || (0..circuit.len()).filter(|&i| circuit.input[i]);
    InputLayer::new(rows().map(|i| circuit.root_ids[i]).collect(), rows().map(labels).collect())
}

/// Whether no input of the circuit has a receptor label, so that labels follow from the cell types.
pub fn labels_from_types(circuit: &Circuit) -> bool {
    let labelled = |i: usize| circuit.receptors.as_ref().is_some_and(|r| r.get(i).next().is_some());
    !(0..circuit.len()).any(|i| circuit.input[i] && labelled(i))
}
