//! How ring-buffer shifts are chosen: for all populations by a rule, and for those that are named on the command line as they say.

use clap::ValueEnum;
use kenyon_base::{Progress as _, Result, UserError};
use kenyon_hardware::spinnaker::shift::for_bound;
use kenyon_hardware::spinnaker::{Choice, Options, Shifts, mapper_shifts, wanted_shifts};
use kenyon_hardware::{CellKind, Deployment, Sample};

use crate::cli::context::Context;

/// The rule for populations that are not named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum How {
    /// The released mapper's formula
    Mapper,
    /// The least that hold twice the largest input of the samples
    Measured,
}

impl How {
    /// The rule unless one is asked for: a script's own numbers, and networks without samples, go by the formula.
    pub(in crate::cli) fn by_itself(as_written: bool, samples: &[Sample]) -> Self {
        if as_written || samples.is_empty() { Self::Mapper } else { Self::Measured }
    }
}

/// What the command line says of single populations.
#[derive(Debug, Default)]
pub(in crate::cli) struct Named(Vec<(usize, Choose)>);

#[derive(Debug, Clone, Copy)]
enum Choose {
    Shift([u8; 2]),
    Sum([f64; 2]),
}

impl Named {
    /// Reads `LABEL=E,I` texts of `--shift` and `--max-expected-summed-weight`.
    pub(in crate::cli) fn parse(deployment: &Deployment, shifts: &[String], sums: &[String]) -> Result<Self> {
        let mut out = Vec::new();
        for text in shifts {
            let (k, shift) = pair::<u8>(deployment, text, "--shift", "whole numbers from 0 to 15", |p| *p <= 15)?;
            out.push((k, Choose::Shift(shift)));
        }
        for text in sums {
            let expected = "numbers of 0 or more, such as `KC=12,3.5`";
            let (k, sum) =
                pair::<f64>(deployment, text, "--max-expected-summed-weight", expected, |x| x.is_finite() && *x >= 0.0)?;
            out.push((k, Choose::Sum(sum)));
        }
        if let Some((k, _)) = out.iter().enumerate().find_map(|(i, a)| out[..i].iter().find(|b| b.0 == a.0)) {
            return Err(UserError::usage("named-twice", "two shifts are asked for one population")
                .found(&deployment.populations[*k].label)
                .mend("leave one of both out"));
        }
        Ok(Self(out))
    }
}

/// The options with their shifts, and the measurement behind them. Shifts may be beyond what a ring buffer holds: that is for lint to say.
pub(in crate::cli) fn choose(
    deployment: &Deployment,
    base: &Options,
    samples: &[Sample],
    how: How,
    named: &Named,
    context: &Context,
) -> Result<(Options, Option<Choice>)> {
    let (mut shifts, measured) = match how {
        How::Mapper if named.0.is_empty() => return Ok((Options { shifts: Shifts::Mapper, ..base.clone() }, None)),
        How::Mapper => (mapper_shifts(deployment, base)?, None),
        How::Measured => {
            context.stage("measuring the input", None);
            let choice = wanted_shifts(deployment, base, samples)?;
            (choice.shifts.clone(), Some(choice))
        }
    };
    for &(k, choice) in &named.0 {
        let kind = deployment.populations[k].cells.neurons().map(|n| n.kind);
        let scale = if kind.is_some_and(CellKind::conducts) { 1024.0 } else { 1.0 };
        shifts[k] = match choice {
            Choose::Shift(pair) => pair,
            Choose::Sum(pair) => pair.map(|sum| for_bound(sum * scale)),
        };
    }
    Ok((Options { shifts: Shifts::Given(shifts), ..base.clone() }, measured))
}

/// `LABEL=E,I`: index of the population and the pair.
fn pair<T: std::str::FromStr + Copy>(
    deployment: &Deployment,
    text: &str,
    option: &str,
    expected: &str,
    fits: impl Fn(&T) -> bool,
) -> Result<(usize, [T; 2])> {
    let (label, values) = text.rsplit_once('=').unwrap_or((text, ""));
    let found = deployment.populations.iter().position(|p| p.label == label && p.cells.neurons().is_some());
    let Some(k) = found else {
        let labels: Vec<&str> =
            deployment.populations.iter().filter(|p| p.cells.neurons().is_some()).map(|p| p.label.as_str()).collect();
        return Err(UserError::usage("unknown-population", format!("`{option}` names no population of neurons"))
            .found(label)
            .expected(labels.join(", ")));
    };
    let parts: Vec<Option<T>> = values.split(',').map(|v| v.trim().parse().ok().filter(&fits)).collect();
    match parts[..] {
        [Some(exc), Some(inh)] => Ok((k, [exc, inh])),
        _ => Err(UserError::usage("bad-pair", format!("`{option}` is not understood"))
            .found(text)
            .expected(format!("LABEL=E,I with two {expected}"))),
    }
}
