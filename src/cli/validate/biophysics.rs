//! `kenyon validate l5pc|ball_and_stick|rallpack`: biophysical neurons beside other simulators and analytic solutions.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use serde::Serialize;

use super::{Kind, Validate};
use crate::cli::context::Context;
use crate::cli::output::TextTable;
use crate::validation::{Case, ball_and_stick, l5pc, play, rallpack};

#[derive(Debug, Serialize)]
struct Report {
    kind: &'static str,
    cases: Vec<Case>,
    passed: usize,
    failed: usize,
}

pub(super) fn run(command: &Validate, context: &Context) -> Result<()> {
    let dump = command.dump.as_deref();
    let (kind, dir, cases) = match command.kind {
        Kind::L5pc => {
            let dir = folder(command, "l5pc")?;
            check_dump(dump, &dir)?;
            let morphology = l5pc::morphology(command.morphology.as_deref(), &dir)?;
            let folder = l5pc::Folder::open(&dir, &morphology, dump)?;
            ("l5pc", Some(dir), play(&folder.jobs()?, context)?)
        }
        Kind::BallAndStick => {
            let dir = folder(command, "ball_and_stick")?;
            check_dump(dump, &dir)?;
            let folder = ball_and_stick::Folder::open(&dir, dump)?;
            ("ball_and_stick", Some(dir), play(&folder.jobs()?, context)?)
        }
        _ => {
            let dir = command.dir.clone();
            match &dir {
                Some(dir) => check_dump(dump, dir)?,
                None if dump.is_some() => {
                    return Err(UserError::usage("bad-option", "`--dump` writes in the layout of a folder of traces")
                        .mend("name the folder as well"));
                }
                None => {}
            }
            let suite = rallpack::Suite::open(dir.as_deref(), dump)?;
            ("rallpack", dir, play(&suite.jobs(), context)?)
        }
    };
    let passed = cases.iter().filter(|case| case.pass).count();
    let report = Report { kind, failed: cases.len() - passed, passed, cases };
    context.print(&report, || table(&report));
    let Some(case) = report.cases.iter().find(|case| !case.pass) else { return Ok(()) };
    let error = UserError::check_failed("validate", format!("the case `{}` does not agree", case.name)).found(&case.note);
    let error = match &dir {
        Some(dir) => error.file(dir),
        None => error,
    };
    Err(error.mend("compare our values (`--dump`) with the reference's"))
}

/// The folder that is named, or the reference data's.
fn folder(command: &Validate, name: &str) -> Result<PathBuf> {
    if let Some(dir) = &command.dir {
        return Ok(dir.clone());
    }
    let root = std::env::var_os("KENYON_REFERENCE_DATA").map(|root| Path::new(&root).join(name));
    root.filter(|dir| dir.is_dir()).map_or_else(|| command.dir().map(Path::to_path_buf), Ok)
}

/// Our values must not replace the reference's.
fn check_dump(dump: Option<&Path>, dir: &Path) -> Result<()> {
    let Some(dump) = dump else { return Ok(()) };
    // What does not exist yet lies where its nearest folder lies.
    let real = dump.ancestors().find_map(|path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        path.canonicalize().ok()
    });
    let inside = real.zip(dir.canonicalize().ok()).is_some_and(|(dump, dir)| dump.starts_with(dir));
    if inside {
        return Err(UserError::usage("output-is-input", "lies in the folder that is read")
            .file(dump)
            .mend("name another folder"));
    }
    Ok(())
}

fn table(report: &Report) -> String {
    let mut table = TextTable::new(&["case", "agrees", "max error", "spikes", "shift ms", "note"]);
    let dash = || "-".to_string();
    for case in &report.cases {
        let spikes = case.spikes_expected.zip(case.spikes_got).map(|(expected, got)| format!("{got}/{expected}"));
        table.row([
            case.name.clone(),
            if case.pass { "yes" } else { "NO" }.into(),
            case.max_abs_error.map_or_else(dash, |e| format!("{e:.1e} {}", case.unit)),
            spikes.unwrap_or_else(dash),
            case.max_spike_shift_ms.map_or_else(dash, |shift| format!("{shift:.1e}")),
            case.note.clone(),
        ]);
    }
    format!("{}\n{} of {} cases agree", table.render(), report.passed, report.cases.len())
}
