//! Whole cells that are drawn by chance: alone against in a batch, and against a plain solver with a dense matrix.

mod plain;

use std::collections::BTreeMap;

use kenyon_base::Result;
use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::mechanism::{CHANNELS, Drive, Ion};
use kenyon_neurons::biophysical::morphology::{Attachment, Region, Section, Shape, Tree};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recipe::{Membrane, Placed, Placement, Pool, Recipe};
use kenyon_neurons::biophysical::solver::{Cells, Electrode, Observer, Scheme, Settings, Synapse, Waveform};
use kenyon_neurons::biophysical::synapse::{Event, EventQueue, Kinetics, Receptor, synapse_set};
use plain::plain;
use proptest::prelude::*;
use pulp::Arch;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const FARADAY: f64 = 96_485.332_123_31;

/// A tree of up to six cylinders.
fn tree(rng: &mut StdRng) -> Tree {
    let count = rng.random_range(1..=6);
    let section = |i: u32, rng: &mut StdRng| Section {
        name: format!("s{i}"),
        region: if i == 0 { Region::Soma } else { Region::Basal },
        parent: (i > 0)
            .then(|| Attachment { section: rng.random_range(0..i), x: [0.0, 0.3, 0.5, 1.0, 1.0][rng.random_range(0..5)] }),
        shape: Shape::Cylinder { length_um: rng.random_range(5.0..150.0), diam_um: rng.random_range(0.5..15.0) },
        nseg: Some(rng.random_range(1..=12)),
    };
    Tree::new("by chance", (0..count).map(|i| section(i, rng)).collect()).expect("a good tree")
}

/// Some channels in each region.
fn recipe(rng: &mut StdRng) -> Recipe {
    let membrane = |rng: &mut StdRng| {
        let mut channels = BTreeMap::new();
        channels.insert("leak".to_owned(), Placed::Even(rng.random_range(1e-5..1e-3)));
        for info in CHANNELS.iter().skip(1) {
            if rng.random_bool(0.4) {
                channels.insert(info.name.to_owned(), Placed::Even(10_f64.powf(rng.random_range(-5.0..-2.0))));
            }
        }
        let pool =
            rng.random_bool(0.6).then(|| Pool { gamma: rng.random_range(1e-4..0.05), decay_ms: rng.random_range(20.0..500.0) });
        Membrane { ra_ohm_cm: rng.random_range(50.0..200.0), cm_uf_cm2: rng.random_range(0.5..2.0), pool, channels }
    };
    let region = [Region::Soma, Region::Basal].map(|region| (region, membrane(rng)));
    Recipe {
        name: "by chance".into(),
        source: String::new(),
        celsius: rng.random_range(5.0..37.0),
        v_init_mv: rng.random_range(-90.0..-60.0),
        cao_mm: rng.random_range(0.5..5.0),
        ena_mv: 50.0,
        ek_mv: -85.0,
        placement: Placement::Centre,
        distance_from: None,
        region: region.into(),
    }
}

struct Draw {
    settings: Settings,
    neuron: Neuron,
    synapses: Vec<Synapse>,
    rng: StdRng,
}

impl Draw {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let tree = tree(&mut rng);
        let neuron = Neuron::new(&tree, Segments::default(), recipe(&mut rng)).expect("a good neuron");
        let set = synapse_set("human").expect("shipped");
        let jump = Receptor { kinetics: Kinetics::Exponential { decay_ms: 2.0 }, reversal_mv: 0.0, magnesium: None };
        let kinds = [set.ampa_receptor(), set.nmda_receptor(), set.gaba_a_receptor(), jump];
        let nodes = neuron.cable.nodes.len() as u32;
        let synapses = (0..rng.random_range(0..12)).map(|_| Synapse {
            node: rng.random_range(0..nodes),
            receptors: vec![(kinds[rng.random_range(0..4)], rng.random_range(0.0..3e-3)), (kinds[1], 1e-3)],
        });
        let synapses = synapses.collect();
        let dt_ms = [0.006_25, 0.01, 0.025, 0.05, 0.1][rng.random_range(0..5)];
        let scheme = if rng.random_bool(0.5) { Scheme::ImplicitEuler } else { Scheme::CrankNicolson };
        let settings = Settings { dt_ms, scheme, ..Settings::default() };
        Self { settings, neuron, synapses, rng }
    }

    fn events(&mut self) -> Vec<Event> {
        let synapses = self.synapses.len() as u32;
        let count = if synapses == 0 { 0 } else { 60 };
        let rng = &mut self.rng;
        (0..count)
            .map(|_| Event {
                time_ms: rng.random_range(0.0..5.0),
                synapse: rng.random_range(0..synapses),
                weight: rng.random_range(0.0..3.0),
            })
            .collect()
    }

    fn electrode(&mut self) -> Electrode {
        let node = self.rng.random_range(0..self.neuron.cable.nodes.len() as u32);
        let amp_na = self.rng.random_range(-0.1..0.5);
        Electrode { node, lane: None, waveform: Waveform::Step { delay_ms: 1.0, dur_ms: 3.0, amp_na } }
    }

    fn cells(&self, lanes: usize, electrode: &Electrode, inputs: &[Vec<Event>]) -> Cells {
        let mut cells = Cells::new(&self.neuron, lanes, self.settings).expect("a good neuron");
        cells.set_synapses(&self.synapses, false).expect("good synapses");
        cells.add_electrode(electrode.clone());
        for (lane, events) in inputs.iter().enumerate() {
            cells.set_events(lane, EventQueue::new(events.clone()).expect("good events")).expect("good events");
        }
        cells
    }
}

struct Nobody;

impl Observer for Nobody {
    fn stepped(&mut self, _: &Cells) -> Result<()> {
        Ok(())
    }
}

/// The bits of all potentials of one lane.
fn bits(cells: &Cells, lane: usize) -> Vec<u64> {
    cells.v().iter().skip(lane).step_by(cells.lanes()).map(|v| v.to_bits()).collect()
}

/// The specification's step, written down without any regard to speed.
struct Plain<'a> {
    draw: &'a Draw,
    electrode: Electrode,
    v: Vec<f64>,
    cai: Vec<f64>,
    gates: Vec<Vec<Vec<f64>>>,
    /// A and B of each receptor of each synapse.
    open: Vec<Vec<[f64; 2]>>,
}

impl<'a> Plain<'a> {
    fn new(draw: &'a Draw, electrode: Electrode) -> Self {
        let neuron = &draw.neuron;
        let v = vec![neuron.recipe.v_init_mv; neuron.cable.nodes.len()];
        let cai = vec![5e-5; v.len()];
        let start = |info: &'static kenyon_neurons::biophysical::mechanism::ChannelInfo| {
            let drive = if info.drive == Drive::Calcium { 5e-5 } else { v[0] };
            plain(info.name, drive).iter().map(|gate| gate.0).collect::<Vec<_>>()
        };
        let gates = neuron.channels.iter().map(|c| vec![start(c.info); c.instances.len()]).collect();
        let open = draw.synapses.iter().map(|s| vec![[0.0; 2]; s.receptors.len()]).collect();
        Self { draw, electrode, v, cai, gates, open }
    }

    fn share_open(name: &str, gates: &[f64]) -> f64 {
        match (name, gates) {
            ("leak", _) => 1.0,
            ("NaTa_t" | "NaTs2_t" | "Nap_Et2" | "hh_na", [m, h]) => m.powi(3) * h,
            ("K_Tst", [m, h]) => m.powi(4) * h,
            ("K_Pst" | "Ca_HVA" | "Ca_LVAst", [m, h]) => m.powi(2) * h,
            ("hh_k", [n]) => n.powi(4),
            (_, [x]) => *x,
            _ => panic!("{name}"),
        }
    }

    fn step(&mut self, t: f64, due: &[Event]) {
        let Draw { neuron, synapses, settings, .. } = self.draw;
        let dt = settings.dt_ms;
        // Crank-Nicolson: an implicit half step, and the same change once more.
        let part = if settings.scheme == Scheme::CrankNicolson { 0.5 } else { 1.0 };
        for event in due {
            let receptors = &synapses[event.synapse as usize].receptors;
            for ((receptor, _), [a, b]) in receptors.iter().zip(&mut self.open[event.synapse as usize]) {
                let jump = event.weight * peak_factor(receptor.kinetics);
                *b += jump;
                *a += if receptor.kinetics.rise_ms().is_some() { jump } else { 0.0 };
            }
        }
        let nodes = &neuron.cable.nodes;
        let n = nodes.len();
        let mut matrix = vec![vec![0.0; n]; n];
        let mut rhs = vec![0.0; n];
        let mut ica = vec![0.0; n];
        for (i, node) in nodes.iter().enumerate() {
            matrix[i][i] += node.cm_uf_cm2 * node.area_um2 * 1e-5 / (dt * part);
            if let Some(p) = node.parent.map(|p| p as usize) {
                let g = 1.0 / node.ri_mohm;
                for (a, b) in [(i, p), (p, i)] {
                    matrix[a][a] += g;
                    matrix[a][b] -= g;
                    rhs[a] += g * (self.v[b] - self.v[a]);
                }
            }
        }
        let pooled: Vec<bool> = (0..n).map(|i| neuron.pools.iter().any(|p| p.node as usize == i)).collect();
        for (channel, gates) in neuron.channels.iter().zip(&self.gates) {
            for (place, gates) in channel.instances.iter().zip(gates) {
                let i = place.node as usize;
                let density = place.gbar_s_cm2 * Self::share_open(channel.info.name, gates);
                let e = match channel.info.ion {
                    Ion::Calcium if pooled[i] => reversal_mv(neuron.recipe.celsius, neuron.recipe.cao_mm, self.cai[i]),
                    Ion::Calcium => 132.457_934_163_700_9,
                    _ => place.reversal_mv,
                };
                let current = density * (self.v[i] - e);
                if channel.info.ion == Ion::Calcium {
                    ica[i] += current;
                }
                rhs[i] -= current * place.area_um2 * 1e-2;
                matrix[i][i] += density * place.area_um2 * 1e-2;
            }
        }
        for (synapse, open) in synapses.iter().zip(&self.open) {
            let i = synapse.node as usize;
            for ((receptor, gmax), [a, b]) in synapse.receptors.iter().zip(open) {
                let current = |v: f64| {
                    let block = receptor.magnesium.map_or(1.0, |m| 1.0 / (1.0 + m.mg_mm / 3.57 * (-m.gamma_per_mv * v).exp()));
                    gmax * (b - a) * block * (v - receptor.reversal_mv)
                };
                rhs[i] -= current(self.v[i]);
                matrix[i][i] += (current(self.v[i] + 0.001) - current(self.v[i])) / 0.001;
            }
        }
        let Waveform::Step { delay_ms, dur_ms, amp_na } = self.electrode.waveform else { panic!("a step") };
        if (delay_ms..delay_ms + dur_ms).contains(&(t + 0.5 * dt)) {
            rhs[self.electrode.node as usize] += amp_na;
        }
        for (v, change) in self.v.iter_mut().zip(eliminated(matrix, rhs)) {
            *v += change / part;
        }
        self.states(&ica);
    }

    fn states(&mut self, ica: &[f64]) {
        let Draw { neuron, synapses, settings, .. } = self.draw;
        let dt = settings.dt_ms;
        for by in [Drive::Voltage, Drive::Calcium] {
            for (channel, gates) in neuron.channels.iter().zip(&mut self.gates).filter(|(c, _)| c.info.drive == by) {
                for (place, gates) in channel.instances.iter().zip(gates) {
                    let drive = if by == Drive::Voltage { &self.v } else { &self.cai }[place.node as usize];
                    for (x, (inf, tau)) in gates.iter_mut().zip(plain(channel.info.name, drive)) {
                        let tau = tau / speed(channel.info.name, neuron.recipe.celsius);
                        *x += (1.0 - (-dt / tau).exp()) * (inf - *x);
                    }
                }
            }
            if by == Drive::Voltage {
                for p in &neuron.pools {
                    let cai = &mut self.cai[p.node as usize];
                    let source = -1e4 * ica[p.node as usize] * p.gamma / (2.0 * FARADAY * p.depth_um);
                    *cai += (1.0 - (-dt / p.decay_ms).exp()) * (p.min_cai_mm + p.decay_ms * source - *cai);
                }
            }
        }
        for (synapse, open) in synapses.iter().zip(&mut self.open) {
            for ((receptor, _), [a, b]) in synapse.receptors.iter().zip(open) {
                *a *= receptor.kinetics.rise_ms().map_or(1.0, |tau| (-dt / tau).exp());
                *b *= (-dt / receptor.kinetics.decay_ms()).exp();
            }
        }
    }
}

/// How much faster than the plain formulas a channel is: the squid's alone follow the temperature.
fn speed(channel: &str, celsius: f64) -> f64 {
    if channel.starts_with("hh_") { 3_f64.powf((celsius - 6.3) / 10.0) } else { 1.0 }
}

/// Nernst's potential of calcium, mV.
fn reversal_mv(celsius: f64, cao_mm: f64, cai_mm: f64) -> f64 {
    1000.0 * 8.314_462_618_153_24 * (celsius + 273.15) / (2.0 * FARADAY) * (cao_mm / cai_mm).ln()
}

/// What brings the peak of two exponentials to 1.
fn peak_factor(kinetics: Kinetics) -> f64 {
    match kinetics {
        Kinetics::Exponential { .. } => 1.0,
        Kinetics::DoubleExponential { rise_ms, decay_ms } => {
            let peak = rise_ms * decay_ms / (decay_ms - rise_ms) * (decay_ms / rise_ms).ln();
            1.0 / ((-peak / decay_ms).exp() - (-peak / rise_ms).exp())
        }
    }
}

/// Gauss's elimination with pivots.
fn eliminated(mut matrix: Vec<Vec<f64>>, mut rhs: Vec<f64>) -> Vec<f64> {
    let n = rhs.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&a, &b| matrix[a][k].abs().total_cmp(&matrix[b][k].abs())).expect("a row");
        matrix.swap(k, pivot);
        rhs.swap(k, pivot);
        let (above, below) = matrix.split_at_mut(k + 1);
        for (row, right) in below.iter_mut().zip(k + 1..) {
            let factor = row[k] / above[k][k];
            row.iter_mut().zip(&above[k]).for_each(|(x, pivot)| *x -= factor * pivot);
            rhs[right] -= factor * rhs[k];
        }
    }
    for k in (0..n).rev() {
        let above: f64 = (k + 1..n).map(|column| matrix[k][column] * rhs[column]).sum();
        rhs[k] = (rhs[k] - above) / matrix[k][k];
    }
    rhs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_cell_alone_has_the_bits_of_a_cell_in_a_batch_on_any_instruction_set(seed in any::<u64>()) {
        let mut draw = Draw::new(seed);
        let electrode = draw.electrode();
        let inputs: Vec<_> = (0..16).map(|_| draw.events()).collect();
        let mut batch = draw.cells(16, &electrode, &inputs);
        batch.run(200, &mut Nobody).expect("runs");
        for lane in [0, 7, 15] {
            let mut alone = draw.cells(1, &electrode, &inputs[lane..=lane]);
            // In two goes: where one stops and the other begins leaves no trace.
            alone.run(77, &mut Nobody).expect("runs");
            alone.run(123, &mut Nobody).expect("runs");
            prop_assert_eq!(bits(&alone, 0), bits(&batch, lane));
        }
        for lanes in [1, 16] {
            let mut scalar = draw.cells(lanes, &electrode, &inputs[..lanes]);
            scalar.run_on(Arch::Scalar);
            scalar.run(200, &mut Nobody).expect("runs");
            prop_assert_eq!(bits(&scalar, 0), bits(&batch, 0));
        }
    }

    #[test]
    fn potentials_are_those_of_a_plain_solver(seed in any::<u64>()) {
        let mut draw = Draw::new(seed);
        let electrode = draw.electrode();
        let mut events = draw.events();
        let dt = draw.settings.dt_ms;
        // Away from the middle of a step, where rounding decides; the rule itself is tested among the traps.
        events.retain(|event| ((event.time_ms / dt - 0.5).fract() - 0.5).abs() < 0.499);
        let mut cells = draw.cells(1, &electrode, std::slice::from_ref(&events));
        let mut plain = Plain::new(&draw, electrode);
        for step in 0..(4.0 / dt) as u64 {
            let t = step as f64 * dt;
            cells.run(1, &mut Nobody).expect("runs");
            // Of this step are the events that it is nearest to.
            let nearest = |event: &&Event| (event.time_ms / dt).round() as u64 == step;
            let due: Vec<Event> = events.iter().filter(nearest).copied().collect();
            plain.step(t, &due);
            for (node, (ours, v)) in cells.v().iter().zip(&plain.v).enumerate() {
                prop_assert!((ours - v).abs() <= 1e-8, "node {} at {} ms: {} and {}", node, t + dt, ours, v);
            }
        }
    }
}
