//! Cells as the generator sees them, and how a real neuron becomes one.

use serde::{Deserialize, Serialize};

use super::tables::GROUPS;

/// Class of a cell of the olfactory pathway (connectome specification 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CellClass {
    /// Olfactory receptor neuron.
    Orn,
    /// Hygrosensory receptor neuron.
    Hrn,
    /// Thermosensory receptor neuron.
    Trn,
    /// Uniglomerular projection neuron.
    UPn,
    /// Multiglomerular projection neuron.
    MPn,
    /// Projection neuron of neither kind.
    OtherPn,
    /// Local neuron of the antennal lobe.
    Alln,
    /// Kenyon cell.
    Kc,
    /// Mushroom-body output neuron.
    Mbon,
    /// Dopamine neuron.
    Dan,
    /// Anterior paired lateral neuron.
    Apl,
    /// Dorsal paired medial neuron.
    Dpm,
    /// Local neuron of the lateral horn.
    Lhln,
    /// Centrifugal neuron of the lateral horn.
    Lhcent,
    /// Projection neuron of the wedge.
    Wedpn,
}

impl CellClass {
    /// All classes, in table order.
    pub const ALL: [Self; 15] = [
        Self::Orn,
        Self::Hrn,
        Self::Trn,
        Self::UPn,
        Self::MPn,
        Self::OtherPn,
        Self::Alln,
        Self::Kc,
        Self::Mbon,
        Self::Dan,
        Self::Apl,
        Self::Dpm,
        Self::Lhln,
        Self::Lhcent,
        Self::Wedpn,
    ];

    /// `super_class`, `class`, `sub_class` as the annotation files write them.
    pub const fn annotation(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Orn => ("sensory", "olfactory", ""),
            Self::Hrn => ("sensory", "hygrosensory", ""),
            Self::Trn => ("sensory", "thermosensory", ""),
            Self::UPn => ("central", "ALPN", "uniglomerular"),
            Self::MPn => ("central", "ALPN", "multiglomerular"),
            Self::OtherPn => ("central", "ALPN", ""),
            Self::Alln => ("central", "ALLN", ""),
            Self::Kc => ("central", "Kenyon_Cell", ""),
            Self::Mbon => ("central", "MBON", ""),
            Self::Dan => ("central", "DAN", ""),
            Self::Apl | Self::Dpm => ("central", "MBIN", ""),
            Self::Lhln => ("central", "LHLN", ""),
            Self::Lhcent => ("central", "LHCENT", ""),
            Self::Wedpn => ("central", "WEDPN", ""),
        }
    }

    /// Whether cells of the class carry a receptor (receptor neurons, `flow` afferent).
    pub const fn is_receptor_neuron(self) -> bool {
        matches!(self, Self::Orn | Self::Hrn | Self::Trn)
    }

    /// Cells of the class in the whole pathway (specification 8.1).
    pub fn population(self) -> usize {
        GROUPS.iter().filter(|g| g.class == self).map(|g| g.cells.iter().sum::<u32>() as usize).sum()
    }
}

/// Side of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Left.
    Left,
    /// Right.
    Right,
    /// On the midline.
    Center,
    /// Not known.
    Unknown,
}

impl Side {
    /// Text of the `side` column; unknown is the empty text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Center => "center",
            Self::Unknown => "",
        }
    }

    /// Reads the `side` column; anything but left, right and center is unknown.
    pub fn parse(text: &str) -> Self {
        match text {
            "left" => Self::Left,
            "right" => Self::Right,
            "center" => Self::Center,
            _ => Self::Unknown,
        }
    }
}

/// Transmitter as predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Nt {
    /// Acetylcholine.
    Ach,
    /// GABA.
    Gaba,
    /// Glutamate.
    Glut,
    /// Dopamine.
    Da,
    /// Serotonin.
    Ser,
    /// Octopamine.
    Oct,
    /// No prediction.
    Blank,
}

impl Nt {
    /// Text of the `nt_type` column; no prediction is the empty text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ach => "ACH",
            Self::Gaba => "GABA",
            Self::Glut => "GLUT",
            Self::Da => "DA",
            Self::Ser => "SER",
            Self::Oct => "OCT",
            Self::Blank => "",
        }
    }

    /// Reads the `nt_type` column; anything unknown is no prediction.
    pub fn parse(text: &str) -> Self {
        match text {
            "ACH" => Self::Ach,
            "GABA" => Self::Gaba,
            "GLUT" => Self::Glut,
            "DA" => Self::Da,
            "SER" => Self::Ser,
            "OCT" => Self::Oct,
            _ => Self::Blank,
        }
    }
}

/// One cell, real or synthetic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Root id.
    pub id: u64,
    /// Class.
    pub class: CellClass,
    /// Side.
    pub side: Side,
    /// Cell type, empty where there is none.
    pub cell_type: String,
    /// Glomerulus, empty where there is none.
    pub glomerulus: String,
    /// Transmitter as the neuron table gives it.
    pub nt: Nt,
}

impl Cell {
    /// A cell whose glomerulus follows from its type (specification 5).
    pub fn new(id: u64, class: CellClass, cell_type: impl Into<String>, side: Side, nt: Nt) -> Self {
        let cell_type = cell_type.into();
        let glomerulus = glomerulus_of(class, &cell_type).to_owned();
        Self { id, class, side, cell_type, glomerulus, nt }
    }

    /// Classifies a real neuron from its annotation; `None` if it is of no class of the pathway.
    ///
    /// `class` and `sub_class` are those of `classification.csv`. Where the class column is blank, the types `APL`, `DPM`,
    /// `LHCENT…`, `WEDPN…`, `KC…`, `MBON…`, `ORN_…`, `HRN_…` and `TRN_…` still tell the class; cells known from a keyword list
    /// alone (`LHLN`, `LHCENT`, `WEDPN`) are classified by passing the name of the list as `class`.
    ///
    /// # Example
    /// ```
    /// use kenyon_connectome::synth::{Cell, CellClass};
    ///
    /// let cell = Cell::from_attributes(1, "ALPN", "uniglomerular", "DA1_lPN", "left", "ACH").expect("a projection neuron");
    /// assert_eq!((cell.class, cell.glomerulus.as_str()), (CellClass::UPn, "DA1"));
    /// ```
    pub fn from_attributes(id: u64, class: &str, sub_class: &str, cell_type: &str, side: &str, nt: &str) -> Option<Self> {
        let by_type = match cell_type {
            "APL" => Some(CellClass::Apl),
            "DPM" => Some(CellClass::Dpm),
            _ => None,
        };
        let found = by_type.or_else(|| match (class, sub_class) {
            ("olfactory", _) if cell_type.is_empty() || cell_type.starts_with("ORN") => Some(CellClass::Orn),
            ("hygrosensory", _) => Some(CellClass::Hrn),
            ("thermosensory", _) => Some(CellClass::Trn),
            ("ALPN", "uniglomerular") => Some(CellClass::UPn),
            ("ALPN", "multiglomerular") => Some(CellClass::MPn),
            ("ALPN", _) => Some(CellClass::OtherPn),
            ("ALLN", _) => Some(CellClass::Alln),
            ("Kenyon_Cell" | "Kenyon_cell" | "KC", _) => Some(CellClass::Kc),
            ("MBON", _) => Some(CellClass::Mbon),
            ("DAN", _) => Some(CellClass::Dan),
            ("LHLN", _) => Some(CellClass::Lhln),
            ("LHCENT", _) => Some(CellClass::Lhcent),
            ("WEDPN", _) => Some(CellClass::Wedpn),
            ("", _) => class_by_type(cell_type),
            _ => None,
        })?;
        Some(Self::new(id, found, cell_type, Side::parse(side), Nt::parse(nt)))
    }
}

/// Class that a type name alone gives away.
fn class_by_type(cell_type: &str) -> Option<CellClass> {
    [
        ("LHCENT", CellClass::Lhcent),
        ("WEDPN", CellClass::Wedpn),
        ("KC", CellClass::Kc),
        ("MBON", CellClass::Mbon),
        ("ORN_", CellClass::Orn),
        ("HRN_", CellClass::Hrn),
        ("TRN_", CellClass::Trn),
    ]
    .into_iter()
    .find_map(|(stem, class)| cell_type.starts_with(stem).then_some(class))
}

/// Glomerulus of a cell: the text after `ORN_`, or before the first `_` for a uniglomerular projection neuron.
fn glomerulus_of(class: CellClass, cell_type: &str) -> &str {
    match class {
        CellClass::Orn | CellClass::Hrn | CellClass::Trn => cell_type.split_once('_').map_or("", |(_, glomerulus)| glomerulus),
        CellClass::UPn => cell_type.split('_').next().unwrap_or(""),
        _ => "",
    }
}

/// Glomerulus as the projection neurons name it: `VM6l`, `VM6m` and `VM6v` are all served by the neurons of `VM6`.
pub(super) fn served_by(glomerulus: &str) -> &str {
    match glomerulus {
        "VM6l" | "VM6m" | "VM6v" => "VM6",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_annotations_find_their_class() {
        let class = |class, sub, kind| Cell::from_attributes(1, class, sub, kind, "left", "ACH").map(|c| c.class);
        assert_eq!(class("Kenyon_Cell", "", "KCab"), Some(CellClass::Kc));
        assert_eq!(class("MBIN", "", "APL"), Some(CellClass::Apl));
        assert_eq!(class("", "", "LHCENT3"), Some(CellClass::Lhcent));
        assert_eq!(class("LHLN", "", "CB1401"), Some(CellClass::Lhln));
        assert_eq!(class("ALON", "", "CB1"), None);
        assert_eq!(class("MBIN", "", "MBIN1"), None);
    }

    #[test]
    fn glomeruli_follow_from_the_type() {
        let glomerulus = |class, kind: &str| Cell::new(1, class, kind, Side::Left, Nt::Ach).glomerulus;
        assert_eq!(glomerulus(CellClass::Orn, "ORN_VM6l"), "VM6l");
        assert_eq!(glomerulus(CellClass::UPn, "VP1l+_lvPN"), "VP1l+");
        assert_eq!(glomerulus(CellClass::MPn, "VP5+_l2PN"), "");
    }
}
