//! `kenyon circuit …`.

mod build;
mod influence;
mod info;
mod lesion;
mod shuffle;

use clap::Subcommand;
use kenyon_base::Result;

use super::context::Context;

pub(super) use build::warn;
pub(super) use info::text as info_text;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Build(build::Build),
    Info(info::Info),
    Shuffle(shuffle::Shuffle),
    Lesion(lesion::LesionArgs),
}

impl Verb {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match self {
            Self::Build(args) => args.run(context),
            Self::Info(args) => args.run(context),
            Self::Shuffle(args) => args.run(context),
            Self::Lesion(args) => args.run(context),
        }
    }
}
