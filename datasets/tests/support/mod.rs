//! Simulation sets of a neuron that is none: labels are cheap functions of the input.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};

use kenyon_base::Silent;
use kenyon_datasets::simulation::{
    Counts, Extra, FilterSpec, Input, Item, Labels, Neuron, Record, SetAbout, SetConfig, SetPlan, SetReport, SetWriter, Shard,
    SynapseRow,
};

/// A small set of a preset.
pub fn plan(preset: &str, counts: [u32; 4], duration_ms: u32, warmup_ms: u32) -> SetPlan {
    let mut config = SetConfig::preset(preset).expect("known");
    config.counts = Counts { train: counts[0], valid: counts[1], test: counts[2], shift: counts[3] };
    config.duration_ms = duration_ms;
    config.warmup_ms = warmup_ms;
    config.initialisation_ms = config.initialisation_ms.min(duration_ms / 4);
    if config.segment_um.is_empty() {
        config.segment_um = vec![12.0; 5];
    }
    if config.filter.is_some() {
        config.filter = Some(FilterSpec::default());
    }
    SetPlan::new(config).expect("valid")
}

pub fn about(plan: &SetPlan) -> SetAbout {
    let nseg = plan.config().nseg();
    let row = |i: u32| SynapseRow {
        section: "dend".into(),
        segment: i % nseg,
        x: (f64::from(i % nseg) + 0.5) / f64::from(nseg),
        sign: if i < nseg { 1 } else { -1 },
        y_mean: f64::from(i % nseg),
    };
    let neuron = Neuron {
        parameters: serde_json::json!({ "dend_L_um": 2048.0, "note": "no neuron" }),
        dt_ms: 0.25,
        scheme: "none".into(),
        celsius: 6.3,
        v_init_mv: -75.0,
        tables: None,
        placement: "centre".into(),
        synapse_order: "by segment".into(),
        synapses: (0..2 * nseg).map(row).collect(),
        branches: true,
    };
    SetAbout::of(plan, neuron, "2024-01-01T00:00:00Z")
}

/// What the neuron that is none answers: a leaky sum that spikes, and segments that sum alone.
fn answer(input: &Input, about: &SetAbout) -> (Vec<f64>, Vec<f64>) {
    const STEPS: usize = 4;
    let (nseg, duration) = (input.nseg as usize, about.duration_ms as usize);
    let mut drive = vec![vec![0.0; nseg]; input.bins as usize];
    for e in &input.events {
        let row = e.row as usize;
        drive[e.t as usize][row % nseg] += if row < nseg { e.weight } else { -e.weight };
    }
    let mut local = vec![-75.0; nseg];
    let mut soma = -75.0;
    let mut trace = Vec::new();
    let mut branch = vec![0.0; nseg * duration];
    for (t, of_ms) in drive.iter().enumerate() {
        let after = t.checked_sub(input.warmup as usize);
        if let Some(k) = after {
            (0..nseg).for_each(|s| branch[s * duration + k] = local[s]);
        }
        for step in 0..STEPS {
            if after.is_some() {
                trace.push(soma);
            }
            for s in 0..nseg {
                let kick = if step == 0 { 5.0 * of_ms[s] } else { 0.0 };
                local[s] += 0.02 * (-75.0 - local[s]) + kick;
            }
            let mean = local.iter().sum::<f64>() / nseg as f64;
            soma = if soma > 0.0 { -80.0 } else { soma + 0.2 * (mean - soma) };
            if soma > -68.0 {
                soma = 30.0;
            }
        }
    }
    trace.push(soma);
    (trace, branch)
}

pub fn simulate(plan: &SetPlan, about: &SetAbout, item: Item) -> Record {
    let input = plan.input(item.part, item.index);
    let (trace, branch) = answer(&input, about);
    let labels = Labels::from_trace(&trace, 4, about.duration_ms as usize, &about.labels).expect("finite");
    let mut record = Record::new(about, item, plan.seed(item.part, item.index, 0), 1, input, labels, &branch);
    record.extra.push(Extra {
        name: "soma_v_slow".into(),
        shape: vec![2, 3],
        data: trace[..6].iter().map(|&v| v as f32).collect(),
    });
    if let Some(filter) = &plan.config().filter {
        record.apply(filter, about);
    }
    record
}

/// Makes a shard of a set in one go.
pub fn make(plan: &SetPlan, path: &Path, shard: Shard) -> SetReport {
    let writer = SetWriter::start(path, about(plan), shard, plan.items(shard)).expect("started");
    for item in plan.items(shard) {
        if !writer.has(item) {
            writer.append(&simulate(plan, writer.about(), item)).expect("appended");
        }
    }
    writer.finish(&Silent).expect("finished")
}

/// Folder of the reference data, unless it is absent.
pub fn reference_data() -> Option<PathBuf> {
    let named = std::env::var_os("KENYON_REFERENCE_DATA").map(PathBuf::from);
    let path = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"));
    path.is_dir().then_some(path)
}

/// Every file below a folder with its bytes.
pub fn tree(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("listed") {
            let path = entry.expect("listed").path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push((path.strip_prefix(root).expect("below").to_path_buf(), std::fs::read(&path).expect("read")));
            }
        }
    }
    found.sort();
    found
}
