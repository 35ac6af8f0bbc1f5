//! `/metadata/kenyon`: what NIR has no place for, and what a reader needs to run and check the file.
//!
//! | data set | content |
//! |---|---|
//! | `description` | JSON: profile, step, conventions, populations and their nodes, decision, what it was made from |
//! | `populations/K/ids`, `start` | per neuron its id; its potential at the start |
//! | `readout/population`, `neuron`, `class`, `weight` | weights of the readout |
//! | `samples/ptr`, `population`, `neuron`, `step` | input spikes of sample `i` from `ptr[i]` to `ptr[i + 1]` |
//! | `expected/ptr`, `population`, `neuron`, `step` | spikes of spiking neurons that the reader should find |
//!
//! The description stands at `/node/metadata/kenyon` too, where `nir.read` finds it.

use kenyon_base::{PlainWriter, Result, TOOL};
use serde_json::{Value, json};

use crate::deployment::Role;

use super::Profile;
use super::canonical::Layout;
use super::network::Network;

const PLACE: &str = "metadata/kenyon";

pub(super) fn write(
    out: &PlainWriter,
    network: &Network,
    profile: Profile,
    layout: &Layout,
    expected: &[Vec<(u32, u32, u32)>],
) -> Result<()> {
    let d = network.deployment;
    let description = serde_json::to_string_pretty(&describe(network, profile, layout)).expect("plain data");
    out.write_texts(&format!("{PLACE}/description"), &[], &[&description])?;
    out.write_texts("node/metadata/kenyon", &[], &[&description])?;
    for (p, population) in d.populations.iter().enumerate() {
        out.write(&format!("{PLACE}/populations/{p}/ids"), &[population.ids.len()], &population.ids)?;
        if let Some(cells) = &network.cells[p] {
            out.write(&format!("{PLACE}/populations/{p}/start"), &[cells.start.len()], &cells.start)?;
        }
    }
    if let Some(readout) = &network.readout {
        let rows = || readout.wires.iter().flat_map(|(&(p, _), rows)| rows.iter().map(move |&(class, i, w)| (p, i, class, w)));
        let n = rows().count();
        out.write(&format!("{PLACE}/readout/population"), &[n], &rows().map(|r| r.0).collect::<Vec<_>>())?;
        out.write(&format!("{PLACE}/readout/neuron"), &[n], &rows().map(|r| r.1).collect::<Vec<_>>())?;
        out.write(&format!("{PLACE}/readout/class"), &[n], &rows().map(|r| r.2).collect::<Vec<_>>())?;
        out.write(&format!("{PLACE}/readout/weight"), &[n], &rows().map(|r| r.3).collect::<Vec<_>>())?;
    }
    let samples: Vec<Vec<_>> =
        d.samples.iter().map(|s| s.spikes.iter().map(|&(p, neuron, step)| (step, p, neuron)).collect()).collect();
    spikes(out, "samples", &samples)?;
    spikes(out, "expected", expected)
}

/// Spikes (step, population, neuron) of each sample.
fn spikes(out: &PlainWriter, name: &str, lists: &[Vec<(u32, u32, u32)>]) -> Result<()> {
    let mut ptr = vec![0u64];
    ptr.extend(lists.iter().scan(0, |end, list| {
        *end += list.len() as u64;
        Some(*end)
    }));
    let all: Vec<_> = lists.iter().flatten().collect();
    out.write(&format!("{PLACE}/{name}/ptr"), &[ptr.len()], &ptr)?;
    out.write(&format!("{PLACE}/{name}/population"), &[all.len()], &all.iter().map(|s| s.1).collect::<Vec<_>>())?;
    out.write(&format!("{PLACE}/{name}/neuron"), &[all.len()], &all.iter().map(|s| s.2).collect::<Vec<_>>())?;
    out.write(&format!("{PLACE}/{name}/step"), &[all.len()], &all.iter().map(|s| s.0).collect::<Vec<_>>())
}

fn describe(network: &Network, profile: Profile, layout: &Layout) -> Value {
    let d = network.deployment;
    let populations: Vec<_> = d
        .populations
        .iter()
        .zip(&layout.places)
        .map(|(population, place)| {
            let role = match population.role {
                Role::Input => "input",
                Role::Hidden => "hidden",
                Role::Readout => "readout",
            };
            let (node, first) = place.clone().unzip();
            json!({ "label": population.label, "role": role, "n": population.ids.len(), "node": node, "first": first,
                "names": population.names })
        })
        .collect();
    let samples: Vec<_> = d.samples.iter().map(|s| json!({ "name": s.name, "class": s.class })).collect();
    let readout = network.readout.as_ref().map(|r| {
        json!({
            "classes": r.classes, "tau_syn_ms": r.tau_syn_ms, "tau_mem_ms": r.tau_mem_ms,
            "is_node": profile == Profile::Canonical, "delay_steps": r.wires.keys().map(|k| k.1).collect::<std::collections::BTreeSet<_>>(),
            "rule": "flt <- a flt + s W, out <- b out + (1 - b) flt, with a and b the decays of the time constants over dt",
        })
    });
    json!({
        "format": "kenyon-nir",
        "version": 1,
        "tool": TOOL,
        "name": d.name,
        "profile": profile.name(),
        "reader": reader(profile),
        "dt_s": d.dt_ms / 1e3,
        "steps": d.steps,
        "lead_in_steps": d.lead_in_steps,
        "conventions": conventions(network, profile, layout),
        "populations": populations,
        "readout": readout,
        "decision": d.decision,
        "samples": samples,
        "sources": d.sources,
    })
}

fn reader(profile: Profile) -> &'static str {
    match profile {
        Profile::Canonical => "any that follows these conventions",
        Profile::Norse => "Norse 1.1.0: norse.torch.from_nir(graph, dt=dt_s)",
        Profile::SnnTorch => "snnTorch 1.0.0: snntorch.import_nir.import_from_nir(graph)",
    }
}

fn conventions(network: &Network, profile: Profile, layout: &Layout) -> Value {
    let exact = profile == Profile::Canonical;
    json!({
        "reset": if exact { "to v_reset" } else { "to v_reset, which is 0: potentials count from the network's reset" },
        "threshold": "a spike where v is above v_threshold",
        "refractory_steps": if exact { network.refractory_steps } else { 0 },
        "refractory_steps_of_the_network": network.refractory_steps,
        "refractory": "steps after a spike in which v stays at v_reset while the current goes on",
        "order": "in each step what arrives is added to the current, v moves with that current, the threshold is tested, v is reset",
        "event": "an event has amplitude 1 for one dt: as an impulse of area dt it raises the current by w_in dt / tau_syn = 1",
        "discretisation": match profile {
            Profile::Canonical => "I <- exp(-dt/tau_syn) I + x; v <- E v + (1 - E)(v_leak + r I), E = exp(-dt/tau_mem)",
            Profile::Norse => "forward Euler with dt: tau = dt / (1 - decay)",
            Profile::SnnTorch => "forward Euler with 1e-4 s, whatever dt is: tau = 1e-4 / (1 - decay); one step stands for one dt",
        },
        "delay": if exact {
            "Delay nodes hold every delay, in seconds; an event of step t that passes a delay of k dt arrives in step t + k; \
             no edge adds a delay, in a cycle or not"
        } else {
            "a cycle takes one step; a delay of d steps passes d - 1 relays; input of step t is put in at step t + 1"
        },
        "input_shift_steps": u32::from(!exact),
        "refractory_option": (profile == Profile::SnnTorch)
            .then_some("with module.hidden.reset_delay = True after the import, neurons stay one step at their reset"),
        "relays": layout.relays,
        "relay_columns": "the last ones of node `hidden`",
        "start": match profile {
            Profile::Canonical => "currents 0, potentials as in populations/K/start",
            Profile::Norse => "every state at v_leak, as Norse does",
            Profile::SnnTorch => "every state 0, as snnTorch does; the bias rises through the synapse like 1 - a^(t + 1)",
        },
    })
}
