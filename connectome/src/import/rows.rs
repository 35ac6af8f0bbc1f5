//! Connection rows: read, put into the stored order, summed to pairs.
//!
//! Records of 16 bytes are held per row, twice during the counting sort, so that memory follows the number of rows and not the
//! size of the file. In a table of one row per synapse equal rows are merged on the way: there it follows the result.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use kenyon_base::{Progress, Result, Source, UserError};

use super::attributes::Index;
use super::report::{Diagnostics, UnknownValue};
use super::threshold::Threshold;
use super::{ImportSpec, OnDuplicate, OnOverlap, limits};
use crate::Categorical;
use crate::codex::header::Header;
use crate::codex::{Column, Nt, Record, Records, Table, TableKind, fields};
use crate::connectome::{Pairs, Rows};

/// A connection row; `pre` and `post` are provisional numbers until the neurons are in order.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    pre: u32,
    post: u32,
    syn_count: u32,
    neuropil: u16,
    nt: u8,
    table: u8,
}

impl Row {
    /// Order within one presynaptic neuron.
    fn key(&self) -> (u32, u8, u16) {
        (self.post, self.table, self.neuropil)
    }
}

/// Hashes one `u64` by a multiplication and a fold: root ids share their leading digits, the fold spreads the rest.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
    fn write_u64(&mut self, value: u64) {
        let product = u128::from(value ^ self.0) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

/// A map keyed by root id.
pub(crate) type IdMap<V> = HashMap<u64, V, BuildHasherDefault<IdHasher>>;

/// Reads connection tables.
#[derive(Debug)]
pub(super) struct RowReader {
    keep_self_loops: bool,
    numbers: IdMap<u32>,
    ids: Vec<u64>,
    rows: Vec<Row>,
    neuropils: Categorical,
    /// Codes by the packed bytes of short cells, to spare each row the look-up by text.
    neuropil_codes: HashMap<u128, u16, BuildHasherDefault<IdHasher>>,
    rows_read: u64,
    zero_counts: u64,
    self_loops: u64,
    unknown: BTreeMap<(String, String), UnknownValue>,
    tables: u8,
}

/// Positions of the columns of a connection table.
struct Layout {
    pre: usize,
    post: usize,
    syn_count: Option<usize>,
    neuropil: Option<usize>,
    nt: Option<usize>,
    short_ids: bool,
    /// Names of the id columns and of the count column, as they stand in the header.
    names: [String; 3],
}

impl Layout {
    fn new(header: &Header, kind: TableKind, records: &Records) -> Result<Self> {
        let short_ids = kind == TableKind::Synapses;
        let columns =
            if short_ids { [Column::PreRootIdShort, Column::PostRootIdShort] } else { [Column::PreRootId, Column::PostRootId] };
        header.check_duplicates(records)?;
        let [pre, post] = [header.require(columns[0], records)?, header.require(columns[1], records)?];
        let syn_count = if short_ids { None } else { Some(header.require(Column::SynCount, records)?) };
        Ok(Self {
            pre,
            post,
            syn_count,
            neuropil: header.position(Column::Neuropil),
            nt: header.position(Column::NtType),
            short_ids,
            names: [pre, post, syn_count.unwrap_or(pre)].map(|i| header.cell(i).to_string()),
        })
    }

    #[inline]
    fn ids(&self, record: &Record<'_>) -> Result<[u64; 2]> {
        let read = if self.short_ids { fields::short_root_id } else { fields::root_id };
        Ok([read(record, self.pre, &self.names[0])?, read(record, self.post, &self.names[1])?])
    }

    /// Synapses of a row; `None` for 0.
    #[inline]
    fn syn_count(&self, record: &Record<'_>) -> Result<Option<u32>> {
        match self.syn_count {
            Some(i) => fields::syn_count(record, i, &self.names[2]),
            None => Ok(Some(1)),
        }
    }

    fn neuropil_name<'a>(&self, record: &Record<'a>) -> &'a str {
        self.neuropil.map_or("", |i| record.text(i).trim())
    }
}

/// A cell of up to 15 bytes as a number: its bytes and its length.
#[inline]
fn packed(cell: &[u8]) -> Option<u128> {
    let mut bytes = [0; 16];
    bytes[15] = cell.len() as u8;
    bytes.get_mut(..cell.len()).filter(|_| cell.len() < 16)?.copy_from_slice(cell);
    Some(u128::from_le_bytes(bytes))
}

/// Longest name of a neuropil in bytes.
const NEUROPIL_BYTES: usize = 256;
/// Rows whose neurons are looked up together.
const BATCH: usize = 1 << 10;
/// Rows of one synapse each after which equal ones are merged for the first time.
const MERGE_AT: usize = 1 << 22;

impl RowReader {
    pub(super) fn new(keep_self_loops: bool) -> Self {
        Self {
            keep_self_loops,
            numbers: IdMap::default(),
            ids: Vec::new(),
            rows: Vec::new(),
            neuropils: Categorical::default(),
            neuropil_codes: HashMap::default(),
            rows_read: 0,
            zero_counts: 0,
            self_loops: 0,
            unknown: BTreeMap::new(),
            tables: 0,
        }
    }

    /// Root ids met so far, in order of appearance.
    pub(super) fn ids(&self) -> &[u64] {
        &self.ids
    }

    #[inline]
    fn number(&mut self, id: u64) -> u32 {
        match self.numbers.get(&id) {
            Some(&number) => number,
            None => self.new_number(id),
        }
    }

    #[cold]
    fn new_number(&mut self, id: u64) -> u32 {
        let number = self.ids.len() as u32;
        self.numbers.insert(id, number);
        self.ids.push(id);
        number
    }

    /// Numbers the neurons of the last rows. Each look-up misses the cache; done back to back the misses overlap, which saves
    /// a third of the time of an import against look-ups row by row.
    fn number_batch(&mut self, ids: &mut Vec<[u64; 2]>) {
        let first = self.rows.len() - ids.len();
        for (row, [pre, post]) in (first..).zip(ids.drain(..)) {
            let numbers = [self.number(pre), self.number(post)];
            [self.rows[row].pre, self.rows[row].post] = numbers;
        }
    }

    /// Reads one table to its end.
    pub(super) fn read(&mut self, table: &Table, progress: &dyn Progress) -> Result<Source> {
        let mut records = Records::open(&table.path, limits())?;
        let header = Header::read(&mut records)?;
        let layout = Layout::new(&header, table.kind, &records)?;
        let mut batch = Vec::with_capacity(BATCH);
        let (first_row, first_id) = (self.rows.len(), self.ids.len());
        let mut merge_at = if layout.short_ids { first_row + MERGE_AT } else { usize::MAX };
        while let Some(record) = records.next_record()? {
            let [pre_id, post_id] = layout.ids(&record)?;
            let Some(syn_count) = layout.syn_count(&record)? else {
                self.zero_counts += 1;
                continue;
            };
            let neuropil = self.neuropil(&record, &layout)?;
            let nt = layout.nt.map_or(Some(Nt::Blank), |i| Nt::from_field(record.field(i)));
            let nt = nt.unwrap_or_else(|| {
                let i = layout.nt.expect("only a column has unknown values");
                UnknownValue::count(&mut self.unknown, &table.file, header.cell(i), record.text(i).trim(), record.line);
                Nt::Blank
            });
            if pre_id == post_id {
                self.self_loops += 1;
                if !self.keep_self_loops {
                    self.number(pre_id);
                    continue;
                }
            }
            self.rows.push(Row { pre: 0, post: 0, syn_count, neuropil, nt: nt as u8, table: self.tables });
            batch.push([pre_id, post_id]);
            if batch.len() == BATCH {
                self.number_batch(&mut batch);
                if self.rows.len() >= merge_at {
                    self.merge_from(first_row);
                    merge_at = first_row + MERGE_AT.max(2 * (self.rows.len() - first_row));
                }
            }
            if self.rows.len().is_multiple_of(1 << 18) {
                progress.advance(1 << 18);
            }
            if self.rows.len() > u32::MAX as usize {
                return Err(record
                    .error("limit", "more than 4,294,967,295 connection rows", &layout.names[0])
                    .mend("this is not a connection table; split it if it is one"));
            }
        }
        self.number_batch(&mut batch);
        self.rows_read += records.rows();
        self.tables += 1;
        let rows = records.rows();
        if rows == 0 {
            return Err(UserError::bad_data("no-rows", "holds a header and no connection")
                .file(&table.path)
                .line(1)
                .expected("at least one row below the header")
                .mend("download the file again"));
        }
        fields::refuse_rounded(&self.ids[first_id..], &table.path, &layout.names[0])?;
        let (sha256, bytes) = records.finish()?;
        Ok(Source { name: table.file.clone(), kind: table.kind.word().into(), sha256, bytes, rows })
    }

    #[inline]
    fn neuropil(&mut self, record: &Record<'_>, layout: &Layout) -> Result<u16> {
        let Some(i) = layout.neuropil else { return Ok(0) };
        match packed(record.field(i)).and_then(|key| self.neuropil_codes.get(&key)) {
            Some(&code) => Ok(code),
            None => self.new_neuropil(record, layout),
        }
    }

    #[cold]
    fn new_neuropil(&mut self, record: &Record<'_>, layout: &Layout) -> Result<u16> {
        let name = layout.neuropil_name(record);
        let limit = |what: String| {
            let error = record.error("limit", what, Column::Neuropil.name()).found(name);
            error.expected("the name of a neuropil").mend("the column does not hold neuropil names; check the header")
        };
        if name.len() > NEUROPIL_BYTES {
            return Err(limit(format!("limit `neuropil` exceeded: a name of more than {NEUROPIL_BYTES} bytes")));
        }
        let code = u16::try_from(self.neuropils.intern(name));
        let code = code.map_err(|_| limit("limit `neuropils` exceeded: more than 65,535 different names".into()))?;
        // Cells with blanks around the name are not remembered: there is no end of them.
        if let Some(key) = layout.neuropil.filter(|&i| record.field(i).len() == name.len()).and_then(|_| packed(name.as_bytes()))
        {
            self.neuropil_codes.insert(key, code);
        }
        Ok(code)
    }

    /// Adds up equal rows from `first` on, all of one table with one row per synapse.
    fn merge_from(&mut self, first: usize) {
        let mut own = self.rows.split_off(first);
        // Stable, so that the transmitter stays that of the first row in the file.
        own.sort_by_key(|row| (row.pre, row.post, row.neuropil));
        own.dedup_by(|later, first| {
            let equal = (later.pre, later.key()) == (first.pre, first.key());
            first.syn_count = first.syn_count.saturating_add(if equal { later.syn_count } else { 0 });
            equal
        });
        self.rows.append(&mut own);
    }

    /// Puts the rows into the stored order: ascending root id of pre, then of post, then table, then neuropil name.
    pub(super) fn into_sorted(mut self, index: &Index) -> SortedRows {
        let numbers: Vec<u32> = self.ids.iter().map(|&id| index.get(id).expect("every id of a row is a neuron")).collect();
        let mut order: Vec<u32> = (0..self.neuropils.values().len() as u32).collect();
        order.sort_by(|&a, &b| self.neuropils.values()[a as usize].cmp(&self.neuropils.values()[b as usize]));
        let mut rank = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            rank[old as usize] = new as u16;
        }
        let mut starts = vec![0_u32; index.len() + 1];
        for row in &mut self.rows {
            row.pre = numbers[row.pre as usize];
            row.post = numbers[row.post as usize];
            row.neuropil = rank[row.neuropil as usize];
            starts[row.pre as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut sorted = vec![Row::default(); self.rows.len()];
        for row in &self.rows {
            let slot = &mut next[row.pre as usize];
            sorted[*slot as usize] = *row;
            *slot += 1;
        }
        self.rows = Vec::new();
        for window in starts.windows(2) {
            // Stable, so that the first of several equal rows is the first in the file.
            sorted[window[0] as usize..window[1] as usize].sort_by_key(Row::key);
        }
        let neuropils = order.iter().map(|&old| self.neuropils.values()[old as usize].clone()).collect();
        SortedRows { rows: sorted, neuropils, reader: self }
    }
}

/// All rows in the stored order, not yet summed.
pub(super) struct SortedRows {
    rows: Vec<Row>,
    neuropils: Vec<String>,
    reader: RowReader,
}

/// Pairs and their rows.
pub(super) struct Finished {
    pub(super) pairs: Pairs,
    pub(super) rows: Rows,
    pub(super) neuropils: Vec<String>,
}

impl SortedRows {
    /// Applies duplicates, overlap and thresholds, and sums rows to pairs.
    pub(super) fn finish(
        self,
        spec: &ImportSpec,
        tables: &[Table],
        root_ids: &[u64],
        class: Option<&Categorical>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Finished> {
        diagnostics.rows_read = self.reader.rows_read;
        diagnostics.zero_counts = self.reader.zero_counts;
        diagnostics.self_loops = self.reader.self_loops;
        diagnostics.threshold.on = spec.threshold.on;
        diagnostics.threshold.min = spec.threshold.min;
        diagnostics.unknown_values.extend(self.reader.unknown.values().cloned());
        if tables.len() > 1 && spec.on_overlap == OnOverlap::Error {
            self.check_class_overlap(tables, class)?;
        }
        let mut rows = self.rows;
        let same = |a: &Row, b: &Row| (a.pre, a.key()) == (b.pre, b.key());
        if tables.iter().any(|t| t.kind == TableKind::Synapses) {
            // One row per synapse: equal rows are the count.
            rows.dedup_by(|later, first| {
                let equal = same(later, first) && tables[first.table as usize].kind == TableKind::Synapses;
                first.syn_count = first.syn_count.saturating_add(if equal { later.syn_count } else { 0 });
                equal
            });
        }
        let duplicates = rows.windows(2).filter(|w| same(&w[0], &w[1])).count();
        diagnostics.duplicate_rows = duplicates as u64;
        if duplicates > 0 {
            if spec.on_duplicate == OnDuplicate::Error {
                let first = rows.windows(2).find(|w| same(&w[0], &w[1])).map(|w| w[0]);
                let first = first.expect("there is at least one");
                return Err(duplicate_error(&first, duplicates, tables, root_ids, &self.neuropils));
            }
            let sum = spec.on_duplicate == OnDuplicate::Sum;
            let mut overflow = None;
            rows.dedup_by(|later, first| {
                let equal = same(later, first);
                if equal && sum {
                    if first.syn_count.checked_add(later.syn_count).is_none() {
                        overflow.get_or_insert(*first);
                    }
                    first.syn_count = first.syn_count.saturating_add(later.syn_count);
                }
                equal
            });
            if let Some(row) = overflow {
                return Err(too_many(&row, spec.threshold, tables, root_ids));
            }
        }
        let mut out = Finished { pairs: Pairs::default(), rows: Rows::default(), neuropils: self.neuropils };
        out.reserve(&rows);
        for pair in rows.chunk_by(|a, b| (a.pre, a.post) == (b.pre, b.post)) {
            let pair = one_table(pair, spec.on_overlap, tables, root_ids, diagnostics)?;
            out.push_pair(pair, spec, tables, root_ids, diagnostics)?;
        }
        if tables.len() <= 1 {
            out.rows.table = Vec::new();
        }
        Ok(out)
    }

    /// Mixing two detectors within one pair of classes would make its counts incomparable even where no pair repeats.
    fn check_class_overlap(&self, tables: &[Table], class: Option<&Categorical>) -> Result<()> {
        let Some(class) = class else { return Ok(()) };
        let mut first_table: HashMap<(u32, u32), u8> = HashMap::new();
        for row in &self.rows {
            let classes = (class.codes()[row.pre as usize], class.codes()[row.post as usize]);
            if classes.0 == 0 || classes.1 == 0 {
                continue;
            }
            let table = *first_table.entry(classes).or_insert(row.table);
            if table != row.table {
                let name = |code: u32| class.values()[code as usize].as_str();
                return Err(UserError::bad_data("overlap", "connections of one pair of classes occur in two tables")
                    .file(&tables[row.table as usize].path)
                    .column("pre_root_id")
                    .found(format!(
                        "{} -> {} in {} and in {}",
                        name(classes.0),
                        name(classes.1),
                        tables[table as usize].name,
                        tables[row.table as usize].name
                    ))
                    .expected("each pair of classes in one table, since the tables come from different synapse detectors")
                    .mend("name one table, or decide with `--on-overlap first` or `--on-overlap max`"));
            }
        }
        Ok(())
    }
}

/// The rows of a pair that come from the table that decides it.
fn one_table<'a>(
    pair: &'a [Row],
    policy: OnOverlap,
    tables: &[Table],
    root_ids: &[u64],
    diagnostics: &mut Diagnostics,
) -> Result<&'a [Row]> {
    let (first, last) = (pair[0].table, pair[pair.len() - 1].table);
    if first == last {
        return Ok(pair);
    }
    diagnostics.overlapping_pairs += 1;
    let mut parts = pair.chunk_by(|a, b| a.table == b.table);
    let total = |part: &[Row]| part.iter().map(|r| u64::from(r.syn_count)).sum::<u64>();
    match policy {
        OnOverlap::First => Ok(parts.next().expect("a pair has at least one row")),
        OnOverlap::Max => {
            let best = parts.reduce(|best, part| if total(part) > total(best) { part } else { best });
            Ok(best.expect("a pair has at least one row"))
        }
        OnOverlap::Error => Err(UserError::bad_data("overlap", "a pair occurs in two connection tables")
            .file(&tables[last as usize].path)
            .column("pre_root_id")
            .found(format!(
                "{} -> {} in {} and in {}",
                root_ids[pair[0].pre as usize],
                root_ids[pair[0].post as usize],
                tables[first as usize].name,
                tables[last as usize].name
            ))
            .expected("each pair in one table, since the tables come from different synapse detectors")
            .mend("name one table, or decide with `--on-overlap first` or `--on-overlap max`")),
    }
}

/// Reads the table again to find the row with which a pair grows too large.
#[cold]
fn too_many(row: &Row, threshold: Threshold, tables: &[Table], root_ids: &[u64]) -> UserError {
    let table = &tables[row.table as usize];
    let ids = [root_ids[row.pre as usize], root_ids[row.post as usize]];
    let complete = |error: UserError| {
        error
            .expected("a total that fits 32 bits, on at most 65,535 rows")
            .mend("the counts are damaged; download the file again")
    };
    let message = format!("the pair {} -> {} has more than 4,294,967,295 synapses or 65,535 rows", ids[0], ids[1]);
    match find_overflow(table, ids, threshold, &message) {
        Ok(Some(error)) => complete(error),
        Err(error) => error,
        Ok(None) => complete(UserError::bad_data("limit", message).file(&table.path).column("syn_count")),
    }
}

fn find_overflow(table: &Table, ids: [u64; 2], threshold: Threshold, message: &str) -> Result<Option<UserError>> {
    let mut records = Records::open(&table.path, limits())?;
    let header = Header::read(&mut records)?;
    let layout = Layout::new(&header, table.kind, &records)?;
    let (mut total, mut rows) = (0_u64, 0_u32);
    while let Some(record) = records.next_record()? {
        if layout.ids(&record)? != ids {
            continue;
        }
        let Some(syn_count) = layout.syn_count(&record)?.filter(|&n| threshold.keeps_row(n)) else { continue };
        total += u64::from(syn_count);
        rows += 1;
        if total > u64::from(u32::MAX) || rows > u32::from(u16::MAX) {
            return Ok(Some(record.error("limit", message, &layout.names[2]).found(syn_count.to_string())));
        }
    }
    Ok(None)
}

impl Finished {
    fn reserve(&mut self, rows: &[Row]) {
        self.rows.syn_count.reserve_exact(rows.len());
        self.rows.neuropil.reserve_exact(rows.len());
        self.rows.nt.reserve_exact(rows.len());
        let pairs = rows.chunk_by(|a, b| (a.pre, a.post) == (b.pre, b.post)).count();
        self.pairs.pre.reserve_exact(pairs);
        self.pairs.post.reserve_exact(pairs);
        self.pairs.syn_count.reserve_exact(pairs);
        self.pairs.row_count.reserve_exact(pairs);
    }

    fn push_pair(
        &mut self,
        pair: &[Row],
        spec: &ImportSpec,
        tables: &[Table],
        root_ids: &[u64],
        diagnostics: &mut Diagnostics,
    ) -> Result<()> {
        let kept = || pair.iter().filter(|r| spec.threshold.keeps_row(r.syn_count));
        let all: u64 = pair.iter().map(|r| u64::from(r.syn_count)).sum();
        let total: u64 = kept().map(|r| u64::from(r.syn_count)).sum();
        let rows = kept().count();
        if rows == 0 || !spec.threshold.keeps_pair(total) {
            diagnostics.threshold.removed_pairs += 1;
            diagnostics.threshold.removed_rows += pair.len() as u64;
            diagnostics.threshold.removed_synapses += all;
            return Ok(());
        }
        diagnostics.threshold.removed_rows += (pair.len() - rows) as u64;
        diagnostics.threshold.removed_synapses += all - total;
        let (Ok(total), Ok(count)) = (u32::try_from(total), u16::try_from(rows)) else {
            return Err(too_many(&pair[0], spec.threshold, tables, root_ids));
        };
        self.pairs.pre.push(pair[0].pre);
        self.pairs.post.push(pair[0].post);
        self.pairs.syn_count.push(total);
        self.pairs.row_count.push(count);
        for row in kept() {
            self.rows.syn_count.push(row.syn_count);
            self.rows.neuropil.push(row.neuropil);
            self.rows.nt.push(row.nt);
            if tables.len() > 1 {
                self.rows.table.push(row.table);
            }
            diagnostics.blank_nt += u64::from(row.nt == 0);
        }
        Ok(())
    }
}

/// Reads the table again to find the two lines of a repeated row.
#[cold]
fn duplicate_error(row: &Row, count: usize, tables: &[Table], root_ids: &[u64], neuropils: &[String]) -> UserError {
    let table = &tables[row.table as usize];
    let ids = [root_ids[row.pre as usize], root_ids[row.post as usize]];
    let neuropil = &neuropils[row.neuropil as usize];
    match find_duplicate(table, ids, neuropil, count) {
        Ok(Some(error)) | Err(error) => error,
        Ok(None) => UserError::bad_data("duplicate-edge", "a row (pre, post, neuropil) occurs twice")
            .file(&table.path)
            .mend("read it again"),
    }
}

fn find_duplicate(table: &Table, ids: [u64; 2], neuropil: &str, count: usize) -> Result<Option<UserError>> {
    let mut records = Records::open(&table.path, limits())?;
    let header = Header::read(&mut records)?;
    let layout = Layout::new(&header, table.kind, &records)?;
    let mut first_line = None;
    while let Some(record) = records.next_record()? {
        if layout.ids(&record)? != ids || layout.neuropil_name(&record) != neuropil || layout.syn_count(&record)?.is_none() {
            continue;
        }
        let Some(first) = first_line else {
            first_line = Some(record.line);
            continue;
        };
        let others = match count {
            1 => String::new(),
            n => format!(" ({n} rows repeat an earlier one in all)"),
        };
        return Ok(Some(
            record
                .error(
                    "duplicate-edge",
                    format!("the row (pre, post, neuropil) stands on line {first} already{others}"),
                    &layout.names[0],
                )
                .found(format!("{},{},{neuropil}", ids[0], ids[1]))
                .expected("one row per pre, post and neuropil")
                .mend("decide with `--on-duplicate sum` or `--on-duplicate first`, or download the file again"),
        ));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_synapse_rows_are_added_up_and_keep_the_first_transmitter() {
        let mut reader = RowReader::new(false);
        let row = |pre, post, neuropil, nt| Row { pre, post, syn_count: 1, neuropil, nt, table: 0 };
        reader.rows = vec![row(9, 9, 9, 1), row(1, 2, 0, 3), row(0, 2, 0, 1), row(1, 2, 0, 1), row(1, 2, 1, 1), row(1, 2, 0, 2)];
        reader.merge_from(1);
        let found: Vec<_> = reader.rows.iter().map(|r| (r.pre, r.post, r.neuropil, r.syn_count, r.nt)).collect();
        assert_eq!(found, [(9, 9, 9, 1, 1), (0, 2, 0, 1, 1), (1, 2, 0, 3, 3), (1, 2, 1, 1, 1)]);
    }
}
