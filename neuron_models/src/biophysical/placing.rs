//! Synapses on a model: what sits where, and in which order.

use kenyon_base::Result;
use serde::{Deserialize, Serialize};

use super::cable::CableSection;
use super::model::Model;
use super::morphology::layout::{along, placed};
use super::morphology::{Point, Region};
use super::solver::Synapse;
use super::synapse::SynapseSet;

/// Excitatory (AMPA and NMDA) or inhibitory (GABA A).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SynapseKind {
    /// AMPA and, where the set has it, NMDA.
    Exc,
    /// GABA A.
    Inh,
}

impl SynapseKind {
    /// `exc` or `inh`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exc => "exc",
            Self::Inh => "inh",
        }
    }

    /// Names of the receptors of such a synapse, in their order; receptors without conductance are left out.
    pub fn receptor_names(self, set: &SynapseSet) -> &'static [&'static str] {
        match self {
            Self::Exc if set.nmda.gmax_us > 0.0 => &["ampa", "nmda"],
            Self::Exc => &["ampa"],
            Self::Inh => &["gaba_a"],
        }
    }
}

/// Order in which the synapses of all segments are counted: first the excitatory ones, then the inhibitory ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SynapseOrder {
    /// Basal dendrites, then apical ones, each in the order of the file.
    File,
    /// By the mean y of the segment, ascending, as `TwinProp` does.
    TwinpropY,
}

/// A synapse at its place.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedSynapse {
    /// Its name.
    pub name: String,
    /// Kind.
    pub kind: SynapseKind,
    /// Section.
    pub section: String,
    /// Place on it, 0 to 1.
    pub x: f64,
    /// Node.
    pub node: u32,
    /// Set of its receptors.
    pub set: &'static SynapseSet,
}

impl PlacedSynapse {
    /// What the solver knows of it.
    pub fn synapse(&self) -> Synapse {
        let set = self.set;
        let receptors = match self.kind {
            SynapseKind::Exc if set.nmda.gmax_us > 0.0 => {
                vec![(set.ampa_receptor(), set.ampa.gmax_us), (set.nmda_receptor(), set.nmda.gmax_us)]
            }
            SynapseKind::Exc => vec![(set.ampa_receptor(), set.ampa.gmax_us)],
            SynapseKind::Inh => vec![(set.gaba_a_receptor(), set.gaba_a.gmax_us)],
        };
        Synapse { node: self.node, receptors }
    }
}

/// The nodes of the dendritic segments in an order.
///
/// A cell without dendrites in name (a cable of one region) counts every segment that is no soma and no axon.
pub fn dendritic_nodes(model: &Model, order: SynapseOrder) -> Vec<u32> {
    let cable = &model.neuron.cable;
    let of = |wanted: fn(Region) -> bool| {
        cable.sections.iter().filter(move |s| wanted(s.region)).flat_map(CableSection::segment_nodes)
    };
    let nodes = of(|r| r == Region::Basal)
        .chain(of(|r| r == Region::Apical))
        .chain(of(|r| matches!(r, Region::Custom(_))))
        .map(|node| node as u32);
    let mut nodes: Vec<u32> = nodes.collect();
    if order == SynapseOrder::TwinpropY {
        let points = placed(&model.tree);
        let y: Vec<f64> = nodes.iter().map(|&node| mean_y(model, &points, node)).collect();
        let mut turn: Vec<usize> = (0..nodes.len()).collect();
        turn.sort_by(|&a, &b| y[a].total_cmp(&y[b]));
        nodes = turn.into_iter().map(|k| nodes[k]).collect();
    }
    nodes
}

/// Mean y of a segment: of its two ends on the traced line and of all traced points between them, unweighted.
pub fn mean_y(model: &Model, points: &[Vec<Point>], node: u32) -> f64 {
    let cable = &model.neuron.cable;
    let node = &cable.nodes[node as usize];
    let section = &cable.sections[node.section as usize];
    let line = &points[node.section as usize];
    let (k, nseg) = (f64::from(node.segment.unwrap_or(0)), f64::from(section.nseg));
    let ends = [k / nseg, (k + 1.0) / nseg];
    let total: f64 = line.windows(2).map(|pair| pair[0].distance(&pair[1])).sum();
    let mut ys: Vec<f64> = ends.iter().map(|&x| along(line, x)[1]).collect();
    let mut arc = 0.0;
    for (at, point) in line.iter().enumerate() {
        if at > 0 {
            arc += line[at - 1].distance(point);
        }
        if arc > ends[0] * total && arc < ends[1] * total {
            ys.push(point.xyz[1]);
        }
    }
    ys.iter().sum::<f64>() / ys.len() as f64
}

/// One excitatory and one inhibitory synapse in the middle of every dendritic segment.
pub fn per_segment(model: &Model, order: SynapseOrder) -> Vec<PlacedSynapse> {
    let cable = &model.neuron.cable;
    let nodes = dendritic_nodes(model, order);
    let mut out = Vec::with_capacity(2 * nodes.len());
    for kind in [SynapseKind::Exc, SynapseKind::Inh] {
        for (k, &node) in nodes.iter().enumerate() {
            let place = &cable.nodes[node as usize];
            out.push(PlacedSynapse {
                name: format!("{}{k}", kind.name()),
                kind,
                section: cable.sections[place.section as usize].name.clone(),
                x: place.x,
                node,
                set: model.synapse_set,
            });
        }
    }
    out
}

/// A synapse at a place of the model.
///
/// # Errors
/// `unknown-section`, `bad-place`.
pub fn at(model: &Model, name: String, kind: SynapseKind, section: &str, x: f64) -> Result<PlacedSynapse> {
    let node = model.neuron.cable.node_at(section, x)?;
    Ok(PlacedSynapse { name, kind, section: section.into(), x, node, set: model.synapse_set })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::biophysical::model::ModelSpec;

    #[test]
    fn the_order_by_height_is_another_order_of_the_same_segments() {
        let model = ModelSpec::cell("l5pc").build(Path::new("."), None).expect("grown");
        let file = dendritic_nodes(&model, SynapseOrder::File);
        let mut by_y = dendritic_nodes(&model, SynapseOrder::TwinpropY);
        assert_ne!(file, by_y);
        by_y.sort_unstable();
        let mut sorted = file.clone();
        sorted.sort_unstable();
        assert_eq!(by_y, sorted);
    }

    #[test]
    fn every_dendritic_segment_has_one_synapse_of_each_kind() {
        let model = ModelSpec::cell("ball-and-stick").build(Path::new("."), None).expect("sound");
        let synapses = per_segment(&model, SynapseOrder::File);
        assert_eq!(synapses.len(), 16);
        assert_eq!((synapses[0].name.as_str(), synapses[8].name.as_str()), ("exc0", "inh0"));
        assert_eq!(synapses[3].node, synapses[11].node);
        assert_eq!(synapses[0].synapse().receptors.len(), 2);
    }
}
