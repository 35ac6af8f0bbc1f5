//! Optimisers whose whole state can be stored, written once for every model.
//!
//! | module | owns |
//! |---|---|
//! | [`spec`] | [`OptimiserSpec`]: rule, learning rates, groups, clipping, from a config |
//! | [`rule`] | one step of SGD, Adam, `AdamW` on slices |
//! | [`schedule`] | learning rate over steps |
//! | [`gradient`] | global norm in fixed order, clipping, the guard against NaN |
//! | [`engine`] | [`Optimiser`]: one step over all parameters, its state in a checkpoint |
//! | [`vars`] | the same for candle's variables |
//!
//! # Example
//! ```
//! use kenyon::training::optimiser::{Optimiser, OptimiserSpec, Parameter};
//!
//! let mut optimiser = Optimiser::new(&OptimiserSpec::adam(0.1), 100, 1000)?;
//! let (mut weights, gradient) = (vec![1.0_f32, -2.0], vec![0.5, 0.5]);
//! optimiser.step(&mut [Parameter::f32("weights", &mut weights, &gradient)])?;
//! assert!((weights[0] - 0.9).abs() < 1e-6);
//! # Ok::<(), kenyon_base::UserError>(())
//! ```

pub mod engine;
pub mod gradient;
pub mod rule;
pub mod schedule;
pub mod spec;
pub mod vars;

pub use engine::{Optimiser, Parameter, StepReport};
pub use rule::Rule;
pub use schedule::{Schedule, ScheduleSpec};
pub use spec::{Clipping, GroupSpec, OptimiserSpec};
