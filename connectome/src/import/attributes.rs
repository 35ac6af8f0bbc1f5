//! Attributes of neurons: read from any table that has them, joined by root id.

use std::collections::{BTreeMap, BTreeSet};

use kenyon_base::{Result, Source};

use super::limits;
use super::report::{Diagnostics, UnknownValue, counted};
use super::rows::{Finished, IdMap};
use crate::Categorical;
use crate::codex::header::Header;
use crate::codex::{Column, Nt, Records, Side, Table, TableKind, fields};
use crate::pack::LABEL_SEPARATOR;
use crate::query::ManyCategorical;

/// Columns that are read as attributes, with the name that the attribute has in the pack.
pub(crate) const ATTRIBUTES: [(Column, &str); 13] = [
    (Column::PrimaryType, "type"),
    (Column::AdditionalTypes, "additional_type"),
    (Column::Group, "group"),
    (Column::Flow, "flow"),
    (Column::SuperClass, "super_class"),
    (Column::Class, "class"),
    (Column::SubClass, "sub_class"),
    (Column::Hemilineage, "hemilineage"),
    (Column::Side, "side"),
    (Column::Nerve, "nerve"),
    (Column::NtType, "nt"),
    (Column::Name, "name"),
    (Column::ProcessedLabels, "label"),
];

/// Position of a root id among all neurons of the connectome.
#[derive(Debug)]
pub(super) struct Index {
    rows: IdMap<u32>,
}

impl Index {
    pub(super) fn new(root_ids: &[u64]) -> Self {
        Self { rows: root_ids.iter().zip(0..).map(|(&id, row)| (id, row)).collect() }
    }

    pub(super) fn get(&self, id: u64) -> Option<u32> {
        self.rows.get(&id).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// One attribute as read from one table.
#[derive(Debug)]
struct ReadColumn {
    attribute: &'static str,
    /// Index of the table in `AttributeReader::tables`.
    table: usize,
    texts: Categorical,
}

#[derive(Debug)]
struct ReadTable {
    kind: TableKind,
    ids: Vec<u64>,
}

/// Reads attribute tables.
#[derive(Debug, Default)]
pub(super) struct AttributeReader {
    tables: Vec<ReadTable>,
    columns: Vec<ReadColumn>,
    unknown: BTreeMap<(String, String), UnknownValue>,
    conflicts: u64,
    repeated_ids: u64,
}

impl AttributeReader {
    /// Reads one table to its end.
    pub(super) fn read(&mut self, table: &Table) -> Result<Source> {
        let mut records = Records::open(&table.path, limits())?;
        let header = Header::read(&mut records)?;
        header.check_duplicates(&records)?;
        let id_column = header.require(Column::RootId, &records)?;
        let mut read: Vec<(usize, ReadColumn)> = ATTRIBUTES
            .iter()
            .filter_map(|&(column, attribute)| {
                let texts = Categorical::default();
                header.position(column).map(|at| (at, ReadColumn { attribute, table: self.tables.len(), texts }))
            })
            .collect();
        let mut ids = Vec::new();
        while let Some(record) = records.next_record()? {
            ids.push(fields::root_id(&record, id_column, header.cell(id_column))?);
            for (at, column) in &mut read {
                let text = record.text(*at).trim();
                let known = match column.attribute {
                    "nt" => Nt::from_field(text.as_bytes()).map(Nt::word),
                    "side" => Side::from_text(text).map(Side::word),
                    _ => Some(text),
                };
                if known.is_none() {
                    UnknownValue::count(&mut self.unknown, &table.file, header.cell(*at), text, record.line);
                }
                column.texts.push(known.unwrap_or_default());
            }
        }
        fields::refuse_rounded(&ids, &table.path, header.cell(id_column))?;
        self.repeated_ids += repeated(&ids);
        self.columns.extend(read.into_iter().map(|(_, column)| column));
        self.tables.push(ReadTable { kind: table.kind, ids });
        let rows = records.rows();
        let (sha256, bytes) = records.finish()?;
        Ok(Source { name: table.file.clone(), kind: table.kind.word().into(), sha256, bytes, rows })
    }

    /// Ids of the neurons and classification tables: the neurons that are known to exist.
    fn master(&self) -> impl Iterator<Item = u64> {
        self.tables
            .iter()
            .filter(|t| matches!(t.kind, TableKind::Neurons | TableKind::Classification))
            .flat_map(|t| t.ids.iter().copied())
    }

    /// All neurons of the connectome, ascending: the known ones and every id of a connection.
    pub(super) fn universe(&self, edge_ids: &[u64]) -> Vec<u64> {
        let mut ids: Vec<u64> = self.master().chain(edge_ids.iter().copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Joins every attribute to the neurons. The first non-blank text wins, tables in order of kind, then of file name.
    pub(super) fn join(&mut self, index: &Index) -> BTreeMap<String, Categorical> {
        let mut out: BTreeMap<String, Categorical> = BTreeMap::new();
        self.columns.sort_by_key(|c| (self.tables[c.table].kind, c.table));
        let rows: Vec<Vec<Option<u32>>> = self.tables.iter().map(|t| t.ids.iter().map(|&id| index.get(id)).collect()).collect();
        for column in &self.columns {
            let joined = out.entry(column.attribute.into()).or_insert_with(|| Categorical::blank(index.len()));
            // Each distinct text is interned once, not once per neuron.
            let codes: Vec<u32> = column.texts.values().iter().map(|text| joined.intern(text)).collect();
            for (row, &code) in rows[column.table].iter().zip(column.texts.codes()) {
                let Some(row) = *row else { continue };
                let code = codes[code as usize];
                let known = joined.codes()[row as usize];
                if known == 0 {
                    joined.set_code(row as usize, code);
                } else if code != 0 && code != known {
                    self.conflicts += 1;
                }
            }
        }
        out
    }

    /// Fills the diagnostics about neurons.
    pub(super) fn describe(
        &self,
        root_ids: &[u64],
        columns: &BTreeMap<String, Categorical>,
        finished: &Finished,
        diagnostics: &mut Diagnostics,
    ) {
        let neurons = root_ids.len();
        diagnostics.unknown_values.extend(self.unknown.values().cloned());
        diagnostics.attribute_conflicts = self.conflicts;
        diagnostics.repeated_ids = self.repeated_ids;
        diagnostics.unknown_type = match columns.get("type") {
            Some(types) => types.codes().iter().filter(|&&c| c == 0).count() as u64,
            None => neurons as u64,
        };
        let mut has = vec![(false, false); neurons];
        for (&pre, &post) in finished.pairs.pre.iter().zip(&finished.pairs.post) {
            has[pre as usize].1 = true;
            has[post as usize].0 = true;
        }
        let count = |wanted: (bool, bool)| has.iter().filter(|&&h| h == wanted).count() as u64;
        diagnostics.no_connection = count((false, false));
        diagnostics.no_input = count((false, true));
        diagnostics.no_output = count((true, false));
        if self.tables.iter().any(|t| matches!(t.kind, TableKind::Neurons | TableKind::Classification)) {
            let mut known: Vec<u64> = self.master().collect();
            known.sort_unstable();
            let orphans = root_ids.iter().filter(|id| known.binary_search(id).is_err());
            (diagnostics.orphan_ids, diagnostics.orphan_examples) = counted(orphans);
        }
        let mut nts: Vec<u8> = vec![0; neurons];
        let mut row = 0;
        for (pair, &count) in finished.pairs.row_count.iter().enumerate() {
            diagnostics.multi_row_pairs += u64::from(count > 1);
            for _ in 0..count {
                nts[finished.pairs.pre[pair] as usize] |= 1 << finished.rows.nt[row];
                row += 1;
            }
        }
        diagnostics.several_nt = nts.iter().filter(|&&mask| (mask & !1).count_ones() > 1).count() as u64;
    }
}

/// How many ids occurred before.
fn repeated(ids: &[u64]) -> u64 {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).filter(|w| w[0] == w[1]).count() as u64
}

/// Reads a receptor map: pairs of label and root id in the order of the file.
pub(super) fn read_receptors(table: &Table) -> Result<(Vec<(String, u64)>, Source)> {
    let mut records = Records::open(&table.path, limits())?;
    let header = Header::read(&mut records)?;
    header.check_duplicates(&records)?;
    let id_column = header.require(Column::RootId, &records)?;
    let label_column = header.require(Column::ReceptorLabel, &records)?;
    let mut map = Vec::new();
    while let Some(record) = records.next_record()? {
        let id = fields::root_id(&record, id_column, header.cell(id_column))?;
        let label = record.text(label_column).trim();
        if label.is_empty() || label.contains(LABEL_SEPARATOR) {
            return Err(record
                .error("bad-label", "not a receptor label", header.cell(label_column))
                .found(label)
                .expected(format!("the name of one receptor, without `{LABEL_SEPARATOR}`"))
                .mend("write one row per receptor and neuron, and leave out neurons without a receptor"));
        }
        map.push((label.to_string(), id));
    }
    let rows = records.rows();
    let (sha256, bytes) = records.finish()?;
    Ok((map, Source { name: table.file.clone(), kind: table.kind.word().into(), sha256, bytes, rows }))
}

/// Receptor labels per neuron, sorted; the same label twice counts once.
pub(super) fn join_receptors(map: &[(String, u64)], index: &Index, diagnostics: &mut Diagnostics) -> Option<ManyCategorical> {
    if map.is_empty() {
        return None;
    }
    let mut labels: Vec<Vec<&str>> = vec![Vec::new(); index.len()];
    let mut outside = BTreeSet::new();
    for (label, id) in map {
        match index.get(*id) {
            Some(row) => labels[row as usize].push(label),
            None => {
                outside.insert(*id);
            }
        }
    }
    for row in &mut labels {
        row.sort_unstable();
        row.dedup();
    }
    diagnostics.receptor_rows = map.len() as u64;
    diagnostics.receptor_neurons = labels.iter().filter(|l| !l.is_empty()).count() as u64;
    diagnostics.receptor_several_labels = labels.iter().filter(|l| l.len() > 1).count() as u64;
    (diagnostics.receptor_outside, diagnostics.receptor_outside_examples) = counted(outside.iter());
    Some(ManyCategorical::from_rows(labels))
}
