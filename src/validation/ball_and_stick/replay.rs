//! A folder's run beside its trace, spikes and labels.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError, peaks};

use super::cell::{Columns, run};
use super::setup::Setup;
use super::{Folder, labels, set};
use crate::validation::deviation::{apart, beyond, largest, scale};
use crate::validation::spikes::crossings;
use crate::validation::table::{self, Column, Table, copy};
use crate::validation::traces::{Distance, Trace, Traces, ms, too_late};
use crate::validation::{Findings, quoted};

/// Bars of potentials in a trace with every step, and in any other, mV; files are rounded to five or six decimals.
const EVERY_STEP_MV: f64 = 1e-5;
const SPARSE_MV: f64 = 2e-5;
/// Bar of other columns, relative to the largest value of the column.
const OTHER: f64 = 1e-6;
/// Runs with this step have labels, ms.
const USUAL_STEP_MS: f64 = 0.025;
/// Columns of a file of spikes.
const COLUMNS: [&str; 4] = ["peak_step", "peak_t_ms", "peak_v_mV", "upcross_0mV_t_ms"];
/// Peaks from here on are spikes, mV.
pub(super) const PEAK_MV: f64 = 0.0;

/// Replays the run of a folder.
pub(super) fn compare(folder: &Folder, case: &Path) -> Result<Findings> {
    let dir = folder.dir.join(case);
    if !dir.is_dir() {
        return Err(UserError::bad_data("no-case", "the manifest lists a folder that is not there")
            .file(&dir)
            .mend("give the folder, or take the case out of the manifest"));
    }
    let setup = Setup::read(&dir)?;
    let there = |file: &str| Some(dir.join(file)).filter(|path| path.is_file());
    let trace = there("trace.csv").map(|path| Traces::read(&path)).transpose()?;
    let usual: Vec<String> =
        std::iter::once("v_soma".to_string()).chain((0..setup.params.nseg()).map(|k| format!("v_dend_{k}"))).collect();
    let mut columns: Vec<&str> = usual.iter().map(String::as_str).collect();
    let more = trace.iter().flat_map(|trace| &trace.columns).map(|c| c.name.as_str());
    columns.extend(more.filter(|name| !usual.iter().any(|known| known == name)));
    let ours = run(&setup.params, &setup.protocol, &columns).map_err(|e| e.file(&dir))?;
    let v_soma = &ours["v_soma"];
    let to = |file: &str| folder.ours(&case.join(file));
    let mut findings = Findings::new("mV");
    if let Some(trace) = &trace {
        compare_trace(&mut findings, &setup, trace, &usual, &ours)?;
    } else {
        findings.missing("no `trace.csv`");
    }
    if let Some(to) = to("trace.csv") {
        write_trace(&to, &setup, &columns, &ours)?;
    }
    let spikes = there("spikes.csv").map(|path| Table::read(&path)).transpose()?;
    compare_spikes(&mut findings, &setup, spikes.as_ref(), v_soma, to("spikes.csv"))?;
    // Without labels of the reference, ours are written where the published folder has some: at the usual step.
    let usual_step = (setup.params.dt_ms() - USUAL_STEP_MS).abs() < 1e-12;
    match there("labels_1ms.csv") {
        Some(path) => labels::compare(&mut findings, &setup, &Table::read(&path)?, v_soma)?,
        None if usual_step => findings.missing("no `labels_1ms.csv`"),
        None => findings.remark("no labels"),
    }
    if let Some(to) = to("labels_1ms.csv").filter(|_| usual_step || there("labels_1ms.csv").is_some()) {
        labels::write(&to, &setup, v_soma)?;
    }
    set::beside(&mut findings, &setup, trace.as_ref(), &ours)?;
    let times: Vec<f64> = setup.protocol.inputs.iter().map(|input| input.time_ms).collect();
    findings.remarks(too_late(&times, setup.duration_ms() - 0.5 * setup.params.dt_ms(), setup.duration_ms()));
    if !setup.unused.is_empty() {
        findings.remark(format!("keys without meaning here: {}", setup.unused.join(", ")));
    }
    for file in ["config.json", "events.csv"] {
        if let Some(to) = to(file) {
            copy(&dir.join(file), &to)?;
        }
    }
    Ok(findings)
}

/// Our trace, sampled as the description asks.
fn write_trace(to: &Path, setup: &Setup, columns: &[&str], ours: &Columns) -> Result<()> {
    let time = |k: u64| ((k * setup.every) as f64 * setup.params.dt_ms() * 1e9).round() / 1e9;
    let t_ms: Vec<f64> = (0..=setup.protocol.steps / setup.every).map(time).collect();
    let column = |name: &&str| Trace { name: (*name).to_string(), samples: Vec::new(), digits: None };
    let traces = Traces { path: to.to_path_buf(), t_ms, columns: columns.iter().map(column).collect() };
    let sampled = |name: &&str| ours[*name].iter().step_by(setup.every as usize).copied().collect();
    traces.write(to, &columns.iter().map(sampled).collect::<Vec<Vec<f64>>>())
}

/// Bar of potentials of a run, mV.
pub(super) fn bar_mv(setup: &Setup) -> f64 {
    if setup.every == 1 { EVERY_STEP_MV } else { SPARSE_MV }
}

fn compare_trace(findings: &mut Findings, setup: &Setup, trace: &Traces, usual: &[String], ours: &Columns) -> Result<()> {
    findings.compared();
    let bar = bar_mv(setup);
    let lacks: Vec<&String> = usual.iter().filter(|name| !trace.has(name)).collect();
    if !lacks.is_empty() {
        findings.fault(format!("trace.csv lacks {}", quoted(lacks)));
    }
    let steps = trace.steps(setup.params.dt_ms(), setup.protocol.steps)?;
    let whole = setup.protocol.steps / setup.every + 1;
    if trace.t_ms.len() as u64 != whole {
        findings.fault(format!("the trace has {} rows instead of {whole}", trace.t_ms.len()));
    } else if let Some(row) = steps.iter().zip(0..).position(|(step, row)| *step as u64 != row * setup.every) {
        findings.fault(format!("row {} of the trace is of {}", row + 1, ms(trace.t_ms[row])));
    }
    let mut distance = Distance::default();
    let mut other = (0.0_f64, String::new());
    for column in &trace.columns {
        let ours: Vec<f64> = steps.iter().map(|step| ours[&column.name][*step]).collect();
        if column.name.starts_with("v_") {
            // Rounding to five or six decimals is within the bar.
            distance.see(&Trace { digits: None, ..column.clone() }, &ours, &trace.t_ms, f64::INFINITY);
        } else {
            let error = apart(&column.samples, &ours) / scale(&column.samples, f64::MIN_POSITIVE);
            if beyond(error, other.0) {
                other = (error, column.name.clone());
            }
        }
    }
    findings.see(distance.largest);
    findings.bar(format!("{bar:e} mV throughout"));
    findings.within(&format!("{} at {}", distance.at.0, ms(distance.at.1)), distance.largest, bar);
    findings.remark(distance.words());
    if beyond(other.0, 0.0) {
        findings.within(&format!("{}, relative to its largest value,", other.1), other.0, OTHER);
        findings.remark(format!("{} within {:.1e} of its largest value", other.1, other.0));
    }
    Ok(())
}

fn compare_spikes(
    findings: &mut Findings,
    setup: &Setup,
    table: Option<&Table>,
    v_soma: &[f64],
    to: Option<PathBuf>,
) -> Result<()> {
    let dt = setup.params.dt_ms();
    let ours = peaks(v_soma, PEAK_MV);
    let up: Vec<f64> = crossings(v_soma, dt, 0.0).iter().map(|c| c.t_cross_ms).collect();
    // The last crossing before each peak.
    let upcross: Vec<Option<f64>> = ours.iter().map(|&p| up.iter().rev().find(|t| **t <= p as f64 * dt).copied()).collect();
    if let Some(table) = table {
        against_spikes(findings, table, dt, v_soma, &ours, &upcross)?;
    } else {
        findings.missing("no `spikes.csv`");
        if let Some(told) = setup.told_spikes {
            findings.compared();
            findings.spikes(told as usize, ours.len(), None);
            findings.remark("the number of spikes is compared with the summary of `config.json`");
            if told != ours.len() as u64 {
                findings.fault(format!("{} spikes instead of {told}", ours.len()));
            }
        }
    }
    let Some(to) = to else { return Ok(()) };
    let numbers = |of: &dyn Fn(usize) -> f64| Column::Numbers(ours.iter().map(|p| of(*p)).collect());
    table::write(
        &to,
        &[
            (COLUMNS[0], &Column::whole(ours.iter().map(|p| *p as u64))),
            (COLUMNS[1], &numbers(&|p| p as f64 * dt)),
            (COLUMNS[2], &numbers(&|p| v_soma[p])),
            (COLUMNS[3], &Column::Optional(upcross)),
        ],
    )
}

/// Our spikes and those of a table, one by one.
fn against_spikes(
    findings: &mut Findings,
    table: &Table,
    dt: f64,
    v_soma: &[f64],
    ours: &[usize],
    upcross: &[Option<f64>],
) -> Result<()> {
    findings.compared();
    if !findings.columns(table, &COLUMNS, &[]) {
        return Ok(());
    }
    let theirs = table.numbers("peak_step")?;
    let steps: Vec<f64> = ours.iter().map(|step| *step as f64).collect();
    let shift = (theirs.len() == ours.len()).then(|| apart(&theirs, &steps) * dt);
    findings.spikes(theirs.len(), ours.len(), shift);
    findings.bar("every spike in the same step");
    match shift {
        None => findings.fault(format!("{} spikes instead of {}", ours.len(), theirs.len())),
        Some(shift) if beyond(shift, 0.5 * dt) => findings.fault(format!("a spike is shifted by {}", ms(shift))),
        Some(_) => {
            let times = table.optional("upcross_0mV_t_ms")?;
            let error = |(theirs, ours): (&Option<f64>, &Option<f64>)| match (theirs, ours) {
                (Some(theirs), Some(ours)) => (theirs - ours).abs(),
                (None, None) => 0.0,
                _ => f64::INFINITY,
            };
            findings.within("a crossing of 0 mV in ms", largest(times.iter().zip(upcross).map(error)), 2e-6);
            let times: Vec<f64> = steps.iter().map(|step| step * dt).collect();
            // Rounded in the file: it must be the same step.
            findings.within("the time of a peak in ms", apart(&table.numbers("peak_t_ms")?, &times), 0.5 * dt);
            let heights: Vec<f64> = ours.iter().map(|step| v_soma[*step]).collect();
            findings.within("the potential of a peak in mV", apart(&table.numbers("peak_v_mV")?, &heights), SPARSE_MV);
        }
    }
    Ok(())
}
