//! Inputs are counted once, pairs that fall away are reported by kind, and inhibition of inputs does what the config says.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;
use support::{kenyon_in, kenyon_json};
use tempfile::TempDir;

/// Populations of the antennal lobe; the last two overlap with the first.
const POPULATIONS: &str = "[[population]]\nname = \"ORN\"\nquery = 'class = olfactory'\n\
    [[population]]\nname = \"ALLN\"\nquery = 'class = ALLN'\n\
    [[population]]\nname = \"PN\"\nquery = 'class = ALPN'\n\
    [[population]]\nname = \"KC\"\nquery = 'class = Kenyon_Cell'\n\
    [[population]]\nname = \"again\"\nquery = 'class in (\"olfactory\", \"ALPN\")'\n";

/// A tiny fly, and circuits of it with and without connections onto inputs.
struct Lobe {
    dir: TempDir,
    /// What `circuit build` reported.
    plain: Value,
    full: Value,
}

impl Lobe {
    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A training config of a few samples that leaves the start values as they are.
    fn config(&self, name: &str, circuit: &str, network: &str) {
        let text = format!(
            "circuit = \"{circuit}\"\n[odors]\nmax_odors = 4\nrepeats = 10\nsteps = 200\nonset_ms = 20\n\
             duration_ms = {{ from = 70, to = 180 }}\n[network]\ni_c = [-0.1, 0.1]\ntau_mem_ms = [15.0, 40.0]\n{network}\n\
             [network.weights]\nnormalise = true\n[network.weights.projection]\n\"ORN->PN\" = 2.0\n\"ORN->ALLN\" = 2.0\n\
             [network.readout]\nquery = \"population = KC\"\n[train]\ntrained = [\"w_readout\"]\nepochs = 1\n\
             [optimiser]\nlr = 1e-9\n"
        );
        fs::write(self.path().join(name), text).expect("written");
    }

    /// Trains, and returns the facts of the manifest and the rate of the projection neurons on the test samples in Hz.
    fn train(&self, run: &str, network: &str) -> (Value, f64) {
        let config = format!("{run}.toml");
        self.config(&config, "full.h5", network);
        kenyon_json(self.path(), &["train", &config, "--run", run]);
        let manifest = fs::read_to_string(self.path().join(run).join("manifest.json")).expect("readable");
        let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
        let judged = kenyon_json(self.path(), &["eval", run]);
        let populations = judged["populations"].as_array().expect("populations");
        let rate = populations.iter().find(|p| p["population"] == "PN").and_then(|p| p["rate_hz"].as_f64()).expect("a rate");
        (manifest["facts"].clone(), rate)
    }
}

fn lobe() -> &'static Lobe {
    static LOBE: OnceLock<Lobe> = OnceLock::new();
    LOBE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let at = dir.path();
        kenyon_json(at, &["connectome", "synth", "--seed", "1", "--preset", "tiny", "-o", "dump"]);
        kenyon_json(at, &["connectome", "import", "dump", "-o", "fly.h5"]);
        let build = |name: &str, selection: &str| {
            fs::write(at.join(format!("{name}.toml")), format!("{selection}{POPULATIONS}")).expect("written");
            let (config, circuit) = (format!("{name}.toml"), format!("{name}.h5"));
            kenyon_json(at, &["circuit", "build", &config, "--connectome", "fly.h5", "-o", &circuit])
        };
        let plain = build("plain", "");
        let full = build("full", "[selection]\npresynaptic_inhibition = true\ninput_to_input = true\n");
        Lobe { dir, plain, full }
    })
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

#[test]
fn every_root_id_is_one_input() {
    let lobe = lobe();
    lobe.config("odors.toml", "full.h5", "");
    let circuit = hdf5::File::open(lobe.path().join("full.h5")).expect("opened");
    let ids = circuit.dataset("neurons/root_id").expect("there").read_raw::<u64>().expect("readable");
    let inputs = circuit.dataset("neurons/input").expect("there").read_raw::<u8>().expect("readable");
    let unique: BTreeSet<u64> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len(), "two populations that want the same neuron do not double it");
    let (facts, _) = lobe.train("once", "");
    assert_eq!(number(&facts["inputs"]), inputs.iter().copied().map(u64::from).sum::<u64>());
    assert_eq!(facts["inputs"], lobe.full["inputs"]);
}

#[test]
fn a_build_reports_the_pairs_that_fall_away_by_kind() {
    let lobe = lobe();
    let (plain, full) = (&lobe.plain["report"]["wiring"], &lobe.full["report"]["wiring"]);
    let (onto, among) = (number(&plain["onto_inputs"]), number(&plain["input_to_input"]));
    assert!(onto > 100 && among > 0, "{plain}");
    assert_eq!((number(&full["onto_inputs"]), number(&full["input_to_input"])), (0, 0));
    assert_eq!(number(&full["kept_pairs"]), number(&plain["kept_pairs"]) + onto + among);
    let total = |wiring: &Value| {
        ["below_threshold", "self_loops", "input_to_input", "onto_inputs", "sign_zero", "kept_pairs"]
            .map(|kind| number(&wiring[kind]))
            .iter()
            .sum::<u64>()
    };
    assert_eq!(total(plain), number(&plain["inside_pairs"]));
    let text = kenyon_in(lobe.path(), &["circuit", "info", "plain.h5"]).ok().stdout;
    assert!(text.contains(&format!("{among} among inputs, {onto} onto inputs")), "{text}");
}

#[test]
fn inhibition_of_inputs_lowers_the_rates_of_projection_neurons_and_the_manifest_states_it() {
    let lobe = lobe();
    let plain = &lobe.plain["report"]["wiring"];
    let (facts, free) = lobe.train("free", "");
    assert_eq!(facts["presynaptic_inhibition"], false, "the default is stated");
    assert_eq!(facts["left_out"]["onto_inputs"], plain["onto_inputs"]);
    assert_eq!(facts["left_out"]["among_inputs"], plain["input_to_input"]);

    let (facts, inhibited) = lobe.train("inhibited", "presynaptic_inhibition = true\npresynaptic_tau_ms = 30.0");
    assert_eq!(facts["presynaptic_inhibition"], true);
    let pairs = number(&facts["presynaptic_pairs"]);
    assert!(pairs > 50, "{facts}");
    assert_eq!(pairs + number(&facts["left_out"]["onto_inputs"]), number(&plain["onto_inputs"]));
    assert_eq!((&facts["presynaptic_strength"], &facts["presynaptic_tau_ms"]), (&0.05.into(), &30.0.into()));

    let (_, weakly) = lobe.train("weakly", "presynaptic_inhibition = true\npresynaptic_strength = 0.005");
    assert!(free > 1.0 && inhibited < 0.85 * free, "{free} Hz, {inhibited} Hz");
    assert!(inhibited < weakly && weakly < free, "{free} Hz, {weakly} Hz, {inhibited} Hz");

    let ran = kenyon_in(lobe.path(), &["export", "pynn", "inhibited", "-o", "pynn", "--json"]);
    assert_eq!((ran.code, &ran.json()["error"]["code"]), (3, &"cannot-lower".into()), "{}", ran.stderr);
}

#[test]
fn a_circuit_without_connections_onto_inputs_cannot_inhibit_them() {
    let lobe = lobe();
    lobe.config("without.toml", "plain.h5", "presynaptic_inhibition = true");
    let ran = kenyon_in(lobe.path(), &["train", "without.toml", "--run", "without", "--json"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let error = &ran.json()["error"];
    assert_eq!((&error["code"], &error["key"]), (&"no-presynaptic-inhibition".into(), &"network.presynaptic_inhibition".into()));
    assert!(
        error["mend"].as_str().is_some_and(|mend| mend.contains("`presynaptic_inhibition = true` in `[selection]`")),
        "{error}"
    );
}
