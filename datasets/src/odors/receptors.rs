//! The input layer: one input per receptor neuron, with the receptors that it expresses.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use kenyon_base::{Result, Source, UserError, digest};
use serde::{Deserialize, Serialize};

use super::table::ResponseTable;
use crate::text::Text;

/// Columns of DoOR that stand for a receptor label of another name (label, column).
pub const ALIASES: [(&str, &str); 4] = [("Gr21a", "Gr21a.Gr63a"), ("Or22", "Or22a"), ("Or56a", "ab4B"), ("Or65", "Or65a")];

/// Receptor neurons in stored order, each once, with their receptor labels.
///
/// This is the one receptor map: the generator of spikes and the network that they drive both take their inputs from here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InputLayer {
    /// Root id of every input.
    pub root_ids: Vec<u64>,
    /// Receptor labels of every input, each label once; none for a neuron whose receptor is not known.
    pub labels: Vec<Vec<String>>,
    /// The file that it was read from.
    pub source: Option<Source>,
}

/// How a neuron with several receptors responds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Combine {
    /// Its receptors add up.
    #[default]
    Sum,
    /// The strongest decides.
    Max,
    /// Their mean.
    Mean,
}

impl InputLayer {
    /// An input layer of these neurons.
    ///
    /// # Errors
    /// `repeated-input` if an id occurs twice, `bad-length` unless there is one list of labels per neuron, `no-inputs`.
    pub fn new(root_ids: Vec<u64>, labels: Vec<Vec<String>>) -> Result<Self> {
        if root_ids.len() != labels.len() {
            return Err(UserError::bad_data("bad-length", "receptor labels and inputs differ in number")
                .found(format!("{} labels", labels.len()))
                .expected(format!("{}, one list per input", root_ids.len()))
                .mend("make both from the same circuit"));
        }
        if root_ids.is_empty() {
            return Err(UserError::bad_data("no-inputs", "there is no input neuron")
                .expected("at least one neuron that is driven by odours")
                .mend("build the circuit with receptor neurons; see `inputs` in the circuit config"));
        }
        let mut seen = BTreeSet::new();
        if let Some(id) = root_ids.iter().find(|id| !seen.insert(**id)) {
            return Err(UserError::bad_data("repeated-input", "an input neuron occurs twice")
                .found(id.to_string())
                .expected("one input per root id")
                .mend("make it again with this version"));
        }
        let labels = labels.into_iter().map(|of| unique(of.into_iter().filter(|l| !l.is_empty()))).collect();
        Ok(Self { root_ids, labels, source: None })
    }

    /// Reads a receptor map: a CSV with the columns `receptor_label` and `root_id`. A neuron under several labels is one
    /// input, at the place of its first row.
    ///
    /// # Errors
    /// A missing column, a ragged row, an empty label, an id that is not a whole number; with line, row and column.
    pub fn read(path: &Path) -> Result<Self> {
        let text = Text::read(path, "receptor_map")?;
        let records = text.records(b',')?;
        let Some((header, rows)) = records.split_first() else {
            return Err(UserError::bad_data("empty-file", "holds no line").file(path).line(1).mend("download the file again"));
        };
        let column = |name: &str| {
            header.fields.iter().position(|f| f.eq_ignore_ascii_case(name)).ok_or_else(|| {
                UserError::bad_data("missing-column", "is no receptor map")
                    .file(path)
                    .line(header.line)
                    .found(header.fields.join(","))
                    .expected(format!("a column `{name}`"))
                    .mend("name a table with the columns `receptor_label` and `root_id`")
            })
        };
        let (label_column, id_column) = (column("receptor_label")?, column("root_id")?);
        let mut layer = Self::default();
        let mut position: HashMap<u64, usize> = HashMap::new();
        for (record, row) in rows.iter().zip(1_u64..) {
            let here = |error: UserError| error.file(path).line(record.line).row(row);
            if record.fields.len() != header.fields.len() {
                return Err(here(UserError::bad_data("ragged-row", "a row with another number of fields than the header"))
                    .found(format!("{} fields", record.fields.len()))
                    .expected(header.fields.len().to_string())
                    .mend("mend the file, or download it again"));
            }
            let id = root_id(&record.fields[id_column]).map_err(|e| here(e).column("root_id"))?;
            let label = &record.fields[label_column];
            if label.is_empty() {
                return Err(here(UserError::bad_data("bad-receptor", "a row without a receptor"))
                    .column("receptor_label")
                    .expected("a receptor label")
                    .mend("mend the file, or remove the row"));
            }
            let at = *position.entry(id).or_insert_with(|| {
                layer.root_ids.push(id);
                layer.labels.push(Vec::new());
                layer.labels.len() - 1
            });
            layer.labels[at].push(label.clone());
        }
        let mut source = text.source;
        source.rows = rows.len() as u64;
        let layer = Self::new(layer.root_ids, layer.labels).map_err(|e| e.file(path))?;
        Ok(Self { source: Some(source), ..layer })
    }

    /// Number of inputs.
    pub fn len(&self) -> usize {
        self.root_ids.len()
    }

    /// Whether there are no inputs.
    pub fn is_empty(&self) -> bool {
        self.root_ids.is_empty()
    }

    /// All labels, sorted, each once.
    pub fn receptors(&self) -> Vec<String> {
        self.labels.iter().flatten().cloned().collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// Without the inputs that have no label.
    #[must_use]
    pub fn labelled(&self) -> Self {
        let keep = |i: &usize| !self.labels[*i].is_empty();
        Self {
            root_ids: (0..self.len()).filter(keep).map(|i| self.root_ids[i]).collect(),
            labels: (0..self.len()).filter(keep).map(|i| self.labels[i].clone()).collect(),
            source: self.source.clone(),
        }
    }

    /// SHA-256 of the order of the inputs.
    pub fn order_sha256(&self) -> String {
        digest::sha256_ids(&self.root_ids)
    }
}

/// Which column of the table every label reads.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Mapping {
    /// Column name by label.
    pub columns: BTreeMap<String, String>,
    /// Labels without a column: their neurons get no odour drive through them.
    pub without_column: Vec<String>,
    /// Columns that no neuron expresses.
    pub without_neuron: Vec<String>,
    /// Labels of fewer than five neurons: few neurons may mean a faulty map.
    pub few_neurons: BTreeMap<String, usize>,
}

/// Inputs whose rate under every odour is the same: neurons of the same receptors.
#[derive(Debug, Clone, PartialEq)]
pub struct Drives {
    /// Group of each input.
    pub group: Vec<u32>,
    /// Number of inputs in each group.
    pub members: Vec<u32>,
    /// Combined response, odours × groups, row by row; clipped at 0.
    pub values: Vec<f64>,
    /// How labels were mapped.
    pub mapping: Mapping,
}

impl Drives {
    /// Combines the responses of each input's receptors: by equal name, then by the user's aliases, then by [`ALIASES`].
    ///
    /// # Errors
    /// `unknown-receptor` if an alias names a column that is not there, `no-drive` if no label has a column.
    pub fn new(layer: &InputLayer, table: &ResponseTable, aliases: &BTreeMap<String, String>, combine: Combine) -> Result<Self> {
        let mapping = map(layer, table, aliases)?;
        let mut groups: BTreeMap<Vec<usize>, u32> = BTreeMap::new();
        let mut group = Vec::with_capacity(layer.len());
        for labels in &layer.labels {
            let mut columns: Vec<usize> =
                labels.iter().filter_map(|l| mapping.columns.get(l)).filter_map(|c| table.receptor(c)).collect();
            columns.sort_unstable();
            columns.dedup();
            let next = groups.len() as u32;
            group.push(*groups.entry(columns).or_insert(next));
        }
        let mut columns_of = vec![Vec::new(); groups.len()];
        for (columns, g) in groups {
            columns_of[g as usize] = columns;
        }
        let mut members = vec![0; columns_of.len()];
        for &g in &group {
            members[g as usize] += 1;
        }
        let mut values = Vec::with_capacity(table.odors.len() * columns_of.len());
        for odor in 0..table.odors.len() {
            let row = table.row(odor);
            values.extend(columns_of.iter().map(|columns| {
                let responses = columns.iter().map(|&c| row[c]);
                let combined = match combine {
                    Combine::Sum => responses.sum(),
                    Combine::Max => responses.fold(0.0, f64::max),
                    Combine::Mean => responses.sum::<f64>() / columns.len().max(1) as f64,
                };
                combined.max(0.0)
            }));
        }
        Ok(Self { group, members, values, mapping })
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.members.len()
    }

    /// Combined responses of the groups to odour `odor`.
    pub fn row(&self, odor: usize) -> &[f64] {
        &self.values[odor * self.groups()..(odor + 1) * self.groups()]
    }
}

fn map(layer: &InputLayer, table: &ResponseTable, aliases: &BTreeMap<String, String>) -> Result<Mapping> {
    let mut mapping = Mapping::default();
    let mut neurons: BTreeMap<&str, usize> = BTreeMap::new();
    for label in layer.labels.iter().flatten() {
        *neurons.entry(label).or_default() += 1;
    }
    for (alias, column) in aliases {
        if table.receptor(column).is_none() {
            let near = kenyon_base::nearest(column, table.receptors.iter().map(String::as_str));
            return Err(UserError::bad_data("unknown-receptor", format!("the alias of `{alias}` names no column of the table"))
                .found(column)
                .expected(format!("one of its {} receptors", table.receptors.len()))
                .mend(near.map_or_else(|| "see the header of the table".into(), |n| format!("did you mean `{n}`?"))));
        }
    }
    for (&label, &count) in &neurons {
        let built_in = || ALIASES.iter().find(|a| a.0 == label).map(|a| a.1).filter(|c| table.receptor(c).is_some());
        let column = match aliases.get(label) {
            Some(column) => Some(column.as_str()),
            None if table.receptor(label).is_some() => Some(label),
            None => built_in(),
        };
        match column {
            Some(column) => {
                mapping.columns.insert(label.into(), column.into());
            }
            None => mapping.without_column.push(label.into()),
        }
        if count < 5 {
            mapping.few_neurons.insert(label.into(), count);
        }
    }
    let used: BTreeSet<&String> = mapping.columns.values().collect();
    mapping.without_neuron = table.receptors.iter().filter(|r| !used.contains(r)).cloned().collect();
    if neurons.is_empty() {
        return Err(UserError::bad_data("no-drive", "no input has a receptor label")
            .expected("a receptor map, or cell types named `ORN_<glomerulus>`")
            .mend("give `--receptor-map receptor_to_root_ids.csv`, or import the connectome with one"));
    }
    if mapping.columns.is_empty() {
        return Err(UserError::bad_data("no-drive", "no receptor label of the inputs is a column of the response table")
            .found(neurons.keys().take(5).copied().collect::<Vec<_>>().join(", "))
            .expected(table.receptors.iter().take(5).cloned().collect::<Vec<_>>().join(", "))
            .mend("import the connectome with a receptor map, or name the columns by `aliases`"));
    }
    Ok(mapping)
}

/// A root id of a table cell.
pub(crate) fn root_id(field: &str) -> Result<u64> {
    if !field.is_empty()
        && field.bytes().all(|b| b.is_ascii_digit())
        && let Ok(id) = field.parse()
    {
        return Ok(id);
    }
    Err(UserError::bad_data("id-not-integer", "not a root id")
        .found(field)
        .expected("a whole number of up to 20 digits")
        .mend("a spreadsheet may have rewritten the ids: download the file again and do not open it there"))
}

fn unique(labels: impl Iterator<Item = String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for label in labels {
        if !out.contains(&label) {
            out.push(label);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    fn table() -> ResponseTable {
        ResponseTable {
            odors: texts(&["a", "b"]),
            receptors: texts(&["Or1", "Or22a", "Or3"]),
            values: vec![0.2, 0.5, 0.0, -0.4, 0.1, 0.9],
            synthetic: false,
            source: None,
            notes: vec![],
            lines: vec![],
        }
    }

    fn layer() -> InputLayer {
        let labels = [&["Or1", "Or22", "Or22"][..], &["Or1"], &[], &["Or9"], &["Or22", "Or1"]].map(texts).to_vec();
        InputLayer::new(vec![10, 11, 12, 13, 14], labels).expect("valid")
    }

    #[test]
    fn receptors_of_one_neuron_are_summed_each_once_and_inhibition_is_clipped() {
        let drives = Drives::new(&layer(), &table(), &BTreeMap::new(), Combine::Sum).expect("mapped");
        let of = |odor: usize, input: usize| drives.row(odor)[drives.group[input] as usize];
        assert_eq!((of(0, 0), of(0, 1), of(0, 2), of(0, 3)), (0.7, 0.2, 0.0, 0.0));
        assert_eq!((of(1, 0), of(1, 1)), (0.0, 0.0));
        assert_eq!(drives.group[0], drives.group[4], "equal receptors in another order drive alike");
        assert_eq!(drives.members.iter().sum::<u32>(), 5);
        let max = Drives::new(&layer(), &table(), &BTreeMap::new(), Combine::Max).expect("mapped");
        assert!((max.row(0)[max.group[0] as usize] - 0.5).abs() < 1e-15);
    }

    #[test]
    fn labels_and_columns_without_a_partner_are_listed() {
        let mapping = Drives::new(&layer(), &table(), &BTreeMap::new(), Combine::Sum).expect("mapped").mapping;
        assert_eq!((mapping.without_column, mapping.without_neuron), (texts(&["Or9"]), texts(&["Or3"])));
        assert_eq!(mapping.few_neurons["Or9"], 1);
        let alias = BTreeMap::from([("Or9".to_string(), "Or3".to_string())]);
        let mapping = Drives::new(&layer(), &table(), &alias, Combine::Sum).expect("mapped").mapping;
        assert_eq!(mapping.columns["Or9"], "Or3");
        let slip = BTreeMap::from([("Or9".to_string(), "Or22b".to_string())]);
        let error = Drives::new(&layer(), &table(), &slip, Combine::Sum).expect_err("no such column").to_string();
        assert!(error.ends_with("did you mean `Or22a`?"), "{error}");
    }

    fn read(text: &[u8]) -> Result<InputLayer> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("map.csv");
        std::fs::write(&path, text).expect("written");
        InputLayer::read(&path)
    }

    #[test]
    fn a_receptor_map_gives_each_neuron_once_at_its_first_row() {
        let layer =
            read(b"root_id,side,Receptor_Label\r\n7,left,Or1\r\n3,right,Or2\r\n7,left,Or3\r\n7,left,Or1\r\n").expect("valid");
        assert_eq!(layer.root_ids, [7, 3]);
        assert_eq!(layer.labels, [texts(&["Or1", "Or3"]), texts(&["Or2"])]);
        assert_eq!(layer.source.expect("read from a file").rows, 4);
    }

    #[test]
    fn malformed_receptor_maps_are_told_apart() {
        for (text, code) in [
            ("receptor_label\nOr1\n", "missing-column"),
            ("receptor_label,root_id\n", "no-inputs"),
            ("receptor_label,root_id\nOr1,1,2\n", "ragged-row"),
            ("receptor_label,root_id\n,1\n", "bad-receptor"),
            ("receptor_label,root_id\nOr1,1.0\n", "id-not-integer"),
            ("receptor_label,root_id\nOr1,-1\n", "id-not-integer"),
            ("receptor_label,root_id\nOr1,18446744073709551616\n", "id-not-integer"),
            ("receptor_label,root_id\n\"Or1,1\n", "open-quote"),
        ] {
            assert_eq!(read(text.as_bytes()).expect_err(text).code(), code, "{text:?}");
        }
        assert_eq!(read(b"receptor_label,root_id\nOr1,18446744073709551615\n").expect("the largest id").root_ids, [u64::MAX]);
    }

    #[test]
    fn inputs_without_any_label_cannot_be_driven() {
        let layer = InputLayer::new(vec![1, 2], vec![vec![], vec![]]).expect("valid");
        assert_eq!(Drives::new(&layer, &table(), &BTreeMap::new(), Combine::Sum).expect_err("no label").code(), "no-drive");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_receptor_map_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let text = [b"receptor_label,root_id\n".as_slice(), &bytes].concat();
            if let Ok(layer) = read(&text) {
                prop_assert_eq!(layer.labels.len(), layer.root_ids.len());
                prop_assert!(layer.labels.iter().all(|l| !l.is_empty()));
            }
        }
    }

    #[test]
    fn a_repeated_id_is_refused() {
        assert_eq!(InputLayer::new(vec![1, 1], vec![vec![], vec![]]).expect_err("twice").code(), "repeated-input");
        assert_eq!(InputLayer::new(vec![], vec![]).expect_err("none").code(), "no-inputs");
    }
}
