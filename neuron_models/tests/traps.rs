//! Mistakes that are easily made in a simulator of this kind, each with a test (specification of biophysical neurons, section 9).
//!
//! Elsewhere: the slope of NMDA in `synapses.rs`, markers and a child's first diameter in `morphology_files.rs`, the branch of
//! `K_Pst` in `mechanisms.rs`, the placement of densities in `l5pc_reference.rs`.

use std::f64::consts::PI;
use std::path::Path;

use kenyon_base::Result;
use kenyon_neurons::biophysical::cable::{Cable, Electrics, Segments};
use kenyon_neurons::biophysical::mechanism::nernst_calcium_mv;
use kenyon_neurons::biophysical::morphology::builtin::{ball_and_stick, uniform_cable};
use kenyon_neurons::biophysical::morphology::{Point, Region, Section, Shape, Tree};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recipe::Recipe;
use kenyon_neurons::biophysical::recording::{Probe, Quantity, Recorder};
use kenyon_neurons::biophysical::solver::{Cells, Electrode, Observer, Settings, Synapse, Waveform};
use kenyon_neurons::biophysical::synapse::{Event, EventQueue, synapse_set};

const DT: f64 = 0.025;

fn neuron() -> Neuron {
    let tree = ball_and_stick(128.0, 4.0, 8).expect("sound");
    Neuron::new(&tree, Segments::default(), Recipe::shipped("ball-and-stick").expect("shipped")).expect("sound")
}

/// A cell whose soma is made to spike.
fn driven(neuron: &Neuron) -> Cells {
    let mut cells = Cells::new(neuron, 1, Settings::default()).expect("sound");
    let waveform = Waveform::Step { delay_ms: 0.0, dur_ms: 100.0, amp_na: 1.0 };
    cells.add_electrode(Electrode { node: 0, lane: None, waveform });
    cells
}

fn probe(node: u32, quantity: Quantity) -> Probe {
    Probe { name: "probe".into(), node, quantity }
}

/// Calls a function at both moments of a step.
struct Each<A, B>(A, B);

impl<A: FnMut(&Cells), B: FnMut(&Cells)> Observer for Each<A, B> {
    fn currents(&mut self, cells: &Cells) {
        (self.0)(cells);
    }

    fn stepped(&mut self, cells: &Cells) -> Result<()> {
        (self.1)(cells);
        Ok(())
    }
}

#[test]
fn sk_follows_the_new_calcium_of_the_same_step() {
    let neuron = neuron();
    let mut cells = driven(&neuron);
    let mut before: Option<(f64, f64)> = None;
    let mut late = 0.0_f64;
    let stepped = |cells: &Cells| {
        let sk = cells.mechanisms().iter().find(|m| m.info().name == "SK_E2").expect("the soma has it");
        let (z, cai) = (sk.gate(0)[0], cells.calcium().cai[0]);
        if let Some((old, old_cai)) = before {
            let after = |cai: f64| old + (1.0 - (-DT).exp()) * (1.0 / (1.0 + (0.000_43 / cai).powf(4.8)) - old);
            let expected = after(cai);
            assert!((z - expected).abs() <= 1e-12 * expected, "{z} instead of {expected}");
            late = late.max((after(old_cai) / expected - 1.0).abs());
        }
        before = Some((z, cai));
    };
    cells.run(400, &mut Each(|_: &Cells| {}, stepped)).expect("runs");
    // The old calcium would be told apart.
    assert!(late > 1e-6, "{late:e}");
}

#[test]
fn eca_follows_calcium_in_every_step_and_calcium_starts_below_its_floor() {
    let neuron = neuron();
    let mut cells = driven(&neuron);
    let start = cells.calcium().cai[0];
    assert!((start - 5e-5).abs() < 1e-20 && neuron.pools[0].min_cai_mm > start);
    let mut lowest = f64::INFINITY;
    let currents = |cells: &Cells| {
        let (cai, eca) = (cells.calcium().cai[0], cells.calcium().eca[0]);
        assert!((eca - nernst_calcium_mv(6.3, 2.0, cai)).abs() < 1e-11);
        lowest = lowest.min(eca);
    };
    cells.run(400, &mut Each(currents, |_: &Cells| {})).expect("runs");
    assert!(lowest < 125.0, "{lowest}");
}

#[test]
fn recorded_currents_are_those_of_the_potential_before_the_step() {
    let neuron = neuron();
    let mut cells = driven(&neuron);
    let leak = Quantity::Current { channel: "leak".into() };
    let mut recorder = Recorder::new(&neuron, &cells, vec![probe(0, Quantity::V), probe(0, leak)], 1).expect("sound");
    cells.run(100, &mut recorder).expect("runs");
    let (v, i) = (recorder.trace(0, 0), recorder.trace(1, 0));
    for step in 0..=100_usize {
        let expected = 3e-5 * (v[step.saturating_sub(1)] + 85.0);
        assert!((i[step] - expected).abs() <= 1e-15 + 1e-12 * expected.abs(), "step {step}: {} instead of {expected}", i[step]);
    }
    assert!((v[100] - v[99]).abs() > 1e-3);
}

#[test]
fn an_event_acts_in_the_step_whose_beginning_it_is_nearest_to() {
    let neuron = neuron();
    let set = synapse_set("bs_ampa").expect("known");
    let synapse = Synapse { node: 2, receptors: vec![(set.ampa_receptor(), 1e-3)] };
    for (time_ms, first) in [(0.0, 1), (0.4 * DT, 1), (0.5 * DT, 1), (0.6 * DT, 2), (1.5 * DT, 2), (1.51 * DT, 3)] {
        let mut cells = Cells::new(&neuron, 1, Settings::default()).expect("sound");
        cells.set_synapses(std::slice::from_ref(&synapse), false).expect("sound");
        cells.set_events(0, EventQueue::new(vec![Event { time_ms, synapse: 0, weight: 1.0 }]).expect("sound")).expect("known");
        let mut open = None;
        let stepped = |cells: &Cells| {
            let (block, k) = cells.receptors(0).next().expect("one");
            if block.states().1[k] > 0.0 && open.is_none() {
                open = Some(cells.steps());
            }
        };
        cells.run(5, &mut Each(|_: &Cells| {}, stepped)).expect("runs");
        assert_eq!(open, Some(first), "{time_ms}");
    }
}

/// As NEURON 9.0.2 does: its clock adds up half steps, and with them their rounding errors.
#[test]
fn an_event_just_between_two_steps_comes_late_where_neurons_clock_runs_slow() {
    let neuron = neuron();
    let set = synapse_set("bs_ampa").expect("known");
    let synapses = vec![Synapse { node: 2, receptors: vec![(set.ampa_receptor(), 1e-6)] }; 400];
    for dt_ms in [0.1, 0.05, 0.025] {
        let mut cells = Cells::new(&neuron, 1, Settings { dt_ms, ..Settings::default() }).expect("sound");
        cells.set_synapses(&synapses, false).expect("sound");
        let halfway = |step: u32| ((f64::from(step) + 0.5) * dt_ms * 1e6).round() / 1e6;
        let events = (0..400).map(|synapse| Event { time_ms: halfway(synapse), synapse, weight: 1.0 }).collect();
        cells.set_events(0, EventQueue::new(events).expect("sound")).expect("known");
        let mut opened = vec![None; 400];
        let stepped = |cells: &Cells| {
            for (synapse, opened) in opened.iter_mut().enumerate() {
                let (block, k) = cells.receptors(synapse as u32).next().expect("one");
                if block.states().1[k] > 0.0 {
                    opened.get_or_insert(cells.steps() - 1);
                }
            }
        };
        cells.run(402, &mut Each(|_: &Cells| {}, stepped)).expect("runs");
        for (step, opened) in (0..400).zip(opened) {
            let late = matches!(step, 4 | 5 | 23..=93 | 377..=399);
            assert_eq!(opened, Some(step + u64::from(late)), "dt {dt_ms} ms, event at {} ms", halfway(step as u32));
        }
    }
}

#[test]
fn the_end_of_a_section_has_no_area_and_passes_on_what_it_gets() {
    let neuron = neuron();
    let nodes = &neuron.cable.nodes;
    let (end, first) = (neuron.cable.sections[0].end_node, neuron.cable.sections[1].first_node);
    assert!(nodes[end as usize].area_um2 == 0.0 && nodes[first as usize].parent == Some(end));
    // Half the soma, and half a segment of 16 µm.
    let half = |length: f64, diam: f64| 150.0 * 1e-2 * 4.0 * length / 2.0 / (PI * diam * diam);
    assert!((nodes[end as usize].ri_mohm - half(25.0, 25.0)).abs() < 1e-12);
    assert!((nodes[first as usize].ri_mohm - half(16.0, 4.0)).abs() < 1e-12);
    let mut cells = driven(&neuron);
    let stepped = |cells: &Cells| {
        let current = |from: u32, to: u32| (cells.v_at(from, 0) - cells.v_at(to, 0)) / nodes[to as usize].ri_mohm;
        let (into, out) = (current(0, end), current(end, first));
        assert!((into - out).abs() <= 1e-9, "{into} nA in, {out} nA out");
    };
    cells.run(200, &mut Each(|_: &Cells| {}, stepped)).expect("runs");
}

#[test]
fn the_area_of_a_traced_segment_is_that_of_its_frusta() {
    let points = vec![Point::new(0.0, 0.0, 0.0, 2.0), Point::new(3.0, 0.0, 0.0, 10.0), Point::new(10.0, 0.0, 0.0, 4.0)];
    let shape = Shape::Points(points);
    let section = Section { name: "soma[0]".into(), region: Region::Soma, parent: None, shape, nseg: Some(1) };
    let tree = Tree::new("cone", vec![section]).expect("sound");
    let cable = Cable::new(&tree, Segments::default(), Electrics::default()).expect("sound");
    let frustum = |l: f64, a: f64, b: f64| PI * f64::midpoint(a, b) * (l * l + (a - b).powi(2) / 4.0).sqrt();
    let area = frustum(3.0, 2.0, 10.0) + frustum(7.0, 10.0, 4.0);
    assert!((cable.nodes[0].area_um2 - area).abs() < 1e-10);
    let cylinder = PI * cable.nodes[0].diam_um * 10.0;
    assert!((area - cylinder).abs() > 0.1 * cylinder);
}

#[test]
fn the_ball_and_sticks_soma_leaks_less_than_its_dendrite_at_another_temperature_than_the_layer_5_cell() {
    let neuron = neuron();
    assert!((neuron.density("leak", 0) - 3e-5).abs() < 1e-18);
    assert!((neuron.density("leak", neuron.cable.sections[1].first_node) - 1.0 / 20_000.0).abs() < 1e-18);
    let eca = |cells: &Cells| cells.calcium().eca[0];
    let cells = Cells::new(&neuron, 1, Settings::default()).expect("sound");
    assert!((eca(&cells) - 127.590).abs() < 1e-3, "{}", eca(&cells));
    let soma = Recipe::shipped("l5pc").expect("shipped");
    assert!((nernst_calcium_mv(soma.celsius, soma.cao_mm, 5e-5) - 140.2366).abs() < 1e-4);
}

#[test]
fn a_cable_settles_where_ohm_says() {
    let recipe = "name = \"leak\"\ncelsius = 6.3\nv_init_mv = -65.0\n[region.basal]\nra_ohm_cm = 100.0\ncm_uf_cm2 = 1.0\n\
                  [region.basal.channels]\nleak = { gbar = 2.5e-5, reversal_mv = -65.0 }\n";
    let recipe = Recipe::parse(recipe, Path::new("leak")).expect("sound");
    let neuron = Neuron::new(&uniform_cable(1000.0, 1.0, 200).expect("sound"), Segments::default(), recipe).expect("sound");
    let mut cells = Cells::new(&neuron, 1, Settings { dt_ms: 5.0, ..Settings::default() }).expect("sound");
    let waveform = Waveform::Step { delay_ms: 0.0, dur_ms: 1e9, amp_na: 0.1 };
    cells.add_electrode(Electrode { node: 0, lane: None, waveform });
    cells.run(400, &mut Each(|_: &Cells| {}, |_: &Cells| {})).expect("runs");
    // I r lambda cosh(1) / sinh(1), seen at both ends.
    let scale = 0.1 * 4.0 * 1000.0 / PI;
    let far = neuron.cable.sections[0].end_node;
    assert!((cells.v_at(far, 0) + 65.0 - scale / 1.0_f64.sinh()).abs() < 5e-3, "{}", cells.v_at(far, 0));
}
