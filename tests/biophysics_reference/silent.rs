//! References that say less than they seem to: columns and rows that are missing or not known, potentials that were never compared.

use std::path::Path;

use serde_json::Value;

use super::{case, copy_all, note, reference, text, validate};

type Rows = Vec<Vec<String>>;

/// Changes the rows of a table; the header is the first.
fn edit(path: &Path, change: impl FnOnce(&mut Rows)) {
    let table = std::fs::read_to_string(path).expect("a table");
    let mut rows: Rows = table.lines().map(|line| line.split(',').map(str::to_string).collect()).collect();
    change(&mut rows);
    let lines: Vec<String> = rows.iter().map(|row| row.join(",") + "\n").collect();
    std::fs::write(path, lines.concat()).expect("written");
}

/// Keeps these columns.
fn keep(rows: &mut Rows, names: &[&str]) {
    let at: Vec<usize> = (0..rows[0].len()).filter(|k| names.contains(&rows[0][*k].as_str())).collect();
    *rows = rows.iter().map(|row| at.iter().map(|k| row[*k].clone()).collect()).collect();
}

/// A column that nobody knows.
fn made_up(rows: &mut Rows) {
    rows[0].push("made_up".into());
    rows[1..].iter_mut().for_each(|row| row.push("123".into()));
}

/// Adds to all numbers of a column.
fn shift(rows: &mut Rows, column: &str, by: f64) {
    let at = rows[0].iter().position(|name| name == column).expect("a column");
    for row in &mut rows[1..] {
        row[at] = (row[at].parse::<f64>().expect("a number") + by).to_string();
    }
}

/// Asserts that cases fail with these words in their notes, and pass where there are none.
fn assert_notes(report: &Value, expected: &[(&str, &str)]) {
    for (name, words) in expected {
        let found = note(report, name);
        assert_eq!(case(report, name)["pass"].as_bool(), Some(words.is_empty()), "{name}: {found}");
        assert!(found.contains(words), "{name}: {found}");
    }
    assert_eq!(report["cases"].as_array().map(Vec::len), Some(expected.len()), "{report}");
}

/// Asserts that nothing below a folder of our values bears the made-up column.
fn assert_no_made_up(dir: &Path) {
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            assert_no_made_up(&path);
        } else if path.extension().is_some_and(|end| end == "csv") {
            assert!(!std::fs::read_to_string(&path).expect("a table").contains("made_up"), "{}", path.display());
        }
    }
}

#[test]
fn traces_of_the_layer_5_cell_that_say_nothing_are_faults() {
    let Some(folder) = reference("l5pc") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cases = dir.path().join("cases");
    let change = |name: &str, from: &str, end: &str, change: &dyn Fn(&mut Rows)| {
        let (to, from) = (cases.join(name), folder.join(from));
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        for end in [".json", "_dec.csv", "_spikes.csv"] {
            let file = |path: &Path| format!("{}{end}", path.display());
            std::fs::copy(file(&from), file(&to)).expect("copied");
        }
        edit(Path::new(&format!("{}{end}", to.display())), change);
    };
    std::fs::create_dir_all(&cases).expect("made");
    std::fs::copy(folder.join("sites.json"), cases.join("sites.json")).expect("copied");
    let all = ["v_soma", "v_axon1", "v_trunk_prox", "v_trunk_mid", "v_hotzone", "v_tuft", "v_oblique", "v_basal"];
    let passive = "passive/cable_only_step";
    let weak = |name: &str| all.iter().copied().filter(|column| *column != name).chain(["t_ms"]).collect::<Vec<_>>();
    change("bac/shifted", "bac/epsp_only", "_dec.csv", &|rows| all.iter().for_each(|column| shift(rows, column, 5.0)));
    change("bac/zeros", "bac/bac", "_dec.csv", &|rows| {
        rows[1..].iter_mut().for_each(|row| row[2..9].iter_mut().for_each(|cell| *cell = "0".into()));
    });
    change("bac/peaks", "bac/bap_only", "_spikes.csv", &|rows| shift(rows, "v_peak_mV", -40.0));
    change("bac/site", "bac/bap_only", "_dec.csv", &|rows| keep(rows, &weak("v_site")));
    change("convergence_1", "steps/convergence_0.80nA_dt0.0125", "_dec.csv", &|rows| shift(rows, "v_tuft", 1e-4));
    change("rows/one", passive, "_dec.csv", &|rows| rows.truncate(2));
    change("rows/half", passive, "_dec.csv", &|rows| rows.truncate(400));
    change("rows/late", passive, "_dec.csv", &|rows| _ = rows.remove(1));
    change("rows/gap", passive, "_dec.csv", &|rows| _ = rows.drain(300..320));
    change("rows/sparse", passive, "_dec.csv", &|rows| {
        *rows = rows.drain(..).enumerate().filter(|(k, _)| *k == 0 || k % 10 == 1).map(|(_, row)| row).collect();
    });
    change("columns/time", passive, "_dec.csv", &|rows| keep(rows, &["t_ms"]));
    change("columns/tuft", passive, "_dec.csv", &|rows| keep(rows, &weak("v_tuft")));
    change("columns/more", passive, "_dec.csv", &made_up);
    change("columns/spikes", passive, "_spikes.csv", &made_up);
    change("columns/good", passive, "_dec.csv", &|_| {});
    let morphology = folder.join("../morphologies/cell1.asc");
    let ran = validate(dir.path(), "l5pc", &cases, &["--morphology", text(&morphology), "--dump", "ours"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let report = ran.json();
    assert_notes(
        &report,
        &[
            ("bac/shifted", "deviates by 5.000e0, beyond 1e-6"),
            ("bac/zeros", "beyond 1e-6"),
            ("bac/peaks", "a peak's potential in mV deviates by 4.000e1"),
            ("bac/site", ""),
            ("convergence_1", "v_tuft at"),
            ("rows/one", "ends at 0 ms, the run at 200 ms"),
            ("rows/half", "ends at 99.5 ms, the run at 200 ms"),
            ("rows/late", "begins at 0.25 ms"),
            ("rows/gap", "does not go on evenly after 74.5 ms"),
            ("rows/sparse", "has a row for 2.5 ms alone"),
            ("columns/time", "lacks `v_soma`, `v_axon1`"),
            ("columns/tuft", "lacks `v_tuft`"),
            ("columns/more", "`made_up`"),
            ("columns/spikes", "columns that are not known: `made_up`"),
            ("columns/good", ""),
        ],
    );
    assert!(note(&report, "bac/site").contains("not compared: `v_site`, `cai_site`, no `bac/site.npz`"), "{report}");
    // What the reference lacks stands in ours.
    let lines = |path: &str| std::fs::read_to_string(dir.path().join("ours").join(path)).expect("a table").lines().count();
    assert_eq!((lines("rows/one_dec.csv"), lines("columns/time_dec.csv"), lines("columns/good_dec.csv")), (802, 802, 802));
    assert_no_made_up(&dir.path().join("ours"));
}

#[test]
fn tables_of_the_layer_5_cell_that_say_nothing_are_faults() {
    let Some(folder) = reference("l5pc") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cases = dir.path().join("cases");
    let change = |to: &str, from: &str, change: &dyn Fn(&mut Rows)| {
        let to = cases.join(to);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        std::fs::copy(folder.join(from), &to).expect("copied");
        edit(&to, change);
    };
    let geometry = "geometry/max_seg_24.3";
    change("a/sections.csv", &format!("{geometry}/sections.csv"), &|rows| keep(rows, &["name", "nseg"]));
    change("b/segments.csv", &format!("{geometry}/segments.csv"), &|rows| keep(rows, &["section", "x"]));
    change("c/pt3d.csv", &format!("{geometry}/pt3d.csv"), &|rows| keep(rows, &["section", "i"]));
    change("d/sections.csv", &format!("{geometry}/sections.csv"), &made_up);
    change("fi/more.csv", "fi/fi_curve.csv", &|rows| {
        rows.truncate(2);
        made_up(rows);
    });
    change("fi/rate.csv", "fi/fi_curve.csv", &|rows| {
        rows.drain(2..6);
        shift(rows, "rate_Hz", 0.5);
    });
    change("Ca_HVA_vclamp.csv", "channels/Ca_HVA_vclamp.csv", &|rows| keep(rows, &["t_ms", "v_mV", "m", "h", "i_mA_per_cm2"]));
    change("Ih_vclamp.csv", "channels/Ih_vclamp.csv", &|rows| rows.truncate(2));
    change("synapse_clamped_-40.csv", "channels/synapse_clamped_-40.csv", &|rows| rows.truncate(50));
    std::fs::copy(folder.join("channels/synapse_clamped.json"), cases.join("synapse_clamped.json")).expect("copied");
    let morphology = folder.join("../morphologies/cell1.asc");
    let ran = validate(dir.path(), "l5pc", &cases, &["--morphology", text(&morphology), "--dump", "ours"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert_notes(
        &ran.json(),
        &[
            ("a", "sections.csv lacks `sec_index`, `region`"),
            ("b", "segments.csv lacks `seg_index`"),
            ("c", "pt3d.csv lacks `x_um`"),
            ("d", "`made_up`"),
            ("fi/more", "`made_up`"),
            ("fi/rate", "rate_Hz of row 1 deviates by 5.000e-1"),
            ("Ca_HVA_vclamp", "eca_mV"),
            ("Ih_vclamp", "a row for every step"),
            ("synapse_clamped_-40", "do not reach 100 ms"),
        ],
    );
    assert_no_made_up(&dir.path().join("ours"));
}

#[test]
fn files_of_the_ball_and_stick_neuron_that_say_nothing_are_faults() {
    let Some(folder) = reference("ball_and_stick") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cases = dir.path().join("cases");
    let change = |name: &str, file: &str, change: &dyn Fn(&mut Rows)| {
        copy_all(&folder.join("iclamp_soma_gates"), &cases.join(name));
        edit(&cases.join(name).join(file), change);
    };
    change("time", "trace.csv", &|rows| keep(rows, &["t_ms"]));
    change("dend", "trace.csv", &|rows| rows.iter_mut().for_each(|row| _ = row.remove(4)));
    change("twice", "trace.csv", &|rows| rows.iter_mut().for_each(|row| row.push(row[1].clone())));
    change("more", "trace.csv", &made_up);
    change("head", "labels_1ms.csv", &|rows| rows.truncate(1));
    change("short", "labels_1ms.csv", &|rows| _ = rows.pop());
    change("late", "labels_1ms.csv", &|rows| shift(rows, "t_ms", 1.0));
    change("labels", "labels_1ms.csv", &made_up);
    change("crossing", "spikes.csv", &|rows| rows[1][3].clear());
    change("peak", "spikes.csv", &|rows| shift(rows, "peak_t_ms", 0.025));
    change("good", "spikes.csv", &|_| {});
    let table = |name: &str, rows: usize, more: &dyn Fn(&mut Rows)| {
        std::fs::copy(folder.join(name), cases.join(name)).expect("copied");
        edit(&cases.join(name), |all| {
            all.truncate(rows);
            more(all);
        });
    };
    std::fs::copy(folder.join("table_configs.json"), cases.join("table_configs.json")).expect("copied");
    table("psp_table.csv", 2, &|rows| keep(rows, &["config", "kind", "segment", "weight"]));
    table("input_resistance.csv", 2, &|rows| keep(rows, &["config", "site"]));
    table("nmda_io.csv", 2, &made_up);
    table("fi_curve.csv", 2, &|_| {});
    let ran = validate(dir.path(), "ball_and_stick", &cases, &["--dump", "ours"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert_notes(
        &ran.json(),
        &[
            ("time", "trace.csv lacks `v_soma`, `v_dend_0`"),
            ("dend", "trace.csv lacks `v_dend_2`"),
            ("twice", "two columns of one name"),
            ("more", "`made_up`"),
            ("head", "0 labels of a run of 60 ms"),
            ("short", "59 labels of a run of 60 ms"),
            ("late", "the label t_ms at 0 ms"),
            ("labels", "`made_up`"),
            ("crossing", "a crossing of 0 mV in ms deviates by inf"),
            ("peak", "the time of a peak in ms"),
            ("good", ""),
            ("psp_table", "lacks `local_peak_dv_mV`"),
            ("input_resistance", "lacks `local_Mohm`"),
            ("nmda_io", "`made_up`"),
            ("fi_curve", ""),
        ],
    );
    assert_no_made_up(&dir.path().join("ours"));
}

#[test]
fn runs_with_events_are_judged_a_second_time_as_simulation_sets_make_them() {
    let Some(folder) = reference("ball_and_stick") else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cases = dir.path().join("cases");
    for name in ["ref_nmda_cable_hires", "offgrid_events", "rho0_passive", "iclamp_dend"] {
        copy_all(&folder.join(name), &cases.join(name));
    }
    let report = super::agrees(validate(dir.path(), "ball_and_stick", &cases, &[]), "ball_and_stick", 4);
    for (name, told) in [("ref_nmda_cable_hires", true), ("offgrid_events", true), ("rho0_passive", true), ("iclamp_dend", false)]
    {
        assert_eq!(note(&report, name).contains("as simulation sets make it (eight side by side"), told, "{report}");
    }
}
