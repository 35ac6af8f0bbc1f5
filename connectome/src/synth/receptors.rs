//! Receptor labels of receptor neurons, with the defects of the real map planted on purpose (connectome specification 3.4).
//!
//! 2,264 rows for 2,113 neurons: 148 neurons stand under more than one label, two of them twice under the same.

/// Glomerulus, labels joined by `+`, neurons; labels in the order of the receptor table.
pub(super) const PLANTED: &[(&str, &str, u32)] = &[
    ("D", "Or69a", 31),
    ("DA1", "Or67d", 125),
    ("DA2", "Or56a+Or33a", 38),
    ("DA2", "Or83c", 1),
    ("DA3", "Or23a", 29),
    ("DA4l", "Or2a", 1),
    ("DA4l", "Or43a", 37),
    ("DA4l", "Or47b", 2),
    ("DA4m", "Or2a", 39),
    ("DA4m", "Or82a", 1),
    ("DC1", "Or19a", 19),
    ("DC2", "Or13a", 20),
    ("DC3", "Or43a", 1),
    ("DC3", "Or83c", 31),
    ("DC4", "Ir64a.DC4", 21),
    ("DC4", "Ir64a.DC4+Ir64a.DP1m", 1),
    ("DL1", "Or10a", 69),
    ("DL2d", "Ir75", 12),
    ("DL2d", "Ir75a+Ir75+Ir75", 2),
    ("DL2v", "Ir75", 18),
    ("DL3", "Or65", 79),
    ("DL4", "Or49a+Or85f", 52),
    ("DL5", "Or47b", 1),
    ("DL5", "Or7a", 41),
    ("DM1", "Or42b", 68),
    ("DM2", "Or22", 54),
    ("DM3", "Or33b+Or47a", 1),
    ("DM3", "Or47a", 60),
    ("DM4", "Or59b", 40),
    ("DM5", "Or85a", 40),
    ("DM5", "Or85a+Or33b", 2),
    ("DM6", "Or67a", 52),
    ("DP1l", "Ir75a+Ir75", 23),
    ("DP1l", "Or42b+Ir75a+Ir75", 1),
    ("DP1m", "Ir64a.DP1m", 32),
    ("V", "Gr21a", 63),
    ("VA1d", "Or43a", 3),
    ("VA1d", "Or47b", 3),
    ("VA1d", "Or56a+Or33a", 1),
    ("VA1d", "Or88a", 89),
    ("VA1v", "Or47b", 92),
    ("VA1v", "Or88a", 1),
    ("VA2", "Or92a", 67),
    ("VA3", "Or67b", 29),
    ("VA4", "Or67b", 1),
    ("VA4", "Or85d", 30),
    ("VA5", "Or49b", 11),
    ("VA6", "Or82a", 60),
    ("VA7l", "Or46a", 15),
    ("VC1", "Or33c+Or85e", 26),
    ("VC2", "Or71a", 29),
    ("VC4", "Or67c", 23),
    ("VC5", "Ir76a", 25),
    ("VL1", "Ir75d", 74),
    ("VL2a", "Ir84a", 71),
    ("VL2p", "Ir31a", 27),
    ("VM1", "Ir92a", 25),
    ("VM2", "Or43b", 37),
    ("VM3", "Or9a", 37),
    ("VM4", "Ir76a", 1),
    ("VM5d", "Or85b", 67),
    ("VM5v", "Or98a", 23),
    ("VM6l", "Ir41a", 21),
    ("VM6m", "Ir41a", 33),
    ("VM6v", "Ir41a", 26),
    ("VM7d", "Or42a", 33),
    ("VM7v", "Or35a+Or59c", 1),
    ("VM7v", "Or59c", 25),
];

/// What the refined community label says for a receptor, such that a search for the receptor's name finds it.
pub(super) fn wording(label: &str, glomerulus: &str, occurrence: usize) -> String {
    match label {
        "Gr21a" => "Gr21a/Gr63a".into(),
        "Or22" => "Or22a/Or22b".into(),
        "Or65" => "Or65a/Or65b/Or65c".into(),
        "Ir64a.DC4" => "Ir64a DC4".into(),
        "Ir64a.DP1m" => "Ir64a DP1m".into(),
        // The search for Ir75 asks for Ir75a, Ir75b and Ir75c, one after the other.
        "Ir75" if glomerulus == "DP1l" || occurrence > 0 => "Ir75a".into(),
        "Ir75" if glomerulus == "DL2v" => "Ir75c".into(),
        "Ir75" => "Ir75b".into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_planted_map_has_the_counts_of_the_specification() {
        let neurons: u32 = PLANTED.iter().map(|p| p.2).sum();
        let rows: u32 = PLANTED.iter().map(|p| p.2 * p.1.split('+').count() as u32).sum();
        let several: u32 = PLANTED.iter().filter(|p| p.1.contains('+')).map(|p| p.2).sum();
        assert_eq!((neurons, rows, several), (2_113, 2_264, 148));
    }
}
