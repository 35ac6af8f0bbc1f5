//! From FlyWire Codex dumps to circuits of the fly's olfactory pathway.
//!
//! | module | owns |
//! |---|---|
//! | [`codex`] | reading Codex downloads, strictly |
//! | [`import`] | from a folder of downloads to a [`Connectome`] |
//! | [`pack`] | the connectome as one HDF5 file |
//! | [`query`] | choosing neurons by expression |
//! | [`signs`] | transmitter and sign per neuron |

pub mod codex;
mod connectome;
pub mod import;
pub mod pack;
pub mod query;
pub mod signs;
mod text;

pub use connectome::{Connectome, Pairs, Rows};
pub use pack::Pack;
pub use query::Query;
pub use text::Categorical;
