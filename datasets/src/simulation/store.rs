//! A set opened for reading: whole simulations, or windows of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use half::f16;
use kenyon_base::{PlainFile, Result, RowReader, UserError, digest};

use super::about::SetAbout;
use super::plan::{Event, Item, Shard};
use super::record::{Extra, Record};
use super::spec::Part;
use super::stats::Figures;
use super::writer::{BLOCK_MS, PartReport, SetReport, VERSION, unpack};

/// One line of the index of a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Number of the simulation in its part; numbers may have holes.
    pub sim: u32,
    /// Its seed.
    pub seed: u64,
    /// The criterion that it failed; kept if there is none.
    pub failed: Option<String>,
    /// When a potential left all bounds, ms after t = 0: the simulation has no answer.
    pub left_bounds_ms: Option<f64>,
    /// Spikes after the initialisation.
    pub n_spikes: u32,
    /// Spikes per second.
    pub rate_hz: f64,
    /// How often it was drawn.
    pub trials: u32,
    /// SHA-256 of all that it holds.
    pub sha256: String,
}

/// The arrays of one part.
#[derive(Debug)]
struct PartStore {
    part: Part,
    index: Vec<Entry>,
    event_ptr: Vec<u64>,
    block_ptr: RowReader<u32>,
    row: RowReader<u32>,
    t: RowReader<u32>,
    w: RowReader<f64>,
    spike_ptr: Vec<u64>,
    t_ms: RowReader<f32>,
    soma_v: RowReader<f32>,
    branch_v: Option<RowReader<f16>>,
    near_spike: RowReader<u8>,
    inst_rate: RowReader<f32>,
    extra: Vec<(String, RowReader<f32>)>,
}

/// A set in one HDF5 file.
#[derive(Debug)]
pub struct SimStore {
    path: PathBuf,
    about: SetAbout,
    shard: Shard,
    parts: Vec<PartStore>,
}

/// Labels of one simulation as a loader keeps them; voltages are capped.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredLabels {
    /// Whether there is a spike, per ms.
    pub spike: Vec<bool>,
    /// Voltage of the soma.
    pub soma_v: Vec<f32>,
    /// Whether a spike is near.
    pub near_spike: Vec<bool>,
    /// Spikes per ms.
    pub inst_rate: Vec<f32>,
    /// Voltages of the segments, segment by segment.
    pub branch_v: Vec<f16>,
}

impl StoredLabels {
    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.soma_v.len() * 10 + self.branch_v.len() * 2
    }
}

impl SimStore {
    /// Opens a set and checks that its arrays belong together; the checksum of a chunk is checked when it is read.
    ///
    /// # Errors
    /// `not-a-simulation-set`, `version`, `missing-dataset`, `bad-length`, `bad-type`, or that HDF5 cannot read it.
    pub fn open(path: &Path) -> Result<Self> {
        let file = PlainFile::open(path)?;
        let version = file.attribute::<u32>("/", "kenyon_simset").map_err(|_| {
            UserError::bad_data("not-a-simulation-set", "is no set of simulations")
                .file(path)
                .expected("the attribute `kenyon_simset`")
                .mend("name a file that `kenyon` wrote as a simulation set")
        })?;
        if version != [VERSION] {
            return Err(UserError::bad_data("version", "was written by a newer version of kenyon")
                .file(path)
                .found(format!("{version:?}"))
                .expected(VERSION.to_string())
                .mend("update kenyon"));
        }
        let text = |name: &str| -> Result<String> {
            let texts = file.attribute_texts("/", name)?;
            texts.into_iter().next().ok_or_else(|| damaged(path, name))
        };
        let words = text("about")?;
        if digest::sha256_reader(words.as_bytes()).expect("memory") != text("about_sha256")? {
            return Err(damaged(path, "/@about"));
        }
        let about: SetAbout = serde_json::from_str(&words).map_err(|_| damaged(path, "/@about"))?;
        if !about.sound() {
            return Err(damaged(path, "/@about"));
        }
        let shard = text("shard")?.parse().map_err(|_| damaged(path, "/@shard"))?;
        let counts = file.attribute::<u32>("/", "simulations")?;
        if counts.len() != Part::ALL.len() {
            return Err(damaged(path, "/@simulations"));
        }
        let mut parts = Vec::new();
        for (part, &count) in Part::ALL.into_iter().zip(&counts).filter(|(_, count)| **count > 0) {
            let store = PartStore::open(&file, path, &about, part)?;
            if store.index.len() != count as usize {
                return Err(damaged(path, &format!("{}/index/sim", part.name())));
            }
            parts.push(store);
        }
        Ok(Self { path: path.into(), about, shard, parts })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the set says about itself.
    pub const fn about(&self) -> &SetAbout {
        &self.about
    }

    /// Which shard of its set this file is.
    pub const fn shard(&self) -> Shard {
        self.shard
    }

    /// The parts with simulations.
    pub fn parts(&self) -> Vec<Part> {
        self.parts.iter().map(|p| p.part).collect()
    }

    /// The index of a part; empty if the set has no such part.
    pub fn entries(&self, part: Part) -> &[Entry] {
        self.parts.iter().find(|p| p.part == part).map_or(&[], |p| &p.index)
    }

    /// Positions, in the index of a part, of the simulations that no filter flags.
    pub fn kept(&self, part: Part) -> Vec<u32> {
        let index = self.entries(part).iter().enumerate();
        index.filter(|(_, e)| e.failed.is_none()).map(|(at, _)| at as u32).collect()
    }

    /// Positions, in the index of a part, of the simulations to work with: the kept ones, and with `flagged` those too that the filter
    /// flags. Never those without an answer.
    pub fn chosen(&self, part: Part, flagged: bool) -> Vec<u32> {
        let index = self.entries(part).iter().enumerate();
        let wanted = |e: &Entry| e.left_bounds_ms.is_none() && (flagged || e.failed.is_none());
        index.filter(|(_, e)| wanted(e)).map(|(at, _)| at as u32).collect()
    }

    /// All simulations, in the order of the file.
    pub fn items(&self) -> Vec<Item> {
        let of = |p: &PartStore| p.index.iter().map(|e| Item { part: p.part, index: e.sim }).collect::<Vec<_>>();
        self.parts.iter().flat_map(of).collect()
    }

    /// Whether it is the set, or shard of a set, that is described; whenever it was made.
    pub fn is_of(&self, about: &SetAbout, shard: Shard, items: &[Item]) -> bool {
        // A number that was written and read may differ in its last digit from the one at hand.
        let text = serde_json::to_string(about).expect("plain data");
        let read: Option<SetAbout> = serde_json::from_str(&text).ok();
        let same = |read: SetAbout| SetAbout { created: self.about.created.clone(), ..read } == self.about;
        self.shard == shard && read.is_some_and(same) && self.items() == items
    }

    /// How many simulations of which kind it holds.
    pub fn report(&self) -> SetReport {
        let part = |p: &PartStore| PartReport {
            part: p.part,
            simulations: p.index.len(),
            kept: p.index.iter().filter(|e| e.failed.is_none()).count(),
            events: p.event_ptr.last().copied().unwrap_or(0),
            repeated: p.index.iter().map(|e| u64::from(e.trials.saturating_sub(1))).sum(),
            left_bounds: p.index.iter().filter(|e| e.left_bounds_ms.is_some()).count(),
        };
        SetReport { path: self.path.clone(), parts: self.parts.iter().map(part).collect() }
    }

    /// The criteria that flag simulations of a part, with how many each.
    pub fn flags(&self, part: Part) -> BTreeMap<String, usize> {
        let mut flags = BTreeMap::new();
        for criterion in self.entries(part).iter().filter_map(|e| e.failed.as_ref()) {
            *flags.entry(criterion.clone()).or_default() += 1;
        }
        flags
    }

    /// The stored statistics of a part: of the simulations that no filter flags, or of all.
    ///
    /// # Errors
    /// `missing-dataset`, `damaged-set`, or that HDF5 cannot read them.
    pub fn figures(&self, part: Part, all: bool) -> Result<Figures> {
        Figures::read(&PlainFile::open(&self.path)?, &self.path, part, all)
    }

    fn part(&self, part: Part, at: usize) -> Result<&PartStore> {
        let found = self.parts.iter().find(|p| p.part == part && at < p.index.len());
        found.ok_or_else(|| {
            UserError::usage("no-such-simulation", "the set has no such simulation")
                .file(&self.path)
                .found(format!("position {at} of {}", part.name()))
                .mend(format!("the part holds {} simulations", self.entries(part).len()))
        })
    }

    /// A whole simulation, at a position of its part's index, checked against its SHA-256.
    ///
    /// # Errors
    /// `no-such-simulation`, `checksum`, or a chunk that cannot be read.
    pub fn record(&self, part: Part, at: usize) -> Result<Record> {
        let p = self.part(part, at)?;
        let entry = &p.index[at];
        let extra = p
            .extra
            .iter()
            .map(|(name, rows)| Ok(Extra { name: name.clone(), shape: rows.row().to_vec(), data: rows.read(at..at + 1)? }));
        let record = Record {
            item: Item { part, index: entry.sim },
            seed: entry.seed,
            trials: entry.trials,
            failed: entry.failed.clone(),
            left_bounds_ms: entry.left_bounds_ms,
            events: p.events(p.event_ptr[at] as usize..p.event_ptr[at + 1] as usize)?,
            spikes_ms: p.spikes(at)?,
            soma_v: p.soma_v.read(at..at + 1)?,
            branch_v: p.branch_v.as_ref().map_or(Ok(Vec::new()), |rows| rows.read(at..at + 1))?,
            near_spike: unpack(&p.near_spike.read(at..at + 1)?, self.about.duration_ms as usize),
            inst_rate: p.inst_rate.read(at..at + 1)?,
            extra: extra.collect::<Result<_>>()?,
        };
        // The tables by which HDF5 finds a chunk have no checksum of their own.
        if record.sha256() != entry.sha256 {
            return Err(UserError::bad_data("checksum", "a simulation is not what was written")
                .file(&self.path)
                .found(format!("{} {}", part.name(), entry.sim))
                .mend("copy the file again, or make it again"));
        }
        Ok(record)
    }

    /// Events of the bins `window` of a simulation, their times from the begin of the window; negative bins lie in the warm-up.
    ///
    /// Reads the events of the window and of at most two blocks more.
    ///
    /// # Errors
    /// `no-such-simulation`, `damaged-set`, or a chunk that cannot be read.
    pub fn window(&self, part: Part, at: usize, window: Range<i64>) -> Result<Vec<Event>> {
        let p = self.part(part, at)?;
        let bin = |t: i64| (t + i64::from(self.about.warmup_ms)).clamp(0, self.about.bins() as i64) as u32;
        let (from, to) = (bin(window.start), bin(window.end));
        if from >= to {
            return Ok(Vec::new());
        }
        let blocks = p.block_ptr.read(at..at + 1)?;
        let (first, last) = (from as usize / BLOCK_MS, (to as usize).div_ceil(BLOCK_MS));
        let base = p.event_ptr[at];
        let (begin, end) = (base + u64::from(blocks[first]), base + u64::from(blocks[last]));
        if begin > end || end > p.event_ptr[at + 1] {
            return Err(damaged(&self.path, &format!("{}/events/block_ptr", part.name())));
        }
        let mut events = p.events(begin as usize..end as usize)?;
        events.retain(|e| (from..to).contains(&e.t));
        let begin = window.start + i64::from(self.about.warmup_ms);
        for e in &mut events {
            e.t = (i64::from(e.t) - begin) as u32;
        }
        Ok(events)
    }

    /// Labels of a simulation, voltages capped; those of the segments only if `branches` says so.
    ///
    /// # Errors
    /// `no-such-simulation`, or a chunk that cannot be read.
    pub fn labels(&self, part: Part, at: usize, branches: bool) -> Result<StoredLabels> {
        let p = self.part(part, at)?;
        let (bins, caps) = (self.about.duration_ms as usize, &self.about.labels);
        let mut spike = vec![false; bins];
        for t in p.spikes(at)? {
            if let Some(bin) = spike.get_mut(t as usize) {
                *bin = true;
            }
        }
        let cap = f16::from_f64(caps.branch_cap_mv);
        let stored = p.branch_v.as_ref().filter(|_| branches);
        let mut branch_v = stored.map_or(Ok(Vec::new()), |rows| rows.read(at..at + 1))?;
        for v in &mut branch_v {
            *v = v.min(cap);
        }
        Ok(StoredLabels {
            spike,
            soma_v: super::labels::capped(&p.soma_v.read(at..at + 1)?, caps.soma_cap_mv),
            near_spike: unpack(&p.near_spike.read(at..at + 1)?, bins),
            inst_rate: p.inst_rate.read(at..at + 1)?,
            branch_v,
        })
    }
}

fn damaged(path: &Path, name: &str) -> UserError {
    UserError::bad_data("damaged-set", "a part of the set does not fit the rest")
        .file(path)
        .dataset(name)
        .mend("copy the file again, or make it again")
}

impl PartStore {
    fn open(file: &PlainFile, path: &Path, about: &SetAbout, part: Part) -> Result<Self> {
        let name = |what: &str| format!("{}/{what}", part.name());
        let column = |what: &str| -> Result<Vec<u32>> {
            let rows = file.rows::<u32>(&name(what))?;
            rows.read(0..rows.len())
        };
        let sim = column("index/sim")?;
        let n = sim.len();
        let of_length = |what: &str, found: usize, expected: usize| {
            if found == expected {
                return Ok(());
            }
            Err(UserError::bad_data("bad-length", "a data set has the wrong length")
                .file(path)
                .dataset(name(what))
                .found(found.to_string())
                .expected(format!("{expected} rows"))
                .mend("copy the file again, or make it again"))
        };
        let whole = |what: &str| -> Result<Vec<u32>> {
            let values = column(what)?;
            of_length(what, values.len(), n)?;
            Ok(values)
        };
        let (n_spikes, trials) = (whole("index/n_spikes")?, whole("index/trials")?);
        let seed = file.rows::<u64>(&name("index/seed"))?.read(0..n)?;
        let rate = file.rows::<f64>(&name("index/rate_hz"))?.read(0..n)?;
        let (_, failed) = file.texts(&name("index/failed"))?;
        of_length("index/failed", failed.len(), n)?;
        let left_bounds = file.rows::<f64>(&name("index/left_bounds_ms"))?;
        of_length("index/left_bounds_ms", left_bounds.len(), n)?;
        let left_bounds = left_bounds.read(0..n)?;
        let (_, sha256) = file.texts(&name("index/sha256"))?;
        of_length("index/sha256", sha256.len(), n)?;
        let kept = file.rows::<u8>(&name("index/kept"))?.read(0..n)?;
        if failed.iter().zip(&kept).any(|(failed, &kept)| failed.is_empty() != (kept == 1)) {
            return Err(damaged(path, &name("index/kept")));
        }
        let index = (0..n)
            .map(|i| Entry {
                sim: sim[i],
                seed: seed[i],
                failed: (!failed[i].is_empty()).then(|| failed[i].clone()),
                left_bounds_ms: Some(left_bounds[i]).filter(|t| t.is_finite()),
                n_spikes: n_spikes[i],
                rate_hz: rate[i],
                trials: trials[i],
                sha256: sha256[i].clone(),
            })
            .collect();
        let ragged = |what: &str, length: usize| -> Result<Vec<u64>> {
            let rows = file.rows::<u64>(&name(what))?;
            of_length(what, rows.len(), n + 1)?;
            let ptr = rows.read(0..n + 1)?;
            if ptr[0] != 0 || !ptr.is_sorted() || ptr[n] != length as u64 {
                return Err(damaged(path, &name(what)));
            }
            Ok(ptr)
        };
        let (row, t, w) = (file.rows(&name("events/row"))?, file.rows(&name("events/t"))?, file.rows::<f64>(&name("events/w"))?);
        let t_ms: RowReader<f32> = file.rows(&name("spikes/t_ms"))?;
        let event_ptr = ragged("events/ptr", w.len())?;
        of_length("events/row", RowReader::<u32>::len(&row), w.len())?;
        of_length("events/t", RowReader::<u32>::len(&t), w.len())?;
        let spike_ptr = ragged("spikes/ptr", t_ms.len())?;
        let bins = about.duration_ms as usize;
        let shaped = |what: &str, found: usize, row: &[usize], expected: &[usize]| {
            of_length(what, found, n)?;
            if row == expected { Ok(()) } else { Err(damaged(path, &name(what))) }
        };
        let soma_v: RowReader<f32> = file.rows(&name("soma_v"))?;
        shaped("soma_v", soma_v.len(), soma_v.row(), &[bins])?;
        let near_spike: RowReader<u8> = file.rows(&name("near_spike"))?;
        shaped("near_spike", near_spike.len(), near_spike.row(), &[bins.div_ceil(8)])?;
        let inst_rate: RowReader<f32> = file.rows(&name("inst_rate"))?;
        shaped("inst_rate", inst_rate.len(), inst_rate.row(), &[bins])?;
        let block_ptr: RowReader<u32> = file.rows(&name("events/block_ptr"))?;
        shaped("events/block_ptr", block_ptr.len(), block_ptr.row(), &[about.bins().div_ceil(BLOCK_MS) + 1])?;
        let branch_v = if about.branches() > 0 {
            let rows: RowReader<f16> = file.rows(&name("branch_v"))?;
            shaped("branch_v", rows.len(), rows.row(), &[about.branches(), bins])?;
            Some(rows)
        } else {
            None
        };
        let extra = file.members(&name("extra")).into_iter().map(|member| {
            let what = format!("extra/{member}");
            let rows: RowReader<f32> = file.rows(&name(&what))?;
            of_length(&what, rows.len(), n)?;
            Ok((member, rows))
        });
        let extra = extra.collect::<Result<_>>()?;
        Ok(Self { part, index, event_ptr, block_ptr, row, t, w, spike_ptr, t_ms, soma_v, branch_v, near_spike, inst_rate, extra })
    }

    fn events(&self, range: Range<usize>) -> Result<Vec<Event>> {
        let (t, row, w) = (self.t.read(range.clone())?, self.row.read(range.clone())?, self.w.read(range)?);
        Ok(t.into_iter().zip(row).zip(w).map(|((t, row), weight)| Event { t, row, weight }).collect())
    }

    fn spikes(&self, at: usize) -> Result<Vec<f32>> {
        self.t_ms.read(self.spike_ptr[at] as usize..self.spike_ptr[at + 1] as usize)
    }
}
