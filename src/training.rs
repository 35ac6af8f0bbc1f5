//! Training: from a network and labelled spikes to trained parameters.
//!
//! | module | owns |
//! |---|---|
//! | [`engine`] | the fused time loop of a sparse spiking network, its hand-written backward pass, the candle operation |

pub mod engine;
