//! Recorded spikes and rows as files.
//!
//! | file | content |
//! |---|---|
//! | `spikes.csv` | `sample,population,step,neuron,id`, populations by their index |
//! | `population_K_VARIABLE.csv` | `sample,step,n0,n1,…`, raw s16.15 |
//! | `recordings.h5` | instead of the tables above a size: data set `sample_S/population_K_VARIABLE`, rows of steps one after the other |

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicFile, ContainerWriter, Provenance, Result, UserError};
use kenyon_hardware::spinnaker::{PopulationRun, Quantised, Run};
use kenyon_hardware::{Deployment, Variable};

/// Values above which rows go into one HDF5 file: as text they would take more than about 40 MB.
const CSV_VALUES: u64 = 5_000_000;

/// Writes the results of sample after sample.
pub(super) struct Writer {
    spikes: BufWriter<AtomicFile>,
    spikes_path: PathBuf,
    rows: Vec<Rows>,
    hdf5: Option<ContainerWriter>,
}

/// A recorded variable of a population.
struct Rows {
    population: usize,
    variable: Variable,
    name: String,
    csv: Option<(PathBuf, BufWriter<AtomicFile>)>,
}

impl Writer {
    /// Opens the files that the network's recordings need.
    pub(super) fn create(folder: &Path, network: &Quantised, samples: usize) -> Result<Self> {
        let spikes_path = folder.join("spikes.csv");
        let mut spikes = BufWriter::new(AtomicFile::create(&spikes_path)?);
        writeln!(spikes, "sample,population,step,neuron,id").map_err(|e| UserError::cannot_write(&spikes_path, &e))?;
        let analogue = network.populations.iter().enumerate().filter(|(_, p)| p.cells.is_some()).flat_map(|(k, p)| {
            [Variable::V, Variable::GsynExc, Variable::GsynInh].into_iter().filter(|v| p.record.contains(v)).map(move |v| (k, v))
        });
        let analogue: Vec<(usize, Variable)> = analogue.collect();
        let values: u64 = analogue.iter().map(|(k, _)| u64::from(network.populations[*k].n)).sum();
        let large = values * u64::from(network.steps) * samples as u64 > CSV_VALUES;
        let hdf5 =
            if large { Some(ContainerWriter::create(&folder.join("recordings.h5"), "kenyon-recordings", 1)?) } else { None };
        let mut rows = Vec::with_capacity(analogue.len());
        for (population, variable) in analogue {
            let name = format!("population_{population}_{}", variable.name());
            let mut csv = None;
            if !large {
                let path = folder.join(format!("{name}.csv"));
                let mut file = BufWriter::new(AtomicFile::create(&path)?);
                let header: Vec<String> = (0..network.populations[population].n).map(|i| format!("n{i}")).collect();
                writeln!(file, "sample,step,{}", header.join(",")).map_err(|e| UserError::cannot_write(&path, &e))?;
                csv = Some((path, file));
            }
            rows.push(Rows { population, variable, name, csv });
        }
        Ok(Self { spikes, spikes_path, rows, hdf5 })
    }

    /// Adds the results of a sample.
    pub(super) fn add(&mut self, network: &Quantised, deployment: &Deployment, sample: usize, run: &Run) -> Result<()> {
        let recorded = |k: usize| network.populations[k].record.contains(&Variable::Spikes);
        for (k, population) in run.populations.iter().enumerate().filter(|(k, _)| recorded(*k)) {
            let ids = &deployment.populations[k].ids;
            for (step, neuron) in &population.spikes {
                writeln!(self.spikes, "{sample},{k},{step},{neuron},{}", ids[*neuron as usize])
                    .map_err(|e| UserError::cannot_write(&self.spikes_path, &e))?;
            }
        }
        for rows in &mut self.rows {
            let values = of(&run.populations[rows.population], rows.variable);
            if let Some(hdf5) = &self.hdf5 {
                hdf5.write(&format!("sample_{sample}/{}", rows.name), values)?;
            }
            if let Some((path, csv)) = &mut rows.csv {
                let n = network.populations[rows.population].n as usize;
                for (step, row) in values.chunks(n.max(1)).enumerate() {
                    let text: Vec<String> = row.iter().map(ToString::to_string).collect();
                    writeln!(csv, "{sample},{step},{}", text.join(",")).map_err(|e| UserError::cannot_write(path, &e))?;
                }
            }
        }
        Ok(())
    }

    /// Closes the files and names them.
    pub(super) fn finish(self) -> Result<Vec<String>> {
        let mut files = vec!["spikes.csv".to_string()];
        close(&self.spikes_path, self.spikes)?;
        for rows in self.rows {
            if let Some((path, csv)) = rows.csv {
                close(&path, csv)?;
                files.push(format!("{}.csv", rows.name));
            }
        }
        if let Some(hdf5) = self.hdf5 {
            hdf5.finish(&Provenance::default())?;
            files.push("recordings.h5".into());
        }
        Ok(files)
    }
}

fn close(path: &Path, file: BufWriter<AtomicFile>) -> Result<()> {
    file.into_inner().map_err(|e| UserError::cannot_write(path, e.error()))?.commit()
}

fn of(run: &PopulationRun, variable: Variable) -> &[i32] {
    match variable {
        Variable::V => &run.v,
        Variable::GsynExc => &run.gsyn_exc,
        Variable::GsynInh => &run.gsyn_inh,
        Variable::Spikes => &[],
    }
}
