//! Null models that permute something over fixed positions: counts, transmitters, identities.

use kenyon_base::Streams;

use super::draw::shuffle;
use super::{Blocks, Moves, NullInput};
use crate::edges::Edges;

/// Permutes counts, and the synthetic flags with them, inside each block (or over all edges).
pub(super) fn weights(edges: &Edges, group: Option<&[u32]>, streams: Streams) -> (Edges, Moves) {
    let blocks = Blocks::new(edges, group);
    let mut rng = streams.stream(if group.is_some() { "null/weight-block" } else { "null/weight-all" });
    let mut source = vec![0; edges.len()];
    for block in 0..blocks.len() {
        let members = blocks.get(block);
        let mut shuffled = members.to_vec();
        shuffle(&mut rng, &mut shuffled);
        for (&to, from) in members.iter().zip(shuffled) {
            source[to as usize] = from;
        }
    }
    let mut out = edges.clone();
    take_weights(&mut out, edges, &source);
    (out, Moves::permuted(edges.len(), blocks.len()))
}

/// Gives edge `e` of `out` the count and flag of edge `source[e]` of `edges`.
pub(super) fn take_weights(out: &mut Edges, edges: &Edges, source: &[u32]) {
    out.syn_count = source.iter().map(|&from| edges.syn_count[from as usize]).collect();
    out.synthetic = source.iter().map(|&from| edges.synthetic[from as usize]).collect();
}

/// Permutes (transmitter, sign) over the neurons of each population, the silenced ones excepted: they carry no edge.
pub(super) fn signs(input: &NullInput<'_>, nt: &mut [u32], sign: &mut [i8], streams: Streams) -> Moves {
    let population = input.population;
    let mut rng = streams.stream("null/sign");
    let mut order: Vec<usize> = (0..population.len()).filter(|&neuron| !input.silenced[neuron]).collect();
    order.sort_by_key(|&neuron| population[neuron]);
    let mut blocks = 0;
    for members in order.chunk_by(|&a, &b| population[a] == population[b]) {
        let mut values: Vec<(u32, i8)> = members.iter().map(|&neuron| (nt[neuron], sign[neuron])).collect();
        shuffle(&mut rng, &mut values);
        for (&neuron, value) in members.iter().zip(values) {
            (nt[neuron], sign[neuron]) = value;
        }
        blocks += 1;
    }
    Moves::permuted(order.len(), blocks)
}

/// New position of every neuron's wiring: a permutation of the hidden neurons; input and silenced neurons stay.
pub(super) fn identities(input: &NullInput<'_>, streams: Streams) -> (Vec<u32>, Moves) {
    let moves = |neuron: u32| input.hidden[neuron as usize] && !input.silenced[neuron as usize];
    let members: Vec<u32> = (0..input.edges.neurons).filter(|&neuron| moves(neuron)).collect();
    let mut shuffled = members.clone();
    shuffle(&mut streams.stream("null/identity"), &mut shuffled);
    let mut map: Vec<u32> = (0..input.edges.neurons).collect();
    for (&from, to) in members.iter().zip(shuffled) {
        map[from as usize] = to;
    }
    (map, Moves::permuted(members.len(), 1))
}

/// Edges with both ends sent through `map`, a permutation of the neurons.
pub(super) fn relabel(edges: &Edges, map: &[u32]) -> Edges {
    let mut out = edges.clone();
    for end in out.pre.iter_mut().chain(&mut out.post) {
        *end = map[*end as usize];
    }
    out.sort().expect("a permutation stays inside the circuit");
    out
}

/// Values moved to their new positions: `out[map[x]] = values[x]`.
pub(super) fn moved<T: Copy>(values: &[T], map: &[u32]) -> Vec<T> {
    let mut out = values.to_vec();
    for (value, &to) in values.iter().zip(map) {
        out[to as usize] = *value;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::Circuit;
    use super::super::{NullModel, NullOptions, generate};
    use super::*;

    #[test]
    fn the_flag_of_a_synthetic_edge_moves_with_its_count() {
        let mut circuit = Circuit::random(4, 30, 0.3);
        circuit.edges.synthetic = circuit.edges.syn_count.iter().map(|count| count % 2 == 0).collect();
        for model in NullModel::ALL {
            let edges = generate(model, &circuit.input(), 3, &NullOptions::default()).unwrap().edges;
            assert!(edges.syn_count.iter().zip(&edges.synthetic).all(|(count, flag)| (count % 2 == 0) == *flag), "{model}");
        }
    }

    #[test]
    fn a_sign_goes_with_its_transmitter() {
        let circuit = Circuit::random(4, 60, 0.1);
        let result = generate(NullModel::Sign, &circuit.input(), 3, &NullOptions::default()).unwrap();
        assert_ne!(result.nt, circuit.nt);
        assert!(result.nt.iter().zip(&result.sign).all(|(nt, sign)| (*nt == 1) == (*sign == -1)));
    }

    #[test]
    fn a_relabelled_neuron_brings_its_edges_and_its_sign() {
        let edges = Edges::from_triples(3, &[(0, 1, 5), (1, 2, 7)]);
        let map = [0, 2, 1];
        assert_eq!(relabel(&edges, &map).triples().collect::<Vec<_>>(), [(0, 2, 5), (2, 1, 7)]);
        assert_eq!(moved(&[1, -1, 1], &map), [1, 1, -1]);
    }
}
