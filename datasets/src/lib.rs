//! What a model is shown. No module here knows models.
//!
//! | module | owns |
//! |---|---|
//! | [`events`] | [`SpikeSource`]: labelled samples of input spikes, whoever delivers them |
//! | [`batches`] | samples side by side, made ahead of time |
//! | [`remap`] | from the columns of a data set to the inputs of a network, by root id |
//! | [`split`] | training, validation and test samples |
//! | [`odors`] | odours: response tables, receptor neurons, spikes, store, ceiling |
//! | [`simulation`] | inputs, labels and stores of simulated neurons |

pub mod batches;
pub mod events;
pub mod odors;
pub mod remap;
pub mod simulation;
pub mod split;
mod text;

pub use batches::{Batch, Prefetch};
pub use events::{About, Events, Sample, SpikeSource, Stored};
pub use remap::Remap;
pub use split::{Part, Split};
