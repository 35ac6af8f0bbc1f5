//! Out-degrees of the parts of a sum that leave the same cells, such as receptor neurons to local neurons by transmitter.
//!
//! Every part has its own degrees, and so has the sum; how the parts meet on one cell follows from both. On the other end the
//! parts have cells of their own, whose degrees together are those of the sum.

use rand::seq::SliceRandom;

use super::climb::{Part, to_sums, to_union};
use super::draw::Task;
use super::relations::{Relation, relation};
use super::sequences::{degrees, room};

/// The sum, its parts and the place of the relation among them, if the parts divide the partners by transmitter.
fn divided(r: &Relation) -> Option<(&'static Relation, Vec<&'static Relation>, usize)> {
    let whole = r.part_of.and_then(relation).filter(|_| r.post_nt.is_some())?;
    let parts: Vec<_> = whole.parts().collect();
    let own = parts.iter().position(|p| p.name == r.name)?;
    Some((whole, parts, own))
}

fn part_of(n: usize, share: f64) -> usize {
    ((n as f64 * share).round() as usize).max(1)
}

/// Out-degree of every presynaptic cell in the relation of the task, 0 for those that take no part.
///
/// `None` if the relation is not one of several that divide the partners of the same cells by transmitter. All parts compute
/// the same table from the same stream.
pub(super) fn shares(task: &Task<'_>) -> Option<Vec<u32>> {
    let r = task.relation;
    let (whole, parts, own) = divided(r)?;
    let mut rng = task.streams.stream(&format!("synth/{}/shares", whole.name));
    let mut members = task.pre_open.clone();
    members.shuffle(&mut rng);
    let (of_cells, of_edges) = (task.plan.out_cells as f64 / r.out_degree.cells as f64, task.plan.edges as f64 / r.edges as f64);
    members.truncate(part_of(whole.out_degree.cells, of_cells));
    let values: Vec<Vec<u32>> = parts
        .iter()
        .map(|p| {
            let edges = if p.name == r.name { task.plan.edges } else { part_of(p.edges, of_edges) };
            let cells = part_of(p.out_degree.cells, of_cells).min(members.len()).min(edges);
            let partners = if p.name == r.name { task.post_open.len().min(task.plan.in_cells) } else { p.in_degree.cells };
            degrees(&p.out_degree, cells, edges, partners, &mut task.streams.stream(&format!("synth/{}/degrees", p.name)))
        })
        .collect();
    let total: usize = values.iter().flatten().map(|&v| v as usize).sum();
    let most = values.iter().filter_map(|v| v.last()).map(|&v| v as usize).sum();
    let sums = degrees(&whole.out_degree, members.len(), total, most, &mut rng);
    let dealt = to_sums(&values, &sums, &mut rng);
    let mut shares = vec![0; task.pre.len()];
    members.iter().zip(&dealt[own]).for_each(|(&i, &d)| shares[i as usize] = d);
    Some(shares)
}

/// In-degrees of the `n` postsynaptic cells of the task that sum to `total`; `None` as for [`shares`].
pub(super) fn in_degrees(task: &Task<'_>, n: usize, total: usize) -> Option<Vec<u32>> {
    let r = task.relation;
    let (whole, parts, own) = divided(r)?;
    let mut rng = task.streams.stream(&format!("synth/{}/in-degrees", whole.name));
    let (of_cells, of_edges) = (n as f64 / r.in_degree.cells as f64, total as f64 / r.edges as f64);
    let of_partners = task.plan.out_cells as f64 / r.out_degree.cells as f64;
    let mut sequences: Vec<Part> = parts
        .iter()
        .map(|p| {
            let (n, total) =
                if p.name == r.name { (n, total) } else { (part_of(p.in_degree.cells, of_cells), part_of(p.edges, of_edges)) };
            let most = part_of(p.out_degree.cells, of_partners);
            let mut rng = task.streams.stream(&format!("synth/{}/in-degrees", p.name));
            let values = degrees(&p.in_degree, n, total, most, &mut rng);
            Part { room: room(&p.in_degree, &values, most), values }
        })
        .collect();
    let cells = sequences.iter().map(|p| p.values.len()).sum();
    let all = sequences.iter().flat_map(|p| &p.values).map(|&v| v as usize).sum();
    let most = part_of(whole.out_degree.cells, of_partners);
    to_union(&mut sequences, &degrees(&whole.in_degree, cells, all, most, &mut rng), &mut rng);
    Some(sequences.swap_remove(own).values)
}
