//! `kenyon validate l5pc|ball_and_stick|rallpack` on the reference data, and on folders that are not as they should be.

#[path = "biophysics_reference/silent.rs"]
mod silent;
mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Ran, kenyon_in, repository};

/// A folder of the reference data, or `None` with a note.
fn reference(name: &str) -> Option<PathBuf> {
    let root =
        std::env::var_os("KENYON_REFERENCE_DATA").map_or_else(|| PathBuf::from(repository("../shared/data")), PathBuf::from);
    let folder = root.canonicalize().unwrap_or(root).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no reference data");
    None
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn validate(dir: &Path, kind: &str, folder: &Path, more: &[&str]) -> Ran {
    let args: Vec<&str> = ["validate", kind, text(folder), "--json"].into_iter().chain(more.iter().copied()).collect();
    let ran = kenyon_in(dir, &args);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

/// Asserts that every case agrees, and returns the report.
fn agrees(ran: Ran, kind: &str, cases: usize) -> Value {
    let report = ran.ok().json();
    assert_eq!((report["kind"].as_str(), report["failed"].as_u64()), (Some(kind), Some(0)), "{report}");
    assert_eq!(report["passed"].as_u64(), Some(cases as u64), "{report}");
    report
}

fn case<'a>(report: &'a Value, name: &str) -> &'a Value {
    let cases = report["cases"].as_array().expect("cases");
    cases.iter().find(|c| c["name"] == name).unwrap_or_else(|| panic!("no case {name}: {report}"))
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_all(&path, &to);
        } else {
            std::fs::copy(&path, to).expect("copied");
        }
    }
}

/// Adds to one number of a CSV file.
fn spoil(path: &Path, row: usize, column: usize, by: f64) {
    let text = std::fs::read_to_string(path).expect("a table");
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let mut cells: Vec<String> = lines[row].split(',').map(str::to_string).collect();
    cells[column] = (cells[column].parse::<f64>().expect("a number") + by).to_string();
    lines[row] = cells.join(",");
    std::fs::write(path, lines.join("\n") + "\n").expect("written");
}

#[test]
fn the_layer_5_cell_agrees_with_every_reference_and_with_its_own_dump() {
    let Some(folder) = reference("l5pc") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let report = agrees(validate(dir.path(), "l5pc", &folder, &["--dump", "ours"]), "l5pc", 47);
    for (name, spikes) in
        [("steps/step_1.40nA", 8), ("bac/bac", 3), ("bac/epsp_only", 0), ("synaptic/spiking200", 6), ("fi/fi_curve", 31)]
    {
        assert_eq!(case(&report, name)["spikes_got"].as_u64(), Some(spikes), "{name}");
    }
    // Whole runs agree through all their spikes, far within the bars.
    for case in report["cases"].as_array().expect("cases").iter().filter(|c| c["unit"] == "mV") {
        assert!(case["max_abs_error"].as_f64().is_some_and(|e| e < 1e-6), "{case}");
        assert!(case["note"].as_str().is_some_and(|n| n.contains("never above 1e-6 mV") && n.contains("bars")), "{case}");
    }
    let ours = dir.path().join("ours");
    for gone in ["bac", "fi", "rest", "steps", "synaptic/full2082", "synaptic/spiking200", "synaptic/sub200"] {
        std::fs::remove_dir_all(ours.join(gone)).expect("removed");
    }
    let morphology = folder.join("../morphologies/cell1.asc");
    let again = agrees(validate(dir.path(), "l5pc", &ours, &["--morphology", text(&morphology)]), "l5pc", 30);
    for case in again["cases"].as_array().expect("cases") {
        // A steady state that stands aside in the reference does not in ours.
        assert!(case["max_abs_error"].as_f64() == Some(0.0), "{case}");
    }
}

#[test]
fn a_run_at_another_segment_length_is_cut_so() {
    let Some(folder) = reference("l5pc") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let passive = dir.path().join("l5pc/passive");
    std::fs::create_dir_all(&passive).expect("made");
    let json = std::fs::read_to_string(folder.join("passive/cable_only_step.json")).expect("text");
    let trace = folder.join("passive/cable_only_step_dec.csv");
    let named = [("coarse", "\"max_seg_um\": 40,"), ("fine", "\"config\": {\"max_segment_length_um\": 15},"), ("usual", "")];
    for (name, key) in named {
        std::fs::write(passive.join(format!("{name}.json")), json.replacen('{', &format!("{{{key}"), 1)).expect("written");
        std::fs::copy(&trace, passive.join(format!("{name}_dec.csv"))).expect("copied");
        std::fs::copy(folder.join("passive/cable_only_step_spikes.csv"), passive.join(format!("{name}_spikes.csv")))
            .expect("copied");
    }
    let morphology = folder.join("../morphologies/cell1.asc");
    let more = ["--morphology", text(&morphology), "--dump", "ours"];
    let ran = validate(dir.path(), "l5pc", &dir.path().join("l5pc"), &more);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let report = ran.json();
    let passes = ["coarse", "fine", "usual"].map(|name| case(&report, &format!("passive/{name}"))["pass"].as_bool());
    assert_eq!(passes, [Some(false), Some(false), Some(true)], "{report}");
    // Against its own traces each agrees to the last bit.
    let again = validate(dir.path(), "l5pc", &dir.path().join("ours"), &["--morphology", text(&morphology)]);
    for case in agrees(again, "l5pc", 3)["cases"].as_array().expect("cases") {
        assert_eq!(case["max_abs_error"].as_f64(), Some(0.0), "{case}");
    }
}

#[test]
fn spoiled_missing_and_broken_runs_of_the_layer_5_cell_are_failures_with_a_note() {
    let Some(folder) = reference("l5pc") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let passive = dir.path().join("l5pc/passive");
    std::fs::create_dir_all(&passive).expect("made");
    for name in ["spoiled", "spikes", "traceless", "broken", "orphan", "column"] {
        for end in [".json", "_dec.csv", "_spikes.csv"] {
            std::fs::copy(folder.join(format!("passive/cable_only_step{end}")), passive.join(format!("{name}{end}")))
                .expect("copied");
        }
    }
    spoil(&passive.join("spoiled_dec.csv"), 300, 3, 2e-7);
    std::fs::write(passive.join("spikes_spikes.csv"), "spike_index,t_cross_ms,t_peak_ms,v_peak_mV\n0,50,50.1,20\n")
        .expect("written");
    std::fs::remove_file(passive.join("traceless_dec.csv")).expect("removed");
    std::fs::write(passive.join("broken.json"), "{\"tstop_ms\": ").expect("written");
    std::fs::remove_file(passive.join("orphan.json")).expect("removed");
    let table = std::fs::read_to_string(passive.join("column_dec.csv")).expect("text");
    std::fs::write(passive.join("column_dec.csv"), table.replacen("v_tuft", "v_nowhere", 1)).expect("written");
    let morphology = folder.join("../morphologies/cell1.asc");
    let ran = validate(dir.path(), "l5pc", &dir.path().join("l5pc"), &["--morphology", text(&morphology)]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((report["passed"].as_u64(), report["failed"].as_u64()), (Some(1), Some(5)), "{report}");
    assert!(ran.stderr.contains("`passive/spoiled`") && ran.stderr.contains("2 of 6 do not agree"), "{}", ran.stderr);
    assert!(ran.stderr.contains("3 of 6 could not be run"), "{}", ran.stderr);
    for (name, words) in [
        ("spoiled", "v_trunk_prox at 74.75 ms deviates"),
        ("spikes", "0 spikes instead of 1"),
        ("traceless", "not compared: no `passive/traceless.npz`, no `passive/traceless_dec.csv`"),
        ("broken", "is no JSON"),
        ("orphan", "without a description"),
        ("column", "`v_nowhere`"),
    ] {
        let case = case(&report, &format!("passive/{name}"));
        assert!(case["note"].as_str().is_some_and(|note| note.contains(words)), "{case}");
    }
}

/// A short step at the soma as a JSON file, with more keys.
fn short_step(path: &Path, keys: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    let step = r#""iclamp": {"section": "soma[0]", "x": 0.5, "delay_ms": 1, "dur_ms": 5, "amp_nA": 1.1}"#;
    std::fs::write(path, format!("{{{keys}\"v_init_mV\": -76, \"tstop_ms\": 5, \"dt_ms\": 0.025, {step}}}")).expect("written");
}

fn note<'a>(report: &'a Value, name: &str) -> &'a str {
    case(report, name)["note"].as_str().expect("a note")
}

#[test]
fn a_run_without_traces_is_simulated_and_written_whole_and_says_where_its_segment_length_comes_from() {
    let Some(folder) = reference("l5pc") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cases = dir.path().join("cases");
    short_step(&cases.join("steps/key.json"), "\"max_seg_um\": 15, ");
    short_step(&cases.join("steps/step_1.1nA_max_seg_40.json"), "");
    short_step(&cases.join("steps/c_seg3.json"), "");
    short_step(&cases.join("steps_40um/one.json"), "");
    short_step(&cases.join("deep/er/case_03/meta.json"), "\"n_segments\": 642, ");
    short_step(&cases.join("steps/negative.json"), "\"max_seg_um\": -15, ");
    short_step(&cases.join("steps/two_max_seg_40.json"), "\"max_seg_um\": 15, ");
    short_step(&cases.join("own/run.json"), "");
    std::fs::copy(folder.join("geometry/max_seg_24.3/sections.csv"), cases.join("own/sections.csv")).expect("copied");
    let morphology = folder.join("../morphologies/cell1.asc");
    let more = ["--morphology", text(&morphology), "--dump", "ours"];
    let ran = validate(dir.path(), "l5pc", &cases, &more);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((report["passed"].as_u64(), report["failed"].as_u64()), (Some(7), Some(2)), "{report}");
    for (name, segments, from) in [
        ("steps/key", 1690, "`max_seg_um` of `steps/key.json`"),
        ("steps/step_1.1nA_max_seg_40", 642, "the name `step_1.1nA_max_seg_40`"),
        ("steps/c_seg3", 1044, "the usual, as nothing states it"),
        ("steps_40um/one", 642, "the name `steps_40um`"),
        ("deep/er/case_03", 642, "`n_segments` of `deep/er/case_03/meta.json`"),
        ("own/run", 1044, "the tables of `own`"),
    ] {
        let note = note(&report, name);
        assert!(note.starts_with("nothing to compare; not compared: "), "{note}");
        assert!(note.contains(&format!("{segments} segments")) && note.contains(&format!("from {from}")), "{note}");
    }
    assert!(note(&report, "steps/negative").contains("negative.json, key `max_seg_um`"), "{report}");
    let both = note(&report, "steps/two_max_seg_40");
    assert!(both.contains("`max_seg_um`") && both.contains("the name `two_max_seg_40`"), "{both}");
    let ours = dir.path().join("ours");
    for file in ["steps/key.npz", "steps/key_dec.csv", "steps/key_spikes.csv", "deep/er/case_03/traces.npz"] {
        assert!(ours.join(file).is_file(), "{file}");
    }
    let table = std::fs::read_to_string(ours.join("steps/key_dec.csv")).expect("a table");
    let header = "t_ms,v_soma,v_axon1,v_trunk_prox,v_trunk_mid,v_hotzone,v_tuft,v_oblique,v_basal,cai_soma";
    assert_eq!((table.lines().next(), table.lines().count()), (Some(header), 22), "{table}");
}

#[test]
fn where_nothing_states_the_segment_length_the_first_potentials_do() {
    let Some(folder) = reference("l5pc") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cases = dir.path().join("cases");
    for (name, length) in [("a", 40), ("b", 15), ("c", 30)] {
        short_step(&cases.join(format!("{name}.json")), &format!("\"max_seg_um\": {length}, "));
    }
    let morphology = folder.join("../morphologies/cell1.asc");
    let more = ["--morphology", text(&morphology), "--dump", "ours"];
    agrees(validate(dir.path(), "l5pc", &cases, &more), "l5pc", 3);
    let ours = dir.path().join("ours");
    for name in ["a", "b", "c"] {
        short_step(&ours.join(format!("{name}.json")), "");
    }
    // Any mix of traces will do, also under a name of their own.
    std::fs::remove_file(ours.join("a.npz")).expect("removed");
    std::fs::remove_file(ours.join("b_dec.csv")).expect("removed");
    std::fs::remove_file(ours.join("b_spikes.csv")).expect("removed");
    std::fs::create_dir(ours.join("alone")).expect("made");
    std::fs::rename(ours.join("b.json"), ours.join("alone/meta.json")).expect("moved");
    std::fs::rename(ours.join("b.npz"), ours.join("alone/volt.npz")).expect("moved");
    let ran = validate(dir.path(), "l5pc", &ours, &["--morphology", text(&morphology)]);
    assert_eq!(ran.code, 4, "a length of its own cannot be guessed: {}", ran.stderr);
    let report = ran.json();
    for (name, segments) in [("a", 642), ("alone", 1690)] {
        assert_eq!(case(&report, name)["max_abs_error"].as_f64(), Some(0.0), "{report}");
        let note = note(&report, name);
        assert!(note.contains(&format!("{segments} segments")) && note.contains("chosen because it gives the first"), "{note}");
    }
    assert_eq!(case(&report, "c")["pass"], false, "{report}");
}

#[test]
fn one_case_deep_in_the_folder_finds_its_morphology_and_folders_of_another_kind_are_told() {
    let Some(folder) = reference("l5pc") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    copy_all(&folder.join("../morphologies"), &dir.path().join("data/morphologies"));
    short_step(&dir.path().join("data/l5pc/deep/case_1/meta.json"), "");
    let report = agrees(validate(dir.path(), "l5pc", Path::new("data/l5pc/deep/case_1"), &[]), "l5pc", 1);
    assert!(note(&report, "case_1").contains("nothing to compare"), "{report}");
    let ran = validate(dir.path(), "ball_and_stick", Path::new("data/l5pc"), &[]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("kenyon validate l5pc data/l5pc"), "{}", ran.stderr);
}

#[test]
fn ball_and_stick_runs_without_traces_below_other_folders_are_simulated_and_written_whole() {
    let Some(folder) = reference("ball_and_stick") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cases = dir.path().join("cases");
    copy_all(&folder.join("offgrid_events"), &cases.join("deep/er"));
    for file in ["trace.csv", "spikes.csv", "labels_1ms.csv"] {
        std::fs::remove_file(cases.join("deep/er").join(file)).expect("removed");
    }
    let events = std::fs::read_to_string(cases.join("deep/er/events.csv")).expect("a table");
    std::fs::write(cases.join("deep/er/events.csv"), events + "exc,1,75,2\n").expect("written");
    std::fs::create_dir(cases.join("tables")).expect("made");
    std::fs::copy(folder.join("input_resistance.csv"), cases.join("tables/input_resistance.csv")).expect("copied");
    let report = agrees(validate(dir.path(), "ball_and_stick", &cases, &["--dump", "ours"]), "ball_and_stick", 2);
    for words in ["not compared: no `trace.csv`, no `spikes.csv`, no `labels_1ms.csv`", "75 ms; the run ends at 60 ms", "summary"]
    {
        assert!(note(&report, "deep/er").contains(words), "{report}");
    }
    assert!(note(&report, "tables/input_resistance").contains("no `table_configs.json`"), "{report}");
    for file in ["trace.csv", "spikes.csv", "labels_1ms.csv"] {
        let lines = |path: &Path| std::fs::read_to_string(path).expect("a table").lines().count();
        assert_eq!(
            lines(&dir.path().join("ours/deep/er").join(file)),
            lines(&folder.join("offgrid_events").join(file)),
            "{file}"
        );
    }
    let one = agrees(validate(dir.path(), "ball_and_stick", &dir.path().join("ours/deep/er"), &[]), "ball_and_stick", 1);
    assert_eq!(case(&one, "er")["max_abs_error"].as_f64(), Some(0.0), "{one}");
}

#[test]
fn the_ball_and_stick_neuron_agrees_with_every_reference_and_with_its_own_dump() {
    let Some(folder) = reference("ball_and_stick") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let report = agrees(validate(dir.path(), "ball_and_stick", &folder, &["--dump", "ours"]), "ball_and_stick", 25);
    for (name, spikes) in [("ref_nmda_cable_long", 152), ("ref_ampa_point_long", 154), ("rho0_passive", 0)] {
        let case = case(&report, name);
        assert_eq!((case["spikes_got"].as_u64(), case["max_spike_shift_ms"].as_f64()), (Some(spikes), Some(0.0)), "{case}");
    }
    let ours = dir.path().join("ours");
    std::fs::remove_file(ours.join("dt_convergence.csv")).expect("removed");
    for case in
        agrees(validate(dir.path(), "ball_and_stick", &ours, &[]), "ball_and_stick", 24)["cases"].as_array().expect("cases")
    {
        assert_eq!(case["max_abs_error"].as_f64(), Some(0.0), "{case}");
    }
}

#[test]
fn spoiled_missing_and_broken_runs_of_the_ball_and_stick_neuron_are_failures_with_a_note() {
    let Some(folder) = reference("ball_and_stick") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cases = dir.path().join("cases");
    let names = ["good", "spoiled", "shifted", "label", "eventless", "broken", "configless", "clamp"];
    for name in names {
        copy_all(&folder.join("iclamp_soma_gates"), &cases.join(name));
    }
    spoil(&cases.join("spoiled/trace.csv"), 700, 4, 2e-5);
    spoil(&cases.join("shifted/spikes.csv"), 2, 0, 1.0);
    spoil(&cases.join("label/labels_1ms.csv"), 5, 1, 1.0);
    std::fs::remove_file(cases.join("eventless/events.csv")).expect("removed");
    std::fs::write(cases.join("broken/config.json"), "[]").expect("written");
    std::fs::remove_file(cases.join("configless/config.json")).expect("removed");
    let config = std::fs::read_to_string(cases.join("clamp/config.json")).expect("text");
    std::fs::write(cases.join("clamp/config.json"), config.replace("\"soma\"", "99")).expect("written");
    std::fs::write(cases.join("manifest.json"), r#"[{"name": "good"}, {"name": "listed"}]"#).expect("written");
    let ran = validate(dir.path(), "ball_and_stick", &cases, &[]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((report["passed"].as_u64(), report["failed"].as_u64()), (Some(1), Some(8)), "{report}");
    assert_eq!(case(&report, "good")["pass"], true);
    for (name, words) in [
        ("spoiled", "v_dend_2 at 17.475 ms deviates"),
        ("shifted", "a spike is shifted by 0.025 ms"),
        ("label", "the label spike at 4 ms"),
        ("eventless", "events.csv"),
        ("broken", "holds no object"),
        ("configless", "config.json"),
        ("clamp", "no such segment"),
        ("listed", "not there"),
    ] {
        let case = case(&report, name);
        assert!(case["note"].as_str().is_some_and(|note| note.contains(words)), "{case}");
    }
}

#[test]
fn rallpack_agrees_with_its_solutions_and_published_traces() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(folder) = reference("rallpack") else {
        let report = kenyon_in(dir.path(), &["validate", "rallpack", "--json"]).ok().json();
        assert_eq!((report["passed"].as_u64(), report["failed"].as_u64()), (Some(7), Some(0)), "{report}");
        return;
    };
    let report = agrees(validate(dir.path(), "rallpack", &folder, &["--dump", "ours"]), "rallpack", 10);
    let peaks = case(&report, "rallpack3/peaks");
    assert_eq!((peaks["spikes_expected"].as_u64(), peaks["spikes_got"].as_u64()), (Some(35), Some(35)), "{peaks}");
    let ours = dir.path().join("ours");
    let again = agrees(validate(dir.path(), "rallpack", &ours, &[]), "rallpack", 10);
    assert!(case(&again, "rallpack1/published")["max_abs_error"].as_f64().is_some_and(|e| e < 1e-12), "{again}");
    std::fs::remove_file(ours.join("ref_axon.x.neuron")).expect("removed");
    let trace = std::fs::read_to_string(ours.join("ref_branch.x")).expect("text");
    std::fs::write(ours.join("ref_branch.x"), trace.replace("-0.0", "-0.01")).expect("written");
    let ran = validate(dir.path(), "rallpack", &ours, &[]);
    assert_eq!((ran.code, ran.json()["failed"].as_u64()), (4, Some(2)), "{}", ran.stdout);
}

#[test]
fn folders_and_options_that_cannot_be_are_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(dir.path().join("empty")).expect("made");
    for (args, code) in [
        (&["validate", "ball_and_stick", "empty"][..], 3),
        (&["validate", "ball_and_stick", "nowhere"], 3),
        (&["validate", "rallpack", "empty"], 3),
        (&["validate", "rallpack", "empty", "--morphology", "cell.asc"], 2),
        (&["validate", "ball_and_stick", "empty", "--dump", "empty/ours"], 2),
        (&["validate", "l5pc", "empty", "--morphology", "nowhere.asc"], 3),
        (&["validate", "snn"], 2),
    ] {
        let ran = kenyon_in(dir.path(), args);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
    }
    // Without published traces there is no layout to write.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kenyon"));
    command.current_dir(dir.path()).args(["validate", "rallpack", "--dump", "ours"]).env_remove("KENYON_REFERENCE_DATA");
    assert_eq!(command.output().expect("kenyon runs").status.code(), Some(2));
}
