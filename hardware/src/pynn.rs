//! A [`Deployment`] as a PyNN program with its data files.
//!
//! | file | subject |
//! |---|---|
//! | here | the folder: what is written, whole or not at all |
//! | `network` | `network.json` |
//! | `tables` | the tables of numbers |
//! | `prediction` | the network in the board's numbers, and what it is predicted to do |
//! | `config` | sPyNNaker's configuration |
//! | [`read`](read()) | an exported folder as a [`Deployment`] again |
//! | [`mapping`](mapping()) | memory images and routes beside those of sPyNNaker's mapper |
//! | [`compare`](compare()) | what back ends did beside what was expected |
//!
//! The program is the same text for every network. Names from a dump can hold anything, so none of them enters Python source, a
//! path or a table: they are texts in `network.json`, and PyNN's labels are made of letters, digits and a number.

mod compare;
mod config;
mod mapping;
pub(crate) mod network;
mod prediction;
mod read;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kenyon_base::{AtomicDir, Result, UserError, digest};
use serde::Serialize;

use self::network::Names;
use self::prediction::Prediction;
use crate::deployment::Deployment;
use crate::lint::{self, Activity, Finding, Known};
use crate::spinnaker::packing::Machine;
use crate::spinnaker::{self, Quantised};

pub use compare::{Comparison, NOT_EVIDENCE, compare};
pub use mapping::mapping;
pub use read::read;

/// Name of the format in `network.json`.
const FORMAT: &str = "kenyon-pynn";
/// Its version.
const VERSION: u64 = 1;
/// The file that names all others.
const NETWORK: &str = "network.json";
/// The file that is the user's to edit.
const CONFIG: &str = "spynnaker.cfg";

/// Files that are the same for every network.
const FIXED: [(&str, &str); 5] = [
    ("run_pynn.py", include_str!("pynn/run_pynn.py")),
    ("requirements.txt", include_str!("pynn/requirements.txt")),
    ("requirements-neuron.txt", include_str!("pynn/requirements-neuron.txt")),
    ("requirements-brian2.txt", include_str!("pynn/requirements-brian2.txt")),
    ("requirements-spinnaker.txt", include_str!("pynn/requirements-spinnaker.txt")),
];
const README: &str = include_str!("pynn/README.md");

/// Choices of an export; they matter on SpiNNaker alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Address of the board; none writes the configuration of a virtual one.
    pub machine: Option<String>,
    /// Whether neurons and synapses may run on cores of their own below 1 ms, as sPyNNaker's default is; such cores are not emulated.
    pub split: bool,
    /// `max_expected_summed_weight` of every population \[excitatory, inhibitory\]; none chooses them from what the samples do.
    pub max_expected_summed_weight: Option<[f64; 2]>,
    /// Whether to write what lint says cannot run on a SpiNN-5 board, as for simulators alone.
    pub force: bool,
}

/// What an export holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Neurons, inputs and readouts included.
    pub neurons: usize,
    /// Synapses.
    pub synapses: usize,
    /// Samples.
    pub samples: usize,
    /// Synapses that are 0 in the board's 16 bits.
    pub zeroed: u64,
    /// What lint found for a SpiNNaker board.
    pub findings: Vec<Finding>,
    /// Names of the files, sorted.
    pub files: Vec<String>,
}

/// Writes the program and its data to the folder `dir`, whole or not at all.
///
/// # Errors
/// Bad data if the deployment fails its [check](Deployment::check), or has numbers that the board does not; `lint`, a check that does
/// not hold; wrong usage for a bad address; `not-empty` if `dir` holds something; `cannot-write`.
pub fn export(deployment: &Deployment, dir: &Path, options: &Options) -> Result<Exported> {
    deployment.check()?;
    let config = config::text(options.machine.as_deref())?;
    let (numbers, board, expected_sums) = prediction::on_board(deployment, options)?;
    let findings = lint(deployment, &numbers, &board, options)?;
    let predictions = prediction::predict(deployment, &board);
    let folder = AtomicDir::create(dir)?;
    let names = write_tables(deployment, &board, &predictions, folder.path())?;
    let forced: Vec<&Finding> = findings.iter().filter(|f| f.severity == lint::Severity::Error).collect();
    let readme = readme(deployment, &forced);
    let texts = FIXED.into_iter().chain([("README.md", readme.as_str()), (CONFIG, config.as_str())]);
    let mut files = BTreeMap::new();
    let hash = |path: &Path| digest::sha256_file(path).map_err(|e| UserError::cannot_read(path, &e));
    for (name, text) in texts {
        let path = folder.path().join(name);
        fs::write(&path, text).map_err(|e| UserError::cannot_write(&path, &e))?;
        files.insert(name.to_string(), hash(&path)?);
    }
    for name in names.all() {
        files.insert(name.to_string(), hash(&folder.path().join(name))?);
    }
    let whole =
        network::Whole { deployment, board: &board, expected_sums: &expected_sums, predictions: &predictions, forced: &forced };
    let text = serde_json::to_string_pretty(&whole.json(&names, &files, options)).expect("a deployment is plain data");
    let path = folder.path().join(NETWORK);
    fs::write(&path, text + "\n").map_err(|e| UserError::cannot_write(&path, &e))?;
    folder.commit()?;
    Ok(Exported {
        neurons: deployment.populations.iter().map(|p| p.ids.len()).sum(),
        synapses: deployment.synapses(),
        samples: deployment.samples.len(),
        zeroed: board.projections.iter().map(|p| p.statistics.zeroed).sum(),
        findings,
        files: files.into_keys().chain([NETWORK.to_string()]).collect(),
    })
}

/// What will surprise on a board, with what the samples do there.
fn lint(d: &Deployment, numbers: &spinnaker::Options, board: &Quantised, options: &Options) -> Result<Vec<Finding>> {
    let activity = Activity::emulated(d, board);
    let known = Known { activity: Some(&activity), combined_cores: !options.split, ..Known::default() };
    let findings = lint::quantised(d, numbers, Some(Machine::Spinn5 { boards: 1 }), &known).findings;
    lint::stop(&findings, options.force)?;
    Ok(findings)
}

/// Numbers, codes and fixed sentences only: no name of the network.
fn readme(d: &Deployment, forced: &[&Finding]) -> String {
    let provenance = if d.synthetic {
        "**The connectome, or a part of the circuit, was synthetic**: a statistical stand-in, not a measurement."
    } else {
        "The circuit was made from a measured connectome."
    };
    let neurons: usize = d.populations.iter().map(|p| p.ids.len()).sum();
    let codes: Vec<&str> = forced.iter().map(|f| f.code.as_str()).collect();
    let warning = if forced.is_empty() {
        String::new()
    } else {
        format!(
            "**Exported by force, against lint ({}; see `forced` in `network.json`).** On SpiNNaker this is another network than the \
             trained one, and the files `expected_*` hold what that other network does.\n\n",
            codes.join(", ")
        )
    };
    README
        .replace("{forced}", &warning)
        .replace("{neurons}", &neurons.to_string())
        .replace("{synapses}", &d.synapses().to_string())
        .replace("{samples}", &d.samples.len().to_string())
        .replace("{steps}", &d.steps.to_string())
        .replace("{dt_ms}", &d.dt_ms.to_string())
        .replace("{lead_in}", &d.lead_in_steps.to_string())
        .replace("{provenance}", provenance)
        .replace("{prediction}", prediction::BY)
}

fn write_tables(d: &Deployment, board: &Quantised, predictions: &[Prediction], folder: &Path) -> Result<Names> {
    let named = |name: String, write: &dyn Fn(&Path) -> std::io::Result<()>| {
        let path = folder.join(&name);
        write(&path).map_err(|e| UserError::cannot_write(&path, &e))?;
        Ok(name)
    };
    let cells = d.populations.iter().zip(&board.populations).enumerate();
    let cells = cells.map(|(k, (p, q))| named(format!("cells_{k}.csv"), &|path| tables::cells(path, p, q.cells.as_ref())));
    let cells = cells.collect::<Result<_>>()?;
    let projections = d.projections.iter().enumerate();
    let projections = projections
        .map(|(k, p)| {
            if p.synapses.len() > tables::NPZ_ABOVE {
                named(format!("proj_{k}.npz"), &|path| tables::synapses_npz(path, &p.synapses))
            } else {
                named(format!("proj_{k}.csv"), &|path| tables::synapses_csv(path, &p.synapses))
            }
        })
        .collect::<Result<_>>()?;
    let samples = d.samples.iter().enumerate();
    let samples = samples.map(|(k, s)| named(format!("input_{k}.csv"), &|path| tables::input(path, s))).collect::<Result<_>>()?;
    let expected = predictions.iter().enumerate();
    let expected = expected.map(|(k, p)| named(format!("expected_{k}.csv"), &|path| tables::expected(path, d, p)));
    let expected = expected.collect::<Result<_>>()?;
    let readout = d.host_readout.as_ref();
    let readout = readout.map(|r| named("readout.csv".into(), &|path| tables::readout(path, r))).transpose()?;
    Ok(Names { cells, projections, samples, expected, readout })
}
