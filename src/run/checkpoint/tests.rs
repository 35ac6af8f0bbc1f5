use std::process::Command;

use super::*;

fn sample() -> Checkpoint {
    let mut checkpoint = Checkpoint::new("snn", 5, "abc");
    checkpoint.tensors.insert("param/w".into(), TensorData::new(&[2, 3], &[0.1_f32, -2.0, 3.5, 0.0, -0.0, 1e-40]));
    checkpoint.tensors.insert("param/bias".into(), TensorData::vector(&[0.25_f64, 1.0 / 3.0]));
    checkpoint.tensors.insert("optimiser/first/w".into(), TensorData::new(&[2, 3], &[0.5_f32; 6]));
    checkpoint.set_neurons(&[720_575_940_612_345_679, 720_575_940_612_345_681]);
    checkpoint.set_types(&["PN".to_string(), "KC".to_string()], &[1, 0]);
    checkpoint.manifest.step = 12;
    checkpoint.manifest.splits.insert("train".into(), "d1".into());
    checkpoint.manifest.metrics.insert("accuracy".into(), Some(0.1 + 0.2));
    checkpoint.put_state("rng", &BTreeMap::from([("noise", u64::MAX)]));
    checkpoint
}

fn path() -> &'static Path {
    Path::new("step-12.safetensors")
}

fn expected() -> BTreeMap<String, (DType, Vec<usize>)> {
    BTreeMap::from([("w".to_string(), (DType::F32, vec![2, 3])), ("bias".to_string(), (DType::F64, vec![2]))])
}

#[test]
fn a_checkpoint_comes_back_whole_and_its_bytes_repeat() {
    let checkpoint = sample();
    let bytes = checkpoint.encode().unwrap();
    assert_eq!(bytes, sample().encode().unwrap());
    let back = Checkpoint::decode(bytes.clone(), path()).unwrap();
    assert_eq!(back.tensors, checkpoint.tensors);
    assert_eq!(back.manifest.metrics, checkpoint.manifest.metrics);
    assert_eq!(back.state::<BTreeMap<String, u64>>("rng").unwrap()["noise"], u64::MAX);
    assert_eq!(back.neurons().unwrap(), [720_575_940_612_345_679, 720_575_940_612_345_681]);
    assert_eq!(back.encode().unwrap(), bytes);
    assert_eq!(back.weights_sha256(), checkpoint.weights_sha256());
}

#[test]
fn every_changed_byte_and_every_cut_is_found_with_file_and_mend() {
    let bytes = sample().encode().unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let error = Checkpoint::decode(changed, path()).unwrap_err();
        assert_eq!(error.exit_code(), 3, "byte {at}");
        assert_eq!(error.path(), Some(path()));
        assert!(error.to_string().contains("use the one before"), "byte {at}: {error}");
    }
    for length in 0..bytes.len() {
        assert_eq!(Checkpoint::decode(bytes[..length].to_vec(), path()).unwrap_err().exit_code(), 3);
    }
}

#[test]
fn any_safetensors_reader_can_read_it() {
    let bytes = sample().encode().unwrap();
    let read = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(read.tensor("param/w").unwrap().shape(), [2, 3]);
    let loaded = candle_core::safetensors::load_buffer(&bytes, &candle_core::Device::Cpu);
    // candle has no u64: other readers do.
    assert!(loaded.is_ok() || loaded.unwrap_err().to_string().contains("U64"));
}

#[test]
fn tensors_that_do_not_fit_are_named_with_their_shapes() {
    let checkpoint = sample();
    checkpoint.check_tensors("param/", &expected()).unwrap();
    let mut other = expected();
    other.insert("w".into(), (DType::F32, vec![3, 2]));
    let text = checkpoint.check_tensors("param/", &other).unwrap_err().to_string();
    assert!(text.contains("param/w") && text.contains("f32[2,3]") && text.contains("f32[3,2]"), "{text}");
    let mut more = expected();
    more.insert("gain".into(), (DType::F32, vec![1]));
    let error = checkpoint.check_tensors("param/", &more).unwrap_err();
    assert!(error.code() == "missing-tensor" && error.to_string().contains("param/gain"), "{error}");
    let mut fewer = expected();
    fewer.remove("bias");
    let error = checkpoint.check_tensors("param/", &fewer).unwrap_err();
    assert!(error.code() == "unexpected-tensor" && error.to_string().contains("param/bias"), "{error}");
}

#[test]
fn other_neurons_are_refused_with_both_counts() {
    let checkpoint = sample();
    let ids = checkpoint.neurons().unwrap();
    checkpoint.check_neurons(&ids).unwrap();
    let error = checkpoint.check_neurons(&[ids[1], ids[0]]).unwrap_err();
    assert_eq!((error.code(), error.exit_code()), ("id-mismatch", 3));
    let text = checkpoint.check_neurons(&[ids[0], 1, 2]).unwrap_err().to_string();
    assert!(text.contains("2 neurons") && text.contains("3 neurons") && text.contains("1 of them"), "{text}");
}

#[test]
fn a_violated_constraint_or_a_nan_is_neither_saved_nor_loaded() {
    let mut broken = sample();
    broken.manifest.constraint_violations = 3;
    let error = broken.encode().unwrap_err();
    assert_eq!((error.code(), error.exit_code()), ("constraint", 4));
    let mut nan = sample();
    nan.tensors.insert("param/w".into(), TensorData::vector(&[1.0_f32, f32::NAN]));
    let text = nan.encode().unwrap_err().to_string();
    assert!(text.contains("element 1 of tensor `param/w` at step 12"), "{text}");
}

#[test]
fn a_newer_version_says_so() {
    let mut newer = sample();
    newer.manifest.version = 2;
    let error = Checkpoint::decode(newer.encode().unwrap(), path()).unwrap_err();
    assert_eq!(error.code(), "newer-version");
}

#[test]
fn a_write_that_fails_at_any_byte_leaves_the_last_good_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("step.safetensors");
    sample().write(&file).unwrap();
    let good = fs::read(&file).unwrap();
    let mut next = sample();
    next.manifest.step = 13;
    let bytes = next.encode().unwrap();
    for cut in (0..bytes.len()).step_by(97) {
        let error = commit_through(&file, |out| {
            out.write_all(&bytes[..cut])?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        })
        .unwrap_err();
        assert_eq!((error.code(), error.path()), ("cannot-write", Some(file.as_path())));
        assert_eq!(fs::read(&file).unwrap(), good);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary stays");
}

/// The child of the next test: writes a checkpoint that is larger than its limit.
#[test]
fn child_that_writes_more_than_it_may() {
    let Some(file) = std::env::var_os("KENYON_TEST_LIMITED_FILE") else { return };
    let mut large = sample();
    large.tensors.insert("param/large".into(), TensorData::vector(&vec![1.0_f32; 200_000]));
    let error = large.write(Path::new(&file)).unwrap_err();
    assert_eq!(error.code(), "cannot-write");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_or_a_kill_in_mid_write_leaves_the_last_good_file() {
    let me = std::env::current_exe().unwrap();
    let child = "run::checkpoint::tests::child_that_writes_more_than_it_may";
    // With the signal ignored the write fails as on a full disk; without, the process is killed inside the write.
    for (prelude, survives) in [("trap '' XFSZ; ", true), ("", false)] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("step.safetensors");
        sample().write(&file).unwrap();
        let good = fs::read(&file).unwrap();
        let status = Command::new("sh")
            .args(["-c", &format!("{prelude}ulimit -c 0; ulimit -f 64; exec \"$0\" --exact {child}")])
            .arg(&me)
            .env("KENYON_TEST_LIMITED_FILE", &file)
            .output()
            .unwrap()
            .status;
        assert_eq!(status.success(), survives, "{status}");
        assert_eq!(fs::read(&file).unwrap(), good);
        Checkpoint::read(&file).unwrap();
    }
}
