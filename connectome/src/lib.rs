//! From FlyWire Codex dumps to circuits of the fly's olfactory pathway.
//!
//! | module | owns |
//! |---|---|
//! | [`codex`] | reading Codex downloads, strictly |
//! | [`import`] | from a folder of downloads to a [`Connectome`] |
//! | [`pack`] | the connectome as one HDF5 file |
//! | [`query`] | choosing neurons by expression |
//! | [`mod@overview`], [`mod@diff`], [`mod@verify`] | what a pack holds, how two differ, whether one is sound |
//! | [`signs`] | transmitter and sign per neuron |
//! | [`circuit`] | populations, projections, stored order: build, describe, lesion, shuffle |
//! | [`completion`] | generating projections that a data set lacks |
//! | [`edges`], [`nulls`], [`influence`] | sparse edges, null models, signed effective connectivity |
//! | [`synth`] | the synthetic fly |

pub mod circuit;
pub mod codex;
pub mod completion;
mod connectome;
pub mod diff;
pub mod edges;
pub mod import;
pub mod influence;
pub mod nulls;
pub mod overview;
pub mod pack;
pub mod query;
pub mod signs;
pub mod synth;
mod text;
pub mod verify;

pub use circuit::Circuit;
pub use connectome::{Connectome, Pairs, Rows};
pub use pack::Pack;
pub use query::Query;
pub use text::Categorical;
