//! `kenyon certify`: a run's bundle is complete, repeatable, and notices every change.

mod support;

use std::fs;
use std::path::Path;

use kenyon_base::Silent;
use kenyon_hardware::certificate::{Bundle, verify};
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

/// Files of a bundle.
const FILES: [&str; 9] = [
    "certificate.json",
    "certificate.html",
    "deployment.h5",
    "inputs.h5",
    "float_spikes.h5",
    "samples.csv",
    "choices.json",
    "comparisons.json",
    "SHA256SUMS",
];

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
    follows(&schema["$defs"]["certificate"], &schema, &certificate, "certificate");

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
        for file in FILES {
            let [a, b] = ["first", threads].map(|d| fs::read(path.join(d).join(file)).expect("written"));
            assert!(a == b, "{file} differs at {threads} threads");
        }
    }
    let verified = kenyon_json(path, &["certify", "verify", "first"]);
    assert_eq!((&verified["verified"]["run_again"], &verified["verdict"]), (&accuracy["n"], &Value::from("pass")));
    let beyond = verified["verified"]["not_checked"].to_string();
    assert!(beyond.contains("checkpoint") && beyond.contains("seeds") && !beyond.contains("van_rossum"), "{beyond}");

    // One changed byte of any file, one edited count, one swapped sample.
    let changes: [(&str, &str, Change); 12] = [
        ("float_spikes.h5", "float_spikes.h5", |d| spoil(&d.join("float_spikes.h5"))),
        ("choices.json", "choices.json", |d| edit(&d.join("choices.json"), "\"max_loss\": 1.0", "\"max_loss\": 0.5")),
        ("the bound", "max_loss", |d| edit(&d.join("certificate.json"), "\"max_loss\": 1.0", "\"max_loss\": 0.5")),
        ("the machine", "fit.cores", |d| {
            let cores = json(&d.join("certificate.json"))["fit"]["cores"].as_u64().expect("a number");
            edit(&d.join("certificate.json"), &format!("\"cores\": {cores},"), &format!("\"cores\": {},", cores - 1));
        }),
        ("deployment.h5", "deployment.h5", |d| spoil(&d.join("deployment.h5"))),
        ("inputs.h5", "inputs.h5", |d| spoil(&d.join("inputs.h5"))),
        ("samples.csv", "samples.csv", |d| spoil(&d.join("samples.csv"))),
        ("SHA256SUMS", "SHA256SUMS", |d| edit(&d.join("SHA256SUMS"), "  samples.csv", " samples.csv")),
        ("certificate.html", "certificate.html", |d| edit(&d.join("certificate.html"), "Verdict", "Verdikt")),
        ("a count", "accuracy.paired.both", |d| {
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
        assert!(ran.stderr.contains(named), "{name}: {}", ran.stderr);
        fs::remove_dir_all(&copy).expect("removed");
    }

    let (code, error) = refused(path, &["certify", "run", "-o", "first"]);
    assert_eq!((code, error["code"].as_str()), (2, Some("not-empty")));
    let (code, error) = refused(path, &["certify", "verify", "nowhere"]);
    assert_eq!((code, error["code"].as_str(), error["file"].as_str()), (3, Some("not-found"), Some("nowhere")));
}

/// Every place of a value in a document, lists standing for their first entries.
fn leaves(value: &Value, place: String, out: &mut Vec<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(key, inner)| leaves(inner, format!("{place}/{key}"), out)),
        Value::Array(list) => list.iter().take(2).enumerate().for_each(|(k, inner)| leaves(inner, format!("{place}/{k}"), out)),
        _ => out.push(place),
    }
}

#[test]
fn every_edited_field_is_named_though_the_page_were_edited_alike() {
    let dir = workplace(&CONFIG.replace("noise = 0.02", "noise = 0.0"));
    let path = dir.path();
    train(path, "run");
    let certificate = kenyon_json(path, &["certify", "run", "-o", "out", "--max-loss", "100"]);
    let mut bundle = Bundle::open(&path.join("out")).expect("a bundle");
    let mut places = Vec::new();
    leaves(&certificate, String::new(), &mut places);
    assert!(places.len() > 100, "{places:?}");
    for place in places {
        // That one is compared with the files' own when the bundle is opened.
        if place == "/inputs/bundle_sha256" {
            continue;
        }
        let mut edited = certificate.clone();
        let leaf = edited.pointer_mut(&place).expect("there");
        *leaf = match leaf.clone() {
            Value::Number(n) if n.is_f64() => (n.as_f64().expect("a number") * 0.5 + 0.125).into(),
            Value::Number(n) => (n.as_u64().expect("a count") + 1).into(),
            Value::Bool(b) => (!b).into(),
            Value::Null => 1.into(),
            Value::String(s) => match s.as_str() {
                "pass" => "fail".into(),
                "device" => "host".into(),
                "host" => "device".into(),
                "warning" | "error" => "info".into(),
                "info" => "warning".into(),
                _ => format!("{s}x").into(),
            },
            other => panic!("{place}: {other}"),
        };
        bundle.certificate = serde_json::from_value(edited).unwrap_or_else(|e| panic!("{place}: {e}"));
        let error = verify(&bundle, false, &Silent).expect_err(&place);
        let error = serde_json::to_value(&error).expect("plain data");
        assert_eq!(error["code"], "not-verified", "{place}");
        let key = error["key"].as_str().unwrap_or_default();
        let field = place.rsplit('/').find(|part| part.parse::<u32>().is_err()).expect("a field");
        let top = place.split('/').nth(1).expect("a field");
        assert!(key.starts_with(top) && key.contains(field), "{place}: {key}");
    }
}

#[test]
fn the_certificate_says_what_it_was_judged_by_and_what_turned() {
    let dir = workplace(&CONFIG.replace("noise = 0.02", "noise = 0.0"));
    let path = dir.path();
    train(path, "run");
    // The options as the specification names them.
    let args =
        ["certify", "run", "--out", "all", "--samples", "all", "--target", "spinnaker", "--max-loss", "100", "--seed", "9"];
    let all = kenyon_json(path, &args);
    let few = kenyon_json(path, &["certify", "run", "-o", "few", "--samples", "4", "--split", "validation", "--max-loss", "100"]);
    assert_eq!((&all["data"]["part"], &all["data"]["samples"]), (&Value::from("test"), &all["data"]["available"]));
    assert_eq!((&few["data"]["part"], &few["data"]["samples"]), (&Value::from("validation"), &Value::from(4)));
    assert!(few["data"]["available"].as_u64() > Some(4), "{few}");
    assert_eq!((&all["inputs"]["seed"], &all["inputs"]["run_seed"]), (&Value::from(9), &Value::from(1)));
    assert_eq!((&all["inputs"]["synthetic_circuit"], &all["max_loss"]), (&Value::from(true), &Value::from(1.0)));
    let page = fs::read_to_string(path.join("few/certificate.html")).expect("a page");
    assert!(page.contains("synthetic") && page.contains("in the validation part") && page.contains("100 points"));

    // Counted once more from the table.
    let table = fs::read_to_string(path.join("all/samples.csv")).expect("a table");
    let rows: Vec<Vec<f64>> =
        table.lines().skip(1).map(|row| row.split(',').map(|cell| cell.parse().unwrap_or(-1.0)).collect()).collect();
    let same = |a: f64, b: f64| (a - b).abs() < 0.5;
    let count = |of: &dyn Fn(&[f64]) -> bool| Value::from(rows.iter().filter(|row| of(row)).count());
    assert_eq!(all["accuracy"]["same_answer"]["interpreter"], count(&|row| same(row[2], row[3])));
    assert_eq!(all["accuracy"]["same_answer"]["emulator"], count(&|row| same(row[2], row[4])));
    assert_eq!(all["turned"], count(&|row| !same(row[2], row[4])));
    assert_eq!(all["margins"]["at_risk_own"], count(&|row| row[5] < 2.0 * row[6]));
    let worst = rows.iter().map(|row| row[6]).fold(0.0, f64::max);
    assert_eq!(all["at_risk"], count(&|row| row[5] < 2.0 * worst));
    // Only samples that their own error can turn did.
    assert!(rows.iter().all(|row| same(row[2], row[4]) || row[5] <= 2.0 * row[6]));
    let mut margins: Vec<f64> = rows.iter().map(|row| row[5]).collect();
    margins.sort_by(f64::total_cmp);
    assert_eq!(all["margins"]["margin"]["min"].as_f64(), margins.first().copied());
    assert_eq!(all["margins"]["margin"]["p50"].as_f64(), Some(margins[(margins.len() * 10).div_ceil(20) - 1]));
    assert_eq!(all["margins"]["readout_error"]["max"].as_f64(), Some(worst));
    // Trained and lowered network are told apart spike by spike.
    for p in all["populations"].as_array().expect("a list") {
        let [float, lowered, apart] =
            ["spikes_float", "spikes_interpreter", "mismatched_interpreter"].map(|key| p[key].as_u64().expect("a count"));
        assert!(float.abs_diff(lowered) <= apart && apart * 50 <= float, "{p}");
    }
}

#[test]
fn a_quick_look_says_what_it_leaves_out() {
    let dir = workplace(&CONFIG.replace("noise = 0.02", "noise = 0.0"));
    let path = dir.path();
    train(path, "run");
    let certificate = kenyon_json(path, &["certify", "run", "-o", "out", "--split", "train", "--max-loss", "100"]);
    assert!(certificate["accuracy"]["n"].as_u64() > Some(20), "{certificate}");
    let quick = kenyon_json(path, &["certify", "verify", "out", "--quick"]);
    assert_eq!(quick["verified"]["run_again"], 20);
    let left = quick["verified"]["not_checked"].to_string();
    for field in ["van_rossum_d2", "identical_share", "worst_sum", "spikes_sha256"] {
        assert!(left.contains(field), "{field}: {left}");
    }
    let text = kenyon_in(path, &["certify", "verify", "out", "--quick"]).ok();
    assert!(text.stdout.contains("not checked:") && text.stdout.contains("verdict of the certificate: pass"), "{}", text.stdout);
    // What the table tells is checked all the same.
    let drift = certificate["populations"][0]["drift_percent"].to_string();
    edit(&path.join("out/certificate.json"), &format!("\"drift_percent\": {drift}"), "\"drift_percent\": 12.5");
    let ran = kenyon_in(path, &["certify", "verify", "out", "--quick"]);
    assert!(ran.code == 4 && ran.stderr.contains("drift_percent"), "{}", ran.stderr);
}

#[test]
fn a_bound_that_does_not_hold_ends_with_exit_code_4() {
    let dir = workplace(CONFIG);
    train(dir.path(), "run");
    // So few samples show nothing: it is said how many would.
    let ran = kenyon_in(dir.path(), &["certify", "run", "-o", "out", "--samples", "3"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("too few to tell") && !ran.stderr.contains("--deploy-aware"), "{}", ran.stderr);
    assert!(ran.stderr.contains("with the same shares would be enough"), "{}", ran.stderr);
    assert!(dir.path().join("out/certificate.html").is_file());
    // The verdict is said in words; the bundle of a failed certificate is as sound as another.
    let verified = kenyon_in(dir.path(), &["certify", "verify", "out"]).ok();
    assert!(verified.stdout.contains("verdict of the certificate: fail"), "{}", verified.stdout);
    // A forged pass is not.
    let file = dir.path().join("out/certificate.json");
    edit(&file, "\"verdict\": \"fail\"", "\"verdict\": \"pass\"");
    let ran = kenyon_in(dir.path(), &["certify", "verify", "out"]);
    assert!(ran.code == 4 && ran.stderr.contains("verdict"), "{}", ran.stderr);
    let none = kenyon_in(dir.path(), &["certify", "run", "-o", "none", "--max-loss", "0", "--samples", "3"]);
    assert!(none.code == 4 && none.stderr.contains("no number of samples would be enough"), "{}", none.stderr);
}

#[test]
fn wrong_options_are_named_and_remedies_can_be_followed() {
    let dir = workplace(CONFIG);
    train(dir.path(), "run");
    let ran = |args: &[&str]| kenyon_in(dir.path(), &[&["certify", "run", "-o", "x"], args].concat());
    for (args, option) in [
        (["--max-loss", "NaN"], "--max-loss"),
        (["--samples", "0"], "--samples"),
        (["--samples", "some"], "--samples"),
        (["--weight-scale", "3"], "--weight-scale"),
        (["--weight-scale", "0.5"], "--weight-scale"),
        (["--target", "loihi"], "--target"),
    ] {
        let ran = ran(&args);
        assert!(ran.code == 2 && ran.stderr.contains(option), "{args:?}: {}", ran.stderr);
    }
    assert_eq!(kenyon_in(dir.path(), &["certify"]).code, 2);
    let large = ran(&["--weight-scale", "65536"]);
    assert!(large.stderr.contains("`--weight-scale`") && !large.stderr.contains("v_scale"), "{}", large.stderr);
    for inside in ["run/certificate", "run/a/b", "./run/../run/c"] {
        let (code, error) = refused(dir.path(), &["certify", "run", "-o", inside]);
        assert_eq!((code, error["code"].as_str()), (2, Some("output-in-run")), "{error}");
    }
    assert!(!dir.path().join("x").exists());
}

#[test]
fn what_the_emulator_does_not_cover_gets_a_document_without_numbers() {
    let dir = workplace(&CONFIG.replace("noise = 0.02", "model = \"lif2\""));
    let path = dir.path();
    train(path, "run");
    let ran = kenyon_in(path, &["certify", "run", "-o", "out", "--json"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let document = json(&path.join("out/certificate.json"));
    let schema: Value = serde_json::from_str(kenyon_hardware::certificate::SCHEMA).expect("JSON");
    follows(&schema["$defs"]["not_covered"], &schema, &document, "not_covered");
    assert_eq!((&document["verdict"], &document["reason"]["code"]), (&Value::from("not_covered"), &Value::from("cannot-lower")));
    assert!(document.get("accuracy").is_none() && document["inputs"]["checkpoint_sha256"] != "0".repeat(64));
    assert!(fs::read_to_string(path.join("out/certificate.html")).expect("a page").contains("not covered"));
    let verified = kenyon_json(path, &["certify", "verify", "out"]);
    assert_eq!((&verified["verdict"], &verified["verified"]), (&document["verdict"], &Value::Null));
    edit(&path.join("out/certificate.html"), "not covered", "pass");
    assert_eq!(kenyon_in(path, &["certify", "verify", "out"]).code, 4);
}
