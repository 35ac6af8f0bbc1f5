//! The time loop of a sparse spiking network and its gradient, fused.
//!
//! One loop over time advances all neurons, with the batch as the innermost axis; only synapses of neurons that spike are
//! visited. The backward pass is written by hand: it runs back through the stored potentials, gathers the gradient of each
//! spike over stored synapses, and adds to a synapse's gradient only where its sender spiked.
//!
//! Per step t = 0..T, with `drive = sum of syn over channels - I_c`:
//!
//! ```text
//! s_t       = mem_t > threshold
//! mem_{t+1} = reset where s_t, else the model's advance of mem_t under drive_t
//! syn_{t+1} = (1 - syn_loss) syn_t + x_t W1 + s_t V + sigma N(0, 1)
//! f_{t+1}   = (1 - out_syn_loss) f_t + s_t W2
//! out_{t+1} = out_t + out_rise (f_t - out_t)
//! ```
//!
//! The engine takes what is lost in a step, 1 - exp(-dt / tau), rather than the decay: that is close to 1, and its rounding to single
//! precision would be felt forty times in 1 - decay at a time constant of 40 steps.
//!
//! with `mem_0 = reset`, everything else 0: an input at step t can make a spike at t + 2 at the earliest. A neuron with an
//! extra delay d reaches syn at t + 1 + d. Where neurons inhibit inputs ([`presynaptic`]), `x_t` counts less than 1.
//!
//! | module | owns |
//! |---|---|
//! | [`topology`] | [`Topology`], [`Csr`]: who is connected; [`Layout`], [`Segment`]: the flat vector of effective parameters |
//! | [`spec`] | [`EngineSpec`]: model, steps, surrogate, what is detached, checkpoints, noise, what is recorded |
//! | [`events`] | [`Events`]: input spikes of a batch |
//! | [`presynaptic`] | [`Presynaptic`]: inhibition of the inputs' terminals |
//! | [`output`] | [`Output`], [`OutputGradients`], [`Gradients`] and their packed forms |
//! | [`op`] | [`SpikingOp`]: the engine as a candle operation |
//! | [`fault`] | [`Fault`]: the first value that is not a number, by tensor and step |
//!
//! **The same bits at any number of threads**: the batch is cut into chunks of a fixed number of lanes, chunks are dealt
//! to a fixed number of groups, and groups are added in their order. No fused multiply-add is used, so that instruction
//! sets give the same bits too.

#![allow(
    clippy::inline_always,
    reason = "kernels are compiled anew inside each instruction set's dispatch, which they reach only by inlining"
)]
#![allow(clippy::needless_range_loop, reason = "a lane or channel number indexes several vectors at once")]

mod backward;
mod chunk;
mod forward;
mod noise;
mod readout;
mod tape;

pub mod events;
pub mod fault;
pub mod op;
pub mod output;
pub mod presynaptic;
pub mod spec;
pub mod topology;

use std::sync::{Arc, Mutex, PoisonError};

use kenyon_base::Result;
use kenyon_neurons::point::Real;
use rayon::prelude::*;

pub use events::{Events, noise_key};
pub use fault::Fault;
pub use op::{Spiking, SpikingOp, spiking};
pub use output::{Gradients, Output, OutputGradients, OutputLayout};
pub use presynaptic::Presynaptic;
pub use spec::{Checkpoint, EngineSpec, GradMask, Record};
pub use tape::Tape;
pub use topology::{Csr, Layout, Segment, Topology};

use chunk::{Net, Params};
use tape::{ChunkTape, Pool};

/// Groups that chunks are dealt to in the backward pass; each has gradient buffers of its own.
const GROUPS: usize = 8;

/// A network of point neurons ready to run forward and backward on batches.
///
/// `F` is `f32` for training and `f64` for parity and gradient checks. The parameters are no part of it: each call takes the
/// flat vector of effective parameters (see [`Layout`]) and the readout matrix `W2`.
#[derive(Debug)]
pub struct Engine<F: Real> {
    topology: Arc<Topology>,
    spec: EngineSpec,
    layout: Layout,
    plan: chunk::Plan,
    pool: Arc<Pool<F>>,
    fault: Mutex<Option<Fault>>,
}

impl<F: Real> Engine<F> {
    /// Builds the engine of a network.
    ///
    /// # Errors
    /// If indices of the topology or settings of the specification are out of range.
    pub fn new(topology: impl Into<Arc<Topology>>, spec: EngineSpec) -> Result<Self> {
        let topology = topology.into();
        topology.check()?;
        spec.check(&topology)?;
        let (layout, plan) = (Layout::of(&topology), chunk::Plan::of(&topology));
        Ok(Self { topology, spec, layout, plan, pool: Arc::default(), fault: Mutex::default() })
    }

    /// The same network under other settings; buffers are shared.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_spec(&self, spec: EngineSpec) -> Result<Self> {
        spec.check(&self.topology)?;
        Ok(Self {
            topology: Arc::clone(&self.topology),
            spec,
            layout: self.layout.clone(),
            plan: self.plan.clone(),
            pool: Arc::clone(&self.pool),
            fault: Mutex::default(),
        })
    }

    /// The fault behind an error of the candle operation, once.
    pub fn take_fault(&self) -> Option<Fault> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps a fault for [`take_fault`](Self::take_fault): candle's errors carry only text.
    fn report(&self, fault: Fault) -> candle_core::Error {
        let error = candle_core::Error::msg(&fault);
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
        error
    }

    /// The connections.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The settings.
    pub fn spec(&self) -> &EngineSpec {
        &self.spec
    }

    /// Where each effective parameter stands in the flat vector.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Shapes of the outputs for a batch of this size.
    pub fn output_layout(&self, batch: usize) -> OutputLayout {
        OutputLayout::of(&self.topology, &self.spec, batch)
    }

    /// Runs a batch; with `record`, also returns what the backward pass needs.
    ///
    /// # Shapes
    /// `effective` [`Layout::len`], `w2` [readout, outputs].
    ///
    /// # Errors
    /// The first value that is not a number.
    ///
    /// # Panics
    /// If a slice has the wrong length: shapes are the caller's own.
    pub fn forward(
        &self,
        effective: &[F],
        w2: &[F],
        events: &Events,
        record: bool,
    ) -> std::result::Result<(Output<F>, Option<Tape<F>>), Fault> {
        let net = self.net(effective, w2, events);
        net.params.check()?;
        let threads = rayon::current_num_threads();
        let lanes = if record { chunk::lanes(events.batch()) } else { chunk::inference_lanes(events.batch(), threads) };
        let chunks = events.batch().div_ceil(lanes);
        let done: Vec<_> = (0..chunks).into_par_iter().map(|chunk| forward::run(&net, chunk, lanes, record)).collect();
        if let Some(fault) = done.iter().filter_map(|d| d.fault.clone()).min_by_key(|f| f.step) {
            return Err(fault);
        }
        let mut output = Output::zeros(&self.output_layout(events.batch()));
        let mut tapes = Vec::with_capacity(chunks);
        for (chunk, part) in done.into_iter().enumerate() {
            output.place(&part.output, chunk * lanes);
            tapes.push(part.tape);
        }
        Ok((output, record.then(|| Tape { chunks: tapes, lanes, pool: Arc::clone(&self.pool) })))
    }

    /// Gradients of a loss by the parameters, from its gradients by the outputs.
    ///
    /// Takes the parameters and events of the forward pass that made the tape.
    ///
    /// # Errors
    /// The first gradient that is not a number.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn backward(
        &self,
        effective: &[F],
        w2: &[F],
        events: &Events,
        tape: &Tape<F>,
        output: &OutputGradients<'_, F>,
    ) -> std::result::Result<Gradients<F>, Fault> {
        let net = self.net(effective, w2, events);
        output.check(&self.output_layout(events.batch()));
        let groups = tape.chunks.len().min(GROUPS);
        let parts: Vec<_> = (0..groups)
            .into_par_iter()
            .map(|group| {
                let mut sum = Gradients::zeros(self.layout.len(), w2.len());
                let mine = tape.chunks.iter().enumerate().skip(group).step_by(groups);
                let fault = mine.map(|(c, t): (usize, &ChunkTape<F>)| backward::run(&net, c, tape.lanes, t, output, &mut sum));
                let fault = fault.filter_map(std::result::Result::err).max_by_key(|f| f.step);
                (sum, fault)
            })
            .collect();
        // The backward pass meets the latest step first.
        if let Some(fault) = parts.iter().filter_map(|(_, fault)| fault.clone()).max_by_key(|f| f.step) {
            return Err(fault);
        }
        let mut parts = parts.into_iter().map(|(sum, _)| sum);
        let mut total = parts.next().unwrap_or_else(|| Gradients::zeros(self.layout.len(), w2.len()));
        for part in parts {
            total.add(&part);
        }
        total.check(&self.layout)?;
        Ok(total)
    }

    fn net<'a>(&'a self, effective: &'a [F], w2: &'a [F], events: &'a Events) -> Net<'a, F> {
        assert_eq!(w2.len(), self.topology.readout.len() * self.topology.outputs, "shape of W2");
        assert_eq!(events.steps(), self.spec.steps, "steps of the events");
        Net {
            topology: &self.topology,
            spec: &self.spec,
            plan: &self.plan,
            params: Params::of(&self.layout, effective, w2),
            events,
            pool: &self.pool,
        }
    }
}

#[cfg(test)]
mod tests;
