//! Neurons and rows beyond the pathway, to bring a dump to the size of a whole brain.
//!
//! Degrees and counts are heavy-tailed and a pair has 1.35 rows in the mean; nothing here is meant to be biology. No pair lies
//! within the pathway, whose statistics therefore stay as they are.

use rand::Rng;
use rand_distr::{LogNormal, Pareto};
use rayon::prelude::*;

use kenyon_base::{Result, Stream, Streams, UserError};

use super::cells::{Nt, Side};
use super::neuropils;
use super::rows::Row;
use super::sampling::apportion;

/// Rows per neuron of a whole-brain dump, where the spec names no number of rows.
const ROWS_PER_NEURON: usize = 38;
/// Number of cell types of a whole brain (connectome specification 9), less those of the pathway.
const TYPES: f64 = 8_000.0;

/// A neuron outside the pathway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackgroundNeuron {
    /// Number of its type; 0 is a neuron without type.
    pub cell_type: u16,
    /// Side.
    pub side: Side,
    /// Transmitter.
    pub nt: Nt,
    /// Index into [`SUPER_CLASSES`].
    pub super_class: u8,
}

/// `flow` and `super_class` of background neurons, and their share.
pub const SUPER_CLASSES: [(&str, &str, f64); 7] = [
    ("intrinsic", "optic", 0.60),
    ("intrinsic", "central", 0.20),
    ("intrinsic", "visual_projection", 0.06),
    ("afferent", "sensory", 0.105),
    ("afferent", "ascending", 0.02),
    ("efferent", "descending", 0.01),
    ("efferent", "motor", 0.005),
];

/// Draws `n` neurons; types follow a heavy-tailed distribution.
pub(super) fn neurons(n: usize, streams: Streams) -> Vec<BackgroundNeuron> {
    let mut rng = streams.stream("synth/background/neurons");
    (0..n)
        .map(|_| {
            // A power law in the rank, cut at the number of types; about 1 % have none.
            let typed = rng.random_bool(0.989);
            let rank = (TYPES.powf(rng.random::<f64>())) as u16;
            BackgroundNeuron {
                cell_type: if typed { rank.max(1) } else { 0 },
                side: pick(&[(Side::Left, 0.494), (Side::Right, 0.498), (Side::Center, 0.005), (Side::Unknown, 0.003)], &mut rng),
                nt: pick(
                    &[
                        (Nt::Ach, 0.54),
                        (Nt::Gaba, 0.19),
                        (Nt::Glut, 0.18),
                        (Nt::Da, 0.03),
                        (Nt::Ser, 0.02),
                        (Nt::Oct, 0.01),
                        (Nt::Blank, 0.03),
                    ],
                    &mut rng,
                ),
                super_class: pick(&[0, 1, 2, 3, 4, 5, 6].map(|k| (k, SUPER_CLASSES[usize::from(k)].2)), &mut rng),
            }
        })
        .collect()
}

fn pick<T: Copy>(from: &[(T, f64)], rng: &mut Stream) -> T {
    let mut left = rng.random::<f64>() * from.iter().map(|f| f.1).sum::<f64>();
    from.iter()
        .find(|f| {
            left -= f.1;
            left < 0.0
        })
        .unwrap_or(&from[from.len() - 1])
        .0
}

/// Number of background rows for a total, or by default.
///
/// # Errors
/// A usage error if the total is below the pathway's own, or more than the background pairs can hold.
pub(super) fn rows_wanted(total: Option<usize>, pathway_rows: usize, pathway: usize, background: usize) -> Result<usize> {
    let Some(total) = total else {
        return Ok(background * ROWS_PER_NEURON);
    };
    let Some(wanted) = total.checked_sub(pathway_rows) else {
        return Err(UserError::usage("too-few-rows", "fewer rows than the pathway itself has")
            .found(total.to_string())
            .expected(format!("at least {pathway_rows}"))
            .mend("raise `--rows` or lower `--scale`"));
    };
    let room = capacities(pathway, background).iter().sum::<usize>();
    if wanted > room {
        return Err(UserError::usage("too-many-rows", "more rows than the background neurons can hold")
            .found(total.to_string())
            .expected(format!("at most {}", pathway_rows + room))
            .mend("raise `--background-neurons` or lower `--rows`"));
    }
    Ok(wanted)
}

/// Most rows of each neuron: one for every second partner it may have.
fn capacities(pathway: usize, background: usize) -> Vec<usize> {
    let all = pathway + background;
    (0..all).map(|i| if i < pathway { background / 2 } else { all.saturating_sub(1) / 2 }).collect()
}

/// Draws exactly `wanted` rows; the pathway's neurons are numbers 0 to `pathway`, the others follow.
pub(super) fn rows(pathway: &[Nt], background: &[BackgroundNeuron], wanted: usize, streams: Streams) -> Vec<Row> {
    let (p, n) = (pathway.len(), pathway.len() + background.len());
    let mut rng = streams.stream("synth/background/degrees");
    let shape = LogNormal::new(0.0, 1.0).expect("the parameters are finite");
    let out: Vec<f64> = (0..n).map(|_| rng.sample(shape)).collect();
    let mut cumulative: Vec<f64> = Vec::with_capacity(n);
    let mut sum = 0.0;
    for _ in 0..n {
        sum += rng.sample::<f64, _>(shape);
        cumulative.push(sum);
    }
    let guide = Guide::new(&cumulative);
    let quota = quotas(&out, &capacities(p, background.len()), wanted);
    let per_neuron: Vec<Vec<Row>> = (0..n)
        .into_par_iter()
        .map(|i| {
            let nt = if i < p { pathway[i] } else { background[i - p].nt };
            let mut rng = streams.indexed("synth/background/rows", i as u64);
            rows_of_neuron(i, nt, quota[i], p, n, &guide, &mut rng)
        })
        .collect();
    let mut all = Vec::with_capacity(wanted);
    for rows in per_neuron {
        all.extend(rows);
    }
    all
}

/// Shares `wanted` out in proportion to the weights, within the capacities.
fn quotas(weights: &[f64], capacity: &[usize], wanted: usize) -> Vec<usize> {
    let mut quota = vec![0; weights.len()];
    let mut left = wanted;
    while left > 0 {
        let open: Vec<f64> = weights.iter().enumerate().map(|(i, &w)| if quota[i] < capacity[i] { w } else { 0.0 }).collect();
        let parts = apportion(&open, left);
        let before = left;
        for (i, part) in parts.into_iter().enumerate() {
            let taken = part.min(capacity[i] - quota[i]);
            quota[i] += taken;
            left -= taken;
        }
        if left == before {
            break;
        }
    }
    quota
}

fn rows_of_neuron(pre: usize, nt: Nt, quota: usize, pathway: usize, n: usize, guide: &Guide<'_>, rng: &mut Stream) -> Vec<Row> {
    let tail = Pareto::new(1.0, 1.25).expect("the parameters are positive");
    let home = rng.random_range(0..neuropils::COUNT);
    let mut rows: Vec<Row> = Vec::with_capacity(quota);
    // Open addressing on a power of two at least twice the quota; u32::MAX is empty.
    let mask = (quota * 2).next_power_of_two().max(4) - 1;
    let mut seen = vec![u32::MAX; mask + 1];
    while rows.len() < quota {
        let mut post = guide.at(rng.random::<f64>());
        // A partner taken before, or one inside the pathway, gives way to the next free one.
        loop {
            let forbidden = post == pre || (pre < pathway && post < pathway);
            if !forbidden && insert(&mut seen, mask, post as u32) {
                break;
            }
            post = (post + 1 + (rng.random::<u32>() as usize % 7)) % n;
        }
        // 1.35 rows per pair in the mean.
        let several = pick(&[(1, 0.74), (2, 0.19), (3, 0.05), (4, 0.02)], rng).min(quota - rows.len());
        let first = if rng.random_bool(0.7) { home } else { rng.random_range(0..neuropils::COUNT) };
        for k in 0..several {
            let syn_count = ((rng.sample::<f64, _>(tail) - 1.0) * 3.0).floor().min(2_399.0) as u32 + 1;
            rows.push(Row {
                pre: pre as u32,
                post: post as u32,
                syn_count,
                neuropil: ((first + k) % neuropils::COUNT) as u8,
                nt,
            });
        }
    }
    rows
}

/// Puts `value` into the table; false if it is there already.
fn insert(seen: &mut [u32], mask: usize, value: u32) -> bool {
    let mut at = value.wrapping_mul(0x9e37_79b9) as usize & mask;
    loop {
        if seen[at] == value {
            return false;
        }
        if seen[at] == u32::MAX {
            seen[at] = value;
            return true;
        }
        at = (at + 1) & mask;
    }
}

/// Inverse of a cumulative sum with a table of starting points, so that a draw takes constant time.
struct Guide<'a> {
    cumulative: &'a [f64],
    start: Vec<u32>,
}

impl<'a> Guide<'a> {
    fn new(cumulative: &'a [f64]) -> Self {
        let (n, total) = (cumulative.len(), cumulative.last().copied().unwrap_or(0.0));
        let mut start = Vec::with_capacity(n);
        let mut i = 0;
        for k in 0..n {
            while i + 1 < n && cumulative[i] <= k as f64 / n as f64 * total {
                i += 1;
            }
            start.push(i as u32);
        }
        Self { cumulative, start }
    }

    fn at(&self, u: f64) -> usize {
        let n = self.cumulative.len();
        let x = u * self.cumulative[n - 1];
        let mut i = self.start[((u * n as f64) as usize).min(n - 1)] as usize;
        while i + 1 < n && self.cumulative[i] <= x {
            i += 1;
        }
        i
    }
}
