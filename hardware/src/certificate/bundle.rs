//! The folder of a certificate.
//!
//! | file | content |
//! |---|---|
//! | `certificate.json` | the certificate |
//! | `certificate.html` | the same for people |
//! | `deployment.h5` | the network, without samples |
//! | `inputs.h5` | input spikes of every sample |
//! | `float_spikes.h5` | spikes in which the trained network and its lowering in f64 differ: the lowering's spikes and these give the trained network's |
//! | `samples.csv` | one row per sample: what each model answered |
//! | `choices.json` | what was chosen: bound, samples, seeds, machine, shifts |
//! | `comparisons.json` | what other simulators did with the exported network, if that was to be set beside |
//! | `SHA256SUMS` | hashes of the files before it |

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicDir, Container, ContainerWriter, Growing, Provenance, Result, Slices, UserError, digest};

use super::trial::Spike;
use super::{Certificate, Choices, Comparison, Trial};
use crate::deployment::{Deployment, Population, Sample};

const DEPLOYMENT: &str = "deployment.h5";
const INPUTS: &str = "inputs.h5";
const FLOAT: &str = "float_spikes.h5";
const SAMPLES: &str = "samples.csv";
const CHOICES: &str = "choices.json";
const COMPARISONS: &str = "comparisons.json";
/// Files whose hashes stand in [`SUMS`].
const HASHED: [&str; 6] = [DEPLOYMENT, INPUTS, FLOAT, SAMPLES, CHOICES, COMPARISONS];
/// Name of the list of hashes.
const SUMS: &str = "SHA256SUMS";
const INPUTS_FORMAT: &str = "kenyon-certificate-inputs";
const FLOAT_FORMAT: &str = "kenyon-certificate-float-spikes";
/// Spikes that are compressed together.
const CHUNK: usize = 1 << 16;

/// One sample: what the trained network, its f64 lowering and the emulated board made of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SampleRow {
    /// Id of the sample in its data set.
    pub sample: u32,
    /// Right class.
    pub class: u32,
    /// Answers: trained network, interpreter, emulator.
    pub answers: [u32; 3],
    /// By how much the answer of the trained network exceeds the second.
    pub margin: f64,
    /// Largest difference of a class's value between trained network and emulator.
    pub readout_error: f64,
    /// First step whose spikes differ between trained network and emulator.
    pub diverges: Option<u32>,
    /// Spikes of the trained network per population of neurons.
    pub spikes_float: Vec<u64>,
    /// Spikes of the emulator per population of neurons.
    pub spikes_emulator: Vec<u64>,
    /// Cut additions in the ring buffers.
    pub saturations: u64,
}

/// Number of columns before those of populations.
const FIXED_COLUMNS: usize = 9;

impl SampleRow {
    fn header(populations: usize) -> Vec<String> {
        let fixed = ["sample", "class", "float", "interpreter", "emulator", "margin", "readout_error", "diverges", "saturations"];
        let counts = |model: &'static str| (0..populations).map(move |k| format!("spikes_{model}_{k}"));
        fixed.map(String::from).into_iter().chain(counts("float")).chain(counts("emulator")).collect()
    }

    fn record(&self) -> Vec<String> {
        let mut record = vec![self.sample.to_string(), self.class.to_string()];
        record.extend(self.answers.map(|a| a.to_string()));
        record.push(format!("{:?}", self.margin));
        record.push(format!("{:?}", self.readout_error));
        record.push(self.diverges.map_or_else(String::new, |d| d.to_string()));
        record.push(self.saturations.to_string());
        record.extend(self.spikes_float.iter().chain(&self.spikes_emulator).map(u64::to_string));
        record
    }

    /// Name and values of the first column in which two rows differ.
    pub(super) fn first_difference(&self, other: &Self) -> Option<(String, String, String)> {
        let columns = Self::header(self.spikes_float.len()).into_iter().zip(self.record()).zip(other.record());
        columns.map(|((name, a), b)| (name, a, b)).find(|(_, a, b)| a != b)
    }

    fn parse(record: &csv::StringRecord, populations: usize) -> Option<Self> {
        let number = |k: usize| record.get(k)?.parse::<u64>().ok();
        let small = |k: usize| record.get(k)?.parse::<u32>().ok();
        let real = |k: usize| record.get(k)?.parse::<f64>().ok();
        let counts = |from: usize| (from..from + populations).map(number).collect::<Option<Vec<u64>>>();
        Some(Self {
            sample: small(0)?,
            class: small(1)?,
            answers: [small(2)?, small(3)?, small(4)?],
            margin: real(5)?,
            readout_error: real(6)?,
            diverges: if record.get(7)?.is_empty() { None } else { Some(small(7)?) },
            saturations: number(8)?,
            spikes_float: counts(FIXED_COLUMNS)?,
            spikes_emulator: counts(FIXED_COLUMNS + populations)?,
        })
    }
}

/// A table of spikes, sample by sample and step by step, that is being written.
#[derive(Debug)]
struct SpikesWriter {
    container: ContainerWriter,
    steps: usize,
    count: Growing<u32>,
    population: Growing<u32>,
    neuron: Growing<u32>,
}

impl SpikesWriter {
    fn create(path: &Path, format: &'static str, steps: u32) -> Result<Self> {
        let container = ContainerWriter::create(path, format, 1)?;
        Ok(Self {
            count: container.grow("count", CHUNK)?,
            population: container.grow("population", CHUNK)?,
            neuron: container.grow("neuron", CHUNK)?,
            container,
            steps: steps as usize,
        })
    }

    /// Adds a sample's spikes, sorted.
    fn add(&mut self, spikes: &[Spike]) -> Result<()> {
        let mut count = vec![0u32; self.steps];
        for spike in spikes {
            count[spike.0 as usize] += 1;
        }
        self.count.append(&count)?;
        self.population.append(&spikes.iter().map(|s| s.1).collect::<Vec<_>>())?;
        self.neuron.append(&spikes.iter().map(|s| s.2).collect::<Vec<_>>())
    }

    fn finish(self) -> Result<()> {
        self.count.finish()?;
        self.population.finish()?;
        self.neuron.finish()?;
        self.container.finish(&Provenance::default()).map(drop)
    }
}

/// A bundle that is being written.
#[derive(Debug)]
pub struct BundleWriter {
    folder: AtomicDir,
    populations: usize,
    inputs: SpikesWriter,
    float: SpikesWriter,
    rows: csv::Writer<BufWriter<File>>,
    rows_path: PathBuf,
}

impl BundleWriter {
    /// Starts the folder `dir`, which must not exist or be empty, with a network; its own samples are left out.
    ///
    /// # Errors
    /// `not-empty`, `cannot-write`.
    pub fn create(dir: &Path, deployment: &Deployment, choices: &Choices) -> Result<Self> {
        let folder = AtomicDir::create(dir)?;
        let at = |name: &str| folder.path().join(name);
        if deployment.samples.is_empty() {
            deployment.write(&at(DEPLOYMENT))?;
        } else {
            Deployment { samples: Vec::new(), ..deployment.clone() }.write(&at(DEPLOYMENT))?;
        }
        write_json(&at(CHOICES), choices)?;
        let rows_path = at(SAMPLES);
        let file = File::create(&rows_path).map_err(|e| UserError::cannot_write(&rows_path, &e))?;
        let mut rows = csv::Writer::from_writer(BufWriter::new(file));
        let populations = deployment.populations.iter().filter(|p| p.cells.neurons().is_some()).count();
        rows.write_record(SampleRow::header(populations)).map_err(|e| UserError::cannot_write(&rows_path, &e.into()))?;
        Ok(Self {
            inputs: SpikesWriter::create(&at(INPUTS), INPUTS_FORMAT, deployment.steps)?,
            float: SpikesWriter::create(&at(FLOAT), FLOAT_FORMAT, deployment.steps)?,
            populations,
            folder,
            rows,
            rows_path,
        })
    }

    /// Adds the next sample: its input, what the models did, and its row.
    ///
    /// # Errors
    /// `cannot-write`.
    pub fn add(&mut self, sample: &Sample, trial: &Trial, row: &SampleRow) -> Result<()> {
        debug_assert_eq!(row.spikes_float.len(), self.populations);
        let mut by_step: Vec<Spike> = sample.spikes.iter().map(|&(p, n, step)| (step, p, n)).collect();
        by_step.sort_unstable();
        self.inputs.add(&by_step)?;
        self.float.add(&trial.differences())?;
        self.rows.write_record(row.record()).map_err(|e| UserError::cannot_write(&self.rows_path, &e.into()))
    }

    /// Closes the tables, adds `comparisons`, and returns the hash of the bundle.
    ///
    /// # Errors
    /// `cannot-write`.
    pub fn freeze(mut self, comparisons: &[Comparison]) -> Result<FrozenBundle> {
        self.inputs.finish()?;
        self.float.finish()?;
        self.rows.flush().map_err(|e| UserError::cannot_write(&self.rows_path, &e))?;
        drop(self.rows);
        write_json(&self.folder.path().join(COMPARISONS), &comparisons)?;
        let mut sums = String::new();
        for name in HASHED {
            let _ = writeln!(sums, "{}  {name}", sha256(&self.folder.path().join(name))?);
        }
        let path = self.folder.path().join(SUMS);
        fs::write(&path, &sums).map_err(|e| UserError::cannot_write(&path, &e))?;
        let sha256 = sha256(&path)?;
        Ok(FrozenBundle { folder: self.folder, sha256 })
    }
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).expect("plain data") + "\n";
    fs::write(path, text).map_err(|e| UserError::cannot_write(path, &e))
}

/// Writes `certificate.json` and its page.
pub(super) fn write_documents(dir: &Path, json: &str, page: &str) -> Result<()> {
    for (name, text) in [("certificate.json", json), ("certificate.html", page)] {
        let path = dir.join(name);
        fs::write(&path, text).map_err(|e| UserError::cannot_write(&path, &e))?;
    }
    Ok(())
}

/// A bundle whose tables are closed, before its certificate.
#[derive(Debug)]
pub struct FrozenBundle {
    folder: AtomicDir,
    /// Hash of the bundle.
    pub sha256: String,
}

impl FrozenBundle {
    /// Adds the certificate and its page; the folder appears.
    ///
    /// # Errors
    /// `cannot-write`.
    pub fn finish(self, certificate: &Certificate, page: &str) -> Result<()> {
        write_documents(self.folder.path(), &certificate.to_json(), page)?;
        self.folder.commit()
    }
}

/// A bundle on disk.
#[derive(Debug)]
pub struct Bundle {
    dir: PathBuf,
    /// The certificate.
    pub certificate: Certificate,
    /// The network.
    pub deployment: Deployment,
    /// One row per sample.
    pub rows: Vec<SampleRow>,
    /// What was chosen.
    pub choices: Choices,
    /// What other simulators did.
    pub comparisons: Vec<Comparison>,
    inputs: Spikes,
    float: Spikes,
}

/// A table of spikes, sample by sample and step by step.
#[derive(Debug)]
struct Spikes {
    path: PathBuf,
    steps: usize,
    count: Slices<u32>,
    population: Slices<u32>,
    neuron: Slices<u32>,
    /// Spikes before each sample.
    start: Vec<usize>,
}

impl Spikes {
    fn open(path: PathBuf, format: &'static str, samples: usize, steps: u32) -> Result<Self> {
        let (container, steps) = (Container::open(&path, format, 1)?, steps as usize);
        let count: Vec<u32> = container.read_len("count", samples * steps)?;
        let mut start = vec![0];
        for sample in count.chunks(steps.max(1)) {
            start.push(start[start.len() - 1] + sample.iter().map(|&n| n as usize).sum::<usize>());
        }
        let (population, neuron) = (container.slices("population")?, container.slices("neuron")?);
        Ok(Self { path, steps, count: container.slices("count")?, population, neuron, start })
    }

    /// Spikes of the `k`th sample, sorted; each of a neuron of `populations` that `allowed` lets pass.
    fn read(&self, k: usize, populations: &[Population], allowed: impl Fn(&Population) -> bool) -> Result<Vec<Spike>> {
        let count = self.count.read(k * self.steps..(k + 1) * self.steps)?;
        let range = self.start[k]..self.start[k + 1];
        let (population, neuron) = (self.population.read(range.clone())?, self.neuron.read(range)?);
        let step = count.iter().enumerate().flat_map(|(step, &n)| std::iter::repeat_n(step as u32, n as usize));
        let mut spikes: Vec<Spike> = step.zip(population).zip(neuron).map(|((step, p), n)| (step, p, n)).collect();
        let exists = |s: &Spike| populations.get(s.1 as usize).is_some_and(|p| allowed(p) && (s.2 as usize) < p.ids.len());
        if let Some((_, p, n)) = spikes.iter().find(|s| !exists(s)) {
            return Err(UserError::bad_data("bundle-spikes", "holds a spike of a neuron that there is not")
                .file(&self.path)
                .found(format!("population {p}, neuron {n}")));
        }
        spikes.sort_unstable();
        Ok(spikes)
    }
}

impl Bundle {
    /// Opens a bundle by its folder or its `certificate.json`, after its hashes were found to hold.
    ///
    /// # Errors
    /// A missing or unreadable file: bad data. A file whose hash differs: `bundle-changed`, a check that did not hold.
    pub fn open(path: &Path) -> Result<Self> {
        let dir = folder(path);
        let certificate = Certificate::read(&dir.join("certificate.json"))?;
        check_hashes(&dir, &certificate)?;
        let deployment = Deployment::read(&dir.join(DEPLOYMENT))?;
        let rows = read_rows(&dir.join(SAMPLES), &deployment)?;
        let spikes = |name: &str, format| Spikes::open(dir.join(name), format, rows.len(), deployment.steps);
        let (inputs, float) = (spikes(INPUTS, INPUTS_FORMAT)?, spikes(FLOAT, FLOAT_FORMAT)?);
        let (choices, comparisons) = (super::document(&dir.join(CHOICES))?, super::document(&dir.join(COMPARISONS))?);
        Ok(Self { dir, certificate, deployment, rows, choices, comparisons, inputs, float })
    }

    /// Where it lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Input of the `k`th sample.
    ///
    /// # Errors
    /// Bad data if it cannot be read.
    pub fn sample(&self, k: usize) -> Result<Sample> {
        let spikes = self.inputs.read(k, &self.deployment.populations, |p| p.cells.neurons().is_none())?;
        let mut spikes: Vec<_> = spikes.into_iter().map(|(step, p, n)| (p, n, step)).collect();
        spikes.sort_unstable();
        Ok(Sample { name: self.rows[k].sample.to_string(), class: Some(self.rows[k].class), spikes })
    }

    /// Spikes of the `k`th sample in which the trained network and its lowering differ.
    ///
    /// # Errors
    /// Bad data if they cannot be read.
    pub(super) fn differences(&self, k: usize) -> Result<Vec<Spike>> {
        self.float.read(k, &self.deployment.populations, |p| p.cells.neurons().is_some())
    }
}

/// The folder of a bundle that is named by it or by a file in it.
fn folder(path: &Path) -> PathBuf {
    if path.is_file() { path.parent().unwrap_or(Path::new("")).to_path_buf() } else { path.to_path_buf() }
}

fn sha256(path: &Path) -> Result<String> {
    digest::sha256_file(path).map_err(|e| UserError::cannot_read(path, &e))
}

fn check_hashes(dir: &Path, certificate: &Certificate) -> Result<()> {
    let changed = |path: PathBuf, expected: &str, found: String| {
        Err(UserError::check_failed("bundle-changed", "is not the file that was certified")
            .file(path)
            .expected(expected)
            .found(found)
            .mend("restore the file, or certify again"))
    };
    let sums = dir.join(SUMS);
    let text = fs::read_to_string(&sums).map_err(|e| UserError::cannot_read(&sums, &e))?;
    for name in HASHED {
        let line = text.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix("  "));
        let found = sha256(&dir.join(name))?;
        if line != Some(&found) {
            return changed(dir.join(name), line.unwrap_or("a hash in SHA256SUMS"), found);
        }
    }
    let found = sha256(&sums)?;
    if found != certificate.inputs.bundle_sha256 {
        return changed(sums, &certificate.inputs.bundle_sha256, found);
    }
    Ok(())
}

fn read_rows(path: &Path, deployment: &Deployment) -> Result<Vec<SampleRow>> {
    let populations = deployment.populations.iter().filter(|p| p.cells.neurons().is_some()).count();
    let broken = |line: u64, message: String| UserError::bad_data("bundle-samples", message).file(path).line(line);
    let mut reader = csv::Reader::from_path(path).map_err(|e| broken(1, e.to_string()))?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| broken(rows.len() as u64 + 2, e.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = SampleRow::parse(&record, populations).ok_or_else(|| broken(line, "is no row of a certificate".into()))?;
        rows.push(row);
    }
    Ok(rows)
}
