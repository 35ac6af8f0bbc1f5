//! `kenyon validate l5pc|ball_and_stick|rallpack`: biophysical neurons beside other simulators and analytic solutions.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};

use super::{Kind, Validate, text};
use crate::cli::context::Context;
use crate::validation::report::COMPARE;
use crate::validation::{Nothing, Report, ball_and_stick, kinds, l5pc, play, rallpack};

pub(super) fn run(command: &Validate, context: &Context) -> Result<()> {
    let dump = command.dump.as_deref();
    let (kind, dir, cases) = match command.kind {
        Kind::L5pc => {
            let dir = folder(command, "l5pc")?;
            check_dump(dump, &dir)?;
            kinds::check("l5pc", &dir)?;
            let morphology = l5pc::morphology(command.morphology.as_deref(), &dir)?;
            let folder = l5pc::Folder::open(&dir, &morphology, dump)?;
            ("l5pc", Some(dir), play(&folder.jobs()?, context)?)
        }
        Kind::BallAndStick => {
            let dir = folder(command, "ball_and_stick")?;
            check_dump(dump, &dir)?;
            kinds::check("ball_and_stick", &dir)?;
            let folder = ball_and_stick::Folder::open(&dir, dump)?;
            ("ball_and_stick", Some(dir), play(&folder.jobs()?, context)?)
        }
        _ => {
            let dir = command.dir.clone().or_else(|| reference("rallpack"));
            match &dir {
                Some(dir) => {
                    check_dump(dump, dir)?;
                    kinds::check("rallpack", dir)?;
                }
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
    if dir.is_none() {
        context.note(
            "published traces are not compared: name their folder, or the one that holds `rallpack` in KENYON_REFERENCE_DATA",
        );
    }
    if let Some(dump) = dump {
        context.note(&format!("written: {}", dump.display()));
    }
    let report = Report::new(kind, cases, Nothing {});
    context.print(&report, || text::table(&report));
    report.verdict(dir.as_deref(), COMPARE)
}

/// The folder that is named, or the reference data's.
fn folder(command: &Validate, name: &str) -> Result<PathBuf> {
    if let Some(dir) = &command.dir {
        return Ok(dir.clone());
    }
    reference(name).map_or_else(|| command.dir().map(Path::to_path_buf), Ok)
}

/// The folder of this name in the reference data, if there is one.
fn reference(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("KENYON_REFERENCE_DATA").map(|root| Path::new(&root).join(name));
    root.filter(|dir| dir.is_dir())
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
