//! Configuration model with sides, types and arbors (connectome specification 8.5, step 2).

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::SliceRandom;

use kenyon_base::Stream;

use super::arbor::Arbors;
use super::cells::{Cell, served_by};
use super::dense;
use super::draw::{GroupCounts, Task, Wired};
use super::glomeruli;
use super::hemispheres::{self, Quotas};
use super::relations::{Degrees, Rule};
use super::sampling::fit_sum;
use super::sequences::degrees;
use super::sums;
use super::wiring::{Driver, Pool, connect};

/// The two ends of a relation: the one with more cells drives, the other end is chosen from.
struct Ends<'a> {
    /// Whether the drivers are postsynaptic.
    by_post: bool,
    drivers: Vec<u32>,
    partners: Vec<u32>,
    driver_cells: &'a [Cell],
    partner_cells: &'a [Cell],
}

impl<'a> Ends<'a> {
    fn new(task: &Task<'a>, pres: Vec<u32>, posts: Vec<u32>) -> Self {
        let by_post = posts.len() >= pres.len();
        let (drivers, partners) = if by_post { (posts, pres) } else { (pres, posts) };
        let (driver_cells, partner_cells) = if by_post { (task.post, task.pre) } else { (task.pre, task.post) };
        Self { by_post, drivers, partners, driver_cells, partner_cells }
    }

    /// `(pre, post)` of a driver and its partner, and the other way round.
    fn pair(&self, (driver, partner): (u32, u32)) -> (u32, u32) {
        if self.by_post { (partner, driver) } else { (driver, partner) }
    }

    fn driver_side(&self, driver: u32) -> usize {
        Task::hemisphere(&self.driver_cells[driver as usize])
    }

    fn partner_side(&self, partner: u32) -> usize {
        Task::hemisphere(&self.partner_cells[partner as usize])
    }

    /// Drivers by side.
    fn by_side(&self, drivers: &[u32]) -> [Vec<u32>; 2] {
        [0, 1].map(|side| drivers.iter().copied().filter(|&d| self.driver_side(d) == side).collect())
    }

    /// Edges by the side of the driver.
    fn asked(&self, dealt: &[(u32, u32)]) -> [usize; 2] {
        let mut asked = [0, 0];
        for &(driver, degree) in dealt {
            asked[self.driver_side(driver)] += degree as usize;
        }
        asked
    }
}

/// Draws the pairs of the rules `Any`, `OtherGlomerulus`, `Arbor` and `SameType`.
pub(super) fn wire(task: &Task<'_>) -> Wired {
    let (r, plan) = (task.relation, task.plan);
    let mut rng = task.stream("wiring");
    let shares = sums::shares(task);
    let pres = match &shares {
        Some(shares) => (0..).zip(shares).filter(|(_, d)| **d > 0).map(|(i, _)| i).collect(),
        None => task.choose(&task.pre_open, true, plan.out_cells.min(plan.edges), r.out_degree.cover, &mut rng),
    };
    let posts = plan.in_cells.min(plan.edges);
    let posts = match r.rule {
        Rule::OtherGlomerulus => glomeruli::with_other_input(task, posts, &mut rng),
        _ => task.choose(&task.post_open, false, posts, r.in_degree.cover, &mut rng),
    };
    let edges =
        plan.edges.max(if r.out_degree.cover { pres.len() } else { 0 }).max(if r.in_degree.cover { posts.len() } else { 0 });
    let ends = Ends::new(task, pres, posts);
    let arbors = (r.rule == Rule::Arbor).then(|| Arbors::new(task.pre, task.post, task.streams));
    let allowed = |driver: u32, partner: u32| {
        let (i, j) = ends.pair((driver, partner));
        let (a, b) = (&task.pre[i as usize], &task.post[j as usize]);
        a.id != b.id
            && (r.rule != Rule::OtherGlomerulus || served_by(&a.glomerulus) != served_by(&b.glomerulus))
            && arbors.as_ref().is_none_or(|x| x.meet(i, j))
    };
    let pairs = if dense::is_dense(edges, ends.drivers.len(), ends.partners.len()) {
        let same_side = |d: u32, p: u32| ends.driver_side(d) == ends.partner_side(p);
        dense::draw(&ends.drivers, &ends.partners, edges, r.ipsi.unwrap_or(0.5), &allowed, &same_side, &mut rng)
    } else {
        let (drivers, mut pools) = match r.rule {
            Rule::SameType(share) => by_type(task, &ends, edges, share, &mut rng),
            _ => by_side(task, &ends, edges, shares, &mut rng),
        };
        connect(&drivers, &mut pools, ends.partner_cells.len(), &allowed, &mut rng)
    };
    Wired { pairs: pairs.into_iter().map(|p| ends.pair(p)).collect(), counts: GroupCounts::One }
}

/// Degrees of both ends and how many edges stay on their side; one pool for each side.
fn by_side(
    task: &Task<'_>,
    ends: &Ends<'_>,
    edges: usize,
    shares: Option<Vec<u32>>,
    rng: &mut Stream,
) -> (Vec<Driver>, Vec<Pool>) {
    let r = task.relation;
    let ipsi = r.ipsi.unwrap_or(0.5);
    let (driver_shape, partner_shape) = if ends.by_post { (&r.in_degree, &r.out_degree) } else { (&r.out_degree, &r.in_degree) };
    let (mut pools, sides) = pools_by(&ends.partners, |p| ends.partner_side(p));
    let (n, m) = (ends.drivers.len(), ends.partners.len());
    if let Some(shares) = shares.filter(|_| !ends.by_post) {
        let dealt: Vec<(u32, u32)> = ends.drivers.iter().map(|&i| (i, shares[i as usize])).collect();
        let asked = ends.asked(&dealt);
        let total = asked.iter().sum();
        let sequence = sums::in_degrees(task, m, total).unwrap_or_else(|| degrees(partner_shape, m, total, n, rng));
        let quotas = hemispheres::plan(&mut pools, &sides, asked, ipsi, &sequence, rng);
        return (wishes(&dealt, ends, &sides, &pools, quotas, rng), pools);
    }
    let degree = degrees(driver_shape, n, edges, m, rng);
    let total: usize = degree.iter().map(|&d| d as usize).sum();
    let left = (total * ends.by_side(&ends.drivers)[0].len()).div_ceil(n);
    hemispheres::plan(&mut pools, &sides, [left, total - left], ipsi, &degrees(partner_shape, m, total, n, rng), rng);
    let mut planned = [0, 0];
    pools.iter().zip(&sides).for_each(|(pool, &side)| planned[side] += pool.stubs.len());
    // The drivers follow: as many on each side as the plan for the partners needs.
    let wanted = hemispheres::wanted(planned, ipsi);
    let drivers = if driver_shape.cover {
        ends.by_side(&ends.drivers)
    } else {
        Task::choose_sides(ends.by_side(if ends.by_post { &task.post_open } else { &task.pre_open }), n, wanted, rng)
    };
    let dealt = hemispheres::deal_to_sides(&degree, drivers, wanted, rng);
    let quotas = hemispheres::quotas(ends.asked(&dealt), planned, ipsi);
    (wishes(&dealt, ends, &sides, &pools, quotas, rng), pools)
}

/// Degrees of the drivers, with a pool for each type and side, `share` of the edges within the type.
fn by_type(task: &Task<'_>, ends: &Ends<'_>, edges: usize, share: f64, rng: &mut Stream) -> (Vec<Driver>, Vec<Pool>) {
    let r = task.relation;
    let (driver_shape, partner_shape) = if ends.by_post { (&r.in_degree, &r.out_degree) } else { (&r.out_degree, &r.in_degree) };
    let type_of = |cell: &Cell| cell.cell_type.clone();
    let (mut pools, names) = pools_by(&ends.partners, |p| (type_of(&ends.partner_cells[p as usize]), ends.partner_side(p)));
    let mut degree = degrees(driver_shape, ends.drivers.len(), edges, ends.partners.len(), rng);
    degree.shuffle(rng);
    let ipsi = r.ipsi.unwrap_or(0.5);
    let drivers: Vec<Driver> = ends
        .drivers
        .iter()
        .zip(degree)
        .map(|(&cell, d)| {
            let own = &ends.driver_cells[cell as usize];
            let wishes = (0..d).map(|_| {
                let side = if rng.random_bool(ipsi) { ends.driver_side(cell) } else { 1 - ends.driver_side(cell) };
                let same = rng.random_bool(share);
                let on_side = |k: &usize| names[*k].1 == side;
                let fits = |k: &usize| on_side(k) && (names[*k].0 == own.cell_type) == same;
                let weight = |k: usize| pools[k].members.len() as f64;
                pick_weighted((0..names.len()).filter(fits), weight, rng)
                    .or_else(|| pick_weighted((0..names.len()).filter(on_side), weight, rng))
                    .unwrap_or(0)
            });
            Driver { cell, wishes: wishes.collect() }
        })
        .collect();
    fill_pools(&mut pools, &drivers, partner_shape, rng);
    (drivers, pools)
}

/// Pools of partners by key, and the key of each.
pub(super) fn pools_by<K: Ord + Clone>(partners: &[u32], key: impl Fn(u32) -> K) -> (Vec<Pool>, Vec<K>) {
    let mut by_key: BTreeMap<K, Vec<u32>> = BTreeMap::new();
    for &p in partners {
        by_key.entry(key(p)).or_default().push(p);
    }
    by_key.into_iter().map(|(k, members)| (Pool { stubs: Vec::new(), members }, k)).unzip()
}

/// Decides for every edge of every driver which pool it asks, that of its own side or the other one.
fn wishes(
    drivers: &[(u32, u32)],
    ends: &Ends<'_>,
    sides: &[usize],
    pools: &[Pool],
    mut open: Quotas,
    rng: &mut Stream,
) -> Vec<Driver> {
    let pool_of = [0, 1].map(|side| sides.iter().position(|&s| s == side));
    let room = pool_of.map(|k| k.map_or(0, |k| pools[k].members.len()));
    // Drivers with many edges first: they are the ones whose side may be full.
    let mut order: Vec<usize> = (0..drivers.len()).collect();
    order.shuffle(rng);
    order.sort_by_key(|&i| std::cmp::Reverse(drivers[i].1));
    order
        .into_iter()
        .map(|i| {
            let (cell, d) = drivers[i];
            let mine = ends.driver_side(cell);
            let open = &mut open[mine];
            let mut used = [0, 0];
            let wishes = (0..d).map(|_| {
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
                pool_of[if other == 0 { mine } else { 1 - mine }].unwrap_or(0)
            });
            Driver { cell, wishes: wishes.collect() }
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
fn fill_pools(pools: &mut [Pool], drivers: &[Driver], shape: &Degrees, rng: &mut Stream) {
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
