//! What a folder says of its run: `config.json` and `events.csv`.

use std::path::Path;

use kenyon_base::{Result, UserError};
use serde_json::{Map, Value};

use super::cell::{Clamp, Input, Place, Protocol};
use super::config::Params;
use crate::validation::keys;
use crate::validation::table::Table;

/// A folder's description of its run.
pub(super) struct Setup {
    pub(super) params: Params,
    pub(super) protocol: Protocol,
    /// Steps between two rows of the trace.
    pub(super) every: u64,
    pub(super) unused: Vec<String>,
    /// Number of spikes that the description tells.
    pub(super) told_spikes: Option<u64>,
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
        let told_spikes = object.get("summary").and_then(|summary| summary.get("n_spikes")).and_then(Value::as_u64);
        Ok(Self { params, protocol, every: every as u64, unused, told_spikes })
    }
}

impl Setup {
    /// Length of the run, ms.
    pub(super) fn duration_ms(&self) -> f64 {
        self.protocol.steps as f64 * self.params.dt_ms()
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
