//! How one neuron behaves.
//!
//! | module | owns |
//! |---|---|
//! | [`point`] | point neurons: the LIF family, QIF, the non-spiking unit, and the surrogate gradients of their spikes |

pub mod point;
