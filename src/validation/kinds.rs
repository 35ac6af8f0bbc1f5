//! Which kind of cases a folder holds, for a user who named another.

use std::path::Path;

use kenyon_base::{Result, UserError};

use super::table::read_text;

/// Folders that deep are looked into, and so many entries of each.
const DEPTH: usize = 3;
const ENTRIES: usize = 500;

/// Whether a file shows that its folder is of a kind.
fn shows(kind: &str, path: &Path, name: &str) -> bool {
    let ends = |end: &str| path.extension().is_some_and(|found| found == end);
    match kind {
        "snn" => name == "case.json" && path.with_file_name("expected.npz").is_file(),
        "spinnaker" => name == "network.json" || name.starts_with("lif_init") && ends("csv"),
        "rallpack" => ["ref_cable.", "ref_branch.", "ref_axon."].iter().any(|begin| name.starts_with(begin)),
        "ball_and_stick" => {
            name == "table_configs.json"
                || name == "labels_1ms.csv"
                || name == "config.json" && read_text(path).is_ok_and(|text| text.contains("\"dend_L_um\""))
        }
        "l5pc" => {
            ["_dec.csv", "_vclamp.csv", "_rates.csv"].iter().any(|end| name.ends_with(end))
                || ["sites.json", "sections.csv", "pt3d.csv"].contains(&name)
                || name == "synapses.csv"
                || ends("json")
                    && name != "config.json"
                    && read_text(path).is_ok_and(|text| text.len() < 1_000_000 && text.contains("\"tstop_ms\""))
        }
        _ => false,
    }
}

/// Whether a folder, or one below it, holds a file of this kind.
fn holds(kind: &str, dir: &Path, depth: usize) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    let mut paths: Vec<_> = entries.flatten().take(ENTRIES).map(|entry| entry.path()).collect();
    paths.sort_unstable();
    let name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    paths.iter().any(|path| path.is_file() && shows(kind, path, &name(path)))
        || depth > 0 && paths.iter().any(|path| path.is_dir() && !name(path).starts_with('.') && holds(kind, path, depth - 1))
}

/// Refuses a folder that holds cases of another kind and none of this.
///
/// # Errors
/// `not-a-folder`; `wrong-kind`, with the command for the kind that it is.
pub fn check(kind: &str, dir: &Path) -> Result<()> {
    // A table of initialisations is a case of `spinnaker` by itself.
    if dir.is_file() && kind != "spinnaker" {
        return Err(UserError::bad_data("not-a-folder", "is a file").file(dir).mend("name the folder that it lies in"));
    }
    if !dir.is_dir() || holds(kind, dir, DEPTH) {
        return Ok(());
    }
    let others = ["ball_and_stick", "l5pc", "rallpack", "spinnaker", "snn"];
    match others.into_iter().find(|other| *other != kind && holds(other, dir, DEPTH)) {
        None => Ok(()),
        Some(other) => Err(UserError::bad_data("wrong-kind", format!("holds cases of `{other}`, none of `{kind}`"))
            .file(dir)
            .mend(format!("`kenyon validate {other} {}`", dir.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_another_kind_is_named_by_its_kind() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let deep = dir.path().join("a/b");
        std::fs::create_dir_all(&deep).expect("made");
        check("l5pc", dir.path()).expect("an empty folder is of no kind");
        std::fs::write(deep.join("ref_axon.0.neuron"), "0 0\n").expect("written");
        let error = check("l5pc", dir.path()).expect_err("another kind").to_string();
        assert!(error.contains("`rallpack`") && error.contains("kenyon validate rallpack"), "{error}");
        std::fs::write(deep.join("step.json"), "{\"tstop_ms\": 5}").expect("written");
        check("l5pc", dir.path()).expect("it has cases of this kind too");
    }
}
