//! What a batch puts out, the gradients of it, and the gradients of the parameters.

use std::ops::Range;

use kenyon_neurons::point::Real;

use super::fault::Fault;
use super::spec::EngineSpec;
use super::topology::{Layout, Segment, Topology};

/// Shapes of the outputs, and where each stands in the packed vector: out, counts, mem, spikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLayout {
    /// Samples, B.
    pub batch: usize,
    /// Steps, T.
    pub steps: usize,
    /// Outputs, C.
    pub outputs: usize,
    /// Neurons, N.
    pub neurons: usize,
    /// Recorded neurons whose potentials are put out, or 0.
    pub mem_neurons: usize,
    /// Recorded neurons whose spikes are put out, or 0.
    pub spike_neurons: usize,
}

impl OutputLayout {
    pub(super) fn of(topology: &Topology, spec: &EngineSpec, batch: usize) -> Self {
        let recorded = spec.record.neurons.len();
        Self {
            batch,
            steps: spec.steps,
            outputs: topology.outputs,
            neurons: topology.neurons,
            mem_neurons: if spec.record.mem { recorded } else { 0 },
            spike_neurons: if spec.record.spikes { recorded } else { 0 },
        }
    }

    /// Readout trace [T + 1, B, C].
    pub fn out(&self) -> Range<usize> {
        0..(self.steps + 1) * self.batch * self.outputs
    }

    /// Spikes of each neuron summed over time [B, N].
    pub fn counts(&self) -> Range<usize> {
        let start = self.out().end;
        start..start + self.batch * self.neurons
    }

    /// Potentials of recorded neurons [T, B, H].
    pub fn mem(&self) -> Range<usize> {
        let start = self.counts().end;
        start..start + self.steps * self.batch * self.mem_neurons
    }

    /// Spikes of recorded neurons [T, B, H].
    pub fn spikes(&self) -> Range<usize> {
        let start = self.mem().end;
        start..start + self.steps * self.batch * self.spike_neurons
    }

    /// Length of the packed vector.
    pub fn len(&self) -> usize {
        self.spikes().end
    }

    /// Whether nothing is put out.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a batch puts out.
#[derive(Debug, Clone, PartialEq)]
pub struct Output<F> {
    layout: OutputLayout,
    packed: Vec<F>,
}

impl<F: Real> Output<F> {
    pub(super) fn zeros(layout: &OutputLayout) -> Self {
        Self { layout: *layout, packed: vec![F::ZERO; layout.len()] }
    }

    /// Shapes.
    pub fn layout(&self) -> &OutputLayout {
        &self.layout
    }

    /// Readout trace [T + 1, B, C]; row 0 is 0.
    pub fn out(&self) -> &[F] {
        &self.packed[self.layout.out()]
    }

    /// Spikes (or activity) of each neuron summed over time [B, N].
    pub fn counts(&self) -> &[F] {
        &self.packed[self.layout.counts()]
    }

    /// Potentials of the recorded neurons [T, B, H], before reset.
    pub fn mem(&self) -> &[F] {
        &self.packed[self.layout.mem()]
    }

    /// Spikes of the recorded neurons [T, B, H].
    pub fn spikes(&self) -> &[F] {
        &self.packed[self.layout.spikes()]
    }

    /// All of it as one vector.
    pub fn into_packed(self) -> Vec<F> {
        self.packed
    }

    /// The three traces for writing: out, counts, mem, spikes.
    pub(super) fn parts_mut(&mut self) -> [&mut [F]; 4] {
        let layout = self.layout;
        let (out, rest) = self.packed.split_at_mut(layout.out().end);
        let (counts, rest) = rest.split_at_mut(layout.counts().len());
        let (mem, spikes) = rest.split_at_mut(layout.mem().len());
        [out, counts, mem, spikes]
    }

    /// Puts the output of samples `first..` in its place.
    pub(super) fn place(&mut self, part: &Self, first: usize) {
        let l = self.layout;
        let (batch, samples) = (l.batch, part.layout.batch);
        let [out, counts, mem, spikes] = self.parts_mut();
        counts[first * l.neurons..(first + samples) * l.neurons].copy_from_slice(part.counts());
        for (to, from, width) in
            [(out, part.out(), l.outputs), (mem, part.mem(), l.mem_neurons), (spikes, part.spikes(), l.spike_neurons)]
        {
            if width == 0 {
                continue;
            }
            for (to, from) in to.chunks_exact_mut(batch * width).zip(from.chunks_exact(samples * width)) {
                to[first * width..(first + samples) * width].copy_from_slice(from);
            }
        }
    }
}

/// Gradients of a loss by the outputs; an empty slice is zero.
#[derive(Debug, Clone, Copy, Default)]
pub struct OutputGradients<'a, F> {
    /// By the readout trace [T + 1, B, C].
    pub out: &'a [F],
    /// By the spike counts [B, N].
    pub counts: &'a [F],
    /// By the recorded potentials [T, B, H].
    pub mem: &'a [F],
    /// By the recorded spikes [T, B, H].
    pub spikes: &'a [F],
}

impl<'a, F: Real> OutputGradients<'a, F> {
    /// The parts of a packed gradient.
    pub fn unpack(layout: &OutputLayout, packed: &'a [F]) -> Self {
        Self {
            out: &packed[layout.out()],
            counts: &packed[layout.counts()],
            mem: &packed[layout.mem()],
            spikes: &packed[layout.spikes()],
        }
    }

    pub(super) fn check(&self, layout: &OutputLayout) {
        let fits = |part: &[F], range: Range<usize>| part.is_empty() || part.len() == range.len();
        let all = fits(self.out, layout.out())
            && fits(self.counts, layout.counts())
            && fits(self.mem, layout.mem())
            && fits(self.spikes, layout.spikes());
        assert!(all, "shapes of the gradients");
    }
}

/// Gradients of a loss by the parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients<F> {
    /// By the effective parameters, in their layout.
    pub effective: Vec<F>,
    /// By the readout matrix [K, C].
    pub w2: Vec<F>,
}

impl<F: Real> Gradients<F> {
    pub(super) fn zeros(effective: usize, w2: usize) -> Self {
        Self { effective: vec![F::ZERO; effective], w2: vec![F::ZERO; w2] }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (sum, x) in self.effective.iter_mut().zip(&other.effective) {
            *sum += *x;
        }
        for (sum, x) in self.w2.iter_mut().zip(&other.w2) {
            *sum += *x;
        }
    }

    pub(super) fn check(&self, layout: &Layout) -> Result<(), Fault> {
        for segment in Segment::ALL {
            let bad = self.effective[layout.range(segment)].iter().position(|x| !x.is_finite());
            if let Some(index) = bad {
                return Err(Fault::in_tensor(format!("gradient of {}", segment.name()), index));
            }
        }
        match self.w2.iter().position(|x| !x.is_finite()) {
            None => Ok(()),
            Some(index) => Err(Fault::in_tensor("gradient of w2", index)),
        }
    }
}
