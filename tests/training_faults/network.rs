//! Order of neurons, synapse totals, signs, masks, activity at rest, neuron models.

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use kenyon::network::{DaleReport, Network, NetworkSpec};
use kenyon::npz::{Array, read_npy, write_npz};
use kenyon::run::{Checkpoint, journal};
use kenyon_connectome::{Circuit, circuit::file};

use super::support::dump::gz;
use super::support::training::{CONFIG, build_circuit, checkpoints, small_fly, train, workplace};
use super::support::{kenyon_in, kenyon_json, reference_fly, repository};

fn circuit(path: &Path) -> Circuit {
    file::read(path).unwrap()
}

fn network(circuit: &Circuit) -> Network {
    Network::build(circuit, &NetworkSpec::default(), 6, 1, Path::new("train.toml")).unwrap()
}

/// The dump with the rows of every table in reverse order.
fn reversed(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            reversed(&path, &target);
        } else if name.ends_with(".csv.gz") {
            let mut text = String::new();
            MultiGzDecoder::new(fs::File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
            let mut lines: Vec<&str> = text.lines().collect();
            lines[1..].reverse();
            fs::write(target, gz((lines.join("\n") + "\n").as_bytes())).unwrap();
        } else if name != "manifest.json" {
            fs::copy(path, target).unwrap();
        }
    }
}

#[test]
fn fault_01_the_order_of_the_dump_changes_neither_the_network_nor_its_training() {
    let dir = workplace(CONFIG);
    let path = dir.path();
    reversed(&small_fly().path().join("dump"), &path.join("dump"));
    kenyon_json(path, &["connectome", "import", "dump", "-o", "fly.h5"]);
    build_circuit(path, "fly.h5", "reversed.h5");
    let (ours, theirs) = (circuit(&path.join("circuit.h5")), circuit(&path.join("reversed.h5")));
    assert_eq!(ours.root_ids, theirs.root_ids);
    assert_eq!(ours.edges, theirs.edges);
    let first = train(path, "first");
    fs::write(path.join("train.toml"), CONFIG.replace("circuit.h5", "reversed.h5")).unwrap();
    assert_eq!(train(path, "second")["weights_sha256"], first["weights_sha256"]);
}

#[test]
fn fault_01_every_sender_of_the_readout_is_a_kenyon_cell_by_its_root_id() {
    let dir = workplace(CONFIG);
    train(dir.path(), "run");
    let circuit = circuit(&dir.path().join("circuit.h5"));
    let checkpoint = Checkpoint::read(checkpoints(&dir.path().join("run")).last().unwrap()).unwrap();
    let (ids, network) = (checkpoint.neurons().unwrap(), network(&circuit));
    assert_eq!(ids, network.neuron_ids);
    let class = circuit.attribute("class");
    let class_of = |id: u64| class.get(circuit.root_ids.iter().position(|&other| other == id).unwrap()).to_string();
    assert!(network.readout.iter().all(|&k| class_of(ids[k as usize]) == "Kenyon_Cell"));
    let kenyon_cells = (0..circuit.len()).filter(|&i| class.get(i) == "Kenyon_Cell").count();
    assert_eq!(network.readout.len(), kenyon_cells);
    assert_eq!(checkpoint.tensor("param/w_readout").unwrap().shape(), [kenyon_cells, 6]);
}

#[test]
fn fault_04_pairs_onto_and_among_inputs_are_counted_in_the_manifest_and_inputs_stand_there_once() {
    let dir = workplace(CONFIG);
    train(dir.path(), "run");
    let text = fs::read_to_string(dir.path().join("run/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let circuit = circuit(&dir.path().join("circuit.h5"));
    let pairs = |pre: bool, post: bool| {
        let of = |(a, b, _): &(u32, u32, u32)| circuit.input[*a as usize] == pre && circuit.input[*b as usize] == post;
        circuit.edges.triples().filter(of).count()
    };
    let facts = &manifest["facts"];
    assert!(pairs(false, true) > 0);
    assert_eq!(facts["left_out"]["onto_inputs"], pairs(false, true));
    assert_eq!(facts["left_out"]["among_inputs"], pairs(true, true));
    assert_eq!((&facts["input_pairs"], &facts["recurrent_pairs"]), (&pairs(true, false).into(), &pairs(false, false).into()));
    assert_eq!(facts["presynaptic_inhibition"], false);
    fs::write(dir.path().join("train.toml"), CONFIG.replace("[network]", "[network]\npresynaptic_inhibition = true")).unwrap();
    train(dir.path(), "inhibited");
    let text = fs::read_to_string(dir.path().join("inhibited/manifest.json")).unwrap();
    let inhibited: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (taking_part, left_out) = (&inhibited["facts"]["presynaptic_pairs"], &inhibited["facts"]["left_out"]["onto_inputs"]);
    assert_eq!(inhibited["facts"]["presynaptic_inhibition"], true);
    assert!(taking_part.as_u64().unwrap() > 0);
    assert_eq!(taking_part.as_u64().unwrap() + left_out.as_u64().unwrap(), pairs(false, true) as u64);
    let mut inputs = network(&circuit).input_ids;
    assert_eq!(facts["inputs"], inputs.len());
    inputs.sort_unstable();
    inputs.dedup();
    assert_eq!(facts["inputs"], inputs.len());
}

#[test]
fn fault_05_no_synapse_of_the_receptor_neurons_is_lost_on_the_way_into_the_network() {
    let Some(fly) = reference_fly() else { return };
    let dir = tempfile::tempdir().unwrap();
    kenyon_json(dir.path(), &["connectome", "import", &fly, "--connections", "connections", "-o", "fly.h5"]);
    // Some receptor neurons have no known receptor and so are no inputs of the example; here all of them are.
    let text = fs::read_to_string(repository("examples/nengo_ccsnn.toml")).unwrap();
    let all = text.replace("inputs = 'receptor ~ \".\"'", "inputs = 'in list(\"ALRN\") or in list(\"ORN\") or in list(\"HRN\")'");
    assert_ne!(all, text);
    fs::write(dir.path().join("all.toml"), all).unwrap();
    kenyon_json(dir.path(), &["circuit", "build", "all.toml", "--connectome", "fly.h5", "-o", "circuit.h5"]);
    let circuit = circuit(&dir.path().join("circuit.h5"));
    let network = Network::build(&circuit, &NetworkSpec::default(), 284, 1, &dir.path().join("train.toml")).unwrap();
    let total = |syn_count: &[u32]| syn_count.iter().map(|&n| u64::from(n)).sum::<u64>();
    assert_eq!(total(&network.input.syn_count), 211_633);
}

#[test]
fn fault_07_every_synapse_of_a_neuron_has_the_same_sign() {
    let circuit = circuit(&small_fly().path().join("circuit.h5"));
    let network = network(&circuit);
    for (block, some_inhibit) in [(&network.input, false), (&network.recurrent, true)] {
        let mut sign = vec![0.0; block.senders];
        let mut inhibitory = 0;
        for (&pre, &base) in block.pre.iter().zip(&block.base) {
            let sign = &mut sign[pre as usize];
            assert!(base != 0.0 && (*sign == 0.0 || (*sign - base.signum()).abs() < 0.5));
            *sign = base.signum();
            inhibitory += usize::from(base < 0.0);
        }
        assert_eq!(inhibitory > 0, some_inhibit, "receptor neurons excite, of the others some inhibit");
    }
}

#[test]
fn fault_08_and_09_every_saved_checkpoint_keeps_signs_and_its_kept_entries() {
    let text = CONFIG
        .replace("form = \"gain\"", "form = \"free\"")
        .replace("epochs = 2", "epochs = 1\nkeep = 100\ncheckpoint_every = 1");
    // Steps large enough to carry weights across zero.
    let dir = workplace(&text.replace("lr = 0.01", "lr = 0.3"));
    train(dir.path(), "run");
    let circuit = circuit(&dir.path().join("circuit.h5"));
    let network = network(&circuit);
    let files = checkpoints(&dir.path().join("run"));
    assert_eq!(files.len(), 21);
    let mut stopped = 0;
    for file in &files {
        let checkpoint = Checkpoint::read(file).unwrap();
        assert_eq!(checkpoint.manifest.constraint_violations, 0);
        for (name, block) in [("param/w_input", &network.input), ("param/w_recurrent", &network.recurrent)] {
            let weights: Vec<f32> = checkpoint.values(name).unwrap();
            assert_eq!(weights.len(), block.len());
            assert!(weights.iter().zip(&block.sign).all(|(w, &sign)| w * f32::from(sign) >= 0.0), "{name} in {}", file.display());
            let zeros = weights.iter().filter(|w| **w == 0.0).count();
            assert!(zeros < weights.len() / 2, "kept entries of {name} are zero: {zeros} of {}", weights.len());
            stopped += zeros;
        }
    }
    assert!(stopped > 0, "no weight was stopped at zero: the test shows nothing");
}

#[test]
fn fault_08_wrong_signs_of_the_reference_array_are_reported() {
    let Some(fly) = reference_fly() else { return };
    let array = read_npy(&Path::new(&fly).join("ref_snn/v.npy")).unwrap();
    let report = DaleReport::of(&array.to_f64(), &array.shape, 89).unwrap();
    assert_eq!((report.entries, report.wrong_signs, report.zeros), (16_384, 4_448, 0));
    let file = format!("{fly}/ref_snn/v.npy");
    let ran = kenyon_in(Path::new("."), &["check", "dale", &file, "--excitatory", "89", "--json"]);
    let found = ran.json();
    assert_eq!(
        (ran.code, &found["entries"], &found["wrong_signs"], &found["zeros"]),
        (4, &16_384.into(), &4_448.into(), &0.into())
    );
    assert!(ran.stderr.contains("error[dale]") && ran.stderr.contains("4448 of 16384 entries"), "{}", ran.stderr);
}

#[test]
fn fault_08_signs_of_any_array_are_checked_by_the_binary() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let (right, wrong) =
        (Array::of_f64(&[2, 2], vec![0.5, 0.0, -0.1, -0.2]), Array::of_f64(&[2, 2], vec![0.5, -0.25, -0.1, -0.2]));
    write_npz(&path.join("w.npz"), [("right", &right), ("wrong", &wrong)]).unwrap();
    let check = |more: &[&str]| {
        let args: Vec<&str> = ["check", "dale", "w.npz"].iter().chain(more).copied().collect();
        kenyon_in(path, &args)
    };
    let ran = check(&["--array", "right", "--excitatory", "1", "--json"]).ok().json();
    assert_eq!((&ran["wrong_signs"], &ran["zeros"], &ran["pass"]), (&0.into(), &1.into(), &true.into()));
    let ran = check(&["--array", "wrong", "--excitatory", "1"]);
    assert!(
        ran.code == 4 && ran.stdout.contains("1 of them with the wrong sign (25.0 %, up to 0.25)"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    assert_eq!(check(&["--array", "wrong", "--excitatory", "3"]).code, 3);
    assert_eq!(check(&["--array", "none", "--excitatory", "1"]).code, 3);
    let ran = check(&["--excitatory", "1"]);
    assert!(ran.code == 2 && ran.stderr.contains("`--array`: right, wrong"), "{}", ran.stderr);
}

#[test]
fn fault_18_a_network_that_fires_or_is_silent_at_rest_is_told_before_training() {
    let notes = |i_c: &str, scale: &str| {
        let text =
            CONFIG.replace("[network]", &format!("[network]\ni_c = {i_c}")).replace("scale = 0.8", &format!("scale = {scale}"));
        let dir = workplace(&text.replace("epochs = 2", "epochs = 1"));
        train(dir.path(), "run");
        let records = journal::read(&dir.path().join("run/journal.jsonl")).unwrap();
        let rest = records.first().unwrap().clone();
        assert_eq!((rest.event.as_str(), rest.step), ("rest", 0));
        assert!(records[1..].iter().all(|r| r.event != "rest"));
        rest.notes
    };
    let tonic = notes("[-1.0, -1.0]\ntau_mem_ms = [3.0, 5.0]", "0.8");
    let tells = |notes: &[String], name: &str, what: &str| {
        notes.iter().any(|n| n.starts_with("at rest") && n.contains(name) && n.contains(what))
    };
    assert!(tells(&tonic, "`ALLN`", "fire above 50 Hz"), "{tonic:?}");
    let silent = notes("[1.0, 1.0]", "0.1");
    assert!(tells(&silent, "`uPN`", "never fire"), "{silent:?}");
    let usual = notes("[-0.2, 0.2]", "0.8");
    assert!(!tells(&usual, "`uPN`", "") && !tells(&usual, "`KC`", ""), "{usual:?}");
}

#[test]
fn fault_20_every_neuron_model_trains_is_saved_and_gives_the_same_when_loaded() {
    for model in ["lif", "lif2", "qif", "nonspiking"] {
        let text = CONFIG.replace("[network]", &format!("[network]\nmodel = \"{model}\"")).replace("epochs = 2", "epochs = 1");
        let dir = workplace(&text);
        train(dir.path(), "run");
        let records = journal::read(&dir.path().join("run/journal.jsonl")).unwrap();
        let last = records.last().unwrap();
        let loss: Vec<f64> = records.iter().filter_map(|r| r.values.get("train/loss").copied().flatten()).collect();
        assert!(loss.len() == 21 && loss.iter().all(|l| l.is_finite()), "{model}: {loss:?}");
        let args = ["eval", "run", "--checkpoint", "last", "--split", "validation"];
        let eval = kenyon_json(dir.path(), &args);
        assert_eq!(eval["accuracy"].as_f64(), last.values["validation/accuracy"], "{model}");
        if model != "nonspiking" {
            assert_eq!(eval["spikes_per_neuron"].as_f64(), last.values["validation/spikes_per_neuron"], "{model}");
        }
    }
}
