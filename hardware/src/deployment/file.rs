//! A deployment as a file: one sealed HDF5 container, or one JSON document.
//!
//! | HDF5 data set | content |
//! |---|---|
//! | `description` | the deployment as JSON, its tables left empty |
//! | `populations/K/ids`, `names`, one per parameter | one value per neuron |
//! | `projections/K/pre`, `post`, `weight`, `delay_steps` | one value per synapse |
//! | `samples/ptr`, `population`, `neuron`, `step` | spikes of sample `i` from `ptr[i]` to `ptr[i + 1]` |
//! | `host_readout/source`, `class`, `weight` | one value per weight |

use std::fs;
use std::io::Write as _;
use std::path::Path;

use kenyon_base::{AtomicFile, Container, ContainerWriter, Provenance, Result, UserError};

use super::{Deployment, Synapse, VERSION, numbers};

/// Name of the format in the container.
const FORMAT: &str = "kenyon-deployment";

impl Deployment {
    /// Writes the deployment: as JSON if the name ends in `.json`, else as HDF5.
    ///
    /// # Errors
    /// Bad data if it fails its [check](Self::check); `cannot-write`.
    pub fn write(&self, path: &Path) -> Result<()> {
        self.check()?;
        if is_json(path) { self.write_json(path) } else { self.write_hdf5(path) }
    }

    /// Reads and checks a deployment.
    ///
    /// # Errors
    /// Bad data: what is wrong in the file, or with the deployment.
    pub fn read(path: &Path) -> Result<Self> {
        let deployment = Self::read_unchecked(path)?;
        deployment.check().map_err(|e| e.file(path))?;
        Ok(deployment)
    }

    /// Reads a deployment as it is, for [lint](crate::lint) to say all that is wrong with it.
    ///
    /// # Errors
    /// Bad data: what is wrong in the file.
    pub fn read_unchecked(path: &Path) -> Result<Self> {
        if is_json(path) { Self::read_json(path) } else { Self::read_hdf5(path) }
    }

    fn write_json(&self, path: &Path) -> Result<()> {
        let mut file = AtomicFile::create(path)?;
        let text = serde_json::to_vec_pretty(self).expect("a checked deployment is plain data");
        file.write_all(&text).and_then(|()| file.write_all(b"\n")).map_err(|e| UserError::cannot_write(path, &e))?;
        file.commit()
    }

    fn read_json(path: &Path) -> Result<Self> {
        let text = fs::read(path).map_err(|e| UserError::cannot_read(path, &e))?;
        let read = serde_json::from_slice(&text);
        let again = || numbers::quoted(&text).and_then(|text| serde_json::from_slice(&text).ok());
        read.or_else(|e| again().ok_or(e)).map_err(|e| {
            UserError::bad_data("deployment-json", format!("is no deployment: {e}"))
                .file(path)
                .key(crate::json::place(&text, &e))
                .line(e.line() as u64)
                .mend("compare with a deployment that `kenyon export deployment` wrote")
        })
    }

    fn write_hdf5(&self, path: &Path) -> Result<()> {
        let mut bare = self.clone();
        let out = ContainerWriter::create(path, FORMAT, VERSION)?;
        for (k, population) in bare.populations.iter_mut().enumerate() {
            out.write(&format!("populations/{k}/ids"), &std::mem::take(&mut population.ids))?;
            out.write_text(&format!("populations/{k}/names"), &std::mem::take(&mut population.names))?;
            for (name, values) in population.cells.neurons_mut().map(super::Neurons::columns_mut).unwrap_or_default() {
                out.write(&format!("populations/{k}/{name}"), &std::mem::take(values))?;
            }
        }
        for (k, projection) in bare.projections.iter_mut().enumerate() {
            let synapses = std::mem::take(&mut projection.synapses);
            out.write(&format!("projections/{k}/pre"), &synapses.iter().map(|s| s.pre).collect::<Vec<_>>())?;
            out.write(&format!("projections/{k}/post"), &synapses.iter().map(|s| s.post).collect::<Vec<_>>())?;
            out.write(&format!("projections/{k}/weight"), &synapses.iter().map(|s| s.weight).collect::<Vec<_>>())?;
            out.write(&format!("projections/{k}/delay_steps"), &synapses.iter().map(|s| s.delay_steps).collect::<Vec<_>>())?;
        }
        let spikes: Vec<_> = bare.samples.iter_mut().map(|s| std::mem::take(&mut s.spikes)).collect();
        let mut ptr = vec![0u64];
        ptr.extend(spikes.iter().scan(0, |end, s| {
            *end += s.len() as u64;
            Some(*end)
        }));
        out.write("samples/ptr", &ptr)?;
        out.write("samples/population", &spikes.iter().flatten().map(|s| s.0).collect::<Vec<_>>())?;
        out.write("samples/neuron", &spikes.iter().flatten().map(|s| s.1).collect::<Vec<_>>())?;
        out.write("samples/step", &spikes.iter().flatten().map(|s| s.2).collect::<Vec<_>>())?;
        if let Some(readout) = &mut bare.host_readout {
            let weights = std::mem::take(&mut readout.weights);
            out.write("host_readout/source", &weights.iter().map(|w| w.0).collect::<Vec<_>>())?;
            out.write("host_readout/class", &weights.iter().map(|w| w.1).collect::<Vec<_>>())?;
            out.write("host_readout/weight", &weights.iter().map(|w| w.2).collect::<Vec<_>>())?;
        }
        out.write_text("description", &[serde_json::to_string(&bare).expect("plain data")])?;
        // The description names what the network was made from.
        out.finish(&Provenance::default())
    }

    fn read_hdf5(path: &Path) -> Result<Self> {
        let file = Container::open(path, FORMAT, VERSION)?;
        let broken = |message: String| UserError::bad_data("deployment-tables", message).file(path).mend("export it again");
        let text = file.read_text("description")?.into_iter().next().unwrap_or_default();
        let mut out: Self = serde_json::from_str(&text).map_err(|e| broken(format!("bad description: {e}")))?;
        for (k, population) in out.populations.iter_mut().enumerate() {
            population.ids = file.read(&format!("populations/{k}/ids"))?;
            population.names = file.read_text(&format!("populations/{k}/names"))?;
            for (name, values) in population.cells.neurons_mut().map(super::Neurons::columns_mut).unwrap_or_default() {
                *values = file.read(&format!("populations/{k}/{name}"))?;
            }
        }
        for (k, projection) in out.projections.iter_mut().enumerate() {
            let pre: Vec<u32> = file.read(&format!("projections/{k}/pre"))?;
            let post: Vec<u32> = file.read_len(&format!("projections/{k}/post"), pre.len())?;
            let weight: Vec<f64> = file.read_len(&format!("projections/{k}/weight"), pre.len())?;
            let delay: Vec<f64> = file.read_len(&format!("projections/{k}/delay_steps"), pre.len())?;
            let synapse = |i| Synapse { pre: pre[i], post: post[i], weight: weight[i], delay_steps: delay[i] };
            projection.synapses = (0..pre.len()).map(synapse).collect();
        }
        let ptr: Vec<u64> = file.read_len("samples/ptr", out.samples.len() + 1)?;
        let population: Vec<u32> = file.read("samples/population")?;
        let neuron: Vec<u32> = file.read_len("samples/neuron", population.len())?;
        let step: Vec<u32> = file.read_len("samples/step", population.len())?;
        for (sample, ends) in out.samples.iter_mut().zip(ptr.windows(2)) {
            let range = ends[0] as usize..ends[1] as usize;
            if range.start > range.end || range.end > population.len() {
                return Err(broken(format!("spikes of sample {} lie outside the table", sample.name)));
            }
            sample.spikes = range.map(|i| (population[i], neuron[i], step[i])).collect();
        }
        if let Some(readout) = &mut out.host_readout {
            let pre: Vec<u32> = file.read("host_readout/source")?;
            let class: Vec<u32> = file.read_len("host_readout/class", pre.len())?;
            let weight: Vec<f64> = file.read_len("host_readout/weight", pre.len())?;
            readout.weights = (0..pre.len()).map(|i| (pre[i], class[i], weight[i])).collect();
        }
        Ok(out)
    }
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"))
}
