//! The same run as simulation sets make it: the model by its description, its named set of synapses, receptors of equal kinetics
//! joined, eight cells side by side.
//!
//! A fault there, and not in the plain path, would otherwise go unseen: sets have no reference of their own.

use std::path::Path;

use kenyon_base::{Result, peaks};
use kenyon_neurons::biophysical::model::{BallAndStick, ModelSpec, Morphology};
use kenyon_neurons::biophysical::placing::SynapseOrder;
use kenyon_neurons::biophysical::solver::{Cells, Observer, Settings};
use kenyon_neurons::biophysical::synapse::{Event, EventQueue, synapse_set};

use super::cell::{Columns, Input};
use super::config::Params;
use super::replay::{PEAK_MV, bar_mv};
use super::setup::Setup;
use crate::simulation::SetNeuron;
use crate::validation::Findings;
use crate::validation::traces::{Distance, Trace, Traces, ms};

/// Cells side by side, and the one that is looked at; the others get parts of its input, so that they differ.
const LANES: usize = 8;
const LANE: usize = 5;
/// Names of sets of synapses.
const SETS: [&str; 3] = ["bs_ampa", "bs_nmda_rodent", "bs_nmda_human"];
/// Parameters that a description of a model names; all others must be the published ones.
const NAMED: [&str; 9] =
    ["nseg", "dend_L_um", "dend_diam_um", "celsius", "dt_ms", "v_init_mV", "gmax_NMDA_uS", "gamma_NMDA_per_mV", "rho"];

/// The neuron as sets have it; none if a description cannot name its parameters.
fn neuron(params: &Params) -> Result<Option<SetNeuron>> {
    let usual = Params::default();
    let named = |key: &str| NAMED.contains(&key) || key == "sk_factor";
    if params.keys().any(|key| !named(key) && params.get(key).total_cmp(&usual.get(key)).is_ne()) {
        return Ok(None);
    }
    let same = |a: f64, b: f64| a.total_cmp(&b).is_eq();
    let (gmax, gamma) = (params.get("gmax_NMDA_uS"), params.get("gamma_NMDA_per_mV"));
    let mut set = None;
    for name in SETS {
        let known = synapse_set(name)?;
        if same(known.nmda.gmax_us, gmax) && same(known.gamma_per_mv, gamma) {
            set = Some(name.to_string());
        }
    }
    if set.is_none() {
        return Ok(None);
    }
    let shape = BallAndStick {
        dend_length_um: params.get("dend_L_um"),
        dend_diam_um: params.get("dend_diam_um"),
        segments: params.nseg(),
    };
    let spec = ModelSpec {
        morphology: Some(Morphology::BallAndStick(shape)),
        synapse_set: set,
        rho: Some(params.get("rho")),
        sk_factor: Some(params.get("sk_factor")),
        ..ModelSpec::cell("ball-and-stick")
    };
    let model = spec.build(Path::new("."), Some(params.get("celsius")))?;
    SetNeuron::new(&model, SynapseOrder::File, true).map(Some)
}

/// Potentials of the soma and of the segments at every step.
struct Watch<'a> {
    neuron: &'a SetNeuron,
    soma: Vec<f64>,
    segments: Vec<Vec<f64>>,
}

impl Observer for Watch<'_> {
    fn stepped(&mut self, cells: &Cells) -> Result<()> {
        self.soma.push(cells.v_at(self.neuron.soma, LANE));
        for (trace, node) in self.segments.iter_mut().zip(&self.neuron.branches) {
            trace.push(cells.v_at(*node, LANE));
        }
        Ok(())
    }
}

/// Runs a case as sets do, and compares it with the reference's trace, or with our plain run where there is none.
pub(super) fn beside(findings: &mut Findings, setup: &Setup, trace: Option<&Traces>, plain: &Columns) -> Result<()> {
    if setup.protocol.inputs.is_empty() || !setup.protocol.clamps.is_empty() {
        return Ok(());
    }
    let Some(neuron) = neuron(&setup.params)? else {
        findings.remark("not run as simulation sets are: no description of a model names its parameters");
        return Ok(());
    };
    let (dt_ms, v_init) = (setup.params.dt_ms(), setup.params.get("v_init_mV"));
    let settings = Settings { dt_ms, v_init_mv: Some(v_init), ..Settings::default() };
    let mut cells = Cells::new(&neuron.neuron, LANES, settings)?;
    cells.set_synapses(&neuron.synapses, true)?;
    let nseg = setup.params.nseg();
    let event = |input: &Input| {
        let synapse = if input.excitatory { input.segment } else { nseg + input.segment };
        Event { time_ms: input.time_ms, synapse, weight: input.weight }
    };
    for lane in 0..LANES {
        let every = if lane == LANE { 1 } else { lane + 2 };
        cells.set_events(lane, EventQueue::new(setup.protocol.inputs.iter().step_by(every).map(event).collect())?)?;
    }
    let mut watch = Watch { neuron: &neuron, soma: Vec::new(), segments: vec![Vec::new(); nseg as usize] };
    cells.run(setup.protocol.steps, &mut watch)?;
    let ours = |name: &str| match name.strip_prefix("v_dend_").and_then(|k| k.parse::<usize>().ok()) {
        Some(segment) => watch.segments.get(segment),
        None => (name == "v_soma").then_some(&watch.soma),
    };
    let steps = trace.map(|trace| trace.steps(dt_ms, setup.protocol.steps)).transpose()?;
    let (at, t_ms) = if let (Some(steps), Some(trace)) = (&steps, trace) {
        (steps.clone(), trace.t_ms.clone())
    } else {
        let all: Vec<usize> = (0..watch.soma.len()).collect();
        let times = all.iter().map(|k| *k as f64 * dt_ms).collect();
        (all, times)
    };
    let mut distance = Distance::default();
    let mut see = |name: &str, samples: Vec<f64>| {
        let Some(ours) = ours(name) else { return };
        let ours: Vec<f64> = at.iter().map(|k| ours[*k]).collect();
        distance.see(&Trace { name: name.to_string(), samples, digits: None }, &ours, &t_ms, f64::INFINITY);
    };
    match trace {
        Some(trace) => trace.columns.iter().for_each(|column| see(&column.name, column.samples.clone())),
        None => plain.iter().for_each(|(name, samples)| see(name, samples.clone())),
    }
    let what = format!("as simulation sets make it {} at {}", distance.at.0, ms(distance.at.1));
    findings.within(&what, distance.largest, bar_mv(setup));
    if peaks(&watch.soma, PEAK_MV) != peaks(&plain["v_soma"], PEAK_MV) {
        findings.fault("as simulation sets make it its spikes stand elsewhere");
    }
    let other = if trace.is_some() { "" } else { " of our plain run" };
    findings.remark(format!(
        "as simulation sets make it (eight side by side, synapses joined) within {:.1e} mV{other}",
        distance.largest
    ));
    Ok(())
}
