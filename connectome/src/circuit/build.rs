//! From a connectome pack and a config to a circuit.
//!
//! Order of operations, recorded in the provenance: populations, first match wins; `within` and `sides`; neuropil filter on
//! rows; row threshold; rows summed to pairs; pair threshold; subgraph closed (only connections with both ends selected);
//! self loops; connections among and onto inputs; completion; connections without a sign; unconnected neurons; order.

mod cut;
mod select;
mod wiring;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kenyon_base::{Progress, Provenance, Result, Source, UserError, digest};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Circuit;
use super::spec::{CircuitSpec, Unconnected};
use crate::codex::Side;
use crate::completion;
use crate::edges::Edges;
use crate::pack::Pack;
use crate::query::Table;
use crate::signs::{self, NtSource, SignTableReport, Unknown, UserTable};

pub use cut::Cut;
pub use select::PopulationReport;
pub use wiring::WiringReport;

/// What a build did, stored in the circuit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildReport {
    /// How each population came about.
    pub selected: Vec<PopulationReport>,
    /// Connections kept and left out, step by step.
    pub wiring: WiringReport,
    /// Synapses lost per population by closing the subgraph.
    pub cut: BTreeMap<String, Cut>,
    /// Neurons of the pack that `selection.inputs` names, if the config has it.
    pub inputs_matched: Option<u64>,
    /// Neurons by what decided their transmitter.
    pub nt_source: BTreeMap<String, u64>,
    /// Rows of the user's sign table, and those whose root id is no neuron of the pack.
    pub sign_table: Option<SignTableReport>,
    /// Neurons whose rows have as many synapses of two transmitters.
    pub nt_ties: u64,
    /// Neurons whose rows predict both signs.
    pub both_signs: u64,
    /// Root ids of the neurons whose rows predict both signs.
    pub both_signs_ids: Vec<String>,
    /// Neurons left out because nothing connects them.
    pub unconnected: u64,
    /// Generated projections.
    pub completion: Vec<completion::Completed>,
    /// Lesions and shuffles applied since, in order.
    pub changes: Vec<serde_json::Value>,
}

impl BuildReport {
    /// Counts the neurons of the finished circuit per population.
    pub(super) fn count_neurons(&mut self, populations: &[String], population: &[u32]) {
        for (number, name) in (0_u32..).zip(populations) {
            if let Some(selected) = self.selected.iter_mut().find(|s| s.name == *name) {
                selected.in_circuit = population.iter().filter(|&&p| p == number).count() as u64;
            }
        }
    }
}

/// Order of operations, as recorded in the provenance.
const ORDER: [&str; 12] = [
    "populations-first-match",
    "within-and-sides",
    "neuropils",
    "row-threshold",
    "sum-to-pairs",
    "pair-threshold",
    "close-subgraph",
    "self-loops",
    "inputs",
    "completion",
    "sign-zero",
    "unconnected",
];

/// Attributes that a circuit carries on.
const CARRIED: [&str; 6] = ["type", "class", "sub_class", "super_class", "hemilineage", "side"];

/// Builds a circuit; `config` is the file that `spec` came from, against which its paths are resolved.
///
/// # Errors
/// Unknown fields, values, lists, neuropils or relations; a sign table that names an unknown type or class; a circuit without
/// neurons; neurons without a transmitter where that is asked to be an error.
pub fn build(pack: &Pack, spec: &CircuitSpec, config: &Path, progress: &dyn Progress) -> Result<Circuit> {
    progress.stage("selecting neurons", None);
    let mut report = BuildReport::default();
    let selection = select::select(pack, spec, config, &mut report)?;
    progress.stage("reading connections", None);
    let pairs = pack.pairs()?;
    let rows = pack.rows()?;
    let tally = pack.nt_tally(&pairs, &rows)?;
    let signs_spec = signs_relative_to(config, spec);
    let neurons = signs::Neurons::of_pack(pack)?;
    let sign_table = signs_spec.table.as_deref().map(|path| UserTable::read(path, &neurons)).transpose()?;
    let resolved = signs::resolve(&neurons, &tally, &signs_spec, sign_table.as_ref());
    selection.mark_connected(&pairs, &mut report);

    progress.stage("closing the circuit", None);
    let wired = wiring::wire(pack, spec, config, &selection, &pairs, &rows, &resolved.sign)?;
    report.wiring = wired.report;
    report.cut = cut::describe(spec, &wired.cut);
    drop((pairs, rows));

    // Order all selected neurons first: completion and the unconnected are decided in the stored order.
    let order = stored_order(pack, &selection)?;
    let mut circuit = gather(pack, spec, &selection, &order, &resolved)?;
    circuit.edges = reorder(&wired.triples, &order, pack.rows_len());
    let completed = completion::complete(&circuit, &spec.completion, &spec.selection, config)?;
    report.completion = completed.report;
    report.wiring.sign_zero += completion::merge(&mut circuit, completed.edges)?;

    if spec.selection.unconnected == Unconnected::Drop {
        let mut connected = vec![false; circuit.len()];
        for &end in circuit.edges.pre.iter().chain(&circuit.edges.post) {
            connected[end as usize] = true;
        }
        let kept: Vec<u32> = (0..circuit.len() as u32).filter(|&i| connected[i as usize]).collect();
        report.unconnected = (circuit.len() - kept.len()) as u64;
        circuit = circuit.restrict(&kept);
    }
    report.count_neurons(&circuit.populations, &circuit.population);
    if circuit.is_empty() {
        return Err(config_error(config, "population", "empty-circuit", "no neuron is left in the circuit")
            .found(format!("{} neurons selected, {} of them unconnected", order.len(), report.unconnected))
            .expected("at least one neuron")
            .mend("widen the populations, lower the thresholds, or set `unconnected = \"keep\"` in `[selection]`"));
    }
    if spec.signs.unknown == Unknown::Error {
        check_transmitters(&circuit, pack, &resolved, config)?;
    }
    describe_signs(&circuit, pack, &resolved, &mut report);
    let mut sources = vec![pack_source(pack)];
    sources.extend(config_source(config)?);
    sources.extend(selection.sources);
    sources.extend(sign_table.map(|table| {
        report.sign_table = Some(table.report);
        table.source
    }));
    circuit.provenance = provenance(pack, spec, sources, &report);
    circuit.report = report;
    Ok(circuit)
}

fn signs_relative_to(config: &Path, spec: &CircuitSpec) -> signs::SignSpec {
    let mut signs = spec.signs.clone();
    signs.table = signs.table.map(|table| beside(config, &table));
    signs
}

/// A path of the config, relative to the config.
pub(super) fn beside(config: &Path, path: &Path) -> std::path::PathBuf {
    config.parent().unwrap_or(Path::new("")).join(path)
}

/// Pack rows of the selected neurons in the stored order.
fn stored_order(pack: &Pack, selection: &select::Selection) -> Result<Vec<u32>> {
    let types = pack.attribute("type")?;
    let sides = pack.attribute("side")?;
    let ids = pack.root_ids();
    let mut order: Vec<u32> = (0..ids.len() as u32).filter(|&row| selection.population(row).is_some()).collect();
    let side = |row: u32| Side::from_text(sides.get(row as usize)).unwrap_or(Side::Blank);
    order.sort_by(|&a, &b| {
        let key = |row: u32| (selection.population(row), types.get(row as usize).as_bytes(), side(row), ids[row as usize]);
        key(a).cmp(&key(b))
    });
    Ok(order)
}

fn gather(
    pack: &Pack,
    spec: &CircuitSpec,
    selection: &select::Selection,
    order: &[u32],
    resolved: &signs::Resolved,
) -> Result<Circuit> {
    let mut attributes = BTreeMap::new();
    for name in CARRIED.into_iter().filter(|name| pack.attribute_names().iter().any(|a| a == name)) {
        attributes.insert(name.to_string(), Arc::new(pack.attribute(name)?.take(order)));
    }
    Ok(Circuit {
        root_ids: super::pick(pack.root_ids(), order),
        populations: spec.population.iter().map(|p| p.name.clone()).collect(),
        population: order.iter().filter_map(|&row| selection.population(row)).collect(),
        attributes,
        receptors: pack.receptors()?.map(|labels| Arc::new(labels.take(order))),
        nt: super::pick(&resolved.nt, order),
        sign: super::pick(&resolved.sign, order),
        input: order.iter().map(|&row| selection.is_input(row)).collect(),
        silenced: vec![false; order.len()],
        ..Circuit::default()
    })
}

/// Connections between pack rows, expressed in the stored order.
fn reorder(triples: &[(u32, u32, u32)], order: &[u32], pack_rows: usize) -> Edges {
    let mut position = vec![u32::MAX; pack_rows];
    for (new, &old) in order.iter().enumerate() {
        position[old as usize] = new as u32;
    }
    let moved: Vec<_> = triples.iter().map(|&(pre, post, n)| (position[pre as usize], position[post as usize], n)).collect();
    Edges::from_triples(order.len() as u32, &moved)
}

fn describe_signs(circuit: &Circuit, pack: &Pack, resolved: &signs::Resolved, report: &mut BuildReport) {
    for &id in &circuit.root_ids {
        let Some(row) = pack.row_of(id) else { continue };
        let row = row as usize;
        let source = serde_json::to_value(resolved.source[row]).ok().and_then(|v| v.as_str().map(String::from));
        *report.nt_source.entry(source.unwrap_or_default()).or_default() += 1;
        report.nt_ties += u64::from(resolved.tie[row] && resolved.source[row] == NtSource::Rows);
        if resolved.both_signs[row] {
            report.both_signs += 1;
            report.both_signs_ids.push(id.to_string());
        }
    }
}

/// Refuses neurons of the circuit whose transmitter nothing tells.
fn check_transmitters(circuit: &Circuit, pack: &Pack, resolved: &signs::Resolved, config: &Path) -> Result<()> {
    let undecided = |&i: &usize| {
        let row = pack.row_of(circuit.root_ids[i]).expect("every neuron of a circuit comes from its pack");
        resolved.source[row as usize] == NtSource::Unknown
    };
    let mut all = (0..circuit.len()).filter(undecided);
    let Some(first) = all.next() else { return Ok(()) };
    let count = 1 + all.count();
    let attribute = |name: &str| circuit.attribute(name).get(first).to_string();
    let place = format!(
        "{} of type `{}`, population `{}`",
        circuit.root_ids[first],
        attribute("type"),
        circuit.populations[circuit.population[first] as usize]
    );
    let neurons = if count == 1 { "1 neuron of the circuit has" } else { &format!("{count} neurons of the circuit have") };
    Err(config_error(config, "signs.unknown", "nt-unknown", format!("{neurons} no transmitter; the first is {place}"))
        .expected("every transmitter known, as `unknown = \"error\"` asks")
        .mend("name them in the table of `signs.table`, or choose `unknown = \"excite\"`, `\"inhibit\"` or `\"drop\"`"))
}

fn pack_source(pack: &Pack) -> Source {
    Source {
        name: file_name(pack.path()),
        kind: crate::pack::FORMAT.into(),
        sha256: pack.sha256().into(),
        bytes: std::fs::metadata(pack.path()).map_or(0, |m| m.len()),
        rows: pack.rows_len() as u64,
    }
}

/// The config file, if the config came from one: a library may make it up.
fn config_source(config: &Path) -> Result<Option<Source>> {
    if !config.is_file() {
        return Ok(None);
    }
    let bytes = std::fs::read(config).map_err(|e| UserError::cannot_read(config, &e))?;
    let rows = bytes.split(|&b| b == b'\n').count() as u64;
    let sha256 = digest::sha256_reader(bytes.as_slice()).map_err(|e| UserError::cannot_read(config, &e))?;
    Ok(Some(Source { name: file_name(config), kind: "circuit_config".into(), sha256, bytes: bytes.len() as u64, rows }))
}

/// The last part of a path: where a file lies is not part of what was made from it.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn provenance(pack: &Pack, spec: &CircuitSpec, sources: Vec<Source>, report: &BuildReport) -> Provenance {
    let mut spec = spec.clone();
    // Where files lay is not part of what was built from them; their hashes are in the sources.
    spec.connectome = None;
    let paths = spec.population.iter_mut().filter_map(|p| p.file.as_mut()).chain(spec.signs.table.as_mut());
    paths.for_each(|path| *path = file_name(path).into());
    let mut steps = pack.provenance().steps.clone();
    let synthetic_pack = pack.provenance().synthetic;
    steps
        .push(json!({ "circuit": spec, "order": ORDER, "completed": report.completion.len(), "synthetic_pack": synthetic_pack }));
    Provenance { tool: String::new(), sources, steps, synthetic: synthetic_pack || !report.completion.is_empty() }
}

/// An error about a key of the config.
pub(super) fn config_error(config: &Path, key: &str, code: &'static str, message: impl Into<String>) -> UserError {
    UserError::bad_data(code, message).file(config).key(key)
}
