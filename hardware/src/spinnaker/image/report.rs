//! A report of the released mapper: what it put on which core, and its routing tables, beside our own.
//!
//! A virtual run leaves `reports/<stamp>/run_1` with `ds.sqlite3` (the regions) and `json_files` (placements, routing tables). It is evidence
//! for the mapping only: nothing ran. Neuron parameters are not in it, since the board makes them from a shorter form.

mod sqlite;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::sqlite::{Cell, Database};
use super::compare::{ReferenceRegion, RegionDifference, compare_regions};
use super::keys::Key;
use super::regions::RegionKind;
use super::routing::{Entry, Place, Tables};
use crate::spinnaker::Quantised;

/// Words after the last row that only the memory of a board has.
const TAIL: usize = 4;
/// Region of a spike source that names its key.
const SOURCE_CONFIGURATION: &str = "CONFIGURATION";

/// One core of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedCore {
    /// Label of the population in PyNN.
    pub label: String,
    /// First neuron.
    pub first: u32,
    /// Number of neurons.
    pub n: u32,
    /// Where it is.
    pub place: Place,
    /// Regions that the mapper wrote: label and words.
    pub regions: Vec<(String, Vec<u32>)>,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingReport {
    /// Cores of populations, in the order of the report.
    pub cores: Vec<ReportedCore>,
    /// Routing tables.
    pub tables: Tables,
}

#[derive(serde::Deserialize)]
struct Placement {
    vertex_label: String,
    x: u8,
    y: u8,
    p: u8,
}

#[derive(serde::Deserialize)]
struct ReportedTable {
    x: u8,
    y: u8,
    entries: Vec<ReportedEntry>,
}

#[derive(serde::Deserialize)]
struct ReportedEntry {
    key: u32,
    mask: u32,
    spinnaker_route: u32,
}

impl MappingReport {
    /// Reads the folder of a run: `run_1`, or the one that holds it.
    ///
    /// # Errors
    /// Bad data for a folder without `ds.sqlite3`, a damaged file, or a population without regions.
    pub fn read(folder: &Path) -> Result<Self> {
        let folder = find(folder)?;
        let json = folder.join("json_files");
        let placements: Vec<Placement> = read_json(&json.join("placements.json"))?;
        let reported: Vec<ReportedTable> = read_json(&json.join("routing_tables.json"))?;
        let entry = |e: &ReportedEntry| Entry { key: e.key, mask: e.mask, route: e.spinnaker_route };
        let tables = reported.iter().map(|t| ((t.x, t.y), t.entries.iter().map(entry).collect()));
        let path = folder.join("ds.sqlite3");
        let rows = Database::open(&path)?.table("region", &["x", "y", "p", "region_num", "region_label", "content"])?;
        let mut cores = Vec::new();
        for placement in placements {
            // System cores and those that extend delays are not named after a population's neurons.
            let Some((label, first, n)) = split_label(&placement.vertex_label) else { continue };
            let place = [placement.x, placement.y, placement.p].map(i64::from);
            let own = rows.iter().filter(|row| (0..3).all(|k| row[k].integer() == Some(place[k])));
            let region = |row: &Vec<Cell>| match (&row[4], &row[5]) {
                (Cell::Text(label), Cell::Blob(bytes)) => Some((label.clone(), words(bytes))),
                _ => None,
            };
            let regions = own.filter_map(region).collect();
            let place = Place { chip: (placement.x, placement.y), core: placement.p };
            cores.push(ReportedCore { label, first, n, place, regions });
        }
        if cores.is_empty() {
            return Err(UserError::bad_data("no-populations", "places no population").file(&path));
        }
        Ok(Self { cores, tables: Tables(tables.collect()) })
    }

    fn cores_of<'a>(&'a self, label: &'a str) -> impl Iterator<Item = &'a ReportedCore> {
        self.cores.iter().filter(move |core| core.label == label)
    }

    /// Keys of a population, if anything listens to it.
    fn key(&self, label: &str) -> Option<Key> {
        let cores: Vec<_> = self.cores_of(label).collect();
        let n = cores.iter().map(|c| c.first + c.n).max()?;
        let core = cores.into_iter().min_by_key(|c| c.first)?;
        let words = |name: &str| core.regions.iter().find(|(label, _)| label == name).map(|(_, words)| words.as_slice());
        let base = match (words(RegionKind::CoreParameters.name()), words(SOURCE_CONFIGURATION)) {
            (Some([1, rest @ ..]), _) => *rest.get(6)?,
            (None, Some([_, _, _, _, 1, base, ..])) => *base,
            _ => return None,
        };
        Some(Key::block(base, n))
    }
}

/// How a report compares with our own images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MappingComparison {
    /// Populations compared.
    pub populations: usize,
    /// Their cores in the report.
    pub cores: usize,
    /// Regions, equal ones included.
    pub regions: Vec<RegionDifference>,
    /// Regions that the report leaves to the board.
    pub not_in_report: usize,
    /// Packets followed: one for each neuron that something listens to.
    pub packets: usize,
    /// Neurons whose packets reach other cores than their receivers', or none: label, first of them, how many.
    pub misrouted: Vec<(String, u32, usize)>,
}

impl MappingComparison {
    /// Whether everything that can be compared is equal.
    pub fn agrees(&self) -> bool {
        self.misrouted.is_empty() && self.regions.iter().all(|r| r.different == 0)
    }
}

/// Compares a report with our images of a network whose populations have these labels in PyNN, with the report's keys and shifts.
///
/// # Errors
/// Bad data for a population that the report does not have, or in another size; else as [`compare_regions`].
pub fn compare_report(report: &MappingReport, network: &Quantised, labels: &[String]) -> Result<MappingComparison> {
    let mut reference = Vec::new();
    let (mut not_in_report, mut cores) = (0, 0);
    for (k, (population, label)) in (0u32..).zip(network.populations.iter().zip(labels)) {
        let placed: u32 = report.cores_of(label).map(|c| c.n).sum();
        if placed != population.n {
            return Err(UserError::bad_data("other-network", "the report is of another network")
                .key(label)
                .found(format!("{placed} neurons"))
                .expected(population.n.to_string()));
        }
        for core in report.cores_of(label) {
            cores += 1;
            for kind in RegionKind::ALL.into_iter().filter(|_| population.cells.is_some()) {
                match core.regions.iter().find(|(label, _)| label == kind.name()) {
                    None => not_in_report += 1,
                    Some((_, words)) => {
                        let mut words = words.clone();
                        if kind == RegionKind::SynapticBlocks {
                            words.extend([0; TAIL]);
                        }
                        reference.push(ReferenceRegion { population: k, first: core.first, kind, words });
                    }
                }
            }
        }
    }
    let keys: Vec<Option<Key>> = labels.iter().map(|label| report.key(label)).collect();
    let regions = compare_regions(network, &keys, &reference)?;
    let (mut packets, mut misrouted) = (0, Vec::new());
    for (k, (label, key)) in (0u32..).zip(labels.iter().zip(&keys)) {
        let receivers = network.projections.iter().filter(|p| p.pre == k && !p.synapses.is_empty());
        let receivers: Vec<&str> = receivers.map(|p| labels[p.post as usize].as_str()).collect();
        let expected: BTreeSet<Place> =
            receivers.iter().flat_map(|label| report.cores_of(label)).map(|core| core.place).collect();
        let Some(key) = key.filter(|_| !expected.is_empty()) else { continue };
        let mut wrong = Vec::new();
        for core in report.cores_of(label) {
            for neuron in core.first..core.first + core.n {
                packets += 1;
                if report.tables.follow(core.place.chip, key.of(neuron, neuron)).as_ref() != Ok(&expected) {
                    wrong.push(neuron);
                }
            }
        }
        if let Some(first) = wrong.first() {
            misrouted.push((label.clone(), *first, wrong.len()));
        }
    }
    Ok(MappingComparison { populations: labels.len(), cores, regions, not_in_report, packets, misrouted })
}

/// Label, first neuron and number of neurons of `label(first:last)`.
fn split_label(vertex: &str) -> Option<(String, u32, u32)> {
    let (label, range) = vertex.strip_suffix(')')?.rsplit_once('(')?;
    let (first, last) = range.split_once(':')?;
    let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
    let n = last.checked_sub(first)?.checked_add(1)?;
    (!label.starts_with("SYSTEM:")).then(|| (label.to_string(), first, n))
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// The folder with the database: this one, its `run_1`, or the newest report's.
fn find(folder: &Path) -> Result<PathBuf> {
    let has = |folder: &PathBuf| folder.join("ds.sqlite3").is_file();
    let mut found = vec![folder.to_path_buf(), folder.join("run_1")];
    if let Ok(entries) = std::fs::read_dir(folder) {
        // Names begin with the date.
        let mut reports: Vec<PathBuf> = entries.flatten().map(|e| e.path().join("run_1")).filter(|p| has(p)).collect();
        reports.sort_unstable();
        found.extend(reports.pop());
    }
    found.into_iter().find(has).ok_or_else(|| {
        UserError::bad_data("no-report", "holds no report")
            .file(folder)
            .expected("`ds.sqlite3` and `json_files`")
            .mend("run with `keep_dataspec_database`, `keep_json_files`, `write_json_placements` and `write_json_routing_tables`")
    })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(|e| UserError::cannot_read(path, &e))?;
    serde_json::from_slice(&bytes).map_err(|e| UserError::bad_data("bad-report", format!("is no such report: {e}")).file(path))
}
