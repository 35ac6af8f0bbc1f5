//! `kenyon neuron dataset`: the same bytes however a set is made, and what a set says.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kenyon_datasets::simulation::{Part, SimStore};
use serde_json::Value;
use support::{Ran, kenyon_in, kenyon_json};

/// Fourteen simulations of 200 ms after 50 ms of warm-up.
const CONFIG: &str = r#"
preset = "ref_nmda_cable"

[set]
name = "small"
seed = 5
duration_ms = 200
warmup_ms = 50
counts = { train = 11, valid = 2, test = 1 }
generator = { ball_and_stick = { interval_ms = [16, 64] } }
"#;

fn folder(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("set.toml"), config).expect("written");
    dir
}

/// Forty simulations, of which eight are finished at a time.
fn long() -> String {
    CONFIG
        .replace("duration_ms = 200", "duration_ms = 1000")
        .replace("train = 11, valid = 2, test = 1", "train = 36, valid = 4, test = 0")
}

/// A run in the background that ends with its test.
struct Running(Child);

impl Running {
    fn start(dir: &Path, target: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kenyon"));
        command.current_dir(dir).args(["neuron", "dataset", "set.toml", "-o", target, "--threads", "1"]);
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs"))
    }

    /// Waits until simulations are finished.
    fn until_some_are_finished(&mut self, dir: &Path, target: &str) {
        let start = Instant::now();
        while records(dir, target).len() < 4 {
            assert!(self.0.try_wait().expect("runs").is_none(), "ended before simulations were found");
            assert!(start.elapsed() < Duration::from_secs(120), "no simulations were finished");
            sleep(Duration::from_micros(500));
        }
    }

    fn kill(mut self) {
        let _ = self.0.kill();
        self.0.wait().expect("ended");
    }

    fn wait(self) -> Ran {
        let Self(child) = self;
        Ran::of(&child.wait_with_output().expect("ended"))
    }
}

/// The finished simulations in the journal of a set.
fn records(dir: &Path, target: &str) -> Vec<PathBuf> {
    let folder = dir.join(format!("{target}.journal/train/0000"));
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    files.filter(|path| path.extension().is_some_and(|end| end == "sim")).collect()
}

/// A run of the long set that was killed when some simulations were finished; returns how many there were.
fn killed(dir: &Path, target: &str) -> usize {
    let mut run = Running::start(dir, target);
    run.until_some_are_finished(dir, target);
    run.kill();
    assert!(!dir.join(target).exists());
    records(dir, target).len()
}

fn number(value: &Value, key: &str) -> usize {
    value[key].as_u64().expect("a number") as usize
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).expect("written")
}

#[test]
fn a_set_has_the_same_bytes_at_any_number_of_threads_and_shards() {
    let dir = folder(CONFIG);
    let path = dir.path();
    let made = kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "one.h5", "--threads", "1"]);
    assert_eq!((made["simulated"].as_u64(), made["simulated_ms"].as_u64()), (Some(14), Some(14 * 250)));
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "two.h5", "--threads", "2"]);
    assert!(bytes(&path.join("one.h5")) == bytes(&path.join("two.h5")));
    let shards: Vec<String> = (1..=3).map(|i| format!("{i}/3")).collect();
    for shard in &shards {
        kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "set.h5", "--shard", shard]);
    }
    let names: Vec<String> = (1..=3).map(|i| format!("set.shard-00{i}-of-003.h5")).collect();
    let merge: Vec<&str> =
        ["neuron", "dataset", "merge"].into_iter().chain(names.iter().map(String::as_str)).chain(["-o", "set.h5"]).collect();
    kenyon_json(path, &merge);
    assert!(bytes(&path.join("one.h5")) == bytes(&path.join("set.h5")));
    // Another seed is another set.
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "other.h5", "--seed", "6"]);
    assert!(bytes(&path.join("one.h5")) != bytes(&path.join("other.h5")));

    let page = fs::read_to_string(path.join("one.html")).expect("a page");
    assert!(page.contains("Firing rate") && page.contains("Intervals between spikes") && !page.contains("NaN"));
    let info = kenyon_json(path, &["neuron", "dataset", "info", "one.h5"]);
    assert_eq!((&info["about"]["neuron"]["dt_ms"], &info["about"]["nseg"]), (&0.025.into(), &8.into()));
    assert_eq!(info["parts"][0]["simulations"], 11);

    // The same set again is no work, another one is put in its place with a word.
    let before = bytes(&path.join("one.h5"));
    let again = kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "one.h5"]);
    assert_eq!((&again["complete_already"], &again["simulated"], &again["found"]), (&true.into(), &0.into(), &14.into()));
    assert!(bytes(&path.join("one.h5")) == before);
    let ran = kenyon_in(path, &["neuron", "dataset", "set.toml", "-o", "one.h5", "--seed", "6"]);
    assert!(ran.code == 0 && bytes(&path.join("one.h5")) == bytes(&path.join("other.h5")), "{}", ran.stderr);
    for name in ["one.h5", "one.html"] {
        assert!(ran.stderr.contains(&format!("replaced: {name}")), "{}", ran.stderr);
    }
}

#[test]
fn outputs_are_named_after_what_they_are_and_never_over_an_input() {
    let dir = folder(&CONFIG.replace("train = 11, valid = 2, test = 1", "train = 2, valid = 0, test = 0"));
    let path = dir.path();
    let refused = |args: &[&str], code: i32, error: &str| {
        let ran = kenyon_in(path, &[&["neuron", "dataset"], args].concat());
        assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("error[{error}]")), "{args:?}: {}", ran.stderr);
    };
    refused(&["set.toml", "-o", "set.txt"], 2, "unknown-extension");
    refused(&["set.toml", "-o", "set.html"], 2, "unknown-extension");
    refused(&["set.toml", "-o", "set.h5", "--page", "page.pdf"], 2, "unknown-extension");
    refused(&["set.toml", "-o", "set.h5", "--page", "set.h5"], 2, "unknown-extension");
    refused(&["set.toml", "-o", "set.h5", "--page", "set.toml"], 2, "unknown-extension");
    refused(&["set.toml", "-o", "gone/set.h5"], 1, "cannot-write");
    refused(&["set.toml", "-o", "set.h5", "--page", "gone/page.html"], 1, "cannot-write");
    assert_eq!(fs::read_dir(path).expect("listed").count(), 1, "nothing is left of what was refused");
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "set.h5"]);
    refused(&["info", "set.h5", "--page", "set.h5"], 2, "unknown-extension");
    kenyon_json(path, &["neuron", "dataset", "export", "set.h5", "--layout", "npy", "-o", "npy", "--flagged"]);
    refused(&["import", "npy", "--layout", "npy", "--config", "set.toml", "-o", "back.txt"], 2, "unknown-extension");
    refused(&["import", "npy", "--layout", "npy", "--config", "set.toml", "-o", "gone/back.h5"], 1, "cannot-write");
    refused(&["merge", "set.h5", "-o", "set.h5"], 2, "output-is-input");
    refused(&["merge", "set.h5", "-o", "all"], 2, "unknown-extension");
    refused(&["merge", "set.h5", "-o", "all.html"], 2, "unknown-extension");
    // The manifest of a shard has the name of this config.
    let json = r#"{ "preset": "ref_nmda_cable", "set": { "duration_ms": 100, "generator": { "ball_and_stick": { "interval_ms": [16, 64] } } } }"#;
    fs::write(path.join("x.shard-001-of-002.json"), json).expect("written");
    refused(&["x.shard-001-of-002.json", "-o", "x.h5", "--shard", "1/2"], 2, "output-is-input");
}

#[test]
fn a_merge_that_lacks_a_shard_names_it_and_leaves_nothing_behind() {
    let dir = folder(&CONFIG.replace("train = 11, valid = 2, test = 1", "train = 3, valid = 0, test = 0"));
    let path = dir.path();
    for shard in ["1/3", "3/3"] {
        kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "set.h5", "--shard", shard]);
    }
    let before = fs::read_dir(path).expect("listed").count();
    let [one, three] = ["set.shard-001-of-003.h5", "set.shard-003-of-003.h5"];
    let ran = kenyon_in(path, &["neuron", "dataset", "merge", one, three, "-o", "set.h5"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("1 of 3 shards is missing: 2/3") && ran.stderr.contains("--shard 2/3"), "{}", ran.stderr);
    let ran = kenyon_in(path, &["neuron", "dataset", "merge", one, one, three, "-o", "set.h5"]);
    assert!(ran.code == 3 && ran.stderr.contains("1/3"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(path).expect("listed").count(), before);
}

#[test]
fn what_a_filter_flags_is_told_where_it_is_shown_and_left_out() {
    let never = "\n[set.filter]\nrate = { from = 200.0, to = 300.0 }\n";
    let dir = folder(&(CONFIG.replace("train = 11, valid = 2, test = 1", "train = 2, valid = 0, test = 0") + never));
    let path = dir.path();
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "set.h5"]);
    let info = kenyon_json(path, &["neuron", "dataset", "info", "set.h5"]);
    assert_eq!((&info["parts"][0]["kept"], &info["parts"][0]["flagged"]["rate"]), (&0.into(), &2.into()));
    assert!(kenyon_in(path, &["neuron", "dataset", "info", "set.h5"]).ok().stdout.contains("rate 2"));
    let ran = kenyon_in(path, &["neuron", "dataset", "export", "set.h5", "--layout", "npy", "-o", "npy"]).ok();
    assert!(ran.stdout.contains("left out, flagged by the filter: rate 2"), "{}", ran.stdout);
}

#[test]
fn a_killed_run_goes_on_and_ends_with_the_same_bytes() {
    let dir = folder(&long());
    let path = dir.path();
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "whole.h5"]);
    let there = killed(path, "killed.h5");
    // What is finished can be had meanwhile, and nothing of the journal goes away by it.
    let some = kenyon_json(path, &["neuron", "dataset", "snapshot", "killed.h5", "-o", "some.h5"]);
    assert_eq!(number(&some["parts"][0], "simulations"), there);
    assert_eq!(kenyon_json(path, &["neuron", "dataset", "info", "some.h5"])["parts"][0]["simulations"], there);
    let done = kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "killed.h5"]);
    assert!(number(&done, "found") >= there && number(&done, "simulated") > 0, "{there} were there: {done}");
    assert_eq!(number(&done, "found") + number(&done, "simulated"), 40);
    assert!(bytes(&path.join("whole.h5")) == bytes(&path.join("killed.h5")));
    assert!(!path.join("killed.h5.journal").exists());
    let over = kenyon_in(path, &["neuron", "dataset", "snapshot", "killed.h5", "-o", "some.h5"]);
    assert!(over.code == 3 && over.stderr.contains("no-journal"), "{}", over.stderr);

    // Killed after its last byte, before page and journal were in order.
    killed(path, "late.h5");
    let aside = path.join("aside");
    fs::rename(path.join("late.h5.journal"), &aside).expect("moved");
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "late.h5"]);
    fs::rename(&aside, path.join("late.h5.journal")).expect("moved");
    fs::write(path.join("late.html"), "an older page").expect("written");
    let done = kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "late.h5"]);
    assert_eq!((&done["complete_already"], number(&done, "found"), number(&done, "simulated")), (&true.into(), 40, 0));
    assert!(!path.join("late.h5.journal").exists() && bytes(&path.join("late.html")) == bytes(&path.join("whole.html")));
    assert!(bytes(&path.join("whole.h5")) == bytes(&path.join("late.h5")));
}

#[test]
#[cfg(unix)]
fn sigterm_lets_the_simulations_under_way_finish() {
    let dir = folder(&long());
    let path = dir.path();
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "whole.h5"]);
    let mut run = Running::start(path, "set.h5");
    run.until_some_are_finished(path, "set.h5");
    let pid = run.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    let ran = run.wait();
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("error[interrupted]") && ran.stderr.contains("of 40 simulations; they are kept"),
        "{}",
        ran.stderr
    );
    let there = records(path, "set.h5").len();
    assert!(there.is_multiple_of(8) && there < 40, "{there}");
    let done = kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "set.h5"]);
    assert_eq!(number(&done, "found"), there);
    assert!(bytes(&path.join("whole.h5")) == bytes(&path.join("set.h5")));
}

#[test]
fn a_second_run_of_the_same_set_is_kept_out() {
    let dir = folder(&long());
    let path = dir.path();
    let mut run = Running::start(path, "set.h5");
    run.until_some_are_finished(path, "set.h5");
    let second = kenyon_in(path, &["neuron", "dataset", "set.toml", "-o", "set.h5"]);
    assert_eq!(second.code, 1, "{}", second.stderr);
    assert!(second.stderr.contains("error[set-in-use]") && second.stderr.contains("process "), "{}", second.stderr);
    run.wait().ok();
    let again = kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "set.h5"]);
    assert_eq!(again["complete_already"], true);
    assert_eq!(fs::read_dir(path).expect("listed").count(), 3, "config, set and page");
}

#[test]
fn damaged_simulations_are_made_anew_and_named() {
    let dir = folder(&long());
    let path = dir.path();
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "whole.h5"]);
    let there = killed(path, "set.h5");
    for record in &records(path, "set.h5")[..2] {
        let mut changed = bytes(record);
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(record, changed).expect("written");
    }
    let ran = kenyon_in(path, &["neuron", "dataset", "set.toml", "-o", "set.h5", "--json"]).ok();
    assert_eq!(number(&ran.json(), "found"), there - 2);
    assert_eq!(ran.stderr.matches(".sim.damaged").count(), 2, "{}", ran.stderr);
    assert!(bytes(&path.join("whole.h5")) == bytes(&path.join("set.h5")));
}

#[test]
fn a_run_that_cannot_write_ends_at_once() {
    let dir = folder(&long().replace("train = 36", "train = 156"));
    let path = dir.path();
    let start = Instant::now();
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "whole.h5", "--threads", "1"]);
    let whole = start.elapsed();
    // A file where the folder of the records would be stands for a full disk.
    fs::create_dir(path.join("set.h5.journal")).expect("made");
    fs::write(path.join("set.h5.journal/train"), "").expect("written");
    let start = Instant::now();
    let ran = kenyon_in(path, &["neuron", "dataset", "set.toml", "-o", "set.h5", "--threads", "1"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("error[cannot-write]"), "{}", ran.stderr);
    // One group of twenty is simulated.
    assert!(start.elapsed() < whole / 2, "{:?} of {whole:?}", start.elapsed());
    fs::remove_file(path.join("set.h5.journal/train")).expect("removed");
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "set.h5"]);
    assert!(bytes(&path.join("whole.h5")) == bytes(&path.join("set.h5")));
}

#[test]
fn a_shard_that_changed_is_found_by_merge_and_made_anew() {
    let dir = folder(CONFIG);
    let path = dir.path();
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "whole.h5"]);
    let make = |shard: &str| kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "set.h5", "--shard", shard]);
    make("1/2");
    assert_eq!(make("2/2")["manifest"], "set.shard-002-of-002.json");
    let [one, two] = ["set.shard-001-of-002.h5", "set.shard-002-of-002.h5"];
    let mut changed = bytes(&path.join(two));
    let last = changed.len() - 1;
    changed[last] ^= 1;
    fs::write(path.join(two), changed).expect("written");
    let merge = ["neuron", "dataset", "merge", one, two, "-o", "set.h5"];
    let ran = kenyon_in(path, &merge);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("error[checksum]") && ran.stderr.contains(two), "{}", ran.stderr);
    assert_eq!(make("1/2")["complete_already"], true);
    assert_eq!(number(&make("2/2"), "simulated"), 7);
    kenyon_json(path, &merge);
    assert!(bytes(&path.join("whole.h5")) == bytes(&path.join("set.h5")));
}

#[test]
fn a_simulation_that_leaves_all_bounds_costs_no_other_one() {
    // Sixty pieces of a dendrite of 0.05 µm under weights of up to 400: the slope of the NMDA current lets some of them jump.
    let fine = "morphology = { ball_and_stick = { dend_length_um = 2048.0, dend_diam_um = 0.05, segments = 60 } }";
    let weights = "max_weight = [[[2.0, 4.5], [5.0, 400.0]], [[2.0, 3.5], [4.0, 7.0]]]";
    let config = CONFIG
        .replace("[set]", &format!("[neuron]\ncell = \"ball-and-stick\"\n{fine}\n\n[set]"))
        .replace("interval_ms", &format!("{weights}, interval_ms"));
    let dir = folder(&config);
    let path = dir.path();
    let made = kenyon_in(path, &["neuron", "dataset", "set.toml", "-o", "set.h5", "--json", "--threads", "1"]).ok();
    let left = made.json()["left_bounds"].as_array().expect("a list").clone();
    assert!(!left.is_empty() && left.len() < 14, "{left:?}");
    let seed = left[0]["seed"].as_u64().expect("a seed").to_string();
    assert!(made.stderr.contains("left all bounds") && made.stderr.contains(&seed), "{}", made.stderr);
    // The same with other neighbours.
    for shard in 1..=3 {
        kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "parts.h5", "--shard", &format!("{shard}/3")]);
    }
    let names: Vec<String> = (1..=3).map(|i| format!("parts.shard-00{i}-of-003.h5")).collect();
    let merge: Vec<&str> =
        ["neuron", "dataset", "merge"].into_iter().chain(names.iter().map(String::as_str)).chain(["-o", "parts.h5"]).collect();
    kenyon_json(path, &merge);
    assert!(bytes(&path.join("set.h5")) == bytes(&path.join("parts.h5")));
    let info = kenyon_json(path, &["neuron", "dataset", "info", "set.h5"]);
    let counted: usize = info["parts"].as_array().expect("parts").iter().map(|part| number(part, "left_bounds")).sum();
    assert_eq!(counted, left.len());
    let out = kenyon_json(path, &["neuron", "dataset", "export", "set.h5", "--layout", "npy", "-o", "npy", "--flagged"]);
    assert_eq!((number(&out, "simulations"), number(&out, "left_bounds")), (14 - left.len(), left.len()));
    assert!(!fs::read_to_string(path.join("set.html")).expect("a page").contains("NaN"));
}

#[test]
fn silent_simulations_are_drawn_again_and_the_initialisation_does_not_count() {
    let quiet = "duration_ms = 200\ninitialisation_ms = 100\nmax_trials = 3";
    let dir = folder(&CONFIG.replace("duration_ms = 200", quiet));
    let path = dir.path();
    let made = kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "set.h5"]);
    let store = SimStore::open(&path.join("set.h5")).expect("a set");
    let entries = store.entries(Part::Train);
    assert!(entries.iter().all(|e| (e.trials == 3 || e.n_spikes > 0) && e.trials <= 3), "{entries:?}");
    let again: u32 = entries.iter().map(|e| e.trials - 1).sum();
    assert!(again > 0 && entries.iter().any(|e| e.trials < 3), "{entries:?}");
    assert_eq!(made["set"]["parts"][0]["repeated"].as_u64(), Some(u64::from(again)));
}

#[test]
fn labels_are_those_of_the_simulated_neuron() {
    let dir = folder(&CONFIG.replace("duration_ms = 200", "duration_ms = 600"));
    let path = dir.path();
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "set.h5"]);
    let store = SimStore::open(&path.join("set.h5")).expect("a set");
    let mut spikes = 0;
    for at in 0..store.entries(Part::Train).len() {
        let record = store.record(Part::Train, at).expect("a simulation");
        // A cell that rests at -85 mV and spikes above 0.
        assert!(record.soma_v.iter().all(|v| (-110.0..80.0).contains(v)));
        for &t in &record.spikes_ms {
            let around = (t as usize).saturating_sub(1)..(t as usize + 2).min(record.soma_v.len());
            assert!(record.soma_v[around].iter().any(|v| *v > -60.0), "a spike at {t} ms without a voltage");
            assert!(record.near_spike[t as usize]);
        }
        spikes += record.spikes_ms.len();
        assert_eq!(record.branch_v.len(), 8 * 600);
    }
    assert!(spikes > 5, "{spikes} spikes in 11 simulations");
}

#[test]
fn the_reference_layout_goes_out_and_comes_back() {
    let dir = folder(CONFIG);
    let path = dir.path();
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "set.h5"]);
    let out = kenyon_json(path, &["neuron", "dataset", "export", "set.h5", "--layout", "npy", "-o", "npy", "--flagged"]);
    assert_eq!(out["simulations"], 14);
    let back = ["neuron", "dataset", "import", "npy", "--layout", "npy", "--config", "set.toml", "-o", "back.h5"];
    kenyon_json(path, &back);
    kenyon_json(path, &["neuron", "dataset", "export", "back.h5", "--layout", "npy", "-o", "again", "--flagged"]);
    for file in ["inputs", "output_spikes", "output_soma_v", "output_near_spikes", "output_inst_rate", "intermidiate_branch_v"] {
        let name = format!("train/{file}/sim_0000003.npy");
        assert!(bytes(&path.join("npy").join(&name)) == bytes(&path.join("again").join(&name)), "{name}");
    }
}

#[test]
fn the_work_is_estimated_and_mistakes_are_told() {
    let dir = folder(CONFIG);
    let path = dir.path();
    let budget = kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "set.h5", "--dry-run"]);
    assert_eq!(budget["simulations"], 14);
    assert!(budget["core_s"].as_f64().is_some_and(|s| s > 0.0) && !path.join("set.h5").exists());
    let [set, peak, memory] =
        ["bytes_estimate", "peak_bytes_estimate", "memory_bytes_per_thread"].map(|key| budget[key].as_f64().expect("a number"));
    assert!(peak > 1.5 * set && memory > 8.0 * 8.0 * 200.0 * 40.0, "{budget}");
    for (from, to, code, word) in [
        ("seed = 5", "sead = 5", 3, "seed"),
        ("[set]", "[simulation]\ndt_ms = 0.0\n[set]", 3, "simulation.dt_ms"),
        ("[set]", "[neuron]\ncell = \"ball\"\n[set]", 3, "neuron.cell"),
        ("ref_nmda_cable", "ref_nmda_table", 3, "ref_nmda_cable"),
        ("duration_ms = 200", "duration_ms = 0", 3, "duration_ms"),
        ("train = 11, valid = 2, test = 1", "train = 0, valid = 0, test = 0", 3, "set.counts"),
        ("[set]", "[neuron]\ncell = \"l5pc\"\nmorphology = { file = \"gone.asc\" }\n[set]", 3, "gone.asc"),
    ] {
        assert!(CONFIG.contains(from));
        fs::write(path.join("bad.toml"), CONFIG.replacen(from, to, 1)).expect("written");
        let ran = kenyon_in(path, &["neuron", "dataset", "bad.toml", "-o", "bad.h5"]);
        assert_eq!(ran.code, code, "{to}: {}", ran.stderr);
        assert!(ran.stderr.contains(word) && !ran.stderr.contains("panicked"), "{to}: {}", ran.stderr);
    }
    assert_eq!(kenyon_in(path, &["neuron", "dataset", "set.toml", "-o", "x.h5", "--shard", "4/3"]).code, 2);
}
