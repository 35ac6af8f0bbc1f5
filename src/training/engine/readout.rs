//! The readout: a leaky integrator of the spikes of chosen neurons, forward and backward.

use kenyon_neurons::point::Real;

use super::chunk::{Net, add_scaled};

/// Steps whose gradients by the activity are made in one go.
pub(super) const BLOCK: usize = 8;

/// State of the readout of one chunk: f and o, [L, C].
#[derive(Debug)]
pub(super) struct Readout<F> {
    f: Vec<F>,
    o: Vec<F>,
    /// Input of this step, `s_t W2`.
    h: Vec<F>,
    outputs: usize,
}

impl<F: Real> Readout<F> {
    pub(super) fn new(lanes: usize, outputs: usize) -> Self {
        let zeros = || vec![F::ZERO; lanes * outputs];
        Self { f: zeros(), o: zeros(), h: zeros(), outputs }
    }

    /// Synapse and membrane, [L, C].
    pub(super) fn state(&self) -> [&[F]; 2] {
        [&self.f, &self.o]
    }

    /// Adds `s` times a row of W2 to the input of one lane.
    #[inline(always)]
    pub(super) fn receive(&mut self, lane: usize, row: &[F]) {
        let h = &mut self.h[lane * self.outputs..(lane + 1) * self.outputs];
        for (h, w) in h.iter_mut().zip(row) {
            *h += *w;
        }
    }

    /// As [`receive`](Self::receive), for an activity other than 1.
    #[inline(always)]
    pub(super) fn receive_graded(&mut self, lane: usize, row: &[F], s: F) {
        let h = &mut self.h[lane * self.outputs..(lane + 1) * self.outputs];
        for (h, w) in h.iter_mut().zip(row) {
            *h += *w * s;
        }
    }

    /// Advances by one step and puts o_{t+1} of the existing samples into `out`.
    #[inline(always)]
    pub(super) fn advance(&mut self, loss: F, rise: F, out: &mut [F]) {
        for ((f, o), h) in self.f.iter_mut().zip(&mut self.o).zip(&mut self.h) {
            *o += rise * (*f - *o);
            *f = (*f - loss * *f) + *h;
            *h = F::ZERO;
        }
        out.copy_from_slice(&self.o[..out.len()]);
    }
}

/// Gradients that reach the activity through the readout of one chunk.
#[derive(Debug)]
pub(super) enum ReadoutGradient<F> {
    /// No gradient by the readout trace.
    None,
    /// The gradient by `out` is the same at every step: that by the activity of step t is `coefficient[t] g W2^T`.
    ///
    /// This is the decision by the mean over time; one product replaces T.
    Constant {
        /// g of each lane, [L, C].
        g: Vec<F>,
        /// Gradient by the input of step t in units of g.
        coefficient: Vec<F>,
    },
    /// Gradient by the readout's input `s_t W2`, [T, L, C].
    Trace(Vec<F>),
}

/// Runs the readout backward; returns the gradient by its input and those by `out_syn_loss` and `out_rise`, one sum
/// over everything each and therefore in double precision.
///
/// With `a_o`, `a_f` the gradients by o and f: `a_o(t) = g(t) + (1 - rise) a_o(t + 1)`,
/// `a_f(t) = (1 - loss) a_f(t + 1) + rise a_o(t + 1)`; the input of step t feeds f(t + 1).
pub(super) fn backward<F: Real>(
    net: &Net<'_, F>,
    chunk: usize,
    lanes: usize,
    out: &[F],
    states: Option<&[Vec<F>; 2]>,
) -> (ReadoutGradient<F>, [f64; 2]) {
    let (steps, c, batch) = (net.spec.steps, net.topology.outputs, net.events.batch());
    let samples = net.samples(chunk, lanes);
    let mut decays = [0.0; 2];
    if out.is_empty() || c == 0 {
        return (ReadoutGradient::None, decays);
    }
    let row = |t: usize| &out[(t * batch + chunk * lanes) * c..][..samples * c];
    let (loss, rise) = (net.params.out_syn_loss, net.params.out_rise);
    let constant = (2..=steps).all(|t| row(t) == row(1));
    if constant && row(1).iter().all(|g| *g == F::ZERO) {
        return (ReadoutGradient::None, decays);
    }
    let width = lanes * c;
    let mut trace = if constant { Vec::new() } else { vec![F::ZERO; steps * width] };
    if !constant || states.is_some() {
        let (mut a_o, mut a_f) = (vec![F::ZERO; width], vec![F::ZERO; width]);
        for t in (0..steps).rev() {
            for (i, g) in row(t + 1).iter().enumerate() {
                a_f[i] = (a_f[i] - loss * a_f[i]) + rise * a_o[i];
                a_o[i] = *g + (a_o[i] - rise * a_o[i]);
            }
            if !constant {
                trace[t * width..(t + 1) * width].copy_from_slice(&a_f);
            }
            if let Some([f, o]) = states {
                let (f, o) = (&f[t * width..][..width], &o[t * width..][..width]);
                for i in 0..samples * c {
                    decays[0] -= a_f[i].to_f64() * f[i].to_f64();
                    decays[1] += a_o[i].to_f64() * (f[i] - o[i]).to_f64();
                }
            }
        }
    }
    if !constant {
        return (ReadoutGradient::Trace(trace), decays);
    }
    let mut coefficient = vec![F::ZERO; steps];
    let (mut a_o, mut a_f) = (F::ZERO, F::ZERO);
    for t in (0..steps).rev() {
        a_f = (a_f - loss * a_f) + rise * a_o;
        a_o = F::ONE + (a_o - rise * a_o);
        coefficient[t] = a_f;
    }
    let mut g = row(1).to_vec();
    g.resize(width, F::ZERO);
    (ReadoutGradient::Constant { g, coefficient }, decays)
}

/// Gradient by the activity of each read neuron: `y[t][k] = sum_c x[t][c] W2[k][c]`, lane by lane.
///
/// Two steps and four rows at a time stay in registers.
///
/// # Shapes
/// `x` [steps, C] and `y` [steps, K] of lane vectors, `w2` [K, C].
#[inline(always)]
pub(super) fn product<F: Real, const L: usize>(w2: &[F], outputs: usize, x: &[[F; L]], y: &mut [[F; L]], rows: usize) {
    let steps = x.len().checked_div(outputs).unwrap_or(0);
    let mut t = 0;
    while t < steps {
        let two = t + 1 < steps;
        let x0 = &x[t * outputs..(t + 1) * outputs];
        let x1 = if two { &x[(t + 1) * outputs..(t + 2) * outputs] } else { x0 };
        let mut k = 0;
        while k + 4 <= rows {
            let row = |r: usize| &w2[(k + r) * outputs..(k + r + 1) * outputs];
            let (w0, w1, w2, w3) = (row(0), row(1), row(2), row(3));
            // Eight sums by name: an array of them would not stay in registers.
            let zero = [F::ZERO; L];
            let (mut a0, mut a1, mut a2, mut a3) = (zero, zero, zero, zero);
            let (mut b0, mut b1, mut b2, mut b3) = (zero, zero, zero, zero);
            for (((((a, b), w0), w1), w2), w3) in x0.iter().zip(x1).zip(w0).zip(w1).zip(w2).zip(w3) {
                add_scaled(&mut a0, *w0, a);
                add_scaled(&mut b0, *w0, b);
                add_scaled(&mut a1, *w1, a);
                add_scaled(&mut b1, *w1, b);
                add_scaled(&mut a2, *w2, a);
                add_scaled(&mut b2, *w2, b);
                add_scaled(&mut a3, *w3, a);
                add_scaled(&mut b3, *w3, b);
            }
            y[t * rows + k..t * rows + k + 4].copy_from_slice(&[a0, a1, a2, a3]);
            if two {
                y[(t + 1) * rows + k..(t + 1) * rows + k + 4].copy_from_slice(&[b0, b1, b2, b3]);
            }
            k += 4;
        }
        for k in k..rows {
            let w = &w2[k * outputs..(k + 1) * outputs];
            for (t, x) in [(t, x0), (t + 1, x1)].into_iter().take(1 + usize::from(two)) {
                let mut sum = [F::ZERO; L];
                for (w, x) in w.iter().zip(x) {
                    for l in 0..L {
                        sum[l] += *w * x[l];
                    }
                }
                y[t * rows + k] = sum;
            }
        }
        t += 2;
    }
}
