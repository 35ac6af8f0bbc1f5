//! `kenyon validate protocol`, and memory images in `kenyon validate spinnaker`, from outside.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{kenyon_in, kenyon_json, repository};

/// The reference data of the board, or `None` with a note.
fn reference() -> Option<PathBuf> {
    let root =
        std::env::var_os("KENYON_REFERENCE_DATA").map_or_else(|| PathBuf::from(repository("../shared/data")), PathBuf::from);
    let folder = root.join("spinnaker");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no reference data");
    None
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn version(sequence: u16, hex: &str) -> Value {
    json!({"kind": "scp", "message": "GetVersion", "fields": {"x": 1, "y": 4, "p": 8}, "sequence": sequence, "hex": hex})
}

/// What a request for the version of core 8 on chip (1, 4) is, by hand.
const VERSION: &str = "87ff08ff04010000000031d2000000000000000000000000";

#[test]
fn every_reference_message_agrees() {
    let Some(folder) = reference() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = folder.join("protocol_vectors.json");
    let report = kenyon_json(dir.path(), &["validate", "protocol", text(&file)]);
    assert_eq!((report["passed"].as_u64(), report["failed"].as_u64()), (Some(140), Some(0)));
    assert_eq!(report["cases"].as_array().expect("cases").len(), 140);
    let messages = report["messages"].as_array().expect("messages");
    assert!(messages.iter().all(|m| m["vectors"] == m["encoded"] && m["vectors"] == m["decoded"]), "{messages:?}");
}

#[test]
fn a_message_that_differs_is_named_with_the_byte_and_exits_with_4() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let vectors = json!([version(0xd231, VERSION), version(0xd232, VERSION)]);
    fs::write(dir.path().join("v.json"), vectors.to_string()).expect("written");
    let ran = kenyon_in(dir.path(), &["validate", "protocol", "v.json", "--json"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((report["passed"].as_u64(), report["failed"].as_u64()), (Some(1), Some(1)));
    let cases = report["cases"].as_array().expect("cases");
    assert_eq!((cases.len(), &cases[0]["pass"], &cases[1]["name"]), (2, &json!(true), &json!("1 scp GetVersion")));
    assert!(cases[1]["encode"].as_str().expect("text").starts_with("byte 10 is 32, expected 31"), "{report}");
    assert!(cases[1]["decode"].is_string() && cases[1]["unit"] == "byte" && cases[1]["spikes_got"].is_null());
}

#[test]
fn what_is_no_file_of_messages_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for content in ["[]", "{}", "nonsense", r#"[{"kind": "scp"}]"#, r#"[{"kind": "scp", "message": "X", "unheard": 1}]"#] {
        fs::write(dir.path().join("v.json"), content).expect("written");
        let ran = kenyon_in(dir.path(), &["validate", "protocol", "v.json", "--json"]);
        assert_eq!((ran.code, ran.json()["error"]["code"].as_str()), (3, Some("bad-vectors")), "{content}");
    }
    let ran = kenyon_in(dir.path(), &["validate", "protocol", "v.json", "--dump", "d", "--json"]);
    assert_eq!(ran.code, 2);
    let ran = kenyon_in(dir.path(), &["validate", "spinnaker", ".", "--boot-image", "v.json", "--json"]);
    assert_eq!(ran.code, 2);
}

#[test]
fn a_changed_word_of_memory_or_route_fails_its_case() {
    let Some(folder) = reference() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let case = dir.path().join("saturate");
    fs::create_dir(&case).expect("made");
    for file in fs::read_dir(folder.join("saturate")).expect("a folder").flatten() {
        fs::write(case.join(file.file_name()), fs::read(file.path()).expect("read")).expect("written");
    }
    let whole: Value = serde_json::from_slice(&fs::read(case.join("network.json")).expect("read")).expect("JSON");
    let judge = |document: &Value| {
        fs::write(case.join("network.json"), document.to_string()).expect("written");
        let ran = kenyon_in(dir.path(), &["validate", "spinnaker", "saturate", "--json"]);
        (ran.code, ran.json()["cases"][0].clone())
    };
    let (code, sound) = judge(&whole);
    assert_eq!((code, sound["words_differing"].as_u64(), sound["packets"].as_u64()), (0, Some(0), Some(16 * 120)));
    assert_eq!(sound["words_compared"].as_u64(), Some(11 + 61 + 9 + 8 + 844));

    let mut changed = whole.clone();
    changed["populations"][1]["regions_hex"]["neuron_params"][4] = json!("00000001");
    let (code, case) = judge(&changed);
    assert_eq!((code, case["words_differing"].as_u64()), (4, Some(1)));
    assert!(case["note"].as_str().expect("text").contains("`neuron_params` of `pop` differs in 1 word"), "{case}");

    let mut changed = whole.clone();
    changed["routing_table_chip_0_0"][0]["route"] = json!("0x00000800");
    let (code, case) = judge(&changed);
    assert_eq!((code, &case["misrouted"]), (4, &json!(["in"])));

    let mut changed = whole;
    changed["populations"][1]["regions_hex"]["PopTable"][0] = json!("no word");
    let (code, case) = judge(&changed);
    assert!(code == 4 && case["note"].as_str().expect("text").contains("PopTable"), "{case}");
}
