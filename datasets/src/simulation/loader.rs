//! Windows of simulations in batches: random ones for training, tiles that cover every ms once for validation and test.
//!
//! A batch is a pure function of (set, spec, epoch, batch number): no thread, cache or earlier batch changes it, and work
//! can go on in the middle of an epoch.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use half::f16;
use kenyon_base::{Result, UserError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::plan::Event;
use super::spec::Part;
use super::store::{SimStore, StoredLabels};

/// Which windows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Windows {
    /// One window of every simulation per epoch, at a random start, in random order.
    Random,
    /// Windows whose scored parts cover every ms exactly once, in order.
    Tiles,
    /// The same windows in random order.
    ShuffledTiles,
}

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
    /// Bytes of labels that are kept in memory.
    #[serde(default = "default_cache")]
    pub cache_bytes: usize,
}

const fn default_margin() -> u32 {
    16
}

const fn default_cache() -> usize {
    256 << 20
}

/// A window of a simulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Position of the simulation in the index of its part.
    pub at: u32,
    /// First bin; negative ones lie in the warm-up, where there is input and no label.
    pub start: i64,
    /// Bins of the window that are scored.
    pub scored: Range<u32>,
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
    /// Capped voltages of the segments.
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
    held: BTreeMap<u32, (u64, Arc<StoredLabels>)>,
    bytes: usize,
    clock: u64,
}

/// Delivers the batches of a part.
#[derive(Debug)]
pub struct Loader {
    store: Arc<SimStore>,
    part: Part,
    spec: LoaderSpec,
    simulations: Vec<u32>,
    tiles: Vec<Window>,
    cache: Mutex<Cache>,
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
        let simulations: Vec<u32> = if spec.flagged { (0..store.entries(part).len() as u32).collect() } else { store.kept(part) };
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
        Ok(Self { store, part, spec, simulations, tiles, cache: Mutex::default() })
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
        let order = || Draw::indexed(self.spec.seed, "loader/order", epoch).order(n as u32);
        match self.spec.windows {
            Windows::Tiles => self.tiles[range].to_vec(),
            Windows::ShuffledTiles => order()[range].iter().map(|&i| self.tiles[i as usize].clone()).collect(),
            Windows::Random => {
                let mut draw = Draw::indexed(self.spec.seed, &format!("loader/start/{epoch}"), batch as u64);
                let about = self.store.about();
                let (first, last) = starts(&self.spec, about.duration_ms, about.initialisation_ms);
                let window = |&i: &u32| Window {
                    at: self.simulations[i as usize],
                    start: i64::from(draw.int([first, last])),
                    scored: self.spec.burn_in_ms..self.spec.window_ms,
                };
                order()[range].iter().map(window).collect()
            }
        }
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
        let read = |w: &Window| {
            let end = w.start + i64::from(self.spec.window_ms);
            Ok((self.store.window(self.part, w.at as usize, w.start..end)?, self.labels(w.at)?))
        };
        let parts: Vec<(Vec<Event>, Arc<StoredLabels>)> = windows.par_iter().map(read).collect::<Result<_>>()?;
        let about = self.store.about();
        let window = self.spec.window_ms as usize;
        let all = windows.len() * window;
        let mut out = WindowBatch {
            window_ms: self.spec.window_ms,
            nseg: about.nseg,
            windows,
            ptr: vec![0],
            events: Vec::new(),
            spike: Vec::with_capacity(all),
            soma_v: Vec::with_capacity(all),
            near_spike: Vec::with_capacity(all),
            inst_rate: Vec::with_capacity(all),
            branch_v: Vec::with_capacity(all * about.branches()),
        };
        for (w, (events, labels)) in out.windows.iter().zip(parts) {
            out.events.extend(events);
            out.ptr.push(out.events.len() as u64);
            copy(&mut out.spike, &labels.spike, w.start, window);
            copy(&mut out.soma_v, &labels.soma_v, w.start, window);
            copy(&mut out.near_spike, &labels.near_spike, w.start, window);
            copy(&mut out.inst_rate, &labels.inst_rate, w.start, window);
            for row in labels.branch_v.chunks(about.duration_ms as usize) {
                copy(&mut out.branch_v, row, w.start, window);
            }
        }
        Ok(out)
    }

    fn labels(&self, at: u32) -> Result<Arc<StoredLabels>> {
        {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            cache.clock += 1;
            let now = cache.clock;
            if let Some((used, labels)) = cache.held.get_mut(&at) {
                *used = now;
                return Ok(Arc::clone(labels));
            }
        }
        let labels = Arc::new(self.store.labels(self.part, at as usize)?);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let now = cache.clock;
        if labels.bytes() <= self.spec.cache_bytes && cache.held.insert(at, (now, Arc::clone(&labels))).is_none() {
            cache.bytes += labels.bytes();
            while cache.bytes > self.spec.cache_bytes {
                let oldest = cache.held.iter().min_by_key(|(_, (used, _))| *used).map(|(&at, _)| at);
                let Some((_, gone)) = oldest.and_then(|at| cache.held.remove(&at)) else { break };
                cache.bytes -= gone.bytes();
            }
        }
        Ok(labels)
    }

    /// Delivers the batches of an epoch from number `from` on, while a thread makes the next ones, at most `ahead` of them.
    ///
    /// # Errors
    /// That no thread can be started.
    pub fn epoch(self: &Arc<Self>, epoch: u64, from: usize, ahead: usize) -> Result<WindowPrefetch> {
        let (sender, batches) = sync_channel(ahead.max(1));
        let loader = Arc::clone(self);
        let work = move || {
            for batch in from..loader.batches() {
                let made = loader.batch(epoch, batch);
                let last = made.is_err();
                // A receiver that is gone wants no more batches.
                if sender.send(made).is_err() || last {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("windows".into()).spawn(work).map_err(|e| {
            UserError::failed("no-thread", format!("cannot start a thread: {e}")).mend("close other programs and try again")
        })?;
        Ok(WindowPrefetch { batches, thread: Some(thread) })
    }
}

/// First start of a random window, and the one after the last.
fn starts(spec: &LoaderSpec, duration: u32, initialisation: u32) -> (u32, u32) {
    // A window may begin in the initialisation as far as its burn-in reaches.
    let first = spec.margin_ms.max(initialisation.saturating_sub(spec.burn_in_ms));
    (first, duration.saturating_sub(spec.window_ms).saturating_sub(spec.margin_ms))
}

/// Starts and scored bins of the windows that cover `initialisation..duration` once.
///
/// The burn-in of the first window lies in the warm-up or the initialisation as far as there is one; without it, the first
/// window is scored from its begin on.
fn tile(spec: &LoaderSpec, duration: u32, warmup: u32, initialisation: u32) -> Vec<(i64, Range<u32>)> {
    let (window, end) = (i64::from(spec.window_ms), i64::from(duration));
    let mut tiles = Vec::new();
    let mut next = i64::from(initialisation);
    while next < end {
        let start = (next - i64::from(spec.burn_in_ms)).min(end - window).max(-i64::from(warmup));
        let stop = (start + window).min(end);
        tiles.push((start, (next - start) as u32..(stop - start) as u32));
        next = stop;
    }
    tiles
}

/// Appends a window of one series; before its begin its first value.
fn copy<T: Copy>(out: &mut Vec<T>, series: &[T], start: i64, window: usize) {
    let before = (-start).clamp(0, window as i64) as usize;
    out.extend(std::iter::repeat_n(series[0], before));
    let from = start.max(0) as usize;
    out.extend_from_slice(&series[from..from + window - before]);
}

/// Batches of an epoch, made ahead of time by a thread of their own.
#[derive(Debug)]
pub struct WindowPrefetch {
    batches: Receiver<Result<WindowBatch>>,
    /// Until it is known how the thread ended.
    thread: Option<JoinHandle<()>>,
}

impl Iterator for WindowPrefetch {
    type Item = Result<WindowBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Ok(batch) = self.batches.recv() {
            return Some(batch);
        }
        // The end, or the end of the thread: a panic must not pass for a short epoch.
        match self.thread.take()?.join() {
            Ok(()) => None,
            Err(_) => Some(Err(UserError::failed("prefetch", "the thread that reads the windows panicked")
                .mend("this is a fault of kenyon: please report it with the message above"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spec(window_ms: u32, burn_in_ms: u32) -> LoaderSpec {
        LoaderSpec {
            window_ms,
            batch: 1,
            burn_in_ms,
            windows: Windows::Tiles,
            margin_ms: 16,
            seed: 0,
            flagged: false,
            cache_bytes: 0,
        }
    }

    proptest! {
        #[test]
        fn tiles_score_every_ms_exactly_once(
            duration in 1_u32..3000, warmup in 0_u32..600, init in 0_u32..500, window in 1_u32..900, burn in 0_u32..400
        ) {
            prop_assume!(init < duration && burn < window && window <= duration + warmup);
            let mut next = i64::from(init);
            for (start, scored) in tile(&spec(window, burn), duration, warmup, init) {
                prop_assert!(start >= -i64::from(warmup) && start + i64::from(window) <= i64::from(duration));
                prop_assert_eq!(start + i64::from(scored.start), next);
                prop_assert!(!scored.is_empty() && scored.end <= window);
                prop_assert!(i64::from(scored.start) >= i64::from(burn).min(next + i64::from(warmup)));
                next = start + i64::from(scored.end);
            }
            prop_assert_eq!(next, i64::from(duration));
        }
    }
}
