//! Thresholds on synapse counts.

use serde::{Deserialize, Serialize};

/// What a threshold is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThresholdOn {
    /// The sum over all rows of a pair.
    #[default]
    Pair,
    /// Each row (pre, post, neuropil) by itself, before rows are summed.
    Row,
}

/// Connections with fewer synapses are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// What is compared.
    #[serde(default)]
    pub on: ThresholdOn,
    /// Smallest count that stays; 0 and 1 keep everything.
    pub min: u32,
}

impl Threshold {
    /// Codex's own choice: pairs of at least five synapses.
    pub const CODEX: Self = Self { on: ThresholdOn::Pair, min: 5 };

    /// Whether a row of this count stays.
    pub fn keeps_row(self, syn_count: u32) -> bool {
        self.on == ThresholdOn::Pair || syn_count >= self.min
    }

    /// Whether a pair of this total stays.
    pub fn keeps_pair(self, total: u64) -> bool {
        self.on == ThresholdOn::Row || total >= u64::from(self.min)
    }
}

impl Default for Threshold {
    fn default() -> Self {
        Self { on: ThresholdOn::Pair, min: 1 }
    }
}
