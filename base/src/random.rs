//! Independent random streams from one seed, addressed by label.
//!
//! A stream depends on the seed and its label alone, never on how many streams were drawn before it or on which thread
//! draws it: this is what makes results independent of thread count. The generator is ChaCha12, whose output is fixed by
//! its definition and not by a library version.

use rand::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};

/// One random stream.
pub type Stream = rand_chacha::ChaCha12Rng;

/// All streams of one seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// Streams of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed all streams hang on.
    pub const fn seed(self) -> u64 {
        self.seed
    }

    /// The stream called `label`; its key is `sha256("kenyon-stream" ‖ seed ‖ label)`.
    pub fn stream(self, label: &str) -> Stream {
        let mut hash = Sha256::new();
        hash.update(b"kenyon-stream");
        hash.update(self.seed.to_le_bytes());
        hash.update(label.as_bytes());
        Stream::from_seed(hash.finalize().into())
    }

    /// The `index`-th stream of a family, for work that is split over items.
    pub fn indexed(self, label: &str, index: u64) -> Stream {
        let mut stream = self.stream(label);
        stream.set_stream(index);
        stream
    }
}

/// A bijection of 64-bit words that leaves no trace of their order: the finaliser of `SplitMix64` (Steele et al. 2014).
pub const fn mix64(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Fisher-Yates; written out, because a library's shuffle may change with its version.
pub fn shuffle<T>(items: &mut [T], random: &mut impl RngCore) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(i as u64 + 1, random) as usize);
    }
}

/// A number below `bound`, every one equally likely (Lemire's multiplication with rejection).
///
/// # Panics
/// If `bound` is 0.
pub fn below(bound: u64, random: &mut impl RngCore) -> u64 {
    let reject = bound.wrapping_neg() % bound;
    loop {
        let wide = u128::from(random.next_u64()) * u128::from(bound);
        if wide as u64 >= reject {
            return (wide >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    fn first(mut stream: Stream) -> u64 {
        stream.random()
    }

    #[test]
    fn streams_differ_by_seed_label_and_index() {
        let s = Streams::new(1);
        let draws = [first(s.stream("a")), first(s.stream("b")), first(Streams::new(2).stream("a")), first(s.indexed("a", 1))];
        for (i, a) in draws.iter().enumerate() {
            assert!(draws[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn a_stream_keeps_its_values_across_releases() {
        assert_eq!(first(Streams::new(1).stream("a")), 7_220_030_574_112_362_524);
    }

    #[test]
    fn mixing_keeps_its_values_across_releases() {
        // The first outputs of SplitMix64 with seed 0: the mixed multiples of its constant.
        let gamma = 0x9e37_79b9_7f4a_7c15_u64;
        assert_eq!([mix64(gamma), mix64(gamma.wrapping_mul(2))], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn a_shuffle_is_fair() {
        let mut random = Streams::new(1).stream("fair");
        let mut places = [0_u32; 5];
        for _ in 0..5000 {
            let mut items = [0, 1, 2, 3, 4];
            shuffle(&mut items, &mut random);
            places[items.iter().position(|&i| i == 0).unwrap()] += 1;
        }
        // 4 degrees of freedom: 18.5 is exceeded once in a thousand, and the stream is fixed.
        let chi2: f64 = places.iter().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi2 < 18.5, "{places:?}");
    }
}
