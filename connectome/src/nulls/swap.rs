//! Degree-preserving double-edge swap, over the whole circuit or inside blocks of cell types.
//!
//! A try draws two edges a->b and c->d and makes a->d and c->b of them, unless one of these is a self loop or exists. A
//! rejected try leaves the circuit as it is, so the walk is the usual Markov chain over graphs with these degrees. Only the
//! postsynaptic column changes: counts and the synthetic flag stay with the presynaptic edge.
//!
//! A walk that stops right after a given number of *accepted* swaps is not fair: two edges that can only be exchanged with
//! each other are back where they were after 40 accepted swaps, and so is the parity of any one-to-one block. Therefore one
//! further try per edge, accepted or not, follows the last counted swap.
//!
//! Double-edge swaps alone cannot turn an isolated directed 3-cycle round (Rao, Jana and Bandyopadhyay 1996). In circuits of
//! realistic size other edges lead around this; in a block of three edges it may hold.

use kenyon_base::{Stream, Streams};
use rayon::prelude::*;

use super::draw::below;
use super::pair_set::PairSet;
use super::{Blocks, Moves, NullOptions};
use crate::edges::Edges;

/// Swaps inside each block; blocks are independent, since a pair belongs to one block only.
///
/// Each block has its own stream and its own goal of `accepted_per_edge`, so that a large block cannot use up the moves of
/// the small ones.
pub(super) fn swap(edges: &Edges, group: Option<&[u32]>, streams: Streams, options: &NullOptions) -> (Edges, Moves) {
    let blocks = Blocks::new(edges, group);
    let label = if group.is_some() { "null/swap-typed" } else { "null/swap" };
    let swapped: Vec<(Vec<u32>, Moves)> = (0..blocks.len())
        .into_par_iter()
        .map(|block| {
            let members = blocks.get(block);
            let pre: Vec<u32> = members.iter().map(|&e| edges.pre[e as usize]).collect();
            let mut post: Vec<u32> = members.iter().map(|&e| edges.post[e as usize]).collect();
            let moves = swap_block(&pre, &mut post, &mut streams.indexed(label, block as u64), options);
            (post, moves)
        })
        .collect();
    let mut out = edges.clone();
    let mut total = Moves { blocks: blocks.len() as u64, ..Moves::default() };
    for (block, (post, moves)) in swapped.into_iter().enumerate() {
        for (&edge, post) in blocks.get(block).iter().zip(post) {
            out.post[edge as usize] = post;
        }
        total.attempted += moves.attempted;
        total.accepted += moves.accepted;
        total.blocks_out_of_tries += moves.blocks_out_of_tries;
    }
    out.sort().expect("endpoints were only exchanged");
    (out, total)
}

fn swap_block(pre: &[u32], post: &mut [u32], rng: &mut Stream, options: &NullOptions) -> Moves {
    let edges = pre.len();
    let mut moves = Moves::default();
    let goal = edges as u64 * u64::from(options.accepted_per_edge);
    let limit = edges as u64 * u64::from(options.tries_per_edge);
    if edges < 2 || goal == 0 {
        return moves;
    }
    let mut pairs = PairSet::with_room_for(edges);
    for (&pre, &post) in pre.iter().zip(post.iter()) {
        pairs.insert(pre, post);
    }
    let mut end = limit;
    while moves.attempted < end {
        moves.attempted += 1;
        let (first, second) = (below(rng, edges), below(rng, edges));
        let (a, b, c, d) = (pre[first], post[first], pre[second], post[second]);
        // The same edge twice, a shared source or a shared target are existing pairs as well.
        if a == d || c == b || pairs.contains(a, d) || pairs.contains(c, b) {
            continue;
        }
        pairs.remove(a, b);
        pairs.remove(c, d);
        pairs.insert(a, d);
        pairs.insert(c, b);
        post[first] = d;
        post[second] = b;
        moves.accepted += 1;
        if moves.accepted == goal {
            end = limit.min(moves.attempted + edges as u64);
        }
    }
    moves.blocks_out_of_tries = u64::from(moves.accepted < goal);
    moves
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::Circuit;
    use super::super::{NullModel, generate};
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_sparse_circuit_loses_nearly_all_its_pairs() {
        let circuit = Circuit::random(1, 300, 0.02);
        let report = generate(NullModel::Swap, &circuit.input(), 1, &NullOptions::default()).unwrap().report;
        assert!((20 * report.edges..21 * report.edges).contains(&report.accepted));
        assert_eq!(report.blocks_out_of_tries, 0);
        assert!(report.pairs_changed > 0.95, "{}", report.pairs_changed);
    }

    #[test]
    fn swapping_reaches_all_graphs_of_the_degrees_about_equally_often() {
        // Four neurons, each with out- and in-degree 1: the 9 permutations of four without a fixed point.
        let mut circuit = Circuit::random(1, 4, 0.0);
        circuit.edges = Edges::from_triples(4, &[(0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 0, 1)]);
        let mut seen = BTreeMap::new();
        for seed in 0..9000 {
            let result = generate(NullModel::Swap, &circuit.input(), seed, &NullOptions::default()).unwrap();
            *seen.entry(result.edges.post).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 9);
        assert!(seen.values().all(|count| (800..1200).contains(count)), "{seen:?}");
    }

    #[test]
    fn two_edges_that_can_only_change_places_do_so_half_the_time() {
        let mut circuit = Circuit::random(1, 4, 0.0);
        circuit.edges = Edges::from_triples(4, &[(0, 2, 1), (1, 3, 1)]);
        let changed = (0..2000).filter(|&seed| {
            let result = generate(NullModel::Swap, &circuit.input(), seed, &NullOptions::default()).unwrap();
            result.edges != circuit.edges
        });
        assert!((900..1100).contains(&changed.count()));
    }

    #[test]
    fn a_complete_circuit_cannot_be_swapped_and_says_so() {
        let circuit = Circuit::random(1, 6, 1.0);
        let result = generate(NullModel::Swap, &circuit.input(), 1, &NullOptions::default()).unwrap();
        assert_eq!((result.report.accepted, result.report.blocks_out_of_tries), (0, 1));
        assert_eq!(result.edges, circuit.edges);
    }

    #[test]
    fn counts_and_flags_stay_with_the_presynaptic_neuron() {
        let circuit = Circuit::random(9, 40, 0.2);
        let result = generate(NullModel::Swap, &circuit.input(), 1, &NullOptions::default()).unwrap();
        let held = |edges: &Edges| {
            let mut rows: Vec<_> = (0..edges.len()).map(|e| (edges.pre[e], edges.syn_count[e], edges.synthetic[e])).collect();
            rows.sort_unstable();
            rows
        };
        assert_eq!(held(&result.edges), held(&circuit.edges));
    }
}
