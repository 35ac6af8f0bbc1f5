//! Run folders: everything needed to repeat a result, to resume it, and to look at it.
//!
//! | module | owns |
//! |---|---|
//! | [`folder`] | [`RunFolder`]: create, open, resume; one writer at a time |
//! | [`manifest`] | [`RunManifest`]: inputs with sha256, seed, versions, trainable sets, split hashes |
//! | [`journal`] | append-only metrics, cut back on resume to what the checkpoint knows |
//! | [`tensorboard`] | the same scalars as a `TensorBoard` event file |
//! | [`recorder`] | [`Recorder`]: journal and event file as one |
//! | [`tensor`] | [`TensorData`]: a named array's type, shape and bytes; to and from candle |
//! | [`checkpoint`] | [`Checkpoint`]: sealed safetensors file with a manifest |
//! | [`store`] | [`CheckpointStore`]: `last`, `best`, the last k kept |
//!
//! A killed run that is resumed writes the same checkpoints, byte for byte, as one that was never killed: nothing in them depends
//! on the clock, the machine's name or the length of a text. File formats: `docs/runs.md`.

pub mod checkpoint;
pub mod folder;
pub mod journal;
pub mod manifest;
pub mod recorder;
pub mod store;
pub mod tensor;
pub mod tensorboard;

pub use checkpoint::{Checkpoint, CheckpointManifest};
pub use folder::RunFolder;
pub use journal::{Journal, Record};
pub use manifest::{InputFile, RunManifest};
pub use recorder::Recorder;
pub use store::{Best, BestBy, CheckpointStore};
pub use tensor::{DType, TensorData};
