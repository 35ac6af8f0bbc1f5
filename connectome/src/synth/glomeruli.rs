//! Receptor neuron to uniglomerular projection neuron of the same glomerulus.
//!
//! Convergence differs between glomeruli (few pairs in DA1, nearly all in `VM5d`), so the pairs are dealt out per glomerulus as
//! measured, and within it by the connection probabilities of the connectome specification 8.2.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::SliceRandom;

use kenyon_base::Stream;

use super::cells::{Nt, served_by};
use super::draw::{Task, Wired};
use super::sampling::apportion;

/// Pairs per glomerulus, measured on the pairs of specification 8.2.
const PAIRS: &[(&str, u32)] = &[
    ("D", 168),
    ("DA1", 453),
    ("DA2", 81),
    ("DA3", 14),
    ("DA4l", 68),
    ("DA4m", 74),
    ("DC1", 37),
    ("DC2", 80),
    ("DC3", 139),
    ("DC4", 51),
    ("DL1", 266),
    ("DL2d", 129),
    ("DL2v", 144),
    ("DL3", 144),
    ("DL4", 99),
    ("DL5", 82),
    ("DM1", 135),
    ("DM2", 215),
    ("DM3", 118),
    ("DM4", 80),
    ("DM5", 112),
    ("DM6", 293),
    ("DP1l", 49),
    ("DP1m", 64),
    ("V", 147),
    ("VA1d", 153),
    ("VA1v", 168),
    ("VA2", 133),
    ("VA3", 99),
    ("VA4", 61),
    ("VA5", 38),
    ("VA6", 116),
    ("VA7l", 29),
    ("VC1", 50),
    ("VC2", 58),
    ("VC4", 114),
    ("VC5", 123),
    ("VL1", 73),
    ("VL2a", 142),
    ("VL2p", 70),
    ("VM1", 99),
    ("VM2", 134),
    ("VM3", 127),
    ("VM4", 2),
    ("VM5d", 507),
    ("VM5v", 138),
    ("VM6", 142),
    ("VM7d", 165),
    ("VM7v", 96),
];
/// Connection probability for a glomerulus that is not in the table.
const ELSEWHERE: f64 = 0.6;
/// Connection probability on the same and on the other side (8.2), for excitatory and for GABA-ergic projection neurons.
const ACH: [f64; 2] = [0.631, 0.6045];
const GABA: [f64; 2] = [0.2407, 0.011];
/// Mean synapses of a pair on the same and on the other side (8.2).
const MEAN_COUNT: [f64; 2] = [22.63, 17.70];

/// Draws the pairs; every glomerulus gets its share of the total.
pub(super) fn wire(task: &Task<'_>) -> Wired {
    let mut members: BTreeMap<&str, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
    for &i in &task.pre_open {
        members.entry(served_by(&task.pre[i as usize].glomerulus)).or_default().0.push(i);
    }
    for &j in &task.post_open {
        members.entry(served_by(&task.post[j as usize].glomerulus)).or_default().1.push(j);
    }
    members.retain(|name, (pre, post)| !name.is_empty() && !pre.is_empty() && !post.is_empty());
    let mut rng = task.stream("wiring");
    leave_out(task, &mut members, &mut rng);
    let room: Vec<usize> = members.values().map(|(pre, post)| pre.len() * post.len()).collect();
    let weights: Vec<f64> = members
        .keys()
        .zip(&room)
        .map(|(name, &room)| PAIRS.iter().find(|p| p.0 == *name).map_or(ELSEWHERE * room as f64, |p| f64::from(p.1)))
        .collect();
    let wanted = within_room(&weights, &room, task.plan.edges);
    let mut pairs = Vec::with_capacity(task.plan.edges);
    for ((pre, post), wanted) in members.values().zip(wanted) {
        // Weighted draw without replacement: the smallest exponential waiting times.
        let mut waiting: Vec<(f64, u32, u32)> = Vec::with_capacity(pre.len() * post.len());
        for &i in pre {
            for &j in post {
                if !task.differ(i, j) {
                    continue;
                }
                let (a, b) = (&task.pre[i as usize], &task.post[j as usize]);
                let p = if b.nt == Nt::Gaba { GABA } else { ACH }[usize::from(Task::hemisphere(a) != Task::hemisphere(b))];
                waiting.push((-rng.random::<f64>().max(f64::MIN_POSITIVE).ln() * (1.0 - p) / p, i, j));
            }
        }
        waiting.sort_by(|a, b| a.0.total_cmp(&b.0));
        pairs.extend(waiting.into_iter().take(wanted).map(|(_, i, j)| (i, j)));
    }
    Wired { pairs, targets: MEAN_COUNT.to_vec() }
}

/// Shares the total out by weight; what a glomerulus has no room for goes to the others.
fn within_room(weights: &[f64], room: &[usize], total: usize) -> Vec<usize> {
    let total = total.min(room.iter().sum());
    let mut parts = vec![0; room.len()];
    loop {
        let left = total - parts.iter().sum::<usize>();
        let open: Vec<f64> =
            (0..room.len()).map(|g| if parts[g] < room[g] { weights[g].max(f64::MIN_POSITIVE) } else { 0.0 }).collect();
        if left == 0 {
            return parts;
        }
        for (g, part) in apportion(&open, left).into_iter().enumerate() {
            parts[g] = room[g].min(parts[g] + part);
        }
    }
}

/// Leaves GABA-ergic projection neurons out until as many cells take part as are measured to.
fn leave_out(task: &Task<'_>, members: &mut BTreeMap<&str, (Vec<u32>, Vec<u32>)>, rng: &mut Stream) {
    let mut surplus = members.values().map(|m| m.1.len()).sum::<usize>().saturating_sub(task.plan.in_cells);
    let mut silent: Vec<u32> = members
        .values()
        .filter(|m| m.1.len() > 1)
        .flat_map(|m| &m.1)
        .copied()
        .filter(|&j| task.post[j as usize].nt == Nt::Gaba)
        .collect();
    silent.shuffle(rng);
    for j in silent {
        for (_, post) in members.values_mut() {
            if surplus > 0 && post.len() > 1 && post.contains(&j) {
                post.retain(|&k| k != j);
                surplus -= 1;
            }
        }
    }
}
