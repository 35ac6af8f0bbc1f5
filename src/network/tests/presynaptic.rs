//! Inhibition of inputs: which pairs take part, and what the engine gets.

use std::path::Path;

use super::super::spec::NetworkSpec;
use super::*;
use crate::training::model::topology;

fn inhibited() -> NetworkSpec {
    NetworkSpec { presynaptic_inhibition: true, presynaptic_strength: 0.1, ..spec(WeightForm::Gain) }
}

#[test]
fn it_is_off_unless_asked_for() {
    assert!(!NetworkSpec::default().presynaptic_inhibition);
    let network = network(&spec(WeightForm::Gain));
    assert_eq!((network.presynaptic.clone(), network.left_out.onto_inputs), (None, 1));
    assert_eq!(topology(&network).presynaptic, None);
}

#[test]
fn inhibitory_pairs_onto_inputs_take_part_and_others_stay_left_out() {
    let mut circuit = circuit();
    let mut edges: Vec<_> = circuit.edges.triples().collect();
    // From a projection neuron, which excites, and from the second local neuron.
    edges.extend([(6, 3, 4), (10, 2, 7)]);
    circuit.edges = kenyon_connectome::edges::Edges::from_triples(16, &edges);
    let build = |spec: &NetworkSpec| Network::build(&circuit, spec, 3, 1, Path::new("train.toml")).unwrap();
    let (off, on) = (build(&spec(WeightForm::Gain)), build(&inhibited()));
    assert_eq!((off.left_out.onto_inputs, on.left_out.onto_inputs, on.left_out.among_inputs), (3, 1, 1));
    assert_eq!((&on.input, &on.recurrent), (&off.input, &off.recurrent));
    let pairs = on.presynaptic.as_ref().unwrap();
    assert_eq!(
        (pairs.pre.as_slice(), pairs.post.as_slice(), pairs.syn_count.as_slice()),
        (&[4, 5][..], &[0, 2][..], &[11, 7][..])
    );

    let wiring = topology(&on).presynaptic.unwrap();
    assert_eq!(wiring.pattern.row_of_entry(), [4, 5]);
    assert_eq!(wiring.pattern.col, [0, 2]);
    assert!((wiring.strength[0] - 1.1).abs() < 1e-12 && (wiring.strength[1] - 0.7).abs() < 1e-12);
    assert!((wiring.decay - (-1.0_f64 / 4.0).exp()).abs() < 1e-15, "the time constant of the synapses, 4 ms");
    let slow = build(&NetworkSpec { presynaptic_tau_ms: Some(50.0), ..inhibited() });
    assert!((topology(&slow).presynaptic.unwrap().decay - (-1.0_f64 / 50.0).exp()).abs() < 1e-15);
}

#[test]
fn silenced_neurons_inhibit_no_input() {
    let mut circuit = circuit();
    circuit.silenced[9] = true;
    let network = Network::build(&circuit, &inhibited(), 3, 1, Path::new("train.toml")).unwrap();
    assert!(network.presynaptic.unwrap().is_empty());
    assert_eq!((network.left_out.onto_inputs, network.left_out.silenced), (0, 4));
}

#[test]
fn a_circuit_without_inhibition_of_inputs_is_refused_with_the_mend() {
    let mut circuit = circuit();
    circuit.edges = kenyon_connectome::edges::Edges::from_triples(16, &[(0, 5, 6), (1, 11, 7), (5, 0, 8)]);
    let error = Network::build(&circuit, &inhibited(), 3, 1, Path::new("train.toml")).unwrap_err();
    assert_eq!((error.code(), error.exit_code()), ("no-presynaptic-inhibition", 3));
    assert!(error.to_string().contains("presynaptic_inhibition = true"), "{error}");
}

#[test]
fn strengths_and_times_without_a_meaning_name_their_key() {
    for strength in [0.0, -0.1, f64::NAN, 1e9] {
        let error = NetworkSpec { presynaptic_strength: strength, ..inhibited() }.validate(Path::new("train.toml")).unwrap_err();
        assert!(error.exit_code() == 3 && error.to_string().contains("`network.presynaptic_strength`"), "{error}");
    }
    for tau in [0.0, f64::INFINITY] {
        let error = NetworkSpec { presynaptic_tau_ms: Some(tau), ..inhibited() }.validate(Path::new("train.toml")).unwrap_err();
        assert!(error.exit_code() == 3 && error.to_string().contains("`network.presynaptic_tau_ms`"), "{error}");
    }
}
