//! `kenyon neuron`: biophysical neurons.

mod dataset;

use clap::Subcommand;
use kenyon_base::Result;

use super::context::Context;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Dataset(dataset::Dataset),
}

impl Verb {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match self {
            Self::Dataset(dataset) => dataset.run(context),
        }
    }
}
