//! What a table is, by its columns: canonical names, aliases, kinds.
//!
//! Source of the names: `docs/formats.md`, "Codex tables". File names are never used to tell kinds apart.

use kenyon_base::{Result, UserError, nearest};
use serde::Serialize;

use super::records::Records;

/// A column that kenyon reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are those of the Codex columns")]
pub enum Column {
    PreRootId,
    PostRootId,
    /// Presynaptic id without its leading `720575940`.
    PreRootIdShort,
    /// Postsynaptic id without its leading `720575940`.
    PostRootIdShort,
    SynCount,
    Neuropil,
    NtType,
    RootId,
    Group,
    Flow,
    SuperClass,
    Class,
    SubClass,
    Hemilineage,
    Side,
    Nerve,
    PrimaryType,
    AdditionalTypes,
    Name,
    ProcessedLabels,
    ReceptorLabel,
}

/// Canonical name and aliases of every column, the canonical name first.
const NAMES: [(Column, &[&str]); 21] = [
    (Column::PreRootId, &["pre_root_id", "pre_pt_root_id", "pre_id", "Presynaptic_ID", "bodyId_pre", "pre", "source"]),
    (Column::PostRootId, &["post_root_id", "post_pt_root_id", "post_id", "Postsynaptic_ID", "bodyId_post", "post", "target"]),
    (Column::PreRootIdShort, &["pre_root_id_720575940"]),
    (Column::PostRootIdShort, &["post_root_id_720575940"]),
    (Column::SynCount, &["syn_count", "syn", "synapses", "weight", "count", "Connectivity"]),
    (Column::Neuropil, &["neuropil", "roi", "region"]),
    (Column::NtType, &["nt_type", "nt", "top_nt", "neurotransmitter", "predicted_nt"]),
    (Column::RootId, &["root_id", "pt_root_id", "body_id", "bodyId", "id", "neuron_id"]),
    (Column::Group, &["group"]),
    (Column::Flow, &["flow"]),
    (Column::SuperClass, &["super_class", "cell_super_class"]),
    (Column::Class, &["class", "cell_class"]),
    (Column::SubClass, &["sub_class", "cell_sub_class"]),
    (Column::Hemilineage, &["hemilineage", "ito_lee_hemilineage"]),
    (Column::Side, &["side", "hemisphere", "soma_side"]),
    (Column::Nerve, &["nerve"]),
    (Column::PrimaryType, &["primary_type", "cell_type", "type"]),
    (Column::AdditionalTypes, &["additional_type(s)", "additional_types", "additional_type"]),
    (Column::Name, &["name"]),
    (Column::ProcessedLabels, &["processed_labels"]),
    (Column::ReceptorLabel, &["receptor_label"]),
];

impl Column {
    /// Canonical name, as Codex writes it.
    pub fn name(self) -> &'static str {
        self.names()[0]
    }

    /// Canonical name and aliases.
    fn names(self) -> &'static [&'static str] {
        NAMES.iter().find(|(column, _)| *column == self).expect("every column has a name").1
    }

    /// The column of a header cell: trimmed, case folded, aliases mapped.
    pub fn from_header(cell: &str) -> Option<Self> {
        let cell = cell.trim();
        NAMES.iter().find(|(_, names)| names.iter().any(|name| name.eq_ignore_ascii_case(cell))).map(|(column, _)| *column)
    }
}

/// What a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// One row per (pre, post, neuropil).
    Connections,
    /// One row per synapse; read as connections with a count of one per row.
    Synapses,
    /// Transmitter prediction and group per neuron.
    Neurons,
    /// Flow, classes, hemilineage, side, nerve per neuron.
    Classification,
    /// Cell type per neuron.
    CellTypes,
    /// Display name per neuron.
    Names,
    /// Community labels per neuron, refined.
    ProcessedLabels,
    /// Receptor per receptor neuron.
    Receptors,
    /// A known Codex table that kenyon does not need.
    Ignored,
    /// Not a table that kenyon knows.
    Unknown,
}

impl TableKind {
    /// Whether it holds connections.
    pub fn is_connections(self) -> bool {
        matches!(self, Self::Connections | Self::Synapses)
    }

    /// Whether it holds attributes of neurons.
    pub fn is_attributes(self) -> bool {
        matches!(self, Self::Neurons | Self::Classification | Self::CellTypes | Self::Names | Self::ProcessedLabels)
    }

    /// Word used in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Synapses => "synapses",
            Self::Neurons => "neurons",
            Self::Classification => "classification",
            Self::CellTypes => "cell_types",
            Self::Names => "names",
            Self::ProcessedLabels => "processed_labels",
            Self::Receptors => "receptors",
            Self::Ignored => "ignored",
            Self::Unknown => "unknown",
        }
    }
}

/// The header of a table.
#[derive(Debug, Clone)]
pub struct Header {
    /// Cells as found, trimmed.
    pub cells: Vec<String>,
    columns: Vec<Option<Column>>,
    /// What the table is.
    pub kind: TableKind,
}

/// Known Codex tables without anything for a circuit: two columns that give each away, and a note.
const IGNORED: [(&str, &str, &str); 9] = [
    ("supervoxel_id", "user_id", "raw community labels hold personal names: not read, use `processed_labels`"),
    ("position", "supervoxel_id", "coordinates are not read"),
    ("length_nm", "area_nm", "cell statistics are not read"),
    ("connectivity_tag", "root_id", "connectivity tags are not read"),
    ("family", "subsystem", "visual cell types are not read"),
    ("column_id", "hemisphere", "column assignments are not read"),
    ("dsx", "root_id", "dsx/fru types are not read"),
    ("fru_dsx", "root_id", "dsx/fru types are not read"),
    ("x", "y", "coordinates are not read"),
];

impl Header {
    /// Reads the header of a table and tells what it is.
    ///
    /// # Errors
    /// The first record cannot be read.
    pub fn read(records: &mut Records) -> Result<Self> {
        let path = records.path().to_path_buf();
        let Some(record) = records.next_record()? else {
            return Err(UserError::bad_data("header-missing", "has no header")
                .file(path)
                .line(1)
                .mend("download the file again"));
        };
        let cells: Vec<String> = (0..record.len()).map(|i| record.text(i).trim().to_string()).collect();
        let columns = cells.iter().map(|cell| Column::from_header(cell)).collect();
        let mut header = Self { cells, columns, kind: TableKind::Unknown };
        header.kind = header.recognise();
        Ok(header)
    }

    /// What stands in the header as the name of the column at `i`.
    pub fn cell(&self, i: usize) -> &str {
        &self.cells[i]
    }

    fn holds(&self, cell: &str) -> bool {
        self.cells.iter().any(|c| c.eq_ignore_ascii_case(cell))
    }

    fn recognise(&self) -> TableKind {
        use Column as C;
        let has = |column: C| self.columns.contains(&Some(column));
        if has(C::PreRootIdShort) || has(C::PostRootIdShort) {
            return TableKind::Synapses;
        }
        let (pre, post) = (has(C::PreRootId), has(C::PostRootId));
        // One misspelt id column is reported as such; two, if the other three columns of a connection table are there.
        let like_connections =
            pre && post || (pre || post) && has(C::SynCount) || has(C::SynCount) && has(C::Neuropil) && has(C::NtType);
        if like_connections && !self.is_synapse_coordinates() {
            return TableKind::Connections;
        }
        if self.ignored_note().is_some() {
            return TableKind::Ignored;
        }
        if has(C::ReceptorLabel) {
            return TableKind::Receptors;
        }
        if has(C::Flow) || has(C::SuperClass) || has(C::Class) || has(C::SubClass) {
            return TableKind::Classification;
        }
        if has(C::NtType) && (has(C::Group) || self.holds("nt_type_score") || has(C::RootId)) {
            return TableKind::Neurons;
        }
        if has(C::PrimaryType) || has(C::AdditionalTypes) {
            return TableKind::CellTypes;
        }
        if has(C::ProcessedLabels) {
            return TableKind::ProcessedLabels;
        }
        if has(C::Name) && (has(C::RootId) || has(C::Group)) {
            return TableKind::Names;
        }
        TableKind::Unknown
    }

    /// Codex's table of places: ids without counts, the ids blank below the first row of a pair.
    fn is_synapse_coordinates(&self) -> bool {
        self.position(Column::PreRootId).is_some()
            && self.position(Column::SynCount).is_none()
            && self.holds("x")
            && self.holds("y")
    }

    /// Why a known table is not read.
    pub fn ignored_note(&self) -> Option<&'static str> {
        if self.is_synapse_coordinates() {
            return Some("synapse coordinates are not read");
        }
        IGNORED.iter().find(|(a, b, _)| self.holds(a) && self.holds(b)).map(|(_, _, note)| *note)
    }

    /// Position of a column, if the table has it.
    pub fn position(&self, column: Column) -> Option<usize> {
        self.columns.iter().position(|c| *c == Some(column))
    }

    /// Columns that kenyon does not read.
    fn extra(&self) -> Vec<&str> {
        self.cells.iter().zip(&self.columns).filter(|(_, c)| c.is_none()).map(|(cell, _)| cell.as_str()).collect()
    }

    /// Columns that kenyon does not read, as they may be listed: each cut to 80 characters, at most 50 of them.
    pub fn extra_listed(&self) -> Vec<String> {
        listed(&self.extra())
    }

    /// All columns, as they may be listed.
    pub fn cells_listed(&self) -> Vec<String> {
        listed(&self.cells.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Position of a column that must be there.
    ///
    /// # Errors
    /// `header-missing`, naming the columns found and the nearest of them.
    pub fn require(&self, column: Column, records: &Records) -> Result<usize> {
        self.position(column).ok_or_else(|| {
            let near = column.names().iter().find_map(|name| nearest(name, self.extra()));
            let mend = match near {
                Some(near) => format!("rename `{near}` to `{}`, or download the file again", column.name()),
                None => "download the file again, its first line must be the header".to_string(),
            };
            UserError::bad_data("header-missing", format!("the header lacks the column `{}`", column.name()))
                .file(records.path())
                .line(1)
                .column(column.name())
                .found(self.cells.join(","))
                .expected(format!("a column `{}` or an alias of it", column.name()))
                .mend(mend)
        })
    }

    /// Checks that no column occurs twice, also not under two aliases or in another case.
    ///
    /// # Errors
    /// `header-duplicate`, naming both cells.
    pub fn check_duplicates(&self, records: &Records) -> Result<()> {
        for (i, cell) in self.cells.iter().enumerate() {
            let column = self.columns[i];
            let same = |j: &usize| match column {
                Some(_) => self.columns[*j] == column,
                None => !cell.is_empty() && self.cells[*j].eq_ignore_ascii_case(cell),
            };
            let Some(j) = (0..i).find(same) else { continue };
            let name = column.map_or_else(|| short(cell), |c| c.name().to_string());
            return Err(UserError::bad_data("header-duplicate", format!("a column occurs twice: {name}"))
                .file(records.path())
                .line(1)
                .column(short(cell))
                .found(format!("{} as column {} and {} as column {}", short(&self.cells[j]), j + 1, short(cell), i + 1))
                .expected("each column once, also under its other names")
                .mend("remove or rename one of the two columns"));
        }
        Ok(())
    }
}

/// Longest list of columns in a report.
const LISTED: usize = 50;

fn listed(cells: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = cells.iter().take(LISTED).map(|cell| short(cell)).collect();
    if cells.len() > LISTED {
        out.push(format!("… and {} more", cells.len() - LISTED));
    }
    out
}

/// A cell as it may be shown.
fn short(cell: &str) -> String {
    cell.chars().take(80).flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}
