//! The cells that come along.

use kenyon_base::{Result, UserError, nearest};

/// A cell that comes along.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    pub(super) recipe: &'static str,
    pub(super) synapse_set: &'static str,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// On a traced morphology, or on a grown one.
    Traced,
    /// The same, the dendrites reduced to stubs.
    OnlySoma,
    BallAndStick,
    Cable,
}

const L5PC: Cell = Cell {
    name: "l5pc",
    about: "layer 5b pyramidal cell of Hay et al. 2011 in the variant of Shai et al. 2015",
    recipe: "l5pc",
    synapse_set: "rat",
    kind: Kind::Traced,
};

/// The cells that come along.
pub const CELLS: [Cell; 7] = [
    L5PC,
    Cell { name: "l5pc-hay", about: "the same cell with the densities of Hay et al. 2011", recipe: "l5pc-hay", ..L5PC },
    Cell {
        name: "l5pc-passive-dendrites",
        about: "the same cell without active channels in its dendrites",
        recipe: "l5pc-passive-dendrites",
        ..L5PC
    },
    Cell { name: "l5pc-no-nmda", about: "the same cell with synapses without NMDA", synapse_set: "rat_no_nmda", ..L5PC },
    Cell { name: "l5pc-only-soma", about: "the same cell with two stubs for dendrites", kind: Kind::OnlySoma, ..L5PC },
    Cell {
        name: "ball-and-stick",
        about: "active soma of Hay et al. 2011 on a passive dendrite",
        recipe: "ball-and-stick",
        synapse_set: "bs_nmda_human",
        kind: Kind::BallAndStick,
    },
    Cell {
        name: "squid-cable",
        about: "even cable with the membrane of the squid axon (Hodgkin & Huxley 1952)",
        recipe: "squid",
        synapse_set: "bs_ampa",
        kind: Kind::Cable,
    },
];

impl Cell {
    /// The cell of this name.
    ///
    /// # Errors
    /// `unknown-cell`, listing the names.
    pub fn named(name: &str) -> Result<&'static Self> {
        CELLS.iter().find(|cell| cell.name == name).ok_or_else(|| {
            let names = CELLS.map(|cell| cell.name);
            let mend = nearest(name, names).map_or_else(
                || "choose one of them, or a protocol with a `morphology` and a `recipe` of its own".into(),
                |close| format!("did you mean `{close}`?"),
            );
            UserError::usage("unknown-cell", "there is no such cell").found(name).expected(names.join(", ")).mend(mend)
        })
    }
}
