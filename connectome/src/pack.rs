//! The connectome pack: one HDF5 file that holds a [`Connectome`], read on demand.
//!
//! Layout in `docs/formats.md`, "Connectome pack".

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use kenyon_base::{Container, ContainerWriter, Provenance, Result, UserError};

use crate::Categorical;
use crate::codex::Nt;
use crate::connectome::{Connectome, Pairs, Rows};
use crate::query::{Field, ManyCategorical, Table};
use crate::signs::{self, NtTally, SignSpec};

/// Format name in the file.
pub const FORMAT: &str = "kenyon-connectome";
/// Newest format version that this code reads and the one it writes.
pub const VERSION: u32 = 1;
/// Between two receptor labels of one neuron.
pub(crate) const LABEL_SEPARATOR: char = ';';

/// Writes a pack; nothing appears at `path` unless it is complete.
pub fn write(connectome: &Connectome, path: &Path) -> Result<()> {
    let out = ContainerWriter::create(path, FORMAT, VERSION)?;
    out.write("neurons/root_id", &connectome.root_ids)?;
    for (name, column) in &connectome.attributes {
        let texts: Vec<&str> = column.iter().collect();
        out.write_text(&format!("neurons/{name}"), &texts)?;
    }
    if let Some(receptors) = &connectome.receptors {
        out.write_text("neurons/receptor", &joined(receptors))?;
    }
    out.write("edges/pre", &connectome.pairs.pre)?;
    out.write("edges/post", &connectome.pairs.post)?;
    out.write("edges/syn_count", &connectome.pairs.syn_count)?;
    out.write("edges/row_count", &connectome.pairs.row_count)?;
    out.write("rows/syn_count", &connectome.rows.syn_count)?;
    out.write("rows/neuropil", &connectome.rows.neuropil)?;
    out.write("rows/nt", &connectome.rows.nt)?;
    if !connectome.rows.table.is_empty() {
        out.write("rows/table", &connectome.rows.table)?;
    }
    out.write_text("names/neuropils", &connectome.neuropils)?;
    out.write_text("names/tables", &connectome.tables)?;
    let nts: Vec<&str> = std::iter::once(Nt::Blank).chain(Nt::ALL).map(Nt::word).collect();
    out.write_text("names/nts", &nts)?;
    for (name, ids) in &connectome.lists {
        out.write(&format!("lists/{name}"), ids)?;
    }
    out.finish(&connectome.provenance)
}

/// Labels of every row as one text.
pub(crate) fn joined(labels: &ManyCategorical) -> Vec<String> {
    (0..labels.len()).map(|row| labels.get(row).collect::<Vec<_>>().join(&LABEL_SEPARATOR.to_string())).collect()
}

/// Reads back what [`joined`] wrote.
pub(crate) fn read_labels(container: &Container, name: &str) -> Result<ManyCategorical> {
    let texts = container.read_text(name)?;
    let rows = texts.iter().map(|text| text.split(LABEL_SEPARATOR).filter(|label| !label.is_empty()).collect::<Vec<_>>());
    Ok(ManyCategorical::from_rows(rows.collect::<Vec<_>>()))
}

/// A pack opened for reading; attributes are read when asked for.
#[derive(Debug)]
pub struct Pack {
    container: Container,
    root_ids: Vec<u64>,
    attributes: Vec<String>,
    cache: Mutex<BTreeMap<String, Arc<Categorical>>>,
    receptors: OnceLock<Arc<ManyCategorical>>,
}

impl Pack {
    /// Opens a pack and checks its seal.
    pub fn open(path: &Path) -> Result<Self> {
        let container = Container::open(path, FORMAT, VERSION).map_err(|error| with_import(error, path))?;
        let root_ids: Vec<u64> = container.read("neurons/root_id")?;
        if !root_ids.is_sorted_by(|a, b| a < b) {
            return Err(damaged(&container, "neurons/root_id", "ids in ascending order, each once"));
        }
        let mut attributes = container.names("neurons");
        attributes.retain(|name| name != "root_id" && name != "receptor");
        Ok(Self { container, root_ids, attributes, cache: Mutex::default(), receptors: OnceLock::new() })
    }

    /// The file it was opened from.
    pub fn path(&self) -> &Path {
        self.container.path()
    }

    /// SHA-256 of its content.
    pub fn sha256(&self) -> &str {
        self.container.sha256()
    }

    /// Where it comes from.
    pub fn provenance(&self) -> &Provenance {
        self.container.provenance()
    }

    /// Number of neurons.
    pub fn rows_len(&self) -> usize {
        self.root_ids.len()
    }

    /// Names of the attributes it holds.
    pub fn attribute_names(&self) -> &[String] {
        &self.attributes
    }

    /// An attribute by name, blank throughout if the pack does not hold it.
    pub fn attribute(&self, name: &str) -> Result<Arc<Categorical>> {
        if let Some(column) = self.cache.lock().expect("no holder of this lock panics").get(name) {
            return Ok(Arc::clone(column));
        }
        let column = if self.attributes.iter().any(|a| a == name) {
            let mut column = Categorical::default();
            self.container.for_each_text(&format!("neurons/{name}"), |text| column.push(text))?;
            if column.len() != self.root_ids.len() {
                return Err(damaged(&self.container, &format!("neurons/{name}"), "one text per neuron"));
            }
            column
        } else {
            Categorical::blank(self.root_ids.len())
        };
        let column = Arc::new(column);
        self.cache.lock().expect("no holder of this lock panics").insert(name.into(), Arc::clone(&column));
        Ok(column)
    }

    /// Receptor labels per neuron, if the dump had a receptor map.
    pub fn receptors(&self) -> Result<Option<Arc<ManyCategorical>>> {
        if !self.container.has("neurons/receptor") {
            return Ok(None);
        }
        if let Some(labels) = self.receptors.get() {
            return Ok(Some(Arc::clone(labels)));
        }
        let labels = Arc::new(read_labels(&self.container, "neurons/receptor")?);
        if labels.len() != self.root_ids.len() {
            return Err(damaged(&self.container, "neurons/receptor", "one text per neuron"));
        }
        Ok(Some(Arc::clone(self.receptors.get_or_init(|| labels))))
    }

    /// Root ids of a keyword list, whether or not they are neurons of the pack.
    pub fn list_ids(&self, name: &str) -> Result<Vec<u64>> {
        self.container.read(&format!("lists/{name}"))
    }

    /// Row of a root id.
    pub fn row_of(&self, id: u64) -> Option<u32> {
        self.root_ids.binary_search(&id).ok().map(|row| row as u32)
    }

    /// Rows of root ids, ascending; ids that are no neurons are left out.
    pub fn rows_of(&self, ids: &[u64]) -> Vec<u32> {
        let mut rows: Vec<u32> = ids.iter().filter_map(|&id| self.row_of(id)).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// All pairs.
    pub fn pairs(&self) -> Result<Pairs> {
        let pre: Vec<u32> = self.container.read("edges/pre")?;
        let n = pre.len();
        let pairs = Pairs {
            post: self.container.read_len("edges/post", n)?,
            syn_count: self.container.read_len("edges/syn_count", n)?,
            row_count: self.container.read_len("edges/row_count", n)?,
            pre,
        };
        let neurons = self.root_ids.len() as u32;
        let in_range = pairs.pre.iter().chain(&pairs.post).all(|&i| i < neurons);
        if !in_range || !pairs.pre.iter().zip(&pairs.post).is_sorted_by(|a, b| a < b) {
            return Err(damaged(&self.container, "edges/pre", "neuron indices in ascending order of (pre, post)"));
        }
        Ok(pairs)
    }

    /// All rows, in the order of their pairs.
    pub fn rows(&self) -> Result<Rows> {
        let syn_count: Vec<u32> = self.container.read("rows/syn_count")?;
        let n = syn_count.len();
        let rows = Rows {
            neuropil: self.container.read_len("rows/neuropil", n)?,
            nt: self.container.read_len("rows/nt", n)?,
            table: if self.container.has("rows/table") { self.container.read_len("rows/table", n)? } else { Vec::new() },
            syn_count,
        };
        let neuropils = self.neuropils()?.len();
        if rows.neuropil.iter().any(|&c| usize::from(c) >= neuropils) || rows.nt.iter().any(|&c| Nt::from_code(c).is_none()) {
            return Err(damaged(&self.container, "rows/neuropil", "codes of `names/neuropils` and `names/nts`"));
        }
        Ok(rows)
    }

    /// Neuropil names by code; code 0 is blank.
    pub fn neuropils(&self) -> Result<Vec<String>> {
        self.container.read_text("names/neuropils")
    }

    /// Names of the connection tables, in order of precedence.
    pub fn tables(&self) -> Result<Vec<String>> {
        self.container.read_text("names/tables")
    }

    /// Outgoing synapses per neuron and transmitter, over all rows of the pack.
    pub fn nt_tally(&self, pairs: &Pairs, rows: &Rows) -> Result<NtTally> {
        let mut tally = NtTally::new(self.root_ids.len());
        let mut row = 0;
        for (&pre, &count) in pairs.pre.iter().zip(&pairs.row_count) {
            let end = row + usize::from(count);
            if end > rows.syn_count.len() {
                return Err(damaged(&self.container, "edges/row_count", "as many rows as `rows` holds"));
            }
            for r in row..end {
                tally.add(pre, rows.nt[r], rows.syn_count[r]);
            }
            row = end;
        }
        if row != rows.syn_count.len() {
            return Err(damaged(&self.container, "edges/row_count", "as many rows as `rows` holds"));
        }
        Ok(tally)
    }

    /// Everything, in memory.
    pub fn read_all(&self) -> Result<Connectome> {
        let mut attributes = BTreeMap::new();
        for name in &self.attributes {
            attributes.insert(name.clone(), self.attribute(name)?.as_ref().clone());
        }
        let mut lists = BTreeMap::new();
        for name in self.container.names("lists") {
            lists.insert(name.clone(), self.list_ids(&name)?);
        }
        Ok(Connectome {
            root_ids: self.root_ids.clone(),
            attributes,
            receptors: self.receptors()?.map(|r| r.as_ref().clone()),
            lists,
            pairs: self.pairs()?,
            rows: self.rows()?,
            neuropils: self.neuropils()?,
            tables: self.tables()?,
            provenance: self.provenance().clone(),
        })
    }

    /// `excitatory` or `inhibitory` per neuron by the default sign rule.
    fn signs(&self) -> Result<Arc<Categorical>> {
        if let Some(column) = self.cache.lock().expect("no holder of this lock panics").get("sign") {
            return Ok(Arc::clone(column));
        }
        let tally = self.nt_tally(&self.pairs()?, &self.rows()?)?;
        let resolved = signs::resolve(&signs::Neurons::of_pack(self)?, &tally, &SignSpec::default(), None);
        let column = Arc::new(resolved.sign.iter().map(|&s| signs::word(s)).collect::<Categorical>());
        self.cache.lock().expect("no holder of this lock panics").insert("sign".into(), Arc::clone(&column));
        Ok(column)
    }
}

/// Whoever names a dump where a pack is due has not imported it yet.
fn with_import(error: UserError, path: &Path) -> UserError {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let dump = if path.is_dir() {
        path.display().to_string()
    } else if [".csv", ".tsv", ".csv.gz", ".tsv.gz"].iter().any(|end| name.ends_with(end)) {
        "FOLDER".to_string()
    } else {
        return error;
    };
    match error.code() {
        "not-a-file" | "not-a-container" => error.mend(format!("import it first: `kenyon connectome import {dump} -o fly.h5`")),
        _ => error,
    }
}

fn damaged(container: &Container, object: &str, expected: &str) -> UserError {
    UserError::bad_data("damaged-pack", "a data set does not hold what it should")
        .file(container.path())
        .dataset(object)
        .expected(expected)
        .mend("import the dump again with `kenyon connectome import`")
}

impl Table for Pack {
    fn rows(&self) -> usize {
        self.root_ids.len()
    }

    fn root_ids(&self) -> &[u64] {
        &self.root_ids
    }

    fn fields(&self) -> Vec<String> {
        let mut fields = self.attributes.clone();
        fields.push("sign".into());
        if self.container.has("neurons/receptor") {
            fields.push("receptor".into());
        }
        fields
    }

    fn field(&self, name: &str) -> Result<Option<Field>> {
        Ok(match name {
            "sign" => Some(Field::One(self.signs()?)),
            "receptor" => self.receptors()?.map(Field::Many),
            name if self.attributes.iter().any(|a| a == name) => Some(Field::One(self.attribute(name)?)),
            _ => None,
        })
    }

    fn lists(&self) -> Vec<String> {
        self.container.names("lists")
    }

    fn list(&self, name: &str) -> Result<Option<Vec<u32>>> {
        let lists = self.container.names("lists");
        Ok(match lists.iter().find(|l| *l == name) {
            Some(list) => Some(self.rows_of(&self.list_ids(list)?)),
            None => None,
        })
    }
}
