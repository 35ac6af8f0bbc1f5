//! Running an exported program, with the stand-in for PyNN of `fake_pynn` where one is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Runs Python in `dir`, or returns `None` with a note.
pub(crate) fn python(dir: &Path, args: &[&str]) -> Option<Output> {
    python_with(dir, args, &[])
}

/// The same with the stand-in for PyNN and these variables of the environment.
pub(crate) fn with_fake(dir: &Path, args: &[&str], variables: &[(&str, &Path)]) -> Option<Output> {
    let fake = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fake_pynn");
    let variables: Vec<(&str, &Path)> = variables.iter().copied().chain([("PYTHONPATH", fake.as_path())]).collect();
    python_with(dir, args, &variables)
}

fn python_with(dir: &Path, args: &[&str], variables: &[(&str, &Path)]) -> Option<Output> {
    let mut command = Command::new("python3");
    command.args(args).current_dir(dir).env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONPATH");
    command.envs(variables.iter().copied());
    let ran = command.output();
    if ran.is_err() {
        eprintln!("skipped: no python3");
    }
    ran.ok()
}

/// What Python complained about.
pub(crate) fn complaint(ran: &Output) -> String {
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

pub(crate) fn network(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("network.json")).expect("there")).expect("JSON")
}

/// A table as text: header and rows.
pub(crate) fn table(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_path(path).expect("there");
    let header = reader.headers().expect("a header").iter().map(String::from).collect();
    let rows = reader.records().map(|r| r.expect("a row").iter().map(String::from).collect()).collect();
    (header, rows)
}
