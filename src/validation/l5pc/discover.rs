//! The cases of a folder, by what it holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};

use super::runs::{self, name};
use super::{Folder, channels, fi, geometry, replay};
use crate::validation::Job;
use crate::validation::table::{Table, copy};

/// Folders that deep are looked into.
const DEPTH: usize = 6;
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

fn is_geometry(file: &Path) -> bool {
    matches!(name(file).as_str(), "sections.csv" | "segments.csv" | "pt3d.csv")
}

/// Folders that hold tables of geometry, relative to where the files are.
pub(super) fn geometries(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = files.iter().filter(|file| is_geometry(file)).filter_map(|f| Some(f.parent()?.into())).collect();
    dirs.dedup();
    dirs
}

/// The cases, in the order of the files.
pub(super) fn jobs(folder: &Folder) -> Result<Vec<Job<'_>>> {
    // By place and kind: a run and a folder of the same name are two.
    let mut jobs: BTreeMap<(PathBuf, &str), Job> = BTreeMap::new();
    let label = |path: &Path| match path.to_string_lossy().replace('\\', "/") {
        empty if empty.is_empty() => folder.own_name(),
        label => label,
    };
    let found = runs::find(folder);
    for run in found.runs {
        let key = (PathBuf::from(&run.label), if run.inputs { "synapses" } else { "run" });
        jobs.insert(key, Job::new(run.label.clone(), "mV", move || replay::compare(folder, &run)));
    }
    for (label, file, lacks) in found.orphans {
        let error = UserError::bad_data("no-protocol", "a trace or an input without a description of its run")
            .file(folder.path(&file))
            .expected(format!("`{}`", folder.path(&lacks).display()))
            .mend("take the folder from the reference again");
        jobs.insert((PathBuf::from(&label), "orphan"), Job::impossible(label, "mV", error));
    }
    for dir in geometries(&folder.files) {
        let name = label(&dir);
        jobs.insert((dir.clone(), "geometry"), Job::new(name, "relative", move || geometry::compare(folder, &dir)));
    }
    for file in folder.files.iter().filter(|file| file.extension().is_some_and(|end| end == "csv") && !is_geometry(file)) {
        let name = name(file);
        let key = file.with_extension("");
        if let Some(job) = channels::job(folder, file, name.trim_end_matches(".csv")) {
            jobs.insert((key, "channel"), job);
        } else if is_fi(&folder.path(file), &name) {
            jobs.insert((key.clone(), "fi"), Job::new(label(&key), "ms", move || fi::compare(folder, file)));
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

/// Whether a table is an f-I curve; large tables are none.
fn is_fi(path: &Path, name: &str) -> bool {
    let small = || std::fs::metadata(path).is_ok_and(|about| about.len() < 1 << 20);
    let run = ["_dec.csv", "_spikes.csv"].iter().any(|end| name.ends_with(end));
    let known = ["spikes.csv", "synapses.csv", "events.csv"].contains(&name) || name.starts_with("final_v_all_segments");
    !run && !known && small() && Table::read(path).is_ok_and(|t| t.has("amp_nA") && t.has("n_spikes"))
        || path.parent().is_some_and(|parent| parent.ends_with("fi")) && !run
}
