//! An exported network on the real back ends. `scripts/test_pynn` installs them and runs these.
//!
//! Simulators integrate an exponential current exactly within a step where the trained network holds it, and deliver a neuron's spike one
//! step later: single spikes of a recurrent network drift apart, activity and answer must not.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kenyon_hardware::pynn::{self, Options};
use kenyon_hardware::{CellKind, Deployment};
use support::Model;
use support::program::{complaint, table};

/// The network of the test, or the export that `KENYON_PYNN_EXPORT` names.
fn exported(d: &Deployment) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let out = dir.path().join("export");
    match std::env::var_os("KENYON_PYNN_EXPORT") {
        None => drop(pynn::export(d, &out, &Options::default()).expect("exported")),
        Some(given) => {
            fs::create_dir(&out).expect("made");
            for entry in fs::read_dir(given).expect("an export").map(|e| e.expect("readable")) {
                if entry.path().is_file() {
                    fs::copy(entry.path(), out.join(entry.file_name())).expect("copied");
                }
            }
        }
    }
    (dir, out)
}

/// Runs the program with the Python that `KENYON_PYNN_PYTHON` names.
fn run(out: &Path, home: &Path, args: &[&str]) -> Output {
    let python = std::env::var_os("KENYON_PYNN_PYTHON").expect("KENYON_PYNN_PYTHON names a Python with PyNN");
    let ran = Command::new(python).arg("run_pynn.py").args(args).current_dir(out).env("HOME", home).output();
    ran.expect("python runs")
}

#[test]
#[ignore = "needs PyNN with NEST: scripts/test_pynn"]
fn nest_runs_the_export_with_the_activity_that_is_expected() {
    let (dir, out) = exported(&Model::random(1, 300).lower(256.0, 2));
    let ran = run(&out, dir.path(), &["nest", "--all"]);
    assert!(ran.status.success(), "{}", complaint(&ran));
    let compared = pynn::compare(&out).expect("results");
    let (expected, spikes): (usize, usize) =
        (compared.iter().map(|c| c.expected_spikes).sum(), compared.iter().map(|c| c.spikes).sum());
    for c in &compared {
        eprintln!(
            "{} sample {}: {} spikes, expected {}, {} matched; answer {:?}, expected {:?}, right {:?}; readout apart by {:?}",
            c.back_end,
            c.sample,
            c.spikes,
            c.expected_spikes,
            c.matched,
            c.answer,
            c.expected_answer,
            c.class,
            c.readout_difference
        );
    }
    assert!(expected > 100, "too quiet to tell");
    let share = spikes as f64 / expected as f64;
    assert!((0.85..1.15).contains(&share), "{spikes} spikes, expected {expected}");
    let matched: usize = compared.iter().map(|c| c.matched).sum();
    assert!(matched as f64 > 0.5 * expected as f64, "{matched} of {expected} spikes within 2 steps");
    let same = compared.iter().filter(|c| c.answer == c.expected_answer).count();
    assert!(2 * same > compared.len(), "{same} of {} answers", compared.len());
}

#[test]
#[ignore = "needs PyNN with NEST: scripts/test_pynn"]
fn nest_runs_conductance_cells_and_the_program_refuses_what_nest_cannot() {
    if std::env::var_os("KENYON_PYNN_EXPORT").is_some() {
        return;
    }
    let mut d = Model::random(1, 120).lower(64.0, 2);
    for kind in [CellKind::CondExp, CellKind::CurrDelta] {
        for population in &mut d.populations {
            let Some(cells) = population.cells.neurons_mut() else { continue };
            let n = cells.tau_m_ms.len();
            cells.kind = kind;
            if kind == CellKind::CondExp {
                (cells.e_rev_e_mv, cells.e_rev_i_mv) = (vec![60.0; n], vec![-20.0; n]);
            } else {
                cells.e_rev_e_mv.clear();
                cells.e_rev_i_mv.clear();
                cells.tau_syn_e_ms.clear();
                cells.tau_syn_i_ms.clear();
            }
        }
        let factor = if kind == CellKind::CondExp { 1.0 / 24.0 } else { 20.0 };
        d.projections.iter_mut().flat_map(|p| &mut p.synapses).for_each(|s| s.weight *= factor);
        let (dir, out) = exported(&d);
        let ran = run(&out, dir.path(), &["nest"]);
        let text = complaint(&ran);
        if kind == CellKind::CondExp {
            assert!(ran.status.success(), "{text}");
            assert!(pynn::compare(&out).expect("results")[0].spikes > 10);
        } else {
            assert_eq!(ran.status.code(), Some(1));
            assert!(text.contains("IF_curr_delta does not run on nest") && !text.contains("Traceback"), "{text}");
        }
    }
}

#[test]
#[ignore = "needs sPyNNaker: scripts/test_pynn"]
fn spynnaker_maps_the_export_onto_a_virtual_board_to_the_end() {
    let (dir, out) = exported(&Model::random(1, 50).lower(256.0, 2));
    let without = run(&out, dir.path(), &["spiNNaker"]);
    assert!(complaint(&without).contains("copy spynnaker.cfg to "), "{}", complaint(&without));
    fs::copy(out.join("spynnaker.cfg"), dir.path().join(".spynnaker.cfg")).expect("copied");
    let ran = run(&out, dir.path(), &["spiNNaker"]);
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{}{said}", complaint(&ran));
    assert!(said.contains("mapped and loaded onto a virtual board"), "{said}");
    assert!(!said.contains("WARNING"), "{said}");
    let reports = fs::read_dir(out.join("reports")).expect("sPyNNaker reports");
    let run_1 = reports.map(|e| e.expect("readable").path().join("run_1")).find(|p| p.is_dir()).expect("a run");
    assert!(run_1.join("ds.sqlite3").is_file() && run_1.join("json_files/placements.json").is_file());
    // The images and routes are ours, word for word.
    let mapped = pynn::mapping(&out, &out.join("reports")).expect("a report of this export");
    assert!(mapped.agrees() && mapped.packets > 0 && mapped.regions.len() > 6, "{mapped:?}");
    // What lies in the memory of the cores is what was predicted with.
    let check = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/loaded_weights.py");
    let compared = Command::new("python3").arg(check).arg(&out).output().expect("python runs");
    eprintln!("{}", String::from_utf8_lossy(&compared.stdout).trim());
    assert!(compared.status.success(), "{}{}", String::from_utf8_lossy(&compared.stdout), complaint(&compared));
}

#[test]
#[ignore = "needs PyNN with NEST: scripts/test_pynn"]
fn nest_refuses_early_spikes_in_words_of_ours() {
    if std::env::var_os("KENYON_PYNN_EXPORT").is_some() {
        return;
    }
    let mut d = Model::random(1, 20).lower(256.0, 0);
    d.samples[0].spikes = vec![(0, 0, 1)];
    let (dir, out) = exported(&d);
    let text = complaint(&run(&out, dir.path(), &["nest"]));
    assert!(text.contains("NEST takes no spike in its first two steps") && !text.contains("Traceback"), "{text}");
    let (_, rows) = table(&out.join("input_0.csv"));
    assert_eq!(rows.len(), 1);
}
