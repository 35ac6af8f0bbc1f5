//! The folders of the reference systems, and Python as a second reader.

#![expect(clippy::float_cmp, reason = "the very same numbers are expected")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kenyon_base::{PlainFile, PlainWriter, Silent};
use kenyon_datasets::simulation::{
    Csr, Labels, Part, Record, ReferenceFolder, SetAbout, SetPlan, SetWriter, Shard, SimStore, TwinpropFolder, export_reference,
    export_twinprop, neuron_file_name, read_weighted_spikes,
};
use support::{about, make, plan, simulate, tree};

/// A Python with h5py, numpy and scipy, if there is one.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("KENYON_PYTHON").map(PathBuf::from);
    let candidates = named.into_iter().chain([PathBuf::from("python3")]);
    let works =
        |p: &PathBuf| Command::new(p).args(["-c", "import h5py, numpy, scipy"]).output().is_ok_and(|o| o.status.success());
    candidates.into_iter().find(works)
}

fn run(python: &Path, script: &str, arguments: &[&Path]) -> String {
    let output = Command::new(python).arg("-c").arg(script).args(arguments).output().expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_reference_layout_survives_the_container_byte_for_byte_with_its_holes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let plan = plan("ref_nmda_cable", [4, 1, 1, 0], 300, 20);
    let path = dir.path().join("set.h5");
    make(&plan, &path, Shard::WHOLE);
    let name = neuron_file_name(2048.0, 0.0, true, "cable", "2024_01_01");
    assert_eq!(name, "large_regular_spiking_NMDA_cable__2024_01_01.json");
    let first = dir.path().join("first");
    assert_eq!(export_reference(&SimStore::open(&path).expect("opened"), &first, &name, true, &Silent).expect("written"), 6);
    let files = tree(&first);
    assert_eq!(files.len(), 6 * 6 + 1);
    assert!(files.iter().any(|(p, _)| p.ends_with("train/intermidiate_branch_v/sim_0000003.npy")));
    for folder in fs::read_dir(first.join("train")).expect("listed") {
        fs::remove_file(folder.expect("listed").path().join("sim_0000001.npy")).expect("removed");
    }
    let folder = ReferenceFolder::open(&first).expect("opened");
    assert_eq!(folder.items().iter().map(|i| i.index).collect::<Vec<_>>(), [0, 2, 3, 0, 0]);
    let imported = dir.path().join("imported.h5");
    folder.import(about(&plan), &imported, &Silent).expect("imported");
    let store = SimStore::open(&imported).expect("opened");
    assert_eq!(store.entries(Part::Train).iter().map(|e| e.sim).collect::<Vec<_>>(), [0, 2, 3]);
    let second = dir.path().join("second");
    export_reference(&store, &second, &name, true, &Silent).expect("written");
    assert!(tree(&second) == tree(&first));
}

#[test]
fn a_folder_is_not_imported_as_the_set_of_another_neuron_or_length() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let made = |preset: &str, layout: &str| {
        let plan = plan(preset, [1, 0, 0, 0], 300, 0);
        let path = dir.path().join(format!("{layout}.h5"));
        make(&plan, &path, Shard::WHOLE);
        (plan, SimStore::open(&path).expect("opened"), dir.path().join(layout))
    };
    let (ball, store, npy) = made("ref_nmda_cable", "npy");
    export_reference(&store, &npy, "n.json", true, &Silent).expect("written");
    let (l5pc, store, twinprop) = made("twinprop", "twinprop");
    export_twinprop(&store, &twinprop, true, &Silent).expect("written");
    let target = dir.path().join("imported.h5");
    let import = |layout: &str, known: SetAbout| match layout {
        "npy" => ReferenceFolder::open(&npy)?.import(known, &target, &Silent),
        _ => TwinpropFolder::open(&twinprop)?.import(known, &target, &Silent),
    };
    for (layout, plan) in [("npy", &ball), ("twinprop", &l5pc)] {
        let mut fewer = plan.config().clone();
        fewer.segment_um.pop();
        let mut longer = plan.config().clone();
        longer.duration_ms = 301;
        for (other, words) in [(fewer, "segments"), (longer, "write `duration_ms = 300`")] {
            let known = about(&SetPlan::new(other).expect("valid"));
            let error = import(layout, known).expect_err("another neuron or length");
            assert_eq!((error.code(), error.exit_code()), ("other-neuron", 3));
            assert!(error.to_string().contains(words) && !target.exists(), "{error}");
        }
        import(layout, about(plan)).expect("imported");
        let back = SimStore::open(&target).expect("opened");
        assert_eq!(back.about().generator, serde_json::json!({ "imported": layout }));
        assert_eq!((back.about().seed, back.about().identity.as_str(), back.about().nseg), (0, "", plan.config().nseg()));
        fs::remove_file(&target).expect("removed");
    }
}

#[test]
fn damaged_reference_folders_are_errors_with_the_file() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let plan = plan("ref_nmda_cable", [2, 0, 0, 0], 300, 0);
    let path = dir.path().join("set.h5");
    make(&plan, &path, Shard::WHOLE);
    let folder = dir.path().join("set");
    export_reference(&SimStore::open(&path).expect("opened"), &folder, "n.json", true, &Silent).expect("written");
    let target = dir.path().join("imported.h5");
    let import = || ReferenceFolder::open(&folder).and_then(|f| f.import(about(&plan), &target, &Silent));
    for name in ["inputs", "output_spikes", "output_soma_v", "output_near_spikes", "output_inst_rate", "intermidiate_branch_v"] {
        let file = folder.join("train").join(name).join("sim_0000001.npy");
        let good = fs::read(&file).expect("read");
        fs::write(&file, &good[..good.len() - 2]).expect("written");
        let error = import().expect_err("cut off");
        assert_eq!((error.code(), error.path()), ("bad-npy", Some(file.as_path())));
        fs::remove_file(&file).expect("removed");
        if name != "inputs" {
            assert_eq!(import().expect_err("missing").code(), "not-found");
        }
        fs::write(&file, &good).expect("written");
        assert!(!target.exists());
    }
    let flags = folder.join("train/output_spikes/sim_0000000.npy");
    let mut odd = fs::read(&flags).expect("read");
    *odd.last_mut().expect("not empty") = 2;
    fs::write(&flags, odd).expect("written");
    assert_eq!(import().expect_err("neither 0 nor 1").code(), "bad-npy");
    assert_eq!(ReferenceFolder::open(dir.path()).expect_err("no set").code(), "not-a-reference-set");
}

#[test]
fn twinprop_folders_are_written_and_read_with_the_same_input() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let plan = plan("twinprop_default_weighted", [2, 1, 0, 0], 1000, 0);
    let path = dir.path().join("set.h5");
    let writer = SetWriter::start(&path, about(&plan), Shard::WHOLE, plan.items(Shard::WHOLE)).expect("started");
    for item in plan.items(Shard::WHOLE) {
        // As a spike that reaches the dendrite.
        let (input, labels) = (plan.input(item.part, item.index), Labels::default());
        let high = Record::new(writer.about(), item, 0, 1, input, labels, &[25.0]).branch_v[0];
        let mut record = simulate(&plan, writer.about(), item);
        record.branch_v[1007] = high;
        writer.append(&record).expect("appended");
    }
    writer.finish(&Silent).expect("finished");
    let store = SimStore::open(&path).expect("opened");
    let folder = dir.path().join("twinprop");
    assert_eq!(export_twinprop(&store, &folder, true, &Silent).expect("written"), 3);
    let simulation = folder.join("train/simulation_1");
    let matrix = Csr::read(&simulation.join("inh_weighted_spikes.npz")).expect("read");
    assert_eq!(matrix.shape, [5, 1000]);
    assert!(matrix.entries.iter().all(|(_, w)| (w * 1e5).round() / 1e5 == *w));
    let voltage = PlainFile::open(&simulation.join("voltage.h5")).expect("opened");
    assert_eq!(voltage.read::<f64>("somatic_voltage").expect("read").0, [1000]);
    let again = TwinpropFolder::open(&folder).expect("opened");
    assert_eq!(again.items(), store.items());
    let imported = dir.path().join("imported.h5");
    again.import(about(&plan), &imported, &Silent).expect("imported");
    let back = SimStore::open(&imported).expect("opened");
    for at in 0..2 {
        let (a, b) = (store.record(Part::Train, at).expect("read"), back.record(Part::Train, at).expect("read"));
        assert_eq!(a.events.len(), b.events.len());
        assert!(
            a.events.iter().zip(&b.events).all(|(x, y)| (x.t, x.row) == (y.t, y.row) && x.weight == f64::from(y.weight as f32))
        );
        assert_eq!(a.soma_v, b.soma_v);
        assert_eq!(a.branch_v, b.branch_v);
        let exported = PlainFile::open(&folder.join(format!("train/simulation_{at}/voltage.h5"))).expect("opened");
        let (shape, dendrite) = exported.read::<f32>("dendritic_voltage").expect("read");
        assert_eq!(shape, [5, 1000]);
        assert_eq!(dendrite, a.branch_v.iter().map(|v| v.to_f32()).collect::<Vec<_>>());
        assert_eq!(dendrite[1007], 25.0, "nothing is cut");
    }
    assert_eq!((back.about().seed, back.about().identity.as_str()), (0, ""));
    assert_eq!(back.about().generator, serde_json::json!({ "imported": "twinprop" }));
    let all = read_weighted_spikes(&["exc", "inh"].map(|s| simulation.join(format!("{s}_weighted_spikes.npz")))).expect("read");
    assert_eq!(all.1, [10, 1000]);
    // A summary tells the spikes: 5, 9 and twice 300 ms.
    let summary = simulation.join("summary.pkl");
    fs::write(&summary, b"\x80\x04}\x8c\x12output_spike_times](K\x05K\x09M\x2c\x01M\x2c\x01es.").expect("written");
    let told = dir.path().join("told.h5");
    again.import(about(&plan), &told, &Silent).expect("imported");
    let record = SimStore::open(&told).expect("opened").record(Part::Train, 1).expect("read");
    assert_eq!(record.spikes_ms, [5.0, 9.0, 300.0]);
    assert!(record.near_spike[5..15].iter().all(|near| *near));
    fs::write(&summary, b"\x80\x04}\x8c\x12output_spike_times](M\xe8\x03es.").expect("written");
    let beyond = again.import(about(&plan), &dir.path().join("never.h5"), &Silent).expect_err("1000 of 1000 ms");
    assert_eq!((beyond.code(), beyond.path()), ("bad-shape", Some(summary.as_path())));
    fs::write(&summary, b"\x80\x04}.").expect("written");
    assert_eq!(again.import(about(&plan), &dir.path().join("never.h5"), &Silent).expect_err("no key").code(), "bad-pickle");
    fs::remove_file(&summary).expect("removed");
    let short = PlainWriter::create(&simulation.join("voltage.h5")).expect("created");
    short.write("somatic_voltage", &[3], &[0.0_f64; 3]).expect("written");
    short.finish().expect("finished");
    let target = dir.path().join("never.h5");
    assert_eq!(again.import(about(&plan), &target, &Silent).expect_err("another length").exit_code(), 3);
    assert!(!target.exists());
}

#[test]
fn plain_h5py_reads_the_set() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with h5py");
        return;
    };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let plan = plan("ref_nmda_cable", [3, 1, 0, 0], 300, 20);
    let path = dir.path().join("set.h5");
    make(&plan, &path, Shard::WHOLE);
    let script = r#"
import sys, json, h5py, numpy as np
f = h5py.File(sys.argv[1])
assert f.attrs["kenyon_simset"] == 1 and f.attrs["kind"] == "ball_and_stick" and f.attrs["spike_rule"] == "peak0"
assert f.attrs["soma_cap_mv"] == -62 and json.loads(f.attrs["neuron"])["dend_L_um"] == 2048
assert list(f["synapses/sign"][:]) == [1] * 8 + [-1] * 8 and f["synapses/section"][0] == b"dend"
g = f["train"]
assert g["events/w"].dtype == np.float16 and g["branch_v"].dtype == np.float16 and g["soma_v"].dtype == np.float32
assert g["events/row"].dtype == np.uint16 and g["events/t"].dtype == np.uint16 and g["events/ptr"].dtype == np.uint64
assert g["soma_v"].shape == (3, 300) and g["branch_v"].shape == (3, 8, 300) and g["soma_v"].chunks == (1, 300)
assert g["soma_v"].fletcher32 and g["soma_v"].shuffle and g["soma_v"].compression == "gzip"
near = np.unpackbits(g["near_spike"][:], axis=1)[:, :300]
assert near.shape == (3, 300) and "rate_hz" in f["stats/train/simulation"]
assert f["stats/train/histogram/rate_hz/count"].shape == (100,) and f["stats/train/histogram/isi_ms/count"].shape == (256,)
p = g["events/ptr"][:]
t = g["events/t"][:].astype(int)
r = g["events/row"][:].astype(int)
for i in range(3):
    key = t[p[i]:p[i + 1]] * 100 + r[p[i]:p[i + 1]]
    assert (np.diff(key) > 0).all()
print(float(g["events/w"][:].astype(np.float64).sum()), int(near.sum()), len(g["spikes/t_ms"]), g["index/sim"][:].tolist())
"#;
    let store = SimStore::open(&path).expect("opened");
    let records: Vec<_> = (0..3).map(|at| store.record(Part::Train, at).expect("read")).collect();
    let weights: f64 = records.iter().flat_map(|r| &r.events).map(|e| e.weight).sum();
    let near = records.iter().flat_map(|r| &r.near_spike).filter(|&&n| n).count();
    let spikes: usize = records.iter().map(|r| r.spikes_ms.len()).sum();
    let said = run(&python, script, &[&path]);
    let fields: Vec<&str> = said.split_whitespace().collect();
    assert!((fields[0].parse::<f64>().expect("a number") - weights).abs() < 1e-6);
    assert_eq!(fields[1..], [near.to_string(), spikes.to_string(), "[0,".into(), "1,".into(), "2]".into()]);
}

#[test]
fn numpy_and_scipy_write_the_bytes_that_kenyon_writes() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with numpy and scipy");
        return;
    };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let plan_ball = plan("ref_nmda_cable", [1, 0, 0, 0], 300, 0);
    let path = dir.path().join("set.h5");
    make(&plan_ball, &path, Shard::WHOLE);
    let folder = dir.path().join("set");
    export_reference(&SimStore::open(&path).expect("opened"), &folder, "n.json", true, &Silent).expect("written");
    let script = r"
import sys, io, pathlib, numpy as np, scipy.sparse as sp
for p in pathlib.Path(sys.argv[1]).rglob('*.npy'):
    out = io.BytesIO()
    np.save(out, np.load(p))
    assert out.getvalue() == p.read_bytes(), p
m = sp.load_npz(pathlib.Path(sys.argv[2]) / 'ours.npz')
assert m.format == 'csr' and m.shape == (3, 10) and m.toarray()[0, 9] == 0.12345 and m.nnz == 3
sp.save_npz(pathlib.Path(sys.argv[2]) / 'theirs.npz', m)
";
    let matrix = Csr { shape: [3, 10], ptr: vec![0, 2, 2, 3], entries: vec![(0, 1.0), (9, 0.12345), (4, 2.5)] };
    matrix.write(&dir.path().join("ours.npz")).expect("written");
    run(&python, script, &[&folder, dir.path()]);
    assert_eq!(Csr::read(&dir.path().join("theirs.npz")).expect("read"), matrix);
}
