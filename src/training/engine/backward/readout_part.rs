//! Gradients that reach the activity through the readout, and that of the readout matrix.

use kenyon_neurons::point::Real;

use super::{Back, transpose};
use crate::training::engine::chunk::{NOT_READ, add_scaled};
use crate::training::engine::readout::{self, BLOCK, ReadoutGradient};

impl<F: Real, const L: usize> Back<'_, F, L> {
    /// Starts `gs` with what comes through readout and counts, and adds to the gradient of W2.
    #[inline(always)]
    pub(super) fn readout_part(&mut self, t: usize) {
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
}
