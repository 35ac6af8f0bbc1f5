//! Which simulations a set holds, and the input of each as a pure function of (seed of the set, part, index).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use kenyon_base::digest::Hasher;
use kenyon_base::{Result, Source, UserError};
use serde::Serialize;
use serde_json::{Value, json};

use super::draw::Draw;
use super::given::GivenInputs;
use super::spec::{GeneratorSpec, Part, SetConfig};

/// One weighted event.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Event {
    /// Bin of 1 ms, counted from the begin of the warm-up.
    pub t: u32,
    /// Input row: excitatory segments first, then inhibitory ones.
    pub row: u32,
    /// Weight, already rounded as it is stored: the simulation must use this very number.
    pub weight: f64,
}

/// The input of one simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Segments; there are twice as many rows.
    pub nseg: u32,
    /// Bins: warm-up and T.
    pub bins: u32,
    /// Bins before t = 0.
    pub warmup: u32,
    /// Events, sorted by (t, row); at most one of each pair.
    pub events: Vec<Event>,
    /// What was drawn for it, for reports.
    pub facts: Value,
}

impl Input {
    /// Number of rows.
    pub const fn rows(&self) -> u32 {
        2 * self.nseg
    }

    /// Time of an event in ms after t = 0; negative in the warm-up.
    pub fn time_ms(&self, event: &Event) -> f64 {
        f64::from(event.t) - f64::from(self.warmup)
    }
}

/// One simulation of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Item {
    /// Its part.
    pub part: Part,
    /// Its number in the part.
    pub index: u32,
}

/// One of `of` pieces of a set that are made apart; counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shard {
    index: u32,
    of: u32,
}

impl Shard {
    /// The whole set.
    pub const WHOLE: Self = Self { index: 1, of: 1 };

    /// Piece `index` of `of`.
    ///
    /// # Errors
    /// `bad-shard` unless 1 <= index <= of.
    pub fn new(index: u32, of: u32) -> Result<Self> {
        if (1..=of).contains(&index) {
            return Ok(Self { index, of });
        }
        Err(UserError::usage("bad-shard", "there is no such shard")
            .found(format!("{index}/{of}"))
            .expected("`i/n` with i from 1 to n")
            .mend("give for example `--shard 1/4`"))
    }

    /// Its number, from 1.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    pub const fn of(self) -> u32 {
        self.of
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self> {
        let (index, of) = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?))).unwrap_or((0, 0));
        Self::new(index, of).map_err(|e| e.found(text))
    }
}

/// A checked recipe: the list of simulations and their inputs.
///
/// # Example
/// ```
/// use kenyon_datasets::simulation::{Part, SetConfig, SetPlan, Shard};
///
/// let mut config = SetConfig::preset("ref_nmda_cable")?;
/// config.counts.train = 3;
/// config.counts.valid = 1;
/// config.counts.test = 0;
/// let plan = SetPlan::new(config)?;
/// assert_eq!(plan.items(Shard::WHOLE).len(), 4);
/// let input = plan.input(Part::Train, 2);
/// assert_eq!((input.rows(), input.bins), (16, 8692));
/// assert_eq!(plan.input(Part::Train, 2), input);
/// # Ok::<(), kenyon_base::UserError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SetPlan {
    config: SetConfig,
    given: Option<Arc<GivenInputs>>,
    sources: Vec<Source>,
}

impl SetPlan {
    /// Checks the recipe.
    ///
    /// # Errors
    /// `bad-simulation-set` with the key; `no-inputs` if the inputs come from files: see [`with_inputs`](Self::with_inputs).
    pub fn new(config: SetConfig) -> Result<Self> {
        config.check()?;
        if let GeneratorSpec::WeightedSpikes(_) = config.generator {
            return Err(UserError::usage("no-inputs", "the inputs of the set were not read").mend("read them first"));
        }
        Ok(Self { config, given: None, sources: Vec::new() })
    }

    /// A plan whose inputs were read from the files that the recipe names.
    ///
    /// # Errors
    /// `bad-simulation-set`, or `bad-shape` if the inputs are not those of the recipe: two rows per segment, a column per ms.
    pub fn with_inputs(config: SetConfig, given: GivenInputs) -> Result<Self> {
        config.check()?;
        let counts = Part::ALL.map(|part| config.counts.of(part) as usize);
        if counts != [0, 1, 2, 3].map(|part| given.events[part].len()) {
            return Err(UserError::usage("bad-shape", "there is not one input per simulation").mend("count the files"));
        }
        if given.rows != 2 * config.segment_um.len() || given.bins != config.bins() {
            return Err(UserError::bad_data("bad-shape", "the inputs do not fit the neuron or the length")
                .key("generator.weighted_spikes")
                .found(format!("{} rows of {} ms", given.rows, given.bins))
                .expected(format!(
                    "{} rows (excitation and inhibition of {} segments) of {} ms",
                    2 * config.nseg(),
                    config.nseg(),
                    config.bins()
                ))
                .mend("name the neuron that the inputs are for; leave `duration_ms` and `warmup_ms` out to take the length of the files"));
        }
        let sources = given.sources.clone();
        Ok(Self { config, given: Some(Arc::new(given)), sources })
    }

    /// States further files whose content decides about the simulations.
    #[must_use]
    pub fn stating(mut self, mut sources: Vec<Source>) -> Self {
        sources.append(&mut self.sources);
        Self { sources, ..self }
    }

    /// Files whose content decides about the simulations and does not stand in the recipe.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The recipe.
    pub const fn config(&self) -> &SetConfig {
        &self.config
    }

    /// SHA-256 over the recipe and the version of the generators.
    pub fn identity(&self) -> String {
        let mut hash = Hasher::default();
        hash.update(b"kenyon-simulation-set 1\n");
        hash.update(serde_json::to_string(&self.config).expect("plain data").as_bytes());
        hash.finish()
    }

    /// The simulations of a shard, part after part; the shards of a set are its contiguous pieces.
    pub fn items(&self, shard: Shard) -> Vec<Item> {
        let all: u64 = Part::ALL.iter().map(|&p| u64::from(self.config.counts.of(p))).sum();
        let cut = |i: u32| all * u64::from(i) / u64::from(shard.of);
        let (from, to) = (cut(shard.index - 1), cut(shard.index));
        let mut items = Vec::with_capacity((to - from) as usize);
        let mut base = 0;
        for part in Part::ALL {
            let n = u64::from(self.config.counts.of(part));
            let (first, last) = (from.clamp(base, base + n) - base, to.clamp(base, base + n) - base);
            items.extend((first..last).map(|i| Item { part, index: i as u32 }));
            base += n;
        }
        items
    }

    /// Seed of one simulation: a hash of (seed of the set, part, index); a further one for each repeated trial.
    pub fn seed(&self, part: Part, index: u32, trial: u32) -> u64 {
        let label =
            if trial == 0 { format!("simulation/{}", part.name()) } else { format!("simulation/{}/trial {trial}", part.name()) };
        Draw::indexed(self.config.seed, &label, u64::from(index)).word()
    }

    /// The input of a simulation.
    pub fn input(&self, part: Part, index: u32) -> Input {
        self.trial(part, index, 0)
    }

    /// The input of a simulation when it is drawn for the `trial`-th time, counted from 0.
    pub fn trial(&self, part: Part, index: u32, trial: u32) -> Input {
        let (config, seed) = (&self.config, self.seed(part, index, trial));
        match &config.generator {
            GeneratorSpec::BallAndStick(spec) => {
                let ranges = spec.ranges(config.seed, part, index);
                let times = [config.warmup_ms, config.duration_ms];
                spec.input(ranges, seed, config.nseg(), times, part == Part::Shift)
            }
            GeneratorSpec::L5pc(spec) => spec.input(seed, index, &config.segment_um, [config.warmup_ms, config.duration_ms]),
            GeneratorSpec::WeightedSpikes(_) => {
                let given = self.given.as_ref().expect("a plan with such a generator holds its inputs");
                let events = given.events[part as usize].get(index as usize).cloned().unwrap_or_default();
                Input {
                    nseg: config.nseg(),
                    bins: config.bins(),
                    warmup: config.warmup_ms,
                    events,
                    facts: json!({ "given": true }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(counts: [u32; 4]) -> SetPlan {
        let mut config = SetConfig::preset("ref_nmda_cable").expect("known");
        config.counts = super::super::Counts { train: counts[0], valid: counts[1], test: counts[2], shift: counts[3] };
        config.duration_ms = 300;
        config.warmup_ms = 40;
        SetPlan::new(config).expect("valid")
    }

    proptest! {
        #[test]
        fn the_shards_of_a_set_are_its_simulations_in_order(counts: [u8; 4], of in 1_u32..12) {
            let plan = plan(counts.map(u32::from));
            let whole = plan.items(Shard::WHOLE);
            let parts: Vec<Item> =
                (1..=of).flat_map(|i| plan.items(Shard::new(i, of).expect("in order"))).collect();
            prop_assert_eq!(&parts, &whole);
            prop_assert!(whole.is_sorted_by(|a, b| a < b));
            prop_assert_eq!(whole.len() as u32, counts.iter().map(|&n| u32::from(n)).sum::<u32>());
        }

        #[test]
        fn every_input_is_sorted_and_within_its_bounds(seed: u32, index in 0_u32..50, nseg in 1_usize..12, warmup in 0_u32..90) {
            for preset in ["ball_and_stick", "twinprop"] {
                let mut config = SetConfig::preset(preset).expect("known");
                (config.seed, config.warmup_ms, config.duration_ms) = (u64::from(seed), warmup, 300);
                config.initialisation_ms = 0;
                config.segment_um = (0..nseg).map(|i| 3.0 + i as f64).collect();
                let plan = SetPlan::new(config).expect("valid");
                let input = plan.input(Part::Train, index);
                prop_assert_eq!((input.rows() as usize, input.bins, input.warmup), (2 * nseg, 300 + warmup, warmup));
                prop_assert!(input.events.is_sorted_by(|a, b| (a.t, a.row) < (b.t, b.row)));
                prop_assert!(input.events.iter().all(|e| e.t < input.bins && e.row < input.rows() && e.weight > 0.0));
                prop_assert_eq!(plan.input(Part::Train, index), input);
            }
        }
    }

    #[test]
    fn simulations_differ_by_part_index_trial_and_seed() {
        let plan = plan([3, 3, 3, 3]);
        let mut other = plan.config().clone();
        other.seed = 1;
        let other = SetPlan::new(other).expect("valid");
        let inputs = [
            plan.input(Part::Train, 0),
            plan.input(Part::Train, 1),
            plan.input(Part::Valid, 0),
            plan.input(Part::Shift, 0),
            plan.trial(Part::Train, 0, 1),
            other.input(Part::Train, 0),
        ];
        for (i, a) in inputs.iter().enumerate() {
            assert!(inputs[i + 1..].iter().all(|b| a.events != b.events), "{i}");
        }
        assert_ne!(plan.identity(), other.identity());
    }

    #[test]
    fn shards_are_written_as_one_of_many() {
        let shard: Shard = "2/5".parse().expect("in order");
        assert_eq!((shard.index(), shard.of(), shard.to_string().as_str()), (2, 5, "2/5"));
        for text in ["0/3", "4/3", "3", "a/b", "1/0", "-1/2"] {
            assert_eq!(text.parse::<Shard>().expect_err(text).code(), "bad-shard");
        }
    }

    #[test]
    fn inputs_keep_their_values_across_releases() {
        let digest = |input: &Input| {
            let mut hash = Hasher::default();
            for e in &input.events {
                hash.update(&e.t.to_le_bytes());
                hash.update(&e.row.to_le_bytes());
                hash.update(&e.weight.to_le_bytes());
            }
            (input.events.len(), hash.finish()[..16].to_string())
        };
        let ball = plan([2, 0, 0, 0]).input(Part::Train, 1);
        assert_eq!(digest(&ball), (183, "9d038390ab2b4479".into()));
        let mut config = SetConfig::preset("twinprop_default_weighted").expect("known");
        config.segment_um = vec![12.0; 10];
        let l5pc = SetPlan::new(config).expect("valid").input(Part::Train, 1);
        assert_eq!(digest(&l5pc), (1007, "4ca80512fe5411c0".into()));
    }
}
