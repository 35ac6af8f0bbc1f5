//! The transfer certificate: how much of a network's accuracy survives on the board, predicted before the board is touched.
//!
//! | file | subject |
//! |---|---|
//! | `document` | the document `certificate.json`, field by field as its schema says |
//! | here | reading and checking it |
//! | `uncovered` | the document that says that nothing can be predicted |
//! | `accuracy` | from right answers to shares and intervals |
//! | `drift` | what became of a population's spikes |
//! | `trial` | one sample through the three models; all samples together |
//! | `choices` | what was chosen and cannot be told from the network |
//! | `evidence` | from what a bundle holds and what its samples did to the document |
//! | `verdict` | whether it passes, and why not |
//! | `remedy` | what to do about a finding, in options of `kenyon certify` |
//! | `bundle` | the folder: certificate, deployment, one row per sample; its hashes |
//! | `spikes` | the hash over all predicted spikes |
//! | `verify` | an independent second look at a bundle; `compare` names the first field that differs |
//!
//! A certificate predicts. The core of the board was emulated; no physical board was observed.

mod accuracy;
mod bundle;
mod choices;
mod compare;
mod document;
mod drift;
mod evidence;
mod remedy;
mod spikes;
mod trial;
mod uncovered;
mod verdict;
mod verify;

use std::fs;
use std::path::Path;

use kenyon_base::{Result, UserError};

pub use bundle::{Bundle, BundleWriter, FrozenBundle, SampleRow};
pub use choices::Choices;
pub use document::{
    Accuracies, BoardFit, Certificate, Comparison, Data, Divergence, Inputs, LintLine, Lowered, Margins, Paired, PopulationDrift,
    Prediction, ProjectionLoss, Quantiles, Rate, ReadoutPlace, RingBuffer, Rounding, SameAnswer, Spread, Verdict,
};
pub use evidence::Evidence;
pub use remedy::remedied;
pub use spikes::SpikesHash;
pub use trial::{Seen, Trial};
pub use uncovered::{NotCovered, Reason, Sources};
pub use verify::{Verified, verify};

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
        let certificate: Self = document(path)?;
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
        if self.verdict == Verdict::NotCovered {
            return bad("verdict", "not_covered", "pass or fail: what is not covered has no accuracies");
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
            .chain([("max_loss".into(), self.max_loss)])
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

/// A JSON document.
fn document<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).map_err(|e| UserError::cannot_read(path, &e))?;
    serde_json::from_str(&text).map_err(|e| {
        UserError::bad_data("certificate-format", format!("is no certificate: {e}")).file(path).line(e.line() as u64)
    })
}
