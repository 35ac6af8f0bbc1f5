//! Routing tables: a tree for each sender, made for a placement; and what following the entries reaches.
//!
//! An entry matches where `packet & mask = key`; the first match wins. Its route has a bit for each link (E NE N W SW S from bit 0) and for
//! each core (from bit 6). A packet without a match leaves straight opposite to where it came in.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::Key;

/// Column and row of a chip.
pub type Chip = (u8, u8);

/// Steps to the neighbours, in the order of the links.
const LINKS: [(i16, i16); 6] = [(1, 0), (1, 1), (0, 1), (-1, 0), (-1, -1), (0, -1)];
/// First bit of the cores.
const CORES: u32 = 6;

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// Value of the masked packet.
    pub key: u32,
    /// Bits that are looked at.
    pub mask: u32,
    /// Links and cores.
    pub route: u32,
}

/// A core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Its chip.
    pub chip: Chip,
    /// Its number on the chip.
    pub core: u8,
}

/// The tables of a machine, chip by chip.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables(pub BTreeMap<Chip, Vec<Entry>>);

/// Why a packet does not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// It came from a core of this chip and no entry matches.
    Unrouted(Chip),
    /// It comes to this chip twice.
    Loops(Chip),
    /// It leaves the coordinates of machines from this chip.
    Outside(Chip),
}

/// A sender with the cores that listen to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Its keys.
    pub key: Key,
    /// Where it is.
    pub at: Chip,
    /// Who listens.
    pub targets: Vec<Place>,
}

impl Tables {
    /// Tables that take each sender's packets to its targets and nowhere else.
    ///
    /// Paths go along the diagonal first, then straight; so the paths of one sender are a tree, and none leaves the hexagon of a board.
    /// Chips that a path crosses straight need no entry.
    pub fn build(senders: &[Sender]) -> Self {
        let mut tables = Self::default();
        for sender in senders {
            // Chip -> (link of entry, route).
            let mut tree: BTreeMap<Chip, (Option<usize>, u32)> = BTreeMap::new();
            tree.insert(sender.at, (None, 0));
            for target in &sender.targets {
                let mut chip = sender.at;
                while let Some(link) = next_link(chip, target.chip) {
                    tree.entry(chip).or_insert((None, 0)).1 |= 1 << link;
                    chip = neighbour(chip, link).expect("a path stays between two chips");
                    tree.entry(chip).or_insert((None, 0)).0 = Some(link);
                }
                tree.entry(chip).or_insert((None, 0)).1 |= 1 << (CORES + u32::from(target.core));
            }
            for (chip, (came_by, route)) in tree {
                let straight = came_by.is_some_and(|link| route == 1 << link);
                if route != 0 && !straight {
                    let entry = Entry { key: sender.key.base, mask: sender.key.mask, route };
                    tables.0.entry(chip).or_default().push(entry);
                }
            }
        }
        tables.0.values_mut().for_each(|entries| entries.sort_unstable());
        tables
    }

    /// The cores that a packet from a core of `from` reaches.
    ///
    /// # Errors
    /// [`Lost`] if it does not arrive.
    pub fn follow(&self, from: Chip, packet: u32) -> Result<BTreeSet<Place>, Lost> {
        let mut reached = BTreeSet::new();
        let mut seen = BTreeSet::from([from]);
        let mut open = vec![(from, None)];
        while let Some((chip, came_by)) = open.pop() {
            let entries = self.0.get(&chip).map_or(&[][..], Vec::as_slice);
            let route = match (entries.iter().find(|e| packet & e.mask == e.key), came_by) {
                (Some(entry), _) => entry.route,
                (None, Some(link)) => 1u32 << link,
                (None, None) => return Err(Lost::Unrouted(chip)),
            };
            reached.extend((0..18).filter(|p| route >> (CORES + p) & 1 == 1).map(|p| Place { chip, core: p as u8 }));
            for link in (0..LINKS.len()).filter(|link| route >> link & 1 == 1) {
                let next = neighbour(chip, link).ok_or(Lost::Outside(chip))?;
                if !seen.insert(next) {
                    return Err(Lost::Loops(next));
                }
                open.push((next, Some(link)));
            }
        }
        Ok(reached)
    }

    /// Entries of the fullest table.
    pub fn largest(&self) -> usize {
        self.0.values().map(Vec::len).max().unwrap_or(0)
    }
}

/// The link towards another chip; none if this is it.
fn next_link((x, y): Chip, (to_x, to_y): Chip) -> Option<usize> {
    let (dx, dy) = ((i16::from(to_x) - i16::from(x)).signum(), (i16::from(to_y) - i16::from(y)).signum());
    let step = if dx == dy || dy == 0 {
        (dx, dy)
    } else if dx == 0 {
        (0, dy)
    } else {
        (dx, 0)
    };
    LINKS.iter().position(|link| *link == step)
}

fn neighbour((x, y): Chip, link: usize) -> Option<Chip> {
    let (dx, dy) = LINKS[link];
    let place = |at: u8, step: i16| u8::try_from(i16::from(at) + step).ok();
    Some((place(x, dx)?, place(y, dy)?))
}
