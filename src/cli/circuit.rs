//! `kenyon circuit …`.

use clap::Subcommand;
use kenyon_base::Result;

use super::context::Context;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {}

impl Verb {
    pub(super) fn run(&self, _context: &Context) -> Result<()> {
        match *self {}
    }
}
