//! Scores against yes and no: ranking, probabilities, calibration.

use kenyon_base::{Result, UserError};
use serde::Serialize;

use super::measure::{Measure, check_finite};
use super::sum::{pairwise, pairwise_of};

/// Scores with their labels, highest first.
#[derive(Debug, Clone)]
pub struct Scored {
    /// One entry per distinct score, highest first: positives and negatives that have it.
    groups: Vec<(f64, u64, u64)>,
    positives: u64,
    negatives: u64,
}

impl Scored {
    /// Of one score and one label per trial.
    ///
    /// # Errors
    /// If their numbers differ or a score is not finite.
    pub fn new(scores: &[f64], labels: &[bool]) -> Result<Self> {
        check(scores, labels)?;
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        let mut groups: Vec<(f64, u64, u64)> = Vec::new();
        for i in order {
            let (yes, no) = (u64::from(labels[i]), u64::from(!labels[i]));
            match groups.last_mut() {
                // Sorted downwards, so not above is equal; 0 and -0 are.
                Some((score, p, n)) if *score <= scores[i] => {
                    *p += yes;
                    *n += no;
                }
                _ => groups.push((scores[i], yes, no)),
            }
        }
        let positives = groups.iter().map(|g| g.1).sum();
        let negatives = groups.iter().map(|g| g.2).sum();
        Ok(Self { groups, positives, negatives })
    }

    fn n(&self) -> usize {
        (self.positives + self.negatives) as usize
    }

    fn or_one_class(&self, value: impl FnOnce() -> f64) -> Measure {
        if self.positives == 0 || self.negatives == 0 {
            return Measure::none(self.n(), "only one class");
        }
        Measure::new(value(), self.n())
    }

    /// Probability that a positive scores above a negative, ties one half (Mann-Whitney).
    pub fn auc(&self) -> Measure {
        self.or_one_class(|| {
            let mut negatives_below = self.negatives;
            // In halves, as whole numbers: exact.
            let mut halves: u128 = 0;
            for &(_, p, n) in &self.groups {
                negatives_below -= n;
                halves += u128::from(p) * (2 * u128::from(negatives_below) + u128::from(n));
            }
            halves as f64 / (2.0 * self.positives as f64 * self.negatives as f64)
        })
    }

    /// Average precision: sum over distinct thresholds of (gain in recall) × precision, without interpolation.
    pub fn average_precision(&self) -> Measure {
        self.or_one_class(|| {
            let (mut hits, mut all) = (0, 0);
            let terms: Vec<f64> = self
                .groups
                .iter()
                .map(|&(_, p, n)| {
                    hits += p;
                    all += p + n;
                    p as f64 / self.positives as f64 * (hits as f64 / all as f64)
                })
                .collect();
            pairwise(&terms)
        })
    }

    /// Largest true-positive rate over thresholds whose false-positive rate is at most `limit`; no interpolation.
    pub fn true_positives_at(&self, limit: f64) -> Measure {
        self.or_one_class(|| {
            // A hair of tolerance: 0.2 of 5 is one false alarm, whatever the last bit says.
            let allowed = limit * self.negatives as f64 * (1.0 + 1e-12);
            let (mut hits, mut alarms, mut best) = (0, 0, 0);
            for &(_, p, n) in &self.groups {
                hits += p;
                alarms += n;
                if alarms as f64 <= allowed {
                    best = hits;
                }
            }
            best as f64 / self.positives as f64
        })
    }
}

/// Mean squared distance of probabilities from labels (Brier 1950).
pub fn brier(probabilities: &[f64], labels: &[bool]) -> Result<Measure> {
    check_probabilities(probabilities, labels)?;
    Ok(mean_of(labels.len(), &|i| (probabilities[i] - f64::from(u8::from(labels[i]))).powi(2)))
}

/// Mean negative log likelihood, probabilities cut to `[1e-12, 1 - 1e-12]`.
pub fn log_loss(probabilities: &[f64], labels: &[bool]) -> Result<Measure> {
    check_probabilities(probabilities, labels)?;
    Ok(mean_of(labels.len(), &|i| {
        let p = probabilities[i].clamp(1e-12, 1.0 - 1e-12);
        if labels[i] { -p.ln() } else { -(1.0 - p).ln() }
    }))
}

fn mean_of(n: usize, f: &impl Fn(usize) -> f64) -> Measure {
    if n == 0 { Measure::none(0, "no trials") } else { Measure::new(pairwise_of(n, f) / n as f64, n) }
}

/// One row of a reliability table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Lower end of the bin.
    pub low: f64,
    /// Upper end of the bin.
    pub high: f64,
    /// Trials in it.
    pub n: u64,
    /// Their mean probability; none without trials.
    pub mean_probability: Option<f64>,
    /// Share of them that are positive; none without trials.
    pub share_positive: Option<f64>,
}

/// How well probabilities say how often they are right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Expected calibration error: mean over trials of |mean probability - share positive| of their bin.
    pub ece: Measure,
    /// Slope of the logistic regression of the label on `logit(p)`; 1 if calibrated, below 1 if too sure.
    pub slope: Measure,
    /// Intercept of the same; 0 if calibrated.
    pub intercept: Measure,
    /// Equal-width bins, `[k/B, (k+1)/B)`, the last closed.
    pub bins: Vec<ReliabilityBin>,
}

/// Calibration in `bins` equal bins (15 by custom). For many classes give the probability of the answer and whether it is correct.
pub fn calibration(probabilities: &[f64], labels: &[bool], bins: usize) -> Result<Calibration> {
    check_probabilities(probabilities, labels)?;
    let bins = bins.max(1);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); bins];
    for (i, p) in probabilities.iter().enumerate() {
        members[((p * bins as f64) as usize).min(bins - 1)].push(i);
    }
    let table: Vec<ReliabilityBin> = members
        .iter()
        .enumerate()
        .map(|(k, trials)| {
            let n = trials.len();
            let probability = pairwise_of(n, &|i| probabilities[trials[i]]) / n as f64;
            let positive = trials.iter().filter(|&&i| labels[i]).count() as f64 / n as f64;
            ReliabilityBin {
                low: k as f64 / bins as f64,
                high: (k + 1) as f64 / bins as f64,
                n: n as u64,
                mean_probability: (n > 0).then_some(probability),
                share_positive: (n > 0).then_some(positive),
            }
        })
        .collect();
    let total = labels.len();
    let gap = |bin: &ReliabilityBin| match (bin.mean_probability, bin.share_positive) {
        (Some(p), Some(y)) => bin.n as f64 * (p - y).abs(),
        _ => 0.0,
    };
    let gaps: Vec<f64> = table.iter().map(gap).collect();
    let ece = if total == 0 { Measure::none(0, "no trials") } else { Measure::new(pairwise(&gaps) / total as f64, total) };
    let (slope, intercept) = logistic_fit(probabilities, labels);
    Ok(Calibration { ece, slope, intercept, bins: table })
}

/// Logistic regression of labels on `logit(p)` by Newton's method.
fn logistic_fit(probabilities: &[f64], labels: &[bool]) -> (Measure, Measure) {
    let n = labels.len();
    let none = |reason: &str| (Measure::none(n, reason), Measure::none(n, reason));
    let x: Vec<f64> = probabilities
        .iter()
        .map(|p| {
            let p = p.clamp(1e-12, 1.0 - 1e-12);
            (p / (1.0 - p)).ln()
        })
        .collect();
    if labels.iter().all(|y| *y) || !labels.iter().any(|y| *y) {
        return none("only one class");
    }
    let (mut a, mut b) = (0.0, 0.0);
    for _ in 0..100 {
        let p = |i: usize| 1.0 / (1.0 + (-(a + b * x[i])).exp());
        let rest = |i: usize| f64::from(u8::from(labels[i])) - p(i);
        let weight = |i: usize| p(i) * (1.0 - p(i));
        let (ga, gb) = (pairwise_of(n, &rest), pairwise_of(n, &|i| rest(i) * x[i]));
        let (haa, hab, hbb) =
            (pairwise_of(n, &weight), pairwise_of(n, &|i| weight(i) * x[i]), pairwise_of(n, &|i| weight(i) * x[i] * x[i]));
        let determinant = haa * hbb - hab * hab;
        if determinant.abs() <= 1e-12 * haa * hbb || !determinant.is_finite() {
            return none("the scores separate the classes, or are all equal");
        }
        let (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
        (a, b) = (a + da, b + db);
        if da.abs() + db.abs() < 1e-12 * (1.0 + a.abs() + b.abs()) {
            return (Measure::new(b, n), Measure::new(a, n));
        }
        if a.abs() + b.abs() > 1e6 {
            break;
        }
    }
    none("the scores separate the classes")
}

fn check(scores: &[f64], labels: &[bool]) -> Result<()> {
    if scores.len() != labels.len() {
        return Err(UserError::failed("length", "scores and labels are not of the same trials")
            .found(scores.len().to_string())
            .expected(labels.len().to_string()));
    }
    check_finite("scores", scores)
}

fn check_probabilities(probabilities: &[f64], labels: &[bool]) -> Result<()> {
    check(probabilities, labels)?;
    match probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        None => Ok(()),
        Some(p) => Err(UserError::bad_data("bad-probability", "a probability is out of range")
            .found(p.to_string())
            .expected("a number from 0 to 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f64; 10] = [0.9, 0.8, 0.8, 0.7, 0.6, 0.55, 0.5, 0.3, 0.3, 0.1];
    const LABELS: [bool; 10] = [true, true, false, true, false, true, false, false, true, false];

    fn close(measure: &Measure, expected: f64) {
        assert!((measure.value.unwrap() - expected).abs() < 1e-12, "{measure:?} is not {expected}");
    }

    #[test]
    fn detection_has_its_golden_numbers() {
        let scored = Scored::new(&SCORES, &LABELS).unwrap();
        close(&scored.auc(), 0.72);
        close(&scored.average_precision(), 0.727_777_777_777_778);
        for (limit, rate) in [(0.0, 0.2), (0.2, 0.6), (0.4, 0.8), (1.0, 1.0)] {
            close(&scored.true_positives_at(limit), rate);
        }
        close(&brier(&SCORES, &LABELS).unwrap(), 0.218_25);
        close(&log_loss(&SCORES, &LABELS).unwrap(), 0.616_790_010_045_708);
        let calibration = calibration(&SCORES, &LABELS, 5).unwrap();
        close(&calibration.ece, 0.135);
        assert_eq!(calibration.bins.iter().map(|b| b.n).collect::<Vec<_>>(), [1, 2, 2, 2, 3]);
    }

    #[test]
    fn the_auc_is_that_of_all_pairs() {
        let scores: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 11)).collect();
        let labels: Vec<bool> = (0..60).map(|i| i * 53 % 7 < 3).collect();
        let (mut above, mut pairs) = (0.0, 0.0);
        for i in 0..60 {
            for j in 0..60 {
                if labels[i] && !labels[j] {
                    pairs += 1.0;
                    above += if scores[i] > scores[j] {
                        1.0
                    } else if scores[i] < scores[j] {
                        0.0
                    } else {
                        0.5
                    };
                }
            }
        }
        close(&Scored::new(&scores, &labels).unwrap().auc(), above / pairs);
    }

    #[test]
    fn one_class_alone_has_no_ranking() {
        let scored = Scored::new(&[0.1, 0.2], &[true, true]).unwrap();
        assert_eq!(scored.auc().reason.as_deref(), Some("only one class"));
        assert_eq!(scored.average_precision().value, None);
        assert_eq!(calibration(&[], &[], 15).unwrap().ece.value, None);
        assert_eq!(Scored::new(&[f64::NAN], &[true]).unwrap_err().code(), "not-finite");
        assert_eq!(brier(&[1.5], &[true]).unwrap_err().code(), "bad-probability");
    }

    #[test]
    fn probabilities_that_are_too_sure_have_a_slope_below_one() {
        // Of ten trials said to be 0.9 sure, eight are: logit(0.8) / logit(0.9), and mirrored.
        let probabilities: Vec<f64> = (0..20).map(|i| if i < 10 { 0.9 } else { 0.1 }).collect();
        let labels: Vec<bool> = (0..20).map(|i| !(8..18).contains(&i)).collect();
        let fit = calibration(&probabilities, &labels, 15).unwrap();
        close(&fit.slope, 4.0_f64.ln() / 9.0_f64.ln());
        assert!(fit.intercept.value.unwrap().abs() < 1e-12);
        let separated = calibration(&[0.2, 0.8], &[false, true], 15).unwrap();
        assert!(separated.slope.value.is_none());
    }
}
