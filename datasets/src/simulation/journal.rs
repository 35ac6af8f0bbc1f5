//! A folder of finished simulations beside the file they will become.
//!
//! ```text
//! set.h5.journal/set.json               what the set is; never changes
//! set.h5.journal/train/0000/0000012.sim one finished simulation with its checksum
//! ```
//!
//! A record appears by one rename, which is its mark of being finished: a run that is killed at any moment leaves whole
//! records alone, and the next run makes what is missing.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicFile, Result, UserError};

use super::about::SetAbout;
use super::plan::{Item, Shard};
use super::record::{BEGIN, Record, declared_length};
use super::spec::Part;

/// Records per folder.
const FOLDER: u32 = 256;

/// The journal of a set under way.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// Where the journal of `target` lies.
    pub(super) fn beside(target: &Path) -> PathBuf {
        let mut name = target.file_name().unwrap_or_default().to_os_string();
        name.push(".journal");
        target.with_file_name(name)
    }

    /// Starts a journal, or goes on with the one that is there; returns what it holds.
    pub(super) fn start(target: &Path, about: &SetAbout, shard: Shard) -> Result<(Self, BTreeSet<Item>)> {
        let folder = Self::beside(target);
        fs::create_dir_all(&folder).map_err(|e| UserError::cannot_write(&folder, &e))?;
        let head = folder.join("set.json");
        // The moment a set was begun is that of its first run.
        let text = |about: &SetAbout| {
            let value = serde_json::json!({ "shard": shard.to_string(), "set": about });
            serde_json::to_string_pretty(&value).expect("plain data")
        };
        if head.exists() {
            let found = fs::read_to_string(&head).map_err(|e| UserError::cannot_read(&head, &e))?;
            if found != text(about) {
                return Err(UserError::usage("other-journal", "the journal beside the target is that of another set")
                    .file(&folder)
                    .mend("give the recipe it was begun with, another target, or remove the journal"));
            }
        } else {
            AtomicFile::write(&head, text(about).as_bytes())?;
        }
        let journal = Self { folder };
        let held = journal.scan()?;
        Ok((journal, held))
    }

    /// What a journal says of its set, to go on with the same words.
    pub(super) fn about(target: &Path) -> Result<Option<SetAbout>> {
        let head = Self::beside(target).join("set.json");
        let text = match fs::read_to_string(&head) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(UserError::cannot_read(&head, &e)),
        };
        let damaged = || {
            UserError::bad_data("damaged-journal", "does not describe a set")
                .file(&head)
                .mend("remove the journal and begin again")
        };
        let mut value: serde_json::Value = serde_json::from_str(&text).map_err(|_| damaged())?;
        serde_json::from_value(value["set"].take()).map(Some).map_err(|_| damaged())
    }

    fn path(&self, item: Item) -> PathBuf {
        let folder = self.folder.join(item.part.name()).join(format!("{:04}", item.index / FOLDER));
        folder.join(format!("{:07}.sim", item.index))
    }

    /// The records there are; each has the length that it declares.
    fn scan(&self) -> Result<BTreeSet<Item>> {
        let mut held = BTreeSet::new();
        for part in Part::ALL {
            for folder in entries(&self.folder.join(part.name()))? {
                for path in entries(&folder)? {
                    let stem = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".sim"));
                    // Anything else is a temporary of a run that was killed, or not ours.
                    let Some(index) = stem.and_then(|s| s.parse().ok()) else { continue };
                    let item = Item { part, index };
                    if self.path(item) != path {
                        continue;
                    }
                    whole(&path)?;
                    held.insert(item);
                }
            }
        }
        Ok(held)
    }

    pub(super) fn write(&self, record: &Record) -> Result<()> {
        let path = self.path(record.item);
        let folder = path.parent().expect("in a folder");
        fs::create_dir_all(folder).map_err(|e| UserError::cannot_write(folder, &e))?;
        AtomicFile::write(&path, &record.encode())
    }

    pub(super) fn read(&self, item: Item) -> Result<Record> {
        let path = self.path(item);
        let bytes = fs::read(&path).map_err(|e| UserError::cannot_read(&path, &e))?;
        let record = Record::decode(&bytes, &path)?;
        if record.item != item {
            return Err(UserError::bad_data("damaged-record", "the record is that of another simulation")
                .file(&path)
                .mend("remove this file and run the command again: the simulation is made anew"));
        }
        Ok(record)
    }

    /// Removes what the journal holds: the set is written.
    pub(super) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.folder).map_err(|e| UserError::cannot_write(&self.folder, &e))
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |e: &std::io::Error| UserError::cannot_read(folder, e);
    match fs::read_dir(folder) {
        Ok(list) => list.map(|entry| entry.map(|e| e.path()).map_err(|e| fail(&e))).collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(fail(&e)),
    }
}

/// Checks the length of a record file; its checksum is checked when it is read.
fn whole(path: &Path) -> Result<()> {
    let fail = |e: std::io::Error| UserError::cannot_read(path, &e);
    let mut file = File::open(path).map_err(fail)?;
    let length = file.metadata().map_err(fail)?.len();
    let mut begin = Vec::new();
    Read::by_ref(&mut file).take(BEGIN as u64).read_to_end(&mut begin).map_err(fail)?;
    if declared_length(&begin) == Some(length) {
        return Ok(());
    }
    Err(UserError::bad_data("damaged-record", "the record of a simulation is cut off")
        .file(path)
        .found(format!("{length} bytes"))
        .mend("remove this file and run the command again: the simulation is made anew"))
}
