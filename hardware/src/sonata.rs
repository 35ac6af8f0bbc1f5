//! A [`Deployment`] as a SONATA circuit, and back.
//!
//! | file of the folder | content |
//! |---|---|
//! | `nodes.h5`, `node_types.csv` | populations: cell parameters, `root_id`, `cell_type` |
//! | `edges.h5`, `edge_types.csv` | one edge population per pair of populations, indexed both ways |
//! | `spikes_K.h5` | input spikes of sample K |
//! | `circuit_config.json`, `simulation_config_K.json` | which files make the circuit, and a simulation of sample K |
//! | `kenyon.json` | what SONATA has no place for: labels, scales, decision, readout on the host, provenance |
//! | `readout.csv` | weights of a readout on the host |
//!
//! # Units
//! Time in ms, potential in mV, current and weight in nA (conductances in uS), capacitance in nF; `syn_weight` is signed, below zero at
//! inhibitory receptors.

mod edges;
mod read;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kenyon_base::{AtomicDir, PlainWriter, Result, Sorting, TOOL, UserError};
use serde::Serialize;
use serde_json::{Value, json};

use crate::deployment::{Deployment, Population, Role, Sample};
use crate::pynn::network::pynn_label;

pub use read::read;

/// Attribute `magic` of every SONATA file.
const MAGIC: u32 = 0x0A7A;
/// Attribute `version`.
const VERSION: [u32; 2] = [0, 1];
const KENYON: &str = "kenyon.json";

/// What an export holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Nodes: neurons, inputs, readouts.
    pub nodes: usize,
    /// Edges.
    pub edges: usize,
    /// Samples.
    pub samples: usize,
    /// Names of the files, sorted.
    pub files: Vec<String>,
}

/// Writes the circuit to the folder `dir`, whole or not at all.
///
/// # Errors
/// Bad data if the deployment fails its [check](Deployment::check); `not-empty` if `dir` holds something; `cannot-write`.
pub fn export(deployment: &Deployment, dir: &Path) -> Result<Exported> {
    deployment.check()?;
    let folder = AtomicDir::create(dir)?;
    let path = |name: &str| folder.path().join(name);
    let mut files = vec!["nodes.h5", "node_types.csv", "edges.h5", "edge_types.csv", "circuit_config.json", KENYON];
    let mut files: Vec<String> = files.drain(..).map(String::from).collect();
    nodes(deployment, &path("nodes.h5"))?;
    edges::write(deployment, &path("edges.h5"))?;
    let text = |name: &str, text: String| fs::write(path(name), text).map_err(|e| UserError::cannot_write(&path(name), &e));
    let json = |name: &str, value: &Value| text(name, serde_json::to_string_pretty(value).expect("plain data") + "\n");
    text("node_types.csv", node_types(deployment))?;
    text("edge_types.csv", "edge_type_id receptor\n0 excitatory\n1 inhibitory\n".into())?;
    json("circuit_config.json", &circuit_config(deployment))?;
    json(KENYON, &beside(deployment))?;
    if let Some(readout) = &deployment.host_readout {
        let mut table = String::from("source,class,weight\n");
        for (source, class, weight) in &readout.weights {
            let _ = writeln!(table, "{source},{class},{weight:?}");
        }
        text("readout.csv", table)?;
        files.push("readout.csv".into());
    }
    for (k, sample) in deployment.samples.iter().enumerate() {
        let (name, config) = (format!("spikes_{k}.h5"), format!("simulation_config_{k}.json"));
        spikes(deployment, sample, &path(&name))?;
        json(&config, &simulation_config(deployment, &name, k))?;
        files.extend([name, config]);
    }
    folder.commit()?;
    files.sort_unstable();
    Ok(Exported {
        nodes: deployment.populations.iter().map(|p| p.ids.len()).sum(),
        edges: deployment.synapses(),
        samples: deployment.samples.len(),
        files,
    })
}

/// Names of the populations in files: letters, digits, `_`, and a number.
fn names(d: &Deployment) -> Vec<String> {
    d.populations.iter().enumerate().map(|(k, p)| pynn_label(&p.label, k)).collect()
}

fn start(path: &Path) -> Result<PlainWriter> {
    let out = PlainWriter::create(path)?;
    out.attribute("/", "magic", &[], &[MAGIC])?;
    out.attribute("/", "version", &[2], &VERSION)?;
    Ok(out)
}

fn nodes(d: &Deployment, path: &Path) -> Result<()> {
    let out = start(path)?;
    for ((k, population), name) in d.populations.iter().enumerate().zip(names(d)) {
        let (n, place) = (population.ids.len(), format!("nodes/{name}"));
        out.write(&format!("{place}/node_type_id"), &[n], &vec![k as u64; n])?;
        out.write(&format!("{place}/node_group_id"), &[n], &vec![0_u64; n])?;
        out.write(&format!("{place}/node_group_index"), &[n], &(0..n as u64).collect::<Vec<_>>())?;
        out.write(&format!("{place}/0/root_id"), &[n], &population.ids)?;
        if !population.names.is_empty() {
            out.write_texts(&format!("{place}/0/cell_type"), &[n], &population.names)?;
        }
        for (parameter, values) in population.cells.neurons().map(crate::Neurons::columns).unwrap_or_default() {
            out.write(&format!("{place}/0/dynamics_params/{parameter}"), &[n], values)?;
        }
    }
    out.finish()
}

fn node_types(d: &Deployment) -> String {
    let mut table = String::from("node_type_id pop_name model_type model_template\n");
    for (k, (population, name)) in d.populations.iter().zip(names(d)).enumerate() {
        let (kind, template) = match population.cells.neurons() {
            None => ("virtual", "NULL".into()),
            Some(neurons) => ("point_neuron", format!("pyNN:{}", neurons.kind.pynn_name())),
        };
        let _ = writeln!(table, "{k} {name} {kind} {template}");
    }
    table
}

fn spikes(d: &Deployment, sample: &Sample, path: &Path) -> Result<()> {
    let out = start(path)?;
    for (k, name) in names(d).into_iter().enumerate().filter(|(k, _)| d.populations[*k].role == Role::Input) {
        let mut own: Vec<(u32, u32)> = sample.spikes.iter().filter(|s| s.0 as usize == k).map(|s| (s.2, s.1)).collect();
        own.sort_unstable();
        let place = format!("spikes/{name}");
        let times: Vec<f64> = own.iter().map(|s| f64::from(s.0) * d.dt_ms).collect();
        out.write(&format!("{place}/timestamps"), &[own.len()], &times)?;
        out.attribute_text(&format!("{place}/timestamps"), "units", "ms")?;
        out.write(&format!("{place}/node_ids"), &[own.len()], &own.iter().map(|s| u64::from(s.1)).collect::<Vec<_>>())?;
        out.attribute_sorting(&place, Sorting::by_time)?;
    }
    out.finish()
}

fn circuit_config(d: &Deployment) -> Value {
    let kind = |p: &Population| if p.cells.neurons().is_some() { "point_neuron" } else { "virtual" };
    let nodes = names(d).into_iter().zip(&d.populations).map(|(name, p)| (name, json!({ "type": kind(p) })));
    let edges = edges::names(d).into_iter().map(|name| (name, json!({ "type": "point_neuron" })));
    json!({
        "version": 2,
        "manifest": { "$BASE_DIR": "." },
        "networks": {
            "nodes": [{ "nodes_file": "$BASE_DIR/nodes.h5", "node_types_file": "$BASE_DIR/node_types.csv",
                "populations": nodes.collect::<serde_json::Map<_, _>>() }],
            "edges": [{ "edges_file": "$BASE_DIR/edges.h5", "edge_types_file": "$BASE_DIR/edge_types.csv",
                "populations": edges.collect::<serde_json::Map<_, _>>() }],
        },
    })
}

fn simulation_config(d: &Deployment, spikes: &str, k: usize) -> Value {
    let names = names(d);
    let inputs = (0..names.len()).filter(|&p| d.populations[p].role == Role::Input).map(|p| {
        let entry = json!({ "input_type": "spikes", "module": "synapse_replay", "delay": 0.0, "duration": f64::from(d.steps) * d.dt_ms,
            "node_set": "all", "source": names[p], "spike_file": format!("$BASE_DIR/{spikes}") });
        (names[p].clone(), entry)
    });
    json!({
        "version": 2.4,
        "manifest": { "$BASE_DIR": "." },
        "network": "$BASE_DIR/circuit_config.json",
        "run": { "tstart": 0.0, "tstop": f64::from(d.steps) * d.dt_ms, "dt": d.dt_ms, "random_seed": 0 },
        "inputs": inputs.collect::<serde_json::Map<_, _>>(),
        "output": { "output_dir": format!("output_{k}"), "spikes_file": "spikes.h5" },
    })
}

/// The content of `kenyon.json`: the deployment without its tables.
fn beside(d: &Deployment) -> Value {
    json!({ "format": "kenyon-sonata", "version": 1, "tool": TOOL, "populations": names(d), "deployment": d.without_tables() })
}
