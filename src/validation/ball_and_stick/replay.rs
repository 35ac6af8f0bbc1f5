//! A folder's run beside its trace, spikes and labels.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};

use super::Folder;
use super::cell::{Columns, run};
use super::labels::Labels;
use super::setup::Setup;
use crate::validation::Findings;
use crate::validation::spikes::{crossings, peaks};
use crate::validation::table::{self, Column, Table, copy};
use crate::validation::traces::{Distance, Trace, Traces, ms, too_late};

/// Bars of potentials in a trace with every step, and in any other, mV; files are rounded to five or six decimals.
const EVERY_STEP_MV: f64 = 1e-5;
const SPARSE_MV: f64 = 2e-5;
/// Bar of other columns, relative to the largest value of the column.
const OTHER: f64 = 1e-6;
/// Bar of the rate, 1/ms.
const RATE: f64 = 1e-6;
/// Runs with this step have labels, ms.
const USUAL_STEP_MS: f64 = 0.025;
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
    let mut columns: Vec<&str> = match &trace {
        Some(trace) => trace.columns.iter().map(|c| c.name.as_str()).collect(),
        None if folder.dump.is_some() => usual.iter().map(String::as_str).collect(),
        None => Vec::new(),
    };
    if !columns.contains(&"v_soma") {
        columns.push("v_soma");
    }
    let ours = run(&setup.params, &setup.protocol, &columns).map_err(|e| e.file(&dir))?;
    let v_soma = &ours["v_soma"];
    let to = |file: &str| folder.ours(&case.join(file));
    let mut findings = Findings::new("mV");
    if let Some(trace) = &trace {
        compare_trace(&mut findings, &setup, trace, &ours, to("trace.csv"))?;
    } else {
        findings.missing("no `trace.csv`");
        if let Some(to) = to("trace.csv") {
            write_trace(&to, &setup, &usual, &ours)?;
        }
    }
    let spikes = there("spikes.csv").map(|path| Table::read(&path)).transpose()?;
    compare_spikes(&mut findings, &setup, spikes.as_ref(), v_soma, to("spikes.csv"))?;
    // Without labels of the reference, ours are written where the published folder has some: at the usual step.
    let usual_step = (setup.params.dt_ms() - USUAL_STEP_MS).abs() < 1e-12;
    match there("labels_1ms.csv") {
        Some(path) => compare_labels(&mut findings, &setup, &Table::read(&path)?, v_soma, to("labels_1ms.csv"))?,
        None if usual_step => {
            findings.missing("no `labels_1ms.csv`");
            if let (Some(to), Some(per_ms)) = (to("labels_1ms.csv"), per_ms(&setup)) {
                let labels = labels(v_soma, per_ms, setup.duration_ms() as usize);
                write_labels(&to, &Column::whole(0..labels.spike.len() as u64), labels)?;
            }
        }
        None => findings.remark("no labels"),
    }
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
fn write_trace(to: &Path, setup: &Setup, columns: &[String], ours: &Columns) -> Result<()> {
    let time = |k: u64| ((k * setup.every) as f64 * setup.params.dt_ms() * 1e9).round() / 1e9;
    let t_ms: Vec<f64> = (0..=setup.protocol.steps / setup.every).map(time).collect();
    let column = |name: &String| Trace { name: name.clone(), samples: Vec::new(), digits: None };
    let traces = Traces { path: to.to_path_buf(), t_ms, columns: columns.iter().map(column).collect() };
    let sampled = |name: &String| ours[name].iter().step_by(setup.every as usize).copied().collect();
    traces.write(to, &columns.iter().map(sampled).collect::<Vec<Vec<f64>>>())
}

fn compare_trace(findings: &mut Findings, setup: &Setup, trace: &Traces, ours: &Columns, to: Option<PathBuf>) -> Result<()> {
    findings.compared();
    let bar = if setup.every == 1 { EVERY_STEP_MV } else { SPARSE_MV };
    let steps = trace.steps(setup.params.dt_ms(), setup.protocol.steps)?;
    let whole = setup.protocol.steps / setup.every + 1;
    if trace.t_ms.len() as u64 != whole {
        findings.fault(format!("the trace has {} rows instead of {whole}", trace.t_ms.len()));
    }
    let mut distance = Distance::default();
    let mut other = (0.0_f64, String::new());
    let mut sampled = Vec::new();
    for column in &trace.columns {
        let ours: Vec<f64> = steps.iter().map(|step| ours[&column.name][*step]).collect();
        if column.name.starts_with("v_") {
            // Rounding to five or six decimals is within the bar.
            distance.see(&Trace { digits: None, ..column.clone() }, &ours, &trace.t_ms, f64::INFINITY);
        } else {
            let largest = column.samples.iter().fold(f64::MIN_POSITIVE, |m, x| m.max(x.abs()));
            let worst = column.samples.iter().zip(&ours).map(|(a, b)| (a - b).abs() / largest).fold(0.0, f64::max);
            if worst > other.0 || worst.is_nan() {
                other = (worst, column.name.clone());
            }
        }
        sampled.push(ours);
    }
    findings.see(distance.largest);
    findings.bar(format!("{bar:e} mV throughout"));
    findings.within(&format!("{} at {}", distance.at.0, ms(distance.at.1)), distance.largest, bar);
    findings.remark(distance.words());
    if other.0 > 0.0 {
        findings.within(&format!("{}, relative to its largest value,", other.1), other.0, OTHER);
        findings.remark(format!("{} within {:.1e} of its largest value", other.1, other.0));
    }
    match to {
        Some(to) => trace.write(&to, &sampled),
        None => Ok(()),
    }
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
            ("peak_step", &Column::whole(ours.iter().map(|p| *p as u64))),
            ("peak_t_ms", &numbers(&|p| p as f64 * dt)),
            ("peak_v_mV", &numbers(&|p| v_soma[p])),
            ("upcross_0mV_t_ms", &Column::Optional(upcross)),
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
    let theirs = table.numbers("peak_step")?;
    let shift = (theirs.len() == ours.len())
        .then(|| theirs.iter().zip(ours).map(|(a, b)| (a - *b as f64).abs() * dt).fold(0.0, f64::max));
    findings.spikes(theirs.len(), ours.len(), shift);
    findings.bar("every spike in the same step");
    match shift {
        None => findings.fault(format!("{} spikes instead of {}", ours.len(), theirs.len())),
        Some(shift) if shift > 0.5 * dt => findings.fault(format!("a spike is shifted by {}", ms(shift))),
        Some(_) => {
            let times = table.optional("upcross_0mV_t_ms")?;
            let pairs = times.iter().zip(upcross).filter_map(|(a, b)| Some((a.as_ref()? - b.as_ref()?).abs()));
            findings.within("a crossing of 0 mV in ms", pairs.fold(0.0, f64::max), 2e-6);
            let pairs = table.numbers("peak_v_mV")?.into_iter().zip(ours).map(|(v, step)| (v - v_soma[*step]).abs());
            findings.within("the potential of a peak in mV", pairs.fold(0.0, f64::max), SPARSE_MV);
        }
    }
    Ok(())
}

/// Samples per millisecond, if steps fill one.
fn per_ms(setup: &Setup) -> Option<usize> {
    let per_ms = (1.0 / setup.params.dt_ms()).round() as usize;
    (per_ms > 0 && (per_ms as f64 * setup.params.dt_ms() - 1.0).abs() <= 1e-9).then_some(per_ms)
}

fn labels(v_soma: &[f64], per_ms: usize, len: usize) -> Labels {
    Labels::new(v_soma, &peaks(v_soma, PEAK_MV), per_ms, len)
}

fn compare_labels(findings: &mut Findings, setup: &Setup, table: &Table, v_soma: &[f64], to: Option<PathBuf>) -> Result<()> {
    findings.compared();
    let Some(per_ms) = per_ms(setup) else {
        findings.fault("labels of a run whose steps do not fill milliseconds");
        return Ok(());
    };
    if table.len() > setup.duration_ms() as usize + 1 {
        findings.fault(format!("{} labels of a run of {}", table.len(), ms(setup.duration_ms())));
        return Ok(());
    }
    let ours = labels(v_soma, per_ms, table.len());
    let (spike, near) = (flag(&ours.spike), flag(&ours.near_spike));
    for (name, ours) in [("spike", &spike), ("near_spike", &near)] {
        let theirs = table.numbers(name)?;
        if let Some(row) = (0..ours.len()).find(|row| (ours[*row] as f64 - theirs[*row]).abs() > 1e-9 || theirs[*row].is_nan()) {
            findings.fault(format!("the label {name} at {row} ms is {} instead of {}", ours[row], theirs[row]));
        }
    }
    for (name, ours, bar) in [("inst_rate_per_ms", &ours.rate, RATE), ("v_soma_capped", &ours.v_soma_capped, SPARSE_MV)] {
        let worst = table.numbers(name)?.iter().zip(ours).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        findings.within(&format!("the label {name}"), worst, bar);
    }
    findings.bar("labels exact, rate 1e-6");
    match to {
        Some(to) => write_labels(&to, &Column::texts(table.text("t_ms")?), ours),
        None => Ok(()),
    }
}

/// Labels as ones and zeros.
fn flag(flags: &[bool]) -> Vec<u64> {
    flags.iter().map(|f| u64::from(*f)).collect()
}

fn write_labels(to: &Path, t_ms: &Column, labels: Labels) -> Result<()> {
    table::write(
        to,
        &[
            ("t_ms", t_ms),
            ("spike", &Column::whole(flag(&labels.spike))),
            ("near_spike", &Column::whole(flag(&labels.near_spike))),
            ("inst_rate_per_ms", &Column::Numbers(labels.rate)),
            ("v_soma_capped", &Column::Numbers(labels.v_soma_capped)),
        ],
    )
}
