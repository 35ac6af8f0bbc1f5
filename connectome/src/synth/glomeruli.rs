//! Receptor neuron to uniglomerular projection neuron of the same glomerulus.
//!
//! Convergence differs between glomeruli (few pairs in DA1, nearly all in `VM5d`), so the pairs are dealt out per glomerulus as
//! measured, and within it by the connection probabilities of the connectome specification 8.2.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rand::Rng;
use rand::seq::SliceRandom;

use kenyon_base::Stream;

use super::cells::{Nt, served_by};
use super::climb::{Histogram, to_groups};
use super::draw::{GroupCounts, Task, Wired};
use super::relations::{Counts, relation};
use super::sampling::apportion;
use super::sequences::degrees;

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
/// Synapses of a pair on the same and on the other side (8.2).
const COUNTS: [Counts; 2] = [
    Counts { knots: [5.0, 5.0, 5.0, 8.0, 16.0, 28.0, 62.0, 131.54, 234.0], mean: 22.63, sd: 23.92, ln_sigma: 0.797, min: 5 },
    Counts { knots: [5.0, 5.0, 5.0, 8.0, 13.0, 22.0, 46.0, 83.48, 138.0], mean: 17.698, sd: 15.473, ln_sigma: 0.688, min: 5 },
];
/// Receptor neurons that reach both sides, the own one only, the other one only (8.2).
const REACH: [f64; 3] = [1612.0, 124.0, 202.0];
/// Tries per pair of rewiring.
const REWIRING: usize = 60;

/// Cells of one glomerulus.
#[derive(Default)]
struct Members {
    pre: Vec<u32>,
    post: Vec<u32>,
}

/// Draws the pairs; every glomerulus gets its share of the total.
pub(super) fn wire(task: &Task<'_>) -> Wired {
    let mut members: BTreeMap<&str, Members> = BTreeMap::new();
    for &i in &task.pre_open {
        members.entry(served_by(&task.pre[i as usize].glomerulus)).or_default().pre.push(i);
    }
    for &j in &task.post_open {
        members.entry(served_by(&task.post[j as usize].glomerulus)).or_default().post.push(j);
    }
    members.retain(|name, m| !name.is_empty() && !m.pre.is_empty() && !m.post.is_empty());
    let mut rng = task.stream("wiring");
    let gaba_left = leave_out(task, &mut members, &mut rng);
    let mut pairs = Vec::with_capacity(task.plan.edges);
    let in_degrees = in_degrees(task, &members, gaba_left, &mut rng);
    for (j, pre, wanted) in in_degrees {
        // Weighted draw without replacement: the smallest exponential waiting times.
        let mut waiting: Vec<(f64, u32)> = pre
            .iter()
            .filter(|&&i| task.differ(i, j))
            .map(|&i| {
                let p = probability(task, i, j);
                (-rng.random::<f64>().max(f64::MIN_POSITIVE).ln() * (1.0 - p) / p, i)
            })
            .collect();
        waiting.sort_by(|a, b| a.0.total_cmp(&b.0));
        pairs.extend(waiting.into_iter().take(wanted as usize).map(|(_, i)| (i, j)));
    }
    rewire(task, &members, &mut pairs, &mut rng);
    Wired { pairs, counts: GroupCounts::Tables(&COUNTS) }
}

/// Connection probability of the pair before the glomerulus and the cells have their numbers.
fn probability(task: &Task<'_>, i: u32, j: u32) -> f64 {
    let (a, b) = (&task.pre[i as usize], &task.post[j as usize]);
    let other = usize::from(Task::hemisphere(a) != Task::hemisphere(b));
    if b.nt == Nt::Gaba { GABA[other] } else { ACH[other] }
}

/// Every projection neuron with the receptor neurons of its glomerulus and its in-degree.
///
/// The in-degrees are those of the relation's table, dealt out such that every glomerulus comes near its pairs and its
/// GABA-ergic cells near their connection probability, which counts those that are left out (`gaba_left` is the share that is
/// not) with the others.
fn in_degrees<'a>(
    task: &Task<'_>,
    members: &'a BTreeMap<&str, Members>,
    gaba_left: f64,
    rng: &mut Stream,
) -> impl Iterator<Item = (u32, &'a [u32], u32)> + use<'a> {
    let room: Vec<usize> = members.values().map(|m| m.pre.len() * m.post.len()).collect();
    let weights: Vec<f64> = members
        .keys()
        .zip(&room)
        .map(|(name, &room)| PAIRS.iter().find(|p| p.0 == *name).map_or(ELSEWHERE * room as f64, |p| f64::from(p.1)))
        .collect();
    let wanted = within_room(&weights, &room, task.plan.edges);
    // Two groups for each glomerulus: excitatory and GABA-ergic projection neurons.
    let (mut slots, mut group, mut totals) = (Vec::new(), Vec::new(), Vec::new());
    for (g, (m, wanted)) in members.values().zip(wanted).enumerate() {
        let inhibits = |j: u32| task.post[j as usize].nt == Nt::Gaba;
        let expected: f64 =
            m.post.iter().filter(|&&j| inhibits(j)).flat_map(|&j| m.pre.iter().map(move |&i| probability(task, i, j))).sum();
        let excites = m.post.iter().any(|&j| !inhibits(j));
        let of_gaba = if excites { (expected / gaba_left).min(wanted as f64) } else { wanted as f64 };
        totals.extend([wanted as f64 - of_gaba, of_gaba]);
        for &j in &m.post {
            slots.push((j, m.pre.as_slice()));
            group.push(2 * g + usize::from(inhibits(j)));
        }
    }
    let cap: Vec<u32> = slots.iter().map(|s| s.1.len() as u32).collect();
    let most = cap.iter().max().map_or(1, |&c| c as usize);
    let total = task.plan.edges.min(room.iter().sum());
    let sequence = degrees(&task.relation.in_degree, slots.len(), total, most, rng);
    let mut dealt = to_groups(&sequence, &group, &totals, &cap, rng);
    // What a cell has no room for goes to cells of the same size.
    for k in 0..dealt.len() {
        while dealt[k] > cap[k] {
            dealt[k] -= 1;
            let near = (0..dealt.len()).filter(|&i| dealt[i] < cap[i]).min_by_key(|&i| (dealt[i].abs_diff(dealt[k]), i));
            if let Some(i) = near {
                dealt[i] += 1;
            }
        }
    }
    slots.into_iter().zip(dealt).map(|((j, pre), d)| (j, pre, d))
}

/// Which sides the pairs of a receptor neuron reach: both, the own, the other; `None` without a pair.
fn reach(own: u32, other: u32) -> Option<usize> {
    match (own, other) {
        (0, 0) => None,
        (_, 0) => Some(1),
        (0, _) => Some(2),
        _ => Some(0),
    }
}

/// Moves pairs to other receptor neurons of the same glomerulus and side until the out-degrees are those of the table and as
/// many receptor neurons as measured reach both sides.
fn rewire(task: &Task<'_>, members: &BTreeMap<&str, Members>, pairs: &mut [(u32, u32)], rng: &mut Stream) {
    if pairs.is_empty() {
        return;
    }
    let pre_side = |i: u32| Task::hemisphere(&task.pre[i as usize]);
    // Receptor neurons of one glomerulus and side, and which of these groups each belongs to.
    let mut alike: Vec<Vec<u32>> = Vec::new();
    let mut group = vec![0; task.pre.len()];
    for m in members.values() {
        for side in 0..2 {
            let of_side: Vec<u32> = m.pre.iter().copied().filter(|&i| pre_side(i) == side).collect();
            for &i in &of_side {
                group[i as usize] = alike.len();
            }
            alike.push(of_side);
        }
    }
    let mut degree = vec![[0_u32; 2]; task.pre.len()];
    let mut has: HashSet<(u32, u32)> = HashSet::new();
    let crosses = |i: u32, j: u32| usize::from(pre_side(i) != Task::hemisphere(&task.post[j as usize]));
    for &(i, j) in pairs.iter() {
        degree[i as usize][crosses(i, j)] += 1;
        has.insert((i, j));
    }
    let all: Vec<u32> = members.values().flat_map(|m| &m.pre).map(|&i| degree[i as usize].iter().sum()).collect();
    let cells = task.plan.out_cells.min(all.len()).min(pairs.len());
    let most = members.values().map(|m| m.post.len()).max().unwrap_or(1);
    let mut histogram = Histogram::new(&all, &degrees(&task.relation.out_degree, cells, pairs.len(), most, rng));
    let wanted = REACH.map(|n| (n / REACH.iter().sum::<f64>() * cells as f64).round() as i64);
    let mut surplus = wanted.map(|n| -n);
    let kinds = |d: [u32; 2]| reach(d[0], d[1]);
    members.values().flat_map(|m| &m.pre).filter_map(|&i| kinds(degree[i as usize])).for_each(|k| surplus[k] += 1);
    for _ in 0..REWIRING * pairs.len() {
        let at = rng.random_range(0..pairs.len());
        let (i, j) = pairs[at];
        let others = &alike[group[i as usize]];
        let k = others[rng.random_range(0..others.len())];
        if has.contains(&(k, j)) || !task.differ(k, j) {
            continue;
        }
        let side = crosses(i, j);
        let (from, to) = (degree[i as usize], degree[k as usize]);
        let (mut less, mut more) = (from, to);
        less[side] -= 1;
        more[side] += 1;
        let sum = |d: [u32; 2]| d[0] + d[1];
        let moves = [(sum(from), sum(less)), (sum(to), sum(more))];
        let mut reached = surplus;
        for (kind, step) in [(kinds(from), -1), (kinds(less), 1), (kinds(to), -1), (kinds(more), 1)] {
            if let Some(kind) = kind {
                reached[kind] += step;
            }
        }
        let square = |s: [i64; 3]| s.iter().map(|x| x * x).sum::<i64>();
        if histogram.change(moves) + square(reached) - square(surplus) <= 0 {
            histogram.apply(moves);
            surplus = reached;
            (degree[i as usize], degree[k as usize]) = (less, more);
            has.remove(&(i, j));
            has.insert((k, j));
            pairs[at] = (k, j);
        }
    }
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
///
/// Returns the share of their possible pairs that is left, 1 if there are none.
fn leave_out(task: &Task<'_>, members: &mut BTreeMap<&str, Members>, rng: &mut Stream) -> f64 {
    let inhibits = |j: &u32| task.post[*j as usize].nt == Nt::Gaba;
    let possible = |members: &BTreeMap<&str, Members>| {
        members.values().map(|m| m.pre.len() * m.post.iter().filter(|j| inhibits(j)).count()).sum::<usize>()
    };
    let before = possible(members);
    let mut surplus = members.values().map(|m| m.post.len()).sum::<usize>().saturating_sub(task.plan.in_cells);
    let mut silent: Vec<u32> =
        members.values().filter(|m| m.post.len() > 1).flat_map(|m| &m.post).copied().filter(|j| inhibits(j)).collect();
    silent.shuffle(rng);
    for j in silent {
        for Members { post, .. } in members.values_mut() {
            if surplus > 0 && post.len() > 1 && post.contains(&j) {
                post.retain(|&k| k != j);
                surplus -= 1;
            }
        }
    }
    let left = possible(members);
    if left == 0 { 1.0 } else { left as f64 / before as f64 }
}

/// Projection neurons with input from another glomerulus: most of them have input from their own too.
pub(super) fn with_other_input(task: &Task<'_>, n: usize, rng: &mut Stream) -> Vec<u32> {
    let own: BTreeSet<&str> = task.pre_open.iter().map(|&i| served_by(&task.pre[i as usize].glomerulus)).collect();
    let [whole, same, other] = ["ORN->uPN", "ORN->uPN/same", "ORN->uPN/other"].map(|n| relation(n).expect("the table holds it"));
    let (with_own, without): (Vec<u32>, Vec<u32>) = task.post_open.iter().copied().partition(|&j| {
        let cell = &task.post[j as usize];
        cell.nt != Nt::Gaba && own.contains(served_by(&cell.glomerulus))
    });
    let without: Vec<u32> =
        without.into_iter().filter(|&j| !own.contains(served_by(&task.post[j as usize].glomerulus))).collect();
    // Cells of the sum that have no input from their own glomerulus: 6 of 49.
    let share = (whole.in_degree.cells - same.in_degree.cells) as f64 / other.in_degree.cells as f64;
    let from_without = ((n as f64 * share).round() as usize).max(n.saturating_sub(with_own.len())).min(without.len());
    let mut chosen = Vec::new();
    for (open, n) in [(with_own, n.saturating_sub(from_without)), (without, from_without)] {
        if n > 0 && !open.is_empty() {
            chosen.extend(task.choose(&open, false, n, false, rng));
        }
    }
    chosen.sort_unstable();
    chosen
}
