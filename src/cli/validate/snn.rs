//! `kenyon validate snn DIR`: small spiking networks, forward and gradients.
//!
//! | module | owns |
//! |---|---|
//! | `case` | the files of a case |
//! | `run` | the case through the engine: forward, loss, gradients by the case's own parameters |

mod case;
mod run;

use std::collections::BTreeMap;
use std::path::Path;

use kenyon_base::{AtomicFile, Result, UserError};

use self::case::{Expected, Input};
use crate::npz::{Array, write_npz};
use crate::validation::Case;
use crate::validation::deviation::{apart, beyond, scale};

/// Largest deviation of a forward value and of the loss in f64.
const FORWARD: f64 = 1e-12;
/// Largest deviation of a gradient in f64, relative to the tensor's largest element.
const GRADIENT: f64 = 1e-9;
/// Largest deviation in f32: of a forward value and of the loss relative to the tensor's largest element or to 1, whichever is
/// larger; of a gradient relative to the tensor's largest element.
const SINGLE: f64 = 1e-4;

/// The largest deviation so far, and where.
#[derive(Default, Clone, Copy)]
struct Worst<'a> {
    error: f64,
    key: &'a str,
}

impl<'a> Worst<'a> {
    fn see(&mut self, error: f64, key: &'a str) {
        if beyond(error, self.error) {
            *self = Self { error, key };
        }
    }
}

/// Runs one case in double and in single precision and compares both; writes our values to `dump` in the reference's layout.
pub(super) fn replay(folder: &Path, name: &str, dump: Option<&Path>) -> Result<Case> {
    let input = Input::read(folder)?;
    let expected = Expected::read(folder, &input)?;
    let ours = run::run::<f64>(&input)?;
    if let Some(dump) = dump {
        write(folder, dump, &expected, &ours)?;
    }
    let single = run::run::<f32>(&input)?;
    let mut notes = Vec::new();
    let [mut forward, mut gradient, mut forward_f32, mut gradient_f32] = [Worst::default(); 4];
    for (key, reference) in &expected.arrays {
        let (Some(got), Some(got_f32)) = (ours.get(key.as_str()), single.get(key.as_str())) else {
            notes.push(format!("`{key}` is not known"));
            continue;
        };
        if key.starts_with("grad_") {
            gradient.see(relative(got, reference, 0.0), key);
            gradient_f32.see(relative(got_f32, reference, 0.0), key);
        } else {
            let error = largest(got, reference);
            forward.see(error, key);
            forward_f32.see(relative(got_f32, reference, 1.0), key);
            if beyond(error, FORWARD) {
                notes.push(format!("{key} deviates by {error:.1e}"));
            }
        }
    }
    if beyond(gradient.error, GRADIENT) {
        notes.push(format!("{} deviates by {:.1e} of its largest element", gradient.key, gradient.error));
    }
    for worst in [forward_f32, gradient_f32] {
        if beyond(worst.error, SINGLE) {
            notes.push(format!("in f32 {} deviates by {:.1e}, beyond {SINGLE:e}", worst.key, worst.error));
        }
    }
    let pass = notes.is_empty();
    let place = |w: &Worst<'_>| if w.key.is_empty() { String::new() } else { format!(" ({})", w.key) };
    notes.push(format!(
        "gradients within {:.1e}; in f32 forward within {:.1e}{}, gradients within {:.1e}{}",
        gradient.error,
        forward_f32.error,
        place(&forward_f32),
        gradient_f32.error,
        place(&gradient_f32)
    ));
    let spiking = input.spec.variant != "nonspiking";
    let spikes = |values: &Array| spiking.then(|| values.to_f64().iter().filter(|s| **s != 0.0).count() as u64);
    let (reference, got) = (&expected.arrays["spikes"], &ours["spikes"]);
    Ok(Case {
        name: name.to_string(),
        pass,
        max_abs_error: forward.error.is_finite().then_some(forward.error),
        unit: "1",
        spikes_expected: spikes(reference),
        spikes_got: spikes(got),
        max_spike_shift_ms: if spiking { shift(reference, got, &input).map(|s| s as f64 * input.spec.dt_ms) } else { None },
        note: notes.join("; "),
        ..Case::default()
    })
}

fn largest(got: &Array, expected: &Array) -> f64 {
    apart(&got.to_f64(), &expected.to_f64())
}

/// Largest deviation in units of the reference's largest element, or of `least` if that is larger; a reference of zeros is compared
/// as it is.
fn relative(got: &Array, expected: &Array, least: f64) -> f64 {
    let scale = scale(&expected.to_f64(), least);
    largest(got, expected) / if scale > 0.0 { scale } else { 1.0 }
}

/// Largest distance in steps of the k-th spikes of each neuron and sample; `None` where their numbers differ.
fn shift(expected: &Array, got: &Array, input: &Input) -> Option<usize> {
    let (expected, got) = (expected.to_f64(), got.to_f64());
    let mut worst = 0;
    for b in 0..input.batch {
        for i in 0..input.neurons {
            let times = |values: &[f64]| -> Vec<usize> {
                (0..input.steps).filter(|t| values[(b * input.steps + t) * input.neurons + i] != 0.0).collect()
            };
            let (a, b) = (times(&expected), times(&got));
            if a.len() != b.len() {
                return None;
            }
            worst = a.iter().zip(&b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0).max(worst);
        }
    }
    Some(worst)
}

/// The reference's `expected.npz` with our values, beside copies of its other files.
fn write(folder: &Path, dump: &Path, expected: &Expected, ours: &BTreeMap<&'static str, Array>) -> Result<()> {
    std::fs::create_dir_all(dump).map_err(|e| UserError::cannot_write(dump, &e))?;
    for file in ["case.json", "input.npz"] {
        let from = folder.join(file);
        let bytes = std::fs::read(&from).map_err(|e| UserError::cannot_read(&from, &e))?;
        AtomicFile::write(&dump.join(file), &bytes)?;
    }
    let mut arrays = Vec::new();
    for key in expected.order.iter().filter(|k| ours.contains_key(k.as_str())) {
        arrays.push((key.as_str(), ours[key.as_str()].in_type_of(&expected.arrays[key])));
    }
    write_npz(&dump.join("expected.npz"), arrays.iter().map(|(name, array)| (*name, array)))
}
