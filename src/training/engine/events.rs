//! Input spikes of a batch, as lists.

use std::ops::Range;

use kenyon_base::random::mix64;
use kenyon_base::{Result, UserError};

/// Input spikes of a batch: for each sample b and step t the inputs that fire.
///
/// An input that fires twice in a step stands there twice. Memory is proportional to the number of spikes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    batch: usize,
    steps: usize,
    ptr: Vec<u32>,
    idx: Vec<u32>,
    noise_keys: Vec<u64>,
}

impl Events {
    /// Events of sample b and step t are `idx[ptr[b * steps + t]..ptr[b * steps + t + 1]]`.
    ///
    /// # Errors
    /// If the pointers do not fit or an index is not below `inputs`.
    pub fn new(batch: usize, steps: usize, inputs: usize, ptr: Vec<u32>, idx: Vec<u32>) -> Result<Self> {
        let fits = ptr.len() == batch * steps + 1 && ptr[0] == 0 && ptr.is_sorted() && ptr[batch * steps] as usize == idx.len();
        if !fits {
            return Err(UserError::bad_data("bad-events", "the pointers of the input events do not fit")
                .found(format!("{} pointers, {} events", ptr.len(), idx.len()))
                .expected(format!("{} ascending pointers from 0 to the number of events", batch * steps + 1))
                .mend("make the data set again"));
        }
        if let Some(input) = idx.iter().find(|i| **i as usize >= inputs) {
            return Err(UserError::bad_data("bad-events", "an event names an input that the network lacks")
                .found(input.to_string())
                .expected(format!("inputs below {inputs}"))
                .mend("use a data set that was made for this network"));
        }
        Ok(Self { batch, steps, ptr, idx, noise_keys: Vec::new() })
    }

    /// Events of dense spike counts [batch, steps, inputs].
    ///
    /// # Panics
    /// If the length is not the product of the shape.
    pub fn from_dense(batch: usize, steps: usize, inputs: usize, counts: &[u8]) -> Self {
        assert_eq!(counts.len(), batch * steps * inputs, "shape of the counts");
        let (mut ptr, mut idx) = (vec![0], Vec::new());
        for step in 0..batch * steps {
            for (input, count) in counts[step * inputs..(step + 1) * inputs].iter().enumerate() {
                idx.extend(std::iter::repeat_n(input as u32, usize::from(*count)));
            }
            ptr.push(idx.len() as u32);
        }
        Self { batch, steps, ptr, idx, noise_keys: Vec::new() }
    }

    /// Sets the key of each sample's noise (see [`noise_key`]).
    ///
    /// # Panics
    /// If there is not one key for each sample.
    #[must_use]
    pub fn with_noise_keys(mut self, keys: Vec<u64>) -> Self {
        assert_eq!(keys.len(), self.batch, "one key a sample");
        self.noise_keys = keys;
        self
    }

    /// Samples.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Steps.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Number of input spikes.
    pub fn len(&self) -> usize {
        self.idx.len()
    }

    /// Whether no input fires.
    pub fn is_empty(&self) -> bool {
        self.idx.is_empty()
    }

    /// Inputs that fire in sample `b` at step `t`.
    #[inline(always)]
    pub fn at(&self, b: usize, t: usize) -> &[u32] {
        let i = b * self.steps + t;
        let range: Range<usize> = self.ptr[i] as usize..self.ptr[i + 1] as usize;
        &self.idx[range]
    }

    pub(super) fn noise_key_of(&self, b: usize) -> u64 {
        self.noise_keys.get(b).copied().unwrap_or_else(|| noise_key(0, b as u64, 0))
    }
}

/// Key of the noise of one sample: depends on seed, sample and epoch alone, not on its place in a batch.
pub fn noise_key(seed: u64, sample: u64, epoch: u64) -> u64 {
    let step = 0x9e37_79b9_7f4a_7c15_u64;
    mix64(mix64(mix64(seed.wrapping_add(step)) ^ sample.wrapping_mul(step)).wrapping_add(epoch.wrapping_mul(step)))
}
