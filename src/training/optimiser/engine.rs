//! One optimiser over all parameters, and its state in a checkpoint.

use std::collections::BTreeMap;

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

use super::gradient::{check_finite, sum_of_squares};
use super::rule::{self, Clip, Real, Rule};
use super::schedule::Schedule;
use super::spec::OptimiserSpec;
use crate::analysis::sum::pairwise;
use crate::run::checkpoint::Checkpoint;
use crate::run::tensor::{DType, TensorData};

const SECTION: &str = "optimiser";

/// Optimiser of a whole model.
#[derive(Debug, Clone)]
pub struct Optimiser {
    spec: OptimiserSpec,
    schedule: Schedule,
    /// Steps taken.
    step: u64,
    slots: BTreeMap<String, Slot>,
}

/// What is remembered of one parameter.
#[derive(Debug, Clone, PartialEq)]
struct Slot {
    /// Steps that this parameter was part of.
    steps: u64,
    memory: Memory,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Memory {
    F32(Vec<Vec<f32>>),
    F64(Vec<Vec<f64>>),
}

/// A number type that has memory of its own.
pub(super) trait Remembered: Real {
    fn empty(count: usize, len: usize) -> Memory;
    fn of_memory(memory: &mut Memory) -> Option<&mut Vec<Vec<Self>>>;
}

impl Remembered for f32 {
    fn empty(count: usize, len: usize) -> Memory {
        Memory::F32(vec![vec![0.0; len]; count])
    }
    fn of_memory(memory: &mut Memory) -> Option<&mut Vec<Vec<Self>>> {
        if let Memory::F32(values) = memory { Some(values) } else { None }
    }
}

impl Remembered for f64 {
    fn empty(count: usize, len: usize) -> Memory {
        Memory::F64(vec![vec![0.0; len]; count])
    }
    fn of_memory(memory: &mut Memory) -> Option<&mut Vec<Vec<Self>>> {
        if let Memory::F64(values) = memory { Some(values) } else { None }
    }
}

/// A parameter and its gradient.
#[derive(Debug)]
pub struct Parameter<'a> {
    name: &'a str,
    values: Values<'a>,
}

#[derive(Debug)]
enum Values<'a> {
    F32(&'a mut [f32], &'a [f32]),
    F64(&'a mut [f64], &'a [f64]),
}

impl<'a> Parameter<'a> {
    /// A parameter in single precision.
    pub fn f32(name: &'a str, values: &'a mut [f32], gradient: &'a [f32]) -> Self {
        Self { name, values: Values::F32(values, gradient) }
    }

    /// A parameter in double precision.
    pub fn f64(name: &'a str, values: &'a mut [f64], gradient: &'a [f64]) -> Self {
        Self { name, values: Values::F64(values, gradient) }
    }
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StepReport {
    /// Number of the step, counted from 0.
    pub step: u64,
    /// Learning rate of parameters that are in no group.
    pub lr: f64,
    /// Euclidean norm of the gradient over all parameters, after clipping by value and before clipping by norm.
    pub gradient_norm: f64,
    /// Whether the norm was cut.
    pub clipped: bool,
}

/// The gradients seen so far of the step under way.
#[derive(Debug, Default)]
pub(super) struct Seen {
    squares: Vec<f64>,
}

/// State of the optimiser besides its arrays.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    rule: String,
    step: u64,
    steps: BTreeMap<String, u64>,
}

impl Optimiser {
    /// An optimiser at step 0 of a run of `total_steps`.
    ///
    /// # Errors
    /// The key of the config that is out of its range.
    pub fn new(spec: &OptimiserSpec, steps_per_epoch: u64, total_steps: u64) -> Result<Self> {
        spec.check()?;
        let schedule = spec.schedule.build(steps_per_epoch, total_steps);
        Ok(Self { spec: spec.clone(), schedule, step: 0, slots: BTreeMap::new() })
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// Learning rate of `parameter` at the next step.
    pub fn lr_of(&self, parameter: &str) -> f64 {
        let base = self.spec.groups.iter().find(|g| g.holds(parameter)).map_or(self.spec.lr, |g| g.lr);
        base * self.schedule.factor(self.step)
    }

    /// Learning rate of each group at the next step, by its patterns.
    pub fn group_rates(&self) -> Vec<(String, f64)> {
        let factor = self.schedule.factor(self.step);
        self.spec.groups.iter().map(|group| (group.parameters.join("+"), group.lr * factor)).collect()
    }

    /// One step over all parameters; give them in the same order every time.
    ///
    /// # Errors
    /// `not-finite` with tensor and step: a gradient that is not finite leaves every parameter as it was.
    pub fn step(&mut self, parameters: &mut [Parameter<'_>]) -> Result<StepReport> {
        let mut seen = Seen::default();
        for p in &*parameters {
            match &p.values {
                Values::F32(_, gradient) => self.observe(&mut seen, p.name, gradient)?,
                Values::F64(_, gradient) => self.observe(&mut seen, p.name, gradient)?,
            }
        }
        let (clip, report) = self.plan(&seen)?;
        for p in parameters {
            match &mut p.values {
                Values::F32(values, gradient) => self.apply(clip, p.name, values, gradient)?,
                Values::F64(values, gradient) => self.apply(clip, p.name, values, gradient)?,
            }
        }
        self.step += 1;
        Ok(report)
    }

    /// Takes in one gradient: guards it and adds its norm.
    pub(super) fn observe<T: Real>(&self, seen: &mut Seen, name: &str, gradient: &[T]) -> Result<()> {
        let squares = sum_of_squares(gradient, self.spec.clip.value.unwrap_or(f64::INFINITY));
        // Clipping by value turns infinity into a number; the guard must see it all the same.
        if !squares.is_finite() || self.spec.clip.value.is_some() {
            check_finite("gradient", name, self.step, gradient)?;
        }
        seen.squares.push(squares);
        Ok(())
    }

    /// How the gradients of this step are clipped.
    pub(super) fn plan(&self, seen: &Seen) -> Result<(Clip, StepReport)> {
        let norm = pairwise(&seen.squares).sqrt();
        if !norm.is_finite() {
            return Err(UserError::failed("not-finite", format!("the norm of the gradient at step {} is too large", self.step))
                .mend("lower the learning rate or switch on clipping by value"));
        }
        let (limit, scale) = (self.spec.clip.value.unwrap_or(f64::INFINITY), self.spec.clip.norm.map_or(1.0, |max| max / norm));
        let clipped = scale < 1.0;
        let clip = Clip { limit, scale: if clipped { scale } else { 1.0 } };
        let lr = self.spec.lr * self.schedule.factor(self.step);
        Ok((clip, StepReport { step: self.step, lr, gradient_norm: norm, clipped }))
    }

    /// Moves one parameter.
    pub(super) fn apply<T: Remembered>(&mut self, clip: Clip, name: &str, values: &mut [T], gradient: &[T]) -> Result<()> {
        if values.len() != gradient.len() {
            return Err(UserError::failed("gradient-shape", format!("the gradient of `{name}` has another length"))
                .found(gradient.len().to_string())
                .expected(values.len().to_string()));
        }
        let (lr, rule, step) = (self.lr_of(name), self.rule_of(name), self.step);
        let fresh = || Slot { steps: 0, memory: T::empty(rule.memory().len(), values.len()) };
        if !self.slots.contains_key(name) {
            self.slots.insert(name.to_string(), fresh());
        }
        let slot = self.slots.get_mut(name).expect("it was put there");
        if rule.memory().is_empty() {
            // Nothing is remembered, so a checkpoint does not know of which type it would be.
            slot.memory = T::empty(0, 0);
        }
        let memory = T::of_memory(&mut slot.memory).filter(|m| m.iter().all(|field| field.len() == values.len()));
        let Some(memory) = memory else {
            return Err(UserError::failed("parameter-shape", format!("`{name}` changed its type or length during training")));
        };
        slot.steps += 1;
        if rule::update(&rule, slot.steps, lr, clip, values, gradient, memory) {
            return Ok(());
        }
        check_finite("value", name, step, values)
    }

    /// Ends a step taken with `observe`, `plan` and `apply`.
    pub(super) fn finish(&mut self) {
        self.step += 1;
    }

    /// The rule with the decay of the parameter's group.
    fn rule_of(&self, name: &str) -> Rule {
        let decay = self.spec.groups.iter().find(|g| g.holds(name)).and_then(|g| g.weight_decay);
        decay.map_or(self.spec.rule, |decay| self.spec.rule.with_decay(decay))
    }

    /// Stores the whole state: arrays as `optimiser/FIELD/NAME`, counts in the section `optimiser`.
    pub fn store(&self, checkpoint: &mut Checkpoint) {
        let fields = self.spec.rule.memory();
        for (name, slot) in &self.slots {
            let arrays: Vec<TensorData> = match &slot.memory {
                Memory::F32(memory) => memory.iter().map(|m| TensorData::vector(m)).collect(),
                Memory::F64(memory) => memory.iter().map(|m| TensorData::vector(m)).collect(),
            };
            for (field, array) in fields.iter().zip(arrays) {
                checkpoint.tensors.insert(format!("optimiser/{field}/{name}"), array);
            }
        }
        let steps = self.slots.iter().map(|(name, slot)| (name.clone(), slot.steps)).collect();
        checkpoint.put_state(SECTION, &Stored { rule: self.spec.rule.name().into(), step: self.step, steps });
    }

    /// Takes the state back from a checkpoint.
    ///
    /// # Errors
    /// If the checkpoint was made with another rule, or its arrays do not fit.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let stored: Stored = checkpoint.state(SECTION)?;
        let rule = self.spec.rule;
        if stored.rule != rule.name() {
            return Err(UserError::bad_data("optimiser-mismatch", "the checkpoint was made with another optimiser")
                .found(stored.rule)
                .expected(rule.name())
                .mend("resume with the run's own config"));
        }
        let fields = rule.memory();
        let mut slots = BTreeMap::new();
        for (name, steps) in stored.steps {
            let tensor_name = |field: &str| format!("optimiser/{field}/{name}");
            let single = match fields.first() {
                Some(field) => checkpoint.tensor(&tensor_name(field))?.dtype() == DType::F32,
                None => true,
            };
            let memory = if single {
                Memory::F32(fields.iter().map(|f| checkpoint.values(&tensor_name(f))).collect::<Result<_>>()?)
            } else {
                Memory::F64(fields.iter().map(|f| checkpoint.values(&tensor_name(f))).collect::<Result<_>>()?)
            };
            let lengths: Vec<usize> = match &memory {
                Memory::F32(memory) => memory.iter().map(Vec::len).collect(),
                Memory::F64(memory) => memory.iter().map(Vec::len).collect(),
            };
            // A file without the parameter itself is the caller's affair.
            if let Some(parameter) = checkpoint.tensors.get(&format!("param/{name}")) {
                let expected: usize = parameter.shape().iter().product();
                if let Some((field, found)) = fields.iter().zip(lengths).find(|(_, length)| *length != expected) {
                    return Err(UserError::bad_data(
                        "tensor-shape",
                        format!("tensor `{}` does not fit its parameter", tensor_name(field)),
                    )
                    .found(format!("{found} elements"))
                    .expected(format!("{expected} elements"))
                    .mend("use the checkpoint before this one"));
                }
            }
            slots.insert(name, Slot { steps, memory });
        }
        self.step = stored.step;
        self.slots = slots;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::optimiser::{GroupSpec, ScheduleSpec};

    /// Some gradient that depends on the values, so that an error anywhere spreads.
    fn gradient<T: Real>(values: &[T], step: u64) -> Vec<T> {
        let wave = |i: usize| ((i as f64 + 1.0) * (step as f64 + 0.5)).sin();
        values.iter().enumerate().map(|(i, v)| T::of(v.wide() * 0.3 + wave(i))).collect()
    }

    fn spec(rule: Rule) -> OptimiserSpec {
        let mut spec = OptimiserSpec::adam(0.05);
        spec.rule = rule;
        spec.schedule = ScheduleSpec::Cosine { warm_up_epochs: 0.5, final_factor: 0.01 };
        spec.clip.norm = Some(1.5);
        spec.clip.value = Some(0.9);
        spec.groups.push(GroupSpec { parameters: vec!["tau*".into()], lr: 0.01, weight_decay: Some(0.0) });
        spec
    }

    fn train(optimiser: &mut Optimiser, w: &mut [f32], tau: &mut [f64], steps: std::ops::Range<u64>) {
        for step in steps {
            let (gw, gt) = (gradient(w, step), gradient(tau, step));
            optimiser.step(&mut [Parameter::f32("w", w, &gw), Parameter::f64("tau_mem", tau, &gt)]).unwrap();
        }
    }

    #[test]
    fn a_resumed_optimiser_goes_on_bit_for_bit() {
        let sgd = |momentum, nesterov| Rule::Sgd { momentum, nesterov, weight_decay: 0.01 };
        let adamw = Rule::AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01 };
        for rule in [sgd(0.0, false), sgd(0.9, false), sgd(0.9, true), Rule::default(), adamw] {
            let spec = spec(rule);
            let (mut w, mut tau) = (vec![0.3_f32, -0.7, 1.1], vec![20.0, 40.0]);
            let mut whole = Optimiser::new(&spec, 8, 20).unwrap();
            train(&mut whole, &mut w, &mut tau, 0..20);
            for stop in [0, 1, 7, 19] {
                let (mut w2, mut tau2) = (vec![0.3_f32, -0.7, 1.1], vec![20.0, 40.0]);
                let mut first = Optimiser::new(&spec, 8, 20).unwrap();
                train(&mut first, &mut w2, &mut tau2, 0..stop);
                let mut checkpoint = Checkpoint::new("test", 0, "c");
                first.store(&mut checkpoint);
                let bytes = checkpoint.encode().unwrap();
                let read = Checkpoint::decode(bytes, std::path::Path::new("c")).unwrap();
                let mut second = Optimiser::new(&spec, 8, 20).unwrap();
                second.restore(&read).unwrap();
                train(&mut second, &mut w2, &mut tau2, stop..20);
                assert_eq!(w, w2, "{} from step {stop}", rule.name());
                assert_eq!(tau, tau2);
            }
        }
    }

    #[test]
    fn groups_have_their_own_rate_and_the_norm_spans_all_parameters() {
        let mut spec = OptimiserSpec::adam(0.1);
        spec.rule = Rule::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 };
        spec.clip.norm = Some(1.0);
        spec.groups.push(GroupSpec { parameters: vec!["tau*".into()], lr: 1.0, weight_decay: None });
        let mut optimiser = Optimiser::new(&spec, 1, 10).unwrap();
        let (mut w, mut tau) = (vec![0.0_f64], vec![0.0_f64]);
        let report =
            optimiser.step(&mut [Parameter::f64("w", &mut w, &[3.0]), Parameter::f64("tau_mem", &mut tau, &[4.0])]).unwrap();
        assert!(report.clipped && (report.gradient_norm - 5.0).abs() < 1e-15);
        assert!((w[0] + 0.06).abs() < 1e-15 && (tau[0] + 0.8).abs() < 1e-15);
    }

    #[test]
    fn a_gradient_that_is_not_finite_moves_nothing_and_is_named() {
        for clip in [None, Some(1.0)] {
            let mut spec = OptimiserSpec::adam(0.1);
            spec.clip.value = clip;
            let mut optimiser = Optimiser::new(&spec, 1, 10).unwrap();
            let (mut a, mut b) = (vec![1.0_f32], vec![1.0_f32]);
            for bad in [f32::NAN, f32::INFINITY] {
                let error =
                    optimiser.step(&mut [Parameter::f32("a", &mut a, &[1.0]), Parameter::f32("b", &mut b, &[bad])]).unwrap_err();
                assert!(error.to_string().contains("gradient of `b` at step 0"), "{error}");
            }
            assert_eq!((a[0].to_bits(), b[0].to_bits(), optimiser.steps()), (1.0_f32.to_bits(), 1.0_f32.to_bits(), 0));
        }
    }

    #[test]
    fn a_parameter_that_overflows_is_named() {
        let mut optimiser = Optimiser::new(&OptimiserSpec::adam(1e38), 1, 10).unwrap();
        let mut w = vec![-3e38_f32, 0.0];
        let error = optimiser.step(&mut [Parameter::f32("w", &mut w, &[1.0, 0.0])]).unwrap_err();
        assert!(error.to_string().contains("element 0 of the value of `w` at step 0"), "{error}");
    }

    #[test]
    fn a_checkpoint_of_another_rule_is_refused() {
        let mut checkpoint = Checkpoint::new("test", 0, "c");
        Optimiser::new(&OptimiserSpec::adam(0.1), 1, 10).unwrap().store(&mut checkpoint);
        let mut spec = OptimiserSpec::adam(0.1);
        spec.rule = Rule::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0.0 };
        let error = Optimiser::new(&spec, 1, 10).unwrap().restore(&checkpoint).unwrap_err();
        assert_eq!((error.code(), error.exit_code()), ("optimiser-mismatch", 3));
    }

    #[test]
    fn memory_that_does_not_fit_its_parameter_is_named() {
        let mut optimiser = Optimiser::new(&OptimiserSpec::adam(0.1), 1, 10).unwrap();
        let mut w = vec![1.0_f64; 3];
        optimiser.step(&mut [Parameter::f64("w", &mut w, &[0.2; 3])]).unwrap();
        let mut checkpoint = Checkpoint::new("test", 0, "c");
        optimiser.store(&mut checkpoint);
        checkpoint.tensors.insert("param/w".into(), TensorData::vector(&w));
        optimiser.clone().restore(&checkpoint).unwrap();
        checkpoint.tensors.insert("optimiser/second/w".into(), TensorData::vector(&[0.0_f64; 2]));
        let text = optimiser.restore(&checkpoint).unwrap_err().to_string();
        assert!(text.contains("optimiser/second/w") && text.contains("2 elements") && text.contains("3 elements"), "{text}");
        checkpoint.tensors.remove("optimiser/second/w");
        assert_eq!(optimiser.restore(&checkpoint).unwrap_err().code(), "missing-tensor");
    }

    #[test]
    fn a_parameter_that_joins_later_has_its_own_count() {
        let mut optimiser = Optimiser::new(&OptimiserSpec::adam(0.1), 1, 10).unwrap();
        let (mut a, mut late) = (vec![1.0_f64], vec![1.0_f64]);
        optimiser.step(&mut [Parameter::f64("a", &mut a, &[0.2])]).unwrap();
        optimiser.step(&mut [Parameter::f64("a", &mut a, &[0.2]), Parameter::f64("late", &mut late, &[7.0])]).unwrap();
        assert!((late[0] - 0.9).abs() < 1e-8, "the first step of Adam is the learning rate, whatever the gradient");
    }
}
