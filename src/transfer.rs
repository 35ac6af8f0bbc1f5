//! From a trained network to a description that hardware back ends take.
//!
//! | module | owns |
//! |---|---|
//! | [`lower()`] | network and parameters → [`kenyon_hardware::Deployment`] |
//! | [`certify`] | a run as trained, as lowered, and as a board computes it |
//! | [`of_run()`] | the same for a run's checkpoint, with samples and provenance |

pub mod certify;
pub mod lower;
pub mod of_run;

pub use lower::{LowerOptions, Readout, decision, lower};
pub use of_run::of_run;
