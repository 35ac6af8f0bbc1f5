//! Tables of channels, and what a box under a voltage command does.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use kenyon_neurons::biophysical::mechanism::{
    CONSTANT_ECA_MV, Calcium, CalciumPool, ChannelInfo, Drive, Environment, Instance, Mechanism, PoolInstance, channel,
};
use kenyon_neurons::biophysical::synapse::{Event, EventQueue, ReceptorBlock, ReceptorInstance, synapse_set};

use super::Folder;
use crate::validation::deviation::{largest, scale};
use crate::validation::table::{self, Column, Table, copy};
use crate::validation::{Findings, Job, keys};

/// Bar, relative to a value or to the largest of its column.
const BAR: f64 = 1e-9;
/// Values below are compared as they are.
const TINY: f64 = 1e-12;
/// Where the reference meets 0/0 it goes this far aside, mV, for the rest of its equations.
const ASIDE_MV: f64 = 1e-4;
/// Area of the box, µm²: it cancels.
const AREA_UM2: f64 = 250.0;
/// Density of a channel in its box, S/cm².
const DENSITY: f64 = 1e-3;

/// The case of a table of channels, if the file is one.
pub(super) fn job<'a>(folder: &'a Folder, file: &Path, stem: &str) -> Option<Job<'a>> {
    let label = file.with_extension("").to_string_lossy().replace('\\', "/");
    let path = file.to_path_buf();
    let job = |of: fn(&Folder, &Path, &str) -> Result<Findings>, what: &str| {
        let what = what.to_string();
        Some(Job::new(label.clone(), "relative", move || of(folder, &path, &what)))
    };
    if stem == "calcium_pool_vclamp" {
        return job(pool, stem);
    }
    if let Some(name) = stem.strip_suffix("_rates") {
        return job(rates, name);
    }
    if let Some(name) = stem.strip_suffix("_vclamp") {
        return job(command, name);
    }
    stem.strip_prefix("synapse_clamped").and_then(|held| job(synapse, held.trim_start_matches('_')))
}

/// How two columns are compared.
#[derive(Clone, Copy)]
enum Measure {
    /// Each value relative to itself.
    Relative,
    /// All relative to the largest of the column.
    OfLargest,
    /// As [`Self::Relative`], but never relative to less than this.
    Floor(f64),
}

/// Our columns beside those of a table.
struct Beside<'a> {
    table: &'a Table,
    findings: Findings,
    ours: Vec<(String, Vec<f64>)>,
}

impl<'a> Beside<'a> {
    fn new(table: &'a Table) -> Self {
        let mut findings = Findings::new("relative");
        findings.bar(format!("{BAR:e} relative"));
        if table.is_empty() {
            findings.fault("no rows");
        }
        Self { table, findings, ours: Vec::new() }
    }

    fn see(&mut self, column: &str, ours: Vec<f64>, measure: Measure) -> Result<()> {
        let theirs = self.table.numbers(column)?;
        let most = scale(&theirs, f64::MIN_POSITIVE);
        let error = |(a, b): (&f64, &f64)| {
            let scale = match measure {
                Measure::OfLargest => most,
                Measure::Relative if b.abs() <= TINY => 1.0,
                Measure::Floor(floor) if b.abs() <= floor => 1.0,
                Measure::Relative | Measure::Floor(_) => b.abs(),
            };
            (a - b).abs() / scale
        };
        let worst = largest(ours.iter().zip(&theirs).map(error));
        self.findings.see(worst);
        // The files have twelve digits: their own rounding is far below.
        self.findings.within(column, worst, BAR);
        self.ours.push((column.to_string(), ours));
        Ok(())
    }

    /// Asks that a column holds what stands in it by definition, and ends the case.
    fn finish(mut self, folder: &Folder, file: &Path, given: &[&str]) -> Result<Findings> {
        let mut columns = Vec::new();
        for name in self.table.header() {
            let known = self.ours.iter().find(|(ours, _)| ours == name);
            let column = match known {
                Some((_, ours)) => Column::Numbers(ours.clone()),
                None if given.contains(&name.as_str()) => Column::texts(self.table.text(name)?),
                None => {
                    self.findings.fault(format!("the column `{name}` is not known"));
                    continue;
                }
            };
            columns.push((name.as_str(), column));
        }
        if let Some(to) = folder.ours(file) {
            table::write(&to, &columns.iter().map(|(name, column)| (*name, column)).collect::<Vec<_>>())?;
        }
        Ok(self.findings)
    }
}

fn known(name: &str, table: &Table) -> Result<&'static ChannelInfo> {
    channel(name).map_err(|e| e.in_data().file(table.path()))
}

/// Voltages at which an equation of a channel is 0/0.
fn singular(name: &str, v_mv: f64) -> bool {
    let at: &[f64] = match name {
        "NaTa_t" => &[-38.0, -66.0],
        "NaTs2_t" => &[-32.0, -60.0],
        "Nap_Et2" => &[-38.0, -17.0, -64.4],
        "Ca_HVA" => &[-27.0],
        "Ih" => &[-154.9],
        _ => &[],
    };
    at.iter().any(|x| (x - v_mv).abs() < 1e-9)
}

/// Steady states and time constants.
fn rates(folder: &Folder, file: &Path, name: &str) -> Result<Findings> {
    let table = Table::read(&folder.path(file))?;
    let info = known(name, &table)?;
    let drive = if info.drive == Drive::Calcium { "cai_mM" } else { "v_mV" };
    let drives = table.numbers(drive)?;
    let mut beside = Beside::new(&table);
    for (k, gate) in info.gates.iter().enumerate() {
        for (column, is_tau) in [(format!("{gate}_inf"), false), (format!("{gate}_tau_ms"), true)] {
            let theirs = table.numbers(&column)?;
            let value = |(x, theirs): (&f64, &f64)| {
                let at = |x: f64| {
                    let (inf, tau) = info.rates(&Environment::default(), x)[k];
                    if is_tau { tau } else { inf }
                };
                let aside = at(x + ASIDE_MV);
                let close = (aside - theirs).abs() <= BAR * theirs.abs() && (at(*x) - theirs).abs() > BAR * theirs.abs();
                if close && singular(name, *x) { aside } else { at(*x) }
            };
            let ours = drives.iter().zip(&theirs).map(value).collect();
            beside.see(&column, ours, Measure::Relative)?;
        }
    }
    if drives.iter().any(|v| singular(name, *v)) {
        beside.findings.remark("at a singular voltage the reference may stand 1e-4 mV aside");
    }
    beside.finish(folder, file, &[drive])
}

fn block(info: &'static ChannelInfo, gbar_s_cm2: f64) -> Box<dyn Mechanism> {
    let reversal_mv = info.reversal_mv.unwrap_or(CONSTANT_ECA_MV);
    info.build(&Environment::default(), &[Instance { node: 0, area_um2: AREA_UM2, gbar_s_cm2, reversal_mv }], 1)
}

/// The time step of a table.
fn step_ms(table: &Table) -> Result<f64> {
    let t = table.numbers("t_ms")?;
    let dt = if t.len() > 1 { (t[t.len() - 1] - t[0]) / (t.len() - 1) as f64 } else { 0.025 };
    // Times are decimal numbers.
    let dt = (dt * 1e9).round() / 1e9;
    let regular = t.iter().enumerate().all(|(k, t)| (t - k as f64 * dt).abs() <= 1e-6);
    if regular && dt > 0.0 && t.len() > 1 {
        return Ok(dt);
    }
    Err(UserError::bad_data("bad-table", "does not have a row for every step")
        .file(table.path())
        .column("t_ms")
        .found(format!("{} rows", t.len())))
}

/// A channel alone in a box under a voltage command.
fn command(folder: &Folder, file: &Path, name: &str) -> Result<Findings> {
    let table = Table::read(&folder.path(file))?;
    let info = known(name, &table)?;
    let (command, dt) = (table.numbers("v_mV")?, step_ms(&table)?);
    let mut block = block(info, DENSITY);
    let mut calcium = Calcium::new(1, 1);
    let mut gates = vec![Vec::new(); info.gates.len()];
    let mut current = Vec::new();
    for (step, &v) in command.iter().enumerate() {
        let before = [command[step.saturating_sub(1)]];
        if step == 0 {
            block.init(&[v], &calcium);
        }
        block.add_currents(&before, &mut calcium, &mut [0.0], &mut [0.0]);
        current.push(block.density(0, 0, &before, &calcium).i_ma_cm2);
        if step > 0 {
            block.advance(&[v], &calcium, dt);
        }
        for (gate, trace) in gates.iter_mut().enumerate() {
            trace.push(block.gate(gate)[0]);
        }
    }
    let mut beside = Beside::new(&table);
    for (gate, trace) in info.gates.iter().zip(gates) {
        beside.see(gate, trace, Measure::OfLargest)?;
    }
    beside.see("i_mA_per_cm2", current, Measure::OfLargest)?;
    if table.has("eca_mV") || info.name.starts_with("Ca_") {
        beside.see("eca_mV", vec![CONSTANT_ECA_MV; command.len()], Measure::Relative)?;
    }
    beside.finish(folder, file, &["t_ms", "v_mV"])
}

/// Calcium channels, the pool and SK in a box under a voltage command.
fn pool(folder: &Folder, file: &Path, _: &str) -> Result<Findings> {
    let table = Table::read(&folder.path(file))?;
    let (command, dt) = (table.numbers("v_mV")?, step_ms(&table)?);
    let mut blocks = [("Ca_HVA", 0.000_644), ("Ca_LVAst", 0.000_557), ("SK_E2", 0.099_65)]
        .map(|(name, g)| block(channel(name).expect("a shipped channel"), g));
    let mut pool = CalciumPool::new(&[PoolInstance::new(0, 0.000_509, 294.679_571)], 1, 34.0, 2.0);
    let mut calcium = Calcium::new(1, 1);
    let names = ["ica_mA_per_cm2", "cai_mM", "eca_mV", "z_SK", "ik_mA_per_cm2", "m_HVA", "h_HVA", "m_LVA", "h_LVA"];
    let mut traces = vec![Vec::with_capacity(command.len()); names.len()];
    for (step, &v) in command.iter().enumerate() {
        let before = [command[step.saturating_sub(1)]];
        if step == 0 {
            for block in &mut blocks {
                block.init(&[v], &calcium);
            }
        }
        pool.start_step(&mut calcium);
        for block in &blocks {
            block.add_currents(&before, &mut calcium, &mut [0.0], &mut [0.0]);
        }
        let (ica, eca, ik) = (calcium.ica[0], calcium.eca[0], blocks[2].density(0, 0, &before, &calcium).i_ma_cm2);
        let [hva, lva, sk] = &mut blocks;
        if step > 0 {
            hva.advance(&[v], &calcium, dt);
            lva.advance(&[v], &calcium, dt);
            pool.advance(&mut calcium, dt);
            sk.advance(&[v], &calcium, dt);
        }
        let gates = [hva.gate(0)[0], hva.gate(1)[0], lva.gate(0)[0], lva.gate(1)[0]];
        let now = [ica, calcium.cai[0], eca, sk.gate(0)[0], ik].into_iter().chain(gates);
        traces.iter_mut().zip(now).for_each(|(trace, x)| trace.push(x));
    }
    let mut beside = Beside::new(&table);
    for (name, trace) in names.into_iter().zip(traces) {
        let relative = ["cai_mM", "eca_mV", "z_SK"].contains(&name);
        beside.see(name, trace, if relative { Measure::Relative } else { Measure::OfLargest })?;
    }
    beside.finish(folder, file, &["t_ms", "v_mV"])
}

/// An excitatory and an inhibitory synapse on a box that is held at a potential.
fn synapse(folder: &Folder, file: &Path, _: &str) -> Result<Findings> {
    let table = Table::read(&folder.path(file))?;
    let json: PathBuf = file.with_file_name("synapse_clamped.json");
    let path = folder.path(&json);
    let object = keys::read_object(&path)?;
    let weight = keys::optional(&object, "weight", &path)?.unwrap_or(1.0);
    let times = object.get("event_times_ms").and_then(|v| v.as_array()).map(|list| list.iter().map(serde_json::Value::as_f64));
    let times: Vec<f64> = times
        .and_then(Iterator::collect::<Option<_>>)
        .map_or_else(|| Err(keys::bad(&path, "lacks times of events").key("event_times_ms")), Ok)?;
    let dt = step_ms(&table)?;
    let end = keys::optional(&object, "tstop_ms", &path)?;
    let events = times.into_iter().map(|time_ms| Event { time_ms, synapse: 0, weight }).collect();
    let mut queue = EventQueue::new(events).map_err(|e| e.file(&path))?;
    let set = synapse_set("rat").map_err(UserError::in_data)?;
    let receptors = [
        (set.ampa_receptor(), set.ampa.gmax_us),
        (set.nmda_receptor(), set.nmda.gmax_us),
        (set.gaba_a_receptor(), set.gaba_a.gmax_us),
    ];
    let block = |(receptor, gmax_us)| ReceptorBlock::new(receptor, &[ReceptorInstance { node: 0, gmax_us }], 1);
    let mut blocks = receptors.into_iter().map(block).collect::<Result<Vec<_>>>()?;
    let names = ["gAMPA_uS", "gNMDA_uS", "gGABAA_uS", "i_exc_nA", "i_inh_nA"];
    let mut traces = vec![vec![0.0]; names.len()];
    let held = table.numbers("v_mV")?;
    for (step, &v) in held.iter().enumerate().take(held.len().saturating_sub(1)) {
        for event in queue.due((step as f64 + 0.5) * dt) {
            for block in &mut blocks {
                block.deliver(0, 0, event.weight);
            }
        }
        let g: Vec<f64> = blocks.iter().map(|block| block.conductance(0, 0, &[v])).collect();
        let i: Vec<f64> = blocks.iter().map(|block| block.current(0, 0, &[v])).collect();
        for block in &mut blocks {
            block.advance(dt);
        }
        let now = [g[0], g[1], g[2], i[0] + i[1], i[2]];
        traces.iter_mut().zip(now).for_each(|(trace, x)| trace.push(x));
    }
    let at_reversal = |e_mv: f64| held.first().is_some_and(|v| (v - e_mv).abs() < 1e-6);
    let mut beside = Beside::new(&table);
    if let Some(end) = end.filter(|end| table.len() as f64 * dt <= end * (1.0 + 1e-9)) {
        beside.findings.fault(format!("{} rows of {dt} ms do not reach {end} ms", table.len()));
    }
    for (name, trace) in names.into_iter().zip(traces) {
        // At the reversal potential what is left of the current is the clamp's rounding.
        let nothing = name == "i_exc_nA" && at_reversal(set.e_exc_mv) || name == "i_inh_nA" && at_reversal(set.e_inh_mv);
        beside.see(name, trace, Measure::Floor(if nothing { 1e-9 } else { 1e-30 }))?;
    }
    if let Some(to) = folder.ours(&json) {
        copy(&path, &to)?;
    }
    beside.finish(folder, file, &["t_ms", "v_mV"])
}
