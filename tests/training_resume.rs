//! A training that is killed at any moment and resumed ends with the same weights as one that never was; what stands in the way
//! of a resume is said, and the last good checkpoint stays.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use kenyon::run::{Record, journal, tensorboard};
use kenyon_base::Streams;
use rand::Rng;
use serde_json::Value;
use support::kenyon_json;
use support::training::{CONFIG, checkpoints, make_fly, pointed, refused, train, workplace};
use tempfile::TempDir;

/// Two stages with a fresh optimiser at the second; noise, a schedule, a short last batch.
fn staged() -> String {
    let stages = "epochs = 5\nkeep = 3\ndeferred = [\"ow\"]\ndeferred_epochs = 2\ncheckpoint_every = 4";
    let text = CONFIG.replace("epochs = 2", stages).replace("[\"wi\"]", "[\"oi\", \"w_readout\"]");
    text.replace("\"gain\"", "\"log-magnitude\"").replace("batch_size = 4", "batch_size = 5")
        + "schedule = { kind = \"cosine\", warm_up_epochs = 0.5, final_factor = 0.1 }\nclip = { norm = 1.0 }\n"
}

/// The run that nothing interrupts, on one thread: `whole` in its folder.
fn whole() -> &'static (TempDir, String) {
    static WHOLE: OnceLock<(TempDir, String)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let dir = workplace(&staged());
        let report = kenyon_json(dir.path(), &["train", "train.toml", "--run", "whole", "--threads", "1"]);
        // A network that learns nothing would end with the same weights whatever happens.
        let accuracy = report["summary"]["best_validation_accuracy"].as_f64().unwrap();
        assert!(accuracy > 0.3, "the network learned nothing: {accuracy}");
        (dir, report["summary"]["weights_sha256"].as_str().unwrap().to_string())
    })
}

/// A workplace beside that of the whole run, with the same config and circuit.
fn twin() -> TempDir {
    let dir = workplace(&staged());
    fs::copy(whole().0.path().join("circuit.h5"), dir.path().join("circuit.h5")).unwrap();
    dir
}

fn start(dir: &Path, threads: usize) -> Child {
    let resume = dir.join("run/manifest.json").exists();
    if !resume {
        // Killed before the run had begun: there is nothing to resume.
        let _ = fs::remove_dir_all(dir.join("run"));
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_kenyon"));
    command.current_dir(dir).args(if resume { &["train", "--resume"][..] } else { &["train", "train.toml"] });
    command.args(["--run", "run", "--quiet", "--threads", &threads.to_string()]);
    command.stdout(Stdio::null()).spawn().unwrap()
}

fn lines(run: &Path) -> usize {
    fs::read(run.join("journal.jsonl")).map_or(0, |bytes| bytes.split(|b| *b == b'\n').count() - 1)
}

fn timeless(run: &Path) -> Vec<Record> {
    journal::read(&run.join("journal.jsonl")).unwrap().into_iter().map(Record::timeless).collect()
}

fn bytes(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    checkpoints(run).iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

/// Starts the run and kills it once its journal has `until` lines, and a moment later; whether it was killed in time.
fn killed(dir: &Path, threads: usize, until: usize, later: Duration) -> bool {
    let mut child = start(dir, threads);
    while child.try_wait().unwrap().is_none() && lines(&dir.join("run")) < until {
        sleep(Duration::from_micros(300));
    }
    sleep(later);
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn a_training_killed_at_ten_random_moments_ends_with_the_weights_of_one_that_never_was() {
    let (whole, sha256) = (whole().0.path().join("whole"), &whole().1);
    let all = lines(&whole);
    let dir = twin();
    let mut random = Streams::new(21).stream("kills");
    for kill in 0..10 {
        let threads = [1, 2, 4][kill % 3];
        // A process that ended before it was killed leaves a finished run: the place begins anew, and the moment is drawn again.
        let caught = (0..10).any(|_| {
            let until = kill * all / 11 + random.random_range(0..all / 11);
            let later = Duration::from_micros(random.random_range(0..4000));
            let caught = killed(dir.path(), threads, until, later);
            if !caught {
                fs::remove_dir_all(dir.path().join("run")).unwrap();
            }
            caught
        });
        assert!(caught, "kill {kill}: the process ended first every time");
    }
    let summary = kenyon_json(dir.path(), &["train", "--run", "run", "--resume", "--threads", "2"])["summary"].clone();
    assert_eq!(summary["weights_sha256"], *sha256);
    let run = dir.path().join("run");
    assert_eq!(timeless(&run), timeless(&whole));
    assert!(bytes(&run) == bytes(&whole), "the checkpoints differ");
    assert_eq!(pointed(&run, "best").file_name(), pointed(&whole, "best").file_name());
    let scalars = |run: &Path| -> Vec<(u64, u32)> {
        let events = tensorboard::read(&run.join(tensorboard::FILE_NAME)).unwrap();
        events.into_iter().map(|s| (s.step, s.value.to_bits())).collect()
    };
    assert_eq!(scalars(&run), scalars(&whole));
    assert_eq!(
        kenyon_json(dir.path(), &["eval", "run"])["confusion"],
        kenyon_json(whole.parent().unwrap(), &["eval", "whole"])["confusion"]
    );
}

#[test]
fn one_two_and_four_threads_end_with_the_same_weights_and_journal() {
    let (whole, sha256) = (whole().0.path().join("whole"), &whole().1);
    for threads in ["2", "4"] {
        let dir = twin();
        let report = kenyon_json(dir.path(), &["train", "train.toml", "--run", "run", "--threads", threads]);
        assert_eq!(report["summary"]["weights_sha256"], *sha256, "{threads} threads");
        assert_eq!(timeless(&dir.path().join("run")), timeless(&whole));
    }
}

#[test]
fn a_run_killed_around_the_boundary_of_its_stages_is_resumed_as_if_it_had_not_been() {
    let (whole, sha256) = (whole().0.path().join("whole"), &whole().1);
    // The record of the third epoch, after which the deferred weights are trained.
    let boundary = 1 + timeless(&whole).iter().position(|r| r.event == "epoch" && r.epoch == 2).unwrap();
    for until in [boundary - 2, boundary, boundary + 2] {
        let dir = twin();
        assert!(killed(dir.path(), 1, until, Duration::ZERO), "it had ended already");
        let summary = kenyon_json(dir.path(), &["train", "--run", "run", "--resume"])["summary"].clone();
        assert_eq!(summary["weights_sha256"], *sha256, "killed at record {until}");
    }
    let last = kenyon::run::Checkpoint::read(&pointed(&whole, "last")).unwrap();
    let theta: Vec<f32> = last.values("param/theta_recurrent").unwrap();
    assert!(theta.iter().any(|t| *t != 0.0), "the deferred weights were trained");
}

/// A run that was killed half-way, with at least two checkpoints.
fn half() -> TempDir {
    let dir = twin();
    let half = lines(&whole().0.path().join("whole")) / 2;
    assert!(killed(dir.path(), 1, half, Duration::ZERO), "it had ended already");
    assert!(checkpoints(&dir.path().join("run")).len() >= 2);
    dir
}

/// Resumes, expecting bad data and no change; returns the error.
fn refused_unchanged(dir: &Path) -> Value {
    let run = dir.join("run");
    let before = (bytes(&run), fs::read(run.join("journal.jsonl")).unwrap(), pointed(&run, "last"));
    let (code, error) = refused(dir, &["train", "--run", "run", "--resume"]);
    assert!(code == 3 && error["file"].is_string() && error["mend"].is_string(), "{code}: {error}");
    assert!(before == (bytes(&run), fs::read(run.join("journal.jsonl")).unwrap(), pointed(&run, "last")), "the run was changed");
    error
}

#[test]
fn a_damaged_checkpoint_is_refused_and_the_mend_leads_to_the_same_weights() {
    let change = |bytes: &mut Vec<u8>| {
        let at = bytes.len() * 2 / 3;
        bytes[at] ^= 1;
    };
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    for damage in [change as fn(&mut Vec<u8>), cut] {
        let dir = half();
        let last = pointed(&dir.path().join("run"), "last");
        let mut content = fs::read(&last).unwrap();
        damage(&mut content);
        fs::write(&last, content).unwrap();
        let error = refused_unchanged(dir.path());
        assert!(["checksum", "bad-checkpoint"].contains(&error["code"].as_str().unwrap()), "{error}");
        let mend = error["mend"].as_str().unwrap();
        let all = checkpoints(&dir.path().join("run"));
        let before = all[all.iter().position(|p| *p == last).unwrap() - 1].file_name().unwrap().to_str().unwrap();
        assert!(mend.contains("remove this file") && mend.contains(before), "{mend}");
        fs::remove_file(&last).unwrap();
        let summary = kenyon_json(dir.path(), &["train", "--run", "run", "--resume"])["summary"].clone();
        assert_eq!(summary["weights_sha256"], whole().1);
    }
}

#[test]
fn a_checkpoint_of_another_network_or_config_is_refused() {
    let dir = half();
    let last = pointed(&dir.path().join("run"), "last");
    let own = fs::read(&last).unwrap();

    let other = workplace(&staged());
    make_fly(other.path(), "2");
    train(other.path(), "run");
    fs::copy(pointed(&other.path().join("run"), "last"), &last).unwrap();
    assert_eq!(refused_unchanged(dir.path())["code"], "id-mismatch");

    let other = workplace(&staged().replace("lr = 0.01", "lr = 0.02"));
    train(other.path(), "run");
    fs::copy(pointed(&other.path().join("run"), "last"), &last).unwrap();
    assert_eq!(refused_unchanged(dir.path())["code"], "config-mismatch");

    fs::write(&last, own).unwrap();
    let summary = kenyon_json(dir.path(), &["train", "--run", "run", "--resume"])["summary"].clone();
    assert_eq!(summary["weights_sha256"], whole().1);
}

#[test]
fn a_full_disk_ends_the_run_and_leaves_the_last_good_checkpoint() {
    let dir = half();
    let run = dir.path().join("run");
    let (checkpoint, before) = (pointed(&run, "last"), bytes(&run));
    // Too little for a checkpoint. A write beyond the limit fails as on a full disk once the signal is ignored.
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" train --run run --resume --json";
    let output =
        Command::new("bash").args(["-c", script, env!("CARGO_BIN_EXE_kenyon")]).current_dir(dir.path()).output().unwrap();
    let ran = support::Ran::of(&output);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let error = ran.json()["error"].clone();
    assert_eq!(error["code"], "cannot-write");
    assert!(error["file"].is_string() && error["mend"].as_str().unwrap().contains("space left"), "{error}");
    assert_eq!(pointed(&run, "last"), checkpoint);
    assert!(bytes(&run) == before, "a checkpoint was changed");
    assert!(fs::read_dir(run.join("checkpoints")).unwrap().flatten().all(|e| !e.file_name().to_string_lossy().contains(".tmp")));
    let summary = kenyon_json(dir.path(), &["train", "--run", "run", "--resume"])["summary"].clone();
    assert_eq!(summary["weights_sha256"], whole().1);
}
