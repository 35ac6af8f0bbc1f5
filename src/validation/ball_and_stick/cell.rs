//! A run of the Ball & Stick neuron.

use std::collections::BTreeMap;

use kenyon_base::{Result, UserError};
use kenyon_neurons::biophysical::mechanism::CHANNELS;
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recording::{Probe, Quantity, Recorder};
use kenyon_neurons::biophysical::solver::{Cells, Electrode, Observer, Settings, Synapse, Waveform};
use kenyon_neurons::biophysical::synapse::{Event, EventQueue};

use super::config::Params;

/// A place: the soma, or a segment of the dendrite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Soma,
    Segment(u32),
}

/// A current that is on for a while.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clamp {
    pub(super) place: Place,
    pub(super) delay_ms: f64,
    pub(super) dur_ms: f64,
    pub(super) amp_na: f64,
}

/// An event at a synapse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Input {
    pub(super) excitatory: bool,
    pub(super) segment: u32,
    pub(super) time_ms: f64,
    pub(super) weight: f64,
}

/// Whole traces, one sample for each step, by column.
pub(super) type Columns = BTreeMap<String, Vec<f64>>;

/// What a run needs besides the neuron's parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Protocol {
    pub(super) steps: u64,
    pub(super) inputs: Vec<Input>,
    pub(super) clamps: Vec<Clamp>,
    /// Segment whose synapses `exc.` and `inh.` columns mean.
    pub(super) watched: u32,
}

/// Runs a neuron and records these columns at every step.
///
/// # Errors
/// A neuron, an event or a clamp that cannot be; a column that is not known.
pub(super) fn run<S: AsRef<str>>(params: &Params, protocol: &Protocol, columns: &[S]) -> Result<Columns> {
    let neuron = params.neuron()?;
    let nseg = params.nseg();
    let settings = Settings { dt_ms: params.dt_ms(), ..Settings::default() };
    let mut cells = Cells::new(&neuron, 1, settings)?;
    let first = neuron.cable.sections[1].first_node;
    let node = |place: Place| match place {
        Place::Soma => Ok(neuron.cable.sections[0].first_node),
        Place::Segment(k) if k < nseg => Ok(first + k),
        Place::Segment(k) => Err(UserError::bad_data("no-segment", "the dendrite has no such segment")
            .found(k.to_string())
            .expected(format!("0 to {}", nseg - 1))),
    };
    for clamp in &protocol.clamps {
        let waveform = Waveform::Step { delay_ms: clamp.delay_ms, dur_ms: clamp.dur_ms, amp_na: clamp.amp_na };
        cells.add_electrode(Electrode { node: node(clamp.place)?, lane: None, waveform });
    }
    let [ampa, nmda, gaba] = params.receptors();
    let excitatory = (0..nseg).map(|k| Synapse { node: first + k, receptors: vec![ampa, nmda] });
    let inhibitory = (0..nseg).map(|k| Synapse { node: first + k, receptors: vec![gaba] });
    cells.set_synapses(&excitatory.chain(inhibitory).collect::<Vec<_>>(), false)?;
    let event = |input: &Input| {
        node(Place::Segment(input.segment))?;
        let synapse = if input.excitatory { input.segment } else { nseg + input.segment };
        Ok(Event { time_ms: input.time_ms, synapse, weight: input.weight })
    };
    let events = protocol.inputs.iter().map(event).collect::<Result<_>>()?;
    cells.set_events(0, EventQueue::new(events)?)?;
    let mut watch = Watch::new(&neuron, &cells, columns, protocol.watched, nseg)?;
    cells.run(protocol.steps, &mut watch)?;
    Ok(watch.finish())
}

/// A state of a synapse that a recorder does not know.
#[derive(Debug, Clone, Copy)]
enum State {
    /// Synapse, receptor, whether A.
    Of(u32, usize, bool),
    /// The block by magnesium, of the step's old potential: synapse.
    Open(u32),
}

/// Records probes and states of synapses.
struct Watch {
    recorder: Recorder,
    names: Vec<String>,
    states: Vec<(String, State, Vec<f64>)>,
    pending: Vec<f64>,
}

impl Watch {
    fn new<S: AsRef<str>>(neuron: &Neuron, cells: &Cells, columns: &[S], watched: u32, nseg: u32) -> Result<Self> {
        let soma = neuron.cable.sections[0].first_node;
        let first = neuron.cable.sections[1].first_node;
        let (exc, inh) = (watched, nseg + watched);
        let (mut probes, mut states, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for column in columns {
            let name = column.as_ref();
            let unknown = || {
                UserError::bad_data("unknown-column", "a column of traces is not known")
                    .column(name)
                    .expected("`v_soma`, `v_dend_<k>`, `<channel>.<gate>`, `cai`, `eca`, `ica`, `ina`, `ik`, `exc.*`, `inh.*`")
            };
            let state = match name {
                "exc.A_AMPA" => Some(State::Of(exc, 0, true)),
                "exc.B_AMPA" => Some(State::Of(exc, 0, false)),
                "exc.A_NMDA" => Some(State::Of(exc, 1, true)),
                "exc.B_NMDA" => Some(State::Of(exc, 1, false)),
                "inh.A" => Some(State::Of(inh, 0, true)),
                "inh.B" => Some(State::Of(inh, 0, false)),
                "exc.mggate" => Some(State::Open(exc)),
                _ => None,
            };
            if let Some(state) = state {
                states.push((name.to_string(), state, Vec::new()));
                continue;
            }
            let current = |synapse, receptor| Quantity::SynapseCurrent { synapse, receptor };
            let conductance = |synapse, receptor| Quantity::SynapseConductance { synapse, receptor };
            let segment = name.strip_prefix("v_dend_").and_then(|k| k.parse::<u32>().ok()).filter(|k| *k < nseg);
            let (node, quantity) = match name {
                "v_soma" => (soma, Quantity::V),
                "cai" => (soma, Quantity::Cai),
                "eca" => (soma, Quantity::Eca),
                "ica" | "ina" | "ik" => (soma, Quantity::IonCurrent { ion: name[1..].to_string() }),
                "exc.g_AMPA" => (first + watched, conductance(exc, 0)),
                "exc.g_NMDA" => (first + watched, conductance(exc, 1)),
                "exc.i_AMPA" => (first + watched, current(exc, 0)),
                "exc.i_NMDA" => (first + watched, current(exc, 1)),
                "inh.g" => (first + watched, conductance(inh, 0)),
                "inh.i" => (first + watched, current(inh, 0)),
                _ => match (segment, name.split_once('.')) {
                    (Some(k), _) => (first + k, Quantity::V),
                    (None, Some((channel, gate))) if CHANNELS.iter().any(|c| c.name == channel && c.gates.contains(&gate)) => {
                        (soma, Quantity::Gate { channel: channel.to_string(), gate: gate.to_string() })
                    }
                    _ => return Err(unknown()),
                },
            };
            names.push(name.to_string());
            probes.push(Probe { name: name.to_string(), node, quantity });
        }
        let pending = vec![0.0; states.len()];
        Ok(Self { recorder: Recorder::new(neuron, cells, probes, 1)?, names, states, pending })
    }

    fn finish(self) -> Columns {
        let recorded = self.names.iter().enumerate().map(|(k, name)| (name.clone(), self.recorder.trace(k, 0).to_vec()));
        let states = self.states.into_iter().map(|(name, _, trace)| (name, trace));
        recorded.chain(states).collect()
    }
}

impl Observer for Watch {
    fn currents(&mut self, cells: &Cells) {
        self.recorder.currents(cells);
        for (pending, (_, state, _)) in self.pending.iter_mut().zip(&self.states) {
            if let State::Open(synapse) = state {
                let Some((block, k)) = cells.receptors(*synapse).nth(1) else { continue };
                let (Some(magnesium), v) = (block.receptor().magnesium, cells.v_at(block.nodes()[k], 0)) else { continue };
                *pending = 1.0 / (1.0 + magnesium.mg_mm / 3.57 * (-magnesium.gamma_per_mv * v).exp());
            }
        }
    }

    fn stepped(&mut self, cells: &Cells) -> Result<()> {
        self.recorder.stepped(cells)?;
        for ((_, state, trace), pending) in self.states.iter_mut().zip(&self.pending) {
            trace.push(match state {
                State::Open(_) => *pending,
                State::Of(synapse, receptor, rise) => {
                    let Some((block, k)) = cells.receptors(*synapse).nth(*receptor) else { continue };
                    let (a, b) = block.states();
                    if *rise { a.map_or(0.0, |a| a[k]) } else { b[k] }
                }
            });
        }
        Ok(())
    }
}
