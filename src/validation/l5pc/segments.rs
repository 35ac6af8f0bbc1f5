//! How a run's cell is cut, and where that is stated.
//!
//! Firm statements, the most reliable first: tables of geometry in the run's own folder, its final potentials (a row for each
//! segment), its JSON file, `manifest.json`, a name that states a length outright (`max_seg_40`, `seg40um`). They must not
//! contradict each other. Tables that other runs share and the name of the whole folder do not contradict: one folder may hold runs
//! of several lengths; but the length that a run states is cut as the table of that length has it. Without a firm statement there
//! are candidates: names such as `seg40`, shared tables, the usual lengths; those in which all synapses stand at centres of
//! segments, and of these the first whose run begins as the reference's does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::morphology::Tree;
use serde_json::Value;

use super::Folder;
use super::runs::Run;
use super::stated::{Stated, of_object, outright, perhaps};
use super::tables::{Cut, of_rows};
use crate::validation::keys;
use crate::validation::table::Table;

/// A cut and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    pub(super) cut: Cut,
    pub(super) from: String,
}

/// The cut of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// The first is taken; the others are possible where nothing is stated firmly.
    pub(super) sources: Vec<Source>,
    /// What else is worth knowing.
    pub(super) remarks: Vec<String>,
}

/// A statement of a run.
enum Statement {
    Cut(Cut),
    Total(u32),
}

/// Decides how the cell of a run is cut.
///
/// # Errors
/// `segment-length` if two statements contradict each other, or a number of segments is that of no cut; keys that hold no length.
pub(super) fn choose(folder: &Folder, run: &Run) -> Result<Choice> {
    let tree = &folder.tree;
    let (own, shared) = tables(folder, run);
    let mut remarks = Vec::new();
    let mut statements: Vec<(Statement, String)> = Vec::new();
    let table = |place: &Path| format!("`{}`", if place.as_os_str().is_empty() { Path::new(".") } else { place }.display());
    let lone = own.iter().all(|(cut, _)| *cut == own[0].0);
    if let (true, Some((cut, place))) = (lone, own.first()) {
        statements.push((Statement::Cut(cut.clone()), format!("the tables of {}", table(place))));
    }
    if let Some(finals) = &run.finals {
        let counts = of_rows(tree, &folder.path(finals));
        statements.extend(
            counts.map(|counts| {
                (Statement::Cut(Cut::of_counts(tree, &counts, None)), format!("the rows of `{}`", finals.display()))
            }),
        );
    }
    let path = folder.path(&run.json);
    stated(&mut statements, tree, of_object(&keys::read_object(&path)?, &path)?, &run.json.display().to_string());
    for (file, entry) in manifests(folder, run)? {
        stated(&mut statements, tree, of_object(&entry, &folder.path(&file))?, &file.display().to_string());
    }
    let mut names = names(run);
    if let Some((name, length)) = names.iter().find_map(|name| Some((name, outright(name)?))) {
        statements.push((Statement::Cut(Cut::Length(length)), format!("the name `{name}`")));
    }
    let others: Vec<Placed> = if lone { shared } else { own.into_iter().chain(shared).collect() };
    let presets = Segments::PRESETS.iter().map(|(_, preset)| Cut::Length(preset.max_length_um));
    let known: Vec<Cut> = others.iter().map(|(cut, _)| cut.clone()).chain([Cut::USUAL]).chain(presets).collect();
    if let Some(source) = firm(folder, run, &statements, &known)? {
        // The table of this length decides, should it differ from the rule.
        let named = |(_, place): &&Placed| matches!(source.cut, Cut::Length(l) if outright(&place.to_string_lossy()).is_some_and(|t| t.total_cmp(&l).is_eq()));
        let source = match others.iter().find(named) {
            Some((cut, place)) if cut.counts(tree) != source.cut.counts(tree) => {
                Source { cut: cut.clone(), from: format!("{} and the tables of {}", source.from, table(place)) }
            }
            _ => source,
        };
        let places = places(folder, run)?;
        if !are_centres(tree, &source.cut, &places) {
            remarks.push("synapses do not stand at the centres of these segments".into());
        }
        return Ok(Choice { sources: vec![source], remarks });
    }
    let mut sources = Vec::new();
    // The name of the whole folder may speak of some of its runs alone.
    names.push(folder.own_name());
    let lengths = |name: &str| outright(name).into_iter().chain(perhaps(name)).collect::<Vec<_>>();
    let may_be: Vec<(f64, &String)> = names.iter().flat_map(|name| lengths(name).into_iter().map(move |l| (l, name))).collect();
    let by_name = |known: &[Cut], wanted: bool| {
        let of = |(length, name): &(f64, &String)| {
            let cut = Cut::Length(*length);
            (known.contains(&cut) == wanted && *length >= 1.0).then(|| Source { cut, from: format!("the name `{name}`") })
        };
        may_be.iter().filter_map(of).collect::<Vec<_>>()
    };
    sources.extend(by_name(&known, true));
    let usual = |cut: &Cut| Source { cut: cut.clone(), from: "the usual, as nothing states it".into() };
    // Of several shared tables none speaks for the run.
    if others.iter().any(|(cut, _)| *cut != others[0].0) {
        sources.push(usual(&Cut::USUAL));
    }
    sources.extend(
        others.iter().map(|(cut, place)| Source { cut: cut.clone(), from: format!("the shared tables of {}", table(place)) }),
    );
    sources.extend(known.iter().map(usual));
    sources.extend(by_name(&known, false));
    let mut seen = BTreeSet::new();
    sources.retain(|source| seen.insert(source.cut.counts(tree)));
    let places = places(folder, run)?;
    if !places.is_empty() && sources.iter().any(|source| are_centres(tree, &source.cut, &places)) {
        let all = sources.len();
        sources.retain(|source| are_centres(tree, &source.cut, &places));
        if let (true, [source]) = (all > 1, &mut sources[..]) {
            source.from = format!("{}, alone with all synapses at centres of segments", source.from);
        }
    }
    Ok(Choice { sources, remarks })
}

/// The cut that a table of whole runs was made with: by its name, else that of the only shared tables, else the usual.
pub(super) fn for_table(folder: &Folder, file: &Path) -> Source {
    let own = folder.dir.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut parts: Vec<String> = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).rev().collect();
    parts.extend(own);
    let dir = file.parent().unwrap_or(Path::new(""));
    let near: Vec<_> = folder.tables.iter().filter(|table| !table.inside || dir.starts_with(table.base())).collect();
    let known = |length: f64| near.iter().any(|table| table.cut == Cut::Length(length)) || is_usual(length);
    let named = |name: &String| outright(name).or_else(|| perhaps(name).into_iter().find(|length| known(*length)));
    if let Some((name, length)) = parts.iter().find_map(|name| Some((name, named(name)?))) {
        return Source { cut: Cut::Length(length), from: format!("the name `{name}`") };
    }
    match near.first() {
        Some(first) if near.iter().all(|table| table.cut == first.cut) => {
            Source { cut: first.cut.clone(), from: format!("the shared tables of `{}`", first.place.display()) }
        }
        _ => Source { cut: Cut::USUAL, from: "the usual, as nothing states it".into() },
    }
}

fn is_usual(length: f64) -> bool {
    Segments::PRESETS.iter().any(|(_, preset)| preset.max_length_um.total_cmp(&length).is_eq())
}

/// Turns what a file states into statements; small numbers are none of the whole cell.
fn stated(statements: &mut Vec<(Statement, String)>, tree: &Tree, found: Vec<(String, Stated)>, file: &str) {
    let sections = tree.sections().len() as u32;
    let dendrites = |n: u32| {
        use kenyon_neurons::biophysical::morphology::Region;
        // The soma and the stubs of the axon have a segment each at every length in use.
        n + tree.sections().iter().filter(|s| matches!(s.region, Region::Soma | Region::Axon)).count() as u32
    };
    for (key, stated) in found {
        let statement = match stated {
            Stated::Length(length) => Statement::Cut(Cut::Length(length)),
            Stated::Count(n) => Statement::Total(n),
            Stated::Dendritic(n) => Statement::Total(dendrites(n)),
        };
        if !matches!(statement, Statement::Total(n) if n < sections) {
            statements.push((statement, format!("`{key}` of `{file}`")));
        }
    }
}

/// The first statement, if the others agree with it.
fn firm(folder: &Folder, run: &Run, statements: &[(Statement, String)], known: &[Cut]) -> Result<Option<Source>> {
    let tree = &folder.tree;
    let total = |cut: &Cut| cut.counts(tree).iter().sum::<u32>();
    let words = |statement: &Statement| match statement {
        Statement::Cut(cut) => format!("{} ({} segments)", cut.words(), total(cut)),
        Statement::Total(n) => format!("{n} segments"),
    };
    let error = |message: String| UserError::bad_data("segment-length", message).file(folder.path(&run.json));
    let cuts = statements.iter().find_map(|(statement, from)| match statement {
        Statement::Cut(cut) => Some((cut.clone(), from.clone(), statement)),
        Statement::Total(_) => None,
    });
    let (cut, from, first) = match (cuts, statements.first()) {
        (Some(cut), _) => cut,
        (None, None) => return Ok(None),
        (None, Some((statement, from))) => {
            let Statement::Total(n) = statement else { return Ok(None) };
            let Some(cut) = known.iter().find(|cut| total(cut) == *n) else {
                return Err(error(format!(
                    "{from} states {n} segments, which the cell has at none of the known segment lengths"
                ))
                .mend("state the segment length under `max_seg_um`"));
            };
            (cut.clone(), from.clone(), statement)
        }
    };
    for (statement, other) in statements {
        let agrees = match statement {
            Statement::Cut(other) => other.counts(tree) == cut.counts(tree),
            Statement::Total(n) => total(&cut) == *n,
        };
        if !agrees {
            let (a, b) = (words(first), words(statement));
            return Err(error(format!("two statements of the segment length contradict each other: {from} {a}, {other} {b}"))
                .mend("correct one of them"));
        }
    }
    Ok(Some(Source { cut, from }))
}

/// A cut and the place of the tables that show it.
type Placed = (Cut, PathBuf);

/// Tables of geometry of a run alone, and those nearest to it that it shares with others.
fn tables(folder: &Folder, run: &Run) -> (Vec<Placed>, Vec<Placed>) {
    let of = |table: &super::tables::Geometry| (table.cut.clone(), table.place.clone());
    let inside = || folder.tables.iter().filter(|table| table.inside);
    let is_own = |table: &&super::tables::Geometry| run.alone && (table.place == run.dir || table.base() == run.dir);
    let own: Vec<_> = inside().filter(is_own).map(of).collect();
    let base =
        inside().filter(|table| !is_own(table)).map(super::tables::Geometry::base).filter(|base| run.dir.starts_with(base));
    let nearest = base.max_by_key(|base| base.components().count());
    let shared: Vec<_> = match nearest {
        Some(base) => inside().filter(|table| !is_own(table) && table.base() == base).map(of).collect(),
        None => folder.tables.iter().filter(|table| !table.inside).map(of).collect(),
    };
    (own, shared)
}

/// Entries of manifests of the run's folder and those above that speak of the run or of all.
fn manifests(folder: &Folder, run: &Run) -> Result<Vec<(PathBuf, serde_json::Map<String, Value>)>> {
    let mut found = Vec::new();
    for dir in run.dir.ancestors() {
        let file = dir.join("manifest.json");
        if !folder.has(&file) {
            continue;
        }
        let document = keys::read(&folder.path(&file))?;
        let list = document.get("cases").unwrap_or(&document).as_array();
        let last = run.label.rsplit('/').next().unwrap_or_default();
        let of_run =
            |entry: &&Value| entry.get("name").and_then(Value::as_str).is_some_and(|name| name == run.label || name == last);
        if let Some(entry) = list.into_iter().flatten().find(of_run).and_then(Value::as_object) {
            found.push((file.clone(), entry.clone()));
        }
        if let Some(object) = document.as_object() {
            // What it says of all, not of other cases.
            let own = object.iter().filter(|(_, value)| !value.is_object() && !value.is_array());
            found.push((file, own.map(|(key, value)| (key.clone(), value.clone())).collect()));
        }
    }
    Ok(found)
}

/// Names that may state the length: of the run, of the folders above it.
fn names(run: &Run) -> Vec<String> {
    let stem = run.json.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.into_iter().chain(run.dir.iter().rev().map(|part| part.to_string_lossy().into_owned())).collect()
}

/// Where the synapses of a run stand.
fn places(folder: &Folder, run: &Run) -> Result<Vec<(String, f64)>> {
    let file = run.dir.join("synapses.csv");
    if !run.inputs || !folder.has(&file) {
        return Ok(Vec::new());
    }
    let table = Table::read(&folder.path(&file))?;
    let sections = table.text("section")?.into_iter().map(str::to_string);
    Ok(sections.zip(table.numbers("x")?).collect())
}

/// Whether places lie at centres of segments.
fn are_centres(tree: &Tree, cut: &Cut, places: &[(String, f64)]) -> bool {
    let counts = cut.counts(tree);
    let names: std::collections::BTreeMap<&str, u32> =
        tree.sections().iter().zip(&counts).map(|(section, nseg)| (section.name.as_str(), *nseg)).collect();
    places.iter().all(|(section, x)| {
        // Places on sections that are not there are told when they are needed.
        names.get(section.as_str()).is_none_or(|nseg| {
            let at = x * f64::from(*nseg);
            (at - at.floor() - 0.5).abs() < 1e-6
        })
    })
}
