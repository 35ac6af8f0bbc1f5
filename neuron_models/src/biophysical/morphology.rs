//! The shape of a neuron: a tree of unbranched sections.
//!
//! | module | owns |
//! |---|---|
//! | [`tree`] | [`Tree`], [`Section`], [`Region`]: the checked tree that everything else stands on |
//! | [`reading`] | [`read`]: a file by its ending; options, limits, and the notes on what was skipped or mended |
//! | [`asc`] | Neurolucida's text format |
//! | [`swc`] | SWC, read and written |
//! | [`contour`] | a soma from its outline, as NEURON imports it |
//! | [`edit`] | the axon replaced by stubs; the dendrites reduced to stubs |
//! | [`builtin`] | Ball & Stick, the uniform cable, the binary tree of Rallpack 2 |
//! | [`grown`] | a pyramidal cell that grows from a seed |
//! | [`layout`] | places for sections that have none |
//! | [`picture`] | a tree as SVG |

pub mod asc;
mod assemble;
pub mod builtin;
pub mod contour;
pub mod edit;
pub mod grown;
pub mod layout;
pub mod picture;
pub mod reading;
pub mod swc;
pub mod tree;

pub use reading::{Loaded, Note, NoteKind, Notes, ReadOptions, Unit, read};
pub use tree::{Attachment, Point, Region, Section, Shape, Tree};
