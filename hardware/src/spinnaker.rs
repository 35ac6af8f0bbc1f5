//! SpiNNaker's arithmetic, as the released sPyNNaker 7.4.1 binaries compute.
//!
//! | file | subject |
//! |---|---|
//! | [`board`] | sizes that the board fixes |
//! | [`fixed`] | the number formats |
//! | [`exp`] | the exponential, to the last bit |
//! | [`init`] | raw parameters → constants of a neuron |
//! | [`shift`] | ring-buffer shifts: the released mapper's formula, and kenyon's own choice |
//! | [`mod@quantise`] | [`Deployment`](crate::Deployment) → [`Quantised`]: raw parameters, 16-bit weights, what rounding cost |
//! | [`image`] | [`Quantised`] → memory regions, routing tables; recordings |
//! | [`packing`] | whether a network fits a machine |
//! | [`Emulator`] | a [`Quantised`] network step by step; `step` has the neurons, `ring` the input on its way |
//! | [`Run`] | what is left of a run: recorded rows, spikes, counts |
//! | [`plain`] | the same in its plainest form, the reference of the emulator |
//! | [`measured_shifts`] | ring-buffer shifts from the activity of samples |
//! | [`answer()`] | what a network answers |
//! | [`case`] | reference cases: what the released binaries computed |
//!
//! The core was emulated; no physical board has been compared.

mod answer;
pub mod board;
pub mod case;
mod emulator;
pub mod exp;
pub mod fixed;
pub mod image;
pub mod init;
mod measured;
pub mod packing;
pub mod plain;
pub mod quantise;
mod recording;
mod ring;
pub mod shift;
mod step;

pub use answer::{answer, readout_rows};
pub use emulator::{Emulator, emulate_batch};
pub use init::{Derived, RawCells, SynapseConstants};
pub use measured::{Alternative, Choice, measured_shifts, wanted_shifts};
pub use quantise::{
    Options, Quantised, QuantisedCells, QuantisedPopulation, QuantisedProjection, RawSynapse, Shifts, WeightStatistics,
    mapper_shifts, quantise,
};
pub use recording::{Largest, PopulationRun, Run};
