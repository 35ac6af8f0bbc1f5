//! Inputs of a ball-and-stick neuron: weighted events on every segment.
//!
//! Per chunk of simulations, ranges of the largest weight and of the sparsity; per simulation, one value of each from these
//! ranges; per segment and ms, an event with probability 1 - sparsity and weight U(0, 1) times the largest weight. In a
//! share of the simulations, random intervals multiply the weights of random segments; where they overlap, the factors
//! compound.

use half::f16;
use kenyon_base::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::draw::Draw;
use super::plan::{Event, Input};
use super::spec::{Check, LONGEST_MS, Part, bad};

/// From which the two ends of a range are drawn: each U(a, b).
pub type Ends = [[f64; 2]; 2];

/// Generator of the inputs of a ball-and-stick set.
///
/// Pairs are excitation and inhibition. The defaults are those of the reference system's creation script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BallSpec {
    /// Ends of the range of the largest weight, for both signs.
    pub max_weight: [Ends; 2],
    /// Ends of the range of the share of silent bins, for both signs.
    pub sparsity: [Ends; 2],
    /// Simulations of train, valid and test (and shift) that share the drawn ranges.
    pub chunk: [u32; 4],
    /// As the reference: the parts of a chunk share the drawn ranges.
    pub shared_ranges: bool,
    /// Share of the simulations with intervals.
    pub p_intervals: f64,
    /// Number of intervals; the upper end is not drawn.
    pub intervals: [u32; 2],
    /// Length of an interval; the upper end is not drawn, and none is longer than the simulation.
    pub interval_ms: [u32; 2],
    /// Factors on the weights in an interval.
    pub interval_factors: Vec<f64>,
    /// Probability of each factor.
    pub factor_probabilities: Vec<f64>,
    /// Factor on the range of the largest weight in the part `shift`.
    pub shift_factor: f64,
    /// Clusters of segments in the part `shift`: in every 100 ms half of them, by chance, get all events.
    pub shift_clusters: u32,
}

impl Default for BallSpec {
    fn default() -> Self {
        Self {
            max_weight: [[[2.0, 4.5], [5.0, 7.0]], [[2.0, 3.5], [4.0, 7.0]]],
            sparsity: [[[0.92, 0.95], [0.97, 0.98]], [[0.93, 0.96], [0.97, 0.99]]],
            chunk: [24, 2, 2, 2],
            shared_ranges: false,
            p_intervals: 0.4,
            intervals: [6, 24],
            interval_ms: [16, 256],
            interval_factors: vec![0.0, 0.3, 0.5, 2.0, 3.0, 4.0, 5.0],
            factor_probabilities: vec![0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
            shift_factor: 1.5,
            shift_clusters: 4,
        }
    }
}

/// Length of a state of the clusters in the part `shift`.
const CLUSTER_MS: u64 = 100;

impl BallSpec {
    /// The defaults of the generating function when it is called alone: fixed ranges of weight and sparsity.
    pub fn alone() -> Self {
        let fixed = |[a, b]: [f64; 2]| [[[a, a], [b, b]]; 2];
        Self { max_weight: fixed([2.0, 6.0]), sparsity: fixed([0.995, 0.999]), ..Self::default() }
    }

    pub(super) fn check(&self) -> Result<()> {
        let check = Check("generator.ball_and_stick");
        for [low, high] in self.max_weight {
            check.range("max_weight", low, 0.0, 1e4)?;
            check.range("max_weight", high, 0.0, 1e4)?;
        }
        for [low, high] in self.sparsity {
            check.range("sparsity", low, 0.0, 1.0)?;
            check.range("sparsity", high, 0.0, 1.0)?;
        }
        for size in self.chunk {
            check.whole("chunk", size, 1, 1_000_000)?;
        }
        check.probability("p_intervals", self.p_intervals)?;
        check.whole_range("intervals", self.intervals, 0, 10_000)?;
        if self.p_intervals > 0.0 {
            check.whole_range("interval_ms", self.interval_ms, 1, LONGEST_MS)?;
        }
        for &factor in &self.interval_factors {
            check.number("interval_factors", factor, 0.0, 1000.0)?;
        }
        for &p in &self.factor_probabilities {
            check.probability("factor_probabilities", p)?;
        }
        let sum: f64 = self.factor_probabilities.iter().sum();
        if self.interval_factors.len() != self.factor_probabilities.len() || (sum - 1.0).abs() > 1e-9 {
            return Err(bad("generator.ball_and_stick.factor_probabilities")
                .found(format!("{} with sum {sum}", self.factor_probabilities.len()))
                .expected(format!("{} probabilities with sum 1", self.interval_factors.len())));
        }
        check.number("shift_factor", self.shift_factor, 0.01, 100.0)?;
        check.whole("shift_clusters", self.shift_clusters, 1, 10_000)
    }

    /// The ranges that the simulation `index` of a part draws from: largest weight and sparsity of both signs.
    pub(super) fn ranges(&self, set_seed: u64, part: Part, index: u32) -> ([[f64; 2]; 2], [[f64; 2]; 2]) {
        let chunk = u64::from(index / self.chunk[part as usize]);
        let of = if self.shared_ranges && part != Part::Shift { "all" } else { part.name() };
        let mut draw = Draw::indexed(set_seed, &format!("simulation/ranges/{of}"), chunk);
        let mut ordered = |[low, high]: Ends| {
            let (a, b) = (draw.between(low), draw.between(high));
            [a.min(b), a.max(b)]
        };
        let weight = self.max_weight.map(&mut ordered);
        let sparsity = self.sparsity.map(&mut ordered);
        let factor = if part == Part::Shift { self.shift_factor } else { 1.0 };
        (weight.map(|ends| ends.map(|end| end * factor)), sparsity)
    }

    /// The input of one simulation of `nseg` segments; every random number hangs on `seed`.
    pub(super) fn input(
        &self,
        (weight_range, sparsity_range): ([[f64; 2]; 2], [[f64; 2]; 2]),
        seed: u64,
        nseg: u32,
        [warmup, duration]: [u32; 2],
        clustered: bool,
    ) -> Input {
        let mut draw = Draw::new(seed, "input");
        let largest = weight_range.map(|range| draw.between(range));
        let sparsity = sparsity_range.map(|range| draw.between(range));
        let clusters = clustered.then(|| Clusters::new(seed, self.shift_clusters.min(nseg), nseg));
        let make = |draw: &mut Draw, bins: u32, from: u64| -> Vec<Vec<(u32, f64)>> {
            (0..2 * nseg)
                .map(|row| {
                    let (sign, segment) = ((row / nseg) as usize, row % nseg);
                    let mut events = Vec::new();
                    let p = (1.0 - sparsity[sign]) * if clustered { 2.0 } else { 1.0 };
                    draw.bernoulli(u64::from(bins), p, |draw, t| {
                        let weight = stored(draw.uniform() * largest[sign]);
                        if clusters.as_ref().is_none_or(|c| c.active(segment, from + t)) {
                            events.push((t as u32, weight));
                        }
                    });
                    events
                })
                .collect()
        };
        let mut rows = make(&mut draw, duration, u64::from(warmup));
        let mut intervals = Vec::new();
        if draw.chance(self.p_intervals) {
            let n = draw.int(self.intervals);
            intervals = self.modulate(&mut draw, &mut rows, n, nseg, duration);
        }
        // The warm-up has a stream of its own: the input after t = 0 is the same with and without it.
        let mut before = Draw::new(seed, "warm-up");
        let mut early = make(&mut before, warmup, 0);
        if !intervals.is_empty() && warmup > 0 {
            let expected = intervals.len() as f64 * f64::from(warmup) / f64::from(duration);
            let n = expected.floor() as u32 + u32::from(before.chance(expected.fract()));
            self.modulate(&mut before, &mut early, n, nseg, warmup);
        }
        let mut events: Vec<Event> = Vec::new();
        for (all, offset) in [(&early, 0), (&rows, warmup)] {
            for (row, list) in all.iter().enumerate() {
                let sound = list.iter().filter(|(_, w)| *w > 0.0);
                events.extend(sound.map(|&(t, weight)| Event { t: t + offset, row: row as u32, weight }));
            }
        }
        events.sort_unstable_by_key(|e| (e.t, e.row));
        let facts = json!({ "max_weight": largest, "sparsity": sparsity, "intervals": intervals, "clustered": clustered });
        Input { nseg, bins: warmup + duration, warmup, events, facts }
    }

    /// Multiplies the weights of random segments in `n` random intervals; returns (start, length, factor).
    fn modulate(&self, draw: &mut Draw, rows: &mut [Vec<(u32, f64)>], n: u32, nseg: u32, bins: u32) -> Vec<(u32, u32, f64)> {
        let mut made = Vec::new();
        for _ in 0..n {
            let length = draw.int(self.interval_ms).min(bins);
            let chosen = [(); 2].map(|()| {
                // From 1 to nseg - 1 segments; the only one where there is one.
                let count = draw.int([1, nseg]);
                draw.subset(nseg, count)
            });
            let mut u = draw.uniform();
            let by_chance = |p: &f64| {
                u -= p;
                u < 0.0
            };
            let at = self.factor_probabilities.iter().position(by_chance).unwrap_or(self.interval_factors.len() - 1);
            let factor = self.interval_factors[at];
            let start = draw.int([0, bins - length]);
            for (sign, segments) in chosen.iter().enumerate() {
                for segment in segments {
                    let row = &mut rows[sign * nseg as usize + *segment as usize];
                    let (from, to) = (row.partition_point(|e| e.0 < start), row.partition_point(|e| e.0 < start + length));
                    for (_, weight) in &mut row[from..to] {
                        *weight = stored(*weight * factor);
                    }
                }
            }
            made.push((start, length, factor));
        }
        made
    }
}

/// A weight as the set stores it and the simulation uses it: rounded to f16, at most the largest finite one.
fn stored(weight: f64) -> f64 {
    f16::from_f64(weight).min(f16::MAX).to_f64()
}

/// Contiguous clusters of segments, each active or silent for [`CLUSTER_MS`] at a time.
struct Clusters {
    seed: u64,
    count: u32,
    nseg: u32,
}

impl Clusters {
    fn new(seed: u64, clusters: u32, nseg: u32) -> Self {
        Self { seed: Draw::new(seed, "clusters").word(), count: clusters, nseg }
    }

    fn active(&self, segment: u32, t: u64) -> bool {
        let cluster = u64::from(segment) * u64::from(self.count) / u64::from(self.nseg);
        super::draw::uniform_at(self.seed, cluster, t / CLUSTER_MS) < 0.5
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the very same numbers are expected")]
mod tests {
    use super::*;

    fn fixed(spec: &BallSpec, sparsity: f64, weight: f64, seed: u64, nseg: u32, times: [u32; 2]) -> Input {
        spec.input(([[weight; 2]; 2], [[sparsity; 2]; 2]), seed, nseg, times, false)
    }

    #[test]
    fn events_come_with_their_probability_and_weights_are_uniform() {
        let spec = BallSpec { p_intervals: 0.0, ..BallSpec::default() };
        let input = fixed(&spec, 0.95, 4.0, 3, 8, [500, 20_000]);
        let n = input.events.len() as f64;
        let (expected, sd) = (16.0 * 20_500.0 * 0.05, (16.0 * 20_500.0 * 0.05 * 0.95_f64).sqrt());
        assert!((n - expected).abs() < 4.0 * sd, "{n} of {expected}");
        let mean = input.events.iter().map(|e| e.weight).sum::<f64>() / n;
        let square = input.events.iter().map(|e| e.weight.powi(2)).sum::<f64>() / n;
        assert!((mean - 2.0).abs() < 4.0 * (16.0 / 12.0 / n).sqrt(), "{mean}");
        assert!((square - 16.0 / 3.0).abs() < 0.15, "{square}");
        assert!(input.events.iter().all(|e| e.weight > 0.0 && f16::from_f64(e.weight).to_f64() == e.weight));
        assert!(input.events.is_sorted_by(|a, b| (a.t, a.row) < (b.t, b.row)));
        assert!(input.events.iter().any(|e| e.t < 500) && input.events.iter().all(|e| e.t < 20_500 && e.row < 16));
    }

    #[test]
    fn overlapping_intervals_multiply_again_and_the_input_after_zero_does_not_hang_on_the_warm_up() {
        let spec = BallSpec {
            p_intervals: 1.0,
            intervals: [2, 3],
            interval_ms: [1000, 1001],
            interval_factors: vec![5.0],
            factor_probabilities: vec![1.0],
            ..BallSpec::default()
        };
        let without = BallSpec { p_intervals: 0.0, ..spec.clone() };
        for seed in 0..20 {
            let [a, b] = [&spec, &without].map(|s| fixed(s, 0.9, 6.0, seed, 1, [0, 1500]));
            assert_eq!(a.events.len(), b.events.len());
            let intervals = a.facts["intervals"].as_array().expect("listed").clone();
            assert_eq!(intervals.len(), 2);
            for (x, y) in a.events.iter().zip(&b.events) {
                let covers =
                    |i: &serde_json::Value| (i[0].as_u64().unwrap()..i[0].as_u64().unwrap() + 1000).contains(&u64::from(x.t));
                let mut expected = y.weight;
                for _ in intervals.iter().filter(|i| covers(i)) {
                    expected = stored(expected * 5.0);
                }
                assert_eq!(x.weight, expected);
            }
            let warm = fixed(&spec, 0.9, 6.0, seed, 1, [300, 1500]);
            let later: Vec<Event> = warm.events.iter().filter(|e| e.t >= 300).map(|e| Event { t: e.t - 300, ..*e }).collect();
            assert_eq!(later, a.events);
        }
        assert_eq!(stored(1e9), 65504.0);
    }

    #[test]
    fn a_factor_of_zero_removes_events_and_one_segment_is_enough() {
        let spec = BallSpec {
            p_intervals: 1.0,
            interval_ms: [500, 501],
            interval_factors: vec![0.0],
            factor_probabilities: vec![1.0],
            ..BallSpec::default()
        };
        let input = fixed(&spec, 0.5, 6.0, 1, 1, [0, 500]);
        assert!(input.events.is_empty());
    }

    #[test]
    fn ranges_are_drawn_per_chunk_and_part_and_shared_only_on_request() {
        let spec = BallSpec::default();
        assert_eq!(spec.ranges(1, Part::Train, 0), spec.ranges(1, Part::Train, 23));
        assert_ne!(spec.ranges(1, Part::Train, 0), spec.ranges(1, Part::Train, 24));
        assert_ne!(spec.ranges(1, Part::Train, 0), spec.ranges(1, Part::Test, 0));
        let shared = BallSpec { shared_ranges: true, ..spec.clone() };
        assert_eq!(shared.ranges(1, Part::Train, 30), shared.ranges(1, Part::Valid, 2));
        for chunk in 0..200 {
            let (weight, sparsity) = spec.ranges(9, Part::Train, chunk * 24);
            assert!((2.0..=4.5).contains(&weight[0][0]) && (5.0..=7.0).contains(&weight[0][1]));
            assert!((0.93..=0.96).contains(&sparsity[1][0]) && (0.97..=0.99).contains(&sparsity[1][1]));
        }
    }

    #[test]
    fn the_shifted_part_is_stronger_and_comes_in_clusters_at_the_same_rate() {
        let spec = BallSpec { p_intervals: 0.0, ..BallSpec::default() };
        let (weight, _) = spec.ranges(1, Part::Shift, 0);
        assert!(weight[0][0] >= 3.0 && weight[0][1] <= 10.5 && weight[0][1] >= 7.5);
        let range = ([[6.0; 2]; 2], [[0.95; 2]; 2]);
        let input = spec.input(range, 5, 8, [0, 100_000], true);
        let p = input.events.len() as f64 / (16.0 * 100_000.0);
        assert!((p - 0.05).abs() < 0.002, "{p}");
        let mut of_block = vec![[0_u32; 4]; 1000];
        for e in &input.events {
            of_block[e.t as usize / 100][(e.row % 8) as usize / 2] += 1;
        }
        let silent = of_block.iter().flatten().filter(|&&n| n == 0).count();
        assert!((1800..2200).contains(&silent), "{silent} of 4000 blocks");
    }
}
