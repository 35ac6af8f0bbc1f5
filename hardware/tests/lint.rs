//! Each error of the lint: a network that has it, and one that has not; what findings mean for a command.

mod support;

use kenyon_hardware::lint::{self, Activity, Known, Severity, Training};
use kenyon_hardware::{Decision, Deployment, HostReadout, Projection, Receptor, Variable};
use support::small::{CELLS, after, cells, column, network, only, rounded, sound, synapse, with};

#[test]
fn a_sound_network_has_no_findings() {
    assert_eq!(lint::spinnaker(&sound(), &Known::default()), []);
    let mut d = sound();
    d.projections[0].receptor = Receptor::Inhibitory;
    assert_eq!(lint::spinnaker(&d, &Known::default()), []);
}

#[test]
fn e1_numbers_that_are_none_are_all_counted_and_the_place_is_named() {
    let found = only(after("E1", |d| {
        d.projections[0].synapses[1].weight = f64::NAN;
        d.projections[0].synapses[2].delay_steps = f64::INFINITY;
    }));
    assert_eq!((found.severity, found.count, found.place.as_str()), (Severity::Error, 2, "ORN -> KC (excitatory)"));
    assert!(found.text.contains("1 -> 1 (ids 101 -> 201)") && found.text.contains("0 -> 2 (ids 100 -> 202)"), "{}", found.text);
    for column in 0..10 {
        for value in [f64::NAN, f64::NEG_INFINITY] {
            let found = only(after("E1", |d| cells(d).columns_mut()[column].1[2] = value));
            assert!(found.place == "KC" && found.text.contains("2 (id 202)"), "{found:?}");
        }
    }
    assert_eq!(only(after("E1", |d| d.dt_ms = f64::NAN)).place, "the network");
    assert_eq!(only(after("E1", |d| d.populations[CELLS].v_scale = f64::NAN)).place, "KC");
    let readout = |weight| HostReadout {
        sources: vec![(1, 0), (1, 1), (1, 2)],
        classes: vec!["a".into()],
        decay_syn: 0.5,
        decay_mem: 0.5,
        weights: vec![(0, 0, 1.0), (2, 0, weight)],
    };
    assert!(only(after("E1", |d| d.host_readout = Some(readout(f64::NAN)))).text.contains("weight 2 -> 0 is NaN"));
    assert_eq!(after("E1", |d| d.host_readout = Some(readout(0.0))), []);
}

#[test]
fn e2_constants_that_are_zero_or_become_it_are_told() {
    for name in ["tau_m", "cm", "tau_syn_E", "tau_syn_I"] {
        for (value, bad) in [(0.0, true), (-1.0, true), (1e-6, true), (4e-5, false)] {
            let found = after("E2", |d| *column(d, name, 1) = value);
            assert_eq!(found.len(), usize::from(bad), "{name} {value}: {found:?}");
            assert!(!bad || found[0].text.starts_with(&format!("`{name}` of neuron 1 (id 201)")), "{found:?}");
        }
    }
    assert_eq!(after("E2", |d| *column(d, "tau_refrac", 1) = 0.0), []);
    assert_eq!(after("E2", |d| *column(d, "tau_refrac", 1) = -1.0).len(), 1);
    for dt in [0.0, -1.0, 1e-6] {
        assert_eq!(only(after("E2", |d| d.dt_ms = dt)).place, "the network");
    }
}

#[test]
fn e3_values_outside_s16_15_are_told_with_the_farthest() {
    let found = only(after("E3", |d| cells(d).v_rest_mv = vec![-65.0, -70_000.0, 1e6]));
    assert_eq!(found.count, 2);
    assert!(found.text.starts_with("`v_rest` of neuron 2 (id 202) is 1000000") && found.text.contains("1 (id 201)"), "{found:?}");
    assert_eq!(after("E3", |d| cells(d).v_rest_mv = vec![-65_536.0, 65_535.999_97, 0.0]), []);
    assert_eq!(after("E3", |d| *column(d, "v_thresh", 0) = 65_536.0).len(), 1);
    assert_eq!(after("E3", |d| d.dt_ms = 1e5).len(), 1);
}

#[test]
fn e4_delays_are_whole_steps_and_at_least_one() {
    for (delay, bad) in
        [(0.0, true), (1.5, true), (-1.0, true), (0.999, true), (2.00001, true), (1.0 + 1e-9, false), (16.0, false)]
    {
        let found = after("E4", |d| d.projections[0].synapses[1].delay_steps = delay);
        assert_eq!(found.len(), usize::from(bad), "{delay}: {found:?}");
        assert!(!bad || found[0].text.contains("1 -> 1 (ids 101 -> 201)"), "{found:?}");
    }
}

#[test]
fn e5_a_weight_with_a_sign_is_told() {
    let found = only(after("E5", |d| {
        d.projections[0].synapses[0].weight = -0.5;
        d.projections[0].synapses[2].weight = -1.0;
    }));
    assert!(found.count == 2 && found.text.contains("synapse 0 -> 2 (ids 100 -> 202), weight -1,"), "{found:?}");
    assert_eq!(after("E5", |d| d.projections[0].synapses[0].weight = 0.0).len(), 1);
    assert_eq!(after("E5", |d| d.projections[0].synapses[0].weight = f64::MIN_POSITIVE), []);
}

#[test]
fn e6_neurons_that_do_not_exist_are_found_and_nothing_breaks() {
    let found = only(after("E6", |d| d.projections[0].synapses[1].post = 3));
    assert!(found.text.contains("1 -> 3 (ids 101 -> none)") && found.count == 1, "{found:?}");
    assert_eq!(after("E6", |d| d.projections[0].synapses[1].pre = u32::MAX).len(), 1);
    assert_eq!(after("E6", |d| d.projections[0].post = 7).len(), 1);
    assert_eq!(after("E6", |d| d.samples[0].spikes.push((0, 2, 9))).len(), 1);
    assert_eq!(after("E6", |d| d.samples[0].spikes.push((9, 0, 9))).len(), 1);
    let readout = |from| HostReadout {
        sources: vec![(1, 0), (1, 1), (1, 2)],
        classes: vec!["a".into()],
        decay_syn: 0.5,
        decay_mem: 0.5,
        weights: vec![(0, 0, 1.0), (from, 0, 1.0)],
    };
    assert_eq!(after("E6", |d| d.host_readout = Some(readout(3))).len(), 1);
    assert_eq!(
        after("E6", |d| d.host_readout = Some(HostReadout { sources: vec![(1, 0), (1, 3), (5, 0)], ..readout(0) })).len(),
        1
    );
    assert_eq!(after("E6", |d| d.host_readout = Some(readout(2))), []);
}

#[test]
fn e6_ids_that_the_trained_network_lacks_are_found() {
    let training = |ids: Vec<u64>| Training { dt_ms: 1.0, steps: 100, refractory_steps: 2, ids };
    let found = |ids| {
        let training = training(ids);
        with("E6", &sound(), &Known { training: Some(&training), ..Known::default() })
    };
    assert_eq!(found(vec![202, 201, 200, 101, 100]), []);
    assert_eq!(found(Vec::new()), []);
    let foreign = only(found(vec![200, 201, 100, 101]));
    assert!(foreign.place == "KC" && foreign.text.contains("2 (id 202)"), "{foreign:?}");
}

#[test]
fn e7_a_weight_beyond_16_bits_is_told_with_what_would_be_loaded() {
    let found = only(rounded("E7", [0, 0], [1.0, 2.5, 2.0]));
    assert_eq!(found.count, 2);
    assert!(found.text.contains("1 -> 1 (ids 101 -> 201) is 81920") && found.text.contains("would load 16384"), "{found:?}");
    assert!(found.mend.contains("--max-expected-summed-weight"));
    assert_eq!(rounded("E7", [0, 0], [1.0, 1.99996, 1.0]), []);
}

#[test]
fn e8_sums_that_leave_32_bits_are_told() {
    let found = only(rounded("E8", [16, 0], [40_000.0, 0.5, 0.5]));
    assert!(found.place == "KC (excitatory)" && found.text.contains("40000 of synapse 0 -> 0"), "{found:?}");
    assert_eq!(rounded("E8", [15, 15], [40_000.0, 0.5, 0.5]), []);
    assert_eq!(after("E8", |d| d.projections[0].synapses[1].weight = 1e5), [], "without shifts there is nothing to say");
}

#[test]
fn e9_a_row_holds_256_synapses() {
    let row = |n: u32| {
        let mut d = network(1, 600);
        d.projections[0].synapses = (0..n).map(|i| synapse(0, 256 + i % 250, 0.5, 1.0 + f64::from(i / 250))).collect();
        with("E9", &d, &Known::default())
    };
    assert_eq!(row(256), []);
    let found = only(row(257));
    assert!(found.text.contains("257 synapses of neuron 0 (id 100) on the core of neurons 256 to 511"), "{found:?}");
    let d = network(1, 600);
    assert_eq!(with("E9", &d, &Known::default()), [], "600 synapses of one neuron on three cores");
}

#[test]
fn findings_come_worst_first_and_in_the_order_of_the_codes() {
    let mut d = sound();
    cells(&mut d).tau_m_ms[0] = 0.0;
    cells(&mut d).tau_refrac_ms[0] = 2.5;
    d.projections[0].synapses[0].weight = f64::NAN;
    d.projections[0].synapses[1].delay_steps = 40_000.0;
    d.projections[0].synapses[2].weight = 1e5;
    let codes: Vec<String> = lint::spinnaker(&d, &Known::default()).into_iter().map(|f| f.code).collect();
    assert_eq!(codes, ["E1", "E2", "W5", "W6"]);
}

#[test]
fn errors_stop_and_force_lets_only_later_ones_pass() {
    let bad_weight = rounded("E8", [16, 0], [1e5, 0.5, 0.5]);
    assert_eq!(lint::stop(&bad_weight, false).expect_err("an error").exit_code(), 4);
    assert!(lint::stop(&bad_weight, true).is_ok());
    let no_number = after("E1", |d| d.projections[0].synapses[1].weight = f64::NAN);
    let refused = lint::stop(&no_number, true).expect_err("never forced");
    assert!(refused.exit_code() == 4 && refused.to_string().contains("ORN -> KC"), "{refused}");
    assert_eq!(lint::refuse(&no_number).expect_err("an error").exit_code(), 3);
    assert!(lint::stop(&after("W5", |d| *column(d, "tau_refrac", 0) = 2.5), false).is_ok());
}

#[test]
fn every_bad_value_of_a_network_is_in_the_message() {
    let mut d = sound();
    cells(&mut d).tau_m_ms[0] = 0.0;
    d.projections[0].synapses[0].weight = f64::NAN;
    d.projections[0].synapses[1].delay_steps = 1.5;
    let text = d.check().expect_err("bad").to_string();
    assert!(text.contains("E2") && text.contains("E1 in ORN -> KC") && text.contains("E4 in ORN -> KC"), "{text}");
}

#[test]
fn a_description_of_any_shape_is_linted_without_harm() {
    let mut d = sound();
    d.populations[CELLS].ids.clear();
    cells(&mut d).tau_m_ms = vec![f64::NAN; 9];
    cells(&mut d).v_init_mv.clear();
    d.projections[0].pre = u32::MAX;
    d.projections.push(Projection { pre: 1, post: 0, ..d.projections[0].clone() });
    d.samples[0].spikes = vec![(u32::MAX, u32::MAX, u32::MAX), (0, 0, u32::MAX - 1)];
    d.steps = u32::MAX;
    d.lead_in_steps = u32::MAX;
    let training = Training { dt_ms: 0.0, steps: u32::MAX, refractory_steps: u32::MAX, ids: vec![1] };
    let activity = Activity::default();
    let known = Known { training: Some(&training), activity: Some(&activity), ..Known::default() };
    assert!(lint::spinnaker(&d, &known).iter().any(|f| f.code == "E6"));
    assert_eq!(only(lint::spinnaker(&Deployment::new("", 1.0, 0), &Known::default())).code, "E11");
}

#[test]
fn e11_a_description_that_contradicts_itself_is_told_fault_by_fault() {
    type Spoil<'a> = &'a dyn Fn(&mut Deployment);
    let texts = |change: Spoil| -> Vec<String> {
        after("E11", |d| change(d)).into_iter().map(|f| format!("{}: {} -> {}", f.place, f.text, f.mend)).collect()
    };
    let cases: [(&str, Spoil); 17] = [
        ("the network: unknown version 9", &|d| d.version = 9),
        ("the network: no step to simulate", &|d| (d.steps, d.samples[0].spikes) = (0, Vec::new())),
        ("the network: too many steps: 4000000000", &|d| d.steps = 4_000_000_000),
        ("the network: 3000000000 recorded values", &|d| {
            d.steps = 5_000_000;
            let n = 200;
            d.populations[CELLS].ids = (200..200 + n).collect();
            cells(d).columns_mut().into_iter().for_each(|(_, c)| c.resize(n as usize, 1.0));
            d.populations[CELLS].record = vec![Variable::V, Variable::GsynExc, Variable::GsynInh];
        }),
        ("KC: names do not match the neurons: found 1", &|d| d.populations[CELLS].names = vec!["a".into()]),
        ("KC: an id occurs twice: 200", &|d| d.populations[CELLS].ids[1] = 200),
        ("KC: bad scale: `v_scale` is 3", &|d| d.populations[CELLS].v_scale = 3.0),
        ("ORN: spike sources have spikes to record", &|d| d.populations[0].record = vec![Variable::V]),
        ("KC: `tau_m` does not match the neurons: found 2 values, expected 3", &|d| cells(d).tau_m_ms.truncate(2)),
        ("KC -> ORN (excitatory): spike sources receive nothing", &|d| {
            d.projections.push(Projection { pre: 1, post: 0, receptor: Receptor::Excitatory, synapses: Vec::new() });
        }),
        ("sample first: spike outside the steps 0 to 99: population 0, neuron 0, step 5000", &|d| {
            d.samples[0].spikes = vec![(0, 0, 5000)];
        }),
        ("sample first: spike outside the steps 6 to 99: population 0, neuron 0, step 5", &|d| d.lead_in_steps = 6),
        ("sample first: spikes are out of order or occur twice", &|d| d.samples[0].spikes.reverse()),
        ("sample first: spike of a population that is no spike source", &|d| d.samples[0].spikes = vec![(1, 0, 5)]),
        ("decision: is a window outside the readout: rows 5 to 500 of 100", &|d| {
            d.decision = Decision::Window { from: 5, to: 500 };
        }),
        ("decision: counts spikes", &|d| d.decision = Decision::Count),
        ("ORN -> KC (excitatory): described twice", &|d| d.projections.push(d.projections[0].clone())),
    ];
    for (expected, change) in cases {
        let found = texts(change);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:?}");
        let mut d = sound();
        change(&mut d);
        assert_eq!(d.check().expect_err(expected).exit_code(), 3);
    }
    let empty = texts(&|d| {
        d.populations[CELLS].ids.clear();
        cells(d).columns_mut().into_iter().for_each(|(_, c)| c.clear());
        d.projections.clear();
    });
    assert!(empty.len() == 1 && empty[0].starts_with("KC: empty population"), "{empty:?}");
    let two = texts(&|d| (d.populations[CELLS].v_scale, d.version) = (3.0, 7));
    assert_eq!(two.len(), 2, "each fault by itself: {two:?}");
}

#[test]
fn a_population_without_neurons_and_parallel_projections_can_be_run_all_the_same() {
    let mut d = sound();
    d.projections.push(d.projections[0].clone());
    let ids = Vec::new();
    d.add(support::population("none", kenyon_hardware::Role::Input, ids, kenyon_hardware::Cells::SpikeSource, 1.0));
    d.check_structure().expect("sound enough");
    assert!(d.check().expect_err("no lowered network").to_string().contains("empty population"));
    d.populations.pop();
    assert!(d.check().expect_err("no lowered network").to_string().contains("described twice"));
}
