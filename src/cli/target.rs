//! A file to be written: never one that the same command reads.

use std::fs;
use std::path::Path;

use kenyon_base::{Result, UserError};

use super::context::Context;

/// A file that a command will write.
#[derive(Debug)]
pub(super) struct Target<'a> {
    path: &'a Path,
    existed: bool,
}

impl<'a> Target<'a> {
    /// Checks `path` against the files that the command reads.
    ///
    /// # Errors
    /// `output-is-input` if it is one of them, also by another path or a link.
    pub(super) fn new<'b>(path: &'a Path, inputs: impl IntoIterator<Item = &'b Path>) -> Result<Self> {
        if inputs.into_iter().any(|input| same_file(path, input)) {
            return Err(is_input(path));
        }
        Ok(Self { path, existed: path.exists() })
    }

    /// The same for a command that reads a folder of tables: nothing inside it that looks like one of them may be written.
    pub(super) fn beside_folder(path: &'a Path, dir: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let like_a_source = [".csv", ".tsv", ".txt", ".gz"].iter().any(|end| name.ends_with(end));
        let folder = path.parent().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
        let inside =
            folder.and_then(|f| f.canonicalize().ok()).zip(dir.canonicalize().ok()).is_some_and(|(f, d)| f.starts_with(d));
        let target = Self::new(
            path,
            fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect::<Vec<_>>().iter().map(AsRef::as_ref),
        )?;
        if inside && like_a_source { Err(is_input(path)) } else { Ok(target) }
    }

    /// The same for a command that reads a whole folder: nothing that lies in it may be replaced.
    pub(super) fn outside(path: &'a Path, dir: &Path) -> Result<Self> {
        let inside = path.canonicalize().ok().zip(dir.canonicalize().ok()).is_some_and(|(file, dir)| file.starts_with(dir));
        if inside { Err(is_input(path)) } else { Self::new(path, []) }
    }

    /// The file.
    pub(super) const fn path(&self) -> &Path {
        self.path
    }

    /// To be called when it is written: says so if another file was there before.
    pub(super) fn written(&self, context: &Context) {
        if self.existed {
            context.note(&format!("replaced: {}", self.path.display()));
        }
    }
}

/// Refuses a folder to be written that would lie in a run: what is in a run is the run's, and is copied and removed with it.
///
/// # Errors
/// `output-in-run`.
pub(super) fn outside_run(path: &Path, run: &Path) -> Result<()> {
    // The folder need not exist yet: the part of its path that does tells where it will be.
    let mut ancestors = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let real = loop {
        if let Ok(real) = ancestors.canonicalize() {
            break real;
        }
        if !ancestors.pop() {
            return Ok(());
        }
    };
    if run.canonicalize().is_ok_and(|run| real.starts_with(run)) {
        return Err(UserError::usage("output-in-run", "lies in the run's own folder")
            .file(path)
            .mend("name a folder outside the run with `-o`"));
    }
    Ok(())
}

fn is_input(path: &Path) -> UserError {
    UserError::usage("output-is-input", "is also read by this command").file(path).mend("name another file with `-o`")
}

fn same_file(a: &Path, b: &Path) -> bool {
    let (Ok(a), Ok(b)) = (a.canonicalize(), b.canonicalize()) else { return false };
    a == b || is_hard_link(&a, &b)
}

#[cfg(unix)]
fn is_hard_link(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let inode = |path: &Path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|m| (m.dev(), m.ino()));
    inode(a).is_some() && inode(a) == inode(b)
}

#[cfg(not(unix))]
fn is_hard_link(_: &Path, _: &Path) -> bool {
    false
}
