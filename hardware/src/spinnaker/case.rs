//! Reference cases: a folder with `network.json` and what the released binaries recorded.
//!
//! | file | content |
//! |---|---|
//! | `network.json` | time step, populations with their PyNN parameters, projections; what the core derived from them |
//! | `LABEL_v.csv`, `LABEL_gsyn_exc.csv`, `LABEL_gsyn_inh.csv` | `step,n0,n1,…`: raw s16.15 |
//! | `LABEL_spikes.csv` | `step,neuron` |
//!
//! | module | subject |
//! |---|---|
//! | here | a case: what there is, and what is expected |
//! | `network` | `network.json` as a deployment |
//! | `tables` | the recorded tables |
//! | `difference` | the reference beside our results |
//!
//! Numbers of a case are those of a PyNN script: [`Options::AS_WRITTEN`](super::Options::AS_WRITTEN) quantises it. Delays are rounded to whole
//! steps as the released tools round them. Several projections may join the same populations: each has its own rows on the board.

mod difference;
mod network;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kenyon_base::{Result, UserError};
use serde_json::Value;

use self::network::Network;
use super::quantise::Quantised;
use super::recording::Run;
use crate::deployment::Deployment;
use crate::json;

pub use difference::{Difference, state};

/// A reference case.
#[derive(Debug, Clone)]
pub struct Case {
    /// The network, with one sample.
    pub deployment: Deployment,
    /// What the reference says of each population, in the deployment's order.
    pub expected: Vec<Expected>,
    /// `network.json` as it is.
    pub document: Value,
}

/// What the reference says of a population; what it does not say is not compared.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Constants of each neuron by the reference's names.
    pub state: Option<Vec<BTreeMap<String, i64>>>,
    /// Ring-buffer shifts \[exc, inh\].
    pub shift: Option<[i64; 2]>,
    /// Clipped additions.
    pub saturations: Option<u64>,
    /// Rows of V, `gsyn_exc`, `gsyn_inh`.
    pub rows: [Option<Vec<i32>>; 3],
    /// Spikes (step, neuron), sorted.
    pub spikes: Option<Vec<(u32, u32)>>,
    /// Names of the tables that should be there and are not.
    pub missing: Vec<String>,
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// Bad data, naming file and place: `network.json` is missing, a file is broken, or the network has something that is not emulated.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("network.json");
        let text = fs::read(&path).map_err(|e| UserError::cannot_read(&path, &e).in_data())?;
        let broken = |e: serde_json::Error| {
            let place = json::place(&text, &e);
            UserError::bad_data("case-json", format!("is no network: {e}")).file(&path).line(e.line() as u64).key(place)
        };
        let document: Value = serde_json::from_slice(&text).map_err(broken)?;
        let network: Network = serde_json::from_slice(&text).map_err(broken)?;
        let in_file = |e: UserError| e.file(&path);
        let name = folder.file_name().map_or_else(|| "case".into(), |n| n.to_string_lossy().into_owned());
        let deployment = network.deployment(name).map_err(in_file)?;
        deployment.check_structure().map_err(in_file)?;
        let mut expected = Vec::with_capacity(network.populations.len());
        for entry in network.populations {
            let counted = network.n_ring_buffer_saturations.get(&entry.label);
            let plain =
                |state: BTreeMap<String, network::Whole>| state.into_iter().map(|(name, value)| (name, value.0)).collect();
            let mut one = Expected {
                state: entry.state_raw.map(|list| list.into_iter().map(plain).collect()),
                shift: entry.ring_buffer_left_shift.map(|pair| pair.map(|p| p.0)),
                saturations: counted.and_then(|n| u64::try_from(n.0).ok()),
                ..Expected::default()
            };
            if entry.spike_steps.is_none() {
                one.read_tables(folder, &entry.label, entry.n.0 as usize, network.steps.0)?;
            }
            expected.push(one);
        }
        Ok(Self { deployment, expected, document })
    }

    /// Input of the case.
    pub fn input(&self) -> &[(u32, u32, u32)] {
        &self.deployment.samples[0].spikes
    }

    /// Compares our results with the reference's.
    pub fn compare(&self, network: &Quantised, run: &Run) -> Vec<Difference> {
        let populations = network.populations.iter().zip(&run.populations).zip(&self.expected);
        let cells = populations.filter_map(|((p, run), expected)| p.cells.as_ref().map(|cells| (&p.label, cells, run, expected)));
        cells.map(|(label, cells, run, expected)| expected.compare(label, cells, run)).collect()
    }
}
