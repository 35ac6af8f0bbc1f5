//! Synapses on a model: what sits where, and in which order.

use std::sync::Arc;

use kenyon_base::Result;
use serde::{Deserialize, Serialize};

use super::cable::CableSection;
use super::model::Model;
use super::morphology::layout::placed;
use super::morphology::{Point, Region};
use super::solver::Synapse;
use super::synapse::{Receptor, ReceptorKind, SynapseSet};

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

    /// Receptors that such a synapse may have.
    pub const fn possible(self) -> [ReceptorKind; 2] {
        match self {
            Self::Exc => [ReceptorKind::Ampa, ReceptorKind::Nmda],
            Self::Inh => [ReceptorKind::GabaA, ReceptorKind::GabaB],
        }
    }

    /// Receptors of such a synapse, in their order; without conductance in the set, NMDA and GABA B are left out.
    pub fn receptors(self, set: &SynapseSet) -> Vec<ReceptorKind> {
        let [first, second] = self.possible();
        let used = set.receptor(second).1 > 0.0;
        [first].into_iter().chain(used.then_some(second)).collect()
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
    /// Name of the set of its receptors.
    pub set: Arc<str>,
    /// Its receptors: what the solver simulates and what recordings name, in one order.
    pub receptors: Vec<PlacedReceptor>,
}

/// A receptor of a synapse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlacedReceptor {
    /// Kind.
    pub kind: ReceptorKind,
    /// Its equations.
    pub receptor: Receptor,
    /// Peak of an event of weight 1, µS.
    pub gmax_us: f64,
}

impl PlacedReceptor {
    /// Receptors of these kinds with the parameters of a set.
    pub fn of(set: &SynapseSet, kinds: &[ReceptorKind]) -> Vec<Self> {
        let one = |&kind: &ReceptorKind| {
            let (receptor, gmax_us) = set.receptor(kind);
            Self { kind, receptor, gmax_us }
        };
        kinds.iter().map(one).collect()
    }
}

impl PlacedSynapse {
    /// What the solver knows of it.
    pub fn synapse(&self) -> Synapse {
        Synapse { node: self.node, receptors: self.receptors.iter().map(|r| (r.receptor, r.gmax_us)).collect() }
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
        let y = heights(model, &nodes);
        let mut turn: Vec<usize> = (0..nodes.len()).collect();
        turn.sort_by(|&a, &b| y[a].total_cmp(&y[b]));
        nodes = turn.into_iter().map(|k| nodes[k]).collect();
    }
    nodes
}

/// Mean y of many segments: of the two ends of each on the traced line and of all traced points between them, unweighted.
///
/// In one walk along the points of each section.
pub fn heights(model: &Model, nodes: &[u32]) -> Vec<f64> {
    let cable = &model.neuron.cable;
    let points = placed(&model.tree);
    let of_section = |(section, line): (&CableSection, &Vec<Point>)| mean_heights(line, section.nseg);
    let of_sections: Vec<Vec<f64>> = cable.sections.iter().zip(&points).map(of_section).collect();
    let height = |&node: &u32| {
        let place = &cable.nodes[node as usize];
        of_sections[place.section as usize][place.segment.unwrap_or(0) as usize]
    };
    nodes.iter().map(height).collect()
}

/// [`heights`] of all segments of one section, in one walk along its traced line.
pub fn mean_heights(line: &[Point], nseg: u32) -> Vec<f64> {
    let mut arc = Vec::with_capacity(line.len());
    let mut sum = 0.0;
    for (k, point) in line.iter().enumerate() {
        sum += if k > 0 { line[k - 1].distance(point) } else { 0.0 };
        arc.push(sum);
    }
    let (last, total) = (line.len() - 1, sum);
    // The height at the share `x` of the length.
    let height = |x: f64| {
        let at = x * total;
        let next = arc.partition_point(|arc| *arc < at).clamp(1, last);
        let (before, length) = (line[next - 1].xyz[1], arc[next] - arc[next - 1]);
        let share = if length > 0.0 { (at - arc[next - 1]) / length } else { 0.0 };
        before + share * (line[next].xyz[1] - before)
    };
    let ends = |k: u32| f64::from(k) / f64::from(nseg);
    let mean = |k: u32| {
        let (from, to) = (ends(k), ends(k + 1));
        let near = if k == 0 { line[0].xyz[1] } else { height(from) };
        let far = if k + 1 == nseg { line[last].xyz[1] } else { height(to) };
        let first = arc.partition_point(|arc| *arc <= from * total);
        let end = arc.partition_point(|arc| *arc < to * total).max(first);
        let between = line[first..end].iter().map(|point| point.xyz[1]);
        (near + far + between.sum::<f64>()) / (2 + end - first) as f64
    };
    (0..nseg).map(mean).collect()
}

/// One excitatory and one inhibitory synapse in the middle of every dendritic segment.
pub fn per_segment(model: &Model, order: SynapseOrder) -> Vec<PlacedSynapse> {
    let cable = &model.neuron.cable;
    let nodes = dendritic_nodes(model, order);
    let mut out = Vec::with_capacity(2 * nodes.len());
    let set: Arc<str> = model.set_name().into();
    for kind in [SynapseKind::Exc, SynapseKind::Inh] {
        let receptors = PlacedReceptor::of(&model.synapse_set, &kind.receptors(&model.synapse_set));
        for (k, &node) in nodes.iter().enumerate() {
            let place = &cable.nodes[node as usize];
            out.push(PlacedSynapse {
                name: format!("{}{k}", kind.name()),
                kind,
                section: cable.sections[place.section as usize].name.clone(),
                x: place.x,
                node,
                set: Arc::clone(&set),
                receptors: receptors.clone(),
            });
        }
    }
    out
}

/// A synapse at a place of the model, with the receptors that its kind has in the model's set.
///
/// # Errors
/// `unknown-section`, `bad-place`.
pub fn at(model: &Model, name: String, kind: SynapseKind, section: &str, x: f64) -> Result<PlacedSynapse> {
    let node = model.neuron.cable.node_at(section, x)?;
    let receptors = PlacedReceptor::of(&model.synapse_set, &kind.receptors(&model.synapse_set));
    Ok(PlacedSynapse { name, kind, section: section.into(), x, node, set: model.set_name().into(), receptors })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::biophysical::cable::Segments;
    use crate::biophysical::model::ModelSpec;
    use crate::biophysical::neuron::Neuron;

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
    fn the_height_of_a_segment_is_the_mean_of_its_ends_and_of_the_points_between_them() {
        let line = |heights: &[(f64, f64)]| heights.iter().map(|&(x, y)| Point::new(x, y, 0.0, 1.0)).collect::<Vec<_>>();
        // A zigzag of six pieces of length 5 in three segments of 10: the point at 10 is an end of two and between none.
        let zigzag = line(&[(0.0, 0.0), (3.0, 4.0), (6.0, 0.0), (9.0, 4.0), (12.0, 8.0), (15.0, 12.0), (18.0, 8.0)]);
        let expected = [(0.0 + 0.0 + 4.0) / 3.0, (0.0 + 8.0 + 4.0) / 3.0, (8.0 + 8.0 + 12.0) / 3.0];
        for (ours, theirs) in mean_heights(&zigzag, 3).iter().zip(expected) {
            assert!((ours - theirs).abs() < 1e-12, "{ours} {theirs}");
        }
        // Without points between, the mean of the ends; points that stand on each other count each.
        assert_eq!(mean_heights(&line(&[(0.0, 0.0), (0.0, 8.0)]), 4), [1.0, 3.0, 5.0, 7.0]);
        assert_eq!(mean_heights(&line(&[(0.0, 0.0), (0.0, 4.0), (0.0, 4.0), (0.0, 8.0)]), 1), [4.0]);
    }

    #[test]
    fn the_order_by_height_ascends_and_segments_of_one_height_keep_the_order_of_the_file() {
        use super::super::morphology::{Attachment, Section, Shape, Tree};
        let section = |name: &str, region, parent: Option<f64>, ys: &[f64]| {
            let points = ys.iter().enumerate().map(|(k, y)| Point::new(k as f64, *y, 0.0, 1.0)).collect();
            let parent = parent.map(|x| Attachment { section: 0, x });
            Section { name: name.into(), region, parent, shape: Shape::Points(points), nseg: Some(1) }
        };
        // Means: high 15, level 5, low -5, also level 5.
        let tree = Tree::new(
            "t",
            vec![
                section("soma[0]", Region::Soma, None, &[0.0, 10.0]),
                section("dend[0]", Region::Basal, Some(1.0), &[10.0, 20.0]),
                section("dend[1]", Region::Basal, Some(0.5), &[5.0, 5.0]),
                section("dend[2]", Region::Basal, Some(0.0), &[0.0, -10.0]),
                section("apic[0]", Region::Apical, Some(0.0), &[0.0, 10.0]),
            ],
        );
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut model = ModelSpec::cell("l5pc").build(dir.path(), None).expect("grown");
        model.tree = tree.expect("sound");
        model.neuron = Neuron::new(&model.tree, Segments::default(), model.neuron.recipe.clone()).expect("sound");
        let names = |order| {
            let of = |node: &u32| model.neuron.cable.nodes[*node as usize].section;
            dendritic_nodes(&model, order).iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(names(SynapseOrder::File), [1, 2, 3, 4]);
        assert_eq!(names(SynapseOrder::TwinpropY), [3, 2, 4, 1]);
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
