//! `kenyon train --deploy-aware`: the last epochs with a board's numbers, from config to certificate.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use kenyon::run::{Checkpoint, Record, journal};
use kenyon::training::deploy_aware::Grid;
use kenyon::training::loaded::Loaded;
use kenyon::transfer::LowerOptions;
use kenyon::transfer::certify::{CertifyOptions, certify};
use kenyon_base::Silent;
use kenyon_datasets::split::Part;
use support::kenyon_json;
use support::training::{CONFIG, pointed, refused, train, workplace};

/// Two of three epochs with the board's numbers, with a checkpoint every four steps.
fn aware() -> String {
    CONFIG
        .replace("noise = 0.02", "noise = 0.0")
        .replace("epochs = 2", "epochs = 3\nkeep = 20\ndeploy_aware_epochs = 2\ncheckpoint_every = 4")
        .replace("[\"wi\"]", "[\"oi\", \"scale\", \"w_readout\"]")
}

fn timeless(run: &Path) -> Vec<Record> {
    journal::read(&run.join("journal.jsonl")).expect("a journal").into_iter().map(Record::timeless).collect()
}

#[test]
fn a_killed_deploy_aware_run_goes_on_with_the_same_bits() {
    let dir = workplace(&aware());
    let path = dir.path();
    let whole = kenyon_json(path, &["train", "train.toml", "--run", "whole", "--threads", "1"])["summary"].clone();
    let records = timeless(&path.join("whole"));
    let begins: Vec<_> = records.iter().enumerate().filter(|(_, r)| r.event == "deploy-aware").collect();
    let [(begin, record)] = begins[..] else { panic!("the phase begins {} times", begins.len()) };
    assert_eq!(record.epoch, 1);
    let shown = |name: &str| record.values[name].unwrap();
    assert!(shown("board_scale/KC") >= 1.0 && shown("board_scale/readout") >= 1.0 && shown("board_shift_exc/KC") <= 15.0);

    // Before the phase, at its beginning, within it.
    for (kill, until) in [begin - 6, begin + 1, begin + 14].into_iter().enumerate() {
        let run = path.join(format!("run{kill}"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_kenyon"));
        command.current_dir(path).args(["train", "train.toml", "--quiet", "--threads", "2", "--run"]).arg(&run);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let lines = || fs::read(run.join("journal.jsonl")).map_or(0, |bytes| bytes.split(|b| *b == b'\n').count() - 1);
        while child.try_wait().unwrap().is_none() && lines() < until {
            sleep(Duration::from_micros(300));
        }
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "it had ended already");
        let summary = kenyon_json(path, &["train", "--run", run.to_str().unwrap(), "--resume"])["summary"].clone();
        assert_eq!(summary["weights_sha256"], whole["weights_sha256"], "killed at record {until}");
        assert_eq!(timeless(&run), records, "killed at record {until}");
    }

    // What the phase runs with is in the checkpoints, but not among the parameters.
    let last = Checkpoint::read(&pointed(&path.join("whole"), "last")).unwrap();
    assert!(last.manifest.state["grid"]["hidden"].as_array().is_some_and(|all| !all.is_empty()));
    // The best is one of the phase, whatever the plain network before it reached.
    assert!(last.manifest.best.as_ref().is_some_and(|best| best.step > record.step), "{:?}", last.manifest.best);
}

#[test]
fn the_flag_is_one_epoch_and_changes_nothing_before_it() {
    let dir = workplace(&aware().replace("deploy_aware_epochs = 2\n", "").replace("epochs = 3", "epochs = 2"));
    let path = dir.path();
    train(path, "plain");
    kenyon_json(path, &["train", "train.toml", "--run", "aware", "--deploy-aware"]);
    let config = fs::read_to_string(path.join("aware/config.toml")).unwrap();
    assert!(config.contains("deploy_aware_epochs = 1"), "{config}");
    let [plain, aware] = ["plain", "aware"].map(|run| timeless(&path.join(run)));
    let first =
        |records: &[Record]| records.iter().filter(|r| r.epoch == 0 && r.event != "deploy-aware").cloned().collect::<Vec<_>>();
    assert_eq!(first(&plain), first(&aware));
    assert_ne!(plain.last().unwrap().values, aware.last().unwrap().values);
    // Evaluation and certificate take the plain parameters, and the board's own numbers of them.
    kenyon_json(path, &["eval", "aware"]);
    let ran = support::kenyon_in(path, &["certify", "aware", "-o", "certificate", "--max-loss", "100", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // Another scale than the network was trained for is said.
    let other = support::kenyon_in(path, &["certify", "aware", "-o", "other", "--max-loss", "100", "--weight-scale", "4"]);
    assert!(
        other.stderr.contains("trained for other numbers of the board") && other.stderr.contains("scale 4,"),
        "{}",
        other.stderr
    );
    let plain = support::kenyon_in(path, &["certify", "plain", "-o", "neither", "--max-loss", "100", "--weight-scale", "4"]);
    assert!(!plain.stderr.contains("trained for other numbers"), "{}", plain.stderr);
}

#[test]
fn more_in_the_config_is_not_cut_by_the_flag() {
    let dir = workplace(&aware());
    kenyon_json(dir.path(), &["train", "train.toml", "--run", "run", "--deploy-aware"]);
    let config = fs::read_to_string(dir.path().join("run/config.toml")).unwrap();
    assert!(config.contains("deploy_aware_epochs = 2"), "{config}");
    let (code, error) = refused(dir.path(), &["train", "--run", "run", "--resume", "--deploy-aware"]);
    assert_eq!((code, error["code"].as_str()), (2, Some("usage")), "{error}");
}

#[test]
fn a_bad_number_and_networks_that_no_board_can_hold_are_refused_before_training() {
    let dir = workplace("");
    let check = |text: &str, code: &str, key: &str| {
        fs::write(dir.path().join("train.toml"), text).unwrap();
        let (exit, error) = refused(dir.path(), &["train", "train.toml", "--run", "run"]);
        assert_eq!((exit, error["code"].as_str(), error["key"].as_str()), (3, Some(code), Some(key)), "{error}");
        assert!(error["file"] == "train.toml" && error["mend"].is_string(), "{error}");
        assert!(!dir.path().join("run").exists(), "a run folder was left behind");
    };
    let key = "train.deploy_aware_epochs";
    check(&aware().replace("deploy_aware_epochs = 2", "deploy_aware_epochs = 4"), "bad-number", key);
    check(&aware().replace("noise = 0.0", "model = \"lif2\""), "cannot-lower", key);
    check(&aware().replace("noise = 0.0", "tau_syn_by_nt_ms = { gaba = 10.0, glut = 30.0 }"), "cannot-lower", key);
}

#[test]
fn the_forward_pass_spikes_where_the_emulated_board_does() {
    let dir = workplace(&aware());
    train(dir.path(), "run");
    let mut loaded = Loaded::<f32>::open(&dir.path().join("run"), "last").unwrap();
    let decision = loaded.decision().unwrap();
    let options = CertifyOptions { lower: LowerOptions { decision, ..LowerOptions::default() }, ..CertifyOptions::default() };
    let samples = loaded.samples(Part::Test, None);
    // Share of the spikes that the emulated board has in the same step.
    let agreement = |loaded: &Loaded<f32>, bundle: &str| {
        let done = certify(loaded, &samples, &options, &dir.path().join(bundle), &Silent).unwrap();
        let spikes: Vec<(f64, f64)> = done
            .populations
            .iter()
            .filter_map(|p| Some((p.identical_share? * p.spikes_float as f64, p.spikes_float as f64)))
            .collect();
        let all = spikes.iter().map(|s| s.1).sum::<f64>();
        assert!(all > 1_000.0, "the network is silent");
        spikes.iter().map(|s| s.0).sum::<f64>() / all
    };
    let plain = agreement(&loaded, "plain");
    let source = &*loaded.setup.source;
    let grid = Grid::choose(&loaded.model, source, loaded.setup.remap.as_deref(), &loaded.config.loss).unwrap();
    loaded.model.set_grid(Some(grid)).unwrap();
    let rounded = agreement(&loaded, "rounded");
    assert!(rounded > 0.995 && rounded > plain, "{rounded} with the board's numbers, {plain} without");
}
