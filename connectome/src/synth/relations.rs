//! The relations of the pathway as data (connectome specification 8.2 and 8.4).

use serde::Serialize;

use super::assumed::ASSUMED;
use super::cells::{Cell, CellClass, Nt};
use super::measured::MEASURED;

/// Neuropils of each kind of relation, without side.
pub(super) const AL: &[&str] = &["AL"];
pub(super) const CALYX: &[&str] = &["MB_CA"];
pub(super) const LOBES: &[&str] = &["MB_ML", "MB_VL", "MB_PED"];
pub(super) const MUSHROOM: &[&str] = &["MB_CA", "MB_ML", "MB_VL", "MB_PED"];
pub(super) const LH: &[&str] = &["LH", "SLP", "SCL"];
pub(super) const WEDGE: &[&str] = &["WED", "AVLP", "LH"];

/// Where the numbers of a relation come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Measured on the real pathway (8.2).
    Measured,
    /// Assumed (8.4).
    Assumed,
}

/// How the pairs of a relation are chosen, beside degrees and sides.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// No further constraint.
    Any,
    /// Sum of the relations that name it in [`Relation::part_of`]; not drawn itself.
    Sum,
    /// Both cells serve the same glomerulus.
    SameGlomerulus,
    /// The cells serve different glomeruli.
    OtherGlomerulus,
    /// In-degree from the claw histogram of the Kenyon-cell subtype.
    Claws,
    /// Edges per output-neuron type and Kenyon-cell lobe.
    Lobes,
    /// A local neuron meets only cells of the glomeruli its arbor reaches.
    Arbor,
    /// The given share of the edges stays within the cell type.
    SameType(f64),
}

/// Distribution of the synapse count of a pair.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// Quantiles: minimum, 1, 5, 25, 50, 75, 95, 99 %, maximum.
    pub knots: [f64; 9],
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
    /// Standard deviation of the logarithm.
    pub ln_sigma: f64,
    /// Smallest count that occurs.
    pub min: u32,
}

/// Degrees of the cells that take part in a relation.
#[derive(Debug, Clone, Copy)]
pub struct Degrees {
    /// Cells with at least one edge.
    pub cells: usize,
    /// Whether every cell that is offered takes part, however many there are.
    pub cover: bool,
    /// Mean over the cells that take part.
    pub mean: f64,
    /// Standard deviation over the cells that take part.
    pub sd: f64,
    /// Quantiles: minimum, 1, 5, 25, 50, 75, 95, 99 %, maximum.
    pub knots: [f64; 9],
}

/// Connections from one set of classes to another.
#[derive(Debug, Clone, Copy)]
pub struct Relation {
    /// Name, for example `KC->APL`.
    pub name: &'static str,
    /// The relation of rule [`Rule::Sum`] that this one is a part of.
    pub part_of: Option<&'static str>,
    /// Where the numbers come from.
    pub source: Source,
    /// Classes of the presynaptic cells.
    pub pre: &'static [CellClass],
    /// Classes of the postsynaptic cells.
    pub post: &'static [CellClass],
    /// Transmitter of the postsynaptic cells, where only one is meant.
    pub post_nt: Option<Nt>,
    /// Pairs in the whole pathway.
    pub edges: usize,
    /// Synapse counts.
    pub counts: Counts,
    /// Degrees of the presynaptic cells.
    pub out_degree: Degrees,
    /// Degrees of the postsynaptic cells.
    pub in_degree: Degrees,
    /// Share of the pairs that stay on one side, where both sides are known.
    pub ipsi: Option<f64>,
    /// Further constraint.
    pub rule: Rule,
    /// Neuropils of the rows, without side.
    pub neuropils: &'static [&'static str],
}

impl Relation {
    /// Whether the relation is drawn itself.
    pub fn is_drawn(&self) -> bool {
        self.rule != Rule::Sum
    }

    /// Whether `cell` can be presynaptic.
    pub fn takes_pre(&self, cell: &Cell) -> bool {
        self.pre.contains(&cell.class)
    }

    /// Whether `cell` can be postsynaptic.
    pub fn takes_post(&self, cell: &Cell) -> bool {
        self.post.contains(&cell.class) && self.post_nt.is_none_or(|nt| nt == cell.nt)
    }

    /// Whether the relation leads from a receptor neuron to the antennal lobe, whose pairs spread over several rows (8.5).
    pub fn is_receptor_output(&self) -> bool {
        self.source == Source::Measured && self.pre.contains(&CellClass::Orn)
    }

    /// The parts of a sum in table order, or the relation itself.
    pub fn parts(&self) -> impl Iterator<Item = &'static Relation> + use<> {
        let (name, alone) = (self.name, self.is_drawn());
        RELATIONS.iter().filter(move |r| if alone { r.name == name } else { r.part_of == Some(name) })
    }
}

/// Every relation of the specification, measured ones first.
pub static RELATIONS: &[Relation] = &{
    let mut all = [MEASURED[0]; MEASURED.len() + ASSUMED.len()];
    let mut i = 0;
    while i < all.len() {
        all[i] = if i < MEASURED.len() { MEASURED[i] } else { ASSUMED[i - MEASURED.len()] };
        i += 1;
    }
    all
};

/// Finds a relation by name.
pub fn relation(name: &str) -> Option<&'static Relation> {
    RELATIONS.iter().find(|r| r.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_knots_rise() {
        for (i, r) in RELATIONS.iter().enumerate() {
            assert!(RELATIONS[i + 1..].iter().all(|s| s.name != r.name), "{}", r.name);
            for knots in [r.counts.knots, r.out_degree.knots, r.in_degree.knots] {
                assert!(knots.windows(2).all(|w| w[0] <= w[1]), "{} {knots:?}", r.name);
            }
        }
    }

    #[test]
    fn the_totals_of_the_specification_add_up() {
        let sum = |part: &dyn Fn(&&Relation) -> bool| -> usize {
            RELATIONS.iter().filter(|r| r.is_drawn()).filter(part).map(|r| r.edges).sum()
        };
        assert_eq!(sum(&|r| r.is_receptor_output()), 15_236);
        assert_eq!(sum(&|r| r.source == Source::Measured && !r.is_receptor_output()), 53_162);
        assert_eq!(sum(&|r| r.source == Source::Assumed), 136_841 + 7_619 + 171);
    }

    #[test]
    fn a_sum_has_the_edges_of_its_parts() {
        for whole in RELATIONS.iter().filter(|r| !r.is_drawn()) {
            assert_eq!(whole.parts().map(|r| r.edges).sum::<usize>(), whole.edges, "{}", whole.name);
        }
    }
}
