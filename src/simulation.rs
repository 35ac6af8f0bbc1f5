//! Simulation sets: a biophysical neuron run on generated inputs, many simulations at a time.
//!
//! | module | owns |
//! |---|---|
//! | [`config`] | the config: neuron, simulation, inputs |
//! | [`set_neuron`] | [`SetNeuron`]: a neuron with one excitatory and one inhibitory synapse per dendritic segment |
//! | [`mod@generate`] | [`generate()`]: from a plan to a stored set, resumable, in pieces |
//! | [`page`] | the statistics of a set as a page |
//!
//! The inputs, labels and files are [`kenyon_datasets::simulation`]'s, the neuron is [`kenyon_neurons::biophysical`]'s; here they meet.

pub mod config;
pub mod generate;
pub mod page;
pub mod set_neuron;

pub use config::{Dataset, DatasetConfig};
pub use generate::{Done, Job, generate};
pub use set_neuron::SetNeuron;
