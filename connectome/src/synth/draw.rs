//! Drawing the pairs of a relation on any set of cells.
//!
//! The same code wires the synthetic fly and completes a real one, so it asks nothing of the cells beyond their attributes.

use rand::Rng;
use rand::seq::SliceRandom;

use kenyon_base::{Stream, Streams};

use super::cells::{Cell, CellClass, Nt, Side};
use super::relations::{Counts, Relation, Rule};
use super::sampling::deal_by_group;
use super::sequences::draw_sorted;
use super::tables::GROUPS;
use super::{claws, configuration, glomeruli, lobes};

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

/// Pairs without counts, and how to count them.
pub(super) struct Wired {
    /// `(pre, post)` without duplicates.
    pub(super) pairs: Vec<(u32, u32)>,
    /// What the counts depend on.
    pub(super) counts: GroupCounts,
}

/// Synapse counts of the groups of a relation; the group of a pair follows from the rule.
pub(super) enum GroupCounts {
    /// All pairs alike.
    One,
    /// One distribution, dealt out such that each group has its mean.
    Means(Vec<f64>),
    /// A distribution for each group.
    Tables(&'static [Counts]),
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
/// ```
/// use kenyon_base::Streams;
/// use kenyon_connectome::synth::{Cell, CellClass, Nt, Side, draw, relation};
///
/// let kenyon: Vec<Cell> = (1..=50).map(|id| Cell::new(id, CellClass::Kc, "KCab", Side::Left, Nt::Ach)).collect();
/// let apl = [Cell::new(99, CellClass::Apl, "APL", Side::Left, Nt::Gaba)];
/// let pairs = draw(relation("KC->APL").expect("in the table"), &kenyon, &apl, 1.0, Streams::new(1));
/// assert_eq!(pairs.len(), 50);
/// ```
pub fn draw(relation: &Relation, pre: &[Cell], post: &[Cell], scale: f64, streams: Streams) -> Vec<DrawnPair> {
    let mut all: Vec<DrawnPair> = relation
        .parts()
        .flat_map(|part| {
            let plan = plan(part, pre, post, scale);
            let most = pre.iter().filter(|c| part.takes_pre(c)).count() * post.iter().filter(|c| part.takes_post(c)).count();
            draw_part(part, pre, post, Plan { edges: plan.edges.min(most), ..plan }, streams)
        })
        .collect();
    all.sort_unstable();
    all
}

/// Pairs that [`draw`] aims at on these cells. It draws fewer where there are not as many pairs of cells, and more where every
/// cell of a relation keeps at least one pair.
pub fn planned_pairs(relation: &Relation, pre: &[Cell], post: &[Cell], scale: f64) -> u64 {
    relation.parts().map(|part| plan(part, pre, post, scale).edges as u64).sum()
}

/// How much of a relation that is no sum is wanted on these cells.
fn plan(part: &Relation, pre: &[Cell], post: &[Cell], scale: f64) -> Plan {
    let (from, to) = (share(part.pre, None, pre), share(part.post, part.post_nt, post));
    let f = part.ipsi.unwrap_or(0.5);
    let present =
        f * f64::midpoint(from[0] * to[0], from[1] * to[1]) + (1.0 - f) * f64::midpoint(from[0] * to[1], from[1] * to[0]);
    let cells = |n: usize, of: [f64; 2]| (n as f64 * f64::midpoint(of[0], of[1])).round() as usize;
    Plan {
        edges: (part.edges as f64 * scale.max(0.0) * present).round() as usize,
        out_cells: cells(part.out_degree.cells, from),
        in_cells: cells(part.in_degree.cells, to),
    }
}

/// Present share of a population on the left and on the right; cells without side count half to each.
fn share(classes: &[CellClass], nt: Option<Nt>, cells: &[Cell]) -> [f64; 2] {
    let mut whole = [0.0; 2];
    for group in GROUPS.iter().filter(|g| classes.contains(&g.class) && nt.is_none_or(|nt| nt == g.nt)) {
        let unsided = f64::from(group.cells[2]) / 2.0;
        whole[0] += f64::from(group.cells[0]) + unsided;
        whole[1] += f64::from(group.cells[1]) + unsided;
    }
    let mut found = [0.0; 2];
    for cell in cells.iter().filter(|c| classes.contains(&c.class) && nt.is_none_or(|nt| nt == c.nt)) {
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
    // More pairs than there are cells to pair cannot be asked for.
    let plan = Plan { edges: plan.edges.min(pre_open.len().saturating_mul(post_open.len())), ..plan };
    let task = Task { relation, pre, pre_open, post, post_open, plan, streams };
    let mut wired = match relation.rule {
        Rule::SameGlomerulus => glomeruli::wire(&task),
        Rule::Claws => claws::wire(&task),
        Rule::Lobes => lobes::wire(&task),
        _ => configuration::wire(&task),
    };
    wired.pairs.sort_unstable();
    let values = task.counts(&wired);
    wired.pairs.iter().zip(values).map(|(&(pre, post), syn_count)| DrawnPair { pre, post, syn_count }).collect()
}

impl Task<'_> {
    /// Synapses of every pair.
    fn counts(&self, wired: &Wired) -> Vec<u32> {
        let mut rng = self.stream("counts");
        let groups: Vec<usize> = wired.pairs.iter().map(|&pair| self.count_group(pair)).collect();
        let mut shuffled = |counts: &Counts, n: usize| {
            let mut values = draw_sorted(counts, n);
            values.shuffle(&mut rng);
            values
        };
        match &wired.counts {
            GroupCounts::One => shuffled(&self.relation.counts, groups.len()),
            GroupCounts::Means(means) => {
                deal_by_group(&draw_sorted(&self.relation.counts, groups.len()), &groups, means, &mut rng)
            }
            GroupCounts::Tables(tables) => {
                let size = |k: usize| groups.iter().filter(|&&g| g == k).count();
                let mut of: Vec<Vec<u32>> = tables.iter().enumerate().map(|(k, table)| shuffled(table, size(k))).collect();
                groups.iter().map(|&g| of[g].pop().unwrap_or(self.relation.counts.min)).collect()
            }
        }
    }

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
        let (ours, others): (Vec<u32>, Vec<u32>) =
            shuffled.into_iter().partition(|&i| Task::hemisphere(&cells[i as usize]) == first);
        let n = n.clamp(1, open.len());
        let from_others = (n / 2).max(n.saturating_sub(ours.len())).min(others.len());
        let mut all: Vec<u32> = ours.into_iter().take(n - from_others).chain(others.into_iter().take(from_others)).collect();
        all.sort_unstable();
        all
    }

    /// Chooses `n` cells, as many on each side as `wanted` says, as far as there are.
    pub(super) fn choose_sides(mut open: [Vec<u32>; 2], n: usize, wanted: [f64; 2], rng: &mut Stream) -> [Vec<u32>; 2] {
        for cells in &mut open {
            cells.shuffle(rng);
        }
        let share = wanted[0] / (wanted[0] + wanted[1]).max(f64::MIN_POSITIVE);
        let left = ((n as f64 * share).round() as usize).max(n.saturating_sub(open[1].len())).min(open[0].len());
        open[0].truncate(left);
        open[1].truncate(n - left);
        open
    }
}
