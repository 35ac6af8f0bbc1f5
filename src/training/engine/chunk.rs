//! A chunk of a batch: a fixed number of samples side by side, the innermost axis of every state.

use std::ops::{Deref, DerefMut};

use kenyon_neurons::point::Real;

use super::events::Events;
use super::fault::Fault;
use super::spec::EngineSpec;
use super::tape::Pool;
use super::topology::{Layout, Segment, Topology};

/// Samples in a chunk; depends on the batch alone, so that results do not depend on the machine.
///
/// Small batches give chunks of 8, so that a batch of 16 is work for two threads.
pub(super) const fn lanes(batch: usize) -> usize {
    if batch > 16 { 16 } else { 8 }
}

/// Samples in a chunk where no gradient is wanted: no sum runs over samples then, and the width changes no bit.
///
/// Wide chunks visit a synapse once for more samples; narrow ones are work for more threads.
pub(super) fn inference_lanes(batch: usize, threads: usize) -> usize {
    if batch > 8 && batch.div_ceil(16) >= threads { 16 } else { lanes(batch) }
}

/// No row of the readout.
pub(super) const NOT_READ: u32 = u32::MAX;

/// What is derived from the topology once.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Row of W2 of each neuron, or [`NOT_READ`].
    pub(super) readout_row: Vec<u32>,
    /// The delays that occur, ascending; `[0]` without extra delays.
    pub(super) delays: Vec<u16>,
}

impl Plan {
    pub(super) fn of(topology: &Topology) -> Self {
        let mut readout_row = vec![NOT_READ; topology.neurons];
        for (row, neuron) in topology.readout.iter().enumerate() {
            readout_row[*neuron as usize] = row as u32;
        }
        let mut delays = topology.delay.clone().filter(|d| !d.is_empty()).unwrap_or_else(|| vec![0]);
        delays.sort_unstable();
        delays.dedup();
        Self { readout_row, delays }
    }

    pub(super) fn max_delay(&self) -> usize {
        self.delays.last().map_or(0, |d| usize::from(*d))
    }
}

/// The effective parameters by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Params<'a, F> {
    pub(super) i_c: &'a [F],
    pub(super) rise: &'a [F],
    pub(super) syn_loss: &'a [F],
    pub(super) threshold: &'a [F],
    pub(super) reset: &'a [F],
    pub(super) out_syn_loss: F,
    pub(super) out_rise: F,
    pub(super) w1: &'a [F],
    pub(super) v: &'a [F],
    pub(super) w2: &'a [F],
}

impl<'a, F: Real> Params<'a, F> {
    pub(super) fn of(layout: &Layout, effective: &'a [F], w2: &'a [F]) -> Self {
        assert_eq!(effective.len(), layout.len(), "length of the effective parameters");
        let part = |segment| &effective[layout.range(segment)];
        Self {
            i_c: part(Segment::IC),
            rise: part(Segment::Rise),
            syn_loss: part(Segment::SynLoss),
            threshold: part(Segment::Threshold),
            reset: part(Segment::Reset),
            out_syn_loss: part(Segment::OutSynLoss)[0],
            out_rise: part(Segment::OutRise)[0],
            w1: part(Segment::W1),
            v: part(Segment::V),
            w2,
        }
    }

    /// The first parameter that is not a number.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let (out_syn_loss, out_rise) = ([self.out_syn_loss], [self.out_rise]);
        let parts = [
            (Segment::IC.name(), self.i_c),
            (Segment::Rise.name(), self.rise),
            (Segment::SynLoss.name(), self.syn_loss),
            (Segment::Threshold.name(), self.threshold),
            (Segment::Reset.name(), self.reset),
            (Segment::OutSynLoss.name(), &out_syn_loss),
            (Segment::OutRise.name(), &out_rise),
            (Segment::W1.name(), self.w1),
            (Segment::V.name(), self.v),
            ("w2", self.w2),
        ];
        for (name, values) in parts {
            if let Some(index) = values.iter().position(|x| !x.is_finite()) {
                return Err(Fault::in_tensor(name, index));
            }
        }
        Ok(())
    }
}

/// A network, its parameters and a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Net<'a, F: Real> {
    pub(super) topology: &'a Topology,
    pub(super) spec: &'a EngineSpec,
    pub(super) plan: &'a Plan,
    pub(super) params: Params<'a, F>,
    pub(super) events: &'a Events,
    pub(super) pool: &'a Pool<F>,
}

impl<F: Real> Net<'_, F> {
    #[inline(always)]
    pub(super) fn channel_of_input(&self, input: usize) -> usize {
        self.topology.channel_of_input.get(input).map_or(0, |c| usize::from(*c))
    }

    #[inline(always)]
    pub(super) fn channel_of_neuron(&self, neuron: usize) -> usize {
        self.topology.channel_of_neuron.get(neuron).map_or(0, |c| usize::from(*c))
    }

    #[inline(always)]
    pub(super) fn delay(&self, neuron: usize) -> usize {
        self.topology.delay.as_ref().and_then(|d| d.get(neuron)).map_or(0, |d| usize::from(*d))
    }

    /// Numbers of one synaptic state: channels x neurons.
    pub(super) fn syn_len(&self) -> usize {
        self.topology.channels * self.topology.neurons
    }

    /// Samples of chunk `chunk` that exist; the remaining lanes run without input and put nothing out.
    pub(super) fn samples(&self, chunk: usize, lanes: usize) -> usize {
        (self.events.batch() - chunk * lanes).min(lanes)
    }
}

/// Numbers whose first stands at a multiple of 64 bytes, so that no lane vector crosses a cache line.
#[derive(Debug, Default)]
pub(super) struct Aligned<F> {
    data: Vec<F>,
    start: usize,
    len: usize,
}

const LINE_BYTES: usize = 64;

impl<F: Real> Aligned<F> {
    pub(super) fn zeros(len: usize) -> Self {
        Self::within(Vec::new(), len, true)
    }

    /// Uses the memory of `data`; what stands in it stays, unless it is too small.
    pub(super) fn within(mut data: Vec<F>, len: usize, clear: bool) -> Self {
        let spare = LINE_BYTES / size_of::<F>();
        if data.len() < len + spare {
            // Zeros made in one go get their pages when they are first touched.
            data = vec![F::ZERO; len + spare];
        } else if clear {
            data.fill(F::ZERO);
        }
        // Where alignment cannot be had, speed is lost and nothing else.
        let start = data.as_ptr().align_offset(LINE_BYTES).min(spare);
        Self { data, start, len }
    }

    pub(super) fn into_inner(self) -> Vec<F> {
        self.data
    }

    /// As lane vectors.
    #[inline(always)]
    pub(super) fn lanes<const L: usize>(&self) -> &[[F; L]] {
        self.as_chunks::<L>().0
    }

    /// As lane vectors.
    #[inline(always)]
    pub(super) fn lanes_mut<const L: usize>(&mut self) -> &mut [[F; L]] {
        self.as_chunks_mut::<L>().0
    }
}

impl<F> Deref for Aligned<F> {
    type Target = [F];

    #[inline(always)]
    fn deref(&self) -> &[F] {
        &self.data[self.start..self.start + self.len]
    }
}

impl<F> DerefMut for Aligned<F> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [F] {
        &mut self.data[self.start..self.start + self.len]
    }
}

/// Lane vector of 0 and 1 from the bits of a mask.
#[inline(always)]
pub(super) fn from_mask<F: Real, const L: usize>(mask: u16) -> [F; L] {
    let mut out = [F::ZERO; L];
    for (l, x) in out.iter_mut().enumerate() {
        *x = if mask >> l & 1 == 1 { F::ONE } else { F::ZERO };
    }
    out
}

/// `y += w x`, lane by lane.
#[inline(always)]
pub(super) fn add_scaled<F: Real, const L: usize>(y: &mut [F; L], w: F, x: &[F; L]) {
    for l in 0..L {
        y[l] += w * x[l];
    }
}

/// Whether every one of the first `samples` lanes is zero; a probe that summed `x * 0` is, unless an x is not finite.
#[inline(always)]
pub(super) fn clean<F: Real, const L: usize>(probe: &[F; L], samples: usize) -> bool {
    probe[..samples].iter().all(|p| *p == F::ZERO)
}
