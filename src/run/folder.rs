//! The run folder: config, manifest, journal, checkpoints, results; one writer at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicFile, Result, UserError, digest};
use serde::Serialize;

use super::checkpoint::Checkpoint;
use super::manifest::RunManifest;
use super::recorder::Recorder;
use super::store::{BestBy, CheckpointStore};

const CONFIG: &str = "config.toml";
const MANIFEST: &str = "manifest.json";
const LOCK: &str = ".lock";

/// A run folder, open for reading, or for writing while it holds the lock.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    config: String,
    manifest: RunManifest,
    /// Held until the folder is dropped or the process ends, however it ends.
    lock: Option<File>,
}

impl RunFolder {
    /// Begins a run in `path`, which must not exist or be empty, with its fully resolved `config` (TOML text).
    ///
    /// The manifest is made by `describe`, which is given the folder so that inputs can be stored relative to it.
    ///
    /// # Errors
    /// `not-empty` if the folder holds anything, `run-locked` if another process writes to it.
    pub fn create(path: &Path, config: &str, describe: impl FnOnce(&Path) -> Result<RunManifest>) -> Result<Self> {
        refuse_taken(path)?;
        fs::create_dir_all(path).map_err(|e| UserError::cannot_write(path, &e))?;
        let lock = lock(path)?;
        // Once more, now that no one else can begin a run here.
        refuse_taken(path)?;
        let mut manifest = describe(path)?;
        manifest.config_sha256 = sha256(config);
        AtomicFile::write(&path.join(CONFIG), config.as_bytes())?;
        let text = serde_json::to_string_pretty(&manifest).expect("manifests are plain data with text keys");
        AtomicFile::write(&path.join(MANIFEST), format!("{text}\n").as_bytes())?;
        Ok(Self { path: path.to_path_buf(), config: config.into(), manifest, lock: Some(lock) })
    }

    /// Opens a run for reading; it may be under way.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join(MANIFEST).is_file() {
            let problem = if path.is_dir() { "is not a run folder: it has no `manifest.json`" } else { "is no folder" };
            return Err(UserError::bad_data("not-a-run", problem).file(path).mend("name a folder that `--run` wrote"));
        }
        let manifest = RunManifest::read(&path.join(MANIFEST))?;
        let config_path = path.join(CONFIG);
        let config = fs::read_to_string(&config_path).map_err(|e| UserError::cannot_read(&config_path, &e))?;
        if sha256(&config) != manifest.config_sha256 {
            return Err(UserError::bad_data("config-changed", "was changed since the run began")
                .file(config_path)
                .mend("put the original back; to try other values, start a new run with a copy of it"));
        }
        Ok(Self { path: path.to_path_buf(), config, manifest, lock: None })
    }

    /// Opens a run to go on with it. A `config` that is given must be the run's own; every input must be what it was.
    ///
    /// # Errors
    /// `config-mismatch` with the first line that differs, `input-changed`, `run-locked`; else as [`RunFolder::open`].
    pub fn resume(path: &Path, config: Option<&str>) -> Result<Self> {
        let mut run = Self::open(path)?;
        if let Some(given) = config {
            run.same_config(given)?;
        }
        run.lock = Some(lock(path)?);
        run.check_inputs()?;
        Ok(run)
    }

    /// Checks that every file the run was made from is what it was.
    ///
    /// # Errors
    /// `input-changed`, or an input that cannot be read.
    pub fn check_inputs(&self) -> Result<()> {
        self.manifest.inputs.iter().try_for_each(|input| input.check(&self.path).map(drop))
    }

    fn same_config(&self, given: &str) -> Result<()> {
        if given == self.config {
            return Ok(());
        }
        let (mut ours, mut theirs) = (self.config.lines(), given.lines());
        let mut number = 0;
        let (stored, wanted) = loop {
            number += 1;
            match (ours.next(), theirs.next()) {
                (Some(a), Some(b)) if a == b => {}
                (a, b) => break (a.unwrap_or("the end of the file"), b.unwrap_or("the end of the file")),
            }
        };
        Err(UserError::bad_data("config-mismatch", "the run was begun with another config")
            .file(self.path.join(CONFIG))
            .line(number)
            .found(wanted)
            .expected(format!("`{stored}`, as the run has it"))
            .mend("leave the config out to resume with the run's own, or start a new run"))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved config as TOML text.
    pub fn config(&self) -> &str {
        &self.config
    }

    /// What the run was made from.
    pub fn manifest(&self) -> &RunManifest {
        &self.manifest
    }

    /// Whether this process may write to the run.
    pub fn is_writer(&self) -> bool {
        self.lock.is_some()
    }

    /// The run's checkpoints.
    pub fn checkpoints(&self, keep_last: usize, best_by: BestBy) -> Result<CheckpointStore> {
        CheckpointStore::new(&self.path.join("checkpoints"), keep_last, best_by)
    }

    /// Journal and event file, cut back to what `from` knows; with none they begin anew.
    pub fn recorder(&self, from: Option<&Checkpoint>) -> Result<Recorder> {
        self.writer()?;
        Recorder::open(&self.path, from.map_or(0, |checkpoint| checkpoint.manifest.journal_lines))
    }

    /// Writes a result as JSON to `results/NAME.json`.
    pub fn write_result(&self, name: &str, value: &impl Serialize) -> Result<PathBuf> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|e| UserError::failed("result", format!("the result `{name}` has no JSON form: {e}")))?;
        let folder = self.path.join("results");
        fs::create_dir_all(&folder).map_err(|e| UserError::cannot_write(&folder, &e))?;
        let path = folder.join(format!("{name}.json"));
        AtomicFile::write(&path, format!("{text}\n").as_bytes())?;
        Ok(path)
    }

    fn writer(&self) -> Result<()> {
        if self.is_writer() {
            return Ok(());
        }
        Err(UserError::failed("read-only", "the run is open for reading only").file(&self.path))
    }
}

/// An error if `path` holds anything but a lock.
fn refuse_taken(path: &Path) -> Result<()> {
    let taken = match fs::read_dir(path) {
        Ok(entries) => entries.flatten().any(|entry| entry.file_name() != LOCK),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => false,
        Err(e) => return Err(UserError::cannot_write(path, &e)),
    };
    if !taken {
        return Ok(());
    }
    let mend = if path.join(MANIFEST).is_file() {
        "it holds a run: add `--resume` to go on with it, or name a new folder"
    } else {
        "name a new folder, or remove this one first"
    };
    Err(UserError::usage("not-empty", "already exists and is not empty").file(path).mend(mend))
}

/// Takes the folder's lock; the system frees it when the process ends, also when it is killed.
fn lock(path: &Path) -> Result<File> {
    let lock_path = path.join(LOCK);
    let cannot = |e: std::io::Error| UserError::cannot_write(&lock_path, &e);
    let mut file = OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&lock_path).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let owner = fs::read_to_string(&lock_path).unwrap_or_default();
            return Err(UserError::failed("run-locked", "another process writes to this run")
                .file(path)
                .found(format!("process {}", owner.trim()))
                .mend("wait until it ends, or end it"));
        }
        Err(TryLockError::Error(e)) => return Err(cannot(e)),
    }
    file.set_len(0).map_err(cannot)?;
    file.write_all(std::process::id().to_string().as_bytes()).map_err(cannot)?;
    Ok(file)
}

/// SHA-256 of a config's text.
fn sha256(text: &str) -> String {
    digest::sha256_reader(text.as_bytes()).expect("memory is always readable")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::journal;
    use crate::run::{InputFile, Record};

    fn begin(path: &Path) -> Result<RunFolder> {
        RunFolder::create(path, "lr = 0.1\nepochs = 3\n", |_| Ok(RunManifest::new("test", 7)))
    }

    #[test]
    fn a_folder_that_holds_anything_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("precious"), b"data").unwrap();
        let error = begin(dir.path()).unwrap_err();
        assert_eq!((error.code(), error.exit_code()), ("not-empty", 2));
        let run = dir.path().join("deep/run");
        drop(begin(&run).unwrap());
        assert!(begin(&run).unwrap_err().to_string().contains("--resume"));
    }

    #[test]
    fn two_writers_are_refused_and_a_reader_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let first = begin(dir.path()).unwrap();
        let error = RunFolder::resume(dir.path(), None).unwrap_err();
        assert_eq!((error.code(), error.exit_code()), ("run-locked", 1));
        let reader = RunFolder::open(dir.path()).unwrap();
        assert_eq!(reader.manifest().seed, 7);
        assert_eq!(reader.recorder(None).unwrap_err().code(), "read-only");
        drop(first);
        assert!(RunFolder::resume(dir.path(), None).unwrap().is_writer());
    }

    #[test]
    fn another_config_is_refused_with_the_line_that_differs() {
        let dir = tempfile::tempdir().unwrap();
        drop(begin(dir.path()).unwrap());
        RunFolder::resume(dir.path(), Some("lr = 0.1\nepochs = 3\n")).unwrap();
        let error = RunFolder::resume(dir.path(), Some("lr = 0.1\nepochs = 4\n")).unwrap_err();
        assert_eq!((error.code(), error.exit_code(), error.line_number()), ("config-mismatch", 3, Some(2)));
        fs::write(dir.path().join("config.toml"), "lr = 1").unwrap();
        assert_eq!(RunFolder::open(dir.path()).unwrap_err().code(), "config-changed");
    }

    #[test]
    fn a_resume_checks_the_inputs() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("circuit.h5");
        fs::write(&input, b"one").unwrap();
        let run = dir.path().join("run");
        let describe = |run: &Path| {
            let mut manifest = RunManifest::new("test", 7);
            manifest.inputs.push(InputFile::describe("circuit", &input, run)?);
            Ok(manifest)
        };
        drop(RunFolder::create(&run, "", describe).unwrap());
        drop(RunFolder::resume(&run, None).unwrap());
        fs::write(&input, b"two").unwrap();
        assert_eq!(RunFolder::resume(&run, None).unwrap_err().code(), "input-changed");
    }

    #[test]
    fn a_resumed_run_has_the_journal_of_an_uninterrupted_one() {
        let dir = tempfile::tempdir().unwrap();
        let line = |step: u64| Record::new("train", 0, step).value("loss", 1.0 / (step + 1) as f64).seconds("step", 0.1);
        let whole = begin(&dir.path().join("whole")).unwrap();
        let mut recorder = whole.recorder(None).unwrap();
        (0..6).for_each(|step| recorder.record(&line(step)).unwrap());
        let killed = begin(&dir.path().join("killed")).unwrap();
        let mut recorder = killed.recorder(None).unwrap();
        let mut checkpoint = Checkpoint::new("test", 7, "c");
        for step in 0..5 {
            if step == 3 {
                checkpoint.manifest.journal_lines = recorder.mark().unwrap();
            }
            recorder.record(&line(step)).unwrap();
        }
        drop(killed);
        let resumed = RunFolder::resume(&dir.path().join("killed"), None).unwrap();
        let mut recorder = resumed.recorder(Some(&checkpoint)).unwrap();
        (3..6).for_each(|step| recorder.record(&line(step)).unwrap());
        let timeless = |run: &RunFolder| -> Vec<Record> {
            journal::read(&run.path().join("journal.jsonl")).unwrap().into_iter().map(Record::timeless).collect()
        };
        assert_eq!(timeless(&whole), timeless(&resumed));
        let scalars = |run: &RunFolder| -> Vec<(u64, f32)> {
            let file = run.path().join(crate::run::tensorboard::FILE_NAME);
            crate::run::tensorboard::read(&file).unwrap().into_iter().map(|s| (s.step, s.value)).collect()
        };
        assert_eq!(scalars(&whole), scalars(&resumed));
    }
}
