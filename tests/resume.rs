//! A run that is killed again and again ends with the same bytes as one that never was.
//!
//! The model is a small linear classifier; what is tested is what every training shares: run folder, lock, journal, sampler,
//! optimiser, checkpoints. The test starts itself as the process that is killed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use kenyon::run::{BestBy, Checkpoint, DType, Record, RunFolder, RunManifest, TensorData, journal, tensorboard};
use kenyon::training::optimiser::{Optimiser, OptimiserSpec, Parameter, ScheduleSpec};
use kenyon::training::sampler::Sampler;
use kenyon_base::{Result, Streams};
use rand::Rng;

const FOLDER: &str = "KENYON_TEST_RUN_FOLDER";
const STEPS: u64 = 90;
const SAMPLES: usize = 50;
const FEATURES: usize = 6;

fn features(sample: u32) -> [f64; FEATURES] {
    let mut random = Streams::new(3).indexed("features", u64::from(sample));
    std::array::from_fn(|_| random.random::<f64>() - 0.5)
}

fn optimiser() -> Result<Optimiser> {
    let mut spec = OptimiserSpec::adam(0.05);
    spec.schedule = ScheduleSpec::Cosine { warm_up_epochs: 1.0, final_factor: 0.0 };
    spec.clip.norm = Some(0.2);
    Optimiser::new(&spec, 13, STEPS)
}

/// Trains to the end, from the last checkpoint if there is one, as slowly as `pause` says.
fn train(folder: &Path, pause: Duration) -> Result<()> {
    let run = if folder.join("manifest.json").exists() {
        RunFolder::resume(folder, Some("steps = 90\n"))?
    } else {
        RunFolder::create(folder, "steps = 90\n", |_| Ok(RunManifest::new("test", 5)))?
    };
    let mut store = run.checkpoints(2, BestBy { metric: "loss".into(), higher_is_better: false })?;
    let classes: Vec<u32> = (0..SAMPLES as u32).map(|s| u32::from(features(s)[0] + features(s)[1] > 0.0)).collect();
    let (mut sampler, mut optimiser) = (Sampler::stratified(&classes, 4, 5)?, optimiser()?);
    let mut weights = vec![0.0_f64; FEATURES];
    let mut noise_draws = 0_u64;
    let from = store.load_last()?;
    if let Some(checkpoint) = &from {
        store.restore(&checkpoint.manifest)?;
        let shape = BTreeMap::from([("w".to_string(), (DType::F64, vec![FEATURES]))]);
        checkpoint.check_tensors("param/", &shape)?;
        weights = checkpoint.values("param/w")?;
        sampler.restore(&checkpoint.state("sampler")?)?;
        optimiser.restore(checkpoint)?;
        noise_draws = checkpoint.state("noise")?;
    }
    let mut recorder = run.recorder(from.as_ref())?;
    while optimiser.steps() < STEPS {
        let Some(batch) = sampler.next_batch() else { continue };
        let noise: f64 = Streams::new(5).indexed("noise", noise_draws).random();
        noise_draws += 1;
        let (mut gradient, mut loss) = (vec![0.0; FEATURES], 0.0);
        for &sample in &batch.samples {
            let (x, y) = (features(sample), f64::from(classes[sample as usize]));
            let p = 1.0 / (1.0 + (-x.iter().zip(&weights).map(|(a, b)| a * b).sum::<f64>()).exp());
            loss -= if y > 0.5 { p.ln() } else { (1.0 - p).ln() };
            gradient.iter_mut().zip(x).for_each(|(g, x)| *g += (p - y) * x + 1e-3 * noise);
        }
        optimiser.step(&mut [Parameter::f64("w", &mut weights, &gradient)])?;
        let step = optimiser.steps();
        recorder.record(&Record::new("train", batch.epoch, step).value("train/loss", loss).seconds("step", loss))?;
        if step % 7 == 0 || step == STEPS {
            let mut checkpoint = Checkpoint::new("test", 5, &run.manifest().config_sha256);
            checkpoint.manifest.step = step;
            checkpoint.manifest.epoch = batch.epoch;
            checkpoint.manifest.metrics.insert("loss".into(), Some(loss));
            checkpoint.tensors.insert("param/w".into(), TensorData::vector(&weights));
            checkpoint.put_state("sampler", &sampler.state());
            checkpoint.put_state("noise", &noise_draws);
            optimiser.store(&mut checkpoint);
            checkpoint.manifest.journal_lines = recorder.mark()?;
            store.save(&mut checkpoint)?;
        }
        sleep(pause);
    }
    Ok(())
}

/// The process that is killed.
#[test]
fn child_that_trains() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        train(&PathBuf::from(folder), Duration::from_millis(8)).unwrap();
    }
}

fn start(folder: &Path) -> Child {
    let me = std::env::current_exe().unwrap();
    let mut command = Command::new(me);
    command.args(["--exact", "child_that_trains"]).env(FOLDER, folder);
    command.stdout(std::process::Stdio::null()).spawn().unwrap()
}

fn checkpoints(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder.join("checkpoints")).unwrap().flatten();
    entries.map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap())).collect()
}

fn timeless(folder: &Path) -> Vec<Record> {
    journal::read(&folder.join("journal.jsonl")).unwrap().into_iter().map(Record::timeless).collect()
}

#[test]
fn a_run_killed_ten_times_ends_with_the_bytes_of_one_that_never_was() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));
    train(&whole, Duration::ZERO).unwrap();
    let mut random = Streams::new(11).stream("kills");
    let mut kills = 0;
    for _ in 0..10 {
        let mut child = start(&killed);
        sleep(Duration::from_millis(random.random_range(20..160)));
        child.kill().unwrap();
        let ended_by_itself = child.wait().unwrap().success();
        kills += u32::from(!ended_by_itself);
        if !killed.join("manifest.json").exists() {
            // Killed before the run had begun: there is nothing to resume.
            let _ = fs::remove_dir_all(&killed);
        }
    }
    assert!(start(&killed).wait().unwrap().success());
    assert!(kills > 3, "only {kills} processes were killed in time");
    assert_eq!(timeless(&killed), timeless(&whole));
    assert!(checkpoints(&killed) == checkpoints(&whole), "the checkpoints differ");
    let scalars = |folder: &Path| -> Vec<(u64, u32)> {
        let events = tensorboard::read(&folder.join(tensorboard::FILE_NAME)).unwrap();
        events.into_iter().map(|s| (s.step, s.value.to_bits())).collect()
    };
    assert_eq!(scalars(&killed), scalars(&whole));
    assert_eq!(scalars(&whole).len() as u64, STEPS);
    if let Some(keep) = std::env::var_os("KENYON_TEST_KEEP_RUN") {
        let _ = Command::new("cp").arg("-r").arg(&whole).arg(keep).status();
    }
}

#[test]
fn a_run_that_is_under_way_is_not_resumed_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path());
    while !dir.path().join("checkpoints").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the child runs");
        sleep(Duration::from_millis(2));
    }
    let error = RunFolder::resume(dir.path(), None).unwrap_err();
    assert_eq!((error.code(), error.exit_code()), ("run-locked", 1));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(RunFolder::resume(dir.path(), None).is_ok());
}
