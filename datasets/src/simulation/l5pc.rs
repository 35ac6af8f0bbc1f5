//! Inputs of a reconstructed neuron: presynaptic axons with changing rates, wired at random to the segments.
//!
//! | file | owns |
//! |---|---|
//! | `check` | every number of the recipe against its range |
//! | `rates` | the rate of every axon at every ms |
//! | `wiring` | which axon reaches which segment, with what weight |
//!
//! The rates are never laid out in time: they are bounded from above, candidates are drawn at that bound, and the rate is
//! worked out where a candidate lies (thinning; Lewis and Shedler 1979). The trains have the same distribution, at a
//! thousandth of the work.

mod check;
mod rates;
mod wiring;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::draw::{Draw, exp};
use super::plan::{Event, Input};

pub use wiring::Bound;

/// Generator of the inputs of an L5PC set.
///
/// Pairs of probabilities are excitation and inhibition, pairs of numbers are ranges; the upper end of a range of whole
/// numbers is not drawn. The defaults are those of the reference system.
///
/// # Units
/// Rates in Hz per axon, times in ms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct L5pcSpec {
    /// Ranges of the coarse rate, of which a simulation has one per sign.
    pub rate_options_hz: Vec<[f64; 2]>,
    /// Take the options in turn, by the index of the simulation, instead of at random.
    pub options_in_turn: bool,
    /// Probability that inhibition has the range of excitation.
    pub p_same_range: f64,
    /// The rate of inhibition follows that of excitation: plus U(-0.07, 0.03) spikes per 100 ms.
    pub adaptive_inhibition: bool,
    /// Lengths of the intervals of constant coarse rate.
    ///
    /// The 19 values are the defaults of `TwinProp`'s published program; descriptions of it state the ends and the number alone.
    pub interval_options_ms: Vec<u32>,
    /// Standard deviations of the smoothing in time: its 18 values, likewise.
    pub smoothing_options_ms: Vec<u32>,
    /// Both are changed by U(-jitter, jitter).
    pub jitter_ms: f64,
    /// Probability of noise per axon and interval.
    pub p_spatial_noise: [f64; 2],
    /// Largest deviation of that noise from 1.
    pub spatial_noise: [f64; 2],
    /// Probability that both signs have the same deviation.
    pub p_same_noise: f64,
    /// Probability of a common rhythm.
    pub p_synchronization: f64,
    /// Its period.
    pub period_ms: [u32; 2],
    /// Its depth.
    pub depth: [f64; 2],
    /// Probability that a sign is left out of it.
    pub p_no_synchronization: [f64; 2],
    /// Probability that both signs have the same period.
    pub p_same_period: f64,
    /// Probability that both signs have the same depth.
    pub p_same_depth: f64,
    /// As the reference: where period or depth should be the same, they are drawn apart, and the other way round.
    pub reference_synchronization: bool,
    /// Probability that inhibition is removed and excitation weakened.
    pub p_remove_inhibition: f64,
    /// Factor on excitation then, and the largest addition to it.
    pub remove_factor: [[f64; 2]; 2],
    /// Probability that some axons are silent.
    pub p_deactivate: f64,
    /// Share of them.
    pub deactivate: [f64; 2],
    /// Probability that both signs have the same number of them.
    pub p_same_count: f64,
    /// Probability that they are the same axons.
    pub p_same_axons: f64,
    /// Probability that a sign is left out of it.
    pub p_no_deactivate: [f64; 2],
    /// Probability that axons fire in clusters only.
    pub p_cluster: f64,
    /// Size of a cluster as a share of the axons.
    pub cluster: [f64; 2],
    /// Probability that a cluster is made of random axons, not of neighbours.
    pub p_random_cluster: f64,
    /// Share of the clusters that fire.
    pub active_clusters: [f64; 2],
    /// Probability that a sign is left out of it.
    pub p_no_cluster: [f64; 2],
    /// Probability that both signs share the clusters.
    pub p_same_clusters: f64,
    /// Probability that inhibition has the rates of excitation.
    pub p_same_rates: f64,
    /// Number of special intervals with rates of their own.
    pub specials: u32,
    /// Their length.
    pub special_ms: [u32; 2],
    /// Probability that inhibition has the spikes of excitation; the second one holds where weights vary.
    pub p_same_spikes: [f64; 2],
    /// Probability that every segment has more synapses than µm.
    pub p_multiply_counts: f64,
    /// By how much.
    pub multiply_counts: [f64; 2],
    /// Probability that both signs have the same counts.
    pub p_same_counts: f64,
    /// Probability that an axon makes several connections.
    pub p_multiple_connections: f64,
    /// Mean and standard deviation of their number.
    pub connections: [f64; 2],
    /// Least and largest number.
    pub connections_range: [f64; 2],
    /// Probability that both signs have the same number.
    pub p_same_connections: f64,
    /// Most connections of one axon.
    pub most_connections: u32,
    /// What that bound applies to.
    pub bound: Bound,
    /// Weights of the connections.
    pub weight: [f64; 2],
    /// Decimals that weighted spikes are rounded to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
}

impl Default for L5pcSpec {
    fn default() -> Self {
        Self {
            rate_options_hz: vec![[0.0, 1.0], [1.0, 2.0]],
            options_in_turn: false,
            p_same_range: 0.1,
            adaptive_inhibition: false,
            interval_options_ms: vec![25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 100, 150, 200, 300, 450],
            smoothing_options_ms: vec![25, 30, 35, 40, 45, 50, 55, 60, 65, 80, 100, 150, 200, 250, 300, 400, 500, 600],
            jitter_ms: 20.0,
            p_spatial_noise: [0.85; 2],
            spatial_noise: [0.4, 0.8],
            p_same_noise: 0.7,
            p_synchronization: 0.2,
            period_ms: [30, 200],
            depth: [0.4, 0.8],
            p_no_synchronization: [0.3; 2],
            p_same_period: 0.8,
            p_same_depth: 0.6,
            reference_synchronization: false,
            p_remove_inhibition: 0.15,
            remove_factor: [[0.05, 0.3], [0.3, 0.7]],
            p_deactivate: 0.1,
            deactivate: [0.01, 0.3],
            p_same_count: 0.4,
            p_same_axons: 0.3,
            p_no_deactivate: [0.2; 2],
            p_cluster: 0.25,
            cluster: [0.01, 0.1],
            p_random_cluster: 0.4,
            active_clusters: [0.3, 1.0],
            p_no_cluster: [0.3; 2],
            p_same_clusters: 0.3,
            p_same_rates: 0.02,
            specials: 7,
            special_ms: [500, 1500],
            p_same_spikes: [0.01, 0.05],
            p_multiply_counts: 0.2,
            multiply_counts: [1.0, 5.0],
            p_same_counts: 0.7,
            p_multiple_connections: 0.9,
            connections: [15.0, 10.0],
            connections_range: [1.0, 50.0],
            p_same_connections: 0.7,
            most_connections: 50,
            bound: Bound::Axon,
            weight: [1.0, 1.0],
            decimals: Some(5),
        }
    }
}

/// Least room before the end that a special interval leaves, beyond its longest length.
const SPECIAL_MARGIN_MS: u32 = 10;

impl L5pcSpec {
    /// The special intervals that fit into `bins`; none where the input is too short for them.
    fn specials(&self, bins: u32) -> u32 {
        if bins > self.special_ms[1] + SPECIAL_MARGIN_MS { self.specials } else { 0 }
    }

    /// The input of one simulation; every random number hangs on `seed`.
    ///
    /// Without a warm-up, rates and spikes are those of T bins; a warm-up is further input of the same kind before them, so
    /// the whole is drawn as one run.
    pub(super) fn input(&self, seed: u64, index: u32, segment_um: &[f64], [warmup, duration]: [u32; 2]) -> Input {
        let nseg = segment_um.len() as u32;
        let bins = warmup + duration;
        let wiring = wiring::Wiring::draw(self, &mut Draw::new(seed, "wiring"), segment_um);
        let axons = [0, 1].map(|sign| wiring.axons(sign));
        let mut draw = Draw::new(seed, "rates");
        let first = self.rate_option(&mut draw, index);
        let second = if draw.chance(self.p_same_range) { first } else { self.rate_option(&mut draw, index) };
        let run = rates::Run::draw(self, &mut draw, [first, second], axons, bins);
        let mut draw = Draw::new(seed, "spikes");
        let excitatory = spikes(&run, &mut draw, 0, axons[0], bins);
        let p = self.p_same_spikes[usize::from(self.weight[0] < self.weight[1])];
        let same = draw.chance(p) && axons[0] == axons[1];
        let inhibitory = if same { excitatory.clone() } else { spikes(&run, &mut draw, 1, axons[1], bins) };
        let mut arrivals: Vec<(u32, u32, f64)> = Vec::new();
        for (sign, trains) in [(0, &excitatory), (1, &inhibitory)] {
            for &(axon, t) in trains {
                arrivals.extend(wiring.reached(sign, axon).iter().map(|&(seg, w)| (t, sign as u32 * nseg + seg, w)));
            }
        }
        // Stable: the weights of one bin are added in the order of the axons.
        arrivals.sort_by_key(|&(t, row, _)| (t, row));
        let mut events: Vec<Event> = Vec::new();
        for (t, row, weight) in arrivals {
            match events.last_mut() {
                Some(last) if (last.t, last.row) == (t, row) => last.weight += weight,
                _ => events.push(Event { t, row, weight }),
            }
        }
        for e in &mut events {
            e.weight = self.stored(e.weight);
        }
        events.retain(|e| e.weight > 0.0);
        let facts = json!({
            "rate_hz": [first, second], "axons": axons, "connections": wiring.connections(),
            "presynaptic_spikes": [excitatory.len(), inhibitory.len()], "same_spikes": same, "rates": run.facts(),
        });
        Input { nseg, bins, warmup, events, facts }
    }

    fn rate_option(&self, draw: &mut Draw, index: u32) -> [f64; 2] {
        if self.options_in_turn {
            return self.rate_options_hz[index as usize % self.rate_options_hz.len()];
        }
        draw.pick(&self.rate_options_hz)
    }

    /// A weight as the set stores it: rounded to the decimals of the recipe, then to f32.
    fn stored(&self, weight: f64) -> f64 {
        let rounded = self.decimals.map_or(weight, |d| {
            let scale = 10_f64.powi(i32::from(d));
            (weight * scale).round_ties_even() / scale
        });
        f64::from(rounded as f32)
    }
}

/// Probability of a spike in 1 ms at a rate in Hz, when the probability itself is drawn from an exponential distribution whose
/// mean is the rate per ms: E[min(p, 1)] = r (1 - e^(-1/r)).
pub fn spike_probability(rate_hz: f64) -> f64 {
    let r = rate_hz * 1e-3;
    if r <= 0.0 { 0.0 } else { r * (1.0 - exp(-1.0 / r)) }
}

/// Spikes (axon, bin) of all axons of a sign, axon after axon.
fn spikes(run: &rates::Run, draw: &mut Draw, sign: usize, axons: u32, bins: u32) -> Vec<(u32, u32)> {
    let mut out = Vec::new();
    let bound = spike_probability(run.bound(sign));
    if bound <= 0.0 {
        return out;
    }
    for axon in 0..axons {
        draw.bernoulli(u64::from(bins), bound, |draw, t| {
            let accept = draw.uniform() * bound;
            if accept < spike_probability(run.rate(sign, axon, t as u32)) {
                out.push((axon, t as u32));
            }
        });
    }
    out
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the very same numbers are expected")]
mod tests {
    use super::*;

    /// One constant rate for all, one synapse per axon.
    fn constant(rate: f64) -> L5pcSpec {
        L5pcSpec {
            rate_options_hz: vec![[rate, rate]],
            p_spatial_noise: [0.0; 2],
            p_synchronization: 0.0,
            p_remove_inhibition: 0.0,
            p_deactivate: 0.0,
            p_cluster: 0.0,
            p_same_rates: 0.0,
            specials: 0,
            p_same_spikes: [0.0; 2],
            p_multiply_counts: 0.0,
            p_multiple_connections: 0.0,
            interval_options_ms: vec![25],
            smoothing_options_ms: vec![1],
            jitter_ms: 0.0,
            ..L5pcSpec::default()
        }
    }

    #[test]
    fn spikes_have_the_doubly_stochastic_probability() {
        for rate in [1.5, 40.0, 900.0] {
            let input = constant(rate).input(3, 0, &[300.0], [0, 2000]);
            let n: f64 = input.events.iter().map(|e| e.weight).sum();
            let p = spike_probability(rate);
            // The smoothing loses some rate in the first and the last bins.
            let expected = 600.0 * 2000.0 * p;
            let sd = (600.0 * 2000.0 * p * (1.0 - p)).sqrt();
            assert!((n - expected).abs() < 4.0 * sd + 0.002 * expected, "{n} of {expected} at {rate} Hz");
        }
        assert!((spike_probability(1.0) - 1e-3).abs() < 1e-15);
        assert!((spike_probability(1000.0) - (1.0 - (-1.0_f64).exp())).abs() < 1e-15);
        // The definition itself, drawn: p from an exponential distribution, a spike if U(0, 1) < p.
        let mut draw = Draw::new(1, "plain twin");
        let hits = (0..200_000).filter(|_| draw.uniform() < -0.9 * (1.0 - draw.uniform()).ln()).count();
        assert!((hits as f64 / 2e5 - spike_probability(900.0)).abs() < 0.005, "{hits}");
    }

    #[test]
    fn weights_are_sums_of_connections_rounded_to_the_decimals() {
        let spec = L5pcSpec { weight: [0.0, 2.0], ..L5pcSpec::default() };
        let input = spec.input(5, 0, &[12.0; 40], [0, 2000]);
        assert!(input.events.len() > 500, "{}", input.events.len());
        for e in &input.events {
            let decimal = (e.weight * 1e5).round() / 1e5;
            assert_eq!(e.weight, f64::from(decimal as f32));
        }
        let whole = L5pcSpec::default().input(5, 0, &[12.0; 40], [0, 2000]);
        assert!(whole.events.iter().all(|e| e.weight.fract() == 0.0));
    }

    #[test]
    fn a_default_input_has_the_published_rate() {
        let mut per_axon = Vec::new();
        for seed in 0..40 {
            let input = L5pcSpec::default().input(seed, seed as u32, &[12.0; 60], [0, 4000]);
            let spikes = input.facts["presynaptic_spikes"][0].as_u64().expect("a number") as f64;
            per_axon.push(spikes / input.facts["axons"][0].as_f64().expect("a number") / 4.0);
        }
        let mean = per_axon.iter().sum::<f64>() / per_axon.len() as f64;
        assert!((0.6..1.3).contains(&mean), "{mean} Hz");
        assert!(per_axon.iter().all(|&r| r < 2.5), "{per_axon:?}");
    }
}
