//! The order of samples: shuffled epochs cut into batches, resumable at any step.
//!
//! The order of an epoch depends on the seed and the number of the epoch alone, so the state is three numbers. A short last batch is
//! handed out as it is: padding would enter losses and regularisers.

use kenyon_base::random::shuffle;
use kenyon_base::{Result, Streams, UserError};
use rand::RngCore;
use serde::{Deserialize, Serialize};

/// How the samples of an epoch are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// A fresh random order every epoch.
    #[default]
    Shuffled,
    /// Random, with every class spread evenly over the epoch.
    Stratified,
    /// As stored; for evaluation.
    Sequential,
}

/// Where a sampler stands; stored in checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplerState {
    /// Epoch, counted from 0.
    pub epoch: u64,
    /// Batches of this epoch that were handed out.
    pub step_in_epoch: u64,
    /// Seed of the orders.
    pub seed: u64,
    /// Number of samples.
    pub samples: u64,
    /// Samples in a whole batch.
    pub batch_size: u64,
    /// How the samples are ordered.
    pub order: Order,
}

/// One batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Epoch, counted from 0.
    pub epoch: u64,
    /// Number of the batch in its epoch, counted from 0.
    pub step_in_epoch: u64,
    /// Positions of its samples in the split.
    pub samples: Vec<u32>,
}

/// Hands out batches, epoch after epoch.
#[derive(Debug, Clone)]
pub struct Sampler {
    state: SamplerState,
    /// Class of each sample; only for the stratified order.
    classes: Vec<u32>,
    /// Order of the current epoch.
    epoch_order: Vec<u32>,
}

impl Sampler {
    /// A sampler over `samples` positions, at the start of epoch 0.
    ///
    /// # Errors
    /// If there is no sample, or a batch would hold none.
    pub fn new(samples: usize, batch_size: usize, seed: u64, order: Order) -> Result<Self> {
        Self::with_classes(samples, batch_size, seed, order, &[])
    }

    /// A sampler that spreads every class evenly over the epoch; `classes[i]` is the class of sample `i`.
    pub fn stratified(classes: &[u32], batch_size: usize, seed: u64) -> Result<Self> {
        Self::with_classes(classes.len(), batch_size, seed, Order::Stratified, classes)
    }

    fn with_classes(samples: usize, batch_size: usize, seed: u64, order: Order, classes: &[u32]) -> Result<Self> {
        if samples == 0 || u32::try_from(samples).is_err() {
            return Err(UserError::bad_data("no-samples", "the split cannot be sampled")
                .found(format!("{samples} samples"))
                .expected("from 1 to 4294967295")
                .mend("give the split a larger share of the data set"));
        }
        if batch_size == 0 {
            return Err(UserError::bad_data("bad-batch-size", "a batch holds at least one sample").key("batch_size").found("0"));
        }
        if order == Order::Stratified && classes.len() != samples {
            return Err(UserError::failed("no-classes", "the stratified order needs the class of every sample"));
        }
        let (samples, batch_size) = (samples as u64, batch_size as u64);
        let state = SamplerState { epoch: 0, step_in_epoch: 0, seed, samples, batch_size, order };
        let mut sampler = Self { state, classes: classes.to_vec(), epoch_order: Vec::new() };
        sampler.epoch_order = sampler.order_of(0);
        Ok(sampler)
    }

    /// Batches in an epoch, the short last one included.
    pub fn steps_per_epoch(&self) -> u64 {
        self.state.samples.div_ceil(self.state.batch_size)
    }

    /// Where the sampler stands.
    pub fn state(&self) -> SamplerState {
        self.state
    }

    /// Goes to where `state` stood.
    ///
    /// # Errors
    /// `sampler-mismatch` if it belongs to other samples, another batch size, seed or order.
    pub fn restore(&mut self, state: &SamplerState) -> Result<()> {
        let here = SamplerState { epoch: state.epoch, step_in_epoch: state.step_in_epoch, ..self.state };
        if here != *state || state.step_in_epoch > self.steps_per_epoch() {
            let shown = |s: &SamplerState| {
                let order = format!("{:?}", s.order).to_lowercase();
                format!(
                    "{} samples in batches of {}, seed {}, {order}, batch {}",
                    s.samples, s.batch_size, s.seed, s.step_in_epoch
                )
            };
            return Err(UserError::bad_data("sampler-mismatch", "the checkpoint was made with another order of samples")
                .found(shown(state))
                .expected(shown(&self.state))
                .mend("resume with the run's own config and data set"));
        }
        self.state = *state;
        self.epoch_order = self.order_of(state.epoch);
        Ok(())
    }

    /// The next batch of this epoch; none at its end, where the next call begins the next epoch.
    pub fn next_batch(&mut self) -> Option<Batch> {
        let SamplerState { epoch, step_in_epoch, batch_size, .. } = self.state;
        let start = (step_in_epoch * batch_size) as usize;
        if start >= self.epoch_order.len() {
            self.state.epoch += 1;
            self.state.step_in_epoch = 0;
            self.epoch_order = self.order_of(self.state.epoch);
            return None;
        }
        let end = (start + batch_size as usize).min(self.epoch_order.len());
        self.state.step_in_epoch += 1;
        Some(Batch { epoch, step_in_epoch, samples: self.epoch_order[start..end].to_vec() })
    }

    /// All positions in the order of `epoch`.
    fn order_of(&self, epoch: u64) -> Vec<u32> {
        let mut random = Streams::new(self.state.seed).indexed("sampler", epoch);
        let mut order: Vec<u32> = (0..self.state.samples as u32).collect();
        match self.state.order {
            Order::Sequential => order,
            Order::Shuffled => {
                shuffle(&mut order, &mut random);
                order
            }
            Order::Stratified => {
                shuffle(&mut order, &mut random);
                self.spread(&order, &mut random)
            }
        }
    }

    /// Spreads each class evenly: its r-th of n samples stands at (r + u) / n of the epoch, u one random offset per class.
    fn spread(&self, shuffled: &[u32], random: &mut impl RngCore) -> Vec<u32> {
        let classes = self.classes.iter().max().map_or(0, |&c| c as usize + 1);
        let mut sizes = vec![0_u64; classes];
        self.classes.iter().for_each(|&c| sizes[c as usize] += 1);
        let offsets: Vec<f64> = (0..classes).map(|_| (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64).collect();
        let mut rank = vec![0_u64; classes];
        let mut placed: Vec<(f64, u32)> = Vec::with_capacity(shuffled.len());
        for &sample in shuffled {
            let class = self.classes[sample as usize] as usize;
            placed.push(((rank[class] as f64 + offsets[class]) / sizes[class] as f64, sample));
            rank[class] += 1;
        }
        placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        placed.into_iter().map(|(_, sample)| sample).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(sampler: &mut Sampler) -> Vec<Vec<u32>> {
        std::iter::from_fn(|| sampler.next_batch().map(|b| b.samples)).collect()
    }

    #[test]
    fn an_epoch_shows_every_sample_once_and_the_last_batch_is_short() {
        let mut sampler = Sampler::new(10, 4, 1, Order::Shuffled).unwrap();
        let (first, second) = (epoch(&mut sampler), epoch(&mut sampler));
        assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
        assert_ne!(first, second);
        for order in [first, second] {
            let mut all = order.concat();
            all.sort_unstable();
            assert_eq!(all, (0..10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_sampler_goes_on_from_any_step_as_if_it_had_never_stopped() {
        let mut whole = Sampler::stratified(&[0, 1, 0, 2, 1, 0, 0], 3, 9).unwrap();
        let mut states = vec![whole.state()];
        let mut rest = Vec::new();
        for _ in 0..10 {
            rest.push(whole.next_batch());
            states.push(whole.state());
        }
        for (at, state) in states.iter().enumerate() {
            let mut again = Sampler::stratified(&[0, 1, 0, 2, 1, 0, 0], 3, 9).unwrap();
            again.restore(state).unwrap();
            let batches: Vec<_> = (at..10).map(|_| again.next_batch()).collect();
            assert_eq!(batches, rest[at..]);
        }
    }

    #[test]
    fn a_state_of_other_samples_is_refused() {
        let state = Sampler::new(10, 4, 1, Order::Shuffled).unwrap().state();
        for mut other in [
            Sampler::new(11, 4, 1, Order::Shuffled).unwrap(),
            Sampler::new(10, 5, 1, Order::Shuffled).unwrap(),
            Sampler::new(10, 4, 2, Order::Shuffled).unwrap(),
            Sampler::new(10, 4, 1, Order::Sequential).unwrap(),
        ] {
            assert_eq!(other.restore(&state).unwrap_err().code(), "sampler-mismatch");
        }
    }

    #[test]
    fn every_stretch_of_a_stratified_epoch_holds_its_share_of_every_class() {
        let classes: Vec<u32> = (0..600).map(|i| if i % 10 < 6 { 0 } else { i % 3 + 1 }).collect();
        let mut sampler = Sampler::stratified(&classes, 50, 3).unwrap();
        let total = |c: u32| classes.iter().filter(|&&k| k == c).count() as f64;
        for batch in epoch(&mut sampler) {
            for class in 0..4 {
                let held = batch.iter().filter(|&&s| classes[s as usize] == class).count() as f64;
                let share = total(class) * batch.len() as f64 / 600.0;
                assert!((held - share).abs() <= 3.0, "class {class}: {held} for {share}");
            }
        }
        let equal: Vec<u32> = (0..40).map(|i| i % 8).collect();
        for mut round in epoch(&mut Sampler::stratified(&equal, 8, 3).unwrap()) {
            for sample in &mut round {
                *sample %= 8;
            }
            round.sort_unstable();
            assert_eq!(round, (0..8).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_order_hangs_on_seed_and_epoch_alone() {
        let mut sampler = Sampler::new(8, 8, 7, Order::Shuffled).unwrap();
        let first = sampler.next_batch().unwrap().samples;
        assert_eq!(first, Sampler::new(8, 8, 7, Order::Shuffled).unwrap().next_batch().unwrap().samples);
    }
}
