//! SpiNNaker's arithmetic, as the released sPyNNaker 7.4.1 binaries compute.
//!
//! | file | subject |
//! |---|---|
//! | [`fixed`] | the number formats |
//! | [`exp`] | the exponential, to the last bit |
//! | [`init`] | raw parameters → constants of a neuron |
//! | [`shift`] | ring-buffer shifts: the released mapper's formula, and kenyon's own choice |
//! | [`quantise`] | [`Deployment`](crate::Deployment) → [`Quantised`]: raw parameters, 16-bit weights, what rounding cost |
//!
//! The core was emulated; no physical board has been compared.

pub mod exp;
pub mod fixed;
pub mod init;
pub mod quantise;
pub mod shift;

pub use init::{Derived, RawCells, SynapseConstants};
pub use quantise::{
    Options, Quantised, QuantisedCells, QuantisedPopulation, QuantisedProjection, RawSynapse, Shifts, WeightStatistics, quantise,
};
