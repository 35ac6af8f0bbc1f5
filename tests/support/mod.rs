//! What the end-to-end tests share: running the binary, the reference data, one synthetic fly per test program.
#![allow(dead_code, reason = "no test program uses everything")]

pub(crate) mod dump;
pub(crate) mod training;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Self {
            code: output.status.code().expect("no signal ended it"),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Standard output as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("not one JSON document ({e}):\n{}\n{}", self.stdout, self.stderr))
    }

    /// Asserts success.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self
    }
}

/// Runs `kenyon` with these arguments in `dir`.
pub(crate) fn kenyon_in(dir: &Path, args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_kenyon")).args(args).current_dir(dir).output().expect("the binary runs");
    Ran::of(&output)
}

/// Runs `kenyon` with these arguments, successfully, and returns its JSON.
pub(crate) fn kenyon_json(dir: &Path, args: &[&str]) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    kenyon_in(dir, &args).ok().json()
}

/// A path of this repository.
pub(crate) fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).to_str().expect("UTF-8").to_string()
}

/// The folder `fly` of the reference data, or `None` with a note.
pub(crate) fn reference_fly() -> Option<String> {
    let root =
        std::env::var_os("KENYON_REFERENCE_DATA").map_or_else(|| PathBuf::from(repository("../shared/data")), PathBuf::from);
    let fly = root.join("fly");
    if fly.is_dir() {
        return Some(fly.to_str().expect("UTF-8").to_string());
    }
    eprintln!("skipped: no reference data");
    None
}

/// A synthetic fly, its pack and its circuit, made once per test program.
pub(crate) struct Fly {
    pub(crate) dir: tempfile::TempDir,
}

impl Fly {
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs in the folder of the fly.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        kenyon_json(self.path(), args)
    }
}

/// The full synthetic fly of seed 1: `dump/`, `fly.h5`, `circuit.h5`.
pub(crate) fn synthetic_fly() -> &'static Fly {
    static FLY: OnceLock<Fly> = OnceLock::new();
    FLY.get_or_init(|| {
        let fly = Fly { dir: tempfile::tempdir().expect("a temporary folder") };
        fly.json(&["connectome", "synth", "--seed", "1", "-o", "dump"]);
        fly.json(&["connectome", "import", "dump", "-o", "fly.h5"]);
        let config = repository("examples/synthetic_fly.toml");
        fly.json(&["circuit", "build", &config, "--connectome", "fly.h5", "-o", "circuit.h5"]);
        fly
    })
}
