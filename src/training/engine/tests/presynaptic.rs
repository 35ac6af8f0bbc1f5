//! Inhibition of the inputs' terminals.

use kenyon_neurons::point::{Surrogate, SurrogateShape};

use super::autograd::agrees_with_autograd;
use super::determinism::on_threads;
use super::*;

/// A small network whose neurons inhibit its inputs.
fn inhibited(wanted: Wanted) -> Small {
    let mut small = Small::new(wanted);
    let mut rng = Streams::new(8).stream("engine-tests");
    let pattern = pattern(&mut rng, small.topology.neurons, small.topology.inputs, 0.4);
    let strength = (0..pattern.nnz()).map(|_| rng.random_range(0.05..0.6)).collect();
    small.topology.presynaptic = Some(Presynaptic { pattern, strength, decay: 0.8 });
    small
}

/// One input that fires at every step, one neuron that it drives, which inhibits it if `strength` is above 0.
fn one_loop(strength: f64, delay: u16) -> Vec<f64> {
    let one = || Csr::from_sorted(1, [(0, 0)]).expect("sorted");
    let mut topology = Topology::new(1, 1, 1, one(), Csr::empty(1));
    topology.presynaptic = Some(Presynaptic { pattern: one(), strength: vec![strength], decay: 0.5 });
    topology.delay = Some(vec![delay]);
    let spec = EngineSpec { record: Record { neurons: vec![0], mem: true, spikes: true }, ..EngineSpec::new(12) };
    let engine = Engine::<f64>::new(topology, spec).expect("a sound network");
    let events = Events::from_dense(1, 12, 1, &[1; 12]);
    // No memory of membrane or synapse: the potential is the input of two steps ago, times 1.5.
    let effective = [0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.5];
    engine.forward(&effective, &[1.0], &events, false).expect("finite").0.mem().to_vec()
}

#[test]
fn an_input_spike_enters_by_one_over_one_plus_the_trace() {
    assert_eq!(one_loop(0.0, 0)[..8], [0.0, 0.0, 1.5, 0.0, 1.5, 0.0, 1.5, 0.0]);
    // Spikes at steps 2 and 4 make the trace 3 at step 3, 1.5 at step 4, 3.75 at step 5, 1.875 at step 6; an input spike is
    // seen two steps later, unless the neuron is then at its reset.
    let close = |mem: &[f64], expected: &[f64]| {
        assert!(mem.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{mem:?}");
    };
    close(&one_loop(3.0, 0), &[0.0, 0.0, 1.5, 0.0, 1.5, 0.0, 1.5 / 2.5, 1.5 / 4.75, 1.5 / 2.875]);
    close(&one_loop(3.0, 1), &[0.0, 0.0, 1.5, 0.0, 1.5, 0.0, 1.5 / 4.0, 1.5 / 2.5, 1.5 / 4.75]);
}

#[test]
fn outputs_and_gradients_equal_those_of_autograd_with_the_factor_held() {
    for model in MODELS {
        for (delays, channels, checkpoint) in [(false, 1, Checkpoint::All), (true, 2, Checkpoint::Sqrt)] {
            let mut small = inhibited(Wanted { model, channels, delays, ..Wanted::default() });
            small.spec.checkpoint = checkpoint;
            agrees_with_autograd(&small);
            let free = Small { topology: Topology { presynaptic: None, ..small.topology.clone() }, ..small.clone() };
            assert_ne!(small.run::<f64>().0, free.run::<f64>().0, "inhibition does something in {model:?}");
        }
    }
}

#[test]
fn weights_that_the_inhibiting_neurons_do_not_feel_have_the_gradient_of_central_differences() {
    for model in [PointModel::Lif, PointModel::NonSpiking] {
        let mut small = inhibited(Wanted { model, ..Wanted::default() });
        small.spec.smoothed = true;
        small.spec.attach_reset = true;
        small.spec.surrogate = Surrogate::new(SurrogateShape::Arctan, 2.0);
        // Neurons 0 to 2 inhibit, and nothing reaches them but their bias: no weight changes a factor.
        let only = |pattern: &Csr, keep: &dyn Fn(u32, u32) -> bool| {
            let pairs = pattern.row_of_entry().into_iter().zip(pattern.col.iter().copied());
            Csr::from_sorted(pattern.rows, pairs.filter(|(row, col)| keep(*row, *col))).expect("sorted")
        };
        let old = Layout::of(&small.topology);
        let before = small.topology.clone();
        small.topology.w1 = only(&before.w1, &|_, post| post > 2);
        small.topology.v = only(&before.v, &|_, post| post > 2);
        let gate = small.topology.presynaptic.as_mut().expect("it inhibits");
        gate.pattern = only(&gate.pattern, &|pre, _| pre < 3);
        gate.strength.truncate(gate.pattern.nnz());
        let kept = |pattern: &Csr, segment| {
            let values = small.effective[old.range(segment)].iter();
            values.zip(&pattern.col).filter(|(_, post)| **post > 2).map(|(w, _)| *w).collect::<Vec<_>>()
        };
        let (w1, v) = (kept(&before.w1, Segment::W1), kept(&before.v, Segment::V));
        small.effective.truncate(old.range(Segment::W1).start);
        small.effective[..3].fill(-0.9);
        small.effective.extend(w1.into_iter().chain(v));

        let layout = Layout::of(&small.topology);
        let (engine, gradients) = (small.engine::<f64>(), small.run::<f64>().1);
        let loss = |effective: &[f64]| {
            small.loss(&engine.forward(effective, &small.w2, &small.events, false).expect("finite").0.into_packed())
        };
        let (mut effective, h) = (small.effective.clone(), 1e-6);
        for segment in [Segment::W1, Segment::V, Segment::SynLoss] {
            let mut difference = |i: usize| {
                let x = effective[i];
                effective[i] = x + h;
                let above = loss(&effective);
                effective[i] = x - h;
                let below = loss(&effective);
                effective[i] = x;
                (above - below) / (2.0 * h)
            };
            let range = layout.range(segment);
            let differences: Vec<f64> = range.clone().map(&mut difference).collect();
            assert_close(segment.name(), &gradients.effective[range], &differences, 1e-6);
        }
    }
}

#[test]
fn inhibition_of_strength_zero_changes_no_bit() {
    let mut small = inhibited(Wanted { batch: 5, delays: true, channels: 2, ..Wanted::default() });
    small.topology.presynaptic.as_mut().expect("it inhibits").strength.fill(0.0);
    let gated = small.run::<f32>();
    small.topology.presynaptic = None;
    assert_eq!(small.run::<f32>(), gated);
}

#[test]
fn threads_checkpoints_and_recording_change_no_bit() {
    for (batch, smoothed) in [(11, false), (40, false), (11, true)] {
        let mut small = inhibited(Wanted { batch, delays: true, channels: 2, steps: 23, ..Wanted::default() });
        small.spec.noise_sigma = 0.05;
        small.spec.smoothed = smoothed;
        let one = on_threads(1, || small.run::<f32>());
        for threads in [2, 4] {
            assert_eq!(on_threads(threads, || small.run::<f32>()), one, "{threads} threads, batch {batch}");
        }
        let (effective, w2) = small.parameters::<f32>();
        let inference = || small.engine::<f32>().forward(&effective, &w2, &small.events, false).expect("finite").0;
        assert_eq!(on_threads(1, inference).into_packed(), one.0);
        small.spec.checkpoint = Checkpoint::Sqrt;
        assert_eq!(small.run::<f32>(), one);
    }
}

#[test]
fn strengths_and_decays_without_a_meaning_are_refused() {
    let small = inhibited(Wanted::default());
    let refused = |change: &dyn Fn(&mut Presynaptic)| {
        let mut topology = small.topology.clone();
        change(topology.presynaptic.as_mut().expect("it inhibits"));
        let error = Engine::<f32>::new(topology, small.spec.clone()).expect_err("it does not fit");
        assert_eq!(error.exit_code(), 3);
    };
    refused(&|p| p.strength[1] = -0.1);
    refused(&|p| p.strength[1] = f64::NAN);
    refused(&|p| p.strength.truncate(1));
    refused(&|p| p.decay = 1.1);
    refused(&|p| p.pattern.col[0] = 6);
}
