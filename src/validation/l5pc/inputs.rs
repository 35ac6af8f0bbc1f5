//! Synapses and events of a run.

use std::collections::BTreeMap;
use std::path::Path;

use kenyon_base::{Result, UserError};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::solver::{Cells, Synapse};
use kenyon_neurons::biophysical::synapse::{Event, EventQueue, synapse_set};

use super::Folder;
use super::protocol::Protocol;
use crate::validation::table::Table;

/// Places synapses and delivers events of a folder; returns name and node of each synapse.
///
/// # Errors
/// Files that are not there or broken; places, kinds and synapses that there are none of.
pub(super) fn place(
    folder: &Folder,
    dir: &Path,
    protocol: &Protocol,
    neuron: &Neuron,
    cells: &mut Cells,
) -> Result<Vec<(String, u32)>> {
    let set = synapse_set("rat").map_err(UserError::in_data)?;
    let [ampa, nmda, gaba] = protocol.base_g_us;
    let g = [ampa.unwrap_or(set.ampa.gmax_us), nmda.unwrap_or(set.nmda.gmax_us), gaba.unwrap_or(set.gaba_a.gmax_us)];
    let table = Table::read(&folder.path(&dir.join("synapses.csv")))?;
    let (ids, kinds, sections, x) = (table.text("syn_id")?, table.text("type")?, table.text("section")?, table.numbers("x")?);
    let mut synapses = Vec::new();
    let mut names = Vec::new();
    for row in 0..table.len() {
        let bad = |e: UserError| e.in_data().file(table.path()).row(row as u64 + 1);
        let node = neuron.cable.node_at(sections[row], x[row]).map_err(bad)?;
        let receptors = match kinds[row] {
            "exc" => vec![(set.ampa_receptor(), g[0]), (set.nmda_receptor(), g[1])],
            "inh" => vec![(set.gaba_a_receptor(), g[2])],
            other => {
                return Err(bad(UserError::bad_data("bad-synapse", "there is no such synapse").column("type").found(other))
                    .expected("`exc` or `inh`"));
            }
        };
        synapses.push(Synapse { node, receptors });
        names.push((ids[row].to_string(), node));
    }
    cells.set_synapses(&synapses, false)?;
    let index: BTreeMap<&str, u32> = ids.iter().zip(0..).map(|(id, k)| (*id, k)).collect();
    let table = Table::read(&folder.path(&dir.join("events.csv")))?;
    let (ids, times, weights) = (table.text("syn_id")?, table.numbers("t_ms")?, table.numbers("weight")?);
    let mut events = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let Some(&synapse) = index.get(ids[row]) else {
            return Err(UserError::bad_data("bad-event", "an event at a synapse that is not there")
                .file(table.path())
                .row(row as u64 + 1)
                .column("syn_id")
                .found(ids[row]));
        };
        events.push(Event { time_ms: times[row], synapse, weight: weights[row] });
    }
    cells.set_events(0, EventQueue::new(events).map_err(|e| e.file(table.path()))?)?;
    Ok(names)
}

/// First excitatory and first inhibitory synapse of a folder, whose conductances are recorded.
pub(super) fn first_of_each(folder: &Folder, dir: &Path) -> Result<[Option<String>; 2]> {
    let table = Table::read(&folder.path(&dir.join("synapses.csv")))?;
    let (ids, kinds) = (table.text("syn_id")?, table.text("type")?);
    let first = |kind: &str| kinds.iter().position(|k| *k == kind).map(|row| ids[row].to_string());
    Ok([first("exc"), first("inh")])
}

/// A remark on events that come too late to do anything.
pub(super) fn too_late(folder: &Folder, dir: &Path, protocol: &Protocol) -> Result<Option<String>> {
    let table = Table::read(&folder.path(&dir.join("events.csv")))?;
    let times = table.numbers("t_ms")?;
    // The last step delivers what is due half a step before the end.
    let end = (protocol.steps as f64 - 0.5) * protocol.dt_ms;
    Ok(crate::validation::traces::too_late(&times, end, protocol.steps as f64 * protocol.dt_ms))
}
