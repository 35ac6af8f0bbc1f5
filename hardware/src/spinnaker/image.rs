//! What a network looks like in a board's memory, word by word.
//!
//! | file | subject |
//! |---|---|
//! | [`mod@regions`] | the five regions of a core: parameters, population table, rows of synapses |
//! | [`mod@keys`] | the routing keys of the populations |
//! | [`routing`] | routing tables: made for a placement, and followed |
//! | [`core_data`] | the table of pointers that leads to the regions |
//! | [`recording`] | what a core writes during a run |
//! | [`compare`] | regions beside reference regions |
//! | [`case`] | regions and routes of a reference case beside our own |
//! | [`report`] | a released mapper's report beside our own images |
//!
//! Layouts are those of the released sPyNNaker 7.4.1, for combined cores of up to 256 neurons. Words are little endian.

pub mod case;
pub mod compare;
pub mod core_data;
pub mod keys;
pub mod recording;
pub mod regions;
pub mod report;
pub mod routing;

pub use case::CaseImages;
pub use compare::{RegionDifference, compare_regions};
pub use keys::{Key, keys};
pub use regions::{CoreImage, RegionKind, Regions, Rows, regions};
