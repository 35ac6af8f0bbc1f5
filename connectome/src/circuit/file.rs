//! The circuit as one HDF5 file. Layout in `docs/formats.md`, "Circuit".

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kenyon_base::{Container, ContainerWriter, Result, Source, UserError};

use super::Circuit;
use crate::Categorical;
use crate::codex::Nt;
use crate::edges::Edges;
use crate::pack::{joined, read_labels};

/// Format name in the file.
pub const FORMAT: &str = "kenyon-circuit";
/// Newest format version that this code reads and the one it writes.
pub const VERSION: u32 = 1;
/// Data sets of `neurons/` that are not carried attributes.
const OWN: [&str; 7] = ["root_id", "population", "nt", "sign", "input", "silenced", "receptor"];

/// Writes a circuit; nothing appears at `path` unless it is complete.
pub fn write(circuit: &Circuit, path: &Path) -> Result<()> {
    let out = ContainerWriter::create(path, FORMAT, VERSION)?;
    let flags = |column: &[bool]| column.iter().map(|&b| u8::from(b)).collect::<Vec<u8>>();
    out.write("neurons/root_id", &circuit.root_ids)?;
    let names: Vec<&str> = circuit.population.iter().map(|&p| circuit.populations[p as usize].as_str()).collect();
    out.write_text("neurons/population", &names)?;
    for (name, column) in &circuit.attributes {
        out.write_text(&format!("neurons/{name}"), &column.iter().collect::<Vec<_>>())?;
    }
    if let Some(receptors) = &circuit.receptors {
        out.write_text("neurons/receptor", &joined(receptors))?;
    }
    out.write_text("neurons/nt", &circuit.nt.iter().map(|nt| nt.word()).collect::<Vec<_>>())?;
    out.write("neurons/sign", &circuit.sign)?;
    out.write("neurons/input", &flags(&circuit.input))?;
    out.write("neurons/silenced", &flags(&circuit.silenced))?;
    out.write("edges/pre", &circuit.edges.pre)?;
    out.write("edges/post", &circuit.edges.post)?;
    out.write("edges/syn_count", &circuit.edges.syn_count)?;
    out.write("edges/synthetic", &flags(&circuit.edges.synthetic))?;
    out.write_text("names/populations", &circuit.populations)?;
    out.write_text("names/order_sha256", &[circuit.order_sha256()])?;
    let report = serde_json::to_string(&circuit.report).expect("the report is plain data");
    out.write_text("report", &[report])?;
    out.finish(&circuit.provenance)
}

/// Reads a circuit and checks everything it promises.
///
/// # Errors
/// The seal, the format, the stored order, lengths, endpoints, signs.
pub fn read(path: &Path) -> Result<Circuit> {
    let container = Container::open(path, FORMAT, VERSION)?;
    let damaged = |object: &str, expected: &str| {
        UserError::bad_data("damaged-circuit", "a data set does not hold what it should")
            .file(path)
            .dataset(object)
            .expected(expected)
            .mend("build the circuit again with `kenyon circuit build`")
    };
    let root_ids: Vec<u64> = container.read("neurons/root_id")?;
    let n = root_ids.len();
    let text = |name: &str| -> Result<Categorical> {
        let mut column = Categorical::default();
        container.for_each_text(name, |t| column.push(t))?;
        if column.len() == n { Ok(column) } else { Err(damaged(name, "one text per neuron")) }
    };
    let flags = |name: &str, len: usize| -> Result<Vec<bool>> {
        Ok(container.read_len::<u8>(name, len)?.into_iter().map(|b| b != 0).collect())
    };
    let populations = container.read_text("names/populations")?;
    let position = |name: &str| populations.iter().position(|p| p == name).map(|p| p as u32);
    let population: Option<Vec<u32>> = text("neurons/population")?.iter().map(position).collect();
    let population = population
        .filter(|p| p.is_sorted())
        .ok_or_else(|| damaged("neurons/population", "names of `names/populations`, in their order"))?;
    let nt: Option<Vec<Nt>> = text("neurons/nt")?.iter().map(|t| Nt::from_field(t.as_bytes())).collect();
    let nt = nt.ok_or_else(|| damaged("neurons/nt", "transmitters"))?;
    let sign: Vec<i8> = container.read_len("neurons/sign", n)?;
    if !sign.iter().all(|s| (-1..=1).contains(s)) {
        return Err(damaged("neurons/sign", "-1, 0 or 1"));
    }
    let mut attributes = BTreeMap::new();
    for name in container.names("neurons").into_iter().filter(|name| !OWN.contains(&name.as_str())) {
        attributes.insert(name.clone(), Arc::new(text(&format!("neurons/{name}"))?));
    }
    let receptors = if container.has("neurons/receptor") {
        let labels = read_labels(&container, "neurons/receptor")?;
        if labels.len() != n {
            return Err(damaged("neurons/receptor", "one text per neuron"));
        }
        Some(Arc::new(labels))
    } else {
        None
    };
    let pre: Vec<u32> = container.read("edges/pre")?;
    let m = pre.len();
    let edges = Edges {
        neurons: n as u32,
        post: container.read_len("edges/post", m)?,
        syn_count: container.read_len("edges/syn_count", m)?,
        synthetic: flags("edges/synthetic", m)?,
        pre,
    };
    edges.validate().map_err(|e| e.file(path))?;
    let report = container.read_text("report")?;
    let report =
        report.first().and_then(|r| serde_json::from_str(r).ok()).ok_or_else(|| damaged("report", "the build report"))?;
    let circuit = Circuit {
        root_ids,
        populations,
        population,
        attributes,
        receptors,
        nt,
        sign,
        input: flags("neurons/input", n)?,
        silenced: flags("neurons/silenced", n)?,
        edges,
        report,
        provenance: container.provenance().clone(),
        origin: Some(source(&container, n)),
    };
    if container.read_text("names/order_sha256")? != [circuit.order_sha256()] {
        return Err(damaged("names/order_sha256", "the SHA-256 of `neurons/root_id`"));
    }
    Ok(circuit)
}

/// The file as a source of what is made from it.
fn source(container: &Container, neurons: usize) -> Source {
    let path = container.path();
    Source {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        kind: FORMAT.into(),
        sha256: container.sha256().into(),
        bytes: std::fs::metadata(path).map_or(0, |m| m.len()),
        rows: neurons as u64,
    }
}
