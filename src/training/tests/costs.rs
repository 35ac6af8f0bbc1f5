//! What a step costs in memory and time.

use std::path::Path;

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

/// Seconds that this thread has computed so far; waiting for a processor does not count.
#[cfg(target_os = "linux")]
fn computed() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("there");
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).expect("nanoseconds") * 1e-9
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "measures time: run it alone, `cargo test --workspace --lib -- --ignored costs --nocapture`"]
fn a_trainable_scale_makes_the_backward_pass_at_most_half_as_long_again() {
    // Everything in one thread, so that its time is all there is.
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(scale_costs_at_most_half);
}

#[cfg(target_os = "linux")]
fn scale_costs_at_most_half() {
    let batch = batch(16, 100, 40, 0.05);
    let mut model = model::<f32>(sparse(WeightForm::Gain, 1500), 100);
    let mut backward = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        model.set_trained(&names, Surrogate::default()).unwrap();
        let loss = total(&model, &batch);
        let began = computed();
        loss.backward().unwrap();
        computed() - began
    };
    // By turns, so that both meet the same quiet and busy moments.
    let (mut without, mut with) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..20 {
        without = without.min(backward(&["i_c", "leak", "w_readout"]));
        with = with.min(backward(&["i_c", "leak", "w_readout", "scale"]));
    }
    eprintln!("backward pass: {:.1} ms without the scale, {:.1} ms with it", without * 1e3, with * 1e3);
    assert!(with <= 1.5 * without + 2e-3, "{with} s against {without} s");
}
