//! `kenyon certify` on networks of other kinds, on networks lowered wrongly, and beside other simulators.

mod support;

use std::fs;
use std::path::Path;

use kenyon::training::loaded::Loaded;
use kenyon::transfer::certify::{CertifyOptions, certify, certify_lowered};
use kenyon::transfer::{LowerOptions, of_run};
use kenyon_base::Silent;
use kenyon_datasets::split::Part;
use kenyon_hardware::Deployment;
use kenyon_hardware::certificate::Certificate;
use kenyon_hardware::spinnaker::Options;
use serde_json::Value;
use support::training::{CONFIG, make_fly, refused, train, workplace};
use support::{kenyon_in, kenyon_json};

/// The config without noise, which no board has.
fn silent() -> String {
    CONFIG.replace("noise = 0.02", "noise = 0.0")
}

#[test]
fn every_way_to_decide_and_time_constants_of_each_sign_are_lowered_exactly() {
    let changes = [
        ("[train]", "[loss]\ndecision = \"window\"\nwindow_ms = [20.0, 50.0]\n\n[train]"),
        ("[train]", "[loss]\ndecision = \"count\"\n\n[train]"),
        ("[train]", "[loss]\ndecision = \"mean\"\n\n[train]"),
        ("noise = 0.0", "tau_syn_by_nt_ms = { gaba = 7.0, glut = 7.0 }"),
    ];
    for (from, to) in changes {
        let dir = workplace(&silent().replace(from, to));
        let path = dir.path();
        train(path, "run");
        let certificate = kenyon_json(path, &["certify", "run", "-o", "out", "--max-loss", "100"]);
        let eval = kenyon_json(path, &["eval", "run", "--split", "test"]);
        let accuracy = &certificate["accuracy"];
        assert_eq!(accuracy["float"]["correct"], eval["correct"], "{to}");
        assert_eq!(accuracy["float"], accuracy["interpreter"], "{to}");
        let table = fs::read_to_string(path.join("out/samples.csv")).expect("a table");
        let rows = table.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>());
        let same = rows.filter(|row| row[2] == row[3]).count() as u64;
        assert_eq!(Some(same), accuracy["n"].as_u64(), "{to}: an answer of the lowered network is another");
        kenyon_json(path, &["certify", "verify", "out"]);
    }
}

#[test]
fn what_no_cell_can_do_is_refused() {
    // Two inhibitory transmitters of different time constants at one neuron.
    let dir = workplace(&silent().replace("noise = 0.0", "tau_syn_by_nt_ms = { gaba = 7.0, glut = 30.0 }"));
    train(dir.path(), "run");
    let uncovered = |dir: &Path, args: &[&str]| {
        let ran = kenyon_in(dir, &[&["certify", "run", "-o", "out"], args].concat());
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        let document: Value = serde_json::from_slice(&fs::read(dir.join("out/certificate.json")).expect("there")).expect("JSON");
        assert_eq!((&document["verdict"], &document["reason"]["code"]), (&"not_covered".into(), &"cannot-lower".into()));
        document["reason"]["text"].as_str().unwrap_or_default().to_string()
    };
    let text = uncovered(dir.path(), &[]);
    assert!(text.contains("inhibitory synapses"), "{text}");
    // No integrator counts spikes.
    let dir = workplace(&silent().replace("[train]", "[loss]\ndecision = \"count\"\n\n[train]"));
    train(dir.path(), "run");
    let text = uncovered(dir.path(), &["--readout", "device"]);
    assert!(text.contains("counts spikes"), "{text}");
}

/// Share of the trained network's spikes that the board emits in the same step.
fn same_step(certificate: &Certificate) -> f64 {
    let spiking = certificate.populations.iter().filter(|p| p.spikes_float > 0);
    let (same, all) = spiking.fold((0.0, 0.0), |(same, all), p| {
        let spikes = p.spikes_float as f64;
        (same + p.identical_share.expect("spikes") * spikes, all + spikes)
    });
    same / all
}

#[test]
fn a_certificate_sees_each_mistake_of_the_reference_export() {
    let dir = workplace(&silent().replace("[\"wi\"]", "[\"wi\", \"i_c\"]").replace("epochs = 2", "epochs = 3"));
    train(dir.path(), "run");
    let loaded = Loaded::<f32>::open(&dir.path().join("run"), "best").expect("a run");
    let samples = loaded.samples(Part::Test, None);
    let lower = LowerOptions { decision: loaded.decision().expect("sound"), ..LowerOptions::default() };
    let options = CertifyOptions { lower, ..CertifyOptions::default() };
    let calibration = loaded.samples(Part::Validation, Some(16));
    let judged = |name: &str, options: &CertifyOptions, change: &dyn Fn(&mut Deployment)| {
        let mut deployment = of_run(&loaded, &calibration, &options.lower).expect("lowered");
        change(&mut deployment);
        same_step(&certify_lowered(&loaded, &deployment, &samples, options, &dir.path().join(name), &Silent).expect("certified"))
    };
    let right = judged("right", &options, &|_| ());
    assert!(right > 0.95, "{right}");
    let flipped = judged("flipped", &options, &|d| {
        let neurons = d.populations.iter_mut().filter_map(|p| p.cells.neurons_mut());
        neurons.flat_map(|n| &mut n.i_offset_na).for_each(|i| *i = -*i);
    });
    let uncompensated = CertifyOptions { board: Options { compensate_init: false, ..Options::LOWERED }, ..options.clone() };
    // As the reference has it: one mV for one unit, time constants and shifts as they come.
    let unscaled = CertifyOptions {
        lower: LowerOptions { v_scale: Some(1.0), ..options.lower.clone() },
        board: Options { nudge: false, ..Options::LOWERED },
        keep_shifts: true,
        ..options.clone()
    };
    let controls = [
        ("I_c added", flipped),
        ("no compensation", judged("uncompensated", &uncompensated, &|_| ())),
        ("G = 1", judged("unscaled", &unscaled, &|_| ())),
    ];
    for (name, share) in controls {
        assert!(share < right - 0.02, "{name}: {share} of the spikes in their step, {right} when it is right");
    }
}

/// Leaves the result that a back end would leave if it did what was expected, but for the first spike of each sample.
fn results_of_nest(export: &Path) {
    let network: Value = serde_json::from_slice(&fs::read(export.join("network.json")).expect("there")).expect("JSON");
    let (mut table, mut samples) = (String::from("sample,what,step,population,neuron,value\n"), Vec::new());
    for (k, sample) in network["samples"].as_array().expect("samples").iter().enumerate() {
        let expected = fs::read_to_string(export.join(sample["expected"]["file"].as_str().expect("a name"))).expect("a table");
        let mut lines = expected.lines();
        assert_eq!(lines.next(), Some("what,step,population,neuron,value"));
        for line in lines.skip(1) {
            table.extend([k.to_string().as_str(), ",", line, "\n"]);
        }
        samples.push(serde_json::json!({ "sample": k, "answer": sample["expected"]["answer"] }));
    }
    fs::write(export.join("result_nest.csv"), table).expect("written");
    let sha256 = kenyon_base::digest::sha256_file(&export.join("network.json")).expect("a hash");
    let result = serde_json::json!({ "versions": { "NEST": "3.10" }, "network_sha256": sha256, "samples": samples });
    fs::write(export.join("result_nest.json"), result.to_string()).expect("written");
}

#[test]
fn other_simulators_stand_beside_the_prediction_and_cannot_be_changed_later() {
    let dir = workplace(&silent());
    let path = dir.path();
    train(path, "run");
    kenyon_json(path, &["export", "pynn", "run", "-o", "pynn", "--samples", "3"]);
    results_of_nest(&path.join("pynn"));
    let certificate = kenyon_json(path, &["certify", "run", "-o", "out", "--max-loss", "100", "--compare", "pynn"]);
    let [row] = certificate["comparisons"].as_array().expect("a list").as_slice() else { panic!("{certificate}") };
    assert_eq!((row["backend"].as_str(), row["version"].as_str()), (Some("nest"), Some("NEST 3.10")));
    assert_eq!((row["samples"].as_u64(), row["same_answer"].as_u64()), (Some(3), Some(3)));
    assert!(row["matched_share"].as_f64().is_some_and(|share| share > 0.5 && share < 1.0), "{row}");
    assert_eq!(row["note"], "not evidence about the target");
    let page = fs::read_to_string(path.join("out/certificate.html")).expect("a page");
    assert!(page.contains("NEST 3.10"));
    kenyon_json(path, &["certify", "verify", "out"]);
    let text = fs::read_to_string(path.join("out/certificate.json")).expect("a document");
    fs::write(path.join("out/certificate.json"), text.replacen("\"same_answer\": 3", "\"same_answer\": 2", 1)).expect("written");
    let ran = kenyon_in(path, &["certify", "verify", "out"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);

    // Results of another network say nothing about this one.
    fs::write(path.join("train.toml"), silent().replace("0.01", "0.02")).expect("written");
    train(path, "other");
    let (code, error) = refused(path, &["certify", "other", "-o", "no", "--compare", "pynn"]);
    assert_eq!((code, error["code"].as_str()), (3, Some("other-network")), "{error}");
    assert!(!path.join("no").exists());
}

#[test]
#[ignore = "minutes: cargo test --test certify_networks -- --ignored --nocapture"]
fn intervals_hold_as_often_as_they_say() {
    let (mut held, mut all) = (0, 0);
    for seed in 1..=10 {
        let dir = tempfile::tempdir().expect("a temporary folder");
        make_fly(dir.path(), &seed.to_string());
        for odours in [6, 12] {
            let config =
                silent().replace("max_odors = 6", &format!("max_odors = {odours}")).replace("repeats = 20", "repeats = 60");
            fs::write(dir.path().join("train.toml"), config).expect("written");
            let run = format!("run{odours}");
            kenyon_json(dir.path(), &["train", "train.toml", "--run", &run, "--seed", &seed.to_string()]);
            let loaded = Loaded::<f32>::open(&dir.path().join(&run), "best").expect("a run");
            let samples = loaded.samples(Part::Test, None);
            // By turns, so that both halves hold every odour.
            let half = |odd: usize| samples.iter().copied().skip(odd).step_by(2).take(samples.len() / 2).collect::<Vec<_>>();
            let (first, second) = (half(0), half(1));
            let lower = LowerOptions { decision: loaded.decision().expect("sound"), ..LowerOptions::default() };
            let options = CertifyOptions { lower, max_loss: 1.0, ..CertifyOptions::default() };
            // The prediction is frozen before the samples that it is about are seen.
            let certified = |part: &[u32], name: &str| {
                certify(&loaded, part, &options, &dir.path().join(format!("{run}-{name}")), &Silent).expect("certified")
            };
            let predicted = certified(&first, "first").accuracy;
            let seen = certified(&second, "second").accuracy;
            let [low, high] = predicted.board_prediction.ci95;
            let inside = (low..=high).contains(&seen.emulator.value);
            eprintln!(
                "fly {seed}, {odours} odours: {:.3} predicted [{low:.3}, {high:.3}] from {} samples, then {:.3}{}",
                predicted.emulator.value,
                predicted.n,
                seen.emulator.value,
                if inside { "" } else { ": outside" }
            );
            held += u32::from(inside);
            all += 1;
        }
    }
    eprintln!("{held} of {all} intervals held");
    // 95 % intervals: fewer than 16 of 20 has a chance of 1 in 390.
    assert!(held >= 16, "{held} of {all}");
}
