//! The same bits whatever the threads, the checkpoints, and the company in the batch.

use super::*;

fn on_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool").install(work)
}

#[test]
fn one_two_and_four_threads_give_the_same_bits() {
    for batch in [11, 40, 150] {
        let mut small = Small::new(Wanted { batch, delays: true, channels: 2, ..Wanted::default() });
        small.spec.noise_sigma = 0.05;
        let one = on_threads(1, || small.run::<f32>());
        for threads in [2, 4] {
            assert_eq!(on_threads(threads, || small.run::<f32>()), one, "{threads} threads, batch {batch}");
        }
    }
}

#[test]
fn inference_gives_the_bits_of_training() {
    for model in MODELS {
        let mut small = Small::new(Wanted { model, batch: 13, delays: true, channels: 2, ..Wanted::default() });
        small.spec.noise_sigma = 0.05;
        let (effective, w2) = small.parameters::<f32>();
        let run = |record| small.engine::<f32>().forward(&effective, &w2, &small.events, record).expect("finite").0;
        let training = on_threads(2, || run(true));
        for threads in [1, 2] {
            assert_eq!(on_threads(threads, || run(false)), training, "{model:?} on {threads} threads");
        }
    }
}

#[test]
fn checkpoints_change_no_bit() {
    for model in MODELS {
        for (delays, smoothed, attach_reset) in [(false, false, false), (true, false, true), (true, true, true)] {
            let mut small = Small::new(Wanted { model, delays, channels: 2, steps: 23, ..Wanted::default() });
            small.spec.noise_sigma = 0.05;
            small.spec.smoothed = smoothed;
            small.spec.attach_reset = attach_reset;
            let all = small.run::<f32>();
            small.spec.checkpoint = Checkpoint::Sqrt;
            assert_eq!(small.run::<f32>(), all, "{model:?}");
        }
    }
}

#[test]
fn a_sample_does_not_feel_its_company() {
    let keys = |samples: std::ops::Range<u64>| samples.map(|s| noise_key(3, s, 1)).collect::<Vec<_>>();
    let mut small = Small::new(Wanted { batch: 21, ..Wanted::default() });
    small.spec.noise_sigma = 0.1;
    small.events = small.events.clone().with_noise_keys(keys(0..21));
    let engine = small.engine::<f32>();
    let (effective, w2) = small.parameters::<f32>();
    let all = engine.forward(&effective, &w2, &small.events, false).expect("finite").0;
    let alone: Vec<u32> = (0..small.spec.steps).flat_map(|t| small.events.at(17, t).to_vec()).collect();
    let mut ptr = vec![0];
    for t in 0..small.spec.steps {
        ptr.push(ptr[t] + small.events.at(17, t).len() as u32);
    }
    let events = Events::new(1, small.spec.steps, 6, ptr, alone).expect("sound").with_noise_keys(keys(17..18));
    let one = engine.forward(&effective, &w2, &events, false).expect("finite").0;
    let c = small.topology.outputs;
    for t in 0..=small.spec.steps {
        assert_eq!(one.out()[t * c..(t + 1) * c], all.out()[(t * 21 + 17) * c..][..c], "row {t}");
    }
}

#[test]
fn a_second_step_in_used_memory_gives_the_same_bits() {
    let small = Small::new(Wanted { batch: 20, ..Wanted::default() });
    let engine = small.engine::<f32>();
    let (effective, w2) = small.parameters::<f32>();
    let layout = small.layout();
    let mut runs = (0..2).map(|_| {
        let (output, tape) = engine.forward(&effective, &w2, &small.events, true).expect("finite");
        let by = small.loss_gradient(&output.into_packed());
        let by = OutputGradients::unpack(&layout, &by);
        engine.backward(&effective, &w2, &small.events, &tape.expect("recorded"), &by).expect("finite")
    });
    assert_eq!(runs.next(), runs.next());
}

#[test]
fn noise_changes_with_its_key_and_its_strength_alone() {
    let mut small = Small::new(Wanted { batch: 1, ..Wanted::default() });
    small.spec.noise_sigma = 0.1;
    let with_key = |key| {
        let mut small = small.clone();
        small.events = small.events.clone().with_noise_keys(vec![key]);
        small.run::<f64>().0
    };
    assert_eq!(with_key(5), with_key(5));
    assert_ne!(with_key(5), with_key(6));
}
