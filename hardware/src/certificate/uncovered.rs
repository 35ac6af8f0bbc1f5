//! The document that says that nothing can be predicted: the network uses something that the emulator does not know.

use std::path::Path;

use kenyon_base::{AtomicDir, Result, TOOL, UserError};
use serde::{Deserialize, Serialize};

use super::{Data, FORMAT, LIMITS, TARGET, Verdict};

/// `certificate.json` of a network that the emulator does not cover. It has no accuracies: none was computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotCovered {
    /// [`FORMAT`].
    pub format: String,
    /// Tool and version.
    pub tool: String,
    /// [`TARGET`].
    pub target: String,
    /// What it was made from.
    pub inputs: Sources,
    /// The samples that it would have been judged by.
    pub data: Data,
    /// Why there is no prediction.
    pub reason: Reason,
    /// [`LIMITS`].
    pub limits: Vec<String>,
    /// The bound that was asked for.
    pub max_loss: f64,
    /// [`Verdict::NotCovered`].
    pub verdict: Verdict,
}

/// What a document without a prediction was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// Checkpoint.
    pub checkpoint_sha256: String,
    /// Circuit.
    pub circuit_sha256: String,
    /// Seed of this command.
    pub seed: u64,
    /// Seed of the training.
    pub run_seed: u64,
    /// Whether the connectome or a part of the circuit was synthetic.
    pub synthetic_circuit: bool,
}

/// Why there is no prediction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Code of the error that lowering or rounding ended with.
    pub code: String,
    /// Its words, with the remedy.
    pub text: String,
}

impl NotCovered {
    /// Whether an error of lowering or rounding means that the network uses something outside the emulator.
    pub fn applies(error: &UserError) -> bool {
        matches!(error.code(), "cannot-lower" | "delay-extension" | "not-covered")
    }

    /// The document.
    pub fn new(inputs: Sources, data: Data, max_loss: f64, error: &UserError) -> Self {
        Self {
            format: FORMAT.into(),
            tool: TOOL.into(),
            target: TARGET.into(),
            inputs,
            data,
            reason: Reason { code: error.code().into(), text: error.to_string() },
            limits: LIMITS.map(String::from).to_vec(),
            max_loss,
            verdict: Verdict::NotCovered,
        }
    }

    /// Reads one; none if the document is a certificate with a prediction, or no JSON.
    pub fn read(path: &Path) -> Option<Self> {
        super::document::<Self>(path).ok().filter(|found| found.verdict == Verdict::NotCovered && found.format == FORMAT)
    }

    /// Writes the folder: the document and its page, nothing else.
    ///
    /// # Errors
    /// `not-empty`, `cannot-write`.
    pub fn write(&self, dir: &Path, page: &str) -> Result<()> {
        let folder = AtomicDir::create(dir)?;
        let json = serde_json::to_string_pretty(self).expect("plain data") + "\n";
        super::bundle::write_documents(folder.path(), &json, page)?;
        folder.commit()
    }
}
