//! Kenyon cell to output neuron: edges per output-neuron type and lobe system (connectome specification 8.2).

use rand::seq::SliceRandom;

use kenyon_base::Stream;

use super::climb::to_groups;
use super::draw::{GroupCounts, Task, Wired};
use super::sampling::{apportion, deal_by_group};
use super::sequences::degrees;
use super::wiring::{Driver, Pool, connect};

/// Kenyon-cell input of one type of output neuron, by lobe system (alpha/beta, alpha'/beta', gamma).
struct Lobe {
    name: &'static str,
    /// Cells of the type that receive input.
    cells: usize,
    edges: [u32; 3],
    synapses: [u32; 3],
    /// Share of the edges from the same side.
    ipsi: f64,
}

const fn lobe(name: &'static str, cells: usize, edges: [u32; 3], synapses: [u32; 3], ipsi: f64) -> Lobe {
    Lobe { name, cells, edges, synapses, ipsi }
}

/// Synapses as in specification 8.2; edges and sides measured on the same pairs.
const LOBES: &[Lobe] = &[
    lobe("MBON01", 2, [0, 186, 1095], [0, 1327, 6344], 0.000),
    lobe("MBON02", 2, [842, 21, 0], [4494, 106, 0], 0.692),
    lobe("MBON03", 2, [0, 918, 1], [0, 16658, 8], 0.013),
    lobe("MBON04", 2, [0, 602, 42], [0, 3439, 93], 0.000),
    lobe("MBON05", 2, [0, 11, 2071], [0, 56, 14544], 0.000),
    lobe("MBON06", 2, [1230, 0, 0], [12786, 0, 0], 0.000),
    lobe("MBON07", 4, [2712, 2, 0], [18918, 8, 0], 1.000),
    lobe("MBON09", 4, [0, 1407, 3037], [0, 9014, 18272], 0.684),
    lobe("MBON10", 7, [0, 34, 0], [0, 133, 0], 1.000),
    lobe("MBON11", 2, [525, 0, 1638], [3277, 0, 11965], 1.000),
    lobe("MBON12", 4, [0, 949, 211], [0, 6141, 1086], 1.000),
    lobe("MBON13", 2, [0, 640, 0], [0, 5024, 0], 1.000),
    lobe("MBON14", 4, [2217, 1, 0], [12830, 3, 0], 1.000),
    lobe("MBON15", 2, [0, 2, 0], [0, 7, 0], 1.000),
    lobe("MBON15-like", 3, [0, 36, 0], [0, 154, 0], 1.000),
    lobe("MBON16", 2, [0, 306, 0], [0, 1623, 0], 1.000),
    lobe("MBON17", 2, [0, 125, 0], [0, 413, 0], 1.000),
    lobe("MBON17-like", 2, [0, 55, 0], [0, 160, 0], 1.000),
    lobe("MBON18", 2, [1108, 0, 0], [6626, 0, 0], 1.000),
    lobe("MBON19", 4, [26, 1, 0], [113, 5, 0], 1.000),
    lobe("MBON20", 2, [0, 0, 29], [0, 0, 145], 1.000),
    lobe("MBON21", 2, [0, 0, 117], [0, 0, 507], 0.991),
    lobe("MBON22", 2, [829, 0, 484], [5147, 0, 2193], 1.000),
    lobe("MBON23", 2, [163, 0, 0], [771, 0, 0], 1.000),
    lobe("MBON24", 2, [256, 0, 1], [1252, 0, 4], 1.000),
    lobe("MBON26", 2, [0, 276, 6], [0, 1844, 15], 1.000),
    lobe("MBON27", 2, [0, 0, 120], [0, 0, 299], 1.000),
    lobe("MBON28", 2, [0, 219, 0], [0, 1386, 0], 1.000),
    lobe("MBON29", 2, [0, 0, 27], [0, 0, 87], 1.000),
    lobe("MBON30", 2, [0, 0, 564], [0, 0, 3229], 1.000),
    lobe("MBON31", 2, [0, 308, 1], [0, 2653, 11], 1.000),
    lobe("MBON32", 2, [0, 33, 338], [0, 194, 2073], 1.000),
    lobe("MBON33", 2, [0, 0, 18], [0, 0, 90], 1.000),
    lobe("MBON35", 2, [0, 0, 92], [0, 0, 541], 1.000),
];

/// Pools of output neurons: three lobe systems on two sides.
const POOLS: usize = 6;
/// How far the edges of a type may lie off the table for the sake of the in-degrees.
const TYPE_SLACK: f64 = 0.035;
/// Rounds of scaling rows and columns.
const SCALINGS: usize = 100;

/// Lobe system of a Kenyon-cell type.
fn system(cell_type: &str) -> usize {
    if cell_type.starts_with("KCab") {
        0
    } else if cell_type.starts_with("KCap") {
        1
    } else {
        2
    }
}

/// Group of a pair for its count: output-neuron type times lobe system.
pub(super) fn block(kenyon: &str, output: &str) -> usize {
    LOBES.iter().position(|l| l.name == output).unwrap_or(0) * 3 + system(kenyon)
}

/// Output neurons of each row of the table that receive input, by side.
fn receivers(task: &Task<'_>) -> Vec<[Vec<u32>; 2]> {
    LOBES
        .iter()
        .map(|row| {
            let mut sides = [Vec::new(), Vec::new()];
            for &j in task.post_open.iter().filter(|&&j| task.post[j as usize].cell_type == row.name) {
                sides[Task::hemisphere(&task.post[j as usize])].push(j);
            }
            while sides[0].len() + sides[1].len() > row.cells {
                let longer = usize::from(sides[1].len() > sides[0].len());
                sides[longer].pop();
            }
            sides
        })
        .collect()
}

/// Draws the pairs.
pub(super) fn wire(task: &Task<'_>) -> Wired {
    let mut rng = task.stream("wiring");
    let receivers = receivers(task);
    let mut drivers = task.pre_open.clone();
    drivers.shuffle(&mut rng);
    drivers.truncate(task.plan.out_cells.min(task.plan.edges).clamp(1, task.pre_open.len()));
    drivers.sort_unstable();
    let systems: Vec<usize> = drivers.iter().map(|&i| system(&task.pre[i as usize].cell_type)).collect();
    let present = |k: usize| {
        LOBES
            .iter()
            .zip(&receivers)
            .filter(|(_, s)| s.iter().any(|s| !s.is_empty()))
            .map(|(row, _)| f64::from(row.edges[k]))
            .sum::<f64>()
    };
    let size = [0, 1, 2].map(|k| systems.iter().filter(|&&s| s == k).count().max(1) as f64);
    let means = [0, 1, 2].map(|k| present(k) / size[k]);
    let reachable: Vec<usize> = (0..POOLS).map(|k| cells_of(&receivers).filter(|c| c.edges(k) > 0.0).count()).collect();
    let most = reachable.iter().copied().max().unwrap_or(1);
    let sequence = degrees(&task.relation.out_degree, drivers.len(), task.plan.edges, most, &mut rng);
    let degree = deal_by_group(&sequence, &systems, &means, &mut rng);
    // One pool for each lobe system and side of the driver, filled by the table.
    let mut asked = [0_usize; POOLS];
    let drivers: Vec<Driver> = drivers
        .iter()
        .zip(systems)
        .zip(degree)
        .map(|((&cell, system), d)| {
            let wish = system * 2 + Task::hemisphere(&task.pre[cell as usize]);
            let d = (d as usize).min(reachable[wish]);
            asked[wish] += d;
            Driver { cell, wishes: vec![wish; d] }
        })
        .collect();
    let mut pools = pools(task, &receivers, asked, &mut rng);
    let pairs = connect(&drivers, &mut pools, task.post.len(), &|kc, output| task.differ(kc, output), &mut rng);
    let mean = |row: &Lobe, k: usize| f64::from(row.synapses[k]) / f64::from(row.edges[k].max(1));
    // A pair that no measured pair stands for takes the overall mean.
    let targets =
        LOBES.iter().flat_map(|row| [0, 1, 2].map(|k| if row.edges[k] == 0 { task.relation.counts.mean } else { mean(row, k) }));
    Wired { pairs, counts: GroupCounts::Means(targets.collect()) }
}

/// An output neuron and its row of the table.
struct Receiver {
    cell: u32,
    row: usize,
    side: usize,
    /// Receiving cells of the type on each side.
    alike: [usize; 2],
}

impl Receiver {
    /// Edges from Kenyon cells of a pool, if the cells of a type share them evenly.
    fn edges(&self, pool: usize) -> f64 {
        let (row, from) = (&LOBES[self.row], pool % 2);
        let part = if self.alike[1 - self.side] == 0 {
            1.0
        } else if self.side == from {
            row.ipsi
        } else {
            1.0 - row.ipsi
        };
        f64::from(row.edges[pool / 2]) * part / self.alike[self.side] as f64
    }
}

fn cells_of(receivers: &[[Vec<u32>; 2]]) -> impl Iterator<Item = Receiver> {
    receivers.iter().enumerate().flat_map(|(row, sides)| {
        let alike = [sides[0].len(), sides[1].len()];
        (0..2).flat_map(move |side| sides[side].iter().map(move |&cell| Receiver { cell, row, side, alike }))
    })
}

/// Stubs of the output neurons for Kenyon cells of each lobe system and side.
///
/// The in-degrees of the cells follow the relation's table, those of a type add up to the type's edges, and every pool gives
/// what its Kenyon cells ask: rows and columns of the edges by cell and pool are scaled in turn.
fn pools(task: &Task<'_>, receivers: &[[Vec<u32>; 2]], asked: [usize; POOLS], rng: &mut Stream) -> Vec<Pool> {
    let cells: Vec<Receiver> = cells_of(receivers).collect();
    let total: usize = asked.iter().sum();
    let by_type: Vec<f64> = LOBES.iter().map(|row| row.edges.iter().map(|&e| f64::from(e)).sum()).collect();
    let group: Vec<usize> = cells.iter().map(|c| c.row).collect();
    let present: f64 = (0..LOBES.len()).filter(|k| group.contains(k)).map(|k| by_type[k]).sum();
    let totals: Vec<f64> = by_type.iter().map(|e| e * total as f64 / present.max(1.0)).collect();
    let sequence = degrees(&task.relation.in_degree, cells.len(), total, task.pre_open.len(), rng);
    let dealt = to_groups(&sequence, &group, &totals, &vec![u32::MAX; cells.len()], rng);
    let mut sum = vec![0.0; LOBES.len()];
    group.iter().zip(&dealt).for_each(|(&g, &d)| sum[g] += f64::from(d));
    // Whole numbers of the sequence rarely add up to a type's edges: the rest is made up for by scaling.
    let in_degree: Vec<f64> = group
        .iter()
        .zip(&dealt)
        .map(|(&g, &d)| f64::from(d) * (sum[g] / totals[g]).clamp(1.0 - TYPE_SLACK, 1.0 + TYPE_SLACK) * totals[g] / sum[g])
        .collect();
    let mut edges: Vec<[f64; POOLS]> = cells.iter().map(|c| std::array::from_fn(|k| c.edges(k))).collect();
    for _ in 0..SCALINGS {
        for (row, &wanted) in edges.iter_mut().zip(&in_degree) {
            let sum: f64 = row.iter().sum();
            for e in row {
                *e *= wanted / sum.max(f64::MIN_POSITIVE);
            }
        }
        for (k, &asked) in asked.iter().enumerate() {
            let sum: f64 = edges.iter().map(|row| row[k]).sum();
            for row in &mut edges {
                row[k] *= asked as f64 / sum.max(f64::MIN_POSITIVE);
            }
        }
    }
    (0..POOLS)
        .map(|k| {
            let weights: Vec<f64> = edges.iter().map(|row| row[k]).collect();
            let stubs =
                cells.iter().zip(apportion(&weights, asked[k])).flat_map(|(c, n)| std::iter::repeat_n(c.cell, n)).collect();
            Pool { stubs, members: cells.iter().filter(|c| c.edges(k) > 0.0).map(|c| c.cell).collect() }
        })
        .collect()
}
