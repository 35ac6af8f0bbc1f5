//! From a folder of Codex downloads to a [`Connectome`].
//!
//! Order of operations, recorded in the provenance: rows are read; rows with a count of 0 are dropped; self loops are
//! dropped (unless kept); repeated (pre, post, neuropil) rows are handled by [`OnDuplicate`]; pairs found in several tables by
//! [`OnOverlap`]; the row threshold; rows are summed to pairs; the pair threshold.

mod attributes;
mod report;
mod rows;
mod threshold;

use std::collections::BTreeMap;
use std::path::Path;

use kenyon_base::{Progress, Provenance, Result, Source, UserError, nearest};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::codex::folder::name_inside;
use crate::codex::{Folder, Limits, Side, Table, keywords};
use crate::connectome::Connectome;

pub(crate) use attributes::ATTRIBUTES;
pub use report::{Diagnostics, FileReport, ImportReport, UnknownValue};
pub use threshold::{Threshold, ThresholdOn};

/// What to do with a (pre, post, neuropil) that occurs on several rows of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDuplicate {
    /// An error that names both lines.
    #[default]
    Error,
    /// Their counts are added.
    Sum,
    /// The first row counts.
    First,
}

/// What to do with pairs found in several connection tables, which come from different synapse detectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnOverlap {
    /// An error if a pair, or a pair of classes, occurs in two tables.
    #[default]
    Error,
    /// The table named first decides.
    First,
    /// The table with the larger pair total decides; the first on a tie.
    Max,
}

/// How a folder is imported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImportSpec {
    /// Connection tables by name, in order of precedence; empty: the only one there is.
    pub connections: Vec<String>,
    /// Pairs in several tables.
    pub on_overlap: OnOverlap,
    /// Repeated rows in one table.
    pub on_duplicate: OnDuplicate,
    /// Rows or pairs below it are left out; none by default, circuits have their own.
    pub threshold: Threshold,
    /// Keeps connections of a neuron onto itself.
    pub keep_self_loops: bool,
}

/// Imports a folder.
///
/// # Errors
/// Any fault of a table, with its place; several connection tables without a choice; overlapping detectors.
pub fn import(dir: &Path, spec: &ImportSpec, progress: &dyn Progress) -> Result<(Connectome, ImportReport)> {
    let folder = Folder::scan(dir)?;
    let tables = choose_connections(&folder, dir, spec)?;
    let mut report = ImportReport::default();
    let mut sources = Vec::new();

    let mut reader = rows::RowReader::new(spec.keep_self_loops);
    for table in &tables {
        progress.stage(&format!("reading {}", table.file), None);
        sources.push(reader.read(table, progress)?);
    }
    progress.stage("reading attributes", None);
    let mut attributes = attributes::AttributeReader::default();
    for table in folder.tables.iter().filter(|t| t.kind.is_attributes()) {
        sources.push(attributes.read(table)?);
    }
    let mut receptors = Vec::new();
    for table in folder.tables.iter().filter(|t| t.kind == crate::codex::TableKind::Receptors) {
        let (map, source) = attributes::read_receptors(table)?;
        receptors.extend(map);
        sources.push(source);
    }
    let mut lists = BTreeMap::new();
    for path in &folder.keywords {
        let list = keywords::read(path)?;
        let name = keywords::list_name(path);
        report.diagnostics.keyword_duplicates += list.duplicates;
        sources.push(Source {
            name: name_inside(dir, path),
            kind: "keyword_list".into(),
            sha256: list.sha256,
            bytes: list.bytes,
            rows: list.ids.len() as u64,
        });
        if lists.insert(name.clone(), list.ids).is_some() {
            return Err(UserError::bad_data("duplicate-list", format!("two keyword files are called `{name}`"))
                .file(path)
                .mend("remove or rename one of them"));
        }
    }

    progress.stage("sorting and summing", None);
    let root_ids = attributes.universe(reader.ids());
    let index = attributes::Index::new(&root_ids);
    let mut columns = attributes.join(&index);
    sides_from_lists(&mut columns, &lists, &index, &mut report.diagnostics);
    let rows = reader.into_sorted(&index);
    let finished = rows.finish(spec, &tables, &root_ids, columns.get("class"), &mut report.diagnostics)?;
    let receptors = attributes::join_receptors(&receptors, &index, &mut report.diagnostics);

    attributes.describe(&root_ids, &columns, &finished, &mut report.diagnostics);
    report::describe_lists(&lists, &index, &finished, &mut report.diagnostics);
    report.files = report::files(&folder, &tables, &sources);
    let connectome = Connectome {
        root_ids,
        attributes: columns,
        receptors,
        lists,
        pairs: finished.pairs,
        rows: finished.rows,
        neuropils: finished.neuropils,
        tables: tables.iter().map(|t| t.name.clone()).collect(),
        provenance: Provenance {
            tool: String::new(),
            sources,
            steps: vec![json!({ "import": spec, "order": ORDER, "diagnostics": report.diagnostics })],
            synthetic: folder_is_synthetic(dir),
        },
    };
    report.neurons = connectome.root_ids.len() as u64;
    report.rows = connectome.rows.syn_count.len() as u64;
    report.pairs = connectome.pairs.pre.len() as u64;
    report.synapses = connectome.pairs.synapses();
    report.synthetic = connectome.provenance.synthetic;
    Ok((connectome, report))
}

/// Order of operations, as recorded in the provenance.
const ORDER: [&str; 7] =
    ["drop-zero-counts", "drop-self-loops", "duplicates", "overlap", "row-threshold", "sum-to-pairs", "pair-threshold"];

/// A dump made by `kenyon connectome synth` says so in its manifest.
fn folder_is_synthetic(dir: &Path) -> bool {
    const LIMIT_BYTES: u64 = 16 << 20;
    let path = dir.join("manifest.json");
    if !std::fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= LIMIT_BYTES) {
        return false;
    }
    let manifest = std::fs::read(&path).unwrap_or_default();
    serde_json::from_slice::<serde_json::Value>(&manifest).is_ok_and(|m| m["synthetic"] == json!(true))
}

fn choose_connections(folder: &Folder, dir: &Path, spec: &ImportSpec) -> Result<Vec<Table>> {
    let all: Vec<&Table> = folder.tables.iter().filter(|t| t.kind.is_connections()).collect();
    let names = || {
        all.iter().map(|t| if all.iter().filter(|u| u.name == t.name).count() > 1 { t.file.as_str() } else { t.name.as_str() })
    };
    let listed = || names().collect::<Vec<_>>().join(", ");
    if all.is_empty() {
        return Err(UserError::bad_data("no-connections", "holds no connection table")
            .file(dir)
            .found(folder.tables.iter().map(|t| t.file.as_str()).collect::<Vec<_>>().join(", "))
            .expected("a table with the columns pre_root_id, post_root_id, syn_count")
            .mend("download `connections.csv.gz` from Codex into this folder"));
    }
    if spec.connections.is_empty() {
        if all.len() == 1 {
            return Ok(vec![all[0].clone()]);
        }
        return Err(UserError::usage(
            "several-connection-tables",
            "holds several connection tables, which are never silently added",
        )
        .file(dir)
        .found(listed())
        .expected("one, or an explicit choice")
        .mend(format!(
            "choose with `--connections {}`, or name several with `--connections {} --on-overlap error|first|max`",
            names().next().unwrap_or_default(),
            names().collect::<Vec<_>>().join(",")
        )));
    }
    let mut chosen: Vec<Table> = Vec::new();
    for name in &spec.connections {
        let found: Vec<&&Table> = match all.iter().find(|t| t.file == *name) {
            Some(table) => vec![table],
            None => all.iter().filter(|t| t.name == *name).collect(),
        };
        let table = match found[..] {
            [table] => table,
            [] => {
                let mend = match nearest(name, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("choose from {}", listed()),
                };
                return Err(UserError::usage("unknown-table", format!("has no connection table `{name}`")).file(dir).mend(mend));
            }
            [first, ..] => {
                return Err(UserError::usage("several-connection-tables", format!("holds several connection tables `{name}`"))
                    .file(dir)
                    .found(found.iter().map(|t| t.file.as_str()).collect::<Vec<_>>().join(", "))
                    .expected("one of that name")
                    .mend(format!("name the file, as in `--connections {}`", first.file)));
            }
        };
        if chosen.iter().any(|t| t.path == table.path) {
            return Err(UserError::usage("table-twice", format!("`{name}` is named twice"))
                .file(&table.path)
                .mend("name it once"));
        }
        chosen.push((*table).clone());
    }
    if chosen.len() > usize::from(u8::MAX) {
        return Err(UserError::usage("limit", "more than 255 connection tables").mend("name fewer"));
    }
    Ok(chosen)
}

/// Fills blank sides from the `…_side_left|right|center` keyword lists; the classification wins over a list.
fn sides_from_lists(
    columns: &mut BTreeMap<String, crate::Categorical>,
    lists: &BTreeMap<String, Vec<u64>>,
    index: &attributes::Index,
    diagnostics: &mut Diagnostics,
) {
    for (name, ids) in lists {
        let Some((_, word)) = name.rsplit_once("_side_") else {
            continue;
        };
        let Some(side) = Side::from_text(word) else { continue };
        let column = columns.entry("side".into()).or_insert_with(|| crate::Categorical::blank(index.len()));
        for &id in ids {
            let Some(row) = index.get(id) else { continue };
            let known = column.get(row as usize);
            if known.is_empty() {
                column.set(row as usize, side.word());
            } else if known != side.word() {
                diagnostics.side_conflicts += 1;
            }
        }
    }
}

/// Limits under which tables are read.
pub(crate) fn limits() -> Limits {
    Limits::default()
}
