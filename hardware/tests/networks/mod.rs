//! Networks that tests of exports share.
#![allow(dead_code, reason = "no test program uses everything")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

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
        let lif = Lif { decay_syn: [&decay_syn; 2], decay_mem: &decay_mem, i_c: &i_c, threshold: &threshold, reset: &reset };
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
    let input = [
        6, 22, 27, 31, 32, 35, 37, 40, 41, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76,
        77, 78, 84, 85,
    ];
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

/// The trained classifier of the reference data: 70 inputs, 128 neurons, 20 classes, step 2 ms, 400 steps; none without the data.
pub(crate) fn golden() -> Option<Deployment> {
    let data = std::env::var_os("KENYON_REFERENCE_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")), PathBuf::from);
    let folder = data.join("fly/ref_snn");
    if !folder.is_dir() {
        eprintln!("skipped: no reference data");
        return None;
    }
    let (dt_ms, steps) = (2.0, 400_u32);
    let decay = |tau_ms: f64| (-dt_ms / tau_ms).exp();
    let decay_mem: Vec<f64> = array(&folder.join("tau_mem.npy")).into_iter().map(|tau_s| decay(1e3 * tau_s)).collect();
    let i_c = array(&folder.join("I_c.npy"));
    let n = i_c.len();
    let (decay_syn, threshold, reset) = (vec![decay(40.0); n], vec![1.0; n], vec![0.0; n]);
    let lif = Lif { decay_syn: [&decay_syn; 2], decay_mem: &decay_mem, i_c: &i_c, threshold: &threshold, reset: &reset };
    let population = |label: &str, role, n: u64, cells, record, v_scale| Population {
        label: label.into(),
        role,
        ids: (0..n).collect(),
        names: Vec::new(),
        cells,
        record,
        v_scale,
    };
    let scale = 256.0;
    let mut d = Deployment::new("golden", dt_ms, steps);
    let hidden = Cells::Neurons(Box::new(lowering::spiking(&lif, dt_ms, scale, 0).unwrap()));
    let readout = Cells::Neurons(Box::new(lowering::integrators(20, decay(40.0), decay(80.0), dt_ms).unwrap()));
    d.add(population("input", Role::Input, 70, Cells::SpikeSource, Vec::new(), 1.0));
    d.add(population("hidden", Role::Hidden, n as u64, hidden, vec![Variable::Spikes], scale));
    d.add(population("readout", Role::Readout, 20, readout, vec![Variable::V], 64.0));
    for (name, pre, post, delay) in [("w1.npy", 0, 1, 1), ("v.npy", 1, 1, 2), ("w2.npy", 1, 2, 2)] {
        let columns = d.populations[post as usize].ids.len();
        let weights = array(&folder.join(name)).into_iter().enumerate();
        let weights = weights.map(|(k, w)| ((k / columns) as u32, (k % columns) as u32, w, delay));
        for (receptor, synapses) in lowering::split(weights, d.populations[post as usize].v_scale).unwrap().into_receptors() {
            d.projections.push(Projection { pre, post, receptor, synapses });
        }
    }
    let input = array(&folder.join("input_spikes.npy"));
    let mut spikes: Vec<_> =
        (0..input.len()).filter(|k| input[*k] > 0.0).map(|k| (0, (k % 70) as u32, (k / 70) as u32)).collect();
    spikes.sort_unstable();
    d.samples.push(Sample { name: "reference".into(), class: Some(16), spikes });
    d.check().unwrap();
    Some(d)
}

/// Numbers of a `.npy` file, row by row.
fn array(path: &Path) -> Vec<f64> {
    let file = npyz::NpyFile::new(std::fs::File::open(path).unwrap()).unwrap();
    assert!(file.order() == npyz::Order::C || file.shape().len() == 1);
    match file.dtype().descr().as_str() {
        "'<f8'" => file.into_vec().unwrap(),
        "'<f4'" => file.into_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
        _ => file.into_vec::<u8>().unwrap().into_iter().map(f64::from).collect(),
    }
}
