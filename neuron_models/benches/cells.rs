//! What whole cells cost: CPU seconds for a simulated second of one cell.
//!
//! ```text
//! cargo bench --profile dev -p kenyon -p kenyon-neurons --bench cells -- [CASE ..] [--iters N] [--ms MS] [--threads N] [--lanes N]
//! ```
//!
//! (Naming the core as well gives the crates the features that it builds them with, AVX-512 among them.)
//!
//! | case | cell |
//! |---|---|
//! | `hh` | a soma and a dendrite of 99 segments with the squid's membrane, 600 exponential synapses at 5 Hz; 1 and 64 cells in batches of 8, 16 and 64 |
//! | `l5pc` | the layer 5 cell, 1,044 segments, 2,082 synapses of `l5pc/synaptic/full2082`; 1, 8 and 16 cells, exact and with tables |
//! | `bs` | Ball & Stick, 8 segments, 16 synapses, input of `ball_and_stick/ref_nmda_cable_long`; 1, 8 and 16 cells |
//!
//! `l5pc` and `bs` need the reference data (`KENYON_REFERENCE_DATA`, or `../shared/data` beside the repository) and are left out
//! without it. Prints one JSON line per run: the smallest CPU time of the thread over the iterations; spikes are upward crossings
//! of 0 mV of the soma of the first cell. With `--threads`, so many threads run a batch each, and the slowest counts; with `--lanes`
//! only batches of this size run, and with `--exact` none with tables.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use kenyon_base::Result;
use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::mechanism::Grid;
use kenyon_neurons::biophysical::morphology::{Attachment, ReadOptions, Region, Section, Shape, Tree, builtin, edit, read};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recipe::Recipe;
use kenyon_neurons::biophysical::solver::{Cells, Observer, Settings, Synapse};
use kenyon_neurons::biophysical::synapse::{Event, EventQueue, Kinetics, Receptor, synapse_set};
use serde_json::{Value, json};

/// CPU time of this thread, s; wall time where the system does not tell.
fn cpu_s(start: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ns = told.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    ns.map_or_else(|| start.elapsed().as_secs_f64(), |ns| ns as f64 * 1e-9)
}

/// A neuron with its input.
struct Case {
    neuron: Neuron,
    synapses: Vec<Synapse>,
    events: Vec<Event>,
    soma: u32,
}

/// Counts spikes of the first cell.
struct Soma {
    node: u32,
    before_mv: f64,
    spikes: u32,
    /// When the last one crossed 0 mV, between the steps; NaN before the first.
    last_ms: f64,
}

impl Observer for Soma {
    fn stepped(&mut self, cells: &Cells) -> Result<()> {
        let v = cells.v_at(self.node, 0);
        if v > 0.0 && self.before_mv <= 0.0 {
            self.spikes += 1;
            self.last_ms = cells.t_ms() - cells.settings().dt_ms * v / (v - self.before_mv);
        }
        self.before_mv = v;
        Ok(())
    }
}

impl Case {
    /// CPU seconds of one run, what the soma did, and its potential at the end.
    fn run(&self, lanes: usize, tables: bool, ms: f64) -> (f64, Soma, f64) {
        let settings = Settings { tables: tables.then(Grid::default), ..Settings::default() };
        let mut cells = Cells::new(&self.neuron, lanes, settings).expect("a good neuron");
        cells.set_synapses(&self.synapses, true).expect("good synapses");
        for lane in 0..lanes {
            cells.set_events(lane, EventQueue::new(self.events.clone()).expect("good events")).expect("good events");
        }
        let mut soma = Soma { node: self.soma, before_mv: f64::NEG_INFINITY, spikes: 0, last_ms: f64::NAN };
        let start = Instant::now();
        let from = cpu_s(start);
        cells.run((ms / settings.dt_ms).round() as u64, &mut soma).expect("a quiet run");
        let seconds = cpu_s(start) - from;
        (seconds, soma, cells.v_at(self.soma, 0))
    }

    /// The best of several runs of `cells` cells in batches of `lanes`, as JSON.
    fn measure(&self, name: &str, (cells, lanes): (usize, usize), tables: bool, options: &Options, default_ms: f64) -> Value {
        let ms = options.ms.unwrap_or(default_ms);
        // Batches are independent: one after the other costs the sum.
        let batches = || {
            let mut all = self.run(lanes, tables, ms);
            for _ in 1..cells / lanes {
                all.0 += self.run(lanes, tables, ms).0;
            }
            all
        };
        let threads = || {
            let runs = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..options.threads).map(|_| scope.spawn(batches)).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
            });
            runs.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).expect("a thread")
        };
        let runs = (0..options.iters.max(1)).map(|_| threads());
        let (seconds, soma, v_end) = runs.min_by(|a, b| a.0.total_cmp(&b.0)).expect("a run");
        let per_s = seconds / cells as f64 / ms * 1e3;
        let steps = ms / 0.025;
        let round = |x: f64, digits: i32| (x * 10_f64.powi(digits)).round() / 10_f64.powi(digits);
        json!({
            "case": name, "cells": cells, "lanes": lanes, "tables": tables, "threads": options.threads, "ms": ms,
            "cpu_s_per_simulated_s_and_cell": round(per_s, 5),
            "simulated_s_per_cpu_s": round(1.0 / per_s, 2),
            "ns_per_compartment_step": round(seconds * 1e9 / (cells as f64 * steps * self.neuron.cable.segment_count() as f64), 2),
            "spikes": soma.spikes, "last_spike_ms": soma.last_ms, "v_end_mv": v_end,
        })
    }
}

fn squid() -> Case {
    let cylinder = |name: &str, region, length_um, diam_um, nseg, parent| Section {
        name: name.into(),
        region,
        parent,
        shape: Shape::Cylinder { length_um, diam_um },
        nseg: Some(nseg),
    };
    let soma = cylinder("soma", Region::Soma, 20.0, 20.0, 1, None);
    let dend = cylinder("dend", Region::Basal, 990.0, 2.0, 99, Some(Attachment { section: 0, x: 1.0 }));
    let tree = Tree::new("ball and stick", vec![soma, dend]).expect("a good tree");
    let neuron = Neuron::new(&tree, Segments::default(), Recipe::shipped("squid").expect("shipped")).expect("a good neuron");
    let receptor = Receptor { kinetics: Kinetics::Exponential { decay_ms: 2.0 }, reversal_mv: 0.0, magnesium: None };
    let (count, interval_ms) = (600, 200.0);
    let mut synapses = Vec::new();
    let mut events = Vec::new();
    for k in 0..count {
        let at = f64::from(k) / f64::from(count);
        let node = neuron.cable.node_at("dend", at + 0.5 / f64::from(count)).expect("on the dendrite");
        synapses.push(Synapse { node, receptors: vec![(receptor, 3e-3)] });
        let times = (0..50).map(|j| interval_ms * at + 0.1 + interval_ms * f64::from(j));
        events.extend(times.map(|time_ms| Event { time_ms, synapse: k, weight: 1.0 }));
    }
    Case { soma: neuron.cable.node_at("soma", 0.5).expect("a soma"), neuron, synapses, events }
}

/// The rows of a table without its head, as text.
fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).expect("a readable table");
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn layer5(data: &Path) -> Case {
    let tree = read(&data.join("morphologies/cell1.asc"), &ReadOptions::default()).expect("a good file").tree;
    let tree = edit::replace_axon(tree).expect("a cell with a soma");
    let neuron = Neuron::new(&tree, Segments::TWINPROP, Recipe::shipped("l5pc").expect("shipped")).expect("a good neuron");
    let folder = data.join("l5pc/synaptic/full2082");
    let set = synapse_set("rat").expect("shipped");
    let synapse = |row: &Vec<String>| {
        let receptors = match row[1].as_str() {
            "exc" => vec![(set.ampa_receptor(), set.ampa.gmax_us), (set.nmda_receptor(), set.nmda.gmax_us)],
            _ => vec![(set.gaba_a_receptor(), set.gaba_a.gmax_us)],
        };
        Synapse { node: neuron.cable.node_at(&row[2], row[3].parse().expect("a place")).expect("there"), receptors }
    };
    let synapses = rows(&folder.join("synapses.csv")).iter().map(synapse).collect();
    let event = |row: &Vec<String>| Event {
        time_ms: row[1].parse().expect("a time"),
        synapse: row[0].parse().expect("a synapse"),
        weight: row[2].parse().expect("a weight"),
    };
    let events = rows(&folder.join("events.csv")).iter().map(event).collect();
    Case { soma: neuron.cable.node_at("soma[0]", 0.5).expect("a soma"), neuron, synapses, events }
}

fn ball_and_stick(data: &Path) -> Case {
    let tree = builtin::ball_and_stick(2048.0, 1.0, 8).expect("a good tree");
    let recipe = Recipe::shipped("ball-and-stick").expect("shipped");
    let mut neuron = Neuron::new(&tree, Segments::default(), recipe).expect("a good neuron");
    neuron.scale_channel("SK_E2", 0.0).expect("a channel");
    let set = synapse_set("bs_nmda_human").expect("shipped");
    let node = |segment: u32| neuron.cable.node_at("dend[0]", (f64::from(segment) + 0.5) / 8.0).expect("on the dendrite");
    let excitatory = vec![(set.ampa_receptor(), set.ampa.gmax_us), (set.nmda_receptor(), set.nmda.gmax_us)];
    let inhibitory = vec![(set.gaba_a_receptor(), set.gaba_a.gmax_us)];
    let mut synapses: Vec<_> = (0..8).map(|k| Synapse { node: node(k), receptors: excitatory.clone() }).collect();
    synapses.extend((0..8).map(|k| Synapse { node: node(k), receptors: inhibitory.clone() }));
    let event = |row: &Vec<String>| Event {
        time_ms: row[2].parse().expect("a time"),
        synapse: row[1].parse::<u32>().expect("a segment") + if row[0] == "inh" { 8 } else { 0 },
        weight: row[3].parse().expect("a weight"),
    };
    let events = rows(&data.join("ball_and_stick/ref_nmda_cable_long/events.csv")).iter().map(event).collect();
    Case { soma: neuron.cable.node_at("soma[0]", 0.5).expect("a soma"), neuron, synapses, events }
}

struct Options {
    iters: usize,
    ms: Option<f64>,
    threads: usize,
    lanes: Option<usize>,
    exact: bool,
}

impl Options {
    fn allow(&self, lanes: usize, tables: bool) -> bool {
        self.lanes.is_none_or(|only| only == lanes) && !(tables && self.exact)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|a| a == name)?;
        arguments.get(at + 1).map(|n| n.parse::<f64>().expect("a number"))
    };
    let options = Options {
        iters: number("--iters").map_or(3, |n| n as usize),
        ms: number("--ms"),
        threads: number("--threads").map_or(1, |n| n as usize),
        lanes: number("--lanes").map(|n| n as usize),
        exact: arguments.iter().any(|a| a == "--exact"),
    };
    let cases = ["hh", "l5pc", "bs"];
    let named = arguments.iter().any(|a| cases.contains(&a.as_str()));
    let wanted = |case: &str| !named || arguments.iter().any(|a| a == case);
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let data = std::env::var_os("KENYON_REFERENCE_DATA").map_or_else(default, PathBuf::from);
    let print = |value: Value| writeln!(std::io::stdout(), "{value}").expect("stdout");
    if wanted("hh") {
        let case = squid();
        for (cells, lanes) in [(1, 1), (64, 8), (64, 16), (64, 64)] {
            for tables in [false, true].into_iter().filter(|&tables| options.allow(lanes, tables)) {
                print(case.measure("hh", (cells, lanes), tables, &options, 200.0));
            }
        }
    }
    if wanted("l5pc") && data.join("l5pc").is_dir() {
        let case = layer5(&data);
        for (lanes, tables) in [(1, false), (8, false), (16, false), (1, true), (8, true), (16, true)]
            .into_iter()
            .filter(|&(lanes, tables)| options.allow(lanes, tables))
        {
            print(case.measure("l5pc", (lanes, lanes), tables, &options, 100.0));
        }
    }
    if wanted("bs") && data.join("ball_and_stick").is_dir() {
        let case = ball_and_stick(&data);
        for (lanes, tables) in [(1, false), (8, false), (16, false), (1, true), (16, true)]
            .into_iter()
            .filter(|&(lanes, tables)| options.allow(lanes, tables))
        {
            print(case.measure("bs", (lanes, lanes), tables, &options, 8192.0));
        }
    }
}
