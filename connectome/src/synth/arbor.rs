//! Which glomeruli the arbor of a local neuron reaches (connectome specification 8.4).
//!
//! Neurons that are `GABA`-ergic or without prediction reach each glomerulus with probability 0.6, glutamatergic ones 1 to 5
//! glomeruli, all others every glomerulus.

use rand::Rng;

use kenyon_base::Streams;

use super::cells::{Cell, CellClass, Nt, served_by};
use super::tables::GROUPS;

/// Chance that a broad arbor reaches a glomerulus.
const BROAD: f64 = 0.6;

/// Reach of every cell of two slices as a set of bits: what a local neuron reaches, what another cell belongs to.
pub(super) struct Arbors {
    pre: Vec<Reach>,
    post: Vec<Reach>,
}

#[derive(Clone, Copy)]
struct Reach {
    bits: u64,
    local: bool,
}

impl Arbors {
    pub(super) fn new(pre: &[Cell], post: &[Cell], streams: Streams) -> Self {
        let mut names: Vec<&str> =
            GROUPS.iter().filter(|g| g.class.is_receptor_neuron()).map(|g| served_by(g.stem.split_at(4).1)).collect();
        names.sort_unstable();
        names.dedup();
        let reach = |cell: &Cell| {
            let local = cell.class == CellClass::Alln;
            let own = || names.binary_search(&served_by(&cell.glomerulus)).map_or(u64::MAX, |bit| 1 << bit);
            Reach { bits: if local { arbor(cell, names.len(), streams) } else { own() }, local }
        };
        Self { pre: pre.iter().map(reach).collect(), post: post.iter().map(reach).collect() }
    }

    /// Whether the two cells can meet; two local neurons always can.
    pub(super) fn meet(&self, pre: u32, post: u32) -> bool {
        let (a, b) = (self.pre[pre as usize], self.post[post as usize]);
        (a.local && b.local) || a.bits & b.bits != 0
    }
}

/// The glomeruli of one local neuron; depends on the seed and its id alone, so every relation sees the same arbor.
fn arbor(cell: &Cell, glomeruli: usize, streams: Streams) -> u64 {
    let mut rng = streams.indexed("synth/arbor", cell.id);
    match cell.nt {
        Nt::Gaba | Nt::Blank => (0..glomeruli).filter(|_| rng.random_bool(BROAD)).fold(0, |bits, k| bits | 1 << k),
        Nt::Glut => (0..rng.random_range(1..=5)).fold(0, |bits, _| bits | 1 << rng.random_range(0..glomeruli)),
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::Side;

    #[test]
    fn a_glutamatergic_local_neuron_reaches_one_to_five_glomeruli() {
        for id in 0..200 {
            let cell = Cell::new(id, CellClass::Alln, "vLN", Side::Left, Nt::Glut);
            assert!((1..=5).contains(&arbor(&cell, 59, Streams::new(3)).count_ones()));
        }
    }

    #[test]
    fn all_glomeruli_fit_into_the_bits() {
        let orn = |g: &str| Cell::new(1, CellClass::Orn, format!("ORN_{g}"), Side::Left, Nt::Ach);
        let arbors = Arbors::new(&[orn("DA1"), orn("VM6l")], &[orn("VM6v"), orn("DA1")], Streams::new(1));
        assert!(arbors.meet(0, 1) && arbors.meet(1, 0) && !arbors.meet(0, 0));
    }
}
