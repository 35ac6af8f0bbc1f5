//! The config of `kenyon neuron dataset`.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError, config};
use kenyon_datasets::simulation::{SetConfig, SetPlan};
use kenyon_neurons::biophysical::mechanism::Grid;
use kenyon_neurons::biophysical::model::{BallAndStick, Model, ModelSpec, Morphology};
use kenyon_neurons::biophysical::placing::SynapseOrder;
use kenyon_neurons::biophysical::solver::{Scheme, Settings};
use serde::{Deserialize, Serialize};

use super::SetNeuron;

/// Where the keys of the config are described.
const DOCS: &str = "docs/simulations.md";

/// A neuron, how it is simulated, and the inputs it gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetConfig {
    /// Published recipe of inputs that `set` changes; without it `set` says everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// The neuron; without it the one of the preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neuron: Option<ModelSpec>,
    /// How it is simulated.
    #[serde(default)]
    pub simulation: Simulation,
    /// Keys of the recipe of inputs that differ from the preset.
    #[serde(default)]
    pub set: toml::Table,
}

/// How a neuron is simulated for a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Simulation {
    /// Time step, ms; a ms must be a whole number of steps.
    pub dt_ms: f64,
    /// Scheme.
    pub scheme: Scheme,
    /// Temperature, °C, instead of the recipe's.
    pub celsius: Option<f64>,
    /// Potential to start from, mV, instead of the recipe's.
    pub v_init_mv: Option<f64>,
    /// Whether rates are interpolated from tables: faster, spikes move by a fraction of a step.
    pub tables: bool,
    /// Order of the input rows; `twinprop_y` for the L5PC presets unless given, else `file`.
    pub order: Option<SynapseOrder>,
    /// Whether voltages of the segments are stored; yes for Ball & Stick presets unless given, else no.
    pub branches: Option<bool>,
}

impl Default for Simulation {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            dt_ms: settings.dt_ms,
            scheme: settings.scheme,
            celsius: None,
            v_init_mv: None,
            tables: false,
            order: None,
            branches: None,
        }
    }
}

/// A config, resolved: everything that a set is made with.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The inputs.
    pub plan: SetPlan,
    /// The neuron.
    pub neuron: SetNeuron,
    /// The model behind it.
    pub model: Model,
    /// How it is simulated.
    pub settings: Settings,
}

impl DatasetConfig {
    /// Reads a config.
    ///
    /// # Errors
    /// Unknown keys, with the nearest known one.
    pub fn read(path: &Path) -> Result<Self> {
        config::read_of(path, DOCS)
    }

    /// Files that it names, from the folder of `path`: morphology and recipe.
    pub fn inputs(&self, path: &Path) -> Vec<PathBuf> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let Some(neuron) = &self.neuron else { return Vec::new() };
        let morphology = match &neuron.morphology {
            Some(Morphology::File(file)) => Some(folder.join(&file.path)),
            _ => None,
        };
        let recipe = neuron.recipe.as_ref().map(|recipe| folder.join(recipe));
        morphology.into_iter().chain(recipe).collect()
    }

    /// Resolves it; paths start at the folder of `path`. `seed` replaces the seed of the set.
    ///
    /// # Errors
    /// An unknown preset or key, a neuron that cannot be built, numbers out of range; lengths of segments that are not the neuron's.
    pub fn resolve(&self, path: &Path, seed: Option<u64>) -> Result<Dataset> {
        let bad = |e: UserError| if e.path().is_some() { e } else { e.in_data().file(path) };
        let model = self.model(path.parent().unwrap_or(Path::new("."))).map_err(bad)?;
        let mut set = self.set_config(path)?;
        let ball = matches!(set.generator, kenyon_datasets::simulation::GeneratorSpec::BallAndStick(_));
        let order = self.simulation.order.unwrap_or(if ball { SynapseOrder::File } else { SynapseOrder::TwinpropY });
        let neuron = SetNeuron::new(&model, order, self.simulation.branches.unwrap_or(ball)).map_err(bad)?;
        let lengths = neuron.segment_um();
        if self.set.contains_key("segment_um") && set.segment_um != lengths {
            return Err(UserError::bad_data("bad-simulation-set", "lengths of segments that are not the neuron's")
                .file(path)
                .key("set.segment_um")
                .found(format!("{} lengths", set.segment_um.len()))
                .expected(format!("the {} lengths of the neuron", lengths.len()))
                .mend("leave the key out: the neuron says how long its segments are"));
        }
        set.segment_um = lengths;
        set.seed = seed.unwrap_or(set.seed);
        let settings = Settings {
            dt_ms: self.simulation.dt_ms,
            scheme: self.simulation.scheme,
            v_init_mv: self.simulation.v_init_mv,
            tables: self.simulation.tables.then(Grid::default),
        };
        super::generate::steps_per_ms(settings.dt_ms).map_err(|e| bad(e.key("simulation.dt_ms")))?;
        Ok(Dataset { plan: SetPlan::new(set).map_err(bad)?, neuron, model, settings })
    }

    fn model(&self, folder: &Path) -> Result<Model> {
        let spec = match (&self.neuron, self.preset.as_deref()) {
            (Some(spec), _) => spec.clone(),
            (None, Some("ref_ampa_point")) => point(),
            (None, Some(preset)) if preset.starts_with("twinprop") => ModelSpec::cell("l5pc"),
            _ => ModelSpec::cell("ball-and-stick"),
        };
        spec.build(folder, self.simulation.celsius)
    }

    /// The preset with the keys of `set` in place of its own.
    fn set_config(&self, path: &Path) -> Result<SetConfig> {
        let mut table = match &self.preset {
            Some(name) => {
                let preset = SetConfig::preset(name).map_err(|e| e.in_data().file(path).key("preset"))?;
                toml::Table::try_from(preset).expect("a preset is plain data")
            }
            None => toml::Table::new(),
        };
        merge(&mut table, &self.set);
        let text = toml::to_string(&table).expect("it was TOML before");
        // Lines of the merged text mean nothing to a reader of the file.
        config::parse_of::<SetConfig>(&text, path, DOCS).map_err(|e| e.without_line().key("set"))
    }
}

/// The point-like neuron of the second published set.
fn point() -> ModelSpec {
    ModelSpec {
        morphology: Some(Morphology::BallAndStick(BallAndStick { dend_length_um: 128.0, dend_diam_um: 4.0, segments: 8 })),
        synapse_set: Some("bs_ampa".into()),
        ..ModelSpec::cell("ball-and-stick")
    }
}

/// Puts the values of `over` in place of those of `base`, table by table.
fn merge(base: &mut toml::Table, over: &toml::Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(over)) => merge(base, over),
            _ => drop(base.insert(key.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Result<Dataset> {
        let path = Path::new("set.toml");
        config::parse::<DatasetConfig>(text, path)?.resolve(path, None)
    }

    #[test]
    fn a_preset_is_changed_key_by_key() {
        let text = "preset = \"ref_nmda_cable\"\n[set]\nduration_ms = 100\ncounts = { train = 3 }\ngenerator = { ball_and_stick = { p_intervals = 0.0 } }";
        let set = resolved(text).expect("sound");
        let config = set.plan.config();
        assert_eq!((config.duration_ms, config.counts.train, config.counts.valid, config.warmup_ms), (100, 3, 590, 500));
        assert!(matches!(&config.generator, kenyon_datasets::simulation::GeneratorSpec::BallAndStick(b) if b.p_intervals == 0.0));
        assert_eq!(config.segment_um, [256.0; 8]);
        assert_eq!((set.neuron.synapses.len(), set.neuron.branches.len()), (16, 8));
    }

    #[test]
    fn mistakes_are_told_with_their_key() {
        for (text, words) in [
            ("preset = \"ref_nmda_cables\"", "preset"),
            ("preset = \"ref_nmda_cable\"\n[set]\nduration = 100", "duration"),
            ("preset = \"ref_nmda_cable\"\n[set]\nsegment_um = [1.0]", "set.segment_um"),
            ("preset = \"ref_nmda_cable\"\n[simulation]\ndt_ms = 0.03", "simulation.dt_ms"),
            ("preset = \"ref_nmda_cable\"\n[neuron]\ncell = \"ball-and-stack\"", "ball-and-stick"),
        ] {
            let error = resolved(text).expect_err(text);
            assert!(error.to_string().contains(words) && error.exit_code() == 3, "{text}: {error}");
        }
    }
}
