//! From readout traces and spike counts to a decision and a loss, in plain candle operations.

use std::ops::Range;
use std::path::Path;

use candle_core::{D, Result as Candle, Tensor};
use kenyon_base::{Result, UserError, nearest};
use serde::{Deserialize, Serialize};

use super::teacher::TeacherSpec;
use crate::network::spec::NUMBERS;

/// How a readout trace becomes one number per class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Maximum over time.
    #[default]
    Max,
    /// Mean over time, row 0 left out.
    Mean,
    /// Mean over the part of time that `window_ms` names.
    Window,
    /// Last row.
    Last,
    /// Spikes of the neurons read out, through the readout weights.
    Count,
}

/// What the decision is compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// Cross entropy of the softmax of the decision; the same as negative log likelihood.
    #[default]
    #[serde(alias = "nll")]
    CrossEntropy,
    /// Mean squared difference to 1 for the class and 0 for the others.
    Mse,
}

/// The loss of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossSpec {
    /// Decision.
    pub decision: Decision,
    /// From when to when `decision = "window"` takes the mean: rows of the trace at times above the first and up to the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<[f64; 2]>,
    /// Objective.
    pub objective: Objective,
    /// Strength of the objective; 0 leaves the labels out of training.
    pub objective_strength: f64,
    /// Traces of teachers that the network is to repeat.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub teacher: Vec<TeacherSpec>,
    /// Penalties on spike counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rate: Vec<RateSpec>,
    /// Strength of Σ |w| of the readout.
    pub readout_l1: f64,
    /// Strength of Σ w² of the readout.
    pub readout_l2: f64,
    /// Strength of mean θ² of each `theta` tensor (the connectome as prior).
    pub prior: f64,
    /// Divides the spike penalties by the batch size once more, as the reference system does.
    pub parity_batch: bool,
}

impl Default for LossSpec {
    fn default() -> Self {
        Self {
            decision: Decision::default(),
            window_ms: None,
            objective: Objective::default(),
            objective_strength: 1.0,
            teacher: Vec::new(),
            rate: Vec::new(),
            readout_l1: 0.0,
            readout_l2: 0.0,
            prior: 0.0,
            parity_batch: false,
        }
    }
}

/// A penalty on the spikes of one population, in spikes per neuron and sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateSpec {
    /// Population; all hidden neurons if empty.
    pub population: String,
    /// Fewer spikes than this are too few: `strength · mean relu(lower − n)²` over neurons and samples.
    pub lower: f64,
    /// Its strength.
    pub lower_strength: f64,
    /// A population mean above this is too many: `strength · mean relu(mean n − upper)` over samples.
    pub upper: f64,
    /// Its strength.
    pub upper_strength: f64,
    /// Wanted population mean: `strength · mean (mean n − target)²` over samples.
    pub target: f64,
    /// Its strength.
    pub target_strength: f64,
}

impl Default for RateSpec {
    fn default() -> Self {
        Self {
            population: String::new(),
            lower: 0.0,
            lower_strength: 0.0,
            upper: f64::MAX,
            upper_strength: 0.0,
            target: 0.0,
            target_strength: 0.0,
        }
    }
}

impl LossSpec {
    /// Checks the numbers; `path` is named in errors.
    ///
    /// # Errors
    /// `bad-number` with the key.
    pub fn validate(&self, path: &Path) -> Result<()> {
        let mut numbers = vec![
            ("readout_l1".to_string(), self.readout_l1),
            ("readout_l2".to_string(), self.readout_l2),
            ("prior".to_string(), self.prior),
            ("objective_strength".to_string(), self.objective_strength),
        ];
        for (i, r) in self.rate.iter().enumerate() {
            let all = [
                ("lower", r.lower),
                ("lower_strength", r.lower_strength),
                ("upper", r.upper),
                ("upper_strength", r.upper_strength),
                ("target", r.target),
                ("target_strength", r.target_strength),
            ];
            numbers.extend(all.map(|(key, value)| (format!("rate {}.{key}", i + 1), value)));
        }
        self.check_window(path)?;
        for (i, teacher) in self.teacher.iter().enumerate() {
            teacher.validate(i, path)?;
        }
        if self.objective_strength == 0.0 && self.teacher.is_empty() {
            return Err(UserError::bad_data("no-objective", "leaves nothing to learn")
                .file(path)
                .key("loss.objective_strength")
                .found("0, and no `[[loss.teacher]]`")
                .mend("give the objective a strength above 0, or name a teacher"));
        }
        match numbers.into_iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            None => Ok(()),
            Some((key, value)) => Err(UserError::bad_data("bad-number", "is out of range")
                .file(path)
                .key(format!("loss.{key}"))
                .found(value.to_string())
                .expected("0 or above")
                .mend(NUMBERS)),
        }
    }

    /// Checks that the window is given where it is wanted, and is one.
    fn check_window(&self, path: &Path) -> Result<()> {
        let bad = |message: &str, found: String, mend: &str| {
            let error = UserError::bad_data("bad-window", message).file(path).key("loss.window_ms").found(found);
            Err(error.expected("two times in ms, the first from 0 and below the second").mend(mend))
        };
        match (self.decision, self.window_ms) {
            (Decision::Window, Some([from, to])) if from >= 0.0 && from < to && to.is_finite() => Ok(()),
            (Decision::Window, Some(window)) => bad("is no part of time", format!("{window:?}"), "for example `[100.0, 400.0]`"),
            (Decision::Window, None) => bad("is missing", "nothing".into(), "add `window_ms = [100.0, 400.0]`"),
            (_, Some(_)) => bad(
                "has no effect with this decision",
                format!("`decision = {:?}`", format!("{:?}", self.decision).to_lowercase()),
                "set `decision = \"window\"`, or leave `window_ms` out",
            ),
            (_, None) => Ok(()),
        }
    }

    /// Rows of a readout trace whose mean decides: row r is the state r steps after the start.
    ///
    /// # Errors
    /// `bad-window` if the window holds no step of a sample or ends behind it.
    pub fn rows(&self, dt_ms: f64, steps: usize) -> Result<Range<usize>> {
        let Some([from, to]) = self.window_ms else { return Ok(1..steps + 1) };
        // Times are multiples of the step up to rounding.
        let row = |ms: f64| (ms / dt_ms + 1e-9).floor() as usize;
        let rows = row(from) + 1..row(to) + 1;
        if rows.is_empty() || rows.end > steps + 1 {
            return Err(UserError::bad_data("bad-window", "does not lie within a sample")
                .key("loss.window_ms")
                .found(format!("{from} to {to} ms"))
                .expected(format!("at least one step of {dt_ms} ms between 0 and {} ms", steps as f64 * dt_ms))
                .mend("move the window"));
        }
        Ok(rows)
    }

    /// Checks that every penalty names one of `populations`, and has a strength; that every teacher's term does too.
    ///
    /// # Errors
    /// `unknown-population` with the nearest one, `no-strength` for a penalty without effect.
    pub fn check_populations(&self, populations: &[&str]) -> Result<()> {
        let known = |name: &str, key: String| {
            if name.is_empty() || populations.contains(&name) {
                return Ok(());
            }
            let choose = || format!("choose from {}", populations.join(", "));
            Err(UserError::bad_data("unknown-population", "names no population of hidden neurons")
                .key(key)
                .found(name)
                .expected("a population of the circuit that is no input")
                .mend(nearest(name, populations.iter().copied()).map_or_else(choose, |near| format!("did you mean `{near}`?"))))
        };
        for (i, teacher) in self.teacher.iter().enumerate() {
            known(&teacher.population, format!("loss.teacher {}.population", i + 1))?;
        }
        for (i, rate) in self.rate.iter().enumerate() {
            let key = |word: &str| format!("loss.rate {}.{word}", i + 1);
            let name = rate.population.as_str();
            known(name, key("population"))?;
            if rate.lower_strength + rate.upper_strength + rate.target_strength <= 0.0 {
                return Err(UserError::bad_data("no-strength", "a penalty of strength 0 has no effect")
                    .key(key("population"))
                    .found(name)
                    .mend("give `lower_strength`, `upper_strength` or `target_strength`, or leave the penalty out"));
            }
        }
        Ok(())
    }
}

/// One number per sample and class; `rows` are those of [`LossSpec::rows`].
///
/// # Shapes
/// `out` [T+1, B, C], `counts` [B, N], `w_readout` [K, C], `readout` \[K\] → [B, C].
///
/// # Errors
/// Shapes that do not fit.
pub fn decide(
    decision: Decision,
    rows: &Range<usize>,
    out: &Tensor,
    counts: &Tensor,
    w_readout: &Tensor,
    readout: &Tensor,
) -> Candle<Tensor> {
    let steps = out.dim(0)? - 1;
    match decision {
        Decision::Max => super::peak::max_over_time(out),
        Decision::Mean | Decision::Window => out.narrow(0, rows.start, rows.len())?.mean(0),
        Decision::Last => out.get(steps),
        Decision::Count => counts.index_select(readout, 1)?.matmul(w_readout),
    }
}

/// The objective of decisions [B, C] for `labels` \[B\], averaged over the batch.
///
/// # Errors
/// Shapes that do not fit.
pub fn objective(objective: Objective, decision: &Tensor, labels: &Tensor) -> Candle<Tensor> {
    match objective {
        Objective::CrossEntropy => {
            let log_p = candle_nn::ops::log_softmax(decision, D::Minus1)?;
            log_p.gather(&labels.unsqueeze(1)?, 1)?.mean_all()?.neg()
        }
        Objective::Mse => {
            let (batch, classes) = decision.dims2()?;
            let labels = labels.to_vec1::<u32>()?;
            let mut wanted = vec![0.0_f64; batch * classes];
            for (b, &label) in labels.iter().enumerate() {
                wanted[b * classes + label as usize] = 1.0;
            }
            let wanted = Tensor::from_vec(wanted, (batch, classes), decision.device())?.to_dtype(decision.dtype())?;
            (decision - wanted)?.sqr()?.mean_all()
        }
    }
}

/// The spike penalty of one population.
///
/// # Shapes
/// `counts` [B, N]; `neurons` is the population's range of N.
///
/// # Errors
/// Shapes that do not fit.
pub fn rate_penalty(spec: &RateSpec, counts: &Tensor, neurons: &Range<usize>) -> Candle<Option<Tensor>> {
    let own = counts.narrow(1, neurons.start, neurons.len())?;
    let mut terms = Vec::new();
    if spec.lower_strength > 0.0 {
        terms.push((own.neg()? + spec.lower)?.relu()?.sqr()?.mean_all()?.affine(spec.lower_strength, 0.0)?);
    }
    if spec.upper_strength > 0.0 {
        terms.push((own.mean(1)? - spec.upper)?.relu()?.mean_all()?.affine(spec.upper_strength, 0.0)?);
    }
    if spec.target_strength > 0.0 {
        terms.push((own.mean(1)? - spec.target)?.sqr()?.mean_all()?.affine(spec.target_strength, 0.0)?);
    }
    sum(terms)
}

/// Sum of scalars; none of none.
///
/// # Errors
/// Shapes that do not fit.
pub fn sum(terms: Vec<Tensor>) -> Candle<Option<Tensor>> {
    let mut terms = terms.into_iter();
    let Some(first) = terms.next() else { return Ok(None) };
    terms.try_fold(first, |a, b| a + b).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Var};

    /// Trace [3, 2, 2]: row 0 is 0.
    fn out() -> Tensor {
        let rows = [0.0, 0.0, 0.0, 0.0, 1.0, -2.0, 3.0, 0.5, -1.0, 4.0, 0.5, 0.5];
        Tensor::from_slice(&rows, (3, 2, 2), &Device::Cpu).unwrap()
    }

    fn values(tensor: &Tensor) -> Vec<f64> {
        tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn each_decision_is_what_its_name_says() {
        let counts = Tensor::from_slice(&[1.0, 9.0, 2.0, 3.0, 9.0, 0.0], (2, 3), &Device::Cpu).unwrap();
        let weights = Tensor::from_slice(&[1.0, 10.0, 2.0, -1.0], (2, 2), &Device::Cpu).unwrap();
        let readout = Tensor::from_slice(&[0_u32, 2], 2, &Device::Cpu).unwrap();
        let of = |decision| values(&decide(decision, &(1..3), &out(), &counts, &weights, &readout).unwrap());
        assert_eq!(of(Decision::Max), [1.0, 4.0, 3.0, 0.5]);
        assert_eq!(of(Decision::Mean), [0.0, 1.0, 1.75, 0.5]);
        assert_eq!(of(Decision::Last), [-1.0, 4.0, 0.5, 0.5]);
        assert_eq!(of(Decision::Count), [5.0, 8.0, 3.0, 30.0]);
    }

    #[test]
    fn a_window_takes_the_rows_after_its_start_up_to_its_end() {
        let spec = |from, to| LossSpec { decision: Decision::Window, window_ms: Some([from, to]), ..LossSpec::default() };
        assert_eq!(spec(0.0, 200.0).rows(2.0, 100).unwrap(), LossSpec::default().rows(2.0, 100).unwrap());
        assert_eq!(spec(0.3, 0.6).rows(0.1, 10).unwrap(), 4..7);
        assert_eq!(spec(99.0, 100.0).rows(1.0, 100).unwrap(), 100..101);
        for (from, to) in [(0.0, 101.0), (0.2, 0.4), (100.0, 200.0)] {
            assert_eq!(spec(from, to).rows(1.0, 100).unwrap_err().code(), "bad-window", "{from} to {to}");
        }
        let tensor = Tensor::zeros((2, 3), DType::F64, &Device::Cpu).unwrap();
        let readout = Tensor::from_slice(&[0_u32, 2], 2, &Device::Cpu).unwrap();
        let trace = out().to_dtype(DType::F64).unwrap();
        let decided = decide(Decision::Window, &(2..3), &trace, &tensor, &tensor, &readout).unwrap();
        assert_eq!(values(&decided), [-1.0, 4.0, 0.5, 0.5]);
    }

    #[test]
    fn a_window_that_is_none_and_a_loss_without_aim_are_refused() {
        let check = |spec: LossSpec| spec.validate(Path::new("train.toml")).map_err(|e| e.code().to_string());
        let window = |decision, window_ms| LossSpec { decision, window_ms, ..LossSpec::default() };
        assert_eq!(check(window(Decision::Window, Some([10.0, 20.0]))), Ok(()));
        for spec in [
            window(Decision::Window, None),
            window(Decision::Window, Some([20.0, 20.0])),
            window(Decision::Window, Some([-1.0, 20.0])),
            window(Decision::Window, Some([1.0, f64::NAN])),
            window(Decision::Max, Some([10.0, 20.0])),
        ] {
            assert_eq!(check(spec.clone()), Err("bad-window".into()), "{spec:?}");
        }
        assert_eq!(check(LossSpec { objective_strength: 0.0, ..LossSpec::default() }), Err("no-objective".into()));
    }

    #[test]
    fn objectives_are_means_over_the_batch() {
        let decision = Tensor::from_slice(&[2.0_f64, 0.0, 1.0, 1.0], (2, 2), &Device::Cpu).unwrap();
        let labels = Tensor::from_slice(&[0_u32, 1], 2, &Device::Cpu).unwrap();
        let of = |kind| objective(kind, &decision, &labels).unwrap().to_scalar::<f64>().unwrap();
        let expected = f64::midpoint((1.0 + (-2.0_f64).exp()).ln(), 2.0_f64.ln());
        assert!((of(Objective::CrossEntropy) - expected).abs() < 1e-12);
        assert!((of(Objective::Mse) - (1.0 + 0.0 + 1.0 + 0.0) / 4.0).abs() < 1e-12);
    }

    #[test]
    fn the_cross_entropy_of_huge_decisions_stays_finite() {
        let decision = Var::from_slice(&[1e4_f32, -1e4, -3e4, 3e4], (2, 2), &Device::Cpu).unwrap();
        let labels = Tensor::from_slice(&[1_u32, 1], 2, &Device::Cpu).unwrap();
        let loss = objective(Objective::CrossEntropy, decision.as_tensor(), &labels).unwrap();
        assert!((loss.to_scalar::<f32>().unwrap() - 1e4).abs() < 1.0);
        let gradient = values(loss.backward().unwrap().get(&decision).unwrap());
        assert_eq!(gradient, [0.5, -0.5, 0.0, 0.0]);
    }

    #[test]
    fn penalties_are_those_of_their_definition() {
        let counts = Tensor::from_slice(&[9.0_f64, 0.0, 4.0, 9.0, 2.0, 6.0], (2, 3), &Device::Cpu).unwrap();
        let of = |spec: RateSpec| rate_penalty(&spec, &counts, &(1..3)).unwrap().map(|t| t.to_scalar::<f64>().unwrap());
        assert_eq!(of(RateSpec::default()), None);
        // Too few: 3, 0, 1, 0 squared, mean over four.
        let lower = RateSpec { lower: 3.0, lower_strength: 2.0, ..RateSpec::default() };
        assert_eq!(of(lower.clone()), Some(2.0 * (9.0 + 0.0 + 1.0 + 0.0) / 4.0));
        // Means of the samples are 2 and 4.
        let upper = RateSpec { upper: 3.0, upper_strength: 10.0, ..RateSpec::default() };
        assert_eq!(of(upper.clone()), Some(10.0 * 1.0 / 2.0));
        let target = RateSpec { target: 1.0, target_strength: 1.0, ..RateSpec::default() };
        assert_eq!(of(target), Some(f64::midpoint(1.0, 9.0)));
        let both = RateSpec { upper: 3.0, upper_strength: 10.0, ..lower };
        assert_eq!(of(both), Some(10.0));
    }

    #[test]
    fn a_penalty_on_an_unknown_population_or_without_strength_is_refused() {
        let check = |population: &str, strength| {
            let rate = RateSpec { population: population.into(), target_strength: strength, ..RateSpec::default() };
            LossSpec { rate: vec![rate], ..LossSpec::default() }.check_populations(&["PN", "KC"])
        };
        assert!(check("KC", 1.0).is_ok() && check("", 1.0).is_ok());
        let error = check("KCs", 1.0).unwrap_err();
        assert!(error.code() == "unknown-population" && error.to_string().contains("did you mean `KC`?"), "{error}");
        assert_eq!(check("KC", 0.0).unwrap_err().code(), "no-strength");
    }
}
