//! The journal: one JSON object a line, appended only.
//!
//! What depends on the clock stands apart, under `wall_time` and `timing`; everything else is the same for a run that was killed and
//! resumed as for one that was not. NaN and infinity have no form in JSON: they are `null` among the values and named in `not_finite`.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What happened, for example `train`, `validation`, `test`.
    pub event: String,
    /// Optimiser step.
    pub step: u64,
    /// Epoch, counted from 0.
    pub epoch: u64,
    /// Scalars by name, as `train/loss`.
    pub values: BTreeMap<String, Option<f64>>,
    /// Values that were not finite: `NaN`, `inf` or `-inf`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_finite: BTreeMap<String, String>,
    /// Remarks, as hints of the activity monitor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Durations in seconds; they differ between repetitions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub timing: BTreeMap<String, f64>,
    /// Seconds since 1970.
    pub wall_time: f64,
}

impl Record {
    /// A record of `event` at this moment.
    pub fn new(event: &str, epoch: u64, step: u64) -> Self {
        let wall_time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        Self {
            event: event.into(),
            step,
            epoch,
            values: BTreeMap::new(),
            not_finite: BTreeMap::new(),
            notes: Vec::new(),
            timing: BTreeMap::new(),
            wall_time,
        }
    }

    /// Adds a scalar; one that is not finite is flagged.
    #[must_use]
    pub fn value(mut self, name: &str, value: f64) -> Self {
        if !value.is_finite() {
            self.not_finite.insert(name.into(), value.to_string());
        }
        self.values.insert(name.into(), value.is_finite().then_some(value));
        self
    }

    /// Adds a remark.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds a duration in seconds.
    #[must_use]
    pub fn seconds(mut self, name: &str, seconds: f64) -> Self {
        self.timing.insert(name.into(), if seconds.is_finite() { seconds } else { 0.0 });
        self
    }

    /// Scalars as they were, also those that are not finite.
    pub fn scalars(&self) -> impl Iterator<Item = (&str, f64)> {
        self.values.iter().map(|(name, value)| {
            let value = value.or_else(|| self.not_finite.get(name)?.parse().ok());
            (name.as_str(), value.unwrap_or(f64::NAN))
        })
    }

    /// The same without what depends on the clock.
    #[must_use]
    pub fn timeless(mut self) -> Self {
        self.timing.clear();
        self.wall_time = 0.0;
        self
    }
}

/// The journal under way.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    lines: u64,
}

impl Journal {
    /// Opens the journal and cuts it after its first `lines` lines; with 0 it begins anew.
    ///
    /// # Errors
    /// `journal-short` if it has fewer lines.
    pub fn open(path: &Path, lines: u64) -> Result<Self> {
        let cannot = |e: std::io::Error| UserError::cannot_write(path, &e);
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(UserError::cannot_read(path, &e)),
        };
        let ends: Vec<u64> = (0..).zip(&text).filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
        let end = if lines == 0 { Some(0) } else { ends.get(lines as usize - 1).copied() };
        let Some(end) = end else {
            return Err(UserError::bad_data("journal-short", "has fewer lines than the checkpoint knows of")
                .file(path)
                .found(ends.len().to_string())
                .expected(format!("at least {lines}"))
                .mend("put the journal of this run back, or start a new run"));
        };
        let mut file = OpenOptions::new().create(true).write(true).truncate(false).open(path).map_err(cannot)?;
        file.set_len(end).map_err(cannot)?;
        file.seek(SeekFrom::End(0)).map_err(cannot)?;
        Ok(Self { path: path.to_path_buf(), file, lines })
    }

    /// Appends one line with one write.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        let mut line = serde_json::to_vec(record).expect("records are plain data with text keys");
        line.push(b'\n');
        self.file.write_all(&line).map_err(|e| UserError::cannot_write(&self.path, &e))?;
        self.lines += 1;
        Ok(())
    }

    /// Lines so far: what a checkpoint stores as `journal_lines`.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Waits until every line is on the disk; before a checkpoint counts them.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|e| UserError::cannot_write(&self.path, &e))
    }
}

/// Reads a journal; a last line that was cut off by a kill is left out.
///
/// # Errors
/// Any other line that is no record, by its number.
pub fn read(path: &Path) -> Result<Vec<Record>> {
    let bytes = fs::read(path).map_err(|e| UserError::cannot_read(path, &e))?;
    // Bytes, not text: a kill may have cut a character in two.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let parse = |(number, line): (usize, &[u8])| {
        serde_json::from_slice(line).map_err(|e| {
            UserError::bad_data("bad-journal", format!("is no record: {e}"))
                .file(path)
                .line(number as u64 + 1)
                .mend("the journal is written by kenyon alone; put the original back")
        })
    };
    if whole == 0 {
        return Ok(Vec::new());
    }
    bytes[..whole].split(|byte| *byte == b'\n').enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_not_finite_are_null_and_flagged_and_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = Journal::open(&path, 0).unwrap();
        let record = Record::new("train", 2, 30).value("loss", f64::NAN).value("rate", f64::NEG_INFINITY).value("accuracy", 0.1);
        journal.append(&record).unwrap();
        let line = fs::read_to_string(&path).unwrap();
        assert!(line.contains(r#""values":{"accuracy":0.1,"loss":null,"rate":null}"#), "{line}");
        let back = read(&path).unwrap().remove(0);
        assert_eq!(back, record);
        let scalars: Vec<_> = back.scalars().collect();
        assert!(scalars[1].1.is_nan() && scalars[2] == ("rate", f64::NEG_INFINITY));
    }

    #[test]
    fn a_resumed_journal_keeps_what_the_checkpoint_knows_and_no_half_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let record = |step| Record::new("train", 0, step).value("loss", step as f64 / 3.0);
        let mut journal = Journal::open(&path, 0).unwrap();
        for step in 0..5 {
            journal.append(&record(step)).unwrap();
        }
        let mut text = fs::read(&path).unwrap();
        // Cut in the middle of a letter of two bytes.
        text.extend_from_slice(b"{\"event\":\"tr\xc3");
        fs::write(&path, text).unwrap();
        assert_eq!(read(&path).unwrap().len(), 5);
        let mut journal = Journal::open(&path, 3).unwrap();
        journal.append(&record(9)).unwrap();
        assert_eq!(journal.lines(), 4);
        assert_eq!(read(&path).unwrap().iter().map(|r| r.step).collect::<Vec<_>>(), [0, 1, 2, 9]);
        assert_eq!(Journal::open(&path, 5).unwrap_err().code(), "journal-short");
    }
}
