//! Which quantity a column is.

use kenyon_base::{Result, UserError};
use kenyon_neurons::biophysical::mechanism::{CHANNELS, ChannelInfo};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recording::{Probe, Quantity};

use super::Folder;

/// Nodes that columns name beside the sites of the folder.
pub(super) struct Places<'a> {
    pub(super) neuron: &'a Neuron,
    /// Where the EPSP is injected.
    pub(super) site: Option<u32>,
    /// Name and node of each synapse, in their order.
    pub(super) synapses: &'a [(String, u32)],
}

/// Receptors as columns name them, and their place in a synapse.
const RECEPTORS: [(&str, u32); 3] = [("AMPA_uS_", 0), ("NMDA_uS_", 1), ("GABAA_uS_", 0)];

/// The quantity of a column.
///
/// # Errors
/// `unknown-column`; sites and synapses that are not there.
pub(super) fn probe(name: &str, folder: &Folder, places: &Places) -> Result<Probe> {
    let of = |node: u32, quantity: Quantity| Ok(Probe { name: name.to_string(), node, quantity });
    let unknown = || {
        UserError::bad_data("unknown-column", "a column of traces is not known")
            .column(name)
            .expected("`v_`, `cai_`, `eca_`, `<gate>_<channel>_`, `g<receptor>_uS_` and a site or `syn<id>`")
    };
    let node = |place: &str| -> Result<Option<u32>> {
        if let Some(id) = place.strip_prefix("site_").unwrap_or(place).strip_prefix("syn") {
            return Ok(places.synapses.iter().find(|(known, _)| known == id).map(|(_, node)| *node));
        }
        if place == "site" && places.site.is_some() {
            return Ok(places.site);
        }
        let site = folder.site(place);
        site.map(|(section, x)| places.neuron.cable.node_at(section, *x)).transpose().map_err(UserError::in_data)
    };
    let Some((kind, place)) = name.split_once('_') else { return Err(unknown()) };
    if let Some(rest) = name.strip_prefix('g') {
        for (receptor, index) in RECEPTORS {
            let Some(id) = rest.strip_prefix(receptor).and_then(|r| r.strip_prefix("syn")) else { continue };
            let Some(k) = places.synapses.iter().position(|(known, _)| known == id) else { return Err(unknown()) };
            let quantity = Quantity::SynapseConductance { synapse: k as u32, receptor: index };
            return of(places.synapses[k].1, quantity);
        }
    }
    if let Some(node) = node(place)? {
        match kind {
            "v" => return of(node, Quantity::V),
            "cai" => return of(node, Quantity::Cai),
            "eca" => return of(node, Quantity::Eca),
            "ina" | "ik" | "ica" => return of(node, Quantity::IonCurrent { ion: kind[1..].to_string() }),
            _ => {}
        }
    }
    // <gate>_<channel>_<site>: the channel may be shortened, as `NaTs2` for `NaTs2_t`.
    for (at, _) in place.match_indices('_') {
        let (short, Some(node)) = (&place[..at], node(&place[at + 1..])?) else { continue };
        let Some(info) = channel(short) else { continue };
        let channel = info.name.to_string();
        return match kind {
            "i" => of(node, Quantity::Current { channel }),
            "g" => of(node, Quantity::Conductance { channel }),
            gate if info.gates.contains(&gate) => of(node, Quantity::Gate { channel, gate: gate.to_string() }),
            _ => Err(unknown()),
        };
    }
    Err(unknown())
}

/// The channel of this name, or the only one whose name begins so.
fn channel(short: &str) -> Option<&'static ChannelInfo> {
    let begins = |info: &&ChannelInfo| info.name.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    let mut found = CHANNELS.iter().filter(begins);
    found.next().filter(|_| found.next().is_none())
}
