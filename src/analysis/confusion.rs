//! Which class is taken for which.

use kenyon_base::{Result, UserError};
use serde::Serialize;

use super::accuracy::Accuracy;

/// Counts of answers per true class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// Row: true class; column: answer.
    counts: Vec<u64>,
}

/// One class of a confusion table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassRow {
    /// The class.
    pub class: u32,
    /// Trials of this class.
    pub n: u64,
    /// Trials answered with it.
    pub answered: u64,
    /// Trials of this class answered correctly.
    pub correct: u64,
    /// Share of its trials answered correctly; none without trials.
    pub recall: Option<f64>,
    /// Share of its answers that are correct; none without answers.
    pub precision: Option<f64>,
}

/// A class taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ConfusedPair {
    /// What was shown.
    pub truth: u32,
    /// What was answered.
    pub answer: u32,
    /// How often.
    pub count: u64,
}

impl Confusion {
    /// An empty table.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// Adds one trial.
    ///
    /// # Errors
    /// If a class is not among those of the table.
    pub fn add(&mut self, truth: u32, answer: u32) -> Result<()> {
        let (row, column) = (truth as usize, answer as usize);
        if row.max(column) >= self.classes {
            return Err(UserError::bad_data("unknown-class", "a class is out of range")
                .found(truth.max(answer).to_string())
                .expected(format!("a class below {}", self.classes)));
        }
        self.counts[row * self.classes + column] += 1;
        Ok(())
    }

    /// Adds another table of the same classes.
    ///
    /// # Panics
    /// If the numbers of classes differ.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.classes, other.classes, "both tables are of the same classes");
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Counts, one row per true class.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How often `truth` was answered with `answer`.
    pub fn count(&self, truth: usize, answer: usize) -> u64 {
        self.counts[truth * self.classes + answer]
    }

    /// Pairs of a true class and an answer that occurred, with their counts, by class and answer.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u32, u64)> + '_ {
        let at = |(i, &n): (usize, &u64)| ((i / self.classes) as u32, (i % self.classes) as u32, n);
        self.counts.iter().enumerate().filter(|(_, n)| **n > 0).map(at)
    }

    /// Share of correct answers with its interval.
    pub fn accuracy(&self) -> Accuracy {
        Accuracy::new((0..self.classes).map(|c| self.count(c, c)).sum(), self.counts.iter().sum())
    }

    /// Each class for itself.
    pub fn per_class(&self) -> Vec<ClassRow> {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        (0..self.classes)
            .map(|class| {
                let n = (0..self.classes).map(|answer| self.count(class, answer)).sum();
                let answered = (0..self.classes).map(|truth| self.count(truth, class)).sum();
                let correct = self.count(class, class);
                let (recall, precision) = (share(correct, n), share(correct, answered));
                ClassRow { class: class as u32, n, answered, correct, recall, precision }
            })
            .collect()
    }

    /// The `most` pairs that are confused most often; of equals the lower classes first.
    pub fn most_confused(&self, most: usize) -> Vec<ConfusedPair> {
        let mut pairs: Vec<ConfusedPair> = (0..self.classes)
            .flat_map(|truth| (0..self.classes).map(move |answer| (truth, answer)))
            .filter(|&(truth, answer)| truth != answer && self.count(truth, answer) > 0)
            .map(|(truth, answer)| ConfusedPair { truth: truth as u32, answer: answer as u32, count: self.count(truth, answer) })
            .collect();
        pairs.sort_by_key(|pair| (std::cmp::Reverse(pair.count), pair.truth, pair.answer));
        pairs.truncate(most);
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_pairs_are_counted() {
        let mut table = Confusion::new(3);
        let trials = [(0, 0), (0, 1), (0, 1), (1, 1), (1, 0), (1, 2)];
        for (truth, answer) in trials {
            table.add(truth, answer).unwrap();
        }
        assert_eq!((table.accuracy().correct, table.accuracy().n), (2, 6));
        let rows = table.per_class();
        assert_eq!((rows[0].recall, rows[0].precision), (Some(1.0 / 3.0), Some(0.5)));
        assert_eq!((rows[2].recall, rows[2].precision), (None, Some(0.0)));
        let pairs: Vec<_> = table.most_confused(2).iter().map(|p| (p.truth, p.answer, p.count)).collect();
        assert_eq!(pairs, [(0, 1, 2), (1, 0, 1)]);
        assert_eq!(table.add(3, 0).unwrap_err().code(), "unknown-class");
    }

    #[test]
    fn tables_of_parts_add_up() {
        let (mut whole, mut first, mut second) = (Confusion::new(2), Confusion::new(2), Confusion::new(2));
        for trial in 0..9 {
            let (truth, answer) = (trial % 2, trial / 4 % 2);
            whole.add(truth, answer).unwrap();
            if trial < 5 { &mut first } else { &mut second }.add(truth, answer).unwrap();
        }
        first.merge(&second);
        assert_eq!(first, whole);
    }
}
