//! Leak: open always.

use super::prelude::*;

/// The channel `leak`.
#[derive(Debug, Clone, Copy)]
pub struct Leak;

impl Channel<0> for Leak {
    const NAME: &'static str = "leak";
    const GATES: [&'static str; 0] = [];
    const ION: Ion = Ion::Unspecific;
    const REVERSAL_MV: Option<f64> = Some(-90.0);

    fn new(_: &Environment) -> Self {
        Self
    }

    #[inline(always)]
    fn rates<V: Real>(&self, _: V) -> [GateRate<V>; 0] {
        []
    }

    #[inline(always)]
    fn open<V: Real>(&self, _: [V; 0]) -> V {
        V::splat(1.0)
    }
}
