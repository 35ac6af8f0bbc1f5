//! Sides in the configuration model: partners' degrees per side, and how many edges of each side stay or cross.

use rand::seq::SliceRandom;

use kenyon_base::Stream;

use super::wiring::Pool;

/// Edges of the drivers of each side: on their own side, and on the other.
pub(super) type Quotas = [[usize; 2]; 2];

/// How much the partners of each side get of what the drivers ask.
pub(super) fn wanted(asked: [usize; 2], ipsi: f64) -> [f64; 2] {
    let asked = asked.map(|n| n as f64);
    [ipsi * asked[0] + (1.0 - ipsi) * asked[1], ipsi * asked[1] + (1.0 - ipsi) * asked[0]]
}

/// Deals degrees out to the cells of two sides such that the sums of the sides come near `wanted`.
///
/// The largest degrees go first, each to the side that lacks most; which cell gets it is chance. Returns `(cell, degree)`.
pub(super) fn deal_to_sides(degrees: &[u32], mut cells: [Vec<u32>; 2], wanted: [f64; 2], rng: &mut Stream) -> Vec<(u32, u32)> {
    for c in &mut cells {
        c.shuffle(rng);
    }
    let mut lacks = wanted;
    let mut sorted = degrees.to_vec();
    sorted.sort_unstable_by_key(|&d| std::cmp::Reverse(d));
    let mut dealt = Vec::with_capacity(sorted.len());
    for d in sorted {
        let first = usize::from(lacks[1] > lacks[0]);
        let Some((side, cell)) = [first, 1 - first].into_iter().find_map(|s| cells[s].pop().map(|c| (s, c))) else { break };
        lacks[side] -= f64::from(d);
        dealt.push((cell, d));
    }
    dealt
}

/// Deals the degrees of the partners out to pools of one side each, and fits the quotas of the drivers to them.
///
/// `sides` are those of the pools, `asked` the edges of the drivers of each side, `sequence` the degrees of all partners.
pub(super) fn plan(
    pools: &mut [Pool],
    sides: &[usize],
    asked: [usize; 2],
    ipsi: f64,
    sequence: &[u32],
    rng: &mut Stream,
) -> Quotas {
    let mut cells = [Vec::new(), Vec::new()];
    pools.iter().zip(sides).for_each(|(pool, &side)| cells[side].extend(&pool.members));
    let dealt = deal_to_sides(sequence, cells, wanted(asked, ipsi), rng);
    let mut planned = [0_usize; 2];
    for (pool, &side) in pools.iter_mut().zip(sides) {
        let stubs = dealt.iter().filter(|(cell, _)| pool.members.contains(cell));
        pool.stubs = stubs.flat_map(|&(cell, d)| std::iter::repeat_n(cell, d as usize)).collect();
        planned[side] += pool.stubs.len();
    }
    quotas(asked, planned, ipsi)
}

/// Quotas at which the partners of each side get what is planned, and the ipsilateral share comes as near as that allows.
pub(super) fn quotas(asked: [usize; 2], planned: [usize; 2], ipsi: f64) -> Quotas {
    let total: usize = asked.iter().sum();
    // Of the drivers on side 0, `x` stay and the others cross: x + (planned[1] - (asked[0] - x)) = ipsi * total.
    let exact = (ipsi * total as f64 + asked[0] as f64 - planned[1] as f64) / 2.0;
    let most = asked[0].min(planned[0]);
    let stay = (exact.round().max(0.0) as usize).max(asked[0].saturating_sub(planned[1])).min(most);
    let cross = asked[0] - stay;
    let stay_other = planned[1].saturating_sub(cross).min(asked[1]);
    [[stay, cross], [stay_other, asked[1] - stay_other]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use kenyon_base::Streams;

    #[test]
    fn quotas_give_the_share_where_the_sums_allow_it() {
        assert_eq!(quotas([60, 40], [55, 45], 0.8), [[48, 12], [33, 7]]);
        assert_eq!(quotas([10, 10], [12, 8], 1.0), [[10, 0], [8, 2]]);
        assert_eq!(quotas([10, 0], [0, 10], 1.0), [[0, 10], [0, 0]]);
    }

    #[test]
    fn a_hub_is_balanced_by_the_smaller_ones() {
        let degrees = [100, 40, 30, 20, 10, 1, 1, 1, 1];
        let dealt =
            deal_to_sides(&degrees, [(0..8).collect(), (8..16).collect()], [102.0, 102.0], &mut Streams::new(1).stream("s"));
        let left: u32 = dealt.iter().filter(|(c, _)| *c < 8).map(|d| d.1).sum();
        assert_eq!(left, 102);
    }
}
