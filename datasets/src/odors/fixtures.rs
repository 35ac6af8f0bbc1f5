//! A small data set that several tests use.

use super::{InputLayer, OdorGenerator, OdorSpec, build};

/// 40 receptor neurons of eight receptors, two of them with two labels and two with none.
pub(crate) fn layer() -> InputLayer {
    let labels = (0..40)
        .map(|i| match i {
            3 | 17 => vec!["Or1a".to_string(), "Or2a".to_string()],
            5 | 30 => vec![],
            i => vec![format!("Or{}a", i % 8)],
        })
        .collect();
    InputLayer::new((0..40).map(|i| 720_575_940_000_000_000 + 7 * i).collect(), labels).expect("valid")
}

pub(crate) fn spec() -> OdorSpec {
    OdorSpec { max_odors: Some(6), repeats: 20, ..OdorSpec::default() }
}

pub(crate) fn generator() -> OdorGenerator {
    build(&spec(), std::path::Path::new("."), 1, layer()).expect("valid")
}
