//! What the training commands say: every example of the page works, and every refusal names the place and the mend.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use kenyon::training::TrainConfig;
use kenyon::training::setup::Setup;
use support::training::{CONFIG, checkpoints, refused, train, workplace};
use support::{Ran, kenyon_in, kenyon_json, repository};

/// The example config of the page, and its groups of commented lines that belong together.
fn examples() -> (String, Vec<Vec<String>>) {
    let page = fs::read_to_string(repository("docs/training.md")).expect("the page is there");
    let block = page.split("```toml\n").nth(1).expect("a config").split("```").next().expect("its end").to_string();
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut before = false;
    for line in block.lines() {
        let commented = line.starts_with("# ");
        // Neighbours in the same table are examples of their own unless both are needed: those end a group with a blank line.
        let joins = before
            && (line.starts_with("# lower_strength")
                || line.starts_with("# upper_strength")
                || line.starts_with("# deferred_epochs"));
        match groups.last_mut() {
            Some(last) if joins => last.push(line.into()),
            _ if commented => groups.push(vec![line.into()]),
            _ => {}
        }
        before = commented;
    }
    (block, groups)
}

fn check(dir: &Path, text: &str) -> Result<(), String> {
    let path = dir.join("train.toml");
    fs::write(&path, text).map_err(|e| e.to_string())?;
    let all = || {
        let config = TrainConfig::read(&path)?;
        let setup = Setup::open(&config, &path, 1)?;
        let model = setup.model::<f32>(&config, 1)?;
        setup.check_names(&config, &model.parameters, &path)
    };
    all().map_err(|e| e.to_string())
}

#[test]
fn every_example_line_of_the_page_works_when_uncommented() {
    let dir = workplace("");
    kenyon_json(
        dir.path(),
        &["odors", "make", "--circuit", "circuit.h5", "--repeats", "4", "--max-odors", "3", "-o", "odors.h5"],
    );
    let (block, groups) = examples();
    check(dir.path(), &block).expect("the example as it stands");
    assert!(groups.len() >= 9, "the page has lost its examples: {groups:?}");
    for group in groups {
        let mut text = block.clone();
        for line in &group {
            text = text.replace(line.as_str(), &line[2..]);
        }
        if group[0].starts_with("# data") {
            let (head, rest) = text.split_once("\n[odors]").expect("a recipe");
            text = format!("{head}\n{}", &rest[rest.find("[network]").expect("a network")..]);
        }
        check(dir.path(), &text).unwrap_or_else(|e| panic!("{group:?}: {e}"));
    }
}

#[test]
fn one_number_serves_for_a_range_and_other_forms_are_told_the_form() {
    let dir = workplace("");
    for number in ["20.0", "20", "[20.0, 20.0]"] {
        check(dir.path(), &CONFIG.replace("noise = 0.02", &format!("tau_mem_ms = {number}\ni_c = 0.1"))).expect(number);
    }
    for number in ["\"20\"", "[1.0, 2.0, 3.0]"] {
        let error = check(dir.path(), &CONFIG.replace("noise = 0.02", &format!("tau_mem_ms = {number}"))).expect_err(number);
        assert!(error.contains("a number, or `[low, high]`") && error.contains("docs/training.md"), "{error}");
    }
}

#[test]
fn a_delay_of_inputs_is_refused_as_what_it_is() {
    let dir = workplace("");
    let error = check(dir.path(), &CONFIG.replace("noise = 0.02", "delay_ms = { ORN = 2.0 }")).expect_err("ORN are inputs");
    assert!(error.contains("holds inputs") && !error.contains("names nothing"), "{error}");
}

#[test]
fn a_config_without_a_circuit_works_with_the_flag_and_says_so_without() {
    let dir = workplace(&CONFIG.replace("circuit = \"circuit.h5\"", ""));
    let (code, error) = refused(dir.path(), &["train", "train.toml", "--run", "run"]);
    assert_eq!((code, &error["code"], &error["key"]), (3, &"no-circuit".into(), &"circuit".into()));
    assert!(error["mend"].as_str().is_some_and(|m| m.contains("--circuit circuit.h5")), "{error}");
    kenyon_json(dir.path(), &["train", "train.toml", "--circuit", "circuit.h5", "--run", "run"]);
}

#[test]
fn a_missing_file_says_who_names_it() {
    let dir = workplace(&CONFIG.replace("circuit.h5", "nowhere.h5"));
    let mend = |args: &[&str]| {
        let (code, error) = refused(dir.path(), args);
        assert_eq!((code, &error["code"]), (3, &"not-found".into()), "{error}");
        error["mend"].as_str().expect("a mend").to_string()
    };
    let said = mend(&["train", "train.toml", "--run", "run"]);
    assert!(said.contains("key `circuit` of `train.toml`") && said.contains("--circuit"), "{said}");
    let said = mend(&["train", "train.toml", "--circuit", "gone.h5", "--run", "run"]);
    assert!(said.contains("`--circuit`"), "{said}");
    fs::write(dir.path().join("train.toml"), CONFIG.replace("[odors]", "[odors]\ntable = \"none.csv\"")).expect("written");
    let said = mend(&["train", "train.toml", "--run", "run"]);
    assert!(said.contains("key `odors.table` of `train.toml`"), "{said}");
    let said = mend(&["odors", "make", "train.toml", "--circuit", "circuit.h5", "-o", "o.h5"]);
    assert!(said.contains("key `table` of `train.toml`"), "{said}");
    fs::write(dir.path().join("train.toml"), CONFIG).expect("written");
    train(dir.path(), "run");
    fs::create_dir(dir.path().join("deep")).expect("created");
    fs::rename(dir.path().join("run"), dir.path().join("deep/run")).expect("moved");
    for args in [&["eval", "deep/run"][..], &["train", "--run", "deep/run", "--resume"]] {
        let said = mend(args);
        assert!(said.contains("moves only together with them"), "{said}");
    }
}

#[test]
fn a_resume_with_another_seed_is_refused() {
    let dir = workplace(CONFIG);
    train(dir.path(), "run");
    let (code, error) = refused(dir.path(), &["train", "--run", "run", "--resume", "--seed", "7"]);
    assert_eq!((code, &error["code"]), (2, &"seed-mismatch".into()), "{error}");
    kenyon_json(dir.path(), &["train", "--run", "run", "--resume", "--seed", "1"]);
}

#[test]
fn wrong_options_of_eval_exit_with_2_and_name_the_checkpoints_there_are() {
    let dir = workplace(CONFIG);
    train(dir.path(), "run");
    for args in [
        &["eval", "run", "--samples", "0"][..],
        &["eval", "run", "--samples", "-1"],
        &["report", "run", "-o", "x.html", "--samples", "0"],
    ] {
        let ran = kenyon_in(dir.path(), args);
        assert!(ran.code == 2 && ran.stderr.contains("at least 1"), "{args:?}: {}", ran.stderr);
    }
    let (code, error) = refused(dir.path(), &["eval", "run", "--checkpoint", "nope"]);
    assert_eq!((code, &error["code"]), (2, &"no-such-checkpoint".into()), "{error}");
    for file in checkpoints(&dir.path().join("run")) {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(error["expected"].as_str().is_some_and(|e| e.contains(&name)), "{name}: {error}");
    }
    let ran = kenyon_in(dir.path(), &["odors", "make", "--circuit", "circuit.h5", "--repeats", "-1", "-o", "o.h5"]);
    assert!(ran.code == 2 && ran.stderr.contains("whole number of at least 1"), "{}", ran.stderr);
}

#[test]
fn neurons_that_do_not_spike_have_outputs_and_no_rates() {
    let dir = workplace(&CONFIG.replace("[network]", "[network]\nmodel = \"nonspiking\"").replace("epochs = 2", "epochs = 1"));
    let ran = kenyon_in(dir.path(), &["train", "train.toml", "--run", "run"]).ok();
    assert!(ran.stderr.contains("cannot be exported") && !ran.stderr.contains("fire"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("1 epoch, "), "{}", ran.stdout);
    let eval = kenyon_json(dir.path(), &["eval", "run"]);
    assert_eq!((&eval["spikes_per_neuron"], &eval["hints"]), (&serde_json::Value::Null, &serde_json::json!([])));
    for population in eval["populations"].as_array().expect("a list") {
        assert!(population["rate_hz"].is_null(), "{population}");
        assert!(population["mean_output"].as_f64().is_some_and(|m| (0.0..=1.0).contains(&m)), "{population}");
    }
    let text = kenyon_in(dir.path(), &["eval", "run"]).ok().stdout;
    assert!(text.contains("mean output") && !text.contains("Hz"), "{text}");
    kenyon_in(dir.path(), &["report", "run", "-o", "page.html"]).ok();
    let page = fs::read_to_string(dir.path().join("page.html")).expect("written");
    assert!(page.contains("Mean outputs") && !page.contains("50 Hz") && !page.contains("spiking neurons"));
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_told_in_one_line() {
    let dir = workplace(CONFIG);
    let command = format!(
        "trap '' XFSZ; ulimit -f 40; exec {} odors make --circuit circuit.h5 -o o.h5 --quiet",
        env!("CARGO_BIN_EXE_kenyon")
    );
    let ran = Ran::of(&Command::new("bash").args(["-c", &command]).current_dir(dir.path()).output().expect("bash runs"));
    assert_eq!((ran.code, ran.stderr.lines().count()), (1, 1), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("File too large") && ran.stderr.contains("space left") && !ran.stderr.contains("errno"),
        "{}",
        ran.stderr
    );
}

#[test]
fn help_shows_the_options_of_every_command_apart() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for command in ["train", "eval", "report", "demo"] {
        let help = kenyon_in(dir.path(), &[command, "--help"]).ok().stdout;
        let (own, shared) = help.split_once("Options of every command:").expect("a heading of their own");
        for option in ["--json", "--quiet", "--seed", "--threads"] {
            assert!(!own.contains(option) && shared.contains(option), "{command} {option}:\n{help}");
        }
    }
}
