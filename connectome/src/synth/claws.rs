//! Projection neuron to Kenyon cell: in-degrees from the claw histogram of each Kenyon-cell subtype (specification 8.2, 8.5).

use rand::Rng;
use rand::seq::SliceRandom;

use kenyon_base::Stream;

use super::cells::{CellClass, Nt};
use super::climb::Histogram;
use super::configuration::pools_by;
use super::draw::{GroupCounts, Task, Wired};
use super::hemispheres;
use super::relations::relation;
use super::sampling::apportion;
use super::sequences::degrees;
use super::wiring::{Driver, connect};

/// Inputs of one Kenyon-cell subtype.
struct Subtype {
    name: &'static str,
    /// Cells with 0, 1, … 10 projection-neuron inputs.
    inputs: [u32; 11],
    /// Mean synapses of an input.
    mean_count: f64,
}

const fn subtype_row(name: &'static str, inputs: [u32; 11], mean_count: f64) -> Subtype {
    Subtype { name, inputs, mean_count }
}

/// Specification 8.2, "by subtype"; pairs of at least 5 synapses.
const SUBTYPES: [Subtype; 10] = [
    subtype_row("KCab", [0, 0, 8, 81, 365, 593, 401, 150, 36, 8, 1], 16.728),
    subtype_row("KCab-p", [113, 13, 2, 0, 0, 0, 0, 0, 0, 0, 0], 8.059),
    subtype_row("KCapbp-ap1", [5, 46, 115, 87, 23, 4, 0, 0, 0, 0, 0], 12.507),
    subtype_row("KCapbp-ap2", [21, 50, 101, 73, 46, 6, 1, 0, 0, 0, 0], 9.315),
    subtype_row("KCapbp-m", [12, 64, 90, 98, 63, 10, 1, 0, 0, 0, 0], 10.087),
    subtype_row("KCg-d", [266, 11, 7, 5, 2, 3, 0, 1, 0, 0, 0], 17.3),
    subtype_row("KCg-m", [11, 11, 31, 130, 436, 664, 580, 256, 58, 11, 2], 17.316),
    subtype_row("KCg-s1", [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 5.0),
    subtype_row("KCg-s2", [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0], 21.571),
    subtype_row("KCg-s3", [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], 12.0),
];
/// Kenyon cells with an input of any projection neuron.
const WITH_INPUT: f64 = 4748.0;
/// Tries per cell of placing the multiglomerular inputs.
const PLACING: usize = 60;

/// Row of the subtype table; an unknown subtype is treated as `KCg-m`, the most common one.
pub(super) fn subtype(cell_type: &str) -> usize {
    SUBTYPES.iter().position(|s| s.name == cell_type).unwrap_or(6)
}

/// Inputs of every Kenyon cell, `(all, of them multiglomerular)`.
///
/// Both relations into Kenyon cells compute the same table from the same streams, so that their sum has the histogram.
fn inputs(task: &Task<'_>) -> Vec<(u32, u32)> {
    let mut rng = task.streams.stream("synth/claws");
    let mut all = vec![(0_u32, 0_u32); task.post_open.len()];
    for (k, row) in SUBTYPES.iter().enumerate() {
        let mut places: Vec<usize> =
            (0..all.len()).filter(|&i| subtype(&task.post[task.post_open[i] as usize].cell_type) == k).collect();
        places.shuffle(&mut rng);
        let weights = row.inputs.map(f64::from);
        let counts = apportion(&weights, places.len());
        let values = counts.iter().enumerate().flat_map(|(inputs, &n)| std::iter::repeat_n(inputs as u32, n));
        places.iter().zip(values).for_each(|(&i, v)| all[i].0 = v);
    }
    let multi = relation("mPN->KC").expect("the table holds it");
    let mut with_input: Vec<usize> = (0..all.len()).filter(|&i| all[i].0 > 0).collect();
    with_input.shuffle(&mut rng);
    let n = (multi.in_degree.cells as f64 / WITH_INPUT * with_input.len() as f64).round() as usize;
    let mean = multi.edges as f64 / multi.in_degree.cells as f64;
    let mut values = degrees(&multi.in_degree, n, (n as f64 * mean).round() as usize, 5, &mut rng);
    // Largest first onto cells that can hold them.
    values.reverse();
    for value in values {
        let at = with_input.iter().rposition(|&i| all[i].0 >= value);
        if let Some(at) = at {
            all[with_input.swap_remove(at)].1 = value;
        }
    }
    place_multi(&mut all, &mut rng);
    all
}

/// Moves the multiglomerular inputs to other cells until the uniglomerular ones have their in-degrees too.
fn place_multi(all: &mut [(u32, u32)], rng: &mut Stream) {
    let single = relation("uPN->KC").expect("the table holds it");
    let with_input = all.iter().filter(|a| a.0 > 0).count();
    let n = (single.in_degree.cells as f64 / WITH_INPUT * with_input as f64).round() as usize;
    let total: usize = all.iter().map(|a| (a.0 - a.1) as usize).sum();
    let wanted = degrees(&single.in_degree, n.min(total), total, 10, rng);
    let found: Vec<u32> = all.iter().map(|a| a.0 - a.1).collect();
    let mut histogram = Histogram::new(&found, &wanted);
    for _ in 0..if all.len() > 1 { PLACING * all.len() } else { 0 } {
        let (i, j) = (rng.random_range(0..all.len()), rng.random_range(0..all.len()));
        let ((a, m), (b, n)) = (all[i], all[j]);
        if i == j || m == n || a < n || b < m {
            continue;
        }
        let moves = [(a - m, a - n), (b - n, b - m)];
        if histogram.change(moves) <= 0 {
            histogram.apply(moves);
            (all[i].1, all[j].1) = (n, m);
        }
    }
}

/// Draws the pairs of `uPN->KC` or `mPN->KC`.
pub(super) fn wire(task: &Task<'_>) -> Wired {
    let r = task.relation;
    let multi = r.pre.contains(&CellClass::MPn);
    let mut rng = task.stream("wiring");
    let mut stubs: Vec<u32> = inputs(task)
        .iter()
        .enumerate()
        .flat_map(|(i, &(all, of_multi))| std::iter::repeat_n(i as u32, if multi { of_multi } else { all - of_multi } as usize))
        .collect();
    if stubs.len() > task.plan.edges {
        // Part of the projection neurons is missing: so is that part of the inputs.
        stubs.shuffle(&mut rng);
        stubs.truncate(task.plan.edges);
        stubs.sort_unstable();
    }
    let partners = calyx_neurons(task, &mut rng);
    let (mut pools, sides) = pools_by(&partners, |p| Task::hemisphere(&task.pre[p as usize]));
    let side_of = |i: u32| Task::hemisphere(&task.post[task.post_open[i as usize] as usize]);
    let mut asked = [0, 0];
    for &i in &stubs {
        asked[side_of(i)] += 1;
    }
    let sequence = degrees(&r.out_degree, partners.len(), stubs.len(), task.post_open.len(), &mut rng);
    let quotas = hemispheres::plan(&mut pools, &sides, asked, r.ipsi.unwrap_or(1.0), &sequence, &mut rng);
    let mut stays = quotas.map(|[own, other]| {
        let mut stays: Vec<bool> = (0..own + other).map(|k| k < own).collect();
        stays.shuffle(&mut rng);
        stays
    });
    let mut drivers: Vec<Driver> = Vec::new();
    for i in stubs {
        let cell = task.post_open[i as usize];
        let own = side_of(i);
        let side = if stays[own].pop().unwrap_or(true) { own } else { 1 - own };
        let wish = sides.iter().position(|&s| s == side).unwrap_or(0);
        match drivers.last_mut() {
            Some(last) if last.cell == cell => last.wishes.push(wish),
            _ => drivers.push(Driver { cell, wishes: vec![wish] }),
        }
    }
    let pairs = connect(&drivers, &mut pools, task.pre.len(), &|kc, pn| task.differ(pn, kc), &mut rng);
    Wired {
        pairs: pairs.into_iter().map(|(kc, pn)| (pn, kc)).collect(),
        counts: GroupCounts::Means(SUBTYPES.iter().map(|s| s.mean_count).collect()),
    }
}

/// Projection neurons that reach the calyx: excitatory ones before all others, since the ventral tract bypasses it.
fn calyx_neurons(task: &Task<'_>, rng: &mut Stream) -> Vec<u32> {
    let excites = |i: u32| task.pre[i as usize].nt == Nt::Ach;
    let (mut first, mut rest): (Vec<u32>, Vec<u32>) = task.pre_open.iter().partition(|&&i| excites(i));
    first.shuffle(rng);
    rest.shuffle(rng);
    first.extend(rest);
    first.truncate(task.plan.out_cells.clamp(1, task.pre_open.len()));
    first.sort_unstable();
    first
}
