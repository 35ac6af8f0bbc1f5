//! `kenyon connectome …`.

mod diff;
mod import;
mod info;
mod query;
mod synth;
mod verify;

use clap::Subcommand;
use kenyon_base::Result;

use super::context::Context;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Import(import::Import),
    Info(info::Info),
    Query(query::QueryArgs),
    Verify(verify::Verify),
    Diff(diff::DiffArgs),
    Synth(synth::Synth),
}

impl Verb {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match self {
            Self::Import(args) => args.run(context),
            Self::Info(args) => args.run(context),
            Self::Query(args) => args.run(context),
            Self::Verify(args) => args.run(context),
            Self::Diff(args) => args.run(context),
            Self::Synth(args) => args.run(context),
        }
    }
}
