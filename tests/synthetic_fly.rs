//! The synthetic fly, measured back through the reader: its statistics are those published, its defects are found.

#[path = "synthetic_fly/published.rs"]
mod published;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kenyon_connectome::{Pack, Query};
use published::{FEW, PUBLISHED};
use serde_json::json;
use support::{kenyon_in, kenyon_json, repository, synthetic_fly};

fn open() -> Pack {
    Pack::open(&synthetic_fly().path().join("fly.h5")).expect("the pack opens")
}

/// A fly of another seed, written and read back.
fn other(dir: &Path, seed: &str) -> Pack {
    kenyon_json(dir, &["connectome", "synth", "--seed", seed, "-o", &format!("d{seed}")]);
    kenyon_json(dir, &["connectome", "import", &format!("d{seed}"), "-o", &format!("{seed}.h5")]);
    Pack::open(&dir.join(format!("{seed}.h5"))).expect("the pack opens")
}

fn select(pack: &Pack, query: &str) -> Vec<bool> {
    let mut chosen = vec![false; pack.rows_len()];
    for row in Query::parse(query).and_then(|q| q.select(pack)).expect("a valid query") {
        chosen[row as usize] = true;
    }
    chosen
}

/// Synapse counts of the pairs from `pre` to `post`, with the rows of their ends.
fn pairs_between(pack: &Pack, pre: &str, post: &str) -> Vec<(u32, u32, u32)> {
    let (pre, post) = (select(pack, pre), select(pack, post));
    let pairs = pack.pairs().expect("readable");
    (0..pairs.len())
        .filter(|&i| pre[pairs.pre[i] as usize] && post[pairs.post[i] as usize])
        .map(|i| (pairs.pre[i], pairs.post[i], pairs.syn_count[i]))
        .collect()
}

fn close(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!((found / expected - 1.0).abs() <= tolerance, "{what}: {found}, published {expected}");
}

const ORN: &str = "class = olfactory";
const UPN: &str = "class = ALPN and sub_class = uniglomerular";
const MPN: &str = "class = ALPN and sub_class = multiglomerular";

#[test]
fn measured_relations_have_the_published_statistics_within_5_percent_for_any_seed() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for pack in [open(), other(dir.path(), "2"), other(dir.path(), "3")] {
        for row in PUBLISHED {
            row.check(&pack);
        }
        for (pre, post, edges, synapses) in FEW {
            let found = pairs_between(&pack, pre, post);
            assert_eq!(found.len(), edges, "{pre} -> {post}");
            close(&format!("{pre} -> {post}"), found.iter().map(|p| f64::from(p.2)).sum(), synapses, 0.0501);
        }
    }
}

#[test]
fn projections_that_the_real_subset_lacks_are_there() {
    let pack = open();
    for (pre, post, edges) in [
        ("class = Kenyon_Cell", "type = APL", 5215.0),
        ("type = APL", "class = Kenyon_Cell", 5194.0),
        ("class = Kenyon_Cell", "class = Kenyon_Cell", 12_000.0),
        ("class = Kenyon_Cell", "type = DPM", 4652.0),
        ("type = DPM", "class = Kenyon_Cell", 5000.0),
        ("class = ALLN", "class = ALLN", 25_500.0),
        ("class = ALLN", "class = ALPN", 30_000.0),
        ("class = ALPN", "class = ALLN", 14_000.0),
    ] {
        close(&format!("{pre} -> {post}"), pairs_between(&pack, pre, post).len() as f64, edges, 0.05);
    }
    close("rows", pack.rows().expect("readable").syn_count.len() as f64, 214_011.0, 0.02);
    close("connected neurons", pack.list_ids("olfactory_network").expect("there").len() as f64, 9628.0, 0.03);
}

#[test]
fn every_glomerulus_has_its_receptor_neurons_and_projection_neurons() {
    let pack = open();
    let (types, sides) = (pack.attribute("type").expect("readable"), pack.attribute("side").expect("readable"));
    let count =
        |cell_type: &str, side: &str| types.iter().zip(sides.iter()).filter(|&(t, s)| t == cell_type && s == side).count();
    for (glomerulus, left, right) in
        [("DA1", 60, 66), ("DL2d", 7, 7), ("VM7v", 13, 13), ("VA5", 6, 5), ("DC2", 8, 12), ("V", 34, 33)]
    {
        let name = format!("ORN_{glomerulus}");
        assert_eq!((count(&name, "left"), count(&name, "right")), (left, right), "{name}");
    }
    for (subtype, left, right) in [("KCab", 844, 799), ("KCg-m", 1069, 1121), ("KCapbp-m", 164, 174), ("KCg-s3", 1, 0)] {
        assert_eq!((count(subtype, "left"), count(subtype, "right")), (left, right), "{subtype}");
    }
    for (query, cells) in [
        (UPN, 277),
        (MPN, 399),
        ("class = ALPN", 684),
        ("class = ALLN", 426),
        ("class = Kenyon_Cell", 5177),
        ("class = MBON", 96),
        ("class = DAN", 331),
        ("type = APL", 2),
        ("type = DPM", 2),
        (ORN, 2279),
        ("class = hygrosensory", 74),
        ("class = thermosensory", 29),
        ("class = ALLN and nt = GABA", 113),
        ("class = ALLN and nt = GLUT", 96),
    ] {
        assert_eq!(select(&pack, query).iter().filter(|&&b| b).count(), cells, "{query}");
    }
}

#[test]
fn kenyon_cells_have_the_published_number_of_claws() {
    let pack = open();
    let mut inputs: BTreeMap<u32, usize> = BTreeMap::new();
    for (_, kc, syn_count) in pairs_between(&pack, "class = ALPN", "class = Kenyon_Cell") {
        *inputs.entry(kc).or_default() += usize::from(syn_count >= 5);
    }
    let published = [198.0, 357.0, 479.0, 938.0, 1282.0, 977.0, 399.0, 94.0, 19.0, 3.0];
    let total: f64 = published.iter().sum();
    let cells = inputs.values().filter(|&&n| n > 0).count() as f64;
    let variation: f64 = published
        .iter()
        .enumerate()
        .map(|(i, &expected)| {
            let found = inputs.values().filter(|&&n| n == i + 1).count() as f64;
            (found / cells - expected / total).abs() / 2.0
        })
        .sum();
    assert!(variation <= 0.02, "total variation {variation}");
}

#[test]
fn the_reader_finds_every_planted_defect() {
    let fly = synthetic_fly();
    let report = fly.json(&["connectome", "import", "dump", "-o", "defects.h5"]);
    let d = &report["diagnostics"];
    assert_eq!(report["synthetic"], true);
    assert_eq!(d["receptor_rows"], 2264);
    assert_eq!(d["receptor_neurons"], 2113);
    assert_eq!(d["receptor_several_labels"], 148);
    assert_eq!(d["keyword_unconnected"], 162);
    assert_eq!(d["multi_row_pairs"], 982);
    assert!(d["blank_nt"].as_u64().is_some_and(|n| n > 0));
    assert_eq!(d["orphan_ids"], 0);
    assert_eq!(d["unknown_values"], json!([]));
    let unsided = select(&open(), "class = olfactory and side = \"\"").iter().filter(|&&b| b).count();
    assert_eq!(unsided, 30);
}

#[test]
fn the_same_seed_gives_the_same_bytes_at_any_number_of_threads_and_another_seed_others() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let make = |seed: &str, threads: &str| {
        // The same names in folders of their own: where a file lies is not part of it.
        let own = dir.path().join(format!("{seed}_{threads}"));
        fs::create_dir(&own).expect("created");
        let run = |args: &[&str]| kenyon_json(&own, &[args, &["--threads", threads]].concat());
        run(&["connectome", "synth", "--preset", "core", "--seed", seed, "-o", "dump"]);
        run(&["connectome", "import", "dump", "-o", "fly.h5"]);
        let config = repository("examples/mushroom_body.toml");
        run(&["circuit", "build", &config, "--connectome", "fly.h5", "-o", "circuit.h5"]);
        run(&["circuit", "lesion", "circuit.h5", "--silence", "population = APL", "-o", "lesioned.h5"]);
        run(&["circuit", "shuffle", "lesioned.h5", "--model", "swap-typed", "-o", "null.h5"]);
        ["dump/connections.csv.gz", "fly.h5", "circuit.h5", "null.h5"].map(|name| fs::read(own.join(name)).expect("readable"))
    };
    let one = make("5", "1");
    let (two, four) = (make("5", "2"), make("5", "4"));
    for (at, what) in ["dumps", "packs", "circuits", "nulls"].into_iter().enumerate() {
        assert!(one[at] == two[at] && one[at] == four[at], "{what} differ");
    }
    assert!(make("6", "2")[0] != one[0]);
}

#[test]
fn the_ready_configs_all_fit_the_synthetic_fly() {
    let fly = synthetic_fly();
    for (example, population, cells) in
        [("nengo_ccsnn", "KC", 5177), ("nengo_ccsnn", "APL", 2), ("mushroom_body", "APL", 2), ("synthetic_fly", "ALLN", 426)]
    {
        let config = repository(&format!("examples/{example}.toml"));
        let report = fly.json(&["circuit", "build", &config, "--connectome", "fly.h5", "-o", &format!("{example}.h5")]);
        assert_eq!(report["populations"][population], cells, "{example}");
        assert_eq!(report["synthetic"], true);
    }
}

#[test]
fn a_shuffled_circuit_keeps_what_its_null_model_promises() {
    let fly = synthetic_fly();
    let before = fly.json(&["circuit", "info", "circuit.h5"]);
    for model in ["swap", "swap-typed", "weight-block", "weight-all", "sign", "er", "identity"] {
        let output = format!("null_{model}.h5");
        let report = fly.json(&["circuit", "shuffle", "circuit.h5", "--model", model, "--seed", "9", "-o", &output]);
        let invariants = report["invariants"].as_array().expect("a list");
        assert!(!invariants.is_empty() && invariants.iter().all(|i| i["held"] == true), "{model}: {report}");
        let after = fly.json(&["circuit", "info", &output]);
        assert_eq!(after["pairs"], before["pairs"], "{model}");
        assert_eq!(after["synapses"], before["synapses"], "{model}");
        if model.starts_with("swap") {
            assert_eq!(after["degrees"], before["degrees"], "{model}");
            assert_eq!(after["population_degrees"], before["population_degrees"], "{model}");
        }
    }
    let again = fly.json(&["circuit", "shuffle", "circuit.h5", "--model", "swap", "--seed", "9", "-o", "swap_again.h5"]);
    assert_eq!(
        again["accepted"],
        fly.json(&["circuit", "shuffle", "circuit.h5", "--model", "swap", "--seed", "9", "-o", "swap_b.h5"])["accepted"]
    );
    let bytes = |name: &str| fs::read(fly.path().join(name)).expect("readable");
    assert!(bytes("swap_again.h5") == bytes("null_swap.h5"), "the same seed gives the same bytes");
}

#[test]
fn lesions_remove_or_silence_exactly_the_neurons_named() {
    let fly = synthetic_fly();
    let before = fly.json(&["circuit", "info", "circuit.h5"]);
    let silenced = fly.json(&["circuit", "lesion", "circuit.h5", "--silence", "population = APL", "-o", "silent.h5"]);
    assert_eq!(silenced["neurons"], 2);
    let after = fly.json(&["circuit", "info", "silent.h5"]);
    assert_eq!((&after["neurons"], &after["silenced"]), (&before["neurons"], &json!(2)));
    assert_eq!(after["order_sha256"], before["order_sha256"]);
    assert!(after["projections"].as_array().expect("a list").iter().all(|p| p["pre"] != "APL" && p["post"] != "APL"));
    fly.json(&["circuit", "lesion", "circuit.h5", "--remove", "population = APL", "-o", "gone.h5"]);
    let after = fly.json(&["circuit", "info", "gone.h5"]);
    assert_eq!(after["neurons"].as_u64(), before["neurons"].as_u64().map(|n| n - 2));
    assert_eq!(after["populations"]["APL"], 0);
    let selected = after["report"]["selected"].as_array().expect("a list");
    for population in selected {
        let name = population["name"].as_str().expect("a name");
        assert_eq!(population["in_circuit"], after["populations"][name], "{name}");
    }
    let ran = kenyon_in(fly.path(), &["circuit", "lesion", "circuit.h5", "--remove", "all", "-o", "none.h5", "--json"]);
    assert_eq!((ran.code, &ran.json()["error"]["code"]), (2, &json!("empty-circuit")));
    assert!(!fly.path().join("none.h5").exists());
}

#[test]
fn silenced_neurons_stay_without_connections_in_every_null_model() {
    let fly = synthetic_fly();
    fly.json(&["circuit", "lesion", "circuit.h5", "--silence", "population = APL", "-o", "quiet.h5"]);
    for model in ["swap", "swap-typed", "weight-block", "weight-all", "sign", "er", "identity"] {
        let output = format!("quiet_{model}.h5");
        fly.json(&["circuit", "shuffle", "quiet.h5", "--model", model, "-o", &output]);
        let circuit = kenyon_connectome::circuit::file::read(&fly.path().join(&output)).expect("readable");
        let silenced = circuit.silenced.iter().filter(|&&s| s).count();
        let touched = circuit.edges.pre.iter().chain(&circuit.edges.post).filter(|&&end| circuit.silenced[end as usize]).count();
        assert_eq!((silenced, touched), (2, 0), "{model}");
        let text = kenyon_in(fly.path(), &["circuit", "info", &output]).ok().stdout;
        let first = "lesioned: 2 neurons silenced (population = APL); the cut columns describe the build";
        assert!(text.starts_with(&format!("{first}\nnull model: {model}, seed 1\n")), "{text}");
    }
}

#[test]
fn influence_on_kenyon_cells_falls_when_projection_neurons_are_silenced() {
    let fly = synthetic_fly();
    let kc = |extra: &[&str]| {
        let args: Vec<&str> =
            ["circuit", "info", "circuit.h5", "--influence", "type = ORN_DA1"].iter().chain(extra).copied().collect();
        let report = fly.json(&args);
        let found =
            report["influence"]["populations"].as_array().expect("a list").iter().find(|p| p["population"] == "KC").cloned();
        found.expect("there")["effective_positive"].as_f64().expect("a number")
    };
    let intact = kc(&[]);
    let silenced = kc(&["--silence", "population in (\"uPN\", \"mPN\")"]);
    assert!(intact > 0.0 && silenced < 0.2 * intact, "{intact} {silenced}");
}

#[test]
fn packs_of_two_seeds_differ_and_a_pack_equals_itself() {
    let fly = synthetic_fly();
    let same = fly.json(&["connectome", "diff", "fly.h5", "fly.h5"]);
    assert_eq!((&same["equal"], &same["made"]), (&json!(true), &json!([])));
    fly.json(&["connectome", "import", "dump", "-o", "fly_min5.h5", "--min-synapses", "5"]);
    let made = fly.json(&["connectome", "diff", "fly.h5", "fly_min5.h5"])["made"].clone();
    assert_eq!((made.as_array().map(Vec::len), &made[0]["what"]), (Some(1), &json!("threshold")), "{made}");
    fly.json(&["connectome", "synth", "--seed", "2", "-o", "dump2"]);
    fly.json(&["connectome", "import", "dump2", "-o", "fly2.h5"]);
    let diff = fly.json(&["connectome", "diff", "fly.h5", "fly2.h5"]);
    assert_eq!(diff["equal"], false);
    assert_eq!(diff["neurons"]["common"], diff["neurons"]["a"]);
    let (a, common, only) = (&diff["pairs"]["a"], &diff["pairs"]["common"], &diff["pairs"]["only_a"]);
    assert_eq!(a.as_u64(), Some(common.as_u64().expect("a count") + only.as_u64().expect("a count")));
}

#[test]
fn verification_compares_with_the_dump_and_names_a_changed_source() {
    let fly = synthetic_fly();
    let good = fly.json(&["connectome", "verify", "fly.h5", "dump", "--rows", "200", "--seed", "4"]);
    assert_eq!(good["ok"], true);
    assert!(good["checks"].as_array().expect("a list").len() > 200);
    fly.json(&["connectome", "synth", "--seed", "3", "-o", "other"]);
    let ran = kenyon_in(fly.path(), &["connectome", "verify", "fly.h5", "other", "--json"]);
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("connections.csv.gz") || ran.stderr.contains("source"), "{}", ran.stderr);
}

#[test]
fn a_query_writes_keyword_files_that_serve_as_sets_again() {
    let fly = synthetic_fly();
    let pn = fly.json(&["connectome", "query", "fly.h5", "class = ALPN & side = left", "-o", "left_pn.txt"]);
    let again = fly.json(&["connectome", "query", "fly.h5", "in list(left_pn)", "--list", "left_pn.txt"]);
    assert_eq!(pn["root_ids"], again["root_ids"]);
    let none =
        fly.json(&["connectome", "query", "fly.h5", "class = ALPN & side = left - in list(left_pn)", "--list", "left_pn.txt"]);
    assert_eq!(none["count"], 0);
    assert!(pn["root_ids"][0].is_string(), "ids travel as text");
}
