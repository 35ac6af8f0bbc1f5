//! Recipes: which channel with which density where, as data.
//!
//! A recipe is a TOML text; the shipped ones are in [`SHIPPED`]. It says nothing about the shape of the neuron.
//!
//! | module | owns |
//! |---|---|
//! | [`density`] | how a density depends on the place: even, growing with the distance, higher in a window |

pub mod density;

use std::collections::BTreeMap;
use std::path::Path;

use kenyon_base::{Result, UserError, config, nearest};
use serde::{Deserialize, Serialize};

pub use density::{Density, Placement};

use super::mechanism::channel;
use super::morphology::Region;

/// Recipes that come along: name, text.
pub const SHIPPED: [(&str, &str); 5] = [
    ("l5pc", include_str!("recipe/l5pc.toml")),
    ("l5pc-hay", include_str!("recipe/l5pc_hay.toml")),
    ("l5pc-passive-dendrites", include_str!("recipe/l5pc_passive_dendrites.toml")),
    ("ball-and-stick", include_str!("recipe/ball_and_stick.toml")),
    ("squid", include_str!("recipe/squid.toml")),
];

/// Membrane of a neuron, region by region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name.
    pub name: String,
    /// Where the numbers come from.
    #[serde(default)]
    pub source: String,
    /// Temperature, °C.
    pub celsius: f64,
    /// Potential that everything starts from, mV.
    pub v_init_mv: f64,
    /// Calcium outside, mM.
    #[serde(default = "default_cao")]
    pub cao_mm: f64,
    /// Reversal potential of sodium, mV.
    #[serde(default = "default_ena")]
    pub ena_mv: f64,
    /// Reversal potential of potassium, mV.
    #[serde(default = "default_ek")]
    pub ek_mv: f64,
    /// Where within a segment a density that depends on the distance is evaluated.
    #[serde(default)]
    pub placement: Placement,
    /// Section from whose near end distances are measured; the root unless named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_from: Option<String>,
    /// Membrane of each region; regions that are not named have none, which is an error for a tree that has them.
    pub region: BTreeMap<Region, Membrane>,
}

/// Membrane of one region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membrane {
    /// Axial resistivity, Ω·cm.
    pub ra_ohm_cm: f64,
    /// Capacitance, µF/cm².
    pub cm_uf_cm2: f64,
    /// Calcium pool, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// Densities by name of the channel.
    #[serde(default)]
    pub channels: BTreeMap<String, Placed>,
}

/// A calcium pool.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Share of the current that stays free.
    pub gamma: f64,
    /// Time constant of removal, ms.
    pub decay_ms: f64,
}

/// A channel in a region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Placed {
    /// The same density everywhere, S/cm².
    Even(f64),
    /// A density, and perhaps a reversal potential of its own.
    Full(FullyPlaced),
}

/// A channel in a region, in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullyPlaced {
    /// Density.
    pub gbar: Density,
    /// Reversal potential, mV, instead of the ion's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversal_mv: Option<f64>,
}

impl Placed {
    /// The density.
    pub fn density(&self) -> Density {
        match self {
            Self::Even(g) => Density::Even(*g),
            Self::Full(full) => full.gbar.clone(),
        }
    }

    /// Reversal potential of its own.
    pub fn reversal_mv(&self) -> Option<f64> {
        match self {
            Self::Even(_) => None,
            Self::Full(full) => full.reversal_mv,
        }
    }
}

fn default_cao() -> f64 {
    2.0
}

fn default_ena() -> f64 {
    50.0
}

fn default_ek() -> f64 {
    -85.0
}

impl Recipe {
    /// A shipped recipe.
    ///
    /// # Errors
    /// `unknown-recipe`, listing the names.
    pub fn shipped(name: &str) -> Result<Self> {
        let Some((name, text)) = SHIPPED.iter().find(|(known, _)| *known == name) else {
            let names = SHIPPED.map(|(name, _)| name);
            let mend =
                nearest(name, names).map_or_else(|| "or name a TOML file".into(), |close| format!("did you mean `{close}`?"));
            return Err(UserError::usage("unknown-recipe", "there is no such recipe")
                .found(name)
                .expected(names.join(", "))
                .mend(mend));
        };
        Self::parse(text, Path::new(name))
    }

    /// Parses and checks a recipe; `path` is named in errors.
    ///
    /// # Errors
    /// Unknown keys and channels, numbers that no membrane can have.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let recipe: Self = config::parse(text, path)?;
        recipe.check().map_err(|e| e.file(path))?;
        Ok(recipe)
    }

    /// Checks channels and numbers.
    ///
    /// # Errors
    /// `unknown-channel`, `bad-number`, with the key.
    pub fn check(&self) -> Result<()> {
        let finite = |key: &str, value: f64, low: f64, high: f64, unit: &str| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            let error =
                UserError::bad_data("bad-number", "no membrane has this").key(key).found(format!("{value} {unit}").trim());
            Err(error.expected(format!("{low} to {high} {unit}").trim()))
        };
        finite("celsius", self.celsius, -20.0, 60.0, "°C")?;
        finite("v_init_mv", self.v_init_mv, -200.0, 200.0, "mV")?;
        finite("cao_mm", self.cao_mm, 1e-6, 1e3, "mM")?;
        finite("ena_mv", self.ena_mv, -500.0, 500.0, "mV")?;
        finite("ek_mv", self.ek_mv, -500.0, 500.0, "mV")?;
        for (region, membrane) in &self.region {
            let key = |name: &str| format!("region.{region}.{name}");
            finite(&key("ra_ohm_cm"), membrane.ra_ohm_cm, 1e-3, 1e6, "Ω·cm")?;
            finite(&key("cm_uf_cm2"), membrane.cm_uf_cm2, 1e-3, 1e3, "µF/cm²")?;
            if let Some(pool) = membrane.pool {
                finite(&key("pool.gamma"), pool.gamma, 0.0, 1.0, "")?;
                finite(&key("pool.decay_ms"), pool.decay_ms, 1e-3, 1e6, "ms")?;
            }
            for (name, placed) in &membrane.channels {
                let key = key(&format!("channels.{name}"));
                channel(name).map_err(|e| e.in_data().key(&key))?;
                placed.density().check(&key)?;
                finite(&key, placed.reversal_mv().unwrap_or(0.0), -500.0, 500.0, "mV")?;
            }
        }
        Ok(())
    }

    /// The membrane of a region.
    ///
    /// # Errors
    /// `no-membrane` if the recipe does not name the region.
    pub fn membrane(&self, region: Region) -> Result<&Membrane> {
        self.region.get(&region).ok_or_else(|| {
            let known: Vec<String> = self.region.keys().map(ToString::to_string).collect();
            UserError::bad_data(
                "no-membrane",
                format!("the recipe `{}` does not say what the region `{region}` is made of", self.name),
            )
            .expected(known.join(", "))
            .mend("add the region to the recipe, or take another recipe")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_recipe_reads_and_has_its_name() {
        for (name, _) in SHIPPED {
            assert_eq!(Recipe::shipped(name).expect("sound").name, name);
        }
    }

    #[test]
    fn unknown_names_and_absurd_numbers_are_refused_with_their_key() {
        let text = SHIPPED[0].1;
        for (from, to, code, word) in [
            ("SKv3_1", "SKv3_2", "unknown-channel", "SKv3_1"),
            ("celsius = 34.0", "celsius = nan", "bad-number", "celsius"),
            ("celsius = 34.0", "celsius = 34.0\nkelvin = 3", "bad-config", "kelvin"),
            ("gamma = 0.000509", "gamma = -1.0", "bad-number", "region.soma.pool.gamma"),
            ("Im = 8e-6", "Im = 1e300", "bad-number", "region.soma.channels.Im"),
            ("SK_E2 = 2e-6", "SK_E2 = -1.0", "bad-number", "region.apical.channels.SK_E2"),
            ("plateau = 0.65", "plateau = nan", "bad-number", "region.apical.channels.Ih"),
            ("to_um = 885.0", "to_um = 85.0", "bad-number", "region.apical.channels.Ca_LVAst"),
            ("[region.soma]", "[region.some]", "bad-config", "region"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = Recipe::parse(&text.replacen(from, to, 1), Path::new("x.toml")).expect_err(to);
            assert!(error.to_string().contains(word) && error.exit_code() == 3, "{to}: {error}");
            assert_eq!(error.code(), code, "{to}: {error}");
        }
        assert!(Recipe::shipped("l5pv").expect_err("unknown").to_string().contains("l5pc"));
    }
}
