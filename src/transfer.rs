//! From a trained network to a description that hardware back ends take.
//!
//! | module | owns |
//! |---|---|
//! | [`lower()`] | network and parameters → [`kenyon_hardware::Deployment`] |
//! | [`of_run()`] | the same for a run's checkpoint, with samples and provenance |

pub mod lower;
pub mod of_run;

pub use lower::{LowerOptions, Readout, lower};
pub use of_run::of_run;
