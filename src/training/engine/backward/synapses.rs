//! Gradients through the synapses: gathered for each sender, added to where the sender spiked.

use kenyon_neurons::point::Real;

use super::Back;
use crate::training::engine::chunk::add_scaled;
use crate::training::engine::topology::Segment;

impl<F: Real, const L: usize> Back<'_, F, L> {
    /// Where the gradients by the synaptic state that a spike of neuron `i` at step `t` reaches stand in `ls`.
    #[inline(always)]
    fn reached(&self, i: usize, t: usize) -> usize {
        let slots = self.net.plan.max_delay() + 1;
        let n = self.net.topology.neurons;
        (t + 1 + self.net.delay(i)) % slots * self.net.syn_len() + self.net.channel_of_neuron(i) * n
    }

    /// Gathers the gradient of every neuron's spike over its synapses; adds to those of synapses whose sender spiked.
    #[inline(always)]
    pub(super) fn rows(&mut self, t: usize) {
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
    pub(super) fn rows_graded(&mut self, t: usize) {
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
    pub(super) fn inputs(&mut self, t: usize) {
        if !self.mask.w1 {
            return;
        }
        let (net, n) = (self.net, self.net.topology.neurons);
        let grad = &mut self.sum.effective[self.layout.range(Segment::W1)];
        let slot = (t + 1) % (net.plan.max_delay() + 1) * net.syn_len();
        let mut factors = self.tape.factors.as_ref().map_or(&[][..], |factors| factors.at(t)).iter();
        for l in 0..self.samples {
            for input in net.events.at(self.chunk * L + l, t) {
                let input = *input as usize;
                let base = slot + net.channel_of_input(input) * n;
                let ls = &self.ls.lanes::<L>()[base..base + n];
                let row = net.topology.w1.row(input);
                let synapses = grad[row.clone()].iter_mut().zip(&net.topology.w1.col[row]);
                if let Some(factor) = factors.next() {
                    for (grad, post) in synapses {
                        *grad += *factor * ls[*post as usize][l];
                    }
                } else {
                    for (grad, post) in synapses {
                        *grad += ls[*post as usize][l];
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
