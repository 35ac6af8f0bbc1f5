//! A protocol made ready, its simulation, and what comes out.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use kenyon_base::{Progress, Result, UserError};
use serde::Serialize;

use super::inputs::{electrodes, events, place_key, synapses, voltage_clamps, within};
use super::records::{Plan, plan, steps};
use super::{Protocol, SpikesAt};
use crate::biophysical::mechanism::Grid;
use crate::biophysical::model::Model;
use crate::biophysical::placing::PlacedSynapse;
use crate::biophysical::recording::Recorder;
use crate::biophysical::solver::{Cells, Observer, Settings, long_step};
use crate::biophysical::spikes::Rule;

/// Samples that a simulation may write down: 2 GiB.
const MOST_SAMPLES: u64 = 1 << 28;

/// A protocol that was checked and placed on its model.
pub struct Prepared {
    /// The protocol with everything filled in that it left open.
    pub protocol: Protocol,
    /// Its model.
    pub model: Model,
    /// Its synapses.
    pub synapses: Vec<PlacedSynapse>,
    /// Events that are released.
    pub event_count: usize,
    /// Steps to do.
    pub steps: u64,
    cells: Cells,
    plans: Vec<Plan>,
    spike_node: u32,
    rule: Rule,
}

/// A trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Its name.
    pub name: String,
    /// Unit.
    pub unit: &'static str,
    /// Section.
    pub section: String,
    /// Place of the node on it, 0 to 1.
    pub x: f64,
    /// Steps between samples.
    pub every: u64,
    /// Samples, the first at 0 ms.
    pub values: Vec<f64>,
}

/// The spikes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spikes {
    /// What counts as one, and where.
    pub at: SpikesAt,
    /// When, ms.
    pub times_ms: Vec<f64>,
}

/// What a simulation has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Traces in the order of the protocol.
    pub traces: Vec<Trace>,
    /// Spikes.
    pub spikes: Spikes,
    /// Steps done.
    pub steps: u64,
    /// Whether it came to its end.
    pub complete: bool,
}

impl Prepared {
    pub(super) fn new(given: &Protocol, folder: &Path) -> Result<Self> {
        let dt_ms = within("dt_ms", given.dt_ms, 1e-6, 10.0, "ms").map_err(|e| e.mend("0.025 is usual"))?;
        let steps = steps("duration_ms", given.duration_ms, dt_ms)?;
        if let Some(v) = given.v_init_mv {
            within("v_init_mv", v, -200.0, 200.0, "mV")?;
        }
        let mut model = given.build_model(folder)?;
        model.notes.extend(long_step(dt_ms, given.scheme));
        let tables = given.tables.then(Grid::default);
        let settings = Settings { dt_ms, scheme: given.scheme, v_init_mv: given.v_init_mv, tables };
        let mut cells = Cells::new(&model.neuron, 1, settings)?;
        electrodes(given, &model, folder)?.into_iter().for_each(|electrode| cells.add_electrode(electrode));
        voltage_clamps(given, &model)?.into_iter().for_each(|clamp| cells.add_voltage_clamp(clamp));
        let synapses = synapses(given, &model, folder)?;
        let for_solver: Vec<_> = synapses.iter().map(PlacedSynapse::synapse).collect();
        cells.set_synapses(&for_solver, false)?;
        let events = events(given, &synapses, folder)?;
        let event_count = events.events().len();
        cells.set_events(0, events)?;
        let plans = plan(given, &model, &synapses)?;
        let samples = steps + 1 + plans.iter().map(|p| steps / p.every + 1).sum::<u64>();
        if samples > MOST_SAMPLES {
            return Err(UserError::bad_data("limit", "this would write down too much")
                .key("record")
                .found(format!("{samples} samples"))
                .expected(format!("at most {MOST_SAMPLES}"))
                .mend("raise `every_ms`, or record fewer places"));
        }
        // Channels and gates that are not there are found here, with their record.
        for plan in &plans {
            Recorder::new(&model.neuron, &cells, vec![plan.probe.clone()], plan.every).map_err(|e| {
                let key = e.key_name().filter(|key| ["channel", "gate", "ion"].contains(key));
                let key = key.map_or_else(|| plan.key.clone(), |key| format!("{}.{key}", plan.key));
                e.in_data().key(key)
            })?;
        }
        let (soma, middle) = model.soma();
        let spikes = SpikesAt {
            section: Some(given.spikes.section.clone().unwrap_or(soma)),
            x: Some(given.spikes.x.unwrap_or(middle)),
            ..given.spikes.clone()
        };
        let section = spikes.section.as_deref().unwrap_or_default();
        let spike_node = model.neuron.cable.node_at(section, spikes.x.unwrap_or(middle));
        let spike_node = spike_node.map_err(|e| e.in_data().key(format!("spikes.{}", place_key(&model, section))))?;
        let rule = Rule { definition: spikes.definition, threshold_mv: spikes.threshold_mv }.checked();
        let rule = rule.map_err(|e| e.in_data().key("spikes.threshold_mv"))?;
        let protocol = Protocol {
            model: model.spec.clone(),
            v_init_mv: Some(given.v_init_mv.unwrap_or(model.neuron.recipe.v_init_mv)),
            celsius: Some(model.neuron.recipe.celsius),
            spikes,
            ..given.clone()
        };
        Ok(Self { protocol, model, synapses, event_count, steps, cells, plans, spike_node, rule })
    }

    /// Simulates from the start; `stop` ends it early at the next millisecond, with what there is by then.
    ///
    /// # Errors
    /// `left-bounds` with section and place if a potential is no number any more.
    pub fn run(&mut self, progress: &dyn Progress, stop: &AtomicBool) -> Result<Outcome> {
        let Self { model, cells, plans, protocol, steps, .. } = self;
        if cells.steps() > 0 {
            cells.init();
        }
        let mut strides: Vec<u64> = plans.iter().map(|p| p.every).collect();
        strides.sort_unstable();
        strides.dedup();
        let recorder = |every: &u64| {
            let probes = plans.iter().filter(|p| p.every == *every).map(|p| p.probe.clone()).collect();
            let mut recorder = Recorder::new(&model.neuron, cells, probes, *every)?;
            recorder.reserve(*steps);
            Ok(recorder)
        };
        let recorders = strides.iter().map(recorder).collect::<Result<Vec<_>>>()?;
        let soma = Vec::with_capacity(*steps as usize + 1);
        let mut watch = Watch { recorders, node: self.spike_node, soma };
        let block = ((1.0 / protocol.dt_ms).round() as u64).max(1);
        progress.stage("simulate", Some(self.steps));
        while cells.steps() < self.steps && !stop.load(Ordering::Relaxed) {
            let count = block.min(self.steps - cells.steps());
            cells.run(count, &mut watch)?;
            progress.advance(count);
        }
        let cable = &model.neuron.cable;
        let mut values: Vec<_> = watch.recorders.into_iter().map(|r| r.into_traces().into_iter()).collect();
        let mut traces = Vec::with_capacity(plans.len());
        for plan in plans.iter() {
            let group = strides.iter().position(|every| *every == plan.every).expect("every stride is listed");
            let node = &cable.nodes[plan.probe.node as usize];
            traces.push(Trace {
                name: plan.probe.name.clone(),
                unit: plan.probe.quantity.unit(),
                section: cable.sections[node.section as usize].name.clone(),
                x: node.x,
                every: plan.every,
                values: values[group].next().expect("a trace for each probe"),
            });
        }
        let times_ms = self.rule.times_ms(&watch.soma, protocol.dt_ms);
        let spikes = Spikes { at: protocol.spikes.clone(), times_ms };
        Ok(Outcome { traces, spikes, steps: cells.steps(), complete: cells.steps() == self.steps })
    }
}

/// All that looks at a simulation.
struct Watch {
    recorders: Vec<Recorder>,
    node: u32,
    soma: Vec<f64>,
}

impl Observer for Watch {
    fn currents(&mut self, cells: &Cells) {
        self.recorders.iter_mut().for_each(|r| r.currents(cells));
    }

    fn stepped(&mut self, cells: &Cells) -> Result<()> {
        self.soma.push(cells.v_at(self.node, 0));
        self.recorders.iter_mut().try_for_each(|r| r.stepped(cells))
    }
}
