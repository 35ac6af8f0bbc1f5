//! Pairing of stubs: every driver takes distinct partners out of pools, in proportion to the partners' open stubs.
//!
//! This is the configuration model of the connectome specification 8.5, step 2, in sequential form. The drivers (the side with
//! more cells) keep their degrees exactly; a pool holds every partner once per edge still planned for it. Where a pool
//! offers nothing new the constraint that is least important gives way: planned degree first, then the pool.

use rand::Rng;

use kenyon_base::Stream;

/// Random tries before a pool is searched through.
const TRIES: usize = 48;

/// Partners that a driver may ask for.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// One entry per edge planned and not yet placed.
    pub(super) stubs: Vec<u32>,
    /// All partners of the pool.
    pub(super) members: Vec<u32>,
}

/// One driver and the pool of each of its edges.
#[derive(Debug)]
pub(super) struct Driver {
    /// Index of the cell.
    pub(super) cell: u32,
    /// Pool of each edge.
    pub(super) wishes: Vec<usize>,
}

/// A pool while it is being emptied.
struct Open<'a> {
    stubs: &'a mut Vec<u32>,
    members: &'a [u32],
    /// Edges of each partner still planned, and entries in `stubs` that no longer count.
    left: Vec<u32>,
    spent: Vec<u32>,
}

impl<'a> Open<'a> {
    fn new(pool: &'a mut Pool, partners: usize) -> Self {
        let mut left = vec![0; partners];
        pool.stubs.iter().for_each(|&p| left[p as usize] += 1);
        Self { stubs: &mut pool.stubs, members: &pool.members, left, spent: vec![0; partners] }
    }

    /// Takes a partner that passes `ok` in proportion to the edges it still has to get.
    fn take_stub(&mut self, ok: &dyn Fn(u32) -> bool, rng: &mut Stream) -> Option<u32> {
        for _ in 0..TRIES {
            if self.stubs.is_empty() {
                return None;
            }
            let k = rng.random_range(0..self.stubs.len());
            let p = self.stubs[k];
            let spent = self.spent[p as usize] > 0;
            if spent {
                self.spent[p as usize] -= 1;
            } else if ok(p) {
                self.left[p as usize] -= 1;
            } else {
                continue;
            }
            self.stubs.swap_remove(k);
            if !spent {
                return Some(p);
            }
        }
        let open: Vec<u32> = self.members.iter().copied().filter(|&p| self.left[p as usize] > 0 && ok(p)).collect();
        let sum: u64 = open.iter().map(|&p| u64::from(self.left[p as usize])).sum();
        let mut at = if sum > 0 { rng.random_range(0..sum) } else { 0 };
        let found = open.into_iter().find(|&p| {
            let here = at < u64::from(self.left[p as usize]);
            at = at.saturating_sub(u64::from(self.left[p as usize]));
            here
        })?;
        self.left[found as usize] -= 1;
        self.spent[found as usize] += 1;
        Some(found)
    }

    /// Any partner that passes `ok`, planned for or not.
    fn any_member(&self, ok: &dyn Fn(u32) -> bool, rng: &mut Stream) -> Option<u32> {
        let n = self.members.len();
        if n == 0 {
            return None;
        }
        let by_chance = (0..TRIES).map(|_| self.members[rng.random_range(0..n)]).find(|&p| ok(p));
        by_chance.or_else(|| {
            let open: Vec<u32> = self.members.iter().copied().filter(|&p| ok(p)).collect();
            (!open.is_empty()).then(|| open[rng.random_range(0..open.len())])
        })
    }
}

/// Pairs every driver with distinct partners; `(driver, partner)` in order of the drivers.
///
/// `partners` is one more than the largest partner index; `allowed(driver, partner)` is never violated.
pub(super) fn connect(
    drivers: &[Driver],
    pools: &mut [Pool],
    partners: usize,
    allowed: &dyn Fn(u32, u32) -> bool,
    rng: &mut Stream,
) -> Vec<(u32, u32)> {
    let mut planned = vec![0_u32; partners];
    pools.iter().flat_map(|pool| &pool.stubs).for_each(|&p| planned[p as usize] += 1);
    let mut order: Vec<usize> = (0..drivers.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(drivers[i].wishes.len()));
    let mut chosen: Vec<Vec<u32>> = vec![Vec::new(); drivers.len()];
    let mut taken = vec![false; partners];
    let mut open: Vec<Open<'_>> = pools.iter_mut().map(|pool| Open::new(pool, partners)).collect();
    for i in order {
        let driver = &drivers[i];
        for &wish in &driver.wishes {
            let ok = |p: u32| !taken[p as usize] && allowed(driver.cell, p);
            let mut found = open[wish].take_stub(&ok, rng);
            found = found.or_else(|| open[wish].any_member(&ok, rng));
            for pool in &mut open {
                found = found.or_else(|| pool.take_stub(&ok, rng));
            }
            for pool in &open {
                found = found.or_else(|| pool.any_member(&ok, rng));
            }
            let Some(partner) = found else { break };
            chosen[i].push(partner);
            taken[partner as usize] = true;
        }
        chosen[i].iter().for_each(|&p| taken[p as usize] = false);
    }
    if !drivers.is_empty() {
        settle(drivers, pools, &planned, allowed, &mut chosen, rng);
    }
    drivers.iter().zip(chosen).flat_map(|(d, list)| list.into_iter().map(|p| (d.cell, p))).collect()
}

/// Brings the partners' degrees back to plan where drivers ran into partners they had, and gives every member an edge.
///
/// An edge moves to another partner of the same pool, so sides and types stay.
fn settle(
    drivers: &[Driver],
    pools: &[Pool],
    planned: &[u32],
    allowed: &dyn Fn(u32, u32) -> bool,
    chosen: &mut [Vec<u32>],
    rng: &mut Stream,
) {
    let mut degree = vec![0_u32; planned.len()];
    chosen.iter().flatten().for_each(|&p| degree[p as usize] += 1);
    for pool in pools {
        let mut inside = vec![false; planned.len()];
        pool.members.iter().for_each(|&p| inside[p as usize] = true);
        for &poor in &pool.members {
            let q = poor as usize;
            if degree[q] >= planned[q] && degree[q] > 0 {
                continue;
            }
            let start = rng.random_range(0..drivers.len());
            for i in (start..drivers.len()).chain(0..start) {
                let idle = degree[q] == 0;
                if degree[q] >= planned[q].max(1) {
                    break;
                }
                if chosen[i].contains(&poor) || !allowed(drivers[i].cell, poor) {
                    continue;
                }
                let rich = |p: u32| {
                    let p = p as usize;
                    inside[p] && degree[p] > 1 && (idle || degree[p] > planned[p])
                };
                if let Some(k) = chosen[i].iter().position(|&p| rich(p)) {
                    degree[chosen[i][k] as usize] -= 1;
                    degree[q] += 1;
                    chosen[i][k] = poor;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kenyon_base::Streams;

    #[test]
    fn every_member_of_a_pool_gets_an_edge_and_no_pair_occurs_twice() {
        let drivers: Vec<Driver> = (0..50).map(|cell| Driver { cell, wishes: vec![0; 3] }).collect();
        let mut pools = [Pool { stubs: vec![0; 150], members: (0..10).collect() }];
        let mut pairs = connect(&drivers, &mut pools, 10, &|_, _| true, &mut Streams::new(1).stream("w"));
        pairs.sort_unstable();
        assert_eq!(pairs.len(), 150);
        assert!(pairs.windows(2).all(|w| w[0] != w[1]));
        assert!((0..10).all(|p| pairs.iter().any(|&(_, q)| q == p)));
    }
}
