//! A network lowered for hardware, and everything that consumes it.
//!
//! | module | owns |
//! |---|---|
//! | [`deployment`] | [`Deployment`]: populations, projections, input spikes, as plain data; its checks |
//! | [`lowering`] | the mapping from a trained network's numbers to those of `IF_curr_exp` |
//! | [`pynn`] | a PyNN program with its data files |
//!
//! The core lowers a trained network into a [`Deployment`], as a compiler lowers to its back end's language. Nothing here knows
//! training. Numbers are f64 and model-exact until a back end rounds them.

pub mod deployment;
pub mod lowering;
pub mod pynn;

pub use deployment::{
    Cells, Decision, Deployment, HostReadout, IfCurrExp, Population, Projection, Receptor, Role, Sample, Synapse, Variable,
};
