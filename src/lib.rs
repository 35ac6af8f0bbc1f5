//! From a connectome dump to a spiking network that is trained, exported to neuromorphic hardware, and certified to behave
//! there as it did in training.
//!
//! The rooms are crates of their own: [`kenyon_connectome`] reads dumps and builds circuits, [`kenyon_base`] is the floor
//! under all of them. This crate is the core and the command line.
//!
//! | module | owns |
//! |---|---|
//! | [`odors`] | the inputs of a circuit as an input layer of odours |
//! | [`cli`] | flags → work → print |
<<<<<<< HEAD
//! | [`training`] | optimisers, schedules, sampling |
//! | [`analysis`] | metrics |
//! | [`run`] | run folders, checkpoints, journals |
//! | [`report`] | a result as one HTML page |
=======
//! | [`npz`] | NumPy's arrays, read within limits and written atomically |
//! | [`training`] | the engine that runs and differentiates spiking networks |
>>>>>>> engine

pub mod analysis;
pub mod cli;
<<<<<<< HEAD
<<<<<<< HEAD
pub mod network;
pub mod run;
pub mod training;
pub mod report;
=======
pub mod npz;
pub mod training;
>>>>>>> engine
=======
pub mod odors;
>>>>>>> odors
