//! The Ball & Stick neuron against NEURON's traces at every step.

mod reference;

use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::morphology::builtin::ball_and_stick;
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recipe::Recipe;
use kenyon_neurons::biophysical::recording::{Probe, Quantity, Recorder};
use kenyon_neurons::biophysical::solver::{Cells, Electrode, Settings, Synapse, Waveform};
use kenyon_neurons::biophysical::synapse::{Event, EventQueue, synapse_set};

/// A table of a case: header, rows.
fn table(case: &str, file: &str) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    Some(reference::rows(&reference::part("ball_and_stick")?.join(case).join(file)))
}

fn neuron(length_um: f64, diam_um: f64, sk_factor: f64) -> Neuron {
    let tree = ball_and_stick(length_um, diam_um, 8).expect("sound");
    let mut neuron = Neuron::new(&tree, Segments::default(), Recipe::shipped("ball-and-stick").expect("shipped")).expect("sound");
    neuron.scale_channel("SK_E2", sk_factor).expect("known");
    neuron
}

/// Records the columns of a case's trace, and returns the largest deviation of potentials (mV) and, relative to the largest of its
/// column, of anything else.
fn worst(neuron: &Neuron, cells: &mut Cells, case: &str) -> Option<(f64, f64)> {
    let (header, rows) = table(case, "trace.csv")?;
    let first = neuron.cable.sections[1].first_node;
    let probe = |name: &String| {
        let (node, quantity) = match name.as_str() {
            "v_soma" => (0, Quantity::V),
            "cai" => (0, Quantity::Cai),
            "eca" => (0, Quantity::Eca),
            "ica" | "ina" | "ik" => (0, Quantity::IonCurrent { ion: name[1..].into() }),
            _ => match (name.strip_prefix("v_dend_"), name.split_once('.')) {
                (Some(k), _) => (first + k.parse::<u32>().expect("a segment"), Quantity::V),
                (_, Some((channel, gate))) => (0, Quantity::Gate { channel: channel.into(), gate: gate.into() }),
                _ => panic!("{name}"),
            },
        };
        Probe { name: name.clone(), node, quantity }
    };
    let mut recorder = Recorder::new(neuron, cells, header[1..].iter().map(probe).collect(), 1).expect("sound");
    cells.run(rows.len() as u64 - 1, &mut recorder).expect("runs");
    let (mut volts, mut other) = (0.0_f64, 0.0_f64);
    for (k, name) in header[1..].iter().enumerate() {
        let theirs: Vec<f64> = rows.iter().map(|row| row[k + 1].parse().expect("a number")).collect();
        let worst = recorder.trace(k, 0).iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if name.starts_with("v_") {
            volts = volts.max(worst);
        } else {
            other = other.max(worst / theirs.iter().fold(1e-300, |m: f64, x| m.max(x.abs())));
        }
    }
    Some((volts, other))
}

#[test]
fn gates_calcium_and_currents_of_a_spiking_soma_are_those_of_the_reference() {
    let neuron = neuron(128.0, 4.0, 1.0);
    let mut cells = Cells::new(&neuron, 1, Settings::default()).expect("sound");
    let waveform = Waveform::Step { delay_ms: 5.0, dur_ms: 50.0, amp_na: 0.6 };
    cells.add_electrode(Electrode { node: 0, lane: None, waveform });
    let Some((volts, other)) = worst(&neuron, &mut cells, "iclamp_soma_gates") else { return };
    assert!(volts <= 1e-6 && other <= 1e-9, "{volts:e} mV, {other:e}");
}

#[test]
fn synapses_on_and_off_the_grid_drive_spikes_as_in_the_reference() {
    let (nmda, ampa) = (("bs_nmda_human", 2048.0, 1.0), ("bs_ampa", 128.0, 4.0));
    for (case, (set, length, diam)) in [("ref_nmda_cable_hires", nmda), ("ref_ampa_point_hires", ampa), ("offgrid_events", nmda)]
    {
        let Some((_, rows)) = table(case, "events.csv") else { return };
        let set = synapse_set(set).expect("known");
        let neuron = neuron(length, diam, 0.0);
        let first = neuron.cable.sections[1].first_node;
        let exc = vec![(set.ampa_receptor(), set.ampa.gmax_us), (set.nmda_receptor(), set.nmda.gmax_us)];
        let inh = vec![(set.gaba_a_receptor(), set.gaba_a.gmax_us)];
        let synapse = |k: u32| Synapse { node: first + k % 8, receptors: if k < 8 { exc.clone() } else { inh.clone() } };
        let event = |row: &Vec<String>| {
            let number = |k: usize| row[k].parse::<f64>().expect("a number");
            let synapse = number(1) as u32 + if row[0] == "exc" { 0 } else { 8 };
            Event { synapse, time_ms: number(2), weight: number(3) }
        };
        let mut cells = Cells::new(&neuron, 1, Settings::default()).expect("sound");
        cells.set_synapses(&(0..16).map(synapse).collect::<Vec<_>>(), false).expect("sound");
        cells.set_events(0, EventQueue::new(rows.iter().map(event).collect()).expect("sound")).expect("known");
        let Some((volts, _)) = worst(&neuron, &mut cells, case) else { return };
        assert!(volts <= 1e-6, "{case}: {volts:e} mV");
    }
}
