//! A deployment written and read back is the same, as HDF5 and as JSON; a damaged or senseless one is refused with its place.

mod support;

use kenyon_hardware::Deployment;
use support::Model;

/// What happens to a deployment.
type Spoil = fn(&mut Deployment);

fn sample() -> Deployment {
    let model = Model::random(5, 40);
    let mut d = model.lower(64.0, 2);
    d.populations[1].names = (0..d.populations[1].ids.len()).map(|i| format!("KCγ-{i}\u{202e} \"x\"")).collect();
    d.host_readout = Some(model.host_readout());
    d.sources = vec![("circuit".into(), "0".repeat(64))];
    d
}

#[test]
fn it_reads_back_as_it_was_written() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let d = sample();
    for name in ["d.h5", "d.json"] {
        let path = dir.path().join(name);
        d.write(&path).expect("written");
        assert_eq!(Deployment::read(&path).expect("read"), d, "{name}");
    }
}

#[test]
fn the_same_deployment_gives_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let paths = ["a.h5", "b.h5"].map(|n| dir.path().join(n));
    for path in &paths {
        sample().write(path).expect("written");
    }
    let [a, b] = paths.map(|p| std::fs::read(p).expect("read"));
    assert!(a == b);
}

#[test]
fn what_no_neuron_can_have_is_neither_written_nor_read() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cases: [(&str, Spoil); 6] = [
        ("E1", |d| d.projections[1].synapses[0].weight = f64::NAN),
        ("E2", |d| d.populations[1].cells.neurons_mut().expect("neurons").tau_m_ms[4] = 0.0),
        ("E4", |d| d.projections[0].synapses[0].delay_steps = 0.0),
        ("E4", |d| d.projections[0].synapses[0].delay_steps = 1.5),
        ("E5", |d| d.projections[0].synapses[0].weight = -1.0),
        ("does not exist", |d| d.projections[0].synapses[0].post = 4_000),
    ];
    for (word, spoil) in cases {
        let mut d = sample();
        spoil(&mut d);
        let path = dir.path().join("bad.json");
        let error = d.write(&path).expect_err(word);
        assert!(error.to_string().contains(word) && error.exit_code() == 3, "{word}: {error}");
        assert!(!path.exists());
        std::fs::write(&path, serde_json::to_string(&d).expect("plain data")).expect("written");
        let error = Deployment::read(&path).expect_err(word);
        assert!(error.exit_code() == 3 && error.to_string().contains("bad.json"), "{word}: {error}");
        std::fs::remove_file(&path).expect("removed");
    }
}

#[test]
fn a_file_with_a_changed_byte_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("d.h5");
    sample().write(&path).expect("written");
    let mut bytes = std::fs::read(&path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    assert_eq!(Deployment::read(&path).expect_err("damaged").code(), "checksum");
}
