//! How one neuron behaves.
//!
//! | module | owns |
//! |---|---|
//! | [`biophysical`] | neurons with a shape: morphology, cable |
//! | [`point`] | point neurons: the LIF family, QIF, the non-spiking unit, and the surrogate gradients of their spikes |

pub mod biophysical;
pub mod point;
