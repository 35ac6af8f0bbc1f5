//! The forward loop of one chunk.

use kenyon_neurons::point::{Lif, Membrane, NonSpiking, PointModel, Qif, Real};
use pulp::{Arch, Simd, WithSimd};

use super::chunk::{Aligned, NOT_READ, Net, add_scaled, clean, from_mask};
use super::fault::Fault;
use super::noise;
use super::output::{Output, OutputLayout};
use super::presynaptic::{Factors, Gate};
use super::readout::Readout;
use super::spec::Checkpoint;
use super::tape::{ChunkTape, SpikeList, State};

/// What one chunk puts out and leaves.
pub(super) struct Done<F: Real> {
    pub(super) output: Output<F>,
    pub(super) tape: ChunkTape<F>,
    pub(super) fault: Option<Fault>,
}

/// Runs one chunk on the best instruction set of this machine.
pub(super) fn run<F: Real>(net: &Net<'_, F>, chunk: usize, lanes: usize, record: bool) -> Done<F> {
    if lanes == 16 {
        Arch::new().dispatch(Forward::<F, 16> { net, chunk, record })
    } else {
        Arch::new().dispatch(Forward::<F, 8> { net, chunk, record })
    }
}

struct Forward<'a, F: Real, const L: usize> {
    net: &'a Net<'a, F>,
    chunk: usize,
    record: bool,
}

impl<F: Real, const L: usize> WithSimd for Forward<'_, F, L> {
    type Output = Done<F>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Done<F> {
        forward::<F, L>(self.net, self.chunk, self.record)
    }
}

#[inline(always)]
fn forward<F: Real, const L: usize>(net: &Net<'_, F>, chunk: usize, record: bool) -> Done<F> {
    let (spec, topology) = (net.spec, net.topology);
    let (n, steps, samples) = (topology.neurons, spec.steps, net.samples(chunk, L));
    let keep_all = record && spec.checkpoint == Checkpoint::All;
    let mut walk = Walk::<F, L>::new(net, chunk, None);
    let mut state = walk.start();
    let mut output = Output::zeros(&OutputLayout::of(topology, spec, samples));
    let mut spikes = SpikeList::default();
    let mut mem = if keep_all { net.pool.take((steps + 1) * n * L) } else { Aligned::zeros(2 * n * L) };
    mem[..n * L].copy_from_slice(&state.mem);
    let mut syn = if keep_all && spec.needs_syn() { net.pool.take(steps * net.syn_len() * L) } else { Aligned::zeros(0) };
    let keep_readout = record && spec.gradients.readout_decay;
    let mut kept = [Vec::new(), Vec::new()];
    let mut checkpoints = Vec::new();
    let mut readout = Readout::new(L, topology.outputs);
    let mut fault = None;
    for t in 0..steps {
        let (now, next) = slots(&mut mem, t, keep_all, n * L);
        if record && !keep_all && t % spec.segment() == 0 {
            state.mem.copy_from_slice(now);
            checkpoints.push(state.copy());
        }
        if !syn.is_empty() {
            let width = net.syn_len() * L;
            syn[t * width..(t + 1) * width].copy_from_slice(&state.syn);
        }
        let sound = walk.step(t, now.as_chunks().0, next.as_chunks_mut().0, &mut state, Some(&mut spikes), None);
        if !sound && fault.is_none() {
            fault = Some(walk.find_fault(t, next.as_chunks().0, &state));
            // The traces that follow mean nothing, and the caller asks for the first fault.
            break;
        }
        walk.read_out(t, now.as_chunks().0, &state, &spikes, &mut readout, &mut output);
        if !record && t >= net.plan.max_delay() {
            spikes.forget(t - net.plan.max_delay());
        }
        if keep_readout {
            for (kept, state) in kept.iter_mut().zip(readout.state()) {
                kept.extend_from_slice(state);
            }
        }
        let [out, ..] = output.parts_mut();
        readout.advance(
            net.params.out_syn_loss,
            net.params.out_rise,
            &mut out[(t + 1) * samples * topology.outputs..][..samples * topology.outputs],
        );
    }
    if fault.is_none() {
        fault = out_fault(output.out(), samples, topology.outputs, chunk * L);
    }
    if !keep_all {
        mem = Aligned::zeros(0);
    }
    let tape = ChunkTape { spikes, mem, syn, checkpoints, readout: keep_readout.then_some(kept), factors: walk.into_factors() };
    Done { output, tape, fault }
}

/// The potentials of this step and of the next, in the trace or in two slots that take turns.
#[inline(always)]
fn slots<F>(mem: &mut [F], t: usize, trace: bool, width: usize) -> (&[F], &mut [F]) {
    if trace {
        let (before, after) = mem.split_at_mut((t + 1) * width);
        (&before[t * width..], &mut after[..width])
    } else {
        let (even, odd) = mem.split_at_mut(width);
        if t.is_multiple_of(2) { (even, odd) } else { (odd, even) }
    }
}

fn out_fault<F: Real>(out: &[F], samples: usize, outputs: usize, first: usize) -> Option<Fault> {
    let at = out.iter().position(|x| !x.is_finite())?;
    Some(Fault {
        tensor: "out".into(),
        step: Some(at / (samples * outputs)),
        sample: Some(first + at / outputs % samples),
        index: Some(at % outputs),
    })
}

/// One chunk walking through time; also used to run a segment again from its checkpoint.
pub(super) struct Walk<'a, F: Real, const L: usize> {
    net: &'a Net<'a, F>,
    first: usize,
    samples: usize,
    masks: Vec<u16>,
    noise_keys: [u64; L],
    sigma: F,
    /// Presynaptic inhibition, unless there is none or its factors are known.
    gate: Option<Gate<'a, F>>,
    known: Option<&'a Factors<F>>,
    /// What arrives in one step where neurons transmit numbers [channels, N, L]: every sender arrives at every step, and each
    /// addition to a large synaptic state would be rounded.
    arriving: Aligned<F>,
}

impl<'a, F: Real, const L: usize> Walk<'a, F, L> {
    /// A walk from the start; where a segment is run again, the factors of its input spikes come in `known`.
    pub(super) fn new(net: &'a Net<'a, F>, chunk: usize, known: Option<&'a Factors<F>>) -> Self {
        let samples = net.samples(chunk, L);
        let mut noise_keys = [0; L];
        for (l, key) in noise_keys.iter_mut().enumerate().take(samples) {
            *key = net.events.noise_key_of(chunk * L + l);
        }
        let masks = vec![0; net.topology.neurons];
        let gated = net.topology.presynaptic.as_ref().filter(|_| known.is_none());
        let gate = gated.map(|wiring| Gate::new(wiring, net.topology.inputs, L));
        let sigma = F::from_f64(net.spec.noise_sigma);
        let arriving = Aligned::zeros(if net.spec.graded() { net.syn_len() * L } else { 0 });
        Self { net, first: chunk * L, samples, masks, noise_keys, sigma, gate, known, arriving }
    }

    /// The factor of each input spike so far, where there is presynaptic inhibition.
    fn into_factors(self) -> Option<Factors<F>> {
        self.gate.map(|gate| gate.factors)
    }

    /// The state before the first step: mem = reset, everything else 0.
    pub(super) fn start(&self) -> State<F> {
        let n = self.net.topology.neurons;
        let mut mem = Aligned::zeros(n * L);
        for (mem, reset) in mem.lanes_mut::<L>().iter_mut().zip(self.net.params.reset) {
            *mem = [*reset; L];
        }
        let slots = if self.net.spec.graded() { self.net.plan.max_delay() + 1 } else { 0 };
        State { mem, syn: Aligned::zeros(self.net.syn_len() * L), sent: Aligned::zeros(slots * n * L) }
    }

    /// Advances potentials and synapses by step `t`; false if a value is not finite.
    ///
    /// Spikes go to `spikes`; where a segment is run again they are already known and come in `known`.
    #[inline(always)]
    pub(super) fn step(
        &mut self,
        t: usize,
        mem: &[[F; L]],
        next: &mut [[F; L]],
        state: &mut State<F>,
        spikes: Option<&mut SpikeList>,
        known: Option<&SpikeList>,
    ) -> bool {
        let (spec, params) = (self.net.spec, &self.net.params);
        let graded = spec.graded();
        if graded {
            let n = mem.len();
            let slot = t % (self.net.plan.max_delay() + 1);
            activity(self.net, mem, &mut state.sent.lanes_mut::<L>()[slot * n..(slot + 1) * n]);
        }
        let sound = match spec.model {
            PointModel::Lif | PointModel::Lif2 => self.membranes(Lif, t, mem, next, state),
            PointModel::NonSpiking => self.membranes(NonSpiking, t, mem, next, state),
            PointModel::Qif { a, v_sn } => {
                self.membranes(Qif { a: F::from_f64(a), v_sn: F::from_f64(v_sn) }, t, mem, next, state)
            }
        };
        let n = mem.len();
        for (ch, loss) in params.syn_loss.iter().enumerate() {
            for y in &mut state.syn.lanes_mut::<L>()[ch * n..(ch + 1) * n] {
                for y in y {
                    *y -= *loss * *y;
                }
            }
        }
        if self.sigma != F::ZERO {
            noise::add(&mut state.syn.lanes_mut::<L>()[..n], self.sigma, &self.noise_keys, t);
        }
        if let Some(gate) = &mut self.gate {
            gate.weigh::<L>(self.net, self.first, self.samples, t);
        }
        self.inputs(t, &mut state.syn);
        if graded {
            self.send_graded(t, state);
            if let Some(gate) = &mut self.gate {
                gate.advance_graded::<L>(self.net, t, state);
            }
            if let Some(spikes) = spikes {
                spikes.end_step();
            }
        } else if let Some(spikes) = spikes {
            for (i, mask) in self.masks.iter().enumerate() {
                if *mask != 0 {
                    spikes.push(i, *mask);
                }
            }
            spikes.end_step();
            self.send(t, &mut state.syn, spikes);
            if let Some(gate) = &mut self.gate {
                gate.advance::<L>(self.net, t, spikes);
            }
        } else if let Some(known) = known {
            self.send(t, &mut state.syn, known);
        }
        sound
    }

    /// Membranes of all neurons; notes which spike.
    #[inline(always)]
    fn membranes<M: Membrane<F>>(&mut self, model: M, t: usize, mem: &[[F; L]], next: &mut [[F; L]], state: &State<F>) -> bool {
        let p = &self.net.params;
        let n = mem.len();
        let (syn, channels) = (state.syn.lanes::<L>(), self.net.topology.channels);
        let existing = ((1u32 << self.samples) - 1) as u16;
        let graded = self.net.spec.graded();
        let slot = t % (self.net.plan.max_delay() + 1);
        let sent = if graded { &state.sent.lanes::<L>()[slot * n..(slot + 1) * n] } else { &[] };
        let mut probe = [F::ZERO; L];
        let neurons =
            mem.iter().zip(next).zip(&mut self.masks).zip(&syn[..n]).zip(p.threshold).zip(p.reset).zip(p.rise).zip(p.i_c);
        for (i, (((((((mem, next), mask), syn0), threshold), reset), rise), i_c)) in neurons.enumerate() {
            let mut drive = *syn0;
            for ch in 1..channels {
                for l in 0..L {
                    drive[l] += syn[ch * n + i][l];
                }
            }
            let mut bits = 0u32;
            for l in 0..L {
                let advanced = model.advance(mem[l], drive[l] - *i_c, *rise);
                probe[l] += advanced * F::ZERO;
                if M::SPIKING && !graded {
                    let spikes = mem[l] > *threshold;
                    next[l] = if spikes { *reset } else { advanced };
                    bits |= u32::from(spikes) << l;
                } else if M::SPIKING {
                    next[l] = (F::ONE - sent[i][l]) * advanced + sent[i][l] * *reset;
                } else {
                    next[l] = advanced;
                }
            }
            *mask = bits as u16 & existing;
        }
        clean(&probe, self.samples)
    }

    /// Adds the input events of step `t` to the synapses.
    #[inline(always)]
    fn inputs(&self, t: usize, syn: &mut Aligned<F>) {
        let (net, n) = (self.net, self.net.topology.neurons);
        let factors = self.known.or(self.gate.as_ref().map(|gate| &gate.factors));
        let mut factors = factors.map_or(&[][..], |factors| factors.at(t)).iter();
        for l in 0..self.samples {
            for input in net.events.at(self.first + l, t) {
                let input = *input as usize;
                let base = net.channel_of_input(input) * n;
                let syn = &mut syn.lanes_mut::<L>()[base..base + n];
                let row = net.topology.w1.row(input);
                let synapses = net.topology.w1.col[row.clone()].iter().zip(&net.params.w1[row]);
                if let Some(factor) = factors.next() {
                    for (post, w) in synapses {
                        syn[*post as usize][l] += *factor * *w;
                    }
                } else {
                    for (post, w) in synapses {
                        syn[*post as usize][l] += *w;
                    }
                }
            }
        }
    }

    /// Adds the spikes that arrive at step `t` to the synapses.
    #[inline(always)]
    fn send(&self, t: usize, syn: &mut Aligned<F>, spikes: &SpikeList) {
        for delay in self.net.plan.delays.iter().map(|d| usize::from(*d)).filter(|d| *d <= t) {
            let (neurons, masks) = spikes.at(t - delay);
            for (i, mask) in neurons.iter().zip(masks) {
                if self.net.delay(*i as usize) == delay {
                    self.scatter(*i as usize, &from_mask::<F, L>(*mask), syn);
                }
            }
        }
    }

    /// Adds the activity that arrives at step `t` to the synapses.
    #[inline(always)]
    fn send_graded(&mut self, t: usize, state: &mut State<F>) {
        let (n, slots) = (self.net.topology.neurons, self.net.plan.max_delay() + 1);
        let mut arriving = std::mem::take(&mut self.arriving);
        arriving.fill(F::ZERO);
        for i in 0..n {
            let delay = self.net.delay(i);
            if delay <= t {
                let s = state.sent.lanes::<L>()[(t - delay) % slots * n + i];
                if s != [F::ZERO; L] {
                    self.scatter(i, &s, &mut arriving);
                }
            }
        }
        for (syn, x) in state.syn.iter_mut().zip(arriving.iter()) {
            *syn += *x;
        }
        self.arriving = arriving;
    }

    #[inline(always)]
    fn scatter(&self, i: usize, s: &[F; L], syn: &mut Aligned<F>) {
        let (net, n) = (self.net, self.net.topology.neurons);
        let base = net.channel_of_neuron(i) * n;
        let syn = &mut syn.lanes_mut::<L>()[base..base + n];
        let row = net.topology.v.row(i);
        for (post, w) in net.topology.v.col[row.clone()].iter().zip(&net.params.v[row]) {
            add_scaled(&mut syn[*post as usize], *w, s);
        }
    }

    /// Readout input, counts and traces of step `t`.
    #[inline(always)]
    fn read_out(
        &self,
        t: usize,
        mem: &[[F; L]],
        state: &State<F>,
        spikes: &SpikeList,
        readout: &mut Readout<F>,
        output: &mut Output<F>,
    ) {
        let (net, n, c) = (self.net, self.net.topology.neurons, self.net.topology.outputs);
        let layout = *output.layout();
        let [_, counts, mem_trace, spike_trace] = output.parts_mut();
        let record = &net.spec.record.neurons;
        let width = record.len() * self.samples;
        let row = |k: u32| &net.params.w2[k as usize * c..(k as usize + 1) * c];
        if net.spec.graded() {
            let slot = t % (net.plan.max_delay() + 1);
            let sent = &state.sent.lanes::<L>()[slot * n..(slot + 1) * n];
            for (i, s) in sent.iter().enumerate() {
                for l in (0..self.samples).filter(|l| s[*l] != F::ZERO) {
                    counts[l * n + i] += s[l];
                    if net.plan.readout_row[i] != NOT_READ {
                        readout.receive_graded(l, row(net.plan.readout_row[i]), s[l]);
                    }
                }
            }
            if layout.spike_neurons > 0 {
                for (h, i) in record.iter().enumerate() {
                    for l in 0..self.samples {
                        spike_trace[t * width + l * record.len() + h] = sent[*i as usize][l];
                    }
                }
            }
        } else {
            let (neurons, masks) = spikes.at(t);
            for (i, mask) in neurons.iter().zip(masks) {
                let (i, mut rest) = (*i as usize, *mask);
                let k = net.plan.readout_row[i];
                while rest != 0 {
                    let l = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    counts[l * n + i] += F::ONE;
                    if k != NOT_READ {
                        readout.receive(l, row(k));
                    }
                }
            }
            if layout.spike_neurons > 0 {
                for (h, i) in record.iter().enumerate() {
                    for l in 0..self.samples {
                        let spike = self.masks[*i as usize] >> l & 1 == 1;
                        spike_trace[t * width + l * record.len() + h] = if spike { F::ONE } else { F::ZERO };
                    }
                }
            }
        }
        if layout.mem_neurons > 0 {
            for (h, i) in record.iter().enumerate() {
                for l in 0..self.samples {
                    mem_trace[t * width + l * record.len() + h] = mem[*i as usize][l];
                }
            }
        }
    }

    /// Which tensor went out of the numbers at step `t`: the synaptic state that step started from, or the potential.
    fn find_fault(&self, t: usize, next: &[[F; L]], state: &State<F>) -> Fault {
        let n = next.len();
        let bad = |lanes: &[[F; L]]| {
            let flat =
                lanes.iter().enumerate().flat_map(|(i, y)| y[..self.samples].iter().enumerate().map(move |(l, y)| (i, l, *y)));
            flat.filter(|(_, _, y)| !y.is_finite()).map(|(i, l, _)| (i, l)).next()
        };
        let fault = |tensor: &str, step, (i, l): (usize, usize)| Fault {
            tensor: tensor.into(),
            step: Some(step),
            sample: Some(self.first + l),
            index: Some(i % n),
        };
        match (bad(state.syn.lanes::<L>()), bad(next)) {
            (Some(at), _) => fault("syn", t, at),
            (None, Some(at)) => fault("mem", t + 1, at),
            (None, None) => Fault { tensor: "mem".into(), step: Some(t + 1), sample: None, index: None },
        }
    }
}

/// What each neuron transmits where it transmits numbers: the smooth step, or the potential clamped to 0..1.
#[inline(always)]
pub(super) fn activity<F: Real, const L: usize>(net: &Net<'_, F>, mem: &[[F; L]], sent: &mut [[F; L]]) {
    for ((mem, sent), threshold) in mem.iter().zip(sent).zip(net.params.threshold) {
        for l in 0..L {
            sent[l] = if net.spec.model.is_spiking() {
                net.spec.surrogate.step(mem[l] - *threshold)
            } else if mem[l] < F::ZERO {
                F::ZERO
            } else if mem[l] > F::ONE {
                F::ONE
            } else {
                mem[l]
            };
        }
    }
}
