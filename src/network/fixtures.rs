//! A small circuit that several tests use.

use std::path::Path;
use std::sync::Arc;

use kenyon_base::Streams;
use kenyon_connectome::codex::Nt;
use kenyon_connectome::edges::Edges;
use kenyon_connectome::{Categorical, Circuit};
use rand::Rng;

use super::spec::{NetworkSpec, ReadoutSpec, WeightForm, WeightSpec};
use super::{Network, Parameters};

/// One neuron: population, cell type, transmitter.
type Neuron = (&'static str, &'static str, Nt);

/// Five receptor neurons, four projection neurons, two local neurons, five Kenyon cells.
const NEURONS: [Neuron; 16] = [
    ("ORN", "ORN_a", Nt::Ach),
    ("ORN", "ORN_a", Nt::Ach),
    ("ORN", "ORN_b", Nt::Ach),
    ("ORN", "ORN_b", Nt::Ach),
    ("ORN", "ORN_c", Nt::Ach),
    ("PN", "pa", Nt::Ach),
    ("PN", "pa", Nt::Ach),
    ("PN", "pb", Nt::Ach),
    ("PN", "", Nt::Da),
    ("LN", "la", Nt::Gaba),
    ("LN", "lb", Nt::Glut),
    ("KC", "ka", Nt::Ach),
    ("KC", "ka", Nt::Ach),
    ("KC", "kb", Nt::Ach),
    ("KC", "", Nt::Ach),
    ("KC", "", Nt::Ach),
];

/// Sender, receiver, synapses; the last two fall away: onto an input, among inputs.
const EDGES: [(u32, u32, u32); 32] = [
    (0, 5, 20),
    (0, 9, 7),
    (1, 5, 12),
    (1, 6, 9),
    (2, 6, 15),
    (2, 7, 8),
    (3, 7, 22),
    (3, 10, 11),
    (4, 8, 30),
    (4, 9, 5),
    (5, 7, 5),
    (5, 11, 18),
    (5, 12, 9),
    (6, 11, 14),
    (6, 13, 16),
    (7, 12, 21),
    (7, 14, 13),
    (7, 15, 8),
    (8, 13, 10),
    (8, 15, 17),
    (9, 5, 6),
    (9, 6, 8),
    (9, 10, 5),
    (10, 7, 9),
    (10, 8, 7),
    (11, 9, 6),
    (12, 11, 5),
    (13, 10, 8),
    (14, 14, 5),
    (15, 12, 6),
    (9, 0, 11),
    (1, 0, 5),
];

pub(crate) fn circuit() -> Circuit {
    of(&NEURONS, &EDGES)
}

/// A circuit of 40 receptor neurons and `hidden` Kenyon cells with about 20 partners each.
pub(crate) fn large(hidden: u32) -> Circuit {
    let mut random = Streams::new(5).stream("fixture");
    let neurons: Vec<Neuron> = (0..40).map(|_| ("ORN", "o", Nt::Ach)).chain((0..hidden).map(|_| ("KC", "k", Nt::Ach))).collect();
    let senders = 40 + hidden;
    let mut pairs = std::collections::BTreeSet::new();
    while pairs.len() < senders as usize * 20 {
        pairs.insert((random.random_range(0..senders), random.random_range(40..senders)));
    }
    let edges: Vec<_> = pairs.into_iter().map(|(pre, post)| (pre, post, random.random_range(5..20))).collect();
    of(&neurons, &edges)
}

/// A circuit of these neurons, given by population; receptor neurons are inputs.
fn of(neurons: &[Neuron], edges: &[(u32, u32, u32)]) -> Circuit {
    let mut circuit = Circuit { edges: Edges::from_triples(neurons.len() as u32, edges), ..Circuit::default() };
    let (mut types, mut classes) = (Categorical::default(), Categorical::default());
    for (i, &(population, cell_type, nt)) in neurons.iter().enumerate() {
        if circuit.populations.last().is_none_or(|last| last != population) {
            circuit.populations.push(population.into());
        }
        circuit.root_ids.push(720_575_940_000_000_000 + 13 * i as u64);
        circuit.population.push(circuit.populations.len() as u32 - 1);
        types.push(cell_type);
        classes.push(if population == "KC" { "Kenyon_Cell" } else { population });
        circuit.nt.push(nt);
        circuit.sign.push(if matches!(nt, Nt::Gaba | Nt::Glut) { -1 } else { 1 });
        circuit.input.push(population == "ORN");
        circuit.silenced.push(false);
    }
    circuit.attributes.insert("type".into(), Arc::new(types));
    circuit.attributes.insert("class".into(), Arc::new(classes));
    circuit
}

/// Short time constants and strong weights, read out from the Kenyon cells.
pub(crate) fn spec(form: WeightForm) -> NetworkSpec {
    NetworkSpec {
        tau_mem_ms: [5.0, 15.0],
        tau_syn_ms: 4.0,
        weights: WeightSpec { form, scale: 0.8, rank: 2, ..WeightSpec::default() },
        readout: ReadoutSpec { query: "population = KC".into(), tau_mem_ms: 8.0, tau_syn_ms: 5.0, ..ReadoutSpec::default() },
        ..NetworkSpec::default()
    }
}

pub(crate) fn network(spec: &NetworkSpec) -> Network {
    Network::build(&circuit(), spec, 3, 1, Path::new("train.toml")).expect("a sound network")
}

pub(crate) fn parameters(spec: &NetworkSpec, dtype: candle_core::DType) -> Parameters {
    Parameters::start(&network(spec), 1, dtype).expect("start values")
}
