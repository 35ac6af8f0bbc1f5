//! How a receptor's conductance rises and falls, and what magnesium does to it.

use kenyon_base::UserError;
use serde::{Deserialize, Serialize};

use crate::biophysical::lanes::Real;

/// The time course after an event.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kinetics {
    /// A jump to the peak, then `exp(-t / decay)`.
    Exponential {
        /// Time constant, ms.
        decay_ms: f64,
    },
    /// `f (exp(-t / decay) - exp(-t / rise))` with `f` such that the peak is 1.
    DoubleExponential {
        /// Time constant of the rise, ms.
        rise_ms: f64,
        /// Time constant of the fall, ms.
        decay_ms: f64,
    },
}

impl Kinetics {
    /// Checks that the time constants are positive and rise before they fall.
    ///
    /// # Errors
    /// If they are not.
    pub fn checked(self) -> Result<Self, UserError> {
        let (holds, found) = match self {
            Self::Exponential { decay_ms } => (decay_ms > 0.0, format!("decay {decay_ms} ms")),
            Self::DoubleExponential { rise_ms, decay_ms } => {
                (rise_ms > 0.0 && decay_ms > rise_ms, format!("rise {rise_ms} ms, decay {decay_ms} ms"))
            }
        };
        if holds {
            return Ok(self);
        }
        Err(UserError::usage("bad-kinetics", "a synapse cannot have these time constants")
            .found(found)
            .expected("time constants above 0 ms, the rise shorter than the decay")
            .mend("exchange the two, or take an exponential synapse"))
    }

    /// What an event of weight 1 adds to each state: `1 / (exp(-tp / decay) - exp(-tp / rise))`, at the time of the peak
    /// `tp = rise decay / (decay - rise) ln(decay / rise)`; 1 without a rise.
    pub fn factor(self) -> f64 {
        match self {
            Self::Exponential { .. } => 1.0,
            Self::DoubleExponential { rise_ms, decay_ms } => {
                let peak_ms = rise_ms * decay_ms / (decay_ms - rise_ms) * Real::ln(decay_ms / rise_ms);
                1.0 / (Real::exp(-peak_ms / decay_ms) - Real::exp(-peak_ms / rise_ms))
            }
        }
    }

    /// The time constant of the fall, ms.
    pub fn decay_ms(self) -> f64 {
        match self {
            Self::Exponential { decay_ms } | Self::DoubleExponential { decay_ms, .. } => decay_ms,
        }
    }

    /// The time constant of the rise, ms, if there is one.
    pub fn rise_ms(self) -> Option<f64> {
        match self {
            Self::Exponential { .. } => None,
            Self::DoubleExponential { rise_ms, .. } => Some(rise_ms),
        }
    }
}

/// The NMDA receptor's block by magnesium, at once: `1 / (1 + mg / 3.57 exp(-gamma v))` (Jahr & Stevens 1990).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MagnesiumBlock {
    /// Steepness, 1/mV.
    pub gamma_per_mv: f64,
    /// Magnesium outside, mM.
    pub mg_mm: f64,
}

/// One kind of receptor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receptor {
    /// Its time course.
    pub kinetics: Kinetics,
    /// Reversal potential, mV.
    pub reversal_mv: f64,
    /// The block by magnesium, for NMDA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub magnesium: Option<MagnesiumBlock>,
}
