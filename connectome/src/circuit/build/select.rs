//! Which neurons of the pack take part, and in which population.

use std::path::Path;

use kenyon_base::{Result, nearest};
use serde::{Deserialize, Serialize};

use super::{BuildReport, beside, config_error};
use crate::circuit::spec::{CircuitSpec, PopulationSpec, key_of};
use crate::codex::{Side, keywords};
use crate::pack::Pack;
use crate::query::{Query, Table};
use crate::signs::is_receptor_neuron;

/// How a population came about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PopulationReport {
    /// Name.
    pub name: String,
    /// Neurons of the pack that its query, list or file names.
    pub matched: u64,
    /// Ids of its list or file that are no neurons of the pack.
    pub outside: u64,
    /// Matched neurons that an earlier population had taken.
    pub taken: u64,
    /// Neurons left after `within` and `sides`.
    pub selected: u64,
    /// Neurons in the finished circuit.
    pub in_circuit: u64,
}

/// Population and role of every neuron of the pack.
#[derive(Debug)]
pub(super) struct Selection {
    population: Vec<u32>,
    input: Vec<bool>,
}

const NONE: u32 = u32::MAX;

impl Selection {
    pub(super) fn population(&self, row: u32) -> Option<u32> {
        Some(self.population[row as usize]).filter(|&p| p != NONE)
    }

    pub(super) fn is_input(&self, row: u32) -> bool {
        self.input[row as usize]
    }
}

pub(super) fn select(pack: &Pack, spec: &CircuitSpec, config: &Path, report: &mut BuildReport) -> Result<Selection> {
    let n = pack.rows_len();
    let mut population = vec![NONE; n];
    for (number, wanted) in spec.population.iter().enumerate() {
        let key = key_of(number, wanted);
        let (rows, outside) = rows_of(pack, wanted, config, &key)?;
        let mut found = PopulationReport { name: wanted.name.clone(), matched: rows.len() as u64, outside, ..Default::default() };
        for row in rows {
            let slot = &mut population[row as usize];
            if *slot == NONE {
                *slot = number as u32;
            } else {
                found.taken += 1;
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
    Ok(Selection { population, input: inputs(pack, spec, config)? })
}

fn run(pack: &Pack, query: &str, config: &Path, key: &str) -> Result<Vec<u32>> {
    Query::parse(query).and_then(|q| q.select(pack)).map_err(|e| e.in_config(config, key))
}

/// Pack rows of a population, and how many named ids the pack lacks.
fn rows_of(pack: &Pack, wanted: &PopulationSpec, config: &Path, key: &str) -> Result<(Vec<u32>, u64)> {
    if let Some(query) = &wanted.query {
        return Ok((run(pack, query, config, key)?, 0));
    }
    let ids = if let Some(file) = &wanted.file {
        keywords::read(&beside(config, file))?.ids
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
