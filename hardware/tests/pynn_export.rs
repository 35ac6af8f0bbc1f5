//! The exported folder: a program that parses, tables that equal the deployment, names that stay names.

mod support;

use std::fs;
use std::path::Path;

use kenyon_hardware::pynn::{self, Options};
use kenyon_hardware::spinnaker::{self, fixed, quantise};
use kenyon_hardware::{Deployment, HostReadout};
use serde_json::Value;
use support::Model;
use support::program::{network, python, table};

fn small() -> Deployment {
    Model::random(1, 50).lower(256.0, 2)
}

/// Exports for a virtual board.
fn export(d: &Deployment, dir: &Path) -> kenyon_base::Result<pynn::Exported> {
    pynn::export(d, dir, &Options::default())
}

#[test]
fn the_tables_hold_the_deployment_as_the_board_takes_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let out = dir.path().join("export");
    let mut d = small();
    d.host_readout = Some(HostReadout {
        sources: vec![(1, 0), (1, 1), (1, 2), (1, 7)],
        classes: vec!["a".into(), "b".into()],
        decay_syn: 0.9,
        decay_mem: 0.95,
        weights: vec![(0, 1, -0.1), (3, 0, 1.0 / 3.0)],
    });
    d.synthetic = true;
    d.sources.push(("circuit".into(), "0123".into()));
    export(&d, &out).expect("exported");
    let json = network(&out);
    assert_eq!((&json["synthetic"], &json["sources"][0][0]), (&Value::Bool(true), &Value::from("circuit")));
    assert!(fs::read_to_string(out.join("README.md")).expect("there").contains("was synthetic"));
    let board = quantise(&d, &spinnaker::Options::LOWERED).expect("sound");
    for (k, population) in board.populations.iter().enumerate() {
        let (header, rows) = table(&out.join(format!("cells_{k}.csv")));
        let Some(cells) = &population.cells else {
            assert_eq!(header, ["id"]);
            continue;
        };
        for (name, raw) in cells.raw.columns() {
            let column = header.iter().position(|h| h == name).expect("a column for each parameter");
            let got: Vec<_> = rows.iter().map(|r| fixed::raw(r[column].parse().expect("a number"))).collect();
            assert_eq!(got, raw.iter().copied().map(Some).collect::<Vec<_>>(), "{name}");
        }
    }
    let back = pynn::read(&out).expect("its own export");
    assert_eq!(back.projections, d.projections, "weights keep every bit");
    assert_eq!((&back.samples, &back.host_readout), (&d.samples, &d.host_readout));
    assert_eq!((back.synthetic, &back.sources, back.lead_in_steps), (true, &d.sources, d.lead_in_steps));
    for (a, b) in back.populations.iter().zip(&d.populations) {
        assert_eq!((&a.label, &a.ids, &a.names, &a.record, a.role), (&b.label, &b.ids, &b.names, &b.record, b.role));
    }
}

#[test]
fn what_is_expected_is_what_the_emulator_makes_of_the_files() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let out = dir.path().join("export");
    let model = Model::random(2, 60);
    export(&model.lower(256.0, 2), &out).expect("exported");
    let json = network(&out);
    // The board's numbers once more, from the folder alone.
    let back = pynn::read(&out).expect("its own export");
    let sums = json["populations"].as_array().expect("a list").iter().map(|p| p["max_expected_summed_weight"].clone());
    let sums = sums.map(|s| serde_json::from_value(s).expect("a pair or null")).collect();
    let options = spinnaker::Options { shifts: spinnaker::Shifts::Expected(sums), ..spinnaker::Options::LOWERED };
    let options = spinnaker::Options { nudge: false, thresholds_up: false, ..options };
    let board = quantise(&back, &options).expect("sound");
    let run = spinnaker::Emulator::new(&board).run(&back.samples[0].spikes);
    let (header, rows) = table(&out.join("expected_0.csv"));
    assert_eq!(header, ["what", "step", "population", "neuron", "value"]);
    let number = |text: &String| text.parse::<u32>().expect("a number");
    let spikes: Vec<_> = rows.iter().filter(|r| r[0] == "spike").map(|r| (number(&r[1]), number(&r[2]), number(&r[3]))).collect();
    assert!(spikes.len() > 50, "too quiet to tell");
    assert_eq!(spikes, run.spikes());
    let values: Vec<f64> = rows.iter().filter(|r| r[0] == "readout").map(|r| r[4].parse().expect("a number")).collect();
    assert_eq!(values, spinnaker::readout_rows(&back, &run).expect("a readout").values);
    let trained = model.simulate();
    let far = values.iter().zip(trained.out.concat()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(far < 0.1, "row t of the readout is the trained network's: apart by {far}");
    let answer = spinnaker::answer(&back, &run).expect("a readout");
    assert_eq!(json["samples"][0]["expected"]["answer"], answer.class);
    assert!(json["expected_by"].as_str().expect("a text").contains("emulation"));
}

#[test]
fn the_program_parses_and_finds_its_files_whole() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let out = dir.path().join("export");
    let d = small();
    let exported = export(&d, &out).expect("exported");
    assert_eq!(exported.synapses, d.synapses());
    let Some(compiled) = python(&out, &["-m", "py_compile", "run_pynn.py"]) else { return };
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let checked = python(&out, &["run_pynn.py", "check"]).expect("it ran before");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let said: Value = serde_json::from_slice(&checked.stdout).expect("JSON");
    assert_eq!(said["synapses"], d.synapses());
    assert_eq!(said["neurons"], exported.neurons);
    let beyond = python(&out, &["run_pynn.py", "check", "--sample", "99"]).expect("it ran before");
    assert!(
        !beyond.status.success() && String::from_utf8_lossy(&beyond.stderr).contains("there is no sample 99: the export holds 1")
    );
    fs::write(out.join("spynnaker.cfg"), "[Machine]\nversion = 5\nmachine_name = spinn-1\n").expect("written");
    assert!(python(&out, &["run_pynn.py", "check"]).expect("it ran before").status.success(), "the configuration is the user's");
    fs::write(out.join("proj_0.csv"), "pre,post,weight,delay_steps\n").expect("written");
    let checked = python(&out, &["run_pynn.py", "check"]).expect("it ran before");
    let complaint = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(!checked.status.success() && complaint.contains("proj_0.csv has changed"), "{complaint}");
}

#[test]
fn a_deployment_that_makes_no_sense_is_refused_with_its_place() {
    type Spoil = fn(&mut Deployment);
    let cases: [(&str, Spoil); 9] = [
        ("delay", |d| d.projections[0].synapses[0].delay_steps = 0.0),
        ("weight", |d| d.projections[0].synapses[0].weight = 0.0),
        ("weight", |d| d.projections[0].synapses[0].weight = f64::NAN),
        ("does not exist", |d| d.projections[0].synapses.last_mut().expect("some").post = 4000),
        ("unknown population", |d| d.projections[0].post = 9),
        ("id occurs twice", |d| d.populations[1].ids[1] = d.populations[1].ids[0]),
        ("`cm`", |d| d.populations[1].cells.neurons_mut().expect("neurons").cm_nf[3] = 0.0),
        ("spike outside", |d| d.samples[0].spikes[0].2 = 0),
        ("`v_rest` does not fit", |d| d.populations[1].cells.neurons_mut().expect("neurons").v_rest_mv[5] = 1e6),
    ];
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (word, spoil) in cases {
        let mut d = small();
        spoil(&mut d);
        let error = export(&d, &dir.path().join("export")).expect_err(word);
        assert!(error.to_string().contains(word), "{word}: {error}");
        assert_eq!(error.exit_code(), 3);
        assert!(!dir.path().join("export").exists());
    }
}

#[test]
fn a_deployment_survives_json() {
    let d = small();
    let text = serde_json::to_string(&d).expect("plain data");
    assert_eq!(serde_json::from_str::<Deployment>(&text).expect("its own text"), d);
}
