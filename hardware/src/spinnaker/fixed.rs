//! Number formats: s16.15 in `i32`, u0.32 in `u32`.
//!
//! Sums and products of s16.15 wrap to 32 bits; the functions here return the wrapped value. The released binaries truncate every
//! product towards minus infinity, where the published C sources would round to the nearest.

/// Steps of s16.15 in one unit.
pub const ONE: f64 = 32_768.0;

/// The raw s16.15 of a value, rounded half away from zero; none outside -65536 to 65535.99997, or if it is no number.
pub fn raw(value: f64) -> Option<i32> {
    within((value * ONE).round())
}

/// The smallest raw s16.15 that is not below the value; none outside the format, or if it is no number.
///
/// A lowered threshold is the next f64 above the trained one: rounded up, it is the smallest raw that the trained threshold is below.
pub fn raw_up(value: f64) -> Option<i32> {
    within((value * ONE).ceil())
}

fn within(raw: f64) -> Option<i32> {
    (raw >= f64::from(i32::MIN) && raw <= f64::from(i32::MAX)).then_some(raw as i32)
}

/// The value of a raw s16.15.
pub fn value(raw: i32) -> f64 {
    f64::from(raw) / ONE
}

/// Product of two s16.15, rounded down, before it wraps to 32 bits.
#[inline]
pub fn wide_mul(a: i32, b: i32) -> i64 {
    (i64::from(a) * i64::from(b)) >> 15
}

/// Product of two s16.15, rounded down.
#[inline]
pub fn mul(a: i32, b: i32) -> i32 {
    wide_mul(a, b) as i32
}

/// Product of an s16.15 and a u0.32, rounded down; it never leaves the format.
#[inline]
pub fn decay(x: i32, by: u32) -> i32 {
    ((i64::from(x) * i64::from(by)) >> 32) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_half_away_from_zero_within_the_format() {
        assert_eq!(raw(1.0), Some(32_768));
        assert_eq!((raw(0.5 / ONE), raw(-0.5 / ONE)), (Some(1), Some(-1)));
        assert_eq!((raw(65_535.999_97), raw(65_536.0), raw(-65_536.0)), (Some(i32::MAX), None, Some(i32::MIN)));
        assert_eq!(raw(f64::NAN), None);
    }

    #[test]
    fn a_lowered_threshold_becomes_the_raw_just_above_the_trained_one() {
        for trained in [1.0, 256.0, 0.7, 0.1 * 256.0, -3.25] {
            let floor = (trained * ONE).floor() as i32;
            assert_eq!(raw_up(f64::next_up(trained)), Some(floor + 1), "{trained}");
        }
        assert_eq!((raw_up(2_147_483_647.0 / ONE), raw_up(65_536.0), raw_up(f64::NAN)), (Some(i32::MAX), None, None));
    }

    #[test]
    fn products_round_down_and_wrap() {
        assert_eq!((mul(1, 1), mul(-1, 1), mul(3 << 15, -5 << 15)), (0, -1, -15 << 15));
        assert_eq!(mul(i32::MIN, i32::MIN), 0, "2^47 leaves 32 bits");
        assert_eq!((decay(-1, 1), decay(1, u32::MAX), decay(-(1 << 20), 1 << 31)), (-1, 0, -(1 << 19)));
    }
}
