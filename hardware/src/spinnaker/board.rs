//! Sizes that the board and its software fix, each stated once.

/// Neurons on one core.
pub const NEURONS_PER_CORE: u32 = 256;
/// Most synapses of one sender in a row.
pub const LONGEST_ROW: u32 = 256;
/// Bits of a ring buffer's index: delay slot, receptor, neuron.
const RING_BITS: u32 = 14;

/// Bits that number `n` things on the board: none for none, one for one, else `ceil(log2 n)`.
pub fn bits(n: u32) -> u32 {
    if n <= 1 { n } else { u32::BITS - (n - 1).leading_zeros() }
}

/// Steps that the ring buffers of a population's cores reach ahead.
pub fn delay_slots(neurons: u32) -> u32 {
    1 << (RING_BITS - 1 - bits(neurons.clamp(1, NEURONS_PER_CORE)))
}

/// Bytes of the ring buffers of a core: no more slots than the longest delay asks for.
pub fn ring_buffer_bytes(neurons: u32, longest_delay: u32) -> u32 {
    let slots = bits(longest_delay.clamp(1, delay_slots(neurons)));
    2 << (bits(neurons.clamp(1, NEURONS_PER_CORE)) + 1 + slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_numbered_with_the_fewest_bits_but_one_takes_one() {
        assert_eq!([0, 1, 2, 3, 4, 5, 255, 256, 257].map(bits), [0, 1, 1, 2, 2, 3, 8, 8, 9]);
        assert_eq!([1 << 31, (1 << 31) + 1, u32::MAX].map(bits), [31, 32, 32]);
    }

    #[test]
    fn a_core_of_256_neurons_reaches_32_steps_ahead_and_one_of_a_single_neuron_4096() {
        assert_eq!([256, 300, 129, 128, 32, 2, 1].map(delay_slots), [32, 32, 32, 64, 256, 4096, 4096]);
    }

    #[test]
    fn ring_buffers_never_take_more_than_half_of_a_cores_memory() {
        assert_eq!([(256, 32), (256, 5000), (1, 4096), (1, 5000)].map(|(n, d)| ring_buffer_bytes(n, d)), [32_768; 4]);
        assert_eq!((ring_buffer_bytes(1, 1), ring_buffer_bytes(16, 16)), (16, 2 << 9));
    }
}
