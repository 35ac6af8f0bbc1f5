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

/// Takes a partner that passes `ok` out of `list`, uniformly; removes the entry if `spend`.
fn take(list: &mut Vec<u32>, spend: bool, ok: &dyn Fn(u32) -> bool, rng: &mut Stream) -> Option<u32> {
    if list.is_empty() {
        return None;
    }
    let mut at = (0..TRIES).map(|_| rng.random_range(0..list.len())).find(|&k| ok(list[k]));
    if at.is_none() {
        let open: Vec<usize> = (0..list.len()).filter(|&k| ok(list[k])).collect();
        at = (!open.is_empty()).then(|| open[rng.random_range(0..open.len())]);
    }
    at.map(|k| if spend { list.swap_remove(k) } else { list[k] })
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
    for i in order {
        let driver = &drivers[i];
        for &wish in &driver.wishes {
            let taken = &chosen[i];
            let ok = |p: u32| !taken.contains(&p) && allowed(driver.cell, p);
            let mut found = take(&mut pools[wish].stubs, true, &ok, rng);
            found = found.or_else(|| take(&mut pools[wish].members, false, &ok, rng));
            for pool in pools.iter_mut() {
                found = found.or_else(|| take(&mut pool.stubs, true, &ok, rng));
            }
            for pool in pools.iter_mut() {
                found = found.or_else(|| take(&mut pool.members, false, &ok, rng));
            }
            match found {
                Some(partner) => chosen[i].push(partner),
                None => break,
            }
        }
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
