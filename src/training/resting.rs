//! A network at rest: input neurons at their spontaneous rate, no odour.
//!
//! Populations that fire without end, or never, whatever is shown, carry nothing; start values that make them so are best seen
//! before any training.

use candle_core::{DType, WithDType};
use kenyon_base::{Result, Streams};
use kenyon_datasets::Batch;
use kenyon_neurons::point::Real;
use rand::Rng;

use super::model::Model;
use crate::analysis::ActivityReport;
use crate::network::parameters::internal;

/// Samples that are looked at.
const SAMPLES: usize = 4;

/// Activity at rest.
///
/// # Errors
/// A value that is not finite.
pub fn at_rest<F: Real + WithDType>(
    model: &Model<F>,
    steps: usize,
    dt_ms: f64,
    spontaneous_hz: f64,
    seed: u64,
) -> Result<ActivityReport> {
    let batch = spontaneous(model.network.input_ids.len(), steps, spontaneous_hz * dt_ms * 1e-3, seed, SAMPLES);
    let pass = model.run(&batch, false, (seed, u64::MAX))?;
    let counts = || pass.counts.sum(0)?.to_dtype(DType::F64)?.to_vec1::<f64>();
    let counts = counts().map_err(internal)?;
    Ok(ActivityReport::at_rest(&counts, SAMPLES as u64, steps as f64 * dt_ms, &model.network.watched()))
}

/// Samples in which every input fires with `probability` per step.
pub(super) fn spontaneous(inputs: usize, steps: usize, probability: f64, seed: u64, samples: usize) -> Batch {
    let mut random = Streams::new(seed).stream("training/rest");
    let mut batch = Batch { steps, ptr: vec![0], ..Batch::default() };
    for sample in 0..samples as u32 {
        for _ in 0..steps {
            batch.idx.extend((0..inputs as u32).filter(|_| random.random::<f64>() < probability));
            batch.ptr.push(batch.idx.len() as u32);
        }
        batch.samples.push(sample);
        batch.labels.push(0);
        batch.durations.push(0);
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_at_rest_fire_at_their_rate_and_the_same_each_time() {
        let batch = spontaneous(50, 400, 0.008, 3, SAMPLES);
        assert_eq!((batch.len(), batch.ptr.len()), (SAMPLES, SAMPLES * 400 + 1));
        let expected = 0.008 * 50.0 * 400.0 * SAMPLES as f64;
        assert!((batch.idx.len() as f64 - expected).abs() < 5.0 * expected.sqrt(), "{} for {expected}", batch.idx.len());
        assert_eq!(batch, spontaneous(50, 400, 0.008, 3, SAMPLES));
    }
}
