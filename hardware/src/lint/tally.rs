//! Counting what is wrong: how many, which is the worst, and the first few.

use crate::deployment::{Deployment, Population, Projection, Synapse};

/// How many others are named beside the worst.
const NAMED: usize = 4;

/// Things that are wrong.
#[derive(Debug)]
pub(super) struct Tally<T> {
    /// How many.
    pub(super) count: u64,
    worst: Option<(f64, T)>,
    first: Vec<T>,
}

impl<T> Default for Tally<T> {
    fn default() -> Self {
        Self { count: 0, worst: None, first: Vec::new() }
    }
}

impl<T: Copy + PartialEq> Tally<T> {
    /// Counts one, so bad; of equals the first is the worst.
    pub(super) fn add(&mut self, badness: f64, what: T) {
        let badness = if badness.is_nan() { f64::INFINITY } else { badness };
        self.count += 1;
        if self.worst.is_none_or(|(worst, _)| badness > worst) {
            self.worst = Some((badness, what));
        }
        if self.first.len() <= NAMED {
            self.first.push(what);
        }
    }

    /// The worst.
    pub(super) fn worst(&self) -> Option<T> {
        self.worst.map(|(_, what)| what)
    }

    /// A few of the others in words, as ` (and 3 more: …)`; nothing if there is only one.
    pub(super) fn others(&self, words: impl Fn(T) -> String) -> String {
        let others: Vec<String> =
            self.first.iter().filter(|&&what| Some(what) != self.worst()).take(NAMED).map(|&what| words(what)).collect();
        match self.count.saturating_sub(1) {
            0 => String::new(),
            n if n > others.len() as u64 && others.is_empty() => format!(" (and {n} more)"),
            n if n > others.len() as u64 => format!(" (and {n} more: {}, …)", others.join(", ")),
            n => format!(" (and {n} more: {})", others.join(", ")),
        }
    }
}

/// Name of a neuron: its position and id.
pub(super) fn neuron(population: &Population, i: usize) -> String {
    match population.ids.get(i) {
        Some(id) => format!("{i} (id {id})"),
        None => format!("{i} (no such neuron)"),
    }
}

/// Name of a synapse: positions and ids.
pub(super) fn synapse(deployment: &Deployment, projection: &Projection, s: &Synapse) -> String {
    format!("{} -> {} (ids {})", s.pre, s.post, ids(deployment, projection, s.pre, s.post))
}

/// Ids of two neurons of a projection.
pub(super) fn ids(deployment: &Deployment, projection: &Projection, pre: u32, post: u32) -> String {
    let id = |population: u32, i: u32| {
        let id = deployment.populations.get(population as usize).and_then(|p| p.ids.get(i as usize));
        id.map_or_else(|| "none".to_string(), u64::to_string)
    };
    format!("{} -> {}", id(projection.pre, pre), id(projection.post, post))
}

/// A share as a percentage with two digits that count.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || percent >= 1.0 { format!("{percent:.1} %") } else { format!("{percent:.2e} %") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_named_once_and_others_are_counted() {
        let mut tally = Tally::default();
        for (badness, what) in [(1.0, 'a'), (3.0, 'b'), (f64::NAN, 'c'), (2.0, 'd')] {
            tally.add(badness, what);
        }
        assert_eq!((tally.count, tally.worst()), (4, Some('c')));
        assert_eq!(tally.others(|c| c.to_string()), " (and 3 more: a, b, d)");
        let one = Tally::<char>::default();
        assert_eq!((one.worst(), one.others(|c| c.to_string()).as_str()), (None, ""));
    }

    #[test]
    fn shares_keep_two_digits() {
        assert_eq!([0.0, 0.0123, 0.5, 2.5e-6].map(percent), ["0.0 %", "1.2 %", "50.0 %", "2.50e-4 %"]);
    }
}
