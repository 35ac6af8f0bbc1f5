//! What the published folder holds of a run: columns, sampling, names; our own values are written so.

use std::path::PathBuf;

use kenyon_base::Result;
use serde_json::Value;

use super::protocol::Protocol;
use super::replay::Outcome;
use super::runs::{Kind, Run};
use super::{Folder, inputs};
use crate::validation::keys;
use crate::validation::spikes::Crossing;
use crate::validation::table::{self, Column, copy};
use crate::validation::traces::{Trace, Traces};

/// Between two samples of the small table, ms.
const DECIMATED_MS: f64 = 0.25;

/// The columns of a run's traces, in their order.
pub(super) fn columns(folder: &Folder, run: &Run, protocol: &Protocol) -> Result<Vec<String>> {
    let sites = folder.sites.iter().map(|(name, _)| format!("v_{name}"));
    let has = |site: &str| folder.site(site).is_some();
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
    let more = match run.kind(protocol) {
        Kind::Rest if has("soma") && has("trunk_mid") => {
            owned(&["cai_soma", "eca_soma", "cai_trunk_mid", "m_Ih_trunk_mid", "h_NaTs2_soma"])
        }
        Kind::Currents if has("soma") => owned(&["cai_soma"]),
        Kind::Bac if protocol.currents.iter().any(|c| c.epsp) => owned(&["v_site", "cai_site"]),
        Kind::Synaptic => {
            let [exc, inh] = inputs::first_of_each(folder, &run.dir)?;
            let mut names = Vec::new();
            names.extend(exc.iter().flat_map(|id| [format!("gAMPA_uS_syn{id}"), format!("gNMDA_uS_syn{id}")]));
            names.extend(inh.iter().map(|id| format!("gGABAA_uS_syn{id}")));
            names.extend(exc.iter().map(|id| format!("v_site_syn{id}")));
            names
        }
        _ => Vec::new(),
    };
    Ok(sites.chain(more).collect())
}

/// Writes all that the published folder has of such a run.
pub(super) fn write(
    folder: &Folder,
    run: &Run,
    protocol: &Protocol,
    references: &[Traces],
    outcome: &Outcome,
    spikes: &[Crossing],
) -> Result<()> {
    if folder.dump.is_none() {
        return Ok(());
    }
    let mut names: Vec<String> = references.first().into_iter().flat_map(|r| &r.columns).map(|c| c.name.clone()).collect();
    if !names.iter().any(|name| name == "v_soma") {
        names = columns(folder, run, protocol)?;
    }
    // Runs with finer steps have the small table alone.
    let large = run.kind(protocol) != Kind::Convergence || folder.has(&run.npz);
    let decimated = ((DECIMATED_MS / protocol.dt_ms).round() as u64).max(1);
    for (file, every, wanted) in [(&run.npz, 1, large), (&run.dec, decimated, true)] {
        let Some(to) = folder.ours(file).filter(|_| wanted) else { continue };
        let path = folder.path(file);
        // A reference that is whole has its own samples.
        let sound = |reference: &&Traces| {
            let steps = reference.steps(protocol.dt_ms, protocol.steps);
            reference.soma().is_some() && steps.is_ok_and(|at| reference.gap(&at, protocol.dt_ms, protocol.steps).is_none())
        };
        let known = references.iter().find(|reference| reference.path == path).filter(sound).cloned();
        let sampling = known.unwrap_or_else(|| sampling(path, &names, protocol, every));
        let steps = sampling.steps(protocol.dt_ms, protocol.steps)?;
        let of = |trace: &Trace| steps.iter().map(|step| outcome.columns[&trace.name][*step]).collect();
        sampling.write(&to, &sampling.columns.iter().map(of).collect::<Vec<Vec<f64>>>())?;
    }
    let column = |of: fn(&Crossing) -> f64| Column::Numbers(spikes.iter().map(of).collect());
    if let Some(to) = folder.ours(&run.spikes) {
        table::write(
            &to,
            &[
                ("spike_index", &Column::whole(0..spikes.len() as u64)),
                ("t_cross_ms", &column(|s| s.t_cross_ms)),
                ("t_peak_ms", &column(|s| s.t_peak_ms)),
                ("v_peak_mV", &column(|s| s.v_peak_mv)),
            ],
        )?;
    }
    if run.finals.is_none() && run.kind(protocol) == Kind::Rest {
        write_finals(folder, run, outcome)?;
    }
    let inputs = ["synapses.csv", "events.csv"].map(|file| run.dir.join(file));
    for file in std::iter::once(run.json.clone()).chain(inputs.into_iter().filter(|_| run.inputs)) {
        if let Some(to) = folder.ours(&file) {
            copy(&folder.path(&file), &to)?;
        }
    }
    Ok(())
}

/// Columns with times and without samples.
fn sampling(path: PathBuf, names: &[String], protocol: &Protocol, every: u64) -> Traces {
    // Times are decimal numbers.
    let time = |k: u64| ((k * every) as f64 * protocol.dt_ms * 1e9).round() / 1e9;
    let column = |name: &String| Trace { name: name.clone(), samples: Vec::new(), digits: None };
    Traces { path, t_ms: (0..=protocol.steps / every).map(time).collect(), columns: names.iter().map(column).collect() }
}

/// The potential of every segment at the end of a run without stimulus.
fn write_finals(folder: &Folder, run: &Run, outcome: &Outcome) -> Result<()> {
    let stem = run.json.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let what = stem.strip_prefix("rest").unwrap_or_default();
    let Some(to) = folder.ours(&run.dir.join(format!("final_v_all_segments{what}.csv"))) else { return Ok(()) };
    let rows = &outcome.segments;
    table::write(
        &to,
        &[
            ("seg_index", &Column::whole(0..rows.len() as u64)),
            ("section", &Column::texts(rows.iter().map(|(name, ..)| name))),
            ("x", &Column::Numbers(rows.iter().map(|(_, x, _)| *x).collect())),
            ("v_mV", &Column::Numbers(rows.iter().map(|(.., v)| *v).collect())),
        ],
    )
}

/// What a number of synapses or events in the description says, beside those that are there.
pub(super) fn counted(folder: &Folder, run: &Run) -> Result<Option<String>> {
    let object = keys::read_object(&folder.path(&run.json))?;
    let said = |key: &str| object.get(key).and_then(Value::as_u64).filter(|n| *n > 0);
    match said("n_syn") {
        Some(n) if !run.inputs => Ok(Some(format!("`{}` tells of {n} synapses", run.json.display()))),
        _ => Ok(None),
    }
}
