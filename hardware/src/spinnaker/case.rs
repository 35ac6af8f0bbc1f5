//! Reference cases: a folder with `network.json` and what the released binaries recorded.
//!
//! | file | content |
//! |---|---|
//! | `network.json` | time step, populations with their PyNN parameters, projections; what the core derived from them |
//! | `LABEL_v.csv`, `LABEL_gsyn_exc.csv`, `LABEL_gsyn_inh.csv` | `step,n0,n1,…`: raw s16.15 |
//! | `LABEL_spikes.csv` | `step,neuron` |
//!
//! Numbers of a case are those of a PyNN script: [`Options::AS_WRITTEN`](super::Options::AS_WRITTEN) quantises it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::init::RawCells;
use super::quantise::{Quantised, QuantisedCells};
use super::recording::{PopulationRun, Run};
use crate::deployment::{
    CellKind, Cells, Deployment, Neurons, Population, Projection, Receptor, Role, Sample, Synapse, Variable,
};

/// Potential at the start unless a script sets it: PyNN's default, whatever `v_rest` is.
const V_INIT_MV: f64 = -65.0;
/// Recorded tables with their ends.
const TABLES: [(Variable, &str); 3] = [(Variable::V, "v"), (Variable::GsynExc, "gsyn_exc"), (Variable::GsynInh, "gsyn_inh")];

/// A reference case.
#[derive(Debug, Clone)]
pub struct Case {
    /// The network, with one sample.
    pub deployment: Deployment,
    /// What the reference says of each population, in the deployment's order.
    pub expected: Vec<Expected>,
    /// `network.json` as it is.
    pub document: Value,
}

/// What the reference says of a population; what it does not say is not compared.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Constants of each neuron by the reference's names.
    pub state: Option<Vec<BTreeMap<String, i64>>>,
    /// Ring-buffer shifts \[exc, inh\].
    pub shift: Option<[i64; 2]>,
    /// Clipped additions.
    pub saturations: Option<u64>,
    /// Rows of V, `gsyn_exc`, `gsyn_inh`.
    pub rows: [Option<Vec<i32>>; 3],
    /// Spikes (step, neuron), sorted.
    pub spikes: Option<Vec<(u32, u32)>>,
}

/// How many values of a population differ; none where the reference says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Name of the population.
    pub population: String,
    /// Values of V.
    pub v: Option<u64>,
    /// Values of the excitatory synaptic variable.
    pub gsyn_exc: Option<u64>,
    /// Values of the inhibitory synaptic variable.
    pub gsyn_inh: Option<u64>,
    /// Spikes that only one side has.
    pub spikes: Option<u64>,
    /// Derived constants.
    pub state_raw: Option<u64>,
    /// Ring-buffer shifts.
    pub shifts: Option<u64>,
    /// How far the counts of clipped additions lie apart.
    pub saturations: Option<u64>,
    /// Values that were compared.
    pub compared: u64,
    /// Spikes of the reference.
    pub spikes_expected: Option<u64>,
    /// Our spikes.
    pub spikes_got: Option<u64>,
}

impl Difference {
    /// All that differs.
    pub fn total(&self) -> u64 {
        let all = [self.v, self.gsyn_exc, self.gsyn_inh, self.spikes, self.state_raw, self.shifts, self.saturations];
        all.into_iter().flatten().sum()
    }

    /// What differs, in words; empty if nothing does.
    pub fn words(&self) -> String {
        let all = [
            ("v", self.v),
            ("gsyn_exc", self.gsyn_exc),
            ("gsyn_inh", self.gsyn_inh),
            ("spikes", self.spikes),
            ("state_raw", self.state_raw),
            ("shifts", self.shifts),
            ("saturations", self.saturations),
        ];
        let differ = all.into_iter().filter_map(|(name, n)| n.filter(|n| *n > 0).map(|n| format!("{n} of {name}")));
        differ.collect::<Vec<_>>().join(", ")
    }
}

#[derive(Deserialize)]
struct Network {
    timestep_ms: f64,
    steps: u32,
    populations: Vec<PopulationEntry>,
    #[serde(default)]
    projections: Vec<ProjectionEntry>,
    #[serde(default)]
    n_ring_buffer_saturations: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct PopulationEntry {
    label: String,
    #[serde(rename = "type")]
    kind: String,
    n: usize,
    #[serde(default)]
    spike_steps: Option<Vec<Vec<u32>>>,
    #[serde(default)]
    parameters: BTreeMap<String, Vec<f64>>,
    #[serde(default)]
    state_raw: Option<Vec<BTreeMap<String, i64>>>,
    #[serde(default)]
    ring_buffer_left_shift: Option<[i64; 2]>,
}

#[derive(Deserialize)]
struct ProjectionEntry {
    pre: String,
    post: String,
    receptor: Receptor,
    connections: Vec<(u32, u32, f64, f64)>,
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// Bad data, naming file and place: a file is missing or broken, or the network has something that is not emulated.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("network.json");
        let text = fs::read(&path).map_err(|e| UserError::cannot_read(&path, &e))?;
        let broken = |e: serde_json::Error| {
            UserError::bad_data("case-json", format!("is no network: {e}")).file(&path).line(e.line() as u64)
        };
        let document: Value = serde_json::from_slice(&text).map_err(broken)?;
        let network: Network = serde_json::from_slice(&text).map_err(broken)?;
        let in_file = |e: UserError| e.file(&path);
        let deployment = network.deployment(folder).map_err(in_file)?;
        deployment.check_structure().map_err(in_file)?;
        let mut expected = Vec::with_capacity(network.populations.len());
        for entry in network.populations {
            let saturations = network.n_ring_buffer_saturations.get(&entry.label).copied();
            let mut one =
                Expected { state: entry.state_raw, shift: entry.ring_buffer_left_shift, saturations, ..Expected::default() };
            if entry.spike_steps.is_none() {
                one.read_tables(folder, &entry.label, entry.n, network.steps)?;
            }
            expected.push(one);
        }
        Ok(Self { deployment, expected, document })
    }

    /// Input of the case.
    pub fn input(&self) -> &[(u32, u32, u32)] {
        &self.deployment.samples[0].spikes
    }

    /// Compares our results with the reference's.
    pub fn compare(&self, network: &Quantised, run: &Run) -> Vec<Difference> {
        let populations = network.populations.iter().zip(&run.populations).zip(&self.expected);
        let cells = populations.filter_map(|((p, run), expected)| p.cells.as_ref().map(|cells| (&p.label, cells, run, expected)));
        cells.map(|(label, cells, run, expected)| expected.compare(label, cells, run)).collect()
    }
}

impl Network {
    fn deployment(&self, folder: &Path) -> Result<Deployment> {
        let name = folder.file_name().map_or_else(|| "case".into(), |n| n.to_string_lossy().into_owned());
        let mut out = Deployment::new(name, self.timestep_ms, self.steps);
        let mut index = BTreeMap::new();
        let mut spikes = Vec::new();
        for (k, entry) in self.populations.iter().enumerate() {
            if index.insert(entry.label.as_str(), k as u32).is_some() {
                return Err(UserError::bad_data("case", "two populations have one label").key(&entry.label));
            }
            let (cells, record) = entry.cells()?;
            for (neuron, steps) in entry.spike_steps.iter().flatten().enumerate() {
                // A spike after the end is never sent.
                spikes.extend(steps.iter().filter(|t| **t < self.steps).map(|&t| (k as u32, neuron as u32, t)));
            }
            let role = if entry.spike_steps.is_some() { Role::Input } else { Role::Hidden };
            let ids = (0..entry.n as u64).collect();
            out.add(Population { label: entry.label.clone(), role, ids, names: Vec::new(), cells, record, v_scale: 1.0 });
        }
        spikes.sort_unstable();
        out.samples.push(Sample { name: "reference".into(), class: None, spikes });
        for (k, entry) in self.projections.iter().enumerate() {
            let find = |label: &str| {
                index.get(label).copied().ok_or_else(|| {
                    let known = index.keys().copied().collect::<Vec<_>>().join(", ");
                    UserError::bad_data("case", "unknown population")
                        .key(format!("projections[{k}]"))
                        .found(label)
                        .expected(known)
                })
            };
            let (pre, post) = (find(&entry.pre)?, find(&entry.post)?);
            let synapses = entry.connections.iter();
            let synapses = synapses.map(|&(pre, post, weight, delay_steps)| Synapse { pre, post, weight, delay_steps }).collect();
            out.projections.push(Projection { pre, post, receptor: entry.receptor, synapses });
        }
        Ok(out)
    }
}

impl PopulationEntry {
    fn cells(&self) -> Result<(Cells, Vec<Variable>)> {
        let bad = |message: &str| UserError::bad_data("case", message).key(&self.label);
        let kind = match self.kind.as_str() {
            "SpikeSourceArray" => {
                let lists = self.spike_steps.as_ref().ok_or_else(|| bad("has no `spike_steps`"))?;
                if lists.len() != self.n {
                    let found = lists.len().to_string();
                    return Err(bad("`spike_steps` does not match the neurons").found(found).expected(self.n.to_string()));
                }
                return Ok((Cells::SpikeSource, Vec::new()));
            }
            "IF_curr_exp" => CellKind::CurrExp,
            "IF_curr_delta" => CellKind::CurrDelta,
            "IF_cond_exp" => CellKind::CondExp,
            other => {
                return Err(UserError::bad_data("not-emulated", "cells of this kind are not emulated")
                    .key(&self.label)
                    .found(other)
                    .expected("SpikeSourceArray, IF_curr_exp, IF_curr_delta or IF_cond_exp"));
            }
        };
        if self.spike_steps.is_some() {
            return Err(bad("neurons have no `spike_steps`"));
        }
        let mut neurons = Neurons { kind, ..Neurons::default() };
        for (name, column) in neurons.columns_mut() {
            if name == "v" {
                *column = vec![V_INIT_MV; self.n];
                continue;
            }
            let values = self.parameters.get(name).ok_or_else(|| bad("has no parameter of this name").expected(name))?;
            column.clone_from(values);
        }
        let record = vec![Variable::V, Variable::GsynExc, Variable::GsynInh, Variable::Spikes];
        Ok((Cells::Neurons(Box::new(neurons)), record))
    }
}

impl Expected {
    /// Reads the tables of a population: all of them or none.
    fn read_tables(&mut self, folder: &Path, label: &str, n: usize, steps: u32) -> Result<()> {
        let path = |end: &str| folder.join(format!("{label}_{end}.csv"));
        let names = TABLES.iter().map(|(_, end)| *end).chain(["spikes"]);
        let missing: Vec<String> = names.map(path).filter(|p| !p.is_file()).map(|p| p.display().to_string()).collect();
        if missing.len() == TABLES.len() + 1 {
            return Ok(());
        }
        if !missing.is_empty() {
            return Err(UserError::bad_data("case-incomplete", format!("recordings of `{label}` are missing"))
                .file(folder)
                .found(missing.join(", "))
                .expected("the tables v, gsyn_exc, gsyn_inh and spikes of a population, or none of them"));
        }
        let header = std::iter::once("step".to_string()).chain((0..n).map(|i| format!("n{i}"))).collect::<Vec<_>>();
        for ((_, end), rows) in TABLES.iter().zip(&mut self.rows) {
            let path = path(end);
            let mut values = Vec::with_capacity(n * steps as usize);
            let table = read_csv(&path, &header)?;
            for (line, row) in table.iter().enumerate() {
                if row[0] != line as i64 {
                    return Err(off(&path, line, "step", row[0]).expected(line.to_string()));
                }
                for (i, &value) in row[1..].iter().enumerate() {
                    values.push(i32::try_from(value).map_err(|_| off(&path, line, &format!("n{i}"), value))?);
                }
            }
            if table.len() != steps as usize {
                return Err(UserError::bad_data("case-rows", "does not have one row for each step")
                    .file(&path)
                    .found(table.len().to_string())
                    .expected(steps.to_string()));
            }
            *rows = Some(values);
        }
        let path = path("spikes");
        let mut spikes = Vec::new();
        for (line, row) in read_csv(&path, &["step".into(), "neuron".into()])?.iter().enumerate() {
            let within = |column: usize, name: &str, end: usize| {
                let place = off(&path, line, name, row[column]).expected(format!("a number below {end}"));
                u32::try_from(row[column]).ok().filter(|x| (*x as usize) < end).ok_or(place)
            };
            spikes.push((within(0, "step", steps as usize)?, within(1, "neuron", n)?));
        }
        spikes.sort_unstable();
        self.spikes = Some(spikes);
        Ok(())
    }

    fn compare(&self, label: &str, cells: &QuantisedCells, run: &PopulationRun) -> Difference {
        let mut out = Difference { population: label.to_string(), ..Difference::default() };
        let ours = [&run.v, &run.gsyn_exc, &run.gsyn_inh];
        let fields = [&mut out.v, &mut out.gsyn_exc, &mut out.gsyn_inh];
        for ((field, reference), ours) in fields.into_iter().zip(&self.rows).zip(ours) {
            if let Some(reference) = reference {
                out.compared += reference.len() as u64;
                *field = Some(reference.iter().zip(ours).filter(|(a, b)| a != b).count() as u64);
            }
        }
        if let Some(spikes) = &self.spikes {
            let only = |a: &[(u32, u32)], b: &[(u32, u32)]| a.iter().filter(|s| b.binary_search(s).is_err()).count();
            out.spikes = Some((only(spikes, &run.spikes) + only(&run.spikes, spikes)) as u64);
            out.spikes_expected = Some(spikes.len() as u64);
            out.spikes_got = Some(run.spike_count);
        }
        if let Some(states) = &self.state {
            let mut differ = 0;
            for (i, reference) in states.iter().enumerate() {
                let ours: BTreeMap<&str, i64> = if i < cells.raw.len() { state(cells, i) } else { BTreeMap::new() };
                out.compared += reference.len() as u64;
                differ += reference.iter().filter(|(name, value)| ours.get(name.as_str()) != Some(value)).count() as u64;
            }
            out.state_raw = Some(differ + (cells.raw.len() as u64).saturating_sub(states.len() as u64));
        }
        if let Some(shift) = self.shift {
            out.compared += 2;
            out.shifts = Some(shift.iter().zip(cells.shift).filter(|(a, b)| **a != i64::from(*b)).count() as u64);
        }
        if let Some(saturations) = self.saturations {
            out.compared += 1;
            out.saturations = Some(saturations.abs_diff(run.saturations));
        }
        out
    }
}

/// What the core holds for neuron `i` before the first step, by the reference's names.
pub fn state(cells: &QuantisedCells, i: usize) -> BTreeMap<&'static str, i64> {
    let QuantisedCells { kind, raw, derived, .. } = cells;
    let RawCells { v_init, v_rest, i_offset, v_reset, v_thresh, e_rev_e, e_rev_i, .. } = raw;
    let d = &derived[i];
    let mut out = BTreeMap::from([
        ("V_init", i64::from(v_init[i])),
        ("V_rest", i64::from(v_rest[i])),
        ("R_membrane", i64::from(d.r_membrane)),
        ("exp_TC", i64::from(d.exp_tc)),
        ("I_offset", i64::from(i_offset[i])),
        ("V_reset", i64::from(v_reset[i])),
        ("T_refract", i64::from(d.t_refract)),
        ("V_thresh", i64::from(v_thresh[i])),
    ]);
    if kind.decays() {
        out.extend([
            ("exc_decay", i64::from(d.exc.decay)),
            ("exc_init", i64::from(d.exc.init)),
            ("inh_decay", i64::from(d.inh.decay)),
            ("inh_init", i64::from(d.inh.init)),
        ]);
    }
    if kind.conducts() {
        out.extend([("V_rev_E", i64::from(e_rev_e[i])), ("V_rev_I", i64::from(e_rev_i[i]))]);
    }
    out
}

/// A table of whole numbers with this header.
fn read_csv(path: &Path, header: &[String]) -> Result<Vec<Vec<i64>>> {
    let text = fs::read_to_string(path).map_err(|e| UserError::cannot_read(path, &e))?;
    let mut lines = text.lines();
    let found = lines.next().unwrap_or_default();
    if found != header.join(",") {
        return Err(UserError::bad_data("case-header", "does not have the columns of this population")
            .file(path)
            .line(1)
            .found(found)
            .expected(header.join(",")));
    }
    let mut rows = Vec::new();
    for (k, line) in lines.enumerate() {
        let row: Vec<Option<i64>> = line.split(',').map(|cell| cell.trim().parse().ok()).collect();
        if row.len() != header.len() || row.contains(&None) {
            return Err(UserError::bad_data("case-row", "is no row of whole numbers")
                .file(path)
                .line(k as u64 + 2)
                .found(line)
                .expected(format!("{} whole numbers", header.len())));
        }
        rows.push(row.into_iter().flatten().collect());
    }
    Ok(rows)
}

fn off(path: &Path, line: usize, column: &str, value: i64) -> UserError {
    UserError::bad_data("case-value", "bad value").file(path).line(line as u64 + 2).column(column).found(value.to_string())
}
