//! Labels per ms as pure functions of a voltage trace.
//!
//! A trace holds the initial sample and then one per step; the label of millisecond k looks at the sample at k ms.

pub use kenyon_base::peaks;
use kenyon_base::{Result, UserError, rises, twinprop_1ms};
use serde::{Deserialize, Serialize};

use super::draw::exp;
use super::spec::Check;

/// What counts as a spike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpikeRule {
    /// Local maximum at 0 mV or above; the middle sample of a plateau.
    Peak0,
    /// Upward crossing of -20 mV, its time interpolated between two samples.
    Cross20,
    /// Local maxima at -20 mV or above of the trace interpolated to 8 samples per ms, times cut to whole ms, two in one ms
    /// merged: as `TwinProp` files have them.
    #[serde(rename = "twinprop_1ms")]
    Twinprop1ms,
}

/// When the label of the rate looks at the spikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateRule {
    /// As published: the Gaussian is centred, so the label knows 10 ms of the future.
    Reference,
    /// The same Gaussian 10 ms later: the label of k knows the spikes up to k alone.
    Causal,
}

/// A cap that no voltage reaches, mV.
pub const NO_CAP_MV: f64 = 1000.0;

/// How labels are made.
///
/// # Units
/// Voltages in mV, times in ms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabelSpec {
    /// Definition of a spike.
    pub spike: SpikeRule,
    /// The label of the somatic voltage is at most this; the store keeps the whole voltage.
    pub soma_cap_mv: f64,
    /// The label of a dendritic voltage is at most this; [`NO_CAP_MV`] leaves it whole.
    pub branch_cap_mv: f64,
    /// A spike is near in its own ms and the following ones, so many in all.
    pub near_ms: u32,
    /// A voltage is near a spike above the cap less this.
    pub near_margin_mv: f64,
    /// Timing of the rate.
    pub rate: RateRule,
}

impl Default for LabelSpec {
    fn default() -> Self {
        Self {
            spike: SpikeRule::Peak0,
            soma_cap_mv: -62.0,
            branch_cap_mv: 0.0,
            near_ms: 10,
            near_margin_mv: 5.0,
            rate: RateRule::Reference,
        }
    }
}

impl LabelSpec {
    /// Labels of `TwinProp` sets: its spikes, a cap of -55 mV at the soma, and none in the dendrite.
    pub fn twinprop() -> Self {
        Self { spike: SpikeRule::Twinprop1ms, soma_cap_mv: -55.0, branch_cap_mv: NO_CAP_MV, ..Self::default() }
    }

    pub(super) fn check(&self) -> Result<()> {
        let check = Check("labels");
        check.number("soma_cap_mv", self.soma_cap_mv, -200.0, 200.0)?;
        check.number("branch_cap_mv", self.branch_cap_mv, -200.0, NO_CAP_MV)?;
        check.whole("near_ms", self.near_ms, 0, 10_000)?;
        check.number("near_margin_mv", self.near_margin_mv, -200.0, 200.0)
    }
}

/// Labels of one simulation, one entry per ms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Labels {
    /// Exact times of the spikes in ms.
    pub spikes_ms: Vec<f32>,
    /// Voltage of the soma, uncapped.
    pub soma_v: Vec<f32>,
    /// Whether there is a spike in the millisecond.
    pub spike: Vec<bool>,
    /// Whether a spike is near.
    pub near_spike: Vec<bool>,
    /// Spikes per ms, smoothed.
    pub inst_rate: Vec<f32>,
}

impl Labels {
    /// Labels of `bins` ms of a trace with `steps_per_ms` samples per ms after the initial one.
    ///
    /// # Errors
    /// `short-trace` if the trace ends before the last bin does, `not-finite` if it holds a NaN or an infinity.
    pub fn from_trace(trace: &[f64], steps_per_ms: usize, bins: usize, spec: &LabelSpec) -> Result<Self> {
        if steps_per_ms == 0 || trace.len() < bins * steps_per_ms + 1 {
            return Err(UserError::bad_data("short-trace", "the trace is shorter than the labels")
                .found(format!("{} samples at {steps_per_ms} per ms", trace.len()))
                .expected(format!("{} samples", bins * steps_per_ms + 1))
                .mend("record every step of the soma"));
        }
        let trace = &trace[..=bins * steps_per_ms];
        if let Some(at) = trace.iter().position(|v| !v.is_finite()) {
            return Err(UserError::bad_data("not-finite", "the voltage is not a number")
                .row(at as u64)
                .found(trace[at].to_string())
                .mend("use a smaller step, or check the parameters of the neuron"));
        }
        let spikes = spike_times(spec.spike, trace, steps_per_ms);
        let at_ms: Vec<f64> = trace.iter().step_by(steps_per_ms).take(bins).copied().collect();
        let mut spike = vec![false; bins];
        for &t in &spikes {
            if let Some(bin) = spike.get_mut(t as usize) {
                *bin = true;
            }
        }
        Ok(Self {
            near_spike: near_spike(&spike, &at_ms, spec),
            inst_rate: inst_rate(&spike, spec.rate),
            spikes_ms: spikes.iter().map(|&t| t as f32).collect(),
            soma_v: at_ms.iter().map(|&v| v as f32).collect(),
            spike,
        })
    }

    /// Whether there is no spike after the initialisation: what happens there counts in no rate.
    pub fn silent(&self, initialisation_ms: u32) -> bool {
        self.spikes_ms.iter().all(|&t| f64::from(t) < f64::from(initialisation_ms))
    }
}

/// Times of the spikes of a trace in ms, after a rule.
pub fn spike_times(rule: SpikeRule, trace: &[f64], steps_per_ms: usize) -> Vec<f64> {
    let dt = |step: f64| step / steps_per_ms as f64;
    match rule {
        SpikeRule::Peak0 => peaks(trace, 0.0).into_iter().map(|p| dt(p as f64)).collect(),
        SpikeRule::Cross20 => rises(trace, -20.0).into_iter().map(|rise| dt(rise.place())).collect(),
        SpikeRule::Twinprop1ms => twinprop_1ms(trace, dt(1.0)).into_iter().map(|ms| ms as f64).collect(),
    }
}

/// Whether a spike lies in the last `near_ms` bins (the present one is one of them), or the voltage is near the cap.
pub fn near_spike(spike: &[bool], soma_mv: &[f64], spec: &LabelSpec) -> Vec<bool> {
    let threshold = spec.soma_cap_mv - spec.near_margin_mv;
    let mut last = None;
    let mark = |(k, (&spike, &v)): (usize, (&bool, &f64))| {
        if spike {
            last = Some(k);
        }
        v > threshold || last.is_some_and(|s| k - s < spec.near_ms as usize)
    };
    spike.iter().zip(soma_mv).enumerate().map(mark).collect()
}

/// Width of the box of the rate in ms.
const BOX_MS: usize = 50;
/// Half of the Gaussian of the rate in ms.
const HALF_MS: usize = 10;
/// Its standard deviation in ms.
const SIGMA_MS: f64 = 2.5;

/// Spikes per ms: a causal box of 50 ms, then a normalised Gaussian of 21 taps with standard deviation 2.5 ms; nothing beyond
/// the ends.
pub fn inst_rate(spike: &[bool], rule: RateRule) -> Vec<f32> {
    let n = spike.len();
    let mut count = 0_usize;
    let boxed: Vec<f64> = (0..n)
        .map(|k| {
            count += usize::from(spike[k]);
            count -= usize::from(k >= BOX_MS && spike[k - BOX_MS]);
            count as f64 / BOX_MS as f64
        })
        .collect();
    let taps: Vec<f64> = (0..=2 * HALF_MS).map(|i| exp(-0.5 * ((i as f64 - HALF_MS as f64) / SIGMA_MS).powi(2))).collect();
    let sum: f64 = taps.iter().sum();
    let ahead = match rule {
        RateRule::Reference => HALF_MS,
        RateRule::Causal => 0,
    };
    let value = |k: usize| {
        let parts = taps.iter().enumerate().filter_map(|(i, tap)| Some(tap / sum * boxed.get((k + ahead).checked_sub(i)?)?));
        parts.sum::<f64>() as f32
    };
    (0..n).map(value).collect()
}

/// A voltage as a label: at most `cap_mv`.
pub fn capped(voltage: &[f32], cap_mv: f64) -> Vec<f32> {
    voltage.iter().map(|&v| v.min(cap_mv as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_is_interpolated_and_two_peaks_in_one_ms_are_one() {
        let trace = [-70.0, -30.0, -10.0, 20.0, -30.0, 0.0, -60.0, -60.0, -60.0];
        assert_eq!(spike_times(SpikeRule::Cross20, &trace, 4), [1.5 / 4.0, (4.0 + 1.0 / 3.0) / 4.0]);
        assert_eq!(spike_times(SpikeRule::Peak0, &trace, 4), [0.75, 1.25]);
        assert_eq!(spike_times(SpikeRule::Twinprop1ms, &trace, 4), [0.0, 1.0]);
        assert_eq!(spike_times(SpikeRule::Twinprop1ms, &trace, 8), [0.0]);
    }

    #[test]
    fn the_causal_rate_is_the_reference_ten_ms_later_and_knows_no_future() {
        let mut spike = vec![false; 200];
        spike[70] = true;
        spike[95] = true;
        let (reference, causal) = (inst_rate(&spike, RateRule::Reference), inst_rate(&spike, RateRule::Causal));
        assert!(causal[..70].iter().all(|&r| r == 0.0) && causal[70] > 0.0 && reference[60] > 0.0);
        assert_eq!(causal[80..150], reference[70..140]);
        assert!((reference[108] - 0.04).abs() < 1e-6);
        assert!((causal.iter().sum::<f32>() - 2.0).abs() < 1e-5);
    }

    #[test]
    fn near_counts_ten_ms_from_a_spike_on_and_voltages_above_the_margin() {
        let mut spike = vec![false; 30];
        spike[5] = true;
        let mut v = vec![-80.0; 30];
        v[25] = -66.9;
        v[26] = -67.0;
        let near = near_spike(&spike, &v, &LabelSpec::default());
        let marked: Vec<usize> = (0..30).filter(|&k| near[k]).collect();
        assert_eq!(marked, (5..15).chain([25]).collect::<Vec<_>>());
    }

    #[test]
    fn a_simulation_that_spikes_in_its_initialisation_alone_is_silent() {
        let labels = |times: &[f32]| Labels { spikes_ms: times.to_vec(), ..Labels::default() };
        assert!(labels(&[]).silent(0) && labels(&[3.0, 499.9]).silent(500));
        assert!(!labels(&[3.0]).silent(0) && !labels(&[3.0, 500.0]).silent(500));
    }

    #[test]
    fn a_bad_trace_is_an_error() {
        let spec = LabelSpec::default();
        assert_eq!(Labels::from_trace(&[0.0; 40], 40, 1, &spec).expect_err("one sample short").code(), "short-trace");
        let mut trace = vec![-70.0; 81];
        trace[3] = f64::NAN;
        assert_eq!(Labels::from_trace(&trace, 40, 2, &spec).expect_err("NaN").code(), "not-finite");
        assert_eq!(capped(&[-80.0, -10.0], -62.0), [-80.0, -62.0]);
    }
}
