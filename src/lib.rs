//! From a connectome dump to a spiking network that is trained, exported to neuromorphic hardware, and certified to behave
//! there as it did in training.
//!
//! The rooms are crates of their own: [`kenyon_connectome`] reads dumps and builds circuits, [`kenyon_base`] is the floor
//! under all of them. This crate is the core and the command line.
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | flags → work → print |
//! | [`training`] | optimisers, schedules, sampling |
//! | [`analysis`] | metrics |
//! | [`run`] | run folders, checkpoints, journals |
//! | [`report`] | a result as one HTML page |

pub mod analysis;
pub mod cli;
pub mod network;
pub mod run;
pub mod training;
pub mod report;
