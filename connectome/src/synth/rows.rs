//! From pairs to the rows of the connection table (connectome specification 8.5, steps 4 and 5).

use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use kenyon_base::{Stream, Streams};

use super::cells::{Nt, Side};
use super::neuropils;
use super::population::Neuron;
use super::{FlyPair, RelationPairs};

/// One row of the connection table; neurons are numbered in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Presynaptic neuron.
    pub pre: u32,
    /// Postsynaptic neuron.
    pub post: u32,
    /// Synapses of the pair in this neuropil.
    pub syn_count: u32,
    /// Neuropil, as an index into the list of [`SyntheticFly::neuropils`](super::SyntheticFly::neuropils).
    pub neuropil: u8,
    /// Transmitter predicted for the row.
    pub nt: Nt,
}

/// Rows of the receptor-neuron relations, and their pairs (specification 9): the surplus lies in second rows.
const RECEPTOR_ROWS: usize = 16_218;
const RECEPTOR_PAIRS: usize = 15_236;
/// Transmitters predicted on rows of receptor neurons (8.2).
const ROW_TRANSMITTERS: [(Nt, f64); 4] = [(Nt::Ach, 0.820), (Nt::Ser, 0.158), (Nt::Da, 0.017), (Nt::Gaba, 0.005)];
/// Second rows lie in the other antennal lobe, or outside it: measured rows per neuropil (8.2).
const OUTSIDE: [(&str, usize, f64); 5] =
    [("LAL", 0, 108.0), ("CRE", 0, 91.0), ("LAL", 1, 58.0), ("CRE", 1, 2.0), ("AVLP", 1, 1.0)];
const OUTSIDE_ROWS: f64 = 260.0;

/// Rows of all relations, relation by relation.
pub(super) fn of_relations(neurons: &[Neuron], relations: &[RelationPairs], streams: Streams) -> Vec<Row> {
    let split = split_flags(relations, &mut streams.stream("synth/rows/split"));
    let parts: Vec<Vec<Row>> = relations
        .par_iter()
        .zip(split)
        .map(|(r, split)| {
            let mut rng = streams.stream(&format!("synth/rows/{}", r.relation.name));
            let mut rows = Vec::with_capacity(r.pairs.len());
            for (k, pair) in r.pairs.iter().enumerate() {
                rows_of_pair(neurons, r, *pair, split.get(k) == Some(&true), &mut rng, &mut rows);
            }
            rows
        })
        .collect();
    parts.concat()
}

/// Which pairs of which relation spread over two rows; the number is exact.
fn split_flags(relations: &[RelationPairs], rng: &mut Stream) -> Vec<Vec<bool>> {
    let pairs: usize = relations.iter().filter(|r| r.relation.is_receptor_output()).map(|r| r.pairs.len()).sum();
    let twice = (pairs * (RECEPTOR_ROWS - RECEPTOR_PAIRS) + RECEPTOR_PAIRS / 2) / RECEPTOR_PAIRS;
    let mut flags: Vec<bool> = (0..pairs).map(|k| k < twice).collect();
    flags.shuffle(rng);
    let mut flags = flags.into_iter();
    relations
        .iter()
        .map(|r| if r.relation.is_receptor_output() { flags.by_ref().take(r.pairs.len()).collect() } else { Vec::new() })
        .collect()
}

fn rows_of_pair(neurons: &[Neuron], of: &RelationPairs, pair: FlyPair, split: bool, rng: &mut Stream, rows: &mut Vec<Row>) {
    let (pre, post) = (&neurons[pair.pre as usize], &neurons[pair.post as usize]);
    let side = match post.cell.side {
        Side::Left => 0,
        Side::Right => 1,
        Side::Center | Side::Unknown => rng.random_range(0..2),
    };
    let stems = of.relation.neuropils;
    let stem = stems[rng.random_range(0..stems.len())];
    let mut push = |neuropil: u8, syn_count: u32, rng: &mut Stream| {
        let nt = if pre.cell.class.is_receptor_neuron() { row_transmitter(rng) } else { pre.truth };
        rows.push(Row { pre: pair.pre, post: pair.post, syn_count, neuropil, nt });
    };
    // A second row takes a uniform share, and at least one synapse stays.
    let second = if split && pair.syn_count > 1 { rng.random_range(1..pair.syn_count) } else { 0 };
    push(neuropils::index(stem, side), pair.syn_count - second, rng);
    if second > 0 {
        push(second_neuropil(side, rng), second, rng);
    }
}

fn row_transmitter(rng: &mut Stream) -> Nt {
    let mut left = rng.random::<f64>();
    ROW_TRANSMITTERS
        .iter()
        .find(|(_, share)| {
            left -= share;
            left < 0.0
        })
        .map_or(Nt::Ach, |t| t.0)
}

fn second_neuropil(side: usize, rng: &mut Stream) -> u8 {
    let surplus = (RECEPTOR_ROWS - RECEPTOR_PAIRS) as f64;
    let mut left = rng.random::<f64>() * surplus;
    if left >= OUTSIDE_ROWS {
        return neuropils::index("AL", 1 - side);
    }
    let outside = OUTSIDE
        .iter()
        .find(|(_, _, n)| {
            left -= n;
            left < 0.0
        })
        .unwrap_or(&OUTSIDE[0]);
    neuropils::index(outside.0, outside.1)
}
