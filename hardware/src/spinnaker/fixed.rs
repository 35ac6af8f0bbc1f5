//! Number formats: s16.15 in `i32`.

/// Steps of s16.15 in one unit.
pub const ONE: f64 = 32_768.0;

/// The raw s16.15 of a value, rounded half away from zero; none outside -65536 to 65535.99997, or if it is no number.
pub fn raw(value: f64) -> Option<i32> {
    let raw = (value * ONE).round();
    (raw >= f64::from(i32::MIN) && raw <= f64::from(i32::MAX)).then_some(raw as i32)
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
}
