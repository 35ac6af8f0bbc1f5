//! Biophysical neurons: a tree of cable with channels and synapses.
//!
//! | module | owns |
//! |---|---|
//! | [`morphology`] | the tree of sections: readers (ASC, SWC), built-in and grown trees, what is done to a tree, its picture |
//! | [`cable`] | a tree cut into segments: nodes with area, axial resistance, parent and path distance |

pub mod cable;
pub mod morphology;
