//! Random circuits for the tests of this module.

use kenyon_base::Streams;
use rand::Rng;

use super::NullInput;
use crate::edges::Edges;

/// A random circuit that owns its columns.
pub(super) struct Circuit {
    pub(super) edges: Edges,
    pub(super) type_code: Vec<u32>,
    pub(super) population: Vec<u32>,
    pub(super) nt: Vec<u32>,
    pub(super) sign: Vec<i8>,
    pub(super) hidden: Vec<bool>,
    pub(super) silenced: Vec<bool>,
}

impl Circuit {
    /// Each ordered pair without self is an edge with probability `density`; six types in two populations.
    pub(super) fn random(seed: u64, neurons: u32, density: f64) -> Self {
        let mut rng = Streams::new(seed).stream("fixture");
        let mut edges = Edges::new(neurons);
        for pre in 0..neurons {
            for post in 0..neurons {
                if pre != post && rng.random_bool(density) {
                    edges.pre.push(pre);
                    edges.post.push(post);
                    edges.syn_count.push(rng.random_range(1..60));
                    edges.synthetic.push(rng.random_bool(0.3));
                }
            }
        }
        let type_code: Vec<u32> = (0..neurons).map(|_| rng.random_range(0..6)).collect();
        let nt: Vec<u32> = (0..neurons).map(|_| rng.random_range(0..4)).collect();
        Self {
            edges,
            population: type_code.iter().map(|t| t / 3).collect(),
            type_code,
            sign: nt.iter().map(|&t| if t == 1 { -1 } else { 1 }).collect(),
            nt,
            hidden: (0..neurons).map(|_| rng.random_bool(0.7)).collect(),
            silenced: vec![false; neurons as usize],
        }
    }

    /// Silences these neurons: they lose their edges.
    pub(super) fn silence(&mut self, neurons: &[u32]) {
        for &neuron in neurons {
            self.silenced[neuron as usize] = true;
        }
        let kept: Vec<_> = self.edges.triples().filter(|(a, b, _)| !neurons.contains(a) && !neurons.contains(b)).collect();
        self.edges = Edges::from_triples(self.edges.neurons, &kept);
    }

    pub(super) fn input(&self) -> NullInput<'_> {
        NullInput {
            edges: &self.edges,
            type_code: &self.type_code,
            population: &self.population,
            nt: &self.nt,
            sign: &self.sign,
            hidden: &self.hidden,
            silenced: &self.silenced,
        }
    }
}
