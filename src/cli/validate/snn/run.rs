//! A case through the engine: forward, loss, and the gradients by the case's own parameters.

use std::collections::BTreeMap;

use kenyon_base::Result;
use kenyon_neurons::point::{PointModel, Real, Surrogate, SurrogateShape};

use super::case::{Input, Spec};
use crate::npz::Array;
use crate::training::engine::{
    Csr, Engine, EngineSpec, Events, Fault, GradMask, Gradients, Output, OutputGradients, Record, Segment, Topology,
};

/// Everything that `expected.npz` holds, by name.
pub(super) fn run<F: Real>(input: &Input) -> Result<BTreeMap<&'static str, Array>> {
    let synapses = Synapses::of(input);
    let (m, n, c) = (input.inputs, input.neurons, input.outputs);
    let pattern = |rows, values: &[f64]| Csr::from_dense(rows, n, |at| values[at] != 0.0);
    let topology = Topology::new(m, n, c, pattern(m, &synapses.w1), pattern(n, &synapses.v));
    let engine = Engine::<F>::new(topology, spec(input))?;
    let events = Events::from_dense(input.batch, input.steps, m, &input.spikes);
    let effective = effective::<F>(input, &engine, &synapses);
    let w2 = rounded::<F>(&input.get("w2"));
    let user = |fault: Fault| fault.to_user_error();
    let (output, tape) = engine.forward(&effective, &w2, &events, true).map_err(user)?;
    let tape = tape.expect("the batch was recorded");
    let loss = Loss::of(input, &output);
    let (by_out, by_counts) = (rounded(&loss.by_out), rounded(&loss.by_counts));
    let by = OutputGradients { out: &by_out, counts: &by_counts, ..OutputGradients::default() };
    let mut gradients = engine.backward(&effective, &w2, &events, &tape, &by).map_err(user)?;
    for (sum, g) in gradients.w2.iter_mut().zip(&loss.by_w2) {
        *sum += F::from_f64(*g);
    }
    let mut all = by_parameters(input, &engine, &gradients, &synapses);
    let (b, t) = (input.batch, input.steps);
    all.insert("mem", batch_first(output.mem(), t, b, n));
    all.insert("spikes", batch_first(output.spikes(), t, b, n));
    all.insert("out", batch_first(output.out(), t + 1, b, c));
    all.insert("decision", Array::of_f64(&[b, c], loss.decision));
    all.insert("loss", Array::of_f64(&[], vec![loss.value]));
    Ok(all)
}

fn rounded<F: Real>(values: &[f64]) -> Vec<F> {
    values.iter().map(|x| F::from_f64(*x)).collect()
}

fn doubles<F: Real>(values: &[F]) -> Vec<f64> {
    values.iter().map(|x| x.to_f64()).collect()
}

fn model(spec: &Spec) -> PointModel {
    match spec.variant.as_str() {
        "lif2" => PointModel::Lif2,
        "nonspiking" => PointModel::NonSpiking,
        _ => PointModel::Lif,
    }
}

fn spec(input: &Input) -> EngineSpec {
    EngineSpec {
        model: model(&input.spec),
        surrogate: Surrogate::new(SurrogateShape::FastSigmoid, input.spec.surrogate_scale),
        detach_recurrent: input.spec.detach_recurrent,
        attach_reset: input.spec.attach_reset,
        record: Record { neurons: (0..input.neurons as u32).collect(), mem: true, spikes: true },
        gradients: GradMask::ALL,
        ..EngineSpec::new(input.steps)
    }
}

/// Dense weights, or counts from which they are made: what is zero is no synapse.
struct Synapses {
    w1: Vec<f64>,
    v: Vec<f64>,
}

impl Synapses {
    fn of(input: &Input) -> Self {
        let (w1, v) = if input.spec.typed { ("w1_count", "v_count") } else { ("w1", "v") };
        Self { w1: input.get(w1), v: input.get(v) }
    }

    /// Stored entries of W1 and of V: position in the dense matrix, number there, transmitter of the sender.
    fn entries<'a>(&'a self, input: &'a Input) -> [impl Iterator<Item = (usize, f64, usize)> + 'a; 2] {
        let n = input.neurons;
        let of = move |values: &'a [f64], nt: &'a [usize]| {
            let stored = values.iter().enumerate().filter(|(_, x)| **x != 0.0);
            stored.map(move |(at, x)| (at, *x, nt.get(at / n).copied().unwrap_or(0)))
        };
        [of(&self.w1, &input.spec.w1_nt), of(&self.v, &input.spec.v_nt)]
    }
}

/// The value of each neuron, from one for each neuron or each type.
fn expand(input: &Input, name: &str) -> Vec<f64> {
    let values = input.get(name);
    if input.spec.typed { input.spec.type_index.iter().map(|t| values[*t]).collect() } else { values }
}

fn effective<F: Real>(input: &Input, engine: &Engine<F>, synapses: &Synapses) -> Vec<F> {
    let (dt, model) = (input.spec.dt_ms, model(&input.spec));
    let mut flat = vec![F::ZERO; engine.layout().len()];
    let lost = |name: &str| -(-dt / input.scalar(name)).exp_m1();
    let mut put = |segment, values: &mut dyn Iterator<Item = f64>| {
        for (to, value) in flat[engine.layout().range(segment)].iter_mut().zip(values) {
            *to = F::from_f64(value);
        }
    };
    put(Segment::IC, &mut expand(input, "I_c").into_iter());
    put(Segment::Rise, &mut expand(input, "tau_mem_ms").into_iter().map(|tau| model.rise(dt, tau)));
    put(Segment::SynLoss, &mut std::iter::once(lost("tau_syn_ms")));
    put(Segment::Threshold, &mut std::iter::repeat(input.spec.threshold));
    put(Segment::Reset, &mut std::iter::repeat(input.scalar("reset")));
    put(Segment::OutSynLoss, &mut std::iter::once(lost("tau_syn_out_ms")));
    put(Segment::OutRise, &mut std::iter::once(lost("tau_mem_out_ms")));
    let (gain, scale) = if input.spec.typed { (input.get("gain"), input.scalar("scale")) } else { (Vec::new(), 1.0) };
    for (segment, entries) in [Segment::W1, Segment::V].into_iter().zip(synapses.entries(input)) {
        put(segment, &mut entries.map(|(_, x, nt)| if gain.is_empty() { x } else { x * gain[nt] * scale }));
    }
    flat
}

/// Gradients by the case's own parameters, from those by the effective ones.
fn by_parameters<F: Real>(
    input: &Input,
    engine: &Engine<F>,
    gradients: &Gradients<F>,
    synapses: &Synapses,
) -> BTreeMap<&'static str, Array> {
    let (dt, model) = (input.spec.dt_ms, model(&input.spec));
    let part = |segment| doubles(&gradients.effective[engine.layout().range(segment)]);
    let tau = |name: &str, segment| {
        let tau = input.scalar(name);
        Array::of_f64(&[], vec![-part(segment)[0] * (-dt / tau).exp() * dt / (tau * tau)])
    };
    let per_neuron = |name: &'static str, by_neuron: Vec<f64>| {
        if !input.spec.typed {
            return Array::of_f64(&[input.neurons], by_neuron);
        }
        let mut sums = vec![0.0; input.arrays[name].len()];
        for (at, g) in input.spec.type_index.iter().zip(by_neuron) {
            sums[*at] += g;
        }
        Array::of_f64(&[sums.len()], sums)
    };
    let taus = expand(input, "tau_mem_ms");
    let by_tau = part(Segment::Rise).iter().zip(&taus).map(|(g, tau)| g * model.rise_by_tau(dt, *tau)).collect();
    let mut all = BTreeMap::from([
        ("grad_tau_syn_ms", tau("tau_syn_ms", Segment::SynLoss)),
        ("grad_tau_syn_out_ms", tau("tau_syn_out_ms", Segment::OutSynLoss)),
        ("grad_tau_mem_out_ms", tau("tau_mem_out_ms", Segment::OutRise)),
        ("grad_reset", Array::of_f64(&[], vec![part(Segment::Reset).iter().sum()])),
        ("grad_I_c", per_neuron("I_c", part(Segment::IC))),
        ("grad_tau_mem_ms", per_neuron("tau_mem_ms", by_tau)),
        ("grad_w2", Array::of_f64(&[input.neurons, input.outputs], doubles(&gradients.w2))),
    ]);
    let by_synapse = [part(Segment::W1), part(Segment::V)];
    if input.spec.typed {
        let (gain, scale) = (input.get("gain"), input.scalar("scale"));
        let (mut by_gain, mut by_scale) = (vec![0.0; gain.len()], 0.0);
        for (entries, by_synapse) in synapses.entries(input).into_iter().zip(&by_synapse) {
            for ((_, count, nt), g) in entries.zip(by_synapse) {
                by_gain[nt] += g * count * scale;
                by_scale += g * count * gain[nt];
            }
        }
        all.insert("grad_gain", Array::of_f64(&[gain.len()], by_gain));
        all.insert("grad_scale", Array::of_f64(&[], vec![by_scale]));
    } else {
        let names = [("grad_w1", input.inputs), ("grad_v", input.neurons)];
        for (((name, rows), entries), by_synapse) in names.into_iter().zip(synapses.entries(input)).zip(&by_synapse) {
            let mut dense = vec![0.0; rows * input.neurons];
            for ((at, ..), g) in entries.zip(by_synapse) {
                dense[at] = *g;
            }
            all.insert(name, Array::of_f64(&[rows, input.neurons], dense));
        }
    }
    all
}

/// [T, B, X] to [B, T, X].
fn batch_first<F: Real>(from: &[F], steps: usize, batch: usize, width: usize) -> Array {
    let mut to = Vec::with_capacity(from.len());
    for b in 0..batch {
        for t in 0..steps {
            to.extend(from[(t * batch + b) * width..][..width].iter().map(|x| x.to_f64()));
        }
    }
    Array::of_f64(&[batch, steps, width], to)
}

/// The loss of a case and its gradients by the outputs, in double precision whatever the engine's.
///
/// Where the network is sure, the gradient by a decision is a small difference of numbers close to 1.
struct Loss {
    value: f64,
    decision: Vec<f64>,
    by_out: Vec<f64>,
    by_counts: Vec<f64>,
    by_w2: Vec<f64>,
}

impl Loss {
    /// Negative log-likelihood of the softmax of the decision, and the regulariser.
    fn of<F: Real>(input: &Input, output: &Output<F>) -> Self {
        let (b, c) = (input.batch, input.outputs);
        let out = doubles(output.out());
        let at = |t: usize, s: usize, k: usize| (t * b + s) * c + k;
        let mut loss =
            Self { value: 0.0, decision: Vec::new(), by_out: vec![0.0; out.len()], by_counts: Vec::new(), by_w2: Vec::new() };
        let (samples, steps) = (b as f64, input.steps as f64);
        for s in 0..b {
            // The row of the maximum, the first on a tie.
            let best =
                |k: usize| (1..=input.steps).fold(0, |best, t| if out[at(t, s, k)] > out[at(best, s, k)] { t } else { best });
            let mean = |k: usize| (1..=input.steps).map(|t| out[at(t, s, k)]).sum::<f64>() / steps;
            let max = input.spec.readout == "max";
            let decision: Vec<f64> = (0..c).map(|k| if max { out[at(best(k), s, k)] } else { mean(k) }).collect();
            let top = decision.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = decision.iter().map(|x| (*x - top).exp()).collect();
            let sum: f64 = weights.iter().sum();
            let label = input.labels[s];
            loss.value += (sum.ln() - (decision[label] - top)) / samples;
            for (k, weight) in weights.iter().enumerate() {
                let g = (*weight / sum - f64::from(u8::from(k == label))) / samples;
                if max {
                    loss.by_out[at(best(k), s, k)] += g;
                } else {
                    (1..=input.steps).for_each(|t| loss.by_out[at(t, s, k)] += g / steps);
                }
            }
            loss.decision.extend(decision);
        }
        if input.spec.regulariser {
            loss.regularise(input, &doubles(output.counts()));
        }
        loss
    }

    /// Adds `(lower mean relu(theta - n)^2 + upper mean_b relu(mean_i n - theta)) / B + w2_l1 sum |W2|`.
    fn regularise(&mut self, input: &Input, counts: &[f64]) {
        let spec = &input.spec;
        let (b, n) = (input.batch as f64, input.neurons as f64);
        let lower = spec.lower_strength / (b * n) / b;
        let upper = spec.upper_strength / b / b;
        self.by_counts = vec![0.0; counts.len()];
        for (counts, by) in counts.chunks_exact(input.neurons).zip(self.by_counts.chunks_exact_mut(input.neurons)) {
            let excess = counts.iter().sum::<f64>() / n - spec.upper_threshold;
            if excess > 0.0 {
                self.value += upper * excess;
                for g in by.iter_mut() {
                    *g += upper / n;
                }
            }
            for (count, g) in counts.iter().zip(by) {
                let missing = spec.lower_threshold - *count;
                if missing > 0.0 {
                    self.value += lower * missing * missing;
                    *g -= lower * (missing + missing);
                }
            }
        }
        let w2 = input.get("w2");
        self.value += spec.w2_l1 * w2.iter().map(|w| w.abs()).sum::<f64>();
        // The derivative of |w| at 0 is 0.
        self.by_w2 = w2.iter().map(|w| if *w == 0.0 { 0.0 } else { spec.w2_l1 * w.signum() }).collect();
    }
}
