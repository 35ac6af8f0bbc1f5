//! Images of a network on several cores equal what the released mapper wrote, read from its own report.
//!
//! `spynnaker_report/make.py` made the report.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod reference_network;

use std::fs;
use std::path::{Path, PathBuf};

use kenyon_hardware::spinnaker::image::report::{MappingReport, compare_report};
use kenyon_hardware::spinnaker::{Options, Quantised, quantise};
use serde_json::Value;
use tempfile::TempDir;

fn network() -> (Quantised, Vec<String>) {
    let json = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spynnaker_report/network.json");
    let json: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let network = quantise(&reference_network::deployment(&json), &Options::AS_WRITTEN).unwrap();
    let labels = network.populations.iter().map(|p| p.label.clone()).collect();
    (network, labels)
}

/// The report in a folder of its own, as the mapper leaves it.
fn report() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("2026-01-01/run_1");
    fs::create_dir_all(&run).unwrap();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spynnaker_report/report.zip");
    zip::ZipArchive::new(fs::File::open(archive).unwrap()).unwrap().extract(&run).unwrap();
    (folder, run)
}

#[test]
fn several_cores_have_the_regions_and_routes_of_the_released_mapper() {
    let (folder, run) = report();
    let (network, labels) = network();
    let report = MappingReport::read(&run).unwrap();
    assert_eq!(MappingReport::read(folder.path()).unwrap(), report, "found from the folder of all reports");
    let places: Vec<_> = report.cores.iter().map(|c| (c.label.as_str(), c.first, c.n)).collect();
    assert_eq!(places, [("in", 0, 300), ("a", 0, 256), ("a", 256, 44), ("b", 0, 5)]);
    let found = compare_report(&report, &network, &labels).unwrap();
    for region in &found.regions {
        assert_eq!(region.different, 0, "{region:?}");
    }
    assert!(found.agrees(), "{:?}", found.misrouted);
    // Three cores of neurons; their parameters are made on the board.
    assert_eq!((found.cores, found.regions.len(), found.not_in_report, found.packets), (4, 12, 3, 605));
}

#[test]
fn a_changed_weight_and_a_changed_route_are_found() {
    let (_folder, run) = report();
    let (mut network, labels) = network();
    let mut report = MappingReport::read(&run).unwrap();
    let synapse = network.projections[0].synapses.iter_mut().find(|s| s.post >= 256).unwrap();
    synapse.weight ^= 1;
    let found = compare_report(&report, &network, &labels).unwrap();
    let different: Vec<_> = found.regions.iter().filter(|r| r.different > 0).collect();
    assert_eq!(different.len(), 1);
    assert_eq!((different[0].region, different[0].first_neuron, different[0].different), ("SynBlocks", 256, 1));
    let entries = report.tables.0.get_mut(&(0, 0)).unwrap();
    entries[1].route ^= 1 << 6;
    let found = compare_report(&report, &network, &labels).unwrap();
    assert_eq!(found.misrouted.len(), 1);
    assert!(!found.agrees());
}

#[test]
fn another_network_and_a_damaged_report_are_refused() {
    let (folder, run) = report();
    let (mut network, mut labels) = network();
    let report = MappingReport::read(&run).unwrap();
    network.populations[1].n = 299;
    assert_eq!(compare_report(&report, &network, &labels).unwrap_err().code(), "other-network");
    labels[1] = "unheard".into();
    assert_eq!(compare_report(&report, &network, &labels).unwrap_err().code(), "other-network");
    let database = run.join("ds.sqlite3");
    let whole = fs::read(&database).unwrap();
    for length in [0, 99, 5000, whole.len() / 2, whole.len() - 4096] {
        fs::write(&database, &whole[..length]).unwrap();
        assert_eq!(MappingReport::read(&run).unwrap_err().exit_code(), 3, "{length} bytes");
    }
    // Any byte of a page's head may be wrong: an error or other rows, never a panic.
    for page in 0..whole.len() / 4096 {
        for at in 0..12 {
            let mut damaged = whole.clone();
            damaged[page * 4096 + at + if page == 0 { 100 } else { 0 }] ^= 0x15;
            fs::write(&database, damaged).unwrap();
            let _ = MappingReport::read(&run);
        }
    }
    fs::remove_file(&database).unwrap();
    assert_eq!(MappingReport::read(folder.path()).unwrap_err().code(), "no-report");
}
