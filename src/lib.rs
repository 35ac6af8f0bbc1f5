//! From a connectome dump to a spiking network that is trained, exported to neuromorphic hardware, and certified to behave
//! there as it did in training.
//!
//! The rooms are crates of their own: [`kenyon_connectome`] reads dumps and builds circuits, [`kenyon_base`] is the floor
//! under all of them. This crate is the core and the command line.
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | flags → work → print |
//! | [`npz`] | `NumPy`'s arrays, read within limits and written atomically |
//! | [`training`] | the engine that runs and differentiates spiking networks |

pub mod cli;
pub mod npz;
pub mod training;
