//! A checkpoint of a run, loaded back into its network, with the run's samples.

use std::path::Path;

use candle_core::WithDType;
use kenyon_base::{Progress, Result, UserError};
use kenyon_datasets::Batch;
use kenyon_datasets::odors::{Ceiling, ceiling};
use kenyon_datasets::split::Part;
use kenyon_neurons::point::Real;

use super::config::{Precision, TrainConfig};
use super::deploy_aware::Grid;
use super::evaluate::{Evaluation, Rest, Shown, evaluate};
use super::model::Model;
use super::page::SampleRaster;
use super::setup::Setup;
use super::state::{check_samples, load};
use super::trainer::{BEST_BY, GRID};
use crate::run::checkpoint::{Checkpoint, CheckpointManifest};
use crate::run::folder::RunFolder;
use crate::run::store::BestBy;

/// A trained network with everything needed to use it.
pub struct Loaded<F: Real> {
    /// Config of the run; its paths are relative to the run folder.
    pub config: TrainConfig,
    /// Circuit, samples, network.
    pub setup: Setup,
    /// The model with the checkpoint's parameters.
    pub model: Model<F>,
    /// What the checkpoint says of itself.
    pub manifest: CheckpointManifest,
    /// File name of the checkpoint.
    pub file: String,
    /// SHA-256 of its weights.
    pub weights_sha256: String,
    /// The run.
    pub folder: RunFolder,
}

/// What is known of the ideal observer.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Its accuracy.
    Known(Ceiling),
    /// Why there is none.
    Unknown(String),
}

impl Bound {
    /// Its accuracy, if it is known.
    pub fn known(&self) -> Option<Ceiling> {
        if let Self::Known(ceiling) = self { Some(*ceiling) } else { None }
    }

    /// Why it is not known.
    pub fn reason(&self) -> Option<&str> {
        if let Self::Unknown(reason) = self { Some(reason) } else { None }
    }
}

/// Precision of a run's numbers, which decides the type to load it with.
///
/// # Errors
/// A folder that is no run.
pub fn precision(run: &Path) -> Result<Precision> {
    opened(run)?;
    Ok(TrainConfig::read(&run.join("config.toml"))?.train.precision)
}

/// The folder of a run of `kenyon train`.
fn opened(run: &Path) -> Result<RunFolder> {
    let folder = RunFolder::open(run)?;
    if folder.manifest().kind == "train" {
        return Ok(folder);
    }
    Err(UserError::bad_data("not-a-run", "is a run of another command")
        .file(run)
        .found(&folder.manifest().kind)
        .expected("a run of `kenyon train`")
        .mend("name a folder that `kenyon train --run` wrote"))
}

/// A checkpoint of a run: `best`, `last`, or a file.
///
/// # Errors
/// None yet, none of this name, or a damaged one.
pub fn find(folder: &RunFolder, which: &str) -> Result<Checkpoint> {
    let store = folder.checkpoints(1, BestBy { metric: BEST_BY.into(), higher_is_better: true })?;
    let path = match which {
        "best" => store.best().map_or_else(|| store.last(), |best| Ok(Some(best)))?,
        "last" => store.last()?,
        file => {
            let inside = folder.path().join("checkpoints").join(file);
            let found = [Path::new(file), &inside].into_iter().find(|path| path.is_file()).map(Path::to_path_buf);
            Some(found.ok_or_else(|| {
                let known = store.list().unwrap_or_default();
                let names = known.iter().filter_map(|path| Some(format!("`{}`", path.file_name()?.to_string_lossy())));
                let names: Vec<String> = ["`best`", "`last`"].map(String::from).into_iter().chain(names).collect();
                UserError::usage("no-such-checkpoint", "the run has no such checkpoint")
                    .file(folder.path())
                    .found(file)
                    .expected(format!("one of {}", names.join(", ")))
                    .mend("name one of these with `--checkpoint`")
            })?)
        }
    };
    let Some(path) = path else {
        return Err(UserError::bad_data("no-checkpoint", "holds no checkpoint yet")
            .file(folder.path())
            .mend("go on with it: `kenyon train --run RUN --resume`"));
    };
    Checkpoint::read(&path)
}

impl<F: Real + WithDType> Loaded<F> {
    /// Opens a run with a checkpoint of it.
    ///
    /// # Errors
    /// Inputs of the run that are gone or changed; a checkpoint that is damaged, of another run, or trained on other samples than
    /// the split now says.
    pub fn open(run: &Path, which: &str) -> Result<Self> {
        let folder = opened(run)?;
        let path = run.join("config.toml");
        let config = TrainConfig::read(&path)?;
        let seed = folder.manifest().seed;
        folder.check_inputs()?;
        let setup = Setup::open(&config, &path, seed)?;
        // No sample stands in two parts: the test samples are none of those that were trained on.
        setup.source.split().check(setup.source.len())?;
        let checkpoint = find(&folder, which)?;
        checkpoint.check_config(&folder.manifest().config_sha256)?;
        check_samples(&checkpoint, &*setup.source)?;
        let model = setup.model::<F>(&config, seed)?;
        load(&model, &checkpoint)?;
        let file = checkpoint.origin().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let weights_sha256 = checkpoint.weights_sha256();
        Ok(Self { config, setup, model, manifest: checkpoint.manifest, file, weights_sha256, folder })
    }

    /// Samples of a part, at most `most` of them.
    pub fn samples(&self, part: Part, most: Option<usize>) -> Vec<u32> {
        let mut samples = self.setup.source.split().part(part).to_vec();
        samples.truncate(most.unwrap_or(usize::MAX));
        samples
    }

    /// The numbers of the board that the last epochs were trained with; none without `deploy_aware`.
    pub fn grid(&self) -> Option<Grid> {
        self.manifest.state.get(GRID).and_then(|state| serde_json::from_value(state.clone()).ok())
    }

    /// Accuracy, confusion and activity on some samples.
    ///
    /// # Errors
    /// As [`evaluate`].
    pub fn evaluate(&self, samples: &[u32], progress: &dyn Progress) -> Result<Evaluation> {
        progress.stage("evaluating", Some(samples.len() as u64));
        let rest = Rest { hz: self.setup.rest_hz, seed: self.folder.manifest().seed };
        let shown = Shown {
            source: &self.setup.source,
            remap: self.setup.remap.as_ref(),
            samples,
            batch_size: self.config.train.batch_size.max(16),
            responses: Some(rest),
        };
        evaluate(&self.model, shown, &self.config.loss, progress)
    }

    /// The ideal observer on some samples. A stored data set holds that of its whole test part, if any.
    ///
    /// # Errors
    /// As [`ceiling`].
    pub fn ceiling(&self, samples: &[u32], progress: &dyn Progress) -> Result<Bound> {
        if let Some(generator) = &self.setup.generator {
            let found = ceiling(generator, samples, progress)?;
            return Ok(found.map_or_else(|| Bound::Unknown("there is no sample".into()), Bound::Known));
        }
        Ok(match self.setup.stored_ceiling {
            Some(ceiling) if samples == self.setup.source.split().test => Bound::Known(ceiling),
            Some(_) => Bound::Unknown("the data set holds the ceiling of its whole test part only".into()),
            None => Bound::Unknown("the data set holds none: make it with `kenyon odors make`, without `--no-ceiling`".into()),
        })
    }

    /// Some samples as one batch.
    ///
    /// # Errors
    /// A stored sample that cannot be read.
    pub fn batch(&self, samples: &[u32]) -> Result<Batch> {
        Batch::load(&*self.setup.source, samples, self.setup.remap.as_deref())
    }

    /// Spikes of one sample, inputs included.
    ///
    /// # Errors
    /// A stored sample that cannot be read.
    pub fn raster(&self, sample: u32) -> Result<SampleRaster> {
        let source = &self.setup.source;
        let batch = self.batch(&[sample])?;
        let (known, dt) = (source.sample(sample as usize), source.dt_ms());
        let ms = |step: u32| (f64::from(step) * dt) as f32;
        let mut inputs: Vec<(u32, f32)> = Vec::new();
        for t in 0..batch.steps {
            let own = &batch.idx[batch.ptr[t] as usize..batch.ptr[t + 1] as usize];
            inputs.extend(own.iter().map(|&neuron| (neuron, ms(t as u32))));
        }
        let spikes = self.model.sample_traces(&batch)?.swap_remove(0).spikes;
        let network = &self.model.network;
        let mut groups = vec![("receptor neurons".to_string(), network.input_ids.len() as u32, inputs)];
        for (name, range) in &network.populations {
            let own =
                spikes.iter().filter(|(_, n)| range.contains(&(*n as usize))).map(|&(t, n)| (n - range.start as u32, ms(t)));
            groups.push((name.clone(), range.len() as u32, own.collect()));
        }
        let on = f64::from(known.onset) * dt;
        Ok(SampleRaster {
            odor: source.classes()[known.label as usize].clone(),
            duration_ms: batch.steps as f64 * dt,
            stimulus_ms: (on, on + f64::from(known.duration) * dt),
            groups,
        })
    }
}
