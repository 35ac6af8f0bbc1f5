//! A [`Deployment`] as a PyNN program with its data files.
//!
//! The program is the same text for every network. Names from a dump can hold anything, so none of them enters Python source, a
//! path or a table: they are texts in `network.json`, and PyNN's labels are made of letters, digits and a number.

mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kenyon_base::{AtomicDir, Result, UserError, digest};
use serde::Serialize;
use serde_json::json;

use crate::deployment::{Deployment, Role};

/// Files that are the same for every network.
const FIXED: [(&str, &str); 5] = [
    ("run_pynn.py", include_str!("pynn/run_pynn.py")),
    ("README.md", include_str!("pynn/README.md")),
    ("requirements.txt", include_str!("pynn/requirements.txt")),
    ("requirements-spinnaker.txt", include_str!("pynn/requirements-spinnaker.txt")),
    ("spynnaker.cfg", include_str!("pynn/spynnaker.cfg")),
];

/// What an export holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Neurons, inputs and readouts included.
    pub neurons: usize,
    /// Synapses.
    pub synapses: usize,
    /// Samples.
    pub samples: usize,
    /// Names of the files, sorted.
    pub files: Vec<String>,
}

/// Writes the program and its data to the folder `dir`, whole or not at all.
///
/// # Errors
/// Bad data if the deployment fails its [check](Deployment::check); `not-empty` if `dir` holds something; `cannot-write`.
pub fn export(deployment: &Deployment, dir: &Path) -> Result<Exported> {
    deployment.check()?;
    let folder = AtomicDir::create(dir)?;
    let names = write_tables(deployment, folder.path())?;
    for (name, text) in FIXED {
        let path = folder.path().join(name);
        fs::write(&path, text).map_err(|e| UserError::cannot_write(&path, &e))?;
    }
    let mut files = BTreeMap::new();
    for name in names.all().chain(FIXED.iter().map(|(name, _)| *name)) {
        let path = folder.path().join(name);
        files.insert(name.to_string(), digest::sha256_file(&path).map_err(|e| UserError::cannot_read(&path, &e))?);
    }
    let text = serde_json::to_string_pretty(&network(deployment, &names, &files)).expect("a deployment is plain data");
    let path = folder.path().join("network.json");
    fs::write(&path, text + "\n").map_err(|e| UserError::cannot_write(&path, &e))?;
    folder.commit()?;
    Ok(Exported {
        neurons: deployment.populations.iter().map(|p| p.ids.len()).sum(),
        synapses: deployment.synapses(),
        samples: deployment.samples.len(),
        files: files.into_keys().chain(["network.json".to_string()]).collect(),
    })
}

/// Names of the tables that were written.
struct Names {
    cells: Vec<String>,
    projections: Vec<String>,
    samples: Vec<String>,
    readout: Option<String>,
}

impl Names {
    fn all(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().chain(&self.projections).chain(&self.samples).chain(&self.readout).map(String::as_str)
    }
}

fn write_tables(deployment: &Deployment, folder: &Path) -> Result<Names> {
    let named = |name: String, write: &dyn Fn(&Path) -> std::io::Result<()>| {
        let path = folder.join(&name);
        write(&path).map_err(|e| UserError::cannot_write(&path, &e))?;
        Ok(name)
    };
    let cells = deployment.populations.iter().enumerate();
    let cells = cells.map(|(k, p)| named(format!("cells_{k}.csv"), &|path| tables::cells(path, p))).collect::<Result<_>>()?;
    let projections = deployment.projections.iter().enumerate();
    let projections = projections
        .map(|(k, p)| {
            if p.synapses.len() > tables::NPZ_ABOVE {
                named(format!("proj_{k}.npz"), &|path| tables::synapses_npz(path, &p.synapses))
            } else {
                named(format!("proj_{k}.csv"), &|path| tables::synapses_csv(path, &p.synapses))
            }
        })
        .collect::<Result<_>>()?;
    let samples = deployment.samples.iter().enumerate();
    let samples = samples.map(|(k, s)| named(format!("input_{k}.csv"), &|path| tables::input(path, s))).collect::<Result<_>>()?;
    let readout = deployment.host_readout.as_ref();
    let readout = readout.map(|r| named("readout.csv".into(), &|path| tables::readout(path, r))).transpose()?;
    Ok(Names { cells, projections, samples, readout })
}

/// The content of `network.json`.
fn network(deployment: &Deployment, names: &Names, files: &BTreeMap<String, String>) -> serde_json::Value {
    let populations: Vec<_> = deployment
        .populations
        .iter()
        .zip(&names.cells)
        .enumerate()
        .map(|(index, (population, cells))| {
            let record: Vec<&str> = population.record.iter().map(|v| v.name()).collect();
            json!({
                "index": index,
                "label": population.label,
                "pynn_label": pynn_label(&population.label, index),
                "role": match population.role { Role::Input => "input", Role::Hidden => "hidden", Role::Readout => "readout" },
                "model": population.cells.pynn_name(),
                "n": population.ids.len(),
                "cells": cells,
                "record": record,
                "v_scale": population.v_scale,
                "names": population.names,
            })
        })
        .collect();
    let projections: Vec<_> = deployment
        .projections
        .iter()
        .zip(&names.projections)
        .map(|(projection, file)| {
            json!({
                "pre": projection.pre,
                "post": projection.post,
                "receptor": projection.receptor.name(),
                "synapses": projection.synapses.len(),
                "file": file,
            })
        })
        .collect();
    let samples: Vec<_> = deployment
        .samples
        .iter()
        .zip(&names.samples)
        .map(|(sample, file)| json!({ "name": sample.name, "class": sample.class, "spikes": sample.spikes.len(), "file": file }))
        .collect();
    let readout = deployment.host_readout.as_ref().map(|readout| {
        json!({
            "sources": readout.sources,
            "classes": readout.classes,
            "decay_syn": readout.decay_syn,
            "decay_mem": readout.decay_mem,
            "file": names.readout,
        })
    });
    let delays = deployment.projections.iter().flat_map(|p| &p.synapses).map(|s| s.delay_steps as u32);
    json!({
        "format": "kenyon-pynn",
        "version": 1,
        "tool": kenyon_base::TOOL,
        "name": deployment.name,
        "dt_ms": deployment.dt_ms,
        "steps": deployment.steps,
        "lead_in_steps": deployment.lead_in_steps,
        "max_delay_steps": delays.max().unwrap_or(1),
        "decision": deployment.decision,
        "populations": populations,
        "projections": projections,
        "samples": samples,
        "host_readout": readout,
        "sources": deployment.sources,
        "files": files,
    })
}

/// A label that is safe wherever PyNN and its back ends put it: ASCII letters, digits, `_`, at most 32, unique by its number.
pub(crate) fn pynn_label(label: &str, index: usize) -> String {
    let safe: String = label.chars().take(24).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{safe}_{index}")
}
