//! Windows of simulations in batches: random ones for training, tiles that cover every ms once for validation and test.
//!
//! A batch is a pure function of (set, spec, epoch, batch number): no thread, cache or earlier batch changes it, and work
//! can go on in the middle of an epoch.

mod prefetch;
mod windows;

use std::collections::BTreeMap;
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
}

/// Appends a window of one series; before its begin its first value.
fn copy<T: Copy>(out: &mut Vec<T>, series: &[T], start: i64, window: usize) {
    let before = (-start).clamp(0, window as i64) as usize;
    out.extend(std::iter::repeat_n(series[0], before));
    let from = start.max(0) as usize;
    out.extend_from_slice(&series[from..from + window - before]);
}
