//! Routing keys: `base | neuron << 4 | (step & 15)`.
//!
//! The four colour bits carry the step in which a spike was sent; the receiver shortens the delay by the steps gone since.

use crate::spinnaker::Quantised;
use crate::spinnaker::board::bits;

/// Bits of the sender's step in a key.
pub const COLOUR_BITS: u32 = 4;

/// The block of keys of a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Key of neuron 0 at step 0.
    pub base: u32,
    /// Bits that are the same in all keys of the block.
    pub mask: u32,
}

impl Key {
    /// The block of `n` neurons at `base`.
    pub fn block(base: u32, n: u32) -> Self {
        Self { base, mask: !(span(n) - 1) }
    }

    /// Key of a spike.
    pub fn of(self, neuron: u32, step: u32) -> u32 {
        self.base | neuron << COLOUR_BITS | step & ((1 << COLOUR_BITS) - 1)
    }
}

/// Keys that `n` neurons take, a power of two.
pub(super) fn span(n: u32) -> u32 {
    1 << bits(n.saturating_mul(1 << COLOUR_BITS)).min(31)
}

/// Keys of the largest block of those that `sends` names. Population tables mask by this, whatever the size of their own senders' blocks.
///
/// A population that nothing listens to has no keys, however large it is, and does not count.
pub(super) fn zone(network: &Quantised, sends: impl Fn(usize) -> bool) -> u32 {
    network.populations.iter().enumerate().filter(|(k, _)| sends(*k)).map(|(_, p)| span(p.n)).max().unwrap_or(1)
}

/// Keys for the populations that something listens to, one zone each, in their order.
///
/// The released mapper chooses bases in an order of its own; a network behaves the same with any.
pub fn keys(network: &Quantised) -> Vec<Option<Key>> {
    let sends = |k: usize| network.projections.iter().any(|p| p.pre as usize == k);
    let zone = zone(network, sends);
    let mut next = 0u32;
    let of = |(k, population): (usize, &crate::spinnaker::QuantisedPopulation)| {
        if !sends(k) {
            return None;
        }
        let base = next;
        next = next.wrapping_add(zone);
        Some(Key::block(base, population.n))
    };
    network.populations.iter().enumerate().map(of).collect()
}
