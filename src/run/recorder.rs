//! Journal and event file as one.

use std::path::Path;

use kenyon_base::Result;

use super::journal::{self, Journal, Record};
use super::tensorboard::{self, EventFile};

/// File name of the journal in a run folder.
pub const JOURNAL: &str = "journal.jsonl";

/// Writes each record to the journal and its scalars to the event file.
#[derive(Debug)]
pub struct Recorder {
    journal: Journal,
    events: EventFile,
}

impl Recorder {
    /// Opens both in `folder`, cut back to the first `lines` records. The event file is written anew from the journal.
    pub fn open(folder: &Path, lines: u64) -> Result<Self> {
        let path = folder.join(JOURNAL);
        let journal = Journal::open(&path, lines)?;
        let events = EventFile::create(&folder.join(tensorboard::FILE_NAME), &journal::read(&path)?)?;
        Ok(Self { journal, events })
    }

    /// Writes one record.
    pub fn record(&mut self, record: &Record) -> Result<()> {
        self.journal.append(record)?;
        self.events.append(record)
    }

    /// Waits until the journal is on the disk and returns its number of lines, for the checkpoint's `journal_lines`.
    pub fn mark(&self) -> Result<u64> {
        self.journal.sync()?;
        Ok(self.journal.lines())
    }
}
