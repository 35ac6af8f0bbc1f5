//! The config of `kenyon circuit build`.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError, config};
use serde::{Deserialize, Serialize};

use crate::codex::Side;
use crate::import::Threshold;
use crate::query::Query;
use crate::signs::SignSpec;

/// What a circuit is made of. See `docs/formats.md`, "Circuit config".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CircuitSpec {
    /// Connectome pack, relative to the config; `--connectome` overrides it.
    #[serde(default)]
    pub connectome: Option<PathBuf>,
    /// Populations; a neuron belongs to the first that selects it.
    pub population: Vec<PopulationSpec>,
    /// Which neurons and connections take part.
    #[serde(default)]
    pub selection: SelectionSpec,
    /// Smallest connections kept.
    #[serde(default = "codex_threshold")]
    pub threshold: Threshold,
    /// Transmitters and signs.
    #[serde(default)]
    pub signs: SignSpec,
    /// Missing projections to generate.
    #[serde(default)]
    pub completion: CompletionSpec,
}

fn codex_threshold() -> Threshold {
    Threshold::CODEX
}

/// One population; exactly one of `query`, `list`, `file` says which neurons it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopulationSpec {
    /// Name, unique in the circuit.
    pub name: String,
    /// Query over the pack.
    #[serde(default)]
    pub query: Option<String>,
    /// Keyword list of the pack.
    #[serde(default)]
    pub list: Option<String>,
    /// Keyword file, relative to the config.
    #[serde(default)]
    pub file: Option<PathBuf>,
}

/// Neurons without any connection inside the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unconnected {
    /// Left out.
    #[default]
    Drop,
    /// Kept.
    Keep,
}

/// Which neurons and connections take part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelectionSpec {
    /// Query that every neuron must meet.
    pub within: Option<String>,
    /// Sides that take part; empty: all, also the unknown.
    pub sides: Vec<Side>,
    /// Only connections in these neuropils; empty: all.
    pub neuropils: Vec<String>,
    /// No connections in these neuropils.
    pub exclude_neuropils: Vec<String>,
    /// Neurons without connections.
    pub unconnected: Unconnected,
    /// Keeps connections of a neuron onto itself.
    pub self_loops: bool,
    /// Query for the neurons driven by odours; without it the receptor neurons by class, or those of the receptor map.
    pub inputs: Option<String>,
    /// Keeps connections from the circuit back onto its inputs (presynaptic inhibition of receptor neurons).
    pub presynaptic_inhibition: bool,
    /// Keeps connections among the inputs.
    pub input_to_input: bool,
}

/// Missing projections to generate from published statistics; off by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompletionSpec {
    /// Relations by name, for example `"KC->APL"`.
    pub projections: Vec<String>,
    /// Seed of the generated connections; without it the `--seed` of the command.
    pub seed: Option<u64>,
    /// Scale of the number of generated pairs, above 0 and at most 10.
    pub scale: f64,
}

impl Default for CompletionSpec {
    fn default() -> Self {
        Self { projections: Vec::new(), seed: None, scale: 1.0 }
    }
}

/// Largest `completion.scale`, that of the synthetic fly: beyond it most relations have more pairs than the circuit has room for.
const LARGEST_SCALE: f64 = 10.0;

/// The key of a population as an error names it: its number, counted from 1, and its name.
pub(super) fn key_of(number: usize, population: &PopulationSpec) -> String {
    format!("population {} ({})", number + 1, population.name)
}

impl CircuitSpec {
    /// Reads and checks a config.
    ///
    /// # Errors
    /// Unknown keys with a suggestion, wrong types, and everything [`validate`](Self::validate) finds.
    pub fn read(path: &Path) -> Result<Self> {
        let spec: Self = config::read(path)?;
        spec.validate(path)?;
        Ok(spec)
    }

    /// Checks what types cannot express; `path` is named in errors.
    pub fn validate(&self, path: &Path) -> Result<()> {
        let bad = |code, message: String, key: String| UserError::bad_data(code, message).file(path).key(key);
        if self.population.is_empty() {
            return Err(bad("no-population", "names no population".into(), "population".into())
                .expected("at least one `[[population]]`")
                .mend("add `[[population]]` with `name` and `query`"));
        }
        for (i, population) in self.population.iter().enumerate() {
            let key = key_of(i, population);
            let given = [population.query.is_some(), population.list.is_some(), population.file.is_some()];
            if given.iter().filter(|&&g| g).count() != 1 {
                return Err(bad("bad-population", "does not say in one way which neurons it holds".into(), key)
                    .expected("exactly one of `query`, `list`, `file`")
                    .mend("keep one of them"));
            }
            if population.name.trim().is_empty() || population.name.chars().any(char::is_control) {
                return Err(bad("bad-population", "has no usable name".into(), key).mend("give it a name"));
            }
            if self.population[..i].iter().any(|p| p.name == population.name) {
                return Err(
                    bad("bad-population", format!("two populations are called `{}`", population.name), key).mend("rename one")
                );
            }
            if let Some(query) = &population.query {
                Query::parse(query).map_err(|e| e.in_config(path, &key_of(i, population)))?;
            }
        }
        for (key, query) in [("selection.within", &self.selection.within), ("selection.inputs", &self.selection.inputs)] {
            if let Some(query) = query {
                Query::parse(query).map_err(|e| e.in_config(path, key))?;
            }
        }
        if !(self.completion.scale > 0.0 && self.completion.scale <= LARGEST_SCALE) {
            return Err(bad("bad-scale", "is not a scale".into(), "completion.scale".into())
                .found(self.completion.scale.to_string())
                .expected(format!("a number above 0 and at most {LARGEST_SCALE}"))
                .mend("1.0 is the published size"));
        }
        self.signs.validate(path)
    }
}
