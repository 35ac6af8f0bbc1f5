//! Training: what moves parameters, and what is shown in which order.

pub mod optimiser;
pub mod sampler;
