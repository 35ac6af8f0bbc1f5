//! The config of an odour data set: section `[odors]`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use kenyon_base::{Result, UserError};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::receptors::Combine;
use super::table_file::Missing;
use crate::split::check_shares;

/// The recipe of an odour data set.
///
/// # Units
/// Times in ms, rates in Hz.
///
/// # Example
/// ```
/// use kenyon_datasets::odors::OdorSpec;
///
/// let spec: OdorSpec = toml::from_str("repeats = 20\nconcentration = [0.25, 1.0]").unwrap();
/// assert_eq!(spec.steps, 500);
/// assert_eq!(spec.concentration.nominal(), 0.625);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OdorSpec {
    /// Response table; the built-in synthetic one if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<PathBuf>,
    /// Receptor map, instead of the labels of the circuit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receptor_map: Option<PathBuf>,
    /// Seed of spikes, durations and split; the command's seed if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What to do about responses that were not measured.
    pub missing: Missing,
    /// Join rows of equal name; otherwise every row is a class.
    pub merge_duplicates: bool,
    /// Odours by name, in this order; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub odors: Option<Vec<String>>,
    /// At most so many odours, from the top of the table; for the synthetic table, how many are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_odors: Option<usize>,
    /// Mixtures as further classes.
    pub mixtures: Vec<MixtureSpec>,
    /// Column of the table for a receptor label.
    pub aliases: BTreeMap<String, String>,
    /// How a neuron with several receptors responds.
    pub combine: Combine,
    /// Keep inputs whose receptor is not known: they fire spontaneously.
    pub keep_unlabelled: bool,
    /// Samples per class.
    pub repeats: usize,
    /// Steps per sample.
    pub steps: usize,
    /// Length of a step.
    pub dt_ms: f64,
    /// Begin of the stimulus.
    pub onset_ms: Quantity,
    /// Length of the stimulus; a stimulus ends with the sample at the latest.
    pub duration_ms: Quantity,
    /// Rate without a stimulus.
    pub spontaneous_hz: f64,
    /// Rate above the spontaneous one at response 1 and concentration 1.
    pub gain_hz: f64,
    /// Factor on the response.
    pub concentration: Quantity,
    /// One more, empty, step at the end, as in the reference system.
    pub parity_bins: bool,
    /// Shares of training, validation and test samples.
    pub split: [f64; 3],
}

impl Default for OdorSpec {
    fn default() -> Self {
        Self {
            table: None,
            receptor_map: None,
            seed: None,
            missing: Missing::Error,
            merge_duplicates: false,
            odors: None,
            max_odors: None,
            mixtures: Vec::new(),
            aliases: BTreeMap::new(),
            combine: Combine::Sum,
            keep_unlabelled: true,
            repeats: 100,
            steps: 500,
            dt_ms: 1.0,
            onset_ms: Quantity::Fixed(0.0),
            duration_ms: Quantity::Range { from: 70.0, to: 500.0 },
            spontaneous_hz: 8.0,
            gain_hz: 192.0,
            concentration: Quantity::Fixed(0.5),
            parity_bins: false,
            split: [0.7, 0.2, 0.1],
        }
    }
}

/// A mixture of odours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixtureSpec {
    /// Odours by name.
    pub odors: Vec<String>,
    /// Weight of each; equal weights with sum 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<f64>>,
    /// Name of the class; the names of the odours joined by ` + ` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A number that is fixed, taken in turn from a list, or drawn from a range.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Quantity {
    /// The same in every sample: `0.5`.
    Fixed(f64),
    /// In turn from repeat to repeat of a class: `[0.25, 0.5, 1.0]`.
    List(Vec<f64>),
    /// Drawn uniformly, the end excluded: `{ from = 70, to = 500 }`.
    Range {
        /// Least value.
        from: f64,
        /// First value that is too large.
        to: f64,
    },
}

impl Quantity {
    /// Least and largest value.
    pub fn bounds(&self) -> (f64, f64) {
        match self {
            Self::Fixed(value) => (*value, *value),
            Self::List(values) => {
                values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
            }
            Self::Range { from, to } => (*from, *to),
        }
    }

    /// Its mean.
    pub fn nominal(&self) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::List(values) => values.iter().sum::<f64>() / values.len() as f64,
            Self::Range { from, to } => f64::midpoint(*from, *to),
        }
    }

    fn check(&self, key: &str, low: f64, high: f64) -> Result<()> {
        let (least, largest) = self.bounds();
        let sound = match self {
            Self::List(values) => !values.is_empty(),
            Self::Range { from, to } => from < to,
            Self::Fixed(_) => true,
        };
        // A NaN in a list is passed over by the bounds.
        let finite = !matches!(self, Self::List(values) if values.iter().any(|v| !v.is_finite()));
        if sound && finite && least >= low && largest <= high {
            return Ok(());
        }
        Err(bad(key)
            .found(self.to_string())
            .expected(format!("a number from {low} to {high}, a list of such, or `{{ from = A, to = B }}` with A below B")))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(value) => write!(f, "{value}"),
            Self::List(values) => write!(f, "{values:?}"),
            Self::Range { from, to } => write!(f, "{{ from = {from}, to = {to} }}"),
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a list of numbers, or `{ from = A, to = B }`")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> std::result::Result<Quantity, E> {
                Ok(Quantity::Fixed(value as f64))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> std::result::Result<Quantity, E> {
                Ok(Quantity::Fixed(value as f64))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<Quantity, E> {
                Ok(Quantity::Fixed(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Quantity, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Quantity::List(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Quantity, A::Error> {
                let (mut from, mut to) = (None, None);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "from" => from = Some(map.next_value()?),
                        "to" => to = Some(map.next_value()?),
                        other => return Err(de::Error::unknown_field(other, &["from", "to"])),
                    }
                }
                let from = from.ok_or_else(|| de::Error::missing_field("from"))?;
                Ok(Quantity::Range { from, to: to.ok_or_else(|| de::Error::missing_field("to"))? })
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl OdorSpec {
    /// Steps per sample, the empty one of `parity_bins` included.
    pub fn all_steps(&self) -> usize {
        self.steps + usize::from(self.parity_bins)
    }

    /// Checks every number against its range.
    ///
    /// # Errors
    /// `bad-odors` or `bad-split` with the key.
    pub fn check(&self) -> Result<()> {
        let number = |key: &str, value: f64, low: f64, high: f64| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(bad(key).found(value.to_string()).expected(format!("a number from {low} to {high}")))
        };
        let whole = |key: &str, value: usize, high: usize| {
            if (1..=high).contains(&value) {
                return Ok(());
            }
            Err(bad(key).found(value.to_string()).expected(format!("a whole number from 1 to {high}")))
        };
        whole("repeats", self.repeats, 1_000_000)?;
        whole("steps", self.steps, 65_000)?;
        whole("max_odors", self.max_odors.unwrap_or(1), 1_000_000)?;
        number("dt_ms", self.dt_ms, 0.001, 1000.0)?;
        number("spontaneous_hz", self.spontaneous_hz, 0.0, 1e6)?;
        number("gain_hz", self.gain_hz, 0.0, 1e6)?;
        let length = self.steps as f64 * self.dt_ms;
        self.onset_ms.check("onset_ms", 0.0, length)?;
        self.duration_ms.check("duration_ms", 0.0, 1e9)?;
        self.concentration.check("concentration", 0.0, 1e6)?;
        check_shares(self.split)
    }
}

pub(crate) fn bad(key: &str) -> UserError {
    UserError::bad_data("bad-odors", "the recipe of the odours holds a number out of range")
        .key(format!("odors.{key}"))
        .mend("see `docs/odors.md` for the keys")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(text: &str) -> Result<OdorSpec> {
        kenyon_base::config::parse(text, Path::new("train.toml"))
    }

    #[test]
    fn quantities_have_three_forms_and_survive_a_round_trip() {
        let spec = parse("onset_ms = 50\nconcentration = [0.25, 1]\nduration_ms = { from = 70, to = 500 }").expect("valid");
        assert_eq!(spec.onset_ms, Quantity::Fixed(50.0));
        assert_eq!(spec.concentration, Quantity::List(vec![0.25, 1.0]));
        let text = toml::to_string(&spec).expect("plain data");
        assert_eq!(parse(&text).expect("valid"), spec, "{text}");
        assert_eq!(parse(&toml::to_string(&OdorSpec::default()).expect("plain data")).expect("valid"), OdorSpec::default());
    }

    #[test]
    fn slips_of_the_pen_are_told() {
        let message = |text: &str| parse(text).expect_err("invalid").to_string();
        assert!(message("repeat = 3").ends_with("did you mean `repeats`?"), "{}", message("repeat = 3"));
        assert!(message("onset_ms = \"late\"").contains("a number, a list of numbers"), "{}", message("onset_ms = \"late\""));
        assert!(
            message("onset_ms = { from = 1, upto = 2 }").contains("upto"),
            "{}",
            message("onset_ms = { from = 1, upto = 2 }")
        );
    }

    #[test]
    fn numbers_out_of_range_name_their_key() {
        for (text, key) in [
            ("repeats = 0", "repeats"),
            ("steps = 0", "steps"),
            ("dt_ms = nan", "dt_ms"),
            ("spontaneous_hz = -1.0", "spontaneous_hz"),
            ("onset_ms = 501", "onset_ms"),
            ("split = [0.7, 0.2, 0.2]", "split"),
            ("concentration = []", "concentration"),
            ("concentration = [0.5, nan]", "concentration"),
            ("duration_ms = { from = 500, to = 70 }", "duration_ms"),
        ] {
            let error = parse(text).expect("parses").check().expect_err(text).to_string();
            assert!(error.contains(&format!("odors.{key}")), "{text}: {error}");
        }
    }
}
