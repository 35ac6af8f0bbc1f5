//! The engine against the same network written plainly, with candle's autograd.

use candle_core::{DType, Device, Tensor, Var};

use super::*;

type Result<T> = candle_core::Result<T>;

fn tensor(values: &[f64], shape: &[usize]) -> Result<Tensor> {
    Tensor::from_slice(values, shape, &Device::Cpu)
}

/// Position of every stored entry in the dense matrix.
fn positions(pattern: &Csr, columns: usize) -> Vec<usize> {
    pattern.row_of_entry().iter().zip(&pattern.col).map(|(r, c)| *r as usize * columns + *c as usize).collect()
}

fn dense(pattern: &Csr, columns: usize, values: &[f64]) -> Result<Var> {
    let mut all = vec![0.0; pattern.rows * columns];
    for (at, value) in positions(pattern, columns).into_iter().zip(values) {
        all[at] = *value;
    }
    Var::from_tensor(&tensor(&all, &[pattern.rows, columns])?)
}

/// A spike with the fast sigmoid's gradient.
fn spike(u: &Tensor, k: f64) -> Result<Tensor> {
    let hard = u.gt(0.0)?.to_dtype(DType::F64)?;
    let smooth = (u / ((u.abs()? * k)? + 1.0)?)?;
    hard.detach() + (&smooth - smooth.detach())?
}

fn clamp(mem: &Tensor) -> Result<Tensor> {
    let above = mem.ge(1.0)?.to_dtype(DType::F64)?;
    let inside = (mem.gt(0.0)?.to_dtype(DType::F64)? * mem.lt(1.0)?.to_dtype(DType::F64)?)?;
    (mem * inside)? + above
}

/// Strengths of the inhibition of inputs [N, M], the decay of its traces, and these at the start [B, M]; zeros if there is none.
fn gates(topology: &Topology, batch: usize) -> Result<(Tensor, f64, Tensor)> {
    let none = || Presynaptic { pattern: Csr::empty(topology.neurons), ..Presynaptic::default() };
    let gate = topology.presynaptic.clone().unwrap_or_else(none);
    let strength = dense(&gate.pattern, topology.inputs, &gate.strength)?.as_detached_tensor();
    Ok((strength, gate.decay, Tensor::zeros((batch, topology.inputs), DType::F64, &Device::Cpu)?))
}

/// The potential after one step without a spike.
fn advance(model: PointModel, mem: &Tensor, drive: &Tensor, rise: &Tensor) -> Result<Tensor> {
    match model {
        PointModel::Lif | PointModel::Lif2 | PointModel::NonSpiking => {
            mem.broadcast_mul(&rise.affine(-1.0, 1.0)?)? + drive.broadcast_mul(rise)?
        }
        PointModel::Qif { a, v_sn } => mem + (((mem - v_sn)?.sqr()? * a)? + drive)?.broadcast_mul(rise)?,
    }
}

/// The network as the definition has it, step by step, dense; packed output, and the gradients of the loss.
pub(super) fn plainly(small: &Small) -> Result<(Vec<f64>, Gradients<f64>)> {
    let (topology, spec) = (&small.topology, &small.spec);
    let (n, c, b) = (topology.neurons, topology.outputs, small.events.batch());
    let layout = Layout::of(topology);
    let part = |segment| &small.effective[layout.range(segment)];
    let var = |segment| Var::from_tensor(&tensor(part(segment), &[1, part(segment).len()])?);
    let (i_c, rise, threshold, reset) = (var(Segment::IC)?, var(Segment::Rise)?, var(Segment::Threshold)?, var(Segment::Reset)?);
    let (syn_loss, out_syn_loss, out_rise) = (var(Segment::SynLoss)?, var(Segment::OutSynLoss)?, var(Segment::OutRise)?);
    let rest_of = |lost: &Tensor| lost.affine(-1.0, 1.0);
    let (alpha, alpha_o, beta_o) = (rest_of(&syn_loss)?, rest_of(&out_syn_loss)?, rest_of(&out_rise)?);
    let (w1, v) = (dense(&topology.w1, n, part(Segment::W1))?, dense(&topology.v, n, part(Segment::V))?);
    let w2 = Var::from_tensor(&tensor(&small.w2, &[topology.readout.len(), c])?)?;
    let readout = Tensor::from_slice(&topology.readout, topology.readout.len(), &Device::Cpu)?;
    let record = Tensor::from_slice(&spec.record.neurons, spec.record.neurons.len(), &Device::Cpu)?;
    let one_of = |channels: &[u16], rows: usize, ch: usize| {
        let of = |i: usize| channels.get(i).map_or(0, |c| usize::from(*c));
        tensor(&(0..rows).map(|i| f64::from(u8::from(of(i) == ch))).collect::<Vec<_>>(), &[1, rows])
    };
    let mut mem = reset.broadcast_as((b, n))?.contiguous()?;
    let mut syn = vec![Tensor::zeros((b, n), DType::F64, &Device::Cpu)?; topology.channels];
    let (mut f, mut o) = (Tensor::zeros((b, c), DType::F64, &Device::Cpu)?, Tensor::zeros((b, c), DType::F64, &Device::Cpu)?);
    let mut counts = Tensor::zeros((b, n), DType::F64, &Device::Cpu)?;
    let (gates, gate_decay, mut inhibition) = gates(topology, b)?;
    let (mut out, mut mems, mut spikes, mut sent) = (vec![o.clone()], Vec::new(), Vec::new(), Vec::<Tensor>::new());
    for t in 0..spec.steps {
        if spec.tbptt.is_some_and(|k| t > 0 && t % k == 0) {
            mem = mem.detach();
            syn = syn.iter().map(Tensor::detach).collect();
            sent = sent.iter().map(Tensor::detach).collect();
        }
        let s =
            if spec.model.is_spiking() { spike(&mem.broadcast_sub(&threshold)?, spec.surrogate.scale)? } else { clamp(&mem)? };
        mems.push(mem.index_select(&record, 1)?);
        spikes.push(s.index_select(&record, 1)?);
        counts = (counts + &s)?;
        sent.push(s.clone());
        let drive = syn.iter().skip(1).try_fold(syn[0].clone(), |a, x| a + x)?.broadcast_sub(&i_c)?;
        let advanced = advance(spec.model, &mem, &drive, &rise)?;
        let x: Vec<f64> = (0..b)
            .flat_map(|sample| {
                let mut counts = vec![0.0; topology.inputs];
                small.events.at(sample, t).iter().for_each(|i| counts[*i as usize] += 1.0);
                counts
            })
            .collect();
        let x = (tensor(&x, &[b, topology.inputs])? / (&inhibition + 1.0)?)?;
        // What arrives now: of each neuron its activity of `delay` steps ago.
        let delay = |i: usize| topology.delay.as_ref().map_or(0, |d| usize::from(d[i]));
        let mut arriving = Tensor::zeros((b, n), DType::F64, &Device::Cpu)?;
        for d in 0..=3usize.min(t) {
            let these = tensor(&(0..n).map(|i| f64::from(u8::from(delay(i) == d))).collect::<Vec<_>>(), &[1, n])?;
            let before = if spec.detach_recurrent { sent[t - d].detach() } else { sent[t - d].clone() };
            arriving = (arriving + before.broadcast_mul(&these)?)?;
        }
        inhibition = ((inhibition * gate_decay)? + arriving.detach().matmul(&gates)?)?;
        for (ch, syn) in syn.iter_mut().enumerate() {
            let from_inputs = x.broadcast_mul(&one_of(&topology.channel_of_input, topology.inputs, ch)?)?.matmul(&w1)?;
            let from_neurons = arriving.broadcast_mul(&one_of(&topology.channel_of_neuron, n, ch)?)?.matmul(&v)?;
            *syn = ((syn.broadcast_mul(&alpha.narrow(1, ch, 1)?)? + from_inputs)? + from_neurons)?;
        }
        mem = if spec.model.is_spiking() {
            let s = if spec.attach_reset { s.clone() } else { s.detach() };
            ((s.affine(-1.0, 1.0)? * advanced)? + s.broadcast_mul(&reset)?)?
        } else {
            advanced
        };
        let input = s.index_select(&readout, 1)?.matmul(&w2)?;
        o = (o.broadcast_mul(&beta_o)? + f.broadcast_mul(&out_rise)?)?;
        f = (f.broadcast_mul(&alpha_o)? + input)?;
        out.push(o.clone());
    }
    let flat = |list: &[Tensor]| Tensor::stack(list, 0)?.flatten_all();
    let packed = Tensor::cat(&[flat(&out)?, counts.flatten_all()?, flat(&mems)?, flat(&spikes)?], 0)?;
    let slope = tensor(&small.slope, &[small.slope.len()])?;
    let loss = (((&packed * slope)? + (packed.sqr()? / 2.0)?)?.sum_all()? / packed.elem_count() as f64)?;
    let store = loss.backward()?;
    let gradient = |var: &Var| -> Result<Vec<f64>> {
        match store.get(var) {
            Some(g) => g.flatten_all()?.to_vec1(),
            None => Ok(vec![0.0; var.elem_count()]),
        }
    };
    let stored = |pattern: &Csr, var: &Var| -> Result<Vec<f64>> {
        let dense = gradient(var)?;
        Ok(positions(pattern, n).into_iter().map(|at| dense[at]).collect())
    };
    let effective = [
        gradient(&i_c)?,
        gradient(&rise)?,
        gradient(&syn_loss)?,
        gradient(&threshold)?,
        gradient(&reset)?,
        gradient(&out_syn_loss)?,
        gradient(&out_rise)?,
        stored(&topology.w1, &w1)?,
        stored(&topology.v, &v)?,
    ]
    .concat();
    Ok((packed.to_vec1()?, Gradients { effective, w2: gradient(&w2)? }))
}

pub(super) fn agrees_with_autograd(small: &Small) {
    let (expected_output, expected) = plainly(small).expect("the plain network runs");
    let (output, gradients) = small.run::<f64>();
    let what = format!("{:?} detach {} attach {}", small.spec.model, small.spec.detach_recurrent, small.spec.attach_reset);
    assert_close(&format!("output of {what}"), &output, &expected_output, 1e-12);
    let layout = Layout::of(&small.topology);
    for segment in Segment::ALL {
        let range = layout.range(segment);
        let (got, expected) = (&gradients.effective[range.clone()], &expected.effective[range]);
        if expected.iter().all(|g| *g == 0.0) {
            assert!(got.iter().all(|g| *g == 0.0), "{} of {what}", segment.name());
        } else {
            assert_close(&format!("{} of {what}", segment.name()), got, expected, 1e-10);
        }
    }
    assert_close(&format!("w2 of {what}"), &gradients.w2, &expected.w2, 1e-10);
}

#[test]
fn gradients_of_every_model_and_mode_equal_those_of_autograd() {
    for model in MODELS {
        for mode in 0..4 {
            let mut small = Small::new(Wanted { model, ..Wanted::default() });
            small.spec.detach_recurrent = mode & 1 == 1;
            small.spec.attach_reset = mode & 2 == 2;
            agrees_with_autograd(&small);
        }
    }
}

#[test]
fn gradients_through_delays_and_channels_equal_those_of_autograd() {
    for model in MODELS {
        for detach_recurrent in [false, true] {
            let mut small = Small::new(Wanted { model, delays: true, channels: 2, ..Wanted::default() });
            small.spec.detach_recurrent = detach_recurrent;
            small.spec.checkpoint = Checkpoint::Sqrt;
            agrees_with_autograd(&small);
        }
    }
}

#[test]
fn gradients_without_synaptic_states_equal_those_of_autograd() {
    for model in MODELS {
        let mut small = Small::new(Wanted { model, ..Wanted::default() });
        let all = small.run::<f64>().1;
        small.spec.gradients.alpha = false;
        let without = small.run::<f64>().1;
        let layout = Layout::of(&small.topology);
        for segment in Segment::ALL.into_iter().filter(|s| *s != Segment::SynLoss) {
            if segment == Segment::Threshold && !model.is_spiking() {
                continue;
            }
            let range = layout.range(segment);
            assert_close(segment.name(), &without.effective[range.clone()], &all.effective[range], 1e-11);
        }
    }
}

#[test]
fn truncated_gradients_equal_those_of_autograd_with_the_state_cut() {
    for (delays, k) in [(false, 5), (false, 1), (true, 7)] {
        let mut small = Small::new(Wanted { delays, ..Wanted::default() });
        small.spec.tbptt = Some(k);
        agrees_with_autograd(&small);
    }
}

#[test]
fn gradients_in_f32_are_close_to_those_in_f64() {
    let small = Small::new(Wanted::default());
    let (exact, single) = (small.run::<f64>().1, small.run::<f32>().1);
    let single: Vec<f64> = single.effective.iter().map(|x| f64::from(*x)).collect();
    for segment in Segment::ALL {
        let range = Layout::of(&small.topology).range(segment);
        assert_close(segment.name(), &single[range.clone()], &exact.effective[range], 1e-4);
    }
}

#[test]
fn the_candle_operation_gives_the_engines_outputs_and_gradients() {
    let small = Small::new(Wanted::default());
    let engine = Arc::new(small.engine::<f32>());
    let (effective, w2) = small.parameters::<f32>();
    let effective = Var::new(effective, &Device::Cpu).expect("a variable");
    let w2 = Var::from_vec(w2, (small.topology.readout.len(), small.topology.outputs), &Device::Cpu).expect("a variable");
    let run = || -> Result<_> {
        let spiking = spiking(&engine, &Arc::new(small.events.clone()), &effective, &w2, true)?;
        let parts = [spiking.out()?, spiking.counts()?, spiking.mem()?, spiking.spikes()?];
        let packed = Tensor::cat(&parts.iter().map(Tensor::flatten_all).collect::<Result<Vec<_>>>()?, 0)?;
        let slope: Vec<f32> = small.slope.iter().map(|x| *x as f32).collect();
        let slope = Tensor::from_vec(slope, small.slope.len(), &Device::Cpu)?;
        let loss = (((&packed * slope)? + (packed.sqr()? / 2.0)?)?.sum_all()? / packed.elem_count() as f64)?;
        let store = loss.backward()?;
        let get = |var: &Var| store.get(var).expect("a gradient").flatten_all()?.to_vec1::<f32>();
        Ok((packed.to_vec1::<f32>()?, get(&effective)?, get(&w2)?))
    };
    let (packed, by_effective, by_w2) = run().expect("it runs");
    let (output, gradients) = small.run::<f32>();
    assert_eq!(packed, output);
    let double = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
    assert_close("effective", &double(&by_effective), &double(&gradients.effective), 1e-5);
    assert_close("w2", &double(&by_w2), &double(&gradients.w2), 1e-5);
}
