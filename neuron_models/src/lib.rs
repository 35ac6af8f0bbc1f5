//! How one neuron behaves.
//!
//! | module | owns |
//! |---|---|
//! | [`biophysical`] | neurons in space: the numbers their equations are written in, channels, calcium, synapses |
//! | [`point`] | point neurons: the LIF family, QIF, the non-spiking unit, and the surrogate gradients of their spikes |

pub mod biophysical;
pub mod point;
