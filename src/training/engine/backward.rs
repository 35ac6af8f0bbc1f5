//! The backward loop of one chunk.
//!
//! With lm, ls the gradients by mem_{t+1}, syn_{t+1}, at step t, from the last to the first:
//!
//! ```text
//! gs  = readout + counts + trace + [recurrent attached] sum over synapses v ls  (+ [reset attached] lm (reset - m))
//! gm  = (1 - s) lm                                  gradient by the advance m
//! lm' = gs surrogate(u) + gm dm/dmem + trace        gradient by mem_t
//! ls' = alpha ls + gm dm/ddrive                     gradient by syn_t
//! ```
//!
//! and the gradient of a synapse grows by ls of its receiver wherever its sender spiked.

use kenyon_neurons::point::{Lif, Lif2, Membrane, NonSpiking, PointModel, Qif, Real};
use pulp::{Arch, Simd, WithSimd};

use super::chunk::{Aligned, NOT_READ, Net, add_scaled, clean};
use super::fault::Fault;
use super::forward::{Walk, activity};
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
struct Sums<F> {
    i_c: Aligned<F>,
    leak: Aligned<F>,
    threshold: Aligned<F>,
    reset: Aligned<F>,
    alpha: Aligned<F>,
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
    sums: Sums<F>,
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
                leak: zeros(mask.leak),
                threshold: zeros(mask.threshold && net.spec.model.is_spiking()),
                reset: zeros(mask.reset),
                alpha: Aligned::zeros(if mask.alpha { net.topology.channels * L } else { 0 }),
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
        let mut walk = Walk::<F, L>::new(self.net, self.chunk);
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
            PointModel::Lif => self.membranes(Lif, t, mem, next, syn),
            PointModel::Lif2 => self.membranes(Lif2, t, mem, next, syn),
            PointModel::NonSpiking => self.membranes(NonSpiking, t, mem, next, syn),
            PointModel::Qif { a, v_sn } => self.membranes(Qif { a: F::from_f64(a), v_sn: F::from_f64(v_sn) }, t, mem, next, syn),
        };
        self.trace_part(t, self.output.mem, false);
        sound
    }

    /// Activity of this step and its derivative by the potential.
    #[inline(always)]
    fn surrogates(&mut self, mem: &[[F; L]]) {
        let (spec, slope, s) = (self.net.spec, self.slope.lanes_mut::<L>(), self.s.lanes_mut::<L>());
        if spec.graded() {
            activity(self.net, mem, s);
        }
        if !spec.model.is_spiking() {
            for (slope, mem) in slope.iter_mut().zip(mem) {
                for l in 0..L {
                    slope[l] = if mem[l] > F::ZERO && mem[l] < F::ONE { F::ONE } else { F::ZERO };
                }
            }
            return;
        }
        for (((slope, mem), threshold), s) in slope.iter_mut().zip(mem).zip(self.net.params.threshold).zip(s) {
            for l in 0..L {
                slope[l] = mem[l] - *threshold;
                if !spec.smoothed {
                    s[l] = if mem[l] > *threshold { F::ONE } else { F::ZERO };
                }
            }
        }
        spec.surrogate.derivatives(&mut self.slope);
    }

    /// Starts `gs` with what comes through readout and counts, and adds to the gradient of W2.
    #[inline(always)]
    fn readout_part(&mut self, t: usize) {
        let n = self.net.topology.neurons;
        if self.steady.is_empty() {
            self.gs.fill(F::ZERO);
        } else {
            self.gs.copy_from_slice(&self.steady);
        }
        match &self.from_readout {
            ReadoutGradient::None => {}
            ReadoutGradient::Constant { coefficient, .. } => {
                let c = coefficient[t];
                for (gs, product) in self.gs.iter_mut().zip(self.product.iter()) {
                    *gs += c * *product;
                }
                if self.mask.w2 && self.net.spec.graded() {
                    for (sum, s) in self.weighted.iter_mut().zip(self.s.iter()) {
                        *sum += c * *s;
                    }
                } else if self.mask.w2 {
                    let (neurons, masks) = self.tape.spikes.at(t);
                    let weighted = self.weighted.lanes_mut::<L>();
                    for (i, mask) in neurons.iter().zip(masks) {
                        let sum = &mut weighted[*i as usize];
                        for l in 0..L {
                            if mask >> l & 1 == 1 {
                                sum[l] += c;
                            }
                        }
                    }
                }
            }
            ReadoutGradient::Trace(trace) => {
                let (rows, c) = (self.net.topology.readout.len(), self.net.topology.outputs);
                // Blocks end at multiples of their length.
                if t % BLOCK == BLOCK - 1 || t + 1 == self.net.spec.steps {
                    let first = t / BLOCK * BLOCK;
                    for (at, step) in (first..=t).enumerate() {
                        let x = &mut self.block_in.lanes_mut::<L>()[at * c..(at + 1) * c];
                        transpose::<F, L>(&trace[step * c * L..(step + 1) * c * L], x);
                    }
                    let x = &self.block_in.lanes::<L>()[..(t + 1 - first) * c];
                    readout::product::<F, L>(self.net.params.w2, c, x, self.block.lanes_mut(), rows);
                }
                let at = t % BLOCK;
                let block = &self.block.lanes::<L>()[at * rows..(at + 1) * rows];
                let gs = self.gs.lanes_mut::<L>();
                for (neuron, x) in self.net.topology.readout.iter().zip(block) {
                    add_scaled(&mut gs[*neuron as usize], F::ONE, x);
                }
                if !self.mask.w2 {
                    return;
                }
                let g = &trace[t * c * L..(t + 1) * c * L];
                let mut add = |k: u32, l: usize, s: F| {
                    let row = &mut self.sum.w2[k as usize * c..(k as usize + 1) * c];
                    for (row, g) in row.iter_mut().zip(&g[l * c..(l + 1) * c]) {
                        *row += s * *g;
                    }
                };
                if self.net.spec.graded() {
                    let s = self.s.lanes::<L>();
                    for i in (0..n).filter(|i| self.net.plan.readout_row[*i] != NOT_READ) {
                        for l in 0..self.samples {
                            add(self.net.plan.readout_row[i], l, s[i][l]);
                        }
                    }
                } else {
                    let (neurons, masks) = self.tape.spikes.at(t);
                    for (i, mask) in neurons.iter().zip(masks) {
                        let k = self.net.plan.readout_row[*i as usize];
                        if k != NOT_READ {
                            for l in (0..L).filter(|l| mask >> l & 1 == 1) {
                                add(k, l, F::ONE);
                            }
                        }
                    }
                }
            }
        }
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

    /// Where the gradients by the synaptic state that a spike of neuron `i` at step `t` reaches stand in `ls`.
    #[inline(always)]
    fn reached(&self, i: usize, t: usize) -> usize {
        let slots = self.net.plan.max_delay() + 1;
        let n = self.net.topology.neurons;
        (t + 1 + self.net.delay(i)) % slots * self.net.syn_len() + self.net.channel_of_neuron(i) * n
    }

    /// Gathers the gradient of every neuron's spike over its synapses; adds to those of synapses whose sender spiked.
    #[inline(always)]
    fn rows(&mut self, t: usize) {
        let (net, n) = (self.net, self.net.topology.neurons);
        let attached = !net.spec.detach_recurrent;
        let grad = &mut self.sum.effective[self.layout.range(Segment::V)];
        let (neurons, masks) = self.tape.spikes.at(t);
        let mut spikes = neurons.iter().zip(masks).peekable();
        let slots = net.plan.max_delay() + 1;
        let gs = self.gs.lanes_mut::<L>();
        for i in 0..n {
            let spike = spikes.next_if(|(neuron, _)| **neuron as usize == i).map(|(_, mask)| *mask);
            let row = net.topology.v.row(i);
            if row.is_empty() || (!attached && spike.is_none()) {
                continue;
            }
            let base = (t + 1 + net.delay(i)) % slots * net.syn_len() + net.channel_of_neuron(i) * n;
            let ls = &self.ls.lanes::<L>()[base..base + n];
            let col = &net.topology.v.col[row.clone()];
            if attached && !net.spec.cuts(t, net.delay(i)) {
                let sum = gather(col, &net.params.v[row.clone()], ls);
                add_scaled(&mut gs[i], F::ONE, &sum);
            }
            if let (Some(mask), true) = (spike, self.mask.v) {
                let mut rest = mask;
                while rest != 0 {
                    let l = rest.trailing_zeros() as usize % L;
                    rest &= rest - 1;
                    for (grad, post) in grad[row.clone()].iter_mut().zip(col) {
                        *grad += ls[*post as usize][l];
                    }
                }
            }
        }
    }

    /// As [`rows`](Self::rows), where every neuron transmits a number.
    #[inline(always)]
    fn rows_graded(&mut self, t: usize) {
        let net = self.net;
        let n = net.topology.neurons;
        let grad = self.layout.range(Segment::V);
        for i in 0..n {
            let base = self.reached(i, t);
            let row = net.topology.v.row(i);
            let ls = &self.ls.lanes::<L>()[base..base + n];
            let col = &net.topology.v.col[row.clone()];
            if !net.spec.detach_recurrent && !net.spec.cuts(t, net.delay(i)) {
                let sum = gather(col, &net.params.v[row.clone()], ls);
                add_scaled(&mut self.gs.lanes_mut::<L>()[i], F::ONE, &sum);
            }
            let s = self.s.lanes::<L>()[i];
            if self.mask.v && s != [F::ZERO; L] {
                for (grad, post) in self.sum.effective[grad.clone()][row].iter_mut().zip(col) {
                    for l in 0..L {
                        *grad += s[l] * ls[*post as usize][l];
                    }
                }
            }
        }
    }

    /// Gradients of the input synapses whose sender fired.
    #[inline(always)]
    fn inputs(&mut self, t: usize) {
        if !self.mask.w1 {
            return;
        }
        let (net, n) = (self.net, self.net.topology.neurons);
        let grad = &mut self.sum.effective[self.layout.range(Segment::W1)];
        let slot = (t + 1) % (net.plan.max_delay() + 1) * net.syn_len();
        for l in 0..self.samples {
            for input in net.events.at(self.chunk * L + l, t) {
                let input = *input as usize;
                let base = slot + net.channel_of_input(input) * n;
                let ls = &self.ls.lanes::<L>()[base..base + n];
                let row = net.topology.w1.row(input);
                for (grad, post) in grad[row.clone()].iter_mut().zip(&net.topology.w1.col[row]) {
                    *grad += ls[*post as usize][l];
                }
            }
        }
    }

    /// Takes the gradients through the membranes of step `t`; false if one is not finite.
    #[inline(always)]
    fn membranes<M: Membrane<F>>(&mut self, model: M, t: usize, mem: &[[F; L]], next: &[[F; L]], syn: &[[F; L]]) -> bool {
        if syn.is_empty() {
            self.membranes_of::<M, false>(model, t, mem, next, syn)
        } else {
            self.membranes_of::<M, true>(model, t, mem, next, syn)
        }
    }

    #[inline(always)]
    fn membranes_of<M: Membrane<F>, const SYN: bool>(
        &mut self,
        model: M,
        t: usize,
        mem: &[[F; L]],
        next: &[[F; L]],
        syn: &[[F; L]],
    ) -> bool {
        let (n, channels, p) = (mem.len(), self.net.topology.channels, &self.net.params);
        let slots = self.net.plan.max_delay() + 1;
        let (later, now) = ((t + 1) % slots * channels * n, t % slots * channels * n);
        let attach_reset = self.net.spec.attach_reset && M::SPIKING;
        let mut probe = [F::ZERO; L];
        let (gs, slope, s) = (self.gs.lanes::<L>(), self.slope.lanes::<L>(), self.s.lanes::<L>());
        let (lm, ls) = (self.lm.lanes_mut::<L>(), self.ls.lanes_mut::<L>());
        let sums = &mut self.sums;
        let (sum_i_c, sum_leak) = (sums.i_c.lanes_mut::<L>(), sums.leak.lanes_mut::<L>());
        let (sum_threshold, sum_reset) = (sums.threshold.lanes_mut::<L>(), sums.reset.lanes_mut::<L>());
        let sum_alpha = sums.alpha.lanes_mut::<L>();
        for i in 0..n {
            let (leak, i_c, reset) = (p.leak[i], p.i_c[i], p.reset[i]);
            let rise = model.d_drive(leak);
            let (mem, next, gs, slope, s, lm) = (&mem[i], &next[i], &gs[i], &slope[i], &s[i], &mut lm[i]);
            let mut drive = [F::ZERO; L];
            if SYN {
                drive = syn[i];
                for ch in 1..channels {
                    add_scaled(&mut drive, F::ONE, &syn[ch * n + i]);
                }
                for drive in &mut drive {
                    *drive = *drive - i_c;
                }
            }
            let mut by_drive = [F::ZERO; L];
            let mut by_leak = [F::ZERO; L];
            let mut by_u = [F::ZERO; L];
            let mut by_reset = [F::ZERO; L];
            for l in 0..L {
                let kept = if M::SPIKING { (F::ONE - s[l]) * lm[l] } else { lm[l] };
                by_reset[l] = if M::SPIKING { s[l] * lm[l] } else { F::ZERO };
                let mut g = gs[l];
                if SYN && attach_reset {
                    g += lm[l] * (reset - model.advance(mem[l], drive[l], leak));
                }
                by_u[l] = g * slope[l];
                by_drive[l] = kept * rise;
                let d_leak = if SYN { model.d_leak(mem[l], drive[l]) } else { model.d_leak_between(mem[l], next[l]) };
                by_leak[l] = kept * d_leak;
                lm[l] = by_u[l] + kept * model.d_mem(mem[l], leak);
                probe[l] += lm[l] * F::ZERO;
            }
            if let Some(sum) = sum_i_c.get_mut(i) {
                add_scaled(sum, -F::ONE, &by_drive);
            }
            if let Some(sum) = sum_leak.get_mut(i) {
                add_scaled(sum, F::ONE, &by_leak);
            }
            if let Some(sum) = sum_threshold.get_mut(i) {
                add_scaled(sum, -F::ONE, &by_u);
            }
            if let Some(sum) = sum_reset.get_mut(i) {
                add_scaled(sum, F::ONE, &by_reset);
            }
            for ch in 0..channels {
                let old = ls[later + ch * n + i];
                if let (true, Some(sum)) = (SYN, sum_alpha.get_mut(ch)) {
                    for l in 0..L {
                        sum[l] += old[l] * syn[ch * n + i][l];
                    }
                }
                let new = &mut ls[now + ch * n + i];
                for l in 0..L {
                    new[l] = p.alpha[ch] * old[l] + by_drive[l];
                }
            }
        }
        clean(&probe, self.samples)
    }

    /// Adds the per-lane sums to the gradients.
    fn finish(&mut self, decays: [F; 2]) {
        let (net, n) = (self.net, self.net.topology.neurons);
        // mem_0 is the reset.
        for (sum, lm) in self.sums.reset.iter_mut().zip(self.lm.iter()) {
            *sum += *lm;
        }
        // Without synaptic states the leak's gradient was summed without its divisor.
        if !net.spec.needs_syn() {
            for (sum, leak) in self.sums.leak.lanes_mut::<L>().iter_mut().zip(net.params.leak) {
                let norm = if net.spec.model.is_exact() { F::ONE - *leak } else { *leak };
                for sum in sum {
                    *sum = *sum / norm;
                }
            }
        }
        let sums = &self.sums;
        let parts = [
            (Segment::IC, &sums.i_c),
            (Segment::Leak, &sums.leak),
            (Segment::Threshold, &sums.threshold),
            (Segment::Reset, &sums.reset),
        ];
        for (segment, lanes) in parts {
            let to = &mut self.sum.effective[self.layout.range(segment)];
            for (to, lanes) in to.iter_mut().zip(lanes.lanes::<L>()) {
                *to += lanes.iter().copied().sum::<F>();
            }
        }
        let alpha = &mut self.sum.effective[self.layout.range(Segment::Alpha)];
        for (to, lanes) in alpha.iter_mut().zip(sums.alpha.lanes::<L>()) {
            *to += lanes.iter().copied().sum::<F>();
        }
        if self.mask.readout_decay {
            for (segment, decay) in [Segment::AlphaO, Segment::BetaO].into_iter().zip(decays) {
                self.sum.effective[self.layout.range(segment)][0] += decay;
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

/// `sum over entries of w y[col]`, lane by lane; four sums in parallel, so that additions need not wait for each other.
#[inline(always)]
fn gather<F: Real, const L: usize>(col: &[u32], w: &[F], y: &[[F; L]]) -> [F; L] {
    let mut sums = [[F::ZERO; L]; 4];
    let (cols, rest) = col.as_chunks::<4>();
    let (ws, w_rest) = w.as_chunks::<4>();
    for (col, w) in cols.iter().zip(ws) {
        for k in 0..4 {
            add_scaled(&mut sums[k], w[k], &y[col[k] as usize]);
        }
    }
    for (col, w) in rest.iter().zip(w_rest) {
        add_scaled(&mut sums[0], *w, &y[*col as usize]);
    }
    let mut out = [F::ZERO; L];
    for l in 0..L {
        out[l] = (sums[0][l] + sums[1][l]) + (sums[2][l] + sums[3][l]);
    }
    out
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
