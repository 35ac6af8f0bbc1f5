//! Simulations of a set as a set of their own: within ranges, or a subset of a given mean rate.

use std::path::PathBuf;

use clap::Args;
use kenyon_base::{Result, UserError};
use kenyon_datasets::simulation::{NormaliseSpec, Part, Range, SelectSpec, SimStore, select};
use serde_json::json;

use super::outputs;
use crate::cli::context::Context;
use crate::cli::output::{TextTable, count};

/// Write some simulations of a set as a set of their own
///
/// Those whose quantities lie in all ranges; with `--mean-rate`, a subset of these whose mean rate is the given one (`TwinProp`'s normalised
/// sets: 40 % of the simulations, 1 Hz); where none comes as near as `--tolerance`, nothing is written (exit code 4). Flagged simulations are
/// never taken; a simulation keeps its number. The search starts from `--seed`, 0 without it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kenyon neuron dataset select set.h5 --where rate_hz=0.4..20 -o some.h5\n  kenyon neuron dataset select set.h5 --part valid --part test --mean-rate 1 -o normalised.h5"
)]
pub(super) struct Select {
    /// Set
    #[arg(value_name = "SET")]
    set: PathBuf,
    /// Set to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Only simulations of this part; may be given again [default: all parts]
    #[arg(long, value_name = "PART", value_parser = part)]
    part: Vec<Part>,
    /// Only simulations whose quantity lies in a range, as `rate_hz=0.4..20`; may be given again
    #[arg(long = "where", value_name = "QUANTITY=FROM..TO")]
    ranges: Vec<Range>,
    /// Of these, a subset of this mean rate, Hz
    #[arg(long, value_name = "HZ")]
    mean_rate: Option<f64>,
    /// Share of the simulations in the subset
    #[arg(long, value_name = "SHARE", default_value_t = 0.4, requires = "mean_rate")]
    share: f64,
    /// How near the mean rate must come, Hz
    #[arg(long, value_name = "HZ", default_value_t = 0.001, requires = "mean_rate")]
    tolerance: f64,
}

fn part(name: &str) -> std::result::Result<Part, String> {
    let names = || Part::ALL.map(Part::name).join(", ");
    Part::ALL.into_iter().find(|part| part.name() == name).ok_or_else(|| format!("the parts are {}", names()))
}

impl Select {
    /// Refuses numbers that no subset has.
    fn check(&self) -> Result<()> {
        let numbers = [
            ("--mean-rate", self.mean_rate, f64::MIN_POSITIVE..=f64::MAX, "a rate above 0 Hz"),
            ("--share", Some(self.share), f64::MIN_POSITIVE..=1.0, "a share above 0, at most 1"),
            ("--tolerance", Some(self.tolerance), 0.0..=f64::MAX, "0 Hz or more"),
        ];
        for (option, value, range, expected) in numbers {
            if let Some(value) = value.filter(|value| !range.contains(value)) {
                return Err(UserError::usage("bad-option", format!("`{option}` is out of range"))
                    .found(value.to_string())
                    .expected(expected)
                    .mend("`kenyon neuron dataset select --help` describes the options"));
            }
        }
        Ok(())
    }

    pub(super) fn run(&self, context: &Context) -> Result<()> {
        self.check()?;
        let target = outputs::set(&self.output, [self.set.as_path()])?;
        let store = SimStore::open(&self.set)?;
        let normal = |mean: f64| NormaliseSpec {
            target: mean,
            share: self.share,
            tolerance: self.tolerance,
            seed: context.given_seed.unwrap_or(0),
            ..NormaliseSpec::default()
        };
        let spec = SelectSpec {
            parts: if self.part.is_empty() { Part::ALL.to_vec() } else { self.part.clone() },
            ranges: self.ranges.clone(),
            normalise: self.mean_rate.map(normal),
        };
        let chosen = select(&store, &self.output, &spec, context)?;
        target.written(context);
        context.print(&json!({ "output": self.output, "set": chosen.set, "parts": chosen.parts }), || {
            let mut table = TextTable::new(&["part", "selected", "of", "mean rate (Hz)"]);
            for part in &chosen.parts {
                let (some, of) = (part.simulations.len() as u64, part.of as u64);
                table.row([part.part.name().to_string(), count(some), count(of), format!("{:.4}", part.mean_rate_hz)]);
            }
            format!("{}\nwritten: {}", table.render(), self.output.display())
        });
        Ok(())
    }
}
