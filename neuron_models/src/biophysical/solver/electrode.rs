//! Injected currents and voltage clamps.

use serde::{Deserialize, Serialize};

/// A current over time, nA, positive into the cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Waveform {
    /// `amp_na` while `delay_ms <= t < delay_ms + dur_ms`.
    Step {
        /// Beginning, ms.
        delay_ms: f64,
        /// Duration, ms.
        dur_ms: f64,
        /// Current, nA.
        amp_na: f64,
    },
    /// The shape of an excitatory postsynaptic current: `imax_na adj [(1 - exp(-s/tau0)) - (1 - exp(-s/tau1))]`, s the time since the
    /// onset, `adj` such that the peak is `imax_na` (Larkum's protocol in Hay et al. 2011).
    Epsc {
        /// Beginning, ms.
        onset_ms: f64,
        /// Rise, ms.
        tau0_ms: f64,
        /// Decay, ms.
        tau1_ms: f64,
        /// Peak, nA.
        imax_na: f64,
    },
    /// Values at times, linear in between, 0 outside.
    Samples {
        /// Times, ms, ascending.
        t_ms: Vec<f64>,
        /// Currents, nA.
        i_na: Vec<f64>,
    },
}

impl Waveform {
    /// The current at `t_ms`.
    pub fn at(&self, t_ms: f64) -> f64 {
        match self {
            Self::Step { delay_ms, dur_ms, amp_na } => {
                if t_ms >= *delay_ms && t_ms < delay_ms + dur_ms {
                    *amp_na
                } else {
                    0.0
                }
            }
            Self::Epsc { onset_ms, tau0_ms, tau1_ms, imax_na } => {
                let s = t_ms - onset_ms;
                if s < 0.0 {
                    return 0.0;
                }
                let shape = |s: f64| (1.0 - (-s / tau0_ms).exp()) - (1.0 - (-s / tau1_ms).exp());
                let peak = tau0_ms * tau1_ms * (tau0_ms / tau1_ms).ln() / (tau0_ms - tau1_ms);
                imax_na / shape(peak) * shape(s)
            }
            Self::Samples { t_ms: times, i_na } => {
                let next = times.partition_point(|t| *t <= t_ms);
                if next == 0 || next == times.len() {
                    return if next > 0 && times.last() == Some(&t_ms) { i_na[next - 1] } else { 0.0 };
                }
                let (t0, t1) = (times[next - 1], times[next]);
                i_na[next - 1] + (i_na[next] - i_na[next - 1]) * (t_ms - t0) / (t1 - t0)
            }
        }
    }
}

/// An electrode at a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Electrode {
    /// The node.
    pub node: u32,
    /// Which of the cells; all unless named.
    pub lane: Option<u32>,
    /// Its current.
    pub waveform: Waveform,
}

/// A potential that a voltage clamp commands for a while.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// How long, ms.
    pub dur_ms: f64,
    /// Potential, mV.
    pub v_mv: f64,
}

/// A voltage clamp with one electrode: a series resistance between the node and a command potential (NEURON's `SEClamp`).
///
/// While it commands, the current `(command - V) / rs` flows into the node; in the implicit step it is a conductance `1 / rs` at the
/// node towards the command.
#[derive(Debug, Clone, PartialEq)]
pub struct VoltageClamp {
    /// The node.
    pub node: u32,
    /// Which of the cells; all unless named.
    pub lane: Option<u32>,
    /// Series resistance, MΩ.
    pub rs_mohm: f64,
    /// What it commands, one after the other from 0 ms on; then it is off.
    pub levels: Vec<Level>,
}

impl VoltageClamp {
    /// The command at `t_ms`, mV; `None` when it is off.
    pub fn command_mv(&self, t_ms: f64) -> Option<f64> {
        let mut end_ms = 0.0;
        let level = self.levels.iter().find(|level| {
            end_ms += level.dur_ms;
            t_ms < end_ms
        });
        level.filter(|_| t_ms >= 0.0).map(|level| level.v_mv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_on_from_its_beginning_to_before_its_end() {
        let step = Waveform::Step { delay_ms: 1.0, dur_ms: 2.0, amp_na: 0.5 };
        assert_eq!([0.9, 1.0, 2.9, 3.0].map(|t| step.at(t).to_bits()), [0.0, 0.5, 0.5, 0.0].map(f64::to_bits));
    }

    #[test]
    fn a_postsynaptic_current_has_its_peak() {
        let epsc = Waveform::Epsc { onset_ms: 5.0, tau0_ms: 0.5, tau1_ms: 5.0, imax_na: 0.9 };
        let peak = (0..40_000).map(|k| epsc.at(f64::from(k) * 1e-3)).fold(0.0, f64::max);
        assert!((peak - 0.9).abs() < 1e-6 && epsc.at(4.999).to_bits() == 0, "{peak}");
    }

    #[test]
    fn samples_are_joined_by_lines() {
        let samples = Waveform::Samples { t_ms: vec![0.0, 1.0, 3.0], i_na: vec![0.0, 2.0, 4.0] };
        for (t, i) in [(-0.1, 0.0), (0.5, 1.0), (2.0, 3.0), (3.0, 4.0), (3.1, 0.0)] {
            assert!((samples.at(t) - i).abs() < 1e-12, "{t}: {}", samples.at(t));
        }
    }

    #[test]
    fn a_voltage_clamp_commands_one_level_after_the_other_and_then_nothing() {
        let level = |dur_ms: f64, v_mv: f64| Level { dur_ms, v_mv };
        let clamp = VoltageClamp { node: 0, lane: None, rs_mohm: 1.0, levels: vec![level(5.0, -65.0), level(2.0, 0.0)] };
        assert_eq!(
            [-0.1, 0.0, 4.99, 5.0, 6.99, 7.0].map(|t| clamp.command_mv(t)),
            [None, Some(-65.0), Some(-65.0), Some(0.0), Some(0.0), None]
        );
    }
}
