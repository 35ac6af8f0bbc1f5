//! Checkpoints: one sealed safetensors file with everything that training needs to go on.
//!
//! The body is plain safetensors, readable by any reader of that format. Its metadata hold one key, `kenyon`: the manifest as JSON,
//! which begins with the SHA-256 of the whole file taken with those 64 digits as zeros. One changed byte anywhere is found.
//!
//! | tensor | holds |
//! |---|---|
//! | `param/NAME` | a parameter |
//! | `optimiser/FIELD/NAME` | the optimiser's memory of it |
//! | `ids/neurons`, `ids/inputs` | root ids of the neurons and of the inputs in stored order (u64) |
//! | `ids/types` | index of each neuron's type in the manifest's `types` (u64) |

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use kenyon_base::digest::{self, sha256_ids};
use kenyon_base::{AtomicFile, Result, TOOL, UserError, nearest};
use safetensors::{Dtype, SafeTensors, View};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::store::Best;
use super::tensor::{DType, TensorData, described};

/// Format name.
pub const FORMAT: &str = "kenyon-checkpoint";
/// Format version.
pub const VERSION: u32 = 1;

const NEURONS: &str = "ids/neurons";
const TYPES: &str = "ids/types";
const SEAL_DIGITS: usize = 64;
/// Every header begins with this; the digits of the seal follow.
const HEADER_START: &[u8] = br#"{"__metadata__":{"kenyon":"{\"sha256\":\""#;
/// Where the seal's digits stand in the file.
const SEAL_AT: usize = 8 + HEADER_START.len();
/// Larger headers are no checkpoint of ours.
const HEADER_LIMIT: u64 = 100_000_000;

/// What a checkpoint says of itself besides its arrays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointManifest {
    sha256: String,
    format: String,
    version: u32,
    tool: String,
    /// What kind of model it is of, for example `snn` or `twin`.
    pub kind: String,
    /// Epochs that were finished.
    pub epoch: u64,
    /// Optimiser steps taken since the start of the run.
    pub step: u64,
    /// Seed of the run.
    pub seed: u64,
    /// SHA-256 of the resolved config.
    pub config_sha256: String,
    /// SHA-256 of the root ids in stored order.
    pub neurons_sha256: Option<String>,
    /// SHA-256 of who is connected to whom, whatever the order; none in checkpoints of earlier versions.
    #[serde(default)]
    pub wiring_sha256: Option<String>,
    /// Names that `ids/types` indexes.
    pub types: Vec<String>,
    /// SHA-256 of each split's sample ids.
    pub splits: BTreeMap<String, String>,
    /// Metrics at this step; `null` where one is not a finite number.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// The best step so far.
    pub best: Option<Best>,
    /// Parameters that break their own constraints: 0, or the file is refused.
    pub constraint_violations: u64,
    /// Lines of the journal at this step.
    pub journal_lines: u64,
    /// State of other parts, each in its own section: optimiser, sampler, counters of random streams.
    pub state: BTreeMap<String, Value>,
}

/// Arrays by name, and what belongs to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Parameters, optimiser memory and ids by name.
    pub tensors: BTreeMap<String, TensorData>,
    /// Everything else.
    pub manifest: CheckpointManifest,
    /// The file it was read from, for messages.
    origin: PathBuf,
}

impl Checkpoint {
    /// An empty checkpoint of a model of `kind`.
    pub fn new(kind: &str, seed: u64, config_sha256: &str) -> Self {
        let manifest = CheckpointManifest {
            sha256: "0".repeat(SEAL_DIGITS),
            format: FORMAT.into(),
            version: VERSION,
            tool: TOOL.into(),
            kind: kind.into(),
            epoch: 0,
            step: 0,
            seed,
            config_sha256: config_sha256.into(),
            neurons_sha256: None,
            wiring_sha256: None,
            types: Vec::new(),
            splits: BTreeMap::new(),
            metrics: BTreeMap::new(),
            best: None,
            constraint_violations: 0,
            journal_lines: 0,
            state: BTreeMap::new(),
        };
        Self { tensors: BTreeMap::new(), manifest, origin: PathBuf::from("checkpoint") }
    }

    /// Stores the neurons' root ids, in the order of every per-neuron array.
    pub fn set_neurons(&mut self, ids: &[u64]) {
        self.manifest.neurons_sha256 = Some(sha256_ids(ids));
        self.tensors.insert(NEURONS.into(), TensorData::vector(ids));
    }

    /// The neurons' root ids in stored order; none if the model has none.
    pub fn neurons(&self) -> Option<Vec<u64>> {
        self.tensors.get(NEURONS).and_then(TensorData::values)
    }

    /// Stores the type of each neuron: `index[n]` points into `names`.
    pub fn set_types(&mut self, names: &[String], index: &[u64]) {
        self.manifest.types = names.to_vec();
        self.tensors.insert(TYPES.into(), TensorData::vector(index));
    }

    /// Index of each neuron's type in the manifest's `types`.
    pub fn type_index(&self) -> Option<Vec<u64>> {
        self.tensors.get(TYPES).and_then(TensorData::values)
    }

    /// Stores the state of a part under its own name.
    ///
    /// # Panics
    /// If `state` has no JSON form, as a map whose keys are no texts.
    pub fn put_state<T: Serialize>(&mut self, section: &str, state: &T) {
        let value = serde_json::to_value(state).expect("states are plain data with text keys");
        self.manifest.state.insert(section.into(), value);
    }

    /// The state stored under `section`.
    pub fn state<T: DeserializeOwned>(&self, section: &str) -> Result<T> {
        let Some(value) = self.manifest.state.get(section) else {
            return Err(self.bad("missing-state", format!("holds no state of `{section}`")).mend("start a new run"));
        };
        serde_json::from_value(value.clone())
            .map_err(|e| self.bad("bad-state", format!("the state of `{section}` cannot be read: {e}")).mend("start a new run"))
    }

    /// The array called `name`.
    pub fn tensor(&self, name: &str) -> Result<&TensorData> {
        self.tensors.get(name).ok_or_else(|| self.missing(name))
    }

    /// The elements of the array called `name`.
    pub fn values<T: super::tensor::Element>(&self, name: &str) -> Result<Vec<T>> {
        let tensor = self.tensor(name)?;
        tensor.values().ok_or_else(|| {
            self.bad("tensor-type", format!("tensor `{name}` has another type"))
                .found(tensor.dtype().name())
                .expected(T::DTYPE.name())
                .mend("load it with the `dtype` it was trained with")
        })
    }

    /// Checks that the arrays below `prefix` are exactly `expected`, by name (without the prefix), type and shape.
    ///
    /// # Errors
    /// The first tensor, in order of name, that is missing, unexpected or of another type or shape.
    pub fn check_tensors(&self, prefix: &str, expected: &BTreeMap<String, (DType, Vec<usize>)>) -> Result<()> {
        for (name, (dtype, shape)) in expected {
            let full = format!("{prefix}{name}");
            let tensor = self.tensor(&full)?;
            if tensor.dtype() != *dtype || tensor.shape() != shape.as_slice() {
                return Err(self
                    .bad("tensor-shape", format!("tensor `{full}` does not fit the network"))
                    .found(described(tensor.dtype(), tensor.shape()))
                    .expected(described(*dtype, shape))
                    .mend("use the config and the circuit that the checkpoint was made with"));
            }
        }
        for name in self.tensors.keys().filter_map(|n| n.strip_prefix(prefix)) {
            if !expected.contains_key(name) {
                let hint = nearest(name, expected.keys().map(String::as_str)).map(|n| format!("did you mean `{prefix}{n}`?"));
                return Err(self
                    .bad("unexpected-tensor", format!("tensor `{prefix}{name}` is not part of the network"))
                    .mend(hint.unwrap_or_else(|| "use the config that the checkpoint was made with".into())));
            }
        }
        Ok(())
    }

    /// The file it was read from, for messages.
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// Checks that the checkpoint is of a model of `kind`.
    pub fn check_kind(&self, kind: &str) -> Result<()> {
        if self.manifest.kind == kind {
            return Ok(());
        }
        Err(self
            .bad("other-kind", "is a checkpoint of another kind of model")
            .found(&self.manifest.kind)
            .expected(kind)
            .mend("name a checkpoint that this command wrote"))
    }

    /// Checks that the stored neuron order is `ids`.
    pub fn check_neurons(&self, ids: &[u64]) -> Result<()> {
        self.check_ids(NEURONS, ids)
    }

    /// Checks that the root ids stored as `name` are `ids` in the same order.
    pub fn check_ids(&self, name: &str, ids: &[u64]) -> Result<()> {
        let stored: Vec<u64> = self.tensors.get(name).and_then(TensorData::values).unwrap_or_default();
        if stored == ids {
            return Ok(());
        }
        let mut sorted = stored.clone();
        sorted.sort_unstable();
        let common = ids.iter().filter(|id| sorted.binary_search(id).is_ok()).count();
        Err(self
            .bad("id-mismatch", "belongs to other neurons, or to the same in another order")
            .found(format!("{} neurons", stored.len()))
            .expected(format!("the circuit's {} neurons in their order; {common} of them are in the checkpoint", ids.len()))
            .mend("use the circuit that the checkpoint was made with"))
    }

    /// Checks that the checkpoint was made with this resolved config.
    pub fn check_config(&self, config_sha256: &str) -> Result<()> {
        if self.manifest.config_sha256 == config_sha256 {
            return Ok(());
        }
        Err(self
            .bad("config-mismatch", "was made with another config")
            .found(&self.manifest.config_sha256)
            .expected(format!("a config with sha256 `{config_sha256}`"))
            .mend("resume with the run's own `config.toml`, or start a new run"))
    }

    /// SHA-256 over names, types, shapes and bytes of the parameters (`param/…`) in order of name.
    pub fn weights_sha256(&self) -> String {
        let mut text = Vec::new();
        for (name, tensor) in self.tensors.iter().filter(|(name, _)| name.starts_with("param/")) {
            text.extend_from_slice(format!("{name} {}\n", described(tensor.dtype(), tensor.shape())).as_bytes());
            text.extend_from_slice(tensor.bytes());
        }
        sha256(&text)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// `constraint` (exit code 4) if a parameter breaks its constraints, `not-finite` if one is NaN or infinite: such a model is
    /// never stored.
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check_sound()?;
        let mut manifest = self.manifest.clone();
        manifest.sha256 = "0".repeat(SEAL_DIGITS);
        let text = serde_json::to_string(&manifest).expect("manifests are plain data with text keys");
        let metadata = HashMap::from([("kenyon".to_string(), text)]);
        let mut bytes = safetensors::serialize(&self.tensors, Some(metadata))
            .map_err(|e| UserError::failed("checkpoint", format!("the checkpoint cannot be laid out: {e}")))?;
        assert!(bytes[8..].starts_with(HEADER_START), "safetensors writes the metadata first");
        let seal = sha256(&bytes);
        bytes[SEAL_AT..SEAL_AT + SEAL_DIGITS].copy_from_slice(seal.as_bytes());
        Ok(bytes)
    }

    /// Reads the bytes of the file at `path` and checks the seal before anything else.
    pub fn decode(mut bytes: Vec<u8>, path: &Path) -> Result<Self> {
        unseal(&mut bytes, path)?;
        let damaged = |cause: String| UserError::bad_data("bad-checkpoint", cause).file(path);
        let (_, header) =
            SafeTensors::read_metadata(&bytes).map_err(|e| damaged(format!("is not a whole safetensors file: {e}")))?;
        let metadata = header.metadata().as_ref();
        let manifest = parse_manifest(metadata.and_then(|m| m.get("kenyon")).map_or("", String::as_str), path)?;
        let views = SafeTensors::deserialize(&bytes).map_err(|e| damaged(format!("is not a whole safetensors file: {e}")))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in views.iter() {
            let dtype = match view.dtype() {
                Dtype::F32 => DType::F32,
                Dtype::F64 => DType::F64,
                Dtype::U64 => DType::U64,
                Dtype::I64 => DType::I64,
                other => return Err(damaged(format!("tensor `{name}` has type {other}")).expected("f32, f64, u64 or i64")),
            };
            let tensor = TensorData::from_bytes(dtype, view.shape().to_vec(), view.data().to_vec())
                .ok_or_else(|| damaged(format!("tensor `{name}` does not hold what its shape says")))?;
            tensors.insert(name.to_string(), tensor);
        }
        let checkpoint = Self { tensors, manifest, origin: path.to_path_buf() };
        checkpoint.check_sound()?;
        if checkpoint.manifest.neurons_sha256 != checkpoint.neurons().map(|ids| sha256_ids(&ids)) {
            return Err(checkpoint.bad("id-mismatch", "its neuron ids are not those its manifest names"));
        }
        Ok(checkpoint)
    }

    /// Writes the file whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes = self.encode()?;
        commit_through(path, |file| file.write_all(&bytes))
    }

    /// Reads and verifies a file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|e| UserError::cannot_read(path, &e))?;
        Self::decode(bytes, path)
    }

    /// Constraints hold and every number is finite.
    fn check_sound(&self) -> Result<()> {
        let violations = self.manifest.constraint_violations;
        if violations > 0 {
            return Err(UserError::check_failed("constraint", "parameters break their own constraints (signs, masks, ranges)")
                .file(&self.origin)
                .found(format!("{violations} violations"))
                .expected("0")
                .mend("project the parameters after every optimiser step"));
        }
        for (name, tensor) in &self.tensors {
            if let Some((index, value)) = tensor.first_not_finite() {
                return Err(self
                    .bad("not-finite", format!("element {index} of tensor `{name}` at step {}", self.manifest.step))
                    .found(value.to_string())
                    .expected("a finite number")
                    .mend("lower the learning rate or switch on gradient clipping, and resume from an earlier checkpoint"));
            }
        }
        Ok(())
    }

    fn bad(&self, code: &'static str, message: impl Into<String>) -> UserError {
        UserError::bad_data(code, message).file(&self.origin)
    }

    fn missing(&self, name: &str) -> UserError {
        let hint = nearest(name, self.tensors.keys().map(String::as_str)).map(|n| format!("; the nearest is `{n}`"));
        self.bad("missing-tensor", format!("tensor `{name}` is missing{}", hint.unwrap_or_default()))
            .mend("use the config and the circuit that the checkpoint was made with")
    }
}

impl CheckpointManifest {
    /// Reads the manifest alone, without verifying the arrays: for lists of checkpoints.
    pub fn read(path: &Path) -> Result<Self> {
        let cannot = |e: &io::Error| UserError::cannot_read(path, e);
        let mut file = File::open(path).map_err(|e| cannot(&e))?;
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| not_a_checkpoint(path))?;
        let length = u64::from_le_bytes(length);
        let mut header = Vec::new();
        file.take(length.min(HEADER_LIMIT)).read_to_end(&mut header).map_err(|e| cannot(&e))?;
        if length > HEADER_LIMIT || !header.starts_with(HEADER_START) {
            return Err(not_a_checkpoint(path));
        }
        let parsed: Value = serde_json::from_slice(&header).map_err(|_| not_a_checkpoint(path))?;
        parse_manifest(parsed["__metadata__"]["kenyon"].as_str().unwrap_or_default(), path)
    }

    /// SHA-256 of the file, as its seal says; zeros before it is written.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// Writes `path` through `emit`; the old file stays until the new one is complete and on the disk.
pub(super) fn commit_through(path: &Path, emit: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    emit(&mut file).map_err(|e| UserError::cannot_write(path, &e))?;
    file.commit()
}

/// Compares the seal with the bytes.
fn unseal(bytes: &mut [u8], path: &Path) -> Result<()> {
    if bytes.len() < SEAL_AT + SEAL_DIGITS || !bytes[8..].starts_with(HEADER_START) {
        return Err(not_a_checkpoint(path));
    }
    let digits = &mut bytes[SEAL_AT..SEAL_AT + SEAL_DIGITS];
    let seal = String::from_utf8_lossy(digits).into_owned();
    digits.fill(b'0');
    let actual = sha256(bytes);
    if seal != actual {
        return Err(UserError::bad_data("checksum", "is damaged: its bytes are not those that were written")
            .file(path)
            .found(format!("sha256 {actual}"))
            .expected(seal)
            .mend("use the one before: remove this file and resume"));
    }
    bytes[SEAL_AT..SEAL_AT + SEAL_DIGITS].copy_from_slice(seal.as_bytes());
    Ok(())
}

fn parse_manifest(text: &str, path: &Path) -> Result<CheckpointManifest> {
    let value: Value = serde_json::from_str(text).map_err(|_| not_a_checkpoint(path))?;
    if value["format"] != FORMAT {
        return Err(not_a_checkpoint(path));
    }
    let version = value["version"].as_u64().unwrap_or(0);
    if version != u64::from(VERSION) {
        return Err(UserError::bad_data("newer-version", "is of another format version")
            .file(path)
            .found(version.to_string())
            .expected(VERSION.to_string())
            .mend("use the version of kenyon that wrote it"));
    }
    serde_json::from_value(value).map_err(|e| {
        UserError::bad_data("bad-checkpoint", format!("its manifest cannot be read: {e}"))
            .file(path)
            .mend("use the version of kenyon that wrote it")
    })
}

fn not_a_checkpoint(path: &Path) -> UserError {
    UserError::bad_data("not-a-checkpoint", "is not a checkpoint of kenyon, or its beginning is damaged")
        .file(path)
        .mend("use the one before: remove this file and resume")
}

fn sha256(bytes: &[u8]) -> String {
    digest::sha256_reader(bytes).expect("memory is always readable")
}

impl View for &TensorData {
    fn dtype(&self) -> Dtype {
        match TensorData::dtype(self) {
            DType::F32 => Dtype::F32,
            DType::F64 => Dtype::F64,
            DType::U64 => Dtype::U64,
            DType::I64 => Dtype::I64,
        }
    }

    fn shape(&self) -> &[usize] {
        TensorData::shape(self)
    }

    fn data(&self) -> std::borrow::Cow<'_, [u8]> {
        self.bytes().into()
    }

    fn data_len(&self) -> usize {
        self.bytes().len()
    }
}

#[cfg(test)]
mod tests;
