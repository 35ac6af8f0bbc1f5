//! An independent second look at a bundle.
//!
//! Nothing is taken from the certificate that the bundle can tell: hashes, counts, intervals, and every spike, computed once more by
//! the plain emulator, which shares no loop with the fast one.

use kenyon_base::{Progress, Result, UserError};
use rayon::prelude::*;
use serde::Serialize;

use super::{Bundle, SampleRow, SpikesHash, accuracies, at_risk, divergence, trained_time};
use crate::deployment::Receptor;
use crate::interpreter::Interpreter;
use crate::readout;
use crate::spinnaker::plain::{self, Arithmetic};
use crate::spinnaker::{Options, Quantised, Run, Shifts, answer, quantise};

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Samples of the bundle.
    pub samples: usize,
    /// Samples that were run again.
    pub run_again: usize,
}

/// Samples of a quick look.
const QUICK: usize = 20;
/// Samples that are run at the same time.
const CHUNK: usize = 16;

/// Looks at a bundle again: recounts its table, and runs its samples (`quick`: 20 of them).
///
/// # Errors
/// A check that did not hold, naming what differs.
pub fn verify(bundle: &Bundle, quick: bool, progress: &dyn Progress) -> Result<Verified> {
    recount(bundle)?;
    let n = bundle.rows.len();
    let chosen: Vec<usize> = if quick && n > QUICK { (0..QUICK).map(|k| k * n / QUICK).collect() } else { (0..n).collect() };
    let network = quantised(bundle)?;
    let interpreter = Interpreter::new(&bundle.deployment);
    let mut hash = SpikesHash::default();
    progress.stage("verifying", Some(chosen.len() as u64));
    for chunk in chosen.chunks(CHUNK) {
        let samples = chunk.iter().map(|&k| Ok((k, bundle.sample(k)?))).collect::<Result<Vec<_>>>()?;
        let again = samples.par_iter().map(|(k, sample)| {
            let run = plain::run(&network, &sample.spikes, Arithmetic::BOARD);
            check_row(bundle, &bundle.rows[*k], &run)?;
            let outcome = interpreter.run(sample);
            if let Some(rows) = readout::rows(&bundle.deployment, &outcome.spikes, &outcome.v) {
                let answer = readout::decide(bundle.deployment.decision, &rows).class;
                differs(&bundle.rows[*k], "interpreter", u64::from(bundle.rows[*k].answers[1]), u64::from(answer))?;
            }
            progress.advance(1);
            Ok(run.spikes())
        });
        again.collect::<Result<Vec<_>>>()?.iter().for_each(|spikes| hash.add(spikes));
    }
    let found = hash.finish();
    if chosen.len() == n && found != bundle.certificate.spikes_sha256 {
        return Err(failed("spikes_sha256", &bundle.certificate.spikes_sha256, &found));
    }
    Ok(Verified { samples: n, run_again: chosen.len() })
}

/// The network in the board's numbers, with the shifts that the certificate states.
fn quantised(bundle: &Bundle) -> Result<Quantised> {
    let d = &bundle.deployment;
    let mut shifts = vec![[0u8; 2]; d.populations.len()];
    for (stated, projection) in bundle.certificate.projections.iter().zip(&d.projections) {
        let receptor = usize::from(projection.receptor == Receptor::Inhibitory);
        shifts[projection.post as usize][receptor] = u8::try_from(stated.shift).unwrap_or(u8::MAX);
    }
    let nudge = bundle.certificate.deployment.nudged;
    quantise(d, &Options { shifts: Shifts::Given(shifts), nudge, ..Options::LOWERED })
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
    same("divergence", format!("{:?}", certificate.divergence), format!("{:?}", divergence(&bundle.rows)))?;
    let stated = serde_json::to_string(&certificate.comparisons).expect("plain data");
    same("comparisons", stated, serde_json::to_string(&bundle.comparisons).expect("plain data"))?;
    let saturations: u64 = bundle.rows.iter().map(|row| row.saturations).sum();
    same("ring_buffer.saturations", certificate.ring_buffer.saturations.to_string(), saturations.to_string())?;
    for (k, population) in certificate.populations.iter().enumerate() {
        let total = |of: fn(&SampleRow) -> &Vec<u64>| {
            bundle.rows.iter().map(|row| of(row).get(k).copied().unwrap_or(0)).sum::<u64>().to_string()
        };
        let key = |what: &str| format!("populations.{}.{what}", population.label);
        same(&key("spikes_float"), population.spikes_float.to_string(), total(|r| &r.spikes_float))?;
        same(&key("spikes_emulator"), population.spikes_emulator.to_string(), total(|r| &r.spikes_emulator))?;
    }
    let mut ids = kenyon_base::digest::Hasher::default();
    for row in &bundle.rows {
        ids.update(&row.sample.to_le_bytes());
    }
    same("inputs.split_sha256", certificate.inputs.split_sha256.clone(), ids.finish())
}

fn differs(row: &SampleRow, what: &str, certified: u64, found: u64) -> Result<()> {
    if certified == found {
        return Ok(());
    }
    Err(failed(&format!("sample {}: {what}", row.sample), &certified.to_string(), &found.to_string()))
}

fn check_row(bundle: &Bundle, row: &SampleRow, run: &Run) -> Result<()> {
    let mut counts = vec![0u64; bundle.deployment.populations.len()];
    for spike in trained_time(&bundle.deployment, &run.spikes()) {
        counts[spike.1 as usize] += 1;
    }
    let neurons = bundle.deployment.populations.iter().zip(counts).filter(|(p, _)| p.cells.neurons().is_some());
    for ((population, found), &certified) in neurons.zip(&row.spikes_emulator) {
        differs(row, &format!("spikes of {}", population.label), certified, found)?;
    }
    differs(row, "saturations", row.saturations, run.saturations())?;
    match answer(&bundle.deployment, run) {
        Some(answer) => differs(row, "emulator", u64::from(row.answers[2]), u64::from(answer.class)),
        None => Ok(()),
    }
}
