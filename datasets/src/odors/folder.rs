//! One HDF5 file per sample, as the reference system Nengo2025-ccSNN writes: `samples/{i}_{odor}.hdf5`.
//!
//! `data` holds one row (time in s, input index) per spike, `target` the class, `duration` the stimulus in ms, `responding_idxs`
//! the inputs that the odour drives. The files do not say which neuron an input is: that comes from `manifest.json` beside them,
//! or from a file that the user names.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicDir, AtomicFile, PlainFile, PlainWriter, Progress, Result, UserError, digest};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::generator::OdorGenerator;
use super::receptors::root_id;
use crate::events::{About, Events, Sample, SpikeSource, Stored};
use crate::split::Split;
use crate::text::Text;

const MANIFEST: &str = "manifest.json";

/// How to read a folder of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderSpec {
    /// Steps per sample.
    pub steps: usize,
    /// Length of a step in whole µs.
    pub dt_us: u64,
    /// Root ids in the order of the inputs: a list of ids, or a receptor map with one input per row. Needed without a manifest.
    pub order: Option<PathBuf>,
    /// Shares of training, validation and test samples.
    pub split: [f64; 3],
    /// Seed of the split.
    pub seed: u64,
}

impl Default for FolderSpec {
    fn default() -> Self {
        Self { steps: 500, dt_us: 1000, order: None, split: [0.7, 0.2, 0.1], seed: 1 }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: String,
    /// Root ids as texts: JSON numbers lose digits.
    inputs: Vec<String>,
    classes: Vec<String>,
    steps: usize,
    dt_ms: f64,
    identity: String,
}

/// A folder of samples, read as they are asked for.
#[derive(Debug)]
pub struct SampleFolder {
    about: About,
    files: Vec<PathBuf>,
    /// Column of each input of the files: inputs of one neuron share it.
    column: Vec<u32>,
    dt_us: u64,
    /// What a user should know, in words.
    pub notes: Vec<String>,
}

impl SampleFolder {
    /// Opens `dir`, or its subfolder `samples`, and reads everything but the spikes.
    ///
    /// # Errors
    /// No samples, two samples of one number, no order of the inputs, a file that is not a sample.
    pub fn open(dir: &Path, spec: &FolderSpec, progress: &dyn Progress) -> Result<Self> {
        if spec.dt_us == 0 || spec.steps == 0 || spec.steps > 65_000 {
            return Err(UserError::usage("bad-steps", "samples need 1 to 65000 steps of at least 1 µs").mend("see `--help`"));
        }
        let inner = dir.join("samples");
        let folder = if inner.is_dir() { inner } else { dir.to_path_buf() };
        let named = list(&folder)?;
        let mut notes = gaps(&named);
        let (order, manifest) = order(dir, &folder, spec, &mut notes)?;
        let (inputs, column) = unique_inputs(&order);
        if inputs.len() < order.len() {
            notes.push(format!(
                "{} inputs of the files stand for a neuron that has one already: their spikes are added",
                order.len() - inputs.len()
            ));
        }
        progress.stage("reading samples", Some(named.len() as u64));
        let dt_ms = spec.dt_us as f64 * 1e-3;
        let samples: Vec<Sample> = named
            .par_iter()
            .map(|(_, _, path)| {
                progress.advance(1);
                let file = PlainFile::open(path)?;
                let label: i64 = file.number("target")?;
                let duration: i64 = file.number("duration")?;
                let bad = |name: &str, found: i64, expected: &str| {
                    UserError::bad_data("bad-sample", "a sample holds a number out of range")
                        .file(path)
                        .dataset(name)
                        .found(found.to_string())
                        .expected(expected)
                        .mend("make the file again")
                };
                let label = u32::try_from(label)
                    .ok()
                    .filter(|&l| l < 1 << 16)
                    .ok_or_else(|| bad("target", label, "a class from 0 to 65535"))?;
                let steps = if duration < 0 { None } else { Some((duration as f64 / dt_ms).round()) };
                let steps = steps
                    .filter(|&s| s <= spec.steps as f64)
                    .ok_or_else(|| bad("duration", duration, "ms from 0 to the length of the sample"))?;
                Ok(Sample { label, onset: 0, duration: steps as u32, concentration: 1.0 })
            })
            .collect::<Result<_>>()?;
        let classes = classes(&samples, &named, manifest.as_ref());
        let labels: Vec<u32> = samples.iter().map(|s| s.label).collect();
        let split = Split::stratified(&labels, spec.split, spec.seed)?;
        let files: Vec<PathBuf> = named.into_iter().map(|(_, _, path)| path).collect();
        let identity = identity(&files, &inputs, spec)?;
        let about = About { samples, steps: spec.steps, dt_ms, inputs, classes, split, identity };
        Ok(Self { about, files, column, dt_us: spec.dt_us, notes })
    }
}

/// Samples of a folder by number: number, odour name, file. Numbers are compared as numbers: 2 stands before 10.
fn list(folder: &Path) -> Result<Vec<(u64, String, PathBuf)>> {
    let mut found: BTreeMap<u64, (String, PathBuf)> = BTreeMap::new();
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect())
        .map_err(|e| UserError::cannot_read(folder, &e))?;
    paths.sort_unstable();
    for path in paths {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if !matches!(extension.as_str(), "hdf5" | "h5") {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (number, odor) = stem.split_once('_').unwrap_or((&stem, ""));
        let Some(number) = Some(number).filter(|n| n.bytes().all(|b| b.is_ascii_digit())).and_then(|n| n.parse().ok()) else {
            return Err(UserError::bad_data("bad-sample-name", "a file that is not named like a sample")
                .file(&path)
                .found(&stem)
                .expected("`{number}_{odor}.hdf5`")
                .mend("move it out of the folder"));
        };
        if let Some((_, first)) = found.insert(number, (odor.into(), path.clone())) {
            return Err(UserError::bad_data("duplicate-sample", "two files of one sample number")
                .file(&path)
                .found(number.to_string())
                .expected(format!("one file; the other is `{}`", first.file_name().unwrap_or_default().to_string_lossy()))
                .mend("remove one of them"));
        }
    }
    if found.is_empty() {
        return Err(UserError::bad_data("no-samples", "holds no sample")
            .file(folder)
            .expected("files named `{number}_{odor}.hdf5`")
            .mend("name the folder that holds `samples/`"));
    }
    Ok(found.into_iter().map(|(number, (odor, path))| (number, odor, path)).collect())
}

/// Says which numbers are missing.
fn gaps(named: &[(u64, String, PathBuf)]) -> Vec<String> {
    let (mut missing, mut first) = (0_u64, None);
    let mut next = 0;
    for (number, _, _) in named {
        if *number > next {
            missing += number - next;
            first.get_or_insert(next);
        }
        next = number + 1;
    }
    first
        .map(|first| format!("{missing} sample numbers are missing, the first is {first}; samples are numbered anew"))
        .into_iter()
        .collect()
}

/// Root id of every input of the files.
fn order(dir: &Path, folder: &Path, spec: &FolderSpec, notes: &mut Vec<String>) -> Result<(Vec<u64>, Option<Manifest>)> {
    let path = [dir, folder].into_iter().map(|d| d.join(MANIFEST)).find(|p| p.is_file());
    let manifest: Option<Manifest> = match &path {
        None => None,
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|e| UserError::cannot_read(path, &e))?;
            let manifest = serde_json::from_str(&text).map_err(|e| {
                UserError::bad_data("bad-manifest", format!("is not the manifest of a folder of samples: {e}"))
                    .file(path)
                    .line(e.line() as u64)
                    .mend("write the folder again, or remove the manifest and name the order of the inputs")
            })?;
            Some(manifest)
        }
    };
    if let Some(assumed) = &spec.order {
        notes.push(format!(
            "the order of the inputs is assumed, from `{}`",
            assumed.file_name().unwrap_or_default().to_string_lossy()
        ));
        return Ok((read_order(assumed)?, manifest));
    }
    let Some(manifest) = manifest else {
        return Err(UserError::bad_data("no-input-order", "does not say which neuron an input is")
            .file(folder)
            .expected(format!("a `{MANIFEST}` with the root ids"))
            .mend("give `--assume-order FILE` with the ids in the order of the inputs"));
    };
    let ids = manifest.inputs.iter().map(|id| root_id(id)).collect::<Result<Vec<u64>>>();
    let ids = ids.map_err(|e| if let Some(path) = &path { e.file(path).key("inputs") } else { e })?;
    Ok((ids, Some(manifest)))
}

/// Ids of a file in its order: the column `root_id` of a table, or every number of a list.
fn read_order(path: &Path) -> Result<Vec<u64>> {
    let text = Text::read(path, "input_order")?;
    let records = text.records(b',')?;
    let column = records.first().and_then(|h| h.fields.iter().position(|f| f.eq_ignore_ascii_case("root_id")));
    let mut ids = Vec::new();
    for record in &records[usize::from(column.is_some())..] {
        let fields = match column {
            Some(at) => record.fields.get(at..=at).unwrap_or_default(),
            None => &record.fields[..],
        };
        for field in fields {
            ids.push(root_id(field).map_err(|e| e.file(path).line(record.line))?);
        }
    }
    if ids.is_empty() {
        return Err(UserError::bad_data("no-inputs", "holds no root id").file(path).mend("name a list of root ids"));
    }
    Ok(ids)
}

/// Each id once, and the position of every input among them.
fn unique_inputs(order: &[u64]) -> (Vec<u64>, Vec<u32>) {
    let mut position: HashMap<u64, u32> = HashMap::new();
    let mut inputs = Vec::new();
    let column = order
        .iter()
        .map(|&id| {
            *position.entry(id).or_insert_with(|| {
                inputs.push(id);
                inputs.len() as u32 - 1
            })
        })
        .collect();
    (inputs, column)
}

/// Names of the classes: from the manifest, else from the file names.
fn classes(samples: &[Sample], named: &[(u64, String, PathBuf)], manifest: Option<&Manifest>) -> Vec<String> {
    let count = samples.iter().map(|s| s.label as usize + 1).max().unwrap_or(0);
    if let Some(manifest) = manifest.filter(|m| m.classes.len() >= count) {
        return manifest.classes.clone();
    }
    let mut names: Vec<String> = (0..count).map(|c| format!("class {c}")).collect();
    for (sample, (_, odor, _)) in samples.iter().zip(named).rev().filter(|(_, n)| !n.1.is_empty()) {
        names[sample.label as usize].clone_from(odor);
    }
    names
}

fn identity(files: &[PathBuf], inputs: &[u64], spec: &FolderSpec) -> Result<String> {
    let hashes: Vec<String> = files
        .par_iter()
        .map(|path| digest::sha256_file(path).map_err(|e| UserError::cannot_read(path, &e)))
        .collect::<Result<_>>()?;
    let words = format!("{}\n{} {} {}", hashes.join("\n"), digest::sha256_ids(inputs), spec.steps, spec.dt_us);
    Ok(digest::sha256_reader(words.as_bytes()).expect("reading memory does not fail"))
}

impl Stored for SampleFolder {
    fn about(&self) -> &About {
        &self.about
    }

    fn read(&self, i: usize, events: &mut Events) -> Result<()> {
        let (path, steps) = (&self.files[i], self.about.steps);
        let (shape, data) = PlainFile::open(path)?.read::<f64>("data")?;
        if !matches!(shape[..], [_, 2]) && !data.is_empty() {
            return Err(UserError::bad_data("bad-shape", "a data set has the wrong shape")
                .file(path)
                .dataset("data")
                .found(format!("{shape:?}"))
                .expected("rows of time (s) and input index")
                .mend("make the file again"));
        }
        let mut pairs = Vec::with_capacity(data.len() / 2);
        for (spike, row) in data.chunks_exact(2).zip(1_u64..) {
            let bad = |column: &str, found: f64, expected: String| {
                UserError::bad_data("bad-spike", "a spike outside the sample")
                    .file(path)
                    .dataset("data")
                    .row(row)
                    .column(column)
                    .found(found.to_string())
                    .expected(expected)
                    .mend("make the file again, or give the number of steps and inputs that it was made with")
            };
            let (time, index) = (spike[0], spike[1]);
            let step = step_of(time, self.dt_us).filter(|&s| s < steps as u64).ok_or_else(|| {
                let end = steps as f64 * self.dt_us as f64 * 1e-6;
                bad("time", time, format!("seconds from 0 to below {end}"))
            })?;
            let column = (index >= 0.0 && index.fract() == 0.0).then_some(index as usize).and_then(|i| self.column.get(i));
            let column =
                column.ok_or_else(|| bad("input", index, format!("a whole number from 0 to {}", self.column.len() - 1)))?;
            pairs.push((step as u32, *column));
        }
        pairs.sort_unstable_by_key(|&(step, column)| (column, step));
        events.fill(steps, &pairs);
        Ok(())
    }
}

/// Step of a time in s: whole microseconds, divided as integers, so that 0.251 s lies in step 251 of 1 ms.
fn step_of(time: f64, dt_us: u64) -> Option<u64> {
    let us = (time * 1e6).round();
    (0.0..1e15).contains(&us).then(|| us as u64 / dt_us)
}

/// Writes `samples` of a generator as a folder of one file each; nothing appears at `dir` unless it is complete.
///
/// # Errors
/// `not-empty` if the folder exists and holds something; a failed write.
pub fn write_folder(generator: &OdorGenerator, samples: &[u32], dir: &Path, progress: &dyn Progress) -> Result<()> {
    let out = AtomicDir::create(dir)?;
    let folder = out.path().join("samples");
    fs::create_dir(&folder).map_err(|e| UserError::cannot_write(dir, &e))?;
    progress.stage("writing samples", Some(samples.len() as u64));
    let dt = generator.dt_ms();
    let mut events = Events::default();
    for &i in samples {
        generator.events(i as usize, &mut events)?;
        let sample = generator.sample(i as usize);
        let name = file_name(i, &generator.classes()[sample.label as usize]);
        let file = PlainWriter::create(&folder.join(name))?;
        let rows: Vec<f64> = (0..events.steps())
            .flat_map(|t| events.at(t).iter().flat_map(move |&c| [t as f64 * dt * 1e-3, f64::from(c)]))
            .collect();
        file.write("data", &[rows.len() / 2, 2], &rows)?;
        file.write("target", &[], &[i64::from(sample.label)])?;
        file.write("duration", &[], &[(f64::from(sample.duration) * dt).round() as i64])?;
        let drive = generator.drives().row(sample.label as usize);
        let responding: Vec<i64> =
            generator.drives().group.iter().zip(0..).filter(|(g, _)| drive[**g as usize] > 0.0).map(|(_, c)| c).collect();
        file.write("responding_idxs", &[responding.len()], &responding)?;
        file.finish()?;
        progress.advance(1);
    }
    let manifest = Manifest {
        format: "kenyon-odor-samples 1".into(),
        inputs: generator.inputs().iter().map(ToString::to_string).collect(),
        classes: generator.classes().to_vec(),
        steps: generator.steps(),
        dt_ms: dt,
        identity: generator.identity().into(),
    };
    let text = serde_json::to_string_pretty(&manifest).expect("plain data");
    AtomicFile::write(&out.path().join(MANIFEST), (text + "\n").as_bytes())?;
    out.commit()
}

/// `{number}_{odor}.hdf5`, with nothing in it that a file system would take for a path.
fn file_name(i: u32, odor: &str) -> String {
    let safe: String = odor.chars().map(|c| if c.is_alphanumeric() || "-,() ".contains(c) { c } else { '-' }).take(60).collect();
    format!("{i}_{safe}.hdf5")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odors::fixtures;
    use kenyon_base::Silent;

    /// A sample file with these spikes.
    fn sample(dir: &Path, name: &str, spikes: &[f64]) {
        let file = PlainWriter::create(&dir.join(name)).expect("created");
        file.write("data", &[spikes.len() / 2, 2], spikes).expect("written");
        file.write("target", &[], &[0_i64]).expect("written");
        file.write("duration", &[], &[100_i64]).expect("written");
        file.finish().expect("finished");
    }

    fn ordered(dir: &Path) -> FolderSpec {
        let order = dir.join("ids.txt");
        fs::write(&order, "30,10,30\n").expect("written");
        FolderSpec { order: Some(order), ..FolderSpec::default() }
    }

    #[test]
    fn every_whole_millisecond_lands_in_its_step() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let spikes: Vec<f64> = (0..500).flat_map(|k| [f64::from(k) * 0.001, 1.0]).collect();
        sample(dir.path(), "0_water.hdf5", &spikes);
        let folder = SampleFolder::open(dir.path(), &ordered(dir.path()), &Silent).expect("opened");
        let mut events = Events::default();
        folder.events(0, &mut events).expect("read");
        assert!((0..500).all(|t| events.at(t) == [1]));
        let single: Vec<Option<u64>> = (0..500).map(|k| step_of(f64::from(k as f32 * 0.001_f32), 1000)).collect();
        assert_eq!(single, (0..500).map(Some).collect::<Vec<_>>(), "also times that were stored in single precision");
    }

    #[test]
    fn sample_numbers_are_numbers_and_gaps_are_told() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (name, step) in [("10_10.hdf5", 10.0), ("2_2.hdf5", 2.0), ("0_0.hdf5", 0.0)] {
            sample(dir.path(), name, &[step * 0.001, 0.0]);
        }
        let folder = SampleFolder::open(dir.path(), &ordered(dir.path()), &Silent).expect("opened");
        let mut events = Events::default();
        let steps: Vec<usize> = (0..3)
            .map(|i| {
                folder.events(i, &mut events).expect("read");
                (0..500).find(|&t| !events.at(t).is_empty()).expect("one spike")
            })
            .collect();
        assert_eq!(steps, [0, 2, 10]);
        assert!(folder.notes.iter().any(|n| n.starts_with("8 sample numbers are missing, the first is 1")), "{:?}", folder.notes);
        sample(dir.path(), "2_again.hdf5", &[]);
        let error = SampleFolder::open(dir.path(), &ordered(dir.path()), &Silent).expect_err("two of number 2");
        assert!(error.code() == "duplicate-sample" && error.to_string().contains("2_2.hdf5"), "{error}");
    }

    #[test]
    fn inputs_of_one_neuron_become_one_column_and_the_order_is_marked_as_assumed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        sample(dir.path(), "0_a.hdf5", &[0.003, 2.0, 0.003, 0.0, 0.003, 1.0]);
        let folder = SampleFolder::open(dir.path(), &ordered(dir.path()), &Silent).expect("opened");
        assert_eq!(folder.inputs(), [30, 10]);
        let mut events = Events::default();
        folder.events(0, &mut events).expect("read");
        assert_eq!(events.at(3), [0, 0, 1]);
        assert!(folder.notes.iter().any(|n| n.contains("assumed")), "{:?}", folder.notes);
        let error = SampleFolder::open(dir.path(), &FolderSpec::default(), &Silent).expect_err("no order");
        assert_eq!(error.code(), "no-input-order");
    }

    #[test]
    fn spikes_outside_the_sample_name_their_row() {
        for (spikes, row) in [
            (vec![0.1, 1.0, 0.5, 1.0], 2),
            (vec![-0.1, 1.0], 1),
            (vec![f64::NAN, 1.0], 1),
            (vec![0.1, 3.0], 1),
            (vec![0.1, 0.5], 1),
            (vec![0.1, f64::NAN], 1),
        ] {
            let dir = tempfile::tempdir().expect("a temporary folder");
            sample(dir.path(), "0_a.hdf5", &spikes);
            let folder = SampleFolder::open(dir.path(), &ordered(dir.path()), &Silent).expect("opened");
            let error = folder.events(0, &mut Events::default()).expect_err("outside");
            assert!(error.code() == "bad-spike" && error.to_string().contains(&format!("row {row}")), "{spikes:?}: {error}");
        }
    }

    #[test]
    fn a_written_folder_reads_back_as_it_was_generated() {
        let generator = fixtures::generator();
        let dir = tempfile::tempdir().expect("a temporary folder");
        let target = dir.path().join("out");
        let all: Vec<u32> = (0..generator.len() as u32).step_by(9).collect();
        write_folder(&generator, &all, &target, &Silent).expect("written");
        let folder = SampleFolder::open(&target, &FolderSpec::default(), &Silent).expect("opened");
        assert_eq!((folder.len(), folder.inputs()), (all.len(), generator.inputs()));
        let (mut a, mut b) = (Events::default(), Events::default());
        for (at, &i) in all.iter().enumerate() {
            folder.events(at, &mut a).expect("read");
            generator.events(i as usize, &mut b).expect("generated");
            assert_eq!(a, b, "sample {i}");
            let (read, made) = (folder.sample(at), generator.sample(i as usize));
            assert_eq!((read.label, read.duration), (made.label, made.duration));
            assert_eq!(folder.classes()[read.label as usize], generator.classes()[made.label as usize]);
        }
        assert_eq!(write_folder(&generator, &all, &target, &Silent).expect_err("not empty").code(), "not-empty");
    }
}
