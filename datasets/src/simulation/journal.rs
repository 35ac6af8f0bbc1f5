//! A folder of finished simulations beside the file they will become.
//!
//! ```text
//! set.h5.journal/lock                   held by the run that writes the set
//! set.h5.journal/set.json               what the set is; never changes
//! set.h5.journal/train/0000/0000012.sim one finished simulation with its checksum
//! ```
//!
//! A record appears by one rename, which is its mark of being finished: a run that is killed at any moment leaves whole
//! records alone, and the next run makes what is missing. A record that has changed since is put aside and made anew.

mod lock;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicFile, Result, UserError};
use rayon::prelude::*;

use super::about::SetAbout;
use super::plan::{Item, Shard};
use super::record::{Record, sound};
use super::spec::Part;
use lock::Lock;

/// Records per folder.
const FOLDER: u32 = 256;

/// The journal of a set under way; no other process writes it while it lives.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    lock: Lock,
}

/// What a journal holds when a run begins.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Sound records.
    pub(super) items: BTreeSet<Item>,
    /// Damaged records, where they were put.
    pub(super) damaged: Vec<PathBuf>,
}

/// Which set a journal is of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// None yet.
    No,
    /// The one that was asked for, begun at this moment.
    This { created: String },
    /// Another one.
    Another,
}

/// What a journal says of its set.
fn words(about: &SetAbout, shard: Shard) -> String {
    serde_json::to_string_pretty(&serde_json::json!({ "shard": shard.to_string(), "set": about })).expect("plain data")
}

impl Journal {
    /// Where the journal of `target` lies.
    pub(super) fn beside(target: &Path) -> PathBuf {
        with_end(target, ".journal")
    }

    /// Makes the folder of the journal, or takes the one that is there; other runs are kept out from now on.
    pub(super) fn open(target: &Path) -> Result<Self> {
        let folder = Self::beside(target);
        let lock = Lock::take(&folder, target)?;
        Ok(Self { folder, lock })
    }

    /// Begins a set, or goes on with the one that is there; returns what the journal holds.
    ///
    /// The moment a set was begun is that of its first run: `about` gets it.
    pub(super) fn begin(&self, about: &mut SetAbout, shard: Shard) -> Result<Held> {
        match self.begun(about, shard)? {
            Begun::No => AtomicFile::write(&self.head(), words(about, shard).as_bytes())?,
            Begun::This { created } => about.created = created,
            Begun::Another => {
                return Err(UserError::usage("other-journal", "the journal beside the target is that of another set")
                    .file(&self.folder)
                    .mend("give the recipe it was begun with, another target, or remove the journal"));
            }
        }
        self.scan()
    }

    /// Which set the journal is of.
    pub(super) fn begun(&self, about: &SetAbout, shard: Shard) -> Result<Begun> {
        let head = self.head();
        let found = match fs::read_to_string(&head) {
            Ok(found) => found,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Begun::No),
            Err(e) => return Err(UserError::cannot_read(&head, &e)),
        };
        let value: Option<serde_json::Value> = serde_json::from_str(&found).ok();
        let Some(created) = value.as_ref().and_then(|value| value["set"]["created"].as_str()) else {
            return Err(damaged(&head));
        };
        let about = SetAbout { created: created.into(), ..about.clone() };
        Ok(if found == words(&about, shard) { Begun::This { created: about.created } } else { Begun::Another })
    }

    fn head(&self) -> PathBuf {
        self.folder.join("set.json")
    }

    fn path(&self, item: Item) -> PathBuf {
        record_path(&self.folder, item)
    }

    /// The records there are, each checked against its checksum; damaged ones are put aside.
    fn scan(&self) -> Result<Held> {
        let mut held = Held::default();
        for (item, path, whole) in records(&self.folder)? {
            if whole {
                held.items.insert(item);
            } else {
                let aside = with_end(&path, ".damaged");
                fs::rename(&path, &aside).map_err(|e| UserError::cannot_write(&aside, &e))?;
                held.damaged.push(aside);
            }
        }
        Ok(held)
    }

    pub(super) fn write(&self, record: &Record) -> Result<()> {
        let path = self.path(record.item);
        // Not the journal itself: one that was removed under way is no journal any more.
        for folder in [self.folder.join(record.item.part.name()), path.parent().expect("in a folder").to_path_buf()] {
            match fs::create_dir(&folder) {
                Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(UserError::cannot_write(&folder, &e)),
                _ => {}
            }
        }
        AtomicFile::write(&path, &record.encode())
    }

    pub(super) fn read(&self, item: Item) -> Result<Record> {
        read_record(&self.folder, item)
    }

    /// Removes the journal: the set is written. The lock goes last, so that a set whose journal is half gone can be told.
    pub(super) fn remove(self) -> Result<()> {
        let fail = |path: &Path, e: &std::io::Error| {
            UserError::cannot_write(path, e).mend("the set is complete: remove what is left of its journal")
        };
        for path in entries(&self.folder)? {
            let removed = match path.file_name() {
                Some(name) if name == lock::NAME => continue,
                _ if path.is_dir() => fs::remove_dir_all(&path),
                _ => fs::remove_file(&path),
            };
            removed.map_err(|e| fail(&path, &e))?;
        }
        self.lock.remove().map_err(|e| fail(&self.folder, &e))?;
        match fs::remove_dir(&self.folder) {
            // Another run came in the moment the lock was gone; it will find the set.
            Err(e) if e.kind() == std::io::ErrorKind::DirectoryNotEmpty => Ok(()),
            done => done.map_err(|e| fail(&self.folder, &e)),
        }
    }
}

/// What a journal says and holds, looked at from outside: nothing in it changes, and a run may go on writing it.
#[derive(Debug)]
pub(super) struct View {
    folder: PathBuf,
    pub(super) about: SetAbout,
    pub(super) shard: Shard,
    /// Sound records, in order.
    pub(super) items: Vec<Item>,
}

impl View {
    /// Looks at the journal beside `target`.
    ///
    /// # Errors
    /// `no-journal`, `damaged-journal`, or a failed read.
    pub(super) fn of(target: &Path) -> Result<Self> {
        let folder = Journal::beside(target);
        let head = folder.join("set.json");
        let text = fs::read_to_string(&head).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                UserError::bad_data("no-journal", "no run that makes this set has begun, or it has ended")
                    .file(&folder)
                    .mend("name the set that a run was told to write with `-o`")
            }
            _ => UserError::cannot_read(&head, &e),
        })?;
        let (shard, about) = said(&text).ok_or_else(|| damaged(&head))?;
        let sound = records(&folder)?.into_iter().filter(|(.., whole)| *whole);
        Ok(Self { items: sound.map(|(item, ..)| item).collect(), folder, about, shard })
    }

    pub(super) fn read(&self, item: Item) -> Result<Record> {
        read_record(&self.folder, item)
    }
}

/// The set that a journal's head describes.
fn said(text: &str) -> Option<(Shard, SetAbout)> {
    let mut head: serde_json::Value = serde_json::from_str(text).ok()?;
    Some((head["shard"].as_str()?.parse().ok()?, serde_json::from_value(head["set"].take()).ok()?))
}

fn damaged(head: &Path) -> UserError {
    UserError::bad_data("damaged-journal", "does not describe a set").file(head).mend("remove the journal and begin again")
}

fn record_path(folder: &Path, item: Item) -> PathBuf {
    folder.join(item.part.name()).join(format!("{:04}", item.index / FOLDER)).join(format!("{:07}.sim", item.index))
}

/// The records of a journal in order, and whether each is whole.
fn records(folder: &Path) -> Result<Vec<(Item, PathBuf, bool)>> {
    let mut files = Vec::new();
    for part in Part::ALL {
        for block in entries(&folder.join(part.name()))? {
            for path in entries(&block)? {
                let stem = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".sim"));
                // Anything else is a temporary of a run that was killed, or not ours.
                let Some(index) = stem.and_then(|s| s.parse().ok()) else { continue };
                let item = Item { part, index };
                if record_path(folder, item) == path {
                    files.push((item, path));
                }
            }
        }
    }
    files.sort_unstable();
    let whole = |(item, path): (Item, PathBuf)| {
        let bytes = fs::read(&path).map_err(|e| UserError::cannot_read(&path, &e))?;
        let whole = sound(&bytes).is_ok_and(|(found, _)| found == item);
        Ok((item, path, whole))
    };
    files.into_par_iter().map(whole).collect()
}

fn read_record(folder: &Path, item: Item) -> Result<Record> {
    let path = record_path(folder, item);
    let bytes = fs::read(&path).map_err(|e| UserError::cannot_read(&path, &e))?;
    let record = Record::decode(&bytes, &path)?;
    if record.item != item {
        return Err(UserError::bad_data("damaged-record", "the record is that of another simulation")
            .file(&path)
            .mend("run the command again: the simulation is made anew"));
    }
    Ok(record)
}

/// A path with more at the end of its name.
fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name: OsString = path.file_name().unwrap_or_default().to_os_string();
    name.push(end);
    path.with_file_name(name)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |e: &std::io::Error| UserError::cannot_read(folder, e);
    match fs::read_dir(folder) {
        Ok(list) => list.map(|entry| entry.map(|e| e.path()).map_err(|e| fail(&e))).collect(),
        // A file that is not ours may lie where folders are.
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(e) => Err(fail(&e)),
    }
}
