//! What a run leaves: recorded rows, spikes, and counts of what went wrong.
//!
//! V of a row is the value before the step's update; gsyn stands after the step's input was added and before it decays. A spike of
//! step t means that the update of step t reached the threshold.

/// Results of one sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// One for each population, in the network's order.
    pub populations: Vec<PopulationRun>,
}

/// Results of one population. Variables that are not recorded are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PopulationRun {
    /// Potential, s16.15: rows of steps, columns of neurons.
    pub v: Vec<i32>,
    /// Excitatory synaptic variable, the same.
    pub gsyn_exc: Vec<i32>,
    /// Inhibitory synaptic variable, the same.
    pub gsyn_inh: Vec<i32>,
    /// Spikes (step, neuron), sorted; kept only if they are recorded.
    pub spikes: Vec<(u32, u32)>,
    /// Number of spikes, recorded or not.
    pub spike_count: u64,
    /// Additions to a ring buffer that were clipped at 65,535.
    pub saturations: u64,
    /// Neuron steps in which a sum or product left 32 bits and wrapped.
    pub wraps: u64,
    /// Largest slot of the ring buffers \[exc, inh\] that was used, raw.
    pub largest_slot: [u16; 2],
    /// Largest magnitudes in s16.15: potential before a reset, synaptic variable, summed current.
    pub largest: Largest,
}

/// Largest magnitudes in s16.15.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Largest {
    /// Of the potential, before a reset.
    pub v: u32,
    /// Of the synaptic variables as they are kept (conductances in 1/1024 uS).
    pub g: u32,
    /// Of the summed current.
    pub i: u32,
}

impl Largest {
    /// The larger of both, for each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { v: self.v.max(other.v), g: self.g.max(other.g), i: self.i.max(other.i) }
    }
}

impl Run {
    /// Clipped additions of all populations.
    pub fn saturations(&self) -> u64 {
        self.populations.iter().map(|p| p.saturations).sum()
    }

    /// Wrapped neuron steps of all populations.
    pub fn wraps(&self) -> u64 {
        self.populations.iter().map(|p| p.wraps).sum()
    }
}
