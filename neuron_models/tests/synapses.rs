//! Synapses: time course, slope with the block by magnesium, release, events, named sets.

use kenyon_neurons::biophysical::synapse::{
    Event, EventQueue, Kinetics, MagnesiumBlock, Receptor, ReceptorBlock, ReceptorInstance, Release, SYNAPSE_SETS, synapse_set,
};
use pulp::Arch;

const DT: f64 = 0.025;

fn block(receptor: Receptor, gmax_us: f64, lanes: usize) -> ReceptorBlock {
    ReceptorBlock::new(receptor, &[ReceptorInstance { node: 0, gmax_us }], lanes).expect("a possible receptor")
}

#[test]
fn an_event_of_weight_one_peaks_at_the_conductance_of_every_set() {
    for set in &SYNAPSE_SETS {
        for (receptor, c) in [
            (set.ampa_receptor(), set.ampa),
            (set.nmda_receptor(), set.nmda),
            (set.gaba_a_receptor(), set.gaba_a),
            (set.gaba_b_receptor(), set.gaba_b),
        ] {
            let mut block = block(Receptor { magnesium: None, ..receptor }, c.gmax_us, 1);
            block.deliver(0, 0, 1.0);
            let mut peak = 0.0_f64;
            for _ in 0..20_000 {
                block.advance(0.001);
                peak = peak.max(block.conductance(0, 0, &[0.0]));
            }
            assert!((peak - c.gmax_us).abs() <= 1e-5 * c.gmax_us, "{}: {peak:e}", set.name);
        }
    }
}

#[test]
fn an_exponential_synapse_jumps_and_decays() {
    let receptor = Receptor { kinetics: Kinetics::Exponential { decay_ms: 2.0 }, reversal_mv: 0.0, magnesium: None };
    let mut block = block(receptor, 1.0, 1);
    block.deliver(0, 0, 0.5);
    block.deliver(0, 0, 0.25);
    assert!((block.conductance(0, 0, &[0.0]) - 0.75).abs() < 1e-15);
    for _ in 0..80 {
        block.advance(DT);
    }
    assert!((block.conductance(0, 0, &[0.0]) - 0.75 * (-1.0_f64).exp()).abs() < 1e-14);
    assert!((block.current(0, 0, &[-70.0]) + 70.0 * block.conductance(0, 0, &[0.0])).abs() < 1e-12);
}

#[test]
fn impossible_time_constants_are_refused() {
    for kinetics in [
        Kinetics::Exponential { decay_ms: 0.0 },
        Kinetics::DoubleExponential { rise_ms: 2.0, decay_ms: 2.0 },
        Kinetics::DoubleExponential { rise_ms: -1.0, decay_ms: 2.0 },
        Kinetics::DoubleExponential { rise_ms: 1.0, decay_ms: f64::NAN },
    ] {
        assert!(ReceptorBlock::new(Receptor { kinetics, reversal_mv: 0.0, magnesium: None }, &[], 1).is_err());
    }
}

/// `g v / (1 + mg / 3.57 exp(-gamma v))`.
fn nmda(g: f64, v: f64, block: MagnesiumBlock) -> f64 {
    g * v / (1.0 + block.mg_mm / 3.57 * (-block.gamma_per_mv * v).exp())
}

#[test]
fn the_slope_of_nmda_is_the_forward_difference_and_not_the_conductance() {
    let receptor = synapse_set("rat").unwrap().nmda_receptor();
    let magnesium = receptor.magnesium.unwrap();
    let mut block = block(receptor, 1e-3, 1);
    block.deliver(0, 0, 3.0);
    for _ in 0..100 {
        block.advance(DT);
    }
    let (a, b) = block.states();
    let g = 1e-3 * (b[0] - a.unwrap()[0]);
    for i in 0..300 {
        let v = -120.0 + 0.5 * f64::from(i);
        let (mut rhs, mut diag) = ([0.0], [0.0]);
        block.add_currents(&[v], &mut rhs, &mut diag);
        let difference = (nmda(g, v + 0.001, magnesium) - nmda(g, v, magnesium)) / 0.001;
        // The plain difference itself is known to the rounding of the current over 0.001.
        assert!((diag[0] - difference).abs() <= 1e-9 * g, "{v}: {} {difference}", diag[0]);
        assert!((rhs[0] + nmda(g, v, magnesium)).abs() <= 1e-14 * g * 120.0);
    }
    let (mut rhs, mut diag) = ([0.0], [0.0]);
    block.add_currents(&[-60.0], &mut rhs, &mut diag);
    assert!(diag[0] < 0.0, "below the knee the current grows inward with depolarisation");
}

#[test]
fn a_cell_alone_has_the_bits_of_a_cell_in_a_batch() {
    let set = synapse_set("human").unwrap();
    let places: Vec<_> = (0..13).map(|i| ReceptorInstance { node: i * 2 % 13, gmax_us: 1e-4 * f64::from(i + 1) }).collect();
    let run = |receptor: Receptor, lanes: usize, arch: Arch| -> Vec<u64> {
        let mut block = ReceptorBlock::new(receptor, &places, lanes).unwrap();
        block.run_on(arch);
        let v: Vec<f64> = (0..13 * lanes).map(|i| -80.0 + 5.0 * (i / lanes) as f64).collect();
        let (mut rhs, mut diag) = (vec![0.0; v.len()], vec![0.0; v.len()]);
        for step in 0..30 {
            block.deliver(step % 13, 0, 0.3);
            block.add_currents(&v, &mut rhs, &mut diag);
            block.advance(DT);
        }
        rhs.iter().chain(&diag).step_by(lanes).map(|x| x.to_bits()).collect()
    };
    for receptor in [set.ampa_receptor(), set.nmda_receptor()] {
        let alone = run(receptor, 1, Arch::new());
        assert_eq!(alone, run(receptor, 1, Arch::Scalar));
        assert_eq!(alone, run(receptor, 8, Arch::new()));
        assert_eq!(alone, run(receptor, 16, Arch::Scalar));
    }
}

#[test]
fn a_forgotten_event_leaves_exactly_nothing() {
    let mut block = block(synapse_set("rat").unwrap().ampa_receptor(), 1.0, 1);
    block.deliver(0, 0, 1.0);
    for _ in 0..40_000 {
        block.advance(DT);
    }
    assert_eq!(block.conductance(0, 0, &[0.0]).to_bits(), 0);
}

#[test]
fn release_depends_on_seed_synapse_and_event_alone() {
    let release = Release::Probabilistic { probability: 0.4, seed: 9 };
    let forward: Vec<bool> = (0..1000).map(|i| release.happens(i % 10, u64::from(i / 10))).collect();
    let mut backward: Vec<bool> = (0..1000).rev().map(|i| release.happens(i % 10, u64::from(i / 10))).collect();
    backward.reverse();
    assert_eq!(forward, backward);
    let other = Release::Probabilistic { probability: 0.4, seed: 10 };
    assert!((0..1000).any(|i| other.happens(i % 10, u64::from(i / 10)) != forward[i as usize]));
    assert!(Release::Probabilistic { probability: 1.2, seed: 0 }.checked().is_err());
}

#[test]
fn the_share_of_released_events_is_the_probability() {
    for (probability, seed) in [(0.0, 1), (0.25, 2), (0.5, 3), (1.0, 4)] {
        let release = Release::Probabilistic { probability, seed };
        let events = (0..40_000).map(|i| Event { time_ms: f64::from(i), synapse: i as u32 % 7, weight: 1.0 }).collect();
        let kept = release.filter(events).len() as f64 / 40_000.0;
        // Four standard deviations.
        assert!((kept - probability).abs() <= 0.01, "{kept} of {probability}");
    }
    assert!(Release::Deterministic.happens(1, 2));
}

#[test]
fn events_act_in_the_step_whose_beginning_is_nearest() {
    let at = |time_ms: f64, synapse: u32| Event { time_ms, synapse, weight: 1.0 };
    let mut queue = EventQueue::new(vec![at(1.015, 3), at(1.0, 2), at(1.012, 1), at(0.0, 0), at(1.0, 1)]).unwrap();
    let mut due = |t: f64| queue.due(t + DT / 2.0).iter().map(|e| e.synapse).collect::<Vec<_>>();
    assert_eq!(due(0.0), [0]);
    assert_eq!(due(1.0), [1, 2, 1]);
    assert_eq!(due(1.025), [3]);
    assert!(due(5.0).is_empty());
    assert!(EventQueue::new(vec![at(f64::NAN, 0)]).is_err());
}

#[test]
fn an_unknown_set_is_refused_with_the_names_there_are() {
    let error = synapse_set("humam").unwrap_err().to_string();
    assert!(error.contains("rat_no_nmda") && error.contains("did you mean `human`"), "{error}");
}
