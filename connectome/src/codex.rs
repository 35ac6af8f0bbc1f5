//! Reading `FlyWire` Codex downloads: strict, streaming, with the place of every fault.
//!
//! | file | owns |
//! |---|---|
//! | [`source`] | opening a file: gzip by magic, limits against bombs, SHA-256 on the way |
//! | [`records`] | CSV records with line numbers |
//! | [`header`] | what a table is, by its columns; aliases of column names |
//! | [`fields`] | root ids, synapse counts, transmitters, sides |
//! | [`keywords`] | keyword root-id lists |
//! | [`folder`] | what lies in a download folder |

pub mod fields;
pub mod folder;
pub mod header;
pub mod keywords;
pub mod records;
pub mod source;

pub use fields::{Nt, Side};
pub use folder::{Folder, Table};
pub use header::{Column, TableKind};
pub use records::{Record, Records};
pub use source::Limits;
