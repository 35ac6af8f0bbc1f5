//! The files of a case: `case.json`, `input.npz`, `expected.npz`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use serde::Deserialize;

use crate::npz::{Array, NpzReader};

/// Variant, flags and constants; what a case does not say is off.
#[derive(Debug, Clone, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of the format")]
pub(super) struct Spec {
    #[serde(default = "Spec::lif")]
    pub(super) variant: String,
    pub(super) dt_ms: f64,
    #[serde(default = "Spec::one")]
    pub(super) threshold: f64,
    pub(super) surrogate_scale: f64,
    #[serde(default)]
    pub(super) detach_recurrent: bool,
    #[serde(default)]
    pub(super) attach_reset: bool,
    #[serde(default = "Spec::max")]
    pub(super) readout: String,
    #[serde(default)]
    pub(super) regulariser: bool,
    #[serde(default)]
    pub(super) typed: bool,
    #[serde(default)]
    pub(super) lower_threshold: f64,
    #[serde(default)]
    pub(super) lower_strength: f64,
    #[serde(default)]
    pub(super) upper_threshold: f64,
    #[serde(default)]
    pub(super) upper_strength: f64,
    #[serde(default)]
    pub(super) w2_l1: f64,
    #[serde(default)]
    pub(super) type_index: Vec<usize>,
    #[serde(default)]
    nt_names: Vec<String>,
    #[serde(default)]
    pub(super) w1_nt: Vec<usize>,
    #[serde(default)]
    pub(super) v_nt: Vec<usize>,
    #[serde(rename = "M")]
    inputs: Option<usize>,
    #[serde(rename = "N")]
    neurons: Option<usize>,
    #[serde(rename = "C")]
    outputs: Option<usize>,
    #[serde(rename = "B")]
    batch: Option<usize>,
    #[serde(rename = "T")]
    steps: Option<usize>,
}

impl Spec {
    fn lif() -> String {
        "lif".into()
    }

    fn max() -> String {
        "max".into()
    }

    fn one() -> f64 {
        1.0
    }
}

/// What a case is run on.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) spec: Spec,
    pub(super) batch: usize,
    pub(super) steps: usize,
    pub(super) inputs: usize,
    pub(super) neurons: usize,
    pub(super) outputs: usize,
    /// Spike counts [B, T, M].
    pub(super) spikes: Vec<u8>,
    /// [B].
    pub(super) labels: Vec<usize>,
    /// Parameters by name.
    pub(super) arrays: BTreeMap<&'static str, Array>,
}

/// Parameters of every case.
const SCALARS: [&str; 4] = ["tau_syn_ms", "tau_syn_out_ms", "tau_mem_out_ms", "reset"];

impl Input {
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("case.json");
        let text = std::fs::read_to_string(&path).map_err(|e| UserError::cannot_read(&path, &e))?;
        let spec: Spec = serde_json::from_str(&text).map_err(|e| {
            UserError::bad_data("bad-case", "is no case of a spiking network")
                .file(&path)
                .line(e.line() as u64)
                .found(e.to_string())
                .mend("write the case again; the README of the reference data names the keys")
        })?;
        let path = folder.join("input.npz");
        let mut reader = NpzReader::open(&path)?;
        let spikes = reader.read("spikes")?;
        let [batch, steps, inputs] = spikes.shape[..] else {
            return Err(bad_shape(&path, "spikes", &spikes.shape, "[B, T, M]"));
        };
        let whole = spikes.to_i64().unwrap_or_default();
        let spikes: Vec<u8> = whole.iter().filter_map(|s| u8::try_from(*s).ok()).collect();
        if spikes.len() != batch * steps * inputs {
            return Err(bad_value(&path, "spikes", "something else", "whole numbers from 0 to 255"));
        }
        let w2 = reader.read("w2")?;
        let [neurons, outputs] = w2.shape[..] else { return Err(bad_shape(&path, "w2", &w2.shape, "[N, C]")) };
        for (name, size) in [("B", batch), ("T", steps), ("M", inputs), ("N", neurons), ("C", outputs)] {
            if size == 0 {
                return Err(bad_value(&path, name, "0", "at least 1"));
            }
        }
        let labels = reader.read("labels")?;
        let valid = |l: &i64| usize::try_from(*l).ok().filter(|l| *l < outputs);
        let labels: Vec<usize> = labels.to_i64().unwrap_or_default().iter().filter_map(valid).collect();
        if labels.len() != batch {
            return Err(bad_value(
                &path,
                "labels",
                &format!("{} usable ones", labels.len()),
                "one class below C for each sample",
            ));
        }
        let mut input =
            Self { spec, batch, steps, inputs, neurons, outputs, spikes, labels, arrays: BTreeMap::from([("w2", w2)]) };
        input.check_spec(folder)?;
        let types = input.spec.type_index.iter().max().map_or(0, |t| t + 1);
        let transmitters = input.spec.nt_names.len();
        for (name, shape) in input.shapes() {
            let array = reader.read(name)?;
            // Types and transmitters may be listed that no neuron has.
            let fits = match (input.spec.typed, name) {
                (true, "I_c" | "tau_mem_ms") => array.shape.len() == 1 && array.len() >= types,
                (true, "gain") => array.shape.len() == 1 && array.len() >= transmitters,
                _ => array.shape == shape,
            };
            if !fits {
                return Err(bad_shape(&path, name, &array.shape, &format!("{shape:?}")));
            }
            if let Some(bad) = array.to_f64().iter().find(|x| !x.is_finite()) {
                return Err(bad_value(&path, name, &bad.to_string(), "finite numbers"));
            }
            if name.starts_with("tau")
                && let Some(bad) = array.to_f64().iter().find(|x| **x <= 0.0)
            {
                return Err(bad_value(&path, name, &bad.to_string(), "times above 0"));
            }
            input.arrays.insert(name, array);
        }
        if input.spec.typed {
            let known = input.arrays["gain"].len();
            if let Some(nt) = input.spec.w1_nt.iter().chain(&input.spec.v_nt).find(|nt| **nt >= known) {
                return Err(bad_value(&folder.join("case.json"), "w1_nt, v_nt", &nt.to_string(), "indices of `nt_names`"));
            }
        }
        Ok(input)
    }

    /// Parameters besides w2 and their shapes.
    fn shapes(&self) -> Vec<(&'static str, Vec<usize>)> {
        let (m, n) = (self.inputs, self.neurons);
        let mut shapes: Vec<_> = SCALARS.iter().map(|name| (*name, Vec::new())).collect();
        shapes.extend([("I_c", vec![n]), ("tau_mem_ms", vec![n])]);
        if self.spec.typed {
            shapes.extend([("gain", vec![self.spec.nt_names.len()]), ("scale", vec![])]);
            shapes.extend([("w1_count", vec![m, n]), ("v_count", vec![n, n])]);
        } else {
            shapes.extend([("w1", vec![m, n]), ("v", vec![n, n])]);
        }
        shapes
    }

    fn check_spec(&self, folder: &Path) -> Result<()> {
        let path = folder.join("case.json");
        let spec = &self.spec;
        let bad = |key: &str, found: &str, expected: &str| Err(bad_value(&path, key, found, expected));
        if !matches!(spec.variant.as_str(), "lif" | "lif2" | "nonspiking") {
            return bad("variant", &spec.variant, "`lif`, `lif2` or `nonspiking`");
        }
        if !matches!(spec.readout.as_str(), "max" | "mean") {
            return bad("readout", &spec.readout, "`max` or `mean`");
        }
        for (key, value) in [("dt_ms", spec.dt_ms), ("surrogate_scale", spec.surrogate_scale)] {
            if !(value.is_finite() && value > 0.0) {
                return bad(key, &value.to_string(), "a number above 0");
            }
        }
        let sizes = [
            ("B", spec.batch, self.batch),
            ("T", spec.steps, self.steps),
            ("M", spec.inputs, self.inputs),
            ("N", spec.neurons, self.neurons),
            ("C", spec.outputs, self.outputs),
        ];
        for (key, stated, found) in sizes {
            if stated.is_some_and(|stated| stated != found) {
                return bad(key, &stated.unwrap_or_default().to_string(), &format!("{found}, as in `input.npz`"));
            }
        }
        if spec.typed {
            let lists = [
                ("type_index", &spec.type_index, self.neurons),
                ("w1_nt", &spec.w1_nt, self.inputs),
                ("v_nt", &spec.v_nt, self.neurons),
            ];
            for (key, list, length) in lists {
                if list.len() != length {
                    return bad(key, &format!("{} entries", list.len()), &format!("{length} entries"));
                }
            }
        }
        Ok(())
    }

    /// A parameter's numbers.
    pub(super) fn get(&self, name: &str) -> Vec<f64> {
        self.arrays[name].to_f64()
    }

    /// A scalar parameter.
    pub(super) fn scalar(&self, name: &str) -> f64 {
        self.get(name)[0]
    }

    /// Names of the parameters that have gradients.
    pub(super) fn trained(&self) -> impl Iterator<Item = &'static str> {
        self.arrays.keys().copied().filter(|name| !name.ends_with("_count"))
    }
}

/// What the reference says.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) arrays: BTreeMap<String, Array>,
    /// Names in the order of the file.
    pub(super) order: Vec<String>,
}

impl Expected {
    pub(super) fn read(folder: &Path, input: &Input) -> Result<Self> {
        let path = folder.join("expected.npz");
        let mut reader = NpzReader::open(&path)?;
        let order = reader.names();
        let (b, t, n, c) = (input.batch, input.steps, input.neurons, input.outputs);
        let mut required = vec![
            ("mem".to_string(), vec![b, t, n]),
            ("spikes".into(), vec![b, t, n]),
            ("out".into(), vec![b, t + 1, c]),
            ("decision".into(), vec![b, c]),
            ("loss".into(), vec![]),
        ];
        required.extend(input.trained().map(|name| (format!("grad_{name}"), input.arrays[name].shape.clone())));
        let mut arrays = BTreeMap::new();
        for name in &order {
            arrays.insert(name.clone(), reader.read(name)?);
        }
        for (name, shape) in required {
            match arrays.get(&name) {
                // The error of a missing array names those that are there.
                None => drop(reader.read(&name)?),
                Some(array) if array.shape != shape => return Err(bad_shape(&path, &name, &array.shape, &format!("{shape:?}"))),
                Some(_) => {}
            }
        }
        Ok(Self { arrays, order })
    }
}

fn bad_shape(path: &Path, name: &str, found: &[usize], expected: &str) -> UserError {
    UserError::bad_data("bad-shape", "an array has the wrong shape")
        .file(path)
        .dataset(name)
        .found(format!("{found:?}"))
        .expected(expected)
        .mend("write the case again with sizes that fit together")
}

fn bad_value(path: &Path, key: &str, found: &str, expected: &str) -> UserError {
    UserError::bad_data("bad-case", "a case holds a value out of range")
        .file(PathBuf::from(path))
        .key(key)
        .found(found)
        .expected(expected)
        .mend("write the case again")
}
