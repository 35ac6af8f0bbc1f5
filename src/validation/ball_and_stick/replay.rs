//! A folder's run beside its trace, spikes and labels.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use serde_json::{Map, Value};

use super::Folder;
use super::cell::{Clamp, Columns, Input, Place, Protocol, run};
use super::config::Params;
use super::labels::Labels;
use crate::validation::spikes::{crossings, peaks};
use crate::validation::table::{self, Column, Table, copy};
use crate::validation::traces::{Distance, Trace, Traces};
use crate::validation::{Findings, keys};

/// Bars of potentials in a trace with every step, and in any other, mV; files are rounded to five or six decimals.
const EVERY_STEP_MV: f64 = 1e-5;
const SPARSE_MV: f64 = 2e-5;
/// Bar of other columns, relative to the largest value of the column.
const OTHER: f64 = 1e-6;
/// Bar of the rate, 1/ms.
const RATE: f64 = 1e-6;
/// Peaks from here on are spikes, mV.
pub(super) const PEAK_MV: f64 = 0.0;

/// A folder's description of its run.
pub(super) struct Setup {
    pub(super) params: Params,
    pub(super) protocol: Protocol,
    every: u64,
    unused: Vec<String>,
}

impl Setup {
    /// Reads `config.json` and `events.csv`.
    pub(super) fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("config.json");
        let object = keys::read_object(&path)?;
        let Some(values) = object.get("params").and_then(Value::as_object) else {
            return Err(keys::bad(&path, "lacks a key").key("params").expected("the parameters of the neuron"));
        };
        let mut params = Params::read(values, &path)?;
        if let (Some(dt), false) = (keys::optional(&object, "dt_ms", &path)?, values.contains_key("dt_ms")) {
            params.set("dt_ms", dt);
        }
        let steps = keys::steps(keys::number(&object, "duration_ms", &path)?, params.dt_ms(), &path)?;
        let every = keys::optional(&object, "trace_every_steps", &path)?.unwrap_or(1.0);
        if every < 1.0 {
            return Err(keys::bad(&path, "is no number of steps").key("trace_every_steps").found(every.to_string()));
        }
        let inputs = inputs(&dir.join("events.csv"))?;
        let watched = watched(&object, &inputs);
        let protocol = Protocol { steps, clamps: clamps(&object, params.nseg(), &path)?, inputs, watched };
        let known = ["params", "dt_ms", "duration_ms", "trace_every_steps", "clamps", "summary"];
        let other = |(key, value): &(&String, &Value)| !known.contains(&key.as_str()) && !value.is_string();
        let unused = object.iter().filter(other).map(|(key, _)| key.clone()).chain(params.unused.clone()).collect();
        Ok(Self { params, protocol, every: every as u64, unused })
    }
}

/// The segment whose synapses are recorded: the one that the note names, else that of the first event.
fn watched(object: &Map<String, Value>, inputs: &[Input]) -> u32 {
    let named = object.get("note").and_then(Value::as_str).and_then(|note| note.split_once("segment "));
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    named.and_then(|(_, rest)| digits(rest).parse().ok()).or_else(|| inputs.first().map(|e| e.segment)).unwrap_or(0)
}

fn clamps(object: &Map<String, Value>, nseg: u32, path: &Path) -> Result<Vec<Clamp>> {
    let list = match object.get("clamps") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(keys::bad(path, "holds no list").key("clamps").found(other.to_string())),
    };
    let clamp = |value: &Value| {
        let bad = || keys::bad(path, "holds no clamp").key("clamps").found(value.to_string());
        let entry = value.as_object().ok_or_else(bad)?;
        let place = ["x", "site", "segment"].iter().find_map(|key| entry.get(*key)).ok_or_else(bad)?;
        let place = match (place.as_str(), place.as_u64()) {
            (Some("soma"), _) => Place::Soma,
            (Some(text), _) => Place::Segment(text.parse().map_err(|_| bad())?),
            (None, Some(k)) => Place::Segment(u32::try_from(k).map_err(|_| bad())?),
            // A place along the dendrite, 0 to 1.
            (None, None) => match place.as_f64().filter(|x| (0.0..=1.0).contains(x)) {
                Some(x) => Place::Segment(((x * f64::from(nseg)) as u32).min(nseg - 1)),
                None => return Err(bad()),
            },
        };
        let number = |key: &str| keys::number(entry, key, path);
        Ok(Clamp { place, delay_ms: number("delay_ms")?, dur_ms: number("dur_ms")?, amp_na: number("amp_nA")? })
    };
    list.iter().map(clamp).collect()
}

fn inputs(path: &Path) -> Result<Vec<Input>> {
    let table = Table::read(path)?;
    let (kinds, segments) = (table.text("kind")?, table.numbers("segment")?);
    let (times, weights) = (table.numbers("t_ms")?, table.numbers("weight")?);
    let input = |row: usize| {
        let bad = |column: &str, found: &str| {
            UserError::bad_data("bad-event", "an event that cannot be").file(path).row(row as u64 + 1).column(column).found(found)
        };
        let excitatory = match kinds[row] {
            "exc" => true,
            "inh" => false,
            other => return Err(bad("kind", other).expected("`exc` or `inh`")),
        };
        let segment = segments[row];
        if !(0.0..1e9).contains(&segment) || segment.fract() != 0.0 {
            return Err(bad("segment", &segment.to_string()));
        }
        Ok(Input { excitatory, segment: segment as u32, time_ms: times[row], weight: weights[row] })
    };
    (0..table.len()).map(input).collect()
}

/// Replays the run of a folder.
pub(super) fn compare(folder: &Folder, case: &Path) -> Result<Findings> {
    let dir = folder.dir.join(case);
    if !dir.is_dir() {
        return Err(UserError::bad_data("no-case", "the manifest lists a folder that is not there").file(&dir));
    }
    let setup = Setup::read(&dir)?;
    let trace = Traces::read(&dir.join("trace.csv"))?;
    let spikes = Table::read(&dir.join("spikes.csv"))?;
    let mut columns: Vec<&str> = trace.columns.iter().map(|c| c.name.as_str()).collect();
    if !columns.contains(&"v_soma") {
        columns.push("v_soma");
    }
    let ours = run(&setup.params, &setup.protocol, &columns).map_err(|e| e.file(&dir))?;
    let mut findings = Findings::new("mV");
    let bar = if setup.every == 1 { EVERY_STEP_MV } else { SPARSE_MV };
    compare_trace(&mut findings, &setup, &trace, &ours, bar, folder.ours(&case.join("trace.csv")))?;
    compare_spikes(&mut findings, &setup, &spikes, &ours["v_soma"], folder.ours(&case.join("spikes.csv")))?;
    let labels = dir.join("labels_1ms.csv");
    if labels.is_file() {
        compare_labels(
            &mut findings,
            &setup,
            &Table::read(&labels)?,
            &ours["v_soma"],
            folder.ours(&case.join("labels_1ms.csv")),
        )?;
    } else {
        findings.remark("no labels");
    }
    if !setup.unused.is_empty() {
        findings.remark(format!("keys without meaning here: {}", setup.unused.join(", ")));
    }
    for file in ["config.json", "events.csv"].map(PathBuf::from) {
        if let Some(to) = folder.ours(&case.join(&file)) {
            copy(&dir.join(&file), &to)?;
        }
    }
    Ok(findings)
}

fn compare_trace(
    findings: &mut Findings,
    setup: &Setup,
    trace: &Traces,
    ours: &Columns,
    bar: f64,
    to: Option<PathBuf>,
) -> Result<()> {
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
    findings.within(&format!("{} at {} ms", distance.at.0, distance.at.1), distance.largest, bar);
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

fn compare_spikes(findings: &mut Findings, setup: &Setup, table: &Table, v_soma: &[f64], to: Option<PathBuf>) -> Result<()> {
    let dt = setup.params.dt_ms();
    let theirs = table.numbers("peak_step")?;
    let ours = peaks(v_soma, PEAK_MV);
    let up: Vec<f64> = crossings(v_soma, dt, 0.0).iter().map(|c| c.t_cross_ms).collect();
    // The last crossing before each peak.
    let upcross: Vec<Option<f64>> = ours.iter().map(|&p| up.iter().rev().find(|t| **t <= p as f64 * dt).copied()).collect();
    let shift = (theirs.len() == ours.len())
        .then(|| theirs.iter().zip(&ours).map(|(a, b)| (a - *b as f64).abs() * dt).fold(0.0, f64::max));
    findings.spikes(theirs.len(), ours.len(), shift);
    findings.bar("every spike in the same step");
    match shift {
        None => findings.fault(format!("{} spikes instead of {}", ours.len(), theirs.len())),
        Some(shift) if shift > 0.5 * dt => findings.fault(format!("a spike is shifted by {shift} ms")),
        Some(_) => {
            let times = table.optional("upcross_0mV_t_ms")?;
            let pairs = times.iter().zip(&upcross).filter_map(|(a, b)| Some((a.as_ref()? - b.as_ref()?).abs()));
            findings.within("a crossing of 0 mV in ms", pairs.fold(0.0, f64::max), 2e-6);
            let pairs = table.numbers("peak_v_mV")?.into_iter().zip(&ours).map(|(v, step)| (v - v_soma[*step]).abs());
            findings.within("the potential of a peak in mV", pairs.fold(0.0, f64::max), SPARSE_MV);
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

fn compare_labels(findings: &mut Findings, setup: &Setup, table: &Table, v_soma: &[f64], to: Option<PathBuf>) -> Result<()> {
    let per_ms = (1.0 / setup.params.dt_ms()).round() as usize;
    if per_ms == 0 || (per_ms as f64 * setup.params.dt_ms() - 1.0).abs() > 1e-9 {
        findings.fault("labels of a run whose steps do not fill milliseconds");
        return Ok(());
    }
    let ours = Labels::new(v_soma, &peaks(v_soma, PEAK_MV), per_ms, table.len());
    let flag = |flags: &[bool]| flags.iter().map(|f| u64::from(*f)).collect::<Vec<_>>();
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
    let Some(to) = to else { return Ok(()) };
    table::write(
        &to,
        &[
            ("t_ms", &Column::texts(table.text("t_ms")?)),
            ("spike", &Column::whole(spike)),
            ("near_spike", &Column::whole(near)),
            ("inst_rate_per_ms", &Column::Numbers(ours.rate)),
            ("v_soma_capped", &Column::Numbers(ours.v_soma_capped)),
        ],
    )
}
