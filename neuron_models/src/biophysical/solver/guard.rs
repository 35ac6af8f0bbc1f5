//! What is said when a potential leaves all bounds: section, segment, mechanism and step.

use kenyon_base::UserError;

use super::Cells;
use super::tree::BOUND_MV;
use crate::biophysical::cable::Cable;

/// Names of places, for messages.
#[derive(Debug, Clone)]
pub(super) struct Names {
    sections: Vec<String>,
    /// Section of each node, and the place on it.
    nodes: Vec<(u32, f64)>,
}

impl Names {
    pub(super) fn new(cable: &Cable) -> Self {
        let nodes = cable.nodes.iter().map(|node| (node.section, node.x)).collect();
        Self { sections: cable.sections.iter().map(|s| s.name.clone()).collect(), nodes }
    }

    fn of(&self, node: usize) -> String {
        let (section, x) = self.nodes[node];
        format!("{}({x:.4})", self.sections[section as usize])
    }
}

/// Names the place, the cell, the mechanism whose states are no numbers, and the step.
pub(super) fn left_bounds(cells: &Cells) -> UserError {
    let index = cells.v.iter().position(|v| v.is_nan() || v.abs() >= BOUND_MV).unwrap_or(0);
    let (node, lane) = (index / cells.lanes, index % cells.lanes);
    let broken = cells.mechanisms.iter().find(|mechanism| {
        let at = mechanism.nodes().iter().position(|n| *n as usize == node);
        at.is_some_and(|k| {
            (0..mechanism.info().gates.len()).any(|gate| !mechanism.gate(gate)[k * cells.lanes + lane].is_finite())
        })
    });
    let by = broken.map_or_else(|| "currents".to_string(), |mechanism| format!("the gates of `{}`", mechanism.info().name));
    UserError::failed("left-bounds", format!("the potential left all bounds at {} ms, driven by {by}", cells.t_ms()))
        .key(format!("{}, cell {lane}, step {}", cells.names.of(node), cells.step))
        .found(format!("{} mV", cells.v[index]))
        .mend("take a smaller time step, or smaller weights, currents or densities")
}
