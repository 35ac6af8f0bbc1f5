//! The graph that Norse and snnTorch read: input, weights, one recurrent node of all spiking neurons, output.
//!
//! Both step `I <- a I + x`, `v <- b v + (1 - b)(I + leak)`, spike where `v` is above the threshold, and reset at once. A cycle takes one
//! step in both, a `Delay` exists in neither: a delay of d steps passes d - 1 relays, neurons that repeat their input in the same step.
//! Input of step t is put in at step t + 1, which is the input's delay.
//!
//! Both step by Euler, `a = 1 - dt/tau`, so time constants are written as `dt / (1 - a)`: their decays are then those of the network.
//! Both reset to 0: potentials count from the reset. What differs:
//!
//! | | Norse | snnTorch |
//! |---|---|---|
//! | step | given at import | 0.1 ms, whatever the network's: one of its steps stands for one of ours |
//! | leak | `v_leak` leaks into synapse and membrane: half of it is written | must be 0: a bias enters through the synapse |
//! | threshold | per neuron | one: weights are divided by the neuron's threshold |
//! | membrane | `(1 - b) r I` | `r = tau_mem/dt`, that is `I`: weights are multiplied by `1 - b` |

use kenyon_base::Result;

use crate::deployment::Role;

use super::Profile;
use super::canonical::Layout;
use super::graph::{Array, Element, Graph, Kind, Node};
use super::network::{Network, refused};

/// The step that snnTorch takes, in seconds.
const SNNTORCH_DT: f64 = 1e-4;
/// Threshold of a relay, and the weight that passes it.
const RELAY: (f64, f64) = (1.0, 2.0);

/// What one neuron of the node is.
#[derive(Debug, Clone, Copy)]
struct Column {
    /// `1 - a` and `1 - b`.
    rate_syn: f64,
    rate_mem: f64,
    /// Leak and threshold from the reset.
    leak: f64,
    threshold: f64,
}

pub(super) fn graph(network: &Network, profile: Profile) -> Result<(Graph, Layout)> {
    let (mut layout, inputs, mut columns) = columns(network);
    if inputs == 0 || columns.is_empty() {
        return Err(refused("nir-no-input", format!("profile `{}` needs inputs and spiking neurons", profile.name()))
            .mend("use the profile `canonical`"));
    }
    if profile == Profile::SnnTorch
        && let Some(i) = columns.iter().position(|c| c.threshold <= 0.0)
    {
        return Err(refused("nir-threshold", format!("spiking neuron {i} has a threshold at or below its reset"))
            .found(format!("{} above it", columns[i].threshold))
            .expected("a threshold above the reset: snnTorch has one for all, and weights are divided by it")
            .mend("use the profile `norse`"));
    }
    let neurons = columns.len();
    let (w_in, w_rec) = wires(network, &layout, neurons)?;
    layout.relays = w_rec.relays;
    let relay = Column { rate_syn: 1.0, rate_mem: 1.0, leak: 0.0, threshold: RELAY.0 };
    columns.extend(std::iter::repeat_n(relay, w_rec.relays));
    let n = columns.len();
    let factor = |row: u32| {
        let column = columns[row as usize];
        let relay = row as usize >= neurons;
        if profile == Profile::SnnTorch && !relay { column.rate_mem / column.threshold } else { 1.0 }
    };
    let scaled = |elements: Vec<Element>| elements.into_iter().map(|(i, j, w)| (i, j, w * factor(i))).collect::<Vec<_>>();
    let mut graph = Graph { single: true, ..Graph::default() };
    let mut add = |name: &str, node: Node| graph.nodes.insert(name.into(), node);
    add("input", Node::new(Kind::Input, [("shape", Array::whole(vec![inputs as i64]))]));
    add("output", Node::new(Kind::Output, [("shape", Array::whole(vec![n as i64]))]));
    let weight = Array::matrix(n, inputs, scaled(w_in));
    if profile == Profile::SnnTorch {
        let bias = (0..n).map(|i| columns[i].leak * columns[i].rate_syn * factor(i as u32)).collect();
        add("w_in", Node::new(Kind::Affine, [("weight", weight), ("bias", Array::vector(bias))]));
    } else {
        add("w_in", Node::new(Kind::Linear, [("weight", weight)]));
    }
    add("hidden", node(&columns, profile, network.deployment.dt_ms / 1e3));
    let recurrent = !w_rec.elements.is_empty();
    if recurrent {
        add("w_rec", Node::new(Kind::Linear, [("weight", Array::matrix(n, n, scaled(w_rec.elements)))]));
    }
    let mut edges = vec![("input", "w_in"), ("w_in", "hidden")];
    match profile {
        Profile::SnnTorch if recurrent => {
            // Its importer rewrites a cycle of two nodes and leads the input through the recurrent weights; a third keeps it from that.
            let whole = |v: i64| Array { shape: Vec::new(), values: super::Values::Whole(vec![v]) };
            let arrays = [("start_dim", whole(0)), ("end_dim", whole(0)), ("input_type", Array::whole(vec![n as i64]))];
            add("same", Node::new(Kind::Flatten, arrays));
            edges.extend([("hidden", "same"), ("same", "w_rec"), ("w_rec", "hidden")]);
        }
        _ if recurrent => edges.extend([("hidden", "w_rec"), ("w_rec", "hidden")]),
        _ => {}
    }
    edges.push(("hidden", "output"));
    graph.edges = edges.into_iter().map(|(a, b)| (a.into(), b.into())).collect();
    Ok((graph, layout))
}

/// Places of all populations, the number of inputs, and the spiking neurons.
fn columns(network: &Network) -> (Layout, usize, Vec<Column>) {
    let d = network.deployment;
    let (mut layout, mut inputs, mut columns) = (Layout::default(), 0, Vec::new());
    let rate = |tau_ms: f64| -(-d.dt_ms / tau_ms).exp_m1();
    for (population, cells) in d.populations.iter().zip(&network.cells) {
        layout.places.push(match cells {
            None => Some(("input".into(), inputs)),
            Some(_) if population.role == Role::Hidden => Some(("hidden".into(), columns.len())),
            Some(_) => None,
        });
        match cells {
            None => inputs += population.ids.len(),
            Some(cells) if population.role == Role::Hidden => columns.extend((0..population.ids.len()).map(|i| Column {
                rate_syn: cells.tau_syn_ms.as_ref().map_or(1.0, |tau| rate(tau[i])),
                rate_mem: rate(cells.tau_mem_ms[i]),
                leak: cells.leak[i] - cells.reset[i],
                threshold: cells.threshold[i] - cells.reset[i],
            })),
            Some(_) => {}
        }
    }
    (layout, inputs, columns)
}

/// Recurrent weights, relays included.
struct Recurrent {
    elements: Vec<Element>,
    relays: usize,
}

/// Weights from the input and among `neurons` spiking neurons, as (receiver, sender, weight).
fn wires(network: &Network, layout: &Layout, neurons: usize) -> Result<(Vec<Element>, Recurrent)> {
    let first = |p: u32| layout.places[p as usize].as_ref().map_or(0, |place| place.1 as u32);
    let (mut w_in, mut elements) = (Vec::new(), Vec::new());
    // How many relays in a row each neuron needs.
    let mut chain = vec![0; neurons];
    for (&(pre, _, delay), wires) in &network.wires {
        let population = &network.deployment.populations[pre as usize];
        if population.role == Role::Input {
            if delay != 1 {
                return Err(refused("nir-delay", "an input has a delay that the profile cannot hold")
                    .key(&population.label)
                    .found(format!("{delay} steps"))
                    .expected("1 step")
                    .mend("use the profile `canonical`, or shift the input's spikes"));
            }
            continue;
        }
        for &(_, sender, _) in wires {
            let needed = &mut chain[(first(pre) + sender) as usize];
            *needed = delay.saturating_sub(1).max(*needed);
        }
    }
    let mut relay_of = Vec::with_capacity(neurons);
    let mut next = neurons as u32;
    for (neuron, &length) in chain.iter().enumerate() {
        relay_of.push(next);
        for stage in 0..length {
            elements.push((next, if stage == 0 { neuron as u32 } else { next - 1 }, RELAY.1));
            next += 1;
        }
    }
    for (&(pre, post, delay), wires) in &network.wires {
        for &(receiver, sender, weight) in wires {
            let (to, from) = (first(post) + receiver, first(pre) + sender);
            match network.deployment.populations[pre as usize].role {
                Role::Input => w_in.push((to, from, weight)),
                _ if delay == 1 => elements.push((to, from, weight)),
                _ => elements.push((to, relay_of[from as usize] + delay - 2, weight)),
            }
        }
    }
    Ok((w_in, Recurrent { elements, relays: next as usize - neurons }))
}

fn node(columns: &[Column], profile: Profile, dt: f64) -> Node {
    let all = |of: &dyn Fn(&Column) -> f64| Array::vector(columns.iter().map(of).collect());
    let norse = profile == Profile::Norse;
    let step = if norse { dt } else { SNNTORCH_DT };
    Node::new(
        Kind::CubaLif,
        [
            ("tau_syn", all(&|c| step / c.rate_syn)),
            ("tau_mem", all(&|c| step / c.rate_mem)),
            ("r", all(&|c| if norse { 1.0 } else { 1.0 / c.rate_mem })),
            ("v_leak", all(&|c| if norse { c.leak / 2.0 } else { 0.0 })),
            ("v_threshold", all(&|c| if norse { c.threshold } else { RELAY.0 })),
            ("v_reset", all(&|_| 0.0)),
            ("w_in", all(&|c| 1.0 / c.rate_syn)),
        ],
    )
}
