//! What a step costs in memory and time.

use std::path::Path;
use std::time::Instant;

use super::*;

/// Many neurons, few synapses each.
fn sparse(form: WeightForm, hidden: u32) -> Network {
    Network::build(&fixtures::large(hidden), &fixtures::spec(form), 3, 1, Path::new("train.toml")).unwrap()
}

#[test]
fn no_gradient_of_a_sparse_matrix_is_larger_than_its_stored_entries() {
    let (hidden, steps) = (500, 20);
    for form in FORMS {
        let network = sparse(form, hidden);
        let stored = network.input.len() + network.recurrent.len();
        let model = model::<f32>(network, steps);
        let store = total(&model, &batch(2, steps, 40, 0.1)).backward().unwrap();
        let largest = store.get_ids().filter_map(|id| store.get_id(*id)).map(Tensor::elem_count).max().unwrap();
        assert!(stored > 10_000, "{stored}");
        // All effective parameters lie in one vector: four values a neuron and a handful besides.
        assert!(largest <= stored + 4 * hidden as usize + 8, "{form:?}: a gradient of {largest} for {stored} synapses");
        assert!(largest < (hidden * hidden / 2) as usize);
    }
}

#[test]
fn a_trainable_scale_makes_the_backward_pass_at_most_half_as_long_again() {
    let batch = batch(16, 100, 40, 0.05);
    let mut model = model::<f32>(sparse(WeightForm::Gain, 1500), 100);
    let mut fastest = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        model.set_trained(&names, Surrogate::default()).unwrap();
        let one = || {
            let loss = total(&model, &batch);
            let began = Instant::now();
            loss.backward().unwrap();
            began.elapsed().as_secs_f64()
        };
        (0..7).map(|_| one()).fold(f64::INFINITY, f64::min)
    };
    let without = fastest(&["i_c", "leak", "w_readout"]);
    let with = fastest(&["i_c", "leak", "w_readout", "scale"]);
    eprintln!("backward pass: {:.1} ms without the scale, {:.1} ms with it", without * 1e3, with * 1e3);
    assert!(with <= 1.5 * without + 2e-3, "{with} s against {without} s");
}
