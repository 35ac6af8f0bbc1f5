//! Whether a certificate passes, and why not.

use kenyon_base::PairedCounts;

use super::{Accuracies, Certificate, LintLine, Verdict};
use crate::lint::Severity;

/// Most samples that are thought of.
const MOST: u64 = 10_000_000;

/// Passes if the lower end of the interval of the paired difference is not below `-max_loss` and nothing that was found is an error.
pub(super) fn verdict(accuracy: &Accuracies, lint: &[LintLine], max_loss: f64) -> Verdict {
    let sound = lint.iter().all(|line| line.severity != Severity::Error);
    if sound && accuracy.paired.ci95[0] >= -max_loss { Verdict::Pass } else { Verdict::Fail }
}

impl Certificate {
    /// Why the verdict is what it is: a sentence.
    pub fn reason(&self) -> String {
        if let Some(line) = self.lint.iter().find(|line| line.severity == Severity::Error) {
            return format!("{} in {}: {}", line.code, line.place, line.text);
        }
        let (paired, bound) = (&self.accuracy.paired, 100.0 * self.max_loss);
        let (difference, low) = (100.0 * paired.difference, 100.0 * paired.ci95[0]);
        if self.verdict == Verdict::Pass {
            return format!(
                "the accuracy on the board is at most {:.1} points lower than trained, within {bound}",
                (-low).max(0.0)
            );
        }
        if paired.difference < -self.max_loss {
            return format!("the board loses {:.2} points of accuracy, more than {bound}", -difference);
        }
        let enough = match self.samples_needed() {
            Some(n) => format!("about {n} with the same shares would be enough"),
            None => "no number of samples would be enough".into(),
        };
        let n = self.accuracy.n;
        let few = if n == 1 { "1 sample is".to_string() } else { format!("{n} samples are") };
        format!(
            "{few} too few to tell: the difference is {difference:+.2} points, but its 95 % interval begins at {low:+.1}, and no more \
             than {bound} may be lost; {enough}"
        )
    }

    /// What to do about a certificate that does not pass.
    pub fn remedy(&self) -> String {
        if self.lint.iter().any(|line| line.severity == Severity::Error) {
            return "mend what was found, then certify again".into();
        }
        if self.accuracy.paired.difference < -self.max_loss {
            return "look at the page; training with `--deploy-aware` brings the network closer to the board".into();
        }
        let available = self.data.available;
        match self.samples_needed() {
            Some(n) if n <= available => format!("judge by more samples: `--samples {n}`, or all {available} of the part"),
            Some(n) => format!(
                "the part has {available} samples: make a data set with more, or allow more loss with `--max-loss`; {n} are needed"
            ),
            None => "allow more loss with `--max-loss`".into(),
        }
    }

    /// Samples with which the same shares would pass, rounded up to two digits; none if not even very many would.
    pub fn samples_needed(&self) -> Option<u64> {
        let p = &self.accuracy.paired;
        let counts = PairedCounts { both: p.both, only_first: p.float_only, only_second: p.emulator_only, none: p.none };
        let enough = |n: u64| scaled(counts, n).difference_ci95().is_some_and(|ci| ci[0] >= -self.max_loss);
        let (mut few, mut many) = (0, self.accuracy.n.max(1));
        while !enough(many) {
            (few, many) = (many, many * 2);
            if many > MOST {
                return None;
            }
        }
        while many - few > 1 {
            let middle = few.midpoint(many);
            (few, many) = if enough(middle) { (few, middle) } else { (middle, many) };
        }
        let unit = 10u64.pow(many.max(1).ilog10().saturating_sub(1));
        Some(many.div_ceil(unit) * unit)
    }
}

/// The same shares among `n` trials.
fn scaled(counts: PairedCounts, n: u64) -> PairedCounts {
    let by = n as f64 / counts.n().max(1) as f64;
    let part = |k: u64| (k as f64 * by).round() as u64;
    let (both, only_first, only_second) = (part(counts.both), part(counts.only_first), part(counts.only_second));
    PairedCounts { both, only_first, only_second, none: n.saturating_sub(both + only_first + only_second) }
}
