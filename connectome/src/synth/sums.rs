//! Out-degrees of the parts of a sum that leave the same cells, such as receptor neurons to local neurons by transmitter.
//!
//! Every part has its own degrees, and so has the sum; how the parts meet on one cell follows from both.

use rand::seq::SliceRandom;

use super::climb::to_sums;
use super::draw::Task;
use super::relations::relation;
use super::sequences::degrees;

/// Out-degree of every presynaptic cell in the relation of the task, 0 for those that take no part.
///
/// `None` if the relation is not one of several that divide the partners of the same cells by transmitter. All parts compute
/// the same table from the same stream.
pub(super) fn shares(task: &Task<'_>) -> Option<Vec<u32>> {
    let r = task.relation;
    let whole = r.part_of.and_then(relation).filter(|_| r.post_nt.is_some())?;
    let parts: Vec<_> = whole.parts().collect();
    let own = parts.iter().position(|p| p.name == r.name)?;
    let mut rng = task.streams.stream(&format!("synth/{}/shares", whole.name));
    let mut members = task.pre_open.clone();
    members.shuffle(&mut rng);
    let (of_cells, of_edges) = (task.plan.out_cells as f64 / r.out_degree.cells as f64, task.plan.edges as f64 / r.edges as f64);
    let part_of = |n: usize, share: f64| ((n as f64 * share).round() as usize).max(1);
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
