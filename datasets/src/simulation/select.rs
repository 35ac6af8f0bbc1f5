//! Simulations of a set as a set of their own: those within ranges, or a subset of a given mean rate.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use kenyon_base::{Progress, Result, UserError};
use serde::Serialize;
use serde_json::json;

use super::normalise::{NormaliseSpec, normalise};
use super::plan::{Item, Shard};
use super::spec::Part;
use super::store::SimStore;
use super::writer::{SetReport, write_set};

/// A range of a quantity, both ends included.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Range {
    /// One of [`QUANTITIES`](super::QUANTITIES).
    pub quantity: String,
    /// Least value.
    pub from: f64,
    /// Largest value.
    pub to: f64,
}

impl FromStr for Range {
    type Err = UserError;

    /// `rate_hz=0.4..20`; an end that is left out does not bound.
    fn from_str(text: &str) -> Result<Self> {
        let bad = || {
            UserError::usage("bad-range", "is no range of a quantity")
                .found(text)
                .expected("`QUANTITY=FROM..TO`")
                .mend("write for example `rate_hz=0.4..20`; an end that is left out does not bound")
        };
        let (quantity, ends) = text.split_once('=').ok_or_else(bad)?;
        let (from, to) = ends.split_once("..").ok_or_else(bad)?;
        let end = |text: &str, open: f64| match text.trim() {
            "" => Ok(open),
            number => number.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(bad),
        };
        let range = Self { quantity: quantity.trim().into(), from: end(from, f64::NEG_INFINITY)?, to: end(to, f64::INFINITY)? };
        if range.from <= range.to { Ok(range) } else { Err(bad()) }
    }
}

/// Which simulations are selected.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectSpec {
    /// Of these parts.
    pub parts: Vec<Part>,
    /// All of these must hold.
    pub ranges: Vec<Range>,
    /// Of what is left, a subset of this mean rate in Hz.
    pub normalise: Option<NormaliseSpec>,
}

/// What was selected of a part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SelectedPart {
    /// The part.
    pub part: Part,
    /// Simulations of the part that no filter flags.
    pub of: usize,
    /// Indices of the selected ones, increasing.
    pub simulations: Vec<u32>,
    /// Their mean rate.
    pub mean_rate_hz: f64,
    /// Whether a mean rate that was asked for lies within its tolerance: a set is written only if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached: Option<bool>,
}

/// What was selected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Selected {
    /// The set that was written.
    pub set: SetReport,
    /// By part.
    pub parts: Vec<SelectedPart>,
}

/// Writes the selected simulations of a set as a set; flagged ones are never selected, indices are kept.
///
/// # Errors
/// `unknown-quantity`, `empty-part` if nothing of a part is left, `mean-rate` if no subset of a part has the mean rate that is asked for, `shard` for a piece of a set, or a failed read or write.
pub fn select(store: &SimStore, target: &Path, spec: &SelectSpec, progress: &dyn Progress) -> Result<Selected> {
    if store.shard() != Shard::WHOLE {
        return Err(UserError::usage("shard", "is a piece of a set")
            .file(store.path())
            .found(store.shard().to_string())
            .mend("merge the pieces first: `kenyon neuron dataset merge`"));
    }
    let mut parts = Vec::new();
    for part in store.parts().into_iter().filter(|part| spec.parts.contains(part)) {
        parts.push(of_part(store, part, spec)?);
    }
    if parts.is_empty() {
        return Err(UserError::usage("empty-part", "the set has no such part").file(store.path()).mend("name parts that it has"));
    }
    let mut about = store.about().clone();
    about.selection = json!({
        "where": spec.ranges.iter().map(|r| json!([r.quantity, r.from, r.to])).collect::<Vec<_>>(),
        "mean_rate": spec.normalise,
        "parts": parts,
        "of": about.selection,
    });
    let mut places: Vec<(Item, usize)> = Vec::new();
    for chosen in &parts {
        let wanted: BTreeSet<u32> = chosen.simulations.iter().copied().collect();
        let entries = store.entries(chosen.part).iter().enumerate();
        let items = entries.filter(|(_, e)| wanted.contains(&e.sim));
        places.extend(items.map(|(at, e)| (Item { part: chosen.part, index: e.sim }, at)));
    }
    let items: Vec<Item> = places.iter().map(|place| place.0).collect();
    let records = places.iter().map(|&(item, at)| store.record(item.part, at));
    let set = write_set(target, &about, Shard::WHOLE, &items, records, progress)?;
    Ok(Selected { set, parts })
}

fn of_part(store: &SimStore, part: Part, spec: &SelectSpec) -> Result<SelectedPart> {
    let figures = store.figures(part, false)?;
    let mut left: BTreeSet<u32> = figures.indices().iter().copied().collect();
    for range in &spec.ranges {
        let within: BTreeSet<u32> = figures.within(&range.quantity, range.from, range.to)?.into_iter().collect();
        left = left.intersection(&within).copied().collect();
    }
    let rates = figures.quantity("rate_hz")?;
    let rates = figures.indices().iter().copied().zip(rates).filter(|(index, _)| left.contains(index));
    let rates: Vec<(u32, f64)> = rates.collect();
    if rates.is_empty() {
        return Err(UserError::bad_data("empty-part", "nothing of a part is left")
            .file(store.path())
            .found(format!("{}: {} simulations that no filter flags, none in all ranges", part.name(), figures.len()))
            .mend("widen the ranges, or name other parts"));
    }
    let mean = |rates: &[(u32, f64)]| rates.iter().map(|r| r.1).sum::<f64>() / rates.len() as f64;
    let (simulations, mean_rate_hz, reached) = match &spec.normalise {
        None => (left.into_iter().collect(), mean(&rates), None),
        Some(normal) => {
            let chosen = normalise(&rates, normal)?;
            if !chosen.reached {
                return Err(missed(store, part, normal, chosen.mean));
            }
            (chosen.indices, chosen.mean, Some(chosen.reached))
        }
    };
    Ok(SelectedPart { part, of: figures.len(), simulations, mean_rate_hz, reached })
}

fn missed(store: &SimStore, part: Part, normal: &NormaliseSpec, mean_hz: f64) -> UserError {
    UserError::check_failed(
        "mean-rate",
        format!("no subset of `{}` with this mean rate was found; nothing is written", part.name()),
    )
    .file(store.path())
    .found(format!("{mean_hz:.4} Hz"))
    .expected(format!("{} ± {} Hz", normal.target, normal.tolerance))
    .mend("widen `--tolerance`, change `--share`, or ask for another rate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_as_one_quantity_and_two_ends() {
        let range = |text: &str| text.parse::<Range>();
        assert_eq!(range("rate_hz=0.4..20").expect("sound"), Range { quantity: "rate_hz".into(), from: 0.4, to: 20.0 });
        let open = range("soma_mean=-80..").expect("sound");
        assert!(open.from.total_cmp(&-80.0).is_eq() && open.to.is_infinite());
        for text in ["rate_hz", "rate_hz=3", "rate_hz=20..0.4", "rate_hz=nan..3", "rate_hz=a..b"] {
            assert_eq!(range(text).expect_err(text).code(), "bad-range");
        }
    }
}
