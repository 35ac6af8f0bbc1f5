//! `kenyon export …`: a trained network in the files of others.

mod compare;
mod deployment;
mod nir;
mod pynn;
mod sonata;

use clap::Subcommand;
use kenyon_base::Result;

use super::context::Context;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Deployment(deployment::Export),
    Nir(nir::Nir),
    Pynn(pynn::Pynn),
    Sonata(sonata::Sonata),
    Compare(compare::Compare),
}

impl Verb {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match self {
            Self::Deployment(args) => args.run(context),
            Self::Nir(args) => args.run(context),
            Self::Pynn(args) => args.run(context),
            Self::Sonata(args) => args.run(context),
            Self::Compare(args) => args.run(context),
        }
    }
}
