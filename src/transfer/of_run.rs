//! A run, lowered: its checkpoint with the samples that go with it, and where all of it came from.

use std::path::Path;

use candle_core::WithDType;
use kenyon_base::{Result, UserError, digest};
use kenyon_hardware::{Decision, Deployment};
use kenyon_neurons::point::Real;

use super::lower::{self, LowerOptions, lower};
use crate::training::loaded::Loaded;

/// Lowers the network of a run, with `samples` of its inputs.
///
/// # Errors
/// As [`lower()`]; samples that cannot be read.
pub fn of_run<F: Real + WithDType>(loaded: &Loaded<F>, samples: &[u32], options: &LowerOptions) -> Result<Deployment> {
    let source = &loaded.setup.source;
    let batches = match samples {
        [] => Vec::new(),
        samples => vec![loaded.batch(samples)?],
    };
    let name = loaded.folder.path().file_name().map_or_else(|| "network".into(), |n| n.to_string_lossy().into_owned());
    let mut deployment = lower(&loaded.model, &name, source.classes(), source.steps(), &batches, options)?;
    deployment.sources = sources(loaded)?;
    deployment.synthetic = is_synthetic(loaded);
    Ok(deployment)
}

/// What a run's network is made from: name and sha256, checkpoint first.
pub(super) fn sources<F: Real + WithDType>(loaded: &Loaded<F>) -> Result<Vec<(String, String)>> {
    let manifest = loaded.folder.manifest();
    let checkpoint = loaded.folder.path().join("checkpoints").join(&loaded.file);
    let mut sources =
        vec![(format!("checkpoint {}", loaded.file), sha256(&checkpoint)?), ("config".into(), manifest.config_sha256.clone())];
    sources.extend(manifest.inputs.iter().map(|input| (input.name.clone(), input.sha256.clone())));
    Ok(sources)
}

/// Whether the circuit of a run is synthetic. A run whose manifest does not say so must not pass for a measured one.
pub(super) fn is_synthetic<F: Real + WithDType>(loaded: &Loaded<F>) -> bool {
    loaded.folder.manifest().facts.get("synthetic_circuit").and_then(serde_json::Value::as_bool).unwrap_or(true)
}

impl<F: Real + WithDType> Loaded<F> {
    /// How the run decides, in a deployment's terms.
    ///
    /// # Errors
    /// `bad-window` for a window outside the samples.
    pub fn decision(&self) -> Result<Decision> {
        lower::decision(&self.config.loss, self.model.network.spec.dt_ms, self.setup.source.steps())
    }
}

fn sha256(path: &Path) -> Result<String> {
    digest::sha256_file(path).map_err(|e| UserError::cannot_read(path, &e))
}
