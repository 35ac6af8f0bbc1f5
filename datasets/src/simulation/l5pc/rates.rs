//! The rate of every axon at every ms, worked out where it is asked for.
//!
//! A coarse rate per interval, noise per axon and interval, both smoothed with a Gaussian; rhythm, removal, silence and
//! clusters are factors on it. Since a coarse rate is constant in an interval, the smoothed rate is a sum over intervals of
//! (coarse rate) times (share of the Gaussian that lies in the interval).

use serde_json::{Value, json};

use super::super::draw::{Draw, exp, sin_turns, uniform_at};
use super::L5pcSpec;

/// A Gaussian of `taps` taps and standard deviation `sigma`, centred; not normalised.
fn gaussian(taps: usize, sigma: f64) -> Vec<f64> {
    let centre = (taps as f64 - 1.0) / 2.0;
    (0..taps).map(|j| exp(-0.5 * ((j as f64 - centre) / sigma).powi(2))).collect()
}

/// Rates of both signs over `bins` ms.
#[derive(Debug)]
struct Field {
    bins: u32,
    interval: u32,
    /// Sums of the first taps of the normalised Gaussian.
    cumulated: Vec<f64>,
    /// Per sign and interval, in Hz.
    coarse: [Vec<f64>; 2],
    /// Key and largest deviation.
    noise: [Option<(u64, f64)>; 2],
    /// Period and depth.
    rhythm: [Option<(u32, f64)>; 2],
    factor: [f64; 2],
    /// Axons that do not fire.
    silent: [Option<Vec<bool>>; 2],
    /// Inhibition has the rates of excitation.
    same: bool,
}

impl Field {
    fn draw(spec: &L5pcSpec, draw: &mut Draw, ranges: [[f64; 2]; 2], axons: [u32; 2], bins: u32) -> Self {
        let jittered = |draw: &mut Draw, options: &[u32]| {
            let value = f64::from(draw.pick(options)) + draw.between([-spec.jitter_ms, spec.jitter_ms]);
            value.round().max(1.0) as u32
        };
        let interval = jittered(draw, &spec.interval_options_ms);
        let sigma = jittered(draw, &spec.smoothing_options_ms);
        let intervals = bins.div_ceil(interval);
        let mut coarse = ranges.map(|range| (0..intervals).map(|_| draw.between(range)).collect::<Vec<f64>>());
        if spec.adaptive_inhibition {
            // Spikes per 100 ms: 10 times as much in Hz.
            let [excitation, inhibition] = &mut coarse;
            for (i, e) in inhibition.iter_mut().zip(excitation) {
                *i = (*e + 10.0 * draw.between([-0.07, 0.03])).max(0.0);
            }
        }
        let deviation = draw.between(spec.spatial_noise);
        let other = if draw.chance(spec.p_same_noise) { deviation } else { draw.between(spec.spatial_noise) };
        let mut noise = [deviation, other].map(|d| Some((draw.word(), d)));
        for (sign, noise) in noise.iter_mut().enumerate() {
            *noise = noise.take_if(|_| draw.chance(spec.p_spatial_noise[sign]));
        }
        let mut cumulated = vec![0.0];
        let mut sum = 0.0;
        for tap in gaussian(1 + 7 * sigma as usize, f64::from(sigma)) {
            sum += tap;
            cumulated.push(sum);
        }
        for c in &mut cumulated {
            *c /= sum;
        }
        let rhythm = if draw.chance(spec.p_synchronization) { rhythm(spec, draw) } else { [None; 2] };
        let mut factor = [1.0; 2];
        if draw.chance(spec.p_remove_inhibition) {
            factor = [draw.between(spec.remove_factor[0]) + draw.between(spec.remove_factor[1]) * draw.uniform(), 0.0];
        }
        let mut silent = [None, None];
        if draw.chance(spec.p_deactivate) {
            deactivate(spec, draw, axons, &mut silent);
        }
        if draw.chance(spec.p_cluster) {
            cluster(spec, draw, axons, &mut silent);
        }
        let same = draw.chance(spec.p_same_rates) && axons[0] == axons[1];
        Self { bins, interval, cumulated, coarse, noise, rhythm, factor, silent, same }
    }

    /// A rate that none of this sign exceeds.
    fn bound(&self, sign: usize) -> f64 {
        let sign = if self.same { 0 } else { sign };
        let largest = self.coarse[sign].iter().copied().fold(0.0, f64::max);
        let noise = 1.0 + self.noise[sign].map_or(0.0, |(_, d)| d);
        let rhythm = 1.0 + self.rhythm[sign].map_or(0.0, |(_, m)| m);
        largest * noise * rhythm * self.factor[sign]
    }

    /// Rate in Hz of an axon at `t`.
    fn rate(&self, sign: usize, axon: u32, t: u32) -> f64 {
        let sign = if self.same { 0 } else { sign };
        if self.silent[sign].as_ref().is_some_and(|silent| silent[axon as usize]) {
            return 0.0;
        }
        let taps = self.cumulated.len() - 1;
        // Tap j meets the bin t + ahead - j, as in a convolution whose output is centred on the input.
        let ahead = (taps as i64 - 1) / 2;
        let last = (i64::from(t) + ahead).min(i64::from(self.bins) - 1);
        let first = (i64::from(t) + ahead - (taps as i64 - 1)).max(0);
        let length = i64::from(self.interval);
        let tap_of = |bin: i64| (i64::from(t) + ahead - bin) as usize;
        let mut sum = 0.0;
        for k in first / length..=last / length {
            let (from, to) = ((k * length).max(first), ((k + 1) * length - 1).min(last));
            let share = self.cumulated[tap_of(from) + 1] - self.cumulated[tap_of(to)];
            let noise = self.noise[sign]
                .map_or(1.0, |(key, delta)| 1.0 - delta + 2.0 * delta * uniform_at(key, u64::from(axon), k as u64));
            sum += self.coarse[sign][k as usize] * noise * share;
        }
        let rhythm =
            self.rhythm[sign].map_or(1.0, |(period, depth)| 1.0 + depth * sin_turns(f64::from(t % period) / f64::from(period)));
        sum * rhythm * self.factor[sign]
    }

    fn facts(&self) -> Value {
        json!({
            "interval_ms": self.interval, "smoothing_ms": (self.cumulated.len() - 2) / 7,
            "noise": self.noise.map(|n| n.map(|(_, d)| d)), "rhythm": self.rhythm, "factor": self.factor,
            "silent": self.silent.each_ref().map(|s| s.as_ref().map(|s| s.iter().filter(|&&x| x).count())), "same": self.same,
        })
    }
}

/// Period and depth of both signs.
fn rhythm(spec: &L5pcSpec, draw: &mut Draw) -> [Option<(u32, f64)>; 2] {
    // The reference draws apart what should be the same.
    let share = |draw: &mut Draw, p: f64| draw.chance(p) != spec.reference_synchronization;
    let period = draw.int(spec.period_ms);
    let other_period = if share(draw, spec.p_same_period) { period } else { draw.int(spec.period_ms) };
    let depth = draw.between(spec.depth);
    let other_depth = if share(draw, spec.p_same_depth) { depth } else { draw.between(spec.depth) };
    let out = spec.p_no_synchronization.map(|p| draw.chance(p));
    [(!out[0]).then_some((period, depth)), (!out[1]).then_some((other_period, other_depth))]
}

fn silence(silent: &mut Option<Vec<bool>>, axons: u32, which: impl IntoIterator<Item = u32>) {
    let silent = silent.get_or_insert_with(|| vec![false; axons as usize]);
    which.into_iter().for_each(|axon| silent[axon as usize] = true);
}

fn deactivate(spec: &L5pcSpec, draw: &mut Draw, axons: [u32; 2], silent: &mut [Option<Vec<bool>>; 2]) {
    let count = |draw: &mut Draw, axons: u32| (draw.between(spec.deactivate) * f64::from(axons)) as u32;
    let first = count(draw, axons[0]);
    let second = if draw.chance(spec.p_same_count) { first.min(axons[1]) } else { count(draw, axons[1]) };
    let chosen = draw.subset(axons[0], first);
    let same = draw.chance(spec.p_same_axons) && axons[0] == axons[1];
    let others = if same { chosen.clone() } else { draw.subset(axons[1], second) };
    let out = spec.p_no_deactivate.map(|p| draw.chance(p));
    for (sign, which) in [chosen, others].into_iter().enumerate() {
        if !out[sign] {
            silence(&mut silent[sign], axons[sign], which);
        }
    }
}

/// Axons of the clusters that do not fire, as shares of the axons in a random or a given order.
fn cluster(spec: &L5pcSpec, draw: &mut Draw, axons: [u32; 2], silent: &mut [Option<Vec<bool>>; 2]) {
    let inactive = |draw: &mut Draw, n: u32| -> Vec<u32> {
        let order = if draw.chance(spec.p_random_cluster) { draw.order(n) } else { (0..n).collect() };
        let mut ends = Vec::new();
        let mut covered = 0;
        while covered < n {
            covered += ((draw.between(spec.cluster) * f64::from(n)) as u32).max(1);
            ends.push(covered.min(n));
        }
        let count = ends.len() as u32;
        let active = (draw.between(spec.active_clusters) * f64::from(count)).round() as u32;
        let quiet = draw.subset(count, count - active.min(count));
        quiet
            .iter()
            .flat_map(|&c| {
                let from = if c == 0 { 0 } else { ends[c as usize - 1] };
                order[from as usize..ends[c as usize] as usize].to_vec()
            })
            .collect()
    };
    let first = inactive(draw, axons[0]);
    let same = draw.chance(spec.p_same_clusters) && axons[0] == axons[1];
    let second = if same { first.clone() } else { inactive(draw, axons[1]) };
    let out = spec.p_no_cluster.map(|p| draw.chance(p));
    for (sign, which) in [first, second].into_iter().enumerate() {
        if !out[sign] {
            silence(&mut silent[sign], axons[sign], which);
        }
    }
}

/// Standard deviation of the smoothing at the edges of special intervals.
const EDGE_SIGMA: f64 = 25.0;
/// How near to an edge it applies.
const EDGE_LEVEL: f64 = 0.2;

/// The rates of a whole run: the general ones, and those of the special intervals.
#[derive(Debug)]
pub(super) struct Run {
    bins: u32,
    base: Field,
    /// Start and rates; later ones go before earlier ones.
    specials: Vec<(u32, Field)>,
    /// Whether a bin lies at an edge.
    edge: Vec<bool>,
    /// Normalised Gaussian of the edges.
    taps: Vec<f64>,
}

impl Run {
    pub(super) fn draw(spec: &L5pcSpec, draw: &mut Draw, ranges: [[f64; 2]; 2], axons: [u32; 2], bins: u32) -> Self {
        let base = Field::draw(spec, draw, ranges, axons, bins);
        let mut marks = vec![false; bins as usize];
        let mut specials = Vec::new();
        for _ in 0..spec.specials(bins) {
            let start = draw.int([0, bins - spec.special_ms[1] - SPECIAL_MARGIN]);
            let length = draw.int(spec.special_ms);
            marks[start as usize] = true;
            marks[(start + length) as usize] = true;
            specials.push((start, Field::draw(spec, draw, ranges, axons, length)));
        }
        let mut taps = gaussian(1 + 7 * EDGE_SIGMA as usize, EDGE_SIGMA);
        let ahead = (taps.len() - 1) / 2;
        let mut level = vec![0.0; bins as usize];
        for (mark, _) in marks.iter().enumerate().filter(|(_, marked)| **marked) {
            for (j, tap) in taps.iter().enumerate() {
                if let Some(level) = (mark + j).checked_sub(ahead).and_then(|t| level.get_mut(t)) {
                    *level += tap;
                }
            }
        }
        let sum: f64 = taps.iter().sum();
        for tap in &mut taps {
            *tap /= sum;
        }
        Self { bins, base, specials, edge: level.iter().map(|&l| l > EDGE_LEVEL).collect(), taps }
    }

    /// A rate in Hz that no axon of this sign exceeds.
    pub(super) fn bound(&self, sign: usize) -> f64 {
        self.specials.iter().map(|(_, field)| field.bound(sign)).fold(self.base.bound(sign), f64::max)
    }

    fn raw(&self, sign: usize, axon: u32, t: u32) -> f64 {
        let inside = self.specials.iter().rev().find(|(start, field)| (*start..start + field.bins).contains(&t));
        match inside {
            Some((start, field)) => field.rate(sign, axon, t - start),
            None => self.base.rate(sign, axon, t),
        }
    }

    /// Rate in Hz of an axon at `t`.
    pub(super) fn rate(&self, sign: usize, axon: u32, t: u32) -> f64 {
        if !self.edge[t as usize] {
            return self.raw(sign, axon, t);
        }
        let ahead = (self.taps.len() as i64 - 1) / 2;
        let parts = self.taps.iter().enumerate().filter_map(|(j, tap)| {
            let at = u32::try_from(i64::from(t) + ahead - j as i64).ok().filter(|&at| at < self.bins)?;
            Some(tap * self.raw(sign, axon, at))
        });
        parts.sum()
    }

    pub(super) fn facts(&self) -> Value {
        let specials: Vec<Value> =
            self.specials.iter().map(|(start, f)| json!({ "start": start, "length": f.bins, "rates": f.facts() })).collect();
        json!({ "base": self.base.facts(), "specials": specials })
    }
}

use super::SPECIAL_MARGIN_MS as SPECIAL_MARGIN;

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the very same numbers are expected")]
mod tests {
    use super::*;

    fn field(spec: &L5pcSpec, seed: u64, bins: u32) -> Field {
        Field::draw(spec, &mut Draw::new(seed, "rates"), [[0.0, 1.0], [1.0, 2.0]], [40, 40], bins)
    }

    /// The plain twin: the rate of an axon laid out in time, convolved tap by tap.
    fn laid_out(field: &Field, sign: usize, axon: u32) -> Vec<f64> {
        let sign = if field.same { 0 } else { sign };
        let coarse: Vec<f64> = (0..field.bins)
            .map(|t| {
                let k = t / field.interval;
                let noise = field.noise[sign].map_or(1.0, |(key, d)| 1.0 - d + 2.0 * d * uniform_at(key, axon.into(), k.into()));
                field.coarse[sign][k as usize] * noise
            })
            .collect();
        let taps: Vec<f64> = field.cumulated.windows(2).map(|w| w[1] - w[0]).collect();
        let mut full = vec![0.0; coarse.len() + taps.len() - 1];
        for (i, c) in coarse.iter().enumerate() {
            taps.iter().enumerate().for_each(|(j, tap)| full[i + j] += c * tap);
        }
        let from = (taps.len() - 1) / 2;
        let silent = field.silent[sign].as_ref().is_some_and(|s| s[axon as usize]);
        (0..field.bins)
            .map(|t| {
                let rhythm = field.rhythm[sign]
                    .map_or(1.0, |(p, m)| 1.0 + m * (std::f64::consts::TAU * f64::from(t) / f64::from(p)).sin());
                if silent { 0.0 } else { full[from + t as usize] * rhythm * field.factor[sign] }
            })
            .collect()
    }

    #[test]
    fn rates_where_they_are_asked_for_are_those_laid_out_in_time_and_below_their_bound() {
        let spec = L5pcSpec { p_synchronization: 0.5, p_deactivate: 0.5, p_cluster: 0.5, ..L5pcSpec::default() };
        for seed in 0..30 {
            let field = field(&spec, seed, 700);
            for (sign, axon) in [(0, 0), (1, 7), (0, 39)] {
                let bound = field.bound(sign);
                for (t, plain) in laid_out(&field, sign, axon).into_iter().enumerate() {
                    let rate = field.rate(sign, axon, t as u32);
                    assert!((rate - plain).abs() < 1e-11, "seed {seed}, {t} ms: {rate} {plain}");
                    assert!(rate <= bound * (1.0 + 1e-12));
                }
            }
        }
    }

    #[test]
    fn the_edges_of_special_intervals_are_smoothed_and_the_rest_is_not() {
        let spec = L5pcSpec { specials: 2, special_ms: [100, 200], ..L5pcSpec::default() };
        let run = Run::draw(&spec, &mut Draw::new(4, "rates"), [[0.0, 1.0]; 2], [5, 5], 900);
        assert_eq!(run.specials.len(), 2);
        let smooth: Vec<f64> = (0..900).map(|t| run.rate(0, 3, t)).collect();
        let raw: Vec<f64> = (0..900).map(|t| run.raw(0, 3, t)).collect();
        for (start, field) in &run.specials {
            for mark in [*start, start + field.bins] {
                assert!(run.edge[mark as usize] && run.edge[mark.saturating_sub(44) as usize] && run.edge[mark as usize + 43]);
            }
        }
        for t in 0..900 {
            if run.edge[t] {
                let plain: f64 = (0..176).filter_map(|j| Some(run.taps[j] * raw.get((t + 87).checked_sub(j)?)?)).sum();
                assert!((smooth[t] - plain).abs() < 1e-12);
            } else {
                assert_eq!(smooth[t], raw[t]);
            }
        }
        assert!(run.edge.iter().any(|e| !e));
    }

    #[test]
    fn a_shared_rhythm_is_shared_unless_the_reference_is_asked_for() {
        let spec = L5pcSpec {
            p_synchronization: 1.0,
            p_no_synchronization: [0.0; 2],
            p_same_period: 1.0,
            p_same_depth: 1.0,
            ..L5pcSpec::default()
        };
        let reference = L5pcSpec { reference_synchronization: true, ..spec.clone() };
        for seed in 0..20 {
            let [shared, apart] = [&spec, &reference].map(|s| field(s, seed, 50).rhythm);
            assert_eq!(shared[0], shared[1]);
            assert_ne!(apart[0], apart[1]);
        }
    }

    #[test]
    fn options_have_their_probabilities() {
        let spec = L5pcSpec::default();
        let n = 2000;
        let fields: Vec<Field> = (0..n).map(|seed| field(&spec, seed, 60)).collect();
        let share = |of: &dyn Fn(&Field) -> bool| fields.iter().filter(|f| of(f)).count() as f64 / n as f64;
        let near = |found: f64, p: f64| assert!((found - p).abs() < 4.0 * (p * (1.0 - p) / n as f64).sqrt(), "{found} {p}");
        near(share(&|f| f.noise[0].is_some()), 0.85);
        near(share(&|f| f.rhythm[1].is_some()), 0.2 * 0.7);
        near(share(&|f| f.factor[1] == 0.0), 0.15);
        near(share(&|f| f.silent[0].is_some()), 1.0 - (1.0 - 0.1 * 0.8) * (1.0 - 0.25 * 0.7));
        near(share(&|f| f.same), 0.02);
    }
}
