//! `kenyon check`: whether arrays that another program made hold what they should.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use kenyon_base::{Result, UserError};
use serde_json::json;

use super::context::Context;
use super::output::{count, percent};
use crate::network::DaleReport;
use crate::npz::{Array, NpzReader, read_npy};

/// Checks of arrays that another program made.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Dale(Dale),
}

impl Verb {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match self {
            Self::Dale(dale) => dale.run(context),
        }
    }
}

/// Signs of recurrent weights: each sender excites or inhibits (Dale's law); exit code 4 if one does both.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kenyon check dale v.npy --excitatory 89\n  kenyon check dale checkpoint.npz --array v --excitatory 89 --json"
)]
pub(super) struct Dale {
    /// Weights, one row per sender: `.npy`, or `.npz` with `--array`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Array of an `.npz`
    #[arg(long, value_name = "NAME")]
    array: Option<String>,
    /// Senders that excite: the first rows; all others inhibit
    #[arg(long, value_name = "N")]
    excitatory: usize,
}

impl Dale {
    fn run(&self, context: &Context) -> Result<()> {
        let array = read(&self.file, self.array.as_deref())?;
        let report = DaleReport::of(&array.to_f64(), &array.shape, self.excitatory).map_err(|e| e.file(&self.file))?;
        let share = |n: u64| if report.entries == 0 { 0.0 } else { n as f64 / report.entries as f64 };
        let document = json!({
            "file": self.file,
            "shape": array.shape,
            "excitatory": self.excitatory,
            "entries": report.entries,
            "wrong_signs": report.wrong_signs,
            "wrong_share": share(report.wrong_signs),
            "largest_wrong": report.largest_wrong,
            "zeros": report.zeros,
            "pass": report.wrong_signs == 0,
        });
        context.print(&document, || {
            format!(
                "{} entries, {} of them with the wrong sign ({}, up to {}), {} exactly 0",
                count(report.entries),
                count(report.wrong_signs),
                percent(share(report.wrong_signs)),
                report.largest_wrong,
                count(report.zeros)
            )
        });
        report.check().map_err(|e| e.file(&self.file))
    }
}

fn read(path: &Path, name: Option<&str>) -> Result<Array> {
    let zipped = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("npz"));
    match (zipped, name) {
        (false, None) => read_npy(path),
        (false, Some(_)) => Err(UserError::usage("unused-option", "`--array` is for `.npz` files").mend("leave it out")),
        (true, Some(name)) => NpzReader::open(path)?.read(name),
        (true, None) => {
            let names = NpzReader::open(path)?.names().join(", ");
            Err(UserError::usage("no-array", "holds several arrays")
                .file(path)
                .mend(format!("choose one with `--array`: {names}")))
        }
    }
}
