//! The document `certificate.json`, field by field as its schema says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lint::Severity;

/// `certificate.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// [`FORMAT`](super::FORMAT).
    pub format: String,
    /// Tool and version.
    pub tool: String,
    /// [`TARGET`](super::TARGET).
    pub target: String,
    /// What it was made from.
    pub inputs: Inputs,
    /// The samples that it judges by.
    pub data: Data,
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
    /// By how much the trained network decides, and by how much the board's values are off.
    pub margins: Margins,
    /// Samples whose float margin is below twice the largest error of the readout in any sample.
    pub at_risk: u64,
    /// Samples to which trained network and emulator answer differently.
    pub turned: u64,
    /// Runs of other simulators: context, not evidence.
    pub comparisons: Vec<Comparison>,
    /// [`SpikesHash`](super::SpikesHash) of the predicted spikes.
    pub spikes_sha256: String,
    /// [`LIMITS`](super::LIMITS).
    pub limits: Vec<String>,
    /// Largest loss of accuracy that passes, as the lower end of the interval of the paired difference.
    pub max_loss: f64,
    /// The verdict.
    pub verdict: Verdict,
}

/// SHA-256 of the inputs, and the seeds.
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
    /// Seed of this command.
    pub seed: u64,
    /// Seed of the training.
    pub run_seed: u64,
    /// Whether the connectome or a part of the circuit was synthetic: a statistical stand-in, not a measurement.
    pub synthetic_circuit: bool,
}

/// Samples that were judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Part of the data set: `train`, `validation` or `test`.
    pub part: String,
    /// Samples of it that were run.
    pub samples: u64,
    /// Samples that it has.
    pub available: u64,
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
    /// Samples with the same answer as the trained network, right or wrong.
    pub same_answer: SameAnswer,
    /// Float against emulator.
    pub paired: Paired,
    /// What to expect of as many new trials on a board.
    pub board_prediction: Prediction,
}

/// Samples to which a model answers as the trained network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SameAnswer {
    /// The lowered network in f64.
    pub interpreter: u64,
    /// The board's arithmetic.
    pub emulator: u64,
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
    /// Spikes of the lowered network in f64.
    pub spikes_interpreter: u64,
    /// Spikes in the emulator.
    pub spikes_emulator: u64,
    /// Spikes (sample, step, neuron) that only one of trained and lowered network has: 0 if the lowering is exact to the last bit.
    pub mismatched_interpreter: u64,
    /// Change of the rate in per cent; none if there was no spike.
    pub drift_percent: Option<f64>,
    /// Share of the float spikes with the same step and neuron in the emulator; none if there was no spike.
    pub identical_share: Option<f64>,
    /// Mean shift of spikes matched within 2 steps; none if no spike was matched.
    pub mean_abs_shift_steps: Option<f64>,
    /// Mean of the squared van Rossum distance over neurons and samples with a spike in either, [`VAN_ROSSUM_TAU_MS`](super::VAN_ROSSUM_TAU_MS); one spike too
    /// many is 0.5. None if there was no spike.
    pub van_rossum_d2: Option<f64>,
    /// Neurons without a spike in float.
    pub silent_float: u64,
    /// Neurons without a spike in the emulator.
    pub silent_emulator: u64,
    /// Neurons that, in some sample, spike at every step that their refractory time allows for at least a tenth of the sample, in float.
    pub saturated_float: u64,
    /// The same in the emulator.
    pub saturated_emulator: u64,
    /// Largest potential in mV.
    pub max_abs_v: f64,
    /// Largest synaptic variable.
    pub max_abs_g: f64,
}

/// Margins of decisions, and errors of what is decided by, over samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Margins {
    /// By how much the largest value of the trained network exceeds the second.
    pub margin: Spread,
    /// Largest difference of a class's value between trained network and emulator.
    pub readout_error: Spread,
    /// Samples whose margin is below twice their own largest difference: but for ties, no other can have turned.
    pub at_risk_own: u64,
}

/// How values are spread: the smallest, quantiles at rank `ceil(q n)`, the largest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Smallest.
    pub min: f64,
    /// Above a twentieth of the values.
    pub p05: f64,
    /// Above a quarter.
    pub p25: f64,
    /// Median.
    pub p50: f64,
    /// Above three quarters.
    pub p75: f64,
    /// Above nineteen twentieths.
    pub p95: f64,
    /// Largest.
    pub max: f64,
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
