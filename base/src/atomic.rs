//! Files and folders that appear whole or not at all.
//!
//! Data go to `.<name>.tmp-<pid>-<n>` beside the target (exclusive create), are flushed and synced, and only then renamed
//! over it; the folder is synced last. A failed or dropped write removes its temporary and leaves the old file untouched.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Result, UserError};

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// The temporary path beside `target`, unique in this process.
fn beside(target: &Path) -> Result<PathBuf> {
    let Some(name) = target.file_name() else {
        return Err(UserError::usage("no-file-name", "names no file").file(target).mend("give a file name to write"));
    };
    report_leftovers(target, &name.to_string_lossy());
    let n = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = format!(".{}.tmp-{}-{n}", name.to_string_lossy(), std::process::id());
    Ok(parent(target).join(name))
}

/// Warns of temporaries of `name` that a killed process left behind. They are not removed: they may be all that is left of
/// hours of work.
fn report_leftovers(target: &Path, name: &str) {
    for left in leftovers(parent(target), name) {
        tracing::warn!("{} was left by a run that was killed; it can be removed", left.display());
    }
}

/// Temporaries of `name` in `folder` whose process runs no more; none where processes cannot be listed.
fn leftovers(folder: &Path, name: &str) -> Vec<PathBuf> {
    let prefix = format!(".{name}.tmp-");
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let dead = |file: &str| {
        let pid = file.strip_prefix(&prefix)?.split('-').next()?.parse::<u32>().ok()?;
        (Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{pid}")).exists()).then_some(())
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|n| dead(&n.to_string_lossy()).is_some()))
        .collect();
    found.sort_unstable();
    found
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(parent(path))?.sync_all()
}

/// A file under way to its final name.
///
/// # Example
/// ```
/// use std::io::Write;
/// # let dir = tempfile::tempdir().unwrap();
/// let target = dir.path().join("result.json");
/// let mut file = kenyon_base::AtomicFile::create(&target)?;
/// file.write_all(b"{}").unwrap();
/// assert!(!target.exists());
/// file.commit()?;
/// assert_eq!(std::fs::read(&target).unwrap(), b"{}");
/// # Ok::<(), kenyon_base::UserError>(())
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    temporary: PathBuf,
    file: Option<File>,
}

impl AtomicFile {
    /// Opens the temporary for `target`.
    pub fn create(target: &Path) -> Result<Self> {
        if target.is_dir() {
            return Err(UserError::usage("is-a-directory", "is a folder").file(target).mend("name a file to write"));
        }
        let temporary = beside(target)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&temporary)
            .map_err(|e| UserError::cannot_write(target, &e))?;
        Ok(Self { target: target.to_path_buf(), temporary, file: Some(file) })
    }

    /// Writes `bytes` to `target` in one go.
    pub fn write(target: &Path, bytes: &[u8]) -> Result<()> {
        let mut file = Self::create(target)?;
        file.write_all(bytes).map_err(|e| UserError::cannot_write(target, &e))?;
        file.commit()
    }

    /// Where the data are written until [`commit`](Self::commit).
    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    fn open_file(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::Error::other("already committed"))
    }

    /// Syncs the data and renames them over the target.
    pub fn commit(mut self) -> Result<()> {
        let target = self.target.clone();
        let failed = |e: io::Error| UserError::cannot_write(&target, &e);
        self.open_file().and_then(|f| f.sync_all()).map_err(failed)?;
        fs::rename(&self.temporary, &self.target).map_err(failed)?;
        self.file = None;
        sync_folder(&self.target).map_err(failed)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open_file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open_file()?.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Best effort: a leftover temporary is harmless, an error here has no one to tell.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// A folder under way to its final name; all files first, then one rename.
#[derive(Debug)]
pub struct AtomicDir {
    target: PathBuf,
    temporary: PathBuf,
    committed: bool,
}

impl AtomicDir {
    /// Opens the temporary for `target`, which must not exist or be an empty folder.
    pub fn create(target: &Path) -> Result<Self> {
        if target.is_file() {
            return Err(UserError::usage("not-a-folder", "is a file").file(target).mend("name a folder to write"));
        }
        let taken = match fs::read_dir(target) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) => target.exists(),
        };
        if taken {
            return Err(UserError::usage("not-empty", "already exists and is not empty")
                .file(target)
                .mend("name a new folder, or remove this one first"));
        }
        let temporary = beside(target)?;
        fs::create_dir(&temporary).map_err(|e| UserError::cannot_write(target, &e))?;
        Ok(Self { target: target.to_path_buf(), temporary, committed: false })
    }

    /// The folder to write into until [`commit`](Self::commit).
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Renames the folder to its final name.
    pub fn commit(mut self) -> Result<()> {
        let failed = |e: io::Error| UserError::cannot_write(&self.target, &e);
        File::open(&self.temporary).and_then(|d| d.sync_all()).map_err(failed)?;
        fs::rename(&self.temporary, &self.target).map_err(failed)?;
        sync_folder(&self.target).map_err(failed)?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for AtomicDir {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_dir_all(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_write_leaves_the_old_file_and_no_temporary() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let target = dir.path().join("a.txt");
        AtomicFile::write(&target, b"old").expect("written");
        let mut file = AtomicFile::create(&target).expect("opened");
        file.write_all(b"half of the n").expect("written");
        drop(file);
        assert_eq!(fs::read(&target).expect("still there"), b"old");
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_found() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        // Above the largest process number that Linux gives.
        let left = dir.path().join(".a.h5.tmp-4194999-0");
        for name in
            [left.clone(), dir.path().join(format!(".a.h5.tmp-{}-7", std::process::id())), dir.path().join(".b.h5.tmp-4194999-0")]
        {
            fs::write(name, b"half").expect("written");
        }
        assert_eq!(leftovers(dir.path(), "a.h5"), [left]);
    }

    #[test]
    fn a_folder_that_holds_something_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::write(dir.path().join("precious"), b"data").expect("written");
        let error = AtomicDir::create(dir.path()).expect_err("the folder is not empty");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn a_missing_parent_folder_is_an_error_that_names_the_target() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let target = dir.path().join("no/such/file");
        let error = AtomicFile::create(&target).expect_err("there is no parent");
        assert_eq!(error.path(), Some(target.as_path()));
    }
}
