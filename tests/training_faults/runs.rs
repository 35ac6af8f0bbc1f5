//! Where metrics are read from.

use std::fs;

use kenyon::run::{CheckpointManifest, journal};

use super::support::kenyon_json;
use super::support::training::{CONFIG, checkpoints, pointed, train, workplace};

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
