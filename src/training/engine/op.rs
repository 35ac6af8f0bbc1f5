//! The engine as a candle operation.
//!
//! candle's operations return one tensor, so that readout trace, counts and traces come back packed in one vector;
//! [`Spiking`] gives its parts. What the backward pass needs stays inside the operation (candle would otherwise keep it as
//! tensors), and is given back when the graph is dropped.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Storage, Tensor, WithDType, bail};
use kenyon_neurons::point::Real;

use super::{Engine, Events, OutputGradients, OutputLayout, Tape};

/// One batch through the engine, as a candle operation on (effective parameters, W2).
#[derive(Debug)]
pub struct SpikingOp<F: Real> {
    engine: Arc<Engine<F>>,
    events: Arc<Events>,
    record: bool,
    tape: Mutex<Option<Tape<F>>>,
}

/// What a batch puts out, as tensors.
#[derive(Debug, Clone)]
pub struct Spiking {
    packed: Tensor,
    layout: OutputLayout,
}

/// Runs a batch; gradients flow to both tensors where `record` is set.
///
/// # Shapes
/// `effective` [[`super::Layout::len`]], `w2` [K, C].
///
/// # Errors
/// If shapes or types do not fit, or a value is not a number: then [`Engine::take_fault`] says which.
pub fn spiking<F: Real + WithDType>(
    engine: &Arc<Engine<F>>,
    events: &Arc<Events>,
    effective: &Tensor,
    w2: &Tensor,
    record: bool,
) -> Result<Spiking> {
    let (rows, outputs) = w2.dims2()?;
    let topology = engine.topology();
    if effective.dims1()? != engine.layout().len() || rows != topology.readout.len() || outputs != topology.outputs {
        bail!("effective parameters {:?} and readout {:?} do not fit the network", effective.shape(), w2.shape());
    }
    if events.steps() != engine.spec().steps {
        bail!("events of {} steps in an engine of {}", events.steps(), engine.spec().steps);
    }
    let op = SpikingOp { engine: Arc::clone(engine), events: Arc::clone(events), record, tape: Mutex::default() };
    let packed = effective.contiguous()?.apply_op2(&w2.contiguous()?, op)?;
    Ok(Spiking { packed, layout: engine.output_layout(events.batch()) })
}

impl Spiking {
    /// Shapes.
    pub fn layout(&self) -> &OutputLayout {
        &self.layout
    }

    /// Readout trace [T + 1, B, C]; row 0 is 0.
    pub fn out(&self) -> Result<Tensor> {
        let l = &self.layout;
        self.part(l.out())?.reshape((l.steps + 1, l.batch, l.outputs))
    }

    /// Spikes of each neuron summed over time [B, N].
    pub fn counts(&self) -> Result<Tensor> {
        self.part(self.layout.counts())?.reshape((self.layout.batch, self.layout.neurons))
    }

    /// Potentials of the recorded neurons [T, B, H].
    pub fn mem(&self) -> Result<Tensor> {
        let l = &self.layout;
        self.part(l.mem())?.reshape((l.steps, l.batch, l.mem_neurons))
    }

    /// Spikes of the recorded neurons [T, B, H].
    pub fn spikes(&self) -> Result<Tensor> {
        let l = &self.layout;
        self.part(l.spikes())?.reshape((l.steps, l.batch, l.spike_neurons))
    }

    fn part(&self, range: Range<usize>) -> Result<Tensor> {
        self.packed.narrow(0, range.start, range.len())
    }
}

fn slice<'a, F: WithDType>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [F]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&F::cpu_storage_as_slice(storage)?[start..end]),
        None => bail!("the engine takes contiguous tensors"),
    }
}

/// Calls `f` with the numbers of a contiguous tensor.
fn with_slice<F: WithDType, R>(tensor: &Tensor, f: impl FnOnce(&[F]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(slice(storage, layout)?),
        _ => bail!("the engine runs on the CPU"),
    }
}

impl<F: Real> SpikingOp<F> {
    fn tape(&self) -> MutexGuard<'_, Option<Tape<F>>> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Real + WithDType> CustomOp2 for SpikingOp<F> {
    fn name(&self) -> &'static str {
        "spiking"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let result = self.engine.forward(slice::<F>(s1, l1)?, slice::<F>(s2, l2)?, &self.events, self.record);
        let (output, tape) = result.map_err(|fault| self.engine.report(fault))?;
        *self.tape() = tape;
        let packed = output.into_packed();
        let shape = Shape::from(packed.len());
        Ok((F::to_cpu_storage_owned(packed), shape))
    }

    fn bwd(&self, effective: &Tensor, w2: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let tape = self.tape();
        let Some(tape) = tape.as_ref() else { bail!("the batch was run without recording") };
        let layout = self.engine.output_layout(self.events.batch());
        let grad = grad.contiguous()?;
        let gradients = with_slice::<F, _>(effective, |effective| {
            with_slice::<F, _>(w2, |w2| {
                with_slice::<F, _>(&grad, |grad| {
                    let output = OutputGradients::unpack(&layout, grad);
                    let done = self.engine.backward(effective, w2, &self.events, tape, &output);
                    done.map_err(|fault| self.engine.report(fault))
                })
            })
        })?;
        let device = effective.device();
        let by_effective = Tensor::from_vec(gradients.effective, effective.shape(), device)?;
        let by_w2 = self.engine.spec().gradients.w2.then(|| Tensor::from_vec(gradients.w2, w2.shape(), device)).transpose()?;
        Ok((Some(by_effective), by_w2))
    }
}
