//! What the forward pass leaves for the backward pass.

use std::sync::{Arc, Mutex, PoisonError};

use kenyon_neurons::point::Real;

use super::chunk::Aligned;
use super::presynaptic::Factors;

/// Large buffers for reuse: a training step would otherwise ask the system for its pages anew each time.
#[derive(Debug)]
pub(super) struct Pool<F>(Mutex<Vec<Vec<F>>>);

impl<F> Default for Pool<F> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<F: Real> Pool<F> {
    /// A buffer with arbitrary contents.
    pub(super) fn take(&self, len: usize) -> Aligned<F> {
        if len == 0 {
            return Aligned::within(Vec::new(), 0, false);
        }
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let best = (0..free.len()).filter(|i| free[*i].len() >= len).min_by_key(|i| free[*i].len());
        let data = best.map(|i| free.swap_remove(i)).unwrap_or_default();
        drop(free);
        Aligned::within(data, len, false)
    }

    pub(super) fn give_back(&self, buffer: Aligned<F>) {
        let data = buffer.into_inner();
        if !data.is_empty() {
            let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // A buffer that is too small for the present work is never asked for again: keep the larger ones.
            free.push(data);
            free.sort_by_key(|b| std::cmp::Reverse(b.len()));
            free.truncate(KEPT);
        }
    }
}

/// Buffers kept for reuse.
const KEPT: usize = 32;

/// Spikes of one step: the neurons that spike in any lane, ascending, with a bit for each lane.
#[derive(Debug, Clone, Default)]
struct StepSpikes {
    neuron: Box<[u32]>,
    mask: Box<[u16]>,
}

/// Spikes of one chunk, step by step; memory is what the spikes need and no more.
#[derive(Debug, Clone, Default)]
pub(super) struct SpikeList {
    steps: Vec<StepSpikes>,
    neuron: Vec<u32>,
    mask: Vec<u16>,
}

impl SpikeList {
    #[inline(always)]
    pub(super) fn push(&mut self, neuron: usize, mask: u16) {
        self.neuron.push(neuron as u32);
        self.mask.push(mask);
    }

    /// Closes the step that was pushed to.
    pub(super) fn end_step(&mut self) {
        self.steps.push(StepSpikes { neuron: self.neuron.as_slice().into(), mask: self.mask.as_slice().into() });
        self.neuron.clear();
        self.mask.clear();
    }

    /// Neurons and lane masks of step `t`.
    #[inline(always)]
    pub(super) fn at(&self, t: usize) -> (&[u32], &[u16]) {
        let step = &self.steps[t];
        (&step.neuron, &step.mask)
    }

    /// Forgets the spikes of step `t`.
    pub(super) fn forget(&mut self, t: usize) {
        self.steps[t] = StepSpikes::default();
    }
}

/// The tape of one chunk.
#[derive(Debug)]
pub(super) struct ChunkTape<F> {
    pub(super) spikes: SpikeList,
    /// Potentials [T + 1, N, L]; empty with checkpoints.
    pub(super) mem: Aligned<F>,
    /// Synaptic states [T, channels, N, L], where they are needed and there are no checkpoints.
    pub(super) syn: Aligned<F>,
    /// States at the start of each segment of steps; empty without checkpoints.
    pub(super) checkpoints: Vec<State<F>>,
    /// The readout's synapse `f_t` and membrane `o_t` [T, L, C], where the gradients of its decays are wanted.
    pub(super) readout: Option<[Vec<F>; 2]>,
    /// Factor of each input spike, where there is presynaptic inhibition.
    pub(super) factors: Option<Factors<F>>,
}

/// Hidden state of one chunk at the start of a step.
#[derive(Debug)]
pub(super) struct State<F> {
    /// [N, L].
    pub(super) mem: Aligned<F>,
    /// [channels, N, L].
    pub(super) syn: Aligned<F>,
    /// Activity of the last steps [max delay + 1, N, L], where neurons transmit numbers: step t in slot t mod (delay + 1).
    pub(super) sent: Aligned<F>,
}

impl<F: Real> State<F> {
    pub(super) fn copy(&self) -> Self {
        let copy = |from: &Aligned<F>| {
            let mut to = Aligned::zeros(from.len());
            to.copy_from_slice(from);
            to
        };
        Self { mem: copy(&self.mem), syn: copy(&self.syn), sent: copy(&self.sent) }
    }
}

/// What the backward pass needs of a forward pass.
#[derive(Debug)]
pub struct Tape<F: Real> {
    pub(super) chunks: Vec<ChunkTape<F>>,
    pub(super) lanes: usize,
    pub(super) pool: Arc<Pool<F>>,
}

impl<F: Real> Tape<F> {
    /// Numbers that are kept of potentials, synaptic states and readout; spikes are lists beside them.
    pub fn numbers(&self) -> usize {
        let state = |s: &State<F>| s.mem.len() + s.syn.len() + s.sent.len();
        let chunk = |c: &ChunkTape<F>| {
            let readout = c.readout.as_ref().map_or(0, |[f, o]| f.len() + o.len());
            c.mem.len() + c.syn.len() + c.checkpoints.iter().map(state).sum::<usize>() + readout
        };
        self.chunks.iter().map(chunk).sum()
    }
}

impl<F: Real> Drop for Tape<F> {
    fn drop(&mut self) {
        for chunk in &mut self.chunks {
            self.pool.give_back(std::mem::take(&mut chunk.mem));
            self.pool.give_back(std::mem::take(&mut chunk.syn));
        }
    }
}
