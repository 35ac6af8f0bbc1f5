//! What a network looks like in a board's memory, word by word.
//!
//! | file | subject |
//! |---|---|
//! | [`regions`] | the five regions of a core: parameters, population table, rows of synapses |
//! | [`keys`] | the routing keys of the populations |
//! | [`routing`] | routing tables: made for a placement, and followed |
//! | [`core_data`] | the table of pointers that leads to the regions |
//! | [`recording`] | what a core writes during a run |
//! | [`compare`] | regions beside reference regions |
//!
//! Layouts are those of the released sPyNNaker 7.4.1, for populations of one combined core (up to 256 neurons). Words are little endian.

pub mod compare;
pub mod core_data;
pub mod keys;
pub mod recording;
pub mod regions;
pub mod routing;

pub use compare::{RegionDifference, compare_regions};
pub use keys::{Key, keys};
pub use regions::{RegionKind, Regions, regions};

/// Bits that number `n` things on the board: one thing takes a bit.
pub(super) fn bits(n: u32) -> u32 {
    if n <= 1 { n } else { n.next_power_of_two().trailing_zeros() }
}
