//! What is said when a potential leaves all bounds: what drove it, where, in which step.

use kenyon_base::UserError;

use super::Cells;
use super::tree::BOUND_MV;
use crate::biophysical::cable::Cable;

/// Driving force (mV) at which conductances are compared with currents.
const FORCE_MV: f64 = 100.0;

/// Names of places, for messages.
#[derive(Debug, Clone)]
pub(super) struct Names {
    sections: Vec<String>,
    /// Section of each node, the place on it, and its area (µm²).
    nodes: Vec<(u32, f64, f64)>,
}

impl Names {
    pub(super) fn new(cable: &Cable) -> Self {
        let nodes = cable.nodes.iter().map(|node| (node.section, node.x, node.area_um2)).collect();
        Self { sections: cable.sections.iter().map(|s| s.name.clone()).collect(), nodes }
    }

    /// `apic[36](0.5)`: the place with at most four decimals.
    fn of(&self, node: u32) -> String {
        let (section, x, _) = self.nodes[node as usize];
        format!("{}({})", self.sections[section as usize], (x * 1e4).round() / 1e4)
    }
}

/// What drove a potential out of all bounds.
struct Cause {
    node: u32,
    what: String,
    mend: &'static str,
}

impl Cause {
    fn new(node: u32, what: impl Into<String>, mend: &'static str) -> Self {
        Self { node, what: what.into(), mend }
    }
}

/// Names what drove the potential out of all bounds, where, the cell and the step.
///
/// One bad number makes the whole tree bad in the same step, so the potentials say nothing about the place: states do, which still
/// are those before the step.
pub(super) fn left_bounds(cells: &Cells) -> UserError {
    let out = |v: &f64| v.is_nan() || v.abs() >= BOUND_MV;
    let lane = cells.v.iter().position(out).map_or(0, |index| index % cells.lanes);
    let cause = calcium(cells, lane)
        .or_else(|| gates(cells, lane))
        .or_else(|| receptors(cells, lane))
        .or_else(|| strongest(cells, lane))
        .unwrap_or_else(|| Cause::new(farthest(cells, lane), "currents", "take a smaller time step"));
    let of_cell = if cells.lanes > 1 { format!(", cell {lane}") } else { String::new() };
    // A product of a count and the step, without the digits that the product adds.
    let t_ms = (cells.t_ms() * 1e9).round() / 1e9;
    UserError::failed("left-bounds", format!("the potential left all bounds at {t_ms} ms, driven by {}", cause.what))
        .key(format!("{}{of_cell}, step {}", cells.names.of(cause.node), cells.step))
        .found(format!("{} mV", cells.v[cause.node as usize * cells.lanes + lane]))
        .mend(cause.mend)
}

/// A pool that has run empty: Nernst's potential is defined for concentrations above zero alone.
fn calcium(cells: &Cells, lane: usize) -> Option<Cause> {
    let of = |node: u32| cells.calcium.cai[node as usize * cells.lanes + lane];
    let node = cells.pool.nodes().iter().copied().find(|&node| of(node).is_nan() || of(node) <= 0.0)?;
    let what = format!(
        "calcium below zero in the pool of {}: {:.3e} mM, carried out by calcium channels",
        cells.names.of(node),
        of(node)
    );
    Some(Cause::new(node, what, "keep the potential there below the reversal potential of calcium: smaller currents or weights"))
}

/// Gates that are no numbers.
fn gates(cells: &Cells, lane: usize) -> Option<Cause> {
    cells.mechanisms.iter().find_map(|mechanism| {
        let info = mechanism.info();
        let broken = |k: usize, gate: usize| !mechanism.gate(gate)[k * cells.lanes + lane].is_finite();
        let at = |(k, &node): (usize, &u32)| {
            let gate = (0..info.gates.len()).find(|&gate| broken(k, gate))?;
            let what =
                format!("the gate `{}` of `{}` at {}, which is no number", info.gates[gate], info.name, cells.names.of(node));
            Some(Cause::new(node, what, "take a smaller time step"))
        };
        mechanism.nodes().iter().enumerate().find_map(at)
    })
}

/// Receptors whose states are no numbers.
fn receptors(cells: &Cells, lane: usize) -> Option<Cause> {
    cells.receptors.iter().find_map(|block| {
        let (k, &node) = block.nodes().iter().enumerate().find(|(k, _)| !block.opening(*k, lane).is_finite())?;
        let what = format!("a synapse at {} whose conductance is {} µS", cells.names.of(node), block.opening(k, lane));
        Some(Cause::new(node, what, "take smaller weights"))
    })
}

/// The largest of all currents that are at work, conductances at a force of [`FORCE_MV`].
fn strongest(cells: &Cells, lane: usize) -> Option<Cause> {
    let here = |only: Option<u32>| only.is_none_or(|only| only as usize == lane);
    let mut all: Vec<(f64, Cause)> = Vec::new();
    for electrode in cells.electrodes.iter().filter(|e| here(e.lane)) {
        let i = electrode.waveform.at(cells.mid_step_ms());
        let what = format!("a current of {i} nA into {}", cells.names.of(electrode.node));
        all.push((i.abs(), Cause::new(electrode.node, what, "take a smaller current")));
    }
    for clamp in cells.voltage_clamps.iter().filter(|c| here(c.lane)) {
        let what = format!("a voltage clamp of {} MΩ at {}", clamp.rs_mohm, cells.names.of(clamp.node));
        all.push((FORCE_MV / clamp.rs_mohm, Cause::new(clamp.node, what, "take a larger series resistance")));
    }
    for block in &cells.receptors {
        for (k, &node) in block.nodes().iter().enumerate() {
            let g = block.opening(k, lane);
            let what = || format!("a synapse of {g:.3e} µS at {}", cells.names.of(node));
            all.push((g.abs() * FORCE_MV, Cause::new(node, what(), "take smaller weights")));
        }
    }
    for mechanism in &cells.mechanisms {
        for (k, &node) in mechanism.nodes().iter().enumerate() {
            let g = mechanism.density(k, lane, &cells.v, &cells.calcium).g_s_cm2;
            let what = || format!("`{}` of {g:.3e} S/cm² at {}", mechanism.info().name, cells.names.of(node));
            let strength = g.abs() * cells.names.nodes[node as usize].2 * 1e-2 * FORCE_MV;
            all.push((strength, Cause::new(node, what(), "take a smaller density or time step")));
        }
    }
    // No number is the strongest of all.
    let size = |x: f64| if x.is_nan() { f64::INFINITY } else { x };
    all.into_iter().max_by(|a, b| size(a.0).total_cmp(&size(b.0))).map(|(_, cause)| cause)
}

/// The node whose potential is farthest from all that is usual.
fn farthest(cells: &Cells, lane: usize) -> u32 {
    let size = |v: f64| if v.is_nan() { f64::INFINITY } else { v.abs() };
    let of_lane = cells.v.iter().skip(lane).step_by(cells.lanes).enumerate();
    of_lane.max_by(|a, b| size(*a.1).total_cmp(&size(*b.1))).map_or(0, |(node, _)| node as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::biophysical::cable::Segments;
    use crate::biophysical::morphology::builtin::ball_and_stick;
    use crate::biophysical::neuron::Neuron;
    use crate::biophysical::recipe::Recipe;
    use crate::biophysical::solver::{Electrode, Observer, Settings, Synapse, Waveform};
    use crate::biophysical::synapse::{Event, EventQueue, synapse_set};

    struct Nobody;

    impl Observer for Nobody {
        fn stepped(&mut self, _: &Cells) -> kenyon_base::Result<()> {
            Ok(())
        }
    }

    fn cells(lanes: usize) -> Cells {
        let tree = ball_and_stick(128.0, 4.0, 8).expect("sound");
        let neuron = Neuron::new(&tree, Segments::default(), Recipe::shipped("ball-and-stick").expect("shipped"));
        Cells::new(&neuron.expect("sound"), lanes, Settings::default()).expect("sound")
    }

    #[test]
    fn a_gate_that_is_no_number_is_named_with_its_channel_place_and_cell() {
        let mut cells = cells(8);
        cells.run(3, &mut Nobody).expect("sound");
        let sodium = cells.mechanisms.iter_mut().find(|m| m.info().name == "NaTs2_t").expect("there");
        sodium.gate_mut(1)[5] = f64::NAN;
        cells.sums_at_hand = false;
        let error = cells.run(3, &mut Nobody).expect_err("no number").to_string();
        assert!(error.contains("soma[0](0.5), cell 5, step 3"), "{error}");
        assert!(error.contains("the gate `h` of `NaTs2_t` at soma[0](0.5)"), "{error}");
    }

    #[test]
    fn an_electrode_and_a_synapse_are_named_where_they_are() {
        let mut cells = cells(1);
        let synapse = Synapse { node: 7, receptors: vec![(synapse_set("rat").expect("shipped").ampa_receptor(), 1e-3)] };
        cells.set_synapses(&[synapse], false).expect("sound");
        cells
            .set_events(0, EventQueue::new(vec![Event { time_ms: 1.0, synapse: 0, weight: 1.7e308 }]).expect("sound"))
            .expect("sound");
        let error = cells.run(100, &mut Nobody).expect_err("no potential").to_string();
        assert!(error.contains("a synapse") && error.contains("dend[0](0.6875)"), "{error}");

        let mut cells = super::tests::cells(1);
        let waveform = Waveform::Step { delay_ms: 0.5, dur_ms: 1.0, amp_na: -1e7 };
        cells.add_electrode(Electrode { node: 4, lane: None, waveform });
        let error = cells.run(100, &mut Nobody).expect_err("no potential").to_string();
        assert!(error.contains("a current of -10000000 nA into dend[0](0.3125)"), "{error}");
        assert!(error.contains("left all bounds at 0.5 ms"), "{error}");
    }
}
