//! Ring buffers: input that is on its way, summed in 16 bits per neuron, receptor and step of arrival.

/// Ring buffers of several neurons.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    slots: Vec<u16>,
    width: usize,
    /// Number of slots, a power of two, less one.
    mask: usize,
}

impl Ring {
    /// Ring buffers of `width` cells for delays up to `longest` steps.
    pub(super) fn new(width: usize, longest: u16) -> Self {
        let slots = usize::from(longest.max(1)).next_power_of_two();
        Self { slots: vec![0; slots * width], width, mask: slots - 1 }
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill(0);
    }

    /// What arrives in the step.
    pub(super) fn arriving(&mut self, step: usize) -> &mut [u16] {
        &mut self.slots[(step & self.mask) * self.width..][..self.width]
    }

    /// Adds weights to cells, each sum clipped at 65,535; returns how many were.
    ///
    /// Sums do not depend on the order within a step, but this number does: a list is added in its order.
    #[inline]
    pub(super) fn add(&mut self, arrival: usize, cells: &[u32], weights: &[u16]) -> u64 {
        let slot = self.arriving(arrival);
        let mut clipped = 0;
        for (&cell, &weight) in cells.iter().zip(weights) {
            let slot = &mut slot[cell as usize];
            let sum = u32::from(*slot) + u32::from(weight);
            clipped += sum >> 16;
            *slot = sum.min(65_535) as u16;
        }
        u64::from(clipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_saturate_and_each_clipped_addition_counts() {
        let mut ring = Ring::new(2, 4);
        assert_eq!(ring.add(3, &[1, 1, 1, 1], &[65_000, 535, 1, 7]), 2);
        assert_eq!((ring.arriving(3)[1], ring.arriving(3)[0], ring.arriving(7)[1]), (65_535, 0, 65_535));
        assert_eq!(ring.arriving(2), [0, 0]);
    }

    #[test]
    fn a_delay_as_long_as_the_ring_is_legal() {
        let mut ring = Ring::new(1, 4);
        ring.arriving(5).fill(0);
        ring.add(5 + 4, &[0], &[9]);
        assert_eq!((6..=9).map(|t| ring.arriving(t)[0]).collect::<Vec<_>>(), [0, 0, 0, 9]);
    }
}
