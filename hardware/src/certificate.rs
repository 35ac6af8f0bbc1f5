//! The transfer certificate: how much of a network's accuracy survives on the board, predicted before the board is touched.
//!
//! | file | subject |
//! |---|---|
//! | here | the document `certificate.json`, field by field as its schema says |
//! | `accuracy` | from right answers to shares and intervals |
//! | `bundle` | the folder: certificate, deployment, one row per sample; its hashes |
//! | `spikes` | the hash over all predicted spikes |
//! | `verify` | an independent second look at a bundle |
//!
//! A certificate predicts. The core of the board was emulated; no physical board was observed.

mod accuracy;
mod bundle;
mod spikes;
mod verify;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

pub use accuracy::{accuracies, at_risk, divergence, trained_time};
pub use bundle::{Bundle, BundleWriter, FrozenBundle, SampleRow};
pub use spikes::SpikesHash;
pub use verify::{Verified, verify};

use crate::lint::{Finding, Severity};

/// Name and version of the format.
pub const FORMAT: &str = "kenyon-certificate/1";
/// What is predicted.
pub const TARGET: &str = "spinnaker-1!7.4.1";
/// JSON Schema (2020-12) of the document.
pub const SCHEMA: &str = include_str!("../schema/certificate.schema.json");
/// Time constant of the filter behind [`PopulationDrift::van_rossum_d2`].
pub const VAN_ROSSUM_TAU_MS: f64 = 10.0;
/// What a certificate cannot say, word for word.
pub const LIMITS: [&str; 4] = [
    "The board is emulated: the released sPyNNaker 7.4.1 binaries were reproduced on an emulated core; no physical board has been compared.",
    "Packets are assumed to be delivered within their step; late packets are not modelled.",
    "A neuron spikes at most once per step.",
    "Not covered: alpha and dual-exponential synapses, Izhikevich neurons, plasticity, Poisson sources, split cores, current sources, \
     several steps per tick, delay extensions.",
];

/// `certificate.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// [`FORMAT`].
    pub format: String,
    /// Tool and version.
    pub tool: String,
    /// [`TARGET`].
    pub target: String,
    /// What it was made from.
    pub inputs: Inputs,
    /// How the network was lowered.
    pub deployment: Lowered,
    /// Answers.
    pub accuracy: Accuracies,
    /// Populations of neurons.
    pub populations: Vec<PopulationDrift>,
    /// Projections.
    pub projections: Vec<ProjectionLoss>,
    /// Ring buffers.
    pub ring_buffer: RingBuffer,
    /// Parameters.
    pub rounding: Rounding,
    /// The board.
    pub fit: BoardFit,
    /// Findings of the lint.
    pub lint: Vec<LintLine>,
    /// Where spikes begin to differ.
    pub divergence: Divergence,
    /// Samples whose float margin is below twice the largest error of the readout.
    pub at_risk: u64,
    /// Runs of other simulators: context, not evidence.
    pub comparisons: Vec<Comparison>,
    /// [`SpikesHash`] of the predicted spikes.
    pub spikes_sha256: String,
    /// [`LIMITS`].
    pub limits: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
}

/// SHA-256 of the inputs, and the seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Checkpoint.
    pub checkpoint_sha256: String,
    /// Circuit.
    pub circuit_sha256: String,
    /// Ids of the samples, in order, as u32 LE.
    pub split_sha256: String,
    /// Files of the bundle other than the certificate and its page.
    pub bundle_sha256: String,
    /// Seed.
    pub seed: u64,
}

/// How the network was lowered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lowered {
    /// Time step.
    pub dt_ms: f64,
    /// Steps, lead-in included.
    pub steps: u32,
    /// Steps before the input.
    pub lead_in_steps: u32,
    /// Where the readout is computed.
    pub readout: ReadoutPlace,
    /// mV per unit, by population.
    pub v_scale: BTreeMap<String, u32>,
    /// Whether time constants were moved to the nearest that the board can hold.
    pub nudged: bool,
}

/// Where the readout is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadoutPlace {
    /// By integrators on the board.
    Device,
    /// On the host, from spikes.
    Host,
}

/// Correct answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many.
    pub correct: u64,
    /// Their share.
    pub value: f64,
    /// Wilson's 95 % interval.
    pub ci95: [f64; 2],
}

/// Answers of the three models on the same samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracies {
    /// Samples.
    pub n: u64,
    /// The trained network.
    pub float: Rate,
    /// The lowered network in f64.
    pub interpreter: Rate,
    /// The board's arithmetic.
    pub emulator: Rate,
    /// Float against emulator.
    pub paired: Paired,
    /// What to expect of as many new trials on a board.
    pub board_prediction: Prediction,
}

/// Two models on the same samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paired {
    /// Both right.
    pub both: u64,
    /// Only the trained network.
    pub float_only: u64,
    /// Only the emulator.
    pub emulator_only: u64,
    /// None.
    pub none: u64,
    /// Accuracy of the emulator less that of the trained network.
    pub difference: f64,
    /// Newcombe's 95 % interval for paired shares.
    pub ci95: [f64; 2],
    /// Exact `McNemar` test.
    pub mcnemar_p: f64,
}

/// Interval for a number of new trials.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// Trials.
    pub n: u64,
    /// Beta-binomial 95 % interval of the share that is right.
    pub ci95: [f64; 2],
}

/// What became of a population's spikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopulationDrift {
    /// Label.
    pub label: String,
    /// Neurons.
    pub n: u64,
    /// Spikes in float, all samples.
    pub spikes_float: u64,
    /// Spikes in the emulator.
    pub spikes_emulator: u64,
    /// Change of the rate in per cent; none if there was no spike.
    pub drift_percent: Option<f64>,
    /// Share of the float spikes with the same step and neuron in the emulator; none if there was no spike.
    pub identical_share: Option<f64>,
    /// Mean shift of spikes matched within 2 steps; none if no spike was matched.
    pub mean_abs_shift_steps: Option<f64>,
    /// Mean of the squared van Rossum distance over neurons and samples with a spike in either, [`VAN_ROSSUM_TAU_MS`]; one spike too
    /// many is 0.5. None if there was no spike.
    pub van_rossum_d2: Option<f64>,
    /// Neurons without a spike in float.
    pub silent_float: u64,
    /// Neurons without a spike in the emulator.
    pub silent_emulator: u64,
    /// Largest potential in mV.
    pub max_abs_v: f64,
    /// Largest synaptic variable.
    pub max_abs_g: f64,
}

/// In which step the spikes of trained network and emulator begin to differ, over samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Divergence {
    /// Samples with the same spikes from the first step to the last.
    pub identical: u64,
    /// Samples that diverge.
    pub diverging: u64,
    /// First step that differs, of the tenth of the diverging samples that differ first; none if none diverges.
    pub p10: Option<u32>,
    /// Median of the first step that differs.
    pub p50: Option<u32>,
    /// First step that differs, of the tenth that differ last.
    pub p90: Option<u32>,
}

/// What became of a projection's weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectionLoss {
    /// Sending population.
    pub pre: String,
    /// Receiving population.
    pub post: String,
    /// Receptor.
    pub receptor: String,
    /// Synapses.
    pub n: u64,
    /// Weights that became 0.
    pub zeroed: u64,
    /// Their share of the sum of magnitudes.
    pub zeroed_mass: f64,
    /// Weights above the largest that a synapse can hold.
    pub clipped: u64,
    /// Left shift of the receiver's ring buffer.
    pub shift: u32,
    /// Step between weights, in units of the trained network.
    pub quantum: f64,
    /// Largest weight, in units of the trained network.
    pub max_weight: f64,
}

/// What the ring buffers saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RingBuffer {
    /// Additions that were cut off at 65,535.
    pub saturations: u64,
    /// Largest sum of a slot.
    pub worst_sum: u64,
    /// Sums that left 32 bits.
    pub wraps: u64,
}

/// Relative errors of rounded parameters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// Membrane time constants.
    pub tau_m: Quantiles,
    /// Synaptic time constants.
    pub tau_syn: Quantiles,
    /// The synapse's initial factor.
    pub init: Quantiles,
    /// Constant currents.
    pub i_offset: Quantiles,
    /// Thresholds.
    pub v_thresh: Quantiles,
}

/// Largest and median.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantiles {
    /// Largest.
    pub max: f64,
    /// Median.
    pub p50: f64,
}

/// Use of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardFit {
    /// Machine.
    pub machine: String,
    /// Cores that are used.
    pub cores: u64,
    /// Cores that there are.
    pub cores_available: u64,
    /// Chips that are used.
    pub chips: u64,
    /// SDRAM that is used.
    pub sdram_bytes: u64,
    /// Most routing entries on one chip.
    pub routing_entries: u64,
}

/// A finding of the lint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LintLine {
    /// Stable code, such as `W1`.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// Population or projection.
    #[serde(rename = "where")]
    pub place: String,
    /// How many values are concerned.
    pub count: u64,
    /// What was found and what to do.
    pub text: String,
}

impl From<&Finding> for LintLine {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.clone(),
            severity: finding.severity,
            place: finding.place.clone(),
            count: finding.count,
            text: format!("{}; {}", finding.text, finding.mend),
        }
    }
}

/// A run of another simulator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Back end.
    pub backend: String,
    /// Its version.
    pub version: String,
    /// Its spikes.
    pub spikes: u64,
    /// Samples that it ran.
    pub samples: u64,
    /// Share of predicted spikes matched within 2 steps; none if none were predicted.
    pub matched_share: Option<f64>,
    /// Samples with the predicted answer.
    pub same_answer: u64,
    /// `not evidence about the target`.
    pub note: String,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The loss stays within its bound, and no error was found.
    Pass,
    /// It does not, or an error was found.
    Fail,
    /// The network uses something that the emulator does not know.
    NotCovered,
}

impl Verdict {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotCovered => "not covered",
        }
    }
}

impl Certificate {
    /// The document as text.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a certificate is plain data") + "\n"
    }

    /// Reads a certificate and checks its numbers against the schema.
    ///
    /// # Errors
    /// `certificate-format`, bad data, naming the field.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|e| UserError::cannot_read(path, &e))?;
        let certificate: Self = serde_json::from_str(&text).map_err(|e| {
            UserError::bad_data("certificate-format", format!("is no certificate: {e}")).file(path).line(e.line() as u64)
        })?;
        certificate.check().map_err(|e| e.file(path))?;
        Ok(certificate)
    }

    /// Checks what the types do not: the format's name, probabilities from 0 to 1, SHA-256 of 64 digits.
    ///
    /// # Errors
    /// `certificate-format`, naming the field.
    pub fn check(&self) -> Result<()> {
        let bad = |key: &str, found: &str, expected: &str| {
            Err(UserError::bad_data("certificate-format", "bad value").key(key).found(found).expected(expected))
        };
        if self.format != FORMAT {
            return bad("format", &self.format, FORMAT);
        }
        let i = &self.inputs;
        for (key, hash) in [
            ("inputs.checkpoint_sha256", &i.checkpoint_sha256),
            ("inputs.circuit_sha256", &i.circuit_sha256),
            ("inputs.split_sha256", &i.split_sha256),
            ("inputs.bundle_sha256", &i.bundle_sha256),
            ("spikes_sha256", &self.spikes_sha256),
        ] {
            if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
                return bad(key, hash, "64 hexadecimal digits");
            }
        }
        let a = &self.accuracy;
        let shares = [("float", a.float), ("interpreter", a.interpreter), ("emulator", a.emulator)]
            .into_iter()
            .flat_map(|(key, rate)| [rate.value, rate.ci95[0], rate.ci95[1]].map(|v| (format!("accuracy.{key}"), v)))
            .chain([("accuracy.paired.mcnemar_p".into(), a.paired.mcnemar_p)])
            .chain(a.board_prediction.ci95.map(|v| ("accuracy.board_prediction".into(), v)))
            .chain(self.populations.iter().filter_map(|p| Some((format!("populations.{}", p.label), p.identical_share?))))
            .chain(self.projections.iter().map(|p| (format!("projections.{} -> {}", p.pre, p.post), p.zeroed_mass)));
        for (key, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return bad(&key, &share.to_string(), "a share from 0 to 1");
            }
        }
        Ok(())
    }
}
