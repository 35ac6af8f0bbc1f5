//! A network lowered for hardware, and everything that consumes it.
//!
//! | module | owns |
//! |---|---|
//! | [`deployment`] | [`Deployment`]: populations, projections, input spikes, as plain data; its checks |
//! | [`lowering`] | the mapping from a trained network's numbers to those of `IF_curr_exp` |
//! | [`lint`] | what is wrong with a deployment or will surprise, found before anything runs |
//! | [`interpreter`] | the cells in f64, before any rounding |
//! | [`readout`] | from what a network left behind to its answer |
//! | [`messages`] | what a board and its host say to each other, as bytes |
//! | [`certificate`] | how much of the accuracy survives on the board |
//! | [`nir`] | NIR graphs for Norse, snnTorch and others; NIR files as graphs |
//! | [`pynn`] | a PyNN program with its data files |
//! | [`sonata`] | SONATA circuits: nodes, edges, input spikes |
//! | [`spinnaker`] | what a SpiNNaker board computes, bit for bit |
//!
//! The core lowers a trained network into a [`Deployment`], as a compiler lowers to its back end's language. Nothing here knows
//! training. Numbers are f64 and model-exact until a back end rounds them.

pub mod certificate;
pub mod deployment;
pub mod interpreter;
mod json;
pub mod lint;
pub mod lowering;
pub mod messages;
pub mod nir;
pub mod pynn;
pub mod readout;
pub mod sonata;
pub mod spinnaker;

pub use deployment::{
    CellKind, Cells, Decision, Deployment, HostReadout, Neurons, Population, Projection, Receptor, Role, Sample, Synapse,
    Variable,
};
