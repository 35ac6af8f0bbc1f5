//! How a channel's density depends on the place.

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

/// Largest density, S/cm²: a slip of the pen above it.
const LARGEST_S_CM2: f64 = 1e3;

/// Where within a segment a density that depends on the distance is evaluated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// As the reference cell has it: at the centre of each segment, but in a section's last segment at the section's far end, rounded
    /// to ten decimals. It depends on how finely sections are cut.
    #[default]
    Reference,
    /// At the centre of every segment.
    Centre,
}

/// Density of a channel, S/cm².
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Density {
    /// The same everywhere.
    Even(f64),
    /// `factor (offset + gain exp(rate min(d / longest, plateau)))`, d the path distance and `longest` the largest of the region.
    Exponential {
        /// Parameters.
        exponential: Exponential,
    },
    /// `inside` where the distance lies between two bounds, `outside` elsewhere.
    Window {
        /// Parameters.
        window: Window,
    },
}

/// Parameters of [`Density::Exponential`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exponential {
    /// Factor, S/cm².
    pub factor: f64,
    /// Offset.
    pub offset: f64,
    /// Gain.
    pub gain: f64,
    /// Rate per relative distance.
    pub rate: f64,
    /// Relative distance from which on it stays the same; 1 or more for no plateau.
    pub plateau: f64,
}

/// Parameters of [`Density::Window`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Beginning, µm; the place itself is outside.
    pub from_um: f64,
    /// End, µm; the place itself is outside.
    pub to_um: f64,
    /// Density within, S/cm².
    pub inside: f64,
    /// Density elsewhere, S/cm².
    pub outside: f64,
}

impl Density {
    /// The density at a distance (µm) from where the recipe measures; `longest_um` is the largest distance of the region.
    pub fn at(&self, distance_um: f64, longest_um: f64) -> f64 {
        match self {
            Self::Even(g) => *g,
            Self::Exponential { exponential: e } => {
                e.factor * (e.offset + e.gain * (e.rate * (distance_um / longest_um).min(e.plateau)).exp())
            }
            Self::Window { window: w } => {
                if distance_um > w.from_um && distance_um < w.to_um {
                    w.inside
                } else {
                    w.outside
                }
            }
        }
    }

    /// Whether it asks for the distance.
    pub fn depends_on_distance(&self) -> bool {
        !matches!(self, Self::Even(_))
    }

    /// Checks that it is a density wherever it is asked.
    pub(super) fn check(&self, key: &str) -> Result<()> {
        let numbers = match self {
            Self::Even(g) => vec![*g],
            Self::Exponential { exponential: e } => {
                vec![self.at(0.0, 1.0), self.at(1.0, 1.0), self.at(e.plateau.min(1.0), 1.0)]
            }
            Self::Window { window: w } => vec![w.inside, w.outside],
        };
        let sound = |g: &f64| (0.0..=LARGEST_S_CM2).contains(g);
        let ordered = match self {
            // A plateau and a width are no densities.
            Self::Exponential { exponential: e } => e.plateau.is_finite() && e.plateau >= 0.0,
            Self::Window { window: w } => (w.to_um - w.from_um).is_finite() && w.to_um >= w.from_um,
            Self::Even(_) => true,
        };
        if ordered && numbers.iter().all(sound) {
            return Ok(());
        }
        Err(UserError::bad_data("bad-number", "is no density")
            .key(key)
            .found(format!("{numbers:?}"))
            .expected(format!("0 to {LARGEST_S_CM2:e} S/cm², a plateau of 0 or more, a window that ends after it begins")))
    }
}
