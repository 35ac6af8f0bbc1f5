//! A [`Deployment`] as a NIR graph (Neuromorphic Intermediate Representation), and NIR files as graphs.
//!
//! | file | subject |
//! |---|---|
//! | here | profiles, the export, what the reader of a file will compute |
//! | `graph` | nodes, their arrays, edges, as plain data; which array a kind of node has |
//! | `write`, `read` | a graph as HDF5 |
//! | `network` | a deployment in units of the trained network, or why NIR cannot hold it |
//! | `canonical` | one node per population, delays as nodes |
//! | `flat` | one recurrent node, as Norse and snnTorch read it |
//! | `metadata` | `/metadata/kenyon`: what NIR has no place for |
//!
//! NIR describes neurons in continuous time; each reader steps through time in its own way, and the same file gives other spikes in
//! each. So a file is written for a [`Profile`], and `/metadata/kenyon` says how its steps are meant.
//!
//! # Units
//! NIR counts time in seconds. Potentials and weights are those of the trained network: `v_scale` is taken out.

mod canonical;
mod flat;
mod graph;
mod metadata;
mod network;
mod read;
mod write;

use std::path::Path;

use kenyon_base::Result;
use serde::{Deserialize, Serialize};

use crate::deployment::{Cells, Deployment, Population, Projection, Receptor, Role, Sample, Synapse};
use crate::interpreter::Interpreter;

pub use graph::{Array, Element, Graph, Kind, Node, Values};
use network::Network;

/// Version of NIR that files follow.
pub const NIR_VERSION: &str = "1.0.8";

/// The reader that a file is written for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// NIR by its definition: exact time constants, one node per population, delays as nodes.
    #[default]
    Canonical,
    /// Norse 1.1.0.
    Norse,
    /// snnTorch 1.0.0.
    #[serde(rename = "snntorch")]
    SnnTorch,
}

impl Profile {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Canonical => "canonical",
            Self::Norse => "norse",
            Self::SnnTorch => "snntorch",
        }
    }
}

/// What an export holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The profile.
    pub profile: Profile,
    /// Neurons of the network, inputs and readouts included.
    pub neurons: usize,
    /// Neurons that were added to carry delays.
    pub relays: usize,
    /// Synapses of the network.
    pub synapses: usize,
    /// Nodes of the graph.
    pub nodes: usize,
    /// Samples.
    pub samples: usize,
    /// Spikes of the network on these samples.
    pub spikes: usize,
    /// Spikes of what the profile's reader computes.
    pub reader_spikes: usize,
    /// How many of both are the same neuron in the same step.
    pub same_spikes: usize,
}

/// Writes the network for the reader of a profile.
///
/// # Errors
/// Bad data if the deployment fails its [check](Deployment::check) or NIR cannot hold it; `cannot-write`.
pub fn export(deployment: &Deployment, profile: Profile, path: &Path) -> Result<Exported> {
    deployment.check()?;
    let network = Network::new(deployment)?;
    let (graph, layout) = match profile {
        Profile::Canonical => canonical::graph(&network),
        Profile::Norse | Profile::SnnTorch => flat::graph(&network, profile)?,
    };
    let expected = expected(deployment, profile);
    let own = if profile == Profile::Canonical { expected.clone() } else { self::expected(deployment, Profile::Canonical) };
    write::write(&graph, path, |out| metadata::write(out, &network, profile, &layout, &expected))?;
    let count = |of: &[Spikes]| of.iter().map(Vec::len).sum();
    let same = |(a, b): (&Spikes, &Spikes)| a.iter().filter(|spike| b.binary_search(spike).is_ok()).count();
    Ok(Exported {
        profile,
        neurons: deployment.populations.iter().map(|p| p.ids.len()).sum(),
        relays: layout.relays,
        synapses: deployment.synapses(),
        nodes: graph.nodes.len(),
        samples: deployment.samples.len(),
        spikes: count(&own),
        reader_spikes: count(&expected),
        same_spikes: own.iter().zip(&expected).map(same).sum(),
    })
}

/// Spikes of a sample as (step, population, neuron), sorted.
pub type Spikes = Vec<(u32, u32, u32)>;

/// The spikes of spiking neurons that a profile's reader finds for each sample: what the f64 interpreter makes of
/// [`as_read`].
pub fn expected(deployment: &Deployment, profile: Profile) -> Vec<Spikes> {
    let (read, later) = as_read(deployment, profile);
    let interpreter = Interpreter::new(&read);
    let hidden = |p: u32| read.populations[p as usize].role == Role::Hidden;
    let of = |sample: &Sample| {
        let spikes = interpreter.run(sample).spikes.into_iter().filter(|s| hidden(s.1));
        spikes.map(|(step, population, neuron)| (step - later, population, neuron)).collect()
    };
    read.samples.iter().map(of).collect()
}

/// The network that a profile's reader computes, and by how many steps it is later than the reader.
///
/// `canonical` says everything, so this is the network itself. The other readers know no refractory step, so a neuron integrates again
/// at once; Norse starts every state at its leak; snnTorch has no leak potential, so the current comes as a bias through the synapse
/// and rises with it.
pub fn as_read(deployment: &Deployment, profile: Profile) -> (Deployment, u32) {
    let mut read = deployment.clone();
    if profile == Profile::Canonical {
        return (read, 0);
    }
    let dt_ms = read.dt_ms;
    let mut bias = Vec::new();
    for (k, population) in read.populations.iter_mut().enumerate().filter(|(_, p)| p.role == Role::Hidden) {
        let Cells::Neurons(cells) = &mut population.cells else { continue };
        for i in 0..population.ids.len() {
            cells.tau_refrac_ms[i] = 0.0;
            let r = cells.tau_m_ms[i] / cells.cm_nf[i];
            let leak = cells.v_rest_mv[i] + r * cells.i_offset_na[i] - cells.v_reset_mv[i];
            cells.v_init_mv[i] = cells.v_reset_mv[i];
            if profile == Profile::Norse {
                cells.v_init_mv[i] += leak / 2.0;
                continue;
            }
            cells.v_rest_mv[i] = cells.v_reset_mv[i];
            cells.i_offset_na[i] = 0.0;
            let weight = leak / r * if cells.kind.decays() { -(-dt_ms / cells.tau_syn_e_ms[i]).exp_m1() } else { dt_ms };
            bias.push((k as u32, i as u32, weight));
        }
    }
    if profile == Profile::Norse {
        return (read, 0);
    }
    // One step more, so that the bias can arrive in the reader's first.
    read.steps += 1;
    let source = read.add(Population {
        label: "bias".into(),
        role: Role::Input,
        ids: vec![0],
        names: Vec::new(),
        cells: Cells::SpikeSource,
        record: Vec::new(),
        v_scale: 1.0,
    });
    for sample in &mut read.samples {
        sample.spikes.iter_mut().for_each(|spike| spike.2 += 1);
        sample.spikes.extend((0..read.steps).map(|step| (source, 0, step)));
    }
    for (post, receptor) in (0..source).flat_map(|p| [(p, Receptor::Excitatory), (p, Receptor::Inhibitory)]) {
        let of = |&&(p, _, w): &&(u32, u32, f64)| p == post && w != 0.0 && (w > 0.0) == (receptor == Receptor::Excitatory);
        let own = bias.iter().filter(of);
        let synapses: Vec<_> = own.map(|&(_, i, w)| Synapse { pre: 0, post: i, weight: w.abs(), delay_steps: 1.0 }).collect();
        if !synapses.is_empty() {
            read.projections.push(Projection { pre: source, post, receptor, synapses });
        }
    }
    (read, 1)
}
