//! Training: from a network and samples to parameters.
//!
//! | module | owns |
//! |---|---|
//! | [`config`] | the config of a run |
//! | [`engine`] | the time loop and its gradient |
//! | [`model`] | network, parameters and engine as one |
//! | [`loss`] | decision, objective, regularisers |
//! | [`optimiser`] | SGD, Adam, AdamW, schedules, clipping |
//! | [`sampler`] | the order of samples |
//! | [`setup`] | from a config to circuit, samples, network |
//! | [`trainer`] | the training loop |
//! | [`state`] | a model as a checkpoint, and back by root id |
//! | [`evaluate`] | accuracy, confusion, activity |
//! | [`traces`] | readout and spikes of single samples |
//! | [`deploy_aware`] | the board's numbers in the forward pass |
//! | [`teacher`] | terms of the loss by a teacher's traces |
//! | [`responses`] | which neurons respond to an odour |
//! | [`origin`] | what of it all is synthetic |
//! | [`control`] | whether a run is the control of another |
//! | [`resting`] | activity without an odour, before training |
//! | [`loaded`] | a checkpoint loaded back, with its samples |
//! | [`page`] | a run as one HTML page |

pub mod config;
pub mod control;
pub mod deploy_aware;
pub mod engine;
pub mod evaluate;
mod filter;
pub mod loaded;
pub mod loss;
pub mod model;
pub mod optimiser;
pub mod origin;
pub mod page;
mod peak;
pub mod responses;
pub mod resting;
pub mod sampler;
pub mod setup;
pub mod state;
pub mod teacher;
pub mod traces;
pub mod trainer;

pub use config::TrainConfig;

#[cfg(test)]
mod tests;
