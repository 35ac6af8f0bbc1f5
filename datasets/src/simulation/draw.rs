//! Random quantities of the generators, and the functions they need.
//!
//! Sums and products alone: no mathematical library and no version of a random crate changes a bit of a generated set.

use std::f64::consts::{LN_2, TAU};

use kenyon_base::Streams;
use kenyon_base::random::{Stream, below, mix64, shuffle};
use rand::RngCore;

use crate::odors::draw::ln;

/// One stream of random quantities.
#[derive(Debug, Clone)]
pub(super) struct Draw(Stream);

impl Draw {
    /// The stream `label` of one simulation.
    pub(super) fn new(seed: u64, label: &str) -> Self {
        Self(Streams::new(seed).stream(label))
    }

    /// The `index`-th stream of a family.
    pub(super) fn indexed(seed: u64, label: &str, index: u64) -> Self {
        Self(Streams::new(seed).indexed(label, index))
    }

    pub(super) fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// U(0, 1): 0 can occur, 1 cannot.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.word() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// U(0, 1) without both ends, for logarithms.
    fn inside(&mut self) -> f64 {
        ((self.word() >> 12) as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64)
    }

    /// U(low, high).
    pub(super) fn between(&mut self, [low, high]: [f64; 2]) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// A whole number from `low` to `high - 1`; `low` if there is none.
    pub(super) fn int(&mut self, [low, high]: [u32; 2]) -> u32 {
        if high <= low { low } else { low + below(u64::from(high - low), &mut self.0) as u32 }
    }

    /// Whether an event of probability `p` happens.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// One of `options`.
    pub(super) fn pick<T: Copy>(&mut self, options: &[T]) -> T {
        options[below(options.len() as u64, &mut self.0) as usize]
    }

    /// `k` different numbers below `n`, in increasing order.
    pub(super) fn subset(&mut self, n: u32, k: u32) -> Vec<u32> {
        let mut all: Vec<u32> = (0..n).collect();
        let k = k.min(n) as usize;
        for i in 0..k {
            let j = i + below(u64::from(n) - i as u64, &mut self.0) as usize;
            all.swap(i, j);
        }
        all.truncate(k);
        all.sort_unstable();
        all
    }

    /// The numbers below `n` in random order.
    pub(super) fn order(&mut self, n: u32) -> Vec<u32> {
        let mut all: Vec<u32> = (0..n).collect();
        shuffle(&mut all, &mut self.0);
        all
    }

    /// N(mean, sd) by the method of Box and Muller (1958).
    pub(super) fn normal(&mut self, mean: f64, sd: f64) -> f64 {
        let radius = (-2.0 * ln(self.inside())).sqrt();
        mean + sd * radius * sin_turns(self.uniform())
    }

    /// Hands to `hit` every number below `n` that an event of probability `p` chooses, in increasing order.
    ///
    /// Between hits lie floor(ln u / ln(1 - p)) misses, the geometric distribution.
    pub(super) fn bernoulli(&mut self, n: u64, p: f64, mut hit: impl FnMut(&mut Self, u64)) {
        if p <= 0.0 {
            return;
        }
        if p >= 1.0 {
            (0..n).for_each(|i| hit(self, i));
            return;
        }
        // Below 1e-5, 1 - p has lost digits of p.
        let factor = 1.0 / if p < 1e-5 { -p * (1.0 + p * (0.5 + p / 3.0)) } else { ln(1.0 - p) };
        let mut at = 0_u64;
        loop {
            at = at.saturating_add((ln(self.inside()) * factor) as u64);
            if at >= n {
                return;
            }
            hit(self, at);
            at += 1;
        }
    }
}

/// U(0, 1) that hangs on a key and two numbers alone.
pub(super) fn uniform_at(key: u64, a: u64, b: u64) -> f64 {
    const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = mix64(mix64(key ^ a.wrapping_mul(GAMMA)).wrapping_add(b.wrapping_add(1).wrapping_mul(GAMMA)));
    (mixed >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// e^x for x of 0 or below.
pub(super) fn exp(x: f64) -> f64 {
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    if x < -700.0 {
        return 0.0;
    }
    let k = (x / LN_2).round();
    let r = (x - k * LN2_HIGH) - k * LN2_LOW;
    let mut sum = 1.0;
    for n in (1..=14).rev() {
        sum = 1.0 + sum * r / f64::from(n);
    }
    sum * f64::from_bits(((1023 + k as i64) as u64) << 52)
}

/// sin(2π f), f in turns from 0 to 1.
pub(super) fn sin_turns(f: f64) -> f64 {
    let quarter = (4.0 * f).round();
    let x = (f - 0.25 * quarter) * TAU;
    let z = x * x;
    let series = |first: i32| {
        let (mut sum, mut k) = (1.0, 20 + first);
        while k > first {
            sum = 1.0 - sum * z / f64::from(k * (k - 1));
            k -= 2;
        }
        sum
    };
    let (sine, cosine) = (x * series(1), series(0));
    match quarter as i64 & 3 {
        0 => sine,
        1 => cosine,
        2 => -sine,
        _ => -cosine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_functions_agree_with_the_library() {
        for i in 0..20_000 {
            let x = -f64::from(i) * 0.034_7;
            assert!((exp(x) - x.exp()).abs() <= 4e-16 * x.exp() * (1.0 + x.abs() * 0.01), "{x}");
            let f = f64::from(i) / 20_000.0;
            assert!((sin_turns(f) - (TAU * f).sin()).abs() < 1e-15, "{f}");
        }
        assert_eq!((exp(0.0), exp(-1e9), sin_turns(0.0), sin_turns(0.25)), (1.0, 0.0, 0.0, 1.0));
    }

    #[test]
    fn drawn_quantities_have_their_distributions() {
        let mut draw = Draw::new(1, "test");
        let n = 40_000;
        let normal: Vec<f64> = (0..n).map(|_| draw.normal(15.0, 10.0)).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(n);
        let sd = (normal.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n)).sqrt();
        assert!((mean - 15.0).abs() < 0.25 && (sd - 10.0).abs() < 0.2, "{mean} {sd}");
        for p in [1e-6, 0.01, 0.4, 1.0] {
            let (mut hits, mut last) = (0_u64, None);
            draw.bernoulli(1_000_000, p, |_, i| {
                assert!(last < Some(i));
                last = Some(i);
                hits += 1;
            });
            assert!((hits as f64 - 1e6 * p).abs() <= 5.0 * (1e6 * p * (1.0 - p)).sqrt() + 4.0, "{hits} at {p}");
        }
        let mut seen = [0_u32; 7];
        for _ in 0..7000 {
            let subset = draw.subset(7, 3);
            assert!(subset.len() == 3 && subset.is_sorted_by(|a, b| a < b));
            for i in subset {
                seen[i as usize] += 1;
            }
        }
        assert!(seen.iter().all(|&n| (2750..3250).contains(&n)), "{seen:?}");
        assert_eq!((draw.int([1, 1]), draw.subset(1, 5), draw.subset(0, 0)), (1, vec![0], vec![]));
    }
}
