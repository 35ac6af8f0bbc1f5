//! `kenyon demo`: the whole path on the built-in synthetic fly, or on a real dump.
//!
//! Dump → connectome → circuit → odours → training → test against the ideal observer and a shuffled connectome → PyNN → one page.

mod check;
mod steps;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use kenyon_base::{AtomicFile, Result, UserError};

use super::context::Context;
use super::repeat::quoted;

/// Lies in the folder of a demo until it is finished.
const UNFINISHED: &str = "demo.unfinished";

/// The whole path, from a connectome to a trained odour classifier, a PyNN script and a one-page report.
///
/// On the built-in synthetic fly it takes less than three minutes on two cores. With `--full` the synthetic fly has its real size and the
/// recipe is that of the literature: 284 odours, 28,400 samples. On a circuit of that size (the real subset of FlyWire, 7,616 hidden
/// neurons) two epochs took about 18 minutes of CPU; the control on a shuffled connectome takes as long again. With `--data` the fly is a
/// real one.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kenyon demo\n  kenyon demo --data codex_783/ --connections connections --responses DoOR_selected.csv --run real_fly\n  \
    kenyon demo --full --run full_fly"
)]
pub(super) struct Demo {
    /// Folder of Codex downloads instead of the synthetic fly
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Connection table of `--data`, or several separated by commas; needed if it holds several
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "data")]
    connections: Vec<String>,
    /// Circuit config for `--data`; by default that of `examples/synthetic_fly.toml`
    #[arg(long, value_name = "CONFIG", requires = "data")]
    circuit: Option<PathBuf>,
    /// Odour responses (DoOR matrix) instead of synthetic ones
    #[arg(long, value_name = "CSV")]
    responses: Option<PathBuf>,
    /// Receptor map instead of the dump's own
    #[arg(long, value_name = "CSV")]
    receptor_map: Option<PathBuf>,
    /// Folder for everything that is made; it must not exist or be empty
    #[arg(long, value_name = "DIR", default_value = "kenyon_demo")]
    run: PathBuf,
    /// Real size and the full recipe of the odours
    #[arg(long)]
    full: bool,
    /// Leave out the control on a shuffled connectome, which takes as long as the training itself
    #[arg(long)]
    no_control: bool,
}

impl Demo {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        if self.run.is_file() {
            return Err(UserError::usage("not-a-folder", "is a file").file(&self.run).mend("name a folder with `--run`"));
        }
        if fs::read_dir(&self.run).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(self.not_empty());
        }
        check::inputs(self)?;
        let made = !self.run.exists();
        fs::create_dir_all(&self.run).map_err(|e| UserError::cannot_write(&self.run, &e))?;
        let mark = self.run.join(UNFINISHED);
        AtomicFile::write(&mark, b"This demo is under way, or was broken off. It can be removed with its folder.\n")?;
        let done = steps::run(self, context);
        if done.is_err() {
            self.clear_away(made, context);
        } else {
            fs::remove_file(&mark).map_err(|e| UserError::cannot_write(&mark, &e))?;
        }
        done
    }

    fn not_empty(&self) -> UserError {
        let run = quoted(&self.run.display().to_string());
        if !self.run.join(UNFINISHED).is_file() {
            return UserError::usage("not-empty", "already exists and is not empty")
                .file(&self.run)
                .mend("name another folder with `--run`, or remove this one first");
        }
        let mut mend = format!("begin anew in another folder (`--run`), or remove this one first: `rm -r {run}`");
        if self.run.join("train/manifest.json").is_file() {
            let train = quoted(&self.run.join("train").display().to_string());
            let _ = write!(mend, "; its training alone goes on with `kenyon train --run {train} --resume`");
        }
        UserError::usage("not-empty", "holds a demo that is under way or was broken off").file(&self.run).mend(mend)
    }

    /// After an error: what was made before the training goes, so that the same command can be tried again.
    fn clear_away(&self, made: bool, context: &Context) {
        if self.run.join("train").exists() {
            let run = quoted(&self.run.display().to_string());
            context.note(&format!("what was made so far is kept in {run}; to begin anew: `rm -r {run}`, or another `--run`"));
            return;
        }
        let _ = fs::remove_dir_all(self.run.join("fly"));
        for file in ["fly.h5", "circuit.toml", "circuit.h5", "train.toml", UNFINISHED] {
            let _ = fs::remove_file(self.run.join(file));
        }
        if made {
            // Goes only if it is empty.
            let _ = fs::remove_dir(&self.run);
        }
    }
}
