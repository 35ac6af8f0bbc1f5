//! `kenyon neuron dataset`: what a set is made of, what it says of itself, and its figures beside the published ones.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use kenyon_datasets::simulation::{Part, SetConfig, SimStore};
use serde_json::Value;
use support::{kenyon_in, kenyon_json};

/// Four simulations of 100 ms.
const SMALL: &str =
    "preset = \"ref_nmda_cable\"\n[set]\nduration_ms = 100\nwarmup_ms = 0\ncounts = { train = 4, valid = 0, test = 0 }\n";

fn folder(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("set.toml"), config).expect("written");
    dir
}

fn dataset(dir: &Path, args: &[&str]) -> Value {
    kenyon_json(dir, &[&["neuron", "dataset"], args].concat())
}

/// Every file below a folder with its bytes.
fn tree(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("listed") {
            let path = entry.expect("listed").path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push((path.strip_prefix(root).expect("below").to_path_buf(), fs::read(&path).expect("read")));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn shards_of_other_settings_or_another_morphology_are_not_merged() {
    let thin = "1 1 0 0 0 5 -1\n2 3 0 10 0 1 1\n3 3 0 60 0 1 2\n";
    let neuron = "[neuron]\ncell = \"ball-and-stick\"\nmorphology = { file = \"m.swc\" }\nreplace_axon = false\n";
    let dir = folder("");
    let path = dir.path();
    let change = |settings: &str, swc: &str| {
        fs::write(path.join("set.toml"), format!("{SMALL}{neuron}[simulation]\n{settings}\n")).expect("written");
        fs::write(path.join("m.swc"), swc).expect("written");
    };
    change("", thin);
    dataset(path, &["set.toml", "-o", "set.h5", "--shard", "1/2"]);
    let info = dataset(path, &["info", "set.shard-001-of-002.h5"]);
    let about = &info["about"];
    assert_eq!((&about["neuron"]["v_init_mv"], &about["neuron"]["tables"]), (&(-85.0).into(), &Value::Null));
    assert_eq!((&about["sources"][0]["kind"], &about["sources"][0]["name"]), (&"morphology".into(), &"m.swc".into()));
    assert_eq!(about["sources"][0]["sha256"].as_str().map(str::len), Some(64));
    for (settings, swc) in [("tables = true", thin), ("v_init_mv = -40.0", thin), ("", &thin.replace(" 1 1\n", " 4 1\n"))] {
        change(settings, swc);
        dataset(path, &["set.toml", "-o", "set.h5", "--shard", "2/2"]);
        let names = ["set.shard-001-of-002.h5", "set.shard-002-of-002.h5"];
        let ran = kenyon_in(path, &["neuron", "dataset", "merge", names[0], names[1], "-o", "set.h5"]);
        assert!(ran.code == 3 && ran.stderr.contains("error[other-set]"), "{settings}: {}", ran.stderr);
        assert!(!path.join("set.h5").exists());
    }
}

#[test]
fn a_twinprop_set_of_the_l5pc_goes_out_comes_back_and_is_simulated_again_from_its_own_inputs() {
    let dir = folder(
        "preset = \"twinprop\"\n[neuron]\ncell = \"l5pc\"\nmax_segment_um = 250.0\n[simulation]\nbranches = true\n[set]\nduration_ms = 250\n\
         initialisation_ms = 50\ncounts = { train = 2, valid = 0, test = 0 }\ngenerator = { l5pc = { rate_options_hz = [[8.0, 9.0]] } }\n",
    );
    let path = dir.path();
    dataset(path, &["set.toml", "-o", "set.h5"]);
    let store = SimStore::open(&path.join("set.h5")).expect("a set");
    let nseg = store.about().nseg as usize;
    assert!(nseg > 10 && store.about().neuron.synapses.len() == 2 * nseg && store.about().kind == "l5pc");
    dataset(path, &["export", "set.h5", "--layout", "twinprop", "-o", "out"]);
    dataset(path, &["import", "out", "--layout", "twinprop", "--config", "set.toml", "-o", "back.h5"]);
    dataset(path, &["export", "back.h5", "--layout", "twinprop", "-o", "again"]);
    // HDF5 files compared by what they hold, the rest byte by byte.
    let inputs = |root: &str| {
        let all = tree(&path.join(root)).into_iter();
        all.filter(|(name, _)| name.extension().is_some_and(|end| end == "npz")).collect::<Vec<_>>()
    };
    assert!(inputs("out").len() == 4 && inputs("out") == inputs("again"));
    let back = SimStore::open(&path.join("back.h5")).expect("a set");
    for at in 0..2 {
        let [a, b] = [&store, &back].map(|s| s.record(Part::Train, at).expect("read"));
        assert!(!a.events.is_empty() && a.soma_v == b.soma_v && a.branch_v == b.branch_v && a.branch_v.len() == nseg * 250);
    }

    fs::write(
        path.join("given.toml"),
        "preset = \"twinprop\"\n[neuron]\ncell = \"l5pc\"\nmax_segment_um = 250.0\n[simulation]\nbranches = true\n[set]\ninitialisation_ms = 50\n\
         [set.generator.weighted_spikes]\ntrain = [\"out/train/simulation_0\", \"out/train/simulation_1\"]\n",
    )
    .expect("written");
    dataset(path, &["given.toml", "-o", "given.h5"]);
    let given = SimStore::open(&path.join("given.h5")).expect("a set");
    assert_eq!((given.about().duration_ms, given.about().sources.len()), (250, 4));
    for at in 0..2 {
        let [a, b] = [&store, &given].map(|s| s.record(Part::Train, at).expect("read"));
        assert!(a.events == b.events && a.soma_v == b.soma_v && a.branch_v == b.branch_v && a.spikes_ms == b.spikes_ms);
    }
    // What the inputs are read from is never written over; another neuron does not fit them.
    fs::write(
        path.join("other.toml"),
        "preset = \"ref_nmda_cable\"\n[set.generator.weighted_spikes]\ntrain = [\"out/train/simulation_0\"]\n",
    )
    .expect("written");
    let ran = kenyon_in(path, &["neuron", "dataset", "other.toml", "-o", "other.h5"]);
    assert!(ran.code == 3 && ran.stderr.contains("expected 16 rows"), "{}", ran.stderr);
}

#[test]
fn simulations_without_a_spike_that_counts_are_drawn_again_and_no_more_than_said() {
    let trials = |config: &str| {
        let dir = folder(config);
        let made = dataset(dir.path(), &["set.toml", "-o", "set.h5"]);
        let store = SimStore::open(&dir.path().join("set.h5")).expect("a set");
        let repeated = made["set"]["parts"][0]["repeated"].as_u64().expect("a number");
        let trials: Vec<u32> = store.entries(Part::Train).iter().map(|e| e.trials).collect();
        assert_eq!(u64::from(trials.iter().map(|t| t - 1).sum::<u32>()), repeated);
        let spikes = (0..trials.len()).map(|at| store.record(Part::Train, at).expect("read").spikes_ms).collect::<Vec<_>>();
        (trials, spikes)
    };
    let silent = format!(
        "{SMALL}max_trials = 3\n[set.generator.ball_and_stick]\nmax_weight = [[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]\n"
    );
    assert_eq!(trials(&silent).0, [3; 4]);
    let loud = |initialisation: u32| {
        let config = SMALL.replace("duration_ms = 100", &format!("duration_ms = 400\ninitialisation_ms = {initialisation}"));
        trials(&format!(
            "{config}max_trials = 4\n[set.generator.ball_and_stick]\np_intervals = 0.0\nsparsity = [[[0.7, 0.7], [0.7, 0.7]], [[0.99, 0.99], [0.99, 0.99]]]\n"
        ))
    };
    let (counted, spikes) = loud(0);
    assert!(counted.iter().all(|n| *n == 1) && spikes.iter().all(|s| !s.is_empty()), "{counted:?} {spikes:?}");
    // The last ms holds a spike in few simulations: what fires before is of no account.
    let (counted, spikes) = loud(399);
    assert!(counted.iter().any(|n| *n > 1) && spikes.iter().any(|s| !s.is_empty()), "{counted:?} {spikes:?}");
}

#[test]
fn every_file_of_the_reference_layout_goes_out_and_comes_back() {
    let dir = folder(&SMALL.replace("train = 4, valid = 0", "train = 3, valid = 1"));
    let path = dir.path();
    dataset(path, &["set.toml", "-o", "set.h5"]);
    dataset(path, &["export", "set.h5", "--layout", "npy", "-o", "npy", "--flagged"]);
    dataset(path, &["import", "npy", "--layout", "npy", "--config", "set.toml", "-o", "back.h5"]);
    dataset(path, &["export", "back.h5", "--layout", "npy", "-o", "again", "--flagged"]);
    let [first, second] = ["npy", "again"].map(|name| tree(&path.join(name)));
    assert_eq!(first.len(), 4 * 6 + 1);
    assert!(first == second);
    let about = &dataset(path, &["info", "back.h5"])["about"];
    assert_eq!((&about["generator"]["imported"], &about["identity"], &about["seed"]), (&"npy".into(), &"".into(), &0.into()));
    // The neuron of the config has as many segments as the folders, or nothing is imported.
    fs::write(path.join("other.toml"), fs::read_to_string(path.join("set.toml")).expect("read").replace(
        "[set]",
        "[neuron]\ncell = \"ball-and-stick\"\nmorphology = { ball_and_stick = { dend_length_um = 2048.0, dend_diam_um = 4.0, segments = 4 } }\n[set]",
    ))
    .expect("written");
    let ran = kenyon_in(path, &["neuron", "dataset", "import", "npy", "--layout", "npy", "--config", "other.toml", "-o", "x.h5"]);
    assert!(ran.code == 3 && ran.stderr.contains("8 segments"), "{}", ran.stderr);
}

#[test]
fn a_selection_is_a_set_and_its_figures_and_those_of_the_page_are_of_what_is_kept() {
    let config = SMALL.replace("duration_ms = 100", "duration_ms = 500").replace("train = 4", "train = 24");
    let dir = folder(&format!("{config}[set.filter]\nrate = {{ from = 0.1, to = 1000.0 }}\n"));
    let path = dir.path();
    dataset(path, &["set.toml", "-o", "set.h5"]);
    let store = SimStore::open(&path.join("set.h5")).expect("a set");
    let (kept, all) = (store.kept(Part::Train).len(), store.entries(Part::Train).len());
    assert!(0 < kept && kept < all, "{kept} of {all}");
    let page = fs::read_to_string(path.join("set.html")).expect("a page");
    let mean = store.entries(Part::Train).iter().filter(|e| e.failed.is_none()).map(|e| e.rate_hz).sum::<f64>() / kept as f64;
    assert!(page.contains(&format!("{kept} kept; their mean rate {mean:.2} Hz")) && !page.contains("NaN"));
    assert!(page.contains("flagged simulations too"));

    let some = dataset(path, &["select", "set.h5", "--where", "rate_hz=3..", "-o", "some.h5"]);
    let chosen = some["parts"][0]["simulations"].as_array().expect("a list").len();
    assert!(0 < chosen && chosen <= kept && some["parts"][0]["of"].as_u64() == Some(kept as u64), "{some}");
    assert_eq!(dataset(path, &["info", "some.h5"])["parts"][0]["simulations"].as_u64(), Some(chosen as u64));
    let rate = format!("{mean}");
    let half =
        dataset(path, &["select", "set.h5", "--mean-rate", &rate, "--tolerance", "0.5", "--share", "0.5", "-o", "half.h5"]);
    assert_eq!(half["parts"][0]["reached"], Value::Bool(true));
    for (args, code, error) in [
        (&["set.h5", "--where", "rats=1..2", "-o", "x.h5"][..], 2, "unknown-quantity"),
        (&["set.h5", "--where", "rate_hz=9000..", "-o", "x.h5"], 3, "empty-part"),
        (&["set.h5", "-o", "set.h5"], 2, "output-is-input"),
        (&["set.h5", "--mean-rate", "900", "-o", "x.h5"], 4, "nothing is written"),
        (&["set.h5", "--mean-rate", "0", "-o", "x.h5"], 2, "--mean-rate"),
        (&["set.h5", "--mean-rate", "3", "--share", "2", "-o", "x.h5"], 2, "--share"),
        (&["set.h5", "--part", "tests", "-o", "x.h5"], 2, "the parts are train"),
    ] {
        let ran = kenyon_in(path, &[&["neuron", "dataset", "select"], args].concat());
        assert!(ran.code == code && ran.stderr.contains(error) && !path.join("x.h5").exists(), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn every_key_of_the_recipe_is_described() {
    let docs = fs::read_to_string(support::repository("docs/simulations.md")).expect("there");
    for preset in ["twinprop", "ref_nmda_cable"] {
        let config = serde_json::to_value(SetConfig::preset(preset).expect("known")).expect("plain data");
        let generator = config["generator"].as_object().and_then(|of| of.values().next()?.as_object()).expect("keys");
        for key in config.as_object().expect("keys").keys().chain(generator.keys()) {
            let named = [format!("`{key}`"), format!("`{key} "), format!("[{key}]")].iter().any(|form| docs.contains(form));
            assert!(named || key == "generator", "docs/simulations.md does not describe `{key}`");
        }
    }
}

/// Where a figure of a whole set must lie.
type Bands = [(&'static str, f64, f64); 8];

/// Figures of the kept simulations of a published recipe, each with ranges of its own, beside the bands.
fn within(preset: &str, simulations: u32, bands: &Bands) {
    let dir = folder(&format!(
        "preset = \"{preset}\"\n[set]\nseed = 3\nwarmup_ms = 0\ncounts = {{ train = {simulations}, valid = 0, test = 0 }}\n\
         generator = {{ ball_and_stick = {{ chunk = [1, 1, 1, 1] }} }}\n"
    ));
    dataset(dir.path(), &["set.toml", "-o", "set.h5"]);
    let store = SimStore::open(&dir.path().join("set.h5")).expect("a set");
    let figures = store.figures(Part::Train, false).expect("figures");
    let [input, soma, dendrite] = figures.pooled();
    let rates = figures.quantity("inst_rate_mean").expect("known");
    let found = [
        input.mean,
        input.std,
        input.percentiles[3][1],
        soma.mean,
        soma.std,
        rates.iter().sum::<f64>() / rates.len() as f64 / 1e3,
        dendrite.mean,
        dendrite.std,
    ];
    let lines: Vec<String> = bands.iter().zip(found).map(|((name, ..), value)| format!("{name} {value:.4}")).collect();
    eprintln!("{preset}, {} of {simulations} kept: {}", figures.len(), lines.join(", "));
    for ((name, from, to), value) in bands.iter().zip(found) {
        assert!((*from..=*to).contains(&value), "{preset}: {name} is {value}, not within {from} to {to}");
    }
}

/// The published figures and what may lie around them; the dendrite and the rate of the cable have bands around ours.
const CABLE: Bands = [
    ("input mean", 0.0954 * 0.85, 0.0954 * 1.15),
    ("input deviation", 0.570 * 0.85, 0.570 * 1.15),
    ("input 99 %", 3.37 * 0.85, 3.37 * 1.15),
    ("soma mean", -77.18, -75.78),
    ("soma deviation", 4.2, 5.6),
    ("spikes per ms", 0.0055, 0.0090),
    ("dendrite mean", -60.6, -54.6),
    ("dendrite deviation", 20.7, 25.7),
];

const POINT: Bands = [
    ("input mean", 0.0832 * 0.85, 0.0832 * 1.15),
    ("input deviation", 0.549 * 0.85, 0.549 * 1.15),
    ("input 99 %", 3.04 * 0.85, 3.04 * 1.15),
    ("soma mean", -77.17, -75.77),
    ("soma deviation", 5.09, 6.49),
    ("spikes per ms", 0.0098 * 0.75, 0.0098 * 1.25),
    ("dendrite mean", -78.5, -72.5),
    ("dendrite deviation", 7.33, 12.33),
];

#[test]
fn small_sets_have_figures_near_the_published_ones() {
    within("ref_nmda_cable", 40, &CABLE);
    within("ref_ampa_point", 40, &POINT);
}

#[test]
#[ignore = "a minute: 480 simulations of 8 s"]
fn sets_of_240_simulations_have_figures_near_the_published_ones() {
    within("ref_nmda_cable", 240, &CABLE);
    within("ref_ampa_point", 240, &POINT);
}
