//! Transmitter and sign per neuron: one neuron, one sign (Dale's law).
//!
//! In order of priority: the user's table (by root id, then type, then class); known transmitters of cell classes whose
//! prediction is wrong; the majority of the neuron's outgoing rows by synapse count; its own prediction; the majority of its
//! cell type; the majority of its class; `unknown`. A tie goes to the alphabetically first transmitter and is counted.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kenyon_base::{Result, Source, UserError};
use serde::{Deserialize, Serialize};

use crate::Categorical;
use crate::codex::{Limits, Nt, Record, Records};
use crate::pack::Pack;

/// Outgoing synapses per neuron and transmitter.
#[derive(Debug, Clone)]
pub struct NtTally {
    counts: Vec<[u64; 7]>,
}

impl NtTally {
    /// No synapses for `neurons` neurons.
    pub fn new(neurons: usize) -> Self {
        Self { counts: vec![[0; 7]; neurons] }
    }

    /// Adds a row.
    pub fn add(&mut self, pre: u32, nt: u8, syn_count: u32) {
        self.counts[pre as usize][usize::from(nt)] += u64::from(syn_count);
    }

    fn majority(&self, neuron: usize) -> (Nt, bool) {
        majority(&self.counts[neuron])
    }
}

/// The transmitter with the largest count, blank excluded, and whether another has as much.
fn majority(counts: &[u64; 7]) -> (Nt, bool) {
    let best = Nt::ALL.into_iter().rev().max_by_key(|&nt| counts[nt as usize]).unwrap_or_default();
    let most = counts[best as usize];
    if most == 0 {
        return (Nt::Blank, false);
    }
    (best, Nt::ALL.iter().filter(|&&nt| counts[nt as usize] == most).count() > 1)
}

/// What a neuron of unknown transmitter becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// Cholinergic.
    #[default]
    Excite,
    /// `GABAergic`.
    Inhibit,
    /// Its outgoing connections are removed.
    Drop,
    /// An error.
    Error,
}

/// How transmitters and signs are decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignSpec {
    /// Whether known transmitters override predictions (Kenyon cells and receptor neurons ACH, APL and DPM GABA).
    pub known: bool,
    /// User table with the columns `nt` and one of `root_id`, `type`, `class`.
    pub table: Option<PathBuf>,
    /// Neurons that nothing decides.
    pub unknown: Unknown,
    /// Sign per transmitter where it differs from the default (GABA and GLUT -1, others +1); 0 removes the connections.
    pub map: BTreeMap<Nt, i8>,
}

impl Default for SignSpec {
    fn default() -> Self {
        Self { known: true, table: None, unknown: Unknown::Excite, map: BTreeMap::new() }
    }
}

impl SignSpec {
    /// Sign of a transmitter.
    pub fn sign(&self, nt: Nt) -> i8 {
        self.map.get(&nt).copied().unwrap_or(match nt {
            Nt::Gaba | Nt::Glut => -1,
            Nt::Blank => 0,
            Nt::Ach | Nt::Da | Nt::Oct | Nt::Ser => 1,
        })
    }

    /// Checks that every sign is -1, 0 or 1.
    pub fn validate(&self, config: &Path) -> Result<()> {
        match self.map.iter().find(|(_, sign)| !(-1..=1).contains(*sign)) {
            None => Ok(()),
            Some((nt, sign)) => Err(UserError::bad_data("bad-sign", format!("the sign of {} is not a sign", nt.word()))
                .file(config)
                .key("signs.map")
                .found(sign.to_string())
                .expected("-1, 0 or 1")
                .mend("weights come from synapse counts; the map only gives the sign")),
        }
    }
}

/// What decided the transmitter of a neuron.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NtSource {
    /// The user's table.
    Table,
    /// Known for its class.
    Known,
    /// Majority of its outgoing rows.
    Rows,
    /// Its own prediction.
    Neuron,
    /// Majority of its cell type.
    Type,
    /// Majority of its class.
    Class,
    /// Nothing; see [`Unknown`].
    Unknown,
}

/// Attributes that the decision needs.
#[derive(Debug)]
pub struct Neurons<'a> {
    /// Root ids.
    pub root_ids: &'a [u64],
    /// Cell types.
    pub types: Arc<Categorical>,
    /// Classes.
    pub class: Arc<Categorical>,
    /// Own predictions.
    pub nt: Arc<Categorical>,
}

impl<'a> Neurons<'a> {
    /// The neurons of a pack.
    pub fn of_pack(pack: &'a Pack) -> Result<Self> {
        use crate::query::Table;
        Ok(Self {
            root_ids: pack.root_ids(),
            types: pack.attribute("type")?,
            class: pack.attribute("class")?,
            nt: pack.attribute("nt")?,
        })
    }
}

/// Transmitters and signs decided.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// Transmitter per neuron; blank where unknown neurons are dropped.
    pub nt: Vec<Nt>,
    /// Sign per neuron: -1, 0 or 1.
    pub sign: Vec<i8>,
    /// What decided it; with [`Unknown::Error`] it is for the caller to refuse [`NtSource::Unknown`].
    pub source: Vec<NtSource>,
    /// Neurons whose rows have as many synapses of two transmitters.
    pub tie: Vec<bool>,
    /// Neurons whose rows predict both signs.
    pub both_signs: Vec<bool>,
}

/// Word for a sign, as the query field `sign` has it.
pub fn word(sign: i8) -> &'static str {
    match sign {
        1 => "excitatory",
        -1 => "inhibitory",
        _ => "none",
    }
}

/// Whether a neuron is a receptor neuron, by class or, where there is none, by its type's prefix.
pub(crate) fn is_receptor_neuron(class: &str, cell_type: &str) -> bool {
    matches!(class, "olfactory" | "hygrosensory" | "thermosensory")
        || (class.is_empty() && ["ORN_", "HRN_", "TRN_"].iter().any(|p| cell_type.starts_with(p)))
}

/// Transmitters known from the literature where Codex's prediction is wrong.
fn known_nt(class: &str, cell_type: &str) -> Option<Nt> {
    if class.eq_ignore_ascii_case("Kenyon_Cell") || cell_type.starts_with("KC") || is_receptor_neuron(class, cell_type) {
        return Some(Nt::Ach);
    }
    matches!(cell_type, "APL" | "DPM").then_some(Nt::Gaba)
}

/// Decides transmitter and sign of every neuron, with the table of `spec` if `table` is what was read from it.
pub fn resolve(neurons: &Neurons<'_>, tally: &NtTally, spec: &SignSpec, table: Option<&UserTable>) -> Resolved {
    let n = neurons.root_ids.len();
    let mut nt = vec![Nt::Blank; n];
    let mut source = vec![NtSource::Unknown; n];
    let mut tie = vec![false; n];
    let mut both_signs = vec![false; n];
    for i in 0..n {
        let (class, cell_type) = (neurons.class.get(i), neurons.types.get(i));
        let predicted = |wanted: i8| Nt::ALL.iter().any(|&t| spec.sign(t) == wanted && tally.counts[i][t as usize] > 0);
        both_signs[i] = predicted(1) && predicted(-1);
        let (by_rows, tied) = tally.majority(i);
        tie[i] = tied;
        let own = Nt::from_field(neurons.nt.get(i).as_bytes()).unwrap_or_default();
        let known = if spec.known { known_nt(class, cell_type) } else { None };
        let candidates = [
            (table.and_then(|t| t.get(neurons.root_ids[i], cell_type, class)), NtSource::Table),
            (known, NtSource::Known),
            (Some(by_rows), NtSource::Rows),
            (Some(own), NtSource::Neuron),
        ];
        if let Some((decided, by)) = candidates.into_iter().find_map(|(t, by)| t.filter(|&t| t != Nt::Blank).map(|t| (t, by))) {
            (nt[i], source[i]) = (decided, by);
        }
    }
    for (groups, by) in [(&neurons.types, NtSource::Type), (&neurons.class, NtSource::Class)] {
        fill_from_groups(groups, by, &mut nt, &mut source);
    }
    for i in 0..n {
        if source[i] == NtSource::Unknown {
            nt[i] = match spec.unknown {
                // Where unknown is an error, whoever knows the circuit says so; until then the neuron keeps its connections.
                Unknown::Excite | Unknown::Error => Nt::Ach,
                Unknown::Inhibit => Nt::Gaba,
                Unknown::Drop => Nt::Blank,
            };
        }
    }
    let sign = nt.iter().map(|&t| spec.sign(t)).collect();
    Resolved { nt, sign, source, tie, both_signs }
}

/// Gives undecided neurons the majority of the decided neurons of their group.
fn fill_from_groups(groups: &Categorical, by: NtSource, nt: &mut [Nt], source: &mut [NtSource]) {
    let mut counts = vec![[0_u64; 7]; groups.values().len()];
    for (i, &code) in groups.codes().iter().enumerate() {
        // Only neurons decided by themselves vote, so that the order of the two passes does not matter.
        if code != 0 && source[i] < NtSource::Type {
            counts[code as usize][nt[i] as usize] += 1;
        }
    }
    for (i, &code) in groups.codes().iter().enumerate() {
        if code != 0 && source[i] == NtSource::Unknown {
            let (voted, _) = majority(&counts[code as usize]);
            if voted != Nt::Blank {
                (nt[i], source[i]) = (voted, by);
            }
        }
    }
}

/// What became of the user's table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignTableReport {
    /// Data rows.
    pub rows: u64,
    /// Root ids that are no neurons of the pack.
    pub outside: u64,
    /// The first ten of them.
    pub outside_examples: Vec<String>,
}

/// The user's transmitters.
#[derive(Debug)]
pub struct UserTable {
    ids: HashMap<u64, Nt>,
    types: HashMap<String, Nt>,
    classes: HashMap<String, Nt>,
    /// Its rows, and those without effect.
    pub report: SignTableReport,
    /// The file.
    pub source: Source,
}

impl UserTable {
    fn get(&self, id: u64, cell_type: &str, class: &str) -> Option<Nt> {
        let id = self.ids.get(&id);
        id.or_else(|| self.types.get(cell_type)).or_else(|| self.classes.get(class)).copied()
    }

    /// Reads a table with the columns `nt` and one of `root_id`, `type`, `class`.
    ///
    /// # Errors
    /// A column is missing; a transmitter is none; a key has two; a type or class that no neuron has. A root id that is no
    /// neuron is counted, since tables of ids often hold more than one dump.
    pub fn read(path: &Path, neurons: &Neurons<'_>) -> Result<Self> {
        let mut records = Records::open(path, Limits::default())?;
        let header: Vec<String> = match records.next_record()? {
            Some(record) => (0..record.len()).map(|i| record.text(i).trim().to_lowercase()).collect(),
            None => Vec::new(),
        };
        let key = header.iter().position(|c| matches!(c.as_str(), "root_id" | "type" | "class"));
        let nt = header.iter().position(|c| matches!(c.as_str(), "nt" | "nt_type"));
        let (Some(key), Some(nt)) = (key, nt) else {
            return Err(UserError::bad_data("header-missing", "the header lacks a column")
                .file(path)
                .line(1)
                .column(if nt.is_none() { "nt" } else { "root_id" })
                .found(header.join(","))
                .expected("`nt` and one of `root_id`, `type`, `class`")
                .mend("name the columns in the first line"));
        };
        let (mut ids, mut types, mut classes) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut outside = Vec::new();
        while let Some(record) = records.next_record()? {
            let Some(value) = Nt::from_field(record.field(nt)).filter(|&v| v != Nt::Blank) else {
                return Err(record
                    .error("bad-nt", "not a transmitter", "nt")
                    .found(record.text(nt))
                    .expected("ACH, DA, GABA, GLUT, OCT or SER")
                    .mend("write one of them"));
            };
            let text = record.text(key).trim().to_string();
            let before = match header[key].as_str() {
                "root_id" => {
                    let id = crate::codex::fields::root_id(&record, key, "root_id")?;
                    let before = ids.insert(id, value);
                    if before.is_none() && neurons.root_ids.binary_search(&id).is_err() {
                        outside.push(id.to_string());
                    }
                    before
                }
                "type" => types.insert(known(&record, key, "type", &neurons.types)?, value),
                _ => classes.insert(known(&record, key, "class", &neurons.class)?, value),
            };
            if before.is_some_and(|b| b != value) {
                return Err(record
                    .error("contradiction", "the same key has two transmitters", &header[key])
                    .found(text)
                    .expected("each key once")
                    .mend("remove one of the two rows"));
            }
        }
        let rows = records.rows();
        let (sha256, bytes) = records.finish()?;
        let report =
            SignTableReport { rows, outside: outside.len() as u64, outside_examples: outside.into_iter().take(10).collect() };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { ids, types, classes, report, source: Source { name, kind: "sign_table".into(), sha256, bytes, rows } })
    }
}

/// The key of a row, which must be a text that a neuron has: a misspelt one would change nothing and say nothing.
fn known(record: &Record<'_>, key: usize, column: &str, texts: &Categorical) -> Result<String> {
    let text = record.text(key).trim();
    if text.is_empty() || !texts.values().iter().any(|value| value == text) {
        let known = texts.values().iter().map(String::as_str);
        let mend = crate::query::mend(text, known, &format!("values of `{column}`"), false);
        return Err(record
            .error("unknown-value", format!("no neuron of the pack has this {column}"), column)
            .found(text)
            .expected(format!("a {column} of the pack"))
            .mend(mend));
    }
    Ok(text.to_string())
}
