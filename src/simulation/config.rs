//! The config of `kenyon neuron dataset`.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, Source, UserError, config, nearest};
use kenyon_datasets::simulation::{GeneratorSpec, SetConfig, SetPlan, source};
use kenyon_neurons::biophysical::mechanism::Grid;
use kenyon_neurons::biophysical::model::{BallAndStick, CELLS, Model, ModelSpec, Morphology};
use kenyon_neurons::biophysical::placing::SynapseOrder;
use kenyon_neurons::biophysical::solver::{Scheme, Settings, long_step};
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

    /// Files that it names, from the folder of `path`: morphology, recipe, inputs.
    pub fn inputs(&self, path: &Path) -> Vec<PathBuf> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut files: Vec<PathBuf> = self.neuron_files(folder).into_iter().map(|(_, file)| file).collect();
        if let Ok(SetConfig { generator: GeneratorSpec::WeightedSpikes(given), .. }) = self.set_config(path) {
            files.extend(given.files(folder));
        }
        files
    }

    /// Files that the neuron is read from, with what they are.
    fn neuron_files(&self, folder: &Path) -> Vec<(&'static str, PathBuf)> {
        let Some(neuron) = &self.neuron else { return Vec::new() };
        let morphology = match &neuron.morphology {
            Some(Morphology::File(file)) => Some(("morphology", folder.join(&file.path))),
            _ => None,
        };
        let is_file = |name: &&String| Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"));
        let recipe = neuron.recipe.as_ref().filter(is_file).map(|recipe| ("recipe", folder.join(recipe)));
        morphology.into_iter().chain(recipe).collect()
    }

    /// Resolves it; paths start at the folder of `path`. `seed` replaces the seed of the set.
    ///
    /// # Errors
    /// An unknown preset or key, a neuron that cannot be built, numbers out of range; lengths of segments that are not the neuron's.
    pub fn resolve(&self, path: &Path, seed: Option<u64>) -> Result<Dataset> {
        let bad = |e: UserError| if e.path().is_some() { e } else { e.in_data().file(path) };
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut model = self.model(folder).map_err(|e| bad(self.in_neuron(e)))?;
        model.notes.extend(long_step(self.simulation.dt_ms, self.simulation.scheme));
        let mut set = self.set_config(path)?;
        let ball = matches!(set.generator, GeneratorSpec::BallAndStick(_));
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
        let files = self.neuron_files(folder);
        let sources = files.iter().map(|(kind, file)| source(kind, file)).collect::<Result<Vec<Source>>>()?;
        let in_set = |e: UserError| match e.key_name().map(|key| format!("set.{key}")) {
            Some(key) => bad(e.key(key)),
            None => bad(e.key("set")),
        };
        let plan = self.plan(set, folder).map_err(in_set)?.stating(sources);
        Ok(Dataset { plan, neuron, model, settings })
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

    /// A fault of the model with the key that it has in this config.
    fn in_neuron(&self, error: UserError) -> UserError {
        let key = error.key_name().and_then(|key| key.strip_prefix("model.")).map(|key| format!("neuron.{key}"));
        let error = match key {
            Some(key) => error.key(key),
            None => error,
        };
        let cell = self.neuron.as_ref().and_then(|neuron| neuron.cell.as_deref()).unwrap_or_default();
        // The nearest name, where there is one, is told already.
        if error.code() == "unknown-cell" && nearest(cell, CELLS.map(|known| known.name)).is_none() {
            return error.mend("choose one of them, or give a `morphology` and a `recipe` of your own in `[neuron]`");
        }
        error
    }

    /// The plan; inputs that are given say how many and how long the simulations are.
    fn plan(&self, mut set: SetConfig, folder: &Path) -> Result<SetPlan> {
        let GeneratorSpec::WeightedSpikes(files) = &set.generator else { return SetPlan::new(set) };
        let given =
            files.read(folder).map_err(|e| if e.key_name().is_some() { e } else { e.key("generator.weighted_spikes") })?;
        if self.set.contains_key("counts") {
            return Err(UserError::bad_data("bad-simulation-set", "the files of the inputs are the simulations")
                .key("counts")
                .mend("leave the key out"));
        }
        set.counts = files.counts();
        if !self.set.contains_key("warmup_ms") {
            set.warmup_ms = 0;
        }
        if !self.set.contains_key("duration_ms") {
            set.duration_ms = given.bins.saturating_sub(set.warmup_ms);
        }
        if !self.set.contains_key("initialisation_ms") && set.initialisation_ms >= set.duration_ms {
            set.initialisation_ms = 0;
        }
        SetPlan::with_inputs(set, given)
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
        // Another generator takes the place of the preset's, key by key only the same one.
        let generator = |table: &toml::Table| Some(table.get("generator")?.as_table()?.keys().next()?.clone());
        if self.set.contains_key("generator") && generator(&table) != generator(&self.set) {
            table.remove("generator");
        }
        // Whoever says how many of a part means no other part: the counts of the preset are no defaults.
        if self.set.contains_key("counts") {
            table.remove("counts");
        }
        merge(&mut table, &self.set);
        let text = toml::to_string(&table).expect("it was TOML before");
        // Lines of the merged text mean nothing to a reader of the file.
        config::parse_of::<SetConfig>(&text, path, DOCS).map_err(|e| {
            let key = key_at(&text, &e).map_or_else(|| "set".into(), |key| format!("set.{key}"));
            e.without_line().key(key)
        })
    }
}

/// The full key that an error in TOML text is about; none for a key that is missing.
fn key_at(text: &str, error: &UserError) -> Option<String> {
    if error.what().starts_with("missing field") {
        return None;
    }
    let lines: Vec<&str> = text.lines().take(usize::try_from(error.line_number()?).ok()?).collect();
    let header = |line: &&str| Some(line.trim().strip_prefix('[')?.strip_suffix(']')?.to_string());
    let key = lines.last()?.split_once(" = ").map(|(key, _)| key.trim().to_string());
    let table = lines.iter().rev().find_map(header);
    match (table, key) {
        (Some(table), Some(key)) => Some(format!("{table}.{key}")),
        (table, key) => table.or(key),
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
#[expect(clippy::float_cmp, reason = "the very same numbers are expected")]
mod tests {
    use kenyon_datasets::simulation::{FilterSpec, SetAbout};

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
        assert_eq!((config.duration_ms, config.counts.train, config.counts.valid, config.warmup_ms), (100, 3, 0, 500));
        assert!(matches!(&config.generator, GeneratorSpec::BallAndStick(b) if b.p_intervals == 0.0));
        assert_eq!(config.segment_um, [256.0; 8]);
        assert_eq!((set.neuron.synapses.len(), set.neuron.branches.len()), (16, 8));
    }

    #[test]
    fn a_short_set_needs_no_other_key_and_a_filter_has_a_name() {
        let set = resolved("preset = \"ref_nmda_cable\"\n[set]\nduration_ms = 100").expect("sound");
        assert!(set.plan.input(kenyon_datasets::simulation::Part::Train, 0).bins == 600);
        let filter = |text: &str| {
            let set = resolved(&format!("preset = \"ref_nmda_cable\"\n[set]\nfilter = {text}")).expect("sound");
            set.plan.config().filter.clone()
        };
        assert_eq!(filter("\"none\""), None);
        assert_eq!(filter("\"inspection\""), Some(FilterSpec::inspection()));
        assert_eq!(filter("\"creation\""), Some(FilterSpec::default()));
        let rate = filter("{ rate = { from = 1.0, to = 2.0 } }").expect("a filter");
        assert!(rate.rate.from == 1.0 && rate.near_spike == FilterSpec::default().near_spike);
        let other = resolved("preset = \"ref_nmda_cable\"\n[set]\ngenerator = { l5pc = { specials = 0 } }").expect("sound");
        assert!(matches!(&other.plan.config().generator, GeneratorSpec::L5pc(spec) if spec.specials == 0));
    }

    #[test]
    fn no_key_of_the_simulation_changes_a_set_unnoticed() {
        let about = |simulation: &str| {
            let text = format!("preset = \"ref_nmda_cable\"\n[simulation]\n{simulation}");
            let set = resolved(&text).expect(simulation);
            SetAbout::of(&set.plan, set.neuron.about(&set.settings), "")
        };
        let keys = [
            "dt_ms = 0.05",
            "scheme = \"crank-nicolson\"",
            "celsius = 30.0",
            "v_init_mv = -70.0",
            "tables = true",
            "order = \"twinprop_y\"",
            "branches = false",
        ];
        // A new key belongs into this list.
        let Simulation { dt_ms: _, scheme: _, celsius: _, v_init_mv: _, tables: _, order: _, branches: _ } =
            Simulation::default();
        let plain = about("");
        assert_eq!(about(""), plain);
        for key in keys {
            assert_ne!(about(key), plain, "{key}");
        }
        assert_eq!(about("v_init_mv = -85.0").neuron.v_init_mv, -85.0);
    }

    #[test]
    fn the_content_of_morphology_and_recipe_belongs_to_a_set() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("set.toml");
        std::fs::write(dir.path().join("m.swc"), "1 1 0 0 0 5 -1\n2 3 0 10 0 1 1\n3 3 0 60 0 1 2\n").expect("written");
        let text = "preset = \"ref_nmda_cable\"\n[neuron]\ncell = \"ball-and-stick\"\nmorphology = { file = \"m.swc\" }\nreplace_axon = false";
        let sources = || {
            let set = config::parse::<DatasetConfig>(text, &path).and_then(|read| read.resolve(&path, None)).expect("sound");
            SetAbout::of(&set.plan, set.neuron.about(&set.settings), "").sources
        };
        let first = sources();
        assert_eq!(first.iter().map(|s| (s.kind.as_str(), s.name.as_str())).collect::<Vec<_>>(), [("morphology", "m.swc")]);
        assert_eq!(sources(), first);
        std::fs::write(dir.path().join("m.swc"), "1 1 0 0 0 5 -1\n2 3 0 10 0 4 1\n3 3 0 60 0 4 2\n").expect("written");
        assert_ne!(sources(), first);
    }

    #[test]
    fn mistakes_are_told_with_their_key() {
        for (text, words) in [
            ("preset = \"ref_nmda_cables\"", "preset"),
            ("preset = \"ref_nmda_cable\"\n[set]\nduration = 100", "duration"),
            ("preset = \"ref_nmda_cable\"\n[set]\nsegment_um = [1.0]", "set.segment_um"),
            ("preset = \"ref_nmda_cable\"\n[simulation]\ndt_ms = 0.03", "simulation.dt_ms"),
            ("preset = \"ref_nmda_cable\"\n[set]\nwarmup_ms = 9000000", "set.warmup_ms"),
            (
                "preset = \"ref_nmda_cable\"\n[set.generator.ball_and_stick]\np_intervals = 2",
                "set.generator.ball_and_stick.p_intervals",
            ),
            ("preset = \"ref_nmda_cable\"\n[set]\nfilter = \"strict\"", "strict"),
            ("preset = \"ref_nmda_cable\"\n[set]\nfilter = { rats = { from = 0, to = 1 } }", "rats"),
            ("preset = \"twinprop\"\n[set.generator.weighted_spikes]\ntrain = [\"gone.npz\"]", "gone.npz"),
            ("preset = \"twinprop\"\n[set.generator.weighted_spikes]", "set.generator.weighted_spikes"),
            ("preset = \"ref_nmda_cable\"\n[set.labels]\nspike = \"peak\"", "set.labels.spike"),
            ("preset = \"ref_nmda_cable\"\n[set]\nduration_ms = \"long\"", "set.duration_ms"),
            ("preset = \"ref_nmda_cable\"\n[neuron]\ncell = \"ball-and-stack\"", "ball-and-stick"),
            ("preset = \"ref_nmda_cable\"\n[neuron]\ncell = \"ball\"", "neuron.cell"),
        ] {
            let error = resolved(text).expect_err(text);
            assert!(error.to_string().contains(words) && error.exit_code() == 3, "{text}: {error}");
        }
    }

    #[test]
    fn a_long_step_stands_among_the_notes_of_a_set() {
        let notes = |dt: &str| {
            let text = format!("preset = \"ref_nmda_cable\"\n[simulation]\ndt_ms = {dt}");
            resolved(&text).expect("sound").model.notes
        };
        assert!(notes("1.0").iter().any(|note| note.contains("steps of 1 ms are long")));
        assert!(notes("0.025").is_empty());
    }
}
