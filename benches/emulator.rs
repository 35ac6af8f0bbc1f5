//! Emulating a SpiNNaker board: the olfactory network with its readout, and a random network of a million synapses.
//!
//! ```text
//! cargo bench --bench emulator -- [--iters N] [--parts N] [--deployment FILE]
//! ```
//!
//! Both networks are random, of the sizes of the real ones, with input that makes their neurons fire some spikes a second;
//! `--deployment` measures a file's first sample instead. `--parts` cuts a network for that many threads. Prints one JSON line: for
//! each network the smallest wall and CPU seconds of a sample over the iterations, spikes, synaptic events, and what its set-up took.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use kenyon_hardware::spinnaker::{Emulator, Options, Quantised, Run, quantise};
use kenyon_hardware::{CellKind, Cells, Deployment, Neurons, Population, Projection, Receptor, Role, Sample, Synapse, Variable};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Cells with the constants of a trained network at 2 ms, scale 256.
fn cells(n: usize) -> Cells {
    let of = |x: f64| vec![x; n];
    Cells::Neurons(Box::new(Neurons {
        kind: CellKind::CurrExp,
        tau_m_ms: of(80.0),
        cm_nf: of(80.0),
        i_offset_na: of(0.0),
        v_rest_mv: of(0.0),
        v_reset_mv: of(0.0),
        v_thresh_mv: of(f64::next_up(256.0)),
        tau_refrac_ms: of(2.0),
        v_init_mv: of(0.0),
        tau_syn_e_ms: of(40.0),
        tau_syn_i_ms: of(40.0),
        ..Neurons::default()
    }))
}

fn add(out: &mut Deployment, label: &str, n: usize, cells: Cells, role: Role) -> u32 {
    let record = match role {
        Role::Input => Vec::new(),
        Role::Hidden => vec![Variable::Spikes],
        Role::Readout => vec![Variable::V],
    };
    let ids = (0..n as u64).collect();
    out.add(Population { label: label.into(), role, ids, names: Vec::new(), cells, record, v_scale: 256.0 })
}

/// `synapses` random ones, all with this delay, of about this weight.
fn connect(out: &mut Deployment, draw: &mut StdRng, (pre, post): (u32, u32), receptor: Receptor, synapses: usize, weight: f64) {
    let [m, n] = [pre, post].map(|p| out.populations[p as usize].ids.len() as u32);
    let delay_steps = if out.populations[pre as usize].role == Role::Input { 1.0 } else { 2.0 };
    let mut list: Vec<Synapse> = (0..synapses)
        .map(|_| Synapse {
            pre: draw.random_range(0..m),
            post: draw.random_range(0..n),
            weight: draw.random_range(0.2..1.8) * weight,
            delay_steps,
        })
        .collect();
    list.sort_by_key(|s| (s.pre, s.post));
    out.projections.push(Projection { pre, post, receptor, synapses: list });
}

/// Each source fires in a step with this chance.
fn input(out: &mut Deployment, draw: &mut StdRng, chance: f64) {
    let n = out.populations[0].ids.len() as u32;
    let mut spikes = Vec::new();
    for i in 0..n {
        spikes.extend((0..out.steps).filter(|_| draw.random_bool(chance)).map(|t| (0, i, t)));
    }
    out.samples.push(Sample { name: "random".into(), class: None, spikes });
}

/// 2,264 receptor neurons, 7,616 neurons of which 5,177 are Kenyon cells, 200,000 synapses, a full readout of 284 classes.
fn olfactory(draw: &mut StdRng) -> Deployment {
    let mut out = Deployment::new("olfactory", 2.0, 500);
    let orn = add(&mut out, "ORN", 2_264, Cells::SpikeSource, Role::Input);
    let pn = add(&mut out, "PN", 2_439, cells(2_439), Role::Hidden);
    let kc = add(&mut out, "KC", 5_177, cells(5_177), Role::Hidden);
    let readout = add(&mut out, "readout", 284, cells(284), Role::Readout);
    connect(&mut out, draw, (orn, pn), Receptor::Excitatory, 60_000, 40.0);
    connect(&mut out, draw, (pn, pn), Receptor::Inhibitory, 60_000, 2.0);
    connect(&mut out, draw, (pn, kc), Receptor::Excitatory, 60_000, 60.0);
    connect(&mut out, draw, (kc, kc), Receptor::Inhibitory, 20_000, 2.0);
    let mut synapses = Vec::with_capacity(5_177 * 284);
    for pre in 0..5_177 {
        synapses.extend((0..284).map(|post| Synapse { pre, post, weight: draw.random_range(0.001..0.1), delay_steps: 2.0 }));
    }
    out.projections.push(Projection { pre: kc, post: readout, receptor: Receptor::Excitatory, synapses });
    input(&mut out, draw, 0.02);
    out
}

/// 10,000 neurons, a million synapses.
fn million(draw: &mut StdRng) -> Deployment {
    let mut out = Deployment::new("million", 1.0, 500);
    let input_to = add(&mut out, "input", 1_000, Cells::SpikeSource, Role::Input);
    let neurons = add(&mut out, "neurons", 10_000, cells(10_000), Role::Hidden);
    connect(&mut out, draw, (input_to, neurons), Receptor::Excitatory, 200_000, 25.0);
    connect(&mut out, draw, (neurons, neurons), Receptor::Excitatory, 600_000, 1.0);
    connect(&mut out, draw, (neurons, neurons), Receptor::Inhibitory, 200_000, 3.0);
    for synapse in out.projections.iter_mut().flat_map(|p| &mut p.synapses) {
        synapse.delay_steps = f64::from(1 + (7 * synapse.pre + synapse.post) % 16);
    }
    input(&mut out, draw, 0.02);
    out
}

/// CPU nanoseconds of all living threads.
fn cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() * 1e-9
}

fn events(network: &Quantised, run: &Run, sample: &Sample) -> u64 {
    let mut fan_out: Vec<Vec<u64>> = network.populations.iter().map(|p| vec![0; p.n as usize]).collect();
    for projection in &network.projections {
        projection.synapses.iter().for_each(|s| fan_out[projection.pre as usize][s.pre as usize] += 1);
    }
    let of_sources: u64 = sample.spikes.iter().map(|s| fan_out[s.0 as usize][s.1 as usize]).sum();
    let of_neurons = run.populations.iter().zip(&fan_out).flat_map(|(p, fan)| p.spikes.iter().map(|s| fan[s.1 as usize]));
    of_sources + of_neurons.sum::<u64>()
}

fn measure(deployment: &Deployment, iters: usize, parts: usize) -> Result<Value> {
    let start = Instant::now();
    let network = quantise(deployment, &Options::LOWERED)?;
    let mut emulator = Emulator::with_parts(&network, parts);
    let set_up = start.elapsed().as_secs_f64();
    let sample = deployment.samples.first().ok_or("no sample")?;
    let (mut run, mut wall, mut cpu) = (Run::default(), f64::INFINITY, f64::INFINITY);
    for _ in 0..iters {
        let (start, start_cpu) = (Instant::now(), cpu_seconds());
        emulator.run_into(&sample.spikes, &mut run);
        wall = wall.min(start.elapsed().as_secs_f64());
        cpu = cpu.min(cpu_seconds() - start_cpu);
    }
    Ok(json!({
        "network": deployment.name,
        "neurons": network.populations.iter().filter(|p| p.cells.is_some()).map(|p| p.n).sum::<u32>(),
        "synapses": network.projections.iter().map(|p| p.synapses.len()).sum::<usize>(),
        "steps": network.steps,
        "input_spikes": sample.spikes.len(),
        "spikes": run.populations.iter().map(|p| p.spike_count).sum::<u64>() - sample.spikes.len() as u64,
        "synaptic_events": events(&network, &run, sample),
        "saturations": run.saturations(),
        "wraps": run.wraps(),
        "set_up_s": set_up,
        "wall_s": wall,
        "cpu_s": cpu,
    }))
}

fn main() -> Result<()> {
    let (mut iters, mut parts, mut file) = (5, 1, None::<PathBuf>);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("`{arg}` needs a value"));
        match arg.as_str() {
            // Cargo's own.
            "--bench" => {}
            "--iters" => iters = value()?.parse()?,
            "--parts" => parts = value()?.parse()?,
            "--deployment" => file = Some(value()?.into()),
            _ => return Err(format!("unknown option `{arg}`").into()),
        }
    }
    rayon::ThreadPoolBuilder::new().num_threads(parts).build_global()?;
    let mut draw = StdRng::seed_from_u64(1);
    let deployments = match file {
        Some(file) => vec![Deployment::read(&file)?],
        None => vec![olfactory(&mut draw), million(&mut draw)],
    };
    let networks = deployments.iter().map(|d| measure(d, iters, parts)).collect::<Result<Vec<_>>>()?;
    writeln!(std::io::stdout(), "{}", json!({ "bench": "emulator", "parts": parts, "networks": networks }))?;
    Ok(())
}
