//! `kenyon neuron …` through the binary.

mod support;

use std::fs;
use std::path::Path;

use support::{kenyon_in, kenyon_json, repository};

const STEP: &str = r#"
duration_ms = 40
[model]
cell = "ball-and-stick"
[[clamp]]
section = "soma[0]"
step = { delay_ms = 5, dur_ms = 30, amp_na = 0.5 }
[[synapse]]
name = "far"
kind = "exc"
section = "dend[0]"
x = 0.9
[[event]]
synapse = "far"
time_ms = 10
"#;

fn folder_with(name: &str, text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join(name), text).expect("written");
    dir
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn a_simulation_is_a_folder_with_everything_that_made_it() {
    let dir = folder_with("p.toml", STEP);
    let summary = kenyon_json(dir.path(), &["neuron", "simulate", "p.toml", "-o", "out", "--plot"]);
    let on_disk: serde_json::Value = serde_json::from_str(&read(&dir.path().join("out/summary.json"))).expect("JSON");
    for document in [&summary, &on_disk] {
        assert_eq!(document["dt_ms"], 0.025);
        assert_eq!(document["scheme"], "implicit-euler");
        assert_eq!(document["placement"], "reference");
        assert_eq!(document["synapse_order"], "protocol");
        assert_eq!(document["spike_definition"]["definition"], "cross20");
        assert_eq!(document["celsius"], 6.3);
        assert!(document["code"].as_str().expect("text").starts_with("kenyon "));
        assert!(document["spike_count"].as_u64().expect("a number") > 0 && document["complete"] == true);
        assert_eq!(document["sources"][0]["kind"], "protocol");
    }
    let traces = read(&dir.path().join("out/traces.csv"));
    assert_eq!(traces.lines().count(), 1602);
    assert!(traces.starts_with("t_ms,v_soma[0](0.5)\n0,-85.0\n0.025,"), "{}", &traces[..80]);
    let spikes = read(&dir.path().join("out/spikes.csv"));
    assert_eq!(spikes.lines().count() as u64, 1 + summary["spike_count"].as_u64().expect("a number"));
    let again = kenyon_in(dir.path(), &["neuron", "simulate", "p.toml", "-o", "out"]);
    assert_eq!(again.code, 2, "{}", again.stderr);
    assert!(again.stderr.contains("not-empty"));

    let plot = kenyon_json(dir.path(), &["neuron", "plot", "out", "-o", "again.svg"]);
    assert_eq!(plot["traces"][0], "v_soma[0](0.5)");
    assert_eq!(read(&dir.path().join("again.svg")), read(&dir.path().join("out/plot.svg")));
    let wrong = kenyon_in(dir.path(), &["neuron", "plot", "out", "--trace", "v_soma[0](0.6)"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("did you mean `v_soma[0](0.5)`"), "{}", wrong.stderr);
    let png = kenyon_in(dir.path(), &["neuron", "plot", "out", "-o", "a.png"]);
    assert!(png.code == 2 && png.stderr.contains(".svg") && png.stderr.contains("rsvg-convert"), "{}", png.stderr);
}

#[test]
fn the_same_protocol_gives_the_same_bytes_at_any_number_of_threads() {
    let dir = folder_with("p.toml", STEP);
    for threads in ["1", "2"] {
        let out = format!("out{threads}");
        kenyon_in(dir.path(), &["neuron", "simulate", "p.toml", "-o", &out, "--threads", threads, "--quiet"]).ok();
    }
    for file in ["result.h5", "traces.csv", "spikes.csv", "summary.json"] {
        let bytes = |n: u32| fs::read(dir.path().join(format!("out{n}/{file}"))).expect("there");
        assert!(bytes(1) == bytes(2), "{file}");
    }
    let table = |threads: &str| {
        let args = ["neuron", "fi", "ball-and-stick", "--amp", "0,0.1,0.2,0.3", "--dur-ms", "50", "--threads", threads];
        kenyon_in(dir.path(), &args).ok().stdout
    };
    assert_eq!(table("1"), table("2"));
}

#[test]
fn a_protocol_in_json_is_the_same_protocol() {
    let json = r#"{ "duration_ms": 40, "model": { "cell": "ball-and-stick" },
        "clamp": [{ "section": "soma[0]", "step": { "delay_ms": 5, "dur_ms": 30, "amp_na": 0.5 } }],
        "synapse": [{ "name": "far", "kind": "exc", "section": "dend[0]", "x": 0.9 }],
        "event": [{ "synapse": 0, "time_ms": 10 }] }"#;
    let dir = folder_with("p.json", json);
    fs::write(dir.path().join("p.toml"), STEP).expect("written");
    for (protocol, out) in [("p.json", "a"), ("p.toml", "b")] {
        kenyon_in(dir.path(), &["neuron", "simulate", protocol, "-o", out, "--quiet"]).ok();
    }
    assert_eq!(read(&dir.path().join("a/traces.csv")), read(&dir.path().join("b/traces.csv")));
    fs::write(dir.path().join("bad.json"), json.replace("time_ms\"", "tim_ms\"")).expect("written");
    let bad = kenyon_in(dir.path(), &["neuron", "simulate", "bad.json", "-o", "c"]);
    assert_eq!(bad.code, 3);
    assert!(bad.stderr.contains("bad.json, line 4") && bad.stderr.contains("did you mean `time_ms`"), "{}", bad.stderr);
}

#[test]
fn an_absurd_protocol_is_refused_and_nothing_is_written() {
    for (from, to, code, words) in [
        ("duration_ms = 40", "duration_ms = 40\ndt_ms = 0", "bad-number", "`dt_ms`"),
        ("time_ms = 10", "time_ms = 10\nweight = nan", "bad-weight", "`event[0].weight`"),
        ("time_ms = 10", "time_ms = 4000", "after-the-end", "raise `duration_ms`"),
        ("\"dend[0]\"", "\"apic[0]\"", "unknown-section", "`synapse[0].section`"),
        (
            "\"ball-and-stick\"",
            "\"ball-and-stick\"\nmorphology = { file = \"absent.asc\" }",
            "not-found",
            "`model.morphology` in p.toml names it",
        ),
    ] {
        let dir = folder_with("p.toml", &STEP.replacen(from, to, 1));
        let ran = kenyon_in(dir.path(), &["neuron", "simulate", "p.toml", "-o", "out", "--json"]);
        assert_eq!(ran.code, 3, "{to}: {}", ran.stderr);
        assert_eq!(ran.json()["error"]["code"], code, "{to}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{to}: {}", ran.stderr);
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1, "{to}");
    }
}

#[test]
fn the_examples_run_and_a_grown_cell_says_what_it_is_not() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for name in ["neuron_step", "neuron_synapses", "neuron_bac"] {
        let example = repository(&format!("examples/{name}.toml"));
        let summary = kenyon_json(dir.path(), &["neuron", "simulate", &example, "-o", name, "--plot"]);
        let most = summary["traces"][1]["most"].as_f64().expect("a number");
        // A dendrite without channels of its own has no spikes, but a plateau by NMDA.
        let plateau = name == "neuron_synapses" && most > -40.0;
        assert!(plateau || summary["spike_count"].as_u64().expect("a number") > 0, "{name}: {most} mV");
    }
    let stand_in =
        kenyon_in(dir.path(), &["neuron", "fi", "l5pc", "--amp", "0", "--dur-ms", "1", "--delay-ms", "0", "--after-ms", "0"]);
    assert!(stand_in.ok().stderr.contains("NOT the published cell"));
}

#[test]
fn tables_of_a_model_are_one_line_commands() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let at = dir.path();
    let fi = kenyon_json(at, &["neuron", "fi", "ball-and-stick", "--from", "0", "--to", "0.3", "--by", "0.1", "-o", "fi.csv"]);
    let rows = fi["rows"].as_array().expect("rows");
    assert_eq!(rows.iter().map(|r| r["amp_na"].as_f64().expect("a number")).collect::<Vec<_>>(), [0.0, 0.1, 0.2, 0.3]);
    assert!(rows[0]["spikes"] == 0 && rows[3]["spikes"].as_u64() > rows[1]["spikes"].as_u64());
    assert!(read(&at.join("fi.csv")).starts_with("amp_na,spikes,rate_hz,first_ms,last_ms,"));

    let epsp = kenyon_json(at, &["neuron", "epsp", "ball-and-stick", "--at", "dend[0]:0.0625", "--at", "dend[0]:0.9375"]);
    let soma = |k: usize| epsp["rows"][k]["soma_peak_mv"].as_f64().expect("a number");
    // NEURON: 2.223638 mV.
    assert!((soma(0) - 2.223_638).abs() < 1e-4 && soma(1) < soma(0));

    let passive = ["neuron", "input-resistance", "ball-and-stick", "--rho", "0"];
    let mohm = kenyon_json(at, &passive)["rows"][0]["input_mohm"].as_f64().expect("a number");
    // NEURON: 678.94836 MΩ.
    assert!((mohm / 678.948_36 - 1.0).abs() < 1e-4, "{mohm}");

    for (args, words) in [
        (vec!["fi", "ball-and-stick"], "no-currents"),
        (vec!["fi", "ball-and-stik", "--amp", "1"], "did you mean `ball-and-stick`"),
        (vec!["fi", "ball-and-stick", "--from", "0", "--to", "1", "--by", "-0.1"], "bad-range"),
        (vec!["fi", "ball-and-stick", "--from", "0", "--to", "1", "--by", "0"], "bad-range"),
        (vec!["fi", "ball-and-stick", "--amp", "nan"], "bad-number"),
        (vec!["epsp", "ball-and-stick", "--at", "soma:x"], "bad-place"),
        (vec!["epsp", "ball-and-stick", "--weight", "-1"], "bad-number"),
        (vec!["epsp", "ball-and-stick", "--dt-ms", "0"], "bad-time-step"),
        (vec!["input-resistance", "ball-and-stick", "--amp", "0"], "bad-number"),
    ] {
        let args: Vec<&str> = ["neuron"].into_iter().chain(args).collect();
        let ran = kenyon_in(at, &args);
        assert!(matches!(ran.code, 2 | 3) && ran.stderr.contains(words), "{args:?}: {} {}", ran.code, ran.stderr);
    }
}

#[test]
fn a_resistance_that_a_drift_spoils_comes_with_a_warning() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let args = ["neuron", "input-resistance", "ball-and-stick", "--delay-ms", "5"];
    let report = kenyon_json(dir.path(), &args);
    let warning = report["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains("not at rest at onset") && warning.contains("`--baseline control`"), "{warning}");
    assert!(report["rows"][0]["drift_mv"].as_f64().expect("a number").abs() > 1e-3);
    let control = kenyon_json(dir.path(), &[&args[..], &["--baseline", "control"]].concat());
    assert_eq!(control["warnings"], serde_json::json!([]));
}

#[test]
fn a_picture_of_many_traces_shows_the_first_and_says_so() {
    let protocol =
        "duration_ms = 1\n[model]\ncell = \"ball-and-stick\"\nmax_segment_um = 130\n[[record]]\nevery_segment = true\n";
    let dir = folder_with("p.toml", protocol);
    let ran = kenyon_in(dir.path(), &["neuron", "simulate", "p.toml", "-o", "out", "--plot"]);
    assert!(ran.code == 0 && ran.stderr.contains("the first 24 of 32 traces"), "{}", ran.stderr);
    let svg = read(&dir.path().join("out/plot.svg"));
    assert!(svg.contains("the first 24 of 32 traces") && svg.contains("stroke-dasharray") && svg.contains("v_dend[0](0.0161)"));
    assert!(svg.matches("</title></path>").count() == 24 && !svg.contains("incomplete"));
    let table = read(&dir.path().join("out/traces.csv"));
    assert_eq!(table.lines().next().expect("a header").split(',').count(), 33);
}

#[test]
fn currents_may_descend_and_come_in_any_order() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let amps = |args: &[&str]| {
        let short = ["--delay-ms", "0", "--dur-ms", "1", "--after-ms", "0"];
        let args: Vec<&str> = ["neuron", "fi", "ball-and-stick"].into_iter().chain(args.iter().copied()).chain(short).collect();
        let rows = kenyon_json(dir.path(), &args)["rows"].as_array().expect("rows").clone();
        rows.iter().map(|r| r["amp_na"].as_f64().expect("a number")).collect::<Vec<_>>()
    };
    for by in ["0.1", "-0.1"] {
        assert_eq!(amps(&["--from", "0.2", "--to", "-0.1", "--by", by]), [0.2, 0.1, 0.0, -0.1]);
    }
    assert_eq!(amps(&["--amp", "0.3,-0.1,0.2"]), [0.3, -0.1, 0.2]);
}

#[test]
fn the_seed_chooses_which_events_are_released_and_stands_in_the_result() {
    let event = |k: u32| format!("[[event]]\nsynapse = 0\ntime_ms = {}\n", f64::from(k) * 0.5);
    let events = (0..60).map(event).collect::<Vec<_>>().concat();
    let dir = folder_with("p.toml", &format!("{STEP}{events}[release.probabilistic]\nprobability = 0.5\n"));
    let run = |out: &str, seed: &[&str]| {
        let args: Vec<&str> = ["neuron", "simulate", "p.toml", "-o", out].into_iter().chain(seed.iter().copied()).collect();
        let summary = kenyon_json(dir.path(), &args);
        (summary["release"]["probabilistic"]["seed"].as_u64(), read(&dir.path().join(out).join("traces.csv")))
    };
    let (unset, one, seven) = (run("unset", &[]), run("one", &["--seed", "1"]), run("seven", &["--seed", "7"]));
    assert_eq!((unset.0, one.0, seven.0), (Some(1), Some(1), Some(7)));
    assert!(unset.1 == one.1 && one.1 != seven.1);
    let dir = folder_with("p.toml", STEP);
    let ran = kenyon_in(dir.path(), &["neuron", "simulate", "p.toml", "-o", "out", "--seed", "7"]);
    assert!(ran.stderr.contains("changes nothing"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_written_or_meant_is_told_before_the_work_as_wrong_usage() {
    let dir = folder_with("p.toml", STEP);
    fs::write(dir.path().join("t.py"), "print()").expect("written");
    fs::write(dir.path().join("p.yaml"), "model: l5pc").expect("written");
    let ball = "ball-and-stick";
    for (args, code, words) in [
        (vec!["simulate", "p.toml", "-o", "set.txt"], 2, "call it `set`"),
        (vec!["simulate", "p.toml", "-o", "no/such/out"], 2, "mkdir -p no/such"),
        (vec!["simulate", "p.yaml", "-o", "out"], 3, "TOML or JSON"),
        (vec!["fi", ball, "--amp", "0", "-o", "ir.txt"], 2, "`ir.csv`"),
        (vec!["epsp", ball, "-o", "no/e.csv"], 2, "no-folder"),
        (vec!["input-resistance", ball, "-o", "ir"], 2, "unknown-format"),
        (vec!["input-resistance", ball, "--amp", "0"], 2, "-1e4 to 1e4 nA, but not 0"),
        (vec!["epsp", ball, "--weight", "nan"], 2, "found `NaN`, expected above 0, at most 1e6\n"),
        (vec!["morphology", ball, "--picture", "a.png"], 2, "rsvg-convert"),
        (vec!["morphology", "t.py"], 2, "unknown-format"),
        (vec!["fi", "l5pc", "--morphology", "t.py", "--amp", "0"], 2, "unknown-format"),
        (vec!["fi", "nosuch", "--amp", "0"], 2, "no such cell: found `nosuch`"),
        (vec!["fi", "cell1.asc", "--amp", "0"], 2, "l5pc --morphology cell1.asc"),
        (vec!["fi", ball, "--amp", "0", "--max-segment-um", "-3"], 2, "`--max-segment-um`"),
        (vec!["fi", ball, "--amp", "0", "--rho", "-1"], 2, "0 to 1e6"),
        (vec!["fi", ball, "--amp", "0", "--celsius", "90"], 2, "°C"),
        (vec!["fi", ball, "--amp", "0", "--dur-ms", "0.26"], 2, "choose 0.25 ms"),
        (vec!["fi", ball, "--amp", "0", "--dur-ms", "0"], 2, "expected above 0"),
        (vec!["fi", "l5pc", "--amp", "0", "--morphology", "no.asc"], 3, "`--morphology`"),
        (vec!["fi", ball, "--amp", "0", "--morphology", "no.swc"], 3, "no.swc"),
    ] {
        let args: Vec<&str> = ["neuron"].into_iter().chain(args).collect();
        let ran = kenyon_in(dir.path(), &args);
        assert!(ran.code == code && ran.stderr.contains(words), "{args:?}: {} {}", ran.code, ran.stderr);
    }
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 3);
}

#[test]
fn a_largest_length_of_segments_is_in_force_where_it_is_written_down() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let morphology = |args: &[&str]| {
        let args: Vec<&str> = ["neuron", "morphology"].into_iter().chain(args.iter().copied()).collect();
        kenyon_json(dir.path(), &args)
    };
    let plain = morphology(&["ball-and-stick"]);
    assert!(plain["segments"] == 9 && plain["max_segment_um"].is_null());
    assert_eq!(morphology(&["ball-and-stick", "--max-segment-um", "10"])["segments"], 410);
    assert_eq!(morphology(&["grown:7"])["max_segment_um"], 24.3);
    let args = ["neuron", "input-resistance", "ball-and-stick", "--rho", "0", "--max-segment-um", "10"];
    let fine = kenyon_json(dir.path(), &args);
    assert_eq!(fine["model"]["segments"], 410);
    assert!(fine["model"]["spec"]["max_segment_um"].is_null() && fine["settings"]["baseline"] == "control");
}

#[test]
fn a_voltage_clamp_is_part_of_a_protocol() {
    let clamp = "[[voltage_clamp]]\nsection = \"soma[0]\"\nlevels = [{ dur_ms = 40, v_mv = -60 }]\n[[record]]\nquantity = \"clamp_current\"\n";
    let dir = folder_with("p.toml", &format!("{STEP}{clamp}"));
    let summary = kenyon_json(dir.path(), &["neuron", "simulate", "p.toml", "-o", "out", "--plot"]);
    assert_eq!(summary["traces"][0]["unit"], "nA");
    assert_eq!(summary["voltage_clamps"][0]["rs_mohm"], 1.0);
    assert!(read(&dir.path().join("out/traces.csv")).starts_with("t_ms,i_clamp_soma[0](0.5)\n0,0.0\n0.025,"));
}

#[test]
fn a_morphology_is_tables_and_a_picture() {
    let swc = "1 1 0 0 0 5 -1\n2 3 0 10 0 1 1\n3 3 0 60 0 1 2\n4 3 0 90 0 0.5 3\n5 3 30 60 0 0.5 3\n";
    let dir = folder_with("cell.swc", swc);
    let args = ["neuron", "morphology", "cell.swc", "--table", "sections", "--picture", "cell.svg"];
    let report = kenyon_json(dir.path(), &args);
    let rows = report["table"].as_array().expect("rows");
    assert_eq!(rows.len() as u64, report["sections"].as_u64().expect("a number"));
    assert!(rows.iter().any(|r| r["name"] == "dend[0]" && r["L_um"].as_f64().expect("a number") > 40.0));
    assert!(read(&dir.path().join("cell.svg")).starts_with("<svg "));
    let text = kenyon_in(dir.path(), &["neuron", "morphology", "grown:7"]).ok().stdout;
    assert!(text.contains("apical") && text.contains("segments"), "{text}");
    let sections = kenyon_in(dir.path(), &["neuron", "morphology", "cell.swc", "--sections"]).ok().stdout;
    assert!(sections.contains("dend[0]") && sections.contains("--at '") && sections.contains("soma[0](0.5)"), "{sections}");
    fs::write(dir.path().join("noted.swc"), "1 1 0 0 0 5 -1\n2 3 0 10 0 0 1\n3 3 0 60 0 0 2\n").expect("written");
    let short = kenyon_in(dir.path(), &["neuron", "morphology", "noted.swc"]).ok().stdout;
    assert!(short.contains("notes of the reader: 2 repaired; `--notes` lists them") && !short.contains("line 2"), "{short}");
    let long = kenyon_in(dir.path(), &["neuron", "morphology", "noted.swc", "--notes"]).ok().stdout;
    assert!(long.contains("line 2: repaired"), "{long}");
    fs::write(dir.path().join("bad.swc"), "1 1 0 0 0 five -1\n").expect("written");
    let bad = kenyon_in(dir.path(), &["neuron", "morphology", "bad.swc", "--strict"]);
    assert!(bad.code == 3 && bad.stderr.contains("bad.swc, line 1"), "{}", bad.stderr);
}

#[test]
fn a_step_into_the_dendrite_through_the_command_is_neurons() {
    let root = std::env::var("KENYON_REFERENCE_DATA").unwrap_or_else(|_| repository("../shared/data"));
    let Ok(reference) = fs::read_to_string(Path::new(&root).join("ball_and_stick/iclamp_dend/trace.csv")) else {
        eprintln!("skipped: no reference data");
        return;
    };
    let protocol = r#"
duration_ms = 400
[model]
cell = "ball-and-stick"
[[clamp]]
section = "dend[0]"
x = 0.9375
step = { delay_ms = 50, dur_ms = 250, amp_na = 0.3 }
[[clamp]]
section = "soma[0]"
step = { delay_ms = 120, dur_ms = 100, amp_na = 0.35 }
[[record]]
every_ms = 0.1
"#;
    let dir = folder_with("p.toml", protocol);
    kenyon_in(dir.path(), &["neuron", "simulate", "p.toml", "-o", "out", "--quiet"]).ok();
    let mine = read(&dir.path().join("out/traces.csv"));
    let column = |text: &str| -> Vec<f64> {
        text.lines().skip(1).map(|line| line.split(',').nth(1).expect("a column").parse().expect("a number")).collect()
    };
    let (mine, theirs) = (column(&mine), column(&reference));
    assert_eq!(mine.len(), theirs.len());
    let worst = mine.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-5, "{worst} mV");
}

#[test]
fn synapses_of_ones_own_stand_in_every_result() {
    let own = "kind = \"inh\"\nset = \"mine\"\nreceptors = [\"gaba_b\"]";
    let text = STEP.replacen("kind = \"exc\"", own, 1) + "[synapse_set.mine]\nfrom = \"rat\"\ngaba_b = { gmax_us = 1e-3 }\n";
    let dir = folder_with("p.toml", &text);
    let summary = kenyon_json(dir.path(), &["neuron", "simulate", "p.toml", "-o", "out"]);
    assert_eq!(summary["synapse_sets"]["mine"]["gaba_b"]["gmax_us"], 1e-3);
    let file = hdf5::File::open(dir.path().join("out/result.h5")).expect("opens");
    for (name, expected) in [("synapse/set", "mine"), ("synapse/receptors", "gaba_b")] {
        let text = file.dataset(name).expect("there").read_raw::<hdf5::types::VarLenUnicode>();
        let fixed = || file.dataset(name).expect("there").read_raw::<hdf5::types::FixedUnicode<64>>();
        let found = text.map(|t| t[0].to_string()).or_else(|_| fixed().map(|t| t[0].to_string()));
        assert!(found.is_ok_and(|found| found == expected), "{name}");
    }
    // One-line commands know them too.
    let model = "synapse_set = \"mine\"\n";
    fs::write(dir.path().join("q.toml"), text.replacen("[model]\n", &format!("[model]\n{model}"), 1)).expect("written");
    let epsp = kenyon_json(dir.path(), &["neuron", "epsp", "q.toml", "--count", "1", "--kind", "inh", "--duration-ms", "40"]);
    assert_eq!(epsp["model"]["synapse_set"], "mine");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_at_once_and_impossible_curves_too() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("p.toml")).status();
    assert!(made.expect("mkfifo runs").success());
    let pipe = kenyon_in(dir.path(), &["neuron", "simulate", "p.toml", "-o", "out"]);
    assert!(pipe.code == 3 && pipe.stderr.contains("not a regular file"), "{}", pipe.stderr);
    let args = ["neuron", "fi", "ball-and-stick", "--amp", "0.1", "--dt-ms", "1e-6", "--dur-ms", "1e6"];
    let long = kenyon_in(dir.path(), &args);
    assert!(long.code == 2 && long.stderr.contains("too many steps"), "{}", long.stderr);
}

#[test]
fn the_unit_of_a_morphology_is_an_option_and_a_key() {
    let nm = "1 1 0 0 0 8000 -1\n2 4 0 8000 0 1000 1\n3 4 0 200000 0 1000 2\n4 3 0 -8000 0 1000 1\n5 3 0 -100000 0 1000 4\n";
    let dir = folder_with("nm.swc", nm);
    let fi = ["neuron", "input-resistance", "l5pc", "--morphology", "nm.swc", "--duration-ms", "1"];
    let refused = kenyon_in(dir.path(), &fi);
    assert!(refused.code == 3 && refused.stderr.contains("--unit nm"), "{}", refused.stderr);
    let area = kenyon_json(dir.path(), &[&fi[..], &["--unit", "nm"]].concat())["model"]["area_um2"].as_f64();
    assert!(area.is_some_and(|um2| (100.0..10_000.0).contains(&um2)), "{area:?}");
    let text = "duration_ms = 1\n[model]\ncell = \"l5pc\"\nmorphology = { file = \"nm.swc\", unit = \"nm\" }\n";
    fs::write(dir.path().join("p.toml"), text).expect("written");
    let summary = kenyon_json(dir.path(), &["neuron", "simulate", "p.toml", "-o", "out"]);
    assert_eq!(summary["model"]["area_um2"].as_f64(), area);
    assert_eq!(summary["model"]["spec"]["morphology"]["unit"], "nm");
}
