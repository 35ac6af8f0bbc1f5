//! The trained 70-128-20 classifier of the reference data.

use std::fs;
use std::path::PathBuf;

use super::Model;

pub(crate) const STEP_MS: f64 = 2.0;

fn folder() -> PathBuf {
    let root = std::env::var_os("KENYON_REFERENCE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    root.join("fly/ref_snn")
}

/// The trained classifier of the reference data, or `None` with a note.
pub(crate) fn golden() -> Option<Model> {
    let dir = folder();
    if !dir.is_dir() {
        eprintln!("skipped: no reference data");
        return None;
    }
    let bytes = |name: &str| fs::read(dir.join(name)).expect("a reference array");
    let doubles = |name: &str| npyz::NpyFile::new(&bytes(name)[..]).expect("npy").into_vec::<f64>().expect("f64");
    let singles = |name: &str| npyz::NpyFile::new(&bytes(name)[..]).expect("npy").into_vec::<f32>().expect("f32");
    let rows = |name: &str, columns: usize| -> Vec<Vec<f64>> {
        singles(name).chunks(columns).map(|row| row.iter().map(|w| f64::from(*w)).collect()).collect()
    };
    let spikes = npyz::NpyFile::new(&bytes("input_spikes.npy")[..]).expect("npy").into_vec::<u8>().expect("u8");
    let decay = |tau_ms: f64| (-STEP_MS / tau_ms).exp();
    Some(Model {
        decay_syn: vec![decay(40.0); 128],
        decay_mem: doubles("tau_mem.npy").into_iter().map(|tau_s| decay(tau_s * 1000.0)).collect(),
        i_c: doubles("I_c.npy"),
        threshold: vec![1.0; 128],
        reset: vec![0.0; 128],
        w1: rows("w1.npy", 128),
        v: rows("v.npy", 128),
        w2: rows("w2.npy", 20),
        input: spikes.chunks(70).map(|row| row.iter().map(|s| *s != 0).collect()).collect(),
        decay_out: (decay(40.0), decay(80.0)),
    })
}

/// Its spikes (step, neuron) and readout rows as the reference run has them.
pub(crate) fn reference() -> (Vec<(u32, u32)>, Vec<f64>) {
    let mut zip = zip::ZipArchive::new(fs::File::open(folder().join("reference_float64.npz")).expect("there")).expect("a zip");
    let spikes = npyz::NpyFile::new(zip.by_name("spk.npy").expect("there")).expect("npy").into_vec::<u8>().expect("u8");
    let rows = spikes.chunks(128).enumerate();
    let spikes = rows.flat_map(|(t, row)| (0..128u32).filter(|i| row[*i as usize] != 0).map(move |i| (t as u32, i))).collect();
    let out = npyz::NpyFile::new(zip.by_name("out.npy").expect("there")).expect("npy").into_vec::<f64>().expect("f64");
    (spikes, out)
}
