//! From branches as a file has them to a tree with NEURON's order and names.

use std::collections::BTreeMap;

use kenyon_base::{Result, UserError};

use super::reading::{NoteKind, Notes};
use super::{Attachment, Point, Region, Section, Shape, Tree};

/// An unbranched run of points.
#[derive(Debug)]
pub(super) struct Branch {
    /// Region.
    pub(super) region: Region,
    /// Branch it hangs on, with the place on it; that one comes before.
    pub(super) parent: Option<(usize, f64)>,
    /// Points, with the one it shares with its parent.
    pub(super) points: Vec<Point>,
    /// Line it begins in.
    pub(super) line: u64,
}

/// What became of a branch.
#[derive(Clone, Copy)]
enum Fate {
    /// A section, with its index among those that stay.
    Kept(usize),
    /// Nothing; what hung on it hangs here.
    Dropped(Option<(usize, f64)>),
}

/// Drops branches without length, orders the others by region (soma, axon, basal, apical, others) and names them.
///
/// If an ordering by region would put a child before its parent, the order of the file stays.
pub(super) fn assemble(name: &str, branches: Vec<Branch>, notes: &mut Notes) -> Result<Tree> {
    let mut fates: Vec<Fate> = Vec::with_capacity(branches.len());
    let mut kept: Vec<(Branch, Option<(usize, f64)>)> = Vec::new();
    for branch in branches {
        let parent = match branch.parent {
            Some((parent, x)) => match fates[parent] {
                Fate::Kept(index) => Some((index, x)),
                Fate::Dropped(at) => at,
            },
            None => None,
        };
        // Once there is a root, what hung on a root that was dropped hangs on the near end of that one.
        let parent = parent.or_else(|| (!kept.is_empty()).then_some((0, 0.0)));
        if branch.points.windows(2).all(|pair| pair[0].coincides(&pair[1])) {
            notes.push(NoteKind::Skipped, branch.line, format!("a {} branch without length", branch.region));
            fates.push(Fate::Dropped(parent));
        } else {
            fates.push(Fate::Kept(kept.len()));
            kept.push((branch, parent));
        }
    }
    if kept.is_empty() {
        return Err(UserError::bad_data("empty-morphology", "there is no branch with a length in the file")
            .mend("check that it holds a traced neuron"));
    }
    let rank = |index: usize| kept[index].0.region.rank();
    let mut order: Vec<usize> = (0..kept.len()).collect();
    if kept.iter().enumerate().all(|(index, (_, parent))| parent.is_none_or(|(above, _)| rank(above) <= rank(index))) {
        order.sort_by_key(|&index| rank(index));
    }
    let mut place = vec![0_u32; kept.len()];
    for (at, &index) in order.iter().enumerate() {
        place[index] = at as u32;
    }
    let mut counts: BTreeMap<Region, u32> = BTreeMap::new();
    let mut kept: Vec<_> = kept.into_iter().map(Some).collect();
    let sections = order
        .into_iter()
        .map(|index| {
            let (branch, parent) = kept[index].take().expect("the order names every branch once");
            let count = counts.entry(branch.region).or_default();
            *count += 1;
            Section {
                name: format!("{}[{}]", branch.region.stem(), *count - 1),
                region: branch.region,
                parent: parent.map(|(above, x)| Attachment { section: place[above], x }),
                shape: Shape::Points(branch.points),
                nseg: None,
            }
        })
        .collect();
    Tree::new(name, sections)
}

impl Region {
    /// Place of the region in NEURON's order of sections.
    fn rank(self) -> u32 {
        match self {
            Self::Custom(kind) => 10 + u32::from(kind),
            other => u32::from(other.swc()),
        }
    }
}
