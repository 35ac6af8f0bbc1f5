//! A data set of input spikes in one HDF5 file. Layout in `docs/odors.md`, "The file".

use std::path::Path;

use kenyon_base::{Container, ContainerWriter, Progress, Provenance, Result, Slices, UserError, digest};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::ceiling::Ceiling;
use super::geometry::Geometry;
use super::receptors::Mapping;
use super::spec::OdorSpec;
use crate::events::{About, Events, Sample, SpikeSource, Stored};
use crate::split::Split;

/// Format name in the file.
pub const FORMAT: &str = "kenyon-odors";
/// Newest format version that this code reads and the one it writes.
pub const VERSION: u32 = 1;

/// Elements that are compressed together: about two samples of the full recipe.
const CHUNK: usize = 1 << 14;
/// Samples that are made at a time.
const BLOCK: usize = 128;

/// What the file says about itself besides its arrays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Steps per sample.
    pub steps: usize,
    /// Length of a step in ms.
    pub dt_ms: f64,
    /// SHA-256 that names the content.
    pub identity: String,
    /// SHA-256 of the order of the inputs.
    pub inputs_sha256: String,
    /// SHA-256 of the split.
    pub split_sha256: String,
    /// Spikes of all samples.
    pub events: u64,
    /// Input spikes per second and input, over all samples.
    pub mean_rate_hz: f64,
    /// The recipe, if the samples were generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<OdorSpec>,
    /// How receptor labels found their columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<serde_json::Value>,
    /// Statistics of the responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geometry: Option<serde_json::Value>,
    /// What an ideal observer of the counts reaches on the test part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Ceiling>,
    /// What else a user should know, in words.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What the writer cannot know from the samples alone.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// Receptor labels of every input.
    pub labels: Vec<Vec<String>>,
    /// The recipe.
    pub recipe: Option<OdorSpec>,
    /// How receptor labels found their columns.
    pub mapping: Option<Mapping>,
    /// Statistics of the responses.
    pub geometry: Option<Geometry>,
    /// The ceiling.
    pub ceiling: Option<Ceiling>,
    /// What else a user should know.
    pub notes: Vec<String>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// Writes all samples of `source`; nothing appears at `path` unless it is complete.
///
/// Samples are made in parallel, block by block, and compressed as they come: memory does not grow with their number.
///
/// # Errors
/// A sample that the source cannot deliver, or a failed write.
pub fn write(source: &dyn SpikeSource, about: &Description, path: &Path, progress: &dyn Progress) -> Result<Report> {
    let out = ContainerWriter::create(path, FORMAT, VERSION)?;
    let (n, steps) = (source.len(), source.steps());
    out.write("inputs/root_id", source.inputs())?;
    if about.labels.len() == source.inputs().len() {
        out.write_text("inputs/receptor", &about.labels.iter().map(|l| l.join(";")).collect::<Vec<_>>())?;
    }
    out.write_text("odors/name", source.classes())?;
    let samples: Vec<Sample> = (0..n).map(|i| source.sample(i)).collect();
    out.write("samples/label", &samples.iter().map(|s| s.label).collect::<Vec<_>>())?;
    out.write("samples/onset", &samples.iter().map(|s| s.onset).collect::<Vec<_>>())?;
    out.write("samples/duration", &samples.iter().map(|s| s.duration).collect::<Vec<_>>())?;
    out.write("samples/concentration", &samples.iter().map(|s| s.concentration).collect::<Vec<_>>())?;
    let split = source.split();
    out.write("split/train", &split.train)?;
    out.write("split/validation", &split.validation)?;
    out.write("split/test", &split.test)?;
    let ptr = events(source, &out, progress)?;
    out.write("samples/event_ptr", &ptr)?;
    let total = ptr[n];
    let seconds = n as f64 * steps as f64 * source.dt_ms() * 1e-3;
    let plain = |value: serde_json::Result<serde_json::Value>| value.expect("plain data");
    let report = Report {
        steps,
        dt_ms: source.dt_ms(),
        identity: source.identity().into(),
        inputs_sha256: digest::sha256_ids(source.inputs()),
        split_sha256: split.sha256(),
        events: total,
        mean_rate_hz: if seconds > 0.0 { total as f64 / seconds / source.inputs().len() as f64 } else { 0.0 },
        recipe: about.recipe.clone(),
        mapping: about.mapping.as_ref().map(|m| plain(serde_json::to_value(m))),
        geometry: about.geometry.as_ref().map(|g| plain(serde_json::to_value(g))),
        ceiling: about.ceiling,
        notes: about.notes.clone(),
    };
    out.write_text("report", &[serde_json::to_string(&report).expect("plain data")])?;
    out.finish(&about.provenance)?;
    Ok(report)
}

/// Writes the spikes; returns where each sample begins.
fn events(source: &dyn SpikeSource, out: &ContainerWriter, progress: &dyn Progress) -> Result<Vec<u64>> {
    let n = source.len();
    let mut per_step = out.grow::<u32>("events/per_step", CHUNK)?;
    // Half the size where two bytes hold every column; readers need not care.
    let narrow = source.inputs().len() <= usize::from(u16::MAX) + 1;
    let mut columns16 = if narrow { Some(out.grow::<u16>("events/column", CHUNK)?) } else { None };
    let mut columns32 = if narrow { None } else { Some(out.grow::<u32>("events/column", CHUNK)?) };
    let mut ptr = Vec::with_capacity(n + 1);
    ptr.push(0_u64);
    progress.stage("writing samples", Some(n as u64));
    for block in (0..n).step_by(BLOCK) {
        let made: Vec<Events> = (block..(block + BLOCK).min(n))
            .into_par_iter()
            .map(|i| {
                let mut events = Events::default();
                source.events(i, &mut events).map(|()| events)
            })
            .collect::<Result<_>>()?;
        for events in &made {
            let counts: Vec<u32> = events.ptr.windows(2).map(|w| w[1] - w[0]).collect();
            per_step.append(&counts)?;
            if let Some(columns) = &mut columns16 {
                columns.append(&events.idx.iter().map(|&c| c as u16).collect::<Vec<_>>())?;
            } else if let Some(columns) = &mut columns32 {
                columns.append(&events.idx)?;
            }
            ptr.push(ptr[ptr.len() - 1] + events.idx.len() as u64);
        }
        progress.advance(made.len() as u64);
    }
    per_step.finish()?;
    if let Some(columns) = columns16 {
        columns.finish()?;
    }
    if let Some(columns) = columns32 {
        columns.finish()?;
    }
    Ok(ptr)
}

/// A data set of input spikes opened for reading, in any order of samples.
#[derive(Debug)]
pub struct SpikeStore {
    about: About,
    container: Container,
    ptr: Vec<u64>,
    report: Report,
    columns: Slices<u32>,
    per_step: Slices<u32>,
}

impl SpikeStore {
    /// Opens a file and checks everything it promises but the spikes, which are checked as they are read.
    ///
    /// # Errors
    /// The seal, the format, lengths, labels, the split, the order of the inputs.
    pub fn open(path: &Path) -> Result<Self> {
        let container = Container::open(path, FORMAT, VERSION)?;
        let damaged = |object: &str, expected: &str| damaged(path, object, expected);
        let text = container.read_text("report")?;
        let report: Report = text
            .first()
            .and_then(|t| serde_json::from_str(t).ok())
            .ok_or_else(|| damaged("report", "the report of the data set"))?;
        let inputs: Vec<u64> = container.read("inputs/root_id")?;
        if digest::sha256_ids(&inputs) != report.inputs_sha256 {
            return Err(damaged("inputs/root_id", "the ids whose SHA-256 the report holds"));
        }
        let classes = container.read_text("odors/name")?;
        let label: Vec<u32> = container.read("samples/label")?;
        let n = label.len();
        let onset: Vec<u32> = container.read_len("samples/onset", n)?;
        let duration: Vec<u32> = container.read_len("samples/duration", n)?;
        let concentration: Vec<f32> = container.read_len("samples/concentration", n)?;
        if label.iter().any(|&l| l as usize >= classes.len()) {
            return Err(damaged("samples/label", "positions in `odors/name`"));
        }
        let samples = (0..n)
            .map(|i| Sample { label: label[i], onset: onset[i], duration: duration[i], concentration: concentration[i] })
            .collect();
        let ptr: Vec<u64> = container.read_len("samples/event_ptr", n + 1)?;
        let columns = container.slices("events/column")?;
        let per_step = container.slices("events/per_step")?;
        if ptr[0] != 0 || !ptr.is_sorted() || ptr[n] != columns.len() as u64 {
            return Err(damaged("samples/event_ptr", "ascending positions in `events/column`, the last its length"));
        }
        if n.checked_mul(report.steps) != Some(per_step.len()) {
            return Err(damaged("events/per_step", "one number per sample and step"));
        }
        let split = Split {
            train: container.read("split/train")?,
            validation: container.read("split/validation")?,
            test: container.read("split/test")?,
        };
        split.check(n).map_err(|e| e.file(path))?;
        if split.sha256() != report.split_sha256 {
            return Err(damaged("split", "the lists whose SHA-256 the report holds"));
        }
        let (steps, dt_ms, identity) = (report.steps, report.dt_ms, report.identity.clone());
        let about = About { samples, steps, dt_ms, inputs, classes, split, identity };
        Ok(Self { about, container, ptr, report, columns, per_step })
    }

    /// What the file says about itself.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Receptor labels of every input, joined by `;`; none if they are not known.
    ///
    /// # Errors
    /// That they cannot be read.
    pub fn receptors(&self) -> Result<Option<Vec<String>>> {
        if self.container.has("inputs/receptor") { self.container.read_text("inputs/receptor").map(Some) } else { Ok(None) }
    }

    /// Where it comes from.
    pub fn provenance(&self) -> &Provenance {
        self.container.provenance()
    }

    /// SHA-256 of the file's content.
    pub fn sha256(&self) -> &str {
        self.container.sha256()
    }
}

fn damaged(path: &Path, object: &str, expected: &str) -> UserError {
    UserError::bad_data("damaged-odors", "a data set does not hold what it should")
        .file(path)
        .dataset(object)
        .expected(expected)
        .mend("make the file again with `kenyon odors make`")
}

impl Stored for SpikeStore {
    fn about(&self) -> &About {
        &self.about
    }

    fn read(&self, i: usize, events: &mut Events) -> Result<()> {
        let steps = self.about.steps;
        let counts = self.per_step.read(i * steps..(i + 1) * steps)?;
        events.idx = self.columns.read(self.ptr[i] as usize..self.ptr[i + 1] as usize)?;
        events.ptr.clear();
        events.ptr.push(0);
        let mut end = 0_u64;
        for count in counts {
            end += u64::from(count);
            events.ptr.push(end as u32);
        }
        if end != events.idx.len() as u64 {
            return Err(damaged(self.container.path(), "events/per_step", "counts whose sum is the number of spikes"));
        }
        if events.idx.iter().any(|&c| c as usize >= self.about.inputs.len()) {
            return Err(damaged(self.container.path(), "events/column", "positions in `inputs/root_id`"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odors::fixtures;
    use kenyon_base::Silent;

    #[test]
    fn stored_samples_are_the_generated_ones_bit_by_bit_in_any_order() {
        let generator = fixtures::generator();
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("odors.h5");
        let report = write(&generator, &Description::default(), &path, &Silent).expect("written");
        let store = SpikeStore::open(&path).expect("opened");
        assert_eq!((store.len(), store.steps(), store.inputs()), (generator.len(), generator.steps(), generator.inputs()));
        assert_eq!((store.identity(), store.split()), (generator.identity(), generator.split()));
        let (mut a, mut b) = (Events::default(), Events::default());
        let mut total = 0;
        for i in (0..store.len()).rev().step_by(3).chain(0..store.len()) {
            store.events(i, &mut a).expect("read");
            generator.events(i, &mut b).expect("generated");
            assert_eq!((&a, store.sample(i)), (&b, generator.sample(i)), "sample {i}");
            total += a.idx.len();
        }
        assert!(total as u64 > report.events, "the samples were visited");
        assert_eq!(store.events(store.len(), &mut a).expect_err("beyond").code(), "no-such-sample");
    }

    #[test]
    fn the_same_recipe_gives_the_same_file_at_any_number_of_threads() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let files = [1, 2, 4].map(|threads| {
            let path = dir.path().join(format!("{threads}.h5"));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| write(&fixtures::generator(), &Description::default(), &path, &Silent)).expect("written");
            std::fs::read(path).expect("read")
        });
        assert!(files[0] == files[1] && files[1] == files[2]);
    }
}
