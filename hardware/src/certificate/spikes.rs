//! The hash over all predicted spikes.

use kenyon_base::digest;

/// SHA-256 over all samples in order of sample id: each spike as u32 LE (population index, step, neuron), sorted, the samples
/// separated by 0xffffffff.
#[derive(Debug, Default)]
pub struct SpikesHash {
    bytes: Vec<u8>,
    hash: digest::Hasher,
    any: bool,
}

impl SpikesHash {
    /// Adds the spikes (step, population, neuron) of the next sample.
    pub fn add(&mut self, spikes: &[(u32, u32, u32)]) {
        let mut sorted: Vec<(u32, u32, u32)> =
            spikes.iter().map(|&(step, population, neuron)| (population, step, neuron)).collect();
        sorted.sort_unstable();
        self.bytes.clear();
        if std::mem::replace(&mut self.any, true) {
            self.bytes.extend(u32::MAX.to_le_bytes());
        }
        for (population, step, neuron) in sorted {
            for number in [population, step, neuron] {
                self.bytes.extend(number.to_le_bytes());
            }
        }
        self.hash.update(&self.bytes);
    }

    /// The hash in hexadecimal digits.
    pub fn finish(self) -> String {
        self.hash.finish()
    }
}
