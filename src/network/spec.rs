//! The `[network]` section of a training config: neuron models, start values, how weights follow from the circuit.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use kenyon_base::{Result, UserError};
use kenyon_neurons::point::QifKind;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// How far a reset stays below its threshold, at the start and in training.
pub const RESET_MARGIN: f64 = 0.001;
/// Longest axonal delay in steps.
const LONGEST_DELAY: f64 = 1000.0;
/// Longest membrane time constant in steps: single precision must still tell its decay from none.
const LONGEST_MEMORY: f64 = 100_000.0;
/// What to do about a number out of range.
pub(crate) const NUMBERS: &str = "change it in the config; `docs/training.md` describes every key";

/// Neuron models and start values of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkSpec {
    /// Neuron model of all hidden neurons.
    pub model: ModelKind,
    /// Kind of QIF neuron, if that is the model.
    pub qif: QifKind,
    /// Time step in ms; that of the data set.
    pub dt_ms: f64,
    /// Start of the membrane time constants in ms: evenly spread over this range, in random order; or one number for all.
    #[serde(deserialize_with = "range")]
    pub tau_mem_ms: [f64; 2],
    /// Start of the bias `I_c`, which is subtracted from the input; evenly spread, in random order; or one number for all.
    #[serde(deserialize_with = "range")]
    pub i_c: [f64; 2],
    /// Synaptic time constant in ms.
    pub tau_syn_ms: f64,
    /// Synaptic time constants of single transmitters in ms, by lower-case word (`gaba`); each is a channel of its own.
    pub tau_syn_by_nt_ms: BTreeMap<String, f64>,
    /// Potential above which a neuron spikes; QIF neurons have their own.
    pub threshold: f64,
    /// Potential after a spike, below the threshold; QIF neurons have their own.
    pub reset: f64,
    /// Standard deviation of the noise added to the synaptic variable, per step.
    pub noise: f64,
    /// Axonal delay in ms beyond the two steps of every synapse, by population; 0 for all others.
    pub delay_ms: BTreeMap<String, f64>,
    /// Lets inhibitory neurons that reach an input scale down what its spikes do: by 1 / (1 + its trace of inhibition).
    pub presynaptic_inhibition: bool,
    /// What one spike of such a neuron adds to the trace, per synapse.
    pub presynaptic_strength: f64,
    /// Time constant of the trace in ms; `tau_syn_ms` if left out.
    pub presynaptic_tau_ms: Option<f64>,
    /// What shares one value of `I_c`, time constant, threshold and reset.
    pub share: Share,
    /// Weights.
    pub weights: WeightSpec,
    /// Readout.
    pub readout: ReadoutSpec,
}

impl Default for NetworkSpec {
    fn default() -> Self {
        Self {
            model: ModelKind::Lif,
            qif: QifKind::Snic,
            dt_ms: 1.0,
            tau_mem_ms: [20.0, 80.0],
            i_c: [-0.2, 0.2],
            tau_syn_ms: 20.0,
            tau_syn_by_nt_ms: BTreeMap::new(),
            threshold: 1.0,
            reset: 0.0,
            noise: 0.0,
            delay_ms: BTreeMap::new(),
            presynaptic_inhibition: false,
            presynaptic_strength: 0.05,
            presynaptic_tau_ms: None,
            share: Share::Type,
            weights: WeightSpec::default(),
            readout: ReadoutSpec::default(),
        }
    }
}

/// Reads `[low, high]`, or one number for both.
fn range<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<[f64; 2], D::Error> {
    struct Form;
    impl<'de> Visitor<'de> for Form {
        type Value = [f64; 2];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, or `[low, high]`")
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> std::result::Result<[f64; 2], E> {
            Ok([value as f64; 2])
        }

        fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<[f64; 2], E> {
            Ok([value; 2])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<[f64; 2], A::Error> {
            let mut values = Vec::new();
            while let Some(value) = list.next_element::<f64>()? {
                values.push(value);
            }
            values.try_into().map_err(|values: Vec<f64>| de::Error::invalid_length(values.len(), &self))
        }
    }
    deserializer.deserialize_any(Form)
}

/// A neuron model by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Leaky integrate-and-fire, exact exponential.
    #[default]
    Lif,
    /// Leaky integrate-and-fire, forward Euler.
    Lif2,
    /// Quadratic integrate-and-fire.
    Qif,
    /// Not spiking; transmits its potential clamped to 0..1.
    Nonspiking,
}

/// What shares one parameter value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// Each neuron has its own.
    Neuron,
    /// Neurons of one cell type; those without a type share one of their population.
    #[default]
    Type,
    /// Neurons of one population.
    Population,
    /// All neurons.
    All,
}

/// How weights follow from synapse counts.
///
/// Every form starts from `count × norm × gain[nt] × scale`, with the sign of the presynaptic neuron.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeightSpec {
    /// Which values can be trained.
    pub form: WeightForm,
    /// Magnitude per synapse by transmitter (`ach`, `gaba`, `glut`, `da`, `ser`, `oct`).
    pub gain: BTreeMap<String, f64>,
    /// Global factor.
    pub scale: f64,
    /// Lets the scale multiply the start gains too, so that it enters twice, as in the reference system.
    pub wsf_squared: bool,
    /// Factor by projection, for example `"ALPN->KC" = 2.0`, names as in the circuit; start value only.
    pub projection: BTreeMap<String, f64>,
    /// Divides a neuron's weights by the synapses it receives from the sending population, times the population's mean, so
    /// that neurons with few synapses get as much input as those with many.
    pub normalise: bool,
    /// Standard deviation of a random factor on each weight at the start (log-normal).
    pub jitter: f64,
    /// Rank of the low-rank form.
    pub rank: usize,
}

impl Default for WeightSpec {
    fn default() -> Self {
        let gain = ["ach", "gaba", "glut", "da", "ser", "oct"].map(|nt| (nt.to_string(), 0.1));
        Self {
            form: WeightForm::Gain,
            gain: gain.into(),
            scale: 0.2,
            wsf_squared: false,
            projection: BTreeMap::new(),
            normalise: false,
            jitter: 0.0,
            rank: 4,
        }
    }
}

/// Which weight values can be trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightForm {
    /// One gain per transmitter and one scale, as in the reference system.
    #[default]
    Gain,
    /// Also a gain for each pair of cell types.
    TypePair,
    /// Also a factor exp(theta) for each connected pair, drawn to its prior by a penalty on theta².
    LogMagnitude,
    /// A free value for each connected pair, its sign kept.
    Free,
    /// Recurrent values are products of two low-rank factors on the connected pairs; signs are not kept.
    LowRank,
}

/// The leaky-integrator readout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadoutSpec {
    /// Query for the neurons that are read out; all hidden neurons if empty.
    pub query: String,
    /// Membrane time constant in ms.
    pub tau_mem_ms: f64,
    /// Synaptic time constant in ms.
    pub tau_syn_ms: f64,
    /// Standard deviation of the start weights times the root of the fan-in.
    pub init: f64,
    /// What counts as fan-in.
    pub fan: Fan,
}

/// The fan-in by which start weights are scaled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fan {
    /// The neurons that are read out.
    #[default]
    Senders,
    /// The columns of the matrix, that is the classes, as in the reference system.
    Columns,
}

impl Default for ReadoutSpec {
    fn default() -> Self {
        Self {
            query: "class = Kenyon_Cell".into(),
            tau_mem_ms: 40.0,
            tau_syn_ms: 20.0,
            init: std::f64::consts::SQRT_2,
            fan: Fan::Senders,
        }
    }
}

impl NetworkSpec {
    /// Checks what types cannot express; `path` is named in errors.
    ///
    /// # Errors
    /// `bad-number` for times, ranges, gains or scales that have no meaning.
    pub fn validate(&self, path: &Path) -> Result<()> {
        let positive = |key: &str, value: f64| number(path, key, value, value.is_finite() && value > 0.0, "a number above 0");
        let not_negative = |key: &str, value: f64| number(path, key, value, value.is_finite() && value >= 0.0, "0 or above");
        positive("network.dt_ms", self.dt_ms)?;
        for value in self.tau_mem_ms {
            number(
                path,
                "network.tau_mem_ms",
                value,
                value >= self.dt_ms && value <= LONGEST_MEMORY * self.dt_ms,
                &format!("two times of at least one step, at most {LONGEST_MEMORY} steps"),
            )?;
        }
        for value in self.i_c {
            number(path, "network.i_c", value, (-1.0..=1.0).contains(&value), "two numbers from -1 to 1")?;
        }
        if self.model == ModelKind::Qif && self.qif == QifKind::Mixed && self.share != Share::Neuron {
            return Err(UserError::bad_data("mixed-shares", "neurons that share a reset cannot be of two kinds")
                .file(path)
                .key("network.share")
                .found(format!("{:?}", self.share).to_lowercase())
                .expected("`share = \"neuron\"` with `qif = \"mixed\"`")
                .mend("set it, or choose one kind"));
        }
        positive("network.tau_syn_ms", self.tau_syn_ms)?;
        for (nt, &value) in &self.tau_syn_by_nt_ms {
            positive(&format!("network.tau_syn_by_nt_ms.{nt}"), value)?;
        }
        self.potentials(path)?;
        not_negative("network.noise", self.noise)?;
        for (population, &value) in &self.delay_ms {
            let steps = value / self.dt_ms;
            let whole = (steps - steps.round()).abs() < 1e-6;
            number(
                path,
                &format!("network.delay_ms.{population}"),
                value,
                whole && (0.0..=LONGEST_DELAY).contains(&steps),
                &format!("a multiple of the step of {} ms, at most {LONGEST_DELAY} steps", self.dt_ms),
            )?;
        }
        let strength = self.presynaptic_strength;
        number(path, "network.presynaptic_strength", strength, strength > 0.0 && strength <= 1000.0, "above 0, at most 1000")?;
        if let Some(tau) = self.presynaptic_tau_ms {
            positive("network.presynaptic_tau_ms", tau)?;
        }
        for (nt, &value) in &self.weights.gain {
            positive(&format!("network.weights.gain.{nt}"), value)?;
        }
        positive("network.weights.scale", self.weights.scale)?;
        for (projection, &value) in &self.weights.projection {
            positive(&format!("network.weights.projection.\"{projection}\""), value)?;
        }
        not_negative("network.weights.jitter", self.weights.jitter)?;
        let rank = self.weights.rank;
        number(path, "network.weights.rank", rank as f64, (1..=1024).contains(&rank), "a whole number from 1 to 1024")?;
        positive("network.readout.tau_mem_ms", self.readout.tau_mem_ms)?;
        positive("network.readout.tau_syn_ms", self.readout.tau_syn_ms)?;
        not_negative("network.readout.init", self.readout.init)
    }

    /// Threshold and reset.
    fn potentials(&self, path: &Path) -> Result<()> {
        let default = Self::default();
        if self.model == ModelKind::Qif {
            for (key, value, expected) in [("threshold", self.threshold, default.threshold), ("reset", self.reset, default.reset)]
            {
                if value.to_bits() != expected.to_bits() {
                    return Err(UserError::bad_data("unused-key", "QIF neurons have thresholds and resets of their own")
                        .file(path)
                        .key(format!("network.{key}"))
                        .found(value.to_string())
                        .mend("leave it out; `network.qif` chooses where the reset lies"));
                }
            }
            return Ok(());
        }
        let threshold = self.threshold;
        number(path, "network.threshold", threshold, (0.01..=3.0).contains(&threshold), "a number from 0.01 to 3")?;
        let most = threshold - RESET_MARGIN;
        let good = (-1.0..=most.min(1.0)).contains(&self.reset);
        number(path, "network.reset", self.reset, good, &format!("-1 to 1, and at least {RESET_MARGIN} below the threshold"))
    }
}

fn number(path: &Path, key: &str, value: f64, good: bool, expected: &str) -> Result<()> {
    if good {
        return Ok(());
    }
    Err(UserError::bad_data("bad-number", "is out of range")
        .file(path)
        .key(key)
        .found(value.to_string())
        .expected(expected)
        .mend(NUMBERS))
}
