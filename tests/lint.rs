//! `kenyon lint`: any deployment file, findings as a table or JSON, exit codes.

mod support;

use std::fs;
use std::path::Path;

use kenyon_hardware::{Cells, Deployment, Neurons, Population, Projection, Receptor, Role, Synapse, Variable};
use serde_json::{Value, json};
use support::kenyon_in;

fn deployment() -> Deployment {
    let mut d = Deployment::new("small", 1.0, 50);
    let n = 4;
    let cells = Neurons {
        tau_m_ms: vec![20.0; n],
        cm_nf: vec![1.0; n],
        i_offset_na: vec![0.0; n],
        v_rest_mv: vec![-65.0; n],
        v_reset_mv: vec![-65.0; n],
        v_thresh_mv: vec![-50.0; n],
        tau_refrac_ms: vec![1.0; n],
        v_init_mv: vec![-65.0; n],
        tau_syn_e_ms: vec![5.0; n],
        tau_syn_i_ms: vec![5.0; n],
        ..Neurons::default()
    };
    let population = |label: &str, role, ids: Vec<u64>, cells, record| Population {
        label: label.into(),
        role,
        ids,
        names: Vec::new(),
        cells,
        record,
        v_scale: 1.0,
    };
    d.add(population("ORN", Role::Input, vec![10, 11], Cells::SpikeSource, Vec::new()));
    let kc = population("KC", Role::Hidden, vec![20, 21, 22, 23], Cells::Neurons(Box::new(cells)), vec![Variable::Spikes]);
    d.add(kc);
    let synapses = (0..4).map(|i| Synapse { pre: i % 2, post: i, weight: 0.5, delay_steps: 1.0 }).collect();
    d.projections.push(Projection { pre: 0, post: 1, receptor: Receptor::Excitatory, synapses });
    d
}

/// The sound deployment as JSON, after a change of its text or tree.
fn write(dir: &Path, name: &str, change: impl FnOnce(&mut Value)) {
    let path = dir.join(name);
    deployment().write(&path).expect("written");
    let mut tree = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
    change(&mut tree);
    fs::write(&path, tree.to_string()).expect("written");
}

#[test]
fn a_sound_deployment_passes_in_both_formats() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for name in ["d.json", "d.h5"] {
        deployment().write(&dir.path().join(name)).expect("written");
        let json = kenyon_in(dir.path(), &["lint", name, "--json"]).ok().json();
        assert_eq!((json["errors"].as_u64(), json["warnings"].as_u64()), (Some(0), Some(0)), "{json}");
        assert_eq!((json["neurons"].as_u64(), json["synapses"].as_u64()), (Some(4), Some(4)));
    }
}

#[test]
fn everything_wrong_in_a_file_is_listed_worst_first_and_the_exit_code_is_4() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(dir.path(), "bad.json", |d| {
        d["projections"][0]["synapses"][0]["weight"] = json!("NUMBER");
        d["projections"][0]["synapses"][1]["delay_steps"] = json!(1.5);
        d["projections"][0]["synapses"][2]["post"] = json!(7);
        d["projections"][0]["synapses"][3]["weight"] = json!(-1.0);
        let cells = &mut d["populations"][1]["cells"]["neurons"];
        cells["tau_m_ms"][2] = json!(0.0);
        cells["v_rest_mv"][3] = json!(1e6);
        cells["tau_refrac_ms"][0] = json!(1.5);
        cells["i_offset_na"][1] = Value::Null;
        d["populations"][1]["label"] = json!("KC\u{1b}[31m");
    });
    let path = dir.path().join("bad.json");
    let text = fs::read_to_string(&path).expect("read").replace("\"NUMBER\"", "NaN");
    fs::write(&path, text).expect("written");

    let ran = kenyon_in(dir.path(), &["lint", "bad.json", "--json"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let json = ran.json();
    let codes: Vec<_> = json["findings"].as_array().expect("a list").iter().filter_map(|f| f["code"].as_str()).collect();
    assert_eq!(codes, ["E1", "E1", "E2", "E3", "E4", "E5", "E6", "W5", "I2"], "{json}");
    assert!(json["findings"].as_array().expect("a list").iter().all(|f| f["mend"].is_string() && f["where"].is_string()));

    let ran = kenyon_in(dir.path(), &["lint", "bad.json"]);
    assert_eq!(ran.code, 4);
    assert!(ran.stdout.contains("7 errors, 1 warning") && ran.stdout.contains("neuron 2 (id 22) is 0"), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "names of others do not steer the terminal");
}

#[test]
fn warnings_alone_let_a_deployment_pass() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(dir.path(), "fast.json", |d| d["dt_ms"] = json!(0.5));
    let ran = kenyon_in(dir.path(), &["lint", "fast.json"]).ok();
    assert!(ran.stdout.contains("W7"), "{}", ran.stdout);
    let json = kenyon_in(dir.path(), &["lint", "fast.json", "--combined-cores", "--json"]).ok().json();
    assert_eq!(json["warnings"], 0, "{json}");
}

#[test]
fn what_is_no_deployment_exits_with_3() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let code = |name: &str| {
        let ran = kenyon_in(dir.path(), &["lint", name, "--json"]);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        ran.json()["error"]["code"].as_str().map(String::from)
    };
    assert_eq!(code("nowhere.json").as_deref(), Some("not-found"));
    fs::write(dir.path().join("other.json"), "{\"dt_ms\": NaN}").expect("written");
    assert_eq!(code("other.json").as_deref(), Some("deployment-json"));
    write(dir.path(), "no_start.json", |d| {
        d["populations"][1]["cells"]["neurons"].as_object_mut().expect("cells").remove("v_init_mv");
    });
    assert_eq!(code("no_start.json").as_deref(), Some("deployment-json"), "every population needs a start");
    write(dir.path(), "word.json", |d| d["populations"][1]["cells"]["neurons"]["cm_nf"][2] = json!("three"));
    let ran = kenyon_in(dir.path(), &["lint", "word.json"]);
    assert!(ran.code == 3 && ran.stderr.contains("populations[1].cells"), "{}", ran.stderr);
}

#[test]
fn faults_of_structure_are_findings_and_what_they_hide_is_said() {
    type Change<'a> = &'a dyn Fn(&mut Value);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let codes = |name: &str, change: Change| {
        write(dir.path(), name, |d| {
            // By the mapper's formula, this would need a shift of 16 and more.
            d["projections"][0]["synapses"][0]["weight"] = json!(60_000.0);
            change(d);
        });
        let ran = kenyon_in(dir.path(), &["lint", name, "--json"]);
        assert_eq!(ran.code, 4, "{name}: {}", ran.stderr);
        let findings = ran.json()["findings"].as_array().expect("a list").clone();
        findings.iter().filter_map(|f| f["code"].as_str().map(String::from)).collect::<Vec<_>>()
    };
    assert_eq!(codes("heavy.json", &|_| ())[0], "E8");
    let cases: [(&str, Change); 5] = [
        ("twice.json", &|d| {
            let first = d["projections"][0].clone();
            d["projections"].as_array_mut().expect("a list").push(first);
        }),
        ("short.json", &|d| drop(d["populations"][1]["cells"]["neurons"]["tau_m_ms"].as_array_mut().expect("a list").pop())),
        ("late.json", &|d| d["samples"] = json!([{ "name": "one", "class": null, "spikes": [[0, 0, 5000]] }])),
        ("steps.json", &|d| d["steps"] = json!(0)),
        ("endless.json", &|d| d["steps"] = json!(4_000_000_000u32)),
    ];
    for (name, change) in cases {
        assert_eq!(codes(name, change), ["E11", "I2"], "{name}");
    }
}

#[test]
fn a_bound_of_one_population_leaves_all_others_as_measured() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(dir.path(), "d.json", |d| {
        let mut other = d["populations"][1].clone();
        (other["label"], other["ids"]) = (json!("MBON"), json!([30, 31, 32, 33]));
        d["populations"].as_array_mut().expect("a list").push(other);
        // A thousand synapses on one neuron: the mapper's formula sees 200,000 nA, the sample one of them at a time.
        let synapses: Vec<Value> = (0..1000)
            .map(|k| json!({ "pre": k % 2, "post": 0, "weight": 200.0, "delay_steps": 1.0 + f64::from(k / 2 % 500) }))
            .collect();
        d["projections"][0]["synapses"] = json!(synapses[..500]);
        d["projections"].as_array_mut().expect("a list").push(json!({
            "pre": 0, "post": 2, "receptor": "excitatory",
            "synapses": [{ "pre": 0, "post": 0, "weight": 0.5, "delay_steps": 1.0 }],
        }));
        d["samples"] = json!([{ "name": "one", "class": null, "spikes": [[0, 0, 5]] }]);
        d["steps"] = json!(60);
    });
    let shifts = |more: &[&str]| {
        let ran = kenyon_in(dir.path(), &[&["lint", "d.json", "--json"], more].concat()).ok().json();
        let rows = ran["layout"].as_array().expect("a list").clone();
        assert!(rows.iter().all(|r| r["dtcm_bytes"].is_u64() && r["longest_row"].is_u64()), "{rows:?}");
        rows.iter().map(|r| r["shift"].clone()).collect::<Vec<_>>()
    };
    let measured = shifts(&[]);
    let named = shifts(&["--max-expected-summed-weight", "MBON=100,0"]);
    assert_eq!(named, [Value::Null, measured[1].clone(), json!([7, 0])], "measured: {measured:?}");
    assert_ne!(measured[2], named[2]);
    let text = kenyon_in(dir.path(), &["lint", "d.json"]).ok().stdout;
    assert!(text.contains("largest sum") && text.contains("data memory"), "{text}");
}

#[test]
fn a_bound_below_the_largest_weight_and_an_emulation_of_no_effect_are_told() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(dir.path(), "d.json", |d| {
        d["projections"][0]["synapses"][0]["weight"] = json!(2.5);
        d["samples"] = json!([{ "name": "one", "class": null, "spikes": [[0, 0, 5]] }]);
    });
    let lint = |more: &[&str]| {
        let ran = kenyon_in(dir.path(), &[&["lint", "d.json", "--as-written", "--json"], more].concat());
        let codes = ran.json()["findings"].as_array().map(|list| list.iter().map(|f| f["code"].clone()).collect::<Vec<_>>());
        (ran.code, codes.unwrap_or_default())
    };
    assert_eq!(lint(&[]), (0, vec![json!("I1")]));
    assert_eq!(lint(&["--max-expected-summed-weight", "KC=0.1,0"]), (4, vec![json!("E7"), json!("I1")]));
    assert_eq!(lint(&["--emulate"]), (0, vec![json!("W11"), json!("I1")]));
    assert_eq!(lint(&["--max-expected-summed-weight", "PN=1,1"]).0, 2);
    assert_eq!(lint(&["--max-expected-summed-weight", "KC=1"]).0, 2);
}
