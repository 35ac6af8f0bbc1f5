//! The reference system's folders of a ball-and-stick set: six `.npy` files per simulation.
//!
//! ```text
//! <set>/{train,valid,test}/{inputs,output_spikes,output_soma_v,output_near_spikes,output_inst_rate,intermidiate_branch_v}/
//!     sim_0000000.npy
//! <set>/large_regular_spiking_NMDA_<set>__<date>.json    the parameters of the neuron
//! ```
//!
//! The numbering may have holes. The pickle of the reference is neither read nor written.

use std::fs;
use std::path::{Path, PathBuf};

use half::f16;
use kenyon_base::{AtomicDir, Progress, Result, UserError};

use super::about::{Origin, SetAbout, WeightType};
use super::labels::capped;
use super::npy::Npy;
use super::plan::{Event, Item, Shard};
use super::record::Record;
use super::spec::Part;
use super::store::SimStore;
use super::writer::{SetReport, write_set};

/// Folders of one part: input, then labels. The misspelling belongs to the layout.
const FOLDERS: [&str; 6] =
    ["inputs", "output_spikes", "output_soma_v", "output_near_spikes", "output_inst_rate", "intermidiate_branch_v"];

/// Name of the file of parameters.
///
/// `large` from 1,000 µm of dendrite, `medium` from 500 µm; `slow` with an SK factor above 0.3.
pub fn neuron_file_name(dendrite_um: f64, sk_factor: f64, nmda: bool, set: &str, date: &str) -> String {
    let size = match dendrite_um {
        l if l >= 1000.0 => "large",
        l if l >= 500.0 => "medium",
        _ => "small",
    };
    let speed = if sk_factor > 0.3 { "slow" } else { "regular" };
    let receptor = if nmda { "NMDA" } else { "AMPA" };
    format!("{size}_{speed}_spiking_{receptor}_{set}__{date}.json")
}

/// A folder in the reference layout.
#[derive(Debug, Clone)]
pub struct ReferenceFolder {
    root: PathBuf,
    items: Vec<Item>,
    nseg: usize,
    bins: usize,
}

impl ReferenceFolder {
    /// Lists the simulations of a folder; the first one fixes the shapes of all.
    ///
    /// # Errors
    /// `not-a-reference-set` if there is no simulation.
    pub fn open(root: &Path) -> Result<Self> {
        let mut items = Vec::new();
        for part in Part::ALL {
            let folder = root.join(part.name()).join(FOLDERS[0]);
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries {
                let entry = entry.map_err(|e| UserError::cannot_read(&folder, &e))?;
                let name = entry.file_name();
                let number = name.to_str().and_then(|n| n.strip_prefix("sim_")?.strip_suffix(".npy")?.parse().ok());
                items.extend(number.map(|index| Item { part, index }));
            }
        }
        items.sort_unstable();
        let Some(first) = items.first() else {
            return Err(UserError::bad_data("not-a-reference-set", "holds no simulation in the reference layout")
                .file(root)
                .expected("`train/inputs/sim_0000000.npy` and its like")
                .mend("name the folder that holds `train`, `valid` and `test`"));
        };
        let path = file(root, *first, FOLDERS[0]);
        let input = Npy::read_any(&path)?;
        match input.shape[..] {
            [nseg, bins, 2] if input.descr == "<f2" && nseg > 0 && bins > 0 => Ok(Self { root: root.into(), items, nseg, bins }),
            _ => Err(UserError::bad_data("bad-npy", "is no input of this layout")
                .file(&path)
                .found(format!("{} {:?}", input.descr, input.shape))
                .expected("<f2 [segments, ms, 2]")
                .mend("name a folder of the reference system")),
        }
    }

    /// The simulations, in order; numbers may have holes.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// What a set of this folder says about itself, from what is known of its neuron.
    ///
    /// # Errors
    /// `other-neuron` if the simulations have another number of segments or another length.
    pub fn about(&self, known: SetAbout) -> Result<SetAbout> {
        let mut about = known.imported(&self.root, "npy", Origin::ReferenceLayout, self.nseg, self.bins)?;
        about.initialisation_ms = 0;
        about.neuron.branches = true;
        about.weight = WeightType::F16;
        Ok(about)
    }

    /// Reads one simulation. Spike times are begins of bins, voltages are capped as in the files.
    ///
    /// # Errors
    /// `bad-npy` with the file.
    pub fn record(&self, item: Item) -> Result<Record> {
        let (nseg, bins) = (self.nseg, self.bins);
        let path = |folder: &str| file(&self.root, item, folder);
        let input = Npy::read(&path(FOLDERS[0]), "<f2", &[nseg, bins, 2])?.halves();
        let mut events = Vec::new();
        for t in 0..bins {
            for row in 0..2 * nseg {
                let w = input[((row % nseg) * bins + t) * 2 + row / nseg];
                if w.to_bits() != 0 {
                    events.push(Event { t: t as u32, row: row as u32, weight: w.to_f64() });
                }
            }
        }
        let flags = |folder: &str| -> Result<Vec<bool>> {
            let npy = Npy::read(&path(folder), "|b1", &[bins])?;
            match npy.data.iter().find(|&&b| b > 1) {
                Some(odd) => Err(UserError::bad_data("bad-npy", "holds a flag that is neither 0 nor 1")
                    .file(path(folder))
                    .found(odd.to_string())
                    .mend("write it again with numpy.save")),
                None => Ok(npy.data.iter().map(|&b| b == 1).collect()),
            }
        };
        let spike = flags(FOLDERS[1])?;
        Ok(Record {
            item,
            seed: 0,
            trials: 1,
            failed: None,
            left_bounds_ms: None,
            events,
            spikes_ms: spike.iter().enumerate().filter(|(_, s)| **s).map(|(k, _)| k as f32).collect(),
            soma_v: Npy::read(&path(FOLDERS[2]), "<f4", &[bins])?.singles(),
            near_spike: flags(FOLDERS[3])?,
            inst_rate: Npy::read(&path(FOLDERS[4]), "<f4", &[bins])?.singles(),
            branch_v: Npy::read(&path(FOLDERS[5]), "<f2", &[nseg, bins])?.halves(),
            extra: Vec::new(),
        })
    }

    /// Writes the folder as a set in one file.
    ///
    /// # Errors
    /// `other-neuron`, a file that cannot be read or does not fit, or a failed write.
    pub fn import(&self, known: SetAbout, target: &Path, progress: &dyn Progress) -> Result<SetReport> {
        let about = self.about(known)?;
        let records = self.items.iter().map(|&item| self.record(item));
        write_set(target, &about, Shard::WHOLE, &self.items, records, progress)
    }
}

fn file(root: &Path, item: Item, folder: &str) -> PathBuf {
    root.join(item.part.name()).join(folder).join(format!("sim_{:07}.npy", item.index))
}

/// Writes a set in the reference layout, whole or not at all; the warm-up is left out, voltages are capped.
///
/// Simulations that a filter flags are written only where `flagged` says so; the numbering keeps their holes.
///
/// # Errors
/// `bad-weight` if weights are no 16-bit numbers, `no-branches` without dendritic voltages, or a failed write.
pub fn export_reference(
    store: &SimStore,
    target: &Path,
    neuron_file: &str,
    flagged: bool,
    progress: &dyn Progress,
) -> Result<usize> {
    let about = store.about();
    if about.weight != WeightType::F16 {
        return Err(UserError::usage("bad-weight", "the reference layout has weights of 16 bits")
            .file(store.path())
            .found(format!("{:?}", about.weight))
            .mend("export this set in the layout of its own reference"));
    }
    if about.branches() == 0 {
        return Err(UserError::usage("no-branches", "the reference layout has dendritic voltages, the set has none")
            .file(store.path())
            .mend("simulate with dendritic recordings"));
    }
    let (nseg, bins) = (about.nseg as usize, about.duration_ms as usize);
    let out = AtomicDir::create(target)?;
    let root = out.path();
    let chosen: Vec<(Part, usize)> = store
        .parts()
        .into_iter()
        .flat_map(|part| store.chosen(part, flagged).into_iter().map(move |at| (part, at as usize)).collect::<Vec<_>>())
        .collect();
    for part in store.parts() {
        for folder in FOLDERS {
            let folder = root.join(part.name()).join(folder);
            fs::create_dir_all(&folder).map_err(|e| UserError::cannot_write(&folder, &e))?;
        }
    }
    progress.stage("writing simulations", Some(chosen.len() as u64));
    for &(part, at) in &chosen {
        let record = store.record(part, at)?;
        let path = |folder: &str| file(root, record.item, folder);
        let mut input = vec![0_u8; nseg * bins * 4];
        for e in record.events.iter().filter(|e| e.t >= about.warmup_ms) {
            let (row, t) = (e.row as usize, (e.t - about.warmup_ms) as usize);
            let place = 2 * (((row % nseg) * bins + t) * 2 + row / nseg);
            input[place..place + 2].copy_from_slice(&f16::from_f64(e.weight).to_le_bytes());
        }
        let flags = |flags: &[bool]| flags.iter().map(|&f| u8::from(f)).collect::<Vec<u8>>();
        let singles = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        // What was read from this layout goes back as it was.
        let as_read = about.origin == Origin::ReferenceLayout;
        let cap = f16::from_f64(about.labels.branch_cap_mv);
        let branch = record.branch_v.iter().flat_map(|v| if as_read { *v } else { v.min(cap) }.to_le_bytes()).collect();
        Npy::new("<f2", &[nseg, bins, 2], input).write(&path(FOLDERS[0]))?;
        Npy::new("|b1", &[bins], flags(&record.spike_bins())).write(&path(FOLDERS[1]))?;
        let soma = if as_read { record.soma_v.clone() } else { capped(&record.soma_v, about.labels.soma_cap_mv) };
        Npy::new("<f4", &[bins], singles(&soma)).write(&path(FOLDERS[2]))?;
        Npy::new("|b1", &[bins], flags(&record.near_spike)).write(&path(FOLDERS[3]))?;
        Npy::new("<f4", &[bins], singles(&record.inst_rate)).write(&path(FOLDERS[4]))?;
        Npy::new("<f2", &[nseg, bins], branch).write(&path(FOLDERS[5]))?;
        progress.advance(1);
    }
    let mut text = serde_json::to_string_pretty(&about.neuron.parameters).expect("plain data");
    text.push('\n');
    let path = root.join(neuron_file);
    fs::write(&path, text).map_err(|e| UserError::cannot_write(&path, &e))?;
    out.commit()?;
    Ok(chosen.len())
}
