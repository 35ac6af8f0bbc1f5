//! Connection tables read a second time, as plain as can be: a list of rows, sorted and merged.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use kenyon_base::Result;
use polars::prelude::StringChunked;

use super::frames::{Frames, column, is_blank};
use crate::codex::{Column, Nt};
use crate::import::{ImportSpec, OnDuplicate, OnOverlap};

/// Leading digits that the ids of a synapse table leave out.
const SHORT_ID: u64 = 720_575_940_000_000_000;
/// Rows after which equal ones are merged for the first time.
const MERGE_AT: usize = 1 << 22;

/// A row as the second reading sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlainRow {
    pre: u64,
    post: u64,
    pub(super) syn_count: u64,
    neuropil: u16,
    pub(super) nt: Nt,
    table: u8,
}

impl PlainRow {
    fn key(&self) -> (u64, u64, u8, u16) {
        (self.pre, self.post, self.table, self.neuropil)
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) rows: usize,
    pub(super) pairs: usize,
    pub(super) synapses: u64,
}

/// All rows of all tables.
#[derive(Debug, Default)]
pub(super) struct SecondReading {
    rows: Vec<PlainRow>,
    neuropils: HashMap<String, u16>,
    /// Neurons met in any row that counts.
    pub(super) neurons: HashSet<u64>,
    /// For every table, whether equal rows are added up.
    adds: Vec<bool>,
}

impl SecondReading {
    /// Reads a table; returns its number of data rows.
    pub(super) fn read(&mut self, path: &Path, synapses: bool, spec: &ImportSpec) -> Result<u64> {
        let table = self.adds.len() as u8;
        self.adds.push(synapses || spec.on_duplicate == OnDuplicate::Sum);
        let mut frames = Frames::open(path)?;
        let mut data_rows = 0;
        let mut merge_at = MERGE_AT.max(2 * self.rows.len());
        while let Some(frame) = frames.next()? {
            let short = if synapses { SHORT_ID } else { 0 };
            let ends = if synapses {
                [Column::PreRootIdShort, Column::PostRootIdShort]
            } else {
                [Column::PreRootId, Column::PostRootId]
            };
            let required = |wanted: Column| {
                column(&frame, wanted).ok_or_else(|| frames.unreadable(format!("column `{}` is missing", wanted.name())))
            };
            let (pre, post) = (required(ends[0])?, required(ends[1])?);
            let counts = if synapses { None } else { Some(required(Column::SynCount)?) };
            let (neuropils, nts) = (column(&frame, Column::Neuropil), column(&frame, Column::NtType));
            let number = |texts: &StringChunked, i: usize| {
                let parsed = texts.get(i).and_then(|text| text.trim().parse::<u64>().ok());
                parsed.ok_or_else(|| frames.unreadable("not a number"))
            };
            let text = |texts: &Option<StringChunked>, i: usize| {
                texts.as_ref().and_then(|t| t.get(i)).unwrap_or_default().trim().to_string()
            };
            for i in 0..frame.height() {
                if pre.get(i).is_none_or(|t| t.trim().is_empty()) && is_blank(&frame, i) {
                    continue;
                }
                data_rows += 1;
                let (pre, post) = (number(&pre, i)? + short, number(&post, i)? + short);
                let syn_count = counts.as_ref().map_or(Ok(1), |counts| number(counts, i))?;
                if syn_count == 0 {
                    continue;
                }
                self.neurons.extend([pre, post]);
                if pre == post && !spec.keep_self_loops {
                    continue;
                }
                let next = self.neuropils.len() as u16;
                let neuropil = *self.neuropils.entry(text(&neuropils, i)).or_insert(next);
                let nt = Nt::from_field(text(&nts, i).as_bytes()).unwrap_or_default();
                self.rows.push(PlainRow { pre, post, syn_count, neuropil, nt, table });
            }
            if self.rows.len() >= merge_at {
                self.merge();
                merge_at = MERGE_AT.max(2 * self.rows.len());
            }
        }
        Ok(data_rows)
    }

    /// Puts the rows in order and makes one of those with the same pair, table and neuropil: their sum, or the first.
    fn merge(&mut self) {
        // Stable: of equal rows the first of the file stays the first.
        self.rows.sort_by_key(PlainRow::key);
        let adds = &self.adds;
        self.rows.dedup_by(|later, first| {
            let equal = later.key() == first.key();
            if equal && adds[usize::from(first.table)] {
                first.syn_count += later.syn_count;
            }
            equal
        });
    }

    /// Applies overlap and threshold; only the rows kept stay.
    pub(super) fn finish(&mut self, spec: &ImportSpec) -> Totals {
        self.merge();
        let sum = |rows: &[PlainRow]| rows.iter().map(|r| r.syn_count).sum::<u64>();
        let mut totals = Totals::default();
        let mut kept = Vec::with_capacity(self.rows.len());
        for pair in self.rows.chunk_by(|a, b| (a.pre, a.post) == (b.pre, b.post)) {
            let mut best = &pair[..0];
            for own in pair.chunk_by(|a, b| a.table == b.table) {
                if best.is_empty() || spec.on_overlap == OnOverlap::Max && sum(own) > sum(best) {
                    best = own;
                }
            }
            let start = kept.len();
            kept.extend(best.iter().filter(|r| spec.threshold.keeps_row(u32::try_from(r.syn_count).unwrap_or(u32::MAX))));
            let total = sum(&kept[start..]);
            if kept.len() == start || !spec.threshold.keeps_pair(total) {
                kept.truncate(start);
                continue;
            }
            totals.rows += kept.len() - start;
            totals.pairs += 1;
            totals.synapses += total;
        }
        self.rows = kept;
        totals
    }

    /// The row of a pair in a neuropil, after [`finish`](Self::finish).
    pub(super) fn find(&self, pre: u64, post: u64, table: u8, neuropil: &str) -> Option<&PlainRow> {
        let key = (pre, post, table, *self.neuropils.get(neuropil)?);
        self.rows.binary_search_by_key(&key, PlainRow::key).ok().map(|at| &self.rows[at])
    }
}
