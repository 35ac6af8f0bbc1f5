//! Settings of the engine.

use kenyon_base::{Result, UserError};
use kenyon_neurons::point::{PointModel, Surrogate};

use super::topology::{Segment, Topology};

/// How the potentials reach the backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checkpoint {
    /// Every potential is kept: fastest, T x N x B numbers.
    #[default]
    All,
    /// States are kept every ceil(sqrt T) steps and the steps between are run again: about 1.3 times the time.
    Sqrt,
}

/// Which gradients the backward pass computes; the others come back as zeros.
///
/// That of `alpha` needs the synaptic states: with [`Checkpoint::All`] the memory doubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set with names")]
pub struct GradMask {
    /// Bias.
    pub i_c: bool,
    /// Rise, that is leak.
    pub leak: bool,
    /// Synaptic decays.
    pub alpha: bool,
    /// Threshold.
    pub threshold: bool,
    /// Reset.
    pub reset: bool,
    /// Decays of the readout.
    pub readout_decay: bool,
    /// Values of W1.
    pub w1: bool,
    /// Values of V.
    pub v: bool,
    /// The readout matrix.
    pub w2: bool,
}

impl GradMask {
    /// Every gradient.
    pub const ALL: Self = Self {
        i_c: true,
        leak: true,
        alpha: true,
        threshold: true,
        reset: true,
        readout_decay: true,
        w1: true,
        v: true,
        w2: true,
    };
    /// No gradient.
    pub const NONE: Self = Self {
        i_c: false,
        leak: false,
        alpha: false,
        threshold: false,
        reset: false,
        readout_decay: false,
        w1: false,
        v: false,
        w2: false,
    };

    /// Whether a segment's gradient is computed.
    pub const fn has(self, segment: Segment) -> bool {
        match segment {
            Segment::IC => self.i_c,
            Segment::Rise => self.leak,
            Segment::SynLoss => self.alpha,
            Segment::Threshold => self.threshold,
            Segment::Reset => self.reset,
            Segment::OutSynLoss | Segment::OutRise => self.readout_decay,
            Segment::W1 => self.w1,
            Segment::V => self.v,
        }
    }
}

/// Traces that are put out beside the readout and the spike counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The neurons whose traces are wanted, in this order.
    pub neurons: Vec<u32>,
    /// Their potentials `mem_t`.
    pub mem: bool,
    /// Their spikes (or graded activity) `s_t`.
    pub spikes: bool,
}

/// Settings of the engine.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineSpec {
    /// The neurons' membrane.
    pub model: PointModel,
    /// Steps, T.
    pub steps: usize,
    /// Derivative of the spike.
    pub surrogate: Surrogate,
    /// Runs with the surrogate's smooth step in place of the spike, for checks of gradients.
    pub smoothed: bool,
    /// The recurrent input `s_t V` carries no gradient to `s_t`.
    pub detach_recurrent: bool,
    /// The reset carries gradient to `s_t`: `mem' = (1 - s) m + s reset`.
    pub attach_reset: bool,
    /// How the potentials reach the backward pass.
    pub checkpoint: Checkpoint,
    /// Cuts the gradient of the hidden state every so many steps; the readout's state is not cut.
    pub tbptt: Option<usize>,
    /// Standard deviation of the noise in each neuron's synaptic state (channel 0), per step, unscaled by dt.
    pub noise_sigma: f64,
    /// Traces to put out.
    pub record: Record,
    /// Gradients to compute.
    pub gradients: GradMask,
}

impl EngineSpec {
    /// LIF neurons, fast sigmoid of scale 50, recurrence attached, reset detached, all gradients but those of decays.
    pub fn new(steps: usize) -> Self {
        Self {
            model: PointModel::Lif,
            steps,
            surrogate: Surrogate::default(),
            smoothed: false,
            detach_recurrent: false,
            attach_reset: false,
            checkpoint: Checkpoint::All,
            tbptt: None,
            noise_sigma: 0.0,
            record: Record::default(),
            gradients: GradMask { alpha: false, readout_decay: false, ..GradMask::ALL },
        }
    }

    /// Whether neurons transmit numbers rather than spikes.
    pub(super) fn graded(&self) -> bool {
        self.smoothed || !self.model.is_spiking()
    }

    /// Whether the backward pass needs the synaptic states.
    pub(super) fn needs_syn(&self) -> bool {
        self.gradients.alpha || (self.model.is_spiking() && (self.smoothed || self.attach_reset))
    }

    /// Whether the gradient is cut while a spike of step `t` is under way for `delay` extra steps.
    #[inline(always)]
    pub(super) fn cuts(&self, t: usize, delay: usize) -> bool {
        delay > 0 && self.tbptt.is_some_and(|k| (t + delay) / k != t / k)
    }

    /// Steps between checkpoints.
    pub(super) fn segment(&self) -> usize {
        match self.checkpoint {
            Checkpoint::All => self.steps.max(1),
            Checkpoint::Sqrt => (self.steps as f64).sqrt().ceil().max(1.0) as usize,
        }
    }

    pub(super) fn check(&self, topology: &Topology) -> Result<()> {
        let refuse = |what: &str, found: String, expected: &str| {
            Err(UserError::bad_data("bad-engine", what).found(found).expected(expected).mend("change the training config"))
        };
        if self.steps == 0 {
            return refuse("a run needs steps", "0".into(), "at least 1");
        }
        if self.tbptt == Some(0) {
            return refuse("the gradient is cut every 0 steps", "0".into(), "at least 1");
        }
        if !(self.surrogate.scale.is_finite() && self.surrogate.scale > 0.0) {
            return refuse("bad scale of the surrogate", self.surrogate.scale.to_string(), "a number above 0");
        }
        if !(self.noise_sigma.is_finite() && self.noise_sigma >= 0.0) {
            return refuse("bad noise", self.noise_sigma.to_string(), "a number of at least 0");
        }
        if let Some(neuron) = self.record.neurons.iter().find(|n| **n as usize >= topology.neurons) {
            return refuse("a recorded neuron does not exist", neuron.to_string(), "indices of neurons");
        }
        Ok(())
    }
}
