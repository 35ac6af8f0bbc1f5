//! Batches of samples, made ahead of time by a thread of their own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use kenyon_base::{Result, UserError};

use crate::events::{Events, SpikeSource, no_such_sample};
use crate::remap::Remap;

/// Some samples side by side, as the engine takes them.
///
/// # Shapes
/// `ptr`: batch × steps + 1; the columns that fire in sample `b` at step `t` are `idx[ptr[b * steps + t]..ptr[b * steps + t + 1]]`.
/// A short last batch holds its real samples only.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Steps per sample.
    pub steps: usize,
    /// Where each step of each sample begins in `idx`.
    pub ptr: Vec<u32>,
    /// Columns that fire.
    pub idx: Vec<u32>,
    /// Which samples these are.
    pub samples: Vec<u32>,
    /// Class of each sample.
    pub labels: Vec<u32>,
    /// Steps of stimulus of each sample.
    pub durations: Vec<u32>,
}

impl Batch {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether it holds no sample.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Reads `samples` one after the other; columns become inputs of a network where `remap` is given.
    ///
    /// # Errors
    /// `no-such-sample`, or a stored sample that cannot be read.
    pub fn load(source: &dyn SpikeSource, samples: &[u32], remap: Option<&Remap>) -> Result<Self> {
        let steps = source.steps();
        let mut batch = Self { steps, ptr: Vec::with_capacity(samples.len() * steps + 1), ..Self::default() };
        batch.ptr.push(0);
        let mut events = Events::default();
        for &i in samples {
            if i as usize >= source.len() {
                return Err(no_such_sample(i as usize, source.len()));
            }
            source.events(i as usize, &mut events)?;
            let sample = source.sample(i as usize);
            let base = batch.idx.len() as u32;
            batch.ptr.extend(events.ptr[1..].iter().map(|&p| base + p));
            match remap {
                None => batch.idx.extend_from_slice(&events.idx),
                Some(remap) => {
                    for t in 0..steps {
                        let begin = batch.idx.len();
                        batch.idx.extend(events.at(t).iter().map(|&column| remap.input(column)));
                        batch.idx[begin..].sort_unstable();
                    }
                }
            }
            batch.samples.push(i);
            batch.labels.push(sample.label);
            batch.durations.push(sample.duration);
        }
        Ok(batch)
    }
}

/// Delivers batches in order while a thread makes the next ones.
///
/// Dropping it ends the thread after the batch that it is making.
#[derive(Debug)]
pub struct Prefetch {
    batches: Receiver<Result<Batch>>,
    /// Until it is known how the thread ended.
    thread: Option<JoinHandle<()>>,
}

impl Prefetch {
    /// Starts making batches of `batch` samples of `order`, at most `ahead` of them in advance.
    ///
    /// # Errors
    /// A batch size of 0, or that no thread can be started.
    pub fn start(
        source: Arc<dyn SpikeSource>,
        order: Vec<u32>,
        batch: usize,
        remap: Option<Arc<Remap>>,
        ahead: usize,
    ) -> Result<Self> {
        if batch == 0 {
            return Err(UserError::usage("bad-batch", "a batch of 0 samples").mend("give at least 1"));
        }
        let (sender, batches) = sync_channel(ahead.max(1));
        let work = move || {
            for samples in order.chunks(batch) {
                let made = Batch::load(&*source, samples, remap.as_deref());
                let last = made.is_err();
                // A receiver that is gone wants no more batches.
                if sender.send(made).is_err() || last {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("prefetch".into()).spawn(work).map_err(|e| {
            UserError::failed("no-thread", format!("cannot start a thread: {e}")).mend("close other programs and try again")
        })?;
        Ok(Self { batches, thread: Some(thread) })
    }
}

impl Iterator for Prefetch {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Ok(batch) = self.batches.recv() {
            return Some(batch);
        }
        // The end, or the end of the thread: a panic must not pass for a short data set.
        match self.thread.take()?.join() {
            Ok(()) => None,
            Err(_) => Some(Err(UserError::failed("prefetch", "the thread that makes the samples panicked")
                .mend("this is a fault of kenyon: please report it with the message above"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odors::fixtures;

    #[test]
    fn a_batch_is_its_samples_side_by_side_and_a_short_one_is_not_padded() {
        let source = fixtures::generator();
        let batch = Batch::load(&source, &[5, 0, 5], None).expect("loaded");
        let steps = source.steps();
        assert_eq!((batch.len(), batch.ptr.len()), (3, 3 * steps + 1));
        let mut events = Events::default();
        for (b, &i) in [5, 0, 5].iter().enumerate() {
            source.events(i, &mut events).expect("generated");
            for t in 0..steps {
                let at = b * steps + t;
                assert_eq!(batch.idx[batch.ptr[at] as usize..batch.ptr[at + 1] as usize], *events.at(t));
            }
            assert_eq!(batch.labels[b], source.label(i));
        }
        assert_eq!(Batch::load(&source, &[1_000_000], None).expect_err("not there").code(), "no-such-sample");
    }

    #[test]
    fn a_remapped_batch_holds_the_same_spikes_under_the_inputs_of_the_network() {
        let source = fixtures::generator();
        let mut network = source.inputs().to_vec();
        network.reverse();
        network.insert(3, 1);
        let remap = Remap::new(source.inputs(), &network).expect("all are there");
        let (plain, mapped) =
            (Batch::load(&source, &[2, 9], None).expect("loaded"), Batch::load(&source, &[2, 9], Some(&remap)).expect("loaded"));
        assert_eq!(plain.ptr, mapped.ptr);
        for step in plain.ptr.windows(2) {
            let step = step[0] as usize..step[1] as usize;
            let mut ids: Vec<u64> = plain.idx[step.clone()].iter().map(|&c| source.inputs()[c as usize]).collect();
            let mut found: Vec<u64> = mapped.idx[step.clone()].iter().map(|&i| network[i as usize]).collect();
            assert!(mapped.idx[step].is_sorted());
            ids.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, ids);
        }
    }

    #[test]
    fn prefetched_batches_are_the_batches_in_order() {
        let source: Arc<dyn SpikeSource> = Arc::new(fixtures::generator());
        let order: Vec<u32> = source.split().train.iter().rev().copied().collect();
        let found: Vec<Batch> =
            Prefetch::start(Arc::clone(&source), order.clone(), 4, None, 2).expect("started").map(|b| b.expect("made")).collect();
        let expected: Vec<Batch> = order.chunks(4).map(|c| Batch::load(&*source, c, None).expect("made")).collect();
        assert_eq!(found, expected);
        assert_eq!(found.iter().map(Batch::len).sum::<usize>(), order.len());
        let mut abandoned = Prefetch::start(source, order, 1, None, 1).expect("started");
        assert!(abandoned.next().is_some());
    }

    /// Samples of another source, of which one cannot be made.
    struct Broken(crate::odors::OdorGenerator, usize);

    impl SpikeSource for Broken {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn steps(&self) -> usize {
            self.0.steps()
        }
        fn dt_ms(&self) -> f64 {
            self.0.dt_ms()
        }
        fn inputs(&self) -> &[u64] {
            self.0.inputs()
        }
        fn classes(&self) -> &[String] {
            self.0.classes()
        }
        fn sample(&self, i: usize) -> crate::events::Sample {
            self.0.sample(i)
        }
        fn split(&self) -> &crate::split::Split {
            self.0.split()
        }
        fn identity(&self) -> &str {
            self.0.identity()
        }
        fn events(&self, i: usize, events: &mut Events) -> Result<()> {
            assert_ne!(i, self.1, "a sample that cannot be made");
            self.0.events(i, events)
        }
    }

    #[test]
    fn a_source_that_panics_is_an_error_and_not_the_end() {
        let source: Arc<dyn SpikeSource> = Arc::new(Broken(fixtures::generator(), 5));
        let mut batches = Prefetch::start(source, (0..12).collect(), 2, None, 1).expect("started");
        assert_eq!(batches.by_ref().take(2).flatten().count(), 2);
        assert_eq!(batches.next().expect("not the end").expect_err("it panicked").code(), "prefetch");
        assert!(batches.next().is_none());
    }
}
