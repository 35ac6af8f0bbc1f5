//! One writer at a time: a lock that ends with the process that holds it, however it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};

/// Name of the locked file in the journal.
pub(super) const NAME: &str = "lock";
/// How often a folder that another run just removes is made anew.
const TRIES: usize = 100;

/// A lock that is held.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Takes the lock in `folder`, which is made if there is none.
    ///
    /// # Errors
    /// `set-in-use` if another run holds it; a failed write.
    pub(super) fn take(folder: &Path, target: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        for _ in 0..TRIES {
            match fs::create_dir(folder) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(UserError::cannot_write(folder, &e)),
                _ => {}
            }
            let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = match opened {
                Ok(file) => file,
                // The folder was removed after the line above.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(UserError::cannot_write(&path, &e)),
            };
            match file.try_lock() {
                // Some file systems of clusters know no locks: then nothing keeps two runs apart, as nothing ever could.
                Ok(()) | Err(TryLockError::Error(_)) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    let _ = file.read_to_string(&mut holder);
                    return Err(in_use(target, holder.trim()));
                }
            }
            if still_there(&path, &file) {
                // For whoever is kept out; who holds the lock is the kernel's to say.
                let _ = file.set_len(0).and_then(|()| writeln!(file, "process {}", std::process::id()));
                return Ok(Self { path, file });
            }
        }
        Err(in_use(target, ""))
    }

    /// Removes the locked file, then lets go.
    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)?;
        drop(self.file);
        Ok(())
    }
}

fn in_use(target: &Path, holder: &str) -> UserError {
    let error = UserError::failed("set-in-use", "another run is writing this set").file(target);
    let error = if holder.is_empty() { error } else { error.found(holder) };
    error.mend("wait until it ends, or end it: what it has finished is kept")
}

/// Whether the file is the one of that name, and not one that another run has removed since.
#[cfg(unix)]
fn still_there(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let key = |m: fs::Metadata| (m.dev(), m.ino());
    fs::metadata(path).ok().map(key) == file.metadata().ok().map(key)
}

#[cfg(not(unix))]
fn still_there(path: &Path, _: &File) -> bool {
    path.exists()
}
