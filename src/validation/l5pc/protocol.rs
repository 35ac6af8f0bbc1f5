//! What a JSON file says of a run.

use std::path::Path;

use kenyon_base::Result;
use kenyon_neurons::biophysical::solver::Waveform;
use serde_json::{Map, Value};

use super::stated::of_key;
use crate::validation::keys;

/// An injected current: section, place, course.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Current {
    pub(super) section: String,
    pub(super) x: f64,
    pub(super) waveform: Waveform,
    /// Whether it is the place that the column `v_site` means.
    pub(super) epsp: bool,
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Protocol {
    pub(super) dt_ms: f64,
    pub(super) v_init_mv: Option<f64>,
    pub(super) steps: u64,
    pub(super) currents: Vec<Current>,
    /// All channels but the leak are gone.
    pub(super) cable_only: bool,
    pub(super) celsius: Option<f64>,
    /// Peak conductances of a unit event, µS.
    pub(super) base_g_us: [Option<f64>; 3],
    /// Keys that nothing was made of.
    pub(super) unused: Vec<String>,
}

/// Receptors of [`Protocol::base_g_us`].
const RECEPTORS: [&str; 3] = ["AMPA", "NMDA", "GABAA"];
/// Keys that only describe.
const WORDS: [&str; 6] = ["n_syn", "n_events", "n_exc", "n_inh", "n_spikes", "seed"];

impl Protocol {
    /// Reads a description; what it says of the segment length is not its subject.
    ///
    /// # Errors
    /// A file that is no JSON object, a number that is none, a run that cannot be.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let object = keys::read_object(path)?;
        let dt_ms = keys::optional(&object, "dt_ms", path)?.unwrap_or(0.025);
        let steps = keys::steps(keys::number(&object, "tstop_ms", path)?, dt_ms, path)?;
        let mut protocol = Self {
            dt_ms,
            v_init_mv: None,
            steps,
            currents: Vec::new(),
            cable_only: false,
            celsius: None,
            base_g_us: [None; 3],
            unused: Vec::new(),
        };
        for (key, value) in &object {
            protocol.take(key, value, &object, path)?;
        }
        Ok(protocol)
    }

    fn take(&mut self, key: &str, value: &Value, object: &Map<String, Value>, path: &Path) -> Result<()> {
        match key {
            "dt_ms" | "tstop_ms" => {}
            "v_init_mV" => self.v_init_mv = keys::optional(object, key, path)?,
            "celsius" => self.celsius = keys::optional(object, key, path)?,
            "all_active_mechanisms_removed" => match value.as_bool() {
                Some(removed) => self.cable_only = removed,
                None => return Err(keys::bad(path, "holds no truth value").key(key).found(value.to_string())),
            },
            "base_g_uS" => {
                let Some(g) = value.as_object() else {
                    return Err(keys::bad(path, "holds no conductances").key(key).found(value.to_string()));
                };
                for (to, name) in self.base_g_us.iter_mut().zip(RECEPTORS) {
                    *to = keys::optional(g, name, path)?;
                }
            }
            _ if of_key(key, value, path)?.is_some() => {}
            _ if value.is_object() || value.is_array() => {
                if !self.take_currents(value, path)? {
                    self.unused.push(key.to_string());
                }
            }
            _ if WORDS.contains(&key) || value.is_string() || value.is_null() => {}
            _ => self.unused.push(key.to_string()),
        }
        Ok(())
    }

    /// Takes a current, a list of them, or an object that holds some; false if there was none.
    fn take_currents(&mut self, value: &Value, path: &Path) -> Result<bool> {
        let object = match value {
            Value::Array(list) => {
                let mut all = !list.is_empty();
                for entry in list {
                    all &= self.take_currents(entry, path)?;
                }
                return Ok(all || list.is_empty());
            }
            Value::Object(object) => object,
            _ => return Ok(false),
        };
        let number = |key: &str| keys::number(object, key, path);
        let waveform = if object.contains_key("amp_nA") {
            Waveform::Step { delay_ms: number("delay_ms")?, dur_ms: number("dur_ms")?, amp_na: number("amp_nA")? }
        } else if object.contains_key("imax_nA") {
            Waveform::Epsc {
                onset_ms: number("onset_ms")?,
                tau0_ms: number("tau0_ms")?,
                tau1_ms: number("tau1_ms")?,
                imax_na: number("imax_nA")?,
            }
        } else {
            let mut any = false;
            for (key, inner) in object {
                if of_key(key, inner, path)?.is_some() {
                    any = true;
                } else if inner.is_object() || inner.is_array() {
                    any |= self.take_currents(inner, path)?;
                }
            }
            return Ok(any);
        };
        let section = match object.get("section") {
            None => "soma[0]".to_string(),
            Some(Value::String(section)) => section.clone(),
            Some(other) => return Err(keys::bad(path, "holds no section").key("section").found(other.to_string())),
        };
        let centre = keys::optional(object, "x_segment_centre", path)?;
        let requested = match keys::optional(object, "x", path)? {
            Some(x) => Some(x),
            None => keys::optional(object, "x_requested", path)?,
        };
        let x = centre.or(requested).unwrap_or(0.5);
        let epsp = matches!(waveform, Waveform::Epsc { .. });
        self.currents.push(Current { section, x, waveform, epsp });
        Ok(true)
    }
}
