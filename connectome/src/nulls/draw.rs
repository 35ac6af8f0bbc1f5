//! Draws whose values are fixed by their definition here, not by a library version.

use rand::RngCore;

/// A whole number below `bound`, by multiplication: `floor(u * bound / 2^64)`; the bias is below `bound / 2^64`.
pub(super) fn below(rng: &mut impl RngCore, bound: usize) -> usize {
    debug_assert!(bound > 0, "a range to draw from has members");
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

/// Fisher and Yates' shuffle.
pub(super) fn shuffle<T>(rng: &mut impl RngCore, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(rng, last + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kenyon_base::Streams;

    #[test]
    fn all_orders_of_three_are_equally_likely() {
        let mut rng = Streams::new(1).stream("test");
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..6000 {
            let mut items = [0, 1, 2];
            shuffle(&mut rng, &mut items);
            *seen.entry(items).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|count| (850..1150).contains(count)), "{seen:?}");
    }
}
