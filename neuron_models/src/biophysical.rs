//! Biophysical neurons: membranes with ion channels and synapses, spread in space.
//!
//! Units of the discrete system: mV, ms, nA, µS, nF, µm; densities in S/cm² and mA/cm².
//!
//! | module | owns |
//! |---|---|
//! | [`lanes`] | [`Real`]: the number that the equations are written in, one cell ([`f64`]) or several at once ([`Lanes`]) |
//! | [`mechanism`] | ion channels, the calcium pool, reversal potentials |
//! | [`synapse`] | receptors and their time courses, events, named sets of parameters |

pub mod lanes;
pub mod mechanism;
pub mod synapse;

pub use lanes::{Lanes, Real};
