//! How the learning rate changes over a run: a factor that depends on the step alone.

use std::f64::consts::PI;

use kenyon_base::Result;
use serde::{Deserialize, Serialize};

use super::spec::{out_of_range, positive, within};

/// A schedule as configs say it: durations in epochs, fractions allowed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ScheduleSpec {
    /// The learning rate as it is.
    #[default]
    Constant,
    /// Times `gamma` after every `every_epochs`.
    Step {
        /// Epochs between two changes.
        every_epochs: f64,
        /// Factor of each change.
        gamma: f64,
    },
    /// Up in a line over `warm_up_epochs`, then down along half a cosine to `final_factor` at the end of the run.
    Cosine {
        /// Length of the rise.
        #[serde(default)]
        warm_up_epochs: f64,
        /// Factor at the end.
        #[serde(default)]
        final_factor: f64,
    },
    /// A triangle again and again: from `low_factor` up to 1 and back (Smith 2017).
    Cyclic {
        /// Length of one rise and fall.
        cycle_epochs: f64,
        /// Factor at both feet.
        low_factor: f64,
    },
    /// One rise from `1 / start_div` to 1 and one fall to `1 / final_div`, both half cosines (Smith and Topin 2018).
    OneCycle {
        /// Share of the run that rises.
        #[serde(default = "rise")]
        rise_share: f64,
        /// The rate at the start is the learning rate divided by this.
        #[serde(default = "start_div")]
        start_div: f64,
        /// The rate at the end is the learning rate divided by this.
        #[serde(default = "final_div")]
        final_div: f64,
    },
}

fn rise() -> f64 {
    0.3
}
fn start_div() -> f64 {
    25.0
}
fn final_div() -> f64 {
    1e4
}

impl ScheduleSpec {
    pub(super) fn check(&self) -> Result<()> {
        match *self {
            Self::Constant => Ok(()),
            Self::Step { every_epochs, gamma } => {
                positive("schedule.every_epochs", every_epochs)?;
                positive("schedule.gamma", gamma)
            }
            Self::Cosine { warm_up_epochs, final_factor } => {
                within("schedule.warm_up_epochs", warm_up_epochs, 0.0, f64::MAX)?;
                within("schedule.final_factor", final_factor, 0.0, 1.0)
            }
            Self::Cyclic { cycle_epochs, low_factor } => {
                positive("schedule.cycle_epochs", cycle_epochs)?;
                within("schedule.low_factor", low_factor, 0.0, 1.0)
            }
            Self::OneCycle { rise_share, start_div, final_div } => {
                within("schedule.rise_share", rise_share, 0.0, 1.0)?;
                for (key, value) in [("schedule.start_div", start_div), ("schedule.final_div", final_div)] {
                    if !(value >= 1.0 && value.is_finite()) {
                        return Err(out_of_range(key, value, "a finite number from 1"));
                    }
                }
                Ok(())
            }
        }
    }

    /// The schedule of a run of `total_steps`.
    pub fn build(self, steps_per_epoch: u64, total_steps: u64) -> Schedule {
        Schedule { spec: self, steps_per_epoch: steps_per_epoch as f64, total_steps: total_steps as f64 }
    }
}

/// Factor on every learning rate as a function of the step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    spec: ScheduleSpec,
    steps_per_epoch: f64,
    total_steps: f64,
}

impl Schedule {
    /// The factor for step `step`, counted from 0. After the end of the run it stays as it was there.
    pub fn factor(&self, step: u64) -> f64 {
        let step = step as f64;
        // The last step of the run has the final factor.
        let last = (self.total_steps - 1.0).max(0.0);
        match self.spec {
            ScheduleSpec::Constant => 1.0,
            ScheduleSpec::Step { every_epochs, gamma } => {
                let changes = (step / (every_epochs * self.steps_per_epoch)).floor();
                gamma.powf(changes)
            }
            ScheduleSpec::Cosine { warm_up_epochs, final_factor } => {
                let warm = (warm_up_epochs * self.steps_per_epoch).round();
                if step < warm {
                    return (step + 1.0) / (warm + 1.0);
                }
                half_cosine(1.0, final_factor, share(step - warm, last - warm))
            }
            ScheduleSpec::Cyclic { cycle_epochs, low_factor } => {
                let phase = (step / (cycle_epochs * self.steps_per_epoch)).fract();
                let height = 1.0 - (2.0 * phase - 1.0).abs();
                low_factor + (1.0 - low_factor) * height
            }
            ScheduleSpec::OneCycle { rise_share, start_div, final_div } => {
                let top = (rise_share * last).round();
                if step < top {
                    half_cosine(1.0 / start_div, 1.0, share(step, top))
                } else {
                    half_cosine(1.0, 1.0 / final_div, share(step - top, last - top))
                }
            }
        }
    }
}

/// `part` of `whole`, from 0 to 1.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// From `start` at 0 to `end` at 1.
fn half_cosine(start: f64, end: f64, at: f64) -> f64 {
    end + (start - end) * 0.5 * (1.0 + (PI * at).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(spec: ScheduleSpec, steps: &[u64]) -> Vec<f64> {
        // 10 steps an epoch, 10 epochs and the last step of them at 100.
        let schedule = spec.build(10, 101);
        steps.iter().map(|&s| schedule.factor(s)).collect()
    }

    fn close(got: &[f64], expected: &[f64]) {
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?} is not {expected:?}");
    }

    #[test]
    fn every_schedule_passes_its_known_points() {
        close(&factors(ScheduleSpec::Constant, &[0, 1000]), &[1.0, 1.0]);
        let step = ScheduleSpec::Step { every_epochs: 2.0, gamma: 0.5 };
        close(&factors(step, &[0, 19, 20, 39, 40]), &[1.0, 1.0, 0.5, 0.5, 0.25]);
        let cosine = ScheduleSpec::Cosine { warm_up_epochs: 2.0, final_factor: 0.1 };
        close(&factors(cosine, &[0, 19, 20, 60, 100, 200]), &[1.0 / 21.0, 20.0 / 21.0, 1.0, 0.55, 0.1, 0.1]);
        let cyclic = ScheduleSpec::Cyclic { cycle_epochs: 4.0, low_factor: 0.2 };
        close(&factors(cyclic, &[0, 10, 20, 30, 40, 60]), &[0.2, 0.6, 1.0, 0.6, 0.2, 1.0]);
        let one = ScheduleSpec::OneCycle { rise_share: 0.2, start_div: 25.0, final_div: 1e4 };
        close(&factors(one, &[0, 10, 20, 60, 100]), &[0.04, 0.52, 1.0, 0.5 * (1.0 + 1e-4), 1e-4]);
    }

    #[test]
    fn a_run_of_one_step_has_a_factor() {
        for spec in [
            ScheduleSpec::Cosine { warm_up_epochs: 0.0, final_factor: 0.0 },
            ScheduleSpec::OneCycle { rise_share: 0.3, start_div: 25.0, final_div: 1e4 },
        ] {
            assert!((spec.build(1, 1).factor(0) - 1.0).abs() < 1e-15);
        }
    }
}
