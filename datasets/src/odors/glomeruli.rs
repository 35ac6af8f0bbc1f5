//! Receptors of the olfactory glomeruli, for circuits whose dump came without a receptor map.
//!
//! A receptor neuron of type `ORN_<glomerulus>` expresses the receptors of its glomerulus (Couto et al. 2005; Fishilevich and Vosshall
//! 2005; Silbering et al. 2011; as collected by DoOR, Münch and Galizia 2016). Names are those of DoOR's columns.

/// Glomerulus, receptors. Left out: `VA7m` (receptor not known), `VM6` (an ammonium transporter, in no response table).
const RECEPTORS: [(&str, &[&str]); 49] = [
    ("D", &["Or69a"]),
    ("DA1", &["Or67d"]),
    ("DA2", &["Or33a", "Or56a"]),
    ("DA3", &["Or23a"]),
    ("DA4l", &["Or43a"]),
    ("DA4m", &["Or2a"]),
    ("DC1", &["Or19a"]),
    ("DC2", &["Or13a"]),
    ("DC3", &["Or83c"]),
    ("DC4", &["Ir64a.DC4"]),
    ("DL1", &["Or10a"]),
    ("DL2d", &["Ir75b"]),
    ("DL2v", &["Ir75c"]),
    ("DL3", &["Or65a"]),
    ("DL4", &["Or49a", "Or85f"]),
    ("DL5", &["Or7a"]),
    ("DM1", &["Or42b"]),
    ("DM2", &["Or22a"]),
    ("DM3", &["Or47a"]),
    ("DM4", &["Or59b"]),
    ("DM5", &["Or85a"]),
    ("DM6", &["Or67a"]),
    ("DP1l", &["Ir75a"]),
    ("DP1m", &["Ir64a.DP1m"]),
    ("V", &["Gr21a.Gr63a"]),
    ("VA1d", &["Or88a"]),
    ("VA1v", &["Or47b"]),
    ("VA2", &["Or92a"]),
    ("VA3", &["Or67b"]),
    ("VA4", &["Or85d"]),
    ("VA5", &["Or49b"]),
    ("VA6", &["Or82a"]),
    ("VA7l", &["Or46a"]),
    ("VC1", &["Or33c", "Or85e"]),
    ("VC2", &["Or71a"]),
    ("VC3", &["Or35a"]),
    ("VC4", &["Or67c"]),
    ("VC5", &["Ir41a"]),
    ("VL1", &["Ir75d"]),
    ("VL2a", &["Ir84a"]),
    ("VL2p", &["Ir31a"]),
    ("VM1", &["Ir92a"]),
    ("VM2", &["Or43b"]),
    ("VM3", &["Or9a"]),
    ("VM4", &["Ir76a"]),
    ("VM5d", &["Or85b"]),
    ("VM5v", &["Or98a"]),
    ("VM7d", &["Or42a"]),
    ("VM7v", &["Or59c"]),
];

/// Receptors of a receptor neuron of this cell type; none if it is no olfactory type or its receptor is not known.
///
/// # Example
/// ```
/// use kenyon_datasets::odors::receptors_of_type;
///
/// assert_eq!(receptors_of_type("ORN_DL4"), ["Or49a", "Or85f"]);
/// assert!(receptors_of_type("KCg-m").is_empty());
/// ```
pub fn receptors_of_type(cell_type: &str) -> &'static [&'static str] {
    let glomerulus = cell_type.strip_prefix("ORN_").unwrap_or_default();
    RECEPTORS.iter().find(|(name, _)| *name == glomerulus).map_or(&[], |(_, receptors)| receptors)
}

/// Every glomerulus and its receptors.
pub fn glomeruli() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    RECEPTORS.iter().copied()
}
