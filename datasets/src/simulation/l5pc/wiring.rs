//! Which presynaptic axon reaches which segment.

use serde::{Deserialize, Serialize};

use super::super::draw::Draw;
use super::L5pcSpec;

/// What the largest number of connections of an axon applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// To axons, as it says; a segment keeps at most the synapses of the longest one.
    Axon,
    /// To segments, as the reference has it; an axon keeps at most the synapses of the longest segment.
    Reference,
}

/// A connection while the wiring is made.
#[derive(Debug, Clone, Copy)]
struct Connection {
    axon: u32,
    segment: u32,
    weight: f64,
    /// Decides between equal weights.
    tie: u64,
}

/// The connections of the axons of one sign.
#[derive(Debug, Clone, PartialEq)]
struct Sign {
    /// Where the connections of each axon begin.
    ptr: Vec<u32>,
    /// Segment and weight.
    reached: Vec<(u32, f64)>,
}

/// The connections of all axons, excitation and inhibition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wiring([Sign; 2]);

impl Wiring {
    /// Draws counts, axons and connections.
    pub(super) fn draw(spec: &L5pcSpec, draw: &mut Draw, segment_um: &[f64]) -> Self {
        let multiplied = draw.chance(spec.p_multiply_counts);
        let same_counts = draw.chance(spec.p_same_counts);
        let counts_of = |draw: &mut Draw| -> Vec<u32> {
            let factor = |draw: &mut Draw| if multiplied { draw.between(spec.multiply_counts) } else { 1.0 };
            segment_um.iter().map(|length| (length * factor(draw)).ceil().max(1.0) as u32).collect()
        };
        let first = counts_of(draw);
        let second = if same_counts { first.clone() } else { counts_of(draw) };
        let several = draw.chance(spec.p_multiple_connections);
        let same = draw.chance(spec.p_same_connections);
        let number = |draw: &mut Draw| {
            let [low, high] = spec.connections_range;
            draw.normal(spec.connections[0], spec.connections[1]).abs().clamp(low, high)
        };
        let a = number(draw);
        let b = if same { a } else { number(draw) };
        let mut sign = |counts: &[u32], per_axon: f64| {
            if several { several_connections(spec, draw, counts, per_axon) } else { one_connection(spec, draw, counts) }
        };
        Self([sign(&first, a), sign(&second, b)])
    }

    /// Number of axons of a sign.
    pub(super) fn axons(&self, sign: usize) -> u32 {
        self.0[sign].ptr.len() as u32 - 1
    }

    /// Number of connections of both signs.
    pub(super) fn connections(&self) -> [usize; 2] {
        [self.0[0].reached.len(), self.0[1].reached.len()]
    }

    /// Segments that an axon reaches, with weights.
    pub(super) fn reached(&self, sign: usize, axon: u32) -> &[(u32, f64)] {
        let Sign { ptr, reached } = &self.0[sign];
        &reached[ptr[axon as usize] as usize..ptr[axon as usize + 1] as usize]
    }
}

/// Every synapse has an axon of its own.
fn one_connection(spec: &L5pcSpec, draw: &mut Draw, counts: &[u32]) -> Sign {
    let segments = counts.iter().enumerate().flat_map(|(segment, &n)| (0..n).map(move |_| segment as u32));
    let reached: Vec<(u32, f64)> = segments.map(|segment| (segment, draw.between(spec.weight))).collect();
    Sign { ptr: (0..=reached.len() as u32).collect(), reached }
}

/// Axons with `per_axon` connections on average, drawn segment by segment, then cut to the bounds.
fn several_connections(spec: &L5pcSpec, draw: &mut Draw, counts: &[u32], per_axon: f64) -> Sign {
    let total: f64 = counts.iter().map(|&n| f64::from(n)).sum();
    let axons = ((total / per_axon) as u32).max(1);
    let mut made = Vec::new();
    for (segment, &count) in counts.iter().enumerate() {
        let density = f64::from(count) / f64::from(axons);
        draw.bernoulli(u64::from(axons), density, |draw, axon| {
            let (weight, tie) = (draw.between(spec.weight), draw.word());
            made.push(Connection { axon: axon as u32, segment: segment as u32, weight, tie });
        });
    }
    let longest = counts.iter().copied().max().unwrap_or(1);
    let made = match spec.bound {
        Bound::Axon => keep(keep(made, spec.most_connections, |c| c.axon), longest, |c| c.segment),
        Bound::Reference => keep(keep(made, spec.most_connections, |c| c.segment), longest, |c| c.axon),
    };
    let mut ptr = vec![0_u32; axons as usize + 1];
    for c in &made {
        ptr[c.axon as usize + 1] += 1;
    }
    for axon in 0..axons as usize {
        ptr[axon + 1] += ptr[axon];
    }
    let mut made = made;
    made.sort_unstable_by_key(|c| (c.axon, c.segment));
    Sign { ptr, reached: made.iter().map(|c| (c.segment, c.weight)).collect() }
}

/// Keeps, of the connections of each `of`, the `most` heaviest; of equal weights a random choice.
fn keep(mut made: Vec<Connection>, most: u32, of: impl Fn(&Connection) -> u32) -> Vec<Connection> {
    made.sort_unstable_by(|a, b| of(a).cmp(&of(b)).then(b.weight.total_cmp(&a.weight)).then(a.tie.cmp(&b.tie)));
    let (mut last, mut count) = (u32::MAX, 0);
    made.retain(|c| {
        if of(c) != last {
            (last, count) = (of(c), 0);
        }
        count += 1;
        count <= most
    });
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(spec: &L5pcSpec, seed: u64, segments: &[f64]) -> Wiring {
        Wiring::draw(spec, &mut Draw::new(seed, "wiring"), segments)
    }

    #[test]
    fn the_number_of_connections_is_that_of_the_synapses() {
        let spec = L5pcSpec { p_multiple_connections: 1.0, p_multiply_counts: 0.0, ..L5pcSpec::default() };
        let segments = vec![12.08; 400];
        let (mut sum, mut axons) = (0.0, 0.0);
        for seed in 0..30 {
            let wiring = draw(&spec, seed, &segments);
            sum += wiring.connections()[0] as f64;
            axons += f64::from(wiring.axons(0));
            assert!(wiring.0.iter().all(|s| s.ptr.last() == Some(&(s.reached.len() as u32))));
        }
        // 13 synapses per segment; the bound of the rows cuts what lies above.
        let per_segment = sum / 30.0 / 400.0;
        assert!((11.0..13.0).contains(&per_segment), "{per_segment}");
        assert!((200.0..900.0).contains(&(axons / 30.0)), "{axons}");
    }

    #[test]
    fn bounds_hold_for_axons_or_for_segments() {
        let segments = vec![200.0; 30];
        let most = |spec: &L5pcSpec, by_axon: bool| {
            let wiring = draw(spec, 1, &segments);
            let mut counts = std::collections::BTreeMap::new();
            for axon in 0..wiring.axons(0) {
                for (segment, _) in wiring.reached(0, axon) {
                    *counts.entry(if by_axon { axon } else { *segment }).or_insert(0) += 1;
                }
            }
            counts.into_values().max().unwrap_or(0)
        };
        let spec = L5pcSpec {
            p_multiple_connections: 1.0,
            p_multiply_counts: 0.0,
            connections: [15.0, 0.0],
            most_connections: 5,
            ..L5pcSpec::default()
        };
        assert!(most(&spec, true) == 5 && most(&spec, false) > 5);
        let reference = L5pcSpec { bound: Bound::Reference, ..spec };
        assert!(most(&reference, false) == 5);
    }

    #[test]
    fn the_heaviest_connections_survive_a_bound() {
        let made: Vec<Connection> =
            (0..20).map(|i| Connection { axon: i % 2, segment: i, weight: f64::from(i), tie: 0 }).collect();
        let kept = keep(made, 3, |c| c.axon);
        let mut segments: Vec<u32> = kept.iter().map(|c| c.segment).collect();
        segments.sort_unstable();
        assert_eq!(segments, [14, 15, 16, 17, 18, 19]);
    }

    #[test]
    fn without_several_connections_every_synapse_has_its_axon() {
        let spec = L5pcSpec { p_multiple_connections: 0.0, p_multiply_counts: 0.0, ..L5pcSpec::default() };
        let wiring = draw(&spec, 1, &[2.5, 1.0]);
        assert_eq!((wiring.axons(0), wiring.connections()), (4, [4, 4]));
        assert_eq!(wiring.reached(1, 3), [(1, 1.0)]);
    }
}
