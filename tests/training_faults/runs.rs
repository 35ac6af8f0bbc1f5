//! Where metrics are read from.

use std::fs;
use std::path::Path;

use kenyon::run::{CheckpointManifest, journal};
use kenyon::training::optimiser::schedule::ScheduleSpec;

use super::support::training::{CONFIG, checkpoints, pointed, train, workplace};
use super::support::{kenyon_in, kenyon_json};

#[test]
fn fault_23_the_best_checkpoint_follows_from_manifests_and_never_from_file_names() {
    let dir = workplace(&CONFIG.replace("epochs = 2", "epochs = 3\nkeep = 9"));
    train(dir.path(), "run");
    let run = dir.path().join("run");
    let accuracies: Vec<(u64, f64)> = journal::read(&run.join("journal.jsonl"))
        .unwrap()
        .iter()
        .filter(|r| r.event == "epoch")
        .map(|r| (r.step, r.values["validation/accuracy"].unwrap()))
        .collect();
    let first_best = accuracies.iter().fold(accuracies[0], |best, &next| if next.1 > best.1 { next } else { best });
    for (file, (step, accuracy)) in checkpoints(&run).iter().zip(&accuracies) {
        let manifest = CheckpointManifest::read(file).unwrap();
        assert_eq!((manifest.step, manifest.metrics["validation/accuracy"]), (*step, Some(*accuracy)));
        assert_eq!(file.file_name().unwrap().to_str().unwrap(), format!("step-{step:012}.safetensors"));
    }
    assert_eq!(CheckpointManifest::read(&pointed(&run, "best")).unwrap().step, first_best.0);
    // A name that boasts changes nothing.
    let worst = checkpoints(&run)[0].clone();
    let boast = run.join("checkpoints/epoch=9-val_acc=0.99.safetensors");
    fs::copy(&worst, &boast).unwrap();
    let best = kenyon_json(dir.path(), &["eval", "run"]);
    assert_eq!(best["step"], first_best.0);
    let named = kenyon_json(dir.path(), &["eval", "run", "--checkpoint", "epoch=9-val_acc=0.99.safetensors"]);
    assert_eq!(named["step"], accuracies[0].0);
}

#[test]
fn the_journal_holds_the_rate_of_every_step_and_group_as_the_schedule_has_it() {
    let schedule = "lr = 0.01\nschedule = { kind = \"cosine\", warm_up_epochs = 0.5, final_factor = 0.01 }\n\n\
                    [[optimiser.groups]]\nparameters = [\"w_readout\"]\nlr = 0.2\n\n\
                    [[optimiser.groups]]\nparameters = [\"i_c\", \"leak\"]\nlr = 0.003\n";
    let dir = workplace(&CONFIG.replace("lr = 0.01\n", schedule));
    train(dir.path(), "run");
    let records = journal::read(&dir.path().join("run/journal.jsonl")).unwrap();
    let steps: Vec<_> = records.iter().filter(|r| r.event == "train").collect();
    let schedule = ScheduleSpec::Cosine { warm_up_epochs: 0.5, final_factor: 0.01 }.build(21, 42);
    assert_eq!(steps.len(), 42);
    for (record, step) in steps.iter().zip(0..) {
        let factor = schedule.factor(step);
        for (name, base) in [("train/lr", 0.01), ("train/lr/w_readout", 0.2), ("train/lr/i_c+leak", 0.003)] {
            let found = record.values[name].unwrap();
            assert!((found - base * factor).abs() < 1e-15, "step {step}: `{name}` is {found}, not {}", base * factor);
        }
    }
}

/// Median over the steps of a run of what they waited for their samples, and of what they took.
fn waits(run: &Path) -> (f64, f64) {
    let records = journal::read(&run.join("journal.jsonl")).unwrap();
    let median = |name: &str| {
        let mut all: Vec<f64> = records.iter().filter(|r| r.event == "train").map(|r| r.timing[name]).collect();
        all.sort_unstable_by(f64::total_cmp);
        all[all.len() / 2]
    };
    (median("wait"), median("step"))
}

#[test]
fn fault_21_training_does_not_wait_for_its_samples_generated_or_stored() {
    let dir = workplace(&CONFIG.replace("batch_size = 4", "batch_size = 16").replace("repeats = 20", "repeats = 60"));
    let path = dir.path();
    train(path, "generated");
    let recipe = fs::read_to_string(path.join("train.toml")).unwrap();
    let (head, rest) = recipe.split_once("[odors]").unwrap();
    let (odors, rest) = rest.split_once("[network]").unwrap();
    fs::write(path.join("recipe.toml"), odors).unwrap();
    kenyon_json(path, &["odors", "make", "recipe.toml", "--circuit", "circuit.h5", "-o", "odors.h5"]);
    fs::write(path.join("train.toml"), format!("{head}data = \"odors.h5\"\n\n[network]{rest}")).unwrap();
    train(path, "stored");
    for run in ["generated", "stored"] {
        let (wait, step) = waits(&path.join(run));
        eprintln!("{run}: {:.3} ms of waiting, {:.1} ms a step", wait * 1e3, step * 1e3);
        // A twentieth is what is asked for; the rest is for machines that others use, too.
        assert!(wait <= 0.25 * step, "{run}: {wait} s of waiting for a step of {step} s");
    }
}

#[test]
fn training_tells_every_epoch_how_it_goes_unless_it_is_to_be_quiet() {
    // Strong weights and biases that excite: local neurons fire without end, and that is told.
    let text = CONFIG.replace("[network]", "[network]\ni_c = [-1.0, -1.0]\ntau_mem_ms = [3.0, 5.0]");
    let dir = workplace(&text);
    let told = kenyon_in(dir.path(), &["train", "train.toml", "--run", "run"]).ok().stderr;
    for epoch in ["epoch 1 of 2: loss ", "epoch 2 of 2: loss "] {
        let line = told.lines().find(|line| line.starts_with(epoch)).unwrap_or_else(|| panic!("no `{epoch}` in:\n{told}"));
        for word in ["accuracy", "spikes per neuron; validation loss", " %"] {
            assert!(line.contains(word), "{line}");
        }
    }
    assert!(told.contains("hint: at rest, without an odour: "), "{told}");
    let first = told.find("epoch 1 of 2").unwrap();
    let second = told.find("epoch 2 of 2").unwrap();
    assert!(told[first..second].contains("hint: `"), "a hint follows the epoch it is about:\n{told}");
    let quiet = kenyon_in(dir.path(), &["train", "train.toml", "--run", "again", "--quiet"]).ok().stderr;
    assert_eq!(quiet, "");
}
