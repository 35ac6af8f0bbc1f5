//! Each code of the lint: a network that has it, and one that has not.

mod support;

use kenyon_hardware::lint::{
    self, Activity, Finding, Known, Linted, ParameterRounding, PopulationActivity, PopulationRounding, ProjectionRounding,
    Rounding, Severity, Training,
};
use kenyon_hardware::spinnaker::packing::Machine;
use kenyon_hardware::spinnaker::{Options, Shifts, quantise};
use kenyon_hardware::{Cells, Deployment, HostReadout, Neurons, Projection, Receptor, Role, Sample, Synapse};
use support::population;

const CELLS: usize = 1;

fn synapse(pre: u32, post: u32, weight: f64, delay_steps: f64) -> Synapse {
    Synapse { pre, post, weight, delay_steps }
}

fn neurons(n: usize) -> Neurons {
    Neurons {
        tau_m_ms: vec![20.0; n],
        cm_nf: vec![1.0; n],
        i_offset_na: vec![0.25; n],
        v_rest_mv: vec![-65.0; n],
        v_reset_mv: vec![-70.0; n],
        v_thresh_mv: vec![-50.0; n],
        tau_refrac_ms: vec![2.0; n],
        v_init_mv: vec![-65.0; n],
        tau_syn_e_ms: vec![5.0; n],
        tau_syn_i_ms: vec![5.0; n],
        ..Neurons::default()
    }
}

/// Sources and cells of these numbers, one synapse onto each cell.
fn network(sources: usize, cells: usize) -> Deployment {
    let mut d = Deployment::new("small", 1.0, 100);
    let pre = d.add(population("ORN", Role::Input, (100..100 + sources as u64).collect(), Cells::SpikeSource, 1.0));
    let ids = (200..200 + cells as u64).collect();
    let post = d.add(population("KC", Role::Hidden, ids, Cells::Neurons(Box::new(neurons(cells))), 1.0));
    let synapses = (0..cells as u32).map(|i| synapse(i % sources as u32, i, 0.5, 1.0)).collect();
    d.projections.push(Projection { pre, post, receptor: Receptor::Excitatory, synapses });
    d.samples.push(Sample { name: "first".into(), class: None, spikes: vec![(0, 0, 5), (0, 1, 7)] });
    d
}

fn sound() -> Deployment {
    network(2, 3)
}

fn cells(d: &mut Deployment) -> &mut Neurons {
    d.populations[CELLS].cells.neurons_mut().expect("cells")
}

/// Findings of a code, of the sound network after a change.
fn after(code: &str, change: impl FnOnce(&mut Deployment)) -> Vec<Finding> {
    let mut d = sound();
    change(&mut d);
    with(code, &d, &Known::default())
}

fn with(code: &str, d: &Deployment, known: &Known) -> Vec<Finding> {
    lint::spinnaker(d, known).into_iter().filter(|f| f.code == code).collect()
}

/// The one finding there is.
fn only(found: Vec<Finding>) -> Finding {
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().expect("one")
}

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

fn column<'a>(d: &'a mut Deployment, name: &str, i: usize) -> &'a mut f64 {
    let columns = cells(d).columns_mut();
    &mut columns.into_iter().find(|(column, _)| *column == name).expect("a column of this name").1[i]
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

/// What fixed point makes of the sound network at these shifts, weights being nA.
fn rounding(d: &Deployment, shift: [u32; 2]) -> Rounding {
    let populations = d.populations.iter().map(|_| PopulationRounding { shift, parameters: Vec::new() }).collect();
    let of = |p: &Projection| {
        let shift = shift[usize::from(p.receptor == Receptor::Inhibitory)];
        ProjectionRounding::new(&p.synapses, |s| (s.weight * 2f64.powi(15 - shift as i32)).round_ties_even())
    };
    Rounding { populations, projections: d.projections.iter().map(of).collect() }
}

fn rounded(code: &str, shift: [u32; 2], weights: [f64; 3]) -> Vec<Finding> {
    let mut d = sound();
    for (s, weight) in d.projections[0].synapses.iter_mut().zip(weights) {
        s.weight = weight;
    }
    let rounding = rounding(&d, shift);
    with(code, &d, &Known { rounding: Some(&rounding), ..Known::default() })
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
    let before = only(after("E8", |d| d.projections[0].synapses[1].weight = 1e5));
    assert!(before.text.contains("100000 of synapse 1 -> 1 (ids 101 -> 201)"), "also before quantisation: {before:?}");
    assert_eq!(after("E8", |d| d.projections[0].synapses[1].weight = 30_000.0), []);
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
fn e10_what_the_machine_lacks_is_told_and_i1_says_what_is_needed() {
    let found = |cells, code: &str| {
        let d = network(2, cells);
        let linted = lint::quantised(&d, &Options::AS_WRITTEN, Some(Machine::Spinn3), &Known::default());
        linted.findings.into_iter().filter(|f| f.code == code).collect::<Vec<_>>()
    };
    assert_eq!(found(62 * 256, "E10"), [], "63 cores, one of them of sources");
    let lacking = found(62 * 256 + 1, "E10");
    assert!(lacking.iter().any(|f| f.text == "64 cores needed, SpiNN-3 has 63" && f.place == "SpiNN-3"), "{lacking:?}");
    let info = only(found(3, "I1"));
    assert_eq!(info.severity, Severity::Info);
    assert!(info.text.starts_with("2 of 63 cores, 1 of 4 chips") && info.text.contains("0.0 input packets per step"), "{info:?}");
    assert_eq!(with("I1", &sound(), &Known::default()), []);
}

#[test]
fn w1_weights_that_vanish_are_counted_with_what_they_weigh() {
    let found = only(rounded("W1", [10, 0], [600.0, 0.01, 0.5]));
    assert_eq!((found.count, found.severity), (1, Severity::Warning), "neuron 1 lost its only input");
    assert!(found.text.contains("1 of 3 weights") && found.text.contains("0.01 of synapse 1 -> 1 (ids 101 -> 201)"), "{found:?}");
    assert!(found.text.contains("1 receivers lose all, such as neuron 1 (id 201)"), "{found:?}");
    assert!(found.mend.contains("--max-expected-summed-weight") && found.mend.contains("--weight-scale"));
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

fn seen(code: &str, change: impl FnOnce(&mut PopulationActivity)) -> Vec<Finding> {
    let mut cells = PopulationActivity { spikes: 10, silent: vec![1], max_v: 70.0, ..PopulationActivity::default() };
    change(&mut cells);
    let activity = Activity { samples: 1, populations: vec![PopulationActivity::default(), cells] };
    with(code, &sound(), &Known { activity: Some(&activity), ..Known::default() })
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
    assert!(found.text.contains("|V| reached 40000.0, |I| reached 33000.0"), "{found:?}");
    assert_eq!(only(seen("W3", |p| p.max_g = f64::NAN)).count, 1);
    assert_eq!(only(seen("W3", |p| p.wraps = 1)).severity, Severity::Error);
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
    assert!(found.text.contains("33 steps, synapse 1 -> 1") && found.mend.contains("--split"), "{found:?}");
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

#[test]
fn findings_come_worst_first_and_in_the_order_of_the_codes() {
    let mut d = sound();
    cells(&mut d).tau_m_ms[0] = 0.0;
    cells(&mut d).tau_refrac_ms[0] = 2.5;
    d.projections[0].synapses[0].weight = f64::NAN;
    d.projections[0].synapses[1].delay_steps = 40_000.0;
    d.projections[0].synapses[2].weight = 1e5;
    let codes: Vec<String> = lint::spinnaker(&d, &Known::default()).into_iter().map(|f| f.code).collect();
    assert_eq!(codes, ["E1", "E2", "E8", "W5", "W6"]);
}

#[test]
fn errors_stop_and_force_lets_only_later_ones_pass() {
    let bad_weight = after("E8", |d| d.projections[0].synapses[1].weight = 1e5);
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
    assert_eq!(lint::spinnaker(&Deployment::new("", 1.0, 0), &Known::default()), []);
}

/// The sound network as its numbers are written, after a change.
fn as_written(shifts: Shifts, change: impl FnOnce(&mut Deployment)) -> Linted {
    let mut d = sound();
    change(&mut d);
    lint::quantised(&d, &Options { shifts, ..Options::AS_WRITTEN }, None, &Known::default())
}

fn codes(found: &[Finding]) -> Vec<&str> {
    found.iter().map(|f| f.code.as_str()).collect()
}

#[test]
fn a_quantised_network_is_linted_with_what_became_of_it() {
    let linted = as_written(Shifts::Mapper, |_| ());
    assert!(linted.quantised.is_some() && linted.findings.is_empty(), "{:?}", linted.findings);

    let low = as_written(Shifts::Expected(vec![None, Some([0.1, 0.1])]), |d| d.projections[0].synapses[2].weight = 2.5);
    assert_eq!(codes(&low.findings), ["E7"], "a bound below the largest weight");
    assert!(low.findings[0].text.contains("weight 2.5 of synapse 0 -> 2 (ids 100 -> 202) is 81920"), "{:?}", low.findings);
    assert_eq!(low.quantised.expect("it can be written").clipped(), 1);

    let small = as_written(Shifts::Mapper, |d| {
        d.projections[0].synapses.push(synapse(1, 0, 2e-5, 1.0));
        d.projections[0].synapses.push(synapse(0, 1, 400.0, 1.0));
    });
    assert_eq!(codes(&small.findings), ["W1"]);
    assert!(small.findings[0].text.contains("1 of 5 weights become 0 at shift 10"), "{:?}", small.findings);

    let slow = as_written(Shifts::Mapper, |d| *column(d, "tau_m", 1) = 1000.0);
    assert_eq!(codes(&slow.findings), ["W4"]);
    assert!(slow.findings[0].text.starts_with("`tau_m` of neuron 1 (id 201)"), "{:?}", slow.findings);
}

#[test]
fn a_network_that_cannot_be_quantised_says_why() {
    let none = |change: fn(&mut Deployment)| {
        let linted = as_written(Shifts::Mapper, change);
        assert!(linted.quantised.is_none());
        linted.findings.into_iter().map(|f| f.code).collect::<Vec<_>>()
    };
    assert_eq!(none(|d| d.projections[0].synapses[0].weight = f64::NAN), ["E1"]);
    assert_eq!(none(|d| d.projections[0].synapses[0].weight = 1e5), ["E8"]);
    assert_eq!(none(|d| d.projections[0].synapses[0].delay_steps = 5000.0), ["W6"]);
    assert_eq!(none(|d| (*column(d, "tau_m", 0), *column(d, "cm", 0)) = (60_000.0, 0.5)), ["E3"]);
}

#[test]
fn a_lowered_network_warns_at_a_scale_of_1_and_not_at_256() {
    let linted = |scale| {
        let d = support::Model::random(1, 60).lower(scale, 2);
        lint::quantised(&d, &Options::LOWERED, None, &Known::default())
    };
    let (fine, coarse) = (linted(256.0), linted(1.0));
    let warnings = |l: &Linted| l.findings.iter().filter(|f| f.severity != Severity::Info).count();
    assert_eq!(warnings(&fine), 0, "{:?}", fine.findings);
    for linted in [&fine, &coarse] {
        let quantised = linted.quantised.as_ref().expect("sound");
        let counted: u64 = quantised.projections.iter().map(|p| p.statistics.zeroed).sum();
        assert_eq!(linted.findings.iter().filter(|f| f.code == "W1").map(|f| f.count).sum::<u64>(), counted);
    }
    assert!(codes(&coarse.findings).contains(&"W4"), "a small current is coarse: {:?}", coarse.findings);
}

/// Findings of an emulation of the sound network at these shifts, after a change.
fn emulated(shift: u8, change: impl FnOnce(&mut Deployment)) -> Vec<Finding> {
    let mut d = sound();
    change(&mut d);
    let options = Options { shifts: Shifts::Given(vec![[0; 2], [shift; 2]]), ..Options::AS_WRITTEN };
    let network = quantise(&d, &options).expect("sound");
    let activity = Activity::emulated(&d, &network);
    assert_eq!(activity.samples, d.samples.len() as u64);
    lint::spinnaker(&d, &Known { activity: Some(&activity), ..Known::default() })
}

#[test]
fn an_emulation_tells_what_would_happen_on_the_board() {
    let quiet = emulated(4, |_| ());
    assert!(codes(&quiet) == ["W11"] && quiet[0].text.starts_with("3 of 3 neurons never spiked"), "{quiet:?}");

    let restless = emulated(12, |d| {
        d.projections[0].synapses.iter_mut().for_each(|s| s.weight = 300.0);
        d.samples[0].spikes = (0..2).flat_map(|i| (0..100).map(move |t| (0, i, t))).collect();
        let cells = cells(d);
        (cells.cm_nf, cells.tau_refrac_ms, cells.v_reset_mv) = (vec![20.0; 3], vec![0.0; 3], vec![-60.0; 3]);
    });
    assert!(codes(&restless) == ["W11"] && restless[0].text.contains("0 (id 200), 1 (id 201), 2 (id 202)"), "{restless:?}");

    let overflowing = emulated(0, |d| {
        d.projections[0].synapses = vec![synapse(0, 0, 1.5, 1.0), synapse(1, 0, 1.5, 1.0)];
        d.samples[0].spikes = vec![(0, 0, 5), (0, 1, 5)];
    });
    let clipped = overflowing.iter().find(|f| f.code == "W2").unwrap_or_else(|| panic!("{overflowing:?}"));
    assert!(clipped.count == 1 && clipped.text.contains("65535 of 65535, excitatory"), "{clipped:?}");

    let wild = emulated(4, |d| cells(d).i_offset_na[1] = -40_000.0);
    let wraps = wild.iter().find(|f| f.code == "W3").unwrap_or_else(|| panic!("{wild:?}"));
    assert_eq!(wraps.severity, Severity::Error, "20 MOhm times -40 uA leave 32 bits");

    let burst = emulated(4, |d| {
        d.populations[0].ids = (1000..1300).collect();
        d.samples.push(Sample { name: "all at once".into(), class: None, spikes: (0..300).map(|i| (0, i, 9)).collect() });
    });
    assert!(codes(&burst).contains(&"W9"), "{burst:?}");
}

#[test]
#[ignore = "prints a time"]
fn time_of_10_000_neurons_and_a_million_synapses() {
    let mut d = network(1000, 10_000);
    d.projections[0].synapses = (0..1_000_000u32)
        .map(|k| synapse(k / 1000, k.wrapping_mul(2_654_435_761) % 10_000, 0.5 + f64::from(k % 100), 1.0))
        .collect();
    let start = std::time::Instant::now();
    let found = lint::spinnaker(&d, &Known::default());
    let fixed = start.elapsed();
    let linted = lint::quantised(&d, &Options::LOWERED, None, &Known::default());
    eprintln!("{fixed:?} without quantisation, {:?} with both: {:?}", start.elapsed(), codes(&linted.findings));
    assert_eq!(codes(&found), Vec::<&str>::new());
}
