//! One step of a rule on one parameter: plain slices, element by element.
//!
//! - SGD with momentum (Polyak 1964; Nesterov as in Sutskever et al. 2013): `m <- mu m + g`, `p <- p - lr m`; with Nesterov
//!   `p <- p - lr (g + mu m)`. The first `m` is `g`.
//! - Adam (Kingma and Ba 2015): `m <- b1 m + (1 - b1) g`, `v <- b2 v + (1 - b2) g^2`,
//!   `p <- p - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)`.
//! - `AdamW` (Loshchilov and Hutter 2019): the same, and `p <- (1 - lr decay) p` before it, outside the moments.
//!
//! Elements do not depend on each other, so the result does not depend on how they are divided among threads.

use std::ops::{Add, Div, Mul, Neg, Sub};

use kenyon_base::Result;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::spec::{positive, within};

/// The update rule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Rule {
    /// Stochastic gradient descent.
    Sgd {
        /// Share of the last step that is kept.
        #[serde(default)]
        momentum: f64,
        /// Whether the gradient is looked at ahead of the momentum's step.
        #[serde(default)]
        nesterov: bool,
        /// Added to the gradient times the parameter (L2).
        #[serde(default)]
        weight_decay: f64,
    },
    /// Adam.
    Adam {
        /// Decay of the mean of the gradient.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the mean of its square.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the root, against division by zero.
        #[serde(default = "eps")]
        eps: f64,
        /// Added to the gradient times the parameter (L2).
        #[serde(default)]
        weight_decay: f64,
    },
    /// Adam with decoupled weight decay.
    AdamW {
        /// Decay of the mean of the gradient.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the mean of its square.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the root, against division by zero.
        #[serde(default = "eps")]
        eps: f64,
        /// Share of the parameter that is taken off per step and unit of learning rate.
        #[serde(default = "decay")]
        weight_decay: f64,
    },
}

fn beta1() -> f64 {
    0.9
}
fn beta2() -> f64 {
    0.999
}
fn eps() -> f64 {
    1e-8
}
fn decay() -> f64 {
    0.01
}

impl Default for Rule {
    /// Adam with the constants of its paper.
    fn default() -> Self {
        Self::Adam { beta1: beta1(), beta2: beta2(), eps: eps(), weight_decay: 0.0 }
    }
}

impl Rule {
    /// Name as in configs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sgd { .. } => "sgd",
            Self::Adam { .. } => "adam",
            Self::AdamW { .. } => "adamw",
        }
    }

    /// Names of what it remembers per element, in order.
    pub fn memory(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd { momentum, .. } if *momentum == 0.0 => &[],
            Self::Sgd { .. } => &["momentum"],
            Self::Adam { .. } | Self::AdamW { .. } => &["first", "second"],
        }
    }

    /// The rule with another weight decay.
    pub(super) fn with_decay(mut self, decay: f64) -> Self {
        match &mut self {
            Self::Sgd { weight_decay, .. } | Self::Adam { weight_decay, .. } | Self::AdamW { weight_decay, .. } => {
                *weight_decay = decay;
            }
        }
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let below_one = |key: &str, value: f64| within(key, value, 0.0, 1.0_f64.next_down());
        match *self {
            Self::Sgd { momentum, weight_decay, nesterov } => {
                below_one("rule.momentum", momentum)?;
                if nesterov {
                    positive("rule.momentum", momentum)?;
                }
                within("rule.weight_decay", weight_decay, 0.0, f64::MAX)
            }
            Self::Adam { beta1, beta2, eps, weight_decay } | Self::AdamW { beta1, beta2, eps, weight_decay } => {
                below_one("rule.beta1", beta1)?;
                below_one("rule.beta2", beta2)?;
                positive("rule.eps", eps)?;
                within("rule.weight_decay", weight_decay, 0.0, f64::MAX)
            }
        }
    }
}

/// f32 or f64.
pub trait Real:
    Copy
    + PartialOrd
    + Send
    + Sync
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + crate::run::tensor::Element
{
    /// The nearest value.
    fn of(value: f64) -> Self;
    /// The exact value.
    fn wide(self) -> f64;
    /// Square root.
    #[must_use]
    fn root(self) -> Self;
    /// Neither NaN nor infinite.
    fn finite(self) -> bool;
}

macro_rules! real {
    ($($t:ty),*) => {$(
        impl Real for $t {
            fn of(value: f64) -> Self { value as Self }
            fn wide(self) -> f64 { f64::from(self) }
            fn root(self) -> Self { self.sqrt() }
            fn finite(self) -> bool { self.is_finite() }
        }
    )*};
}
real!(f32, f64);

/// What is done to each element of the gradient before the rule sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clip {
    /// Largest magnitude of an element; infinite for none.
    pub limit: f64,
    /// Factor afterwards; 1 for none.
    pub scale: f64,
}

impl Clip {
    /// Leaves the gradient as it is.
    pub const NONE: Self = Self { limit: f64::INFINITY, scale: 1.0 };

    fn apply<T: Real>(self) -> impl Fn(T) -> T + Copy + Send + Sync {
        let (limit, scale) = (T::of(self.limit), T::of(self.scale));
        move |g| {
            let g = if g > limit { limit } else { g };
            let g = if g < -limit { -limit } else { g };
            g * scale
        }
    }
}

/// Elements that one thread takes at a time; below it a step is not divided.
const CHUNK: usize = 1 << 14;

/// One step of `rule` on one parameter.
///
/// `memory` holds one slice per name of [`Rule::memory`], as long as the parameter; `step` counts this parameter's steps from 1.
/// Returns whether every element is still finite.
///
/// # Panics
/// If lengths differ.
pub fn update<T: Real>(
    rule: &Rule,
    step: u64,
    lr: f64,
    clip: Clip,
    parameter: &mut [T],
    gradient: &[T],
    memory: &mut [Vec<T>],
) -> bool {
    assert_eq!(memory.len(), rule.memory().len(), "the memory is that of the rule");
    assert!(memory.iter().all(|m| m.len() == parameter.len()), "the memory is as long as the parameter");
    assert_eq!(parameter.len(), gradient.len(), "the gradient is as long as the parameter");
    let clipped = clip.apply::<T>();
    let lr_t = T::of(lr);
    match *rule {
        Rule::Sgd { weight_decay, momentum, nesterov } => {
            let (decay, mu) = (T::of(weight_decay), T::of(momentum));
            let Some(m) = memory.first_mut() else {
                return each(parameter, gradient, |p, g| *p = *p - lr_t * (clipped(g) + decay * *p));
            };
            let chunks = parameter.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(m.par_chunks_mut(CHUNK));
            all_finite(chunks.map(|((p, g), m)| {
                let mut finite = true;
                for ((p, &g), m) in p.iter_mut().zip(g).zip(m) {
                    let g = clipped(g) + decay * *p;
                    *m = if step == 1 { g } else { mu * *m + g };
                    *p = *p - lr_t * if nesterov { g + mu * *m } else { *m };
                    finite &= p.finite();
                }
                finite
            }))
        }
        Rule::Adam { beta1, beta2, eps, weight_decay } | Rule::AdamW { beta1, beta2, eps, weight_decay } => {
            let decoupled = matches!(rule, Rule::AdamW { .. });
            let (l2, keep) = if decoupled { (0.0, 1.0 - lr * weight_decay) } else { (weight_decay, 1.0) };
            let (l2, keep) = (T::of(l2), T::of(keep));
            // The two corrections as one factor each, in f64: exact where (1 - b^t) of f32 would not be.
            let step_size = T::of(lr / correction(beta1, step));
            let root_scale = T::of(1.0 / correction(beta2, step).sqrt());
            let (b1, c1, b2, c2) = (T::of(beta1), T::of(1.0 - beta1), T::of(beta2), T::of(1.0 - beta2));
            let eps = T::of(eps);
            let [first, second] = memory else { unreachable!("Adam remembers two moments") };
            let chunks = parameter
                .par_chunks_mut(CHUNK)
                .zip(gradient.par_chunks(CHUNK))
                .zip(first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK)));
            all_finite(chunks.map(|((p, g), (m, v))| {
                let mut finite = true;
                for ((p, &g), (m, v)) in p.iter_mut().zip(g).zip(m.iter_mut().zip(v)) {
                    let g = clipped(g) + l2 * *p;
                    *m = b1 * *m + c1 * g;
                    *v = b2 * *v + c2 * (g * g);
                    *p = keep * *p - step_size * (*m / (v.root() * root_scale + eps));
                    finite &= p.finite();
                }
                finite
            }))
        }
    }
}

/// `1 - beta^step`, exactly rounded also for large steps.
fn correction(beta: f64, step: u64) -> f64 {
    if beta == 0.0 { 1.0 } else { -(step as f64 * beta.ln()).exp_m1() }
}

fn each<T: Real>(parameter: &mut [T], gradient: &[T], f: impl Fn(&mut T, T) + Sync) -> bool {
    let chunks = parameter.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
    all_finite(chunks.map(|(p, g)| {
        let mut finite = true;
        for (p, &g) in p.iter_mut().zip(g) {
            f(p, g);
            finite &= p.finite();
        }
        finite
    }))
}

/// Runs every chunk, also after one that is not finite: a step is never half done.
fn all_finite(chunks: impl ParallelIterator<Item = bool>) -> bool {
    chunks.reduce(|| true, |a, b| a && b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRADIENTS: [f64; 5] = [0.5, -1.25, 0.0, 3.0, -0.01];

    fn run<T: Real>(rule: &Rule, lr: f64, start: f64) -> Vec<f64> {
        let mut p = [T::of(start)];
        let mut memory: Vec<Vec<T>> = rule.memory().iter().map(|_| vec![T::default()]).collect();
        let steps = (1..).zip(GRADIENTS);
        steps
            .map(|(step, g)| {
                assert!(update(rule, step, lr, Clip::NONE, &mut p, &[T::of(g)], &mut memory));
                p[0].wide()
            })
            .collect()
    }

    fn close(got: &[f64], expected: &[f64], tolerance: f64) {
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance), "{got:?} is not {expected:?}");
    }

    /// Adam exactly as its paper writes it, with the corrected moments spelt out.
    fn adam_of_the_paper(lr: f64, start: f64, l2: f64, decoupled: f64) -> Vec<f64> {
        let (b1, b2, eps): (f64, f64, f64) = (0.9, 0.999, 1e-8);
        let (mut p, mut m, mut v) = (start, 0.0, 0.0);
        let mut out = Vec::new();
        for (t, g) in (1..).zip(GRADIENTS) {
            let g = g + l2 * p;
            p -= lr * decoupled * p;
            m = b1 * m + (1.0 - b1) * g;
            v = b2 * v + (1.0 - b2) * g * g;
            let (m_hat, v_hat) = (m / (1.0 - b1.powi(t)), v / (1.0 - b2.powi(t)));
            p -= lr * m_hat / (v_hat.sqrt() + eps);
            out.push(p);
        }
        out
    }

    #[test]
    fn adam_and_adamw_follow_their_papers() {
        for (l2, decoupled) in [(0.0, 0.0), (0.3, 0.0), (0.0, 0.3)] {
            let (beta1, beta2, eps) = (0.9, 0.999, 1e-8);
            let rule = if decoupled > 0.0 {
                Rule::AdamW { beta1, beta2, eps, weight_decay: decoupled }
            } else {
                Rule::Adam { beta1, beta2, eps, weight_decay: l2 }
            };
            let expected = adam_of_the_paper(0.1, 2.0, l2, decoupled);
            close(&run::<f64>(&rule, 0.1, 2.0), &expected, 1e-13);
            close(&run::<f32>(&rule, 0.1, 2.0), &expected, 2e-6);
        }
    }

    #[test]
    fn adam_has_the_values_computed_by_hand() {
        // Step 1: m = 0.05, v = 2.5e-4; corrected 0.5 and 0.25, so the step is lr 0.5 / (0.5 + eps).
        // Step 2: m = -0.08, v = 1.81225e-3; corrected -0.08 / 0.19 and 1.81225e-3 / 1.999e-3.
        let first = 1.0 - 0.1 * 0.5 / (0.5 + 1e-8);
        let second = first + 0.1 * (0.08 / 0.19) / ((1.812_25e-3_f64 / 1.999e-3).sqrt() + 1e-8);
        close(&run::<f64>(&Rule::default(), 0.1, 1.0)[..2], &[first, second], 1e-14);
    }

    #[test]
    fn sgd_has_the_values_computed_by_hand() {
        let plain = Rule::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 };
        close(&run::<f64>(&plain, 0.1, 1.0), &[0.95, 1.075, 1.075, 0.775, 0.776], 1e-15);
        // m: 0.5, -1, -0.5, 2.75, 1.365.
        let heavy = Rule::Sgd { momentum: 0.5, nesterov: false, weight_decay: 0.0 };
        close(&run::<f64>(&heavy, 0.1, 1.0), &[0.95, 1.05, 1.1, 0.825, 0.6885], 1e-15);
        // g + m / 2: 0.75, -1.75, -0.25, 4.375, 0.6725.
        let nesterov = Rule::Sgd { momentum: 0.5, nesterov: true, weight_decay: 0.0 };
        close(&run::<f64>(&nesterov, 0.1, 1.0), &[0.925, 1.1, 1.125, 0.6875, 0.620_25], 1e-15);
        // g + p: 1.5, then 0.85 - 1.25 = -0.4.
        let decayed = Rule::Sgd { momentum: 0.0, nesterov: false, weight_decay: 1.0 };
        close(&run::<f64>(&decayed, 0.1, 1.0)[..2], &[0.85, 0.89], 1e-15);
    }

    #[test]
    fn clipping_cuts_values_first_and_scales_then() {
        let clip = Clip { limit: 2.0, scale: 0.5 };
        let mut p = [0.0_f64; 3];
        let rule = Rule::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 };
        update(&rule, 1, 1.0, clip, &mut p, &[5.0, -3.0, 1.0], &mut []);
        close(&p, &[-1.0, 1.0, -0.5], 0.0);
    }

    #[test]
    fn a_step_has_the_same_bits_at_any_number_of_threads() {
        let n = 3 * CHUNK + 17;
        let gradient: Vec<f32> = (0..n).map(|i| ((i * 7919 % 1000) as f32 - 500.0) / 300.0).collect();
        let results: Vec<Vec<u32>> = [1, 2, 4]
            .map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let mut p = vec![0.5_f32; n];
                    let mut memory = vec![vec![0.0_f32; n]; 2];
                    for step in 1..4 {
                        update(&Rule::default(), step, 0.01, Clip::NONE, &mut p, &gradient, &mut memory);
                    }
                    p.iter().map(|x| x.to_bits()).collect()
                })
            })
            .to_vec();
        assert!(results[0] == results[1] && results[0] == results[2]);
    }
}
