//! From counts of right answers to the numbers of a certificate.

use kenyon_base::{PairedCounts, predicted_share, wilson};

use super::{Accuracies, Divergence, Margins, Paired, Prediction, Rate, SameAnswer, SampleRow, Spread};

/// Answers of the three models on the same samples.
///
/// # Panics
/// If there is no sample.
pub(super) fn accuracies(rows: &[SampleRow]) -> Accuracies {
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
        same_answer: SameAnswer { interpreter: same_answer(rows, 1), emulator: same_answer(rows, 2) },
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

/// Samples to which a model (interpreter 1, emulator 2) answers as the trained network does, right or wrong.
fn same_answer(rows: &[SampleRow], model: usize) -> u64 {
    rows.iter().filter(|row| row.answers[model] == row.answers[0]).count() as u64
}

/// Samples whose answer may turn: their margin is below twice the largest error of a class's value in any sample.
pub(super) fn at_risk(rows: &[SampleRow]) -> u64 {
    let worst = rows.iter().map(|row| row.readout_error).fold(0.0, f64::max);
    rows.iter().filter(|row| row.margin < 2.0 * worst).count() as u64
}

/// Margins and errors, and how many margins lie below twice the sample's own error.
pub(super) fn margins(rows: &[SampleRow]) -> Margins {
    let spread = |of: fn(&SampleRow) -> f64| {
        let mut values: Vec<f64> = rows.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let at = |twentieths: usize| values[(values.len() * twentieths).div_ceil(20).max(1) - 1];
        Spread { min: values[0], p05: at(1), p25: at(5), p50: at(10), p75: at(15), p95: at(19), max: at(20) }
    };
    Margins {
        margin: spread(|row| row.margin),
        readout_error: spread(|row| row.readout_error),
        at_risk_own: rows.iter().filter(|row| row.margin < 2.0 * row.readout_error).count() as u64,
    }
}

/// Where spikes begin to differ: quantiles are those of the sorted steps at rank `ceil(q n)`.
pub(super) fn divergence(rows: &[SampleRow]) -> Divergence {
    let mut steps: Vec<u32> = rows.iter().filter_map(|row| row.diverges).collect();
    steps.sort_unstable();
    let quantile = |tenths: usize| steps.get((steps.len() * tenths).div_ceil(10).max(1) - 1).copied();
    let diverging = steps.len() as u64;
    let (p10, p50, p90) = (quantile(1), quantile(5), quantile(9));
    Divergence { identical: rows.len() as u64 - diverging, diverging, p10, p50, p90 }
}
