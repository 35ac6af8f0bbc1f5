//! Networks: a circuit with neuron models and parameters.
//!
//! | module | owns |
//! |---|---|
//! | [`spec`] | the `[network]` section of a config |
//! | [`build`] | from circuit and spec to inputs, hidden neurons, synapses, groups, readout |
//! | [`presynaptic`] | inhibition of the inputs' terminals |
//! | [`parameters`] | named tensors, start values, the values of each neuron and synapse |
//! | [`constraints`] | ranges and signs, enforced after every optimiser step |
//! | `wiring` | who is connected to whom, as one hash |
//! | [`dale`] | signs and zeros of a dense weight matrix that another program trained |

pub mod build;
pub mod constraints;
pub mod dale;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod parameters;
pub mod presynaptic;
pub mod spec;
mod wiring;

pub use build::{Network, Synapses};
pub use constraints::Constraint;
pub use dale::DaleReport;
pub use parameters::{Effective, Parameter, Parameters};
pub use presynaptic::Presynaptic;
pub use spec::NetworkSpec;

#[cfg(test)]
mod tests;
