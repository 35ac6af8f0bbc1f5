//! Clamps, synapses and events of a protocol, checked and placed.

use std::collections::HashMap;
use std::path::Path;

use kenyon_base::{Result, UserError, nearest};

use super::csv::{Row, Table};
use super::{EventAt, Events, Protocol, SynapseRef, Synapses};
use crate::biophysical::model::Model;
use crate::biophysical::placing::{self, PlacedSynapse, SynapseKind};
use crate::biophysical::solver::{Electrode, VoltageClamp, Waveform};
use crate::biophysical::synapse::{Event, EventQueue};

/// Finds the synapse of an event.
type Numbered<'a> = dyn Fn(&Row<'_>) -> Result<u32> + 'a;

/// Heaviest event: a slip of the pen above it.
const HEAVIEST: f64 = 1e6;
/// Largest current, nA.
const LARGEST_NA: f64 = 1e4;

/// A number within bounds.
///
/// # Errors
/// `bad-number` with the key.
pub(super) fn within(key: &str, value: f64, low: f64, high: f64, unit: &str) -> Result<f64> {
    if (low..=high).contains(&value) {
        return Ok(value);
    }
    Err(UserError::bad_data("bad-number", "is out of range")
        .key(key)
        .found(format!("{value} {unit}"))
        .expected(format!("{low} to {high} {unit}")))
}

/// A number above zero.
fn above_zero(key: &str, value: f64, high: f64, unit: &str) -> Result<f64> {
    if value > 0.0 && value <= high {
        return Ok(value);
    }
    Err(UserError::bad_data("bad-number", "is out of range")
        .key(key)
        .found(format!("{value} {unit}"))
        .expected(format!("above 0 {unit}, at most {high:e} {unit}")))
}

/// A time that lies in the simulation.
fn time(key: &str, value: f64, duration_ms: f64, what: &str) -> Result<f64> {
    if !value.is_finite() || value < 0.0 {
        return Err(UserError::bad_data("bad-time", "no simulation has this time")
            .key(key)
            .found(format!("{value} ms"))
            .expected("0 ms or later"));
    }
    if value >= duration_ms {
        return Err(after_end(what, value, duration_ms).key(key));
    }
    Ok(value)
}

fn after_end(what: &str, value: f64, duration_ms: f64) -> UserError {
    UserError::bad_data("after-the-end", format!("{what} begins when the simulation is over"))
        .found(format!("{value} ms"))
        .expected(format!("a time before {duration_ms} ms"))
        .mend("raise `duration_ms`, or choose an earlier time")
}

/// The electrodes.
///
/// # Errors
/// With the key `clamp[K].….`.
pub(super) fn electrodes(protocol: &Protocol, model: &Model, folder: &Path) -> Result<Vec<Electrode>> {
    let duration = protocol.duration_ms;
    let mut out = Vec::with_capacity(protocol.clamp.len());
    for (k, clamp) in protocol.clamp.iter().enumerate() {
        let key = |name: &str| format!("clamp[{k}].{name}");
        let waveform = clamp
            .waveform(|csv| samples(&folder.join(csv)))
            .map_err(|e| if e.path().is_some() { e } else { e.key(format!("clamp[{k}]")) })?;
        match &waveform {
            Waveform::Step { delay_ms, dur_ms, amp_na } => {
                time(&key("step.delay_ms"), *delay_ms, duration, "the step")?;
                above_zero(&key("step.dur_ms"), *dur_ms, 1e9, "ms")?;
                within(&key("step.amp_na"), *amp_na, -LARGEST_NA, LARGEST_NA, "nA")?;
            }
            Waveform::Epsc { onset_ms, tau0_ms, tau1_ms, imax_na } => {
                time(&key("epsc.onset_ms"), *onset_ms, duration, "the current")?;
                within(&key("epsc.tau0_ms"), *tau0_ms, 1e-3, 1e6, "ms")?;
                within(&key("epsc.tau1_ms"), *tau1_ms, 1e-3, 1e6, "ms")?;
                within(&key("epsc.imax_na"), *imax_na, -LARGEST_NA, LARGEST_NA, "nA")?;
                if tau0_ms >= tau1_ms {
                    return Err(UserError::bad_data("bad-number", "the current does not rise before it falls")
                        .key(key("epsc"))
                        .found(format!("tau0 {tau0_ms} ms, tau1 {tau1_ms} ms"))
                        .mend("make `tau0_ms` the shorter one"));
                }
            }
            Waveform::Samples { t_ms, i_na } => check_samples(&key("samples"), t_ms, i_na, duration)?,
        }
        let node = model.neuron.cable.node_at(&clamp.section, clamp.x);
        let node = node.map_err(|e| e.in_data().key(key(place_key(model, &clamp.section))))?;
        out.push(Electrode { node, lane: None, waveform });
    }
    Ok(out)
}

/// The voltage clamps.
///
/// # Errors
/// With the key `voltage_clamp[K].….`.
pub(super) fn voltage_clamps(protocol: &Protocol, model: &Model) -> Result<Vec<VoltageClamp>> {
    let mut out = Vec::with_capacity(protocol.voltage_clamp.len());
    for (k, clamp) in protocol.voltage_clamp.iter().enumerate() {
        let key = |name: &str| format!("voltage_clamp[{k}].{name}");
        within(&key("rs_mohm"), clamp.rs_mohm, 1e-6, 1e6, "MΩ")?;
        if clamp.levels.is_empty() {
            return Err(UserError::bad_data("bad-clamp", "a voltage clamp commands nothing")
                .key(key("levels"))
                .mend("add a level: `levels = [{ dur_ms = 100, v_mv = -65 }]`"));
        }
        let mut begins_ms = 0.0;
        for (n, level) in clamp.levels.iter().enumerate() {
            let key = |name: &str| key(&format!("levels[{n}].{name}"));
            within(&key("v_mv"), level.v_mv, -1000.0, 1000.0, "mV")?;
            above_zero(&key("dur_ms"), level.dur_ms, 1e9, "ms")?;
            time(&key("dur_ms"), begins_ms, protocol.duration_ms, "the level")?;
            begins_ms += level.dur_ms;
        }
        let node = model.neuron.cable.node_at(&clamp.section, clamp.x);
        let node = node.map_err(|e| e.in_data().key(key(place_key(model, &clamp.section))))?;
        out.push(VoltageClamp { node, lane: None, rs_mohm: clamp.rs_mohm, levels: clamp.levels.clone() });
    }
    Ok(out)
}

/// Which of the two keys of a place is wrong.
pub(super) fn place_key(model: &Model, section: &str) -> &'static str {
    if model.neuron.cable.find(section).is_ok() { "x" } else { "section" }
}

fn samples(path: &Path) -> Result<(Vec<f64>, Vec<f64>)> {
    let table = Table::read(path)?;
    table.only(&["t_ms", "i_na"])?;
    let (t, i) = (table.column(&["t_ms"])?, table.column(&["i_na"])?);
    let mut out = (Vec::new(), Vec::new());
    for row in table.rows() {
        let row = row?;
        out.0.push(row.number(t)?);
        out.1.push(row.number(i)?);
    }
    Ok(out)
}

fn check_samples(key: &str, t_ms: &[f64], i_na: &[f64], duration_ms: f64) -> Result<()> {
    let bad = |message: &str| UserError::bad_data("bad-samples", message.to_string()).key(key);
    if t_ms.len() != i_na.len() || t_ms.len() < 2 {
        return Err(bad("a current needs as many values as times, and two at least").found(format!(
            "{} times, {} values",
            t_ms.len(),
            i_na.len()
        )));
    }
    if let Some(k) = (0..t_ms.len()).find(|&k| !(t_ms[k].is_finite() && i_na[k].is_finite() && i_na[k].abs() <= LARGEST_NA)) {
        return Err(bad("a sample is no current").found(format!("{} nA at {} ms, number {k}", i_na[k], t_ms[k])));
    }
    if let Some(&[before, after]) = t_ms.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(bad("times do not ascend").found(format!("{before} ms, then {after} ms")).mend("sort the samples"));
    }
    time(key, t_ms[0].max(0.0), duration_ms, "the current").map(|_| ())
}

/// The synapses.
///
/// # Errors
/// With the key `synapse[K]`, or the line of the table.
pub(super) fn synapses(protocol: &Protocol, model: &Model, folder: &Path) -> Result<Vec<PlacedSynapse>> {
    if protocol.synapses.is_some() && !protocol.synapse.is_empty() {
        return Err(UserError::bad_data("two-kinds", "`synapses` and `[[synapse]]` cannot stand together")
            .key("synapses")
            .mend("leave one of them out"));
    }
    let placed = match &protocol.synapses {
        Some(Synapses::PerSegment(order)) => placing::per_segment(model, *order),
        Some(Synapses::Csv(path)) => table_of_synapses(&folder.join(path), model)?,
        None => {
            let mut out = Vec::with_capacity(protocol.synapse.len());
            for (k, at) in protocol.synapse.iter().enumerate() {
                let name = at.name.clone().unwrap_or_else(|| format!("syn{k}"));
                let placed = placing::at(model, name, at.kind, &at.section, at.x)
                    .map_err(|e| e.in_data().key(format!("synapse[{k}].{}", place_key(model, &at.section))))?;
                out.push(placed);
            }
            out
        }
    };
    let mut seen = HashMap::new();
    for (k, synapse) in placed.iter().enumerate() {
        if let Some(first) = seen.insert(&synapse.name, k) {
            return Err(UserError::bad_data("duplicate-name", "two synapses have one name")
                .key(format!("synapse[{k}].name"))
                .found(format!("`{}`, also synapse {first}", synapse.name))
                .mend("name each one differently"));
        }
    }
    Ok(placed)
}

fn table_of_synapses(path: &Path, model: &Model) -> Result<Vec<PlacedSynapse>> {
    let table = Table::read(path)?;
    table.only(&["syn_id", "synapse", "type", "kind", "section", "x"])?;
    let id = table.column(&["syn_id", "synapse"])?;
    let kind = table.column(&["type", "kind"])?;
    let (section, x) = (table.column(&["section"])?, table.column(&["x"])?);
    let mut out = Vec::new();
    for row in table.rows() {
        let row = row?;
        let number: usize = row.number(id)?;
        if number != out.len() {
            return Err(row
                .error(id, "bad-order", "synapses are numbered from 0 in the order of the rows")
                .found(number.to_string())
                .expected(out.len().to_string()));
        }
        let kind = match row.text(kind) {
            "exc" => SynapseKind::Exc,
            "inh" => SynapseKind::Inh,
            other => return Err(row.error(kind, "unknown-kind", "no such synapse").found(other).expected("`exc` or `inh`")),
        };
        let (name, place) = (row.text(section), row.number::<f64>(x)?);
        let at_fault = if model.neuron.cable.find(name).is_ok() { x } else { section };
        out.push(placing::at(model, format!("syn{number}"), kind, name, place).map_err(|e| row.locate(at_fault, e))?);
    }
    Ok(out)
}

/// Number of a synapse that is named.
///
/// # Errors
/// `unknown-synapse`, with the nearest name.
pub(super) fn find(synapses: &[PlacedSynapse], wanted: &SynapseRef) -> Result<u32> {
    let missing = |found: String| {
        let expected = match synapses.len() {
            0 => "none: the protocol has no synapses".to_string(),
            n => format!("0 to {}, or a name", n - 1),
        };
        UserError::bad_data("unknown-synapse", "there is no such synapse").found(found).expected(expected)
    };
    match wanted {
        SynapseRef::Number(k) if (*k as usize) < synapses.len() => Ok(*k),
        SynapseRef::Number(k) => Err(missing(k.to_string())),
        SynapseRef::Name(name) => synapses.iter().position(|s| s.name == *name).map(|k| k as u32).ok_or_else(|| {
            match nearest(name, synapses.iter().map(|s| s.name.as_str())) {
                Some(close) => missing(name.clone()).mend(format!("did you mean `{close}`?")),
                None => missing(name.clone()),
            }
        }),
    }
}

/// What arrives, in order; only what is released.
///
/// # Errors
/// With the key `event[K]`, or the line of the table.
pub(super) fn events(protocol: &Protocol, synapses: &[PlacedSynapse], folder: &Path) -> Result<EventQueue> {
    if protocol.events.is_some() && !protocol.event.is_empty() {
        return Err(UserError::bad_data("two-kinds", "`events` and `[[event]]` cannot stand together")
            .key("events")
            .mend("leave one of them out"));
    }
    let release = protocol.release.checked().map_err(|e| e.in_data().key("release"))?;
    let events = match &protocol.events {
        Some(Events::Csv(path)) => table_of_events(protocol, &folder.join(path), synapses)?,
        None => {
            let mut out = Vec::with_capacity(protocol.event.len());
            for (k, event) in protocol.event.iter().enumerate() {
                out.push(one_event(protocol, k, event, synapses)?);
            }
            out
        }
    };
    let ordered = EventQueue::new(events)?;
    EventQueue::new(release.filter(ordered.events().to_vec()))
}

fn one_event(protocol: &Protocol, k: usize, event: &EventAt, synapses: &[PlacedSynapse]) -> Result<Event> {
    let key = |name: &str| format!("event[{k}].{name}");
    let synapse = find(synapses, &event.synapse).map_err(|e| e.key(key("synapse")))?;
    let time_ms = time(&key("time_ms"), event.time_ms, protocol.duration_ms, "the event")?;
    let weight = weight(event.weight).map_err(|e| e.key(key("weight")))?;
    Ok(Event { time_ms, synapse, weight })
}

fn weight(weight: f64) -> Result<f64> {
    if (0.0..=HEAVIEST).contains(&weight) {
        return Ok(weight);
    }
    Err(UserError::bad_data("bad-weight", "an event cannot have this weight")
        .found(weight.to_string())
        .expected(format!("0 to {HEAVIEST:e}"))
        .mend("inhibition is a synapse of kind `inh`, not a negative weight"))
}

fn table_of_events(protocol: &Protocol, path: &Path, synapses: &[PlacedSynapse]) -> Result<Vec<Event>> {
    let table = Table::read(path)?;
    let (t, w) = (table.column(&["t_ms", "time_ms"])?, table.column(&["weight"])?);
    let by_segment = table.has("segment") && !table.has("syn_id");
    table.only(if by_segment {
        &["kind", "type", "segment", "t_ms", "time_ms", "weight"]
    } else {
        &["syn_id", "synapse", "t_ms", "time_ms", "weight"]
    })?;
    if by_segment && !matches!(protocol.synapses, Some(Synapses::PerSegment(_))) {
        return Err(UserError::bad_data(
            "no-segments",
            "its events name segments, and the protocol has no synapse on each of them",
        )
        .file(path)
        .line(1)
        .mend("add `synapses = { per_segment = \"file\" }`"));
    }
    let half = synapses.len() as u32 / 2;
    let numbered: Box<Numbered<'_>> = if by_segment {
        let (kind, segment) = (table.column(&["kind", "type"])?, table.column(&["segment"])?);
        Box::new(move |row| {
            let number: u32 = row.number(segment)?;
            let first = match row.text(kind) {
                "exc" => 0,
                "inh" => half,
                other => return Err(row.error(kind, "unknown-kind", "no such synapse").found(other).expected("`exc` or `inh`")),
            };
            if number >= half {
                return Err(row
                    .error(segment, "unknown-segment", "there is no such dendritic segment")
                    .found(number.to_string())
                    .expected(format!("0 to {}", half.saturating_sub(1))));
            }
            Ok(first + number)
        })
    } else {
        let id = table.column(&["syn_id", "synapse"])?;
        Box::new(move |row| {
            let field = row.text(id);
            let wanted = field.parse().map_or_else(|_| SynapseRef::Name(field.into()), SynapseRef::Number);
            find(synapses, &wanted).map_err(|e| row.locate(id, e))
        })
    };
    let mut out = Vec::new();
    for row in table.rows() {
        let row = row?;
        let synapse = numbered(&row)?;
        let time_ms = time("event", row.number(t)?, protocol.duration_ms, "the event");
        let time_ms = time_ms.map_err(|e| row.locate(t, e))?;
        let weight = weight(row.number(w)?).map_err(|e| row.locate(w, e))?;
        out.push(Event { time_ms, synapse, weight });
    }
    Ok(out)
}
