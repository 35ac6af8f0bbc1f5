//! Reference networks: the double-precision run of a trained classifier, and the folder of cases with gradients.

#![expect(clippy::float_cmp, reason = "spikes and their counts are whole numbers")]

mod support;

use std::path::{Path, PathBuf};

use kenyon::npz::{Array, NpzReader, Values, read_npy, write_npz};
use kenyon::training::engine::{Csr, Engine, EngineSpec, Events, Output, Record, Topology};
use kenyon_neurons::point::Real;
use serde_json::Value;
use support::{kenyon_in, reference_fly};

/// The trained classifier of the reference data: 70 inputs, 128 neurons, 20 classes, dt 2 ms, 400 steps.
struct Golden {
    folder: PathBuf,
}

const M: usize = 70;
const N: usize = 128;
const C: usize = 20;
const T: usize = 400;

impl Golden {
    fn find() -> Option<Self> {
        reference_fly().map(|fly| Self { folder: Path::new(&fly).join("ref_snn") })
    }

    fn read(&self, name: &str) -> Vec<f64> {
        read_npy(&self.folder.join(name)).expect("a reference array").to_f64()
    }

    /// Runs it with the bias times `sign`.
    fn run<F: Real>(&self, sign: f64) -> Output<F> {
        let (w1, v, w2) = (self.read("w1.npy"), self.read("v.npy"), self.read("w2.npy"));
        let all = |rows| Csr::from_dense(rows, N, |_| true);
        let spec =
            EngineSpec { record: Record { neurons: (0..N as u32).collect(), mem: true, spikes: true }, ..EngineSpec::new(T) };
        let engine = Engine::<F>::new(Topology::new(M, N, C, all(M), all(N)), spec).expect("sound");
        let lost = |tau_s: f64| -(-0.002 / tau_s).exp_m1();
        let effective = [
            self.read("I_c.npy").iter().map(|i_c| sign * i_c).collect(),
            self.read("tau_mem.npy").into_iter().map(lost).collect(),
            vec![lost(0.04)],
            vec![1.0; N],
            vec![0.0; N],
            vec![lost(0.04), lost(0.08)],
            w1,
            v,
        ];
        let to = |x: Vec<f64>| x.into_iter().map(F::from_f64).collect::<Vec<_>>();
        let spikes: Vec<u8> = self.read("input_spikes.npy").iter().map(|s| *s as u8).collect();
        let events = Events::from_dense(1, T, M, &spikes);
        assert_eq!(events.len(), 851);
        engine.forward(&to(effective.concat()), &to(w2), &events, false).expect("finite").0
    }

    fn expected(&self, name: &str) -> Vec<f64> {
        let mut file = NpzReader::open(&self.folder.join("reference_float64.npz")).expect("opened");
        file.read(name).expect("a reference array").to_f64()
    }
}

fn doubles<F: Real>(x: &[F]) -> Vec<f64> {
    x.iter().map(|x| x.to_f64()).collect()
}

fn largest(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Class with the largest voltage over time, and that voltage.
fn decision<F: Real>(output: &Output<F>) -> (usize, f64) {
    let out = doubles(output.out());
    let max = |c: usize| (0..=T).map(|t| out[t * C + c]).fold(f64::NEG_INFINITY, f64::max);
    (0..C).map(|c| (c, max(c))).fold((0, f64::NEG_INFINITY), |best, x| if x.1 > best.1 { x } else { best })
}

#[test]
fn the_trained_classifier_runs_as_the_reference_in_f64() {
    let Some(golden) = Golden::find() else { return };
    let output = golden.run::<f64>(1.0);
    assert_eq!(doubles(output.spikes()), golden.expected("spk"));
    assert!(largest(&doubles(output.mem()), &golden.expected("mem")) <= 1e-12);
    assert!(largest(&doubles(output.out()), &golden.expected("out")) <= 1e-12);
    let (class, voltage) = decision(&output);
    assert_eq!(class, 16);
    assert!((voltage - 2.307_469_382_268_598_5).abs() < 1e-12);
    assert_eq!(output.counts().iter().sum::<f64>(), 226.0);
    assert_eq!(output.counts().iter().filter(|n| **n > 0.0).count(), 32);
}

#[test]
fn the_trained_classifier_runs_as_the_reference_in_f32() {
    let Some(golden) = Golden::find() else { return };
    let output = golden.run::<f32>(1.0);
    let expected = golden.expected("spk");
    let wrong = doubles(output.spikes()).iter().zip(&expected).filter(|(a, b)| a != b).count();
    assert!(wrong * 1000 <= 226, "{wrong} spikes differ");
    assert!(largest(&doubles(output.out()), &golden.expected("out")) <= 1e-4);
    assert_eq!(decision(&output).0, 16);
}

#[test]
fn a_flipped_bias_makes_another_class_of_it() {
    let Some(golden) = Golden::find() else { return };
    let output = golden.run::<f64>(-1.0);
    let (class, voltage) = decision(&output);
    assert_eq!((output.counts().iter().sum::<f64>(), class), (368.0, 3));
    assert!((voltage - 3.901_649_992_315_562_5).abs() < 1e-12);
}

/// The folder of cases, or `None` with a note.
fn cases() -> Option<String> {
    let fly = reference_fly()?;
    let cases = Path::new(&fly).parent().expect("a parent").join("snn");
    if cases.is_dir() {
        return Some(cases.to_str().expect("UTF-8").to_string());
    }
    eprintln!("skipped: no reference data");
    None
}

#[test]
fn every_reference_case_agrees_forward_and_backward() {
    let Some(cases) = cases() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let report = kenyon_in(dir.path(), &["validate", "snn", &cases, "--json", "--dump", "ours"]).ok().json();
    assert_eq!((report["kind"].as_str(), report["failed"].as_u64()), (Some("snn"), Some(0)), "{report}");
    assert_eq!(report["passed"].as_u64(), Some(8));
    for case in report["cases"].as_array().expect("cases") {
        assert!(case["note"].as_str().is_some_and(|n| n.contains("in f32") && !n.contains("beyond")), "{case}");
    }
    // Our own values, replayed as if they were the reference's, agree exactly.
    let again = kenyon_in(dir.path(), &["validate", "snn", "ours", "--json"]).ok().json();
    for case in again["cases"].as_array().expect("cases") {
        assert_eq!(case["max_abs_error"].as_f64(), Some(0.0), "{case}");
    }
    let mut theirs = NpzReader::open(&Path::new(&cases).join("lif_typed/expected.npz")).expect("opened");
    let mut ours = NpzReader::open(&dir.path().join("ours/lif_typed/expected.npz")).expect("opened");
    assert_eq!(theirs.names(), ours.names());
    for name in ours.names() {
        let (a, b) = (theirs.read(&name).expect("read"), ours.read(&name).expect("read"));
        assert_eq!((a.shape, std::mem::discriminant(&a.values)), (b.shape, std::mem::discriminant(&b.values)), "{name}");
    }
}

/// A case made up for a test: two samples, an input to a neuron, which is read out.
struct Made {
    dir: tempfile::TempDir,
}

impl Made {
    fn new() -> Self {
        let made = Self { dir: tempfile::tempdir().expect("a temporary folder") };
        std::fs::create_dir_all(made.path("cases/one")).expect("made");
        made.file("case.json", r#"{"variant": "lif", "dt_ms": 1.0, "surrogate_scale": 50.0}"#);
        let spikes = Array { shape: vec![2, 3, 1], values: Values::U8(vec![1, 0, 0, 0, 0, 0]) };
        let labels = Array { shape: vec![2], values: Values::I64(vec![0, 1]) };
        let of = |shape: &[usize], value: f64| Array::of_f64(shape, vec![value; shape.iter().product()]);
        let arrays = [
            ("spikes", spikes),
            ("labels", labels),
            ("tau_syn_ms", of(&[], 5.0)),
            ("tau_syn_out_ms", of(&[], 5.0)),
            ("tau_mem_out_ms", of(&[], 5.0)),
            ("reset", of(&[], 0.0)),
            ("I_c", of(&[1], 0.0)),
            ("tau_mem_ms", of(&[1], 5.0)),
            ("w1", of(&[1, 1], 0.5)),
            ("v", of(&[1, 1], 0.0)),
            ("w2", of(&[1, 2], 1.0)),
        ];
        write_npz(&made.path("cases/one/input.npz"), arrays.iter().map(|(n, a)| (*n, a))).expect("written");
        made
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path("cases/one").join(name), text).expect("written");
    }

    fn validate(&self) -> (i32, Value) {
        let ran = kenyon_in(self.dir.path(), &["validate", "snn", "cases", "--json"]);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        (ran.code, ran.json())
    }

    /// Asserts exit code 4 and a failed case whose note names `what`.
    fn is_bad(&self, what: &str) {
        let (code, report) = self.validate();
        assert_eq!((code, report["failed"].as_u64()), (4, Some(1)), "{report}");
        let note = report["cases"][0]["note"].as_str().expect("a note");
        assert!(note.contains(what), "{note}");
    }
}

#[test]
fn a_case_without_a_file_is_a_failure_and_bad_data() {
    let made = Made::new();
    made.is_bad("expected.npz");
    std::fs::remove_file(made.path("cases/one/input.npz")).expect("removed");
    made.is_bad("input.npz");
    std::fs::remove_file(made.path("cases/one/case.json")).expect("removed");
    made.is_bad("case.json");
}

#[test]
fn odd_cases_are_bad_data_with_the_key_named() {
    let made = Made::new();
    for (text, what) in [
        ("{", "case.json"),
        (r#"{"dt_ms": 1.0}"#, "surrogate_scale"),
        (r#"{"dt_ms": -1.0, "surrogate_scale": 50.0}"#, "dt_ms"),
        (r#"{"dt_ms": 1.0, "surrogate_scale": 50.0, "variant": "izhikevich"}"#, "variant"),
        (r#"{"dt_ms": 1.0, "surrogate_scale": 50.0, "N": 2}"#, "key `N`"),
        (r#"{"dt_ms": 1.0, "surrogate_scale": 50.0, "typed": true}"#, "type_index"),
    ] {
        made.file("case.json", text);
        made.is_bad(what);
    }
    made.file("input.npz", "no archive");
    made.file("case.json", r#"{"dt_ms": 1.0, "surrogate_scale": 50.0}"#);
    made.is_bad("input.npz");
}

#[test]
fn a_case_that_deviates_fails_with_exit_code_4() {
    let Some(cases) = cases() else { return };
    let made = Made::new();
    for file in ["case.json", "input.npz"] {
        std::fs::copy(Path::new(&cases).join("lif_full").join(file), made.path("cases/one").join(file)).expect("copied");
    }
    let mut reference = NpzReader::open(&Path::new(&cases).join("lif_full/expected.npz")).expect("opened");
    let mut arrays: Vec<(String, Array)> = Vec::new();
    for name in reference.names() {
        let mut array = reference.read(&name).expect("read");
        if let (true, Values::F64(values)) = (name == "grad_v", &mut array.values) {
            let largest = values.iter().fold(0f64, |m, x| m.max(x.abs()));
            values[7] += 1e-8 * largest;
        }
        arrays.push((name, array));
    }
    write_npz(&made.path("cases/one/expected.npz"), arrays.iter().map(|(n, a)| (n.as_str(), a))).expect("written");
    let (code, report) = made.validate();
    assert_eq!((code, report["failed"].as_u64()), (4, Some(1)), "{report}");
    assert!(report["cases"][0]["note"].as_str().is_some_and(|n| n.contains("grad_v")), "{report}");
}

#[test]
fn a_folder_without_cases_is_bad_data() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for folder in [".", "nowhere"] {
        let ran = kenyon_in(dir.path(), &["validate", "snn", folder, "--json"]);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        assert!(ran.json()["error"]["mend"].is_string());
    }
}
