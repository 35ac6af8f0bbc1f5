//! Odour samples made on the fly: the same spikes wherever and however often they are made.
//!
//! Sample `i` shows class `i mod classes`. Its stimulus lasts from `onset` to `onset + duration` (or the end); a neuron fires in a
//! step with probability `rate · dt`, with rate `spontaneous + max(0, Σ response) · gain · concentration` during the stimulus and
//! `spontaneous` otherwise. How the spikes are drawn: [`super::draw`].

use std::path::Path;

use kenyon_base::{Result, UserError, digest};

use super::draw::{Counter, Rate, below, bernoulli};
use super::receptors::{Drives, InputLayer, Mapping};
use super::spec::{OdorSpec, Quantity, bad};
use super::synthetic;
use super::table::ResponseTable;
use crate::events::{Events, Sample, SpikeSource, no_such_sample};
use crate::split::Split;

/// The id under which a sample draws its stimulus; no neuron has it.
const STIMULUS: u64 = u64::MAX;

/// Generates odour samples.
#[derive(Debug, Clone)]
pub struct OdorGenerator {
    spec: OdorSpec,
    seed: u64,
    layer: InputLayer,
    table: ResponseTable,
    drives: Drives,
    onset: Steps,
    duration: Steps,
    split: Split,
    identity: String,
}

/// A length in steps that is fixed, taken in turn, or drawn.
///
/// Values beyond the length of a sample stand for that length: a recipe may ask for any.
#[derive(Debug, Clone, PartialEq)]
enum Steps {
    List(Vec<u32>),
    Range { low: u64, count: u64, most: u32 },
}

impl Steps {
    /// `most` is the length of a sample in steps.
    fn new(quantity: &Quantity, dt_ms: f64, most: u32) -> Self {
        let steps = |ms: f64| ((ms / dt_ms).round() as u32).min(most);
        // A quotient such as 0.3 / 0.1 must not be lifted to the next whole number by rounding.
        let up = |ms: f64| (ms / dt_ms - 1e-9).ceil().max(0.0) as u64;
        match quantity {
            Quantity::Fixed(ms) => Self::List(vec![steps(*ms)]),
            Quantity::List(list) => Self::List(list.iter().map(|&ms| steps(ms)).collect()),
            Quantity::Range { from, to } => Self::Range { low: up(*from), count: (up(*to) - up(*from)).max(1), most },
        }
    }

    /// The value of a sample: by its repeat, or by a random number.
    fn draw(&self, repeat: usize, number: u64) -> u32 {
        match self {
            Self::List(list) => list[repeat % list.len()],
            Self::Range { low, count, most } => (low + below(number, *count)).min(u64::from(*most)) as u32,
        }
    }

    /// Every value it may take, with the number of equally likely cases that lead to it.
    fn values(&self) -> Vec<(u32, u64)> {
        match self {
            Self::List(list) => list.iter().map(|&steps| (steps, 1)).collect(),
            Self::Range { low, count, most } => {
                let end = (low + count).min(u64::from(*most));
                let mut values: Vec<(u32, u64)> = (*low..end).map(|steps| (steps as u32, 1)).collect();
                let beyond = low + count - end.max(*low);
                values.extend((beyond > 0).then_some((*most, beyond)));
                values
            }
        }
    }
}

/// Makes a generator from the recipe, the inputs of a network and their receptor labels.
///
/// Relative paths of the recipe are relative to `folder`; `seed` holds where the recipe names none. Labels come from the recipe's
/// receptor map if it names one.
///
/// # Errors
/// The recipe, the response table, the receptor map.
pub fn build(spec: &OdorSpec, folder: &Path, seed: u64, layer: InputLayer) -> Result<OdorGenerator> {
    spec.check()?;
    let mut layer = match &spec.receptor_map {
        None => layer,
        Some(map) => relabel(layer, &InputLayer::read(&folder.join(map))?),
    };
    if !spec.keep_unlabelled {
        layer = layer.labelled();
    }
    let path = spec.table.as_ref().map(|path| folder.join(path));
    let table = match &path {
        Some(path) => ResponseTable::read(path, spec.missing)?,
        None => synthetic::table(&layer.receptors(), spec.max_odors.unwrap_or(synthetic::ODORS)),
    };
    OdorGenerator::new(spec, seed, layer, &table).map_err(|error| match path {
        // Only a cell of the table has a column.
        Some(path) if error.column_name().is_some() => error.file(path),
        _ => error,
    })
}

/// The inputs of `layer` with the labels that `map` gives them.
fn relabel(layer: InputLayer, map: &InputLayer) -> InputLayer {
    let labels: std::collections::HashMap<u64, &Vec<String>> = map.root_ids.iter().copied().zip(&map.labels).collect();
    let labels = layer.root_ids.iter().map(|id| labels.get(id).map_or_else(Vec::new, |l| (*l).clone())).collect();
    InputLayer { root_ids: layer.root_ids, labels, source: map.source.clone() }
}

impl OdorGenerator {
    /// Makes a generator of a table that is read already.
    ///
    /// # Errors
    /// `bad-odors`, `unknown-odor`, `no-drive`, or a rate above one spike per step.
    pub fn new(spec: &OdorSpec, seed: u64, layer: InputLayer, table: &ResponseTable) -> Result<Self> {
        spec.check()?;
        let seed = spec.seed.unwrap_or(seed);
        let spec = OdorSpec { seed: Some(seed), ..spec.clone() };
        let table = choose(&spec, table)?;
        let drives = Drives::new(&layer, &table, &spec.aliases, spec.combine)?;
        let classes = table.odors.len();
        let samples = classes
            .checked_mul(spec.repeats)
            .filter(|&n| n < u32::MAX as usize)
            .ok_or_else(|| bad("repeats").found(format!("{classes} × {}", spec.repeats)).expected("fewer than 2^32 samples"))?;
        let labels: Vec<u32> = (0..samples).map(|i| (i % classes) as u32).collect();
        let split = Split::stratified(&labels, spec.split, seed)?;
        let steps = |quantity| Steps::new(quantity, spec.dt_ms, spec.steps as u32);
        let (onset, duration) = (steps(&spec.onset_ms), steps(&spec.duration_ms));
        let mut generator = Self { identity: String::new(), seed, layer, table, drives, onset, duration, split, spec };
        generator.check_rates()?;
        generator.identity = generator.hash();
        Ok(generator)
    }

    /// Spike probability of a step with this combined response.
    fn probability(&self, response: f64, concentration: f64) -> f64 {
        (self.spec.spontaneous_hz + response * self.spec.gain_hz * concentration) * self.spec.dt_ms * 1e-3
    }

    /// No input may have to spike more than once in a step. What is to blame is told apart: the rate without a stimulus, a
    /// response beyond the usual range, or what responses are multiplied with.
    fn check_rates(&self) -> Result<()> {
        let largest = self.spec.concentration.bounds().1;
        let (dt_ms, most) = (self.spec.dt_ms, 1e3 / self.spec.dt_ms);
        if self.spontaneous_probability() > 1.0 {
            return Err(bad("spontaneous_hz")
                .found(format!("{} Hz with steps of {dt_ms} ms", self.spec.spontaneous_hz))
                .expected(format!("at most one spike per step: {most} Hz"))
                .mend("lower `spontaneous_hz` or `dt_ms`"));
        }
        for (odor, name) in self.table.odors.iter().enumerate() {
            for &response in self.drives.row(odor) {
                let p = self.probability(response, largest);
                if p > 1.0 {
                    if self.probability(response.min(1.0), largest) <= 1.0
                        && let Some(error) = self.large_response(odor, largest)
                    {
                        return Err(error);
                    }
                    return Err(bad("gain_hz")
                        .found(format!("{:.0} Hz for `{name}` with steps of {} ms", p / self.spec.dt_ms * 1e3, self.spec.dt_ms))
                        .expected("at most one spike per step")
                        .mend("lower `gain_hz`, `concentration` or `dt_ms`"));
                }
            }
        }
        Ok(())
    }

    /// Names the cell of the table with the largest response to `odor`, if it alone asks for too many spikes.
    fn large_response(&self, odor: usize, concentration: f64) -> Option<UserError> {
        let row = self.table.row(odor);
        let column = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]))?;
        if self.table.line(odor) == 0 || self.probability(row[column], concentration) <= 1.0 {
            return None;
        }
        Some(
            UserError::bad_data("bad-response", "a response that asks for more than one spike per step")
                .line(self.table.line(odor))
                .column(&self.table.receptors[column])
                .found(row[column].to_string())
                .expected("usually a number from 0 to 1")
                .mend("mend the cell; if all responses have another scale, lower `odors.gain_hz`"),
        )
    }

    /// Everything that the spikes hang on, as one hash.
    fn hash(&self) -> String {
        let spec = &self.spec;
        let mut words =
            vec![self.seed, spec.steps as u64, spec.all_steps() as u64, spec.repeats as u64, self.classes().len() as u64];
        words.extend([spec.dt_ms, spec.spontaneous_hz, spec.gain_hz].map(f64::to_bits));
        for quantity in [&spec.onset_ms, &spec.duration_ms, &spec.concentration] {
            match quantity {
                Quantity::Fixed(v) => words.extend([0, v.to_bits()]),
                Quantity::List(list) => words.extend([1, list.len() as u64].into_iter().chain(list.iter().map(|v| v.to_bits()))),
                Quantity::Range { from, to } => words.extend([2, from.to_bits(), to.to_bits()]),
            }
        }
        words.extend(&self.layer.root_ids);
        words.extend(self.drives.group.iter().map(|&g| u64::from(g)));
        words.extend(self.drives.values.iter().map(|v| v.to_bits()));
        words.extend(self.split.test.iter().map(|&i| u64::from(i)));
        digest::sha256_ids(&words)
    }

    /// The recipe, with the seed that holds.
    pub fn spec(&self) -> &OdorSpec {
        &self.spec
    }

    /// The inputs.
    pub fn layer(&self) -> &InputLayer {
        &self.layer
    }

    /// The responses: one row per class.
    pub fn table(&self) -> &ResponseTable {
        &self.table
    }

    /// Responses by group of inputs.
    pub fn drives(&self) -> &Drives {
        &self.drives
    }

    /// Which column of the table every label reads.
    pub fn mapping(&self) -> &Mapping {
        &self.drives.mapping
    }

    /// Rate in Hz of every input in a class during the stimulus, at the nominal concentration.
    pub fn rates(&self, class: usize) -> Vec<f64> {
        let row = self.drives.row(class);
        let concentration = self.spec.concentration.nominal();
        let rate = |&g: &u32| self.probability(row[g as usize], concentration) / self.spec.dt_ms * 1e3;
        self.drives.group.iter().map(rate).collect()
    }

    /// Spike probability of every group in a class, with and without the stimulus.
    pub(super) fn group_probability(&self, class: usize, concentration: f64) -> Vec<f64> {
        self.drives.row(class).iter().map(|&v| self.probability(v, concentration)).collect()
    }

    pub(super) fn spontaneous_probability(&self) -> f64 {
        self.probability(0.0, 0.0)
    }

    /// How often each number of stimulus steps occurs: weights that sum to 1.
    pub(super) fn stimulus_steps(&self) -> Vec<(u32, f64)> {
        let mut weights = vec![0.0; self.spec.steps + 1];
        let (onsets, durations) = (self.onset.values(), self.duration.values());
        let cases = |values: &[(u32, u64)]| values.iter().map(|(_, n)| *n as f64).sum::<f64>();
        let one = 1.0 / (cases(&onsets) * cases(&durations));
        for &(onset, n) in &onsets {
            for &(duration, m) in &durations {
                weights[self.clipped(onset, duration) as usize] += one * (n as f64 * m as f64);
            }
        }
        weights.into_iter().zip(0..).filter(|(w, _)| *w > 0.0).map(|(w, steps)| (steps, w)).collect()
    }

    /// Steps of the stimulus that lie within the sample.
    fn clipped(&self, onset: u32, duration: u32) -> u32 {
        duration.min((self.spec.steps as u32).saturating_sub(onset))
    }
}

/// The rows that are classes: chosen odours, then mixtures.
fn choose(spec: &OdorSpec, table: &ResponseTable) -> Result<ResponseTable> {
    let mut whole = if spec.merge_duplicates { table.merge_duplicates() } else { table.clone() };
    let mut rows = Vec::new();
    match &spec.odors {
        None => rows.extend(0..whole.odors.len()),
        Some(names) => {
            for name in names {
                rows.extend(whole.rows_named(name)?);
            }
        }
    }
    rows.truncate(spec.max_odors.unwrap_or(usize::MAX));
    for mixture in &spec.mixtures {
        rows.push(whole.odors.len());
        let equal = vec![1.0 / mixture.odors.len().max(1) as f64; mixture.odors.len()];
        whole.push_mixture(mixture.name.as_deref(), &mixture.odors, mixture.weights.as_ref().unwrap_or(&equal))?;
    }
    if rows.is_empty() {
        return Err(bad("odors").expected("at least one odour"));
    }
    Ok(whole.take(&rows))
}

impl SpikeSource for OdorGenerator {
    fn len(&self) -> usize {
        self.table.odors.len() * self.spec.repeats
    }

    fn steps(&self) -> usize {
        self.spec.all_steps()
    }

    fn dt_ms(&self) -> f64 {
        self.spec.dt_ms
    }

    fn inputs(&self) -> &[u64] {
        &self.layer.root_ids
    }

    fn classes(&self) -> &[String] {
        &self.table.odors
    }

    fn sample(&self, i: usize) -> Sample {
        let classes = self.table.odors.len();
        let repeat = i / classes;
        let mut numbers = Counter::new(self.seed, i as u64, STIMULUS);
        // Each quantity has its number whether it is drawn or not: fixing one does not change the others.
        let duration = self.duration.draw(repeat, numbers.next());
        let onset = self.onset.draw(repeat, numbers.next());
        let concentration = match &self.spec.concentration {
            Quantity::Fixed(c) => *c,
            Quantity::List(list) => list[repeat % list.len()],
            Quantity::Range { from, to } => from + (to - from) * numbers.uniform(),
        } as f32;
        Sample { label: (i % classes) as u32, onset, duration: self.clipped(onset, duration), concentration }
    }

    fn split(&self) -> &Split {
        &self.split
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    fn events(&self, i: usize, events: &mut Events) -> Result<()> {
        if i >= self.len() {
            return Err(no_such_sample(i, self.len()));
        }
        let sample = self.sample(i);
        let spontaneous = Rate::new(self.spontaneous_probability());
        let stimulated: Vec<Rate> =
            self.group_probability(sample.label as usize, f64::from(sample.concentration)).into_iter().map(Rate::new).collect();
        let (begin, end, steps) = (sample.onset, sample.onset + sample.duration, self.spec.steps as u32);
        let mut pairs = Vec::with_capacity(self.layer.len() * 6);
        for ((&id, &group), column) in self.layer.root_ids.iter().zip(&self.drives.group).zip(0_u32..) {
            let mut numbers = Counter::new(self.seed, i as u64, id);
            let rate = stimulated[group as usize];
            let spike = |step| pairs.push((step, column));
            if rate == spontaneous {
                bernoulli(&mut numbers, spontaneous, 0, steps, spike);
            } else {
                let mut spike = spike;
                bernoulli(&mut numbers, spontaneous, 0, begin, &mut spike);
                bernoulli(&mut numbers, rate, begin, end, &mut spike);
                bernoulli(&mut numbers, spontaneous, end, steps, &mut spike);
            }
        }
        events.fill(self.steps(), &pairs);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odors::fixtures;

    fn events(generator: &OdorGenerator, i: usize) -> Events {
        let mut events = Events::default();
        generator.events(i, &mut events).expect("generated");
        events
    }

    #[test]
    fn what_asks_for_more_than_one_spike_per_step_is_told_apart() {
        let build = |spec: OdorSpec, cell: &str| {
            let dir = tempfile::tempdir().expect("a temporary folder");
            let path = dir.path().join("responses.csv");
            std::fs::write(&path, format!("odor,Or42b\r\nx,0.5\r\ny,{cell}\r\n")).expect("written");
            let layer = InputLayer::new(vec![7], vec![vec!["Or42b".into()]]).expect("valid");
            build(&OdorSpec { table: Some(path), ..spec }, Path::new(""), 1, layer).map(|_| ())
        };
        build(OdorSpec::default(), "1.5").expect("below one spike per step");
        let of = |spec, cell: &str| build(spec, cell).expect_err("too many spikes").to_string();
        let spontaneous = of(OdorSpec { spontaneous_hz: 5000.0, ..OdorSpec::default() }, "0.1");
        assert!(
            spontaneous.contains("key `odors.spontaneous_hz`") && spontaneous.contains("lower `spontaneous_hz`"),
            "{spontaneous}"
        );
        let cell = of(OdorSpec::default(), "50");
        assert!(cell.contains("responses.csv, line 3, column `Or42b`") && cell.contains("found `50`"), "{cell}");
        let gain = of(OdorSpec { gain_hz: 9e4, ..OdorSpec::default() }, "0.5");
        assert!(gain.contains("key `odors.gain_hz`"), "{gain}");
    }

    /// Steps at which the input `id` fires in sample `i`.
    fn train(generator: &OdorGenerator, i: usize, id: u64) -> Vec<usize> {
        let column = generator.inputs().iter().position(|&x| x == id).expect("an input") as u32;
        let events = events(generator, i);
        (0..events.steps()).filter(|&t| events.at(t).contains(&column)).collect()
    }

    #[test]
    fn a_train_does_not_change_with_order_or_number_of_the_other_inputs() {
        let whole = fixtures::generator();
        let layer = fixtures::layer();
        let pick: Vec<usize> = (0..40).rev().filter(|i| i % 3 != 1).collect();
        let layer = InputLayer::new(
            pick.iter().map(|&i| layer.root_ids[i]).collect(),
            pick.iter().map(|&i| layer.labels[i].clone()).collect(),
        )
        .expect("valid");
        let table = whole.table().clone();
        let part = OdorGenerator::new(&fixtures::spec(), 1, layer, &table).expect("valid");
        for i in [0, 7, 119] {
            for &id in part.inputs() {
                assert_eq!(train(&part, i, id), train(&whole, i, id), "sample {i}, input {id}");
            }
        }
    }

    #[test]
    fn a_sample_has_its_class_and_a_duration_within_the_recipe() {
        let generator = fixtures::generator();
        let durations: Vec<u32> = (0..generator.len()).map(|i| generator.sample(i).duration).collect();
        assert!(durations.iter().all(|d| (70..500).contains(d)));
        let mean = durations.iter().map(|&d| f64::from(d)).sum::<f64>() / durations.len() as f64;
        assert!((mean - 284.5).abs() < 4.0 * 124.0 / (durations.len() as f64).sqrt(), "mean duration {mean}");
        assert!((0..generator.len()).all(|i| generator.sample(i).label as usize == i % 6));
    }

    #[test]
    fn a_duration_beyond_any_sample_ends_with_the_sample() {
        let weights = |to: f64| {
            let spec = OdorSpec { duration_ms: Quantity::Range { from: 70.0, to }, ..fixtures::spec() };
            let generator = OdorGenerator::new(&spec, 1, fixtures::layer(), fixtures::generator().table()).expect("valid");
            assert!((0..generator.len()).all(|i| (70..=500).contains(&generator.sample(i).duration)));
            generator.stimulus_steps()
        };
        let far = weights(1e9);
        assert_eq!(far.len(), 431, "70 to 499 one by one, and the whole sample");
        assert!(far[430].0 == 500 && far[430].1 > 0.999_999, "{:?}", far[430]);
        assert!((far.iter().map(|(_, w)| w).sum::<f64>() - 1.0).abs() < 1e-9);
        // 430 of 1430 durations end before the sample does.
        let near = weights(1500.0);
        assert!((near[430].1 - 1000.0 / 1430.0).abs() < 1e-9 && (near[0].1 - 1.0 / 1430.0).abs() < 1e-12);
        let spec = OdorSpec {
            dt_ms: 0.001,
            onset_ms: Quantity::Fixed(0.2),
            duration_ms: Quantity::Range { from: 0.1, to: 1e9 },
            ..fixtures::spec()
        };
        let generator = OdorGenerator::new(&spec, 1, fixtures::layer(), fixtures::generator().table()).expect("valid");
        assert!((0..generator.len()).all(|i| generator.sample(i).duration == 300), "more steps than 32 bits hold");
    }

    #[test]
    fn rates_are_those_of_the_recipe_inside_and_outside_the_stimulus() {
        let spec = OdorSpec {
            onset_ms: Quantity::Fixed(100.0),
            duration_ms: Quantity::Fixed(200.0),
            repeats: 400,
            concentration: Quantity::Fixed(1.0),
            ..fixtures::spec()
        };
        let generator = OdorGenerator::new(&spec, 3, fixtures::layer(), fixtures::generator().table()).expect("valid");
        for class in 0..2 {
            let rates = generator.rates(class);
            let mut inside = vec![0.0; rates.len()];
            let mut outside = vec![0.0; rates.len()];
            for repeat in 0..400 {
                let events = events(&generator, repeat * 6 + class);
                for t in 0..500 {
                    let sums = if (100..300).contains(&t) { &mut inside } else { &mut outside };
                    events.at(t).iter().for_each(|&c| sums[c as usize] += 1.0);
                }
            }
            for (input, &rate) in rates.iter().enumerate() {
                for (found, rate, seconds) in [(inside[input], rate, 80.0), (outside[input], 8.0, 120.0)] {
                    let expected = rate * seconds;
                    assert!(
                        (found - expected).abs() < 5.0 * expected.sqrt(),
                        "class {class}, input {input}: {found} of {expected}"
                    );
                }
            }
            assert!(rates.iter().any(|&r| r > 20.0) && (rates[5] - 8.0).abs() < 1e-9, "{rates:?}");
        }
    }

    #[test]
    fn parity_adds_one_empty_step_and_changes_nothing_else() {
        let plain = fixtures::generator();
        let parity = OdorSpec { parity_bins: true, ..fixtures::spec() };
        let parity = OdorGenerator::new(&parity, 1, fixtures::layer(), plain.table()).expect("valid");
        assert_eq!((plain.steps(), parity.steps()), (500, 501));
        let (a, b) = (events(&plain, 3), events(&parity, 3));
        assert_eq!((a.idx, &a.ptr[..]), (b.idx.clone(), &b.ptr[..501]));
        assert_eq!(b.at(500), [0_u32; 0]);
        assert_ne!(plain.identity(), parity.identity());
    }

    #[test]
    fn lists_are_taken_in_turn_and_ranges_stay_within_their_bounds() {
        let spec = OdorSpec {
            concentration: Quantity::List(vec![0.25, 0.5, 1.0]),
            onset_ms: Quantity::Range { from: 10.0, to: 60.0 },
            ..fixtures::spec()
        };
        let generator = OdorGenerator::new(&spec, 1, fixtures::layer(), fixtures::generator().table()).expect("valid");
        let found: Vec<f32> = (0..6).map(|repeat| generator.sample(repeat * 6 + 2).concentration).collect();
        assert_eq!(found, [0.25, 0.5, 1.0, 0.25, 0.5, 1.0]);
        for i in 0..generator.len() {
            let sample = generator.sample(i);
            assert!((10..60).contains(&sample.onset) && sample.onset + sample.duration <= 500, "{sample:?}");
        }
        let total: f64 = generator.stimulus_steps().iter().map(|(_, w)| w).sum();
        assert!((total - 1.0).abs() < 1e-9);
    }

    #[test]
    fn fixing_one_quantity_does_not_change_what_is_drawn_for_the_others() {
        let fixed = OdorSpec { onset_ms: Quantity::Range { from: 0.0, to: 1.0 }, ..fixtures::spec() };
        let generator = OdorGenerator::new(&fixed, 1, fixtures::layer(), fixtures::generator().table()).expect("valid");
        assert!((0..120).all(|i| generator.sample(i) == fixtures::generator().sample(i)));
    }

    #[test]
    fn chosen_odours_and_mixtures_are_the_classes() {
        let table = synthetic::table(&fixtures::layer().receptors(), 10);
        let names = [4, 2].map(|i: usize| table.odors[i].clone());
        let mixture = crate::odors::MixtureSpec { odors: names.to_vec(), weights: None, name: Some("both".into()) };
        let spec = OdorSpec { odors: Some(vec![names[0].clone()]), mixtures: vec![mixture], ..fixtures::spec() };
        let generator = OdorGenerator::new(&spec, 1, fixtures::layer(), &table).expect("valid");
        assert_eq!(generator.classes(), [names[0].clone(), "both".into()]);
        let expected: Vec<f64> = table.row(4).iter().zip(table.row(2)).map(|(a, b)| 0.5 * a + 0.5 * b).collect();
        assert_eq!(generator.table().row(1), expected);
    }

    #[test]
    fn more_than_one_spike_per_step_is_refused() {
        let spec = OdorSpec { gain_hz: 1e5, ..fixtures::spec() };
        let error = OdorGenerator::new(&spec, 1, fixtures::layer(), fixtures::generator().table()).expect_err("too fast");
        assert!(error.to_string().contains("lower `gain_hz`"), "{error}");
    }

    #[test]
    fn the_identity_hangs_on_what_the_spikes_hang_on() {
        let table = fixtures::generator().table().clone();
        let of = |spec: OdorSpec, seed| {
            OdorGenerator::new(&spec, seed, fixtures::layer(), &table).expect("valid").identity().to_string()
        };
        let base = of(fixtures::spec(), 1);
        assert_eq!(base, of(OdorSpec { seed: Some(1), ..fixtures::spec() }, 9));
        assert_ne!(base, of(fixtures::spec(), 2));
        assert_ne!(base, of(OdorSpec { spontaneous_hz: 9.0, ..fixtures::spec() }, 1));
        assert_ne!(base, of(OdorSpec { repeats: 21, ..fixtures::spec() }, 1));
    }
}
