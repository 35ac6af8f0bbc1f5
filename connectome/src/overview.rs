//! What a pack holds, in numbers: populations, transmitters, sides, neuropils.

use std::collections::BTreeMap;

use kenyon_base::{Result, Source};
use serde::Serialize;

use crate::codex::Nt;
use crate::pack::Pack;
use crate::query::Table;

/// A table of counts by value; blank is the empty text.
pub type Counts = BTreeMap<String, u64>;

/// What a pack holds.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// Neurons.
    pub neurons: u64,
    /// Rows (pre, post, neuropil).
    pub rows: u64,
    /// Pairs.
    pub pairs: u64,
    /// Synapses.
    pub synapses: u64,
    /// Whether the dump is synthetic.
    pub synthetic: bool,
    /// Connection tables, in order of precedence.
    pub tables: Vec<String>,
    /// Neurons by class and transmitter.
    pub classes: BTreeMap<String, Counts>,
    /// Neurons by transmitter.
    pub transmitters: Counts,
    /// Rows by transmitter.
    pub row_transmitters: Counts,
    /// Neurons by side.
    pub sides: Counts,
    /// Neurons by flow.
    pub flows: Counts,
    /// Neurons by super class.
    pub super_classes: Counts,
    /// Different cell types, blank not counted.
    pub types: u64,
    /// Synapses by neuropil.
    pub neuropils: Counts,
    /// Ids per keyword list.
    pub lists: Counts,
    /// Neurons with a receptor label, if there is a receptor map.
    pub receptor_neurons: Option<u64>,
    /// Pre- and postsynaptic neurons, and neurons that are either.
    pub connected: Connected,
    /// Fields that queries can use.
    pub fields: Vec<String>,
    /// Files it was made from.
    pub sources: Vec<Source>,
}

/// Neurons that take part in connections.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Connected {
    /// Neurons with output.
    pub pre: u64,
    /// Neurons with input.
    pub post: u64,
    /// Neurons with either.
    pub any: u64,
}

/// The fields of a pack, with those that every pack has.
fn ids_and_lists(pack: &Pack) -> Vec<String> {
    let list = if pack.lists().is_empty() { None } else { Some("list".to_string()) };
    std::iter::once("root_id".to_string()).chain(pack.fields()).chain(list).collect()
}

/// Describes a pack.
pub fn overview(pack: &Pack) -> Result<Overview> {
    let (pairs, rows) = (pack.pairs()?, pack.rows()?);
    let tally = |name: &str| -> Result<Counts> {
        let mut counts = Counts::new();
        for text in pack.attribute(name)?.iter() {
            *counts.entry(text.to_string()).or_default() += 1;
        }
        Ok(counts)
    };
    let (class, nt) = (pack.attribute("class")?, pack.attribute("nt")?);
    let mut classes: BTreeMap<String, Counts> = BTreeMap::new();
    for (class, nt) in class.iter().zip(nt.iter()) {
        *classes.entry(class.into()).or_default().entry(nt.into()).or_default() += 1;
    }
    let names = pack.neuropils()?;
    let mut by_neuropil = vec![0_u64; names.len()];
    let mut by_nt = [0_u64; 7];
    for ((&neuropil, &nt), &n) in rows.neuropil.iter().zip(&rows.nt).zip(&rows.syn_count) {
        by_neuropil[usize::from(neuropil)] += u64::from(n);
        by_nt[usize::from(nt)] += 1;
    }
    let row_transmitters = std::iter::once(Nt::Blank).chain(Nt::ALL);
    let mut ends = vec![(false, false); pack.rows_len()];
    for (&pre, &post) in pairs.pre.iter().zip(&pairs.post) {
        ends[pre as usize].0 = true;
        ends[post as usize].1 = true;
    }
    let count = |of: fn(&(bool, bool)) -> bool| ends.iter().filter(|e| of(e)).count() as u64;
    let mut lists = Counts::new();
    for name in pack.lists() {
        lists.insert(name.clone(), pack.list_ids(&name)?.len() as u64);
    }
    Ok(Overview {
        neurons: pack.rows_len() as u64,
        rows: rows.syn_count.len() as u64,
        pairs: pairs.len() as u64,
        synapses: pairs.synapses(),
        synthetic: pack.provenance().synthetic,
        tables: pack.tables()?,
        classes,
        transmitters: tally("nt")?,
        row_transmitters: row_transmitters
            .map(|nt| (nt.word().to_string(), by_nt[nt as usize]))
            .filter(|(_, n)| *n > 0)
            .collect(),
        sides: tally("side")?,
        flows: tally("flow")?,
        super_classes: tally("super_class")?,
        types: tally("type")?.keys().filter(|t| !t.is_empty()).count() as u64,
        neuropils: names.into_iter().zip(by_neuropil).filter(|(_, n)| *n > 0).collect(),
        lists,
        receptor_neurons: pack.receptors()?.map(|r| (0..r.len()).filter(|&row| !r.codes(row).is_empty()).count() as u64),
        connected: Connected { pre: count(|e| e.0), post: count(|e| e.1), any: count(|e| e.0 || e.1) },
        fields: ids_and_lists(pack),
        sources: pack.provenance().sources.clone(),
    })
}
