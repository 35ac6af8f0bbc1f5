//! From circuit and spec to a network and its start values.

use std::path::Path;

use super::super::spec::{Fan, ModelKind, NetworkSpec, Share, WeightSpec};
use super::*;

fn build(circuit: &kenyon_connectome::Circuit, spec: &NetworkSpec) -> Network {
    Network::build(circuit, spec, 3, 1, Path::new("train.toml")).unwrap()
}

#[test]
fn pairs_onto_and_among_inputs_are_left_out_and_counted() {
    let network = network(&spec(WeightForm::Gain));
    assert_eq!((network.input.len(), network.recurrent.len()), (10, 20));
    assert_eq!((network.left_out.onto_inputs, network.left_out.among_inputs, network.left_out.silenced), (1, 1, 0));
    assert_eq!(network.input.syn_count.iter().sum::<u32>(), 139);
    assert_eq!(network.input.row_ptr(), [0, 2, 4, 6, 8, 10]);
}

#[test]
fn all_synapses_of_a_neuron_have_its_sign_and_its_transmitter() {
    let circuit = circuit();
    let network = build(&circuit, &spec(WeightForm::Gain));
    for (block, first) in [(&network.input, 0), (&network.recurrent, 5)] {
        for i in 0..block.len() {
            let sender = first + block.pre[i] as usize;
            assert_eq!(block.base[i].signum() as i8, circuit.sign[sender]);
            assert_eq!(block.sign[i], circuit.sign[sender]);
            assert_eq!(build::TRANSMITTERS[block.nt[i] as usize], circuit.nt[sender].word().to_lowercase());
            assert!((block.base[i].abs() - f64::from(block.syn_count[i])).abs() < 1e-12);
        }
    }
}

#[test]
fn a_silenced_neuron_drives_neither_neurons_nor_the_readout() {
    let mut circuit = circuit();
    circuit.silenced[11] = true;
    let network = build(&circuit, &spec(WeightForm::Gain));
    assert_eq!((network.left_out.silenced, network.recurrent.len()), (1, 19));
    assert_eq!(network.readout, [7, 8, 9, 10]);
    let all = NetworkSpec {
        readout: super::super::spec::ReadoutSpec { query: String::new(), ..Default::default() },
        ..NetworkSpec::default()
    };
    assert_eq!(build(&circuit, &all).readout, [0, 1, 2, 3, 4, 5, 7, 8, 9, 10]);
}

#[test]
fn groups_share_what_they_are_told_to() {
    for (share, groups) in [(Share::Neuron, 11), (Share::Type, 8), (Share::Population, 3), (Share::All, 1)] {
        let network = network(&NetworkSpec { share, ..spec(WeightForm::Gain) });
        assert_eq!(network.group_names.len(), groups, "{share:?}: {:?}", network.group_names);
        assert!(network.group.iter().all(|&g| (g as usize) < groups));
    }
    let network = network(&spec(WeightForm::Gain));
    let name = |neuron: usize| network.group_names[network.group[neuron] as usize].as_str();
    assert_eq!(
        (name(0), name(1), name(3), name(9), name(10)),
        ("pa", "pa", "PN without a type", "KC without a type", "KC without a type")
    );
}

#[test]
fn start_values_are_spread_evenly_over_their_range_and_hang_on_the_seed() {
    let network = network(&NetworkSpec { share: Share::Neuron, ..spec(WeightForm::Gain) });
    let start = |seed| Parameters::start(&network, seed, DType::F64).unwrap();
    let mut i_c = values(of(&start(1), "i_c").as_tensor());
    let mut tau: Vec<f64> = values(of(&start(1), "leak").as_tensor()).iter().map(|leak| -1.0 / leak.ln()).collect();
    assert_ne!(i_c, values(of(&start(2), "i_c").as_tensor()));
    assert_eq!(i_c, values(of(&start(1), "i_c").as_tensor()));
    assert!(!i_c.is_sorted());
    i_c.sort_by(f64::total_cmp);
    tau.sort_by(f64::total_cmp);
    for (at, (i_c, tau)) in i_c.iter().zip(&tau).enumerate() {
        assert!((i_c - (-0.2 + 0.04 * at as f64)).abs() < 1e-12, "{i_c}");
        assert!((tau - (5.0 + at as f64)).abs() < 1e-9, "{tau}");
    }
}

#[test]
fn the_default_bias_stays_far_from_the_threshold() {
    assert!(NetworkSpec::default().i_c.iter().all(|i_c| i_c.abs() <= 0.2));
}

#[test]
fn readout_weights_are_scaled_by_the_number_of_senders_or_in_parity_by_that_of_columns() {
    let classes = 20_000;
    for (fan, expected) in [(Fan::Senders, (2.0_f64 / 5.0).sqrt()), (Fan::Columns, (2.0 / classes as f64).sqrt())] {
        let mut spec = spec(WeightForm::Gain);
        spec.readout.fan = fan;
        let network = Network::build(&circuit(), &spec, classes, 1, Path::new("train.toml")).unwrap();
        let weights = values(of(&Parameters::start(&network, 1, DType::F64).unwrap(), "w_readout").as_tensor());
        assert_eq!(weights.len(), 100_000);
        let sd = (weights.iter().map(|w| w * w).sum::<f64>() / weights.len() as f64).sqrt();
        assert!((sd / expected - 1.0).abs() < 0.02, "{fan:?}: {sd} for {expected}");
    }
}

#[test]
fn doubling_the_scale_doubles_every_weight_and_in_parity_quadruples_it() {
    for form in FORMS {
        let weights = |scale: f64, wsf_squared| {
            let mut spec = spec(form);
            (spec.weights.scale, spec.weights.wsf_squared) = (scale, wsf_squared);
            let effective = parameters(&spec, DType::F64).effective().unwrap();
            let recurrent = if form == WeightForm::LowRank { Vec::new() } else { values(&effective.w_recurrent) };
            [values(&effective.w_input), recurrent].concat()
        };
        for (squared, factor) in [(false, 2.0), (true, 4.0)] {
            let (once, twice) = (weights(0.3, squared), weights(0.6, squared));
            assert!(once.iter().zip(&twice).all(|(a, b)| (factor * a - b).abs() < 1e-12 && *a != 0.0), "{form:?}");
        }
        // Five synapses at gain 0.1 and scale 0.3.
        assert!((weights(0.3, false)[9] - 5.0 * 0.1 * 0.3).abs() < 1e-12);
        assert!((weights(0.3, true)[9] - 5.0 * 0.1 * 0.3 * 0.3).abs() < 1e-12);
    }
}

#[test]
fn every_form_starts_from_the_same_weights_but_the_low_rank_one() {
    let start = |form| values(&parameters(&spec(form), DType::F64).effective().unwrap().w_recurrent);
    let gain = start(WeightForm::Gain);
    for form in [WeightForm::TypePair, WeightForm::LogMagnitude, WeightForm::Free] {
        assert!(start(form).iter().zip(&gain).all(|(a, b)| (a - b).abs() < 1e-15), "{form:?}");
    }
    assert_ne!(start(WeightForm::LowRank), gain);
}

#[test]
fn low_rank_weights_have_the_same_spread_at_every_rank() {
    let circuit = large(400);
    for rank in [1, 4, 16] {
        let mut spec = spec(WeightForm::LowRank);
        spec.weights.rank = rank;
        let parameters = Parameters::start(&build(&circuit, &spec), 1, DType::F64).unwrap();
        let product = of(&parameters, "factor_pre").matmul(&of(&parameters, "factor_post").t().unwrap()).unwrap();
        let products = values(&product);
        let sd = (products.iter().map(|w| w * w).sum::<f64>() / products.len() as f64).sqrt();
        assert!((sd * 400_f64.sqrt() - 1.0).abs() < 0.12, "rank {rank}: {sd}");
        let entries = values(&parameters.effective().unwrap().w_recurrent);
        let network = build(&circuit, &spec);
        assert!((0..50).all(|i| {
            let at = network.recurrent.pre[i] as usize * 400 + network.recurrent.post[i] as usize;
            (entries[i] - products[at]).abs() < 1e-12
        }));
    }
}

#[test]
fn normalised_neurons_get_the_same_input_from_a_population_in_all() {
    let plain = network(&spec(WeightForm::Gain));
    let mut normal = spec(WeightForm::Gain);
    normal.weights.normalise = true;
    let normal = network(&normal);
    let received = |network: &Network, from: std::ops::Range<u32>| {
        let mut sums = [0.0; 11];
        for i in 0..network.recurrent.len() {
            if from.contains(&network.recurrent.pre[i]) {
                sums[network.recurrent.post[i] as usize] += network.recurrent.base[i];
            }
        }
        sums[6..11].to_vec()
    };
    // From the projection neurons 0..4 to the five Kenyon cells.
    let (before, after) = (received(&plain, 0..4), received(&normal, 0..4));
    let mean = before.iter().sum::<f64>() / 5.0;
    assert!(before.iter().any(|sum| (sum - mean).abs() > 1.0));
    assert!(after.iter().all(|sum| (sum - mean).abs() < 1e-9), "{after:?} for {mean}");
}

#[test]
fn delays_become_steps_and_transmitters_with_a_time_constant_of_their_own_channels() {
    let mut spec = spec(WeightForm::Gain);
    spec.dt_ms = 0.5;
    spec.delay_ms.insert("PN".into(), 1.5);
    spec.tau_syn_by_nt_ms.extend([("gaba".to_string(), 9.0), ("glut".to_string(), 9.0), ("da".to_string(), 4.0)]);
    let network = network(&spec);
    assert_eq!(network.delay, [3, 3, 3, 3, 0, 0, 0, 0, 0, 0, 0]);
    // One for the others, one for each that was named, also where two begin with the same time.
    assert_eq!(network.tau_syn_ms, [4.0, 9.0, 9.0, 4.0]);
    assert_eq!(network.channel, [0, 0, 0, 3, 1, 2, 0, 0, 0, 0, 0]);
    assert_eq!(network.input_channel, [0; 5]);
}

#[test]
fn a_network_without_recurrent_synapses_has_parameters_in_every_form() {
    let mut circuit = circuit();
    circuit.edges = kenyon_connectome::edges::Edges::from_triples(16, &[(0, 5, 6), (1, 11, 7)]);
    for form in FORMS {
        let network = build(&circuit, &spec(form));
        let effective = Parameters::start(&network, 1, DType::F32).unwrap().effective().unwrap();
        assert_eq!((effective.w_input.elem_count(), effective.w_recurrent.elem_count()), (2, 0), "{form:?}");
    }
}

#[test]
fn populations_that_receive_nothing_are_known_and_kenyon_cells_are_sparse() {
    let mut circuit = circuit();
    circuit.edges = kenyon_connectome::edges::Edges::from_triples(16, &[(0, 5, 6), (5, 11, 7)]);
    let network = build(&circuit, &NetworkSpec { weights: WeightSpec::default(), ..spec(WeightForm::Gain) });
    let watched: Vec<_> = network.watched().into_iter().map(|p| (p.name, p.neurons.len(), p.driven, p.sparse)).collect();
    assert_eq!(watched, [("PN".into(), 4, true, false), ("LN".into(), 2, false, false), ("KC".into(), 5, true, true)]);
}

#[test]
fn numbers_without_a_meaning_name_their_key() {
    use super::super::spec::ModelKind;
    let refused = |change: &dyn Fn(&mut NetworkSpec), key: &str| {
        let mut spec = spec(WeightForm::Gain);
        change(&mut spec);
        let error = spec.validate(Path::new("train.toml")).expect_err(key);
        let text = error.to_string();
        assert!(
            error.exit_code() == 3 && text.starts_with("train.toml, ") && text.contains(&format!("`network.{key}`")),
            "{text}"
        );
        assert!(text.contains("; "), "no mend: {text}");
    };
    refused(&|s| s.dt_ms = 0.0, "dt_ms");
    refused(&|s| s.dt_ms = f64::NAN, "dt_ms");
    refused(&|s| s.tau_mem_ms = [0.5, 20.0], "tau_mem_ms");
    refused(&|s| s.i_c = [-2.0, 0.0], "i_c");
    refused(&|s| s.tau_syn_ms = f64::INFINITY, "tau_syn_ms");
    refused(&|s| s.threshold = 5.0, "threshold");
    refused(&|s| s.reset = 1.0, "reset");
    refused(&|s| s.noise = -0.1, "noise");
    refused(&|s| s.delay_ms.extend([("PN".to_string(), 0.4)]), "delay_ms.PN");
    refused(&|s| s.delay_ms.extend([("PN".to_string(), 1e9)]), "delay_ms.PN");
    refused(&|s| s.weights.gain.extend([("ach".to_string(), -0.1)]), "weights.gain.ach");
    refused(&|s| s.weights.scale = 0.0, "weights.scale");
    refused(&|s| s.weights.rank = 0, "weights.rank");
    refused(&|s| s.readout.init = f64::NAN, "readout.init");
    refused(&|s| (s.model, s.threshold) = (ModelKind::Qif, 0.9), "threshold");
}

#[test]
fn neurons_that_share_a_reset_are_of_one_kind() {
    let mut spec = spec(WeightForm::Gain);
    (spec.model, spec.qif) = (ModelKind::Qif, kenyon_neurons::point::QifKind::Mixed);
    let of = |share| NetworkSpec { share, ..spec.clone() }.validate(std::path::Path::new("train.toml"));
    assert_eq!(of(Share::All).expect_err("one reset for all").code(), "mixed-shares");
    of(Share::Neuron).expect("each has its own");
}
