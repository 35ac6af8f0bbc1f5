//! What every kind of validation says: one form of a case, one form of a report.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use serde::Serialize;

/// How many cases an error names.
const NAMED: usize = 12;
/// What to do about a case that deviates.
pub const COMPARE: &str =
    "compare our values (`--dump`) with the reference's; the notes of the cases say what deviates (`--json`: `note`)";
/// How the note of a case begins that had nothing to compare with.
pub const NOTHING: &str = "nothing to compare";
/// What to do about cases that could not be run.
const COMPLETE: &str =
    "mend or give the files that the notes of the cases name (`--json`: `note`), or leave these cases out of the folder";

/// How one case went: what every kind says of it, and beside it what only its own kind does.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Case<E = Nothing> {
    /// Its place in the folder.
    pub name: String,
    /// Whether everything that there was to compare lies within its bar.
    pub pass: bool,
    /// Largest deviation, in [`Self::unit`].
    pub max_abs_error: Option<f64>,
    /// Unit of the deviation.
    pub unit: &'static str,
    /// Spikes of the reference.
    pub spikes_expected: Option<u64>,
    /// Our spikes.
    pub spikes_got: Option<u64>,
    /// Largest shift between the k-th spikes of both sides, ms; none if their numbers differ.
    pub max_spike_shift_ms: Option<f64>,
    /// What is wrong; what was not compared; how far it goes; the bars.
    pub note: String,
    /// What its own kind says.
    #[serde(flatten)]
    pub extras: E,
    /// Whether it could not be run: a failure, but none of our values.
    #[serde(skip)]
    pub not_run: bool,
}

/// What a kind has beside the fields of every kind, if it has nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Nothing {}

/// All cases of a folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report<E = Nothing, R = Nothing> {
    /// What the cases are about.
    pub kind: &'static str,
    /// The cases, in the order of their names.
    pub cases: Vec<Case<E>>,
    /// How many agree.
    pub passed: usize,
    /// How many do not, or could not be run.
    pub failed: usize,
    /// What its own kind says.
    #[serde(flatten)]
    pub extras: R,
}

impl<E> Case<E> {
    /// Whether it passed because there was nothing to compare with.
    pub fn is_empty(&self) -> bool {
        self.pass && self.note.starts_with(NOTHING)
    }

    /// `yes`, `NO`, or that it could not be run or had nothing to compare with.
    pub fn verdict(&self) -> &'static str {
        match (self.pass, self.not_run) {
            (true, _) if self.is_empty() => "nothing",
            (true, _) => "yes",
            (false, false) => "NO",
            (false, true) => "not run",
        }
    }
}

impl<E: Default> Case<E> {
    /// A case that could not be run: a failure, not a skip.
    pub fn not_run(name: impl Into<String>, unit: &'static str, error: &UserError) -> Self {
        Self { name: name.into(), unit, note: error.to_string(), not_run: true, ..Self::default() }
    }

    /// Replays cases, each by its name and path. Our own trouble, such as a full disk, is no property of a case.
    ///
    /// # Errors
    /// Our own trouble.
    pub fn replay(
        cases: Vec<(String, PathBuf)>,
        unit: &'static str,
        replay: impl Fn(&Path, &str) -> Result<Self>,
    ) -> Result<Vec<Self>> {
        let one = |(name, path): (String, PathBuf)| match replay(&path, &name) {
            Err(error) if error.exit_code() == 1 => Err(error),
            Err(error) => Ok(Self::not_run(name, unit, &error)),
            Ok(case) => Ok(case),
        };
        cases.into_iter().map(one).collect()
    }
}

impl<E, R> Report<E, R> {
    /// Of these cases.
    pub fn new(kind: &'static str, cases: Vec<Case<E>>, extras: R) -> Self {
        let passed = cases.iter().filter(|c| c.pass).count();
        Self { kind, failed: cases.len() - passed, passed, cases, extras }
    }

    /// A failed check if a case failed: it names the cases, those that deviate apart from those that could not be run.
    ///
    /// # Errors
    /// `validate`, with what to do about cases that deviate (`mend`) or that lack something.
    pub fn verdict(&self, place: Option<&Path>, mend: &str) -> Result<()> {
        let failed = |not_run: bool| self.cases.iter().filter(move |c| !c.pass && c.not_run == not_run);
        let of = self.cases.len();
        let mut parts = Vec::new();
        for (not_run, one, many) in [(false, "does not agree", "do not agree"), (true, "could not be run", "could not be run")] {
            let count = failed(not_run).count();
            if count > 0 {
                let names: Vec<String> = failed(not_run).take(NAMED).map(|c| format!("`{}`", c.name)).collect();
                let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
                parts.push(format!("{count} of {of} {}: {}{more}", if count == 1 { one } else { many }, names.join(", ")));
            }
        }
        let Some(first) = failed(false).chain(failed(true)).next() else { return Ok(()) };
        let why = first.note.split("; ").next().unwrap_or_default();
        let error = UserError::check_failed("validate", format!("{}. `{}`: {why}", parts.join("; "), first.name));
        let error = if let Some(place) = place { error.file(place) } else { error };
        Err(error.mend(if failed(false).count() == 0 { COMPLETE } else { mend }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, pass: bool, not_run: bool) -> Case {
        Case { name: name.into(), pass, not_run, note: format!("reason of {name}; more"), ..Case::default() }
    }

    #[test]
    fn an_error_names_all_cases_and_tells_deviations_from_missing_data() {
        let verdict = |cases| Report::new("l5pc", cases, Nothing {}).verdict(None, COMPARE).map_err(|e| e.to_string());
        assert_eq!(verdict(vec![case("a", true, false)]), Ok(()));
        let both =
            verdict(vec![case("a", false, false), case("b", true, false), case("c", false, true), case("d", false, false)]);
        let text = both.expect_err("a failure");
        assert!(
            text.starts_with("2 of 4 do not agree: `a`, `d`; 1 of 4 could not be run: `c`. `a`: reason of a; compare"),
            "{text}"
        );
        let missing = verdict(vec![case("c", false, true)]).expect_err("a failure");
        assert!(missing.contains("mend or give the files") && !missing.contains("agree"), "{missing}");
    }
}
