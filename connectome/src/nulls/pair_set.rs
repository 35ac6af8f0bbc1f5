//! A set of directed pairs: open addressing, linear probing, deletion by backward shift.
//!
//! The swap models ask and change this set four to six times per try, on up to millions of pairs: no tombstones pile up,
//! and a pair costs 16 to 32 bytes.

/// No pair has this key: neuron numbers stay below `u32::MAX`.
const EMPTY: u64 = u64::MAX;

/// Set of pairs (pre, post).
pub(super) struct PairSet {
    slots: Vec<u64>,
    mask: usize,
}

fn key(pre: u32, post: u32) -> u64 {
    (u64::from(pre) << 32) | u64::from(post)
}

impl PairSet {
    /// An empty set with room for `pairs` pairs; it does not grow.
    pub(super) fn with_room_for(pairs: usize) -> Self {
        let slots = (2 * pairs.max(2)).next_power_of_two();
        Self { slots: vec![EMPTY; slots], mask: slots - 1 }
    }

    /// First slot to look at: the finaliser of `SplitMix64`, whose output bits all depend on all input bits.
    fn home(&self, key: u64) -> usize {
        let mut x = key;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) as usize & self.mask
    }

    /// Slot of `key`, or the empty slot where it would go.
    fn slot(&self, key: u64) -> usize {
        let mut at = self.home(key);
        while self.slots[at] != EMPTY && self.slots[at] != key {
            at = (at + 1) & self.mask;
        }
        at
    }

    /// Whether the pair is in the set.
    pub(super) fn contains(&self, pre: u32, post: u32) -> bool {
        self.slots[self.slot(key(pre, post))] != EMPTY
    }

    /// Adds the pair; `false` if it was there.
    pub(super) fn insert(&mut self, pre: u32, post: u32) -> bool {
        let key = key(pre, post);
        let at = self.slot(key);
        let new = self.slots[at] == EMPTY;
        self.slots[at] = key;
        new
    }

    /// Removes the pair if it is there.
    pub(super) fn remove(&mut self, pre: u32, post: u32) {
        let mut hole = self.slot(key(pre, post));
        if self.slots[hole] == EMPTY {
            return;
        }
        let mut at = hole;
        loop {
            at = (at + 1) & self.mask;
            let candidate = self.slots[at];
            if candidate == EMPTY {
                break;
            }
            // A pair may move back into the hole if the hole lies between its home and where it stands.
            let from_home = at.wrapping_sub(self.home(candidate)) & self.mask;
            let from_hole = at.wrapping_sub(hole) & self.mask;
            if from_home >= from_hole {
                self.slots[hole] = candidate;
                hole = at;
            }
        }
        self.slots[hole] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kenyon_base::Streams;
    use rand::Rng;
    use std::collections::BTreeSet;

    #[test]
    fn the_set_agrees_with_the_standard_one_over_many_changes() {
        let mut rng = Streams::new(4).stream("test");
        let (mut ours, mut theirs) = (PairSet::with_room_for(400), BTreeSet::new());
        for _ in 0..50_000 {
            let pair = (rng.random_range(0..20_u32), rng.random_range(0..20_u32));
            if rng.random_bool(0.5) {
                assert_eq!(ours.insert(pair.0, pair.1), theirs.insert(pair));
            } else {
                ours.remove(pair.0, pair.1);
                theirs.remove(&pair);
            }
        }
        for pre in 0..20 {
            for post in 0..20 {
                assert_eq!(ours.contains(pre, post), theirs.contains(&(pre, post)));
            }
        }
    }
}
