//! Inputs, splits, steps.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::kenyon_json;
use super::support::training::{CONFIG, make_fly, refused, small_fly, train, workplace};

fn manifest(run: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(run.join("manifest.json")).unwrap()).unwrap()
}

/// The config with a stored data set in place of the recipe.
fn stored(data: &str) -> String {
    let (head, rest) = CONFIG.split_once("[odors]").unwrap();
    let (_, rest) = rest.split_once("[network]").unwrap();
    format!("{head}data = \"{data}\"\n\n[network]{rest}")
}

/// Makes the data set of the config's recipe for `circuit`.
fn make(dir: &Path, circuit: &str, data: &str) {
    fs::write(dir.join("recipe.toml"), CONFIG.split_once("[network]").unwrap().0.split_once("[odors]").unwrap().1).unwrap();
    kenyon_json(dir, &["odors", "make", "recipe.toml", "--circuit", circuit, "-o", data]);
}

#[test]
fn fault_02_a_stored_data_set_trains_as_its_recipe_does_and_other_neurons_are_refused_with_both_counts() {
    let dir = workplace(CONFIG);
    let path = dir.path();
    let generated = train(path, "generated");
    make(path, "circuit.h5", "odors.h5");
    fs::write(path.join("train.toml"), stored("odors.h5")).unwrap();
    assert_eq!(train(path, "stored")["weights_sha256"], generated["weights_sha256"]);
    let other = tempfile::tempdir().unwrap();
    make_fly(other.path(), "2");
    fs::copy(other.path().join("circuit.h5"), path.join("other.h5")).unwrap();
    fs::write(path.join("train.toml"), stored("odors.h5").replace("circuit.h5", "other.h5")).unwrap();
    let (code, error) = refused(path, &["train", "train.toml", "--run", "bad"]);
    assert_eq!((code, &error["code"], &error["file"]), (3, &"input-mismatch".into(), &"odors.h5".into()));
    let inputs = |circuit: &str| {
        let circuit = kenyon_connectome::circuit::file::read(&path.join(circuit)).unwrap();
        circuit.input.iter().filter(|i| **i).count().to_string()
    };
    assert!(error["found"].as_str().unwrap().starts_with(&inputs("circuit.h5")), "{error}");
    assert!(error["expected"].as_str().unwrap().contains(&inputs("other.h5")), "{error}");
    assert!(!path.join("bad").exists());
}

#[test]
fn fault_11_a_split_hangs_on_the_seed_alone_and_another_one_is_refused_when_judging() {
    let dir = workplace(&CONFIG.replace("epochs = 2", "epochs = 1"));
    let path = dir.path();
    for (run, seed, threads) in [("a", "1", "1"), ("b", "1", "2"), ("c", "2", "1")] {
        kenyon_json(path, &["train", "train.toml", "--run", run, "--seed", seed, "--threads", threads]);
    }
    let split = |run: &str| manifest(&path.join(run))["splits"]["data"].clone();
    assert!(split("a") == split("b") && split("a") != split("c"));
    kenyon_json(path, &["eval", "a"]);
    // As if the samples were drawn anew for the evaluation.
    let text = fs::read_to_string(path.join("a/manifest.json")).unwrap();
    fs::write(path.join("a/manifest.json"), text.replace("\"seed\": 1,", "\"seed\": 2,")).unwrap();
    let (code, error) = refused(path, &["eval", "a"]);
    assert_eq!((code, &error["code"]), (3, &"split-mismatch".into()));
    assert!(error["expected"].as_str().unwrap().contains(split("c").as_str().unwrap()), "{error}");
    let (code, error) = refused(path, &["train", "--run", "a", "--resume"]);
    assert_eq!((code, &error["code"]), (3, &"split-mismatch".into()));
}

#[test]
fn fault_13_the_number_of_steps_is_in_the_manifest_with_one_more_in_parity() {
    for (bins, steps) in [("false", 60), ("true", 61)] {
        let dir =
            workplace(&CONFIG.replace("[odors]", &format!("[odors]\nparity_bins = {bins}")).replace("epochs = 2", "epochs = 1"));
        train(dir.path(), "run");
        assert_eq!(manifest(&dir.path().join("run"))["facts"]["steps"], steps);
    }
    let default: kenyon_datasets::odors::OdorSpec = toml::from_str("").unwrap();
    assert_eq!(default.all_steps(), 500);
}

#[test]
fn fault_15_the_test_split_is_judged_whole_and_with_its_interval() {
    let dir = workplace(CONFIG);
    train(dir.path(), "run");
    let report = kenyon_json(dir.path(), &["eval", "run", "--split", "test", "--ceiling"]);
    // A tenth of 20 repeats of six odours.
    assert_eq!((&report["samples"], &report["split"]), (&12.into(), &"test".into()));
    let correct = report["correct"].as_u64().unwrap();
    let [low, high] = kenyon_base::wilson(correct, 12).unwrap();
    assert_eq!(report["interval"], serde_json::json!([low, high]));
    assert_eq!(report["accuracy"], correct as f64 / 12.0);
    let confusion = report["confusion"].as_array().unwrap();
    assert_eq!(confusion.iter().map(|c| c[2].as_u64().unwrap()).sum::<u64>(), 12);
    let diagonal = confusion.iter().filter(|c| c[0] == c[1]).map(|c| c[2].as_u64().unwrap()).sum::<u64>();
    assert_eq!(diagonal, correct);
    assert!(report["classes"].as_array().unwrap().iter().all(|c| c["samples"] == 2));
    assert!(report["ceiling"]["accuracy"].as_f64().unwrap() >= report["chance"].as_f64().unwrap());
    assert!(report["types"].as_array().unwrap().len() > 10);
    let text = super::support::kenyon_in(dir.path(), &["eval", "run"]).ok().stdout;
    assert!(text.contains("95 % interval") && text.contains("of 12 samples"), "{text}");
}

#[test]
fn fault_22_a_run_holds_no_absolute_path_and_moves_with_its_inputs() {
    let dir = workplace(CONFIG);
    train(dir.path(), "run");
    let before = kenyon_json(dir.path(), &["eval", "run"]);
    let here = dir.path().to_str().unwrap();
    for file in ["config.toml", "manifest.json", "journal.jsonl"] {
        let text = fs::read_to_string(dir.path().join("run").join(file)).unwrap();
        assert!(!text.contains(here) && !text.contains("\"/"), "{file}");
    }
    let moved = tempfile::tempdir().unwrap();
    for name in ["circuit.h5", "run"] {
        fs::rename(dir.path().join(name), moved.path().join(name)).unwrap();
    }
    assert_eq!(kenyon_json(moved.path(), &["eval", "run"]), before);
}

#[test]
fn fault_22_flies_and_tables_of_any_size_train() {
    assert!(small_fly().path().join("circuit.h5").is_file());
    for (odors, repeats) in [(2, 4), (31, 10)] {
        let text = CONFIG
            .replace("max_odors = 6", &format!("max_odors = {odors}"))
            .replace("repeats = 20", &format!("repeats = {repeats}"));
        let dir = workplace(&text.replace("epochs = 2", "epochs = 1"));
        train(dir.path(), "run");
        assert_eq!(kenyon_json(dir.path(), &["eval", "run", "--split", "train"])["classes"].as_array().unwrap().len(), odors);
    }
}

#[test]
fn a_stored_data_set_brings_its_ceiling_and_its_rate_at_rest() {
    let dir = workplace(&CONFIG.replace("repeats = 20", "repeats = 20\nspontaneous_hz = 20.0"));
    let path = dir.path();
    train(path, "generated");
    let ceiling = kenyon_json(path, &["eval", "generated", "--ceiling"])["ceiling"].clone();
    let recipe = fs::read_to_string(path.join("train.toml")).unwrap();
    fs::write(path.join("recipe.toml"), recipe.split_once("[network]").unwrap().0.split_once("[odors]").unwrap().1).unwrap();
    let make = |more: &[&str], name: &str| {
        let args: Vec<&str> =
            ["odors", "make", "recipe.toml", "--circuit", "circuit.h5", "-o", name].iter().chain(more).copied().collect();
        kenyon_json(path, &args);
    };
    make(&[], "odors.h5");
    make(&["--no-ceiling", "--samples", "samples"], "without.h5");
    kenyon_json(path, &["odors", "make", "--import", "samples", "-o", "packed.h5", "--steps", "60"]);
    let rest = |run: &str| {
        let text = fs::read_to_string(path.join(run).join("journal.jsonl")).unwrap();
        serde_json::from_str::<Value>(text.lines().next().unwrap()).unwrap()
    };
    assert_eq!(rest("generated")["values"]["rest/input_hz"], 20.0);
    for (data, run) in [("odors.h5", "a"), ("without.h5", "b"), ("packed.h5", "c")] {
        fs::write(path.join("train.toml"), stored(data).replace("epochs = 2", "epochs = 1")).unwrap();
        train(path, run);
    }
    assert!(rest("a")["values"] == rest("generated")["values"], "{} {}", rest("a"), rest("generated"));
    assert!(rest("c")["notes"][0].as_str().unwrap().contains("does not say how its inputs fire"), "{}", rest("c"));
    let whole = kenyon_json(path, &["eval", "a", "--ceiling"]);
    assert_eq!(whole["ceiling"], ceiling);
    assert!(whole["populations"].as_array().unwrap().iter().all(|p| p["responding_share"].is_f64()));
    let ran = super::support::kenyon_in(path, &["eval", "a", "--ceiling", "--samples", "5", "--json"]).ok();
    assert!(ran.json()["ceiling"].is_null() && ran.json()["ceiling_unknown"].as_str().unwrap().contains("whole test part only"));
    assert!(ran.stderr.contains("warning: the ceiling is not known"), "{}", ran.stderr);
    let none = kenyon_json(path, &["eval", "b", "--ceiling"]);
    assert!(none["ceiling"].is_null() && none["ceiling_unknown"].as_str().unwrap().contains("--no-ceiling"), "{none}");
    let packed = kenyon_json(path, &["eval", "c"]);
    assert!(packed["populations"].as_array().unwrap().iter().all(|p| p["responding_share"].is_null()));
    assert!(packed["response"]["reason"].as_str().unwrap().contains("no time before the odour"), "{}", packed["response"]);
    for (run, holds) in [("a", true), ("b", false)] {
        let ran = super::support::kenyon_in(path, &["report", run, "-o", "page.html"]).ok();
        assert_eq!(fs::read_to_string(path.join("page.html")).unwrap().contains("Ideal observer"), holds);
        assert_eq!(ran.stderr.contains("the page has no ideal observer"), !holds, "{}", ran.stderr);
    }
}
