//! What a network did, sample by sample: readout rows and spikes.

use candle_core::{DType, Tensor, WithDType};
use kenyon_base::Result;
use kenyon_datasets::Batch;
use kenyon_neurons::point::Real;

use super::model::Model;
use crate::network::parameters::internal;

/// One sample as the network saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Readout: rows `out_0` to `out_T`, columns of classes.
    pub out: Vec<f64>,
    /// Spikes of hidden neurons as (step, neuron), sorted.
    pub spikes: Vec<(u32, u32)>,
}

impl<F: Real + WithDType> Model<F> {
    /// Runs a batch and returns what each of its samples did.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn sample_traces(&self, batch: &Batch) -> Result<Vec<Trace>> {
        let done = self.recorded(batch)?.1;
        let of_sample = |tensor: &Tensor, b: usize| -> candle_core::Result<Vec<Vec<f64>>> {
            tensor.narrow(1, b, 1)?.squeeze(1)?.to_dtype(DType::F64)?.to_vec2()
        };
        let (out, spikes) = done.out().and_then(|out| Ok((out, done.spikes()?))).map_err(internal)?;
        let trace = |b: usize| -> candle_core::Result<Trace> {
            let rows = of_sample(&spikes, b)?;
            let spikes = rows.iter().enumerate().flat_map(|(t, row)| {
                row.iter().enumerate().filter(|(_, s)| **s > 0.0).map(move |(neuron, _)| (t as u32, neuron as u32))
            });
            Ok(Trace { out: of_sample(&out, b)?.concat(), spikes: spikes.collect() })
        };
        (0..batch.len()).map(|b| trace(b).map_err(internal)).collect()
    }
}
