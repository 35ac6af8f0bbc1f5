//! Synaptic noise that can be made again: a normal number for each (sample key, step, neuron), without any state.
//!
//! The counter is mixed by Wellons' `lowbias32`, keyed twice by words that depend on sample and step; two uniform numbers
//! give the two normal numbers of a pair of neurons (Box and Muller 1958). Logarithm, sine and cosine are polynomials in f32,
//! good to about 1e-6, so that all lanes run at once and every machine gives the same bits.

use kenyon_base::random::mix64;
use kenyon_neurons::point::Real;

/// The words that key one sample at one step.
#[inline(always)]
fn words(key: u64, step: usize) -> [u32; 2] {
    let x = mix64(key.wrapping_add((step as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    [x as u32, (x >> 32) as u32]
}

#[inline(always)]
fn mix(x: u32) -> u32 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// Natural logarithm of a positive normal number.
#[inline(always)]
fn ln(x: f32) -> f32 {
    // x = m 2^e with m in [sqrt(1/2), sqrt 2); ln m = 2 atanh z with z = (m - 1) / (m + 1), abs z < 0.1716.
    let bits = x.to_bits().wrapping_sub(0x3f35_04f3);
    let e = (bits as i32 >> 23) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff).wrapping_add(0x3f35_04f3));
    let z = (m - 1.0) / (m + 1.0);
    let z2 = z * z;
    e * std::f32::consts::LN_2 + 2.0 * z * (1.0 + z2 * (1.0 / 3.0 + z2 * (0.2 + z2 * (1.0 / 7.0))))
}

/// Cosine and sine of 2 pi u for u in [0, 1).
#[inline(always)]
fn turn(u: f32) -> (f32, f32) {
    // The nearest quarter turn, and the rest within an eighth.
    let quarter = (u * 4.0 + 0.5) as i32;
    let x = (u - quarter as f32 * 0.25) * std::f32::consts::TAU;
    let x2 = x * x;
    let cos = 1.0 + x2 * (-0.5 + x2 * (1.0 / 24.0 + x2 * (-1.0 / 720.0 + x2 * (1.0 / 40320.0))));
    let sin = x * (1.0 + x2 * (-1.0 / 6.0 + x2 * (1.0 / 120.0 + x2 * (-1.0 / 5040.0))));
    let (a, b) = if quarter & 1 == 0 { (cos, sin) } else { (-sin, cos) };
    if quarter & 2 == 0 { (a, b) } else { (-a, -b) }
}

/// The normal numbers of a pair of neurons.
#[inline(always)]
fn pair(words: [u32; 2], pair: u32) -> (f32, f32) {
    let h = mix(mix(pair ^ words[0]).wrapping_add(words[1]));
    let g = mix(h ^ 0x9e37_79b9);
    // In (0, 1] and [0, 1), from the upper 24 bits.
    let u = ((h >> 8) + 1) as f32 * (1.0 / 16_777_216.0);
    let v = (g >> 8) as f32 * (1.0 / 16_777_216.0);
    let radius = (-2.0 * ln(u)).max(0.0).sqrt();
    let (cos, sin) = turn(v);
    (radius * cos, radius * sin)
}

/// Adds `sigma` times the normal number of each neuron and lane to `syn` [N].
#[inline(always)]
pub(super) fn add<F: Real, const L: usize>(syn: &mut [[F; L]], sigma: F, keys: &[u64; L], step: usize) {
    let mut keyed = [[0; 2]; L];
    for l in 0..L {
        keyed[l] = words(keys[l], step);
    }
    for (p, two) in syn.chunks_mut(2).enumerate() {
        let mut draws = [[0f32; L]; 2];
        for l in 0..L {
            let (a, b) = pair(keyed[l], p as u32);
            draws[0][l] = a;
            draws[1][l] = b;
        }
        for (y, draw) in two.iter_mut().zip(&draws) {
            for l in 0..L {
                y[l] += sigma * F::from_f64(f64::from(draw[l]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(key: u64, steps: usize, neurons: usize) -> Vec<f64> {
        let mut all = Vec::new();
        for step in 0..steps {
            let mut syn = vec![[0f64; 8]; neurons];
            add(&mut syn, 1.0, &[key, 1, 2, 3, 4, 5, 6, 7], step);
            all.extend(syn.iter().map(|lanes| lanes[0]));
        }
        all
    }

    #[test]
    fn the_numbers_are_standard_normal_and_independent() {
        let x = sample(77, 400, 501);
        let n = x.len() as f64;
        let moment = |k: i32| x.iter().map(|x| x.powi(k)).sum::<f64>() / n;
        // Five standard errors of each moment.
        for (k, expected, error) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            assert!((moment(k) - expected).abs() < 5.0 * f64::sqrt(error / n), "moment {k}: {}", moment(k));
        }
        let tail = x.iter().filter(|x| x.abs() > 3.0).count() as f64 / n;
        assert!((tail - 0.0027).abs() < 5.0 * (0.0027 / n).sqrt(), "beyond three sigma: {tail}");
        for lag in [1, 2, 501, 1002] {
            let r = x.iter().zip(&x[lag..]).map(|(a, b)| a * b).sum::<f64>() / n;
            assert!(r.abs() < 5.0 / n.sqrt(), "lag {lag}: {r}");
        }
        let y = sample(78, 400, 501);
        let r = x.iter().zip(&y).map(|(a, b)| a * b).sum::<f64>() / n;
        assert!(r.abs() < 5.0 / n.sqrt(), "two keys: {r}");
    }

    #[test]
    fn the_polynomials_are_close_to_the_functions() {
        for i in 1..1000u32 {
            let u = i as f32 / 1000.0;
            assert!((ln(u) - u.ln()).abs() < 2e-6 * (1.0 + u.ln().abs()), "ln {u}");
            let (cos, sin) = turn(u);
            let angle = f64::from(u) * std::f64::consts::TAU;
            assert!((f64::from(cos) - angle.cos()).abs() < 2e-6 && (f64::from(sin) - angle.sin()).abs() < 2e-6, "turn {u}");
        }
    }
}
