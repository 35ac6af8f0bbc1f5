//! The statistics of a simulation set as a page: drawn from the figures that the set holds, no simulation is read.

use std::collections::BTreeMap;

use kenyon_base::Result;
use kenyon_datasets::simulation::{BINS, Figures, Histogram as Counted, Part, SetAbout, SimStore};

use crate::report::{Axis, Figure, Histogram, Page, Scatter, Section, Table, number};

/// Panels: quantity, label of its axis, title.
const PANELS: [(&str, &str, &str); 13] = [
    ("exc_mean", "mean weight per segment and ms", "Excitatory input: mean"),
    ("exc_std", "standard deviation", "Excitatory input: deviation"),
    ("inh_mean", "mean weight per segment and ms", "Inhibitory input: mean"),
    ("inh_std", "standard deviation", "Inhibitory input: deviation"),
    ("rate_hz", "rate (Hz)", "Firing rate"),
    ("soma_mean", "mean (mV)", "Soma, capped: mean"),
    ("soma_std", "standard deviation (mV)", "Soma, capped: deviation"),
    ("near_mean", "share of time", "Time near a spike"),
    ("spike_probability", "spikes per ms", "Bins with a spike"),
    ("inst_rate_mean", "mean (Hz)", "Smoothed rate: mean"),
    ("inst_rate_std", "standard deviation (Hz)", "Smoothed rate: deviation"),
    ("branch_mean", "mean (mV)", "Dendrite, capped: mean"),
    ("branch_std", "standard deviation (mV)", "Dendrite, capped: deviation"),
];

/// The page of a set.
///
/// # Errors
/// A set that cannot be read.
pub fn page(store: &SimStore) -> Result<String> {
    let about = store.about();
    let mut page = Page::new(format!("Simulation set: {}", about.name)).subtitle(format!(
        "{} simulations of {} s; the neuron: {}; {} dendritic segments, dt {} ms. The inputs are generated and the answers simulated: no cell was recorded.",
        store.parts().iter().map(|&p| store.entries(p).len()).sum::<usize>(),
        f64::from(about.duration_ms) / 1e3,
        neuron_name(about),
        about.nseg,
        about.neuron.dt_ms
    ));
    let notes = neuron_notes(about);
    if !notes.is_empty() {
        page = page.section(notes.into_iter().fold(Section::new("Notes on the neuron"), Section::text));
    }
    for part in store.parts() {
        let (kept, all) = (store.figures(part, false)?, store.figures(part, true)?);
        let rates = kept.quantity("rate_hz")?;
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        let said = none_kept(store, part).unwrap_or_else(|| format!("{} kept; their mean rate {mean:.2} Hz", rates.len()));
        page = page.fact(part.name(), number(store.entries(part).len() as f64, 0), said);
        page = page.section(section(part, &kept, &all, &store.flags(part))?);
    }
    Ok(page.render())
}

/// Name of the neuron of a set for headings: a published cell on a grown tree is not that cell.
pub fn neuron_name(about: &SetAbout) -> String {
    let parameters = &about.neuron.parameters;
    match parameters["model"]["cell"].as_str() {
        Some(cell) if parameters["model"]["morphology"]["grown"].is_u64() => {
            format!("{cell} on a grown tree, not the published cell")
        }
        _ => parameters["name"].as_str().unwrap_or("a neuron").to_string(),
    }
}

/// What must be known of the neuron of a set.
pub fn neuron_notes(about: &SetAbout) -> Vec<String> {
    let notes = about.neuron.parameters["notes"].as_array();
    notes.into_iter().flatten().filter_map(|note| note.as_str().map(str::to_string)).collect()
}

/// In words that nothing of a part is kept, and what flags it; `None` where something is.
pub fn none_kept(store: &SimStore, part: Part) -> Option<String> {
    let all = store.entries(part).len();
    if all == 0 || !store.kept(part).is_empty() {
        return None;
    }
    let flags: Vec<String> = store.flags(part).iter().map(|(criterion, n)| format!("{criterion} {n}")).collect();
    Some(format!("none kept of {all}; flagged by {}", flags.join(", ")))
}

/// Mean, deviation and percentiles of all values.
fn pooled(title: &str, figures: &Figures) -> Table {
    let mut table = Table::new(title, ["", "mean", "deviation", "2 %", "50 %", "98 %", "99 %"]);
    for (name, pooled) in ["input weight", "soma, capped (mV)", "dendrite, capped (mV)"].into_iter().zip(figures.pooled()) {
        if pooled.mean.is_finite() {
            let quantiles = pooled.percentiles.iter().map(|p| format!("{:.3}", p[1]));
            table.push(
                [name.to_string(), format!("{:.4}", pooled.mean), format!("{:.4}", pooled.std)].into_iter().chain(quantiles),
            );
        }
    }
    table
}

/// From this count on, rare values would not show beside frequent ones.
const COUNTS_FOR_LOG: u64 = 50;

/// Counts of a set as a figure.
fn shown(label: &str, what: &str, counted: &Counted) -> Histogram {
    let range = (counted.edges[0], counted.edges[counted.edges.len() - 1]);
    let plain = Histogram { counts: counted.counts.clone(), range, ..Histogram::of(Axis::new(label), what, &[], BINS) };
    if counted.counts.iter().any(|n| *n >= COUNTS_FOR_LOG) { plain.log() } else { plain }
}

/// Figures of the simulations that are kept; those of all beside them where some are flagged.
fn section(part: Part, kept: &Figures, all: &Figures, failed: &BTreeMap<String, usize>) -> Result<Section> {
    let mut section = Section::new(format!("Part {}", part.name())).table(pooled("All values of the kept simulations", kept));
    if !failed.is_empty() {
        section = section.table(pooled("All values, those of flagged simulations too", all));
        let mut flagged = Table::new("Flagged, none deleted; left out of the figures below", ["criterion", "simulations"]);
        for (criterion, n) in failed {
            flagged.push([criterion.clone(), n.to_string()]);
        }
        section = section.table(flagged);
    }
    let look = "Look for: simulations that stand apart from all others (one value per simulation).";
    for (name, label, title) in PANELS {
        let histogram = kept.histogram(name)?;
        if histogram.counts.iter().any(|n| *n > 0) {
            section = section.figure(Figure::new(title, look, shown(label, "simulations", &histogram)));
        }
    }
    if kept.intervals().counts.iter().any(|n| *n > 0) {
        let intervals = shown("interval (ms)", "intervals", kept.intervals());
        section = section.figure(Figure::new(
            "Intervals between spikes",
            "Look for: a peak at short intervals, which means bursts.",
            intervals,
        ));
    }
    let rates = kept.quantity("rate_hz")?;
    for (name, label, title) in PANELS.iter().filter(|panel| panel.0 != "rate_hz") {
        let values = kept.quantity(name)?;
        if values.iter().any(|v| v.is_finite()) {
            let points = rates.iter().copied().zip(values);
            let plot = Scatter::new(Axis::new("rate (Hz)"), Axis::new(*label), points);
            section = section.figure(Figure::new(
                format!("{title} against the rate"),
                "Look for: whether the rate tells the other quantity (one point per simulation).",
                plot,
            ));
        }
    }
    Ok(section)
}
