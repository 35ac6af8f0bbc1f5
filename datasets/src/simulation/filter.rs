//! Which simulations are kept: flags with the criterion that failed; nothing is deleted.

use std::fmt;

use half::f16;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::draw::Draw;
use super::labels::capped;
use super::record::Record;
use super::spec::Check;

type Result<T, E = kenyon_base::UserError> = std::result::Result<T, E>;

/// The quantities of a simulation that filters and statistics look at.
///
/// # Units
/// Rates in Hz, voltages in mV. Voltages are the capped ones; a part of initialisation is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Spikes per second.
    pub rate_hz: f64,
    /// Spikes.
    pub n_spikes: u32,
    /// Share of the bins with a spike near.
    pub near_mean: f64,
    /// Mean of the somatic voltage.
    pub soma_mean: f64,
    /// Its standard deviation.
    pub soma_std: f64,
    /// Mean of the smoothed rate.
    pub inst_rate_mean: f64,
    /// Its standard deviation.
    pub inst_rate_std: f64,
    /// Mean of the dendritic voltages, over segments and time; NaN without any.
    pub branch_mean: f64,
    /// Their standard deviation; NaN without any.
    pub branch_std: f64,
}

/// Mean and standard deviation (of the population).
pub(super) fn moments(values: impl Iterator<Item = f64> + Clone) -> [f64; 2] {
    let (n, sum) = values.clone().fold((0_u64, 0.0), |(n, sum), v| (n + 1, sum + v));
    let mean = sum / n as f64;
    let square: f64 = values.map(|v| (v - mean) * (v - mean)).sum();
    [mean, (square / n as f64).sqrt()]
}

impl Summary {
    /// The summary of a record; the first `initialisation` ms are left out, voltages are capped.
    pub fn of(record: &Record, initialisation: usize, soma_cap_mv: f64, branch_cap_mv: f64) -> Self {
        let bins = record.soma_v.len();
        let seconds = (bins - initialisation) as f64 * 1e-3;
        // The spikes of the labels: two in one ms count once there, here each counts.
        let n_spikes = record.spikes_ms.iter().filter(|&&t| f64::from(t) >= initialisation as f64).count();
        let soma = capped(&record.soma_v[initialisation..], soma_cap_mv);
        let [soma_mean, soma_std] = moments(soma.iter().map(|&v| f64::from(v)));
        let [rate_mean, rate_std] = moments(record.inst_rate[initialisation..].iter().map(|&r| 1e3 * f64::from(r)));
        let near = record.near_spike[initialisation..].iter().filter(|&&n| n).count();
        let branch = record.branch_v.chunks(bins).flat_map(|row| &row[initialisation..]);
        let cap = f16::from_f64(branch_cap_mv);
        let [branch_mean, branch_std] = moments(branch.map(|v| v.min(cap).to_f64()));
        Self {
            rate_hz: n_spikes as f64 / seconds,
            n_spikes: n_spikes as u32,
            near_mean: near as f64 / (bins - initialisation) as f64,
            soma_mean,
            soma_std,
            inst_rate_mean: rate_mean,
            inst_rate_std: rate_std,
            branch_mean,
            branch_std,
        }
    }
}

/// Bounds of one quantity, both inclusive, and how likely it is that a simulation outside is flagged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// Lower bound.
    pub from: f64,
    /// Upper bound.
    pub to: f64,
    /// Probability of the flag outside.
    #[serde(default = "always")]
    pub p_drop: f64,
}

const fn always() -> f64 {
    1.0
}

const fn within(from: f64, to: f64) -> Criterion {
    Criterion { from, to, p_drop: 1.0 }
}

/// Criteria of a filter. The defaults are those of the reference system's creation script.
///
/// # Units
/// Rates in Hz, voltages in mV.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilterSpec {
    /// Spikes per second.
    pub rate: Criterion,
    /// Share of the bins near a spike.
    pub near_spike: Criterion,
    /// Mean of the capped somatic voltage.
    pub soma_mean: Criterion,
    /// Its standard deviation.
    pub soma_std: Criterion,
    /// Mean of the smoothed rate.
    pub inst_rate_mean: Criterion,
    /// Its standard deviation.
    pub inst_rate_std: Criterion,
    /// Mean of the dendritic voltages.
    pub branch_mean: Criterion,
    /// Their standard deviation.
    pub branch_std: Criterion,
}

impl Default for FilterSpec {
    fn default() -> Self {
        Self {
            rate: within(0.4, 20.0),
            near_spike: within(0.0, 0.75),
            soma_mean: within(-85.0, -70.0),
            soma_std: within(1.0, 12.0),
            inst_rate_mean: within(0.0, 20.0),
            inst_rate_std: within(1.0, 30.0),
            branch_mean: within(-85.0, -5.0),
            branch_std: within(1.0, 30.0),
        }
    }
}

impl FilterSpec {
    /// The bounds of the reference system's tool of inspection.
    pub fn inspection() -> Self {
        Self {
            rate: within(0.3, 120.0),
            near_spike: within(0.0, 0.98),
            soma_mean: within(-98.0, -64.0),
            soma_std: within(3.0, 22.0),
            inst_rate_mean: within(1.0, 120.0),
            inst_rate_std: within(3.0, 42.0),
            branch_mean: within(-35.0, 65.0),
            branch_std: within(3.0, 42.0),
        }
    }

    fn criteria(&self, s: &Summary) -> [(&'static str, Criterion, f64); 8] {
        [
            ("rate", self.rate, s.rate_hz),
            ("near_spike", self.near_spike, s.near_mean),
            ("soma_mean", self.soma_mean, s.soma_mean),
            ("soma_std", self.soma_std, s.soma_std),
            ("inst_rate_mean", self.inst_rate_mean, s.inst_rate_mean),
            ("inst_rate_std", self.inst_rate_std, s.inst_rate_std),
            ("branch_mean", self.branch_mean, s.branch_mean),
            ("branch_std", self.branch_std, s.branch_std),
        ]
    }

    /// The first criterion that a simulation fails; a quantity that was not recorded fails none.
    ///
    /// What is dropped by chance hangs on the seed of the simulation alone; every criterion is drawn by itself.
    pub fn failed(&self, summary: &Summary, seed: u64) -> Option<&'static str> {
        let mut draw = Draw::new(seed, "filter");
        let mut failed = None;
        for (name, criterion, value) in self.criteria(summary) {
            let dropped = draw.chance(criterion.p_drop);
            let outside = value < criterion.from || value > criterion.to;
            if dropped && outside && failed.is_none() {
                failed = Some(name);
            }
        }
        failed
    }

    pub(super) fn check(&self) -> Result<()> {
        let check = Check("filter");
        let nothing = Summary {
            rate_hz: 0.0,
            n_spikes: 0,
            near_mean: 0.0,
            soma_mean: 0.0,
            soma_std: 0.0,
            inst_rate_mean: 0.0,
            inst_rate_std: 0.0,
            branch_mean: 0.0,
            branch_std: 0.0,
        };
        for (name, criterion, _) in self.criteria(&nothing) {
            check.range(name, [criterion.from, criterion.to], -1e6, 1e6)?;
            check.probability(&format!("{name}.p_drop"), criterion.p_drop)?;
        }
        Ok(())
    }
}

/// Names that a config may write in place of the bounds.
const NAMES: [&str; 3] = ["creation", "inspection", "none"];

/// Reads a filter: a name or a table of bounds.
pub(super) fn named_or_given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<FilterSpec>, D::Error> {
    struct Form;
    impl<'de> Visitor<'de> for Form {
        type Value = Option<FilterSpec>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}, or a table of bounds", NAMES.map(|name| format!("\"{name}\"")).join(", "))
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
            match name {
                "creation" => Ok(Some(FilterSpec::default())),
                "inspection" => Ok(Some(FilterSpec::inspection())),
                "none" => Ok(None),
                _ => Err(E::unknown_variant(name, &NAMES)),
            }
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            FilterSpec::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Summary {
        Summary {
            rate_hz: 5.0,
            n_spikes: 41,
            near_mean: 0.2,
            soma_mean: -76.0,
            soma_std: 5.0,
            inst_rate_mean: 5.0,
            inst_rate_std: 10.0,
            branch_mean: -60.0,
            branch_std: 20.0,
        }
    }

    #[test]
    fn bounds_are_inclusive_and_the_failed_criterion_is_named() {
        let filter = FilterSpec::default();
        assert_eq!(filter.failed(&sound(), 1), None);
        assert_eq!(filter.failed(&Summary { rate_hz: 0.4, near_mean: 0.75, soma_std: 12.0, ..sound() }, 1), None);
        assert_eq!(filter.failed(&Summary { rate_hz: 20.01, branch_std: 0.0, ..sound() }, 1), Some("rate"));
        assert_eq!(filter.failed(&Summary { branch_mean: -4.9, ..sound() }, 1), Some("branch_mean"));
        assert_eq!(filter.failed(&Summary { branch_mean: f64::NAN, branch_std: f64::NAN, ..sound() }, 1), None);
        assert_eq!(FilterSpec::inspection().failed(&sound(), 1), Some("branch_mean"));
    }

    #[test]
    fn a_drop_by_chance_hangs_on_the_seed_alone_and_has_its_probability() {
        let mut filter = FilterSpec::default();
        filter.soma_mean.p_drop = 0.3;
        let bad = Summary { soma_mean: -60.0, ..sound() };
        let dropped = (0..4000).filter(|&seed| filter.failed(&bad, seed).is_some()).count();
        assert!((1080..1320).contains(&dropped), "{dropped}");
        assert_eq!(filter.failed(&bad, 17), filter.failed(&bad, 17));
    }
}
