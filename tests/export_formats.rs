//! `kenyon export nir` and `kenyon export sonata`, from a trained run to files.

mod support;

use std::fs;

use kenyon_hardware::nir::{Graph, Kind};
use kenyon_hardware::{Deployment, sonata};
use serde_json::Value;
use support::training::{CONFIG, refused, train, workplace};
use support::{kenyon_in, kenyon_json};

#[test]
fn a_run_goes_out_as_nir_for_every_reader_and_as_sonata() {
    let dir = workplace(CONFIG);
    train(dir.path(), "first");
    kenyon_json(dir.path(), &["export", "deployment", "first", "-o", "first.h5", "--samples", "2"]);
    let d = Deployment::read(&dir.path().join("first.h5")).expect("read");

    for profile in ["canonical", "norse", "snntorch"] {
        let file = format!("{profile}.nir");
        let args = ["export", "nir", "first", "-o", &file, "--profile", profile, "--samples", "2"];
        let done = kenyon_json(dir.path(), &args)["export"].clone();
        assert_eq!((done["profile"].as_str(), done["samples"].as_u64()), (Some(profile), Some(2)));
        assert_eq!(done["synapses"].as_u64(), Some(d.synapses() as u64));
        let graph = Graph::read(&dir.path().join(&file)).expect("read");
        assert_eq!(Some(graph.nodes.len() as u64), done["nodes"].as_u64());
        let neurons: usize = graph.nodes.values().filter(|n| n.kind == Kind::CubaLif).map(|n| n.arrays["r"].len()).sum();
        let hidden: usize = d.populations.iter().filter(|p| p.role == kenyon_hardware::Role::Hidden).map(|p| p.ids.len()).sum();
        assert_eq!(neurons as u64, hidden as u64 + done["relays"].as_u64().expect("a number"));
    }
    let text = kenyon_in(dir.path(), &["export", "nir", "first", "-o", "canonical.nir"]).ok();
    assert!(text.stdout.contains("neurons") && text.stderr.contains("replaced: canonical.nir"), "{}{}", text.stdout, text.stderr);

    let done: Value = kenyon_json(dir.path(), &["export", "sonata", "first", "-o", "sonata", "--samples", "2"]);
    assert_eq!(done["export"]["edges"].as_u64(), Some(d.synapses() as u64));
    assert_eq!(sonata::read(&dir.path().join("sonata")).expect("read"), d, "the same network as a deployment file");

    let (code, error) = refused(dir.path(), &["export", "sonata", "first", "-o", "sonata"]);
    assert_eq!((code, error["code"].as_str()), (2, Some("not-empty")));
    fs::write(dir.path().join("keep.csv"), "mine").expect("written");
    let (code, _) = refused(dir.path(), &["export", "nir", "nowhere", "-o", "x.nir"]);
    assert_eq!(code, 3);
    assert!(!dir.path().join("x.nir").exists());
}

#[test]
fn neuroml_is_said_not_to_be_written() {
    let help = kenyon_in(std::path::Path::new("."), &["export", "--help"]).ok();
    assert!(help.stdout.contains("NeuroML is not written"), "{}", help.stdout);
    assert_eq!(kenyon_in(std::path::Path::new("."), &["export", "neuroml", "first", "-o", "x"]).code, 2);
    assert_eq!(kenyon_in(std::path::Path::new("."), &["export", "nir", "first", "-o", "x", "--profile", "lava"]).code, 2);
}
