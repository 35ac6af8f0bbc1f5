//! Inputs that are read from files in place of generated ones, as `TwinProp`'s verification has it.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, Source, UserError, digest};
use serde::{Deserialize, Serialize};

use super::plan::Event;
use super::spec::{Counts, Part};
use super::twinprop_layout::{INPUTS, read_weighted_spikes};

/// The inputs of a set are held in memory; 16 bytes each.
const MOST_EVENTS: usize = 100_000_000;

/// Files with the input of each simulation.
///
/// A file is a matrix of all rows (`all_weighted_spikes.npz`: excitation, then inhibition); a folder holds
/// `exc_weighted_spikes.npz` and `inh_weighted_spikes.npz`. Matrices are rows × ms, as `scipy.sparse.save_npz` writes them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeightedSpikes {
    /// Of the training simulations.
    pub train: Vec<PathBuf>,
    /// Of the validation simulations.
    pub valid: Vec<PathBuf>,
    /// Of the test simulations.
    pub test: Vec<PathBuf>,
}

/// Inputs that were read.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenInputs {
    /// Rows, excitation and inhibition.
    pub rows: usize,
    /// Bins of 1 ms.
    pub bins: u32,
    /// The files with their checksums.
    pub sources: Vec<Source>,
    /// Events of each simulation, by part.
    pub(super) events: [Vec<Vec<Event>>; 4],
}

impl WeightedSpikes {
    /// The files of a part.
    fn of(&self, part: Part) -> &[PathBuf] {
        match part {
            Part::Train => &self.train,
            Part::Valid => &self.valid,
            Part::Test => &self.test,
            Part::Shift => &[],
        }
    }

    /// How many simulations there are.
    pub fn counts(&self) -> Counts {
        let [train, valid, test] = [&self.train, &self.valid, &self.test].map(|files| files.len() as u32);
        Counts { train, valid, test, shift: 0 }
    }

    /// All files, from `folder`; a folder's own two.
    pub fn files(&self, folder: &Path) -> Vec<PathBuf> {
        Part::ALL.iter().flat_map(|&part| self.of(part)).flat_map(|entry| matrices(&folder.join(entry))).collect()
    }

    /// Reads all inputs; paths start at `folder`.
    ///
    /// # Errors
    /// `no-inputs` without a file, `bad-npz`, `bad-shape` if the files differ in shape, `limit` beyond 100 million events.
    pub fn read(&self, folder: &Path) -> Result<GivenInputs> {
        let mut shape: Option<[usize; 2]> = None;
        let mut given = GivenInputs { rows: 0, bins: 0, sources: Vec::new(), events: Default::default() };
        let mut held = 0;
        for part in Part::ALL {
            for entry in self.of(part) {
                let path = folder.join(entry);
                let files = matrices(&path);
                let (events, found) = read_weighted_spikes(&files)?;
                if *shape.get_or_insert(found) != found {
                    let [rows, bins] = shape.unwrap_or_default();
                    return Err(UserError::bad_data("bad-shape", "the input has another shape than the first one")
                        .file(&path)
                        .found(format!("{} rows of {} ms", found[0], found[1]))
                        .expected(format!("{rows} rows of {bins} ms"))
                        .mend("give inputs of one neuron and one length"));
                }
                check(&events, &path)?;
                held += events.len();
                if held > MOST_EVENTS {
                    return Err(UserError::bad_data("limit", "the inputs hold too many events for one set")
                        .file(&path)
                        .expected(format!("at most {MOST_EVENTS} in all files"))
                        .mend("make several sets"));
                }
                for file in &files {
                    given.sources.push(source("weighted-spikes", file)?);
                }
                given.events[part as usize].push(events);
            }
        }
        let Some([rows, bins]) = shape else {
            return Err(UserError::bad_data("no-inputs", "no file of inputs is named")
                .expected("`train`, `valid` or `test` with a list of files or folders")
                .mend("for example `[set.generator.weighted_spikes]` with `train = [\"all_weighted_spikes.npz\"]`"));
        };
        (given.rows, given.bins) = (rows, u32::try_from(bins).unwrap_or(u32::MAX));
        Ok(given)
    }
}

/// The matrices of one simulation.
fn matrices(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() { INPUTS.map(|name| path.join(name)).to_vec() } else { vec![path.to_path_buf()] }
}

/// Weights that a synapse can have, one per row and ms.
fn check(events: &[Event], path: &Path) -> Result<()> {
    let bad = |what: &str, found: &Event| {
        UserError::bad_data("bad-npz", what)
            .file(path)
            .found(format!("{} in row {}, column {}", found.weight, found.row, found.t))
            .mend("write the matrix again, with one finite weight above 0 per entry")
    };
    if let Some(odd) = events.iter().find(|e| !(e.weight.is_finite() && e.weight > 0.0)) {
        return Err(bad("holds a weight that no synapse has", odd));
    }
    match events.windows(2).find(|pair| (pair[0].t, pair[0].row) >= (pair[1].t, pair[1].row)) {
        Some(pair) => Err(bad("holds an entry twice", &pair[1])),
        None => Ok(()),
    }
}

/// A file with its checksum, as a set states it.
///
/// # Errors
/// A file that cannot be read.
pub fn source(kind: &str, path: &Path) -> Result<Source> {
    let fail = |cause: std::io::Error| UserError::cannot_read(path, &cause);
    Ok(Source {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        kind: kind.into(),
        sha256: digest::sha256_file(path).map_err(fail)?,
        bytes: std::fs::metadata(path).map_err(fail)?.len(),
        rows: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::Csr;

    fn matrix(path: &Path, shape: [usize; 2], entries: &[(u32, f64)]) {
        let ptr = (0..=shape[0]).map(|row| if row == 0 { 0 } else { entries.len() as u32 }).collect();
        Csr { shape, ptr, entries: entries.to_vec() }.write(path).expect("written");
    }

    #[test]
    fn a_matrix_of_all_rows_and_one_per_sign_are_the_same_input() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = dir.path().join("simulation_0");
        std::fs::create_dir(&folder).expect("made");
        matrix(&folder.join(INPUTS[0]), [2, 50], &[(3, 0.5), (7, 2.0)]);
        matrix(&folder.join(INPUTS[1]), [2, 50], &[]);
        matrix(&dir.path().join("all.npz"), [4, 50], &[(3, 0.5), (7, 2.0)]);
        let spec = WeightedSpikes { train: vec!["simulation_0".into()], test: vec!["all.npz".into()], ..Default::default() };
        assert_eq!((spec.counts().train, spec.counts().test, spec.files(dir.path()).len()), (1, 1, 3));
        let given = spec.read(dir.path()).expect("sound");
        assert_eq!((given.rows, given.bins, given.sources.len()), (4, 50, 3));
        assert_eq!(given.events[0], given.events[2]);
        assert_eq!(given.events[0][0][1], Event { t: 7, row: 0, weight: 2.0 });
    }

    #[test]
    fn inputs_that_no_neuron_can_have_are_refused_with_their_file() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let read = |names: &[&str]| {
            let train = names.iter().map(PathBuf::from).collect();
            WeightedSpikes { train, ..Default::default() }.read(dir.path())
        };
        matrix(&dir.path().join("good.npz"), [4, 50], &[(3, 0.5)]);
        matrix(&dir.path().join("negative.npz"), [4, 50], &[(3, -0.5)]);
        matrix(&dir.path().join("nan.npz"), [4, 50], &[(3, f64::NAN)]);
        matrix(&dir.path().join("short.npz"), [4, 49], &[(3, 0.5)]);
        assert!(read(&["good.npz"]).is_ok());
        for (names, code) in [
            (&["negative.npz"][..], "bad-npz"),
            (&["nan.npz"], "bad-npz"),
            (&["good.npz", "short.npz"], "bad-shape"),
            (&["gone.npz"], "not-found"),
            (&[], "no-inputs"),
        ] {
            let error = read(names).expect_err("refused");
            assert_eq!((error.code(), error.exit_code()), (code, 3), "{names:?}: {error}");
            assert!(names.is_empty() || error.path().is_some_and(|p| p.ends_with(names[names.len() - 1])));
        }
    }
}
