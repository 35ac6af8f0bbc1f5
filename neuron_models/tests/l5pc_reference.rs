//! The layer 5b pyramidal cell against NEURON's traces and densities.

mod reference;

use std::path::{Path, PathBuf};

use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::morphology::{ReadOptions, edit, read};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recipe::{Placement, Recipe};
use kenyon_neurons::biophysical::recording::{Probe, Quantity, Recorder};
use kenyon_neurons::biophysical::solver::{Cells, Electrode, Settings, Synapse, Waveform};
use kenyon_neurons::biophysical::synapse::{Event, EventQueue, synapse_set};
use reference::{number, rows};

/// Half of the last of nine digits of a potential below 100 mV.
const ROUNDING_MV: f64 = 5.1e-8;
const SITES: [(&str, &str, f64); 8] = [
    ("v_soma", "soma[0]", 0.5),
    ("v_axon1", "axon[1]", 0.5),
    ("v_trunk_prox", "apic[3]", 0.5),
    ("v_trunk_mid", "apic[36]", 0.5),
    ("v_hotzone", "apic[37]", 0.4),
    ("v_tuft", "apic[60]", 0.5),
    ("v_oblique", "apic[9]", 0.5),
    ("v_basal", "dend[30]", 0.5),
];

fn cell(recipe: Recipe) -> Option<(Neuron, PathBuf)> {
    let data = reference::part("l5pc")?;
    let path = reference::part("morphologies")?.join("cell1.asc");
    let tree = edit::replace_axon(read(&path, &ReadOptions::default()).expect("reads").tree).expect("has a soma");
    Some((Neuron::new(&tree, Segments::TWINPROP, recipe).expect("sound"), data))
}

fn l5pc() -> Option<(Neuron, PathBuf)> {
    cell(Recipe::shipped("l5pc").expect("shipped"))
}

/// Runs so long, and returns the largest deviation from a file's traces at all eight sites up to then, mV.
fn worst(neuron: &Neuron, cells: &mut Cells, file: &Path, ms: f64) -> f64 {
    let node = |section: &str, x: f64| neuron.cable.node_at(section, x).expect("there");
    let probe =
        |(name, section, x): &(&str, &str, f64)| Probe { name: (*name).into(), node: node(section, *x), quantity: Quantity::V };
    let mut recorder = Recorder::new(neuron, cells, SITES.iter().map(probe).collect(), 10).expect("sound");
    cells.run((ms / 0.025).round() as u64, &mut recorder).expect("runs");
    let (header, rows) = rows(file);
    let mut worst = 0.0_f64;
    for (k, (name, ..)) in SITES.iter().enumerate() {
        let column = header.iter().position(|h| h == name).expect("a column");
        for (ours, row) in recorder.trace(k, 0).iter().zip(&rows) {
            worst = worst.max((ours - number(&row[column])).abs());
        }
    }
    worst
}

fn step_at_soma(neuron: &Neuron, cells: &mut Cells, delay_ms: f64, dur_ms: f64, amp_na: f64) {
    let node = neuron.cable.node_at("soma[0]", 0.5).expect("there");
    cells.add_electrode(Electrode { node, lane: None, waveform: Waveform::Step { delay_ms, dur_ms, amp_na } });
}

#[test]
fn densities_are_placed_as_in_the_reference() {
    let Some((neuron, data)) = l5pc() else { return };
    let (header, rows) = rows(&data.join("geometry/max_seg_24.3/segments.csv"));
    let segments: Vec<u32> =
        (0..neuron.cable.nodes.len() as u32).filter(|k| neuron.cable.nodes[*k as usize].segment.is_some()).collect();
    assert_eq!(segments.len(), rows.len());
    let mut checked = 0;
    for (column, name) in header.iter().enumerate().filter_map(|(k, h)| Some((k, h.split_once("bar_")?.1))) {
        let placed = neuron.channels.iter().find(|c| c.info.name == name).expect("a channel of the cell");
        let mut ours = vec![0.0; neuron.cable.nodes.len()];
        placed.instances.iter().for_each(|i| ours[i.node as usize] = i.gbar_s_cm2);
        for (node, row) in segments.iter().zip(&rows) {
            let theirs = number(&row[column]);
            assert!((ours[*node as usize] - theirs).abs() <= 1e-10, "{name} of {row:?}");
        }
        checked += 1;
    }
    assert_eq!(checked, 11);
}

#[test]
fn densities_at_centres_are_another_cell() {
    let recipe = Recipe { placement: Placement::Centre, ..Recipe::shipped("l5pc").expect("shipped") };
    let (Some((reference, _)), Some((centre, _))) = (l5pc(), cell(recipe)) else { return };
    let hot = |neuron: &Neuron| {
        let channel = neuron.channels.iter().find(|c| c.info.name == "Ca_LVAst").expect("there");
        channel.instances.iter().filter(|i| i.gbar_s_cm2 > 0.1).map(|i| i.node).collect::<Vec<_>>()
    };
    let (with, without) = (hot(&reference), hot(&centre));
    // One segment lies in the hot zone only by the far end of its section.
    let only = reference.cable.find("apic[50]").expect("there");
    let only = reference.cable.sections[only as usize].first_node + 4;
    assert!(with.contains(&only) && !without.contains(&only));
}

#[test]
fn the_cable_alone_follows_the_reference() {
    let Some((mut neuron, data)) = l5pc() else { return };
    neuron.make_passive();
    let mut cells = Cells::new(&neuron, 1, Settings { v_init_mv: Some(-90.0), ..Settings::default() }).expect("sound");
    step_at_soma(&neuron, &mut cells, 20.0, 100.0, 0.2);
    let worst = worst(&neuron, &mut cells, &data.join("passive/cable_only_step_dec.csv"), 200.0);
    assert!(worst <= 1e-8 + ROUNDING_MV, "{worst:e}");
}

#[test]
fn four_spikes_of_a_step_follow_the_reference() {
    let Some((neuron, data)) = l5pc() else { return };
    let mut cells = Cells::new(&neuron, 1, Settings::default()).expect("sound");
    step_at_soma(&neuron, &mut cells, 100.0, 350.0, 1.4);
    let worst = worst(&neuron, &mut cells, &data.join("steps/step_1.40nA_dec.csv"), 130.0);
    assert!(worst <= 1e-6, "{worst:e}");
}

#[test]
fn synapses_drive_the_cell_as_in_the_reference() {
    let Some((neuron, data)) = l5pc() else { return };
    let folder = data.join("synaptic/spiking200");
    let set = synapse_set("rat").expect("known");
    let (_, table) = rows(&folder.join("synapses.csv"));
    let synapse = |row: &Vec<String>| {
        let node = neuron.cable.node_at(&row[2], number(&row[3])).expect("there");
        let receptors = if row[1] == "exc" {
            vec![(set.ampa_receptor(), set.ampa.gmax_us), (set.nmda_receptor(), set.nmda.gmax_us)]
        } else {
            vec![(set.gaba_a_receptor(), set.gaba_a.gmax_us)]
        };
        Synapse { node, receptors }
    };
    let synapses: Vec<Synapse> = table.iter().map(synapse).collect();
    let (_, table) = rows(&folder.join("events.csv"));
    let event = |row: &Vec<String>| Event { synapse: number(&row[0]) as u32, time_ms: number(&row[1]), weight: number(&row[2]) };
    let events = EventQueue::new(table.iter().map(event).collect()).expect("sound");
    for together in [false, true] {
        let mut cells = Cells::new(&neuron, 1, Settings::default()).expect("sound");
        cells.set_synapses(&synapses, together).expect("sound");
        cells.set_events(0, events.clone()).expect("known");
        // Through two spikes.
        let worst = worst(&neuron, &mut cells, &folder.join("traces_dec.csv"), 80.0);
        assert!(worst <= 1e-6, "together {together}: {worst:e}");
    }
}
