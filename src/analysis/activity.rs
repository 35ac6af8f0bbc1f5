//! The activity monitor: which populations are silent, which fire without end.
//!
//! A network whose neurons never fire, or always, has gradients that teach it little; both are easily overlooked behind a falling loss.

use serde::{Deserialize, Serialize};

use super::sum::pairwise_of;

/// A neuron above this rate counts as saturated.
pub const SATURATED_HZ: f64 = 50.0;
/// A larger share of saturated neurons is worth a hint.
pub const MAX_SATURATED_SHARE: f64 = 0.2;
/// A larger share of silent neurons is worth a hint, but for sparse populations.
pub const MAX_SILENT_SHARE: f64 = 0.9;

/// A population to be watched.
#[derive(Debug, Clone)]
pub struct Population {
    /// Its name.
    pub name: String,
    /// Its neurons, as indices into the counts.
    pub neurons: Vec<u32>,
    /// Whether most of its neurons are silent by nature, as Kenyon cells are.
    pub sparse: bool,
    /// Whether any of its neurons receives a synapse; without, silence is no matter of parameters.
    pub driven: bool,
    /// Whether its neurons transmit a value instead of spikes: then rates, silence and saturation have no meaning.
    pub graded: bool,
}

/// Activity of one population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationActivity {
    /// Its name.
    pub name: String,
    /// Number of neurons.
    pub neurons: u64,
    /// Mean rate in Hz; none without neurons or time.
    pub mean_rate_hz: Option<f64>,
    /// Mean spikes per neuron and sample.
    pub spikes_per_sample: Option<f64>,
    /// Share of neurons without a spike.
    pub share_silent: Option<f64>,
    /// Share of neurons above [`SATURATED_HZ`].
    pub share_saturated: Option<f64>,
}

/// Activity of all populations, with hints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityReport {
    /// Samples that were counted.
    pub samples: u64,
    /// Length of a sample in ms.
    pub duration_ms: f64,
    /// Populations in the order given.
    pub populations: Vec<PopulationActivity>,
    /// What deserves a look, in plain words.
    pub hints: Vec<String>,
}

impl ActivityReport {
    /// Activity from `counts[neuron]`, the spikes (or graded activity) of each neuron over `samples` of `duration_ms` each.
    ///
    /// # Panics
    /// If a population names a neuron without a count.
    pub fn new(counts: &[f64], samples: u64, duration_ms: f64, populations: &[Population]) -> Self {
        let exposure_s = samples as f64 * duration_ms / 1000.0;
        let watched: Vec<PopulationActivity> = populations.iter().map(|p| of(p, counts, samples, exposure_s)).collect();
        let hints = hints(populations, &watched, &SHOWN);
        Self { samples, duration_ms, populations: watched, hints }
    }

    /// The same without a stimulus, where silence is no fault: that of sparse populations is wanted, that of others a remark.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn at_rest(counts: &[f64], samples: u64, duration_ms: f64, populations: &[Population]) -> Self {
        let mut report = Self::new(counts, samples, duration_ms, populations);
        report.hints = hints(populations, &report.populations, &AT_REST);
        report
    }
}

/// What is said of populations that are saturated, silent, silent though sparse, silent without any synapse; nothing if blank.
type Words = [&'static str; 4];

const SHOWN: Words = [
    "fire above 50 Hz: raise their `i_c`, lower the weight scale, or add an upper rate bound",
    "never fire: lower their `i_c`, raise the weight scale, or add a lower rate bound",
    "never fire, too sparse to carry anything: lower their `i_c`, or raise the weight scale",
    "never fire and receive no synapses in this circuit: give them input, or leave them out of it",
];
const AT_REST: Words = [
    SHOWN[0],
    "never fire, which is no fault unless odours leave them silent as well: then lower their `i_c`, or raise the weight scale",
    "",
    SHOWN[3],
];

fn of(population: &Population, counts: &[f64], samples: u64, exposure_s: f64) -> PopulationActivity {
    let n = population.neurons.len();
    let count = |i: usize| counts[population.neurons[i] as usize];
    let known = n > 0 && exposure_s > 0.0;
    let share = |holds: &dyn Fn(f64) -> bool| known.then(|| (0..n).filter(|&i| holds(count(i))).count() as f64 / n as f64);
    let spikes = pairwise_of(n, &count);
    PopulationActivity {
        name: population.name.clone(),
        neurons: n as u64,
        mean_rate_hz: known.then(|| spikes / n as f64 / exposure_s),
        spikes_per_sample: known.then(|| spikes / n as f64 / samples as f64),
        share_silent: share(&|spikes| spikes <= 0.0),
        share_saturated: share(&|spikes| spikes / exposure_s > SATURATED_HZ),
    }
}

/// At most one hint of each kind, so that what deserves a look is not lost among many.
fn hints(populations: &[Population], activity: &[PopulationActivity], words: &Words) -> Vec<String> {
    let named = |wanted: &dyn Fn(&Population, &PopulationActivity) -> Option<f64>| {
        let name = |(p, a): (&Population, &PopulationActivity)| {
            wanted(p, a).map(|share| format!("`{}` ({:.0} %)", p.name, share * 100.0))
        };
        populations.iter().zip(activity).filter(|(p, _)| !p.graded).filter_map(name).collect::<Vec<_>>().join(", ")
    };
    let silent = |a: &PopulationActivity| a.share_silent.filter(|&s| s > MAX_SILENT_SHARE);
    let kinds = [
        named(&|_, a| a.share_saturated.filter(|&s| s > MAX_SATURATED_SHARE)),
        named(&|p, a| silent(a).filter(|_| p.driven && !p.sparse)),
        named(&|p, a| silent(a).filter(|&s| p.driven && p.sparse && s >= 1.0)),
        named(&|p, a| silent(a).filter(|_| !p.driven)),
    ];
    let said = kinds.into_iter().zip(words).filter(|(names, what)| !names.is_empty() && !what.is_empty());
    said.map(|(names, what)| format!("{names} {what}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn population(name: &str, neurons: std::ops::Range<u32>, sparse: bool) -> Population {
        Population { name: name.into(), neurons: neurons.collect(), sparse, driven: true, graded: false }
    }

    /// Ten neurons over 2 samples of 500 ms: a count is a rate in Hz.
    fn report(counts: [u32; 10], sparse: bool) -> ActivityReport {
        ActivityReport::new(&counts.map(f64::from), 2, 500.0, &[population("PN", 0..10, sparse)])
    }

    #[test]
    fn rates_and_shares_are_counted_per_population() {
        let counts = [0.0, 0.0, 10.0, 51.0, 50.0, 1.0, 1.0, 1.0];
        let report = ActivityReport::new(&counts, 2, 500.0, &[population("PN", 0..5, false), population("KC", 5..8, true)]);
        let pn = &report.populations[0];
        assert_eq!((pn.neurons, pn.mean_rate_hz, pn.spikes_per_sample), (5, Some(22.2), Some(11.1)));
        assert_eq!((pn.share_silent, pn.share_saturated), (Some(0.4), Some(0.2)));
        assert_eq!(report.populations[1].mean_rate_hz, Some(1.0));
        assert!(report.hints.is_empty(), "{:?}", report.hints);
    }

    #[test]
    fn more_than_a_fifth_above_50_hz_is_worth_a_hint() {
        assert!(report([60, 60, 9, 9, 9, 9, 9, 9, 9, 9], false).hints.is_empty());
        let hints = report([60, 60, 60, 9, 9, 9, 9, 9, 9, 9], true).hints;
        assert!(hints.len() == 1 && hints[0].starts_with("`PN` (30 %) fire above 50 Hz"), "{hints:?}");
    }

    #[test]
    fn more_than_nine_tenths_silent_is_worth_a_hint_but_for_sparse_populations() {
        assert!(report([1, 0, 0, 0, 0, 0, 0, 0, 0, 0], false).hints.is_empty());
        let hints = report([0; 10], false).hints;
        assert!(hints.len() == 1 && hints[0].starts_with("`PN` (100 %) never fire"), "{hints:?}");
        let mut counts = vec![0.0; 20];
        counts[0] = 1.0;
        let of = |sparse| ActivityReport::new(&counts, 2, 500.0, &[population("KC", 0..20, sparse)]).hints.len();
        assert_eq!((of(true), of(false)), (0, 1));
        assert_eq!(report([0; 10], true).hints.len(), 1);
    }

    #[test]
    fn populations_with_the_same_trouble_share_one_hint() {
        let hints = ActivityReport::new(&[90.0, 0.0, 90.0], 2, 500.0, &[0, 1, 2].map(|i| population("P", i..i + 1, false))).hints;
        assert!(hints.len() == 2 && hints[0].starts_with("`P` (100 %), `P` (100 %) fire above"), "{hints:?}");
        let alone = |name: &str, neurons| Population { driven: false, ..population(name, neurons, false) };
        let populations = [population("PN", 0..2, false), alone("DAN", 2..4), alone("WED", 4..5), alone("LHN", 5..6)];
        let hints = ActivityReport::new(&[3.0, 3.0, 0.0, 0.0, 0.0, 9.0], 2, 500.0, &populations).hints;
        assert!(
            hints.len() == 1 && hints[0].starts_with("`DAN` (100 %), `WED` (100 %) never fire and receive no synapses"),
            "{hints:?}"
        );
    }

    #[test]
    fn kenyon_cells_that_are_silent_at_rest_are_no_trouble() {
        let populations = [population("KC", 0..10, true), population("PN", 10..20, false)];
        let hints = ActivityReport::at_rest(&[0.0; 20], 2, 500.0, &populations).hints;
        assert!(hints.len() == 1 && hints[0].starts_with("`PN` (100 %) never fire, which is no fault"), "{hints:?}");
        assert_eq!(ActivityReport::new(&[0.0; 20], 2, 500.0, &populations).hints.len(), 2);
    }

    #[test]
    fn neurons_that_do_not_spike_are_neither_silent_nor_saturated() {
        let graded = Population { graded: true, ..population("PN", 0..10, false) };
        for value in [0.0, 400.0] {
            assert_eq!(ActivityReport::new(&[value; 10], 2, 500.0, std::slice::from_ref(&graded)).hints, Vec::<String>::new());
        }
    }

    #[test]
    fn an_empty_population_has_no_rates() {
        let report = ActivityReport::new(&[], 0, 500.0, &[population("none", 0..0, false)]);
        assert_eq!(report.populations[0].mean_rate_hz, None);
        assert_eq!(report.populations[0].share_silent, None);
    }
}
