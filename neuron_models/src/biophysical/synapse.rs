//! Synapses: conductances that events open and time closes.
//!
//! A synapse is one or two receptors ([`Receptor`]) that the same events reach. [`ReceptorBlock`] runs all receptors of one
//! kind in a cell, or in a batch of equal cells. States add up without limit: no saturation, no depression.
//!
//! | module | owns |
//! |---|---|
//! | [`kinetics`] | [`Kinetics`]: exponential and double exponential, normalised; [`MagnesiumBlock`] |
//! | [`block`] | [`ReceptorBlock`], [`merge`]: instances, their states, one step of them |
//! | [`sets`] | [`SYNAPSE_SETS`], [`synapse_set`]: published parameters by name |
//! | [`events`] | [`EventQueue`]: what arrives when; [`Release`]: whether it does |

#![allow(
    clippy::inline_always,
    reason = "kernels are compiled anew inside each instruction set's dispatch, which they reach only by inlining"
)]

pub mod block;
pub mod events;
pub mod kinetics;
pub mod sets;

pub use block::{Merged, ReceptorBlock, ReceptorInstance, merge};
pub use events::{Event, EventQueue, Release};
pub use kinetics::{Kinetics, MagnesiumBlock, Receptor};
pub use sets::{OwnConductance, OwnSet, OwnSets, ReceptorKind, SYNAPSE_SETS, SynapseSet, own_or_shipped, synapse_set};
