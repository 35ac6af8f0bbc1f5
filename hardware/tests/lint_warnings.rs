//! Each warning of the lint: a network that has it, and one that has not.

mod support;

use kenyon_hardware::lint::{
    Activity, Known, ParameterRounding, PopulationActivity, PopulationRounding, Rounding, Severity, Training,
};
use kenyon_hardware::{CellKind, Deployment};
use support::small::{after, cells, column, network, only, rounded, rounding, seen, sound, synapse, with};

#[test]
fn w1_weights_that_vanish_are_counted_with_what_they_weigh() {
    let found = only(rounded("W1", [10, 0], [600.0, 0.01, 0.5]));
    assert_eq!((found.count, found.severity), (1, Severity::Warning), "neuron 1 lost its only input");
    assert!(found.text.contains("1 of 3 weights") && found.text.contains("0.01 of synapse 1 -> 1 (ids 101 -> 201)"), "{found:?}");
    assert!(found.text.contains("1 receivers lose all, such as neuron 1 (id 201)"), "{found:?}");
    assert!(found.mend.contains("--max-expected-summed-weight"));
    assert_eq!(rounded("W1", [10, 0], [600.0, 0.02, 0.5]), []);

    let mut d = sound();
    d.projections[0].synapses = (0..3).flat_map(|j| [synapse(0, j, 600.0, 1.0), synapse(1, j, 0.5, 1.0)]).collect();
    d.projections[0].synapses.push(synapse(1, 0, 0.01, 2.0));
    let few = rounding(&d, [10, 0]);
    let few = only(with("W1", &d, &Known { rounding: Some(&few), ..Known::default() }));
    assert_eq!(few.severity, Severity::Info, "a small weight beside others of its sender and receiver: {few:?}");
    d.projections[0].synapses.extend((0..3).flat_map(|j| (2..2002).map(move |k| synapse(1, j, 0.01, f64::from(k)))));
    let many = rounding(&d, [10, 0]);
    let many = only(with("W1", &d, &Known { rounding: Some(&many), ..Known::default() }));
    assert_eq!((many.count, many.severity), (6001, Severity::Warning), "3 % of the weight: {many:?}");
}

#[test]
fn w2_clipped_or_overfull_ring_buffers_are_told() {
    assert_eq!(seen("W2", |p| p.worst_slot = [65_535, 0]), []);
    let found = only(seen("W2", |p| {
        p.saturations = 12;
        p.worst_slot = [10, 70_000];
    }));
    assert!(found.count == 12 && found.text.contains("70000 of 65535, inhibitory"), "{found:?}");
    assert!(found.mend.contains("--max-expected-summed-weight"));
    assert_eq!(seen("W2", |p| p.worst_slot = [65_536, 0]).len(), 1);
}

#[test]
fn w3_values_near_the_ends_warn_and_wraps_are_errors() {
    assert_eq!(seen("W3", |p| (p.max_v, p.max_g, p.max_i) = (32_767.0, 32_767.0, -32_767.0)), []);
    let found = only(seen("W3", |p| (p.max_v, p.max_i) = (40_000.0, -33_000.0)));
    assert_eq!(found.severity, Severity::Warning);
    assert!(found.text.contains("|V| reached 40000.0 of 65536, |I| reached 33000.0 of 65536"), "{found:?}");
    assert_eq!(only(seen("W3", |p| p.max_g = f64::NAN)).count, 1);
    assert_eq!(only(seen("W3", |p| p.wraps = 1)).severity, Severity::Error);
}

#[test]
fn w3_conductances_end_1024_times_earlier() {
    let found = |max_g| {
        let mut d = sound();
        cells(&mut d).kind = CellKind::CondExp;
        let seen = PopulationActivity { spikes: 1, max_g, ..PopulationActivity::default() };
        let activity = Activity { samples: 1, populations: vec![PopulationActivity::default(), seen] };
        with("W3", &d, &Known { activity: Some(&activity), ..Known::default() })
    };
    assert_eq!(found(31.0), []);
    assert!(only(found(33.0)).text.contains("|g| reached 33.0 of 64"), "{:?}", found(33.0));
}

#[test]
fn w4_coarse_parameters_are_told_with_the_worst() {
    let found = |got: f64| {
        let tau = ParameterRounding::new("tau_m", [(20.0, 20.0), (20.0, got), (20.0, 20.01)]);
        let populations = vec![PopulationRounding::default(), PopulationRounding { shift: [0, 0], parameters: vec![tau] }];
        let rounding = Rounding { populations, projections: Vec::new() };
        with("W4", &sound(), &Known { rounding: Some(&rounding), ..Known::default() })
    };
    assert_eq!(found(20.03), []);
    let found = only(found(20.05));
    assert!(
        found.count == 1 && found.text.starts_with("`tau_m` of neuron 1 (id 201) becomes 20.05 instead of 20, 2.50e-1 %"),
        "{found:?}"
    );
    let zero = ParameterRounding::new("i_offset", [(0.0, 0.0), (1e-6, 0.0)]);
    assert_eq!((zero.max, zero.p50, zero.coarse, zero.worst), (1.0, 0.0, 1, Some((1, 1e-6, 0.0))));
}

#[test]
fn w5_refractory_time_that_is_no_whole_number_of_steps_is_told() {
    assert_eq!(after("W5", |d| *column(d, "tau_refrac", 0) = 3.0), []);
    let found = only(after("W5", |d| *column(d, "tau_refrac", 2) = 2.5));
    assert!(
        found.text.contains("refractory for 3 steps, neuron 2 (id 202)") && found.text.contains("asked were 2.5"),
        "{found:?}"
    );
    let training = Training { dt_ms: 1.0, steps: 100, refractory_steps: 1, ids: Vec::new() };
    let trained = only(with("W5", &sound(), &Known { training: Some(&training), ..Known::default() }));
    assert!(trained.count == 3 && trained.text.contains("trained with 1"), "{trained:?}");
}

#[test]
fn w6_delays_beyond_the_ring_buffers_are_told() {
    let longest = |n: usize, delay: f64| {
        let mut d = network(2, n);
        d.projections[0].synapses[1].delay_steps = delay;
        with("W6", &d, &Known::default())
    };
    assert_eq!(longest(256, 32.0), []);
    assert_eq!(longest(32, 256.0), []);
    let found = only(longest(300, 33.0));
    assert!(found.text.contains("33 steps, synapse 1 -> 1") && !found.mend.contains("--split"), "{found:?}");
}

#[test]
fn w7_steps_below_1_ms_are_told_unless_cores_are_combined() {
    let mut d = sound();
    assert_eq!(with("W7", &d, &Known::default()), []);
    d.dt_ms = 0.1;
    assert!(only(with("W7", &d, &Known::default())).mend.contains("--combined-cores"));
    assert_eq!(with("W7", &d, &Known { combined_cores: true, ..Known::default() }), []);
}

#[test]
fn w8_a_start_that_nobody_gave_is_told_where_it_matters() {
    assert_eq!(after("W8", |d| cells(d).v_init_mv.clear()), [], "neurons that rest at -65 mV start there");
    let found = only(after("W8", |d| {
        cells(d).v_init_mv.clear();
        cells(d).v_rest_mv[2] = 0.0;
    }));
    assert!(found.text.contains("2 (id 202) starts at -65 mV and rests at 0 mV"), "{found:?}");
}

#[test]
fn w9_bursts_beyond_the_buffer_are_told_of_the_input_and_of_an_emulation() {
    let burst = |n: u32| {
        let mut d = network(300, 3);
        d.samples[0].spikes = (0..n).map(|i| (0, i, 4)).collect();
        with("W9", &d, &Known::default())
    };
    assert_eq!(burst(255), []);
    assert_eq!(only(burst(256)).count, 256);
    let mut two = network(300, 3);
    two.samples[0].spikes = (0..300).map(|i| (0, i, 4 + i % 2)).collect();
    assert_eq!(with("W9", &two, &Known::default()), []);
    assert_eq!(seen("W9", |p| p.max_arriving = 255), []);
    assert_eq!(seen("W9", |p| p.max_arriving = 256).len(), 1);
}

#[test]
fn w10_long_lists_are_told() {
    let dense = |more: u32| {
        let mut d = network(1000, 1001);
        let pairs = (0..1_000_000 + more).map(|k| synapse(k % 1000, k / 1000, 0.5, 1.0));
        d.projections[0].synapses = pairs.collect();
        with("W10", &d, &Known::default())
    };
    assert_eq!(dense(0), []);
    let found = only(dense(1));
    assert!(found.count == 1_000_001 && found.text.contains("99.9 % of all pairs"), "{found:?}");
}

#[test]
fn w11_silent_and_restless_neurons_are_told() {
    assert_eq!(seen("W11", |p| p.silent = vec![0, 1]), []);
    let found = only(seen("W11", |p| p.silent = vec![0, 1, 2]));
    assert!(found.text.contains("3 of 3 neurons never spiked: 0 (id 200)"), "{found:?}");
    assert!(only(seen("W11", |p| p.always_on = vec![1])).text.contains("1 (id 201)"));
}

#[test]
fn w12_another_time_than_in_training_is_told() {
    let found = |change: &dyn Fn(&mut Deployment)| {
        let mut d = sound();
        (d.lead_in_steps, d.steps) = (2, 104);
        change(&mut d);
        let training = Training { dt_ms: 1.0, steps: 100, refractory_steps: 2, ids: Vec::new() };
        with("W12", &d, &Known { training: Some(&training), ..Known::default() })
    };
    assert_eq!(found(&|_| ()), []);
    assert!(only(found(&|d| d.dt_ms = 2.0)).text.contains("steps of 2 ms; the network was trained with 1 ms"));
    assert_eq!(found(&|d| d.steps = 101).len(), 1);
    assert_eq!(found(&|d| d.steps = 200).len(), 1);
    assert_eq!(found(&|d| d.samples[0].spikes.push((0, 1, 102))).len(), 1);
    assert_eq!(with("W12", &sound(), &Known::default()), []);
}
