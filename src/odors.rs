//! Between circuits and odours: the inputs of a circuit as an input layer.

use kenyon_base::Result;
use kenyon_connectome::Circuit;
use kenyon_datasets::odors::InputLayer;

/// The neurons of a circuit that are driven by odours, in stored order, with their receptor labels.
///
/// # Errors
/// `no-inputs` if the circuit has none.
pub fn input_layer(circuit: &Circuit) -> Result<InputLayer> {
    let rows: Vec<usize> = (0..circuit.len()).filter(|&i| circuit.input[i]).collect();
    let labels = |i: usize| match &circuit.receptors {
        Some(receptors) => receptors.get(i).map(ToString::to_string).collect(),
        None => Vec::new(),
    };
    InputLayer::new(rows.iter().map(|&i| circuit.root_ids[i]).collect(), rows.iter().map(|&i| labels(i)).collect())
}
