//! `kenyon validate l5pc`: the layer 5 pyramidal cell against NEURON, on a folder in the layout of the reference data.
//!
//! Cases are found by what the folder holds: any run described by a JSON file beside its traces, any folder of synapses, any
//! segment length. What is not there is not compared, and the note says so. Bars are those of the specification of biophysical neurons, section 8.1.
//!
//! | module | owns |
//! |---|---|
//! | `discover` | the cases of a folder |
//! | `runs` | the files of a run, kinds of runs and their bars |
//! | `protocol` | what a JSON file says of a run |
//! | `segments` | how a run's cell is cut, and where that is stated |
//! | `stated` | segment lengths in names, keys and notes |
//! | `tables` | numbers of segments in tables |
//! | `inputs` | synapses and events |
//! | `replay` | a run, simulated |
//! | `versus` | potentials, spikes and final potentials beside the reference's |
//! | `layout` | our values in the layout of the published folder |
//! | `probes` | which quantity a column is |
//! | `geometry` | sections, segments, points, densities |
//! | `channels` | tables and voltage-clamp traces of channels, the calcium pool, synapses |
//! | `fi` | the f-I curve |

mod channels;
mod discover;
mod fi;
mod geometry;
mod inputs;
mod layout;
mod probes;
mod protocol;
mod replay;
mod runs;
mod segments;
mod stated;
mod tables;
mod versus;

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::morphology::{ReadOptions, Tree, edit, read};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recipe::Recipe;

use self::tables::{Cut, Geometry};
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
    /// In the order of the file.
    sites: Vec<(String, Site)>,
    /// Whether they are those of a `sites.json`.
    listed: bool,
    /// How tables of geometry of the folder cut the cell, or if it has none those of a folder above it.
    tables: Vec<Geometry>,
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
        let list = above(dir, SITES_ABOVE).map(|dir| dir.join("sites.json")).find(|path| path.is_file());
        let sites = match &list {
            Some(path) => sites(path)?,
            None => SITES.iter().map(|(name, section, x)| ((*name).to_string(), ((*section).to_string(), *x))).collect(),
        };
        let inside = discover::geometries(&files);
        let mut tables: Vec<_> = inside.iter().filter_map(|place| Geometry::read(&tree, &dir.join(place), place, true)).collect();
        if tables.is_empty() {
            tables = outside(&tree, dir);
        }
        Ok(Self { dir: dir.to_path_buf(), dump: dump.map(Path::to_path_buf), tree, sites, listed: list.is_some(), tables, files })
    }

    /// Its cases.
    ///
    /// # Errors
    /// `no-cases` if there are none; if the files that describe the whole cannot be copied to our values.
    pub fn jobs(&self) -> Result<Vec<super::Job<'_>>> {
        discover::jobs(self)
    }

    /// The cell, cut so.
    fn cut(&self, cut: &Cut) -> Result<Neuron> {
        let recipe = Recipe::shipped("l5pc")?;
        match cut {
            Cut::Length(max_length_um) => Neuron::new(&self.tree, Segments { max_length_um: *max_length_um }, recipe),
            Cut::Counts(counts) => {
                let mut sections = self.tree.sections().to_vec();
                sections.iter_mut().zip(counts).for_each(|(section, nseg)| section.nseg = Some(*nseg));
                Neuron::new(&Tree::new(self.tree.name(), sections)?, Segments::TWINPROP, recipe)
            }
        }
    }

    /// Whether a column is the potential of a site.
    fn is_site(&self, column: &str) -> bool {
        column.strip_prefix("v_").is_some_and(|name| self.site(name).is_some())
    }

    fn site(&self, name: &str) -> Option<&Site> {
        self.sites.iter().find(|(known, _)| known == name).map(|(_, site)| site)
    }

    /// What a case is called that is the whole folder.
    fn own_name(&self) -> String {
        let real = self.dir.canonicalize().unwrap_or_else(|_| self.dir.clone());
        real.file_name().map_or_else(|| "case".into(), |name| name.to_string_lossy().into_owned())
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

/// So far above a folder its `sites.json` and tables of geometry may lie.
const SITES_ABOVE: usize = 3;
/// The same for the morphology.
const MORPHOLOGY_ABOVE: usize = 8;

/// A folder and those above it, by their real names.
fn above(dir: &Path, levels: usize) -> impl Iterator<Item = PathBuf> {
    let real = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
    real.ancestors().take(levels + 1).map(Path::to_path_buf).collect::<Vec<_>>().into_iter()
}

/// The tables of `geometry/` in the nearest folder above that has some.
fn outside(tree: &Tree, dir: &Path) -> Vec<Geometry> {
    let of = |folder: PathBuf| -> Vec<Geometry> {
        let Ok(entries) = std::fs::read_dir(folder.join("geometry")) else { return Vec::new() };
        let mut dirs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        dirs.sort_unstable();
        dirs.iter().filter_map(|path| Geometry::read(tree, path, path, false)).collect()
    };
    above(dir, SITES_ABOVE).skip(1).map(of).find(|tables| !tables.is_empty()).unwrap_or_default()
}

/// Sites with their names.
fn sites(path: &Path) -> Result<Vec<(String, Site)>> {
    let bad = |found: String| keys::bad(path, "is no list of sites").found(found).expected("name, section, x_segment_centre");
    let list = keys::read(path)?;
    let entries = list.as_array().ok_or_else(|| bad(list.to_string()))?;
    let site = |entry: &serde_json::Value| -> Result<(String, Site)> {
        let text = |key: &str| entry.get(key).and_then(|v| v.as_str()).map(str::to_string);
        let x =
            ["x_requested", "x", "x_segment_centre"].iter().find_map(|key| entry.get(*key).and_then(serde_json::Value::as_f64));
        match (text("name"), text("section"), x) {
            (Some(name), Some(section), Some(x)) => Ok((name, (section, x))),
            _ => Err(bad(entry.to_string())),
        }
    };
    entries.iter().map(site).collect()
}

/// The morphology for a folder: the one that is named, else `morphologies/cell1.asc` in it, beside it or beside a folder above it,
/// else the reference data's (`KENYON_REFERENCE_DATA`, by default `../shared/data`).
///
/// # Errors
/// `no-morphology` if there is none.
pub fn morphology(named: Option<&Path>, dir: &Path) -> Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_path_buf());
    }
    if !dir.is_dir() {
        return Err(UserError::cannot_read(dir, &std::io::ErrorKind::NotFound.into()));
    }
    let beside = above(dir, MORPHOLOGY_ABOVE).map(|dir| dir.join("morphologies/cell1.asc"));
    let root = std::env::var_os("KENYON_REFERENCE_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    let reference = std::iter::once(root.join("morphologies/cell1.asc"));
    beside.chain(reference).find(|path| path.is_file()).ok_or_else(|| {
        UserError::bad_data("no-morphology", "the cell's morphology is not found")
            .file(dir)
            .expected("`morphologies/cell1.asc` beside the folder or a folder above it, or the folder `KENYON_REFERENCE_DATA`")
            .mend("name it with `--morphology`")
    })
}
