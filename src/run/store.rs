//! The folder of checkpoints: which is the last, which the best, which are kept.
//!
//! Files are called `step-000000001234.safetensors`. Two small text files, `last` and `best`, name one of them each. A checkpoint is
//! written first, then `best`, then `last`, and only then are older files removed: killed at any moment, `last` names a whole file.

use std::fs;
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicFile, Result, UserError};
use serde::{Deserialize, Serialize};

use super::checkpoint::{Checkpoint, CheckpointManifest};

/// The metric that decides which checkpoint is best.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BestBy {
    /// Name of the metric in the checkpoint's `metrics`.
    pub metric: String,
    /// Whether more of it is better.
    pub higher_is_better: bool,
}

/// The best step so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// Its step.
    pub step: u64,
    /// Its value of the metric.
    pub value: f64,
}

/// The checkpoints of one run.
#[derive(Debug)]
pub struct CheckpointStore {
    folder: PathBuf,
    keep_last: usize,
    best_by: BestBy,
    best: Option<Best>,
}

impl CheckpointStore {
    /// The store in `folder`; the last `keep_last` checkpoints (at least one) and the best are kept.
    pub fn new(folder: &Path, keep_last: usize, best_by: BestBy) -> Result<Self> {
        Ok(Self { folder: folder.to_path_buf(), keep_last: keep_last.max(1), best_by, best: None })
    }

    /// Saves a checkpoint; it becomes the last one, and the best if its metric is better than every one before (the first of equals
    /// stays). Returns its path and whether it is the best. Metrics that are missing or not finite are never the best.
    ///
    /// # Errors
    /// As [`Checkpoint::encode`]; and if the disk is full, after which the checkpoints before are as they were.
    pub fn save(&mut self, checkpoint: &mut Checkpoint) -> Result<(PathBuf, bool)> {
        let manifest = &mut checkpoint.manifest;
        let value = manifest.metrics.get(&self.best_by.metric).copied().flatten().filter(|v| v.is_finite());
        let better = |new: f64| match &self.best {
            None => true,
            Some(best) if self.best_by.higher_is_better => new > best.value,
            Some(best) => new < best.value,
        };
        let new_best = value.filter(|&v| better(v)).map(|value| Best { step: manifest.step, value });
        let is_best = new_best.is_some();
        let best = new_best.or_else(|| self.best.clone());
        manifest.best.clone_from(&best);
        let manifest_step = manifest.step;
        let name = file_name(manifest_step);
        let path = self.folder.join(&name);
        // Made by the first who writes, so that a run can be read from a folder that may not be written to.
        fs::create_dir_all(&self.folder).map_err(|e| UserError::cannot_write(&self.folder, &e))?;
        checkpoint.write(&path)?;
        self.best = best;
        if is_best {
            self.point("best", &name)?;
        }
        self.point("last", &name)?;
        self.prune(manifest_step)?;
        Ok((path, is_best))
    }

    /// The last checkpoint, read and verified; none if there is none yet.
    ///
    /// # Errors
    /// If it is damaged; the mend names the one before it.
    pub fn load_last(&self) -> Result<Option<Checkpoint>> {
        let Some(path) = self.last()? else { return Ok(None) };
        Checkpoint::read(&path).map(Some).map_err(|error| {
            let before = self.list().ok().and_then(|all| all.into_iter().rev().find(|other| *other < path));
            match before {
                Some(other) => error.mend(format!("use the one before: remove this file and resume from `{}`", shown(&other))),
                None => error.mend("there is no checkpoint before it: remove it and start again"),
            }
        })
    }

    /// Path of the last checkpoint: the one `last` names, or the one of the highest step if that file is gone.
    pub fn last(&self) -> Result<Option<PathBuf>> {
        Ok(match self.pointed("last") {
            Some(path) => Some(path),
            None => self.list()?.pop(),
        })
    }

    /// Path of the best checkpoint; none if none had a metric yet.
    pub fn best(&self) -> Option<PathBuf> {
        self.pointed("best")
    }

    /// The best step so far.
    pub fn best_so_far(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    /// Forgets the best step if it is not after `step`: what follows is measured otherwise. The file stays until there is a new best.
    pub fn forget_best_until(&mut self, step: u64) {
        self.best.take_if(|best| best.step <= step);
    }

    /// Goes back to what `manifest` knows: its best, and no half-written files. For the holder of the run's lock.
    pub fn restore(&mut self, manifest: &CheckpointManifest) -> Result<()> {
        self.best.clone_from(&manifest.best);
        self.remove_leftovers();
        self.point("last", &file_name(manifest.step))?;
        match &self.best {
            Some(best) if self.folder.join(file_name(best.step)).is_file() => self.point("best", &file_name(best.step)),
            Some(best) => {
                tracing::warn!("the best checkpoint (step {}) is gone; the next better one takes its place", best.step);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Removes what writes of killed processes left: half a checkpoint serves no one.
    fn remove_leftovers(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') && name.contains(".tmp-") {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// All checkpoints by step.
    pub fn list(&self) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(UserError::cannot_read(&self.folder, &e)),
        };
        let mut found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| step_of(p).is_some()).collect();
        found.sort_unstable_by_key(|path| step_of(path));
        Ok(found)
    }

    fn pointed(&self, pointer: &str) -> Option<PathBuf> {
        let name = fs::read_to_string(self.folder.join(pointer)).ok()?;
        let path = self.folder.join(name.trim());
        (step_of(&path).is_some() && path.is_file()).then_some(path)
    }

    fn point(&self, pointer: &str, name: &str) -> Result<()> {
        AtomicFile::write(&self.folder.join(pointer), format!("{name}\n").as_bytes())
    }

    /// Removes all but the last `keep_last` up to `step`, and the best. Later ones, from before a resume, are written again.
    fn prune(&self, step: u64) -> Result<()> {
        let mut all = self.list()?;
        all.retain(|path| step_of(path).is_some_and(|s| s <= step));
        let best = self.best();
        let old = all.len().saturating_sub(self.keep_last);
        for path in all[..old].iter().filter(|p| Some(*p) != best.as_ref()) {
            if let Err(e) = fs::remove_file(path) {
                tracing::warn!("{} could not be removed: {e}", path.display());
            }
        }
        Ok(())
    }
}

fn file_name(step: u64) -> String {
    format!("step-{step:012}.safetensors")
}

fn step_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()
}

fn shown(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::TensorData;

    fn by_accuracy() -> BestBy {
        BestBy { metric: "accuracy".into(), higher_is_better: true }
    }

    fn at(step: u64, accuracy: Option<f64>) -> Checkpoint {
        let mut checkpoint = Checkpoint::new("test", 1, "c");
        checkpoint.manifest.step = step;
        checkpoint.manifest.metrics.insert("accuracy".into(), accuracy);
        checkpoint.tensors.insert("param/w".into(), TensorData::vector(&[step as f32]));
        checkpoint
    }

    fn names(store: &CheckpointStore) -> Vec<u64> {
        store.list().unwrap().iter().filter_map(|p| step_of(p)).collect()
    }

    #[test]
    fn the_last_two_and_the_best_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = CheckpointStore::new(dir.path(), 2, by_accuracy()).unwrap();
        let was_best: Vec<bool> =
            [(1, Some(0.2)), (2, Some(0.9)), (3, Some(0.9)), (4, Some(f64::NAN)), (5, None), (6, Some(0.5))]
                .map(|(step, accuracy)| store.save(&mut at(step, accuracy)).unwrap().1)
                .to_vec();
        assert_eq!(was_best, [true, true, false, false, false, false]);
        assert_eq!(names(&store), [2, 5, 6]);
        assert_eq!(step_of(&store.best().unwrap()), Some(2));
        assert_eq!(step_of(&store.last().unwrap().unwrap()), Some(6));
        assert_eq!(store.load_last().unwrap().unwrap().manifest.best, Some(Best { step: 2, value: 0.9 }));
    }

    #[test]
    fn a_damaged_last_checkpoint_names_the_one_before_and_resumes_from_it_once_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = CheckpointStore::new(dir.path(), 3, by_accuracy()).unwrap();
        store.save(&mut at(7, None)).unwrap();
        let (last, _) = store.save(&mut at(8, None)).unwrap();
        let mut bytes = fs::read(&last).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&last, bytes).unwrap();
        let error = store.load_last().unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert_eq!(error.path(), Some(last.as_path()));
        assert!(error.to_string().contains("use the one before") && error.to_string().contains("step-000000000007"), "{error}");
        fs::remove_file(&last).unwrap();
        assert_eq!(store.load_last().unwrap().unwrap().manifest.step, 7);
    }

    #[test]
    fn after_going_back_the_new_checkpoint_is_the_last_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = CheckpointStore::new(dir.path(), 2, by_accuracy()).unwrap();
        let mut first = at(10, None);
        store.save(&mut first).unwrap();
        store.save(&mut at(20, None)).unwrap();
        store.restore(&first.manifest).unwrap();
        let mut again = CheckpointStore::new(dir.path(), 1, by_accuracy()).unwrap();
        again.restore(&first.manifest).unwrap();
        again.save(&mut at(15, None)).unwrap();
        assert_eq!(step_of(&again.last().unwrap().unwrap()), Some(15));
        again.save(&mut at(20, None)).unwrap();
        assert_eq!(names(&again), [20]);
    }

    #[test]
    fn a_restored_store_knows_the_best_of_its_checkpoint_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = CheckpointStore::new(dir.path(), 3, by_accuracy()).unwrap();
        store.save(&mut at(1, Some(0.6))).unwrap();
        let mut second = at(2, Some(0.4));
        store.save(&mut second).unwrap();
        store.save(&mut at(3, Some(0.8))).unwrap();
        fs::write(dir.path().join(".step-000000000004.safetensors.tmp-1-0"), b"half").unwrap();
        let mut again = CheckpointStore::new(dir.path(), 3, by_accuracy()).unwrap();
        again.restore(&second.manifest).unwrap();
        assert_eq!(step_of(&again.best().unwrap()), Some(1));
        assert_eq!(step_of(&again.last().unwrap().unwrap()), Some(2));
        assert!(!dir.path().join(".step-000000000004.safetensors.tmp-1-0").exists());
    }
}
