//! Drawing the pairs of a relation on any set of cells.
//!
//! The same code wires the synthetic fly and completes a real one, so it asks nothing of the cells beyond their attributes.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::SliceRandom;

use kenyon_base::{Stream, Streams};

use super::arbor::Arbors;
use super::cells::{Cell, CellClass, Nt, Side, served_by};
use super::relations::{Relation, Rule, relation};
use super::sampling::{deal_by_group, degrees, draw_sorted, fit_sum};
use super::tables::GROUPS;
use super::wiring::{Driver, Pool, connect};
use super::{claws, glomeruli, lobes};

/// One pair drawn: indices into the two slices of cells, and its synapse count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DrawnPair {
    /// Index of the presynaptic cell.
    pub pre: u32,
    /// Index of the postsynaptic cell.
    pub post: u32,
    /// Synapses of the pair.
    pub syn_count: u32,
}

/// How much of a relation is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Pairs.
    pub(super) edges: usize,
    /// Presynaptic cells that take part, where the relation does not cover all.
    pub(super) out_cells: usize,
    /// Postsynaptic cells that take part, where the relation does not cover all.
    pub(super) in_cells: usize,
}

/// Pairs without counts, and what the counts depend on.
pub(super) struct Wired {
    /// `(pre, post)` without duplicates.
    pub(super) pairs: Vec<(u32, u32)>,
    /// Mean count of each group.
    pub(super) targets: Vec<f64>,
}

/// What a drawing rule is given.
pub(super) struct Task<'a> {
    /// The relation.
    pub(super) relation: &'a Relation,
    /// Cells on the presynaptic side, and which of them the relation takes.
    pub(super) pre: &'a [Cell],
    pub(super) pre_open: Vec<u32>,
    /// Cells on the postsynaptic side, and which of them the relation takes.
    pub(super) post: &'a [Cell],
    pub(super) post_open: Vec<u32>,
    /// How much to draw.
    pub(super) plan: Plan,
    /// Random streams.
    pub(super) streams: Streams,
}

/// Draws a relation on the given cells.
///
/// Cells that the relation does not take are ignored. The number of pairs is the relation's total times `scale` times the
/// share of the reference pathway's cell pairs that is present, counted per side: with `p` and `q` the present shares of the
/// pre- and postsynaptic population on the left (L) and right (R) and `f` the ipsilateral share, it is
/// `f (pL qL + pR qR) / 2 + (1 - f) (pL qR + pR qL) / 2`; shares above 1 count as 1. A whole pathway thus gets the whole total,
/// one hemisphere half of the ipsilateral pairs. No pair occurs twice and no cell is paired with itself (same `id`).
/// Pairs come sorted by `pre`, then `post`. A [`Rule::Sum`] relation is the union of its parts.
///
/// # Example
/// ```ignore
/// let pairs = draw(relation("KC->APL").expect("in the table"), &kenyon_cells, &apl, 1.0, Streams::new(1));
/// ```
pub fn draw(relation: &Relation, pre: &[Cell], post: &[Cell], scale: f64, streams: Streams) -> Vec<DrawnPair> {
    let mut all: Vec<DrawnPair> = relation
        .parts()
        .flat_map(|part| {
            let (from, to) = (share(part.pre, None, pre), share(part.post, part.post_nt, post));
            let f = part.ipsi.unwrap_or(0.5);
            let present =
                f * f64::midpoint(from[0] * to[0], from[1] * to[1]) + (1.0 - f) * f64::midpoint(from[0] * to[1], from[1] * to[0]);
            let cells = |n: usize, of: [f64; 2]| (n as f64 * f64::midpoint(of[0], of[1])).round() as usize;
            let plan = Plan {
                edges: (part.edges as f64 * scale.max(0.0) * present).round() as usize,
                out_cells: cells(part.out_degree.cells, from),
                in_cells: cells(part.in_degree.cells, to),
            };
            draw_part(part, pre, post, plan, streams)
        })
        .collect();
    all.sort_unstable();
    all
}

/// Present share of a population on the left and on the right; cells without side count half to each.
fn share(classes: &[CellClass], nt: Option<Nt>, cells: &[Cell]) -> [f64; 2] {
    let mut whole = [0.0; 2];
    for group in GROUPS
        .iter()
        .filter(|g| classes.contains(&g.class) && nt.is_none_or(|nt| nt == g.nt))
    {
        let unsided = f64::from(group.cells[2]) / 2.0;
        whole[0] += f64::from(group.cells[0]) + unsided;
        whole[1] += f64::from(group.cells[1]) + unsided;
    }
    let mut found = [0.0; 2];
    for cell in cells
        .iter()
        .filter(|c| classes.contains(&c.class) && nt.is_none_or(|nt| nt == c.nt))
    {
        match cell.side {
            Side::Left => found[0] += 1.0,
            Side::Right => found[1] += 1.0,
            Side::Center | Side::Unknown => found.iter_mut().for_each(|x| *x += 0.5),
        }
    }
    [0, 1].map(|side| (found[side] / f64::max(whole[side], 0.5)).min(1.0))
}

/// Draws one relation that is no sum.
pub(super) fn draw_part(relation: &Relation, pre: &[Cell], post: &[Cell], plan: Plan, streams: Streams) -> Vec<DrawnPair> {
    let open = |cells: &[Cell], takes: &dyn Fn(&Cell) -> bool| -> Vec<u32> {
        (0..cells.len() as u32).filter(|&i| takes(&cells[i as usize])).collect()
    };
    let pre_open = open(pre, &|c| relation.takes_pre(c));
    let post_open = open(post, &|c| relation.takes_post(c));
    if pre_open.is_empty() || post_open.is_empty() || plan.edges == 0 {
        return Vec::new();
    }
    let task = Task {
        relation,
        pre,
        pre_open,
        post,
        post_open,
        plan,
        streams,
    };
    let mut wired = match relation.rule {
        Rule::SameGlomerulus => glomeruli::wire(&task),
        Rule::Claws => claws::wire(&task),
        Rule::Lobes => lobes::wire(&task),
        _ => wire(&task),
    };
    wired.pairs.sort_unstable();
    let mut rng = task.stream("counts");
    let values = draw_sorted(&relation.counts, wired.pairs.len(), &mut rng);
    let values = if wired.targets.is_empty() {
        let mut values = values;
        values.shuffle(&mut rng);
        values
    } else {
        let groups: Vec<usize> = wired.pairs.iter().map(|&pair| task.count_group(pair)).collect();
        deal_by_group(&values, &groups, &wired.targets, &mut rng)
    };
    wired
        .pairs
        .iter()
        .zip(values)
        .map(|(&(pre, post), syn_count)| DrawnPair { pre, post, syn_count })
        .collect()
}

impl Task<'_> {
    /// The random stream of one step of this relation.
    pub(super) fn stream(&self, step: &str) -> Stream {
        self.streams.stream(&format!("synth/{}/{step}", self.relation.name))
    }

    /// Side of a cell as 0 or 1; a cell without side is given one by its id.
    pub(super) fn hemisphere(cell: &Cell) -> usize {
        match cell.side {
            Side::Left => 0,
            Side::Right => 1,
            Side::Center | Side::Unknown => (cell.id % 2) as usize,
        }
    }

    fn count_group(&self, (pre, post): (u32, u32)) -> usize {
        let (pre, post) = (&self.pre[pre as usize], &self.post[post as usize]);
        match self.relation.rule {
            Rule::Claws => claws::subtype(&post.cell_type),
            Rule::Lobes => lobes::block(&pre.cell_type, &post.cell_type),
            _ => usize::from(pre.side != post.side),
        }
    }

    /// Whether two indices stand for two different cells.
    pub(super) fn differ(&self, pre: u32, post: u32) -> bool {
        self.pre[pre as usize].id != self.post[post as usize].id
    }

    /// Chooses the cells that take part, from both sides in turn; `is_pre` tells whose indices they are.
    pub(super) fn choose(&self, open: &[u32], is_pre: bool, n: usize, cover: bool, rng: &mut Stream) -> Vec<u32> {
        if cover {
            return open.to_vec();
        }
        let cells = if is_pre { self.pre } else { self.post };
        let mut shuffled = open.to_vec();
        shuffled.shuffle(rng);
        // Both ends of a relation start on the same side: a single pair can then be ipsilateral.
        let first = self.stream("first side").random_range(0..2);
        let (ours, others): (Vec<u32>, Vec<u32>) = shuffled
            .into_iter()
            .partition(|&i| Task::hemisphere(&cells[i as usize]) == first);
        let n = n.clamp(1, open.len());
        let from_others = (n / 2).max(n.saturating_sub(ours.len())).min(others.len());
        let mut all: Vec<u32> = ours
            .into_iter()
            .take(n - from_others)
            .chain(others.into_iter().take(from_others))
            .collect();
        all.sort_unstable();
        all
    }
}

/// Configuration model with sides, types and arbors (rules `Any`, `OtherGlomerulus`, `Arbor`, `SameType`).
fn wire(task: &Task<'_>) -> Wired {
    let (r, plan) = (task.relation, task.plan);
    let mut rng = task.stream("wiring");
    let family = family_members(task);
    let pres = task.choose(&family, true, plan.out_cells.min(plan.edges), r.out_degree.cover, &mut rng);
    let posts = task.choose(
        &task.post_open,
        false,
        plan.in_cells.min(plan.edges),
        r.in_degree.cover,
        &mut rng,
    );
    let edges = plan
        .edges
        .max(if r.out_degree.cover { pres.len() } else { 0 })
        .max(if r.in_degree.cover { posts.len() } else { 0 });
    let by_post = posts.len() >= pres.len();
    let (drivers, partners) = if by_post { (posts, pres) } else { (pres, posts) };
    let (driver_cells, partner_cells) = if by_post {
        (task.post, task.pre)
    } else {
        (task.pre, task.post)
    };
    let (driver_knots, partner_knots) = if by_post {
        (&r.in_degree.knots, &r.out_degree.knots)
    } else {
        (&r.out_degree.knots, &r.in_degree.knots)
    };
    let mut degree = degrees(driver_knots, drivers.len(), edges, partners.len(), &mut rng);
    deal_degrees(task, &drivers, &mut degree, &mut rng);
    let arbors = (r.rule == Rule::Arbor).then(|| Arbors::new(task.pre, task.post, task.streams));
    let allowed = |driver: u32, partner: u32| {
        let (i, j) = if by_post { (partner, driver) } else { (driver, partner) };
        let (a, b) = (&task.pre[i as usize], &task.post[j as usize]);
        a.id != b.id
            && (r.rule != Rule::OtherGlomerulus || served_by(&a.glomerulus) != served_by(&b.glomerulus))
            && arbors.as_ref().is_none_or(|x| x.meet(i, j))
    };
    let key = |cell: &Cell| match r.rule {
        Rule::SameType(_) => (cell.cell_type.clone(), Task::hemisphere(cell)),
        _ => (String::new(), Task::hemisphere(cell)),
    };
    let (mut pools, names) = pools_by(&partners, |p| key(&partner_cells[p as usize]));
    let drivers: Vec<Driver> = wishes(task, &drivers, &degree, driver_cells, &names, &pools, &mut rng);
    fill_pools(&mut pools, &drivers, partner_knots, &mut rng);
    let pairs = connect(&drivers, &mut pools, partner_cells.len(), &allowed, &mut rng);
    let pairs = pairs
        .into_iter()
        .map(|(d, p)| if by_post { (p, d) } else { (d, p) })
        .collect();
    Wired {
        pairs,
        targets: Vec::new(),
    }
}

/// Cells that take part in any part of the sum this relation belongs to, so that its parts share their cells.
fn family_members(task: &Task<'_>) -> Vec<u32> {
    let Some(whole) = task.relation.part_of.and_then(relation) else {
        return task.pre_open.clone();
    };
    let factor = task.plan.out_cells as f64 / task.relation.out_degree.cells as f64;
    let n = (whole.out_degree.cells as f64 * factor).round() as usize;
    task.choose(
        &task.pre_open,
        true,
        n,
        false,
        &mut task.streams.stream(&format!("synth/{}/family", whole.name)),
    )
}

/// Puts the degrees into random order; the parts of a sum favour the same cells, whose degrees therefore add up.
fn deal_degrees(task: &Task<'_>, drivers: &[u32], degree: &mut [u32], rng: &mut Stream) {
    let Some(whole) = task.relation.part_of else {
        degree.shuffle(rng);
        return;
    };
    let mut shared = task.streams.stream(&format!("synth/{whole}/favour"));
    let favour: Vec<f64> = (0..task.pre.len().max(task.post.len())).map(|_| shared.random()).collect();
    let mut rank: Vec<(f64, usize)> = drivers
        .iter()
        .enumerate()
        .map(|(k, &i)| (favour[i as usize] + rng.random::<f64>() * 0.2, k))
        .collect();
    rank.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    degree.sort_unstable();
    let sorted = degree.to_vec();
    rank.into_iter().zip(sorted).for_each(|((_, k), d)| degree[k] = d);
}

/// Pools of partners by key, and the key of each.
pub(super) fn pools_by<K: Ord + Clone>(partners: &[u32], key: impl Fn(u32) -> K) -> (Vec<Pool>, Vec<K>) {
    let mut by_key: BTreeMap<K, Vec<u32>> = BTreeMap::new();
    for &p in partners {
        by_key.entry(key(p)).or_default().push(p);
    }
    by_key
        .into_iter()
        .map(|(k, members)| {
            (
                Pool {
                    stubs: Vec::new(),
                    members,
                },
                k,
            )
        })
        .unzip()
}

/// Decides for every edge of every driver which pool it asks: own or other side, own or other type.
fn wishes(
    task: &Task<'_>,
    drivers: &[u32],
    degree: &[u32],
    cells: &[Cell],
    names: &[(String, usize)],
    pools: &[Pool],
    rng: &mut Stream,
) -> Vec<Driver> {
    let total: usize = degree.iter().map(|&d| d as usize).sum();
    let ipsi = task.relation.ipsi.unwrap_or(0.5);
    // Edges still to be placed, on the own side and on the other.
    let own_side = (ipsi * total as f64).round() as usize;
    let mut open = [own_side, total - own_side];
    let weight = |k: usize| pools[k].members.len() as f64;
    let room = [0, 1].map(|side| {
        (0..names.len())
            .filter(|&k| names[k].1 == side)
            .map(|k| pools[k].members.len())
            .sum::<usize>()
    });
    // Drivers with many edges first: they are the ones whose side may be full.
    let mut order: Vec<usize> = (0..drivers.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(degree[i]));
    order
        .into_iter()
        .map(|i| {
            let (cell, d) = (drivers[i], degree[i]);
            let own = &cells[cell as usize];
            let mine = Task::hemisphere(own);
            let mut used = [0, 0];
            let wishes = (0..d)
                .map(|_| {
                    let free = [0, 1].map(|other: usize| used[other] < room[if other == 0 { mine } else { 1 - mine }]);
                    let by_chance = rng.random_range(0..(open[0] + open[1]).max(1)) >= open[0];
                    let other = usize::from(if by_chance { free[1] || !free[0] } else { !free[0] && free[1] });
                    used[other] += 1;
                    // One side may run out early where the other is full; then it goes into the red of the other.
                    if open[other] > 0 {
                        open[other] -= 1
                    } else {
                        open[1 - other] = open[1 - other].saturating_sub(1)
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
pub(super) fn fill_pools(pools: &mut [Pool], drivers: &[Driver], knots: &[f64; 9], rng: &mut Stream) {
    let mut asked = vec![0_usize; pools.len()];
    drivers.iter().flat_map(|d| &d.wishes).for_each(|&k| asked[k] += 1);
    let partners: usize = pools.iter().map(|p| p.members.len()).sum();
    let mut sequence = degrees(knots, partners, asked.iter().sum(), drivers.len(), rng);
    // Rank within the pool, as a share: every pool gets its part of the large and of the small degrees.
    let mut places: Vec<(f64, usize, u32)> = Vec::with_capacity(partners);
    for (k, pool) in pools.iter().enumerate() {
        let mut members = pool.members.clone();
        members.shuffle(rng);
        let n = members.len() as f64;
        places.extend(
            members
                .into_iter()
                .enumerate()
                .map(|(rank, m)| ((rank as f64 + rng.random::<f64>()) / n, k, m)),
        );
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
        pools[k].stubs = members
            .iter()
            .zip(degree)
            .flat_map(|(&m, d)| std::iter::repeat_n(m, d as usize))
            .collect();
    }
}
