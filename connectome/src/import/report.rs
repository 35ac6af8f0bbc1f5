//! What an import found, for people and for scripts.

use std::collections::BTreeMap;

use kenyon_base::Source;
use serde::Serialize;

use super::attributes::Index;
use super::rows::Finished;
use super::threshold::ThresholdOn;
use crate::codex::{Folder, Table, TableKind};

/// A file of the folder and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct FileReport {
    /// Name inside the folder.
    pub name: String,
    /// What it was recognised as.
    pub kind: String,
    /// Whether it went into the connectome.
    pub used: bool,
    /// SHA-256 of the file, if it was read.
    pub sha256: Option<String>,
    /// Data rows, if it was read.
    pub rows: Option<u64>,
    /// Columns that are not read; at most 50 are listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_columns: Vec<String>,
    /// Why it was not read, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A value outside the known set, treated as blank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownValue {
    /// Name of the file inside the folder.
    pub file: String,
    /// Column.
    pub column: String,
    /// The value.
    pub value: String,
    /// How often it occurs.
    pub count: u64,
    /// First line with it.
    pub line: u64,
}

impl UnknownValue {
    /// At most this many different values are listed one by one; the rest are counted under `…`.
    const LISTED: usize = 100;

    #[cold]
    pub(super) fn count(all: &mut BTreeMap<(String, String), Self>, file: &str, column: &str, value: &str, line: u64) {
        let shown = value.chars().take(80).flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] });
        let mut key = (format!("{file}:{column}"), shown.collect::<String>());
        if all.len() >= Self::LISTED && !all.contains_key(&key) {
            key.1 = "…".into();
        }
        let value = key.1.clone();
        all.entry(key).or_insert_with(|| Self { file: file.into(), column: column.into(), value, count: 0, line }).count += 1;
    }
}

/// What the threshold took away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ThresholdReport {
    /// What was compared.
    pub on: ThresholdOn,
    /// Smallest count kept.
    pub min: u32,
    /// Rows removed, those of removed pairs included.
    pub removed_rows: u64,
    /// Pairs removed.
    pub removed_pairs: u64,
    /// Synapses removed.
    pub removed_synapses: u64,
}

/// Everything that a user may want to know before trusting the data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diagnostics {
    /// Rows (pre, post, neuropil) that repeat an earlier one.
    pub duplicate_rows: u64,
    /// Rows that connect a neuron with itself.
    pub self_loops: u64,
    /// Ids of connections that neither the neurons nor the classification table knows.
    pub orphan_ids: u64,
    /// Kept rows without a transmitter.
    pub blank_nt: u64,
    /// Neurons without a cell type.
    pub unknown_type: u64,
    /// What the threshold took away.
    pub threshold: ThresholdReport,
    /// The first ten orphan ids.
    pub orphan_examples: Vec<String>,
    /// Data rows of the connection tables.
    pub rows_read: u64,
    /// Rows dropped because their count is 0.
    pub zero_counts: u64,
    /// Pairs that sum more than one row.
    pub multi_row_pairs: u64,
    /// Pairs found in several tables.
    pub overlapping_pairs: u64,
    /// Neurons whose outgoing rows have more than one transmitter.
    pub several_nt: u64,
    /// Neurons without any connection.
    pub no_connection: u64,
    /// Neurons with output only.
    pub no_input: u64,
    /// Neurons with input only.
    pub no_output: u64,
    /// Non-blank attribute values that contradict an earlier table.
    pub attribute_conflicts: u64,
    /// Neurons whose side list contradicts the classification.
    pub side_conflicts: u64,
    /// Ids that occur again in the same attribute table.
    pub repeated_ids: u64,
    /// Ids that occur again in the same keyword list.
    pub keyword_duplicates: u64,
    /// Ids of keyword lists that are no neurons of the connectome.
    pub keyword_outside: u64,
    /// The first ten of them.
    pub keyword_outside_examples: Vec<String>,
    /// Neurons of keyword lists without any connection.
    pub keyword_unconnected: u64,
    /// The first ten of them.
    pub keyword_unconnected_examples: Vec<String>,
    /// Rows of the receptor map.
    pub receptor_rows: u64,
    /// Neurons with at least one receptor label.
    pub receptor_neurons: u64,
    /// Neurons with more than one receptor label.
    pub receptor_several_labels: u64,
    /// Ids of the receptor map that are no neurons of the connectome.
    pub receptor_outside: u64,
    /// The first ten of them.
    pub receptor_outside_examples: Vec<String>,
    /// Transmitters and sides outside the known set, treated as blank.
    pub unknown_values: Vec<UnknownValue>,
}

/// Result of an import.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ImportReport {
    /// Neurons.
    pub neurons: u64,
    /// Rows (pre, post, neuropil) kept.
    pub rows: u64,
    /// Pairs kept.
    pub pairs: u64,
    /// Synapses kept.
    pub synapses: u64,
    /// Whether the dump is synthetic.
    pub synthetic: bool,
    /// Files of the folder.
    pub files: Vec<FileReport>,
    /// What a user should know.
    pub diagnostics: Diagnostics,
}

/// Every file of the folder, with hash and rows where it was read.
pub(super) fn files(folder: &Folder, chosen: &[Table], sources: &[Source]) -> Vec<FileReport> {
    let read = |name: &str| sources.iter().find(|s| s.name == name);
    let mut out: Vec<FileReport> = folder
        .tables
        .iter()
        .map(|table| {
            let unused = table.kind.is_connections() && !chosen.iter().any(|t| t.path == table.path);
            let source = if unused { None } else { read(&table.file) };
            FileReport {
                name: table.file.clone(),
                kind: table.kind.word().into(),
                used: source.is_some() && !matches!(table.kind, TableKind::Ignored | TableKind::Unknown),
                sha256: source.map(|s| s.sha256.clone()),
                rows: source.map(|s| s.rows),
                extra_columns: table.extra_columns.clone(),
                note: if unused { Some("not chosen by `--connections`".into()) } else { table.note.clone() },
            }
        })
        .collect();
    out.extend(sources.iter().filter(|s| s.kind == "keyword_list").map(|s| FileReport {
        name: s.name.clone(),
        kind: s.kind.clone(),
        used: true,
        sha256: Some(s.sha256.clone()),
        rows: Some(s.rows),
        extra_columns: Vec::new(),
        note: None,
    }));
    out
}

/// How many ids there are, and the first ten.
pub(super) fn counted<'a>(ids: impl Iterator<Item = &'a u64> + Clone) -> (u64, Vec<String>) {
    (ids.clone().count() as u64, ids.take(10).map(u64::to_string).collect())
}

/// Counts ids of keyword lists that are no neurons, and those without any connection.
pub(super) fn describe_lists(
    lists: &BTreeMap<String, Vec<u64>>,
    index: &Index,
    finished: &Finished,
    diagnostics: &mut Diagnostics,
) {
    let mut ids: Vec<u64> = lists.values().flatten().copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let mut connected = vec![false; index.len()];
    for &row in finished.pairs.pre.iter().chain(&finished.pairs.post) {
        connected[row as usize] = true;
    }
    let outside = ids.iter().filter(|&&id| index.get(id).is_none());
    let unconnected = ids.iter().filter(|&&id| index.get(id).is_some_and(|row| !connected[row as usize]));
    (diagnostics.keyword_outside, diagnostics.keyword_outside_examples) = counted(outside);
    (diagnostics.keyword_unconnected, diagnostics.keyword_unconnected_examples) = counted(unconnected);
}
