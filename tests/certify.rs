//! `kenyon certify`: a run's bundle is complete, repeatable, and notices every change.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::training::{CONFIG, refused, train, workplace};
use support::{kenyon_in, kenyon_json};

/// The object of a JSON file.
fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("there")).expect("JSON")
}

/// Every key of `value` is one of the schema's and every key of the schema is there, at every depth.
fn follows(schema: &Value, root: &Value, value: &Value, place: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => &root["$defs"][reference.rsplit('/').next().expect("a name")],
        None => schema,
    };
    if let Some(properties) = schema["properties"].as_object() {
        let object = value.as_object().unwrap_or_else(|| panic!("{place} is no object"));
        assert_eq!(object.keys().collect::<Vec<_>>(), properties.keys().collect::<Vec<_>>(), "{place}");
        for (key, inner) in properties {
            follows(inner, root, &value[key], &format!("{place}.{key}"));
        }
    }
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        follows(&schema["items"], root, item, &format!("{place}[{i}]"));
    }
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{place}: {value}");
    }
}

/// What happens to a bundle.
type Change = fn(&Path);

/// Changes one byte in the middle of a file.
fn spoil(path: &Path) {
    let mut bytes = fs::read(path).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("written");
}

/// Replaces text in a file, which must hold it.
fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("text");
    assert!(text.contains(from), "{from} is not in {}", path.display());
    fs::write(path, text.replacen(from, to, 1)).expect("written");
}

#[test]
fn a_certificate_is_complete_repeatable_and_notices_every_change() {
    let dir = workplace(&CONFIG.replace("noise = 0.02", "noise = 0.0"));
    let path = dir.path();
    train(path, "run");
    let certificate = kenyon_json(path, &["certify", "run", "-o", "first", "--max-loss", "100"]);
    assert_eq!(certificate, json(&path.join("first/certificate.json")));
    let schema: Value = serde_json::from_str(kenyon_hardware::certificate::SCHEMA).expect("JSON");
    follows(&schema, &schema, &certificate, "certificate");

    // The lowered network is the trained one, and the counts are those of the table.
    let accuracy = &certificate["accuracy"];
    assert_eq!(accuracy["float"], accuracy["interpreter"]);
    let eval = kenyon_json(path, &["eval", "run", "--split", "test"]);
    assert_eq!((&accuracy["n"], &accuracy["float"]["correct"]), (&eval["samples"], &eval["correct"]));
    let rows = fs::read_to_string(path.join("first/samples.csv")).expect("a table");
    assert_eq!(rows.lines().count() as u64, 1 + accuracy["n"].as_u64().expect("a number"));

    // The same bits at any number of threads.
    for threads in ["1", "2", "4"] {
        kenyon_in(path, &["certify", "run", "-o", threads, "--max-loss", "100", "--threads", threads]).ok();
        for file in ["certificate.json", "certificate.html", "deployment.h5", "inputs.h5", "samples.csv", "SHA256SUMS"] {
            let [a, b] = ["first", threads].map(|d| fs::read(path.join(d).join(file)).expect("written"));
            assert!(a == b, "{file} differs at {threads} threads");
        }
    }
    let verified = kenyon_json(path, &["certify", "verify", "first"]);
    assert_eq!(verified["verified"]["run_again"], accuracy["n"]);

    // One changed byte of any file, one edited count, one swapped sample.
    let changes: [(&str, &str, Change); 8] = [
        ("deployment.h5", "deployment.h5", |d| spoil(&d.join("deployment.h5"))),
        ("inputs.h5", "inputs.h5", |d| spoil(&d.join("inputs.h5"))),
        ("samples.csv", "samples.csv", |d| spoil(&d.join("samples.csv"))),
        ("SHA256SUMS", "SHA256SUMS", |d| edit(&d.join("SHA256SUMS"), "  samples.csv", " samples.csv")),
        ("certificate.html", "certificate.html", |d| edit(&d.join("certificate.html"), "Verdict", "Verdikt")),
        ("a count", "accuracy", |d| {
            let certificate = json(&d.join("certificate.json"));
            let both = certificate["accuracy"]["paired"]["both"].as_u64().expect("a number");
            edit(&d.join("certificate.json"), &format!("\"both\": {both}"), &format!("\"both\": {}", both + 1));
        }),
        ("the spikes", "spikes_sha256", |d| {
            let certificate = json(&d.join("certificate.json"));
            let sha = certificate["spikes_sha256"].as_str().expect("a hash").to_string();
            let other = sha.replace('a', "b").replace('c', "d");
            edit(&d.join("certificate.json"), &sha, &other);
        }),
        ("a sample", "samples.csv", |d| {
            let file = d.join("samples.csv");
            let text = fs::read_to_string(&file).expect("a table");
            let mut lines: Vec<&str> = text.lines().collect();
            lines.swap(1, 2);
            fs::write(&file, lines.join("\n") + "\n").expect("written");
        }),
    ];
    for (name, named, change) in changes {
        let copy = path.join("copy");
        fs::create_dir(&copy).expect("created");
        for file in fs::read_dir(path.join("first")).expect("a folder").flatten() {
            fs::copy(file.path(), copy.join(file.file_name())).expect("copied");
        }
        change(&copy);
        let ran = kenyon_in(path, &["certify", "verify", "copy"]);
        assert_eq!(ran.code, 4, "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(named) || ran.stderr.contains("certificate.html"), "{name}: {}", ran.stderr);
        fs::remove_dir_all(&copy).expect("removed");
    }

    let (code, error) = refused(path, &["certify", "run", "-o", "first"]);
    assert_eq!((code, error["code"].as_str()), (2, Some("not-empty")));
    let (code, error) = refused(path, &["certify", "verify", "nowhere"]);
    assert_eq!((code, error["code"].as_str()), (3, Some("not-found")));
}

#[test]
fn a_bound_that_does_not_hold_ends_with_exit_code_4() {
    let dir = workplace(CONFIG);
    train(dir.path(), "run");
    // So few samples cannot show a loss of nothing.
    let ran = kenyon_in(dir.path(), &["certify", "run", "-o", "out", "--max-loss", "0", "--samples", "3"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("points lower than trained") && dir.path().join("out/certificate.html").is_file(),
        "{}",
        ran.stderr
    );
    let usage = kenyon_in(dir.path(), &["certify", "run", "-o", "x", "--max-loss", "NaN"]);
    assert_eq!(usage.code, 2, "{}", usage.stderr);
    assert_eq!(kenyon_in(dir.path(), &["certify"]).code, 2);
}
