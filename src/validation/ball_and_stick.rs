//! `kenyon validate ball_and_stick`: the Ball & Stick neuron against NEURON, on a folder in the layout of the reference data.
//!
//! Every folder with a `config.json` is a case, whatever its numbers; so is every table that is there. Bars are those of the
//! specification of biophysical neurons, section 8.2. What is not there is not compared, and the note says so.
//!
//! | module | owns |
//! |---|---|
//! | `config` | parameters of the neuron, named and in files |
//! | `cell` | a run: probes, events, clamps |
//! | `setup` | what a folder says of its run |
//! | `replay` | a folder's run beside its trace, spikes and labels |
//! | `labels` | what is predicted: spikes, near spikes, the rate, beside the labels of simulation sets |
//! | `set` | the same run as simulation sets make it |
//! | `tables` | f-I curve, single events, input resistance |
//! | `convergence` | how far spikes move with the time step |

mod cell;
mod config;
mod convergence;
mod labels;
mod replay;
mod set;
mod setup;
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
/// Folders that deep are looked into.
const DEPTH: usize = 4;
type Replay = fn(&Folder, &Path) -> Result<super::Findings>;

/// A folder of cases.
pub struct Folder {
    dir: PathBuf,
    dump: Option<PathBuf>,
    /// The folder itself and those below it, relative to it, sorted.
    dirs: Vec<PathBuf>,
    /// Configurations that tables name.
    configs: BTreeMap<String, Params>,
}

impl Folder {
    /// Opens a folder; our values go to `dump`.
    ///
    /// # Errors
    /// A folder that cannot be read, a broken `table_configs.json`.
    pub fn open(dir: &Path, dump: Option<&Path>) -> Result<Self> {
        let mut dirs = Vec::new();
        walk(dir, Path::new(""), DEPTH, &mut dirs)?;
        let mut configs = BTreeMap::new();
        for path in dirs.iter().map(|below| dir.join(below).join("table_configs.json")).filter(|path| path.is_file()) {
            configs.extend(config::table_configs(&path)?);
        }
        Ok(Self { dir: dir.to_path_buf(), dump: dump.map(Path::to_path_buf), dirs, configs })
    }

    /// Its cases: folders by name, then tables; folders below folders are looked into.
    ///
    /// # Errors
    /// `no-cases` if there are none; if the files that describe the whole cannot be copied to our values.
    pub fn jobs(&self) -> Result<Vec<Job<'_>>> {
        let mut jobs = Vec::new();
        let holds = |dir: &Path, files: &[&str]| files.iter().any(|file| self.dir.join(dir).join(file).is_file());
        let is_case = |dir: &&PathBuf| holds(dir, &["config.json", "trace.csv", "events.csv", "spikes.csv", "labels_1ms.csv"]);
        let mut cases: Vec<PathBuf> = self.dirs.iter().filter(is_case).cloned().collect();
        for dir in self.dirs.iter().filter(|dir| holds(dir, &["manifest.json"])) {
            match listed(&self.dir.join(dir).join("manifest.json")) {
                // What a manifest lists and no folder holds is a case that cannot be run; a case may list itself.
                Ok(names) => {
                    let missing = names.into_iter().map(|name| dir.join(name)).filter(|case| {
                        !cases.iter().any(|known| known == case || known == dir && known.file_name() == case.file_name())
                    });
                    cases.extend(missing.filter(|_| !is_case(&dir)).collect::<Vec<_>>());
                }
                Err(error) => jobs.push(Job::impossible(self.label(&dir.join("manifest")), "mV", error)),
            }
        }
        cases.sort_unstable();
        cases.dedup();
        for case in cases {
            jobs.push(Job::new(self.label(&case), "mV", move || replay::compare(self, &case)));
        }
        for dir in &self.dirs {
            for (name, unit, replay) in TABLES {
                let file = dir.join(format!("{name}.csv"));
                if self.dir.join(&file).is_file() {
                    jobs.push(Job::new(self.label(&dir.join(name)), unit, move || self.table(replay, &file)));
                }
            }
        }
        if jobs.is_empty() {
            return Err(UserError::bad_data("no-cases", "holds no case")
                .file(&self.dir)
                .expected("folders with `config.json`, tables such as `fi_curve.csv`")
                .mend("name the folder that holds the cases"));
        }
        for dir in &self.dirs {
            for file in ["manifest.json", "table_configs.json"].map(|file| dir.join(file)) {
                if let (true, Some(to)) = (self.dir.join(&file).is_file(), self.ours(&file)) {
                    copy(&self.dir.join(&file), &to)?;
                }
            }
        }
        Ok(jobs)
    }

    fn table(&self, replay: Replay, file: &Path) -> Result<super::Findings> {
        let mut findings = replay(self, file)?;
        if self.configs.is_empty() && !file.ends_with("dt_convergence.csv") {
            findings.remark("parameters from the names of configurations, as there is no `table_configs.json`");
        }
        Ok(findings)
    }

    /// What a case is called: its place, or the name of the folder that is one.
    fn label(&self, case: &Path) -> String {
        let label = case.to_string_lossy().replace('\\', "/");
        if !label.is_empty() {
            return label;
        }
        let real = self.dir.canonicalize().unwrap_or_else(|_| self.dir.clone());
        real.file_name().map_or_else(|| "case".into(), |name| name.to_string_lossy().into_owned())
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

/// Folders below one, itself first, each relative to it.
fn walk(dir: &Path, below: &Path, depth: usize, out: &mut Vec<PathBuf>) -> Result<()> {
    let here = dir.join(below);
    out.push(below.to_path_buf());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&here).map_err(|e| UserError::cannot_read(&here, &e))? {
        let entry = entry.map_err(|e| UserError::cannot_read(&here, &e))?;
        if depth > 0 && entry.path().is_dir() && !entry.file_name().to_string_lossy().starts_with('.') {
            names.push(entry.file_name());
        }
    }
    names.sort_unstable();
    names.into_iter().try_for_each(|name| walk(dir, &below.join(name), depth - 1, out))
}

/// The cases that a manifest lists.
fn listed(path: &Path) -> Result<Vec<String>> {
    let list = keys::read(path)?;
    let list = list.get("cases").unwrap_or(&list);
    let names =
        list.as_array().map(|list| list.iter().map(|entry| entry.get("name").and_then(|n| n.as_str()).map(str::to_string)));
    names.and_then(Iterator::collect::<Option<Vec<_>>>).ok_or_else(|| keys::bad(path, "is no list of named cases"))
}
