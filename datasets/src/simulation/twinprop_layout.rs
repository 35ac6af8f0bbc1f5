//! `TwinProp` folders of an L5PC set: sparse inputs and the voltage of each simulation.
//!
//! ```text
//! <set>/<split>/simulation_<i>/exc_weighted_spikes.npz, inh_weighted_spikes.npz   CSR, segments × ms
//!                              voltage.h5: somatic_voltage f64[ms], optionally dendritic_voltage [segments × ms]
//!                              summary.pkl: arguments, counts, and `output_spike_times` in whole ms
//! ```
//!
//! Of the pickle the spike times are read, the one thing that the other files do not hold: they were found in the voltage at every
//! step, and a spike is narrower than a ms. Where there is no pickle, spikes are found in the voltage at whole ms, which can miss some.
//! Its counts and rates follow from the inputs and the spikes; its arguments are those of a program that is not this one.
//!
//! Dendritic voltages of a set have 16 bits: what is exported is exact to 0.03 mV between -64 and -128 mV, to 0.02 mV above.

use std::fs;
use std::path::{Path, PathBuf};

use half::f16;
use kenyon_base::{AtomicDir, PlainFile, PlainWriter, Progress, Result, UserError};

use super::about::{Origin, SetAbout, WeightType};
use super::labels::{inst_rate, near_spike, spike_times};
use super::npy::Csr;
use super::pickle::Pickle;
use super::plan::{Event, Item, Shard};
use super::record::Record;
use super::spec::Part;
use super::store::SimStore;
use super::writer::{SetReport, write_set};

/// Input of one simulation in this layout: excitation and inhibition.
pub(super) const INPUTS: [&str; 2] = ["exc_weighted_spikes.npz", "inh_weighted_spikes.npz"];
const VOLTAGE: &str = "voltage.h5";
/// What the simulation said of itself, and the key of its spike times.
const SUMMARY: &str = "summary.pkl";
const SPIKE_TIMES: &str = "output_spike_times";

/// Events of matrices whose rows follow one another: pass both signs, or `all_weighted_spikes.npz` alone.
///
/// # Errors
/// `bad-npz`, or matrices of different width.
pub fn read_weighted_spikes(paths: &[PathBuf]) -> Result<(Vec<Event>, [usize; 2])> {
    let (mut events, mut shape) = (Vec::new(), [0, 0]);
    for path in paths {
        let matrix = Csr::read(path)?;
        if shape[0] > 0 && shape[1] != matrix.shape[1] {
            return Err(UserError::bad_data("bad-npz", "has another length than the matrix of the other sign")
                .file(path)
                .found(matrix.shape[1].to_string())
                .expected(format!("{} columns", shape[1]))
                .mend("name the files of one simulation"));
        }
        for row in 0..matrix.shape[0] {
            let line = &matrix.entries[matrix.ptr[row] as usize..matrix.ptr[row + 1] as usize];
            let sound = line.iter().filter(|(_, w)| *w != 0.0);
            events.extend(sound.map(|&(t, weight)| Event { t, row: (shape[0] + row) as u32, weight }));
        }
        shape = [shape[0] + matrix.shape[0], matrix.shape[1]];
    }
    events.sort_unstable_by_key(|e| (e.t, e.row));
    Ok((events, shape))
}

/// A folder in the layout of `TwinProp`.
#[derive(Debug, Clone)]
pub struct TwinpropFolder {
    root: PathBuf,
    items: Vec<Item>,
    nseg: usize,
    bins: usize,
    branches: bool,
}

impl TwinpropFolder {
    /// Lists the simulations of a folder; the first one fixes the shapes of all.
    ///
    /// # Errors
    /// `not-a-twinprop-set` if there is no simulation, or the first one cannot be read.
    pub fn open(root: &Path) -> Result<Self> {
        let mut items = Vec::new();
        for part in Part::ALL {
            let Ok(entries) = fs::read_dir(root.join(part.name())) else { continue };
            for entry in entries {
                let entry = entry.map_err(|e| UserError::cannot_read(root, &e))?;
                let number = entry.file_name().to_str().and_then(|n| n.strip_prefix("simulation_")?.parse().ok());
                items.extend(number.filter(|_| entry.path().is_dir()).map(|index| Item { part, index }));
            }
        }
        items.sort_unstable();
        let Some(&first) = items.first() else {
            return Err(UserError::bad_data("not-a-twinprop-set", "holds no simulation in this layout")
                .file(root)
                .expected("`train/simulation_0/voltage.h5` and its like")
                .mend("name the folder that holds `train`, `valid` and `test`"));
        };
        let folder = folder(root, first);
        let matrix = Csr::read(&folder.join(INPUTS[0]))?;
        if matrix.shape.contains(&0) {
            return Err(UserError::bad_data("bad-npz", "holds no input")
                .file(folder.join(INPUTS[0]))
                .found(format!("{:?}", matrix.shape))
                .expected("at least one segment and one ms")
                .mend("leave the simulation out"));
        }
        let branches = PlainFile::open(&folder.join(VOLTAGE))?.has("dendritic_voltage");
        Ok(Self { root: root.into(), items, nseg: matrix.shape[0], bins: matrix.shape[1], branches })
    }

    /// The simulations, in order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// What a set of this folder says about itself, from what is known of its neuron.
    ///
    /// # Errors
    /// `other-neuron` if the simulations have another number of segments or another length.
    pub fn about(&self, known: SetAbout) -> Result<SetAbout> {
        let mut about = known.imported(&self.root, "twinprop", Origin::TwinpropLayout, self.nseg, self.bins)?;
        about.neuron.branches = self.branches;
        about.weight = WeightType::F64;
        Ok(about)
    }

    /// Reads one simulation.
    ///
    /// # Errors
    /// `bad-npz`, or a voltage that is missing or of another length.
    pub fn record(&self, item: Item, about: &SetAbout) -> Result<Record> {
        let folder = folder(&self.root, item);
        let (events, shape) = read_weighted_spikes(&INPUTS.map(|name| folder.join(name)))?;
        let path = folder.join(VOLTAGE);
        let file = PlainFile::open(&path)?;
        let (_, soma) = file.read::<f64>("somatic_voltage")?;
        let branch = if self.branches { file.read::<f64>("dendritic_voltage")?.1 } else { Vec::new() };
        let expected = [2 * self.nseg, self.bins];
        let branches = if self.branches { self.nseg * self.bins } else { 0 };
        if shape != expected || soma.len() != self.bins || branch.len() != branches {
            return Err(UserError::bad_data("bad-shape", "the simulation has another shape than the first one")
                .file(&folder)
                .found(format!("input {shape:?}, {} and {} voltages", soma.len(), branch.len()))
                .expected(format!("input {expected:?}, {} and {branches} voltages", self.bins))
                .mend("import simulations of one neuron and one length"));
        }
        if soma.iter().chain(&branch).any(|v| !v.is_finite()) {
            return Err(UserError::bad_data("not-finite", "a voltage is not a number")
                .file(&path)
                .mend("leave the simulation out, or make it again"));
        }
        let spikes = match self.summary_spikes(&folder)? {
            Some(spikes) => spikes,
            None => spike_times(about.labels.spike, &soma, 1).into_iter().map(|t| t as usize).collect(),
        };
        let mut spike = vec![false; self.bins];
        for &t in &spikes {
            spike[t] = true;
        }
        Ok(Record {
            item,
            seed: 0,
            trials: 1,
            failed: None,
            left_bounds_ms: None,
            events,
            spikes_ms: spikes.iter().map(|&t| t as f32).collect(),
            near_spike: near_spike(&spike, &soma, &about.labels),
            inst_rate: inst_rate(&spike, about.labels.rate),
            soma_v: soma.iter().map(|&v| v as f32).collect(),
            branch_v: branch.iter().map(|v| f16::from_f64(v.min(about.labels.branch_cap_mv))).collect(),
            extra: Vec::new(),
        })
    }

    /// Spike times in whole ms from the summary, in order, two in one ms as one; none where there is no summary.
    fn summary_spikes(&self, folder: &Path) -> Result<Option<Vec<usize>>> {
        let path = folder.join(SUMMARY);
        if !path.exists() {
            return Ok(None);
        }
        let Some(times) = Pickle::read(&path)?.whole_numbers(SPIKE_TIMES)? else {
            return Err(UserError::bad_data("bad-pickle", "is no summary of a simulation")
                .file(&path)
                .expected(format!("a dict with `{SPIKE_TIMES}`"))
                .mend("copy the file again; without it the spikes are found in the voltage at whole ms"));
        };
        let within = |&t: &i64| usize::try_from(t).ok().filter(|&t| t < self.bins);
        if let Some(beyond) = times.iter().find(|t| within(t).is_none()) {
            return Err(UserError::bad_data("bad-shape", "a spike lies beyond the voltage")
                .file(&path)
                .found(format!("{beyond} ms"))
                .expected(format!("0 to {} ms", self.bins - 1))
                .mend("keep the files of one simulation together"));
        }
        let mut times: Vec<usize> = times.iter().filter_map(within).collect();
        times.sort_unstable();
        times.dedup();
        Ok(Some(times))
    }

    /// Writes the folder as a set in one file; says how many simulations lack their summary.
    ///
    /// # Errors
    /// `other-neuron`, a file that cannot be read or does not fit, or a failed write.
    pub fn import(&self, known: SetAbout, target: &Path, progress: &dyn Progress) -> Result<SetReport> {
        let about = self.about(known)?;
        let bare = self.items.iter().filter(|&&item| !folder(&self.root, item).join(SUMMARY).exists()).count();
        if bare > 0 {
            progress.note(&format!(
                "{bare} of {} simulations have no `{SUMMARY}`: their spikes are those of the voltage at whole ms, which can miss some",
                self.items.len()
            ));
        }
        let records = self.items.iter().map(|&item| self.record(item, &about));
        write_set(target, &about, Shard::WHOLE, &self.items, records, progress)
    }
}

fn folder(root: &Path, item: Item) -> PathBuf {
    root.join(item.part.name()).join(format!("simulation_{}", item.index))
}

/// Writes a set in the layout of `TwinProp`, whole or not at all; flagged simulations only where `flagged` says so.
///
/// # Errors
/// A simulation that cannot be read, or a failed write.
pub fn export_twinprop(store: &SimStore, target: &Path, flagged: bool, progress: &dyn Progress) -> Result<usize> {
    let about = store.about();
    let (nseg, bins) = (about.nseg as usize, about.duration_ms as usize);
    let out = AtomicDir::create(target)?;
    let mut written = 0;
    for part in store.parts() {
        progress.stage(part.name(), Some(store.entries(part).len() as u64));
        for (at, entry) in store.entries(part).iter().enumerate() {
            progress.advance(1);
            if entry.left_bounds_ms.is_some() || (entry.failed.is_some() && !flagged) {
                continue;
            }
            let record = store.record(part, at)?;
            let folder = folder(out.path(), record.item);
            fs::create_dir_all(&folder).map_err(|e| UserError::cannot_write(&folder, &e))?;
            let mut events: Vec<Event> = record.events.iter().filter(|e| e.t >= about.warmup_ms).copied().collect();
            events.sort_unstable_by_key(|e| (e.row, e.t));
            for (sign, name) in INPUTS.iter().enumerate() {
                let rows = sign * nseg..(sign + 1) * nseg;
                let ptr = rows.start..=rows.end;
                let begin = events.partition_point(|e| (e.row as usize) < rows.start);
                let ptr = ptr.map(|row| (events.partition_point(|e| (e.row as usize) < row) - begin) as u32).collect();
                let of_sign = events.iter().filter(|e| rows.contains(&(e.row as usize)));
                let entries = of_sign.map(|e| (e.t - about.warmup_ms, exported(e.weight, about.weight))).collect();
                Csr { shape: [nseg, bins], ptr, entries }.write(&folder.join(name))?;
            }
            let voltage = PlainWriter::create(&folder.join(VOLTAGE))?;
            let soma: Vec<f64> = record.soma_v.iter().map(|&v| f64::from(v)).collect();
            voltage.write("somatic_voltage", &[bins], &soma)?;
            if !record.branch_v.is_empty() {
                let branch: Vec<f32> = record.branch_v.iter().map(|v| v.to_f32()).collect();
                voltage.write("dendritic_voltage", &[nseg, bins], &branch)?;
            }
            voltage.finish()?;
            written += 1;
        }
    }
    out.commit()?;
    Ok(written)
}

/// A weight in 64 bits: one that was rounded to 5 decimals before it was stored in 32 bits has these decimals again.
fn exported(weight: f64, stored: WeightType) -> f64 {
    let decimal = (weight * 1e5).round_ties_even() / 1e5;
    if stored == WeightType::F32 && f64::from(decimal as f32).to_bits() == weight.to_bits() { decimal } else { weight }
}
