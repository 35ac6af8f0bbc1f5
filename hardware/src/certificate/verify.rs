//! An independent second look at a bundle.
//!
//! Nothing is taken from the certificate that the bundle can tell: hashes, counts, intervals, and every spike, computed once more by
//! the plain emulator, which shares no loop with the fast one.

use kenyon_base::{Progress, Result, UserError};
use serde::Serialize;

use super::{Bundle, SampleRow, SpikesHash, accuracies, at_risk};
use crate::interpreter::Interpreter;
use crate::readout;

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Samples of the bundle.
    pub samples: usize,
    /// Samples that were run again.
    pub run_again: usize,
}

/// What one run of a sample through an emulator says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Emulated {
    /// Spikes as (step, population, neuron), sorted.
    pub spikes: Vec<(u32, u32, u32)>,
    /// Potentials of populations that record them, in mV: rows of steps.
    pub v: Vec<Vec<f64>>,
    /// Cut additions.
    pub saturations: u64,
}

/// Samples of a quick look.
const QUICK: usize = 20;

/// Looks at a bundle again: recounts its table, and runs its samples (`quick`: 20 of them) through `emulate`.
///
/// # Errors
/// A check that did not hold, naming what differs.
pub fn verify(
    bundle: &Bundle,
    quick: bool,
    emulate: &mut dyn FnMut(&crate::Sample) -> Result<Emulated>,
    progress: &dyn Progress,
) -> Result<Verified> {
    recount(bundle)?;
    let n = bundle.rows.len();
    let chosen: Vec<usize> = if quick && n > QUICK { (0..QUICK).map(|k| k * n / QUICK).collect() } else { (0..n).collect() };
    let interpreter = Interpreter::new(&bundle.deployment);
    let mut hash = SpikesHash::default();
    progress.stage("verifying", Some(chosen.len() as u64));
    for &k in &chosen {
        let sample = bundle.sample(k)?;
        let emulated = emulate(&sample)?;
        hash.add(&emulated.spikes);
        let row = &bundle.rows[k];
        check_row(bundle, row, &emulated)?;
        let outcome = interpreter.run(&sample);
        if let Some(answer) = answer(bundle, &outcome.spikes, &outcome.v) {
            differs(row, "interpreter", u64::from(row.answers[1]), u64::from(answer))?;
        }
        progress.advance(1);
    }
    let found = hash.finish();
    if chosen.len() == n && found != bundle.certificate.spikes_sha256 {
        return Err(failed("spikes_sha256", &bundle.certificate.spikes_sha256, &found));
    }
    Ok(Verified { samples: n, run_again: chosen.len() })
}

fn failed(key: &str, certified: &str, found: &str) -> UserError {
    UserError::check_failed("not-verified", "is not what the bundle says").key(key).expected(certified).found(found)
}

/// Compares everything that the table of samples determines.
fn recount(bundle: &Bundle) -> Result<()> {
    let certificate = &bundle.certificate;
    if bundle.rows.is_empty() {
        return Err(failed("accuracy.n", &certificate.accuracy.n.to_string(), "0"));
    }
    let same = |key: &str, certified: String, found: String| {
        if certified == found { Ok(()) } else { Err(failed(key, &certified, &found)) }
    };
    let (certified, found) = (&certificate.accuracy, &accuracies(&bundle.rows));
    same("accuracy.n", format!("{:?}", certified.n), format!("{:?}", found.n))?;
    same("accuracy.float", format!("{:?}", certified.float), format!("{:?}", found.float))?;
    same("accuracy.interpreter", format!("{:?}", certified.interpreter), format!("{:?}", found.interpreter))?;
    same("accuracy.emulator", format!("{:?}", certified.emulator), format!("{:?}", found.emulator))?;
    same("accuracy.paired", format!("{:?}", certified.paired), format!("{:?}", found.paired))?;
    same("accuracy.board_prediction", format!("{:?}", certified.board_prediction), format!("{:?}", found.board_prediction))?;
    same("at_risk", certificate.at_risk.to_string(), at_risk(&bundle.rows).to_string())?;
    let saturations: u64 = bundle.rows.iter().map(|row| row.saturations).sum();
    same("ring_buffer.saturations", certificate.ring_buffer.saturations.to_string(), saturations.to_string())?;
    for (k, population) in certificate.populations.iter().enumerate() {
        let total = |of: &dyn Fn(&SampleRow) -> &Vec<u64>| {
            bundle.rows.iter().map(|row| of(row).get(k).copied().unwrap_or(0)).sum::<u64>()
        };
        let key = |what: &str| format!("populations.{}.{what}", population.label);
        same(&key("spikes_float"), population.spikes_float.to_string(), total(&|r| &r.spikes_float).to_string())?;
        same(&key("spikes_emulator"), population.spikes_emulator.to_string(), total(&|r| &r.spikes_emulator).to_string())?;
    }
    let mut ids = kenyon_base::digest::Hasher::default();
    bundle.rows.iter().for_each(|row| ids.update(&row.sample.to_le_bytes()));
    same("inputs.split_sha256", certificate.inputs.split_sha256.clone(), ids.finish())
}

fn answer(bundle: &Bundle, spikes: &[(u32, u32, u32)], v: &[Vec<f64>]) -> Option<u32> {
    let rows = readout::rows(&bundle.deployment, spikes, v)?;
    Some(readout::decide(bundle.deployment.decision, &rows).class)
}

fn differs(row: &SampleRow, what: &str, certified: u64, found: u64) -> Result<()> {
    if certified == found {
        return Ok(());
    }
    Err(failed(&format!("sample {}: {what}", row.sample), &certified.to_string(), &found.to_string()))
}

fn check_row(bundle: &Bundle, row: &SampleRow, emulated: &Emulated) -> Result<()> {
    let mut counts = vec![0u64; bundle.deployment.populations.len()];
    emulated.spikes.iter().for_each(|s| counts[s.1 as usize] += 1);
    let neurons = bundle.deployment.populations.iter().zip(counts).filter(|(p, _)| p.cells.neurons().is_some());
    for ((population, found), &certified) in neurons.zip(&row.spikes_emulator) {
        differs(row, &format!("spikes of {}", population.label), certified, found)?;
    }
    differs(row, "saturations", row.saturations, emulated.saturations)?;
    match answer(bundle, &emulated.spikes, &emulated.v) {
        Some(answer) => differs(row, "emulator", u64::from(row.answers[2]), u64::from(answer)),
        None => Ok(()),
    }
}
