//! Names of neuropils.

/// Neuropils that come in pairs.
const PAIRED: [&str; 36] = [
    "AL", "AME", "AMMC", "AOTU", "ATL", "AVLP", "BU", "CAN", "CRE", "EPA", "FLA", "GA", "GOR", "IB", "ICL", "IPS", "LA", "LAL",
    "LH", "LO", "LOP", "MB_CA", "MB_ML", "MB_PED", "MB_VL", "ME", "NO", "PLP", "PVLP", "SCL", "SIP", "SLP", "SMP", "SPS", "VES",
    "WED",
];
/// Neuropils on the midline.
const SINGLE: [&str; 7] = ["EB", "FB", "GNG", "OCG", "PB", "PRW", "SAD"];
/// Number of neuropils.
pub(super) const COUNT: usize = 2 * PAIRED.len() + SINGLE.len();

/// All names; a row holds an index into this list.
pub(super) fn names() -> Vec<String> {
    PAIRED.iter().flat_map(|n| [format!("{n}_L"), format!("{n}_R")]).chain(SINGLE.iter().map(|n| (*n).to_owned())).collect()
}

/// Index of a paired neuropil on side 0 (left) or 1 (right).
pub(super) fn index(stem: &str, side: usize) -> u8 {
    (PAIRED.iter().position(|n| *n == stem).expect("relations name neuropils of the list") * 2 + side) as u8
}
