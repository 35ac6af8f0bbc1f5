//! The backward loop of one chunk.
//!
//! With lm, ls the gradients by mem_{t+1}, syn_{t+1}, at step t, from the last to the first:
//!
//! ```text
//! gs  = readout + counts + trace + [recurrent attached] sum over synapses v ls  (+ [reset attached] lm (reset - m))
//! gm  = (1 - s) lm                                  gradient by the advance m
//! lm' = gs surrogate(u) + gm dm/dmem + trace        gradient by mem_t
//! ls' = (1 - syn_loss) ls + gm dm/ddrive                     gradient by syn_t
//! ```
//!
//! and the gradient of a synapse grows by ls of its receiver wherever its sender spiked; that of an input synapse by the spike's
//! factor times ls, where there is presynaptic inhibition.

mod membranes;
mod readout_part;
mod synapses;

use kenyon_neurons::point::{Lif, NonSpiking, PointModel, Qif, Real};
use pulp::{Arch, Simd, WithSimd};

use super::chunk::{Aligned, NOT_READ, Net};
use super::fault::Fault;
use super::forward::Walk;
use super::output::{Gradients, OutputGradients};
use super::readout::{self, BLOCK, ReadoutGradient};
use super::spec::{Checkpoint, GradMask};
use super::tape::ChunkTape;
use super::topology::{Layout, Segment};

/// Adds the gradients of one chunk to `sum`.
pub(super) fn run<F: Real>(
    net: &Net<'_, F>,
    chunk: usize,
    lanes: usize,
    tape: &ChunkTape<F>,
    output: &OutputGradients<'_, F>,
    sum: &mut Gradients<F>,
) -> Result<(), Fault> {
    if lanes == 16 {
        Arch::new().dispatch(Backward::<F, 16> { net, chunk, tape, output, sum })
    } else {
        Arch::new().dispatch(Backward::<F, 8> { net, chunk, tape, output, sum })
    }
}

struct Backward<'a, F: Real, const L: usize> {
    net: &'a Net<'a, F>,
    chunk: usize,
    tape: &'a ChunkTape<F>,
    output: &'a OutputGradients<'a, F>,
    sum: &'a mut Gradients<F>,
}

impl<F: Real, const L: usize> WithSimd for Backward<'_, F, L> {
    type Output = Result<(), Fault>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Self { net, chunk, tape, output, sum } = self;
        let (from_readout, decays) = readout::backward(net, chunk, L, output.out, tape.readout.as_ref());
        let mut back = Back::<F, L>::new(net, chunk, tape, output, from_readout, sum);
        if let Some(step) = back.through_time() {
            return Err(Fault { tensor: "gradient of mem".into(), step: Some(step), sample: None, index: None });
        }
        back.finish(decays);
        Ok(())
    }
}

/// Potentials and synaptic states of a segment of steps.
struct Segmented<F> {
    first: usize,
    mem: Aligned<F>,
    syn: Aligned<F>,
}

/// Gradients by per-neuron parameters, kept per lane until the end; empty where not wanted.
struct Sums<F, const L: usize> {
    i_c: Aligned<F>,
    rise: Aligned<F>,
    threshold: Aligned<F>,
    reset: Aligned<F>,
    /// [channels, L], in double precision: each is one sum over all neurons and steps.
    syn_loss: Vec<[f64; L]>,
}

struct Back<'a, F: Real, const L: usize> {
    net: &'a Net<'a, F>,
    chunk: usize,
    samples: usize,
    tape: &'a ChunkTape<F>,
    output: &'a OutputGradients<'a, F>,
    from_readout: ReadoutGradient<F>,
    /// Gradient that every step's activity gets: by the counts [N, L].
    steady: Aligned<F>,
    /// g W2^T where the readout's gradient is constant in time [N, L].
    product: Aligned<F>,
    /// Sum over time of coefficient s [N, L].
    weighted: Aligned<F>,
    /// Gradient by the activity through the readout, for a block of steps [BLOCK, K, L].
    block: Aligned<F>,
    block_in: Aligned<F>,
    /// Gradients by mem, by syn (a slot for each step in flight), by activity.
    lm: Aligned<F>,
    ls: Aligned<F>,
    gs: Aligned<F>,
    slope: Aligned<F>,
    s: Aligned<F>,
    sums: Sums<F, L>,
    sum: &'a mut Gradients<F>,
    mask: GradMask,
    layout: Layout,
}

impl<'a, F: Real, const L: usize> Back<'a, F, L> {
    fn new(
        net: &'a Net<'a, F>,
        chunk: usize,
        tape: &'a ChunkTape<F>,
        output: &'a OutputGradients<'a, F>,
        from_readout: ReadoutGradient<F>,
        sum: &'a mut Gradients<F>,
    ) -> Self {
        let n = net.topology.neurons;
        let (mask, samples) = (net.spec.gradients, net.samples(chunk, L));
        let zeros = |wanted: bool| Aligned::zeros(if wanted { n * L } else { 0 });
        let mut steady = zeros(!output.counts.is_empty());
        for (i, lanes) in steady.lanes_mut::<L>().iter_mut().enumerate() {
            for (l, y) in lanes.iter_mut().enumerate().take(samples) {
                *y = output.counts[(chunk * L + l) * n + i];
            }
        }
        let constant = matches!(from_readout, ReadoutGradient::Constant { .. });
        let traced = matches!(from_readout, ReadoutGradient::Trace(_));
        let (rows, c) = (net.topology.readout.len(), net.topology.outputs);
        let mut product = zeros(constant);
        if let ReadoutGradient::Constant { g, .. } = &from_readout {
            let mut x = Aligned::zeros(c * L);
            transpose::<F, L>(g, x.lanes_mut());
            let mut y = Aligned::zeros(rows * L);
            readout::product::<F, L>(net.params.w2, c, x.lanes(), y.lanes_mut(), rows);
            for (neuron, y) in net.topology.readout.iter().zip(y.lanes::<L>()) {
                product.lanes_mut::<L>()[*neuron as usize] = *y;
            }
        }
        Self {
            net,
            chunk,
            samples,
            tape,
            output,
            from_readout,
            steady,
            product,
            weighted: zeros(constant && mask.w2),
            block: Aligned::zeros(if traced { BLOCK * rows * L } else { 0 }),
            block_in: Aligned::zeros(if traced { BLOCK * c * L } else { 0 }),
            lm: zeros(true),
            ls: Aligned::zeros((net.plan.max_delay() + 1) * net.syn_len() * L),
            gs: zeros(true),
            slope: zeros(true),
            s: zeros(true),
            sums: Sums {
                i_c: zeros(mask.i_c),
                rise: zeros(mask.leak),
                threshold: zeros(mask.threshold && net.spec.model.is_spiking()),
                reset: zeros(mask.reset),
                syn_loss: vec![[0.0; L]; if mask.alpha { net.topology.channels } else { 0 }],
            },
            sum,
            mask,
            layout: Layout::of(net.topology),
        }
    }

    /// All steps, last first; the first step met whose gradient is not finite.
    #[inline(always)]
    fn through_time(&mut self) -> Option<usize> {
        let (steps, segment, n) = (self.net.spec.steps, self.net.spec.segment(), self.net.topology.neurons);
        let keep_all = self.net.spec.checkpoint == Checkpoint::All;
        let width = self.net.syn_len() * L;
        let mut again = Segmented { first: 0, mem: Aligned::zeros(0), syn: Aligned::zeros(0) };
        if !keep_all {
            let syn = if self.net.spec.needs_syn() { segment * width } else { 0 };
            again = Segmented { first: 0, mem: self.net.pool.take((segment + 1) * n * L), syn: self.net.pool.take(syn) };
        }
        let mut bad = None;
        for t in (0..steps).rev() {
            if !keep_all && (t + 1 == steps || (t + 1) % segment == 0) {
                again.first = t / segment * segment;
                self.run_again(&mut again, t + 1);
            }
            if self.net.spec.tbptt.is_some_and(|k| (t + 1) % k == 0) && t + 1 < steps {
                // The state entering step t + 1 is a constant; spikes still under way keep the gradients of their synapses.
                self.lm.fill(F::ZERO);
                let slot = (t + 1) % (self.net.plan.max_delay() + 1) * width;
                self.ls[slot..slot + width].fill(F::ZERO);
            }
            let tape = self.tape;
            let (mem, syn, at) = if keep_all { (&tape.mem, &tape.syn, t) } else { (&again.mem, &again.syn, t - again.first) };
            let trace = mem.lanes::<L>();
            let (now, next) = (&trace[at * n..(at + 1) * n], &trace[(at + 1) * n..(at + 2) * n]);
            let syn = if syn.is_empty() { &[] } else { syn[at * width..(at + 1) * width].as_chunks().0 };
            if !self.step(t, now, next, syn) {
                bad = Some(t);
                break;
            }
        }
        if !keep_all {
            self.net.pool.give_back(again.mem);
            self.net.pool.give_back(again.syn);
        }
        bad
    }

    /// Runs steps `again.first..end` forward from their checkpoint.
    #[inline(always)]
    fn run_again(&self, again: &mut Segmented<F>, end: usize) {
        let n = self.net.topology.neurons;
        let width = self.net.syn_len() * L;
        let mut walk = Walk::<F, L>::new(self.net, self.chunk, self.tape.factors.as_ref());
        let mut state = self.tape.checkpoints[again.first / self.net.spec.segment()].copy();
        again.mem[..n * L].copy_from_slice(&state.mem);
        for t in again.first..end {
            let at = t - again.first;
            if !again.syn.is_empty() {
                again.syn[at * width..(at + 1) * width].copy_from_slice(&state.syn);
            }
            let (before, after) = again.mem.lanes_mut::<L>().split_at_mut((at + 1) * n);
            // Sound already when it ran the first time.
            let _ = walk.step(t, &before[at * n..], &mut after[..n], &mut state, None, Some(&self.tape.spikes));
        }
    }

    #[inline(always)]
    fn step(&mut self, t: usize, mem: &[[F; L]], next: &[[F; L]], syn: &[[F; L]]) -> bool {
        self.surrogates(mem);
        self.readout_part(t);
        self.trace_part(t, self.output.spikes, true);
        if self.net.spec.graded() {
            self.rows_graded(t);
        } else {
            self.rows(t);
        }
        self.inputs(t);
        let sound = match self.net.spec.model {
            PointModel::Lif | PointModel::Lif2 => self.membranes(Lif, t, mem, next, syn),
            PointModel::NonSpiking => self.membranes(NonSpiking, t, mem, next, syn),
            PointModel::Qif { a, v_sn } => self.membranes(Qif { a: F::from_f64(a), v_sn: F::from_f64(v_sn) }, t, mem, next, syn),
        };
        self.trace_part(t, self.output.mem, false);
        sound
    }

    /// Adds the gradient by a recorded trace at step `t` to that of the activity or of the potential.
    #[inline(always)]
    fn trace_part(&mut self, t: usize, trace: &[F], by_activity: bool) {
        if trace.is_empty() {
            return;
        }
        let record = &self.net.spec.record.neurons;
        let (h, batch) = (record.len(), self.net.events.batch());
        let row = &trace[t * batch * h..(t + 1) * batch * h];
        let to = if by_activity { &mut self.gs } else { &mut self.lm };
        for (at, neuron) in record.iter().enumerate() {
            let to = &mut to.lanes_mut::<L>()[*neuron as usize];
            for (l, to) in to.iter_mut().enumerate().take(self.samples) {
                *to += row[(self.chunk * L + l) * h + at];
            }
        }
    }

    /// Adds the per-lane sums to the gradients.
    fn finish(&mut self, decays: [f64; 2]) {
        let (net, n) = (self.net, self.net.topology.neurons);
        // mem_0 is the reset.
        for (sum, lm) in self.sums.reset.iter_mut().zip(self.lm.iter()) {
            *sum += *lm;
        }
        // Without synaptic states the gradient by `rise` was summed without its divisor.
        if !net.spec.needs_syn() {
            for (sum, rise) in self.sums.rise.lanes_mut::<L>().iter_mut().zip(net.params.rise) {
                for sum in sum {
                    *sum = *sum / *rise;
                }
            }
        }
        let sums = &self.sums;
        let parts = [
            (Segment::IC, &sums.i_c),
            (Segment::Rise, &sums.rise),
            (Segment::Threshold, &sums.threshold),
            (Segment::Reset, &sums.reset),
        ];
        for (segment, lanes) in parts {
            let to = &mut self.sum.effective[self.layout.range(segment)];
            for (to, lanes) in to.iter_mut().zip(lanes.lanes::<L>()) {
                *to += lanes.iter().copied().sum::<F>();
            }
        }
        let syn_loss = &mut self.sum.effective[self.layout.range(Segment::SynLoss)];
        for (to, lanes) in syn_loss.iter_mut().zip(&sums.syn_loss) {
            *to += F::from_f64(lanes.iter().sum());
        }
        if self.mask.readout_decay {
            for (segment, decay) in [Segment::OutSynLoss, Segment::OutRise].into_iter().zip(decays) {
                self.sum.effective[self.layout.range(segment)][0] += F::from_f64(decay);
            }
        }
        if let (ReadoutGradient::Constant { g, .. }, true) = (&self.from_readout, self.mask.w2) {
            let c = net.topology.outputs;
            let weighted = self.weighted.lanes::<L>();
            for i in (0..n).filter(|i| net.plan.readout_row[*i] != NOT_READ) {
                let k = net.plan.readout_row[i] as usize;
                let row = &mut self.sum.w2[k * c..(k + 1) * c];
                for l in (0..self.samples).filter(|l| weighted[i][*l] != F::ZERO) {
                    for (row, g) in row.iter_mut().zip(&g[l * c..(l + 1) * c]) {
                        *row += weighted[i][l] * *g;
                    }
                }
            }
        }
    }
}

/// [L, C] to [C] lane vectors.
#[inline(always)]
fn transpose<F: Real, const L: usize>(from: &[F], to: &mut [[F; L]]) {
    let c = to.len();
    for (at, to) in to.iter_mut().enumerate() {
        for l in 0..L {
            to[l] = from[l * c + at];
        }
    }
}
