//! `kenyon connectome …`.

mod import;

use clap::Subcommand;
use kenyon_base::Result;

use super::context::Context;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Read a folder of Codex downloads into one connectome pack
    Import(import::Import),
}

impl Verb {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match self {
            Self::Import(import) => import.run(context),
        }
    }
}
