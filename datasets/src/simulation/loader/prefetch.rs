//! Batches made ahead of time.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use kenyon_base::{Result, UserError};

use super::{Loader, WindowBatch};

impl Loader {
    /// Delivers the batches of an epoch from number `from` on, while a thread makes the next ones, at most `ahead` of them.
    ///
    /// # Errors
    /// That no thread can be started.
    pub fn epoch(self: &Arc<Self>, epoch: u64, from: usize, ahead: usize) -> Result<WindowPrefetch> {
        let (sender, batches) = sync_channel(ahead.max(1));
        let loader = Arc::clone(self);
        let work = move || {
            for batch in from..loader.batches() {
                let made = loader.batch(epoch, batch);
                let last = made.is_err();
                // A receiver that is gone wants no more batches.
                if sender.send(made).is_err() || last {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("windows".into()).spawn(work).map_err(|e| {
            UserError::failed("no-thread", format!("cannot start a thread: {e}")).mend("close other programs and try again")
        })?;
        Ok(WindowPrefetch { batches, thread: Some(thread) })
    }
}

/// Batches of an epoch, made ahead of time by a thread of their own.
#[derive(Debug)]
pub struct WindowPrefetch {
    batches: Receiver<Result<WindowBatch>>,
    /// Until it is known how the thread ended.
    thread: Option<JoinHandle<()>>,
}

impl Iterator for WindowPrefetch {
    type Item = Result<WindowBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Ok(batch) = self.batches.recv() {
            return Some(batch);
        }
        // The end, or the end of the thread: a panic must not pass for a short epoch.
        match self.thread.take()?.join() {
            Ok(()) => None,
            Err(_) => Some(Err(UserError::failed("prefetch", "the thread that reads the windows panicked")
                .mend("this is a fault of kenyon: please report it with the message above"))),
        }
    }
}
