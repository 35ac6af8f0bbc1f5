//! A run as one HTML page: accuracy beside its bounds, curves, raster, confusion, activity.

use kenyon_datasets::odors::Ceiling;

use super::evaluate::{Evaluation, PopulationActivity};
use super::origin::Origin;
use crate::report::{Axis, Dot, DotChart, Figure, HeatMap, LineChart, Page, Raster, Section, Series, Table, number};
use crate::run::journal::Record;

/// What one control shows and what not; stands beside its figure wherever that is printed.
pub const CONTROL_CAVEAT: &str = "One shuffle with one seed is one draw. It exchanges partners across the whole circuit, populations included, and both \
    networks start from factors that were chosen for the intact circuit. A gap to it does not tell which property of the wiring matters, nor that it is \
    the wiring and not the start values: train on several seeds, and on milder null models such as `swap-typed` and `weight-block`, before concluding.";

/// What the page shows.
#[derive(Debug)]
pub struct Story<'a> {
    /// Title.
    pub title: String,
    /// What was trained on what, in one sentence.
    pub subtitle: String,
    /// The run's journal.
    pub journal: &'a [Record],
    /// Result on test samples.
    pub test: &'a Evaluation,
    /// The same training on a shuffled connectome.
    pub control: Option<&'a Evaluation>,
    /// Which null model the control is.
    pub control_name: String,
    /// What is synthetic.
    pub origin: &'a Origin,
    /// Length of a step in ms, if the neurons transmit values instead of spikes.
    pub graded_ms: Option<f64>,
    /// Ideal observer of the input spike counts.
    pub ceiling: Option<Ceiling>,
    /// One test sample.
    pub raster: Option<SampleRaster>,
    /// Commands that repeat it, with comments that say from which folder, and what to compare.
    pub commands: String,
}

/// Spikes of one sample.
#[derive(Debug, Clone)]
pub struct SampleRaster {
    /// Odour.
    pub odor: String,
    /// Length in ms.
    pub duration_ms: f64,
    /// Begin and end of the stimulus in ms.
    pub stimulus_ms: (f64, f64),
    /// Populations.
    pub groups: Vec<GroupSpikes>,
}

/// Name of a population, number of its neurons, its spikes as (neuron, ms).
pub type GroupSpikes = (String, u32, Vec<(u32, f32)>);

fn percent(x: f64) -> String {
    format!("{:.1} %", 100.0 * x)
}

/// Points of a journal value over epochs, counted from 1.
fn curve(journal: &[Record], event: &str, name: &str) -> Vec<(f64, f64)> {
    let of = |r: &Record| r.scalars().find(|(n, _)| *n == name).map(|(_, v)| (r.epoch as f64 + 1.0, v));
    journal.iter().filter(|r| r.event == event).filter_map(of).collect()
}

impl Story<'_> {
    /// The page.
    pub fn page(&self) -> Page {
        let test = self.test;
        let mut page = Page::new(&self.title).subtitle(&self.subtitle).fact(
            "Test accuracy",
            percent(test.accuracy),
            format!("95 % interval {} to {}, {} samples", percent(test.interval[0]), percent(test.interval[1]), test.samples),
        );
        if let Some(ceiling) = &self.ceiling {
            page = page.fact(
                "Ideal observer",
                percent(ceiling.accuracy),
                "of the input spike counts: no network can be expected to do better",
            );
        }
        if let Some(control) = self.control {
            page = page.fact(
                "Shuffled connectome",
                percent(control.accuracy),
                format!("{}, trained in the same way; one draw, see below", self.control_name),
            );
        }
        page = page.fact("Chance", percent(test.chance), format!("{} odours", test.classes.len()));
        if self.origin.is_synthetic() {
            let sentences = self.origin.sentences().into_iter();
            page = page.section(sentences.fold(Section::new("What is synthetic"), Section::text));
        }
        page = page.section(self.accuracy()).section(self.curves());
        let hints = self.hints();
        if !hints.is_empty() {
            page = page.section(hints.into_iter().fold(Section::new("What deserves a look"), Section::text));
        }
        if let Some(raster) = &self.raster {
            page = page.section(raster_section(raster));
        }
        page = page.section(self.confusion()).section(self.activity());
        if !self.commands.is_empty() {
            let text = "The same version of kenyon gives the same bits on the same kind of machine, at any number of threads.";
            page = page.section(Section::new("Repeat it").text(text).code(&self.commands));
        }
        page
    }

    /// Hints of the activity monitor: before training, and on these test samples.
    fn hints(&self) -> Vec<String> {
        let rest = self.journal.iter().filter(|r| r.event == "rest").flat_map(|r| &r.notes);
        let rest = rest.map(|hint| format!("Before training, {hint}."));
        rest.chain(self.test.hints.iter().map(|hint| format!("On test samples, {hint}."))).collect()
    }

    fn accuracy(&self) -> Section {
        let mut dots = DotChart::new(Axis::percent("accuracy").range(0.0, 1.0));
        let dot = |name: &str, e: &Evaluation| Dot::new(name, e.accuracy).interval(e.interval[0], e.interval[1]);
        dots = dots.dot(dot("this network", self.test));
        if let Some(control) = self.control {
            dots = dots.dot(dot("shuffled connectome", control).control());
        }
        if let Some(c) = &self.ceiling {
            dots = dots.dot(Dot::new("ideal observer", c.accuracy).interval(c.interval[0], c.interval[1]).bound());
        }
        let dots = dots.reference("chance", self.test.chance);
        let look = match (&self.ceiling, self.control) {
            (_, Some(_)) => "Where the intervals of network and shuffled connectome overlap, this control shows no difference.",
            (Some(_), None) => "The network lies between chance and the ideal observer.",
            (None, None) => "The farther right of chance, the better.",
        };
        let section = Section::new("How well odours are told apart").figure(Figure::new(
            "Accuracy on test samples, with 95 % intervals",
            look,
            dots,
        ));
        if self.control.is_some() { section.text(CONTROL_CAVEAT) } else { section }
    }

    fn curves(&self) -> Section {
        let epoch = || Axis::new("epoch");
        let accuracy = LineChart::new(epoch(), Axis::percent("accuracy").range(0.0, 1.0))
            .series(Series::new("training", curve(self.journal, "epoch", "epoch/train_accuracy")))
            .series(Series::new("validation", curve(self.journal, "epoch", "validation/accuracy")))
            .reference("chance", self.test.chance);
        let accuracy = match &self.ceiling {
            Some(c) => accuracy.reference("ideal observer", c.accuracy),
            None => accuracy,
        };
        let loss = LineChart::new(epoch(), Axis::new("loss"))
            .series(Series::new("training", curve(self.journal, "epoch", "epoch/train_loss")))
            .series(Series::new("validation", curve(self.journal, "epoch", "validation/loss")));
        Section::new("Training")
            .figure(Figure::new(
                "Accuracy over epochs",
                "Both curves rise and level off; a gap between them is overfitting.",
                accuracy,
            ))
            .figure(Figure::new("Loss over epochs", "Falls; a rise of the validation curve alone is overfitting.", loss))
    }

    fn confusion(&self) -> Section {
        let names: Vec<String> = self.test.classes.iter().map(|c| c.odor.clone()).collect();
        let cells = self.test.confusion.iter().map(|&(a, b, n)| (a, b, u64::from(n))).collect::<Vec<_>>();
        let map = HeatMap::new("odour shown", "odour named", names, cells);
        Section::new("Which odours are confused").figure(Figure::new(
            "Confusion of test samples",
            "Everything on the diagonal is right; marks off it are confusions, listed beside.",
            map,
        ))
    }

    /// Mean outputs of neurons that do not spike: rates and shares would mean nothing.
    fn outputs(&self, dt_ms: f64) -> Section {
        let mean = |rate_hz: f64| rate_hz * dt_ms * 1e-3;
        let populations = || self.test.populations.iter().filter(|p| p.neurons > 0);
        let dots = DotChart::new(Axis::new("mean output").range(0.0, 1.0));
        let dots = dots.dots(populations().map(|p| Dot::new(&p.population, mean(p.rate_hz))));
        let mut table = Table::new("Output per population", ["population", "neurons", "mean output"]);
        for p in populations() {
            table.push([p.population.clone(), number(p.neurons as f64, 0), format!("{:.4}", mean(p.rate_hz))]);
        }
        let look = "These neurons do not spike: each transmits its potential, clamped to 0 to 1. At 0 or 1 throughout, it carries nothing.";
        Section::new("Activity per population").figure(Figure::new("Mean outputs", look, dots)).table(table)
    }

    fn activity(&self) -> Section {
        if let Some(dt_ms) = self.graded_ms {
            return self.outputs(dt_ms);
        }
        let populations = self.test.populations.iter().filter(|p| p.neurons > 0);
        let rates = populations.clone().map(|p| Dot::new(&p.population, p.rate_hz));
        let rates = DotChart::new(Axis::new("mean rate (Hz)")).dots(rates);
        let dot = |p: &PopulationActivity| {
            let range = p.responding_range.unwrap_or(p.spiking_twice_range);
            Dot::new(&p.population, p.responding_share.unwrap_or(p.spiking_twice_share)).interval(range[0], range[1])
        };
        let known = self.test.response.as_ref().filter(|r| r.baseline.is_some());
        let axis = if known.is_some() { "neurons that respond to an odour" } else { "neurons with two spikes or more per odour" };
        let active = DotChart::new(Axis::percent(axis).range(0.0, 1.0)).dots(populations.clone().map(dot));
        let rule = match known {
            Some(r) => format!(
                "A neuron responds if, in at least half of the odour's samples, it spikes at least {} times while the odour lasts and {} standard \
                 deviations above its baseline: {}. Kenyon cells are sparse in the fly: 5 to 10 % respond to an odour.",
                r.min_spikes,
                r.baseline_sds,
                r.baseline.as_deref().unwrap_or_default()
            ),
            None => "Neurons with at least two spikes, at any time, in at least half of the odour's samples: what fires anyway counts, too.".into(),
        };
        let mut table = Table::new(
            "Activity per population",
            ["population", "neurons", "rate (Hz)", "responding per odour", "two spikes per odour", "never spike", "above 50 Hz"],
        );
        for p in populations {
            table = table.row([
                p.population.clone(),
                number(p.neurons as f64, 0),
                format!("{:.2}", p.rate_hz),
                p.responding_share.map_or_else(|| "–".into(), percent),
                percent(p.spiking_twice_share),
                percent(p.silent_share),
                percent(p.saturated_share),
            ]);
        }
        Section::new("Activity per population")
            .figure(Figure::new("Mean rates", "Above 50 Hz throughout a population is saturated; 0 is dead.", rates))
            .figure(Figure::new("Neurons active per odour (bars: least and most over odours)", rule, active))
            .table(table)
    }
}

fn raster_section(raster: &SampleRaster) -> Section {
    let (on, off) = raster.stimulus_ms;
    let mut plot = Raster::new(raster.duration_ms).window(on, off, &raster.odor);
    for (name, neurons, spikes) in &raster.groups {
        plot = plot.group(name, *neurons, spikes.iter().copied());
    }
    Section::new("One sample").figure(Figure::new(
        format!("Spikes of one test sample: {}", raster.odor),
        "Receptor neurons fire before and after, too; what follows them should be locked to the odour.",
        plot,
    ))
}
