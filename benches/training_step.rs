//! One training step, or inference, of a connectome-constrained spiking network: forward, backward, Adam.
//!
//! ```text
//! cargo bench --bench training_step -- FILE.npz [--mode train|infer] [--threads N] [--iters N] [--detach-rec] [--sqrt] [--max]
//! ```
//!
//! `--sqrt` keeps states every sqrt T steps only; `--max` decides by the largest voltage over time instead of the mean.
//! Reads a task of `gen_ccsnn.py` (arrays in `FILE.npz`, sizes in `FILE.json`) and prints one JSON line with the keys of the
//! other tools' harness: smallest wall and CPU seconds of the iterations, peak memory, and loss, rate and gradient norms of
//! the last iteration for comparison.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use candle_core::{D, DType, Device, Tensor, Var};
use kenyon::npz::{Array, NpzReader};
use kenyon::training::engine::{Checkpoint, Csr, Engine, EngineSpec, Events, GradMask, Segment, Topology, spiking};
use kenyon_neurons::point::{Surrogate, SurrogateShape};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[expect(clippy::struct_excessive_bools, reason = "the switches of a command line")]
struct Options {
    file: PathBuf,
    infer: bool,
    threads: usize,
    iters: usize,
    detach: bool,
    sqrt: bool,
    max: bool,
}

impl Options {
    fn parse() -> Result<Option<Self>> {
        let (mut file, mut infer, mut threads, mut iters) = (None, false, 1, 3);
        let (mut detach, mut sqrt, mut max) = (false, false, false);
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("`{arg}` needs a value"));
            match arg.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--mode" => infer = value()? == "infer",
                "--threads" => threads = value()?.parse()?,
                "--iters" => iters = value()?.parse()?,
                "--detach-rec" => detach = true,
                "--sqrt" => sqrt = true,
                "--max" => max = true,
                _ if arg.starts_with("--") => return Err(format!("unknown option `{arg}`").into()),
                _ => file = Some(PathBuf::from(arg)),
            }
        }
        Ok(file.map(|file| Self { file, infer, threads, iters, detach, sqrt, max }))
    }
}

/// The task of a file.
struct Task {
    topology: Topology,
    events: Arc<Events>,
    labels: Vec<u32>,
    /// Effective parameters in the engine's layout.
    effective: Vec<f32>,
    w2: Vec<f32>,
    /// Sign of each recurrent synapse.
    sign: Vec<f32>,
    surrogate: Surrogate,
    steps: usize,
    batch: usize,
}

fn floats(array: &Array) -> Vec<f32> {
    array.to_f64().into_iter().map(|x| x as f32).collect()
}

impl Task {
    fn read(path: &Path) -> Result<Self> {
        let manifest: Value = serde_json::from_str(&std::fs::read_to_string(path.with_extension("json"))?)?;
        let size = |key: &str| manifest[key].as_u64().map(|n| n as usize).ok_or_else(|| format!("no `{key}` in the manifest"));
        let number = |key: &str| manifest[key].as_f64().ok_or_else(|| format!("no `{key}` in the manifest"));
        let (m, n, c) = (size("inputs")?, size("hidden")?, size("classes")?);
        let (steps, batch) = (size("steps")?, size("batch")?);
        let mut file = NpzReader::open(path)?;
        let mut whole = |name: &str| -> Result<Vec<u32>> {
            let values = file.read(name)?.to_i64().ok_or("not whole")?;
            Ok(values.into_iter().map(|x| x as u32).collect())
        };
        let pairs = |pre: Vec<u32>, post: Vec<u32>| pre.into_iter().zip(post);
        let w1 = Csr::from_sorted(m, pairs(whole("w_in_pre")?, whole("w_in_post")?))?;
        let rec_pre = whole("w_rec_pre")?;
        let v = Csr::from_sorted(n, pairs(rec_pre.clone(), whole("w_rec_post")?))?;
        let events = Events::new(batch, steps, m, whole("in_ptr")?, whole("in_idx")?)?;
        let labels = whole("labels")?;
        let readout = whole("readout_idx")?;
        let mut read = |name: &str| -> Result<Vec<f32>> { Ok(floats(&file.read(name)?)) };
        let sign = read("sign")?;
        let effective = [
            read("I_c")?,
            read("beta")?.into_iter().map(|beta| 1.0 - beta).collect(),
            vec![(1.0 - number("alpha")?) as f32],
            vec![number("threshold")? as f32; n],
            vec![number("reset")? as f32; n],
            vec![(1.0 - number("alpha_out")?) as f32, (1.0 - number("beta_out")?) as f32],
            read("w_in_val")?,
            read("w_rec_val")?,
        ]
        .concat();
        Ok(Self {
            topology: Topology { readout, ..Topology::new(m, n, c, w1, v) },
            events: Arc::new(events),
            labels,
            effective,
            w2: read("w_out")?,
            sign: rec_pre.iter().map(|i| sign[*i as usize]).collect(),
            surrogate: Surrogate::new(SurrogateShape::FastSigmoid, number("surrogate_scale")?),
            steps,
            batch,
        })
    }
}

/// Adam of Kingma and Ba (2015), betas 0.9 and 0.999, rate 1e-4.
#[derive(Default)]
struct Adam {
    step: i32,
    moments: Vec<[Vec<f32>; 2]>,
}

impl Adam {
    fn update(&mut self, parts: &mut [(&mut [f32], &[f32])]) {
        self.step += 1;
        let (c1, c2) = (1.0 - 0.9f32.powi(self.step), 1.0 - 0.999f32.powi(self.step));
        if self.moments.is_empty() {
            self.moments = parts.iter().map(|(x, _)| [vec![0.0; x.len()], vec![0.0; x.len()]]).collect();
        }
        for ((x, g), [m, v]) in parts.iter_mut().zip(&mut self.moments) {
            for (((x, g), m), v) in x.iter_mut().zip(*g).zip(m).zip(v) {
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                *x -= 1e-4 * (*m / c1) / ((*v / c2).sqrt() + 1e-8);
            }
        }
    }
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

/// A line of `/proc/self/status` in MiB.
fn memory_mib(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(key)?.split_whitespace().next()?.parse::<f64>().ok());
    line.unwrap_or(f64::NAN) / 1024.0
}

fn norm<'a>(parts: impl IntoIterator<Item = &'a [f32]>) -> f64 {
    parts.into_iter().flatten().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
}

/// What the iterations gave.
#[derive(Default)]
struct Measured {
    wall: Vec<f64>,
    cpu: Vec<f64>,
    forward: Vec<f64>,
    loss: f64,
    rate_hz: f64,
    norms: Option<[f64; 3]>,
}

fn measure(options: &Options, task: &mut Task) -> Result<Measured> {
    let gradients = GradMask { i_c: true, leak: true, w1: true, v: true, w2: true, ..GradMask::NONE };
    let spec = EngineSpec {
        surrogate: task.surrogate,
        detach_recurrent: options.detach,
        checkpoint: if options.sqrt { Checkpoint::Sqrt } else { Checkpoint::All },
        gradients,
        ..EngineSpec::new(task.steps)
    };
    let engine = Arc::new(Engine::<f32>::new(task.topology.clone(), spec)?);
    let layout = engine.layout().clone();
    let labels = Tensor::new(task.labels.as_slice(), &Device::Cpu)?.unsqueeze(1)?;
    let shape = (task.topology.readout.len(), task.topology.outputs);
    let mut adam = Adam::default();
    let mut measured = Measured::default();
    for _ in 0..options.iters {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let effective = Var::from_slice(&task.effective, layout.len(), &Device::Cpu)?;
        let w2 = Var::from_slice(&task.w2, shape, &Device::Cpu)?;
        let run = spiking(&engine, &task.events, &effective, &w2, !options.infer)?;
        let out = run.out()?.narrow(0, 1, task.steps)?;
        let decision = if options.max { out.max(0)? } else { out.mean(0)? };
        let log_likelihood = candle_nn::ops::log_softmax(&decision, D::Minus1)?.gather(&labels, 1)?;
        let loss = log_likelihood.mean_all()?.neg()?;
        measured.loss = f64::from(loss.to_scalar::<f32>()?);
        measured.forward.push(cpu_seconds() - cpu);
        if !options.infer {
            let store = loss.backward()?;
            let get = |var: &Var| -> Result<Vec<f32>> { Ok(store.get(var).ok_or("no gradient")?.flatten_all()?.to_vec1()?) };
            let (by_effective, by_w2) = (get(&effective)?, get(&w2)?);
            let of = |segment| &by_effective[layout.range(segment)];
            let (by_w1, by_v) = (of(Segment::W1), of(Segment::V));
            let (i_c, rest) = task.effective.split_at_mut(task.topology.neurons);
            let (rise, rest) = rest.split_at_mut(task.topology.neurons);
            let start_w1 = rest.len() - by_w1.len() - by_v.len();
            let (w1, v) = rest[start_w1..].split_at_mut(by_w1.len());
            adam.update(&mut [
                (&mut *i_c, of(Segment::IC)),
                (&mut *rise, of(Segment::Rise)),
                (&mut *w1, by_w1),
                (&mut *v, by_v),
                (&mut task.w2, &by_w2),
            ]);
            for rise in &mut *rise {
                *rise = rise.clamp(0.001, 0.5);
            }
            for w in &mut *w1 {
                *w = w.max(0.0);
            }
            for (w, sign) in v.iter_mut().zip(&task.sign) {
                *w = if *w * sign > 0.0 { *w } else { 0.0 };
            }
            let all = [of(Segment::IC), of(Segment::Rise), by_w1, by_v, &by_w2];
            measured.norms = Some([norm(all), norm([by_w1]), norm([by_v])]);
        }
        measured.cpu.push(cpu_seconds() - cpu);
        measured.wall.push(start.elapsed().as_secs_f64());
        let counts = run.counts()?.to_dtype(DType::F64)?.mean_all()?.to_scalar::<f64>()?;
        measured.rate_hz = counts / task.steps as f64 * 1000.0;
    }
    Ok(measured)
}

fn main() -> Result<()> {
    let Some(options) = Options::parse()? else {
        eprintln!("training_step: no task file; make one with `gen_ccsnn.py --out FILE.npz` and give it as an argument");
        return Ok(());
    };
    rayon::ThreadPoolBuilder::new().num_threads(options.threads).build_global()?;
    let mut task = Task::read(&options.file)?;
    let base = memory_mib("VmRSS:");
    let measured = measure(&options, &mut task)?;
    let least = |list: &[f64]| list.iter().copied().fold(f64::INFINITY, f64::min);
    let (cpu, forward, wall) = (least(&measured.cpu), least(&measured.forward), least(&measured.wall));
    let [grad_norm, grad_norm_in, grad_norm_rec] = measured.norms.map_or([None; 3], |norms| norms.map(Some));
    let line = json!({
        "bench": "ccsnn",
        "peer": "kenyon",
        "mode": if options.infer { "infer" } else { "train" },
        "threads": options.threads,
        "T": task.steps,
        "B": task.batch,
        "N": task.topology.neurons,
        "M": task.topology.inputs,
        "nnz_in": task.topology.w1.nnz(),
        "nnz_rec": task.topology.v.nnz(),
        "wall_s": wall,
        "cpu_s": cpu,
        "fwd_cpu_s": forward,
        "cpu_ms_per_step_T": cpu / task.steps as f64 * 1e3,
        "stages": { "step": wall },
        "cpu": { "forward": forward, "backward_and_adam": cpu - forward, "step": cpu },
        "rate_hz": measured.rate_hz,
        "loss": measured.loss,
        "grad_norm": grad_norm,
        "grad_norm_in": grad_norm_in,
        "grad_norm_rec": grad_norm_rec,
        "base_rss_mib": base,
        "peak_rss_mib": memory_mib("VmHWM:"),
        "detach_rec": options.detach,
        "versions": { "kenyon": env!("CARGO_PKG_VERSION") },
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
