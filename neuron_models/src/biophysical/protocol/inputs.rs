//! Clamps, synapses and events of a protocol, checked and placed.

use std::collections::HashMap;
use std::path::Path;

use kenyon_base::table::{Row, Table};
use kenyon_base::{Result, UserError, nearest};

use super::{EventAt, Events, Protocol, SynapseAt, SynapseRef, Synapses};
use crate::biophysical::model::Model;
use crate::biophysical::placing::{self, PlacedReceptor, PlacedSynapse, SynapseKind};
use crate::biophysical::solver::{Electrode, VoltageClamp, Waveform};
use crate::biophysical::synapse::{Event, EventQueue, OwnSets, SYNAPSE_SETS, own_or_shipped};

/// Finds the synapse of an event.
type Numbered<'a> = dyn Fn(&Row<'_>) -> Result<u32> + 'a;

/// Heaviest event: a slip of the pen above it.
const HEAVIEST: f64 = 1e6;
/// Largest table, bytes.
const LARGEST_TABLE: u64 = 1 << 30;
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

/// The time that something begins to act: a step looks at events and currents in its middle, so the last half step sees nothing.
fn time(key: &str, value: f64, protocol: &Protocol, what: &str) -> Result<f64> {
    if !value.is_finite() || value < 0.0 {
        return Err(UserError::bad_data("bad-time", "no simulation has this time")
            .key(key)
            .found(format!("{value} ms"))
            .expected("0 ms or later"));
    }
    let last = protocol.duration_ms - 0.5 * protocol.dt_ms;
    // The middle of the last step is computed with rounding errors, too.
    if value > last + 1e-6 * protocol.dt_ms {
        return Err(UserError::bad_data("after-the-end", format!("{what} begins when the simulation is over"))
            .key(key)
            .found(format!("{value} ms"))
            .expected(format!("at most {} ms, the middle of the last step", (last * 1e9).round() / 1e9))
            .mend("raise `duration_ms`, or choose an earlier time"));
    }
    Ok(value)
}

/// Refuses a step of current that falls between the middles of two steps: nothing would flow.
fn seen(key: &str, delay_ms: f64, dur_ms: f64, dt_ms: f64) -> Result<()> {
    let first = (delay_ms / dt_ms - 0.5).ceil().max(0.0);
    if dur_ms >= dt_ms || (first + 0.5) * dt_ms < delay_ms + dur_ms + 1e-6 * dt_ms {
        return Ok(());
    }
    Err(UserError::bad_data("between-steps", "nothing would flow: currents are looked at in the middle of each step")
        .key(key)
        .found(format!("{delay_ms} to {} ms in steps of {dt_ms} ms", delay_ms + dur_ms))
        .mend(format!("make it last {dt_ms} ms at least, or take a shorter `dt_ms`")))
}

/// The electrodes.
///
/// # Errors
/// With the key `clamp[K].….`.
pub(super) fn electrodes(protocol: &Protocol, model: &Model, folder: &Path) -> Result<Vec<Electrode>> {
    let mut out = Vec::with_capacity(protocol.clamp.len());
    for (k, clamp) in protocol.clamp.iter().enumerate() {
        let key = |name: &str| format!("clamp[{k}].{name}");
        let waveform = clamp
            .waveform(|csv| samples(&folder.join(csv)))
            .map_err(|e| if e.path().is_some() { e } else { e.key(format!("clamp[{k}]")) })?;
        match &waveform {
            Waveform::Step { delay_ms, dur_ms, amp_na } => {
                time(&key("step.delay_ms"), *delay_ms, protocol, "the step")?;
                above_zero(&key("step.dur_ms"), *dur_ms, 1e9, "ms")?;
                seen(&key("step.dur_ms"), *delay_ms, *dur_ms, protocol.dt_ms)?;
                within(&key("step.amp_na"), *amp_na, -LARGEST_NA, LARGEST_NA, "nA")?;
            }
            Waveform::Epsc { onset_ms, tau0_ms, tau1_ms, imax_na } => {
                time(&key("epsc.onset_ms"), *onset_ms, protocol, "the current")?;
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
            Waveform::Samples { t_ms, i_na } => check_samples(&key("samples"), t_ms, i_na, protocol)?,
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
            time(&key("dur_ms"), begins_ms, protocol, "the level")?;
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
    let table = Table::read(path, LARGEST_TABLE)?;
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

fn check_samples(key: &str, t_ms: &[f64], i_na: &[f64], protocol: &Protocol) -> Result<()> {
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
    let end = t_ms[t_ms.len() - 1];
    if end < 0.5 * protocol.dt_ms {
        return Err(bad("the current is over before the simulation begins")
            .found(format!("its last sample at {end} ms"))
            .expected(format!("one at {} ms or later, the middle of the first step", 0.5 * protocol.dt_ms)));
    }
    time(key, t_ms[0].max(0.0), protocol, "the current").map(|_| ())
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
                out.push(one_synapse(protocol, model, k, at)?);
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

fn one_synapse(protocol: &Protocol, model: &Model, k: usize, at: &SynapseAt) -> Result<PlacedSynapse> {
    let key = |name: &str| format!("synapse[{k}].{name}");
    let name = at.name.clone().unwrap_or_else(|| format!("syn{k}"));
    let mut placed =
        placing::at(model, name, at.kind, &at.section, at.x).map_err(|e| e.in_data().key(key(place_key(model, &at.section))))?;
    let mut set = model.synapse_set;
    if let Some(name) = &at.set {
        set = own_or_shipped(&protocol.synapse_set, name).map_err(|e| e.in_data().key(key("set")))?;
        placed.set = name.as_str().into();
        placed.receptors = PlacedReceptor::of(&set, &at.kind.receptors(&set));
    }
    if let Some(kinds) = &at.receptors {
        let bad = |message: &str| UserError::bad_data("bad-receptors", message.to_string()).key(key("receptors"));
        if kinds.is_empty() {
            return Err(bad("a synapse has one receptor at least").mend("name one, or leave `receptors` out"));
        }
        if let Some(twice) = (1..kinds.len()).find(|&n| kinds[..n].contains(&kinds[n])) {
            return Err(bad("a receptor stands twice").found(kinds[twice].name()));
        }
        let possible = at.kind.possible();
        if let Some(other) = kinds.iter().find(|kind| !possible.contains(kind)) {
            return Err(bad("a synapse of this kind has no such receptor")
                .found(format!("`{}` at kind `{}`", other.name(), at.kind.name()))
                .expected(possible.map(|kind| format!("`{}`", kind.name())).join(", ")));
        }
        if let Some(none) = kinds.iter().find(|kind| set.receptor(**kind).1 <= 0.0) {
            return Err(bad("the receptor has no conductance")
                .found(format!("`{}` in the set `{}`", none.name(), placed.set))
                .mend(format!(
                    "give it one: `[synapse_set.NAME]` with `from = \"{}\"` and `{}.gmax_us`",
                    set.name,
                    none.name()
                )));
        }
        placed.receptors = PlacedReceptor::of(&set, kinds);
    }
    Ok(placed)
}

/// Checks the own sets of a protocol.
///
/// # Errors
/// With the key `synapse_set.NAME.…`.
pub(super) fn check_sets(own: &OwnSets) -> Result<()> {
    for (name, set) in own {
        if SYNAPSE_SETS.iter().any(|shipped| shipped.name == name) {
            return Err(UserError::bad_data("duplicate-name", "a set of this name comes along")
                .key(format!("synapse_set.{name}"))
                .mend("call yours otherwise"));
        }
        set.set().map_err(|e| {
            let key = e.key_name().map_or_else(|| format!("synapse_set.{name}"), |key| format!("synapse_set.{name}.{key}"));
            e.key(key)
        })?;
    }
    Ok(())
}

fn table_of_synapses(path: &Path, model: &Model) -> Result<Vec<PlacedSynapse>> {
    let table = Table::read(path, LARGEST_TABLE)?;
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

/// Names of synapses in few words: all of few, the first and last of each kind of those per segment.
fn names(synapses: &[PlacedSynapse]) -> String {
    const SHOWN: usize = 6;
    let half = synapses.len() / 2;
    let per_segment = half > 0 && synapses[0].name == "exc0" && synapses[half].name == "inh0";
    if per_segment {
        return format!("exc0 to {}, inh0 to {}", synapses[half - 1].name, synapses[2 * half - 1].name);
    }
    let shown: Vec<&str> = synapses.iter().take(SHOWN).map(|s| s.name.as_str()).collect();
    shown.join(", ") + if synapses.len() > SHOWN { ", …" } else { "" }
}

/// Number of a synapse that is named.
///
/// # Errors
/// `unknown-synapse`, with the nearest name.
pub(super) fn find(synapses: &[PlacedSynapse], wanted: &SynapseRef) -> Result<u32> {
    let missing = |found: String| {
        let expected = match synapses.len() {
            0 => "none: the protocol has no synapses".to_string(),
            n => format!("{}, or 0 to {}", names(synapses), n - 1),
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
    let time_ms = time(&key("time_ms"), event.time_ms, protocol, "the event")?;
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
    let table = Table::read(path, LARGEST_TABLE)?;
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
        let time_ms = time("event", row.number(t)?, protocol, "the event");
        let time_ms = time_ms.map_err(|e| row.locate(t, e))?;
        let weight = weight(row.number(w)?).map_err(|e| row.locate(w, e))?;
        out.push(Event { time_ms, synapse, weight });
    }
    Ok(out)
}
