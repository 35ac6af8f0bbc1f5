//! Checking a pack against the files it was made from, by another path than the import.
//!
//! The sources are hashed, read by polars instead of our own reader, and summed in plain hash maps; totals and randomly
//! chosen rows must agree with the pack. Any changed byte of the pack itself breaks its seal before that.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::path::{Path, PathBuf};

use kenyon_base::{Progress, Result, Source, Streams, UserError, digest};
use polars::prelude::{CsvReadOptions, DataFrame, SerReader};
use rand::Rng;
use serde::Serialize;

use crate::codex::{Column, Folder, Nt, TableKind};
use crate::import::{ImportSpec, OnDuplicate, OnOverlap};
use crate::pack::Pack;
use crate::query::Table as _;

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What is checked.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// Result of a verification.
#[derive(Debug, Clone, Serialize)]
pub struct Verification {
    /// Whether every check holds.
    pub ok: bool,
    /// All checks.
    pub checks: Vec<Check>,
}

impl Verification {
    fn check(&mut self, name: impl Into<String>, expected: impl Display, found: impl Display) {
        let (expected, found) = (expected.to_string(), found.to_string());
        let ok = expected == found;
        self.ok &= ok;
        self.checks.push(Check { name: name.into(), ok, expected, found });
    }
}

/// Verifies the pack at `path`; with `sources` also against the folder it was imported from.
///
/// A pack whose seal is broken gives a failed check, not an error: finding that out is the purpose.
///
/// # Errors
/// The pack or the sources cannot be read at all.
pub fn verify(
    path: &Path,
    sources: Option<&Path>,
    seed: u64,
    random_rows: usize,
    progress: &dyn Progress,
) -> Result<Verification> {
    let mut out = Verification { ok: true, checks: Vec::new() };
    progress.stage("checking the seal", None);
    let pack = match Pack::open(path) {
        Ok(pack) => pack,
        Err(error) if ["checksum", "not-a-container"].contains(&error.code()) => {
            out.check("seal of the pack", "every byte as written", error.to_string());
            return Ok(out);
        }
        Err(error) => return Err(error),
    };
    out.check("seal of the pack", "every byte as written", "every byte as written");
    let (pairs, rows) = (pack.pairs()?, pack.rows()?);
    let mut next = 0;
    let mut mismatched = 0;
    for (&total, &count) in pairs.syn_count.iter().zip(&pairs.row_count) {
        let own = rows.syn_count.get(next..next + usize::from(count)).unwrap_or_default();
        mismatched += usize::from(own.iter().map(|&n| u64::from(n)).sum::<u64>() != u64::from(total));
        next += usize::from(count);
    }
    out.check("rows that belong to pairs", rows.syn_count.len(), next);
    out.check("pairs that are not the sum of their rows", 0, mismatched);
    let Some(dir) = sources else { return Ok(out) };

    let folder = SourceFolder::find(dir, &pack)?;
    for source in &pack.provenance().sources {
        progress.stage(&format!("hashing {}", source.name), None);
        match folder.path(&source.name) {
            None => out.check(format!("source `{}`", source.name), &source.sha256, "no such file in the folder"),
            Some(file) => {
                let found = digest::sha256_file(file).map_err(|e| UserError::cannot_read(file, &e))?;
                out.check(format!("source `{}`", source.name), &source.sha256, found);
            }
        }
    }
    if !out.ok {
        // Totals of changed sources would only repeat the news.
        return Ok(out);
    }
    let spec = import_spec(&pack)?;
    let tables: Vec<&Source> =
        pack.provenance().sources.iter().filter(|s| s.kind == "connections" || s.kind == "synapses").collect();
    let mut second = SecondReading::default();
    for (number, source) in tables.iter().enumerate() {
        progress.stage(&format!("reading {} again", source.name), None);
        let file = folder.path(&source.name).expect("its hash was just computed");
        let read = second.read(file, number as u8, source.kind == "synapses", &spec)?;
        out.check(format!("rows of `{}`", source.name), source.rows, read);
    }
    progress.stage("comparing", None);
    let (expected, kept) = second.totals(&spec);
    out.check("rows", expected.rows, rows.syn_count.len());
    out.check("pairs", expected.pairs, pairs.len());
    out.check("synapses", expected.synapses, pairs.synapses());

    let ids = pack.root_ids();
    let neuropils = pack.neuropils()?;
    let mut stream = Streams::new(seed).stream("connectome verify");
    let mut starts = Vec::with_capacity(pairs.len());
    let mut start = 0;
    for &count in &pairs.row_count {
        starts.push(start);
        start += usize::from(count);
    }
    for _ in 0..random_rows.min(rows.syn_count.len()) {
        let row = stream.random_range(0..rows.syn_count.len());
        let pair = starts.partition_point(|&s| s <= row) - 1;
        let table = rows.table.get(row).copied().unwrap_or(0);
        let neuropil = &neuropils[usize::from(rows.neuropil[row])];
        let key = (ids[pairs.pre[pair] as usize], ids[pairs.post[pair] as usize]);
        let name = format!("row {} -> {} in `{neuropil}`", key.0, key.1);
        let nt = Nt::from_code(rows.nt[row]).unwrap_or_default().word();
        let found = kept
            .get(&key)
            .and_then(|own| own.iter().find(|r| r.table == table && r.neuropil == *neuropil))
            .map_or("no such row".to_string(), |r| format!("{} synapses, `{}`", r.syn_count, r.nt.word()));
        out.check(name, found, format!("{} synapses, `{nt}`", rows.syn_count[row]));
    }
    Ok(out)
}

fn import_spec(pack: &Pack) -> Result<ImportSpec> {
    let steps = &pack.provenance().steps;
    let spec = steps.first().and_then(|step| serde_json::from_value(step["import"].clone()).ok());
    spec.ok_or_else(|| {
        UserError::bad_data("provenance", "the pack does not say how it was imported")
            .file(pack.path())
            .mend("import the dump again")
    })
}

/// Where the sources of a pack lie.
struct SourceFolder {
    paths: BTreeMap<String, PathBuf>,
}

impl SourceFolder {
    fn find(dir: &Path, pack: &Pack) -> Result<Self> {
        let folder = Folder::scan(dir)?;
        let tables = folder.tables.iter().map(|t| (&t.path, t.kind));
        let lists = folder.keywords.iter().map(|path| (path, TableKind::Unknown));
        let wanted = |name: &str| pack.provenance().sources.iter().any(|s| s.name == name);
        let paths = tables
            .chain(lists)
            .map(|(path, _)| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path.clone()))
            .filter(|(name, _)| wanted(name))
            .collect();
        Ok(Self { paths })
    }

    fn path(&self, name: &str) -> Option<&Path> {
        self.paths.get(name).map(PathBuf::as_path)
    }
}

/// A row as the second reading sees it.
#[derive(Debug, Clone)]
struct PlainRow {
    table: u8,
    neuropil: String,
    syn_count: u64,
    nt: Nt,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    rows: usize,
    pairs: usize,
    synapses: u64,
}

/// Rows by pair, as plain as can be.
#[derive(Debug, Default)]
struct SecondReading {
    pairs: HashMap<(u64, u64), Vec<PlainRow>>,
}

impl SecondReading {
    /// Reads a table with polars; returns its number of data rows.
    fn read(&mut self, path: &Path, table: u8, synapses: bool, spec: &ImportSpec) -> Result<usize> {
        let unreadable = |e: &dyn std::fmt::Display| {
            UserError::bad_data("second-reader", format!("the second reader cannot read it: {e}"))
                .file(path)
                .mend("import it again")
        };
        let separated_by = |separator: u8| {
            CsvReadOptions::default()
                .with_infer_schema_length(Some(0))
                .map_parse_options(|options| options.with_separator(separator))
                .try_into_reader_with_file_path(Some(path.to_path_buf()))
                .and_then(SerReader::finish)
                .map_err(|e| unreadable(&e))
        };
        let mut frame = separated_by(b',')?;
        if frame.width() == 1 {
            frame = separated_by(b'\t')?;
        }
        let columns = Columns::of(&frame, synapses).ok_or_else(|| unreadable(&"columns are missing"))?;
        let number =
            |text: Option<&str>| text.and_then(|t| t.trim().parse::<u64>().ok()).ok_or_else(|| unreadable(&"not a number"));
        for i in 0..frame.height() {
            let (mut pre, mut post) = (number(columns.pre.get(i))?, number(columns.post.get(i))?);
            if synapses {
                pre += 720_575_940_000_000_000;
                post += 720_575_940_000_000_000;
            }
            let syn_count = match &columns.syn_count {
                Some(column) => number(column.get(i))?,
                None => 1,
            };
            if syn_count == 0 || (pre == post && !spec.keep_self_loops) {
                continue;
            }
            let text = |column: &Option<polars::prelude::StringChunked>| {
                column.as_ref().and_then(|c| c.get(i)).unwrap_or_default().to_string()
            };
            let row = PlainRow {
                table,
                neuropil: text(&columns.neuropil),
                syn_count,
                nt: Nt::from_field(text(&columns.nt).as_bytes()).unwrap_or_default(),
            };
            let own = self.pairs.entry((pre, post)).or_default();
            match own.iter_mut().find(|r| r.table == table && r.neuropil == row.neuropil) {
                Some(first) if synapses || spec.on_duplicate == OnDuplicate::Sum => first.syn_count += row.syn_count,
                Some(_) => {}
                None => own.push(row),
            }
        }
        Ok(frame.height())
    }

    /// Applies overlap and threshold; returns the totals and the rows kept.
    fn totals(mut self, spec: &ImportSpec) -> (Totals, HashMap<(u64, u64), Vec<PlainRow>>) {
        let sum = |rows: &[PlainRow]| rows.iter().map(|r| r.syn_count).sum::<u64>();
        self.pairs.retain(|_, own| {
            let mut tables: Vec<u8> = own.iter().map(|r| r.table).collect();
            tables.sort_unstable();
            tables.dedup();
            if tables.len() > 1 {
                let of = |table: u8| own.iter().filter(|r| r.table == table).map(|r| r.syn_count).sum::<u64>();
                let mut best = tables[0];
                if spec.on_overlap == OnOverlap::Max {
                    for &table in &tables {
                        if of(table) > of(best) {
                            best = table;
                        }
                    }
                }
                own.retain(|r| r.table == best);
            }
            own.retain(|r| spec.threshold.keeps_row(u32::try_from(r.syn_count).unwrap_or(u32::MAX)));
            !own.is_empty() && spec.threshold.keeps_pair(sum(own))
        });
        let mut totals = Totals::default();
        #[expect(clippy::iter_over_hash_type, reason = "sums do not depend on the order")]
        for own in self.pairs.values() {
            totals.rows += own.len();
            totals.pairs += 1;
            totals.synapses += sum(own);
        }
        (totals, self.pairs)
    }
}

/// Columns of a connection table as polars read them.
struct Columns {
    pre: polars::prelude::StringChunked,
    post: polars::prelude::StringChunked,
    syn_count: Option<polars::prelude::StringChunked>,
    neuropil: Option<polars::prelude::StringChunked>,
    nt: Option<polars::prelude::StringChunked>,
}

impl Columns {
    fn of(frame: &DataFrame, synapses: bool) -> Option<Self> {
        let column = |wanted: Column| {
            let name = frame.get_column_names().into_iter().find(|name| Column::from_header(name) == Some(wanted))?;
            frame.column(name).ok()?.str().ok().cloned()
        };
        let (pre, post) =
            if synapses { (Column::PreRootIdShort, Column::PostRootIdShort) } else { (Column::PreRootId, Column::PostRootId) };
        let syn_count = column(Column::SynCount);
        (synapses || syn_count.is_some()).then_some(())?;
        Some(Self {
            pre: column(pre)?,
            post: column(post)?,
            syn_count: if synapses { None } else { syn_count },
            neuropil: column(Column::Neuropil),
            nt: column(Column::NtType),
        })
    }
}
