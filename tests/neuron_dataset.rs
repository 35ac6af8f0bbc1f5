//! `kenyon neuron dataset`: the same bytes however a set is made, and what a set says.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kenyon_datasets::simulation::{Part, SimStore};
use support::{kenyon_in, kenyon_json};

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
    refused(&["set.toml", "-o", "set.h5", "--page", "page.pdf"], 2, "unknown-extension");
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
    let dir = folder(CONFIG);
    let path = dir.path();
    kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "whole.h5"]);
    let mut found = 0;
    for kill in 0..4 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kenyon"));
        command.current_dir(path).args(["neuron", "dataset", "set.toml", "-o", "killed.h5", "--quiet", "--threads", "1"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
        let start = Instant::now();
        while child.try_wait().expect("runs").is_none() && start.elapsed() < Duration::from_millis(15 + 20 * kill) {
            sleep(Duration::from_micros(200));
        }
        let _ = child.kill();
        child.wait().expect("ended");
        if path.join("killed.h5").exists() {
            break;
        }
    }
    if !path.join("killed.h5").exists() {
        let done = kenyon_json(path, &["neuron", "dataset", "set.toml", "-o", "killed.h5"]);
        found = done["found"].as_u64().expect("a number");
        assert_eq!(found + done["simulated"].as_u64().expect("a number"), 14);
    }
    eprintln!("{found} simulations were found");
    assert!(bytes(&path.join("whole.h5")) == bytes(&path.join("killed.h5")));
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
    for (from, to, code, word) in [
        ("seed = 5", "sead = 5", 3, "seed"),
        ("[set]", "[simulation]\ndt_ms = 0.0\n[set]", 3, "simulation.dt_ms"),
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
