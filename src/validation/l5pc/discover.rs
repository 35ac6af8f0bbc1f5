//! The cases of a folder, by what it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};

use super::replay::{self, Run};
use super::{Folder, channels, fi, geometry};
use crate::validation::Job;
use crate::validation::table::{Table, copy};

/// Folders that deep are looked into.
const DEPTH: usize = 6;
/// JSON files that describe no run.
const OTHER_JSON: [&str; 3] = ["sites.json", "manifest.json", "synapse_clamped.json"];

/// All files below a folder, relative to it, sorted.
pub(super) fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    fn walk(dir: &Path, below: &Path, depth: usize, out: &mut Vec<PathBuf>) -> Result<()> {
        let here = dir.join(below);
        for entry in std::fs::read_dir(&here).map_err(|e| UserError::cannot_read(&here, &e))? {
            let entry = entry.map_err(|e| UserError::cannot_read(&here, &e))?;
            let path = below.join(entry.file_name());
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if entry.path().is_dir() {
                if depth > 0 {
                    walk(dir, &path, depth - 1, out)?;
                }
            } else {
                out.push(path);
            }
        }
        Ok(())
    }
    let mut out = Vec::new();
    walk(dir, Path::new(""), DEPTH, &mut out)?;
    out.sort_unstable();
    Ok(out)
}

/// A number above zero that a text begins with, and what follows it.
fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].trim_end_matches('.').parse().ok()?;
    (number > 0.0).then_some((number, &text[end..]))
}

/// The segment length that a name states, as `max_seg_24.3`, `seg40` or `40um` do, µm.
pub(super) fn length_in(name: &str) -> Option<f64> {
    let lower = name.to_lowercase();
    let after = |key: &str| {
        let rest = &lower[lower.find(key)? + key.len()..];
        Some(number(rest.trim_start_matches(|c: char| !c.is_ascii_digit()))?.0)
    };
    if let Some(length) = ["max_seg", "maxseg", "seg_len", "segment_"].iter().find_map(|key| after(key)) {
        return Some(length);
    }
    lower.split(['/', '_', '-', ' ']).find_map(|part| {
        let short = part.strip_prefix("seg").and_then(number).filter(|(_, rest)| rest.is_empty() || *rest == "um");
        short.or_else(|| number(part).filter(|(_, rest)| *rest == "um")).map(|(length, _)| length)
    })
}

/// The segment length of the tables of geometry, if they are all of one.
pub(super) fn only_length(files: &[PathBuf]) -> Option<f64> {
    let lengths: BTreeSet<String> = files
        .iter()
        .filter(|file| is_geometry(file))
        .filter_map(|file| length_in(&file.parent()?.to_string_lossy()).map(|length| length.to_string()))
        .collect();
    if lengths.len() == 1 { lengths.first()?.parse().ok() } else { None }
}

fn is_geometry(file: &Path) -> bool {
    matches!(name(file).as_str(), "sections.csv" | "segments.csv" | "pt3d.csv")
}

fn name(file: &Path) -> String {
    file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The name of a run that a file of traces or spikes belongs to, and where its description may lie.
fn owner(file: &Path) -> Option<PathBuf> {
    let name = name(file);
    let stem = ["_dec.csv", "_spikes.csv", ".npz"].iter().find_map(|end| name.strip_suffix(end));
    let stem = stem.or_else(|| (name == "spikes.csv").then_some("traces"))?;
    Some(if stem == "traces" { file.parent()?.join("meta.json") } else { file.with_file_name(format!("{stem}.json")) })
}

/// The cases, in the order of the files.
pub(super) fn jobs(folder: &Folder) -> Result<Vec<Job<'_>>> {
    let mut jobs: BTreeMap<PathBuf, Job> = BTreeMap::new();
    for file in &folder.files {
        let (name, parent) = (name(file), file.parent().unwrap_or(Path::new("")).to_path_buf());
        let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_string();
        let key = file.with_extension("");
        let label = |path: &Path| path.to_string_lossy().replace('\\', "/");
        if is_geometry(file) {
            jobs.entry(parent.clone())
                .or_insert_with(|| Job::new(label(&parent), "relative", move || geometry::compare(folder, &parent)));
        } else if file.extension().is_some_and(|end| end == "json") && !OTHER_JSON.contains(&name.as_str()) {
            let whole_folder = ["synapses.csv", "traces.npz", "traces_dec.csv"].iter().any(|f| folder.has(&parent.join(f)));
            let case = if whole_folder { parent.clone() } else { key };
            let run = Run::new(folder, file, whole_folder);
            if whole_folder || run.is_a_run() {
                jobs.entry(case.clone()).or_insert_with(|| Job::new(label(&case), "mV", move || replay::compare(folder, &run)));
            }
        } else if let Some(owner) = owner(file) {
            let described = folder.has(&owner) || name == "spikes.csv" && !folder.has(&parent.join("synapses.csv"));
            let orphan = if name.starts_with("traces") { parent.clone() } else { owner.with_extension("") };
            if !described {
                let error = UserError::bad_data("no-protocol", "a trace without a description of its run")
                    .file(folder.path(file))
                    .expected(format!("`{}`", folder.path(&owner).display()))
                    .mend("take the folder from the reference again");
                jobs.entry(orphan.clone()).or_insert_with(|| Job::impossible(label(&orphan), "mV", error));
            }
        } else if name == "synapses.csv" && !folder.has(&parent.join("meta.json")) {
            let error = UserError::cannot_read(&folder.path(&parent.join("meta.json")), &std::io::ErrorKind::NotFound.into());
            jobs.entry(parent.clone()).or_insert_with(|| Job::impossible(label(&parent), "mV", error));
        } else if file.extension().is_some_and(|end| end == "csv") {
            if let Some(job) = channels::job(folder, file, &stem) {
                jobs.entry(key).or_insert(job);
            } else if is_fi(&folder.path(file)) {
                let file = file.clone();
                jobs.entry(key.clone()).or_insert_with(|| Job::new(label(&key), "ms", move || fi::compare(folder, &file)));
            }
        }
    }
    if jobs.is_empty() {
        return Err(UserError::bad_data("no-cases", "holds no case")
            .file(&folder.dir)
            .expected("runs (`steps/*.json` beside traces), `synaptic/*/`, `geometry/max_seg_*/`, `channels/`, `fi/`")
            .mend("name the folder that holds the cases"));
    }
    if let (true, Some(to)) = (folder.has(Path::new("sites.json")), folder.ours(Path::new("sites.json"))) {
        copy(&folder.path(Path::new("sites.json")), &to)?;
    }
    Ok(jobs.into_values().collect())
}

/// Whether a table is an f-I curve.
fn is_fi(path: &Path) -> bool {
    let in_fi = path.parent().is_some_and(|p| p.ends_with("fi"));
    in_fi || Table::read(path).is_ok_and(|t| t.has("amp_nA") && t.has("n_spikes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_state_the_segment_length() {
        for (name, length) in [
            ("geometry/max_seg_24.3", Some(24.3)),
            ("step_0.4nA_max_seg40", Some(40.0)),
            ("steps_maxseg_15um", Some(15.0)),
            ("step_0.80nA_seg40", Some(40.0)),
            ("steps_40um/step_0.80nA", Some(40.0)),
            ("convergence_0.80nA_dt0.0125", None),
            ("full2082", None),
        ] {
            assert_eq!(length_in(name), length, "{name}");
        }
    }
}
