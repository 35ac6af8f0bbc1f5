use super::*;

/// Places between two neighbouring doubles' positions: how far `a` is from `b`.
fn ulps(a: f64, b: f64) -> u64 {
    if a.is_nan() && b.is_nan() {
        return 0;
    }
    // Zeros of either sign are the same place.
    let order = |x: f64| {
        let bits = x.to_bits() as i64;
        if bits < 0 { i64::MIN - bits } else { bits }
    };
    order(a).wrapping_sub(order(b)).unsigned_abs()
}

/// `count` values spread over `low..high`, none of them round.
fn spread(low: f64, high: f64, count: u64) -> impl Iterator<Item = f64> {
    (0..count).map(move |i| low + (high - low) * ((i as f64 * 0.618_033_988_749_895) % 1.0))
}

const SPECIAL: [f64; 16] = [
    0.0,
    -0.0,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    1.0,
    -1.0,
    709.782_712_893_384,
    709.782_712_893_385,
    -708.4,
    -745.133_219_101_941_1,
    -745.133_219_101_942,
    1e308,
    -1e308,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

#[test]
fn exp_is_within_one_ulp_over_its_whole_range() {
    let wide = spread(-708.0, 709.78, 400_000);
    for x in wide.chain(spread(-2.0, 2.0, 400_000)).chain(spread(-1e-6, 1e-6, 1000)).chain(SPECIAL) {
        assert!(ulps(x.exp(), Real::exp(x)) <= 1, "{x:e}: {:e} is not {:e}", Real::exp(x), x.exp());
    }
}

#[test]
fn exp_underflows_through_the_subnormals() {
    for x in spread(-746.0, -708.0, 100_000) {
        assert!(ulps(x.exp(), Real::exp(x)) <= 1, "{x:e}: {:e} is not {:e}", Real::exp(x), x.exp());
    }
    assert_eq!(Real::exp(-745.2_f64).to_bits(), 0);
    assert!(Real::exp(f64::NAN).is_nan());
}

#[test]
fn bounded_exp_has_the_bits_of_exp_inside_and_stays_finite_outside() {
    for x in spread(-700.0, 700.0, 100_000) {
        assert_eq!(Real::exp(x).to_bits(), x.exp_bounded().to_bits());
    }
    for x in [-1e300, -701.0, 701.0, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(x.exp_bounded() > 0.0 && x.exp_bounded().is_finite());
    }
    assert!(f64::NAN.exp_bounded().is_nan());
}

#[test]
fn exp_m1_is_accurate_near_zero() {
    for x in spread(-1.0, 1.0, 200_000).chain(spread(-1e-9, 1e-9, 10_000)).chain(spread(-60.0, 700.0, 100_000)) {
        assert!(ulps(x.exp_m1(), Real::exp_m1(x)) <= 2, "{x:e}: {:e} is not {:e}", Real::exp_m1(x), x.exp_m1());
    }
    assert_eq!(Real::exp_m1(-1e4_f64).to_bits(), (-1.0_f64).to_bits());
    assert!(Real::exp_m1(f64::NAN).is_nan());
}

#[test]
fn ln_is_within_one_ulp_over_its_whole_range() {
    let wide = spread(-745.0, 709.0, 400_000).map(f64::exp);
    for x in wide.chain(spread(0.5, 2.0, 400_000)).chain(spread(0.0, 1e-310, 10_000)).chain(SPECIAL) {
        assert!(ulps(x.ln(), Real::ln(x)) <= 1, "{x:e}: {:e} is not {:e}", Real::ln(x), x.ln());
    }
    assert!(Real::ln(f64::NAN).is_nan());
}

#[test]
fn powf_agrees_with_the_standard_library() {
    for x in spread(1e-4, 1e3, 50_000) {
        assert!((Real::powf(x, 4.8) / x.powf(4.8) - 1.0).abs() < 1e-14);
    }
}

/// `x / (1 - exp(-x / k))` from the library's `exp_m1`, with the limit at 0.
fn plain_linoid(x: f64, k: f64) -> f64 {
    if x == 0.0 { k } else { -x / f64::exp_m1(-x / k) }
}

#[test]
fn the_linoid_and_its_mirror_are_exact_everywhere() {
    for k in [2.63, 4.63, 6.0, 10.0, -6.0] {
        let near = (0..300).map(|i| 10_f64.powi(-i));
        let values = near.clone().chain(near.map(|x| -x)).chain(spread(-300.0, 300.0, 100_000)).chain([0.0, -0.0]);
        for x in values {
            let (right, left) = x.linoid_pair(k);
            // The quotient x / k itself is known to one rounding, which exp multiplies by its size.
            let bound = 4e-16 * (3.0 + (x / k).abs());
            for (value, plain) in [(right, plain_linoid(x, k)), (left, plain_linoid(-x, k))] {
                assert!((value - plain).abs() <= bound * plain.abs(), "{x:e} {k}: {value:e} is not {plain:e}");
            }
        }
    }
}

/// Every elementary function of a lane against the same in `f64`.
fn same_bits<const N: usize>() {
    let inputs: Vec<f64> = spread(-800.0, 800.0, 20_000).chain(spread(-3.0, 3.0, 20_000)).chain(SPECIAL).collect();
    let all =
        |x: f64| [Real::exp(x), x.exp_bounded(), Real::exp_m1(x), Real::ln(x), Real::ln(x.abs()), x.linoid(6.0), x.min(1.5)];
    for chunk in inputs.as_chunks::<N>().0 {
        let lanes = Lanes(*chunk);
        let results = [
            lanes.exp(),
            lanes.exp_bounded(),
            lanes.exp_m1(),
            lanes.ln(),
            lanes.abs().ln(),
            lanes.linoid(6.0),
            lanes.min(Lanes::splat(1.5)),
        ];
        for (i, &x) in chunk.iter().enumerate() {
            for (lane, alone) in results.iter().zip(all(x)) {
                assert!(lane.lane(i).to_bits() == alone.to_bits() || lane.lane(i).is_nan() && alone.is_nan(), "{x:e}");
            }
        }
    }
}

struct Everywhere;

impl pulp::WithSimd for Everywhere {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        same_bits::<1>();
        same_bits::<4>();
        same_bits::<8>();
        same_bits::<16>();
    }
}

#[test]
fn a_lane_has_the_bits_of_the_number_alone_on_any_instruction_set() {
    pulp::Arch::Scalar.dispatch(Everywhere);
    pulp::Arch::new().dispatch(Everywhere);
}
