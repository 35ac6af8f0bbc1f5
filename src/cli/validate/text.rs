//! Cases as text: a narrow table, and the notes below it.

use std::fmt::Write as _;

use crate::cli::output::TextTable;
use crate::validation::{Case, Report};

/// Width of notes.
const WIDTH: usize = 110;
/// What stands before each line of a note.
const INDENT: &str = "    ";

/// What every kind says of its cases.
pub(super) fn table(report: &Report) -> String {
    let mut table = TextTable::new(&["case", "agrees", "max error", "spikes", "shift ms"]);
    let dash = || "-".to_string();
    for case in &report.cases {
        let got = case.spikes_got.map(|got| got.to_string());
        let spikes = match (case.spikes_expected, got) {
            (Some(expected), Some(got)) => format!("{got}/{expected}"),
            (_, got) => got.unwrap_or_else(dash),
        };
        table.row([
            case.name.clone(),
            case.verdict().into(),
            case.max_abs_error.map_or_else(dash, |e| format!("{e:.1e} {}", case.unit)),
            spikes,
            case.max_spike_shift_ms.map_or_else(dash, |shift| format!("{shift:.1e}")),
        ]);
    }
    let empty = report.cases.iter().filter(|case| case.is_empty()).count();
    let compared = report.passed - empty;
    let rest = if empty > 0 { format!(", {empty} had nothing to compare with") } else { String::new() };
    format!("{}{}\n{compared} of {} cases agree{rest}", table.render(), notes(&report.cases), report.cases.len())
}

/// The notes of the cases, each below its case's name.
pub(super) fn notes<E>(cases: &[Case<E>]) -> String {
    let mut out = String::new();
    for case in cases.iter().filter(|case| !case.note.is_empty()) {
        let _ = write!(out, "\n{}\n{}", case.name, wrap(&case.note));
    }
    out
}

/// Text in lines of at most [`WIDTH`] characters, broken between words.
fn wrap(text: &str) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > WIDTH {
            out.push('\n');
            used = 0;
        }
        out.push_str(if used == 0 { INDENT } else { " " });
        out.push_str(word);
        used += length + if used == 0 { INDENT.len() } else { 1 };
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::{Nothing, Report};

    #[test]
    fn long_notes_do_not_widen_the_table() {
        let note = "word ".repeat(200);
        let case: Case = Case { name: "step".into(), pass: true, unit: "mV", note, ..Case::default() };
        let text = table(&Report::new("l5pc", vec![case], Nothing {}));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.lines().any(|line| line.starts_with("    word word")) && text.ends_with("1 of 1 cases agree"), "{text}");
    }
}
