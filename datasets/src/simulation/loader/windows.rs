//! Where the windows of a simulation lie.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::LoaderSpec;

/// Which windows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Windows {
    /// One window of every simulation per epoch, at a random start, in random order.
    Random,
    /// Windows whose scored parts cover every ms exactly once, in order.
    Tiles,
    /// The same windows in random order.
    ShuffledTiles,
}

/// A window of a simulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Position of the simulation in the index of its part.
    pub at: u32,
    /// First bin; negative ones lie in the warm-up, where there is input and no label.
    pub start: i64,
    /// Bins of the window that are scored.
    pub scored: Range<u32>,
}

/// First start of a random window, and the one after the last.
pub(super) fn starts(spec: &LoaderSpec, duration: u32, initialisation: u32) -> (u32, u32) {
    // A window may begin in the initialisation as far as its burn-in reaches.
    let first = spec.margin_ms.max(initialisation.saturating_sub(spec.burn_in_ms));
    (first, duration.saturating_sub(spec.window_ms).saturating_sub(spec.margin_ms))
}

/// Starts and scored bins of the windows that cover `initialisation..duration` once.
///
/// The burn-in of the first window lies in the warm-up or the initialisation as far as there is one; without it, the first
/// window is scored from its begin on.
pub(super) fn tile(spec: &LoaderSpec, duration: u32, warmup: u32, initialisation: u32) -> Vec<(i64, Range<u32>)> {
    let (window, end) = (i64::from(spec.window_ms), i64::from(duration));
    let mut tiles = Vec::new();
    let mut next = i64::from(initialisation);
    while next < end {
        let start = (next - i64::from(spec.burn_in_ms)).min(end - window).max(-i64::from(warmup));
        let stop = (start + window).min(end);
        tiles.push((start, (next - start) as u32..(stop - start) as u32));
        next = stop;
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spec(window_ms: u32, burn_in_ms: u32) -> LoaderSpec {
        LoaderSpec {
            window_ms,
            batch: 1,
            burn_in_ms,
            windows: Windows::Tiles,
            margin_ms: 16,
            seed: 0,
            flagged: false,
            branches: true,
            cache_bytes: 0,
        }
    }

    proptest! {
        #[test]
        fn tiles_score_every_ms_exactly_once(
            duration in 1_u32..3000, warmup in 0_u32..600, init in 0_u32..500, window in 1_u32..900, burn in 0_u32..400
        ) {
            prop_assume!(init < duration && burn < window && window <= duration + warmup);
            let mut next = i64::from(init);
            for (start, scored) in tile(&spec(window, burn), duration, warmup, init) {
                prop_assert!(start >= -i64::from(warmup) && start + i64::from(window) <= i64::from(duration));
                prop_assert_eq!(start + i64::from(scored.start), next);
                prop_assert!(!scored.is_empty() && scored.end <= window);
                prop_assert!(i64::from(scored.start) >= i64::from(burn).min(next + i64::from(warmup)));
                next = start + i64::from(scored.end);
            }
            prop_assert_eq!(next, i64::from(duration));
        }
    }
}
