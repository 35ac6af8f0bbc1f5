//! A folder that [`export`](super::export) wrote, as a deployment.

use std::fs;
use std::path::Path;

use kenyon_base::{PlainFile, Result, UserError};
use serde_json::Value;

use crate::deployment::{Deployment, Projection, Receptor, Synapse};

use super::{KENYON, MAGIC, edges};

/// Reads the folder.
///
/// # Errors
/// Bad data: what is missing or wrong in which file.
pub fn read(dir: &Path) -> Result<Deployment> {
    let path = dir.join(KENYON);
    let text = fs::read_to_string(&path).map_err(|e| UserError::cannot_read(&path, &e))?;
    let broken = |e: serde_json::Error| {
        UserError::bad_data("sonata-json", format!("is not what `kenyon export sonata` wrote: {e}"))
            .file(&path)
            .mend("export it again")
    };
    let mut beside: Value = serde_json::from_str(&text).map_err(broken)?;
    let names: Vec<String> = serde_json::from_value(beside["populations"].take()).map_err(broken)?;
    let mut d: Deployment = serde_json::from_value(beside["deployment"].take()).map_err(broken)?;
    let nodes = open(&dir.join("nodes.h5"))?;
    for (population, name) in d.populations.iter_mut().zip(&names) {
        let place = format!("nodes/{name}/0");
        population.ids = nodes.read(&format!("{place}/root_id"))?.1;
        let types = format!("{place}/cell_type");
        population.names = if nodes.has(&types) { nodes.texts(&types)?.1 } else { Vec::new() };
        for (parameter, values) in population.cells.neurons_mut().map(crate::Neurons::columns_mut).unwrap_or_default() {
            *values = nodes.read(&format!("{place}/dynamics_params/{parameter}"))?.1;
        }
    }
    let file = open(&dir.join("edges.h5"))?;
    let dt_ms = d.dt_ms;
    for projection in &mut d.projections {
        *projection = synapses(&file, &edges::name(&names, projection.pre, projection.post), projection, dt_ms)?;
    }
    for (k, sample) in d.samples.iter_mut().enumerate() {
        let file = open(&dir.join(format!("spikes_{k}.h5")))?;
        for name in file.members("spikes") {
            let population = names.iter().position(|n| *n == name).unwrap_or(usize::MAX) as u32;
            let times: Vec<f64> = file.read(&format!("spikes/{name}/timestamps"))?.1;
            let nodes: Vec<u32> = file.read(&format!("spikes/{name}/node_ids"))?.1;
            sample.spikes.extend(times.iter().zip(nodes).map(|(t, node)| (population, node, (t / dt_ms).round() as u32)));
        }
        sample.spikes.sort_unstable();
    }
    if let Some(readout) = &mut d.host_readout {
        let path = dir.join("readout.csv");
        let bad = |e: csv::Error| UserError::bad_data("sonata-readout", e.to_string()).file(&path).mend("export it again");
        let mut table = csv::Reader::from_path(&path).map_err(bad)?;
        readout.weights = table.deserialize().collect::<std::result::Result<_, _>>().map_err(bad)?;
    }
    d.check().map_err(|e| e.file(dir))?;
    Ok(d)
}

/// Opens a SONATA file.
fn open(path: &Path) -> Result<PlainFile> {
    let file = PlainFile::open(path)?;
    let magic: Vec<u32> = file.attribute("/", "magic")?;
    if magic == [MAGIC] {
        return Ok(file);
    }
    Err(UserError::bad_data("sonata-magic", "is no SONATA file")
        .file(path)
        .found(format!("{magic:?}"))
        .expected(format!("`magic` {MAGIC}"))
        .mend("export it again"))
}

/// The synapses of one sign, sorted by sender, receiver and delay.
fn synapses(file: &PlainFile, name: &str, of: &Projection, dt_ms: f64) -> Result<Projection> {
    let place = format!("edges/{name}");
    let pre: Vec<u32> = file.read(&format!("{place}/source_node_id"))?.1;
    let post: Vec<u32> = file.read(&format!("{place}/target_node_id"))?.1;
    let weight: Vec<f64> = file.read(&format!("{place}/0/syn_weight"))?.1;
    let delay: Vec<f64> = file.read(&format!("{place}/0/delay"))?.1;
    let columns = pre.iter().zip(&post).zip(weight.iter().zip(&delay));
    let mut synapses: Vec<Synapse> = columns
        .filter(|(_, (w, _))| (**w < 0.0) == (of.receptor == Receptor::Inhibitory))
        .map(|((&pre, &post), (w, delay))| Synapse { pre, post, weight: w.abs(), delay_steps: (delay / dt_ms).round() })
        .collect();
    synapses.sort_by(|a, b| (a.pre, a.post).cmp(&(b.pre, b.post)).then(a.delay_steps.total_cmp(&b.delay_steps)));
    Ok(Projection { synapses, ..*of })
}
