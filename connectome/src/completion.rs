//! Generating projections that a data set lacks, from published statistics. Every such edge is marked synthetic.
//!
//! Pairs are drawn by [`synth::draw`] on the neurons of the circuit, real or not. A measured pair is never replaced or added to,
//! and the rules about inputs hold for generated pairs as for measured ones. The circuit's threshold does not apply: the
//! statistics have their own smallest count.

use std::path::Path;

use kenyon_base::{Result, Streams, UserError, nearest};
use serde::{Deserialize, Serialize};

use crate::circuit::Circuit;
use crate::circuit::spec::{CompletionSpec, SelectionSpec};
use crate::edges::Edges;
use crate::synth::{self, Cell, RELATIONS, relation};

/// A projection that was generated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Completed {
    /// Relation, for example `KC->APL`.
    pub projection: String,
    /// Always true: said again in every report.
    pub synthetic: bool,
    /// Whether the statistics are `measured` on other data or `assumed`.
    pub source: String,
    /// Presynaptic neurons that the relation can use.
    pub pre_neurons: u64,
    /// Postsynaptic neurons that the relation can use.
    pub post_neurons: u64,
    /// Pairs that the statistics ask for at the given scale.
    pub planned: u64,
    /// Pairs drawn: fewer than planned where there are no more pairs of these neurons, more where each neuron keeps one.
    pub drawn: u64,
    /// Pairs added.
    pub pairs: u64,
    /// Synapses added.
    pub synapses: u64,
    /// Drawn pairs left out because the data hold a measured connection.
    pub measured: u64,
    /// Drawn pairs left out by the rules about inputs (`presynaptic_inhibition`, `input_to_input`).
    pub left_out: u64,
}

/// Generated edges and the report about them.
#[derive(Debug, Default)]
pub(crate) struct Completion {
    pub(crate) edges: Vec<(u32, u32, u32)>,
    pub(crate) report: Vec<Completed>,
}

/// Draws the projections of the config; an empty config draws nothing.
pub(crate) fn complete(circuit: &Circuit, spec: &CompletionSpec, rules: &SelectionSpec, config: &Path) -> Result<Completion> {
    let mut out = Completion::default();
    if spec.projections.is_empty() {
        return Ok(out);
    }
    let cells = cells(circuit);
    let has = |pre: u32, post: u32| {
        let start = circuit.edges.pre.partition_point(|&p| p < pre);
        let end = circuit.edges.pre.partition_point(|&p| p <= pre);
        circuit.edges.post[start..end].binary_search(&post).is_ok()
    };
    for name in &spec.projections {
        let bad = |code, message: String| UserError::bad_data(code, message).file(config).key("completion.projections");
        let Some(relation) = relation(name) else {
            let mend = match nearest(name, RELATIONS.iter().map(|r| r.name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("choose from {}", RELATIONS.iter().map(|r| r.name).collect::<Vec<_>>().join(", ")),
            };
            return Err(bad("unknown-projection", format!("there are no statistics for `{name}`")).mend(mend));
        };
        if out.report.iter().any(|done| done.projection == *name) {
            return Err(bad("projection-twice", format!("`{name}` is named twice")).mend("name it once"));
        }
        let pre: Vec<&(u32, Cell)> = cells.iter().filter(|(_, c)| relation.parts().any(|p| p.takes_pre(c))).collect();
        let post: Vec<&(u32, Cell)> = cells.iter().filter(|(_, c)| relation.parts().any(|p| p.takes_post(c))).collect();
        if pre.is_empty() || post.is_empty() {
            return Err(bad("no-cells", format!("the circuit holds no neurons that `{name}` could connect"))
                .mend("add their population, or take the projection out of the list"));
        }
        let own = |side: &[&(u32, Cell)]| side.iter().map(|(_, cell)| cell.clone()).collect::<Vec<_>>();
        let (pre_cells, post_cells) = (own(&pre), own(&post));
        let drawn = synth::draw(relation, &pre_cells, &post_cells, spec.scale, Streams::new(spec.seed.unwrap_or(1)));
        let mut done = Completed {
            projection: name.clone(),
            synthetic: true,
            source: serde_json::to_value(relation.source).ok().and_then(|v| v.as_str().map(String::from)).unwrap_or_default(),
            pre_neurons: pre.len() as u64,
            post_neurons: post.len() as u64,
            planned: synth::planned_pairs(relation, &pre_cells, &post_cells, spec.scale),
            drawn: drawn.len() as u64,
            ..Completed::default()
        };
        for pair in drawn {
            let (from, to) = (pre[pair.pre as usize].0, post[pair.post as usize].0);
            if has(from, to) {
                done.measured += 1;
                continue;
            }
            let allowed = match (circuit.input[from as usize], circuit.input[to as usize]) {
                (true, true) => rules.input_to_input,
                (false, true) => rules.presynaptic_inhibition,
                _ => true,
            };
            if !allowed {
                done.left_out += 1;
                continue;
            }
            done.pairs += 1;
            done.synapses += u64::from(pair.syn_count);
            out.edges.push((from, to, pair.syn_count));
        }
        if done.pairs == 0 && done.left_out > 0 {
            return Err(bad(
                "completion-left-out",
                format!("every pair of `{name}` ends on an input neuron, and the config leaves those out"),
            )
            .found(format!("{} pairs", done.left_out))
            .mend(
                "set `presynaptic_inhibition = true` (or `input_to_input = true`) in `[selection]`, or take the projection out",
            ));
        }
        out.report.push(done);
    }
    Ok(out)
}

/// The circuit's neurons as the statistics know them; others take no part.
fn cells(circuit: &Circuit) -> Vec<(u32, Cell)> {
    let [class, sub_class, types, side] = ["class", "sub_class", "type", "side"].map(|name| circuit.attribute(name));
    (0..circuit.len())
        .filter_map(|i| {
            let nt = circuit.nt[i].word();
            let by =
                |class: &str| Cell::from_attributes(circuit.root_ids[i], class, sub_class.get(i), types.get(i), side.get(i), nt);
            // Cells of the lateral horn and the wedge are known by their keyword list, hence by their population.
            let population = &circuit.populations[circuit.population[i] as usize];
            by(class.get(i)).or_else(|| by(population)).map(|cell| (i as u32, cell))
        })
        .collect()
}

/// Adds generated edges to the circuit, those of neurons without a sign excepted; returns how many these are.
pub(crate) fn merge(circuit: &mut Circuit, generated: Vec<(u32, u32, u32)>) -> Result<u64> {
    let mut without_sign = 0;
    let edges: &mut Edges = &mut circuit.edges;
    for (pre, post, syn_count) in generated {
        if circuit.sign[pre as usize] == 0 {
            without_sign += 1;
            continue;
        }
        edges.pre.push(pre);
        edges.post.push(post);
        edges.syn_count.push(syn_count);
        edges.synthetic.push(true);
    }
    edges.sort()?;
    edges.validate()?;
    Ok(without_sign)
}
