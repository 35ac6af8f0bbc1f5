//! Division of samples into training, validation and test, stratified by class.

use std::collections::BTreeSet;

use kenyon_base::{Result, Streams, UserError, digest};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

/// Sample numbers of each part, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Samples to train on.
    pub train: Vec<u32>,
    /// Samples to choose the model by.
    pub validation: Vec<u32>,
    /// Samples to state the result on.
    pub test: Vec<u32>,
}

/// A part of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// To train on.
    Train,
    /// To choose the model by.
    Validation,
    /// To state the result on.
    Test,
}

impl Split {
    /// Draws a split: within every class the samples are shuffled and cut at the cumulative `shares` (training, validation, test).
    ///
    /// The shuffle of a class hangs on the seed and the class alone. `labels[i]` is the class of sample `i`.
    ///
    /// # Errors
    /// `bad-split` unless the shares are not negative and sum to 1.
    pub fn stratified(labels: &[u32], shares: [f64; 3], seed: u64) -> Result<Self> {
        check_shares(shares)?;
        let classes = labels.iter().max().map_or(0, |&c| c as usize + 1);
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); classes];
        for (&label, i) in labels.iter().zip(0..) {
            members[label as usize].push(i);
        }
        let mut split = Self::default();
        for (mut of_class, class) in members.into_iter().zip(0..) {
            of_class.shuffle(&mut Streams::new(seed).indexed("datasets/split", class));
            let cut = |share: f64| ((of_class.len() as f64 * share).round() as usize).min(of_class.len());
            let (a, b) = (cut(shares[0]), cut(shares[0] + shares[1]));
            split.train.extend_from_slice(&of_class[..a]);
            split.validation.extend_from_slice(&of_class[a..b]);
            split.test.extend_from_slice(&of_class[b..]);
        }
        for part in [&mut split.train, &mut split.validation, &mut split.test] {
            part.sort_unstable();
        }
        Ok(split)
    }

    /// Samples of one part.
    pub fn part(&self, part: Part) -> &[u32] {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }

    /// SHA-256 of the three lists: each its length and its sample numbers, as 64-bit little-endian numbers.
    pub fn sha256(&self) -> String {
        let lists = [&self.train, &self.validation, &self.test];
        let numbers: Vec<u64> =
            lists.iter().flat_map(|l| std::iter::once(l.len() as u64).chain(l.iter().map(|&i| u64::from(i)))).collect();
        digest::sha256_ids(&numbers)
    }

    /// Checks that no sample stands in two parts and none is above `samples`.
    ///
    /// # Errors
    /// `split-overlap` or `no-such-sample`.
    pub fn check(&self, samples: usize) -> Result<()> {
        let mut seen = vec![false; samples];
        for &i in self.train.iter().chain(&self.validation).chain(&self.test) {
            let Some(seen) = seen.get_mut(i as usize) else { return Err(crate::events::no_such_sample(i as usize, samples)) };
            if std::mem::replace(seen, true) {
                return Err(UserError::bad_data("split-overlap", "a sample stands twice in the split")
                    .found(i.to_string())
                    .expected("every sample in one part at most")
                    .mend("make the data set again"));
            }
        }
        Ok(())
    }

    /// Refuses test samples as training input.
    ///
    /// # Errors
    /// `test-sample` with the first one and their number.
    pub fn refuse_test(&self, samples: &[u32]) -> Result<()> {
        let test: BTreeSet<u32> = self.test.iter().copied().collect();
        let mut held_out = samples.iter().filter(|i| test.contains(i));
        let Some(first) = held_out.next() else { return Ok(()) };
        Err(UserError::bad_data("test-sample", "test samples must not be trained on")
            .found(format!("sample {first} and {} more", held_out.count()))
            .expected("samples of the training part")
            .mend("use the split that was stored with this data set"))
    }
}

/// Checks that the shares of training, validation and test samples are not negative and sum to 1.
///
/// # Errors
/// `bad-split` with the key `odors.split`.
pub fn check_shares(shares: [f64; 3]) -> Result<()> {
    let sum: f64 = shares.iter().sum();
    if shares.iter().all(|s| *s >= 0.0) && (sum - 1.0).abs() <= 1e-9 {
        return Ok(());
    }
    Err(UserError::bad_data("bad-split", "shares of training, validation and test")
        .key("odors.split")
        .found(format!("{shares:?}"))
        .expected("three numbers from 0 to 1 whose sum is 1")
        .mend("for example `split = [0.7, 0.2, 0.1]`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_full_recipe_divides_into_the_numbers_of_the_specification() {
        let labels: Vec<u32> = (0..28_400).map(|i| i % 284).collect();
        let split = Split::stratified(&labels, [0.7, 0.2, 0.1], 1).expect("valid");
        assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (19_880, 5_680, 2_840));
        for class in 0..284 {
            assert_eq!(split.test.iter().filter(|&&i| labels[i as usize] == class).count(), 10);
        }
        assert_eq!(split.sha256(), Split::stratified(&labels, [0.7, 0.2, 0.1], 1).expect("valid").sha256());
        assert_ne!(split.sha256(), Split::stratified(&labels, [0.7, 0.2, 0.1], 2).expect("valid").sha256());
    }

    #[test]
    fn a_split_keeps_its_hash_across_releases() {
        let labels: Vec<u32> = (0..30).map(|i| i % 3).collect();
        let split = Split::stratified(&labels, [0.7, 0.2, 0.1], 1).expect("valid");
        assert_eq!(split.sha256(), "19621afe68fa059a350cc894bf53c9f698fbd094cb813f6938962c46f9dd7988");
    }

    #[test]
    fn test_samples_are_refused_as_training_input() {
        let labels = vec![0; 10];
        let split = Split::stratified(&labels, [0.7, 0.2, 0.1], 1).expect("valid");
        assert!(split.refuse_test(&split.train).is_ok());
        assert_eq!(split.refuse_test(&split.test).expect_err("held out").code(), "test-sample");
    }

    #[test]
    fn shares_that_do_not_sum_to_one_are_refused() {
        for shares in [[0.7, 0.2, 0.2], [1.2, -0.1, -0.1], [f64::NAN, 0.5, 0.5]] {
            assert_eq!(Split::stratified(&[0, 1], shares, 1).expect_err("invalid").code(), "bad-split");
        }
    }

    proptest! {
        #[test]
        fn every_sample_stands_in_exactly_one_part(labels in prop::collection::vec(0_u32..7, 0..200), seed: u64) {
            let split = Split::stratified(&labels, [0.6, 0.25, 0.15], seed).expect("valid");
            split.check(labels.len()).expect("disjoint");
            prop_assert_eq!(split.train.len() + split.validation.len() + split.test.len(), labels.len());
        }
    }
}
