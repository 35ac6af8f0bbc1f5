//! Timing, faults, gradients that are not asked for.

use super::*;

/// One input, one neuron that spikes once when the input has fired.
fn one_neuron(delay: Option<u16>) -> (Engine<f64>, Vec<f64>) {
    let mut topology =
        Topology::new(1, 2, 1, Csr::from_sorted(1, [(0, 0)]).expect("sorted"), Csr::from_sorted(2, [(0, 1)]).expect("sorted"));
    topology.delay = delay.map(|d| vec![d, 0]);
    let spec = EngineSpec { record: Record { neurons: vec![0, 1], mem: true, spikes: true }, ..EngineSpec::new(12) };
    let effective = vec![0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 1.0, 0.0, 0.0, 0.5, 0.5, 4.0, 4.0];
    (Engine::new(topology, spec).expect("a sound network"), effective)
}

fn spike_times(engine: &Engine<f64>, effective: &[f64], neuron: usize) -> Vec<usize> {
    let events = Events::new(1, 12, 1, vec![0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1], vec![0]).expect("sound");
    let output = engine.forward(effective, &[1.0, 0.0], &events, false).expect("finite").0;
    (0..12).filter(|t| output.spikes()[t * 2 + neuron] == 1.0).collect()
}

#[test]
fn an_input_makes_a_spike_two_steps_later_and_that_one_another_two_later() {
    let (engine, effective) = one_neuron(None);
    assert_eq!(spike_times(&engine, &effective, 0), [5]);
    assert_eq!(spike_times(&engine, &effective, 1), [7]);
}

#[test]
fn an_extra_delay_shifts_the_receiver_by_its_steps() {
    let (engine, effective) = one_neuron(Some(3));
    assert_eq!(spike_times(&engine, &effective, 0), [5]);
    assert_eq!(spike_times(&engine, &effective, 1), [10]);
}

#[test]
fn a_positive_bias_is_hyperpolarising() {
    let (engine, mut effective) = one_neuron(None);
    effective[0] = 3.0;
    assert!(spike_times(&engine, &effective, 0).is_empty());
    effective[0] = -3.0;
    assert!(spike_times(&engine, &effective, 0).len() > 2);
}

#[test]
fn a_parameter_that_is_not_a_number_is_named() {
    let small = Small::new(Wanted::default());
    let (mut effective, w2) = small.parameters::<f32>();
    let at = Layout::of(&small.topology).range(Segment::V).start + 4;
    effective[at] = f32::NAN;
    let fault = small.engine::<f32>().forward(&effective, &w2, &small.events, false).expect_err("v is not a number");
    assert_eq!((fault.tensor.as_str(), fault.index), ("v", Some(4)));
    assert!(fault.to_user_error().to_string().contains("`v`"));
}

#[test]
fn an_overflow_is_named_with_its_tensor_and_step() {
    let (engine, mut effective) = one_neuron(None);
    let engine = Engine::<f32>::new(engine.topology().clone(), engine.spec().clone()).expect("sound");
    effective[11] = 3e38;
    let effective: Vec<f32> = effective.iter().map(|x| *x as f32).collect();
    let events = Events::new(1, 12, 1, vec![0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2], vec![0, 0]).expect("sound");
    let fault = engine.forward(&effective, &[1.0, 0.0], &events, false).expect_err("the synapse overflows");
    assert_eq!((fault.tensor.as_str(), fault.index, fault.sample), ("syn", Some(0), Some(0)));
    assert!(fault.step == Some(4) || fault.step == Some(5), "{fault}");
}

#[test]
fn a_gradient_that_is_not_a_number_is_an_error() {
    let small = Small::new(Wanted::default());
    let engine = small.engine::<f32>();
    let (effective, w2) = small.parameters::<f32>();
    let (output, tape) = engine.forward(&effective, &w2, &small.events, true).expect("finite");
    let mut by = vec![0.0; output.layout().out().len()];
    by[200] = f32::NAN;
    let by = OutputGradients { out: &by, ..OutputGradients::default() };
    let fault = engine.backward(&effective, &w2, &small.events, &tape.expect("recorded"), &by).expect_err("not a number");
    assert!(fault.tensor.starts_with("gradient of"), "{fault}");
}

#[test]
fn gradients_that_are_not_asked_for_are_zero_and_leave_the_others_alone() {
    let mut small = Small::new(Wanted::default());
    let all = small.run::<f64>().1;
    let layout = Layout::of(&small.topology);
    small.spec.gradients = GradMask { i_c: true, alpha: true, ..GradMask::NONE };
    let few = small.run::<f64>().1;
    for segment in Segment::ALL {
        let range = layout.range(segment);
        if small.spec.gradients.has(segment) {
            assert_eq!(few.effective[range.clone()], all.effective[range]);
        } else {
            assert!(few.effective[range].iter().all(|g| *g == 0.0), "{}", segment.name());
        }
    }
    assert!(few.w2.iter().all(|g| *g == 0.0));
}

#[test]
fn a_constant_gradient_of_the_readout_is_that_of_its_trace() {
    let small = Small::new(Wanted::default());
    let engine = small.engine::<f64>();
    let (effective, w2) = small.parameters::<f64>();
    let (output, tape) = engine.forward(&effective, &w2, &small.events, true).expect("finite");
    let tape = tape.expect("recorded");
    let row: Vec<f64> = small.slope[..9].to_vec();
    let mut by: Vec<f64> = row.iter().cycle().take(output.layout().out().len()).copied().collect();
    let run = |by: &[f64]| {
        let by = OutputGradients { out: by, ..OutputGradients::default() };
        engine.backward(&effective, &w2, &small.events, &tape, &by).expect("finite")
    };
    let constant = run(&by);
    // One step that differs by a hair sends it the other way.
    by[9 * 5] += 1e-15;
    let traced = run(&by);
    assert_close("effective", &constant.effective, &traced.effective, 1e-12);
    assert_close("w2", &constant.w2, &traced.w2, 1e-12);
}

#[test]
fn wiring_that_does_not_fit_is_bad_data() {
    let small = Small::new(Wanted::default());
    let refused = |change: &dyn Fn(&mut Topology)| {
        let mut topology = small.topology.clone();
        change(&mut topology);
        let error = Engine::<f32>::new(topology, small.spec.clone()).expect_err("it does not fit");
        assert_eq!(error.exit_code(), 3);
    };
    refused(&|t| t.v.col[0] = 11);
    refused(&|t| t.w1.row_ptr[2] = 9999);
    refused(&|t| t.readout[0] = 11);
    refused(&|t| t.readout[0] = t.readout[1]);
    refused(&|t| t.delay = Some(vec![1]));
    refused(&|t| t.channel_of_input = vec![1; 6]);
    refused(&|t| t.channels = 0);
    assert!(Events::new(1, 2, 3, vec![0, 1, 2], vec![0, 3]).is_err());
    assert!(Csr::from_sorted(3, [(1, 0), (0, 0)]).is_err());
}

#[test]
fn with_checkpoints_the_states_kept_grow_with_the_root_of_the_steps() {
    let kept = |steps, checkpoint| {
        let mut small = Small::new(Wanted { steps, ..Wanted::default() });
        small.spec.checkpoint = checkpoint;
        small.spec.gradients = GradMask { alpha: false, readout_decay: false, ..GradMask::ALL };
        let (effective, w2) = small.parameters::<f32>();
        let tape = small.engine::<f32>().forward(&effective, &w2, &small.events, true).expect("finite").1;
        tape.expect("recorded").numbers() as f64
    };
    let growth = |checkpoint| kept(400, checkpoint) / kept(100, checkpoint);
    assert!((growth(Checkpoint::All) - 4.0).abs() < 0.1, "{}", growth(Checkpoint::All));
    assert!((growth(Checkpoint::Sqrt) - 2.0).abs() < 0.1, "{}", growth(Checkpoint::Sqrt));
}

#[test]
fn single_precision_gradients_stay_close_to_double_at_long_time_constants() {
    for model in MODELS {
        let mut small = Small::new(Wanted { model, batch: 5, steps: 200, ..Wanted::default() });
        small.spec.surrogate.scale = 100.0;
        let layout = Layout::of(&small.topology);
        for (at, rise) in small.effective[layout.range(Segment::Rise)].iter_mut().enumerate() {
            *rise = model.rise(1.0, 41.3 + 1.7 * at as f64);
        }
        small.effective[layout.range(Segment::SynLoss)][0] = -(-1.0_f64 / 23.7).exp_m1();
        // As strong in the end as with short ones.
        small.effective[layout.range(Segment::W1).start..].iter_mut().for_each(|w| *w *= 0.2);
        let (double, single) = (small.run::<f64>().1, small.run::<f32>().1);
        for segment in Segment::ALL {
            let of = layout.range(segment);
            let single: Vec<f64> = single.effective[of.clone()].iter().map(|x| f64::from(*x)).collect();
            let double = &double.effective[of];
            if double.iter().any(|x| *x != 0.0) {
                assert_close(&format!("{model:?} {}", segment.name()), &single, double, 1e-4);
            }
        }
    }
}
