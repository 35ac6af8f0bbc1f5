//! Tables: the f-I curve, single events, input resistance.

use std::path::Path;

use kenyon_base::{Result, UserError, peaks};
use rayon::prelude::*;

use super::Folder;
use super::cell::{Clamp, Columns, Input, Place, Protocol, run};
use super::config::Params;
use super::replay::PEAK_MV;
use crate::validation::Findings;
use crate::validation::deviation::worst;
use crate::validation::table::{self, Column, Table};

/// Bar of potentials and their changes in tables, mV.
const TABLE_MV: f64 = 1e-4;
/// Relative bar of input resistances.
const RESISTANCE: f64 = 1e-4;
/// Single events arrive then, ms.
const EVENT_MS: f64 = 20.0;

/// How a column of a table is judged.
#[derive(Clone, Copy)]
enum Bar {
    /// Same number.
    Exact,
    /// At most this far.
    Absolute(f64),
    /// At most this share of the value.
    Relative(f64),
}

/// Rows of our own values under the names of the columns that they fill.
struct Rows<'a> {
    table: &'a Table,
    /// Columns that say what a row is.
    given: &'a [&'a str],
    columns: Vec<(&'static str, Bar, Vec<Option<f64>>)>,
}

impl<'a> Rows<'a> {
    fn new(table: &'a Table, given: &'a [&'a str], names: &[(&'static str, Bar)], rows: &[Vec<Option<f64>>]) -> Self {
        let column = |(k, (name, bar)): (usize, &(&'static str, Bar))| (*name, *bar, rows.iter().map(|row| row[k]).collect());
        Self { table, given, columns: names.iter().enumerate().map(column).collect() }
    }

    /// Compares the columns and writes them where the table's own stand.
    fn finish(self, folder: &Folder, file: &Path, unit: &'static str) -> Result<Findings> {
        let mut findings = Findings::new(unit);
        if self.table.is_empty() {
            findings.fault(format!("`{}` has no rows", file.display()));
        }
        let required: Vec<&str> = self.given.iter().copied().chain(self.columns.iter().map(|(name, ..)| *name)).collect();
        findings.columns(self.table, &required, &[]);
        for (name, bar, ours) in self.columns.iter().filter(|(name, ..)| self.table.has(name)) {
            let error = |(theirs, ours): (Option<f64>, &Option<f64>)| match (theirs, *ours) {
                (Some(a), Some(b)) => (a - b).abs() / if matches!(bar, Bar::Relative(_)) { a.abs() } else { 1.0 },
                (None, None) => 0.0,
                _ => f64::INFINITY,
            };
            let (row, worst) = worst(self.table.optional(name)?.into_iter().zip(ours).map(error));
            let limit = match bar {
                Bar::Exact => 0.0,
                Bar::Absolute(limit) | Bar::Relative(limit) => *limit,
            };
            findings.within(&format!("{name} of row {}", row + 1), worst, limit);
            let in_unit = if unit == "mV" { name.contains("mV") || name.contains("v_soma") } else { true };
            if in_unit {
                findings.see(worst);
            }
            findings.remark(format!("{name} within {worst:.1e}"));
        }
        if let Some(to) = folder.ours(file) {
            let mut columns = Vec::new();
            for name in self.given {
                columns.push((*name, Column::texts(self.table.text(name)?)));
            }
            columns.extend(self.columns.iter().map(|(name, _, ours)| (*name, Column::Optional(ours.clone()))));
            table::write(&to, &columns.iter().map(|(name, column)| (*name, column)).collect::<Vec<_>>())?;
        }
        Ok(findings)
    }
}

/// A run of so many milliseconds.
fn simulate(params: &Params, ms: f64, inputs: Vec<Input>, clamps: Vec<Clamp>, columns: &[String]) -> Result<Columns> {
    run(params, &Protocol { steps: (ms / params.dt_ms()).round() as u64, inputs, clamps, watched: 0 }, columns)
}

fn soma() -> String {
    "v_soma".into()
}

fn dend(segment: u32) -> String {
    format!("v_dend_{segment}")
}

/// A segment as a table names it.
fn place(text: &str, table: &Table, row: usize) -> Result<Place> {
    if text == "soma" {
        return Ok(Place::Soma);
    }
    text.parse().map(Place::Segment).map_err(|_| {
        UserError::bad_data("bad-table", "holds no place")
            .file(table.path())
            .row(row as u64 + 1)
            .found(text)
            .expected("`soma` or a segment")
    })
}

fn segment(text: &str, table: &Table, row: usize) -> Result<u32> {
    match place(text, table, row)? {
        Place::Segment(k) => Ok(k),
        Place::Soma => Err(UserError::bad_data("bad-table", "holds no segment").file(table.path()).row(row as u64 + 1)),
    }
}

/// Rows side by side.
fn each(table: &Table, row: impl Fn(usize) -> Result<Vec<Option<f64>>> + Sync + Send) -> Result<Vec<Vec<Option<f64>>>> {
    (0..table.len()).into_par_iter().with_max_len(1).map(row).collect()
}

/// Steps at the soma from 100 to 600 of 700 ms.
pub(super) fn fi_curve(folder: &Folder, file: &Path) -> Result<Findings> {
    let table = Table::read(&folder.dir.join(file))?;
    let (configs, amps) = (table.text("config")?, table.numbers("amp_nA")?);
    let rows = each(&table, |row| {
        let params = folder.config(configs[row])?;
        let dt = params.dt_ms();
        let clamp = Clamp { place: Place::Soma, delay_ms: 100.0, dur_ms: 500.0, amp_na: amps[row] };
        let run = simulate(&params, 700.0, Vec::new(), vec![clamp], &[soma()])?;
        let v = &run["v_soma"];
        let spikes = peaks(v, PEAK_MV);
        let time = |p: Option<&usize>| p.map(|p| *p as f64 * dt);
        let at = |ms: f64| Some(v[(ms / dt).round() as usize]);
        let count = spikes.len() as f64;
        Ok(vec![Some(count), Some(count / 0.5), time(spikes.first()), time(spikes.last()), at(95.0), at(599.0)])
    })?;
    let same_step = Bar::Absolute(1e-6);
    let names = [
        ("n_spikes", Bar::Exact),
        ("rate_hz", Bar::Absolute(1e-9)),
        ("first_peak_ms", same_step),
        ("last_peak_ms", same_step),
        ("v_soma_at_95ms", Bar::Absolute(TABLE_MV)),
        ("v_soma_at_599ms", Bar::Absolute(TABLE_MV)),
    ];
    let spikes = |rows: &mut dyn Iterator<Item = Option<f64>>| rows.flatten().sum::<f64>() as usize;
    let theirs = if table.has("n_spikes") { table.optional("n_spikes")? } else { Vec::new() };
    let counts = (spikes(&mut theirs.into_iter()), spikes(&mut rows.iter().map(|row| row[0])));
    let mut findings = Rows::new(&table, &["config", "amp_nA"], &names, &rows).finish(folder, file, "mV")?;
    findings.spikes(counts.0, counts.1, None);
    findings.bar(format!("number of spikes and their steps exact, {TABLE_MV:e} mV"));
    Ok(findings)
}

/// The largest change and its time.
fn largest_change(with: &[f64], without: &[f64], dt_ms: f64) -> [Option<f64>; 2] {
    let mut best = (0, 0.0_f64);
    for (step, (a, b)) in with.iter().zip(without).enumerate() {
        if (a - b).abs() > best.1.abs() {
            best = (step, a - b);
        }
    }
    [Some(best.1), Some(best.0 as f64 * dt_ms)]
}

/// One event, beside a run without it.
pub(super) fn psp_table(folder: &Folder, file: &Path) -> Result<Findings> {
    const RUN_MS: f64 = 140.0;
    let table = Table::read(&folder.dir.join(file))?;
    let (configs, kinds) = (table.text("config")?, table.text("kind")?);
    let (segments, weights) = (table.text("segment")?, table.numbers("weight")?);
    let rows = each(&table, |row| {
        let params = folder.config(configs[row])?;
        let at = segment(segments[row], &table, row)?;
        let columns = [soma(), dend(at)];
        let excitatory = match kinds[row] {
            "exc" => true,
            "inh" => false,
            other => {
                return Err(UserError::bad_data("bad-table", "holds no kind of synapse")
                    .file(table.path())
                    .row(row as u64 + 1)
                    .found(other)
                    .expected("`exc` or `inh`"));
            }
        };
        let event = Input { excitatory, segment: at, time_ms: EVENT_MS, weight: weights[row] };
        let with = simulate(&params, RUN_MS, vec![event], Vec::new(), &columns)?;
        let without = simulate(&params, RUN_MS, Vec::new(), Vec::new(), &columns)?;
        let change = |name: &String| largest_change(&with[name], &without[name], params.dt_ms());
        Ok(change(&columns[1]).into_iter().chain(change(&columns[0])).collect())
    })?;
    // A flat peak may lie on either of two steps.
    let step = configs.first().map_or(Ok(0.025), |name| folder.config(name).map(|p| p.dt_ms()))?;
    let time = Bar::Absolute(step + 1e-6);
    let change = Bar::Absolute(TABLE_MV);
    let names = [("local_peak_dv_mV", change), ("local_peak_t_ms", time), ("soma_peak_dv_mV", change), ("soma_peak_t_ms", time)];
    let given = ["config", "kind", "segment", "weight"];
    let mut findings = Rows::new(&table, &given, &names, &rows).finish(folder, file, "mV")?;
    findings.bar(format!("{TABLE_MV:e} mV, times of peaks one step"));
    Ok(findings)
}

/// One strong event.
pub(super) fn nmda_io(folder: &Folder, file: &Path) -> Result<Findings> {
    const RUN_MS: f64 = 300.0;
    let table = Table::read(&folder.dir.join(file))?;
    let configs = table.text("config")?;
    let (segments, weights) = (table.text("segment")?, table.numbers("weight")?);
    let rows = each(&table, |row| {
        let params = folder.config(configs[row])?;
        let at = segment(segments[row], &table, row)?;
        let columns = [soma(), dend(at)];
        let event = Input { excitatory: true, segment: at, time_ms: EVENT_MS, weight: weights[row] };
        let run = simulate(&params, RUN_MS, vec![event], Vec::new(), &columns)?;
        let dt = params.dt_ms();
        let (v_soma, v) = (&run["v_soma"], &run[&columns[1]]);
        let start = (EVENT_MS / dt).round() as usize;
        let highest = |v: &[f64]| v[start..].iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
        let peak = highest(v);
        // Half of the way from the leak's reversal potential.
        let half = f64::midpoint(params.get("e_pas_mV"), peak);
        let above = v.iter().filter(|x| **x > half).count() as f64 * dt;
        Ok(vec![Some(peak), Some(above), Some(highest(v_soma)), Some(v[(100.0 / dt).round() as usize])])
    })?;
    let volts = Bar::Absolute(TABLE_MV);
    let names = [
        ("local_peak_v_mV", volts),
        ("time_above_half_ms", Bar::Absolute(1e-6)),
        ("soma_peak_v_mV", volts),
        ("local_v_at_100ms", volts),
    ];
    let mut findings = Rows::new(&table, &["config", "segment", "weight"], &names, &rows).finish(folder, file, "mV")?;
    findings.bar(format!("{TABLE_MV:e} mV, the time above half exact"));
    Ok(findings)
}

/// A picoampere from the start, against a run without it, after 600 ms.
pub(super) fn input_resistance(folder: &Folder, file: &Path) -> Result<Findings> {
    const RUN_MS: f64 = 600.0;
    const AMP_NA: f64 = 1e-3;
    let table = Table::read(&folder.dir.join(file))?;
    let (configs, sites) = (table.text("config")?, table.text("site")?);
    let rows = each(&table, |row| {
        let params = folder.config(configs[row])?;
        let place = place(sites[row], &table, row)?;
        let local = match place {
            Place::Soma => soma(),
            Place::Segment(k) => dend(k),
        };
        let mut columns = vec![soma(), dend(params.nseg() - 1)];
        if !columns.contains(&local) {
            columns.push(local.clone());
        }
        let clamp = Clamp { place, delay_ms: 0.0, dur_ms: 1e9, amp_na: AMP_NA };
        let with = simulate(&params, RUN_MS, Vec::new(), vec![clamp], &columns)?;
        let without = simulate(&params, RUN_MS, Vec::new(), Vec::new(), &columns)?;
        let last = |run: &Columns, name: &str| run[name].last().copied().unwrap_or(f64::NAN);
        let resistance = |name: &str| Some((last(&with, name) - last(&without, name)) / AMP_NA);
        Ok(vec![resistance(&local), resistance(&columns[0]), resistance(&columns[1])])
    })?;
    let bar = Bar::Relative(RESISTANCE);
    let names = [("local_Mohm", bar), ("transfer_to_soma_Mohm", bar), ("transfer_to_last_segment_Mohm", bar)];
    let mut findings = Rows::new(&table, &["config", "site"], &names, &rows).finish(folder, file, "relative")?;
    findings.bar(format!("{RESISTANCE:e} relative"));
    Ok(findings)
}
