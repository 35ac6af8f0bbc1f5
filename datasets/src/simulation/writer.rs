//! Writing a set: simulations go to a journal as they come, and to one HDF5 file in the end.

mod part;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use kenyon_base::{PlainWriter, Progress, Result, UserError, digest};
use serde::Serialize;

use super::about::SetAbout;
use super::journal::{Begun, Held, Journal, View};
use super::plan::{Item, Shard};
use super::record::Record;
use super::spec::Part;
use super::stats::Statistics;
use part::PartWriter;

pub(super) use part::{BLOCK_MS, unpack};

/// Value of the root attribute `kenyon_simset`.
pub const VERSION: u32 = 1;

/// How many simulations of a part a set holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartReport {
    /// The part.
    pub part: Part,
    /// Simulations.
    pub simulations: usize,
    /// Those that no filter flags.
    pub kept: usize,
    /// Input events of all.
    pub events: u64,
    /// Draws beyond the first, of simulations without a spike.
    pub repeated: u64,
    /// Simulations in which a potential left all bounds: they have no answer.
    pub left_bounds: usize,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetReport {
    /// Where.
    pub path: PathBuf,
    /// Its parts; those without simulations are left out.
    pub parts: Vec<PartReport>,
}

/// Takes finished simulations in any order, from any thread.
#[derive(Debug)]
pub struct SetWriter {
    target: PathBuf,
    about: SetAbout,
    shard: Shard,
    expected: Vec<Item>,
    journal: Journal,
    held: Mutex<BTreeSet<Item>>,
    damaged: Vec<PathBuf>,
}

impl SetWriter {
    /// Starts a set at `target`, or goes on with one that a killed run left; `expected` are all its simulations.
    ///
    /// The moment of creation is that of the first run, so a set that was interrupted has the bytes of one that was not. What is at
    /// `target` stays until [`finish`](Self::finish) puts the new set in its place.
    ///
    /// A record that has changed since it was written is put aside ([`damaged`](Self::damaged)) and is missing.
    ///
    /// # Errors
    /// `set-in-use` if another run writes this target, `other-journal` if the journal beside it belongs to another set, or a failed write.
    pub fn start(target: &Path, mut about: SetAbout, shard: Shard, mut expected: Vec<Item>) -> Result<Self> {
        expected.sort_unstable();
        expected.dedup();
        let journal = Journal::open(target)?;
        let held = journal.begin(&mut about, shard)?;
        if let Some(stray) = held.items.iter().find(|item| expected.binary_search(item).is_err()) {
            return Err(UserError::usage("other-journal", "the journal beside the target holds a simulation of another set")
                .file(Journal::beside(target))
                .found(format!("{} {}", stray.part.name(), stray.index))
                .mend("give the recipe it was begun with, or remove the journal"));
        }
        let Held { items, damaged } = held;
        Ok(Self { target: target.into(), about, shard, expected, journal, held: Mutex::new(items), damaged })
    }

    /// Ends what a run left that was killed between the last byte of its set and the end: does `last` and removes the journal.
    ///
    /// Nothing is done, and the answer is no, if no journal of this set lies beside the target.
    ///
    /// # Errors
    /// `set-in-use`, what `last` says, or a journal that cannot be removed.
    pub fn end(target: &Path, about: &SetAbout, shard: Shard, last: impl FnOnce() -> Result<()>) -> Result<bool> {
        if !Journal::beside(target).exists() {
            return Ok(false);
        }
        let journal = Journal::open(target)?;
        if journal.begun(about, shard)? == Begun::Another {
            return Ok(false);
        }
        last()?;
        journal.remove()?;
        Ok(true)
    }

    /// Damaged records of the journal, where they were put; the simulations are missing.
    pub fn damaged(&self) -> &[PathBuf] {
        &self.damaged
    }

    /// What the set says about itself.
    pub const fn about(&self) -> &SetAbout {
        &self.about
    }

    /// Whether a simulation is there already.
    pub fn has(&self, item: Item) -> bool {
        self.held().contains(&item)
    }

    /// Simulations that are still missing, in order.
    pub fn missing(&self) -> Vec<Item> {
        let held = self.held();
        self.expected.iter().copied().filter(|item| !held.contains(item)).collect()
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeSet<Item>> {
        self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Adds a finished simulation; when this returns, no later failure loses it.
    ///
    /// # Errors
    /// `bad-record`, `not-in-set`, `twice` if it is there already, or a failed write.
    pub fn append(&self, record: &Record) -> Result<()> {
        record.check(&self.about)?;
        let place = || format!("{} {}", record.item.part.name(), record.item.index);
        if self.expected.binary_search(&record.item).is_err() {
            return Err(UserError::usage("not-in-set", "the simulation does not belong to this set")
                .found(place())
                .mend("append the simulations of the plan"));
        }
        if self.has(record.item) {
            return Err(UserError::usage("twice", "the simulation is in the set already")
                .found(place())
                .mend("skip what `has` reports"));
        }
        self.journal.write(record)?;
        self.held().insert(record.item);
        Ok(())
    }

    /// Writes the file and removes the journal.
    ///
    /// # Errors
    /// `incomplete` if simulations are missing (the journal stays), `damaged-record`, or a failed write.
    pub fn finish(self, progress: &dyn Progress) -> Result<SetReport> {
        self.finish_with(progress, |_| Ok(()))
    }

    /// Writes the file, does `last`, and removes the journal: what `last` makes is made again if it was cut short.
    ///
    /// # Errors
    /// As [`finish`](Self::finish); what `last` says (the journal stays).
    pub fn finish_with(self, progress: &dyn Progress, last: impl FnOnce(&SetReport) -> Result<()>) -> Result<SetReport> {
        let missing = self.missing();
        if let Some(first) = missing.first() {
            return Err(UserError::usage("incomplete", format!("{} simulations are missing", missing.len()))
                .file(&self.target)
                .found(format!("{} {} is the first of them", first.part.name(), first.index))
                .mend("run the command again: what is there is kept"));
        }
        let report = self.assemble(&self.target, &self.expected, progress)?;
        last(&report)?;
        self.journal.remove()?;
        Ok(report)
    }

    fn assemble(&self, path: &Path, items: &[Item], progress: &dyn Progress) -> Result<SetReport> {
        let records = items.iter().map(|&item| self.journal.read(item));
        write_set(path, &self.about, self.shard, items, records, progress)
    }
}

/// Writes what a run has finished so far to a set of its own, from the journal beside `target`; the run may go on meanwhile.
///
/// Records that are damaged are left out; how many simulations are still missing is not known here.
///
/// # Errors
/// `no-journal`, `damaged-journal`, a record that goes away under way (the run has ended), or a failed write.
pub fn snapshot(target: &Path, path: &Path, progress: &dyn Progress) -> Result<SetReport> {
    let journal = View::of(target)?;
    let records = journal.items.iter().map(|&item| journal.read(item));
    write_set(path, &journal.about, journal.shard, &journal.items, records, progress)
}

/// Writes records, in the order of `items`, as one file; nothing appears unless it is complete.
pub(super) fn write_set(
    path: &Path,
    about: &SetAbout,
    shard: Shard,
    items: &[Item],
    records: impl Iterator<Item = Result<Record>>,
    progress: &dyn Progress,
) -> Result<SetReport> {
    if !about.sound() {
        return Err(UserError::usage("bad-set", "the set has no segment or no bin that counts")
            .found(format!("{} segments, {} ms, {} of initialisation", about.nseg, about.duration_ms, about.initialisation_ms))
            .mend("give at least one segment and a time beyond the initialisation"));
    }
    let out = PlainWriter::create(path)?;
    attributes(&out, about, shard)?;
    progress.stage("writing the set", Some(items.len() as u64));
    let mut parts: Vec<PartReport> = Vec::new();
    let mut open: Option<(PartWriter, Statistics)> = None;
    for (item, record) in items.iter().zip(records) {
        let record = record?;
        record.check(about)?;
        if parts.last().is_none_or(|p| p.part != item.part) {
            close(open.take(), &out)?;
            open = Some((PartWriter::new(&out, about, item.part, &record)?, Statistics::default()));
            parts.push(PartReport { part: item.part, simulations: 0, kept: 0, events: 0, repeated: 0, left_bounds: 0 });
        }
        let (Some((writer, stats)), Some(report)) = (&mut open, parts.last_mut()) else { unreachable!("just opened") };
        writer.append(&record, about)?;
        stats.add(&record, about);
        report.simulations += 1;
        report.kept += usize::from(record.failed.is_none());
        report.events += record.events.len() as u64;
        report.repeated += u64::from(record.trials.saturating_sub(1));
        report.left_bounds += usize::from(record.left_bounds_ms.is_some());
        progress.advance(1);
    }
    close(open, &out)?;
    let count = |part: Part| parts.iter().find(|p| p.part == part).map_or(0, |p| p.simulations as u32);
    out.attribute("/", "simulations", &[Part::ALL.len()], &Part::ALL.map(count))?;
    out.finish()?;
    Ok(SetReport { path: path.into(), parts })
}

fn close(open: Option<(PartWriter, Statistics)>, out: &PlainWriter) -> Result<()> {
    let Some((writer, stats)) = open else { return Ok(()) };
    stats.write(out, &format!("stats/{}", writer.part.name()))?;
    writer.finish(out)
}

fn attributes(out: &PlainWriter, about: &SetAbout, shard: Shard) -> Result<()> {
    out.attribute("/", "kenyon_simset", &[], &[VERSION])?;
    let about_text = serde_json::to_string(about).expect("plain data");
    let json = |value: &serde_json::Value| serde_json::to_string(value).expect("plain data");
    for (name, value) in [
        ("kind", about.kind.clone()),
        ("name", about.name.clone()),
        ("neuron", json(&about.neuron.parameters)),
        ("scheme", about.neuron.scheme.clone()),
        ("placement", about.neuron.placement.clone()),
        ("synapse_order", about.neuron.synapse_order.clone()),
        ("spike_rule", variant(about.labels.spike)),
        ("rate_rule", variant(about.labels.rate)),
        ("generator", json(&about.generator)),
        ("code_version", about.code_version.clone()),
        ("created", about.created.clone()),
        ("shard", shard.to_string()),
        ("about_sha256", digest::sha256_reader(about_text.as_bytes()).expect("memory")),
        ("about", about_text),
    ] {
        out.attribute_text("/", name, &value)?;
    }
    out.attribute("/", "set_seed", &[], &[about.seed])?;
    for (name, value) in [
        ("dt_ms", about.neuron.dt_ms),
        ("celsius", about.neuron.celsius),
        ("soma_cap_mv", about.labels.soma_cap_mv),
        ("branch_cap_mv", about.labels.branch_cap_mv),
    ] {
        out.attribute("/", name, &[], &[value])?;
    }
    for (name, value) in [
        ("duration_ms", about.duration_ms),
        ("warmup_ms", about.warmup_ms),
        ("initialisation_ms", about.initialisation_ms),
        ("nseg", about.nseg),
    ] {
        out.attribute("/", name, &[], &[value])?;
    }
    let rows = &about.neuron.synapses;
    let n = [rows.len()];
    out.write_texts("synapses/section", &n, &rows.iter().map(|r| r.section.as_str()).collect::<Vec<_>>())?;
    out.write("synapses/segment", &n, &rows.iter().map(|r| r.segment).collect::<Vec<_>>())?;
    out.write("synapses/x", &n, &rows.iter().map(|r| r.x).collect::<Vec<_>>())?;
    out.write("synapses/sign", &n, &rows.iter().map(|r| r.sign).collect::<Vec<_>>())?;
    out.write("synapses/y_mean", &n, &rows.iter().map(|r| r.y_mean).collect::<Vec<_>>())
}

/// The name that serde gives a variant.
fn variant(of: impl Serialize) -> String {
    serde_json::to_value(of).ok().and_then(|v| v.as_str().map(String::from)).expect("a plain variant")
}
