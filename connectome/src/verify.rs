//! Checking a pack against the files it was made from, by another path than the import.
//!
//! The sources are hashed, read by polars instead of our own reader, and summed in another way; totals, randomly chosen rows and
//! randomly chosen attributes must agree with the pack. Any changed byte of the pack itself breaks its seal before that.
//!
//! | file | owns |
//! |---|---|
//! | `frames` | a table as polars reads it, in blocks |
//! | `connections` | connection tables read again |
//! | `attributes` | attributes of chosen neurons looked up again |

mod attributes;
mod connections;
mod frames;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};

use kenyon_base::{Progress, Result, Source, Stream, Streams, UserError, digest};
use rand::Rng;
use serde::Serialize;

use crate::codex::folder::name_inside;
use crate::codex::{Folder, Nt, TableKind};
use crate::connectome::{Pairs, Rows};
use crate::import::ImportSpec;
use crate::pack::Pack;
use crate::query::Table as _;

use attributes::Cells;
use connections::SecondReading;

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

/// Verifies the pack at `path`; with `sources` also against the folder it was imported from: totals, `random_rows` rows and as
/// many attributes.
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

    let folder = SourceFolder::find(dir)?;
    for source in &pack.provenance().sources {
        progress.stage(&format!("hashing {}", source.name), None);
        match folder.files.get(&source.name) {
            None => out.check(format!("source `{}`", source.name), &source.sha256, "no such file in the folder"),
            Some((file, _)) => {
                let found = digest::sha256_file(file).map_err(|e| UserError::cannot_read(file, &e))?;
                out.check(format!("source `{}`", source.name), &source.sha256, found);
            }
        }
    }
    if !out.ok {
        // Totals of changed sources would only repeat the news.
        return Ok(out);
    }
    let second = connections(&mut out, &pack, &folder, (&pairs, &rows), progress)?;
    let mut stream = Streams::new(seed).stream("connectome verify");
    random_rows_agree(&mut out, &pack, (&pairs, &rows), &second, random_rows, &mut stream)?;
    drop((pairs, rows));
    attributes_agree(&mut out, &pack, &folder, second.neurons, random_rows, seed, progress)?;
    Ok(out)
}

/// Reads the connection tables again and compares the totals.
fn connections(
    out: &mut Verification,
    pack: &Pack,
    folder: &SourceFolder,
    (pairs, rows): (&Pairs, &Rows),
    progress: &dyn Progress,
) -> Result<SecondReading> {
    let spec = import_spec(pack)?;
    let mut second = SecondReading::default();
    for (source, file, kind) in folder.of(pack).filter(|(.., kind)| kind.is_connections()) {
        progress.stage(&format!("reading {} again", source.name), None);
        let read = second.read(file, kind == TableKind::Synapses, &spec)?;
        out.check(format!("rows of `{}`", source.name), read, source.rows);
    }
    progress.stage("comparing", None);
    let expected = second.finish(&spec);
    out.check("rows", expected.rows, rows.syn_count.len());
    out.check("pairs", expected.pairs, pairs.len());
    out.check("synapses", expected.synapses, pairs.synapses());
    Ok(second)
}

/// Looks up random rows of the pack in the second reading.
fn random_rows_agree(
    out: &mut Verification,
    pack: &Pack,
    (pairs, rows): (&Pairs, &Rows),
    second: &SecondReading,
    random_rows: usize,
    stream: &mut Stream,
) -> Result<()> {
    let ids = pack.root_ids();
    let neuropils = pack.neuropils()?;
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
        let (pre, post) = (ids[pairs.pre[pair] as usize], ids[pairs.post[pair] as usize]);
        let name = format!("row {pre} -> {post} in `{neuropil}`");
        let nt = Nt::from_code(rows.nt[row]).unwrap_or_default().word();
        let expected = second
            .find(pre, post, table, neuropil)
            .map_or("no such row".to_string(), |r| format!("{} synapses, `{}`", r.syn_count, r.nt.word()));
        out.check(name, expected, format!("{} synapses, `{nt}`", rows.syn_count[row]));
    }
    Ok(())
}

/// Reads the attribute tables again: the number of neurons, and random cells.
fn attributes_agree(
    out: &mut Verification,
    pack: &Pack,
    folder: &SourceFolder,
    mut neurons: HashSet<u64>,
    random_cells: usize,
    seed: u64,
    progress: &dyn Progress,
) -> Result<()> {
    let mut stream = Streams::new(seed).stream("connectome verify attributes");
    let mut cells = Cells::default();
    let (names, ids) = (pack.attribute_names(), pack.root_ids());
    if !names.is_empty() && !ids.is_empty() {
        for _ in 0..random_cells {
            let attribute = &names[stream.random_range(0..names.len())];
            cells.push(ids[stream.random_range(0..ids.len())], attribute);
        }
    }
    // The first text that is not blank wins: tables in order of kind, then of name.
    let mut tables: Vec<_> = folder.of(pack).filter(|(.., kind)| kind.is_attributes()).collect();
    tables.sort_by_key(|&(.., kind)| kind);
    for (source, file, kind) in tables {
        progress.stage(&format!("reading {} again", source.name), None);
        let read = cells.look(file, kind, &mut neurons)?;
        out.check(format!("rows of `{}`", source.name), read, source.rows);
    }
    cells.sides_from(&folder.lists)?;
    out.check("neurons", neurons.len(), ids.len());
    for ((id, attribute), expected) in cells.chosen.iter().zip(&cells.found) {
        let row = pack.row_of(*id).expect("the cell was chosen among the neurons of the pack");
        let column = pack.attribute(attribute)?;
        out.check(format!("`{attribute}` of {id}"), expected, column.get(row as usize));
    }
    Ok(())
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
    /// File and kind by name inside the folder; keyword lists are of kind `Unknown`.
    files: BTreeMap<String, (PathBuf, TableKind)>,
    lists: Vec<PathBuf>,
}

impl SourceFolder {
    fn find(dir: &Path) -> Result<Self> {
        let folder = Folder::scan(dir)?;
        let tables = folder.tables.iter().map(|t| (t.file.clone(), (t.path.clone(), t.kind)));
        let lists = folder.keywords.iter().map(|path| (name_inside(dir, path), (path.clone(), TableKind::Unknown)));
        Ok(Self { files: tables.chain(lists).collect(), lists: folder.keywords.clone() })
    }

    /// The sources of a pack that are tables, in the order in which they were read.
    fn of<'a>(&'a self, pack: &'a Pack) -> impl Iterator<Item = (&'a Source, &'a Path, TableKind)> {
        pack.provenance().sources.iter().filter_map(|source| {
            let (path, kind) = self.files.get(&source.name)?;
            Some((source, path.as_path(), *kind))
        })
    }
}
