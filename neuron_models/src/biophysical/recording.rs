//! What is written down of a simulation, and when.

use kenyon_base::{Result, UserError, nearest};
use serde::{Deserialize, Serialize};

use super::mechanism::channel;
use super::neuron::Neuron;
use super::solver::{Cells, Observer};

/// Something that changes in a simulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Potential, mV.
    V,
    /// A gate of a channel, 0 to 1.
    Gate {
        /// Name of the channel.
        channel: String,
        /// Name of the gate.
        gate: String,
    },
    /// Current density of a channel, mA/cm², positive outward.
    Current {
        /// Name of the channel.
        channel: String,
    },
    /// Conductance density of a channel, S/cm².
    Conductance {
        /// Name of the channel.
        channel: String,
    },
    /// Current density of all channels of an ion (`na`, `k`, `ca`), mA/cm².
    IonCurrent {
        /// The ion.
        ion: String,
    },
    /// Calcium inside, mM.
    Cai,
    /// Reversal potential of calcium, mV.
    Eca,
    /// Conductance of a receptor of a synapse, µS; of NMDA with its block by magnesium.
    SynapseConductance {
        /// Index of the synapse.
        synapse: u32,
        /// Which of its receptors.
        receptor: u32,
    },
    /// The same without the block by magnesium, µS.
    SynapseOpening {
        /// Index of the synapse.
        synapse: u32,
        /// Which of its receptors.
        receptor: u32,
    },
    /// Current of a receptor of a synapse, nA, positive outward.
    SynapseCurrent {
        /// Index of the synapse.
        synapse: u32,
        /// Which of its receptors.
        receptor: u32,
    },
    /// Current of a voltage clamp, nA, positive into the cell.
    ClampCurrent {
        /// Index of the clamp.
        clamp: u32,
    },
}

impl Quantity {
    /// Whether it is one of the quantities that a step computes from the old potential and states, and that are therefore written
    /// down one step late, as NEURON's recorders do.
    fn is_of_the_step(&self) -> bool {
        !matches!(self, Self::V | Self::Gate { .. } | Self::Cai | Self::ClampCurrent { .. })
    }

    /// Its unit.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::V | Self::Eca => "mV",
            Self::Gate { .. } => "share open",
            Self::Current { .. } | Self::IonCurrent { .. } => "mA/cm²",
            Self::Conductance { .. } => "S/cm²",
            Self::Cai => "mM",
            Self::SynapseConductance { .. } | Self::SynapseOpening { .. } => "µS",
            Self::SynapseCurrent { .. } | Self::ClampCurrent { .. } => "nA",
        }
    }
}

/// A quantity at a node, or of a synapse.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Name of the column.
    pub name: String,
    /// The node; that of the synapse for its quantities.
    pub node: u32,
    /// What is looked at.
    pub quantity: Quantity,
}

/// A probe that knows where its numbers lie.
#[derive(Debug, Clone, Copy)]
enum Source {
    V(usize),
    /// Mechanism, gate, instance.
    Gate(usize, usize, usize),
    /// Mechanism, instance.
    Current(usize, usize),
    Conductance(usize, usize),
    Cai(usize),
    Eca(usize),
    SynapseConductance(u32, usize),
    SynapseOpening(u32, usize),
    SynapseCurrent(u32, usize),
    ClampCurrent(u32),
}

/// Writes down probes every so many steps: an [`Observer`].
#[derive(Debug, Clone)]
pub struct Recorder {
    probes: Vec<Probe>,
    /// What is summed up for each probe.
    sources: Vec<Vec<Source>>,
    late: Vec<bool>,
    every: u64,
    lanes: usize,
    /// Values of this step's currents, by probe and lane.
    pending: Vec<f64>,
    /// One trace per probe and lane: `index = probe * lanes + lane`.
    traces: Vec<Vec<f64>>,
}

impl Recorder {
    /// Probes of these cells, from sample 0 at the start on, every `every` steps.
    ///
    /// # Errors
    /// `unknown-channel`; `bad-probe` for a gate, node, ion, synapse or clamp that is not there, or a channel that is not at the
    /// node. What is named wrongly stands as the key: `channel`, `gate` or `ion`, else the name of the probe.
    pub fn new(neuron: &Neuron, cells: &Cells, probes: Vec<Probe>, every: u64) -> Result<Self> {
        if every == 0 {
            return Err(UserError::usage("bad-stride", "a trace needs a stride of at least one step"));
        }
        let sources = probes.iter().map(|probe| sources(neuron, cells, probe)).collect::<Result<Vec<_>>>()?;
        let lanes = cells.lanes();
        Ok(Self {
            late: probes.iter().map(|probe| probe.quantity.is_of_the_step()).collect(),
            pending: vec![0.0; probes.len() * lanes],
            traces: vec![Vec::new(); probes.len() * lanes],
            probes,
            sources,
            every,
            lanes,
        })
    }

    /// Makes room for a simulation of so many steps.
    pub fn reserve(&mut self, steps: u64) {
        let samples = (steps / self.every + 1) as usize;
        self.traces.iter_mut().for_each(|trace| trace.reserve_exact(samples.saturating_sub(trace.len())));
    }

    /// All samples, one trace per probe and lane: `index = probe * lanes + lane`.
    pub fn into_traces(self) -> Vec<Vec<f64>> {
        self.traces
    }

    /// The probes.
    pub fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// Steps between samples.
    pub fn every(&self) -> u64 {
        self.every
    }

    /// The samples of a probe in one of the cells.
    pub fn trace(&self, probe: usize, lane: usize) -> &[f64] {
        &self.traces[probe * self.lanes + lane]
    }

    fn value(sources: &[Source], cells: &Cells, lane: usize) -> f64 {
        let (v, lanes) = (cells.v(), cells.lanes());
        let one = |source: &Source| match *source {
            Source::V(node) => v[node * lanes + lane],
            Source::Gate(mechanism, gate, instance) => cells.mechanisms()[mechanism].gate(gate)[instance * lanes + lane],
            Source::Current(mechanism, instance) => {
                cells.mechanisms()[mechanism].density(instance, lane, v, cells.calcium()).i_ma_cm2
            }
            Source::Conductance(mechanism, instance) => {
                cells.mechanisms()[mechanism].density(instance, lane, v, cells.calcium()).g_s_cm2
            }
            Source::Cai(node) => cells.calcium().cai[node * lanes + lane],
            Source::Eca(node) => cells.calcium().eca[node * lanes + lane],
            Source::ClampCurrent(clamp) => cells.clamp_current_na(clamp, lane),
            Source::SynapseConductance(synapse, receptor) => {
                cells.receptors(synapse).nth(receptor).map_or(0.0, |(block, i)| block.conductance(i, lane, v))
            }
            Source::SynapseOpening(synapse, receptor) => {
                cells.receptors(synapse).nth(receptor).map_or(0.0, |(block, i)| block.opening(i, lane))
            }
            Source::SynapseCurrent(synapse, receptor) => {
                cells.receptors(synapse).nth(receptor).map_or(0.0, |(block, i)| block.current(i, lane, v))
            }
        };
        sources.iter().map(one).sum()
    }
}

impl Observer for Recorder {
    fn currents(&mut self, cells: &Cells) {
        // At the start, and in the step that ends at a sample.
        if cells.steps() > 0 && !(cells.steps() + 1).is_multiple_of(self.every) {
            return;
        }
        for (probe, sources) in self.sources.iter().enumerate().filter(|(probe, _)| self.late[*probe]) {
            for lane in 0..self.lanes {
                self.pending[probe * self.lanes + lane] = Self::value(sources, cells, lane);
            }
        }
    }

    fn stepped(&mut self, cells: &Cells) -> Result<()> {
        if !cells.steps().is_multiple_of(self.every) {
            return Ok(());
        }
        for (probe, sources) in self.sources.iter().enumerate() {
            for lane in 0..self.lanes {
                let at = probe * self.lanes + lane;
                let value = if self.late[probe] { self.pending[at] } else { Self::value(sources, cells, lane) };
                self.traces[at].push(value);
            }
        }
        Ok(())
    }
}

fn bad(probe: &Probe, message: String) -> UserError {
    UserError::bad_data("bad-probe", message).key(&probe.name)
}

fn sources(neuron: &Neuron, cells: &Cells, probe: &Probe) -> Result<Vec<Source>> {
    let node = probe.node as usize;
    if node >= neuron.cable.nodes.len() {
        return Err(bad(probe, "there is no such node".into()).found(node.to_string()));
    }
    // Instances of a channel at the node: (mechanism, instance).
    let at_node = |wanted: &dyn Fn(&str) -> bool| -> Vec<(usize, usize)> {
        let all = cells.mechanisms().iter().enumerate().filter(|(_, m)| wanted(m.info().name));
        all.flat_map(|(k, m)| m.nodes().iter().enumerate().filter(|(_, n)| **n as usize == node).map(move |(i, _)| (k, i)))
            .collect()
    };
    let of_channel = |name: &str| -> Result<Vec<(usize, usize)>> {
        channel(name).map_err(|e| e.in_data().key("channel"))?;
        let found = at_node(&|other| other == name);
        if found.is_empty() {
            let place = &neuron.cable.nodes[node];
            let section = &neuron.cable.sections[place.section as usize].name;
            return Err(bad(probe, format!("the neuron has no `{name}` at {section}({})", place.x)).key("channel"));
        }
        Ok(found)
    };
    Ok(match &probe.quantity {
        Quantity::V => vec![Source::V(node)],
        Quantity::Cai => vec![Source::Cai(node)],
        Quantity::Eca => vec![Source::Eca(node)],
        Quantity::Gate { channel: name, gate } => {
            let info = channel(name).map_err(|e| e.in_data().key("channel"))?;
            let Some(index) = info.gates.iter().position(|g| g == gate) else {
                let close = nearest(gate, info.gates.iter().copied()).map(|g| format!("did you mean `{g}`?"));
                return Err(bad(probe, format!("`{name}` has no gate `{gate}`"))
                    .key("gate")
                    .expected(info.gates.join(", "))
                    .mend(close.unwrap_or_else(|| "choose one of them".into())));
            };
            of_channel(name)?.into_iter().map(|(k, i)| Source::Gate(k, index, i)).collect()
        }
        Quantity::Current { channel } => of_channel(channel)?.into_iter().map(|(k, i)| Source::Current(k, i)).collect(),
        Quantity::Conductance { channel } => of_channel(channel)?.into_iter().map(|(k, i)| Source::Conductance(k, i)).collect(),
        Quantity::IonCurrent { ion } => {
            let ions = ["na", "k", "ca"];
            if !ions.contains(&ion.as_str()) {
                return Err(bad(probe, format!("there is no ion `{ion}`")).key("ion").expected(ions.join(", ")));
            }
            let carried = |name: &str| channel(name).is_ok_and(|info| info.ion.symbol() == Some(ion.as_str()));
            at_node(&carried).into_iter().map(|(k, i)| Source::Current(k, i)).collect()
        }
        Quantity::ClampCurrent { clamp } => {
            if *clamp as usize >= cells.voltage_clamp_count() {
                return Err(bad(probe, format!("there is no voltage clamp {clamp}")));
            }
            vec![Source::ClampCurrent(*clamp)]
        }
        Quantity::SynapseConductance { synapse, receptor }
        | Quantity::SynapseOpening { synapse, receptor }
        | Quantity::SynapseCurrent { synapse, receptor } => {
            if *synapse as usize >= cells.synapse_count() || cells.receptors(*synapse).nth(*receptor as usize).is_none() {
                return Err(bad(probe, format!("there is no receptor {receptor} of synapse {synapse}")));
            }
            let receptor = *receptor as usize;
            vec![match probe.quantity {
                Quantity::SynapseConductance { .. } => Source::SynapseConductance(*synapse, receptor),
                Quantity::SynapseOpening { .. } => Source::SynapseOpening(*synapse, receptor),
                _ => Source::SynapseCurrent(*synapse, receptor),
            }]
        }
    })
}
