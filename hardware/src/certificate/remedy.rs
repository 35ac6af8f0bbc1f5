//! What to do about a finding, in options that `kenyon certify` has.

use super::LintLine;
use crate::lint::Finding;

/// Options that the lint's remedies name and `kenyon certify` does not have.
const FOREIGN: [&str; 5] = ["--max-expected-summed-weight", "--split", "--shifts", "`v_scale`", "lead_in_steps"];

/// The same finding; a remedy that `kenyon certify` cannot follow is replaced by one that it can.
pub fn remedied(mut finding: Finding) -> Finding {
    if !FOREIGN.iter().any(|option| finding.mend.contains(option)) {
        return finding;
    }
    finding.mend = match finding.code.as_str() {
        "E7" | "E8" => "leave `--mapper-shifts` out, so that samples choose the shifts, or lower `--weight-scale`",
        "W1" => "leave `--mapper-shifts` out, or train with `--deploy-aware`, which lets the small weights adapt",
        "E9" | "E10" | "W9" | "W10" => {
            "prune small weights, read out on the host (`--readout host`), or take a larger `--machine`"
        }
        _ => "lower `--weight-scale`, or correct the value",
    }
    .into();
    finding
}

impl From<&Finding> for LintLine {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.clone(),
            severity: finding.severity,
            place: finding.place.clone(),
            count: finding.count,
            text: format!("{}; {}", finding.text, finding.mend),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_remedy_names_an_option_that_certify_lacks() {
        for code in ["E3", "E7", "E8", "E9", "E10", "W1", "W2", "W3", "W9", "W10"] {
            for option in FOREIGN {
                let found = remedied(Finding::new(code, "KC", 1, "text", format!("lower {option}, or something else")));
                assert!(!FOREIGN.iter().any(|o| found.mend.contains(o)) && !found.mend.is_empty(), "{code}: {}", found.mend);
            }
        }
        let kept = Finding::new("W4", "KC", 1, "text", "take another time step");
        assert_eq!(remedied(kept.clone()), kept);
    }
}
