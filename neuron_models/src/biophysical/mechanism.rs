//! Mechanisms of the membrane: ion channels, the calcium pool, reversal potentials.
//!
//! A [`Channel`] is the equations of one channel in one small file: steady states and rates of its gates, and how much of it
//! is open. [`ChannelBlock`] runs all its instances of a cell (or of a batch of equal cells) and is the same for all. The
//! table of channels is [`CHANNELS`]: a new channel is a file and a line there.
//!
//! All channels are ohmic with their gates held: `I = gbar open (v - e)`, and the slope is `gbar open`.
//!
//! | module | owns |
//! |---|---|
//! | [`channels`] | the equations, one file each |
//! | [`registry`] | [`CHANNELS`], [`channel`]: what there is, by name |
//! | [`block`] | [`Mechanism`], [`ChannelBlock`]: instances, their states, one step of them |
//! | [`together`] | [`GatesTogether`]: gates of many channels at one place, moved at once |
//! | [`table`] | [`RateTable`]: gates interpolated on a grid of voltages instead of computed |
//! | [`calcium`] | [`Calcium`] of the nodes, [`CalciumPool`], the Nernst potential |

#![allow(
    clippy::inline_always,
    reason = "kernels are compiled anew inside each instruction set's dispatch, which they reach only by inlining"
)]

pub mod block;
pub mod calcium;
pub mod channels;
pub mod registry;
pub mod table;
pub mod together;

pub use block::{ChannelBlock, Density, Instance, Mechanism};
pub use calcium::{CONSTANT_ECA_MV, Calcium, CalciumPool, PoolInstance, nernst_calcium_mv};
pub use registry::{CHANNELS, ChannelInfo, channel};
pub use table::{Grid, RateTable, TableError};
pub use together::GatesTogether;

use super::lanes::Real;

/// `2.3^((34 - 21) / 10)`: rates measured at 21 °C, brought to 34 °C once and for all (Hay et al. 2011).
pub const QT: f64 = 2.952_882_641_412_121;

/// What a channel's current is carried by: it says which reversal potential it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ion {
    /// Sodium: `ena`.
    Sodium,
    /// Potassium: `ek`.
    Potassium,
    /// Calcium: `eca` of the node, from its concentration, and the current counts for the pool.
    Calcium,
    /// No ion in particular: a reversal potential of its own.
    Unspecific,
}

impl Ion {
    /// `na`, `k` or `ca`.
    pub fn symbol(self) -> Option<&'static str> {
        match self {
            Self::Sodium => Some("na"),
            Self::Potassium => Some("k"),
            Self::Calcium => Some("ca"),
            Self::Unspecific => None,
        }
    }
}

/// What the gates of a channel follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    /// The membrane potential (mV).
    Voltage,
    /// The calcium concentration inside (mM).
    Calcium,
}

/// What the rates of a channel may depend on besides their drive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Environment {
    /// Temperature in °C. The channels of [Hay 2011](channels) do not ask it.
    pub celsius: f64,
}

impl Default for Environment {
    fn default() -> Self {
        Self { celsius: 34.0 }
    }
}

/// Where a gate is heading and how fast.
#[derive(Debug, Clone, Copy)]
pub struct GateRate<V> {
    /// Steady state.
    pub inf: V,
    /// `1 / tau` in 1/ms.
    pub rate: V,
}

impl<V: Real> GateRate<V> {
    /// From the rates of opening and closing (1/ms): `inf = a / (a + b)`, `rate = (a + b) scale`.
    #[inline(always)]
    pub fn of_rates(opening: V, closing: V, scale: f64) -> Self {
        let sum = opening + closing;
        Self { inf: opening / sum, rate: sum * scale }
    }
}

/// The equations of one channel with `G` gates.
pub trait Channel<const G: usize>: Copy + Send + Sync + 'static {
    /// The name in recipes.
    const NAME: &'static str;
    /// The names of the gates.
    const GATES: [&'static str; G];
    /// What carries its current.
    const ION: Ion;
    /// What its gates follow.
    const DRIVE: Drive = Drive::Voltage;
    /// Its reversal potential (mV) if nothing else is said; `None`: the node's calcium.
    const REVERSAL_MV: Option<f64>;

    /// The channel in this environment.
    fn new(environment: &Environment) -> Self;

    /// Steady state and rate of each gate at `drive` (mV or mM).
    fn rates<V: Real>(&self, drive: V) -> [GateRate<V>; G];

    /// The open share of the channels, 0 to 1.
    fn open<V: Real>(&self, gates: [V; G]) -> V;
}
