//! Circuits of the real subset: the numbers that others have measured on it, exactly.

mod support;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{kenyon_in, kenyon_json, reference_fly, repository};

/// Imports the reference dump as `NAME.h5` from the given tables.
fn import(dir: &Path, fly: &str, tables: &str) -> String {
    let pack = format!("{}.h5", tables.replace(',', "_"));
    kenyon_json(dir, &["connectome", "import", fly, "--connections", tables, "-o", &pack]);
    pack
}

/// Builds a circuit from config text and returns its report.
fn build(dir: &Path, pack: &str, config: &str) -> Value {
    fs::write(dir.join("config.toml"), config).expect("written");
    kenyon_json(dir, &["circuit", "build", "config.toml", "--connectome", pack, "-o", "circuit.h5"])
}

fn projection(report: &Value, pre: &str, post: &str) -> (u64, u64) {
    let all = report["projections"].as_array().expect("a list");
    let found =
        all.iter().find(|p| p["pre"] == pre && p["post"] == post).unwrap_or_else(|| panic!("no {pre} -> {post} in {all:?}"));
    (found["pairs"].as_u64().expect("a count"), found["synapses"].as_u64().expect("a count"))
}

#[test]
fn the_reference_network_has_its_13_populations_and_9628_neurons() {
    let Some(fly) = reference_fly() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let pack = import(dir.path(), &fly, "connections");
    let config = repository("examples/nengo_ccsnn.toml");
    let report = kenyon_json(dir.path(), &["circuit", "build", &config, "--connectome", &pack, "-o", "c.h5"]);
    assert_eq!(report["neurons"], 9628);
    assert_eq!(report["inputs"], 2012);

    let text = fs::read_to_string(format!("{fly}/derived/broad_cell_types.json")).expect("readable");
    let expected: BTreeMap<String, Vec<Value>> = serde_json::from_str(&text).expect("JSON");
    let populations = report["populations"].as_object().expect("an object");
    assert_eq!(populations.len(), 13);
    let connected = fs::read_to_string(format!("{fly}/derived/olfactory_network_root_ids.txt")).expect("readable");
    let connected: HashSet<&str> = connected.lines().map(str::trim).collect();
    for (name, ids) in &expected {
        let kept = ids.iter().filter(|id| connected.contains(id.as_str().expect("ids are strings"))).count();
        assert_eq!(populations[name], kept, "population {name}");
    }
    let selected = report["report"]["selected"].as_array().expect("a list");
    let before =
        |name: &str, key: &str| selected.iter().find(|s| s["name"] == name).expect("there")[key].as_u64().expect("a count");
    for (name, ids, kept) in [
        ("ALRN", 2328, 2328),
        ("ORN", 2299, 73),
        ("T/HRN", 98, 0),
        ("LHCENT", 49, 45),
        ("KC", 5177, 5177),
        ("olfactory", 2281, 2),
    ] {
        assert_eq!(before(name, "matched") - before(name, "taken"), kept, "{name}");
        assert_eq!(before(name, "matched"), ids, "{name}");
    }
}

#[test]
fn receptor_neurons_reach_their_targets_with_the_measured_pairs_and_synapses() {
    let Some(fly) = reference_fly() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let pack = import(dir.path(), &fly, "connections");
    let config = |threshold: &str| {
        format!(
            "[threshold]\n{threshold}\n\
             [[population]]\nname = \"ORN\"\nquery = 'class = olfactory'\n\
             [[population]]\nname = \"ALLN\"\nquery = 'class = ALLN'\n\
             [[population]]\nname = \"uPN\"\nquery = 'class = ALPN and sub_class = uniglomerular'\n\
             [[population]]\nname = \"mPN\"\nquery = 'class = ALPN'\n"
        )
    };
    let report = build(dir.path(), &pack, &config("min = 5"));
    assert_eq!(projection(&report, "ORN", "ALLN"), (8257, 76_370));
    assert_eq!(projection(&report, "ORN", "mPN"), (758, 11_114));
    assert_eq!(projection(&report, "ORN", "uPN"), (6221, 124_149));
    assert_eq!((&report["pairs"], &report["synapses"]), (&Value::from(15_236), &Value::from(211_633)));
    assert_eq!(build(dir.path(), &pack, &config("min = 10"))["pairs"], 6731);
    let per_row = build(dir.path(), &pack, &config("on = \"row\"\nmin = 5"));
    assert_eq!((&per_row["pairs"], &per_row["synapses"]), (&Value::from(15_090), &Value::from(209_655)));
    assert_eq!(
        report["transmitters"]["ACH"].as_u64().map(|n| n >= 1991),
        Some(true),
        "receptor neurons are cholinergic: {report}"
    );
}

#[test]
fn one_glomerulus_reaches_the_kenyon_cells_that_others_counted() {
    let Some(fly) = reference_fly() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let pack = import(dir.path(), &fly, "connections_princeton");
    for (glomerulus, cells, edges, targets, synapses) in [("DA1", 9, 354, 311, 5855), ("DL2d", 7, 159, 156, 3207)] {
        let config = format!(
            "[threshold]\nmin = 5\n\
             [[population]]\nname = \"PN\"\nquery = 'class = ALPN and sub_class = uniglomerular and side = left and type ~ \"^{glomerulus}_\"'\n\
             [[population]]\nname = \"KC\"\nquery = 'class = Kenyon_Cell'\n"
        );
        let report = build(dir.path(), &pack, &config);
        assert_eq!(report["report"]["selected"][0]["selected"], cells, "{glomerulus}");
        assert_eq!(projection(&report, "PN", "KC"), (edges, synapses), "{glomerulus}");
        let reached = report["population_degrees"]["KC"]["in_degree"]["histogram"].as_array().expect("a histogram");
        let reached: u64 = reached.iter().filter(|bin| bin[0] != 0).map(|bin| bin[1].as_u64().expect("a count")).sum();
        assert_eq!(reached, targets, "{glomerulus}");
    }
}

#[test]
fn projection_neurons_reach_4748_kenyon_cells() {
    let Some(fly) = reference_fly() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let pack = import(dir.path(), &fly, "connections_princeton");
    let config = |min: u32| {
        format!(
            "[threshold]\nmin = {min}\n[[population]]\nname = \"PN\"\nquery = 'class = ALPN'\n\
             [[population]]\nname = \"KC\"\nquery = 'class = Kenyon_Cell'\n"
        )
    };
    let report = build(dir.path(), &pack, &config(5));
    assert_eq!(projection(&report, "PN", "KC").0, 22_119);
    let report = build(dir.path(), &pack, &config(1));
    assert_eq!(projection(&report, "PN", "KC"), (22_177, 364_078));
    let reached = report["population_degrees"]["KC"]["in_degree"]["histogram"].as_array().expect("a histogram");
    let reached: u64 = reached.iter().filter(|bin| bin[0] != 0).map(|bin| bin[1].as_u64().expect("a count")).sum();
    assert_eq!(reached, 4748);
}

#[test]
fn without_known_transmitters_the_majority_of_rows_decides_as_measured() {
    let Some(fly) = reference_fly() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let pack = import(dir.path(), &fly, "connections");
    let config = |known: bool| {
        format!(
            "[threshold]\nmin = 1\n[signs]\nknown = {known}\n\
             [[population]]\nname = \"ORN\"\nquery = 'class = olfactory'\n\
             [[population]]\nname = \"AL\"\nquery = 'class in (\"ALLN\", \"ALPN\")'\n"
        )
    };
    let report = build(dir.path(), &pack, &config(false));
    assert_eq!(report["report"]["nt_source"]["rows"], 1991);
    assert_eq!(report["report"]["nt_ties"], 14);
    assert_eq!(report["report"]["both_signs"], 66);
    let count = |nt: &str| {
        kenyon_json(
            dir.path(),
            &["circuit", "lesion", "circuit.h5", "-o", "l.h5", "--silence", &format!("population = ORN and nt = {nt}")],
        )["neurons"]
            .clone()
    };
    assert_eq!(["ACH", "SER", "DA", "GABA"].map(count), [1458, 501, 29, 3].map(Value::from));
    let report = build(dir.path(), &pack, &config(true));
    assert_eq!(report["report"]["nt_source"]["known"], 1991);
}

#[test]
fn local_neurons_of_the_real_subset_can_be_given_synthetic_outputs_that_say_so() {
    let Some(fly) = reference_fly() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let pack = import(dir.path(), &fly, "connections,connections_princeton");
    let config = |projections: &str| {
        format!(
            "[completion]\nprojections = [{projections}]\nseed = 3\n\
             [[population]]\nname = \"ORN\"\nquery = 'class = olfactory'\n[[population]]\nname = \"ALLN\"\nquery = 'class = ALLN'\n\
             [[population]]\nname = \"ALPN\"\nquery = 'class = ALPN'\n[[population]]\nname = \"KC\"\nquery = 'class = Kenyon_Cell'\n\
             [[population]]\nname = \"APL\"\nquery = 'type = APL'\n"
        )
    };
    let plain = build(dir.path(), &pack, &config(""));
    assert_eq!(plain["synthetic"], false);
    assert!(plain["projections"].as_array().expect("a list").iter().all(|p| p["synthetic"] == false && p["pre"] != "ALLN"));
    let report = build(dir.path(), &pack, &config("\"ALLN->ALPN\", \"KC->APL\", \"APL->KC\", \"KC->KC\""));
    assert_eq!(report["synthetic"], true);
    for (pre, post, pairs) in [("ALLN", "ALPN", 30_000.0), ("KC", "APL", 5215.0), ("APL", "KC", 5194.0), ("KC", "KC", 12_000.0)] {
        let found = projection(&report, pre, post).0 as f64;
        assert!((found / pairs - 1.0).abs() < 0.05, "{pre} -> {post}: {found} pairs");
    }
    for p in report["projections"].as_array().expect("a list") {
        let generated = ["ALLN", "APL", "KC"].iter().any(|pre| p["pre"] == **pre);
        assert_eq!(p["synthetic"], generated, "{p}");
    }
    assert_eq!(projection(&report, "ALPN", "KC"), projection(&plain, "ALPN", "KC"), "measured connections stay as they are");
}

#[test]
fn the_pack_of_the_real_subset_stands_verification_and_a_flipped_byte_does_not() {
    let Some(fly) = reference_fly() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let pack = import(dir.path(), &fly, "connections,connections_princeton");
    let good = kenyon_json(dir.path(), &["connectome", "verify", &pack, &fly, "--rows", "50"]);
    assert_eq!(good["ok"], true);
    let mut bytes = fs::read(dir.path().join(&pack)).expect("readable");
    let at = bytes.len() / 2;
    bytes[at] ^= 0x10;
    fs::write(dir.path().join(&pack), bytes).expect("written");
    let ran = kenyon_in(dir.path(), &["connectome", "verify", &pack, &fly, "--json"]);
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("seal"), "{}", ran.stderr);
}
