//! Biophysical neurons: a tree of cable with ion channels and synapses.
//!
//! Units of the discrete system: mV, ms, nA, µS, nF, µm; densities in S/cm² and mA/cm².
//!
//! | module | owns |
//! |---|---|
//! | [`morphology`] | the tree of sections: readers (ASC, SWC), built-in and grown trees, what is done to a tree, its picture |
//! | [`cable`] | a tree cut into segments: nodes with area, axial resistance, parent and path distance |
//! | [`lanes`] | [`Real`]: the number that the equations are written in, one cell ([`f64`]) or several at once ([`Lanes`]) |
//! | [`mechanism`] | ion channels, the calcium pool, reversal potentials |
//! | [`synapse`] | receptors and their time courses, events, named sets of parameters |
//! | [`recipe`] | which channel with which density where, as TOML; the shipped recipes |
//! | [`neuron`] | a cable with its mechanisms in place: what the solver runs |
//! | [`recording`] | what is written down of a simulation |
//! | [`model`] | a whole model from a short description; the cells that come along |
//! | [`placing`] | synapses on it, in named orders |
//! | [`protocol`] | a simulation as a file: model, clamps, synapses, events, recordings |
//! | [`spikes`] | what counts as a spike |
//! | [`curves`] | tables of a model: f-I curve, postsynaptic potentials, input resistance |
//! | [`solver`] | one step in NEURON's order, one cell or a batch of equal cells with different inputs |

pub mod cable;
pub mod curves;
pub mod lanes;
pub mod mechanism;
pub mod model;
pub mod morphology;
pub mod neuron;
pub mod placing;
pub mod protocol;
pub mod recipe;
pub mod recording;
pub mod solver;
pub mod spikes;
pub mod synapse;

pub use lanes::{Lanes, Real};
