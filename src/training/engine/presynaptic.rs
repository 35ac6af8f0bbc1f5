//! Presynaptic inhibition: spikes of inhibitory neurons scale down what an input's spikes do.
//!
//! Each input j has a trace of the inhibition that reached it, in every sample:
//!
//! ```text
//! p_j(t + 1) = alpha_p p_j(t) + sum over i of s_i(t - d_i) c_ij,    p_j(0) = 0
//! ```
//!
//! with c the synapse count times the strength of one synapse, d the sender's extra delay, and a spike of input j at step t
//! enters syn with `w / (1 + p_j(t))`: divisive gain control at the receptor neuron's terminal (Olsen and Wilson 2008).
//!
//! **Gradient.** The factor is a constant to the backward pass: that of W1 is scaled by it, the spikes that made it get none
//! through it. The factor of every input spike is kept on the tape, so that segments run again use the very same numbers.

use kenyon_base::{Result, UserError};
use kenyon_neurons::point::Real;

use super::chunk::{Aligned, Net, add_scaled, from_mask};
use super::tape::{SpikeList, State};
use super::topology::Csr;

/// Who inhibits which input, and how its trace decays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Presynaptic {
    /// Neurons to inputs, N rows.
    pub pattern: Csr,
    /// What one spike adds to the trace, for each stored entry: 0 or above.
    pub strength: Vec<f64>,
    /// Decay of the trace per step, 0 to 1.
    pub decay: f64,
}

impl Presynaptic {
    pub(super) fn check(&self, inputs: usize, neurons: usize) -> Result<()> {
        self.pattern.check("presynaptic", neurons, inputs)?;
        let refuse = |what: &str, found: String, expected: String| {
            Err(UserError::bad_data("bad-wiring", what.to_string())
                .found(found)
                .expected(expected)
                .mend("build the network again"))
        };
        if self.strength.len() != self.pattern.nnz() {
            let (found, expected) = (self.strength.len().to_string(), self.pattern.nnz().to_string());
            return refuse("presynaptic inhibition has the wrong number of strengths", found, expected);
        }
        if let Some(bad) = self.strength.iter().find(|c| !(0.0..=LARGEST).contains(*c)) {
            return refuse("bad strength of presynaptic inhibition", bad.to_string(), format!("0 to {LARGEST:e}"));
        }
        if !(0.0..=1.0).contains(&self.decay) {
            return refuse("bad decay of presynaptic inhibition", self.decay.to_string(), "0 to 1".into());
        }
        Ok(())
    }
}

/// Largest strength: no trace of such leaves the range of f32.
const LARGEST: f64 = 1e20;

/// The factor of each input spike, step by step; within a step lane by lane, in the order of the events.
#[derive(Debug, Clone, Default)]
pub(super) struct Factors<F> {
    ends: Vec<usize>,
    values: Vec<F>,
}

impl<F> Factors<F> {
    #[inline(always)]
    pub(super) fn at(&self, t: usize) -> &[F] {
        let start = if t == 0 { 0 } else { self.ends[t - 1] };
        &self.values[start..self.ends[t]]
    }
}

/// The traces of one chunk as it walks through time.
pub(super) struct Gate<'a, F: Real> {
    wiring: &'a Presynaptic,
    /// [M, L].
    trace: Aligned<F>,
    pub(super) factors: Factors<F>,
}

impl<'a, F: Real> Gate<'a, F> {
    pub(super) fn new(wiring: &'a Presynaptic, inputs: usize, lanes: usize) -> Self {
        Self { wiring, trace: Aligned::zeros(inputs * lanes), factors: Factors { ends: Vec::new(), values: Vec::new() } }
    }

    /// Notes the factors of the events of step `t`, the next one, of `samples` samples from `first` on.
    #[inline(always)]
    pub(super) fn weigh<const L: usize>(&mut self, net: &Net<'_, F>, first: usize, samples: usize, t: usize) {
        let trace = self.trace.lanes::<L>();
        for l in 0..samples {
            let events = net.events.at(first + l, t);
            self.factors.values.extend(events.iter().map(|input| F::ONE / (F::ONE + trace[*input as usize][l])));
        }
        self.factors.ends.push(self.factors.values.len());
    }

    /// Takes the traces from step `t` to the next, with the spikes that arrive.
    #[inline(always)]
    pub(super) fn advance<const L: usize>(&mut self, net: &Net<'_, F>, t: usize, spikes: &SpikeList) {
        self.decay();
        for delay in net.plan.delays.iter().map(|d| usize::from(*d)).filter(|d| *d <= t) {
            let (neurons, masks) = spikes.at(t - delay);
            for (i, mask) in neurons.iter().zip(masks) {
                if net.delay(*i as usize) == delay {
                    self.receive(*i as usize, &from_mask::<F, L>(*mask));
                }
            }
        }
    }

    /// As [`advance`](Self::advance), where neurons transmit numbers.
    #[inline(always)]
    pub(super) fn advance_graded<const L: usize>(&mut self, net: &Net<'_, F>, t: usize, state: &State<F>) {
        self.decay();
        let (n, slots) = (net.topology.neurons, net.plan.max_delay() + 1);
        for i in (0..n).filter(|i| net.delay(*i) <= t) {
            self.receive(i, &state.sent.lanes::<L>()[(t - net.delay(i)) % slots * n + i]);
        }
    }

    #[inline(always)]
    fn decay(&mut self) {
        let decay = F::from_f64(self.wiring.decay);
        for p in self.trace.iter_mut() {
            *p *= decay;
        }
    }

    #[inline(always)]
    fn receive<const L: usize>(&mut self, i: usize, s: &[F; L]) {
        let (trace, row) = (self.trace.lanes_mut::<L>(), self.wiring.pattern.row(i));
        for (input, c) in self.wiring.pattern.col[row.clone()].iter().zip(&self.wiring.strength[row]) {
            add_scaled(&mut trace[*input as usize], F::from_f64(*c), s);
        }
    }
}
