//! An independent second look at a bundle.
//!
//! Nothing is taken from the certificate that the bundle can tell: the document is made once more from the bundle alone, with every
//! spike computed by the plain emulator, which shares no loop with the fast one, and compared field by field.

use kenyon_base::{Progress, Result};
use rayon::prelude::*;
use serde::Serialize;

use super::compare::{failed, same};
use super::drift::drift_percent;
use super::{Bundle, Certificate, Evidence, PopulationDrift, SampleRow, Seen, Trial};
use crate::interpreter::Interpreter;
use crate::readout;
use crate::spinnaker::plain::{self, Arithmetic};
use crate::spinnaker::{Quantised, answer, quantise};

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Samples of the bundle.
    pub samples: usize,
    /// Samples that were run again.
    pub run_again: usize,
    /// What the folder cannot tell, or a quick look does not.
    pub not_checked: Vec<String>,
}

/// Samples of a quick look.
const QUICK: usize = 20;
/// Samples that are run at the same time.
const CHUNK: usize = 16;
/// Findings that hang on what all samples did.
const OF_ACTIVITY: [&str; 4] = ["W2", "W3", "W9", "W11"];
/// What no bundle can tell.
const BEYOND: [&str; 3] = [
    "what the trained network did: its answers, margins and errors (columns `float`, `margin`, `readout_error` of samples.csv) and spikes \
     (float_spikes.h5) are those that were recorded; they need the checkpoint",
    "that the checkpoint, the circuit and the samples are those whose hashes stand there: their files are not in the folder",
    "choices.json: the part of the data and its size, the seeds, the bound",
];
/// What a quick look does not.
const NOT_QUICK: [&str; 2] = [
    "populations: spikes of the lowered network, identical_share, mean_abs_shift_steps, van_rossum_d2, silent and saturated neurons, \
     max_abs_v, max_abs_g; ring_buffer: worst_sum, wraps; spikes_sha256; findings W2, W3, W9, W11: they need all samples",
    "rows of the samples that were not run",
];

/// Looks at a bundle again: makes its document anew, and runs its samples (`quick`: 20 of them).
///
/// # Errors
/// A check that did not hold, naming what differs.
pub fn verify(bundle: &Bundle, quick: bool, progress: &dyn Progress) -> Result<Verified> {
    let (d, stated, n) = (&bundle.deployment, &bundle.certificate, bundle.rows.len());
    if n == 0 {
        return Err(failed("accuracy.n", &stated.accuracy.n.to_string(), "0"));
    }
    if bundle.choices.machine().is_none() {
        return Err(failed("fit.machine", &stated.fit.machine, &bundle.choices.machine));
    }
    let network = quantise(d, &bundle.choices.options())?;
    let document = |seen: Seen| {
        Evidence {
            deployment: d,
            network: &network,
            choices: &bundle.choices,
            rows: &bundle.rows,
            seen,
            comparisons: &bundle.comparisons,
            bundle_sha256: &stated.inputs.bundle_sha256,
        }
        .certificate()
    };
    // First what needs no run.
    same(stated, &without_runs(bundle, document(Seen::new(d, &network))))?;
    let partly = quick && n > QUICK;
    let chosen: Vec<usize> = if partly { (0..QUICK).map(|k| k * n / QUICK).collect() } else { (0..n).collect() };
    let interpreter = Interpreter::new(d);
    let mut seen = Seen::new(d, &network);
    progress.stage("verifying", Some(chosen.len() as u64));
    for chunk in chosen.chunks(CHUNK) {
        let again = chunk.par_iter().map(|&k| {
            let trial = repeat(bundle, &network, &interpreter, k);
            progress.advance(1);
            trial
        });
        again.collect::<Result<Vec<_>>>()?.into_iter().for_each(|trial| seen.add(trial));
    }
    if !partly {
        same(stated, &document(seen))?;
    }
    let not_checked = BEYOND.iter().chain(NOT_QUICK.iter().filter(|_| partly)).map(ToString::to_string).collect();
    Ok(Verified { samples: n, run_again: chosen.len(), not_checked })
}

/// A document that was made without running anything, with what runs tell as it is stated.
fn without_runs(bundle: &Bundle, mut made: Certificate) -> Certificate {
    let stated = &bundle.certificate;
    let total = |k: usize, of: fn(&SampleRow) -> &Vec<u64>| {
        bundle.rows.iter().map(|row| of(row).get(k).copied().unwrap_or(0)).sum::<u64>()
    };
    for (k, made) in made.populations.iter_mut().enumerate() {
        let Some(known) = stated.populations.get(k) else { continue };
        let (float, emulator) = (total(k, |r| &r.spikes_float), total(k, |r| &r.spikes_emulator));
        *made = PopulationDrift {
            label: made.label.clone(),
            n: made.n,
            spikes_float: float,
            spikes_emulator: emulator,
            drift_percent: drift_percent(float, emulator),
            ..known.clone()
        };
    }
    (made.ring_buffer.worst_sum, made.ring_buffer.wraps) = (stated.ring_buffer.worst_sum, stated.ring_buffer.wraps);
    made.spikes_sha256.clone_from(&stated.spikes_sha256);
    // Lines of findings that hang on runs keep their places.
    made.lint.retain(|line| !OF_ACTIVITY.contains(&line.code.as_str()));
    for (k, line) in stated.lint.iter().enumerate().filter(|(_, line)| OF_ACTIVITY.contains(&line.code.as_str())) {
        made.lint.insert(k.min(made.lint.len()), line.clone());
    }
    made.verdict = super::verdict::verdict(&made.accuracy, &made.lint, made.max_loss);
    made
}

/// Runs the `k`th sample again and compares its row.
fn repeat(bundle: &Bundle, network: &Quantised, interpreter: &Interpreter, k: usize) -> Result<Trial> {
    let (d, row) = (&bundle.deployment, &bundle.rows[k]);
    let (sample, apart) = (bundle.sample(k)?, bundle.differences(k)?);
    let run = plain::run(network, &sample.spikes, Arithmetic::BOARD);
    let outcome = interpreter.run(&sample);
    let trial = Trial::from_differences(d, network, &sample, &apart, &outcome.spikes, &run);
    let mut found = trial.row(d, row.clone());
    if let Some(rows) = readout::rows(d, &outcome.spikes, &outcome.v) {
        found.answers[1] = readout::decide(d.decision, &rows).class;
    }
    if let Some(answer) = answer(d, &run) {
        found.answers[2] = answer.class;
    }
    match row.first_difference(&found) {
        None => Ok(trial),
        Some((column, certified, found)) => {
            Err(failed(&format!("samples.csv, sample {}: {column}", row.sample), &certified, &found))
        }
    }
}
