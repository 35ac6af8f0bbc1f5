//! `kenyon validate ball_and_stick`: the Ball & Stick neuron against NEURON, on a folder in the layout of the reference data.
//!
//! Every folder with a `config.json` is a case, whatever its numbers; so is every table that is there. Bars are those of the
//! specification of biophysical neurons, section 8.2.
//!
//! | module | owns |
//! |---|---|
//! | `config` | parameters of the neuron, named and in files |
//! | `cell` | a run: probes, events, clamps |
//! | `replay` | a folder's run beside its trace, spikes and labels |
//! | `labels` | what is predicted: spikes, near spikes, the rate |
//! | `tables` | f-I curve, single events, input resistance |
//! | `convergence` | how far spikes move with the time step |

mod cell;
mod config;
mod convergence;
mod labels;
mod replay;
mod tables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};

use self::config::Params;
use super::table::copy;
use super::{Job, keys};

/// Names of the tables, and what replays them.
const TABLES: [(&str, &str, Replay); 5] = [
    ("dt_convergence", "ms", convergence::compare),
    ("fi_curve", "mV", tables::fi_curve),
    ("input_resistance", "relative", tables::input_resistance),
    ("nmda_io", "mV", tables::nmda_io),
    ("psp_table", "mV", tables::psp_table),
];
type Replay = fn(&Folder, &Path) -> Result<super::Findings>;

/// A folder of cases.
pub struct Folder {
    dir: PathBuf,
    dump: Option<PathBuf>,
    /// Configurations that tables name.
    configs: BTreeMap<String, Params>,
}

impl Folder {
    /// Opens a folder; our values go to `dump`.
    ///
    /// # Errors
    /// A folder that cannot be read, a broken `table_configs.json`.
    pub fn open(dir: &Path, dump: Option<&Path>) -> Result<Self> {
        std::fs::read_dir(dir).map_err(|e| UserError::cannot_read(dir, &e))?;
        let path = dir.join("table_configs.json");
        let configs = if path.is_file() { config::table_configs(&path)? } else { BTreeMap::new() };
        Ok(Self { dir: dir.to_path_buf(), dump: dump.map(Path::to_path_buf), configs })
    }

    /// Its cases: folders by name, then tables.
    ///
    /// # Errors
    /// `no-cases` if there are none; if the files that describe the whole cannot be copied to our values.
    pub fn jobs(&self) -> Result<Vec<Job<'_>>> {
        let mut jobs = Vec::new();
        let mut names = Vec::new();
        if self.dir.join("config.json").is_file() {
            jobs.push(Job::new("case", "mV", move || replay::compare(self, Path::new(""))));
        }
        for entry in std::fs::read_dir(&self.dir).map_err(|e| UserError::cannot_read(&self.dir, &e))? {
            let path = entry.map_err(|e| UserError::cannot_read(&self.dir, &e))?.path();
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let case = ["config.json", "trace.csv", "events.csv", "spikes.csv"].iter().any(|file| path.join(file).is_file());
            if path.is_dir() && case {
                names.push(name);
            }
        }
        let manifest = self.dir.join("manifest.json");
        if manifest.is_file() {
            match listed(&manifest) {
                Ok(listed) => names.extend(listed),
                Err(error) => jobs.push(Job::impossible("manifest", "mV", error)),
            }
        }
        names.sort_unstable();
        names.dedup();
        for name in names {
            jobs.push(Job::new(name.clone(), "mV", move || replay::compare(self, Path::new(&name))));
        }
        for (name, unit, replay) in TABLES {
            let file = PathBuf::from(format!("{name}.csv"));
            if self.dir.join(&file).is_file() {
                jobs.push(Job::new(name, unit, move || replay(self, &file)));
            }
        }
        if jobs.is_empty() {
            return Err(UserError::bad_data("no-cases", "holds no case")
                .file(&self.dir)
                .expected("folders with `config.json`, tables such as `fi_curve.csv`")
                .mend("name the folder that holds the cases"));
        }
        for file in ["manifest.json", "table_configs.json"] {
            if let (true, Some(to)) = (self.dir.join(file).is_file(), self.ours(Path::new(file))) {
                copy(&self.dir.join(file), &to)?;
            }
        }
        Ok(jobs)
    }

    /// Where our own values of a file go, if anywhere.
    fn ours(&self, relative: &Path) -> Option<PathBuf> {
        self.dump.as_ref().map(|dump| dump.join(relative))
    }

    /// The parameters of a configuration that a table names.
    fn config(&self, name: &str) -> Result<Params> {
        match self.configs.get(name) {
            Some(params) => Ok(params.clone()),
            None => config::by_name(name, &self.configs),
        }
    }
}

/// The cases that a manifest lists.
fn listed(path: &Path) -> Result<Vec<String>> {
    let list = keys::read(path)?;
    let list = list.get("cases").unwrap_or(&list);
    let names =
        list.as_array().map(|list| list.iter().map(|entry| entry.get("name").and_then(|n| n.as_str()).map(str::to_string)));
    names.and_then(Iterator::collect::<Option<Vec<_>>>).ok_or_else(|| keys::bad(path, "is no list of named cases"))
}
