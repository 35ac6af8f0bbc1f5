//! `kenyon validate spinnaker` and `kenyon emulate` from outside.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use kenyon_hardware::spinnaker::{Emulator, Options, answer, quantise};
use kenyon_hardware::{
    Cells, Decision, Deployment, HostReadout, Neurons, Population, Projection, Receptor, Role, Sample, Synapse, Variable,
};
use serde_json::{Value, json};
use support::{Ran, kenyon_in, kenyon_json, repository};

/// The reference cases, or `None` with a note.
fn reference() -> Option<PathBuf> {
    let root =
        std::env::var_os("KENYON_REFERENCE_DATA").map_or_else(|| PathBuf::from(repository("../shared/data")), PathBuf::from);
    let cases = root.join("spinnaker");
    if cases.is_dir() {
        return Some(cases);
    }
    eprintln!("skipped: no reference data");
    None
}

#[test]
fn no_value_of_the_reference_differs_and_the_dump_is_the_reference() {
    let Some(cases) = reference() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let report = kenyon_json(dir.path(), &["validate", "spinnaker", cases.to_str().expect("UTF-8"), "--dump", "ours"]);
    assert_eq!((report["kind"].as_str(), report["failed"].as_u64()), (Some("spinnaker"), Some(0)), "{report}");
    let find = |name: &str| {
        let cases = report["cases"].as_array().expect("cases").iter();
        cases.clone().find(|c| c["name"] == name).unwrap_or_else(|| panic!("no case {name}: {report}"))
    };
    assert_eq!(find("lif_init.csv")["compared"].as_u64(), Some(320 * 17));
    assert_eq!(find("saturate")["populations"][0]["saturations"].as_u64(), Some(0));
    assert_eq!(find("flyolf_80kc")["populations"].as_array().expect("populations").len(), 5);
    for case in ["curr_exp_1ms", "curr_exp_0p1ms", "curr_delta_1ms", "cond_exp_1ms", "saturate", "flyolf_80kc"] {
        assert_eq!((find(case)["differing"].as_u64(), find(case)["pass"].as_bool()), (Some(0), Some(true)), "{case}");
        for file in fs::read_dir(cases.join(case)).expect("a folder").flatten() {
            let (theirs, ours) = (fs::read(file.path()), fs::read(dir.path().join("ours").join(case).join(file.file_name())));
            let (theirs, ours) = (theirs.expect("there"), ours.expect("dumped"));
            if file.file_name() == "network.json" {
                let document = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
                assert_eq!(document(&ours), document(&theirs), "{case}");
            } else {
                assert_eq!(ours, theirs, "{case}: {}", file.path().display());
            }
        }
    }
    for case in report["cases"].as_array().expect("cases") {
        let keys = ["name", "pass", "max_abs_error", "unit", "spikes_expected", "spikes_got", "max_spike_shift_ms", "note"];
        assert!(keys.iter().all(|key| case.get(key).is_some()), "{case}");
        assert_eq!((&case["max_abs_error"], &case["unit"]), (&json!(0.0), &json!("raw s16.15")), "{case}");
    }
    assert_eq!((&find("saturate")["max_spike_shift_ms"], &find("lif_init.csv")["spikes_got"]), (&json!(0.0), &Value::Null));
    // One case by itself.
    let one = kenyon_json(dir.path(), &["validate", "spinnaker", "ours/saturate"]);
    assert_eq!((one["passed"].as_u64(), one["cases"][0]["name"].as_str()), (Some(1), Some("saturate")));
}

/// A made-up case without recordings in `DIR/cases/made`, and what `validate` says of it after `change`.
struct Made {
    dir: tempfile::TempDir,
}

impl Made {
    fn network() -> Value {
        let column = |x: f64| json!([x, x]);
        json!({
            "timestep_ms": 1.0, "steps": 30,
            "populations": [
                {"label": "in", "type": "SpikeSourceArray", "n": 1, "spike_steps": [[2, 3, 4, 5, 6, 7]]},
                {"label": "pop", "type": "IF_curr_exp", "n": 2, "ring_buffer_left_shift": [3, 0], "parameters": {
                    "cm": column(1.0), "tau_m": column(20.0), "tau_refrac": column(2.0), "v_rest": column(-65.0),
                    "v_reset": column(-65.0), "v_thresh": column(-50.0), "i_offset": column(0.0), "tau_syn_E": column(5.0),
                    "tau_syn_I": column(5.0)}}
            ],
            "projections": [{"pre": "in", "post": "pop", "receptor": "excitatory", "connections": [[0, 0, 7.0, 1], [0, 1, 1.0, 2]]}],
            "n_ring_buffer_saturations": {"pop": 0}
        })
    }

    fn new(network: &Value) -> Self {
        let made = Self { dir: tempfile::tempdir().expect("a temporary folder") };
        let folder = made.dir.path().join("cases/made");
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join("network.json"), network.to_string()).expect("written");
        made
    }

    /// With the recordings of our own emulator as its reference.
    fn recorded() -> Self {
        let made = Self::new(&Self::network());
        // Without recordings it fails, but our values are written.
        assert_eq!(kenyon_in(made.dir.path(), &["validate", "spinnaker", "cases", "--dump", "ours"]).code, 4);
        fs::remove_dir_all(made.dir.path().join("cases")).expect("removed");
        fs::rename(made.dir.path().join("ours"), made.dir.path().join("cases")).expect("renamed");
        made
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("cases/made").join(name)
    }

    fn validate(&self) -> Ran {
        kenyon_in(self.dir.path(), &["validate", "spinnaker", "cases", "--json"])
    }

    /// What a case is refused with: it is a failure, with a note.
    fn refused(network: &Value) -> String {
        let ran = Self::new(network).validate();
        assert_eq!((ran.code, ran.json()["failed"].as_u64()), (4, Some(1)), "{}{}", ran.stdout, ran.stderr);
        ran.json()["cases"][0]["note"].as_str().expect("a note").to_string()
    }
}

#[test]
fn each_kind_of_difference_is_counted_under_its_name() {
    let made = Made::recorded();
    let report = made.validate().ok().json();
    assert_eq!((&report["cases"][0]["differing"], &report["cases"][0]["populations"][0]["v"]), (&json!(0), &json!(0)));
    let replace = |name: &str, from: &str, to: &str| {
        let text = fs::read_to_string(made.file(name)).expect("there");
        assert!(text.contains(from), "{name}: {text}");
        fs::write(made.file(name), text.replacen(from, to, 1)).expect("written");
        let ran = made.validate();
        fs::write(made.file(name), text).expect("written");
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        let case = ran.json()["cases"][0].clone();
        assert!(case["note"].as_str().expect("a note").contains("(first: "), "the values are named: {case}");
        case["populations"][0].clone()
    };
    let v = replace("pop_v.csv", "\n0,-2129920", "\n0,-2129927");
    assert_eq!((&v["v"], &v["max_abs_error"]), (&json!(1), &json!(7)));
    assert_eq!(v["first"], "v of step 0, neuron 0: reference -2129927, ours -2129920");
    assert_eq!(replace("pop_gsyn_exc.csv", "\n0,0,0", "\n0,1,1")["gsyn_exc"], 2);
    assert_eq!(replace("pop_gsyn_inh.csv", "\n29,0,0", "\n29,0,3")["gsyn_inh"], 1);
    let spikes = fs::read_to_string(made.file("pop_spikes.csv")).expect("there");
    let first = spikes.lines().nth(1).expect("a spike").to_string();
    assert_eq!(replace("pop_spikes.csv", &first, "29,1")["spikes"], 2);
    assert_eq!(replace("network.json", "\"ring_buffer_left_shift\":[3,0]", "\"ring_buffer_left_shift\":[4,1]")["shifts"], 2);
    assert_eq!(replace("network.json", "\"pop\":0", "\"pop\":7")["saturations"], 7);
}

#[test]
fn incomplete_and_broken_cases_say_what_is_missing() {
    let made = Made::recorded();
    let text = fs::read_to_string(made.file("pop_v.csv")).expect("there");
    let note = |ran: &Ran| ran.json()["cases"][0]["note"].as_str().expect("a note").to_string();
    for (broken, expected) in [
        (text.replacen("step,n0,n1", "step,n0", 1), "step,n0,n1"),
        (text.replacen("\n3,", "\n3.5,", 1), "line 5"),
        (text.lines().take(20).collect::<Vec<_>>().join("\n"), "30"),
    ] {
        fs::write(made.file("pop_v.csv"), broken).expect("written");
        let ran = made.validate();
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        assert!(note(&ran).contains(expected) && note(&ran).contains("pop_v.csv"), "{}", note(&ran));
    }
    fs::remove_file(made.file("pop_v.csv")).expect("removed");
    let ran = made.validate();
    assert_eq!(ran.code, 4);
    assert!(note(&ran).contains("pop_v.csv") && !note(&ran).contains("pop_spikes.csv"), "{}", note(&ran));
    assert_eq!(ran.json()["cases"][0]["populations"][0]["spikes"], 0, "what is there is compared");
    for table in ["pop_gsyn_exc.csv", "pop_gsyn_inh.csv", "pop_spikes.csv"] {
        fs::remove_file(made.file(table)).expect("removed");
    }
    let ran = made.validate();
    assert_eq!(ran.code, 4, "a population without any recording proves nothing");
    assert!(note(&ran).contains("missing: pop_v.csv, pop_gsyn_exc.csv"), "{}", note(&ran));
    fs::write(made.file("pop_v.csv"), text).expect("written");
    fs::remove_file(made.file("network.json")).expect("removed");
    let ran = made.validate();
    assert_eq!(ran.code, 4);
    assert!(note(&ran).contains("network.json"), "{}", note(&ran));
    let empty = tempfile::tempdir().expect("a temporary folder");
    let ran = kenyon_in(empty.path(), &["validate", "spinnaker", ".", "--json"]);
    assert_eq!((ran.code, ran.json()["error"]["code"].as_str()), (3, Some("no-cases")));
}

#[test]
fn what_is_not_emulated_is_refused_by_name() {
    let mut network = Made::network();
    network["populations"][1]["type"] = json!("IZK_curr_exp");
    assert!(Made::refused(&network).contains("IZK_curr_exp"));
    let mut network = Made::network();
    network["projections"][0]["connections"][0][3] = json!(9999);
    assert!(Made::refused(&network).contains("delay extension"));
    let mut network = Made::network();
    network["populations"][1]["parameters"]["v_rest"] = json!([-65.0, 1e6]);
    let note = Made::refused(&network);
    assert!(note.contains("v_rest") && note.contains("neuron 1"), "{note}");
    let mut network = Made::network();
    network["populations"][1]["parameters"]["tau_m"] = json!([0.0, 20.0]);
    assert!(Made::refused(&network).contains("tau_m"));
    let mut network = Made::network();
    network["projections"][0]["connections"][0][2] = json!(1e5);
    assert!(Made::refused(&network).contains("shift of 17"));
    let mut network = Made::network();
    network["projections"][0]["post"] = json!("nowhere");
    assert!(Made::refused(&network).contains("nowhere"));
}

#[test]
fn numbers_of_any_size_are_refused_without_harm() {
    let change = |path: &[&str], value: Value| {
        let mut network = Made::network();
        let mut at = &mut network;
        for key in path {
            at = match key.parse::<usize>() {
                Ok(i) => &mut at[i],
                Err(_) => &mut at[*key],
            };
        }
        *at = value;
        Made::refused(&network)
    };
    assert!(change(&["populations", "1", "n"], json!(4_000_000_000u32)).contains("does not match the neurons"));
    assert!(change(&["populations", "1", "n"], json!(1e18)).contains("populations[1].n"));
    assert!(change(&["populations", "0", "n"], json!(4_000_000_000u32)).contains("does not match the neurons"));
    assert!(change(&["steps"], json!(4_000_000_000u32)).contains("too many steps"));
    assert!(change(&["projections", "0", "connections", "0", "2"], json!(2f64.powi(332))).contains("shift"));
    assert!(change(&["populations", "0", "spike_steps", "0", "0"], json!(-1)).contains("populations[0].spike_steps[0][0]"));
    for label in ["../../evil", "/tmp/x", "a\\b", "..", ""] {
        let mut network = Made::network();
        network["populations"][1]["label"] = json!(label);
        network["projections"][0]["post"] = json!(label);
        network["n_ring_buffer_saturations"] = json!({});
        let made = Made::new(&network);
        let ran = kenyon_in(made.dir.path(), &["validate", "spinnaker", "cases", "--dump", "a/b/c", "--json"]);
        let note = ran.json()["cases"][0]["note"].as_str().expect("a note").to_string();
        assert!(ran.code == 4 && note.contains("label"), "{label}: {note}");
        assert!(!made.dir.path().join("a").exists(), "nothing is written");
    }
}

#[test]
fn what_pynn_allows_is_run() {
    let mut network = Made::network();
    // Each projection has an address of its own; halves of delays go to the even step; a step named twice is one packet.
    let connections = [json!([[0, 0, 7.0, 1]]), json!([[0.0, 1.0, 1.0, 2.5]]), json!([[0, 0, 0.5, 0.2]])];
    let projection = |c: &Value| json!({"pre": "in", "post": "pop", "receptor": "excitatory", "connections": c});
    network["projections"] = connections.iter().map(projection).collect();
    network["populations"][0]["spike_steps"] = json!([[2.0, 3, 3.0, 9, 4000]]);
    network["populations"].as_array_mut().expect("a list").push(json!({
        "label": "none", "type": "SpikeSourceArray", "n": 0, "spike_steps": []
    }));
    network["steps"] = json!(30.0);
    let made = Made::new(&network);
    let first = made.validate();
    assert!(first.json()["cases"][0]["note"].as_str().expect("a note").contains("missing: pop_v.csv"), "{}", first.stdout);
    kenyon_in(made.dir.path(), &["validate", "spinnaker", "cases", "--dump", "ours"]);
    let shift = |dumped: &Path| {
        let text = fs::read(dumped.join("made/network.json")).expect("dumped");
        serde_json::from_slice::<Value>(&text).expect("JSON")["populations"][1]["ring_buffer_left_shift"].clone()
    };
    let ours = made.dir.path().join("ours");
    // Fan-in counts per projection: 7 + 1 + 0.5 with equal delays within each.
    assert_eq!(shift(&ours)[0], 4);
    fs::write(ours.join("made/network.json"), {
        let mut own = network.clone();
        own["populations"][1]["ring_buffer_left_shift"] = shift(&ours);
        own.to_string()
    })
    .expect("written");
    let report = kenyon_json(made.dir.path(), &["validate", "spinnaker", "ours"]);
    assert_eq!((report["passed"].as_u64(), &report["cases"][0]["spikes_expected"]), (Some(1), &report["cases"][0]["spikes_got"]));
    let v = fs::read_to_string(ours.join("made/pop_gsyn_exc.csv")).expect("dumped");
    let row = |step: usize| v.lines().nth(step + 1).expect("a row").split(',').map(String::from).collect::<Vec<_>>();
    assert_ne!(row(3)[1], "0", "a spike of step 2 after one step");
    assert_eq!(row(3)[2], "0", "2.5 steps are two, not one");
    assert_ne!(row(4)[2], "0");
}

#[test]
fn every_table_of_initialisations_is_compared() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(cases) = reference() else { return };
    let table = fs::read_to_string(cases.join("lif_init.csv")).expect("the table");
    for name in ["lif_init.csv", "lif_init_heldout.csv"] {
        fs::write(dir.path().join(name), &table).expect("written");
    }
    let report = kenyon_json(dir.path(), &["validate", "spinnaker", "."]);
    assert_eq!(report["passed"], 2, "{report}");
    let one = kenyon_json(dir.path(), &["validate", "spinnaker", "lif_init_heldout.csv"]);
    assert_eq!(one["cases"][0]["name"], "lif_init_heldout.csv");
    let line = table.lines().nth(1).expect("a row");
    let last = line.rsplit(',').next().expect("a cell").parse::<i64>().expect("a number");
    let spoiled = table.replacen(line, &format!("{},{}", line.rsplit_once(',').expect("cells").0, last - 5), 1);
    fs::write(dir.path().join("lif_init.csv"), spoiled).expect("written");
    let ran = kenyon_in(dir.path(), &["validate", "spinnaker", ".", "--json"]);
    let case = ran.json()["cases"][0].clone();
    assert_eq!((ran.code, &case["max_abs_error"], &case["pass"]), (4, &json!(5.0), &json!(false)));
}

#[test]
fn packets_that_cannot_be_followed_are_named() {
    let mut network = Made::network();
    network["populations"][0]["key"] = json!(["00000000", "fffffff0"]);
    network["populations"][0]["placement"] = json!([1, 1, 3]);
    network["populations"][1]["placement"] = json!([1, 1, 4]);
    network["routing_table_chip_0_0"] = json!([]);
    let ran = Made::new(&network).validate();
    let case = ran.json()["cases"][0].clone();
    assert_eq!((&case["packets"], &case["not_followed"]), (&json!(0), &json!(["in"])));
    assert!(
        case["note"].as_str().expect("a note").contains("packets of `in` were not followed: it leaves chip (0, 0)"),
        "{case}"
    );
}

#[test]
fn a_dump_is_never_written_into_the_reference() {
    let made = Made::recorded();
    let cases = made.dir.path().join("cases");
    let ran = kenyon_in(made.dir.path(), &["validate", "spinnaker", "cases", "--dump", cases.to_str().expect("UTF-8"), "--json"]);
    assert_eq!((ran.code, ran.json()["error"]["code"].as_str()), (2, Some("output-is-input")));
}

/// Two sources, three neurons, a readout of two classes, two samples.
fn deployment() -> Deployment {
    let mut d = Deployment::new("small", 1.0, 60);
    let mut add = |label: &str, role, n: usize, cells, record: &[Variable]| {
        let ids = (0..n as u64).map(|i| 720_575_940_600_000_000 + i).collect();
        d.add(Population { label: label.into(), role, ids, names: Vec::new(), cells, record: record.to_vec(), v_scale: 16.0 })
    };
    let cells = |n: usize, threshold: f64| {
        let of = |x: f64| vec![x; n];
        Cells::Neurons(Box::new(Neurons {
            tau_m_ms: of(20.0),
            cm_nf: of(20.0),
            i_offset_na: of(0.0),
            v_rest_mv: of(0.0),
            v_reset_mv: of(0.0),
            v_thresh_mv: of(threshold),
            tau_refrac_ms: of(1.0),
            v_init_mv: of(0.0),
            tau_syn_e_ms: of(5.0),
            tau_syn_i_ms: of(5.0),
            ..Neurons::default()
        }))
    };
    let input = add("in", Role::Input, 2, Cells::SpikeSource, &[]);
    let hidden = add("Kenyon, \"cells\"", Role::Hidden, 3, cells(3, 16.0), &[Variable::Spikes, Variable::GsynExc]);
    let readout = add("readout", Role::Readout, 2, cells(2, 2_147_483_647.0 / 32_768.0), &[Variable::V]);
    let s = |pre, post, weight, delay_steps| Synapse { pre, post, weight, delay_steps };
    let synapses = vec![s(0, 0, 60.0, 1.0), s(0, 1, 50.0, 1.0), s(1, 2, 60.0, 1.0)];
    d.projections.push(Projection { pre: input, post: hidden, receptor: Receptor::Excitatory, synapses });
    let synapses = vec![s(0, 0, 20.0, 2.0), s(1, 0, 20.0, 2.0), s(2, 1, 30.0, 2.0), s(2, 0, 1e-6, 2.0)];
    d.projections.push(Projection { pre: hidden, post: readout, receptor: Receptor::Excitatory, synapses });
    for (name, source, class) in [("apple", 0, 0), ("banana", 1, 1)] {
        let spikes = (3..40).step_by(3).map(|t| (input, source, t)).collect();
        d.samples.push(Sample { name: name.into(), class: Some(class), spikes });
    }
    d
}

fn written(dir: &Path, deployment: &Deployment) {
    deployment.write(&dir.join("network.json")).expect("written");
}

#[test]
fn a_deployment_is_emulated_to_spikes_rows_and_answers() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let deployment = deployment();
    written(dir.path(), &deployment);
    let report = kenyon_json(dir.path(), &["emulate", "network.json", "--shifts", "mapper", "-o", "out"]);
    let summary: Value = serde_json::from_slice(&fs::read(dir.path().join("out/summary.json")).expect("there")).expect("JSON");
    assert_eq!(report, summary);
    assert_eq!(report["accuracy"], 1.0);
    let network = quantise(&deployment, &Options::LOWERED).expect("sound");
    let mut emulator = Emulator::new(&network);
    let mut spikes = String::from("sample,population,step,neuron,id\n");
    let mut rows = String::from("sample,step,n0,n1\n");
    for (k, sample) in deployment.samples.iter().enumerate() {
        let run = emulator.run(&sample.spikes);
        for (step, neuron) in &run.populations[1].spikes {
            writeln!(spikes, "{k},1,{step},{neuron},{}", 720_575_940_600_000_000 + u64::from(*neuron)).expect("a string");
        }
        for (step, row) in run.populations[2].v.chunks(2).enumerate() {
            writeln!(rows, "{k},{step},{},{}", row[0], row[1]).expect("a string");
        }
        let reported = &report["samples"][k];
        let answer = answer(&deployment, &run).expect("a readout");
        assert_eq!(
            (reported["predicted"].as_u64(), reported["name"].as_str()),
            (Some(u64::from(answer.class)), Some(&*sample.name))
        );
        assert_eq!(reported["spikes"][1].as_u64(), Some(run.populations[1].spike_count));
        assert!(run.populations[1].spike_count > 3, "too quiet to tell");
    }
    let read = |name: &str| fs::read_to_string(dir.path().join("out").join(name)).expect("there");
    assert_eq!(read("spikes.csv"), spikes);
    assert_eq!(read("population_2_v.csv"), rows);
    assert_eq!(read("population_1_gsyn_exc.csv").lines().count(), 121);
    let to_readout = &report["projections"][1];
    assert_eq!((to_readout["zeroed"].as_u64(), to_readout["post"].as_str()), (Some(1), Some("readout")));
    assert_eq!(to_readout["largest_zeroed"][0][1].as_u64(), Some(720_575_940_600_000_000));
}

#[test]
fn one_sample_is_chosen_by_name_or_number() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    written(dir.path(), &deployment());
    for (input, output) in [("banana", "a"), ("1", "b")] {
        let report = kenyon_json(dir.path(), &["emulate", "network.json", "--input", input, "-o", output]);
        let samples = report["samples"].as_array().expect("samples");
        assert_eq!((samples.len(), samples[0]["sample"].as_u64()), (1, Some(1)));
    }
    let ran = kenyon_in(dir.path(), &["emulate", "network.json", "--input", "bananna", "-o", "c", "--json"]);
    assert_eq!((ran.code, ran.json()["error"]["code"].as_str()), (2, Some("unknown-sample")));
    assert!(ran.stderr.contains("banana") && !dir.path().join("c").exists(), "{}", ran.stderr);
}

#[test]
fn shifts_come_from_the_mapper_the_samples_or_the_command_line() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    written(dir.path(), &deployment());
    let shifts = |args: &[&str], output: &str| {
        let all: Vec<&str> = ["emulate", "network.json", "-o", output].into_iter().chain(args.iter().copied()).collect();
        let report = kenyon_json(dir.path(), &all);
        (report["populations"][1]["shift"].clone(), report["populations"][2]["shift"].clone(), report["measured"].clone())
    };
    let (mapper, ..) = shifts(&[], "a");
    assert_eq!(mapper, json!([7, 0]), "one synapse of 60/init on a neuron, below 128");
    // Twice a sum of 66 needs 2^(p + 1) of at least 133.
    let (measured, _, why) = shifts(&["--shifts", "measured"], "b");
    assert_eq!(measured, json!([7, 0]));
    let own = why["alternatives"].as_array().expect("alternatives").iter().filter(|a| a["population"] == 1);
    assert_eq!(own.map(|a| a["shift"][0].as_u64()).collect::<Vec<_>>(), [6, 7, 8].map(Some));
    let (given, readout, _) = shifts(&["--shift", "readout=9,1"], "c");
    assert_eq!((given, readout), (json!([7, 0]), json!([9, 1])));
    let (_, told, _) = shifts(&["--max-expected-summed-weight", "readout=768,0.5"], "d");
    assert_eq!(told, json!([10, 0]));
    for (args, code) in [
        (["--shift", "nobody=1,2"], "unknown-population"),
        (["--shift", "in=1,2"], "unknown-population"),
        (["--shift", "readout=1"], "bad-pair"),
        (["--shift", "readout=16,0"], "bad-pair"),
        (["--max-expected-summed-weight", "readout=NaN,0"], "bad-pair"),
    ] {
        let ran = kenyon_in(dir.path(), &["emulate", "network.json", "-o", "e", args[0], args[1], "--json"]);
        assert_eq!((ran.code, ran.json()["error"]["code"].as_str()), (2, Some(code)), "{args:?}");
    }
    let twice = ["--shift", "readout=9,1", "--max-expected-summed-weight", "readout=5,5"];
    let ran = kenyon_in(dir.path(), &[&["emulate", "network.json", "-o", "e", "--json"], &twice[..]].concat());
    assert_eq!((ran.code, ran.json()["error"]["code"].as_str()), (2, Some("named-twice")));
    let low = ["emulate", "network.json", "-o", "e", "--shift", "readout=0,0", "--json"];
    let ran = kenyon_in(dir.path(), &low);
    assert_eq!((ran.code, ran.json()["error"]["code"].as_str()), (4, Some("lint")), "weights leave 16 bits");
    assert!(ran.stderr.contains("E7") && ran.stderr.contains("network.json") && !dir.path().join("e").exists(), "{}", ran.stderr);
    let forced = kenyon_in(dir.path(), &[&low[..], &["--force"]].concat()).ok();
    assert!(forced.stderr.contains("error: E7") && forced.json()["note"].as_str().expect("a note").contains("low bits"));
}

#[test]
fn one_named_population_leaves_the_measured_shifts_of_the_others() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut wide = deployment();
    // The formula counts all synapses onto a neuron; the samples use one source at a time.
    wide.projections[0].synapses.push(Synapse { pre: 1, post: 0, weight: 60.0, delay_steps: 1.0 });
    wide.projections[0].synapses.push(Synapse { pre: 0, post: 2, weight: 60.0, delay_steps: 1.0 });
    wide.projections[0].synapses.sort_by_key(|s| (s.pre, s.post));
    written(dir.path(), &wide);
    let run = |args: &[&str], output: &str| {
        let all: Vec<&str> = ["emulate", "network.json", "-o", output].into_iter().chain(args.iter().copied()).collect();
        let report = kenyon_json(dir.path(), &all);
        [1, 2].map(|k| (report["populations"][k]["shift"].clone(), report["populations"][k]["summed_weight_bound"].clone()))
    };
    let [(mapper, bound), _] = run(&["--shifts", "mapper"], "a");
    let [(measured, none), _] = run(&[], "b");
    assert_ne!(mapper[0], measured[0]);
    assert!(bound.is_array() && none.is_null(), "a bound where the formula chose: {bound}, {none}");
    for (args, expected) in
        [(["--max-expected-summed-weight", "readout=768,0.5"], json!([10, 0])), (["--shift", "readout=9,1"], json!([9, 1]))]
    {
        let [(other, _), (named, _)] = run(&args, if args[0] == "--shift" { "c" } else { "d" });
        assert_eq!((other, named), (measured.clone(), expected), "{args:?}");
    }
}

#[test]
fn an_emulation_is_linted_before_and_after() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut long = deployment();
    let first = long.projections[0].synapses[0];
    long.projections[0].synapses = vec![Synapse { weight: 0.5, ..first }; 300];
    written(dir.path(), &long);
    let ran = kenyon_in(dir.path(), &["emulate", "network.json", "-o", "a", "--json"]);
    assert_eq!((ran.code, ran.json()["error"]["code"].as_str()), (4, Some("lint")));
    assert!(ran.stderr.contains("E9") && !dir.path().join("a").exists(), "{}", ran.stderr);
    let forced = kenyon_in(dir.path(), &["emulate", "network.json", "-o", "a", "--force", "--json"]).ok();
    let codes = |report: &Value| -> Vec<String> {
        let list = report["lint"].as_array().expect("findings").iter();
        list.filter_map(|f| f["code"].as_str().map(String::from)).collect()
    };
    assert!(codes(&forced.json()).contains(&"E9".to_string()));

    let mut clipped = deployment();
    clipped.dt_ms = 0.5;
    clipped.populations[1].record = vec![Variable::GsynExc];
    clipped.projections[0].synapses.push(Synapse { pre: 1, post: 2, weight: 64.0, delay_steps: 2.0 });
    clipped.projections[0].synapses.push(Synapse { pre: 1, post: 2, weight: 64.0, delay_steps: 5.0 });
    clipped.projections[0].synapses.sort_by_key(|s| (s.pre, s.post));
    written(dir.path(), &clipped);
    let ran = kenyon_in(dir.path(), &["emulate", "network.json", "-o", "b", "--shift", "Kenyon, \"cells\"=6,0", "--json"]).ok();
    let found = codes(&ran.json());
    assert!(found.contains(&"W2".to_string()) && found.contains(&"W7".to_string()), "{found:?}");
    assert!(ran.stderr.contains("warning: W2") && ran.stderr.contains("warning: W7"), "{}", ran.stderr);
    assert!(ran.json()["note"].as_str().expect("a note").contains("below 1 ms"));
    let spikes = fs::read_to_string(dir.path().join("b/spikes.csv")).expect("there");
    assert_eq!(spikes.lines().count(), 1, "what is watched for the lint is not recorded for that");
}

#[test]
fn a_readout_on_the_host_gives_answers_too() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut deployment = deployment();
    deployment.populations.pop();
    deployment.projections.pop();
    deployment.decision = Decision::Mean;
    deployment.host_readout = Some(HostReadout {
        sources: vec![(1, 0), (1, 1), (1, 2)],
        classes: vec!["apple".into(), "banana".into()],
        decay_syn: 0.8,
        decay_mem: 0.9,
        weights: vec![(0, 0, 1.0), (1, 0, 1.0), (2, 1, 1.0)],
    });
    written(dir.path(), &deployment);
    let report = kenyon_json(dir.path(), &["emulate", "network.json", "-o", "out"]);
    assert_eq!(report["accuracy"], 1.0, "{report}");
}

#[test]
fn large_recordings_go_into_one_container() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut deployment = deployment();
    deployment.steps = 1_000_001;
    deployment.populations[1].record = vec![Variable::V];
    deployment.samples.truncate(1);
    // A copy: a child that another test starts meanwhile may hold on to the file that is written here, and to its lock.
    deployment.write(&dir.path().join("written.h5")).expect("written");
    fs::copy(dir.path().join("written.h5"), dir.path().join("network.h5")).expect("copied");
    let report = kenyon_json(dir.path(), &["emulate", "network.h5", "-o", "out"]);
    assert_eq!(report["files"], json!(["spikes.csv", "recordings.h5", "summary.json"]));
    assert!(!dir.path().join("out/population_1_v.csv").exists() && dir.path().join("out/recordings.h5").is_file());
}

#[test]
fn numbers_that_leave_their_format_fail_the_check() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut reset = deployment();
    reset.populations[2].cells.neurons_mut().expect("neurons").v_thresh_mv = vec![1.0; 2];
    written(dir.path(), &reset);
    let ran = kenyon_in(dir.path(), &["emulate", "network.json", "-o", "a", "--quiet"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("readout-reset") && dir.path().join("a/summary.json").is_file(), "{}", ran.stderr);
    let mut wrapped = deployment();
    wrapped.populations[1].cells.neurons_mut().expect("neurons").cm_nf = vec![0.001; 3];
    written(dir.path(), &wrapped);
    let ran = kenyon_in(dir.path(), &["emulate", "network.json", "-o", "b", "--quiet"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("wrapped"), "{}", ran.stderr);
}

#[test]
fn bad_deployments_are_refused_with_place_and_mend() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let good = serde_json::to_value(deployment()).expect("plain data");
    let try_it = |change: &dyn Fn(&mut Value)| {
        let mut bad = good.clone();
        change(&mut bad);
        fs::write(dir.path().join("bad.json"), bad.to_string()).expect("written");
        let ran = kenyon_in(dir.path(), &["emulate", "bad.json", "-o", "out", "--json"]);
        assert!(ran.code == 3 && !dir.path().join("out").exists(), "{}{}", ran.stdout, ran.stderr);
        let error = ran.json()["error"].clone();
        assert!(error["mend"].is_string(), "{error}");
        ran.stderr
    };
    let cell = |bad: &mut Value, name: &str, value: f64| bad["populations"][1]["cells"]["neurons"][name][2] = json!(value);
    let synapse = |bad: &mut Value, name: &str, value: f64| bad["projections"][0]["synapses"][1][name] = json!(value);
    assert!(try_it(&|bad| cell(bad, "tau_m_ms", 0.0)).contains("neuron 2"));
    assert!(try_it(&|bad| cell(bad, "tau_m_ms", 1e-6)).contains("tau_m"));
    assert!(try_it(&|bad| cell(bad, "v_reset_mv", 1e5)).contains("v_reset"));
    assert!(try_it(&|bad| synapse(bad, "delay_steps", 0.0)).contains("0 -> 1"));
    assert!(try_it(&|bad| synapse(bad, "delay_steps", 1.5)).contains("whole number"));
    assert!(try_it(&|bad| synapse(bad, "delay_steps", 9000.0)).contains("delay extension"));
    assert!(try_it(&|bad| synapse(bad, "weight", -1.0)).contains("sign"));
    assert!(try_it(&|bad| bad["samples"] = json!([])).contains("no-samples"));
}
