//! `edges.h5`: edge populations, sorted by target, indexed both ways.

use std::collections::BTreeMap;
use std::path::Path;

use kenyon_base::{PlainWriter, Result};

use crate::deployment::{Deployment, Projection, Receptor};

/// Name of the edges from one population to another.
pub(super) fn name(names: &[String], pre: u32, post: u32) -> String {
    format!("{}__{}", names[pre as usize], names[post as usize])
}

/// Names of all edge populations.
pub(super) fn names(d: &Deployment) -> Vec<String> {
    let names = super::names(d);
    pairs(d).into_keys().map(|(pre, post)| name(&names, pre, post)).collect()
}

/// Projections by their populations.
fn pairs(d: &Deployment) -> BTreeMap<(u32, u32), Vec<&Projection>> {
    let mut pairs: BTreeMap<_, Vec<_>> = BTreeMap::new();
    d.projections.iter().for_each(|p| pairs.entry((p.pre, p.post)).or_default().push(p));
    pairs
}

/// One edge: target, source, delay in steps, signed weight.
type Edge = (u32, u32, f64, f64);

pub(super) fn write(d: &Deployment, path: &Path) -> Result<()> {
    let out = super::start(path)?;
    out.group("edges")?;
    let names = super::names(d);
    for ((pre, post), projections) in pairs(d) {
        let sign = |p: &Projection| if p.receptor == Receptor::Excitatory { 1.0 } else { -1.0 };
        let mut edges: Vec<Edge> = projections
            .iter()
            .flat_map(|p| p.synapses.iter().map(|s| (s.post, s.pre, s.delay_steps, sign(p) * s.weight)))
            .collect();
        edges.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)).then(b.3.total_cmp(&a.3)));
        let (n, place) = (edges.len(), format!("edges/{}", name(&names, pre, post)));
        let column = |of: &dyn Fn(&Edge) -> u64| edges.iter().map(of).collect::<Vec<u64>>();
        let ends = [("source_node_id", pre, column(&|e| e.1.into())), ("target_node_id", post, column(&|e| e.0.into()))];
        for (field, population, ids) in &ends {
            let at = format!("{place}/{field}");
            out.write(&at, &[n], ids)?;
            out.attribute_text(&at, "node_population", &names[*population as usize])?;
        }
        out.write(&format!("{place}/edge_type_id"), &[n], &column(&|e| u64::from(e.3 < 0.0)))?;
        out.write(&format!("{place}/edge_group_id"), &[n], &vec![0_u64; n])?;
        out.write(&format!("{place}/edge_group_index"), &[n], &(0..n as u64).collect::<Vec<_>>())?;
        out.write(&format!("{place}/0/syn_weight"), &[n], &edges.iter().map(|e| e.3).collect::<Vec<_>>())?;
        out.write(&format!("{place}/0/delay"), &[n], &edges.iter().map(|e| e.2 * d.dt_ms).collect::<Vec<_>>())?;
        for ((direction, population), (_, _, ids)) in [("source_to_target", pre), ("target_to_source", post)].iter().zip(&ends) {
            index(&out, &format!("{place}/indices/{direction}"), ids, d.populations[*population as usize].ids.len())?;
        }
    }
    out.finish()
}

/// Which edges a node has: `node_id_to_ranges[node]` is the first and the end of its rows in `range_to_edge_id`, each of which is the
/// first and the end of edges in a row.
fn index(out: &PlainWriter, place: &str, nodes: &[u64], count: usize) -> Result<()> {
    let mut runs: Vec<(u64, u64, u64)> = Vec::new();
    for (edge, &node) in (0_u64..).zip(nodes) {
        match runs.last_mut() {
            Some((last, _, end)) if *last == node => *end = edge + 1,
            _ => runs.push((node, edge, edge + 1)),
        }
    }
    runs.sort_unstable();
    let mut ranges = vec![0_u64; 2 * count];
    for (row, run) in (0_u64..).zip(&runs) {
        let at = 2 * run.0 as usize;
        if ranges[at + 1] == 0 {
            ranges[at] = row;
        }
        ranges[at + 1] = row + 1;
    }
    out.write(&format!("{place}/node_id_to_ranges"), &[count, 2], &ranges)?;
    let edges: Vec<u64> = runs.iter().flat_map(|run| [run.1, run.2]).collect();
    out.write(&format!("{place}/range_to_edge_id"), &[runs.len(), 2], &edges)
}
