//! `kenyon connectome verify`.

use std::path::PathBuf;

use clap::Args;
use kenyon_base::{Result, UserError};
use kenyon_connectome::verify;

use crate::cli::context::Context;
use crate::cli::output::TextTable;

/// Check that a pack is what was written and, with the dump, that it says what the dump says.
///
/// The sources are hashed and read again by a second reader; totals, random rows and random attributes must agree. Exit code 4 if a
/// check fails.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kenyon connectome verify fly.h5\n  kenyon connectome verify fly.h5 codex_783/ --rows 100 --seed 7"
)]
pub(in crate::cli) struct Verify {
    /// Connectome pack
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// Folder it was imported from
    #[arg(value_name = "DIR")]
    sources: Option<PathBuf>,
    /// Random rows, and as many random attributes, to look up in the sources
    #[arg(long, value_name = "N", default_value_t = 5, allow_negative_numbers = true)]
    rows: usize,
}

impl Verify {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let result = verify::verify(&self.pack, self.sources.as_deref(), context.seed, self.rows, context)?;
        context.print(&result, || {
            let mut table = TextTable::new(&["check", "holds", "expected", "found"]);
            for check in &result.checks {
                let cut = |text: &str| {
                    if text.chars().count() > 40 { text.chars().take(39).chain(['…']).collect() } else { text.to_string() }
                };
                table.row([
                    check.name.clone(),
                    if check.ok { "yes" } else { "NO" }.into(),
                    cut(&check.expected),
                    cut(&check.found),
                ]);
            }
            table.render()
        });
        let failed: Vec<_> = result.checks.iter().filter(|c| !c.ok).collect();
        let Some(first) = failed.first() else { return Ok(()) };
        let message = match failed.len() {
            1 => format!("the check `{}` does not hold", first.name),
            n => format!("{n} checks do not hold, the first is `{}`", first.name),
        };
        Err(UserError::check_failed("verify", message)
            .file(&self.pack)
            .found(&first.found)
            .expected(&first.expected)
            .mend("import the dump again, or restore the files from a copy"))
    }
}
