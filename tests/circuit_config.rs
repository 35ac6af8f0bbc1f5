//! What a circuit config asks for and what comes of it: completion, signs, inputs, provenance, warnings.

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{Ran, kenyon_in, synthetic_fly};
use tempfile::TempDir;

/// A folder with the pack of the synthetic fly and further files.
struct Desk {
    dir: TempDir,
}

impl Desk {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::copy(synthetic_fly().path().join("fly.h5"), dir.path().join("fly.h5")).expect("copied");
        for (name, text) in files {
            fs::write(dir.path().join(name), text).expect("written");
        }
        Self { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Builds `circuit.h5` from a config of this text.
    fn build(&self, config: &str) -> Ran {
        fs::write(self.path().join("config.toml"), config).expect("written");
        kenyon_in(self.path(), &["circuit", "build", "config.toml", "--connectome", "fly.h5", "-o", "circuit.h5", "--json"])
    }

    fn provenance(&self, file: &str) -> Value {
        let file = hdf5::File::open(self.path().join(file)).expect("opened");
        let text = file.dataset("provenance").expect("there").read_raw::<hdf5::types::VarLenUnicode>().expect("readable");
        serde_json::from_str(text[0].as_str()).expect("JSON")
    }
}

const MUSHROOM: &str = "[[population]]\nname = \"KC\"\nquery = 'class = Kenyon_Cell'\n\
    [[population]]\nname = \"APL\"\nquery = 'type = APL'\n";

#[test]
fn a_completion_beyond_every_circuit_is_refused_with_the_range() {
    let desk = Desk::new(&[]);
    for scale in ["1e18", "10.1", "0.0", "-1.0", "nan", "inf"] {
        let ran = desk.build(&format!("{MUSHROOM}[completion]\nprojections = [\"KC->APL\"]\nscale = {scale}\n"));
        assert_eq!(ran.code, 3, "{scale}: {}", ran.stderr);
        let error = ran.json()["error"].clone();
        assert_eq!((&error["code"], &error["key"]), (&json!("bad-scale"), &json!("completion.scale")), "{scale}");
        assert!(error["expected"].as_str().is_some_and(|e| e.contains("at most 10")), "{error}");
    }
}

#[test]
fn a_completion_that_finds_no_more_room_or_gives_every_neuron_a_pair_says_so() {
    let desk = Desk::new(&[]);
    // Without a measured connection between them every pair is free.
    let config = |scale: f64| {
        format!("{MUSHROOM}[threshold]\nmin = 4000000000\n[completion]\nprojections = [\"KC->APL\"]\nscale = {scale:?}\n")
    };
    let full = desk.build(&config(10.0));
    let done = full.json()["report"]["completion"][0].clone();
    assert_eq!((&done["drawn"], &done["pairs"]), (&json!(10_354), &json!(10_354)), "5,177 Kenyon cells and two APL: {done}");
    assert!(done["planned"].as_u64().is_some_and(|n| n > 50_000), "{done}");
    assert!(full.stderr.contains("planned pairs were drawn"), "{}", full.stderr);
    let few = desk.build(&config(0.1));
    let done = few.json()["report"]["completion"][0].clone();
    assert_eq!(done["drawn"], 5177, "each Kenyon cell reaches one APL: {done}");
    assert!(few.stderr.contains("every neuron of this projection keeps one"), "{}", few.stderr);
    let usual = desk.build(&config(1.0));
    assert!(!usual.stderr.contains("warning"), "{}", usual.stderr);
}

#[test]
fn a_misspelt_type_or_class_of_the_sign_table_is_an_error_with_the_nearest() {
    for (table, found, near) in [
        ("type,nt\nAPL,GABA\nKCg-mm,GABA\n", "KCg-mm", "did you mean `KCg-m`"),
        ("class,nt\nKenyon_Cel,DA\n", "Kenyon_Cel", "did you mean `Kenyon_Cell`"),
    ] {
        let desk = Desk::new(&[("signs.csv", table)]);
        let ran = desk.build(&format!("{MUSHROOM}[signs]\ntable = \"signs.csv\"\n"));
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        let error = ran.json()["error"].clone();
        assert_eq!((&error["code"], &error["found"]), (&json!("unknown-value"), &json!(found)));
        assert!(error["file"].as_str().is_some_and(|f| f.ends_with("signs.csv")) && error["line"].is_u64(), "{error}");
        assert!(error["mend"].as_str().is_some_and(|m| m.contains(near)), "{error}");
    }
}

#[test]
fn root_ids_of_the_sign_table_that_are_no_neurons_are_counted_and_warned_of() {
    let desk = Desk::new(&[("signs.csv", "root_id,nt\n720575940600000001,GABA\n17,GABA\n18,DA\n")]);
    let ran = desk.build(&format!("{MUSHROOM}[signs]\ntable = \"signs.csv\"\n")).ok();
    assert!(ran.stderr.contains("2 root ids of its 3 rows are no neurons of the pack"), "{}", ran.stderr);
    let table = ran.json()["report"]["sign_table"].clone();
    assert_eq!(table, json!({ "rows": 3, "outside": 2, "outside_examples": ["17", "18"] }));
}

#[test]
fn unknown_transmitters_are_an_error_only_for_neurons_of_the_circuit() {
    let desk = Desk::new(&[]);
    let strict = "[signs]\nunknown = \"error\"\n";
    desk.build(&format!("{MUSHROOM}{strict}")).ok();
    let all = "[[population]]\nname = \"everything\"\nquery = 'all'\n[selection]\nunconnected = \"keep\"\n[threshold]\nmin = 1\n";
    let ran = desk.build(&format!("{all}{strict}"));
    let tolerant = desk.build(all).ok().json();
    let unknown = tolerant["report"]["nt_source"]["unknown"].as_u64().unwrap_or(0);
    assert!(unknown > 0, "the synthetic fly has such neurons: {}", tolerant["report"]["nt_source"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let error = ran.json()["error"].clone();
    assert_eq!((&error["code"], &error["key"]), (&json!("nt-unknown"), &json!("signs.unknown")));
    let message = error["message"].as_str().expect("a text");
    assert!(message.starts_with(&format!("{unknown} neuron")) && message.contains("population `everything`"), "{message}");
    assert!(error["file"].as_str().is_some_and(|f| f.ends_with("config.toml")), "{error}");
}

#[test]
fn a_circuit_names_every_file_it_was_made_from_wherever_they_lie() {
    let files = [("signs.csv", "type,nt\nAPL,GABA\n"), ("kenyon.txt", "720575940600000001,720575940600000002")];
    let build = |text: &str, files: &[(&str, &str)]| {
        let desk = Desk::new(files);
        fs::create_dir(desk.path().join("lists")).expect("created");
        fs::copy(desk.path().join("kenyon.txt"), desk.path().join("lists/kenyon.txt")).expect("copied");
        desk.build(text).ok();
        let run = |args: &[&str]| kenyon_in(desk.path(), args).ok();
        run(&["circuit", "lesion", "circuit.h5", "--silence", "population = APL", "-o", "quiet.h5"]);
        run(&["circuit", "shuffle", "quiet.h5", "--model", "swap", "-o", "null.h5"]);
        desk
    };
    let config =
        |list: &str| format!("[[population]]\nname = \"two\"\nfile = \"{list}\"\n{MUSHROOM}[signs]\ntable = \"signs.csv\"\n");
    let desk = build(&config("kenyon.txt"), &files);
    let sources = desk.provenance("null.h5")["sources"].clone();
    let named: Vec<(&str, &str)> = sources
        .as_array()
        .expect("a list")
        .iter()
        .map(|s| (s["kind"].as_str().expect("a kind"), s["name"].as_str().expect("a name")))
        .collect();
    assert_eq!(
        named,
        [
            ("kenyon-connectome", "fly.h5"),
            ("circuit_config", "config.toml"),
            ("keyword_list", "kenyon.txt"),
            ("sign_table", "signs.csv"),
            ("kenyon-circuit", "circuit.h5"),
            ("kenyon-circuit", "quiet.h5"),
        ]
    );
    assert!(sources.as_array().expect("a list").iter().all(|s| s["sha256"].as_str().is_some_and(|h| h.len() == 64)), "{sources}");

    let same = build(&config("kenyon.txt"), &files);
    let bytes = |desk: &Desk| fs::read(desk.path().join("null.h5")).expect("readable");
    assert!(bytes(&desk) == bytes(&same), "the same files in another folder give the same bytes");
    let step = |desk: &Desk| desk.provenance("circuit.h5")["steps"][1]["circuit"]["population"][0]["file"].clone();
    assert_eq!(step(&build(&config("lists/kenyon.txt"), &files)), "kenyon.txt", "names, not paths");
    let other = build(&config("kenyon.txt"), &[files[0], ("kenyon.txt", "720575940600000001,720575940600000003")]);
    assert_ne!(desk.provenance("circuit.h5")["sources"][2], other.provenance("circuit.h5")["sources"][2]);
}

#[test]
fn an_empty_population_says_why() {
    let desk = Desk::new(&[]);
    let again = "[[population]]\nname = \"again\"\nquery = 'type = APL or type = KCab'\n";
    let ran = desk.build(&format!("{MUSHROOM}{again}")).ok();
    let why = "population `again` is empty: earlier populations took all of its neurons: `APL` (2), `KC` (1,643)";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    let alone = "[[population]]\nname = \"lone\"\nquery = 'class = olfactory and side = \"\" and type = \"\"'\n";
    let ran = desk.build(&format!("{MUSHROOM}{alone}"));
    assert!(ran.code == 0 || ran.stderr.contains("unknown-value"), "{}", ran.stderr);
}

#[test]
fn inputs_outside_the_circuit_are_warned_of_and_populations_are_no_field_there() {
    let desk = Desk::new(&[]);
    let ran = desk.build(&format!("{MUSHROOM}[selection]\ninputs = 'type = ORN_DA1'\n")).ok();
    assert!(ran.stderr.contains("no neuron of the circuit is driven by odours"), "{}", ran.stderr);
    assert_eq!(ran.json()["report"]["inputs_matched"], 127);
    let ran = desk.build(&format!("{MUSHROOM}[selection]\ninputs = 'population = KC'\n"));
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("evaluated on the pack"), "{}", ran.stderr);
}

#[test]
fn a_pack_in_place_of_the_config_is_told() {
    let desk = Desk::new(&[]);
    let ran = kenyon_in(desk.path(), &["circuit", "build", "fly.h5", "--connectome", "fly.h5", "-o", "circuit.h5"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("not-text") && ran.stderr.contains("`--connectome`"), "{}", ran.stderr);
}
