//! `exp`, `exp - 1`, `ln` and the linoid over [`Real`], without branches and without fused operations.
//!
//! Argument reduction is the textbook one (Muller, Elementary Functions, chapter 11): `exp x = 2^n exp r` with `n` the whole
//! number nearest to `x / ln 2` and `ln 2` in two parts, so that `r` is exact to twice the precision; `ln x = k ln 2 + ln m`
//! with `m` in `[sqrt(1/2), sqrt 2)` and `ln m = 2 atanh((m - 1) / (m + 1))`. The polynomials are minimax approximations on
//! these intervals (Remez exchange in 60 digits), with relative errors of 2^-58.

use super::Real;

/// `ln 2` to 32 bits behind the point: its product with a whole number below 2^20 is exact.
const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
/// What [`LN2_HIGH`] lacks.
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Adding it leaves the sum's nearest whole number in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// Twice the bias of the exponent, added along so that half of it stays positive.
const BIAS: f64 = 2046.0;

/// `(exp(r) - 1 - r) / r²` for `|r| <= ln(2) / 2`, lowest power first.
const EXP: [f64; 10] = [
    0.500_000_000_000_001_1,
    0.166_666_666_666_664_1,
    0.041_666_666_666_529_19,
    0.008_333_333_333_495_627,
    0.001_388_888_894_392_235_4,
    0.000_198_412_695_047_570_2,
    2.480_149_276_304_350_3e-5,
    2.755_758_735_152_763e-6,
    2.763_037_854_765_928_5e-7,
    2.499_996_193_486_068_8e-8,
];

/// `(ln((1 + s) / (1 - s)) - 2 s) / (s z)` with `z = s²` for `|s| <= 0.1716`, lowest power first.
const LN: [f64; 7] = [
    0.666_666_666_666_673_5,
    0.399_999_999_994_110_9,
    0.285_714_287_432_623_56,
    0.222_221_984_760_399_25,
    0.181_835_697_362_167_81,
    0.153_139_033_543_629_1,
    0.147_975_065_068_757_8,
];

/// `exp r - 1` of the remainder, and the shifted `n` whose low bits hold `n + 2046`.
#[inline(always)]
fn reduce<V: Real>(x: V) -> (V, V) {
    let shifted = x * std::f64::consts::LOG2_E + (ROUND + BIAS);
    let n = shifted - (ROUND + BIAS);
    let high = x - n * LN2_HIGH;
    let low = n * LN2_LOW;
    let r = high - low;
    let r2 = r * r;
    // Even and odd powers apart: two short chains instead of a long one.
    let even = (((r2 * EXP[8] + EXP[6]) * r2 + EXP[4]) * r2 + EXP[2]) * r2 + EXP[0];
    let odd = (((r2 * EXP[9] + EXP[7]) * r2 + EXP[5]) * r2 + EXP[3]) * r2 + EXP[1];
    let p = r2 * (even + r * odd);
    (high - (low - p), shifted)
}

/// `2^n`, for `n` from -1022 to 1023.
#[inline(always)]
fn power_of_two<V: Real>(shifted: V) -> V {
    shifted.map_bits(|m| m.wrapping_sub(1023) << 52)
}

#[inline(always)]
pub(super) fn exp<V: Real>(x: V) -> V {
    // Beyond these limits the result is 0 or infinite already.
    let (w, shifted) = reduce(x.max(V::splat(-746.0)).min(V::splat(710.0)));
    // In two halves: the result may be subnormal or infinite where 2^n has no bits of its own.
    let first = shifted.map_bits(|m| (m >> 1) << 52);
    let second = shifted.map_bits(|m| m.wrapping_sub(m >> 1) << 52);
    (w + 1.0) * first * second
}

#[inline(always)]
pub(super) fn exp_bounded<V: Real>(x: V) -> V {
    let (w, shifted) = reduce(x.max(V::splat(-700.0)).min(V::splat(700.0)));
    (w + 1.0) * power_of_two(shifted)
}

#[inline(always)]
pub(super) fn exp_m1<V: Real>(x: V) -> V {
    let (w, shifted) = reduce(x.max(V::splat(-60.0)).min(V::splat(700.0)));
    let scale = power_of_two(shifted);
    w * scale + (scale - 1.0)
}

#[inline(always)]
pub(super) fn ln<V: Real>(x: V) -> V {
    const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    const MANTISSA: u64 = (1 << 52) - 1;
    const TWO_52: f64 = 4_503_599_627_370_496.0;
    const TWO_54: f64 = 18_014_398_509_481_984.0;
    let zero = V::splat(0.0);
    let tiny = x.lt(V::splat(f64::MIN_POSITIVE));
    let normal = V::select(tiny, x * TWO_54, x);
    let shift = V::select(tiny, V::splat(54.0), zero);
    let from_half = |bits: u64| bits.wrapping_add(0x3ff0_0000_0000_0000 - SQRT_HALF);
    let m = normal.map_bits(|bits| (from_half(bits) & MANTISSA) + SQRT_HALF);
    let k = normal.map_bits(|bits| ((from_half(bits) >> 52) & 0x7ff) | TWO_52.to_bits()) - (TWO_52 + 1023.0) - shift;
    let f = m - 1.0;
    let s = f / (f + 2.0);
    let z = s * s;
    let z2 = z * z;
    let even = ((z2 * LN[6] + LN[4]) * z2 + LN[2]) * z2 + LN[0];
    let odd = (z2 * LN[5] + LN[3]) * z2 + LN[1];
    let r = z * (even + z * odd);
    // ln m = f - (f²/2 - s (f²/2 + r)): f is exact, what is taken from it is small.
    let half = f * f * 0.5;
    let y = k * LN2_HIGH - ((half - (s * (half + r) + k * LN2_LOW)) - f);
    let y = V::select(x.lt(V::splat(f64::INFINITY)), y, x);
    let y = V::select(zero.lt(x), y, V::splat(f64::NAN));
    V::select(x.abs().lt(V::splat(f64::from_bits(1))), V::splat(f64::NEG_INFINITY), y)
}

#[inline(always)]
pub(super) fn linoid_pair<V: Real>(x: V, k: f64) -> (V, V) {
    let y = x * (-1.0 / k);
    let (w, shifted) = reduce(y.max(V::splat(-700.0)).min(V::splat(700.0)));
    let scale = power_of_two(shifted);
    let e = w * scale + (scale - 1.0);
    // exp(y) - 1 = y (1 + y/2 + ..): where only the first two terms are seen, the quotient is not needed (and is 0/0 at 0).
    let near = y.abs().lt(V::splat(1e-8));
    let quotient = -(x / V::select(near, V::splat(1.0), e));
    let right = V::select(near, x * 0.5 + k, quotient);
    (right, right * ((w + 1.0) * scale))
}
