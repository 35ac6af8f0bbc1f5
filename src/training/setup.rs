//! From a config to what a run needs: circuit, samples, network, the run folder's manifest.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, WithDType};
use kenyon_base::{Result, UserError};
use kenyon_connectome::{Circuit, circuit};
use kenyon_datasets::odors::{self, Ceiling, OdorGenerator, SpikeStore};
use kenyon_datasets::{Remap, SpikeSource};
use kenyon_neurons::point::Real;
use serde_json::json;

use super::config::{Precision, TrainConfig};
use super::loaded::find;
use super::model::Model;
use super::origin::Origin;
use super::teacher::TeacherSpec;
use crate::network::{Network, Parameters};
use crate::run::folder::RunFolder;
use crate::run::manifest::{InputFile, MOVED, RunManifest};

/// Circuit, samples and network of a config.
pub struct Setup {
    /// The circuit.
    pub circuit: Circuit,
    /// Samples.
    pub source: Arc<dyn SpikeSource>,
    /// The generator of the samples, unless they come from a file.
    pub generator: Option<OdorGenerator>,
    /// Rate of the inputs without an odour in Hz: that of the recipe, also of a stored data set that holds it.
    pub rest_hz: Option<f64>,
    /// The ceiling that a stored data set holds.
    pub stored_ceiling: Option<Ceiling>,
    /// What of all this was generated and not measured.
    pub origin: Origin,
    /// From columns of the samples to inputs of the network; none if they are the same.
    pub remap: Option<Arc<Remap>>,
    /// The network.
    pub network: Network,
}

/// Files of a config that are inputs of its run, as (name, path).
fn files(config: &TrainConfig, folder: &Path) -> Vec<(&'static str, PathBuf)> {
    let odors = config.odors.as_ref();
    let all = [
        ("circuit", Some(&config.circuit)),
        ("data", config.data.as_ref()),
        ("responses", odors.and_then(|o| o.table.as_ref())),
        ("receptor_map", odors.and_then(|o| o.receptor_map.as_ref())),
    ];
    all.into_iter().filter_map(|(name, path)| Some((name, folder.join(path?)))).collect()
}

/// Checks that the files which a config names are there, and says of one that is not who names it.
fn check_files(config: &TrainConfig, path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    for (name, file) in files(config, folder) {
        let Err(cause) = std::fs::metadata(&file) else { continue };
        let key = match name {
            "responses" => "odors.table",
            "receptor_map" => "odors.receptor_map",
            name => name,
        };
        let error = UserError::cannot_read(&file, &cause);
        if cause.kind() != std::io::ErrorKind::NotFound {
            return Err(error);
        }
        let mend = match name {
            _ if folder.join("manifest.json").is_file() => MOVED.to_string(),
            "circuit" if config.circuit.is_absolute() => "check the path given with `--circuit`, or the key `circuit`".into(),
            "circuit" => format!("named by key `circuit` of `{}`: mend the path there, or give `--circuit`", path.display()),
            _ => format!("named by key `{key}` of `{}`: mend the path there; it is relative to that file", path.display()),
        };
        return Err(error.mend(mend));
    }
    Ok(())
}

/// The config as a run stores it: every default written out, paths relative to the run folder.
///
/// # Errors
/// An input file that cannot be read.
pub fn for_run(config: &TrainConfig, folder: &Path, run: &Path) -> Result<TrainConfig> {
    let mut stored = config.clone();
    for (name, path) in files(config, folder) {
        let relative = PathBuf::from(InputFile::describe(name, &path, run)?.path);
        match (name, &mut stored.odors) {
            ("circuit", _) => stored.circuit = relative,
            ("data", _) => stored.data = Some(relative),
            ("responses", Some(odors)) => odors.table = Some(relative),
            ("receptor_map", Some(odors)) => odors.receptor_map = Some(relative),
            _ => {}
        }
    }
    for teacher in &mut stored.loss.teacher {
        let checkpoint = teachers_checkpoint(teacher, folder)?;
        let relative = PathBuf::from(InputFile::describe("teacher", &checkpoint, run)?.path);
        // RUN/checkpoints/FILE
        teacher.run = relative.ancestors().nth(2).unwrap_or(Path::new("")).to_path_buf();
        teacher.checkpoint = relative.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    }
    Ok(stored)
}

/// The file of a teacher's checkpoint.
fn teachers_checkpoint(teacher: &TeacherSpec, folder: &Path) -> Result<PathBuf> {
    let checkpoint = find(&RunFolder::open(&folder.join(&teacher.run))?, &teacher.checkpoint).map_err(UserError::in_data)?;
    Ok(checkpoint.origin().to_path_buf())
}

impl Setup {
    /// Reads and builds everything; `path` is the config's, against whose folder its paths are resolved.
    ///
    /// # Errors
    /// Files that are missing or damaged, a recipe or spec that does not fit them.
    pub fn open(config: &TrainConfig, path: &Path, seed: u64) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new(""));
        check_files(config, path)?;
        let circuit = circuit::file::read(&folder.join(&config.circuit))?;
        Self::with_circuit(config, path, seed, circuit)
    }

    /// As [`open`](Self::open), with a circuit at hand, for example a shuffled one.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_circuit(config: &TrainConfig, path: &Path, seed: u64, circuit: Circuit) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let layer = crate::odors::input_layer(&circuit)?;
        let mut stored_ceiling = None;
        let (source, generator, rest_hz, synthetic): (Arc<dyn SpikeSource>, _, _, _) = match (&config.data, &config.odors) {
            (Some(data), _) => {
                let store = SpikeStore::open(&folder.join(data))?;
                let rest_hz = store.report().recipe.as_ref().map(|recipe| recipe.spontaneous_hz);
                stored_ceiling = store.report().ceiling;
                let synthetic = store.provenance().synthetic;
                (Arc::new(store), None, rest_hz, synthetic)
            }
            (None, Some(odors)) => {
                let generator = odors::build(odors, folder, seed, layer)?;
                let synthetic = generator.table().synthetic;
                (Arc::new(generator.clone()), Some(generator), Some(odors.spontaneous_hz), synthetic)
            }
            (None, None) => return Err(UserError::bad_data("no-data", "names no odours").file(path).key("odors")),
        };
        if (source.dt_ms() - config.network.dt_ms).abs() > 1e-12 {
            return Err(UserError::bad_data("dt-mismatch", "network and odours have different time steps")
                .file(path)
                .key("network.dt_ms")
                .found(format!("{} ms", config.network.dt_ms))
                .expected(format!("{} ms, as the samples have", source.dt_ms()))
                .mend("set both to the same step: `network.dt_ms` and `odors.dt_ms`"));
        }
        let network = Network::build(&circuit, &config.network, source.classes().len(), seed, path)?;
        let blamed = config.data.as_ref().map_or_else(|| path.to_path_buf(), |data| folder.join(data));
        let remap = Remap::new(source.inputs(), &network.input_ids).map_err(|e| e.file(&blamed))?;
        for (part, samples) in [("training", &source.split().train), ("validation", &source.split().validation)] {
            if samples.is_empty() {
                return Err(UserError::bad_data("no-samples", format!("there is no {part} sample"))
                    .file(blamed)
                    .key("odors.split")
                    .found(format!("{} samples of {} classes", source.len(), source.classes().len()))
                    .expected(format!("a share for {part} that is at least one sample"))
                    .mend("raise `odors.repeats`, or that share of `odors.split`"));
            }
        }
        let remap = (!remap.is_identity()).then(|| Arc::new(remap));
        let origin = Origin::of(&circuit, synthetic);
        Ok(Self { circuit, source, generator, rest_hz, stored_ceiling, origin, remap, network })
    }

    /// Checks every name in the config that only the network can know: trained parameters, groups, populations.
    ///
    /// # Errors
    /// The key and the nearest name.
    pub fn check_names(&self, config: &TrainConfig, parameters: &Parameters, path: &Path) -> Result<()> {
        let check = || {
            let mut trained = config.trained_in(0, parameters)?;
            trained.extend(config.trained_in(config.train.epochs - 1, parameters)?);
            config.optimiser.check_groups(trained.iter().map(String::as_str))?;
            config.loss.rows(self.source.dt_ms(), self.source.steps())?;
            let populations: Vec<&str> = self.network.populations.iter().map(|(name, _)| name.as_str()).collect();
            config.loss.check_populations(&populations)
        };
        check().map_err(|e| e.file(path))
    }

    /// The manifest of a run of this setup.
    ///
    /// # Errors
    /// An input file that cannot be read.
    pub fn manifest(&self, config: &TrainConfig, folder: &Path, run: &Path, seed: u64) -> Result<RunManifest> {
        let mut manifest = RunManifest::new("train", seed);
        for (name, path) in files(config, folder) {
            manifest.inputs.push(InputFile::describe(name, &path, run)?);
        }
        for teacher in &config.loss.teacher {
            manifest.inputs.push(InputFile::describe("teacher", &teachers_checkpoint(teacher, folder)?, run)?);
        }
        manifest.trainable.clone_from(&config.train.trained);
        manifest.splits.insert("data".into(), self.source.split().sha256());
        let facts = &mut manifest.facts;
        facts.insert("data_identity".into(), json!(self.source.identity()));
        facts.insert("circuit_order_sha256".into(), json!(self.network.order_sha256));
        facts.insert("synthetic_circuit".into(), json!(self.circuit.provenance.synthetic));
        facts.insert("synthetic".into(), json!(self.origin));
        facts.insert("steps".into(), json!(self.source.steps()));
        facts.insert("classes".into(), json!(self.network.classes));
        facts.insert("inputs".into(), json!(self.network.input_ids.len()));
        facts.insert("hidden_neurons".into(), json!(self.network.neuron_ids.len()));
        facts.insert("readout_neurons".into(), json!(self.network.readout.len()));
        facts.insert("input_pairs".into(), json!(self.network.input.len()));
        facts.insert("recurrent_pairs".into(), json!(self.network.recurrent.len()));
        facts.insert("left_out".into(), json!(self.network.left_out));
        facts.insert("deferred".into(), json!(config.train.deferred));
        let presynaptic = self.network.presynaptic.as_ref();
        facts.insert("presynaptic_inhibition".into(), json!(presynaptic.is_some()));
        if let Some(presynaptic) = presynaptic {
            facts.insert("presynaptic_pairs".into(), json!(presynaptic.len()));
            facts.insert("presynaptic_strength".into(), json!(presynaptic.strength));
            facts.insert("presynaptic_tau_ms".into(), json!(presynaptic.tau_ms));
        }
        facts.insert("detach_recurrent".into(), json!(config.train.detach_recurrent));
        facts.insert("wsf_squared".into(), json!(config.network.weights.wsf_squared));
        Ok(manifest)
    }

    /// The model with its start values.
    ///
    /// # Errors
    /// A wiring or setting that the engine refuses.
    pub fn model<F: Real + WithDType>(&self, config: &TrainConfig, seed: u64) -> Result<Model<F>> {
        let dtype = match config.train.precision {
            Precision::F32 => DType::F32,
            Precision::F64 => DType::F64,
        };
        let parameters = Parameters::start(&self.network, seed, dtype)?;
        Model::new(self.network.clone(), parameters, &config.train, config.surrogate(0.0), self.source.steps())
    }
}
