//! The fast emulator and its plain twin give the same bits on random networks, on any number of threads.

use kenyon_hardware::spinnaker::plain::{self, Arithmetic};
use kenyon_hardware::spinnaker::{Emulator, Options, Quantised, Shifts, emulate_batch, quantise};
use kenyon_hardware::{CellKind, Cells, Deployment, Neurons, Population, Projection, Receptor, Role, Sample, Synapse, Variable};
use rand::{Rng, SeedableRng, rngs::StdRng};

const KINDS: [CellKind; 3] = [CellKind::CurrExp, CellKind::CurrDelta, CellKind::CondExp];
const VARIABLES: [Variable; 4] = [Variable::V, Variable::GsynExc, Variable::GsynInh, Variable::Spikes];

fn population(draw: &mut StdRng, k: u32, n: usize, cells: Cells) -> Population {
    let sources = matches!(cells, Cells::SpikeSource);
    let record = VARIABLES.into_iter().filter(|v| draw.random_bool(0.7) && (!sources || *v == Variable::Spikes)).collect();
    let role = if sources { Role::Input } else { Role::Hidden };
    Population {
        label: format!("population {k}"),
        role,
        ids: (0..n as u64).map(|i| 1000 * u64::from(k) + i).collect(),
        names: Vec::new(),
        cells,
        record,
        v_scale: 1.0,
    }
}

fn neurons(draw: &mut StdRng, kind: CellKind, n: usize, wild: bool) -> Neurons {
    let mut neurons = Neurons { kind, ..Neurons::default() };
    for (name, column) in neurons.columns_mut() {
        let (low, high) = match name {
            "tau_m" => (3.0, 40.0),
            "cm" => (if wild { 0.001 } else { 0.2 }, 2.0),
            "i_offset" => (-0.5, 1.0),
            "v_rest" | "v" => (-70.0, -55.0),
            "v_reset" => (-75.0, -60.0),
            "v_thresh" => (-58.0, -45.0),
            "tau_refrac" => (0.0, 4.0),
            "e_rev_E" => (-10.0, 10.0),
            "e_rev_I" => (-90.0, -70.0),
            _ => (0.5, 20.0),
        };
        *column = (0..n).map(|_| draw.random_range(low..high)).collect();
    }
    neurons
}

/// A network of all kinds of cells in random order, with several delays and twin synapses; a wild one saturates and wraps.
fn network(seed: u64, wild: bool) -> Deployment {
    let mut draw = StdRng::seed_from_u64(seed);
    let dt_ms = [1.0, 0.5, 0.1, 2.0][seed as usize % 4];
    let mut out = Deployment::new("random", dt_ms, 120);
    for k in 0..5 {
        let n = draw.random_range(1..40);
        let kind = (k != seed as u32 % 5 && k != 4).then(|| KINDS[draw.random_range(0..3)]);
        let cells = kind.map_or(Cells::SpikeSource, |kind| Cells::Neurons(Box::new(neurons(&mut draw, kind, n, wild))));
        let population = population(&mut draw, k, n, cells);
        out.add(population);
    }
    let sizes: Vec<u32> = out.populations.iter().map(|p| p.ids.len() as u32).collect();
    for pre in 0..5 {
        for post in 0..5 {
            let Some(cells) = out.populations[post].cells.neurons() else { continue };
            let scale = if cells.kind.conducts() { 0.05 } else { 2.0 } * if wild { 300.0 } else { 1.0 };
            for receptor in [Receptor::Excitatory, Receptor::Inhibitory] {
                if draw.random_bool(0.3) {
                    continue;
                }
                let mut synapses: Vec<Synapse> = (0..draw.random_range(1..4 * sizes[post]))
                    .map(|_| Synapse {
                        pre: draw.random_range(0..sizes[pre]),
                        post: draw.random_range(0..sizes[post]),
                        weight: draw.random_range(1e-4..1.0) * scale,
                        delay_steps: f64::from(draw.random_range(1..20)),
                    })
                    .collect();
                synapses.push(synapses[0]);
                out.projections.push(Projection { pre: pre as u32, post: post as u32, receptor, synapses });
            }
        }
    }
    for k in 0..3 {
        let mut spikes = Vec::new();
        for (p, n) in sizes.iter().enumerate().filter(|(p, _)| out.populations[*p].cells.neurons().is_none()) {
            for i in 0..*n {
                spikes.extend((0..120).filter(|_| draw.random_bool(if wild { 0.5 } else { 0.1 })).map(|t| (p as u32, i, t)));
            }
        }
        spikes.sort_unstable();
        out.samples.push(Sample { name: format!("sample {k}"), class: None, spikes });
    }
    out.check().expect("a sound deployment");
    out
}

fn quantised(deployment: &Deployment, wild: bool) -> Quantised {
    let mut options = Options::LOWERED;
    if wild {
        options.shifts = Shifts::Given(vec![[6, 5]; 5]);
    }
    quantise(deployment, &options).expect("in range")
}

#[test]
fn both_forms_give_the_same_bits() {
    let (mut spikes, mut saturations, mut wraps) = (0, 0, 0);
    for seed in 0..40 {
        let wild = seed % 5 == 4;
        let deployment = network(seed, wild);
        let network = quantised(&deployment, wild);
        let mut emulator = Emulator::new(&network);
        for sample in &deployment.samples {
            let expected = plain::run(&network, &sample.spikes, Arithmetic::BOARD);
            // The same emulator again and again: nothing of one sample is left in the next.
            assert_eq!(emulator.run(&sample.spikes), expected, "seed {seed}, {}", sample.name);
            spikes += expected.populations.iter().map(|p| p.spike_count).sum::<u64>();
            saturations += expected.saturations();
            wraps += expected.wraps();
        }
    }
    assert!(spikes > 10_000 && saturations > 1_000 && wraps > 1_000, "too tame to tell: {spikes}, {saturations}, {wraps}");
}

#[test]
fn cuts_and_threads_do_not_change_a_bit() {
    for seed in [3, 4, 5, 9] {
        let wild = seed % 5 == 4;
        let deployment = network(seed, wild);
        let network = quantised(&deployment, wild);
        let input = &deployment.samples[0].spikes;
        let expected = Emulator::new(&network).run(input);
        for threads in [1, 2, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            for parts in [2, 3, 7, 1000] {
                let run = pool.install(|| Emulator::with_parts(&network, parts).run(input));
                assert_eq!(run, expected, "seed {seed}, {parts} parts on {threads} threads");
            }
            let batch = pool.install(|| emulate_batch(&network, &deployment.samples, |i, run| (i, run.clone())));
            assert_eq!(batch[0].1, expected);
            assert_eq!(batch.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 1, 2]);
        }
    }
}
