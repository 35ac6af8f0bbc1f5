//! Rates, variability, histograms, responses of cells.
//!
//! Spike times and windows share one unit; a rate is in spikes per that unit. Times outside the window are dropped and counted, equal
//! times are kept, and times that are not sorted or not finite are an error.

use kenyon_base::{Result, UserError};
use serde::Serialize;

use super::measure::Measure;
use super::sum::{mean, pairwise, sd_n, sd_n_minus_1, squares_about_mean};

/// A closed interval of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Window {
    /// Its start.
    pub start: f64,
    /// Its end.
    pub end: f64,
}

impl Window {
    /// From `start` to `end`.
    ///
    /// # Errors
    /// If the end is not after the start.
    pub fn new(start: f64, end: f64) -> Result<Self> {
        if end > start && start.is_finite() && end.is_finite() {
            return Ok(Self { start, end });
        }
        Err(UserError::bad_data("bad-window", "a window ends after it starts").found(format!("{start} to {end}")))
    }

    /// Its length.
    pub fn length(self) -> f64 {
        self.end - self.start
    }
}

/// The spikes of one neuron in one trial that lie in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpikeTrain<'a> {
    times: &'a [f64],
    window: Window,
    dropped: usize,
}

impl<'a> SpikeTrain<'a> {
    /// The part of `times` inside `window`.
    ///
    /// # Errors
    /// If the times are not sorted or one is not finite.
    pub fn new(times: &'a [f64], window: Window) -> Result<Self> {
        super::measure::check_finite("spike times", times)?;
        if let Some(at) = times.windows(2).position(|pair| pair[1] < pair[0]) {
            return Err(UserError::bad_data("not-sorted", "spike times are not sorted")
                .found(format!("{} after {}", times[at + 1], times[at]))
                .mend("sort the spikes of each neuron and trial"));
        }
        let start = times.partition_point(|&t| t < window.start);
        let end = times.partition_point(|&t| t <= window.end);
        Ok(Self { times: &times[start..end], window, dropped: times.len() - (end - start) })
    }

    /// The spikes inside the window.
    pub fn times(&self) -> &'a [f64] {
        self.times
    }

    /// The window.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Number of spikes outside the window.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Spikes per unit of time.
    pub fn rate(&self) -> f64 {
        self.times.len() as f64 / self.window.length()
    }

    fn intervals(&self) -> Vec<f64> {
        self.times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Coefficient of variation of the intervals: standard deviation (divisor n) over mean.
    pub fn cv(&self) -> Measure {
        let intervals = self.intervals();
        if intervals.len() < 2 {
            return Measure::none(intervals.len(), "fewer than 2 intervals");
        }
        match (sd_n(&intervals), mean(&intervals)) {
            (Some(sd), Some(mean)) if mean > 0.0 => Measure::new(sd / mean, intervals.len()),
            _ => Measure::none(intervals.len(), "all spikes at the same time"),
        }
    }

    /// CV2: mean of `2 |I' - I| / (I' + I)` over neighbouring intervals (Holt et al. 1996).
    pub fn cv2(&self) -> Measure {
        self.local(|a, b| 2.0 * (b - a).abs() / (b + a))
    }

    /// LV: 3 times the mean of `((I' - I) / (I' + I))^2` (Shinomoto et al. 2003).
    pub fn lv(&self) -> Measure {
        self.local(|a, b| 3.0 * ((b - a) / (b + a)).powi(2))
    }

    /// Mean of `f` over neighbouring intervals; two of length 0 are left out.
    fn local(&self, f: impl Fn(f64, f64) -> f64) -> Measure {
        let terms = self.intervals();
        let terms = terms.windows(2).map(|pair| (pair[0] + pair[1] > 0.0).then(|| f(pair[0], pair[1])));
        Measure::mean_of(terms, "fewer than 2 intervals")
    }
}

/// Mean rate over trials and then over neurons; `counts[neuron]` are its spikes in each trial of length `duration`.
pub fn mean_rate(counts: &[Vec<u64>], duration: f64) -> Measure {
    let of_neuron = |trials: &Vec<u64>| {
        let rates: Vec<f64> = trials.iter().map(|&n| n as f64 / duration).collect();
        mean(&rates)
    };
    Measure::mean_of(counts.iter().map(of_neuron), "no neuron with a trial")
}

/// Variance of counts over trials (divisor n - 1) over their mean.
pub fn fano_factor(counts: &[u64]) -> Measure {
    let counts: Vec<f64> = counts.iter().map(|&n| n as f64).collect();
    match mean(&counts) {
        Some(mean) if mean > 0.0 && counts.len() >= 2 => {
            Measure::new(squares_about_mean(&counts) / (counts.len() - 1) as f64 / mean, counts.len())
        }
        Some(mean) if mean > 0.0 => Measure::none(counts.len(), "fewer than 2 trials"),
        _ => Measure::none(counts.len(), "no spikes"),
    }
}

/// Peri-stimulus time histogram: spikes per trial and unit of time in `bins` equal bins, half open but for the last.
///
/// # Errors
/// If the trains have different windows, or there is no bin.
pub fn psth(trials: &[SpikeTrain<'_>], bins: usize) -> Result<Vec<f64>> {
    let Some(first) = trials.first() else { return Ok(vec![0.0; bins]) };
    let window = first.window;
    if bins == 0 || trials.iter().any(|t| t.window != window) {
        return Err(UserError::failed("psth", "a histogram needs at least one bin and the same window in every trial"));
    }
    let width = window.length() / bins as f64;
    let mut counts = vec![0_u64; bins];
    for &time in trials.iter().flat_map(|t| t.times) {
        counts[(((time - window.start) / width) as usize).min(bins - 1)] += 1;
    }
    Ok(counts.into_iter().map(|n| n as f64 / (trials.len() as f64 * width)).collect())
}

/// When a trial and a cell count as responding; both numbers are printed with every result.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ResponseRule {
    /// Spikes that the stimulus window holds at least.
    pub min_spikes: u64,
    /// Standard deviations by which it exceeds the baseline's mean.
    pub baseline_sds: f64,
}

impl Default for ResponseRule {
    fn default() -> Self {
        Self { min_spikes: 2, baseline_sds: 3.5 }
    }
}

impl ResponseRule {
    /// Whether a cell responds: in at least half of its trials.
    ///
    /// `stimulus` holds its spikes in the stimulus window, trial by trial; `baseline` those in windows of the same length before the
    /// stimulus, over all trials. Their standard deviation (divisor n - 1) is replaced by 1 spike where it is 0 or unknown. Without
    /// trials a cell does not respond.
    pub fn responds(self, stimulus: &[u64], baseline: &[u64]) -> bool {
        let before: Vec<f64> = baseline.iter().map(|&n| n as f64).collect();
        let limit = self.limit(&before);
        let responding = stimulus.iter().filter(|&&n| self.exceeds(n as f64, limit)).count();
        Self::in_enough(responding as u64, stimulus.len() as u64)
    }

    /// The count that a responding trial exceeds: the baseline's mean and so many of its standard deviations.
    pub fn limit(self, baseline: &[f64]) -> f64 {
        let sd = sd_n_minus_1(baseline).filter(|&sd| sd > 0.0).unwrap_or(1.0);
        mean(baseline).unwrap_or(0.0) + self.baseline_sds * sd
    }

    /// Whether a trial with `spikes` in its window responds.
    pub fn exceeds(self, spikes: f64, limit: f64) -> bool {
        spikes >= self.min_spikes as f64 && spikes > limit
    }

    /// Whether so many responding trials of all make a responding cell: at least half of them.
    pub fn in_enough(responding: u64, trials: u64) -> bool {
        trials > 0 && 2 * responding >= trials
    }
}

/// Spikes of a population over time, per neuron and second: `spikes[step]` in all of `neurons` over `samples`.
pub fn population_rate_hz(spikes: &[u64], neurons: usize, samples: usize, dt_ms: f64) -> Vec<f64> {
    let exposure_s = neurons as f64 * samples as f64 * dt_ms / 1000.0;
    spikes.iter().map(|&n| if exposure_s > 0.0 { n as f64 / exposure_s } else { 0.0 }).collect()
}

/// Mean over the trials' rates of one train each.
pub fn mean_train_rate(trials: &[SpikeTrain<'_>]) -> Measure {
    let rates: Vec<f64> = trials.iter().map(SpikeTrain::rate).collect();
    if rates.is_empty() {
        Measure::none(0, "no trials")
    } else {
        Measure::new(pairwise(&rates) / rates.len() as f64, rates.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const B: [f64; 5] = [0.3, 0.45, 0.8, 0.9, 0.95];
    const D: [f64; 4] = [0.1, 0.4, 0.5, 0.6];

    fn unit() -> Window {
        Window::new(0.0, 1.0).unwrap()
    }

    fn close(measure: &Measure, expected: f64) {
        assert!((measure.value.unwrap() - expected).abs() < 1e-12, "{measure:?} is not {expected}");
    }

    #[test]
    fn variability_has_its_golden_numbers() {
        let b = SpikeTrain::new(&B, unit()).unwrap();
        close(&b.cv(), 0.700_802_583_011_100);
        close(&b.cv2(), 0.859_259_259_259_260);
        close(&b.lv(), 0.579_753_086_419_753);
        let d = SpikeTrain::new(&D, unit()).unwrap();
        close(&d.cv(), 0.565_685_424_949_238);
        close(&d.cv2(), 0.5);
        close(&d.lv(), 0.375);
        close(&fano_factor(&[3, 5, 4, 6, 2, 4]), 0.5);
    }

    #[test]
    fn what_cannot_be_computed_says_why() {
        let two = SpikeTrain::new(&[0.1, 0.2], unit()).unwrap();
        assert_eq!(two.cv().reason.as_deref(), Some("fewer than 2 intervals"));
        assert_eq!(two.lv().value, None);
        let same = SpikeTrain::new(&[0.5; 4], unit()).unwrap();
        assert_eq!((same.cv().value, same.cv2().value, same.cv2().left_out), (None, None, 2));
        assert_eq!(fano_factor(&[0, 0]).reason.as_deref(), Some("no spikes"));
        assert_eq!(fano_factor(&[]).value, None);
        assert_eq!(mean_rate(&[], 1.0).value, None);
    }

    #[test]
    fn spikes_outside_are_dropped_and_counted_and_disorder_is_an_error() {
        let train = SpikeTrain::new(&[-1.0, 0.0, 0.5, 0.5, 1.0, 1.5], unit()).unwrap();
        assert_eq!((train.times(), train.dropped(), train.rate()), (&[0.0, 0.5, 0.5, 1.0][..], 2, 4.0));
        assert_eq!(SpikeTrain::new(&[0.2, 0.1], unit()).unwrap_err().code(), "not-sorted");
        assert_eq!(SpikeTrain::new(&[0.2, f64::NAN], unit()).unwrap_err().code(), "not-finite");
        assert!(Window::new(1.0, 1.0).is_err());
    }

    #[test]
    fn bins_are_half_open_but_the_last() {
        let times = [[0.0, 0.25, 1.0], [0.2, 0.75, 0.9]];
        let trains: Vec<_> = times.iter().map(|t| SpikeTrain::new(t, unit()).unwrap()).collect();
        assert_eq!(psth(&trains, 4).unwrap(), [4.0, 2.0, 0.0, 6.0]);
        assert!(psth(&trains, 0).is_err());
    }

    #[test]
    fn a_cell_responds_above_its_baseline_in_half_of_the_trials() {
        let rule = ResponseRule::default();
        assert!(rule.responds(&[4, 0], &[0, 0, 0]), "silent before: more than 3.5 spikes");
        assert!(!rule.responds(&[3, 3], &[0, 0, 0]));
        assert!(!rule.responds(&[4, 0, 0], &[0]));
        // Baseline 1, 3: mean 2, sd 1.414; the limit is 6.95.
        assert!(rule.responds(&[7], &[1, 3]) && !rule.responds(&[6], &[1, 3]));
        assert!(!rule.responds(&[], &[1, 3]));
        assert!(!ResponseRule { min_spikes: 5, baseline_sds: 3.5 }.responds(&[4], &[0]));
    }

    #[test]
    fn rates_are_means_over_trials_then_neurons() {
        close(&mean_rate(&[vec![2, 4], vec![0, 0]], 0.5), 3.0);
        assert_eq!(population_rate_hz(&[10, 0], 5, 4, 1.0), [500.0, 0.0]);
        let trains = [SpikeTrain::new(&B, unit()).unwrap(), SpikeTrain::new(&D, unit()).unwrap()];
        close(&mean_train_rate(&trains), 4.5);
    }
}
