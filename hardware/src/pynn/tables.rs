//! The tables of an export. They hold numbers only.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use npyz::WriterBuilder as _;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::prediction::Prediction;
use crate::deployment::{Deployment, HostReadout, Population, Sample, Synapse};
use crate::readout::{self, Place};
use crate::spinnaker::{QuantisedCells, fixed};

/// Synapses above which a projection is written as `npz`: text of that size takes minutes to read.
pub(super) const NPZ_ABOVE: usize = 1_000_000;

/// Shortest decimal that a board rounds to the raw s16.15, and that is not above its largest value, which sPyNNaker refuses.
fn decimal(raw: i32) -> String {
    let value = fixed::value(raw);
    let reads_back = |text: &String| {
        let parsed = text.parse::<f64>();
        parsed.is_ok_and(|d| (d * fixed::ONE - f64::from(raw)).abs() < 0.499 && d <= fixed::value(i32::MAX))
    };
    let text = (0..8).map(|digits| format!("{value:.digits$}")).find(reads_back).unwrap_or_else(|| format!("{value:?}"));
    if text.trim_start_matches('-') == "0" { "0".into() } else { text }
}

/// Factor of input as a number: u0.32.
fn factor(init: u32) -> f64 {
    f64::from(init) / 4_294_967_296.0
}

fn writer(path: &Path) -> io::Result<csv::Writer<File>> {
    Ok(csv::Writer::from_path(path)?)
}

/// One row per neuron: id, parameters as the board holds them, factors of its inputs.
pub(super) fn cells(path: &Path, population: &Population, cells: Option<&QuantisedCells>) -> io::Result<()> {
    let columns = cells.map(|c| c.raw.columns()).unwrap_or_default();
    let decaying = cells.filter(|c| c.kind.decays());
    let factors: &[&str] = if decaying.is_some() { &["init_E", "init_I"] } else { &[] };
    let mut out = writer(path)?;
    out.write_record(["id"].into_iter().chain(columns.iter().map(|(name, _)| *name)).chain(factors.iter().copied()))?;
    for (i, id) in population.ids.iter().enumerate() {
        let values = columns.iter().map(|(_, raw)| decimal(raw[i]));
        let derived = decaying.map(|c| c.derived[i]);
        let factors = derived.iter().flat_map(|d| [d.exc.init, d.inh.init]).map(|init| format!("{:?}", factor(init)));
        out.write_record([id.to_string()].into_iter().chain(values).chain(factors))?;
    }
    out.flush()
}

/// One row per synapse.
pub(super) fn synapses_csv(path: &Path, synapses: &[Synapse]) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "pre,post,weight,delay_steps")?;
    for s in synapses {
        writeln!(out, "{},{},{:?},{}", s.pre, s.post, s.weight, s.delay())?;
    }
    out.flush()
}

/// The same as arrays that `numpy.load` reads.
pub(super) fn synapses_npz(path: &Path, synapses: &[Synapse]) -> io::Result<()> {
    let mut out = ZipWriter::new(BufWriter::new(File::create(path)?));
    array(&mut out, "pre", synapses.iter().map(|s| s.pre as i32))?;
    array(&mut out, "post", synapses.iter().map(|s| s.post as i32))?;
    array(&mut out, "weight", synapses.iter().map(|s| s.weight))?;
    array(&mut out, "delay_steps", synapses.iter().map(|s| s.delay() as i32))?;
    out.finish().map_err(io::Error::other)?.flush()
}

fn array<T: npyz::AutoSerialize>(
    out: &mut ZipWriter<BufWriter<File>>,
    name: &str,
    values: impl ExactSizeIterator<Item = T>,
) -> io::Result<()> {
    out.start_file(format!("{name}.npy"), SimpleFileOptions::default()).map_err(io::Error::other)?;
    let mut array = npyz::WriteOptions::new().default_dtype().shape(&[values.len() as u64]).writer(out).begin_nd()?;
    array.extend(values)?;
    array.finish()
}

/// One row per input spike.
pub(super) fn input(path: &Path, sample: &Sample) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "step,population,neuron")?;
    for (population, neuron, step) in &sample.spikes {
        writeln!(out, "{step},{population},{neuron}")?;
    }
    out.flush()
}

/// One row per expected spike and value of the readout.
pub(super) fn expected(path: &Path, d: &Deployment, prediction: &Prediction) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "what,step,population,neuron,value")?;
    for (step, population, neuron) in &prediction.spikes {
        writeln!(out, "spike,{step},{population},{neuron},")?;
    }
    if let Some((rows, _)) = &prediction.readout {
        let population = match readout::place(d) {
            Some(Place::Device(population)) => population.to_string(),
            _ => String::new(),
        };
        for (step, row) in (d.lead_in_steps..).zip(rows.values.chunks_exact(rows.classes)) {
            for (class, value) in row.iter().enumerate() {
                writeln!(out, "readout,{step},{population},{class},{value:?}")?;
            }
        }
    }
    out.flush()
}

/// One row per weight of the readout.
pub(super) fn readout(path: &Path, readout: &HostReadout) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "source,class,weight")?;
    for (source, class, weight) in &readout.weights {
        writeln!(out, "{source},{class},{weight:?}")?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_short_and_rounds_to_its_raw_value() {
        let raws = [0, 1, -1, 32_768, 2_621_440, -3_764_807, 8_388_609, i32::MAX, i32::MIN, 3_277, 123_456_789];
        for raw in raws.into_iter().chain((0..1000).map(|k| k * 2_000_003 - 1_000_000_000)) {
            let text = decimal(raw);
            assert_eq!(fixed::raw(text.parse().expect("a number")), Some(raw), "{text}");
            assert!(text.len() <= 13 && !text.contains('e'), "{text}");
        }
        assert_eq!(decimal(i32::MAX), "65535.999969", "65535.99997 would round to it, but lies above it");
        assert_eq!((decimal(2_621_440).as_str(), decimal(3_277).as_str(), decimal(0).as_str()), ("80", "0.1", "0"));
    }

    #[test]
    fn a_large_projection_reads_back_from_its_arrays() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("proj.npz");
        let synapse =
            |i: u32| Synapse { pre: i / 7, post: i % 7, weight: 1.0 / f64::from(i + 1), delay_steps: f64::from(1 + i % 3) };
        let synapses: Vec<Synapse> = (0..5000).map(synapse).collect();
        synapses_npz(&path, &synapses).expect("written");
        let mut zip = zip::ZipArchive::new(File::open(&path).expect("there")).expect("a zip");
        let weights: Vec<f64> =
            npyz::NpyFile::new(zip.by_name("weight.npy").expect("there")).expect("an array").into_vec().expect("of f64");
        let delays: Vec<i32> =
            npyz::NpyFile::new(zip.by_name("delay_steps.npy").expect("there")).expect("an array").into_vec().expect("of i32");
        assert_eq!(weights, synapses.iter().map(|s| s.weight).collect::<Vec<_>>());
        assert_eq!(delays, synapses.iter().map(|s| s.delay_steps as i32).collect::<Vec<_>>());
    }
}
