//! What the commands of `neuron dataset` write: names that say what is in a file, folders that exist.

use std::fs;
use std::path::Path;

use kenyon_base::{AtomicFile, Result, UserError};
use kenyon_datasets::simulation::SimStore;

use crate::cli::context::Context;
use crate::cli::target::Target;
use crate::simulation::page;

/// Endings of a set.
const SETS: [&str; 2] = ["h5", "hdf5"];
/// Endings of a page.
const PAGES: [&str; 2] = ["html", "htm"];

/// A set to be written; what is wrong with its name is told before the work.
///
/// # Errors
/// `unknown-extension`, `cannot-write` if the folder does not exist, `output-is-input`.
pub(super) fn set<'a, 'b>(path: &'a Path, inputs: impl IntoIterator<Item = &'b Path>) -> Result<Target<'a>> {
    named(path, &SETS, "a simulation set")?;
    Target::new(path, inputs)
}

/// The same for the page of a set.
///
/// # Errors
/// As [`set`].
pub(super) fn page<'a, 'b>(path: &'a Path, inputs: impl IntoIterator<Item = &'b Path>) -> Result<Target<'a>> {
    named(path, &PAGES, "a statistics page")?;
    Target::new(path, inputs)
}

fn named(path: &Path, endings: &[&str], what: &str) -> Result<()> {
    let known = |end: &std::ffi::OsStr| endings.iter().any(|known| end.eq_ignore_ascii_case(known));
    if !path.extension().is_some_and(known) {
        return Err(UserError::usage("unknown-extension", format!("is no name of {what}"))
            .file(path)
            .expected(format!("a name that ends in `.{}`", endings[0]))
            .mend(format!("write `{}`", path.with_extension(endings[0]).display())));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::read_dir(folder).map(drop).map_err(|cause| UserError::cannot_write(path, &cause))
}

/// Writes the statistics page of a set.
///
/// # Errors
/// A set that cannot be read, or a failed write.
pub(super) fn write_page(set: &Path, to: &Target, context: &Context) -> Result<()> {
    AtomicFile::write(to.path(), page::page(&SimStore::open(set)?)?.as_bytes())?;
    to.written(context);
    Ok(())
}
