//! Networks: a circuit with neuron models and parameters.
//!
//! | module | owns |
//! |---|---|
//! | [`spec`] | the `[network]` section of a config |
//! | [`build`] | from circuit and spec to inputs, hidden neurons, synapses, groups, readout |
//! | [`parameters`] | named tensors, start values, the values of each neuron and synapse |
//! | [`constraints`] | ranges and signs, enforced after every optimiser step |

pub mod build;
pub mod constraints;
pub mod parameters;
pub mod spec;

pub use build::{Network, Synapses};
pub use constraints::Constraint;
pub use parameters::{Effective, Parameter, Parameters};
pub use spec::NetworkSpec;
