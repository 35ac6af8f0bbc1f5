//! What a set says about itself.

use std::path::Path;

use kenyon_base::{Result, Source, TOOL, UserError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::labels::LabelSpec;
use super::plan::SetPlan;
use super::spec::GeneratorSpec;

/// An input row of the neuron.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynapseRow {
    /// Name of the section.
    pub section: String,
    /// Segment of the section, from 0.
    pub segment: u32,
    /// Place on the section, from 0 to 1.
    pub x: f64,
    /// 1 for excitation, -1 for inhibition.
    pub sign: i8,
    /// Mean height of the segment in µm; rows may be sorted by it.
    pub y_mean: f64,
}

/// The neuron that was simulated, as its simulator describes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Neuron {
    /// All parameters.
    pub parameters: Value,
    /// Time step in ms.
    pub dt_ms: f64,
    /// Scheme of integration.
    pub scheme: String,
    /// Temperature in °C.
    pub celsius: f64,
    /// Potential that everything starts from, mV.
    pub v_init_mv: f64,
    /// First and last potential and distance of the tables that rates are read from, mV; none if rates are exact.
    pub tables: Option<[f64; 3]>,
    /// Where on a segment the synapses lie.
    pub placement: String,
    /// What the order of the rows is.
    pub synapse_order: String,
    /// The input rows, excitation first.
    pub synapses: Vec<SynapseRow>,
    /// Whether dendritic voltages are stored, one row per segment.
    pub branches: bool,
}

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightType {
    /// 16 bits.
    F16,
    /// 32 bits.
    F32,
    /// 64 bits: imported weights of any kind.
    F64,
}

impl WeightType {
    /// Whether a weight is stored without loss.
    pub fn holds(self, weight: f64) -> bool {
        let kept = match self {
            Self::F16 => half::f16::from_f64(weight).to_f64(),
            Self::F32 => f64::from(weight as f32),
            Self::F64 => weight,
        };
        kept.to_bits() == weight.to_bits()
    }
}

/// What spike times and voltages of a set stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Simulated here: exact spike times, whole voltages.
    Simulated,
    /// Read from the reference layout: times are begins of bins, voltages are capped already.
    ReferenceLayout,
    /// Read from `TwinProp` folders: times in whole ms, inputs in 64 bits.
    TwinpropLayout,
}

/// Everything a set says about itself besides its simulations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAbout {
    /// `ball_and_stick`, `l5pc` or `phenomenological`.
    pub kind: String,
    /// Short name.
    pub name: String,
    /// The neuron.
    pub neuron: Neuron,
    /// Seed of the set; 0 for imported ones, whose seed is not known.
    pub seed: u64,
    /// The recipe, or what is known of it.
    pub generator: Value,
    /// How labels are made, and the caps to apply on reading.
    pub labels: LabelSpec,
    /// Program and version.
    pub code_version: String,
    /// When it was begun, if the maker says so.
    pub created: String,
    /// Labelled bins T of every simulation.
    pub duration_ms: u32,
    /// Bins of input before them.
    pub warmup_ms: u32,
    /// First part of T that statistics leave out.
    pub initialisation_ms: u32,
    /// Segments; there are twice as many input rows.
    pub nseg: u32,
    /// How weights are stored.
    pub weight: WeightType,
    /// Where the records come from.
    pub origin: Origin,
    /// SHA-256 of the recipe; empty for imported sets.
    pub identity: String,
    /// Files whose content decides about the simulations and does not stand here itself: morphology, recipe, given inputs.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// How the simulations were selected from a larger set; null for a whole one.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub selection: Value,
}

impl SetAbout {
    /// The description of a set made with `plan`.
    pub fn of(plan: &SetPlan, neuron: Neuron, created: impl Into<String>) -> Self {
        let config = plan.config();
        Self {
            kind: config.generator.kind().into(),
            name: config.name.clone(),
            neuron,
            seed: config.seed,
            generator: serde_json::to_value(config).expect("plain data"),
            labels: config.labels,
            code_version: TOOL.into(),
            created: created.into(),
            duration_ms: config.duration_ms,
            warmup_ms: config.warmup_ms,
            initialisation_ms: config.initialisation_ms,
            nseg: config.nseg(),
            weight: match config.generator {
                GeneratorSpec::BallAndStick(_) => WeightType::F16,
                GeneratorSpec::L5pc(_) => WeightType::F32,
                GeneratorSpec::WeightedSpikes(_) => WeightType::F64,
            },
            origin: Origin::Simulated,
            identity: plan.identity(),
            sources: plan.sources().to_vec(),
            selection: Value::Null,
        }
    }

    /// The description of a set that was read from `layout`, with what is known of its neuron.
    ///
    /// Where the simulations came from is not known: seed, recipe and identity are left empty.
    ///
    /// # Errors
    /// `other-neuron` if the simulations have another number of segments or another length than the description.
    pub(super) fn imported(mut self, root: &Path, layout: &str, origin: Origin, nseg: usize, bins: usize) -> Result<Self> {
        let differs = |what: &str, found: String, expected: String, mend: String| {
            let error = UserError::bad_data("other-neuron", format!("the simulations have another {what} than the config says"));
            Err(error.file(root).found(found).expected(expected).mend(mend))
        };
        if nseg != self.nseg as usize {
            return differs(
                "number of segments",
                format!("{nseg} segments"),
                format!("the {} dendritic segments of the neuron", self.nseg),
                "describe the neuron in `[neuron]` that these simulations are of".into(),
            );
        }
        if bins != self.duration_ms as usize {
            return differs(
                "length",
                format!("{bins} ms"),
                format!("the {} ms of `duration_ms`, the default where it is left out", self.duration_ms),
                format!("write `duration_ms = {bins}` in `[set]`"),
            );
        }
        (self.warmup_ms, self.seed, self.identity) = (0, 0, String::new());
        self.generator = json!({ "imported": layout });
        self.origin = origin;
        Ok(self)
    }

    /// Whether there is a segment and a bin to count, and a row of input for every synapse.
    pub(super) const fn sound(&self) -> bool {
        let counts = self.duration_ms > 0 && self.initialisation_ms < self.duration_ms && self.nseg > 0;
        counts && self.neuron.synapses.len() == self.rows()
    }

    /// Bins of input.
    pub const fn bins(&self) -> usize {
        self.duration_ms as usize + self.warmup_ms as usize
    }

    /// Rows of input.
    pub const fn rows(&self) -> usize {
        2 * self.nseg as usize
    }

    /// Rows of dendritic voltages.
    pub const fn branches(&self) -> usize {
        if self.neuron.branches { self.nseg as usize } else { 0 }
    }
}
