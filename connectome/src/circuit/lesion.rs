//! Removing or silencing neurons of a circuit.

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Circuit;
use crate::edges::Edges;
use crate::query::Query;

/// What a lesion does to the neurons it selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lesion {
    /// They are gone; the stored order of the others stays.
    Remove,
    /// They stay in the order, without any connection: sizes and indices do not change.
    Silence,
}

/// What a lesion took away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LesionReport {
    /// Neurons removed or silenced.
    pub neurons: u64,
    /// Pairs gone.
    pub pairs: u64,
    /// Synapses gone.
    pub synapses: u64,
    /// Lesioned neurons by population, in the order of the circuit.
    pub populations: Vec<(String, u64)>,
}

/// Applies a lesion to the neurons that `query` selects.
///
/// # Errors
/// The query is wrong, or removing its neurons would leave none (`empty-circuit`).
pub fn lesion(circuit: &Circuit, query: &str, kind: Lesion) -> Result<(Circuit, LesionReport)> {
    let hit = Query::parse(query)?.select(circuit)?;
    let mut is_hit = vec![false; circuit.len()];
    for &row in &hit {
        is_hit[row as usize] = true;
    }
    let mut out = match kind {
        Lesion::Remove => {
            let kept: Vec<u32> = (0..circuit.len() as u32).filter(|&i| !is_hit[i as usize]).collect();
            if kept.is_empty() {
                return Err(UserError::usage("empty-circuit", "no neuron would be left in the circuit")
                    .key("--remove")
                    .found(query)
                    .expected("a query that leaves some")
                    .mend("narrow the query, or silence the neurons instead"));
            }
            let mut out = circuit.successor().restrict(&kept);
            out.report.count_neurons(&out.populations, &out.population);
            out
        }
        Lesion::Silence => {
            let mut out = circuit.successor();
            out.edges = without(&circuit.edges, &is_hit);
            for &row in &hit {
                out.silenced[row as usize] = true;
            }
            out
        }
    };
    let synapses = |edges: &Edges| edges.syn_count.iter().map(|&n| u64::from(n)).sum::<u64>();
    let populations = circuit.populations.iter().enumerate().map(|(p, name)| {
        let count = hit.iter().filter(|&&row| circuit.population[row as usize] == p as u32).count();
        (name.clone(), count as u64)
    });
    let report = LesionReport {
        neurons: hit.len() as u64,
        pairs: (circuit.edges.len() - out.edges.len()) as u64,
        synapses: synapses(&circuit.edges) - synapses(&out.edges),
        populations: populations.filter(|(_, n)| *n > 0).collect(),
    };
    let change = json!({ "lesion": kind, "query": query, "neurons": report.neurons, "pairs": report.pairs });
    out.report.changes.push(change.clone());
    out.provenance.steps.push(change);
    Ok((out, report))
}

fn without(edges: &Edges, hit: &[bool]) -> Edges {
    let mut out = Edges::new(edges.neurons);
    for (i, (pre, post, syn_count)) in edges.triples().enumerate() {
        if !hit[pre as usize] && !hit[post as usize] {
            out.pre.push(pre);
            out.post.push(post);
            out.syn_count.push(syn_count);
            out.synthetic.push(edges.synthetic[i]);
        }
    }
    out
}
