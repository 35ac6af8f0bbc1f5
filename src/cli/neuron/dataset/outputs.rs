//! What the commands of `neuron dataset` write: names that say what is in a file, folders that exist.

use std::fs;
use std::path::Path;

use kenyon_base::{AtomicFile, Result, UserError};
use kenyon_datasets::simulation::{Part, SimStore};
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::output::of;
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

/// When a set is begun: what `SOURCE_DATE_EPOCH` says (seconds since 1970), else nothing, so that equal sets have equal bytes.
pub(super) fn created() -> String {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.trim().parse::<u64>().ok());
    seconds.map(utc).unwrap_or_default()
}

/// A moment as `2024-02-29T12:00:00Z`; the calendar by 400-year cycles that begin in March (E. G. Richards, 2013).
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (cycle, of_cycle) = (days / 146_097, days % 146_097);
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = cycle * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

/// A simulation without an answer.
#[derive(Debug, Serialize)]
pub(super) struct LeftBounds {
    part: Part,
    index: u32,
    seed: u64,
    /// From the end of the warm-up; below zero within it.
    time_ms: f64,
}

/// The simulations in which a potential left all bounds.
pub(super) fn left_bounds(store: &SimStore) -> Vec<LeftBounds> {
    let of = |part: Part| {
        let entry = store.entries(part).iter();
        entry.filter_map(move |e| Some(LeftBounds { part, index: e.sim, seed: e.seed, time_ms: e.left_bounds_ms? }))
    };
    store.parts().into_iter().flat_map(of).collect()
}

/// Says of which parts nothing is kept, and by which criteria.
pub(super) fn note_none_kept(store: &SimStore, context: &Context) {
    for part in store.parts() {
        if let Some(words) = page::none_kept(store, part) {
            context.warn(&format!("{}: {words}", part.name()));
        }
    }
}

/// Names the first of them.
pub(super) fn warn_of(left: &[LeftBounds], context: &Context) {
    if left.is_empty() {
        return;
    }
    let name = |l: &LeftBounds| format!("{} {} (seed {}, at {:.3} ms)", l.part.name(), l.index, l.seed, l.time_ms);
    let shown: Vec<String> = left.iter().take(4).map(name).collect();
    let more = if left.len() > shown.len() { ", ..." } else { "" };
    context.warn(&format!(
        "in {} a potential left all bounds, so there is no answer: {}{more}; a smaller `simulation.dt_ms` or smaller weights may help",
        of(left.len() as u64, "simulation"),
        shown.join(", ")
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_826_154, "2000-02-29T12:09:14Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }
}
