//! Configuration model with sides, types and arbors (connectome specification 8.5, step 2).

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::SliceRandom;

use kenyon_base::Stream;

use super::arbor::Arbors;
use super::cells::{Cell, served_by};
use super::dense;
use super::draw::GroupCounts;
use super::draw::{Task, Wired};
use super::hemispheres::{self, Quotas};
use super::relations::{Degrees, Rule};
use super::sampling::fit_sum;
use super::sequences::degrees;
use super::sums;
use super::wiring::{Driver, Pool, connect};

/// Draws the pairs of the rules `Any`, `OtherGlomerulus`, `Arbor` and `SameType`.
pub(super) fn wire(task: &Task<'_>) -> Wired {
    let (r, plan) = (task.relation, task.plan);
    let mut rng = task.stream("wiring");
    let shares = sums::shares(task);
    let pres = match &shares {
        Some(shares) => (0..).zip(shares).filter(|(_, d)| **d > 0).map(|(i, _)| i).collect(),
        None => task.choose(&task.pre_open, true, plan.out_cells.min(plan.edges), r.out_degree.cover, &mut rng),
    };
    let posts = task.choose(&task.post_open, false, plan.in_cells.min(plan.edges), r.in_degree.cover, &mut rng);
    let edges =
        plan.edges.max(if r.out_degree.cover { pres.len() } else { 0 }).max(if r.in_degree.cover { posts.len() } else { 0 });
    let by_post = posts.len() >= pres.len();
    let (drivers, partners) = if by_post { (posts, pres) } else { (pres, posts) };
    let (driver_cells, partner_cells) = if by_post { (task.post, task.pre) } else { (task.pre, task.post) };
    let (driver_shape, partner_shape) = if by_post { (&r.in_degree, &r.out_degree) } else { (&r.out_degree, &r.in_degree) };
    let arbors = (r.rule == Rule::Arbor).then(|| Arbors::new(task.pre, task.post, task.streams));
    let allowed = |driver: u32, partner: u32| {
        let (i, j) = if by_post { (partner, driver) } else { (driver, partner) };
        let (a, b) = (&task.pre[i as usize], &task.post[j as usize]);
        a.id != b.id
            && (r.rule != Rule::OtherGlomerulus || served_by(&a.glomerulus) != served_by(&b.glomerulus))
            && arbors.as_ref().is_none_or(|x| x.meet(i, j))
    };
    let ends = |pairs: Vec<(u32, u32)>| -> Wired {
        let pairs = pairs.into_iter().map(|(d, p)| if by_post { (p, d) } else { (d, p) }).collect();
        Wired { pairs, counts: GroupCounts::One }
    };
    if dense::is_dense(edges, drivers.len(), partners.len()) {
        let same_side =
            |d: u32, p: u32| Task::hemisphere(&driver_cells[d as usize]) == Task::hemisphere(&partner_cells[p as usize]);
        return ends(dense::draw(&drivers, &partners, edges, r.ipsi.unwrap_or(0.5), &allowed, &same_side, &mut rng));
    }
    let ipsi = r.ipsi.unwrap_or(0.5);
    let key = |cell: &Cell| match r.rule {
        Rule::SameType(_) => (cell.cell_type.clone(), Task::hemisphere(cell)),
        _ => (String::new(), Task::hemisphere(cell)),
    };
    let (mut pools, names) = pools_by(&partners, |p| key(&partner_cells[p as usize]));
    let sides: Vec<usize> = names.iter().map(|n| n.1).collect();
    let by_side = |cells: &[u32]| {
        [0, 1].map(|s| cells.iter().copied().filter(|&i| Task::hemisphere(&driver_cells[i as usize]) == s).collect::<Vec<u32>>())
    };
    let asked = |dealt: &[(u32, u32)]| {
        let mut asked = [0, 0];
        dealt.iter().for_each(|&(i, d)| asked[Task::hemisphere(&driver_cells[i as usize])] += d as usize);
        asked
    };
    let (dealt, quotas): (Vec<(u32, u32)>, Quotas) = match shares {
        Some(shares) if !by_post => {
            let dealt: Vec<_> = drivers.iter().map(|&i| (i, shares[i as usize])).collect();
            let quotas = hemispheres::plan(&mut pools, &sides, asked(&dealt), ipsi, partner_shape, drivers.len(), &mut rng);
            (dealt, quotas)
        }
        _ => {
            let degree = degrees(driver_shape, drivers.len(), edges, partners.len(), &mut rng);
            let total: usize = degree.iter().map(|&d| d as usize).sum();
            let share = by_side(&drivers).map(|c| (total * c.len()).div_ceil(drivers.len()));
            let first = [share[0], total - share[0]];
            if matches!(r.rule, Rule::SameType(_)) {
                let dealt = hemispheres::deal_to_sides(&degree, by_side(&drivers), first.map(|n| n as f64), &mut rng);
                let quotas = hemispheres::even(asked(&dealt), ipsi);
                (dealt, quotas)
            } else {
                hemispheres::plan(&mut pools, &sides, first, ipsi, partner_shape, drivers.len(), &mut rng);
                let planned = planned_by_side(&pools, &sides);
                // The drivers follow: as many on each side as the plan for the partners needs.
                let wanted = hemispheres::wanted(planned, ipsi);
                let drivers = if (if by_post { r.in_degree } else { r.out_degree }).cover {
                    by_side(&drivers)
                } else {
                    let open = by_side(if by_post { &task.post_open } else { &task.pre_open });
                    Task::choose_sides(open, drivers.len(), wanted, &mut rng)
                };
                let dealt = hemispheres::deal_to_sides(&degree, drivers, wanted, &mut rng);
                let quotas = hemispheres::quotas(asked(&dealt), planned, ipsi);
                (dealt, quotas)
            }
        }
    };
    let drivers: Vec<Driver> = wishes(task, &dealt, driver_cells, &names, &pools, quotas, &mut rng);
    if matches!(r.rule, Rule::SameType(_)) {
        fill_pools(&mut pools, &drivers, partner_shape, &mut rng);
    }
    ends(connect(&drivers, &mut pools, partner_cells.len(), &allowed, &mut rng))
}

/// Pools of partners by key, and the key of each.
pub(super) fn pools_by<K: Ord + Clone>(partners: &[u32], key: impl Fn(u32) -> K) -> (Vec<Pool>, Vec<K>) {
    let mut by_key: BTreeMap<K, Vec<u32>> = BTreeMap::new();
    for &p in partners {
        by_key.entry(key(p)).or_default().push(p);
    }
    by_key.into_iter().map(|(k, members)| (Pool { stubs: Vec::new(), members }, k)).unzip()
}

/// Edges planned for the partners of each side.
fn planned_by_side(pools: &[Pool], sides: &[usize]) -> [usize; 2] {
    let mut planned = [0, 0];
    pools.iter().zip(sides).for_each(|(pool, &side)| planned[side] += pool.stubs.len());
    planned
}

/// Decides for every edge of every driver which pool it asks: own or other side, own or other type.
fn wishes(
    task: &Task<'_>,
    drivers: &[(u32, u32)],
    cells: &[Cell],
    names: &[(String, usize)],
    pools: &[Pool],
    mut open: Quotas,
    rng: &mut Stream,
) -> Vec<Driver> {
    let weight = |k: usize| pools[k].members.len() as f64;
    let room = [0, 1].map(|side| (0..names.len()).filter(|&k| names[k].1 == side).map(|k| pools[k].members.len()).sum::<usize>());
    // Drivers with many edges first: they are the ones whose side may be full.
    let mut order: Vec<usize> = (0..drivers.len()).collect();
    order.shuffle(rng);
    order.sort_by_key(|&i| std::cmp::Reverse(drivers[i].1));
    order
        .into_iter()
        .map(|i| {
            let (cell, d) = drivers[i];
            let own = &cells[cell as usize];
            let mine = Task::hemisphere(own);
            let open = &mut open[mine];
            let mut used = [0, 0];
            let wishes = (0..d)
                .map(|_| {
                    let free = [0, 1].map(|other: usize| used[other] < room[if other == 0 { mine } else { 1 - mine }]);
                    let by_chance = rng.random_range(0..(open[0] + open[1]).max(1)) >= open[0];
                    let other = usize::from(if by_chance { free[1] || !free[0] } else { !free[0] && free[1] });
                    used[other] += 1;
                    // One side may run out early where the other is full; then it goes into the red of the other.
                    if open[other] > 0 {
                        open[other] -= 1;
                    } else {
                        open[1 - other] = open[1 - other].saturating_sub(1);
                    }
                    let side = if other == 0 { mine } else { 1 - mine };
                    let same = match task.relation.rule {
                        Rule::SameType(share) => Some(rng.random_bool(share)),
                        _ => None,
                    };
                    let fits = |k: &usize| names[*k].1 == side && same.is_none_or(|same| (names[*k].0 == own.cell_type) == same);
                    pick_weighted((0..names.len()).filter(fits), weight, rng)
                        .or_else(|| pick_weighted((0..names.len()).filter(|&k| names[k].1 == side), weight, rng))
                        .unwrap_or(0)
                })
                .collect();
            Driver { cell, wishes }
        })
        .collect()
}

fn pick_weighted(among: impl Iterator<Item = usize>, weight: impl Fn(usize) -> f64, rng: &mut Stream) -> Option<usize> {
    let among: Vec<usize> = among.collect();
    if among.len() < 2 {
        return among.first().copied();
    }
    let mut left = rng.random::<f64>() * among.iter().map(|&k| weight(k)).sum::<f64>();
    among
        .iter()
        .copied()
        .find(|&k| {
            left -= weight(k);
            left < 0.0
        })
        .or(among.last().copied())
}

/// Plans the partners' degrees: one sequence for all pools, dealt out evenly, then fitted to what each pool is asked for.
pub(super) fn fill_pools(pools: &mut [Pool], drivers: &[Driver], shape: &Degrees, rng: &mut Stream) {
    let mut asked = vec![0_usize; pools.len()];
    drivers.iter().flat_map(|d| &d.wishes).for_each(|&k| asked[k] += 1);
    let partners: usize = pools.iter().map(|p| p.members.len()).sum();
    let mut sequence = degrees(shape, partners, asked.iter().sum(), drivers.len(), rng);
    // Rank within the pool, as a share: every pool gets its part of the large and of the small degrees.
    let mut places: Vec<(f64, usize, u32)> = Vec::with_capacity(partners);
    for (k, pool) in pools.iter().enumerate() {
        let mut members = pool.members.clone();
        members.shuffle(rng);
        let n = members.len() as f64;
        places.extend(members.into_iter().enumerate().map(|(rank, m)| ((rank as f64 + rng.random::<f64>()) / n, k, m)));
    }
    places.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
    sequence.reverse();
    let mut planned: Vec<(Vec<u32>, Vec<u32>)> = vec![(Vec::new(), Vec::new()); pools.len()];
    for ((_, k, member), degree) in places.into_iter().zip(sequence) {
        planned[k].0.push(member);
        planned[k].1.push(degree);
    }
    for (k, (members, mut degree)) in planned.into_iter().enumerate() {
        fit_sum(&mut degree, asked[k], drivers.len() as u32, rng);
        pools[k].stubs = members.iter().zip(degree).flat_map(|(&m, d)| std::iter::repeat_n(m, d as usize)).collect();
    }
}
