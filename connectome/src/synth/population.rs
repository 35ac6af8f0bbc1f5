//! The cells of the synthetic fly, with the gaps and defects of the real one planted on purpose.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::SliceRandom;

use kenyon_base::{Stream, Streams};

use super::cells::{Cell, CellClass, Nt, Side};
use super::receptors::PLANTED;
use super::sampling::apportion;
use super::tables::GROUPS;

/// Synthetic root ids are this plus 1, 2, … (connectome specification 8).
pub const ID_BASE: u64 = 720_575_940_600_000_000;

/// One neuron of the synthetic pathway.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Neuron {
    /// Attributes as the files give them.
    pub cell: Cell,
    /// Transmitter the rows are drawn from; the files may know less.
    pub truth: Nt,
    /// What the neuron is to the wiring.
    pub role: Role,
    /// Receptor labels; one neuron may have several, and one twice.
    pub receptors: Vec<&'static str>,
}

/// What part a neuron takes in the wiring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Has edges.
    Connected,
    /// Receptor neuron without output: it receives, but drives nothing.
    Silent,
    /// Named by a keyword list, but without an edge.
    Unconnected,
    /// Found by the keyword `ORN` only, without class, type or edge.
    KeywordOnly,
    /// Found by the keyword `class_olfactory` only, without class, type or edge.
    OlfactoryOnly,
}

impl Neuron {
    /// Whether the neuron is named by a list but has no edge.
    pub fn is_unconnected(&self) -> bool {
        matches!(self.role, Role::Unconnected | Role::KeywordOnly | Role::OlfactoryOnly)
    }

    /// Whether the neuron is one of the classified cells of the pathway, and not found by a keyword alone.
    pub fn is_classified(&self) -> bool {
        !matches!(self.role, Role::KeywordOnly | Role::OlfactoryOnly)
    }
}

/// Unconnected ids of each kind in the real lists, 162 together (specification 3.1).
/// Receptor-mapped neurons among them, by glomerulus: 101.
const UNCONNECTED_MAPPED_ORN: [(&str, usize); 10] = [
    ("VL1", 28),
    ("VA1d", 24),
    ("VA1v", 20),
    ("DA3", 12),
    ("DL3", 10),
    ("DA1", 3),
    ("DM6", 1),
    ("DA4m", 1),
    ("DL5", 1),
    ("DA2", 1),
];
const UNCONNECTED_UNMAPPED_ORN: usize = 11;
const UNCONNECTED_DAN: usize = 26;
const UNCONNECTED_WEDPN: usize = 7;
const UNCONNECTED_PN: usize = 5;
const KEYWORD_ONLY: usize = 10;
const OLFACTORY_ONLY: usize = 2;
/// Receptor-mapped neurons inside the network that have no output: 2,012 less 1,991 (specification 3.4).
const SILENT: usize = 21;

/// A count at another scale: at least one.
pub(super) fn scaled(n: u32, scale: f64) -> usize {
    if n == 0 { 0 } else { ((f64::from(n) * scale).round() as usize).max(1) }
}

/// All neurons of the classes asked for, in the order of their ids.
pub(super) fn build(scale: f64, includes: &dyn Fn(CellClass) -> bool, streams: Streams) -> Vec<Neuron> {
    let mut neurons = Vec::new();
    for group in GROUPS.iter().filter(|g| includes(g.class)) {
        let mut k = 0;
        for (side, n) in [Side::Left, Side::Right, Side::Unknown].into_iter().zip(group.cells) {
            for _ in 0..scaled(n, scale) {
                let cell_type =
                    if group.types > 1 { format!("{}{}", group.stem, k % group.types + 1) } else { group.stem.to_owned() };
                k += 1;
                let cell = Cell::new(0, group.class, cell_type, side, group.nt);
                neurons.push(Neuron { cell, truth: group.nt, role: Role::Connected, receptors: Vec::new() });
            }
        }
    }
    transmitters(&mut neurons, &mut streams.stream("synth/transmitters"));
    receptors(&mut neurons, scale, &mut streams.stream("synth/receptors"));
    roles(&mut neurons, scale, &mut streams.stream("synth/roles"));
    ids(&mut neurons, &mut streams.stream("synth/ids"));
    neurons
}

/// Deals `values` out over the chosen neurons in the given proportions.
fn deal(
    neurons: &mut [Neuron],
    of: &dyn Fn(&Neuron) -> bool,
    shares: &[(Nt, f64)],
    rng: &mut Stream,
    set: &dyn Fn(&mut Neuron, Nt),
) {
    let mut chosen: Vec<usize> = (0..neurons.len()).filter(|&i| of(&neurons[i])).collect();
    chosen.shuffle(rng);
    let counts = apportion(&shares.iter().map(|s| s.1).collect::<Vec<_>>(), chosen.len());
    let values = shares.iter().zip(counts).flat_map(|(s, n)| std::iter::repeat_n(s.0, n));
    chosen.into_iter().zip(values).for_each(|(i, nt)| set(&mut neurons[i], nt));
}

/// Predicted transmitters that follow no type: receptor neurons (a known artefact), and the truth of unpredicted neurons.
fn transmitters(neurons: &mut [Neuron], rng: &mut Stream) {
    let predicted = |n: &mut Neuron, nt| n.cell.nt = nt;
    // Predictions of the real neuron table: 1,420 ACH, 465 blank, 391 SER, 3 GABA; 97 ACH and 6 blank.
    let orn = [(Nt::Ach, 1420.0), (Nt::Blank, 465.0), (Nt::Ser, 391.0), (Nt::Gaba, 3.0)];
    deal(neurons, &|n| n.cell.class == CellClass::Orn, &orn, rng, &predicted);
    deal(
        neurons,
        &|n| matches!(n.cell.class, CellClass::Hrn | CellClass::Trn),
        &[(Nt::Ach, 97.0), (Nt::Blank, 6.0)],
        rng,
        &predicted,
    );
    // Specification 8.4: 60 % of the unpredicted local neurons are GABAergic; their entry in the neuron table stays blank.
    let unpredicted = |n: &Neuron| n.cell.class == CellClass::Alln && n.cell.nt == Nt::Blank;
    deal(neurons, &unpredicted, &[(Nt::Gaba, 0.6), (Nt::Blank, 0.4)], rng, &|n, nt| {
        n.truth = nt;
    });
    // No prediction of lateral-horn neurons is at hand; these shares are assumed.
    let horn = |n: &Neuron| matches!(n.cell.class, CellClass::Lhln | CellClass::Lhcent);
    deal(neurons, &horn, &[(Nt::Ach, 0.55), (Nt::Gaba, 0.25), (Nt::Glut, 0.2)], rng, &|n, nt| {
        n.cell.nt = nt;
        n.truth = nt;
    });
}

/// Gives receptor neurons their labels, glomerulus by glomerulus.
fn receptors(neurons: &mut [Neuron], scale: f64, rng: &mut Stream) {
    let mut free: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, n) in neurons.iter().enumerate().filter(|(_, n)| n.cell.class == CellClass::Orn) {
        free.entry(n.cell.glomerulus.clone()).or_default().push(i);
    }
    for list in free.values_mut() {
        list.shuffle(rng);
    }
    for &(glomerulus, labels, n) in PLANTED {
        let Some(list) = free.get_mut(glomerulus) else { continue };
        for _ in 0..scaled(n, scale) {
            let Some(i) = list.pop() else { break };
            neurons[i].receptors = labels.split('+').collect();
        }
    }
}

/// Plants the ids that have no edge and the receptor neurons that have no output.
fn roles(neurons: &mut Vec<Neuron>, scale: f64, rng: &mut Stream) {
    let count = |n: usize| (n as f64 * scale).round() as usize;
    let mut plant = |n: usize, role: Role, of: &dyn Fn(&Neuron) -> bool| {
        let mut chosen: Vec<usize> =
            (0..neurons.len()).filter(|&i| neurons[i].role == Role::Connected && of(&neurons[i])).collect();
        chosen.shuffle(rng);
        let most = chosen.len().saturating_sub(1);
        chosen.into_iter().take(count(n).min(most)).for_each(|i| neurons[i].role = role);
    };
    let orn = |n: &Neuron, mapped: bool| n.cell.class == CellClass::Orn && n.receptors.is_empty() != mapped;
    for (glomerulus, n) in UNCONNECTED_MAPPED_ORN {
        plant(n, Role::Unconnected, &|n| orn(n, true) && n.cell.glomerulus == glomerulus);
    }
    plant(UNCONNECTED_UNMAPPED_ORN, Role::Unconnected, &|n| orn(n, false));
    plant(SILENT, Role::Silent, &|n| orn(n, true));
    plant(UNCONNECTED_DAN, Role::Unconnected, &|n| n.cell.class == CellClass::Dan && n.cell.cell_type.starts_with("PAM"));
    plant(UNCONNECTED_WEDPN, Role::Unconnected, &|n| n.cell.class == CellClass::Wedpn);
    plant(UNCONNECTED_PN, Role::Unconnected, &|n| n.cell.class == CellClass::MPn);
    // The measured rows start at neurons with a receptor label only (8.2).
    neurons.iter_mut().filter(|n| orn(n, false) && n.role == Role::Connected).for_each(|n| n.role = Role::Silent);
    for (n, role) in [(KEYWORD_ONLY, Role::KeywordOnly), (OLFACTORY_ONLY, Role::OlfactoryOnly)] {
        for _ in 0..count(n) {
            let cell = Cell::new(0, CellClass::Orn, "", Side::Unknown, Nt::Blank);
            neurons.push(Neuron { cell, truth: Nt::Blank, role, receptors: Vec::new() });
        }
    }
}

/// Numbers the neurons in random order, so that an id tells nothing, and sorts them by id.
fn ids(neurons: &mut [Neuron], rng: &mut Stream) {
    let mut numbers: Vec<u64> = (1..=neurons.len() as u64).collect();
    for i in (1..numbers.len()).rev() {
        numbers.swap(i, rng.random_range(0..=i));
    }
    neurons.iter_mut().zip(numbers).for_each(|(n, k)| n.cell.id = ID_BASE + k);
    neurons.sort_by_key(|n| n.cell.id);
}
