//! The floor of kenyon: what every room stands on, written once.
//!
//! | module | owns |
//! |---|---|
//! | [`error`] | [`UserError`]: what went wrong, where, what was expected, how to mend it |
//! | [`random`] | [`Streams`]: independent random streams from one seed, addressed by label |
//! | [`atomic`] | files and folders that appear whole or not at all |
//! | [`container`] | HDF5 files with format name, version, provenance and a seal over every byte |
//! | [`plain`] | HDF5 files in layouts that others defined |
//! | [`input`] | files that users name, read up to a limit |
//! | [`table`] | tables of comma-separated values that users write |
//! | [`config`] | TOML files whose unknown keys are errors with a suggestion |
//! | [`progress`] | how long work tells how far it is |
//! | [`digest`] | SHA-256 of files, streams and id arrays |
//! | [`wilson`], [`PairedCounts`], [`predicted_share`] | intervals of shares that were counted |
//! | [`van_rossum_d2`], [`pair_up`] | distance of two spike trains, their spikes paired |
//! | [`peaks`], [`rises`], [`twinprop_1ms`] | spikes of a trace: local maxima, upward crossings, whole milliseconds |
//!
//! # Example
//! ```
//! use kenyon_base::Streams;
//! use rand::Rng;
//!
//! let streams = Streams::new(7);
//! let mut a = streams.stream("synth/ORN->uPN");
//! let mut again = streams.stream("synth/ORN->uPN");
//! assert_eq!(a.random::<u64>(), again.random::<u64>());
//! ```

pub mod atomic;
pub mod config;
pub mod container;
pub mod digest;
pub mod error;
pub mod input;
mod interval;
mod paired;
pub mod plain;
pub mod progress;
pub mod random;
pub mod table;
mod trains;
mod van_rossum;

pub use atomic::{AtomicDir, AtomicFile};
pub use container::{Container, ContainerWriter, Growing, Provenance, Slices, Source};
pub use error::{ErrorKind, Result, UserError, nearest, shown};
pub use interval::wilson;
pub use paired::{PairedCounts, predicted_share};
pub use plain::{PlainFile, PlainWriter, RowReader, RowWriter, Sorting};
pub use progress::{Progress, Silent};
pub use random::{Stream, Streams};
pub use trains::{Rise, pair_up, peaks, rises, twinprop_1ms};
pub use van_rossum::van_rossum_d2;

/// Version of the tool, written into every file.
pub const TOOL: &str = concat!("kenyon ", env!("CARGO_PKG_VERSION"));
