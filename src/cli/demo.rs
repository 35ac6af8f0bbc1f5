//! `kenyon demo`.

use clap::Args;
use kenyon_base::Result;

use super::context::Context;

/// The whole path on the built-in synthetic fly.
#[derive(Debug, Args)]
pub(super) struct Demo {}

impl Demo {
    pub(super) fn run(&self, _context: &Context) -> Result<()> {
        Ok(())
    }
}
