//! The exponential as the binaries compute it: integer tables and a short series, so that every bit is known.
//!
//! `exp(-x)` is split at whole numbers (table of `e^z`) and sixteenths (table of `1 - e^(-k/16)`); a polynomial takes the rest.

/// `round(2^32 e^z)` for z from -13 to 12. In f64 one entry would be wrong: `HI[10]`.
const HI: [u64; 26] = [
    9_708,
    26_389,
    71_733,
    194_991,
    530_041,
    1_440_801,
    3_916_503,
    10_646_160,
    28_939_262,
    78_665_070,
    213_833_830,
    581_260_615,
    1_580_030_169,
    4_294_967_296,
    11_674_931_555,
    31_735_754_293,
    86_266_724_208,
    234_497_268_814,
    637_429_664_642,
    1_732_713_474_316,
    4_710_003_551_159,
    12_803_117_065_094,
    34_802_480_465_680,
    94_602_950_235_157,
    257_157_480_542_844,
    699_026_506_411_923,
];
/// z of the first entry of [`HI`].
const HI_FIRST: i32 = -13;

/// `round(2^32 (1 - e^(-k/16)))`.
const MID: [u64; 16] = [
    0,
    260_218_914,
    504_671_961,
    734_314_346,
    950_043_403,
    1_152_702_096,
    1_343_082_321,
    1_521_927_990,
    1_689_937_949,
    1_847_768_698,
    1_996_036_966,
    2_135_322_113,
    2_266_168_400,
    2_389_087_112,
    2_504_558_555,
    2_613_033_936,
];

/// Below this raw argument the result is 0: `-15 ln 2`.
const UNDERFLOW: i64 = -340_695;

/// `t` times `m` / 2^32, rounded half up.
fn scale(t: u64, m: u64) -> u64 {
    (t >> 32) * m + (((t & 0xffff_ffff) * m + (1 << 31)) >> 32)
}

/// `1 - e^(-x)` for x below 1/16 in u0.32: a minimax polynomial of second degree, its coefficients those of the binaries.
fn series(x: u64) -> u64 {
    (((4_293_434_720 - ((2_081_624_032 * x) >> 32)) * x) >> 32) + 5_294
}

/// `2^32 e^x` of a raw s16.15 that is not above zero and not below the underflow.
fn exp64(x: i64) -> u64 {
    let whole = (x >> 15) as i32;
    let fraction = (x & 0x7fff) as u64;
    let hi = |z: i32| HI[(z - HI_FIRST) as usize];
    if fraction == 0 {
        return hi(whole);
    }
    // e^whole+1, less what the rest to the next whole number takes away.
    let rest = 0x8000 - fraction;
    let mut t = hi(whole + 1);
    t -= scale(t, MID[(rest >> 11) as usize]);
    t - scale(t, series((rest & 0x7ff) << 17))
}

/// `e^x` as s16.15, truncated, of a raw s16.15 that is not above zero.
///
/// # Panics
/// If x is above zero.
pub fn exp_s1615(x: i64) -> i32 {
    assert!(x <= 0, "decays only");
    if x < UNDERFLOW { 0 } else { (exp64(x) >> 17) as i32 }
}

/// `e^x` as u0.32, its low 32 bits (so that `e^0` is 0), of a raw s16.15 that is not above zero.
///
/// # Panics
/// If x is above zero.
pub fn exp_u032(x: i64) -> u32 {
    assert!(x <= 0, "decays only");
    if x < UNDERFLOW { 0 } else { exp64(x) as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits behind the point of the arithmetic that the tables are compared with.
    const BITS: u32 = 90;

    /// `e^(k / of)` by its series, in whole numbers with 90 bits behind the point.
    fn exact(k: u128, of: u128) -> u128 {
        let (mut term, mut sum) = (1u128 << BITS, 0);
        for i in 1.. {
            sum += term;
            term = term * k / (of * i);
            if term == 0 {
                break;
            }
        }
        sum
    }

    /// `2^32 / e^(k / of)` with one more bit behind the point.
    fn inverse(k: u128, of: u128) -> u128 {
        (1 << (BITS + 33)) / exact(k, of)
    }

    #[test]
    fn the_table_of_whole_numbers_is_the_exponential_to_the_last_bit() {
        for (i, &entry) in HI.iter().enumerate() {
            let z = i as i32 + HI_FIRST;
            let k = u128::from(z.unsigned_abs());
            let twice = if z < 0 { inverse(k, 1) } else { exact(k, 1) >> (BITS - 33) };
            assert_eq!(u128::from(entry), twice.div_ceil(2), "e^{z}");
        }
        assert_eq!((HI[0], HI[12], HI[13], HI[25]), (9_708, 1_580_030_169, 1 << 32, 699_026_506_411_923));
        assert_eq!(HI[23], 94_602_950_235_157, "f64 gives ...158");
    }

    #[test]
    fn the_table_of_sixteenths_is_the_exponential_to_the_last_bit() {
        for (k, &entry) in MID.iter().enumerate() {
            let twice = (1 << 33) - inverse(k as u128, 16);
            assert_eq!(u128::from(entry), twice / 2, "1 - e^(-{k}/16)");
            let plain = ((1.0 - (-(k as f64) / 16.0).exp()) * 4_294_967_296.0).round();
            assert_eq!(entry, plain as u64, "1 - e^(-{k}/16)");
        }
        assert_eq!((MID[1], MID[15]), (260_218_914, 2_613_033_936));
    }

    #[test]
    fn the_exponential_is_close_everywhere_and_ends_at_the_underflow() {
        assert_eq!(UNDERFLOW, (-15.0 * std::f64::consts::LN_2 * 32_768.0).trunc() as i64);
        assert_eq!((exp_s1615(UNDERFLOW - 1), exp_u032(UNDERFLOW - 1), exp_u032(-(1 << 40))), (0, 0, 0));
        assert_eq!((exp_s1615(0), exp_u032(0)), (32_768, 0));
        for x in (UNDERFLOW..0).step_by(37) {
            let ideal = (x as f64 / 32_768.0).exp() * 4_294_967_296.0;
            let off = (f64::from(exp_u032(x)) - ideal).abs();
            assert!(off < 8_000.0 && off < ideal * 2e-6 + 1.0, "e^{x} is off by {off}");
        }
    }
}
