//! From a connectome dump to a spiking network that is trained, exported to neuromorphic hardware, and certified to behave
//! there as it did in training.
//!
//! The rooms are crates of their own: [`kenyon_connectome`] reads dumps and builds circuits, [`kenyon_base`] is the floor
//! under all of them. This crate is the core and the command line.
//!
//! | module | owns |
//! |---|---|
//! | [`network`] | a circuit with neuron models and parameters |
//! | [`training`] | the engine that runs and differentiates networks; losses, optimisers, the training loop |
//! | [`transfer`] | from a trained network to hardware |
//! | [`run`] | run folders, checkpoints, journals |
//! | [`analysis`] | metrics |
//! | [`simulation`] | simulation sets of biophysical neurons |
//! | [`report`] | a result as one HTML page |
//! | [`validation`] | our results beside those of other simulators, case by case |
//! | [`odors`] | the inputs of a circuit as an input layer of odours |
//! | [`npz`] | `NumPy`'s arrays, read within limits and written atomically |
//! | [`cli`] | flags → work → print |

pub mod analysis;
pub mod cli;
pub mod network;
pub mod npz;
pub mod odors;
pub mod report;
pub mod run;
pub mod simulation;
pub mod training;
pub mod transfer;
pub mod validation;
