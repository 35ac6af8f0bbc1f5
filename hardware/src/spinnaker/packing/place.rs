//! Cores laid on chips, first fit of cores and SDRAM.

use std::collections::BTreeSet;

use super::{Machine, SDRAM_PER_CHIP};

/// One core to place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Core {
    /// Its population.
    pub(super) population: u32,
    /// Bytes of SDRAM.
    pub(super) sdram: u64,
    /// Cores that must share its chip, itself included; 0 for one that follows such a one.
    pub(super) together: u32,
}

/// Where everything went.
#[derive(Debug)]
pub(super) struct Placed {
    /// Chips in use; beyond the machine's own if that is too small.
    pub(super) chips: u32,
    /// Bytes of SDRAM on the fullest.
    pub(super) fullest: u64,
    /// Entries of the fullest routing table.
    pub(super) routes: u32,
}

/// Places cores in order; `wires` are (sending core, receiving core), sorted.
///
/// A table has an entry for each block of keys that starts or ends on its chip. Blocks that pass straight through need none; those
/// that turn would, but where they turn is the router's choice.
pub(super) fn first_fit(machine: Machine, cores: &[Core], wires: &[(u32, u32)]) -> Placed {
    let mut free: Vec<(u32, u64)> = Vec::new();
    let mut on = Vec::with_capacity(cores.len());
    let mut first_open = 0;
    let mut chip = 0;
    for (k, core) in cores.iter().enumerate() {
        if core.together > 0 {
            let group = &cores[k..k + core.together as usize];
            let sdram: u64 = group.iter().map(|c| c.sdram).sum();
            let room = |(cores, bytes): &(u32, u64)| *cores >= core.together && *bytes >= sdram;
            let found = free[first_open..].iter().position(room).map(|c| c + first_open);
            chip = found.unwrap_or_else(|| {
                // What exceeds any chip gets one of its own and is reported.
                let wraps = free.len() as u32 % machine.chips();
                free.push((machine.cores_of(wraps), SDRAM_PER_CHIP.max(sdram)));
                free.len() - 1
            });
        }
        free[chip].0 -= 1;
        free[chip].1 -= core.sdram;
        while first_open < free.len() && free[first_open].0 == 0 {
            first_open += 1;
        }
        on.push(chip);
    }
    let mut used = vec![0u64; free.len()];
    for (core, chip) in cores.iter().zip(&on) {
        used[*chip] += core.sdram;
    }
    let mut routes: BTreeSet<(usize, u32)> = BTreeSet::new();
    for (from, to) in wires {
        routes.insert((on[*from as usize], *from));
        routes.insert((on[*to as usize], *from));
    }
    let mut entries = vec![0; free.len()];
    for (chip, _) in routes {
        entries[chip] += 1;
    }
    Placed {
        chips: free.len() as u32,
        fullest: used.into_iter().max().unwrap_or(0),
        routes: entries.into_iter().max().unwrap_or(0),
    }
}
