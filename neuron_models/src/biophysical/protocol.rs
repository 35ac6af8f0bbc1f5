//! A simulation as a file: model, clamps, synapses, events, recordings, spikes.
//!
//! [`Protocol::read`] reads TOML, or JSON if the name ends so; [`Protocol::prepare`] checks every number and name of it, with the key in
//! errors, and places everything; [`Prepared::run`] simulates. `docs/neurons.md` describes the keys.
//!
//! | module | owns |
//! |---|---|
//! | here | the keys |
//! | [`inputs`] | clamps, synapses and events checked and placed |
//! | [`records`] | what is written down |
//! | [`run`] | the simulation and its outcome |

pub mod inputs;
pub mod records;
pub mod run;

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError, config};
use serde::{Deserialize, Serialize};

pub(in crate::biophysical) use records::whole_steps_ms;
pub use run::{Outcome, Prepared, Spikes, Trace};

use super::model::{Model, ModelSpec, is_toml};
use super::placing::{SynapseKind, SynapseOrder};
use super::solver::{Level, Scheme, Waveform};
use super::spikes::Definition;
use super::synapse::{OwnSets, ReceptorKind, Release};

/// Page that describes the keys.
pub const PAGE: &str = "docs/neurons.md";

/// A simulation. Units stand in the names of the keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// The neuron.
    pub model: ModelSpec,
    /// How long, ms: a whole number of steps.
    pub duration_ms: f64,
    /// Time step, ms.
    #[serde(default = "dt_ms")]
    pub dt_ms: f64,
    /// How the potential is integrated.
    #[serde(default)]
    pub scheme: Scheme,
    /// Whether rates are interpolated from tables: faster, and not to the last digit.
    #[serde(default)]
    pub tables: bool,
    /// Potential that everything starts from, mV; the recipe's unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v_init_mv: Option<f64>,
    /// Temperature, °C; the recipe's unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub celsius: Option<f64>,
    /// Sets of synapses of one's own, by name.
    #[serde(default, skip_serializing_if = "OwnSets::is_empty")]
    pub synapse_set: OwnSets,
    /// Injected currents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clamp: Vec<Clamp>,
    /// Commanded potentials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voltage_clamp: Vec<VoltageClampAt>,
    /// Synapses one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synapse: Vec<SynapseAt>,
    /// Synapses of a table, or on every segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synapses: Option<Synapses>,
    /// Events one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event: Vec<EventAt>,
    /// Events of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Events>,
    /// Whether an event releases transmitter.
    #[serde(default)]
    pub release: Release,
    /// What is written down; the potential of the soma unless anything is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub record: Vec<Record>,
    /// What counts as a spike, and where.
    #[serde(default)]
    pub spikes: SpikesAt,
}

fn dt_ms() -> f64 {
    0.025
}

/// A current into a place; exactly one of `step`, `epsc`, `samples`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clamp {
    /// Section.
    pub section: String,
    /// Place on it, 0 to 1.
    #[serde(default = "middle")]
    pub x: f64,
    /// Even current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// The shape of a postsynaptic current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsc: Option<Epsc>,
    /// Values at times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<Samples>,
}

fn middle() -> f64 {
    0.5
}

/// An even current.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Beginning, ms.
    pub delay_ms: f64,
    /// Duration, ms.
    pub dur_ms: f64,
    /// Current, nA, positive into the cell.
    pub amp_na: f64,
}

/// A current that rises and falls exponentially (Larkum's protocol in Hay et al. 2011).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epsc {
    /// Beginning, ms.
    pub onset_ms: f64,
    /// Rise, ms.
    pub tau0_ms: f64,
    /// Fall, ms.
    pub tau1_ms: f64,
    /// Peak, nA.
    pub imax_na: f64,
}

/// A current given by samples: in the file itself, or in a table with the columns `t_ms` and `i_na`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// Table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csv: Option<PathBuf>,
    /// Times, ms, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub t_ms: Vec<f64>,
    /// Currents, nA.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub i_na: Vec<f64>,
}

/// A voltage clamp with one electrode at a place (NEURON's `SEClamp`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoltageClampAt {
    /// Section.
    pub section: String,
    /// Place on it, 0 to 1.
    #[serde(default = "middle")]
    pub x: f64,
    /// Series resistance, MΩ.
    #[serde(default = "one")]
    pub rs_mohm: f64,
    /// What it commands, one after the other from 0 ms on; then it is off.
    pub levels: Vec<Level>,
}

/// A synapse at a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynapseAt {
    /// Its name, by which events and recordings find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `exc` or `inh`.
    pub kind: SynapseKind,
    /// Set of its receptors, shipped or one's own; the model's unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// Its receptors; those of its kind unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receptors: Option<Vec<ReceptorKind>>,
    /// Section.
    pub section: String,
    /// Place on it, 0 to 1.
    #[serde(default = "middle")]
    pub x: f64,
}

/// Synapses all at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Synapses {
    /// A table with the columns `syn_id`, `type`, `section`, `x`.
    Csv(PathBuf),
    /// One excitatory and one inhibitory synapse on each dendritic segment, counted in this order.
    PerSegment(SynapseOrder),
}

/// A synapse by number or name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a synapse: its number from 0, or its name")]
pub enum SynapseRef {
    /// Its number.
    Number(u32),
    /// Its name.
    Name(String),
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventAt {
    /// Its synapse.
    pub synapse: SynapseRef,
    /// When, ms.
    pub time_ms: f64,
    /// Its weight: the peak conductance in units of the synapse's own.
    #[serde(default = "one")]
    pub weight: f64,
}

fn one() -> f64 {
    1.0
}

/// Events all at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Events {
    /// A table with the columns `syn_id`, `t_ms`, `weight`; with synapses on every segment also `kind`, `segment`, `t_ms`, `weight`.
    Csv(PathBuf),
}

/// What is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedQuantity {
    /// Potential, mV.
    #[default]
    V,
    /// A gate (`channel`, `gate`).
    Gate,
    /// Current density of a channel (`channel`), mA/cm².
    Current,
    /// Conductance density of a channel (`channel`), S/cm².
    Conductance,
    /// Current density of an ion (`ion`), mA/cm².
    IonCurrent,
    /// Calcium inside, mM.
    Cai,
    /// Reversal potential of calcium, mV.
    Eca,
    /// Conductance of a receptor (`synapse`, `receptor`), µS.
    SynapseConductance,
    /// The same without the block by magnesium, µS.
    SynapseOpening,
    /// Current of a receptor (`synapse`, `receptor`), nA.
    SynapseCurrent,
    /// Current of a voltage clamp (`voltage_clamp`), nA, positive into the cell.
    ClampCurrent,
}

/// Something to write down.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Name of the trace; made from place and quantity unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Section; the soma unless given. Not with a synapse, which has its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Place on it, 0 to 1; the middle unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
    /// In every segment instead of at one place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub every_segment: bool,
    /// Only the segments of these sections, with `every_segment`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sections: Option<Vec<String>>,
    /// What is looked at.
    #[serde(default)]
    pub quantity: RecordedQuantity,
    /// Channel of `gate`, `current`, `conductance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// Ion of `ion_current`: `na`, `k`, `ca`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ion: Option<String>,
    /// Synapse of `synapse_conductance`, `synapse_opening`, `synapse_current`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synapse: Option<SynapseRef>,
    /// Its receptor: `ampa`, `nmda`, `gaba_a`, `gaba_b`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receptor: Option<String>,
    /// Voltage clamp of `clamp_current`, by its number from 0; the first unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voltage_clamp: Option<u32>,
    /// Time between samples, ms, a whole number of steps; every step unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<f64>,
}

/// What counts as a spike, and where.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpikesAt {
    /// Definition.
    #[serde(default)]
    pub definition: Definition,
    /// Threshold of the definition `cross`, mV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_mv: Option<f64>,
    /// Section; the soma unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Place on it, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
}

/// An error with the protocol it is about: as its file, or as the file that names the one which is not there.
pub fn named_in(error: UserError, path: &Path) -> UserError {
    let key = error.key_name().filter(|key| key.starts_with("model.")).map(str::to_string);
    match (error.path(), key) {
        (None, _) => error.in_data().file(path),
        (Some(_), Some(key)) if error.code() == "not-found" => {
            error.mend(format!("`{key}` in {} names it, from the folder of that file: check the path", path.display()))
        }
        _ => error,
    }
}

impl Protocol {
    /// A model and nothing done to it for 100 ms.
    pub fn of(model: ModelSpec) -> Self {
        Self {
            model,
            duration_ms: 100.0,
            dt_ms: dt_ms(),
            scheme: Scheme::default(),
            tables: false,
            v_init_mv: None,
            celsius: None,
            synapse_set: OwnSets::new(),
            clamp: Vec::new(),
            voltage_clamp: Vec::new(),
            synapse: Vec::new(),
            synapses: None,
            event: Vec::new(),
            events: None,
            release: Release::default(),
            record: Vec::new(),
            spikes: SpikesAt::default(),
        }
    }

    /// Reads a protocol: TOML, or JSON if the name ends in `.json`.
    ///
    /// # Errors
    /// A file that cannot be read or is neither of both; an unknown key with its line and the nearest known one.
    pub fn read(path: &Path) -> Result<Self> {
        config::read_of(path, PAGE)
    }

    /// Parses a protocol in TOML; `path` is named in errors.
    ///
    /// # Errors
    /// As [`Protocol::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        config::parse_of(text, path, PAGE)
    }

    /// Checks the whole and places it on its model; files that it names are looked for from `folder`.
    ///
    /// # Errors
    /// Bad data with the key, what was found and how to mend it; `path` stands in errors as the file.
    pub fn prepare(&self, path: &Path) -> Result<Prepared> {
        let folder = path.parent().unwrap_or(Path::new("."));
        Prepared::new(self, folder).map_err(|error| named_in(error, path))
    }

    /// Its model, with its own sets of synapses; files are looked for from `folder`.
    ///
    /// # Errors
    /// As [`ModelSpec::build`]; an own set that is none.
    pub fn build_model(&self, folder: &Path) -> Result<Model> {
        inputs::check_sets(&self.synapse_set)?;
        self.model.build_with(folder, self.celsius, &self.synapse_set)
    }

    /// Files that it names, besides itself: what is read, by what it is read as.
    pub fn files(&self) -> Vec<(&'static str, PathBuf)> {
        use super::model::Morphology;
        let mut out = Vec::new();
        if let Some(Morphology::File(traced)) = &self.model.morphology {
            out.push(("morphology", traced.path.clone()));
        }
        if let Some(recipe) = self.model.recipe.as_ref().filter(|r| is_toml(r)) {
            out.push(("recipe", recipe.into()));
        }
        for clamp in &self.clamp {
            out.extend(clamp.samples.as_ref().and_then(|s| s.csv.clone()).map(|path| ("current", path)));
        }
        if let Some(Synapses::Csv(path)) = &self.synapses {
            out.push(("synapses", path.clone()));
        }
        if let Some(Events::Csv(path)) = &self.events {
            out.push(("events", path.clone()));
        }
        out
    }
}

impl Clamp {
    /// Its current over time, unchecked; the table of samples is `read`.
    fn waveform(&self, read: impl FnOnce(&Path) -> Result<(Vec<f64>, Vec<f64>)>) -> Result<Waveform> {
        let given = usize::from(self.step.is_some()) + usize::from(self.epsc.is_some()) + usize::from(self.samples.is_some());
        if given != 1 {
            return Err(UserError::bad_data("bad-clamp", "a clamp has exactly one current")
                .found(format!("{given}"))
                .expected("`step`, `epsc` or `samples`")
                .mend("write another `[[clamp]]` for another current"));
        }
        Ok(if let Some(s) = self.step {
            Waveform::Step { delay_ms: s.delay_ms, dur_ms: s.dur_ms, amp_na: s.amp_na }
        } else if let Some(e) = self.epsc {
            Waveform::Epsc { onset_ms: e.onset_ms, tau0_ms: e.tau0_ms, tau1_ms: e.tau1_ms, imax_na: e.imax_na }
        } else {
            let samples = self.samples.clone().expect("one is given, and it is neither of the others");
            let (t_ms, i_na) = match &samples.csv {
                Some(_) if !samples.t_ms.is_empty() || !samples.i_na.is_empty() => {
                    return Err(UserError::bad_data("two-kinds", "samples stand in a table or in the protocol, not in both")
                        .mend("leave `csv`, or `t_ms` and `i_na` out"));
                }
                Some(csv) => read(csv)?,
                None => (samples.t_ms, samples.i_na),
            };
            Waveform::Samples { t_ms, i_na }
        })
    }
}
