//! Training and demo that are broken off: what is said, and what the next command says.
#![cfg(unix)]

mod support;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::kenyon_in;
use support::training::{CONFIG, refused, workplace};

fn start(dir: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kenyon"));
    command.args(args).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary runs")
}

/// Sends `signal` once `ready`, and returns the signal that ended the process with what it said.
fn signalled(child: Child, signal: &str, ready: impl Fn() -> bool) -> (Option<i32>, String) {
    let began = Instant::now();
    while !ready() {
        assert!(began.elapsed() < Duration::from_secs(120), "it never came so far");
        sleep(Duration::from_millis(20));
    }
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
    let output = child.wait_with_output().expect("it ends");
    (output.status.signal(), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn training_that_is_broken_off_says_where_and_how_to_go_on() {
    let dir = workplace(&CONFIG.replace("epochs = 2", "epochs = 500").replace("steps = 60", "steps = 400"));
    for (signal, number, run) in [("-INT", 2, "first"), ("-TERM", 15, "second")] {
        let child = start(dir.path(), &["train", "train.toml", "--run", run]);
        let last = dir.path().join(run).join("checkpoints/last");
        let (ended, said) = signalled(child, signal, || last.is_file());
        assert_eq!(ended, Some(number), "{said}");
        assert!(said.contains(" of 500, after ") && said.contains("step-"), "{said}");
        assert!(said.contains(&format!("go on with: kenyon train --run {run} --resume")), "{said}");
    }
    let child = start(dir.path(), &["train", "--run", "first", "--resume", "--quiet"]);
    let lines = || std::fs::read_to_string(dir.path().join("first/journal.jsonl")).map_or(0, |t| t.lines().count());
    let before = lines();
    let (ended, said) = signalled(child, "-INT", || lines() > before + 30);
    assert_eq!((ended, said.as_str()), (Some(2), ""));
}

#[test]
fn a_demo_that_is_broken_off_is_told_from_a_folder_of_others() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let child = start(dir.path(), &["demo", "--run", "di"]);
    let (_, said) = signalled(child, "-INT", || dir.path().join("di/train/journal.jsonl").is_file());
    assert!(said.contains("kenyon train --run di/train --resume"), "{said}");
    let (code, error) = refused(dir.path(), &["demo", "--run", "di"]);
    let mend = error["mend"].as_str().expect("a mend");
    assert_eq!((code, &error["code"]), (2, &"not-empty".into()));
    assert!(
        error.to_string().contains("broken off") && mend.contains("rm -r di") && mend.contains("di/train --resume"),
        "{error}"
    );
    std::fs::create_dir(dir.path().join("others")).expect("created");
    std::fs::write(dir.path().join("others/precious"), "data").expect("written");
    let (_, error) = refused(dir.path(), &["demo", "--run", "others"]);
    assert!(!error.to_string().contains("demo"), "{error}");
}

#[test]
fn a_demo_that_fails_early_leaves_nothing_in_the_way_of_the_next() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("bad.csv"), "odor,Or42b\nx,high\n").expect("written");
    let (code, error) = refused(dir.path(), &["demo", "--run", "d", "--responses", "bad.csv"]);
    assert_eq!((code, &error["line"]), (3, &2.into()), "{error}");
    assert!(!dir.path().join("d").exists());
    let Some(fly) = support::reference_fly() else { return };
    std::fs::create_dir(dir.path().join("mine")).expect("created");
    for run in ["d", "mine"] {
        let args = ["demo", "--run", run, "--data", &fly, "--connections", "connections"];
        let (code, error) = refused(dir.path(), &args);
        assert_eq!((code, &error["code"]), (3, &"no-readout".into()), "{error}");
        let text = error.to_string();
        assert!(text.contains("connections_princeton") && text.contains("Kenyon") && !text.contains("train.toml"), "{error}");
    }
    assert!(!dir.path().join("d").exists());
    assert_eq!(std::fs::read_dir(dir.path().join("mine")).expect("kept").count(), 0);
    assert!(kenyon_in(dir.path(), &["demo", "--help"]).ok().stdout.contains("separated by commas"));
}
