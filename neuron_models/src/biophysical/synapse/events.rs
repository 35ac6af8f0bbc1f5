//! What arrives at the synapses, and when.

use kenyon_base::UserError;
use kenyon_base::random::mix64;
use serde::{Deserialize, Serialize};

/// A presynaptic spike at a synapse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// When, ms.
    pub time_ms: f64,
    /// Which synapse.
    pub synapse: u32,
    /// Its weight: the peak conductance in units of the synapse's own.
    pub weight: f64,
}

/// The events of one simulation in the order of their arrival.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventQueue {
    events: Vec<Event>,
    next: usize,
}

impl EventQueue {
    /// Orders events by time, then by synapse, then as they are given.
    ///
    /// # Errors
    /// If a time or a weight is not a number.
    pub fn new(mut events: Vec<Event>) -> Result<Self, UserError> {
        for (row, event) in events.iter().enumerate() {
            if !event.time_ms.is_finite() || !event.weight.is_finite() {
                return Err(UserError::bad_data("bad-event", "an event needs a finite time and weight")
                    .row(row as u64 + 1)
                    .found(format!("time {} ms, weight {}, synapse {}", event.time_ms, event.weight, event.synapse))
                    .mend("remove or correct it"));
            }
        }
        events.sort_by(|a, b| a.time_ms.total_cmp(&b.time_ms).then(a.synapse.cmp(&b.synapse)));
        Ok(Self { events, next: 0 })
    }

    /// The events up to `until_ms` that were not handed out yet.
    ///
    /// A step from `t` takes those up to `t + dt / 2`: an event acts in the step whose beginning it is nearest to.
    pub fn due(&mut self, until_ms: f64) -> &[Event] {
        let first = self.next;
        while self.events.get(self.next).is_some_and(|event| event.time_ms <= until_ms) {
            self.next += 1;
        }
        &self.events[first..self.next]
    }

    /// All events.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// How many were handed out.
    pub fn delivered(&self) -> usize {
        self.next
    }

    /// Starts again from the first.
    pub fn rewind(&mut self) {
        self.next = 0;
    }
}

/// Whether a presynaptic spike releases transmitter.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// Always.
    #[default]
    Deterministic,
    /// With this probability, independently.
    Probabilistic {
        /// 0 to 1.
        probability: f64,
        /// Of the random stream; 1 unless given.
        #[serde(default = "first_seed")]
        seed: u64,
    },
}

fn first_seed() -> u64 {
    1
}

impl Release {
    /// The same with another seed, where chance has a part.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        match self {
            Self::Deterministic => self,
            Self::Probabilistic { probability, .. } => Self::Probabilistic { probability, seed },
        }
    }

    /// Checks the probability.
    ///
    /// # Errors
    /// If it is not from 0 to 1.
    pub fn checked(self) -> Result<Self, UserError> {
        match self {
            Self::Probabilistic { probability, .. } if !(0.0..=1.0).contains(&probability) => {
                Err(UserError::usage("bad-probability", "a release probability lies from 0 to 1")
                    .found(probability.to_string())
                    .mend("choose a number from 0 to 1"))
            }
            _ => Ok(self),
        }
    }

    /// Whether event number `event` of `synapse` releases: a function of these and the seed, whatever was asked before.
    pub fn happens(self, synapse: u32, event: u64) -> bool {
        match self {
            Self::Deterministic => true,
            Self::Probabilistic { probability, seed } => {
                let word = mix64(mix64(mix64(seed ^ 0x7265_6c65_6173_6521).wrapping_add(u64::from(synapse))).wrapping_add(event));
                ((word >> 11) as f64) * (1.0 / 9_007_199_254_740_992.0) < probability
            }
        }
    }

    /// The events that release, of a list in which each synapse's events stand in their order.
    #[must_use]
    pub fn filter(self, events: Vec<Event>) -> Vec<Event> {
        let synapses = events.iter().map(|e| e.synapse as usize + 1).max().unwrap_or(0);
        let mut counts = vec![0_u64; synapses];
        let keep = |event: &Event| {
            let count = &mut counts[event.synapse as usize];
            *count += 1;
            self.happens(event.synapse, *count - 1)
        };
        let mut events = events;
        events.retain(keep);
        events
    }
}
