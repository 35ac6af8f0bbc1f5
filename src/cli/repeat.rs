//! Commands that repeat a result, for its page: from which folder, with which seed, from what, and what must come out.

use std::fmt::Write as _;
use std::path::Path;

use kenyon_neurons::point::Real;

use crate::training::loaded::Loaded;

/// Name of a folder, also of `.`.
pub(super) fn name(folder: &Path) -> String {
    let whole = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    whole.file_name().map_or_else(|| "A run".into(), |name| name.to_string_lossy().into_owned())
}

/// An argument as a shell takes it.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/,=+:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.into() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Commands that repeat a run, valid in the run's own folder.
pub(super) fn run<F: Real>(network: &Loaded<F>, run: &Path, page: &Path) -> String {
    let name = name(run);
    let again = quoted(&format!("../{name}_again"));
    let page = page.file_name().map_or_else(|| "report.html".into(), |name| name.to_string_lossy().into_owned());
    format!(
        "# in the folder of the run, `{name}`\nkenyon train config.toml --seed {} --run {again}\nkenyon eval {again} --checkpoint {} --json\n\
         kenyon report {again} -o {}\n{}",
        network.folder.manifest().seed,
        quoted(&network.file),
        quoted(&format!("../again_{page}")),
        made_from(network, "")
    )
}

/// What a run was made from and what came out, as comments; paths are those of the run, behind `prefix`.
pub(super) fn made_from<F: Real>(network: &Loaded<F>, prefix: &str) -> String {
    let manifest = network.folder.manifest();
    let mut out = format!("# made by {} from\n", manifest.tool);
    let inputs = manifest.inputs.iter().map(|input| (format!("{prefix}{}", input.path), &input.sha256));
    for (path, sha256) in inputs.chain([(format!("{prefix}config.toml"), &manifest.config_sha256)]) {
        let _ = writeln!(out, "#   {path}  sha256 {sha256}");
    }
    out + &format!("# to\n#   {}  weights_sha256 {}", network.file, network.weights_sha256)
}
