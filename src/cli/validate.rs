//! `kenyon validate KIND DIR`: our results beside reference results, case by case.

mod biophysics;
mod protocol;
mod snn;
mod spinnaker;
mod text;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kenyon_base::{Result, UserError};

use super::context::Context;
use crate::validation::report::COMPARE;
use crate::validation::{Case, Nothing, Report, kinds};

/// Replay a folder of reference cases and compare; exit code 4 if a case does not agree.
///
/// `snn`: each network runs in double and in single precision, and both decide. In double precision forward values and loss must lie
/// within 1e-12, gradients within 1e-9 of the tensor's largest element. In single precision everything must lie within 1e-4 of the
/// tensor's largest element (forward values and loss: or of 1, whichever is larger).
///
/// `l5pc`, `ball_and_stick`, `rallpack`: biophysical neurons beside traces and tables of other simulators and analytic solutions. The
/// note of each case says what was not compared because it is not there, how far potentials lie apart, from when on, which segment
/// length a run had and where that is stated, and the bars. A case without anything to compare is simulated, and passes.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kenyon validate snn reference/snn\n  kenyon validate snn reference/snn --dump ours --json\n  \
                  kenyon validate spinnaker reference/spinnaker\n  kenyon validate protocol protocol_vectors.json\n  \
                  kenyon validate l5pc reference/l5pc --morphology cell1.asc\n  kenyon validate rallpack"
)]
pub(super) struct Validate {
    /// What the cases are about
    #[arg(value_name = "KIND")]
    kind: Kind,
    /// Folder of cases, or one case; of `protocol` the file of messages. `rallpack` needs none, the other neurons look in
    /// `KENYON_REFERENCE_DATA` if none is named
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Write our own values here, in the layout and file names of the reference
    #[arg(long, value_name = "OUT")]
    dump: Option<PathBuf>,
    /// Image that reference boot packets were made of; only with `protocol`
    #[arg(long, value_name = "FILE")]
    boot_image: Option<PathBuf>,
    /// Morphology of the cell, instead of `../morphologies/cell1.asc` beside the folder; only with `l5pc`
    #[arg(long, value_name = "FILE")]
    morphology: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Spiking networks with gradients: `case.json`, `input.npz`, `expected.npz`
    Snn,
    /// Networks computed by the released `SpiNNaker` binaries: `network.json` and tables for each case, `lif_init*.csv`
    Spinnaker,
    /// Messages to and from a board: a JSON list of fields with their bytes
    Protocol,
    /// The layer 5 pyramidal cell against NEURON: geometry, channels, traces, f-I curve
    L5pc,
    /// The Ball & Stick neuron against NEURON: traces, labels, tables
    #[value(name = "ball_and_stick")]
    BallAndStick,
    /// Rallpack 1 to 3: analytic solutions, order of convergence, published traces
    Rallpack,
}

impl Validate {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        if self.kind != Kind::Protocol && self.boot_image.is_some() {
            return Err(UserError::usage("bad-option", "`--boot-image` belongs to `protocol`"));
        }
        if self.kind != Kind::L5pc && self.morphology.is_some() {
            return Err(UserError::usage("bad-option", "`--morphology` belongs to `l5pc`"));
        }
        match self.kind {
            Kind::Snn => self.run_snn(self.dir()?, context),
            Kind::Spinnaker => spinnaker::run(self.dir()?, self.dump.as_deref(), context),
            Kind::Protocol if self.dump.is_some() => {
                Err(UserError::usage("bad-option", "`--dump` has nothing to write for `protocol`"))
            }
            Kind::Protocol => protocol::run(self.dir()?, self.boot_image.as_ref(), context),
            Kind::L5pc | Kind::BallAndStick | Kind::Rallpack => biophysics::run(self, context),
        }
    }

    /// The folder that must be named.
    fn dir(&self) -> Result<&Path> {
        self.dir.as_deref().ok_or_else(|| {
            UserError::usage("no-folder", "this kind of cases needs a folder")
                .mend("name it: `kenyon validate KIND DIR`; `l5pc`, `ball_and_stick` and `rallpack` also look in the folder `KENYON_REFERENCE_DATA`")
        })
    }

    fn run_snn(&self, dir: &Path, context: &Context) -> Result<()> {
        kinds::check("snn", dir)?;
        let cases = Case::replay(cases(dir)?, "1", |folder, name| {
            snn::replay(folder, name, self.dump.as_ref().map(|d| d.join(name)).as_deref())
        })?;
        let report = Report::new("snn", cases, Nothing {});
        context.print(&report, || text::table(&report));
        report.verdict(Some(dir), COMPARE)
    }
}

/// Folders of cases with their names, in the order of the names.
fn cases(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    if dir.join("case.json").is_file() {
        let name = dir.file_name().map_or_else(|| "case".into(), |n| n.to_string_lossy().into_owned());
        return Ok(vec![(name, dir.to_path_buf())]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| UserError::cannot_read(dir, &e))? {
        let path = entry.map_err(|e| UserError::cannot_read(dir, &e))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') {
            found.push((name, path));
        }
    }
    found.sort_unstable();
    if found.is_empty() {
        return Err(UserError::bad_data("no-cases", "holds no case")
            .file(dir)
            .expected("a folder for each case, with `case.json` in it")
            .mend("name the folder that holds the cases"));
    }
    Ok(found)
}
