//! The shape of a neuron: a tree of unbranched sections.
//!
//! | module | owns |
//! |---|---|
//! | [`tree`] | [`Tree`], [`Section`], [`Region`]: the checked tree that everything else stands on |
//! | [`builtin`] | Ball & Stick, the uniform cable, the binary tree of Rallpack 2 |

pub mod builtin;
pub mod tree;

pub use tree::{Attachment, Point, Region, Section, Shape, Tree};
