//! Gradients through the membranes: surrogate, reset, leak, decay.

use kenyon_neurons::point::{Membrane, Real};

use super::Back;
use crate::training::engine::chunk::{add_scaled, clean};
use crate::training::engine::forward::activity;

impl<F: Real, const L: usize> Back<'_, F, L> {
    /// Activity of this step and its derivative by the potential.
    #[inline(always)]
    pub(super) fn surrogates(&mut self, mem: &[[F; L]]) {
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

    /// Takes the gradients through the membranes of step `t`; false if one is not finite.
    #[inline(always)]
    pub(super) fn membranes<M: Membrane<F>>(
        &mut self,
        model: M,
        t: usize,
        mem: &[[F; L]],
        next: &[[F; L]],
        syn: &[[F; L]],
    ) -> bool {
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
        let (sum_i_c, sum_rise) = (sums.i_c.lanes_mut::<L>(), sums.rise.lanes_mut::<L>());
        let (sum_threshold, sum_reset) = (sums.threshold.lanes_mut::<L>(), sums.reset.lanes_mut::<L>());
        let sum_syn_loss = &mut sums.syn_loss;
        for i in 0..n {
            let (rise, i_c, reset) = (p.rise[i], p.i_c[i], p.reset[i]);
            let (mem, next, gs, slope, s, lm) = (&mem[i], &next[i], &gs[i], &slope[i], &s[i], &mut lm[i]);
            let mut drive = [F::ZERO; L];
            if SYN {
                drive = syn[i];
                for ch in 1..channels {
                    add_scaled(&mut drive, F::ONE, &syn[ch * n + i]);
                }
                for drive in &mut drive {
                    *drive -= i_c;
                }
            }
            let mut by_drive = [F::ZERO; L];
            let mut by_rise = [F::ZERO; L];
            let mut by_u = [F::ZERO; L];
            let mut by_reset = [F::ZERO; L];
            for l in 0..L {
                let kept = if M::SPIKING { (F::ONE - s[l]) * lm[l] } else { lm[l] };
                by_reset[l] = if M::SPIKING { s[l] * lm[l] } else { F::ZERO };
                let mut g = gs[l];
                if SYN && attach_reset {
                    g += lm[l] * (reset - model.advance(mem[l], drive[l], rise));
                }
                by_u[l] = g * slope[l];
                by_drive[l] = kept * model.d_drive(rise);
                let d_rise = if SYN { model.d_rise(mem[l], drive[l]) } else { model.d_rise_between(mem[l], next[l]) };
                by_rise[l] = kept * d_rise;
                lm[l] = by_u[l] + model.by_mem(kept, mem[l], rise);
                probe[l] += lm[l] * F::ZERO;
            }
            if let Some(sum) = sum_i_c.get_mut(i) {
                add_scaled(sum, -F::ONE, &by_drive);
            }
            if let Some(sum) = sum_rise.get_mut(i) {
                add_scaled(sum, F::ONE, &by_rise);
            }
            if let Some(sum) = sum_threshold.get_mut(i) {
                add_scaled(sum, -F::ONE, &by_u);
            }
            if let Some(sum) = sum_reset.get_mut(i) {
                add_scaled(sum, F::ONE, &by_reset);
            }
            for ch in 0..channels {
                let old = ls[later + ch * n + i];
                if let (true, Some(sum)) = (SYN, sum_syn_loss.get_mut(ch)) {
                    for l in 0..L {
                        sum[l] -= old[l].to_f64() * syn[ch * n + i][l].to_f64();
                    }
                }
                let new = &mut ls[now + ch * n + i];
                for l in 0..L {
                    new[l] = (old[l] - p.syn_loss[ch] * old[l]) + by_drive[l];
                }
            }
        }
        clean(&probe, self.samples)
    }
}
