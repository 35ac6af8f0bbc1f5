//! The published table of the measured relations (FlyWire 783 subset, connectome specification 8.2), and its comparison.

use std::collections::BTreeMap;

use kenyon_connectome::Pack;

use super::{MPN, ORN, UPN, close, pairs_between};

const ALLN: &str = "class = ALLN";
const ALPN: &str = "class = ALPN";
const KC: &str = "class = Kenyon_Cell";
const MBON: &str = "class = MBON";
const DAN: &str = "class = DAN";
const MBIN: &str = "type in (\"APL\", \"DPM\")";

/// Levels of [`Row::quantiles`].
const LEVELS: [f64; 7] = [0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0];
/// The largest out-degree of a sum of two relations that are drawn apart: 11 to 13 instead of 13.
const LARGEST_OF_SUM: (&str, f64) = ("ORN->uPN", 0.16);

/// Which pairs count, by the glomeruli of their ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Glomeruli {
    Any,
    Same,
    Other,
}

/// Statistics of the pairs between two sets of neurons; degrees as mean, standard deviation, median, largest.
#[derive(Debug)]
pub(crate) struct Row {
    name: &'static str,
    pre: &'static str,
    post: &'static str,
    glomeruli: Glomeruli,
    edges: f64,
    synapses: f64,
    /// Mean, standard deviation, mean and standard deviation of the logarithm.
    counts: [f64; 4],
    quantiles: [f64; 7],
    out_degree: [f64; 4],
    in_degree: [f64; 4],
    /// Cells that take part.
    cells: [f64; 2],
    ipsi: Option<f64>,
}

/// Pairs too few for a distribution: edges and synapses.
pub(crate) const FEW: [(&str, &str, usize, f64); 6] = [
    (ALPN, MBON, 8, 60.0),
    (ALPN, DAN, 2, 9.0),
    (ALPN, "type = DPM", 1, 5.0),
    (DAN, DAN, 41, 306.0),
    (DAN, MBIN, 332, 6022.0),
    (MBON, MBIN, 2, 67.0),
];

impl Row {
    /// Compares every number with the pack.
    pub(crate) fn check(&self, pack: &Pack) {
        let pairs = self.pairs(pack);
        let what = |name: &str| format!("{}, {name}", self.name);
        let counts: Vec<f64> = pairs.iter().map(|p| f64::from(p.2)).collect();
        let ln: Vec<f64> = counts.iter().map(|c| c.ln()).collect();
        close(&what("edges"), counts.len() as f64, self.edges, 0.01);
        close(&what("synapses"), counts.iter().sum(), self.synapses, 0.05);
        let found = [mean(&counts), sd(&counts), mean(&ln), sd(&ln)];
        for (name, found, wanted) in zip(["mean", "sd", "ln mu", "ln sigma"], found, self.counts) {
            close(&what(name), found, wanted, 0.05);
        }
        for (level, wanted) in LEVELS.into_iter().zip(self.quantiles) {
            close(&what(&format!("count at {level}")), quantile(&counts, level), wanted, 0.05);
        }
        let (pre, post): (Vec<u32>, Vec<u32>) = pairs.iter().map(|p| (p.0, p.1)).unzip();
        let ends = [("out-degree", pre, self.out_degree), ("in-degree", post, self.in_degree)];
        for ((direction, ends, wanted), cells) in ends.into_iter().zip(self.cells) {
            let mut degree: BTreeMap<u32, f64> = BTreeMap::new();
            for cell in ends {
                *degree.entry(cell).or_default() += 1.0;
            }
            let degree: Vec<f64> = degree.into_values().collect();
            close(&what(&format!("cells by {direction}")), degree.len() as f64, cells, 0.05);
            let found = [mean(&degree), sd(&degree), quantile(&degree, 0.5), quantile(&degree, 1.0)];
            for (name, found, wanted) in zip(["mean", "sd", "median", "largest"], found, wanted) {
                let of_sum = name == "largest" && direction == "out-degree" && self.name == LARGEST_OF_SUM.0;
                let tolerance = if of_sum { LARGEST_OF_SUM.1 } else { 0.05 };
                close(&what(&format!("{name} {direction}")), found, wanted, tolerance);
            }
        }
        if let Some(wanted) = self.ipsi {
            let found = ipsi(pack, &pairs);
            assert!((found - wanted).abs() <= 0.02, "{}: {found} against {wanted}", what("ipsi"));
        }
    }

    fn pairs(&self, pack: &Pack) -> Vec<(u32, u32, u32)> {
        let types = pack.attribute("type").expect("readable");
        let glomerulus = |cell: u32| {
            let name = types.get(cell as usize);
            let own = name.strip_prefix("ORN_").unwrap_or_else(|| name.split('_').next().expect("one part"));
            if matches!(own, "VM6l" | "VM6m" | "VM6v") { "VM6" } else { own }
        };
        let mut pairs = pairs_between(pack, self.pre, self.post);
        pairs.retain(|p| {
            let same = glomerulus(p.0) == glomerulus(p.1);
            self.glomeruli == Glomeruli::Any || same == (self.glomeruli == Glomeruli::Same)
        });
        pairs
    }
}

fn zip<const N: usize>(names: [&str; N], found: [f64; N], wanted: [f64; N]) -> impl Iterator<Item = (&str, f64, f64)> {
    names.into_iter().zip(found).zip(wanted).map(|((name, found), wanted)| (name, found, wanted))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn sd(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

/// Sample quantile, linear between neighbours.
fn quantile(values: &[f64], level: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = level * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

/// Share of the pairs that stay on one side, where both sides are known.
fn ipsi(pack: &Pack, pairs: &[(u32, u32, u32)]) -> f64 {
    let sides = pack.attribute("side").expect("readable");
    let sided: Vec<f64> = pairs
        .iter()
        .filter_map(|&(a, b, _)| match (sides.get(a as usize), sides.get(b as usize)) {
            (x @ ("left" | "right"), y @ ("left" | "right")) => Some(f64::from(u8::from(x == y))),
            _ => None,
        })
        .collect();
    mean(&sided)
}

/// All rows of the table.
#[rustfmt::skip] // one line per kind of number
pub(crate) const PUBLISHED: [Row; 19] = [
    Row {
        name: "ORN->uPN", pre: ORN, post: UPN, glomeruli: Glomeruli::Any,
        edges: 6221.0, synapses: 124_149.0, counts: [19.96, 20.29, 2.681, 0.751],
        quantiles: [5.0, 8.0, 14.0, 24.0, 54.0, 109.0, 234.0],
        out_degree: [3.18, 1.86, 2.0, 13.0], in_degree: [26.36, 17.66, 24.0, 72.0],
        cells: [1956.0, 236.0], ipsi: Some(0.523),
    },
    Row {
        name: "ORN->uPN, same glomerulus", pre: ORN, post: UPN, glomeruli: Glomeruli::Same,
        edges: 6079.0, synapses: 123_073.0, counts: [20.25, 20.43, 2.698, 0.749],
        quantiles: [5.0, 8.0, 14.0, 25.0, 54.0, 109.0, 234.0],
        out_degree: [3.11, 1.82, 2.0, 11.0], in_degree: [26.43, 17.2, 24.0, 72.0],
        cells: [1954.0, 230.0], ipsi: Some(0.52),
    },
    Row {
        name: "ORN->uPN, other glomerulus", pre: ORN, post: UPN, glomeruli: Glomeruli::Other,
        edges: 142.0, synapses: 1076.0, counts: [7.58, 3.49, 1.952, 0.356],
        quantiles: [5.0, 5.0, 6.0, 8.0, 14.0, 22.0, 25.0],
        out_degree: [1.15, 0.4, 1.0, 3.0], in_degree: [2.9, 3.4, 1.0, 15.0],
        cells: [123.0, 49.0], ipsi: Some(0.655),
    },
    Row {
        name: "ORN->mPN", pre: ORN, post: MPN, glomeruli: Glomeruli::Any,
        edges: 758.0, synapses: 11_114.0, counts: [14.66, 16.68, 2.34, 0.731],
        quantiles: [5.0, 6.0, 8.0, 15.0, 54.0, 89.0, 109.0],
        out_degree: [1.84, 1.24, 1.0, 7.0], in_degree: [9.02, 22.88, 2.0, 151.0],
        cells: [411.0, 84.0], ipsi: Some(0.832),
    },
    Row {
        name: "ORN->ALLN", pre: ORN, post: ALLN, glomeruli: Glomeruli::Any,
        edges: 8257.0, synapses: 76_370.0, counts: [9.25, 7.34, 2.07, 0.487],
        quantiles: [5.0, 5.0, 7.0, 10.0, 21.0, 44.0, 96.0],
        out_degree: [4.93, 4.72, 3.0, 30.0], in_degree: [43.69, 105.6, 13.0, 740.0],
        cells: [1675.0, 189.0], ipsi: Some(0.324),
    },
    Row {
        name: "ORN->ALLN, GABA", pre: ORN, post: "class = ALLN and nt = GABA", glomeruli: Glomeruli::Any,
        edges: 2853.0, synapses: 23_859.0, counts: [8.36, 4.64, 2.023, 0.413],
        quantiles: [5.0, 5.0, 7.0, 9.0, 17.0, 29.0, 43.0],
        out_degree: [2.43, 2.13, 2.0, 14.0], in_degree: [67.9, 118.9, 22.0, 441.0],
        cells: [1175.0, 42.0], ipsi: Some(0.216),
    },
    Row {
        name: "ORN->ALLN, GLUT", pre: ORN, post: "class = ALLN and nt = GLUT", glomeruli: Glomeruli::Any,
        edges: 589.0, synapses: 9090.0, counts: [15.43, 15.56, 2.401, 0.748],
        quantiles: [5.0, 6.0, 9.0, 17.0, 51.0, 71.0, 80.0],
        out_degree: [2.04, 1.64, 1.0, 9.0], in_degree: [17.3, 18.1, 12.0, 84.0],
        cells: [289.0, 34.0], ipsi: Some(0.801),
    },
    Row {
        name: "ORN->ALLN, ACH", pre: ORN, post: "class = ALLN and nt = ACH", glomeruli: Glomeruli::Any,
        edges: 253.0, synapses: 1651.0, counts: [6.53, 1.95, 1.84, 0.257],
        quantiles: [5.0, 5.0, 6.0, 7.0, 11.0, 12.0, 16.0],
        out_degree: [1.41, 0.69, 1.0, 4.0], in_degree: [12.0, 10.2, 12.0, 44.0],
        cells: [179.0, 21.0], ipsi: Some(0.235),
    },
    Row {
        name: "ORN->ALLN, SER", pre: ORN, post: "class = ALLN and nt = SER", glomeruli: Glomeruli::Any,
        edges: 426.0, synapses: 2749.0, counts: [6.45, 1.93, 1.83, 0.25],
        quantiles: [5.0, 5.0, 6.0, 7.0, 10.0, 13.0, 21.0],
        out_degree: [1.24, 0.59, 1.0, 4.0], in_degree: [22.4, 24.2, 13.0, 73.0],
        cells: [345.0, 19.0], ipsi: Some(0.342),
    },
    Row {
        name: "ORN->ALLN, unpredicted", pre: ORN, post: "class = ALLN and nt = \"\"", glomeruli: Glomeruli::Any,
        edges: 4136.0, synapses: 39_021.0, counts: [9.43, 7.09, 2.094, 0.489],
        quantiles: [5.0, 6.0, 7.0, 11.0, 21.0, 41.0, 96.0],
        out_degree: [2.76, 1.89, 2.0, 12.0], in_degree: [56.7, 138.4, 12.0, 740.0],
        cells: [1499.0, 73.0], ipsi: Some(0.333),
    },
    Row {
        name: "ALPN->KC", pre: ALPN, post: KC, glomeruli: Glomeruli::Any,
        edges: 22_177.0, synapses: 364_078.0, counts: [16.42, 8.14, 2.673, 0.517],
        quantiles: [6.0, 10.0, 15.0, 21.0, 31.0, 40.0, 79.0],
        out_degree: [79.5, 82.2, 62.0, 523.0], in_degree: [4.67, 1.62, 5.0, 10.0],
        cells: [279.0, 4748.0], ipsi: Some(0.981),
    },
    Row {
        name: "uPN->KC", pre: UPN, post: KC, glomeruli: Glomeruli::Any,
        edges: 21_065.0, synapses: 349_184.0, counts: [16.58, 8.16, 2.684, 0.514],
        quantiles: [6.0, 10.0, 15.0, 21.0, 32.0, 41.0, 79.0],
        out_degree: [91.2, 82.8, 69.0, 523.0], in_degree: [4.48, 1.61, 5.0, 10.0],
        cells: [231.0, 4706.0], ipsi: Some(0.987),
    },
    Row {
        name: "mPN->KC", pre: MPN, post: KC, glomeruli: Glomeruli::Any,
        edges: 1112.0, synapses: 14_894.0, counts: [13.39, 6.95, 2.463, 0.526],
        quantiles: [5.0, 8.0, 12.0, 18.0, 26.0, 33.0, 57.0],
        out_degree: [23.2, 49.8, 4.5, 243.0], in_degree: [1.19, 0.49, 1.0, 5.0],
        cells: [48.0, 933.0], ipsi: Some(0.851),
    },
    Row {
        name: "ALPN->APL", pre: ALPN, post: "type = APL", glomeruli: Glomeruli::Any,
        edges: 220.0, synapses: 5081.0, counts: [23.1, 19.39, 2.828, 0.785],
        quantiles: [5.0, 9.0, 15.0, 32.0, 66.0, 83.0, 99.0],
        out_degree: [1.01, 0.1, 1.0, 2.0], in_degree: [110.0, 8.0, 110.0, 118.0],
        cells: [218.0, 2.0], ipsi: Some(1.0),
    },
    Row {
        name: "KC->MBON", pre: KC, post: MBON, glomeruli: Glomeruli::Any,
        edges: 25_932.0, synapses: 178_068.0, counts: [6.87, 4.03, 1.78, 0.561],
        quantiles: [2.0, 5.0, 6.0, 8.0, 14.0, 24.0, 44.0],
        out_degree: [5.06, 2.12, 5.0, 14.0], in_degree: [308.7, 346.1, 176.0, 1192.0],
        cells: [5127.0, 84.0], ipsi: Some(0.699),
    },
    Row {
        name: "DAN->KC", pre: DAN, post: KC, glomeruli: Glomeruli::Any,
        edges: 3136.0, synapses: 17_127.0, counts: [5.46, 1.81, 1.636, 0.383],
        quantiles: [3.0, 5.0, 5.0, 6.0, 8.0, 11.0, 30.0],
        out_degree: [25.3, 103.5, 3.0, 846.0], in_degree: [1.62, 1.1, 1.0, 10.0],
        cells: [124.0, 1935.0], ipsi: Some(0.6),
    },
    Row {
        name: "DAN->MBON", pre: DAN, post: MBON, glomeruli: Glomeruli::Any,
        edges: 866.0, synapses: 13_793.0, counts: [15.93, 28.78, 2.188, 0.987],
        quantiles: [2.0, 5.0, 7.0, 16.0, 52.0, 117.0, 402.0],
        out_degree: [3.12, 2.49, 3.0, 21.0], in_degree: [10.3, 13.0, 3.0, 52.0],
        cells: [278.0, 84.0], ipsi: Some(0.497),
    },
    Row {
        name: "MBON->MBON", pre: MBON, post: MBON, glomeruli: Glomeruli::Any,
        edges: 307.0, synapses: 6976.0, counts: [22.72, 45.48, 2.151, 1.388],
        quantiles: [1.0, 3.0, 8.0, 24.5, 85.0, 160.0, 457.0],
        out_degree: [6.82, 6.59, 4.0, 27.0], in_degree: [3.61, 2.43, 3.0, 12.0],
        cells: [45.0, 85.0], ipsi: Some(0.515),
    },
    Row {
        name: "APL/DPM->MBON", pre: MBIN, post: MBON, glomeruli: Glomeruli::Any,
        edges: 138.0, synapses: 7025.0, counts: [50.91, 90.88, 2.971, 1.33],
        quantiles: [4.0, 7.0, 14.0, 71.0, 202.0, 490.0, 608.0],
        out_degree: [34.5, 2.3, 34.0, 38.0], in_degree: [1.94, 0.77, 2.0, 4.0],
        cells: [4.0, 71.0], ipsi: None,
    },
];
