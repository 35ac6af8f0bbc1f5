//! `kenyon odors …`.

mod info;
mod make;

use clap::Subcommand;
use kenyon_base::Result;

use super::context::Context;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Make(Box<make::Make>),
    Info(info::Info),
}

impl Verb {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match self {
            Self::Make(args) => args.run(context),
            Self::Info(args) => args.run(context),
        }
    }
}
