//! Windows of simulations in batches: random ones for training, tiles that cover every ms once for validation and test.
//!
//! A batch is a pure function of (set, spec, epoch, batch number): no thread, cache or earlier batch changes it, and work
//! can go on in the middle of an epoch.
//!
//! # Memory
//! The cache of labels (`cache_bytes`), the labels of one simulation per thread, and the batches that are under way.

mod prefetch;
mod windows;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use half::f16;
use kenyon_base::{Result, UserError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::plan::Event;
use super::spec::Part;
use super::store::{SimStore, StoredLabels};
use windows::{starts, tile};

pub use prefetch::WindowPrefetch;
pub use windows::{Window, Windows};

/// How a loader delivers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoaderSpec {
    /// Length of a window in ms.
    pub window_ms: u32,
    /// Windows in a batch.
    pub batch: usize,
    /// First part of a window that is not scored: the receptive field of the model.
    #[serde(default)]
    pub burn_in_ms: u32,
    /// Which windows.
    pub windows: Windows,
    /// Random windows keep so far from both ends.
    #[serde(default = "default_margin")]
    pub margin_ms: u32,
    /// Seed of order and starts.
    #[serde(default)]
    pub seed: u64,
    /// Take simulations too that a filter flags.
    #[serde(default)]
    pub flagged: bool,
    /// Deliver the voltages of the segments too, where the set has them; without them far less is read.
    #[serde(default = "yes")]
    pub branches: bool,
    /// Bytes of labels that are kept in memory.
    #[serde(default = "default_cache")]
    pub cache_bytes: usize,
}

const fn default_margin() -> u32 {
    16
}

const fn yes() -> bool {
    true
}

const fn default_cache() -> usize {
    256 << 20
}

/// Windows side by side.
///
/// # Shapes
/// B windows of W ms. Inputs are sparse: events of window b are `events[ptr[b]..ptr[b + 1]]`, their times from its begin.
/// Labels are B × W, dendritic voltages B × segments × W in 16 bits, as stored. Where a window reaches into the warm-up, the
/// labels are those of t = 0 and not scored.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowBatch {
    /// Length of a window.
    pub window_ms: u32,
    /// Segments; there are twice as many input rows.
    pub nseg: u32,
    /// The windows.
    pub windows: Vec<Window>,
    /// Where the events of each window begin.
    pub ptr: Vec<u64>,
    /// Events, each window's sorted by (t, row).
    pub events: Vec<Event>,
    /// Whether there is a spike.
    pub spike: Vec<bool>,
    /// Capped voltage of the soma.
    pub soma_v: Vec<f32>,
    /// Whether a spike is near.
    pub near_spike: Vec<bool>,
    /// Spikes per ms.
    pub inst_rate: Vec<f32>,
    /// Capped voltages of the segments; empty without `branches`.
    pub branch_v: Vec<f16>,
}

impl WindowBatch {
    /// Number of windows.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// The input laid out: B × 2 × segments × W, excitation first.
    pub fn dense(&self) -> Vec<f32> {
        let (rows, window) = (2 * self.nseg as usize, self.window_ms as usize);
        let mut out = vec![0.0; self.len() * rows * window];
        for (b, of) in self.ptr.windows(2).enumerate() {
            for e in &self.events[of[0] as usize..of[1] as usize] {
                out[(b * rows + e.row as usize) * window + e.t as usize] = e.weight as f32;
            }
        }
        out
    }

    /// Which bins are scored: B × W.
    pub fn mask(&self) -> Vec<bool> {
        self.windows.iter().flat_map(|w| (0..self.window_ms).map(|t| w.scored.contains(&t))).collect()
    }
}

/// Labels that were read, up to a number of bytes; the ones used longest ago go first.
#[derive(Debug, Default)]
struct Cache {
    held: BTreeMap<u32, (u64, Arc<Counted>)>,
    /// Simulations by when they were used last.
    used: BTreeMap<u64, u32>,
    bytes: usize,
    clock: u64,
}

impl Cache {
    fn get(&mut self, at: u32) -> Option<Arc<Counted>> {
        let (used, labels) = self.held.get_mut(&at)?;
        self.used.remove(used);
        self.clock += 1;
        *used = self.clock;
        self.used.insert(self.clock, at);
        Some(Arc::clone(labels))
    }

    fn insert(&mut self, at: u32, labels: &Arc<Counted>, limit: usize) {
        if self.held.contains_key(&at) || labels.bytes() > limit {
            return;
        }
        // Room first: the cache is never larger than its limit.
        while self.bytes + labels.bytes() > limit {
            let Some((_, oldest)) = self.used.pop_first() else { break };
            if let Some((_, gone)) = self.held.remove(&oldest) {
                self.bytes -= gone.bytes();
            }
        }
        self.clock += 1;
        self.used.insert(self.clock, at);
        self.held.insert(at, (self.clock, Arc::clone(labels)));
        self.bytes += labels.bytes();
    }
}

/// Bytes of labels in memory, wherever they are held, and the most there ever were.
#[derive(Debug, Default)]
struct Meter {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Labels whose bytes are counted as long as anyone holds them.
#[derive(Debug)]
struct Counted {
    labels: StoredLabels,
    meter: Arc<Meter>,
}

impl Counted {
    fn new(labels: StoredLabels, meter: &Arc<Meter>) -> Self {
        let now = meter.now.fetch_add(labels.bytes(), Ordering::Relaxed) + labels.bytes();
        meter.most.fetch_max(now, Ordering::Relaxed);
        Self { labels, meter: Arc::clone(meter) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.meter.now.fetch_sub(self.labels.bytes(), Ordering::Relaxed);
    }
}

impl Deref for Counted {
    type Target = StoredLabels;

    fn deref(&self) -> &StoredLabels {
        &self.labels
    }
}

/// The order of the windows of an epoch.
type Order = Arc<Vec<u32>>;

/// Delivers the batches of a part.
#[derive(Debug)]
pub struct Loader {
    store: Arc<SimStore>,
    part: Part,
    spec: LoaderSpec,
    simulations: Vec<u32>,
    tiles: Vec<Window>,
    cache: Mutex<Cache>,
    meter: Arc<Meter>,
    /// Of the epoch that was asked for last.
    order: Mutex<Option<(u64, Order)>>,
}

impl Loader {
    /// A loader of a part.
    ///
    /// # Errors
    /// `bad-window` if the windows do not fit the simulations, `empty-part` without simulations.
    pub fn new(store: Arc<SimStore>, part: Part, spec: LoaderSpec) -> Result<Self> {
        let about = store.about();
        let bad = |found: String, expected: String| {
            Err(UserError::usage("bad-window", "the windows do not fit the simulations")
                .file(store.path())
                .found(found)
                .expected(expected)
                .mend("give shorter windows, a shorter burn-in, or make longer simulations"))
        };
        if spec.batch == 0 {
            return bad("a batch of 0 windows".into(), "at least 1".into());
        }
        if spec.burn_in_ms >= spec.window_ms {
            return bad(
                format!("a burn-in of {} ms", spec.burn_in_ms),
                format!("less than the {} ms of a window", spec.window_ms),
            );
        }
        let simulations = store.chosen(part, spec.flagged);
        if simulations.is_empty() {
            return Err(UserError::usage("empty-part", "the part holds no simulation")
                .file(store.path())
                .found(part.name())
                .mend("name another part, or take flagged simulations too"));
        }
        let tiles = match spec.windows {
            Windows::Random => {
                let (first, last) = starts(&spec, about.duration_ms, about.initialisation_ms);
                if first >= last {
                    let expected = format!("less than {} ms with the margins", about.duration_ms - about.initialisation_ms);
                    return bad(format!("windows of {} ms", spec.window_ms), expected);
                }
                Vec::new()
            }
            Windows::Tiles | Windows::ShuffledTiles => {
                if spec.window_ms > about.duration_ms + about.warmup_ms {
                    return bad(format!("windows of {} ms", spec.window_ms), format!("at most {} ms", about.bins()));
                }
                let of = tile(&spec, about.duration_ms, about.warmup_ms, about.initialisation_ms);
                simulations
                    .iter()
                    .flat_map(|&at| of.iter().map(move |(start, scored)| Window { at, start: *start, scored: scored.clone() }))
                    .collect()
            }
        };
        Ok(Self {
            store,
            part,
            spec,
            simulations,
            tiles,
            cache: Mutex::default(),
            meter: Arc::default(),
            order: Mutex::default(),
        })
    }

    /// The set.
    pub fn store(&self) -> &SimStore {
        &self.store
    }

    /// Windows in an epoch.
    pub fn windows(&self) -> usize {
        if self.spec.windows == Windows::Random { self.simulations.len() } else { self.tiles.len() }
    }

    /// Batches in an epoch; the last one may be short.
    pub fn batches(&self) -> usize {
        self.windows().div_ceil(self.spec.batch)
    }

    /// The windows of a batch.
    fn places(&self, epoch: u64, batch: usize) -> Vec<Window> {
        let n = self.windows();
        let range = batch * self.spec.batch..((batch + 1) * self.spec.batch).min(n);
        match self.spec.windows {
            Windows::Tiles => self.tiles[range].to_vec(),
            Windows::ShuffledTiles => self.order(epoch)[range].iter().map(|&i| self.tiles[i as usize].clone()).collect(),
            Windows::Random => {
                let mut draw = Draw::indexed(self.spec.seed, &format!("loader/start/{epoch}"), batch as u64);
                let about = self.store.about();
                let (first, last) = starts(&self.spec, about.duration_ms, about.initialisation_ms);
                let window = |&i: &u32| Window {
                    at: self.simulations[i as usize],
                    start: i64::from(draw.int([first, last])),
                    scored: self.spec.burn_in_ms..self.spec.window_ms,
                };
                self.order(epoch)[range].iter().map(window).collect()
            }
        }
    }

    /// The order of the windows of an epoch; drawn once for all its batches.
    fn order(&self, epoch: u64) -> Order {
        let mut kept = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((of, order)) if *of == epoch => Arc::clone(order),
            _ => {
                let order = Arc::new(Draw::indexed(self.spec.seed, "loader/order", epoch).order(self.windows() as u32));
                *kept = Some((epoch, Arc::clone(&order)));
                order
            }
        }
    }

    /// The most bytes of labels that were in memory at any moment, the cache included; batches are not counted.
    pub fn most_label_bytes(&self) -> usize {
        self.meter.most.load(Ordering::Relaxed)
    }

    /// Batch number `batch` of an epoch.
    ///
    /// # Errors
    /// `no-such-batch`, or a chunk that cannot be read.
    pub fn batch(&self, epoch: u64, batch: usize) -> Result<WindowBatch> {
        if batch >= self.batches() {
            return Err(UserError::usage("no-such-batch", "the epoch has no such batch")
                .found(batch.to_string())
                .mend(format!("it has {}, counted from 0", self.batches())));
        }
        let windows = self.places(epoch, batch);
        let about = self.store.about();
        let (n, window) = (windows.len(), self.spec.window_ms as usize);
        let rows = if self.spec.branches { about.branches() } else { 0 };
        let all = n * window;
        let (mut spike, mut soma_v, mut near_spike, mut inst_rate) =
            (vec![false; all], vec![0.0_f32; all], vec![false; all], vec![0.0_f32; all]);
        let mut branch_v = vec![f16::ZERO; all * rows];
        let mut events: Vec<Vec<Event>> = vec![Vec::new(); n];
        // Windows of one simulation together: its labels are read once and let go before the next ones are read.
        let mut groups: BTreeMap<u32, Vec<Slot>> = BTreeMap::new();
        let mut branches = branch_v.chunks_mut((window * rows).max(1));
        let voltages = soma_v.chunks_mut(window).zip(inst_rate.chunks_mut(window));
        let flags = spike.chunks_mut(window).zip(near_spike.chunks_mut(window));
        let places = windows.iter().zip(&mut events).zip(voltages.zip(flags));
        for ((place, events), ((soma_v, inst_rate), (spike, near_spike))) in places {
            let branch_v = branches.next().unwrap_or_default();
            groups.entry(place.at).or_default().push(Slot { place, events, spike, soma_v, near_spike, inst_rate, branch_v });
        }
        groups.into_par_iter().try_for_each(|(at, slots)| self.fill(at, slots))?;
        let mut ptr = vec![0_u64];
        for of in &events {
            ptr.push(ptr[ptr.len() - 1] + of.len() as u64);
        }
        Ok(WindowBatch {
            window_ms: self.spec.window_ms,
            nseg: about.nseg,
            windows,
            ptr,
            events: events.into_iter().flatten().collect(),
            spike,
            soma_v,
            near_spike,
            inst_rate,
            branch_v,
        })
    }

    /// Fills the windows of one simulation.
    fn fill(&self, at: u32, slots: Vec<Slot>) -> Result<()> {
        let labels = self.labels(at)?;
        let duration = self.store.about().duration_ms as usize;
        for slot in slots {
            let start = slot.place.start;
            *slot.events = self.store.window(self.part, at as usize, start..start + i64::from(self.spec.window_ms))?;
            copy(slot.spike, &labels.spike, start);
            copy(slot.soma_v, &labels.soma_v, start);
            copy(slot.near_spike, &labels.near_spike, start);
            copy(slot.inst_rate, &labels.inst_rate, start);
            let rows = slot.branch_v.chunks_mut(self.spec.window_ms as usize);
            rows.zip(labels.branch_v.chunks(duration)).for_each(|(out, row)| copy(out, row, start));
        }
        Ok(())
    }

    fn labels(&self, at: u32) -> Result<Arc<Counted>> {
        let cache = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(labels) = cache().get(at) {
            return Ok(labels);
        }
        let labels = self.store.labels(self.part, at as usize, self.spec.branches)?;
        let labels = Arc::new(Counted::new(labels, &self.meter));
        cache().insert(at, &labels, self.spec.cache_bytes);
        Ok(labels)
    }
}

/// Where the window of a batch is to be written.
struct Slot<'a> {
    place: &'a Window,
    events: &'a mut Vec<Event>,
    spike: &'a mut [bool],
    soma_v: &'a mut [f32],
    near_spike: &'a mut [bool],
    inst_rate: &'a mut [f32],
    branch_v: &'a mut [f16],
}

/// Copies a window of one series; before its begin its first value.
fn copy<T: Copy>(out: &mut [T], series: &[T], start: i64) {
    let before = (-start).clamp(0, out.len() as i64) as usize;
    let (early, rest) = out.split_at_mut(before);
    early.fill(series[0]);
    let from = start.max(0) as usize;
    rest.copy_from_slice(&series[from..from + rest.len()]);
}
