//! One finished simulation: its input, its labels, what became of it. [`form`] is how the journal holds it.
//!
//! The SHA-256 of a simulation in a set is that of its payload.

mod form;

use half::f16;
use kenyon_base::{Result, UserError};

use super::about::SetAbout;
use super::filter::{FilterSpec, Summary};
use super::labels::Labels;
use super::plan::{Event, Input, Item};

pub(super) use form::sound;

/// A further recording: conductances, states, voltages at another stride.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra {
    /// Name in `/<part>/extra`: letters, digits and `_`.
    pub name: String,
    /// Shape: one or two axes.
    pub shape: Vec<usize>,
    /// Values, row by row.
    pub data: Vec<f32>,
}

/// What a simulation failed in which a potential left all bounds.
pub const LEFT_BOUNDS: &str = "left-bounds";

/// One finished simulation.
///
/// # Shapes
/// T bins of labels; `branch_v` is segments × T, or empty where the set has none.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which one it is.
    pub item: Item,
    /// Its seed.
    pub seed: u64,
    /// How often it was drawn.
    pub trials: u32,
    /// The criterion of the filter that it failed, or [`LEFT_BOUNDS`]; kept if there is none.
    pub failed: Option<String>,
    /// When a potential left all bounds, ms after t = 0: the simulation ended there and has neither voltages nor labels.
    pub left_bounds_ms: Option<f64>,
    /// Input events.
    pub events: Vec<Event>,
    /// Exact spike times in ms.
    pub spikes_ms: Vec<f32>,
    /// Voltage of the soma in mV, uncapped.
    pub soma_v: Vec<f32>,
    /// Voltages of the segments in mV, at most the cap.
    pub branch_v: Vec<f16>,
    /// Whether a spike is near.
    pub near_spike: Vec<bool>,
    /// Spikes per ms, smoothed.
    pub inst_rate: Vec<f32>,
    /// Further recordings.
    pub extra: Vec<Extra>,
}

impl Record {
    /// The record of a simulation that `trials` draws led to.
    ///
    /// `branch_mv` holds the voltages of the segments at whole ms, segment by segment; they are capped here.
    pub fn new(about: &SetAbout, item: Item, seed: u64, trials: u32, input: Input, labels: Labels, branch_mv: &[f64]) -> Self {
        let cap = about.labels.branch_cap_mv;
        Self {
            item,
            seed,
            trials,
            failed: None,
            left_bounds_ms: None,
            events: input.events,
            spikes_ms: labels.spikes_ms,
            soma_v: labels.soma_v,
            branch_v: branch_mv.iter().map(|v| f16::from_f64(v.min(cap))).collect(),
            near_spike: labels.near_spike,
            inst_rate: labels.inst_rate,
            extra: Vec::new(),
        }
    }

    /// The record of a simulation in which a potential left all bounds at `left_bounds_ms`: its input, and zeros for what it lacks.
    pub fn without_answer(about: &SetAbout, item: Item, seed: u64, trials: u32, input: Input, left_bounds_ms: f64) -> Self {
        let bins = about.duration_ms as usize;
        Self {
            item,
            seed,
            trials,
            failed: Some(LEFT_BOUNDS.into()),
            left_bounds_ms: Some(left_bounds_ms),
            events: input.events,
            spikes_ms: Vec::new(),
            soma_v: vec![0.0; bins],
            branch_v: vec![f16::ZERO; bins * about.branches()],
            near_spike: vec![false; bins],
            inst_rate: vec![0.0; bins],
            extra: Vec::new(),
        }
    }

    /// The quantities that filters and statistics look at.
    pub fn summary(&self, about: &SetAbout) -> Summary {
        let labels = &about.labels;
        Summary::of(self, about.initialisation_ms as usize, labels.soma_cap_mv, labels.branch_cap_mv)
    }

    /// Flags the record after a filter.
    pub fn apply(&mut self, filter: &FilterSpec, about: &SetAbout) {
        self.failed = filter.failed(&self.summary(about), self.seed).map(String::from);
    }

    /// Whether there is a spike, per ms.
    pub fn spike_bins(&self) -> Vec<bool> {
        let mut bins = vec![false; self.soma_v.len()];
        for &t in &self.spikes_ms {
            if let Some(bin) = bins.get_mut(t as usize) {
                *bin = true;
            }
        }
        bins
    }

    /// Checks that the record belongs to the set.
    ///
    /// # Errors
    /// `bad-record` with what is wrong.
    pub fn check(&self, about: &SetAbout) -> Result<()> {
        let bad = |what: &str, found: String, expected: String| {
            let place = format!("{} {}", self.item.part.name(), self.item.index);
            Err(UserError::bad_data("bad-record", format!("simulation {place}: {what}"))
                .found(found)
                .expected(expected)
                .mend("make the simulation again"))
        };
        let bins = about.duration_ms as usize;
        for (name, length, expected) in [
            ("soma_v", self.soma_v.len(), bins),
            ("near_spike", self.near_spike.len(), bins),
            ("inst_rate", self.inst_rate.len(), bins),
            ("branch_v", self.branch_v.len(), bins * about.branches()),
        ] {
            if length != expected {
                return bad(&format!("`{name}` has the wrong length"), length.to_string(), expected.to_string());
            }
        }
        if !self.events.is_sorted_by(|a, b| (a.t, a.row) < (b.t, b.row)) {
            return bad("its events are not in order", "another order".into(), "increasing (t, row)".into());
        }
        for e in &self.events {
            if e.t as usize >= about.bins() || e.row as usize >= about.rows() {
                let found = format!("t {}, row {}", e.t, e.row);
                return bad("an event lies outside", found, format!("t below {}, row below {}", about.bins(), about.rows()));
            }
            if !e.weight.is_finite() || !about.weight.holds(e.weight) {
                let expected = format!("a weight that {:?} holds", about.weight);
                return bad("a weight cannot be stored", e.weight.to_string(), expected);
            }
        }
        let sound = |v: &f32| v.is_finite();
        let finite = self.soma_v.iter().chain(&self.inst_rate).chain(&self.spikes_ms).all(sound)
            && self.branch_v.iter().all(|v| v.is_finite())
            && self.extra.iter().all(|e| e.data.iter().all(sound));
        if !finite {
            return bad("a value is not a number", "NaN or infinity".into(), "finite numbers".into());
        }
        if self.left_bounds_ms.is_some_and(|t| !t.is_finite() || self.failed.as_deref() != Some(LEFT_BOUNDS)) {
            return bad("it left all bounds at no time", format!("{:?}", self.left_bounds_ms), "a time, and the flag".into());
        }
        if !self.spikes_ms.is_sorted() || self.spikes_ms.first().is_some_and(|&t| t < 0.0) {
            return bad("its spikes are not in order", "another order".into(), "increasing times from 0".into());
        }
        for extra in &self.extra {
            let named = !extra.name.is_empty() && extra.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            let shaped = (1..=2).contains(&extra.shape.len())
                && extra.shape.iter().all(|&n| n > 0)
                && extra.shape.iter().product::<usize>() == extra.data.len();
            if !named || !shaped {
                let found = format!("{} {:?} of {}", extra.name, extra.shape, extra.data.len());
                return bad("a further recording is malformed", found, "a plain name, one or two axes".into());
            }
        }
        Ok(())
    }
}
