//! Exports read by the packages of others: `scripts/test_readers`.

mod networks;

use std::path::{Path, PathBuf};
use std::process::Command;

use kenyon_hardware::interpreter::Interpreter;
use kenyon_hardware::nir::{self, Profile, as_read};
use kenyon_hardware::{Cells, Deployment, sonata};
use networks::{golden, random, single_lif, single_lif_spikes};
use serde_json::Value;

/// Runs a script of `scripts/readers` and returns what it prints.
fn read(script: &str, path: &Path, options: &[&str]) -> Value {
    let scripts = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/readers"));
    let python = std::env::var_os("KENYON_READERS_PYTHON").expect("start it with `scripts/test_readers`");
    let ran = Command::new(python).arg(scripts.join(script)).arg(path).args(options).output().expect("Python runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).expect("one JSON document")
}

/// Spikes of a network (ours, of its reader by our reckoning, found by the reader, of these in their step), and the first found.
fn row(name: &str, d: &Deployment, profile: Profile) -> ([u64; 5], Value) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("network.nir");
    let done = nir::export(d, profile, &path).expect("written");
    let ran = read("run_nir.py", &path, &[]);
    let sum =
        |key: &str| ran["samples"].as_array().expect("a list").iter().map(|s| s[key].as_u64().expect("a number")).sum::<u64>();
    assert_eq!(sum("expected"), done.reader_spikes as u64);
    let row = [done.spikes as u64, done.same_spikes as u64, sum("expected"), sum("found"), sum("same")];
    eprintln!(
        "| {name} | {} | {} | {} | {} | {} | {} | `{}`",
        profile.name(),
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        ran["versions"]
    );
    (row, ran["samples"][0]["spikes"].clone())
}

#[test]
#[ignore = "needs Python packages: scripts/test_readers"]
fn every_reader_finds_the_spikes_that_its_file_foretells() {
    let mut networks: Vec<(String, Deployment)> = (0..4).map(|seed| (format!("random {seed}"), random(seed, 200))).collect();
    networks.extend(golden().map(|d| ("golden".to_string(), d)));
    for (name, d) in &networks {
        for profile in [Profile::Canonical, Profile::Norse, Profile::SnnTorch] {
            let ([_, _, expected, found, same], _) = row(name, d, profile);
            if profile == Profile::Canonical {
                assert_eq!([found, same], [expected; 2]);
            } else {
                // These readers compute in f32: a spike may come a step early or late, and change others.
                let share = same as f64 / expected.max(found) as f64;
                assert!(share >= 0.95, "{name} {profile:?}: {same} of {expected}, {found}");
            }
        }
    }
}

#[test]
#[ignore = "needs Python packages: scripts/test_readers"]
fn the_single_neuron_spikes_in_every_reader_where_exact_simulators_have_it() {
    for profile in [Profile::Canonical, Profile::Norse, Profile::SnnTorch] {
        let (_, found) = row("single neuron", &single_lif(), profile);
        let steps: Vec<u32> = found.as_array().expect("a list").iter().map(|s| s[0].as_u64().expect("a step") as u32).collect();
        assert_eq!(steps, single_lif_spikes(), "{profile:?}");
    }
}

#[test]
#[ignore = "needs Python packages: scripts/test_readers"]
fn snntorch_keeps_the_refractory_step_where_its_reset_is_delayed() {
    for (name, d) in [("random 0", Some(random(0, 200))), ("golden", golden())] {
        let Some(d) = d else { continue };
        let (mut wanted, later) = as_read(&d, Profile::SnnTorch);
        for (population, own) in wanted.populations.iter_mut().zip(&d.populations) {
            if let (Cells::Neurons(cells), Cells::Neurons(own)) = (&mut population.cells, &own.cells) {
                cells.tau_refrac_ms.clone_from(&own.tau_refrac_ms);
            }
        }
        let spikes = Interpreter::new(&wanted).run(&wanted.samples[0]).spikes;
        let wanted: Vec<[u32; 3]> = spikes.iter().map(|s| [s.0 - later, s.1, s.2]).collect();
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("network.nir");
        nir::export(&d, Profile::SnnTorch, &path).expect("written");
        let ran = read("run_nir.py", &path, &["reset_delay"]);
        let found: Vec<[u32; 3]> = serde_json::from_value(ran["samples"][0]["spikes"].clone()).expect("spikes");
        let own = &nir::expected(&d, Profile::Canonical)[0];
        let same = |s: &&[u32; 3]| own.contains(&(s[0], s[1], s[2]));
        eprintln!("| {name} | snntorch, reset_delay | {} | {} | {}", own.len(), found.iter().filter(same).count(), found.len());
        assert_eq!(found, wanted, "{name}");
    }
}

#[test]
#[ignore = "needs Python packages: scripts/test_readers"]
fn libsonata_and_h5py_find_the_circuit() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = dir.path().join("sonata");
    let d = random(0, 200);
    sonata::export(&d, &folder).expect("written");
    let found = read("read_sonata.py", &folder, &[]);
    eprintln!("{}", found["versions"]);
    for (k, population) in d.populations.iter().enumerate() {
        let node = &found["nodes"][format!("{}_{k}", population.label)];
        assert_eq!((node["n"].as_u64(), node["first"].as_u64()), (Some(population.ids.len() as u64), Some(population.ids[0])));
        for (name, values) in population.cells.neurons().map(kenyon_hardware::Neurons::columns).unwrap_or_default() {
            let sum: f64 = values.iter().sum();
            assert!((node["parameters"][name].as_f64().expect("there") - sum).abs() <= 1e-9 * sum.abs().max(1.0), "{name}");
        }
    }
    let edges = found["edges"].as_object().expect("populations");
    assert_eq!(edges.values().map(|e| e["n"].as_u64().expect("a number")).sum::<u64>(), d.synapses() as u64);
    let sign = |p: &kenyon_hardware::Projection| if p.receptor == kenyon_hardware::Receptor::Excitatory { 1.0 } else { -1.0 };
    let weight: f64 = d.projections.iter().flat_map(|p| p.synapses.iter().map(|s| sign(p) * s.weight)).sum();
    let read: f64 = edges.values().map(|e| e["weight"].as_f64().expect("a number")).sum();
    assert!((weight - read).abs() < 1e-6);
    let delay: f64 = d.projections.iter().flat_map(|p| &p.synapses).map(|s| s.delay_steps * d.dt_ms).sum();
    assert!((edges.values().map(|e| e["delay"].as_f64().expect("a number")).sum::<f64>() - delay).abs() < 1e-6);
    let spikes = &found["spikes"]["spikes_0.h5 ORN_0"];
    assert_eq!(spikes["n"].as_u64(), Some(d.samples[0].spikes.len() as u64));
    let steps: u32 = d.samples[0].spikes.iter().map(|s| s.2).sum();
    assert_eq!(spikes["times"].as_f64(), Some(f64::from(steps) * d.dt_ms));
}
