//! The files of a run: its description, its traces, its inputs, by whatever names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kenyon_base::Result;
use serde_json::Value;

use super::Folder;
use super::protocol::Protocol;
use crate::validation::keys;
use crate::validation::traces::Traces;

/// JSON files that describe no run.
const OTHER_JSON: [&str; 3] = ["sites.json", "manifest.json", "synapse_clamped.json"];

/// The files of a run, relative to the folder; those that are not there have the names they would have.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) label: String,
    pub(super) dir: PathBuf,
    pub(super) json: PathBuf,
    /// A sample for each step.
    pub(super) npz: PathBuf,
    /// Every tenth sample.
    pub(super) dec: PathBuf,
    pub(super) spikes: PathBuf,
    /// Potentials of all segments at the end, if they are there.
    pub(super) finals: Option<PathBuf>,
    /// Whether synapses and events belong to it.
    pub(super) inputs: bool,
    /// Whether it is the only run of its folder.
    pub(super) alone: bool,
}

/// Runs of a folder, and files of traces that none of them describes.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) runs: Vec<Run>,
    /// Label, a file, the description it lacks.
    pub(super) orphans: Vec<(String, PathBuf, PathBuf)>,
}

pub(super) fn name(file: &Path) -> String {
    file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What a file of traces or spikes is called after: its run, or nothing if it belongs to the whole folder.
fn family(name: &str) -> Option<&str> {
    let stem = ["_dec.csv", "_spikes.csv", ".npz"].iter().find_map(|end| name.strip_suffix(end));
    match stem.or_else(|| (name == "spikes.csv").then_some("traces"))? {
        "traces" => Some(""),
        stem => Some(stem),
    }
}

/// A file of traces of what it is called after.
fn trace_name(family: &str, end: &str) -> String {
    format!("{}{end}", if family.is_empty() { "traces" } else { family })
}

fn has_traces(names: &[String], family: &str) -> bool {
    [".npz", "_dec.csv"].iter().any(|end| names.contains(&trace_name(family, end)))
}

/// Whether a JSON file looks like the description of a run; broken ones do.
fn describes(path: &Path) -> bool {
    match keys::read(path) {
        Err(_) => true,
        Ok(Value::Object(object)) => ["tstop_ms", "dt_ms", "v_init_mV", "iclamp"].iter().any(|key| object.contains_key(*key)),
        Ok(_) => false,
    }
}

/// The runs of each folder.
pub(super) fn find(folder: &Folder) -> Found {
    let mut dirs: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for file in &folder.files {
        dirs.entry(file.parent().unwrap_or(Path::new("")).to_path_buf()).or_default().push(name(file));
    }
    let mut found = Found::default();
    for (dir, names) in dirs {
        of_dir(folder, &dir, &names, &mut found);
    }
    found
}

fn of_dir(folder: &Folder, dir: &Path, names: &[String], found: &mut Found) {
    let synapses = names.iter().any(|name| name == "synapses.csv" || name == "events.csv");
    let families: BTreeMap<&str, &String> = names.iter().filter_map(|name| Some((family(name)?, name))).collect();
    let stems = names.iter().filter(|name| !OTHER_JSON.contains(&name.as_str())).filter_map(|name| name.strip_suffix(".json"));
    let path = |stem: &str| folder.path(&dir.join(format!("{stem}.json")));
    let stems: Vec<&str> =
        stems.filter(|stem| families.contains_key(stem) || *stem == "meta" || describes(&path(stem))).collect();
    let mut free: BTreeSet<&str> = families.keys().copied().filter(|family| !stems.contains(family)).collect();
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let loose: Vec<&str> = stems.iter().copied().filter(|stem| !families.contains_key(stem)).collect();
    let whole = loose.iter().find(|stem| **stem == "meta").or_else(|| loose.first().filter(|_| loose.len() == 1)).copied();
    for stem in &stems {
        let of = match *stem {
            _ if families.contains_key(stem) => stem,
            _ if whole == Some(stem) && (free.contains("") || synapses) => "",
            // The only description and the only traces belong to each other.
            _ if loose.len() == 1 && free.len() == 1 => free.first().copied().unwrap_or(""),
            "meta" => "",
            _ => stem,
        };
        free.remove(of);
        pairs.push((stem, of));
    }
    let alone = pairs.len() == 1;
    // The only traces beside the only description belong to it, whatever its spikes are called.
    let adopted = match (&pairs[..], free.first().copied()) {
        (&[(_, of)], Some(only)) if free.len() == 1 && !has_traces(names, of) && has_traces(names, only) => Some(only),
        _ => None,
    };
    if let Some(only) = adopted {
        free.remove(only);
    }
    let own = || match dir.to_string_lossy().replace('\\', "/") {
        empty if empty.is_empty() => folder.own_name(),
        dir => dir,
    };
    for (stem, of) in &pairs {
        let of_folder = of.is_empty();
        let trace = |end: &str| dir.join(trace_name(adopted.unwrap_or(of), end));
        let label = if of_folder || *stem == "meta" { own() } else { dir.join(stem).to_string_lossy().replace('\\', "/") };
        let finals = |name: &&String| {
            let suffix = name.strip_prefix("final_v_all_segments").and_then(|rest| rest.strip_suffix(".csv"));
            suffix.is_some_and(|suffix| stem.ends_with(suffix) || alone)
        };
        found.runs.push(Run {
            label,
            dir: dir.to_path_buf(),
            json: dir.join(format!("{stem}.json")),
            npz: trace(".npz"),
            dec: trace("_dec.csv"),
            spikes: dir.join(if of_folder { "spikes.csv".into() } else { format!("{of}_spikes.csv") }),
            finals: names.iter().find(finals).map(|name| dir.join(name)),
            inputs: synapses && (of_folder || alone),
            alone,
        });
    }
    for stem in free {
        // Spikes of a folder without anything else of a run are none of ours.
        let json = dir.join(if stem.is_empty() { "meta.json".into() } else { format!("{stem}.json") });
        let label = if stem.is_empty() { own() } else { dir.join(stem).to_string_lossy().replace('\\', "/") };
        found.orphans.push((label, dir.join(families[stem]), json));
    }
    if pairs.is_empty() && synapses && !families.contains_key("") {
        found.orphans.push((own(), dir.join("synapses.csv"), dir.join("meta.json")));
    }
}

/// Kinds of runs, which differ in their bars and in what is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only the leak.
    CableOnly,
    /// No stimulus.
    Rest,
    /// A weak current.
    Passive,
    /// Steps at the soma.
    Currents,
    /// Somatic pulse and dendritic current.
    Bac,
    /// Synapses.
    Synaptic,
    /// A finer time step.
    Convergence,
}

/// Bars of a run.
pub(super) struct Bars {
    /// Largest |dV| up to the end of the window, mV.
    pub(super) v_mv: f64,
    /// How long before the first spike that window ends, ms.
    pub(super) before_spike_ms: f64,
    pub(super) first_spike_ms: f64,
    /// Of every spike.
    pub(super) spike_ms: f64,
}

impl Kind {
    pub(super) fn bars(self) -> Bars {
        let bars = |v_mv, before_spike_ms, first_spike_ms, spike_ms| Bars { v_mv, before_spike_ms, first_spike_ms, spike_ms };
        match self {
            Self::CableOnly => bars(1e-8, 0.0, 0.001, 0.025),
            Self::Rest | Self::Passive | Self::Currents => bars(1e-6, 1.0, 0.001, 0.025),
            Self::Bac => bars(1e-6, 1.0, 0.025, 0.025),
            Self::Synaptic => bars(1e-6, 0.0, 0.05, 0.05),
            Self::Convergence => bars(1e-6, 1.0, 0.01, 0.025),
        }
    }
}

impl Run {
    pub(super) fn kind(&self, protocol: &Protocol) -> Kind {
        let path = self.json.to_string_lossy().to_lowercase();
        let within = |name: &str| self.json.iter().any(|part| part == name);
        if protocol.cable_only {
            Kind::CableOnly
        } else if path.contains("convergence") {
            Kind::Convergence
        } else if self.inputs {
            Kind::Synaptic
        } else if within("bac") || protocol.currents.iter().any(|c| c.epsp) {
            Kind::Bac
        } else if protocol.currents.is_empty() {
            Kind::Rest
        } else if within("passive") {
            Kind::Passive
        } else {
            Kind::Currents
        }
    }

    /// The traces that are there.
    pub(super) fn traces(&self, folder: &Folder) -> Result<Vec<Traces>> {
        [&self.npz, &self.dec].into_iter().filter(|file| folder.has(file)).map(|file| Traces::read(&folder.path(file))).collect()
    }
}
