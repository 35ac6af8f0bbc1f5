//! Which neurons of the pack take part, and in which population.

use std::collections::BTreeMap;
use std::path::Path;

use kenyon_base::{Result, Source, nearest};
use serde::{Deserialize, Serialize};

use super::{BuildReport, beside, config_error, file_name};
use crate::circuit::spec::{CircuitSpec, PopulationSpec, key_of};
use crate::codex::{Side, keywords};
use crate::connectome::Pairs;
use crate::pack::Pack;
use crate::query::{Query, Table};
use crate::signs::is_receptor_neuron;

/// How a population came about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PopulationReport {
    /// Name.
    pub name: String,
    /// Neurons of the pack that its query, list or file names.
    pub matched: u64,
    /// Ids of its list or file that are no neurons of the pack.
    pub outside: u64,
    /// Matched neurons that an earlier population had taken.
    pub taken: u64,
    /// The same by the population that had taken them.
    pub taken_by: BTreeMap<String, u64>,
    /// Neurons left after `within` and `sides`.
    pub selected: u64,
    /// Of these, neurons with any connection in the pack.
    pub connected: u64,
    /// Neurons in the circuit.
    pub in_circuit: u64,
}

/// Population and role of every neuron of the pack.
#[derive(Debug)]
pub(super) struct Selection {
    population: Vec<u32>,
    input: Vec<bool>,
    /// Keyword files that populations were read from.
    pub(super) sources: Vec<Source>,
}

const NONE: u32 = u32::MAX;

impl Selection {
    pub(super) fn population(&self, row: u32) -> Option<u32> {
        Some(self.population[row as usize]).filter(|&p| p != NONE)
    }

    pub(super) fn is_input(&self, row: u32) -> bool {
        self.input[row as usize]
    }

    /// Counts the selected neurons of each population that have a connection in the pack.
    pub(super) fn mark_connected(&self, pairs: &Pairs, report: &mut BuildReport) {
        let mut connected = vec![false; self.population.len()];
        pairs.pre.iter().chain(&pairs.post).for_each(|&row| connected[row as usize] = true);
        for (&population, _) in self.population.iter().zip(connected).filter(|&(&p, connected)| connected && p != NONE) {
            report.selected[population as usize].connected += 1;
        }
    }
}

pub(super) fn select(pack: &Pack, spec: &CircuitSpec, config: &Path, report: &mut BuildReport) -> Result<Selection> {
    let n = pack.rows_len();
    let mut population = vec![NONE; n];
    let mut sources = Vec::new();
    for (number, wanted) in spec.population.iter().enumerate() {
        let key = key_of(number, wanted);
        let (rows, outside) = rows_of(pack, wanted, config, &key, &mut sources)?;
        let mut found = PopulationReport { name: wanted.name.clone(), matched: rows.len() as u64, outside, ..Default::default() };
        for row in rows {
            let slot = &mut population[row as usize];
            if *slot == NONE {
                *slot = number as u32;
            } else {
                found.taken += 1;
                *found.taken_by.entry(spec.population[*slot as usize].name.clone()).or_default() += 1;
            }
        }
        report.selected.push(found);
    }
    let mut allowed = vec![true; n];
    if let Some(within) = &spec.selection.within {
        allowed.fill(false);
        for row in run(pack, within, config, "selection.within")? {
            allowed[row as usize] = true;
        }
    }
    if !spec.selection.sides.is_empty() {
        let sides = pack.attribute("side")?;
        for (row, allowed) in allowed.iter_mut().enumerate() {
            *allowed &= spec.selection.sides.contains(&Side::from_text(sides.get(row)).unwrap_or(Side::Blank));
        }
    }
    for (slot, allowed) in population.iter_mut().zip(allowed) {
        if !allowed {
            *slot = NONE;
        }
    }
    for (number, found) in report.selected.iter_mut().enumerate() {
        found.selected = population.iter().filter(|&&p| p == number as u32).count() as u64;
    }
    let input = inputs(pack, spec, config)?;
    if spec.selection.inputs.is_some() {
        report.inputs_matched = Some(input.iter().filter(|&&b| b).count() as u64);
    }
    Ok(Selection { population, input, sources })
}

fn run(pack: &Pack, query: &str, config: &Path, key: &str) -> Result<Vec<u32>> {
    let parsed = Query::parse(query).map_err(|e| e.in_config(config, key))?;
    parsed.select(pack).map_err(|error| {
        let error = error.in_config(config, key);
        if error.code() == "unknown-field" && parsed.fields_used().contains(&"population") {
            return error.mend("queries of a config are evaluated on the pack, which has no populations; use `class` or `type`");
        }
        error
    })
}

/// Pack rows of a population, and how many named ids the pack lacks; a file that they come from is added to `sources`.
fn rows_of(pack: &Pack, wanted: &PopulationSpec, config: &Path, key: &str, sources: &mut Vec<Source>) -> Result<(Vec<u32>, u64)> {
    if let Some(query) = &wanted.query {
        return Ok((run(pack, query, config, key)?, 0));
    }
    let ids = if let Some(file) = &wanted.file {
        let list = keywords::read(&beside(config, file))?;
        sources.push(Source {
            name: file_name(file),
            kind: "keyword_list".into(),
            sha256: list.sha256,
            bytes: list.bytes,
            rows: list.ids.len() as u64,
        });
        list.ids
    } else {
        let name = wanted.list.as_deref().unwrap_or_default();
        let lists = pack.lists();
        if !lists.iter().any(|l| l == name) {
            let mend = match nearest(name, lists.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if lists.is_empty() => "the dump held no keyword files `root_ids_*.txt`; use `query` or `file`".into(),
                None => format!("choose from {}", lists.join(", ")),
            };
            return Err(config_error(config, key, "unknown-list", format!("the pack has no keyword list `{name}`")).mend(mend));
        }
        pack.list_ids(name)?
    };
    let rows = pack.rows_of(&ids);
    let outside = ids.iter().filter(|&&id| pack.row_of(id).is_none()).count() as u64;
    Ok((rows, outside))
}

/// Neurons driven by odours: as the config says, or the receptor neurons by class, or those of the receptor map.
fn inputs(pack: &Pack, spec: &CircuitSpec, config: &Path) -> Result<Vec<bool>> {
    let n = pack.rows_len();
    let mut input = vec![false; n];
    if let Some(query) = &spec.selection.inputs {
        for row in run(pack, query, config, "selection.inputs")? {
            input[row as usize] = true;
        }
        return Ok(input);
    }
    let (class, types) = (pack.attribute("class")?, pack.attribute("type")?);
    let receptors = pack.receptors()?;
    for (row, input) in input.iter_mut().enumerate() {
        let labelled = receptors.as_ref().is_some_and(|r| !r.codes(row).is_empty());
        *input = labelled || is_receptor_neuron(class.get(row), types.get(row));
    }
    Ok(input)
}
