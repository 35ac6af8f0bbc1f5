//! The random digraph with as many edges: uniform over ordered pairs without self, counts permuted.

use kenyon_base::Streams;

use super::draw::{below, shuffle};
use super::pair_set::PairSet;
use super::{Moves, NullInput, permute};
use crate::edges::Edges;

/// Draws pairs until there are enough different ones; in a dense circuit draws the pairs to leave out instead. Silenced neurons
/// are in no pair.
pub(super) fn uniform(input: &NullInput<'_>, streams: Streams) -> (Edges, Moves) {
    let edges = input.edges;
    let open: Vec<u32> = (0..edges.neurons).filter(|&neuron| !input.silenced[neuron as usize]).collect();
    let neurons = open.len();
    let wanted = edges.len();
    let all = neurons * neurons.saturating_sub(1);
    let dense = 2 * wanted > all;
    let drawn = if dense { all - wanted } else { wanted };
    let mut rng = streams.stream("null/er");
    let mut pairs = PairSet::with_room_for(drawn);
    let mut out = Edges { pre: Vec::with_capacity(wanted), post: Vec::with_capacity(wanted), ..edges.clone() };
    let mut attempted = 0;
    let mut accepted = 0;
    while accepted < drawn {
        attempted += 1;
        let (pre, post) = pair(below(&mut rng, all), &open);
        if pairs.insert(pre, post) {
            accepted += 1;
            if !dense {
                out.pre.push(pre);
                out.post.push(post);
            }
        }
    }
    if dense {
        for (pre, post) in (0..all).map(|index| pair(index, &open)).filter(|&(pre, post)| !pairs.contains(pre, post)) {
            out.pre.push(pre);
            out.post.push(post);
        }
    }
    let mut order: Vec<u32> = (0..wanted as u32).collect();
    shuffle(&mut rng, &mut order);
    permute::take_weights(&mut out, edges, &order);
    out.sort().expect("pairs were drawn inside the circuit");
    (out, Moves { attempted, accepted: wanted as u64, blocks: 1, blocks_out_of_tries: 0 })
}

/// The `index`-th ordered pair without self.
fn pair(index: usize, open: &[u32]) -> (u32, u32) {
    let (pre, rest) = (index / (open.len() - 1), index % (open.len() - 1));
    (open[pre], open[rest + usize::from(rest >= pre)])
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::Circuit;
    use super::super::{NullModel, NullOptions, generate};
    use super::*;

    #[test]
    fn every_ordered_pair_without_self_has_an_index() {
        let pairs: std::collections::BTreeSet<_> = (0..20).map(|index| pair(index, &[0, 1, 2, 3, 4])).collect();
        assert_eq!(pairs.len(), 20);
        assert!(pairs.iter().all(|&(pre, post)| pre != post && pre < 5 && post < 5));
    }

    #[test]
    fn all_pairs_are_equally_likely_below_and_above_half_density() {
        for density in [0.3, 0.7] {
            let circuit = Circuit::random(1, 6, density);
            let mut hits = [[0_u32; 6]; 6];
            for seed in 0..3000 {
                let result = generate(NullModel::Er, &circuit.input(), seed, &NullOptions::default()).unwrap();
                for (pre, post, _) in result.edges.triples() {
                    hits[pre as usize][post as usize] += 1;
                }
            }
            let expected = 3000.0 * circuit.edges.len() as f64 / 30.0;
            for (pre, row) in hits.iter().enumerate() {
                for (post, &count) in row.iter().enumerate() {
                    let expected = if pre == post { 0.0 } else { expected };
                    assert!((f64::from(count) - expected).abs() < 150.0, "{pre} -> {post}: {count} of {expected}");
                }
            }
        }
    }
}
