//! What a run was made from: inputs with sha256, seed, versions, trainable sets, split hashes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use kenyon_base::{Result, TOOL, UserError, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Format name.
pub const FORMAT: &str = "kenyon-run";
/// Format version.
pub const VERSION: u32 = 1;

/// What to do about an input of a run that is gone.
pub const MOVED: &str = "a run names its inputs relative to its own folder and moves only together with them: put this one back, or move the run to where it fits";

/// A file that a run was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// What it serves as, for example `circuit`.
    pub name: String,
    /// Path relative to the run folder, so that both can be moved together.
    pub path: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub sha256: String,
}

impl InputFile {
    /// Hashes the file at `path`; it is stored relative to `run`, a folder that exists.
    pub fn describe(name: &str, path: &Path, run: &Path) -> Result<Self> {
        let cannot = |e: std::io::Error| UserError::cannot_read(path, &e);
        let bytes = fs::metadata(path).map_err(cannot)?.len();
        let sha256 = digest::sha256_file(path).map_err(cannot)?;
        let from = fs::canonicalize(run).map_err(|e| UserError::cannot_read(run, &e))?;
        let to = fs::canonicalize(path).map_err(cannot)?;
        let path = relative(&from, &to).to_string_lossy().replace('\\', "/");
        Ok(Self { name: name.into(), path, bytes, sha256 })
    }

    /// Checks that the file is still what it was; returns its path.
    ///
    /// # Errors
    /// `input-changed` if its content is another; as for any input if it cannot be read.
    pub fn check(&self, run: &Path) -> Result<PathBuf> {
        let path = run.join(&self.path);
        let sha256 = digest::sha256_file(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => UserError::cannot_read(&path, &e).key(&self.name).mend(MOVED),
            _ => UserError::cannot_read(&path, &e),
        })?;
        if sha256 == self.sha256 {
            return Ok(path);
        }
        Err(UserError::bad_data("input-changed", format!("the input `{}` changed since the run began", self.name))
            .file(path)
            .found(sha256)
            .expected(&self.sha256)
            .mend("put the original back, or start a new run"))
    }
}

/// Path of `to` as seen from the folder `from`; both absolute.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

/// The manifest of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunManifest {
    format: String,
    version: u32,
    /// Version of the tool that began the run.
    pub tool: String,
    /// Processor architecture and system: the last bit of a result may depend on them.
    pub platform: String,
    /// What kind of run it is, for example `train`.
    pub kind: String,
    /// Seed that every random stream of the run hangs on.
    pub seed: u64,
    /// SHA-256 of `config.toml`; set when the folder is created.
    pub config_sha256: String,
    /// Files it was made from.
    pub inputs: Vec<InputFile>,
    /// Names of the trained parameter sets.
    pub trainable: Vec<String>,
    /// SHA-256 of each split's sample ids.
    pub splits: BTreeMap<String, String>,
    /// Decisions that are worth a look, as the number of time steps or what was left out.
    pub facts: BTreeMap<String, Value>,
}

impl RunManifest {
    /// A manifest without inputs.
    pub fn new(kind: &str, seed: u64) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            tool: TOOL.into(),
            platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            kind: kind.into(),
            seed,
            config_sha256: String::new(),
            inputs: Vec::new(),
            trainable: Vec::new(),
            splits: BTreeMap::new(),
            facts: BTreeMap::new(),
        }
    }

    /// Reads and checks a manifest.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|e| UserError::cannot_read(path, &e))?;
        let bad = |message: String| UserError::bad_data("bad-manifest", message).file(path);
        let value: Value = serde_json::from_str(&text).map_err(|e| bad(format!("is no JSON: {e}")).mend("name a run folder"))?;
        if value["format"] != FORMAT {
            return Err(bad("is not the manifest of a run".into()).mend("name a run folder"));
        }
        let version = value["version"].as_u64().unwrap_or(0);
        if version != u64::from(VERSION) {
            return Err(UserError::bad_data("newer-version", "is of another format version")
                .file(path)
                .found(version.to_string())
                .expected(VERSION.to_string())
                .mend("use the version of kenyon that wrote it"));
        }
        serde_json::from_value(value)
            .map_err(|e| bad(format!("cannot be read: {e}")).mend("use the version of kenyon that wrote it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_found_relative_to_the_run_and_a_changed_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("runs/first");
        fs::create_dir_all(&run).unwrap();
        let input = dir.path().join("circuit.h5");
        fs::write(&input, b"one").unwrap();
        let described = InputFile::describe("circuit", &input, &run).unwrap();
        assert_eq!((described.path.as_str(), described.bytes), ("../../circuit.h5", 3));
        described.check(&run).unwrap();
        fs::write(&input, b"two").unwrap();
        let error = described.check(&run).unwrap_err();
        assert_eq!((error.code(), error.exit_code()), ("input-changed", 3));
    }
}
