//! An exported folder as a [`Deployment`] again: what its files say, with parameters as the board rounds them.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError, digest};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{CONFIG, FORMAT, NETWORK, VERSION};
use crate::deployment::{
    CellKind, Cells, Decision, Deployment, HostReadout, Neurons, Population, Projection, Receptor, Role, Sample, Synapse,
    Variable,
};

/// What is read of `network.json`.
#[derive(Debug, Deserialize)]
pub(super) struct NetworkFile {
    format: String,
    version: u64,
    name: String,
    synthetic: bool,
    sources: Vec<(String, String)>,
    dt_ms: f64,
    steps: u32,
    lead_in_steps: u32,
    decision: Decision,
    populations: Vec<PopulationFile>,
    projections: Vec<ProjectionFile>,
    pub(super) samples: Vec<SampleFile>,
    host_readout: Option<ReadoutFile>,
    files: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct PopulationFile {
    label: String,
    role: Role,
    model: String,
    cells: String,
    record: Vec<Variable>,
    v_scale: f64,
    /// None for sources of spikes.
    ring_buffer_left_shift: Option<[u8; 2]>,
    names: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct ProjectionFile {
    pre: u32,
    post: u32,
    receptor: Receptor,
    file: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct SampleFile {
    pub(super) name: String,
    pub(super) class: Option<u32>,
    file: String,
    pub(super) expected: ExpectedFile,
}

#[derive(Debug, Deserialize)]
pub(super) struct ExpectedFile {
    pub(super) file: String,
    pub(super) answer: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct ReadoutFile {
    sources: Vec<(u32, u32)>,
    classes: Vec<String>,
    decay_syn: f64,
    decay_mem: f64,
    file: String,
}

/// Reads an exported folder; every file must be the one that was exported, but for the configuration of the machine.
///
/// # Errors
/// Bad data: what is missing, changed or wrong.
pub fn read(dir: &Path) -> Result<Deployment> {
    let network = open(dir)?;
    let mut out = Deployment::new(network.name, network.dt_ms, network.steps);
    out.lead_in_steps = network.lead_in_steps;
    out.decision = network.decision;
    out.synthetic = network.synthetic;
    out.sources = network.sources;
    for population in network.populations {
        let table = Table::read(&dir.join(&population.cells))?;
        let cells = match kind(&population.model) {
            Some(kind) => {
                let mut neurons = Neurons { kind, ..Neurons::default() };
                for (name, values) in neurons.columns_mut() {
                    *values = table.column(name)?;
                }
                Cells::Neurons(Box::new(neurons))
            }
            None if population.model == "SpikeSourceArray" => Cells::SpikeSource,
            None => return Err(bad(dir, "unknown cell type").found(population.model)),
        };
        out.add(Population {
            label: population.label,
            role: population.role,
            ids: table.column("id")?,
            names: population.names,
            cells,
            record: population.record,
            v_scale: population.v_scale,
        });
    }
    for projection in network.projections {
        let synapses = synapses(&dir.join(&projection.file))?;
        out.projections.push(Projection { pre: projection.pre, post: projection.post, receptor: projection.receptor, synapses });
    }
    for sample in network.samples {
        let table = Table::read(&dir.join(&sample.file))?;
        let (steps, populations, neurons) = (table.column("step")?, table.column("population")?, table.column("neuron")?);
        let spikes = populations.into_iter().zip(neurons).zip(steps).map(|((p, n), s): ((u32, u32), u32)| (p, n, s)).collect();
        out.samples.push(Sample { name: sample.name, class: sample.class, spikes });
    }
    if let Some(readout) = network.host_readout {
        let table = Table::read(&dir.join(&readout.file))?;
        let (sources, classes, weights) = (table.column("source")?, table.column("class")?, table.column("weight")?);
        out.host_readout = Some(HostReadout {
            sources: readout.sources,
            classes: readout.classes,
            decay_syn: readout.decay_syn,
            decay_mem: readout.decay_mem,
            weights: sources.into_iter().zip(classes).zip(weights).map(|((s, c), w)| (s, c, w)).collect(),
        });
    }
    out.check().map_err(|e| e.file(dir))?;
    Ok(out)
}

/// `network.json`, after every file that it names was found unchanged.
pub(super) fn open(dir: &Path) -> Result<NetworkFile> {
    let path = dir.join(NETWORK);
    let text = fs::read(&path).map_err(|e| UserError::cannot_read(&path, &e))?;
    let broken = |e: &serde_json::Error| {
        bad(&path, &format!("is no `network.json` of an export: {e}")).line(e.line() as u64).mend("export again")
    };
    let network: NetworkFile = serde_json::from_slice(&text).map_err(|e| broken(&e))?;
    if network.format != FORMAT || network.version != VERSION {
        return Err(bad(&path, "unknown format or version").found(format!("{} {}", network.format, network.version)));
    }
    for (name, expected) in &network.files {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if !plain || name.starts_with('.') {
            return Err(bad(&path, "names a file outside its folder").found(name.clone()));
        }
        let file = dir.join(name);
        let found = digest::sha256_file(&file).map_err(|e| UserError::cannot_read(&file, &e))?;
        if found != *expected && name != CONFIG {
            return Err(bad(&file, "has changed since it was exported").mend("export again"));
        }
    }
    for name in network.tables() {
        if !network.files.contains_key(name) {
            return Err(bad(&path, "names a table without its sha256").found(name));
        }
    }
    Ok(network)
}

impl NetworkFile {
    /// Shifts of the ring buffers by population; those of sources mean nothing.
    pub(super) fn shifts(&self) -> Vec<[u8; 2]> {
        self.populations.iter().map(|p| p.ring_buffer_left_shift.unwrap_or_default()).collect()
    }

    fn tables(&self) -> impl Iterator<Item = &str> {
        let cells = self.populations.iter().map(|p| p.cells.as_str());
        let projections = self.projections.iter().map(|p| p.file.as_str());
        let samples = self.samples.iter().flat_map(|s| [s.file.as_str(), s.expected.file.as_str()]);
        cells.chain(projections).chain(samples).chain(self.host_readout.iter().map(|r| r.file.as_str()))
    }
}

fn kind(model: &str) -> Option<CellKind> {
    [CellKind::CurrExp, CellKind::CurrDelta, CellKind::CondExp].into_iter().find(|kind| kind.pynn_name() == model)
}

fn bad(path: &Path, message: &str) -> UserError {
    UserError::bad_data("bad-export", message).file(path)
}

fn synapses(path: &Path) -> Result<Vec<Synapse>> {
    let (pre, post, weight, delay): (Vec<u32>, Vec<u32>, Vec<f64>, Vec<u32>) = if path.extension().is_some_and(|e| e == "npz") {
        let file = File::open(path).map_err(|e| UserError::cannot_read(path, &e))?;
        let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| bad(path, &e.to_string()))?;
        let whole = |v: Vec<i32>| v.into_iter().map(|x| x as u32).collect();
        let (pre, post) = (whole(array(&mut zip, "pre", path)?), whole(array(&mut zip, "post", path)?));
        (pre, post, array(&mut zip, "weight", path)?, whole(array(&mut zip, "delay_steps", path)?))
    } else {
        let table = Table::read(path)?;
        (table.column("pre")?, table.column("post")?, table.column("weight")?, table.column("delay_steps")?)
    };
    if [post.len(), weight.len(), delay.len()] != [pre.len(); 3] {
        return Err(bad(path, "its arrays differ in length"));
    }
    let synapse = |i: usize| Synapse { pre: pre[i], post: post[i], weight: weight[i], delay_steps: f64::from(delay[i]) };
    Ok((0..pre.len()).map(synapse).collect())
}

fn array<T: npyz::Deserialize>(zip: &mut zip::ZipArchive<BufReader<File>>, name: &str, path: &Path) -> Result<Vec<T>> {
    let entry = zip.by_name(&format!("{name}.npy")).map_err(|e| bad(path, &e.to_string()))?;
    npyz::NpyFile::new(entry).and_then(npyz::NpyFile::into_vec).map_err(|e| bad(path, &e.to_string()))
}

/// A table with a header.
pub(super) struct Table {
    path: PathBuf,
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let broken = |e: csv::Error| bad(path, &format!("is no table: {e}"));
        let mut reader = csv::Reader::from_path(path).map_err(broken)?;
        let header = reader.headers().map_err(broken)?.iter().map(String::from).collect();
        let rows = reader.records().collect::<csv::Result<_>>().map_err(broken)?;
        Ok(Self { path: path.into(), header, rows })
    }

    /// The values of a column.
    pub(super) fn column<T: DeserializeOwned + std::str::FromStr>(&self, name: &str) -> Result<Vec<T>> {
        let missing = || bad(&self.path, "lacks a column").expected(name);
        let column = self.header.iter().position(|h| h == name).ok_or_else(missing)?;
        let parsed = self.rows.iter().enumerate().map(|(i, row)| {
            row[column]
                .parse()
                .map_err(|_| bad(&self.path, &format!("bad value in column `{name}`")).line(i as u64 + 2).found(&row[column]))
        });
        parsed.collect()
    }
}
