//! A small fly to train on, and runs on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use super::{Fly, Ran, kenyon_in, kenyon_json, repository};

/// Six odours, 120 samples of 60 ms; two epochs of 21 steps. Tests replace what they are about.
pub(crate) const CONFIG: &str = r#"
circuit = "circuit.h5"

[odors]
max_odors = 6
repeats = 20
steps = 60
duration_ms = { from = 30, to = 60 }

[network]
noise = 0.02

[network.weights]
form = "gain"
scale = 0.8

[network.readout]
query = "population = KC"

[train]
epochs = 2
trained = ["wi"]
batch_size = 4

[optimiser]
lr = 0.01
"#;

/// Makes a small synthetic fly in `dir`: `dump/`, `fly.h5`, `circuit.h5`.
pub(crate) fn make_fly(dir: &Path, seed: &str) {
    kenyon_json(dir, &["connectome", "synth", "--scale", "0.06", "--seed", seed, "-o", "dump"]);
    kenyon_json(dir, &["connectome", "import", "dump", "-o", "fly.h5"]);
    build_circuit(dir, "fly.h5", "circuit.h5");
}

/// Builds the circuit of a pack.
pub(crate) fn build_circuit(dir: &Path, pack: &str, circuit: &str) {
    kenyon_json(dir, &["circuit", "build", &repository("examples/synthetic_fly.toml"), "--connectome", pack, "-o", circuit]);
}

/// The small fly of seed 1, made once per test program. Runs of one test go into a folder of its own below it.
pub(crate) fn small_fly() -> &'static Fly {
    static FLY: OnceLock<Fly> = OnceLock::new();
    FLY.get_or_init(|| {
        let fly = Fly { dir: tempfile::tempdir().expect("a temporary folder") };
        make_fly(fly.path(), "1");
        fly
    })
}

/// A folder with a copy of the small circuit and the config `text` as `train.toml`.
pub(crate) fn workplace(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::copy(small_fly().path().join("circuit.h5"), dir.path().join("circuit.h5")).expect("copied");
    fs::write(dir.path().join("train.toml"), text).expect("written");
    dir
}

/// Trains `train.toml` into `run` and returns the summary.
pub(crate) fn train(dir: &Path, run: &str) -> Value {
    kenyon_json(dir, &["train", "train.toml", "--run", run])["summary"].clone()
}

/// Trains and expects an error; returns the exit code and the error.
pub(crate) fn refused(dir: &Path, args: &[&str]) -> (i32, Value) {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let ran = kenyon_in(dir, &args);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert_ne!(ran.code, 0, "{args:?} should have failed: {}", ran.stdout);
    let Ran { code, .. } = ran;
    (code, ran.json()["error"].clone())
}

/// All checkpoints of a run, by step.
pub(crate) fn checkpoints(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join("checkpoints")).expect("a run with checkpoints").flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "safetensors")).collect();
    files.sort();
    files
}

/// The file that a pointer (`last`, `best`) names.
pub(crate) fn pointed(run: &Path, pointer: &str) -> PathBuf {
    let folder = run.join("checkpoints");
    let name = fs::read_to_string(folder.join(pointer)).expect("a pointer");
    folder.join(name.trim())
}
