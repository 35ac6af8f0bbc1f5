//! Runs that cannot be begun, resumed or judged.

use std::fs;

use super::support::training::{CONFIG, pointed, refused, train, workplace};
use super::support::{kenyon_in, kenyon_json};

#[test]
fn wrong_usage_exits_with_2() {
    let dir = workplace(CONFIG);
    fs::create_dir(dir.path().join("full")).unwrap();
    fs::write(dir.path().join("full/precious"), "data").unwrap();
    for args in [
        &["train", "--run", "run"][..],
        &["train", "train.toml"],
        &["train", "train.toml", "--run", "full"],
        &["eval", "run", "--split", "exam"],
        &["eval"],
        &["eval", "run", "--samples", "0"],
    ] {
        let (code, error) = refused(dir.path(), args);
        assert_eq!((code, &error["kind"]), (2, &"usage".into()), "{args:?}: {error}");
    }
    assert_eq!(fs::read_dir(dir.path().join("full")).unwrap().count(), 1);
    assert!(!dir.path().join("run").exists());
}

#[test]
fn a_folder_that_is_no_run_is_neither_resumed_nor_judged() {
    let dir = workplace(CONFIG);
    fs::create_dir(dir.path().join("empty")).unwrap();
    for args in [
        &["train", "--run", "nowhere", "--resume"][..],
        &["train", "--run", "empty", "--resume"],
        &["train", "train.toml", "--run", "nowhere", "--resume"],
        &["eval", "nowhere"],
        &["eval", "empty"],
    ] {
        let (code, error) = refused(dir.path(), args);
        assert_eq!((code, &error["code"]), (3, &"not-a-run".into()), "{args:?}: {error}");
        assert!(error["file"].is_string() && error["mend"].is_string(), "{error}");
    }
    assert_eq!(fs::read_dir(dir.path().join("empty")).unwrap().count(), 0);
    assert!(!dir.path().join("nowhere").exists());
}

#[test]
fn a_finished_run_is_resumed_without_any_change() {
    let dir = workplace(CONFIG);
    let first = train(dir.path(), "run");
    let files = || {
        let mut all: Vec<_> = fs::read_dir(dir.path().join("run/checkpoints")).unwrap().flatten().map(|e| e.path()).collect();
        all.sort();
        all.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect::<Vec<_>>()
    };
    let (before, journal) = (files(), fs::read(dir.path().join("run/journal.jsonl")).unwrap());
    let ran = kenyon_in(dir.path(), &["train", "--run", "run", "--resume", "--json"]).ok();
    assert!(ran.stderr.contains("nothing was left to do"), "{}", ran.stderr);
    let again = ran.json()["summary"].clone();
    assert_eq!((&again["weights_sha256"], &again["steps"]), (&first["weights_sha256"], &first["steps"]));
    assert_eq!(again["best_validation_accuracy"], first["best_validation_accuracy"]);
    assert_eq!((files(), fs::read(dir.path().join("run/journal.jsonl")).unwrap()), (before, journal));
    let (code, error) = refused(dir.path(), &["train", "train.toml", "--run", "run"]);
    assert_eq!(code, 2);
    assert!(error["mend"].as_str().unwrap().contains("--resume"), "{error}");
}

#[test]
fn another_config_a_changed_one_and_a_changed_circuit_are_refused_on_resume_and_eval() {
    let dir = workplace(CONFIG);
    let path = dir.path();
    train(path, "run");
    kenyon_json(path, &["train", "train.toml", "--run", "run", "--resume"]);
    fs::write(path.join("other.toml"), CONFIG.replace("lr = 0.01", "lr = 0.02")).unwrap();
    let (code, error) = refused(path, &["train", "other.toml", "--run", "run", "--resume"]);
    assert_eq!((code, &error["code"], &error["found"]), (3, &"config-mismatch".into(), &"lr = 0.02".into()));
    assert!(error["line"].is_u64() && error["mend"].is_string());

    let config = fs::read_to_string(path.join("run/config.toml")).unwrap();
    fs::write(path.join("run/config.toml"), config.replace("epochs = 2", "epochs = 3")).unwrap();
    for args in [&["train", "--run", "run", "--resume"][..], &["eval", "run"]] {
        assert_eq!(refused(path, args).1["code"], "config-changed");
    }
    fs::write(path.join("run/config.toml"), config).unwrap();

    kenyon_json(path, &["circuit", "lesion", "circuit.h5", "--silence", "population = APL", "-o", "lesioned.h5"]);
    fs::rename(path.join("lesioned.h5"), path.join("circuit.h5")).unwrap();
    for args in [&["train", "--run", "run", "--resume"][..], &["eval", "run"]] {
        let (code, error) = refused(path, args);
        assert_eq!((code, &error["code"]), (3, &"input-changed".into()), "{error}");
        assert!(error["mend"].is_string() && error["file"].as_str().unwrap().ends_with("circuit.h5"));
    }
    fs::remove_file(path.join("circuit.h5")).unwrap();
    assert_eq!(refused(path, &["eval", "run"]).1["code"], "not-found");
}

#[test]
fn checkpoints_that_are_missing_damaged_or_of_another_run_are_not_judged() {
    let dir = workplace(CONFIG);
    let path = dir.path();
    train(path, "run");
    fs::write(path.join("train.toml"), CONFIG.replace("lr = 0.01", "lr = 0.02")).unwrap();
    train(path, "other");
    let theirs = pointed(&path.join("other"), "last");
    let code = |args: &[&str]| {
        let (code, error) = refused(path, args);
        assert!(code == 3 && error["mend"].is_string(), "{error}");
        error["code"].as_str().unwrap().to_string()
    };
    assert_eq!(code(&["eval", "run", "--checkpoint", theirs.to_str().unwrap()]), "config-mismatch");
    assert_eq!(code(&["eval", "run", "--checkpoint", "train.toml"]), "not-a-checkpoint");
    let best = pointed(&path.join("run"), "best");
    let mut bytes = fs::read(&best).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&best, bytes).unwrap();
    assert_eq!(code(&["eval", "run"]), "checksum");
    fs::remove_dir_all(path.join("run/checkpoints")).unwrap();
    assert_eq!(code(&["eval", "run"]), "no-checkpoint");
    assert!(!path.join("run/checkpoints").exists(), "judging writes nothing");
}

#[test]
fn a_checkpoint_of_the_same_neurons_with_swapped_connections_is_neither_judged_nor_resumed() {
    let (own, swapped) = (workplace(CONFIG), workplace(CONFIG));
    kenyon_json(swapped.path(), &["circuit", "shuffle", "circuit.h5", "--model", "swap", "-o", "null.h5"]);
    fs::rename(swapped.path().join("null.h5"), swapped.path().join("circuit.h5")).unwrap();
    train(own.path(), "run");
    train(swapped.path(), "run");
    let config = |dir: &tempfile::TempDir| fs::read(dir.path().join("run/config.toml")).unwrap();
    assert_eq!(config(&own), config(&swapped), "nothing in the config tells them apart");
    // In the form `gain` no tensor has a row per pair: shapes and neurons agree.
    fs::copy(pointed(&own.path().join("run"), "last"), pointed(&swapped.path().join("run"), "last")).unwrap();
    for args in [&["eval", "run", "--checkpoint", "last"][..], &["train", "--run", "run", "--resume"]] {
        let (code, error) = refused(swapped.path(), args);
        assert_eq!((code, &error["code"]), (3, &"wiring-mismatch".into()), "{args:?}: {error}");
        assert!(error["file"].is_string() && error["mend"].is_string(), "{error}");
    }
}
