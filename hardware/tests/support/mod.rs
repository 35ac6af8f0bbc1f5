//! Networks that tests of exports share.
#![allow(dead_code, reason = "no test program uses everything")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use kenyon_hardware::lowering::{self, Lif};
use kenyon_hardware::{CellKind, Cells, Deployment, Neurons, Population, Projection, Receptor, Role, Sample, Synapse, Variable};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Inputs of a random network, and neurons of each of its two hidden populations.
const SIZES: (u32, u32) = (8, 12);

/// A recurrent network of two populations with delays of 2 and 4 steps, a readout, one sample of noise.
pub(crate) fn random(seed: u64, steps: u32) -> Deployment {
    let mut rng = StdRng::seed_from_u64(seed);
    let (dt_ms, (inputs, n)) = (2.0, SIZES);
    let mut d = Deployment::new("random", dt_ms, steps);
    let ids = |first: u64, n: u32| (0..u64::from(n)).map(|i| 720_575_940_000_000_000 + first + i).collect::<Vec<_>>();
    let population = |label: &str, role, ids: Vec<u64>, cells, record, v_scale| Population {
        label: label.into(),
        role,
        names: Vec::new(),
        ids,
        cells,
        record,
        v_scale,
    };
    d.add(population("ORN", Role::Input, ids(0, inputs), Cells::SpikeSource, Vec::new(), 1.0));
    for (k, label) in ["uPN", "KC"].into_iter().enumerate() {
        let mut each = |low: f64, high: f64| (0..n).map(|_| rng.random_range(low..high)).collect::<Vec<f64>>();
        let (decay_syn, decay_mem) = (vec![(-dt_ms / 10.0_f64).exp(); n as usize], each(0.9, 0.97));
        let (i_c, threshold, reset) = (each(-0.1, 0.1), each(0.8, 1.2), each(-0.1, 0.1));
        let lif = Lif { decay_syn: &decay_syn, decay_mem: &decay_mem, i_c: &i_c, threshold: &threshold, reset: &reset };
        let scale = [64.0, 256.0][k];
        let cells = Cells::Neurons(Box::new(lowering::spiking(&lif, dt_ms, scale, 0).unwrap()));
        d.add(population(label, Role::Hidden, ids(100 * (k as u64 + 1), n), cells, vec![Variable::Spikes], scale));
    }
    let readout = lowering::integrators(3, (-dt_ms / 20.0_f64).exp(), (-dt_ms / 40.0_f64).exp(), dt_ms).unwrap();
    let readout = Cells::Neurons(Box::new(readout));
    d.add(population("readout", Role::Readout, vec![0, 1, 2], readout, vec![Variable::V], 32.0));
    let mut wire = |pre: u32, post: u32, delays: &[u32], mean: f64, sd: f64| {
        let (rows, columns) = (d.populations[pre as usize].ids.len() as u32, d.populations[post as usize].ids.len() as u32);
        let pairs = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
        let weights: Vec<_> = pairs
            .map(|(i, j)| (i, j, mean + sd * rng.random_range(-1.0..1.0), delays[(i + j) as usize % delays.len()]))
            .filter(|w| w.2.abs() > sd / 4.0)
            .collect();
        for (receptor, synapses) in lowering::split(weights, d.populations[post as usize].v_scale).unwrap().into_receptors() {
            d.projections.push(Projection { pre, post, receptor, synapses });
        }
    };
    wire(0, 1, &[1], 0.6, 0.6);
    wire(1, 1, &[2], -0.1, 0.3);
    wire(1, 2, &[2, 4], 0.2, 0.5);
    wire(2, 1, &[2], -0.1, 0.3);
    wire(2, 3, &[2], 0.0, 0.5);
    let mut spikes: Vec<_> = (0..inputs).flat_map(|i| (1..steps - 5).map(move |t| (0, i, t))).collect();
    spikes.retain(|_| rng.random_bool(0.15));
    d.samples.push(Sample { name: "noise".into(), class: Some(1), spikes });
    d.check().unwrap();
    d
}

/// The single neuron by which the authors of NIR compare simulators: tau 2.5 ms, threshold 0.1, step 0.1 ms, input without a filter.
pub(crate) fn single_lif() -> Deployment {
    // Steps of the input, in tens: the stimulus of NIR's comparison of single neurons.
    let input = [6, 22, 27, 31, 32, 35, 37, 40, 41, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 84, 85];
    let mut d = Deployment::new("single neuron", 0.1, 960);
    let cells = Neurons {
        kind: CellKind::CurrDelta,
        tau_m_ms: vec![2.5],
        cm_nf: vec![2.5],
        i_offset_na: vec![0.0],
        v_rest_mv: vec![0.0],
        v_reset_mv: vec![0.0],
        v_thresh_mv: vec![0.1_f64.next_up()],
        tau_refrac_ms: vec![0.0],
        v_init_mv: vec![0.0],
        ..Neurons::default()
    };
    let population = |label: &str, role, cells, record| Population {
        label: label.into(),
        role,
        ids: vec![1],
        names: Vec::new(),
        cells,
        record,
        v_scale: 1.0,
    };
    d.add(population("input", Role::Input, Cells::SpikeSource, Vec::new()));
    d.add(population("neuron", Role::Hidden, Cells::Neurons(Box::new(cells)), vec![Variable::Spikes]));
    let synapses = vec![Synapse { pre: 0, post: 0, weight: 0.1, delay_steps: 1.0 }];
    d.projections.push(Projection { pre: 0, post: 1, receptor: Receptor::Excitatory, synapses });
    // The synapse takes a step, so that the input acts where the stimulus has it.
    d.samples.push(Sample { name: "stimulus".into(), class: None, spikes: input.map(|t| (0, 0, 10 * t - 1)).to_vec() });
    d.check().unwrap();
    d
}

/// Where exact simulators, Nengo, Norse, snnTorch and SpiNNaker 2 have its spikes.
pub(crate) fn single_lif_spikes() -> Vec<u32> {
    vec![460, 510, 710, 760]
}
