//! Whether a run is the control of another: the same training on a null model of its circuit.

use candle_core::WithDType;
use kenyon_base::{Result, UserError};
use kenyon_neurons::point::Real;
use serde_json::Value;

use super::config::TrainConfig;
use super::loaded::Loaded;

/// Checks that `control` differs from `run` in its circuit alone, and that this circuit is a null model of the run's.
///
/// Start factors of projections that the null model does not have may be missing from the control. Returns the null model in words.
///
/// # Errors
/// `not-a-control` with what differs.
pub fn check<F: Real + WithDType>(run: &Loaded<F>, control: &Loaded<F>) -> Result<String> {
    let refuse = |message: &str| {
        UserError::bad_data("not-a-control", message).file(control.folder.path()).mend(
            "make one: `kenyon circuit shuffle CIRCUIT --model swap -o null.h5`, then `kenyon train CONFIG --circuit null.h5 --run CONTROL` \
             with the config and seed of the run",
        )
    };
    let (own, theirs) = (&run.setup.circuit, &control.setup.circuit);
    let sha = |circuit: &kenyon_connectome::Circuit| circuit.origin.as_ref().map(|source| source.sha256.clone());
    if sha(own).is_some() && sha(own) == sha(theirs) {
        return Err(refuse("was trained on the same circuit as the run: it is no control of it"));
    }
    let made_of_it = sha(own).is_some_and(|sha| theirs.provenance.sources.iter().any(|source| source.sha256 == sha));
    let before = own.provenance.steps.len();
    let added = theirs.provenance.steps.get(before..).unwrap_or_default();
    let null = match added {
        [step] if made_of_it && theirs.provenance.steps.starts_with(&own.provenance.steps) => step.get("null"),
        _ => None,
    };
    let Some(null) = null else {
        return Err(refuse("was trained on a circuit that is no null model of this run's circuit")
            .found(theirs.origin.as_ref().map_or("another circuit", |source| source.name.as_str()))
            .expected("a circuit that `kenyon circuit shuffle` made of the run's own"));
    };
    if run.setup.source.identity() != control.setup.source.identity() {
        return Err(refuse("was trained on other samples than the run").expected("the same odours, recipe and seed"));
    }
    if let Some(line) = difference(&run.config, &control.config) {
        return Err(refuse("was trained by another config than the run").found(line).expected("the same in all but the circuit"));
    }
    if run.folder.manifest().seed != control.folder.manifest().seed {
        return Err(refuse("was trained with another seed than the run")
            .found(control.folder.manifest().seed.to_string())
            .expected(format!("`--seed {}`", run.folder.manifest().seed)));
    }
    let word = |key: &str| null.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), String::from));
    let model = match word("model").as_deref() {
        Some("swap") => "degree-preserving swaps".to_string(),
        Some(model) => format!("null model `{model}`"),
        None => "a null model".into(),
    };
    Ok(match null.get("seed").and_then(Value::as_u64) {
        Some(seed) => format!("{model}, seed {seed}"),
        None => model,
    })
}

/// The first line in which the config of a control differs from that of the run, where it may not.
fn difference(run: &TrainConfig, control: &TrainConfig) -> Option<String> {
    let comparable = |config: &TrainConfig| {
        let mut config = config.clone();
        // Files are compared by their content: they are part of the samples' identity.
        config.circuit = "circuit".into();
        config.data = config.data.map(|_| "data".into());
        if let Some(odors) = &mut config.odors {
            odors.table = odors.table.take().map(|_| "table".into());
            odors.receptor_map = odors.receptor_map.take().map(|_| "map".into());
        }
        config
    };
    let (mut run, control) = (comparable(run), comparable(control));
    let kept = &control.network.weights.projection;
    run.network.weights.projection.retain(|name, _| kept.contains_key(name));
    let (ours, theirs) = (run.resolved(), control.resolved());
    let differs = ours.lines().zip(theirs.lines()).find(|(a, b)| a != b).map(|(_, b)| b.to_string());
    differs.or_else(|| (ours != theirs).then(|| "another number of keys".into()))
}
