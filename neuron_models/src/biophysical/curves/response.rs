//! What a synapse or a current does to a model: the change of the potential, here and at the soma.

use kenyon_base::{Progress, Result, UserError};
use serde::Serialize;

use super::{in_batches, room, settings, steps};
use crate::biophysical::model::Model;
use crate::biophysical::placing::{PlacedReceptor, SynapseKind, SynapseOrder, dendritic_nodes};
use crate::biophysical::solver::{Cells, Electrode, Observer, Synapse, Waveform};
use crate::biophysical::synapse::{Event, EventQueue};

/// A place on a neuron.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Site {
    /// Section.
    pub section: String,
    /// Place on it, 0 to 1.
    pub x: f64,
    /// Path distance from the near end of the root, µm.
    pub distance_um: f64,
    /// Node.
    #[serde(skip)]
    pub node: u32,
}

impl Site {
    /// The place `x` of a section.
    ///
    /// # Errors
    /// `unknown-section`, `bad-place`.
    pub fn at(model: &Model, section: &str, x: f64) -> Result<Self> {
        Ok(Self::of(model, model.neuron.cable.node_at(section, x)?))
    }

    fn of(model: &Model, node: u32) -> Self {
        let cable = &model.neuron.cable;
        let place = &cable.nodes[node as usize];
        let section = cable.sections[place.section as usize].name.clone();
        Self { section, x: place.x, distance_um: place.distance_um, node }
    }
}

/// At most `count` dendritic segments, evenly spread over their order in the file.
pub fn spread_sites(model: &Model, count: usize) -> Vec<Site> {
    let nodes = dendritic_nodes(model, SynapseOrder::File);
    let taken = count.min(nodes.len());
    // The middle of each of `taken` equal parts; all of them when they are as many.
    (0..taken).map(|k| Site::of(model, nodes[(2 * k + 1) * nodes.len() / (2 * taken)])).collect()
}

/// A postsynaptic potential to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EpspSpec {
    /// Kind of the synapse.
    pub kind: SynapseKind,
    /// Weight of the event.
    pub weight: f64,
    /// When it arrives, ms.
    pub time_ms: f64,
    /// How long is looked, ms from the beginning.
    pub duration_ms: f64,
    /// Time step, ms.
    pub dt_ms: f64,
}

impl Default for EpspSpec {
    fn default() -> Self {
        Self { kind: SynapseKind::Exc, weight: 1.0, time_ms: 20.0, duration_ms: 140.0, dt_ms: 0.025 }
    }
}

/// A postsynaptic potential: largest deviation from the cell without the event, with its sign, and when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpspRow {
    /// Where the synapse is.
    #[serde(flatten)]
    pub site: Site,
    /// There, mV.
    pub local_peak_mv: f64,
    /// When, ms from the beginning of the simulation.
    pub local_peak_ms: f64,
    /// At the soma, mV.
    pub soma_peak_mv: f64,
    /// When, ms from the beginning of the simulation.
    pub soma_peak_ms: f64,
}

/// What the potential under a current is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// The potential at the onset of the current: that of the last step before it flows.
    Onset,
    /// The same cell without the current, at the same time: what a cell that is not at rest needs.
    Control,
}

/// A current to be measured with.
///
/// With [`Baseline::Onset`] -0.1 nA from 150 to 300 ms into the soma of the L5PC give 43.95 MΩ at the end and 49.54 MΩ where it sags
/// most (specification of biophysical neurons, 8.1). The Ball & Stick tables are 1 pA from 0 ms on against [`Baseline::Control`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ResistanceSpec {
    /// Current, nA.
    pub amp_na: f64,
    /// When it begins, ms.
    pub delay_ms: f64,
    /// How long it flows, ms.
    pub duration_ms: f64,
    /// Time step, ms.
    pub dt_ms: f64,
    /// What is compared with.
    pub baseline: Baseline,
}

impl Default for ResistanceSpec {
    fn default() -> Self {
        Self { amp_na: 0.001, delay_ms: 0.0, duration_ms: 600.0, dt_ms: 0.025, baseline: Baseline::Control }
    }
}

/// Input resistance of a place: `(V - baseline) / current`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResistanceRow {
    /// Where the current goes in.
    #[serde(flatten)]
    pub site: Site,
    /// Potential there at the onset, mV.
    pub onset_mv: f64,
    /// Deviation there at the end by current, MΩ.
    pub input_mohm: f64,
    /// Largest deviation there by current, MΩ: more than at the end where the membrane sags.
    pub peak_mohm: f64,
    /// Deviation of the soma at the end by current, MΩ.
    pub to_soma_mohm: f64,
    /// What the place moves by from the onset to the end without the current, mV: nothing in a cell at rest.
    pub drift_mv: f64,
}

impl ResistanceRow {
    /// What must be known of a resistance that was measured in a cell off its rest: the drift is more than 1 % of the answer.
    ///
    /// Against [`Baseline::Control`] the drift cancels out.
    pub fn warning(&self, spec: &ResistanceSpec) -> Option<String> {
        let answer_mv = (self.input_mohm * spec.amp_na).abs();
        let drifts = spec.baseline == Baseline::Onset && self.drift_mv.abs() > 0.01 * answer_mv;
        drifts.then(|| {
            format!(
                "{}({:.4}): the cell was not at rest at onset: without current it moves by {:.4} mV of {answer_mv:.4} mV; raise \
                 `--delay-ms` or take `--baseline control`",
                self.site.section, self.site.x, self.drift_mv
            )
        })
    }
}

/// Potentials of some nodes over time, of a cell to which nothing is done.
struct Control {
    nodes: Vec<u32>,
    /// `index = step * nodes + k`.
    v: Vec<f64>,
}

impl Control {
    fn new(model: &Model, mut nodes: Vec<u32>, steps: u64, dt_ms: f64) -> Result<Self> {
        nodes.sort_unstable();
        nodes.dedup();
        room(steps, nodes.len())?;
        let v = Vec::with_capacity((steps as usize + 1) * nodes.len());
        let mut control = Self { nodes, v };
        Cells::new(&model.neuron, 1, settings(dt_ms))?.run(steps, &mut control)?;
        Ok(control)
    }

    fn at(&self, step: u64, node: u32) -> f64 {
        let k = self.nodes.binary_search(&node).expect("every node that is asked for was recorded");
        self.v[step as usize * self.nodes.len() + k]
    }
}

impl Observer for Control {
    fn stepped(&mut self, cells: &Cells) -> Result<()> {
        self.v.extend(self.nodes.iter().map(|&node| cells.v_at(node, 0)));
        Ok(())
    }
}

/// Largest and last deviation from the baseline at two nodes of each lane.
struct Deviation<'a> {
    /// The cell to which nothing is done; without it, the potential at the onset.
    control: Option<&'a Control>,
    /// Step at whose end nothing has happened yet.
    onset: u64,
    /// Local node and soma of each lane.
    nodes: Vec<[u32; 2]>,
    seen: Vec<[Peak; 2]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Peak {
    onset_mv: f64,
    most_mv: f64,
    step: u64,
    last_mv: f64,
}

impl<'a> Deviation<'a> {
    fn new(control: Option<&'a Control>, onset: u64, sites: &[Site], soma: u32) -> Self {
        let nodes: Vec<_> = sites.iter().map(|site| [site.node, soma]).collect();
        Self { control, onset, seen: vec![[Peak::default(); 2]; nodes.len()], nodes }
    }
}

impl Observer for Deviation<'_> {
    fn stepped(&mut self, cells: &Cells) -> Result<()> {
        let step = cells.steps();
        for (lane, (nodes, seen)) in self.nodes.iter().zip(&mut self.seen).enumerate() {
            for (node, peak) in nodes.iter().zip(seen) {
                let v = cells.v_at(*node, lane);
                if step == self.onset {
                    peak.onset_mv = v;
                }
                let change = match self.control {
                    Some(control) => v - control.at(step, *node),
                    None if step < self.onset => continue,
                    None => v - peak.onset_mv,
                };
                if change.abs() > peak.most_mv.abs() {
                    (peak.most_mv, peak.step) = (change, step);
                }
                peak.last_mv = change;
            }
        }
        Ok(())
    }
}

/// The step before the first that a current from `delay_ms` on flows in: electrodes are looked at in the middle of a step.
fn onset(delay_ms: f64, dt_ms: f64) -> u64 {
    (delay_ms / dt_ms - 0.5).ceil().max(0.0) as u64
}

fn positive(name: &str, value: f64, most: f64, unit: &str) -> Result<()> {
    if value > 0.0 && value <= most {
        return Ok(());
    }
    let with_unit = |number: String| if unit.is_empty() { number } else { format!("{number} {unit}") };
    Err(UserError::usage("bad-number", format!("is no {name}"))
        .found(with_unit(value.to_string()))
        .expected(format!("above 0, at most {}", with_unit(format!("{most:e}")))))
}

/// Postsynaptic potentials of single events at some places, each alone.
///
/// # Errors
/// `bad-number` for a weight or time that is none.
pub fn epsp_table(model: &Model, sites: &[Site], spec: &EpspSpec, progress: &dyn Progress) -> Result<Vec<EpspRow>> {
    positive("weight", spec.weight, 1e6, "")?;
    positive("duration", spec.duration_ms, 1e5, "ms")?;
    if !(0.0..spec.duration_ms).contains(&spec.time_ms) {
        return Err(UserError::usage("bad-number", "the event is not within the simulation")
            .found(format!("{} ms", spec.time_ms))
            .expected(format!("0 ms to before {} ms", spec.duration_ms)));
    }
    let steps = steps(spec.duration_ms, spec.dt_ms)?;
    let (section, x) = model.soma();
    let soma = model.neuron.cable.node_at(&section, x)?;
    let placed = PlacedReceptor::of(&model.synapse_set, &spec.kind.receptors(&model.synapse_set));
    let receptors: Vec<_> = placed.iter().map(|r| (r.receptor, r.gmax_us)).collect();
    progress.stage("postsynaptic potentials", Some(sites.len() as u64));
    let nodes = sites.iter().map(|s| s.node).chain([soma]).collect();
    let control = Control::new(model, nodes, steps, spec.dt_ms)?;
    in_batches(sites.len(), progress, |trials, lanes| {
        let sites = &sites[trials];
        let mut cells = Cells::new(&model.neuron, lanes, settings(spec.dt_ms))?;
        let synapses: Vec<_> = sites.iter().map(|site| Synapse { node: site.node, receptors: receptors.clone() }).collect();
        cells.set_synapses(&synapses, false)?;
        for lane in 0..sites.len() {
            let event = Event { time_ms: spec.time_ms, synapse: lane as u32, weight: spec.weight };
            cells.set_events(lane, EventQueue::new(vec![event])?)?;
        }
        let mut watch = Deviation::new(Some(&control), 0, sites, soma);
        cells.run(steps, &mut watch)?;
        let row = |(site, [local, soma]): (&Site, &[Peak; 2])| EpspRow {
            site: site.clone(),
            local_peak_mv: local.most_mv,
            local_peak_ms: local.step as f64 * spec.dt_ms,
            soma_peak_mv: soma.most_mv,
            soma_peak_ms: soma.step as f64 * spec.dt_ms,
        };
        Ok(sites.iter().zip(&watch.seen).map(row).collect())
    })
}

/// Input resistance at some places, each alone.
///
/// # Errors
/// `bad-number` for a current or time that is none.
pub fn input_resistance(
    model: &Model,
    sites: &[Site],
    spec: &ResistanceSpec,
    progress: &dyn Progress,
) -> Result<Vec<ResistanceRow>> {
    if !(spec.amp_na.is_finite() && spec.amp_na != 0.0 && spec.amp_na.abs() <= 1e4) {
        return Err(UserError::usage("bad-number", "is no current to measure with")
            .found(format!("{} nA", spec.amp_na))
            .expected("-1e4 to 1e4 nA, but not 0"));
    }
    positive("duration", spec.duration_ms, 1e5, "ms")?;
    if !(0.0..=1e5).contains(&spec.delay_ms) {
        return Err(UserError::usage("bad-number", "is no beginning of a current")
            .found(format!("{} ms", spec.delay_ms))
            .expected("0 to 1e5 ms"));
    }
    let steps = steps(spec.delay_ms + spec.duration_ms, spec.dt_ms)?;
    let (section, x) = model.soma();
    let soma = model.neuron.cable.node_at(&section, x)?;
    progress.stage("input resistance", Some(sites.len() as u64));
    let nodes = sites.iter().map(|s| s.node).chain([soma]).collect();
    // Against the onset too: it tells whether the cell was at rest.
    let control = Control::new(model, nodes, steps, spec.dt_ms)?;
    let against = (spec.baseline == Baseline::Control).then_some(&control);
    let onset = onset(spec.delay_ms, spec.dt_ms);
    in_batches(sites.len(), progress, |trials, lanes| {
        let sites = &sites[trials];
        let mut cells = Cells::new(&model.neuron, lanes, settings(spec.dt_ms))?;
        for (lane, site) in sites.iter().enumerate() {
            let waveform = Waveform::Step { delay_ms: spec.delay_ms, dur_ms: 2.0 * spec.duration_ms, amp_na: spec.amp_na };
            cells.add_electrode(Electrode { node: site.node, lane: Some(lane as u32), waveform });
        }
        let mut watch = Deviation::new(against, onset, sites, soma);
        cells.run(steps, &mut watch)?;
        let row = |(site, [local, soma]): (&Site, &[Peak; 2])| ResistanceRow {
            site: site.clone(),
            onset_mv: local.onset_mv,
            input_mohm: local.last_mv / spec.amp_na,
            peak_mohm: local.most_mv / spec.amp_na,
            to_soma_mohm: soma.last_mv / spec.amp_na,
            drift_mv: control.at(steps, site.node) - control.at(onset.min(steps), site.node),
        };
        Ok(sites.iter().zip(&watch.seen).map(row).collect())
    })
}
