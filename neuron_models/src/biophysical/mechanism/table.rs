//! Gates interpolated on a grid of voltages: a faster mode, off unless asked for.
//!
//! Steady state and `exp(-dt / tau) - 1` are tabulated for one step and interpolated linearly; voltages outside the grid take
//! the exact equations. The errors are measured, not estimated: [`RateTable::worst_errors`].

#![allow(clippy::needless_range_loop, reason = "one index into several arrays, in loops that are unrolled")]

use std::array::from_fn;

use kenyon_base::UserError;
use serde::{Deserialize, Serialize};

use super::Channel;
use crate::biophysical::lanes::Real;
use crate::biophysical::lanes::places::CHUNK;

/// The voltages of a table: `from_mv`, `from_mv + step_mv`, .. up to `to_mv`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// First voltage, mV.
    pub from_mv: f64,
    /// Last voltage, mV.
    pub to_mv: f64,
    /// Distance, mV.
    pub step_mv: f64,
}

impl Default for Grid {
    fn default() -> Self {
        Self { from_mv: -150.0, to_mv: 100.0, step_mv: 0.125 }
    }
}

/// Rows that a table may have at most.
const MOST_ROWS: f64 = 1e6;

impl Grid {
    /// Intervals of the grid.
    ///
    /// # Errors
    /// If there are none, or too many.
    fn intervals(self) -> Result<usize, UserError> {
        let count = (self.to_mv - self.from_mv) / self.step_mv;
        if (1.0..=MOST_ROWS).contains(&count) && self.step_mv > 0.0 {
            return Ok(count.round() as usize);
        }
        Err(UserError::usage("bad-grid", "the grid of the rate tables holds no table")
            .found(format!("from {} to {} mV by {} mV", self.from_mv, self.to_mv, self.step_mv))
            .expected(format!("1 to {MOST_ROWS} intervals of positive length"))
            .mend("choose limits and a distance such as -150, 100 and 0.125"))
    }
}

/// The worst deviation of an interpolated gate, over ten places in every interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TableError {
    /// The gate.
    pub gate: &'static str,
    /// Of the steady state.
    pub inf: f64,
    /// Where that is, mV.
    pub inf_at_mv: f64,
    /// Of `1 - exp(-dt / tau)`.
    pub share: f64,
    /// Where that is, mV.
    pub share_at_mv: f64,
}

/// One gate's steady state and `exp(-dt / tau) - 1`.
#[derive(Debug, Clone, Copy)]
pub(super) struct GateStep<V> {
    pub(super) inf: V,
    pub(super) share: V,
}

/// Value and rise to the next voltage, of the steady state and of the share.
type Entry = [f64; 4];

/// The gates of one channel on a grid.
#[derive(Debug, Clone)]
pub struct RateTable<const G: usize> {
    grid: Grid,
    dt_ms: f64,
    per_mv: f64,
    end_mv: f64,
    rows: Vec<[Entry; G]>,
}

fn exact<const G: usize, C: Channel<G>>(channel: &C, v: f64, dt_ms: f64) -> [GateStep<f64>; G] {
    channel.rates(v).map(|rate| GateStep { inf: rate.inf, share: Real::exp_m1(rate.rate * -dt_ms) })
}

impl<const G: usize> RateTable<G> {
    /// Tabulates `channel` for steps of `dt_ms`.
    ///
    /// # Errors
    /// If the grid holds no table.
    pub fn new<C: Channel<G>>(channel: &C, grid: Grid, dt_ms: f64) -> Result<Self, UserError> {
        let intervals = grid.intervals()?;
        let at = |i: usize| exact(channel, grid.from_mv + i as f64 * grid.step_mv, dt_ms);
        let mut low = at(0);
        let rows = (1..=intervals)
            .map(|i| {
                let high = at(i);
                let row = from_fn(|g| [low[g].inf, high[g].inf - low[g].inf, low[g].share, high[g].share - low[g].share]);
                low = high;
                row
            })
            .collect();
        let end_mv = grid.from_mv + intervals as f64 * grid.step_mv;
        Ok(Self { grid, dt_ms, per_mv: 1.0 / grid.step_mv, end_mv, rows })
    }

    /// Whether it was made for this step.
    pub fn is_for(&self, dt_ms: f64) -> bool {
        self.dt_ms.to_bits() == dt_ms.to_bits()
    }

    /// Whether the grid holds all lanes.
    #[inline(always)]
    pub(super) fn covers<V: Real>(&self, v: V) -> bool {
        (v - self.grid.from_mv).largest_bits() < (self.end_mv - self.grid.from_mv).to_bits()
    }

    /// The interpolated gates, and which lanes the grid holds; the others are those of its first voltage.
    #[inline(always)]
    pub(super) fn steps<V: Real>(&self, v: V) -> ([GateStep<V>; G], V::Mask) {
        // A sum with 2^52 keeps the whole number in its low bits.
        const WHOLE: f64 = 4_503_599_627_370_496.0;
        let first = V::splat(self.grid.from_mv);
        let reach = V::select(v.lt(first), V::splat(f64::NAN), v);
        let inside = reach.lt(V::splat(self.end_mv));
        let place = (V::select(inside, v, first) - self.grid.from_mv) * self.per_mv;
        // Rounding may give the next interval for a place at its very edge: the fraction is 0 there, or 1 in this one.
        let whole = (place - 0.5).max(V::splat(0.0)) + WHOLE;
        let fraction = place - (whole - WHOLE);
        let mut row = [&self.rows[0]; CHUNK];
        for i in 0..V::WIDTH {
            row[i] = &self.rows[whole.lane(i).to_bits() as u32 as usize];
        }
        let mut steps = [GateStep { inf: fraction, share: fraction }; G];
        for g in 0..G {
            let mut columns = [fraction; 4];
            for c in 0..4 {
                columns[c] = V::from_fn(|i| row[i][g][c]);
            }
            let [inf, rise, share, share_rise] = columns;
            steps[g] = GateStep { inf: inf + rise * fraction, share: share + share_rise * fraction };
        }
        (steps, inside)
    }

    /// The worst error of every gate, at ten places of every interval.
    pub fn worst_errors<C: Channel<G>>(&self, channel: &C) -> Vec<TableError> {
        let mut errors: Vec<_> =
            C::GATES.map(|gate| TableError { gate, inf: 0.0, inf_at_mv: 0.0, share: 0.0, share_at_mv: 0.0 }).into();
        for i in 0..self.rows.len() * 10 {
            let v = self.grid.from_mv + (i as f64 + 0.5) * 0.1 * self.grid.step_mv;
            let (table, _) = self.steps(v);
            for ((error, table), exact) in errors.iter_mut().zip(table).zip(exact(channel, v, self.dt_ms)) {
                let (inf, share) = ((table.inf - exact.inf).abs(), (table.share - exact.share).abs());
                if inf > error.inf {
                    (error.inf, error.inf_at_mv) = (inf, v);
                }
                if share > error.share {
                    (error.share, error.share_at_mv) = (share, v);
                }
            }
        }
        errors
    }
}
