//! NIR by its definition: one node per population, one `Delay` per sender and delay, one `Linear` per pair and delay.
//!
//! An event that leaves a node in step t and passes a `Delay` of k dt arrives in step t + k; in that step it is added to the receiver's
//! current, the potential moves with that current, and the threshold is tested. No edge adds a delay of its own, within a cycle or not.

use crate::deployment::{Role, Variable};
use crate::pynn::network::pynn_label;

use super::graph::{Array, Element, Graph, Kind, Node};
use super::network::{Leaky, Network};

/// Where the neurons of a deployment stand in a graph.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Per population its node and the place of its first neuron there; none for a readout that is no node.
    pub(super) places: Vec<Option<(String, usize)>>,
    /// Neurons that were added to carry delays.
    pub(super) relays: usize,
}

/// The node that reads out.
const READOUT: &str = "readout";

pub(super) fn graph(network: &Network) -> (Graph, Layout) {
    let populations = &network.deployment.populations;
    let dt_ms = network.deployment.dt_ms;
    let mut graph = Graph::default();
    let mut layout = Layout::default();
    for (p, population) in populations.iter().enumerate() {
        let name = if population.role == Role::Readout { READOUT.into() } else { pynn_label(&population.label, p) };
        match &network.cells[p] {
            None => {
                let shape = Array::whole(vec![population.ids.len() as i64]);
                graph.nodes.insert(name.clone(), Node::new(Kind::Input, [("shape", shape)]));
            }
            Some(cells) if population.role == Role::Hidden => {
                graph.nodes.insert(name.clone(), neurons(cells, dt_ms));
            }
            // Stands below, wherever it is computed.
            Some(_) => {}
        }
        layout.places.push(Some((name, 0)));
    }
    let mut wires = Wires { network, layout: &layout, graph: &mut graph };
    for (&(pre, post, delay), elements) in &network.wires {
        let to = layout.places[post as usize].clone().expect("every population has a node").0;
        wires.add(pre as usize, &to, network.len(post as usize), delay, elements);
    }
    if let Some(readout) = &network.readout {
        let n = readout.classes.len();
        let all = |value: f64| Array::vector(vec![value; n]);
        let arrays = [
            ("tau_syn", all(readout.tau_syn_ms / 1e3)),
            ("tau_mem", all(readout.tau_mem_ms / 1e3)),
            ("r", all(1.0)),
            ("v_leak", all(0.0)),
            ("w_in", all(readout.tau_syn_ms / dt_ms)),
        ];
        wires.graph.nodes.insert(READOUT.into(), Node::new(Kind::CubaLi, arrays));
        for (&(pre, delay), elements) in &readout.wires {
            wires.add(pre as usize, READOUT, n, delay, elements);
        }
        output(&mut graph, "output", READOUT, n);
    } else {
        for p in network.populations(Role::Hidden).filter(|&p| populations[p].record.contains(&Variable::Spikes)) {
            let name = layout.places[p].clone().expect("every population has a node").0;
            output(&mut graph, &format!("output_of_{name}"), &name, network.len(p));
        }
    }
    (graph, layout)
}

fn neurons(cells: &Leaky, dt_ms: f64) -> Node {
    let n = cells.leak.len();
    let seconds = |ms: &[f64]| Array::vector(ms.iter().map(|v| v / 1e3).collect());
    let own = |values: &[f64]| Array::vector(values.to_vec());
    let (r, leak) = (Array::vector(vec![1.0; n]), own(&cells.leak));
    let (threshold, reset) = (own(&cells.threshold), own(&cells.reset));
    match &cells.tau_syn_ms {
        Some(tau_syn) => Node::new(
            Kind::CubaLif,
            [
                ("tau_syn", seconds(tau_syn)),
                ("tau_mem", seconds(&cells.tau_mem_ms)),
                ("r", r),
                ("v_leak", leak),
                ("v_threshold", threshold),
                ("v_reset", reset),
                // An event has amplitude 1 for one dt and raises the current by 1.
                ("w_in", Array::vector(tau_syn.iter().map(|tau| tau / dt_ms).collect())),
            ],
        ),
        None => Node::new(
            Kind::Lif,
            [("tau", seconds(&cells.tau_mem_ms)), ("r", r), ("v_leak", leak), ("v_threshold", threshold), ("v_reset", reset)],
        ),
    }
}

fn output(graph: &mut Graph, name: &str, of: &str, n: usize) {
    graph.nodes.insert(name.into(), Node::new(Kind::Output, [("shape", Array::whole(vec![n as i64]))]));
    graph.edges.push((of.into(), name.into()));
}

struct Wires<'a> {
    network: &'a Network<'a>,
    layout: &'a Layout,
    graph: &'a mut Graph,
}

impl Wires<'_> {
    /// Joins a population to a node: sender, `Delay`, `Linear`, receiver.
    fn add(&mut self, pre: usize, to: &str, rows: usize, delay: u32, elements: &[Element]) {
        let from = self.layout.places[pre].clone().expect("every population has a node").0;
        let (columns, dt_ms) = (self.network.len(pre), self.network.deployment.dt_ms);
        let held = format!("delay_{delay}_{from}_out");
        if !self.graph.nodes.contains_key(&held) {
            let delays = Array::vector(vec![f64::from(delay) * dt_ms / 1e3; columns]);
            self.graph.nodes.insert(held.clone(), Node::new(Kind::Delay, [("delay", delays)]));
            self.graph.edges.push((from.clone(), held.clone()));
        }
        // Names of populations end in a number, these do not: none is there twice.
        let weights = format!("weights_{from}_to_{to}_delay_{delay}_steps");
        let matrix = Array::matrix(rows, columns, elements.to_vec());
        self.graph.nodes.insert(weights.clone(), Node::new(Kind::Linear, [("weight", matrix)]));
        self.graph.edges.push((held, weights.clone()));
        self.graph.edges.push((weights, to.into()));
    }
}
