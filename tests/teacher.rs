//! Teacher and student: a network that learns to repeat the traces of one that was trained before.

mod support;

use std::fs;
use std::path::Path;

use kenyon::run::journal;
use serde_json::Value;
use support::training::{CONFIG, make_fly, refused, train, workplace};
use support::{kenyon_in, kenyon_json};

/// A student of the run `teacher` that sees no label and trains what makes its neurons differ.
fn student(terms: &str) -> String {
    let free = CONFIG.replace("noise = 0.02", "noise = 0.0\ni_c = [-0.1, 0.1]").replace("[\"wi\"]", "[\"i_c\", \"leak\"]");
    free + "\n[loss]\nobjective_strength = 0.0\n" + terms
}

/// A workplace with a trained teacher and the student's config.
fn classroom(terms: &str) -> tempfile::TempDir {
    let dir = workplace(CONFIG);
    train(dir.path(), "teacher");
    fs::write(dir.path().join("train.toml"), student(terms)).expect("written");
    dir
}

const TERMS: &str = r#"
[[loss.teacher]]
run = "teacher"
population = "uPN"
fraction = 0.5
strength = 5.0

[[loss.teacher]]
run = "teacher"
trace = "filtered-spikes"
population = "KC"

[[loss.teacher]]
run = "teacher"
trace = "rate"

[[loss.teacher]]
run = "teacher"
trace = "out"
"#;

/// The values of a metric over the steps of a run.
fn course(run: &Path, metric: &str) -> Vec<f64> {
    let records = journal::read(&run.join("journal.jsonl")).expect("a journal");
    records.iter().filter_map(|r| r.values.get(metric).copied().flatten()).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("there")).expect("JSON")
}

#[test]
fn a_student_comes_closer_to_its_teacher_without_seeing_a_label() {
    let dir = classroom(TERMS);
    let summary = train(dir.path(), "student");
    let run = dir.path().join("student");
    let total = course(&run, "train/total");
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&total[..8]), mean(&total[total.len() - 8..]));
    assert!(last < 0.95 * first, "{first} at first, {last} at last");
    for term in 1..=4 {
        let course = course(&run, &format!("train/teacher_{term}"));
        assert!(course.len() == total.len() && course.iter().all(|x| *x >= 0.0), "term {term}: {course:?}");
        assert!(course[0] > 0.0, "term {term}");
    }
    let sum: f64 = (1..=4).map(|term| course(&run, &format!("train/teacher_{term}"))[0]).sum();
    assert!((sum - total[0]).abs() < 1e-4 * total[0], "{sum} against {}", total[0]);

    let manifest = json(&run.join("manifest.json"));
    let teachers: Vec<&Value> =
        manifest["inputs"].as_array().expect("inputs").iter().filter(|i| i["name"] == "teacher").collect();
    assert_eq!(teachers.len(), 4);
    assert!(teachers[0]["path"].as_str().is_some_and(|p| p.starts_with("../teacher/checkpoints/")), "{}", teachers[0]);
    // Nothing is left to do, but everything is opened again.
    let again = kenyon_json(dir.path(), &["train", "--run", "student", "--resume"]);
    assert_eq!(again["summary"]["weights_sha256"], summary["weights_sha256"]);
    assert_eq!(kenyon_in(dir.path(), &["eval", "student", "--json"]).code, 0);
}

#[test]
fn a_student_has_the_same_bits_at_any_number_of_threads() {
    let dir = classroom(TERMS);
    let weights = ["1", "2"].map(|threads| {
        let report = kenyon_json(dir.path(), &["train", "train.toml", "--run", &format!("run{threads}"), "--threads", threads]);
        report["summary"]["weights_sha256"].clone()
    });
    assert_eq!(weights[0], weights[1]);
}

#[test]
fn a_teacher_that_does_not_fit_or_is_not_there_is_refused_before_anything_is_made() {
    let dir = classroom("[[loss.teacher]]\nrun = \"nobody\"\n");
    let refusal = |terms: &str, base: &dyn Fn(String) -> String| {
        fs::write(dir.path().join("train.toml"), base(student(terms))).expect("written");
        let (code, error) = refused(dir.path(), &["train", "train.toml", "--run", "student"]);
        assert!(!dir.path().join("student").exists(), "{error}");
        assert!(error["mend"].is_string(), "{error}");
        (code, error["code"].as_str().expect("a code").to_string())
    };
    let as_it_is = |text: String| text;
    let of = |rest: &str| format!("[[loss.teacher]]\nrun = \"teacher\"\n{rest}");
    assert_eq!(refusal("[[loss.teacher]]\nrun = \"nobody\"\n", &as_it_is).0, 3);
    assert_eq!(refusal("[[loss.teacher]]\nstrength = 2.0\n", &as_it_is), (3, "no-teacher".into()));
    assert_eq!(refusal("", &as_it_is), (3, "no-objective".into()));
    assert_eq!(refusal(&of("population = \"KCs\""), &as_it_is), (3, "unknown-population".into()));
    assert_eq!(refusal(&of("fraction = 0.0"), &as_it_is), (3, "bad-number".into()));
    assert_eq!(refusal(&of("strength = -1.0"), &as_it_is), (3, "bad-number".into()));
    assert_eq!(refusal(&of("trace = \"mem\""), &as_it_is), (3, "bad-config".into()));
    assert_eq!(refusal(&of("checkpoint = \"none.safetensors\""), &as_it_is).0, 3);
    let doubled = |text: String| text.replace("batch_size = 4", "batch_size = 4\nprecision = \"f64\"");
    assert_eq!(refusal(&of(""), &doubled), (3, "teacher-mismatch".into()));
    let longer = |text: String| text.replace("steps = 60", "steps = 70");
    assert_eq!(refusal(&of(""), &longer), (3, "teacher-mismatch".into()));
    let other = tempfile::tempdir().expect("a temporary folder");
    make_fly(other.path(), "2");
    fs::copy(other.path().join("circuit.h5"), dir.path().join("other.h5")).expect("copied");
    let elsewhere = |text: String| text.replace("\"circuit.h5\"", "\"other.h5\"");
    assert_eq!(refusal(&of(""), &elsewhere), (3, "teacher-mismatch".into()));
}

#[test]
fn a_teacher_that_changed_since_the_student_began_is_refused() {
    let dir = classroom("[[loss.teacher]]\nrun = \"teacher\"\n");
    train(dir.path(), "student");
    let manifest = json(&dir.path().join("student/manifest.json"));
    let inputs = manifest["inputs"].as_array().expect("inputs");
    let path = inputs.iter().find(|i| i["name"] == "teacher").and_then(|i| i["path"].as_str()).expect("a teacher");
    let path = dir.path().join("student").join(path);
    let mut bytes = fs::read(&path).expect("a checkpoint");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).expect("written");
    let (code, error) = refused(dir.path(), &["train", "--run", "student", "--resume"]);
    assert_eq!((code, error["code"].as_str()), (3, Some("input-changed")), "{error}");
}

#[test]
fn a_window_decides_in_training_and_evaluation_and_must_lie_in_the_sample() {
    let window = |to: &str| CONFIG.to_string() + &format!("\n[loss]\ndecision = \"window\"\nwindow_ms = [20.0, {to}]\n");
    let dir = workplace(&window("60.0"));
    train(dir.path(), "run");
    let result = kenyon_json(dir.path(), &["eval", "run", "--split", "validation"]);
    let best = course(&dir.path().join("run"), "validation/accuracy").into_iter().fold(0.0, f64::max);
    assert!((result["accuracy"].as_f64().expect("a number") - best).abs() < 1e-9, "{result}");
    fs::write(dir.path().join("train.toml"), window("61.0")).expect("written");
    let (code, error) = refused(dir.path(), &["train", "train.toml", "--run", "late"]);
    assert_eq!((code, error["code"].as_str()), (3, Some("bad-window")), "{error}");
}

#[test]
fn a_readout_that_hears_nothing_is_told_before_training_with_what_to_do() {
    let quiet = CONFIG.replace("scale = 0.8", "scale = 0.001").replace("noise = 0.02", "noise = 0.0");
    let dir = workplace(&quiet);
    let ran = kenyon_in(dir.path(), &["train", "train.toml", "--run", "run"]).ok();
    for words in
        ["no neuron that is read out fires", "decision = \"max\"", "no gradient", "network.weights.scale", "target_strength"]
    {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    assert!(
        fs::read_to_string(dir.path().join("run/journal.jsonl")).expect("a journal").contains("no neuron that is read out fires")
    );
    // The hint is right: nothing is learned.
    let norms = course(&dir.path().join("run"), "train/gradient_norm");
    assert!(!norms.is_empty() && norms.iter().all(|n| n.abs() < 1e-300), "{norms:?}");
    let fine = workplace(CONFIG);
    let ran = kenyon_in(fine.path(), &["train", "train.toml", "--run", "run"]).ok();
    assert!(!ran.stderr.contains("no neuron that is read out"), "{}", ran.stderr);
}
