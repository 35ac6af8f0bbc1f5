//! From counts of right answers to the numbers of a certificate.

use kenyon_base::{PairedCounts, predicted_share, wilson};

use crate::deployment::Deployment;
use crate::readout;

use super::{Accuracies, Divergence, Paired, Prediction, Rate, SampleRow};

/// Answers of the three models on the same samples.
///
/// # Panics
/// If there is no sample.
pub fn accuracies(rows: &[SampleRow]) -> Accuracies {
    let n = rows.len() as u64;
    let right = |model: usize| rows.iter().filter(|row| row.answers[model] == row.class).count() as u64;
    let rate =
        |correct: u64| Rate { correct, value: correct as f64 / n as f64, ci95: wilson(correct, n).expect("there are samples") };
    let mut counts = PairedCounts::default();
    for row in rows {
        counts.add(row.answers[0] == row.class, row.answers[2] == row.class);
    }
    let emulator = rate(right(2));
    Accuracies {
        n,
        float: rate(right(0)),
        interpreter: rate(right(1)),
        emulator,
        paired: Paired {
            both: counts.both,
            float_only: counts.only_first,
            emulator_only: counts.only_second,
            none: counts.none,
            difference: counts.difference().expect("there are samples"),
            ci95: counts.difference_ci95().expect("there are samples"),
            mcnemar_p: counts.mcnemar_p(),
        },
        board_prediction: Prediction { n, ci95: predicted_share(emulator.correct, n, n).expect("there are samples") },
    }
}

/// Samples whose answer may turn: their margin is below twice the largest error of a class's value in any sample.
pub fn at_risk(rows: &[SampleRow]) -> u64 {
    let worst = rows.iter().map(|row| row.readout_error).fold(0.0, f64::max);
    rows.iter().filter(|row| row.margin < 2.0 * worst).count() as u64
}

/// Where spikes begin to differ: quantiles are those of the sorted steps at rank `ceil(q n)`.
pub fn divergence(rows: &[SampleRow]) -> Divergence {
    let mut steps: Vec<u32> = rows.iter().filter_map(|row| row.diverges).collect();
    steps.sort_unstable();
    let quantile = |tenths: usize| steps.get((steps.len() * tenths).div_ceil(10).max(1) - 1).copied();
    let diverging = steps.len() as u64;
    let (p10, p50, p90) = (quantile(1), quantile(5), quantile(9));
    Divergence { identical: rows.len() as u64 - diverging, diverging, p10, p50, p90 }
}

/// Spikes (step, population, neuron) within the time that the trained network was simulated.
pub fn trained_time(d: &Deployment, spikes: &[(u32, u32, u32)]) -> Vec<(u32, u32, u32)> {
    spikes.iter().copied().filter(|s| readout::in_trained_time(d, s.0)).collect()
}
