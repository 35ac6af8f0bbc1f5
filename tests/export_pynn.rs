//! `kenyon export pynn` on a trained run.

mod support;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use support::training::{CONFIG, refused, train, workplace};
use support::{kenyon_in, kenyon_json};

fn column(path: &Path, at: usize) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a table");
    text.lines().skip(1).map(|line| line.split(',').nth(at).expect("a column").to_string()).collect()
}

#[test]
fn a_trained_run_becomes_a_folder_that_says_what_it_is() {
    let dir = workplace(CONFIG);
    train(dir.path(), "run");
    for (readout, folder) in [("device", "on_device"), ("host", "on_host")] {
        let said = kenyon_json(dir.path(), &["export", "pynn", "run", "-o", folder, "--samples", "2", "--readout", readout]);
        assert_eq!(said["samples"], 2);
        assert!(said["lint"].as_array().expect("findings").iter().all(|f| f["severity"] != "error"));
        let out = dir.path().join(folder);
        let json: Value = serde_json::from_slice(&fs::read(out.join("network.json")).expect("there")).expect("JSON");
        assert_eq!(json["synthetic"], true);
        assert!(fs::read_to_string(out.join("README.md")).expect("there").contains("was synthetic"));
        let sources: HashSet<&str> = json["sources"].as_array().expect("a list").iter().filter_map(|s| s[0].as_str()).collect();
        assert!(sources.contains("circuit") && sources.contains("config"), "{sources:?}");
        let populations = json["populations"].as_array().expect("a list");
        let kc = populations.iter().position(|p| p["label"] == "KC").expect("Kenyon cells");
        // Every sender of the readout is a Kenyon cell.
        if readout == "device" {
            let at = populations.iter().position(|p| p["role"] == "readout").expect("a readout");
            let into = json["projections"].as_array().expect("a list").iter().filter(|p| p["post"] == at);
            let senders: HashSet<u64> = into.map(|p| p["pre"].as_u64().expect("an index")).collect();
            assert_eq!(senders, HashSet::from([kc as u64]));
        } else {
            let sources = json["host_readout"]["sources"].as_array().expect("a list");
            assert!(!sources.is_empty() && sources.iter().all(|s| s[0] == kc));
        }
        for projection in json["projections"].as_array().expect("a list") {
            let file = out.join(projection["file"].as_str().expect("a name"));
            assert!(column(&file, 2).iter().all(|w| w.parse::<f64>().expect("a number") > 0.0), "no weight is 0");
        }
    }
    let (code, error) = refused(dir.path(), &["export", "compare", "on_device"]);
    assert_eq!((code, error["code"].as_str()), (3, Some("no-result")));
    for wrong in [&["--machine", "a b"][..], &["--max-expected-summed-weight", "3,-1"], &["--max-expected-summed-weight", "3"]] {
        let args: Vec<&str> = ["export", "pynn", "run", "-o", "other"].into_iter().chain(wrong.iter().copied()).collect();
        assert_eq!(kenyon_in(dir.path(), &args).code, 2, "{wrong:?}");
        assert!(!dir.path().join("other").exists());
    }
    // Too small a sum: the largest weights would wrap.
    let (code, error) =
        refused(dir.path(), &["export", "pynn", "run", "-o", "other", "--max-expected-summed-weight", "0.001,0.001"]);
    assert_eq!((code, error["code"].as_str()), (4, Some("lint")), "{error}");
}
