//! From a trained network to a description that hardware back ends take.
//!
//! | module | owns |
//! |---|---|
//! | [`lower()`] | network and parameters → [`kenyon_hardware::Deployment`] |

pub mod lower;

pub use lower::{LowerOptions, lower};
