//! The tables of an export. They hold numbers only.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use npyz::WriterBuilder as _;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::deployment::{HostReadout, Neurons, Population, Sample, Synapse};
use crate::spinnaker::fixed;

/// Synapses above which a projection is written as `npz`: text of that size takes minutes to read.
pub(super) const NPZ_ABOVE: usize = 1_000_000;

/// Shortest decimal text that reads back as the same number.
fn text(value: f64) -> String {
    format!("{value:?}")
}

fn writer(path: &Path) -> io::Result<csv::Writer<File>> {
    Ok(csv::Writer::from_path(path)?)
}

/// One row per neuron: id and parameters.
///
/// Thresholds are rounded up to s16.15: a board that rounds them to the nearest would spike at the threshold itself, where the
/// trained network does not.
pub(super) fn cells(path: &Path, population: &Population) -> io::Result<()> {
    let columns = population.cells.neurons().map(Neurons::columns).unwrap_or_default();
    let mut out = writer(path)?;
    out.write_record(["index", "id"].into_iter().chain(columns.iter().map(|(name, _)| *name)))?;
    for (i, id) in population.ids.iter().enumerate() {
        let values = columns.iter().map(|&(name, values)| match name {
            "v_thresh" => text((values[i] * fixed::ONE).ceil() / fixed::ONE),
            _ => text(values[i]),
        });
        out.write_record([i.to_string(), id.to_string()].into_iter().chain(values))?;
    }
    out.flush()
}

/// One row per synapse.
pub(super) fn synapses_csv(path: &Path, synapses: &[Synapse]) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "pre,post,weight,delay_steps")?;
    for s in synapses {
        writeln!(out, "{},{},{:?},{}", s.pre, s.post, s.weight, s.delay_steps as u32)?;
    }
    out.flush()
}

/// The same as arrays that `numpy.load` reads.
pub(super) fn synapses_npz(path: &Path, synapses: &[Synapse]) -> io::Result<()> {
    let mut out = ZipWriter::new(BufWriter::new(File::create(path)?));
    array(&mut out, "pre", synapses.iter().map(|s| s.pre as i32))?;
    array(&mut out, "post", synapses.iter().map(|s| s.post as i32))?;
    array(&mut out, "weight", synapses.iter().map(|s| s.weight))?;
    array(&mut out, "delay_steps", synapses.iter().map(|s| s.delay_steps as i32))?;
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
    fn numbers_read_back_as_the_same_bits() {
        for value in [0.1, 1.0 / 3.0, 1e-300, 131.254_817_8, f64::MIN_POSITIVE, 65_535.999_97] {
            assert_eq!(text(value).parse::<f64>().expect("a number").to_bits(), value.to_bits());
        }
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
