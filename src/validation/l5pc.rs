//! `kenyon validate l5pc`: the layer 5 pyramidal cell against NEURON, on a folder in the layout of the reference data.
//!
//! Cases are found by what the folder holds: any run described by a JSON file beside its traces, any folder of synapses, any
//! segment length. Bars are those of the specification of biophysical neurons, section 8.1.
//!
//! | module | owns |
//! |---|---|
//! | `discover` | the cases of a folder |
//! | `protocol` | what a JSON file says of a run |
//! | `replay` | a run beside its traces, spikes, final potentials |
//! | `probes` | which quantity a column is |
//! | `geometry` | sections, segments, points, densities |
//! | `channels` | tables and voltage-clamp traces of channels, the calcium pool, synapses |
//! | `fi` | the f-I curve |

mod channels;
mod discover;
mod fi;
mod geometry;
mod probes;
mod protocol;
mod replay;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::morphology::{ReadOptions, Tree, edit, read};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recipe::Recipe;

use super::keys;

/// Where a trace is recorded: section, place on it.
type Site = (String, f64);

/// The sites of the published data, for folders without `sites.json`.
const SITES: [(&str, &str, f64); 8] = [
    ("soma", "soma[0]", 0.5),
    ("axon1", "axon[1]", 0.5),
    ("trunk_prox", "apic[3]", 0.5),
    ("trunk_mid", "apic[36]", 0.5),
    ("hotzone", "apic[37]", 0.4),
    ("tuft", "apic[60]", 0.5),
    ("oblique", "apic[9]", 0.5),
    ("basal", "dend[30]", 0.5),
];

/// A folder of cases with what all of them need.
pub struct Folder {
    dir: PathBuf,
    dump: Option<PathBuf>,
    tree: Tree,
    sites: BTreeMap<String, Site>,
    /// Segment length of runs that name none, µm.
    segments: Segments,
    files: Vec<PathBuf>,
}

impl Folder {
    /// Opens a folder with the cell's morphology (its axon is replaced); our values go to `dump`.
    ///
    /// # Errors
    /// A folder that cannot be read, a morphology that is none, a broken `sites.json`.
    pub fn open(dir: &Path, morphology: &Path, dump: Option<&Path>) -> Result<Self> {
        let tree = edit::replace_axon(read(morphology, &ReadOptions::default())?.tree)?;
        let files = discover::files(dir)?;
        let sites = sites(&dir.join("sites.json"))?;
        let segments = discover::only_length(&files).map_or(Segments::TWINPROP, |max_length_um| Segments { max_length_um });
        Ok(Self { dir: dir.to_path_buf(), dump: dump.map(Path::to_path_buf), tree, sites, segments, files })
    }

    /// Its cases.
    ///
    /// # Errors
    /// `no-cases` if there are none; if the files that describe the whole cannot be copied to our values.
    pub fn jobs(&self) -> Result<Vec<super::Job<'_>>> {
        discover::jobs(self)
    }

    /// The cell, cut at this length.
    fn neuron(&self, segments: Segments) -> Result<Neuron> {
        Neuron::new(&self.tree, segments, Recipe::shipped("l5pc")?)
    }

    /// A file of the folder.
    fn path(&self, relative: &Path) -> PathBuf {
        self.dir.join(relative)
    }

    /// Where our own values of a file go, if anywhere.
    fn ours(&self, relative: &Path) -> Option<PathBuf> {
        self.dump.as_ref().map(|dump| dump.join(relative))
    }

    fn has(&self, relative: &Path) -> bool {
        self.files.binary_search_by(|file| file.as_path().cmp(relative)).is_ok()
    }
}

/// Sites by name.
fn sites(path: &Path) -> Result<BTreeMap<String, Site>> {
    if !path.exists() {
        return Ok(SITES.iter().map(|(name, section, x)| ((*name).to_string(), ((*section).to_string(), *x))).collect());
    }
    let bad = |found: String| keys::bad(path, "is no list of sites").found(found).expected("name, section, x_segment_centre");
    let list = keys::read(path)?;
    let entries = list.as_array().ok_or_else(|| bad(list.to_string()))?;
    let site = |entry: &serde_json::Value| -> Result<(String, Site)> {
        let text = |key: &str| entry.get(key).and_then(|v| v.as_str()).map(str::to_string);
        let x =
            ["x_segment_centre", "x_requested", "x"].iter().find_map(|key| entry.get(*key).and_then(serde_json::Value::as_f64));
        match (text("name"), text("section"), x) {
            (Some(name), Some(section), Some(x)) => Ok((name, (section, x))),
            _ => Err(bad(entry.to_string())),
        }
    };
    entries.iter().map(site).collect()
}

/// The morphology for a folder: the one that is named, else `../morphologies/cell1.asc` beside the folder, else the reference
/// data's (`KENYON_REFERENCE_DATA`).
///
/// # Errors
/// `no-morphology` if there is none.
pub fn morphology(named: Option<&Path>, dir: &Path) -> Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_path_buf());
    }
    let beside = dir.canonicalize().ok().and_then(|dir| Some(dir.parent()?.join("morphologies/cell1.asc")));
    let reference = std::env::var_os("KENYON_REFERENCE_DATA").map(|root| Path::new(&root).join("morphologies/cell1.asc"));
    beside.into_iter().chain(reference).find(|path| path.is_file()).ok_or_else(|| {
        UserError::bad_data("no-morphology", "the cell's morphology is not found")
            .file(dir)
            .expected("`../morphologies/cell1.asc` beside the folder, or the folder `KENYON_REFERENCE_DATA`")
            .mend("name it with `--morphology`")
    })
}
