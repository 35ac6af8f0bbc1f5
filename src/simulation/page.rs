//! The statistics of a simulation set as a page.

use std::collections::BTreeMap;

use kenyon_base::Result;
use kenyon_datasets::simulation::{BINS, ISI_BINS, Part, SimStore, Statistics};

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
        "{} simulations of {} s of `{}` with {} dendritic segments, dt {} ms. The inputs are generated and the answers simulated: no cell was recorded.",
        store.parts().iter().map(|&p| store.entries(p).len()).sum::<usize>(),
        f64::from(about.duration_ms) / 1e3,
        about.neuron.parameters["name"].as_str().unwrap_or("a neuron"),
        about.nseg,
        about.neuron.dt_ms
    ));
    for part in store.parts() {
        let mut statistics = Statistics::default();
        let mut failed: BTreeMap<String, usize> = BTreeMap::new();
        for at in 0..store.entries(part).len() {
            let record = store.record(part, at)?;
            statistics.add(&record, about);
            if let Some(criterion) = record.failed {
                *failed.entry(criterion).or_default() += 1;
            }
        }
        let rates = statistics.quantity("rate_hz")?;
        let mean = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
        page = page.fact(
            part.name(),
            number(rates.len() as f64, 0),
            format!("{} kept; mean rate {mean:.2} Hz", store.kept(part).len()),
        );
        page = page.section(section(part, &statistics, &failed)?);
    }
    Ok(page.render())
}

fn section(part: Part, statistics: &Statistics, failed: &BTreeMap<String, usize>) -> Result<Section> {
    let mut table = Table::new("All values together", ["", "mean", "deviation", "2 %", "50 %", "98 %", "99 %"]);
    for (name, pooled) in ["input weight", "soma, capped (mV)", "dendrite, capped (mV)"].into_iter().zip(statistics.pooled()) {
        if pooled.mean.is_finite() {
            let quantiles = pooled.percentiles.iter().map(|p| format!("{:.3}", p[1]));
            table.push(
                [name.to_string(), format!("{:.4}", pooled.mean), format!("{:.4}", pooled.std)].into_iter().chain(quantiles),
            );
        }
    }
    let mut section = Section::new(format!("Part {}", part.name())).table(table);
    if !failed.is_empty() {
        let mut flagged = Table::new("Flagged, none deleted", ["criterion", "simulations"]);
        for (criterion, n) in failed {
            flagged.push([criterion.clone(), n.to_string()]);
        }
        section = section.table(flagged);
    }
    let look = "Simulations whose values stand apart from all others.";
    for (name, label, title) in PANELS {
        let values = statistics.quantity(name)?;
        if values.iter().any(|v| v.is_finite()) {
            let histogram = Histogram::of(Axis::new(label), "simulations", &values, BINS).log();
            section = section.figure(Figure::new(title, look, histogram));
        }
    }
    let intervals = statistics.intervals();
    if intervals.counts.iter().any(|n| *n > 0) {
        let shown = Histogram {
            counts: intervals.counts.clone(),
            range: (intervals.edges[0], intervals.edges[intervals.edges.len() - 1]),
            ..Histogram::of(Axis::new("interval (ms)"), "intervals", &[], ISI_BINS)
        };
        section = section.figure(Figure::new("Intervals between spikes", "A peak at short intervals: bursts.", shown.log()));
    }
    let rates = statistics.quantity("rate_hz")?;
    for (name, label, title) in PANELS.iter().filter(|panel| panel.0 != "rate_hz") {
        let values = statistics.quantity(name)?;
        if values.iter().any(|v| v.is_finite()) {
            let points = rates.iter().copied().zip(values);
            let plot = Scatter::new(Axis::new("rate (Hz)"), Axis::new(*label), points);
            section = section.figure(Figure::new(
                format!("{title} against the rate"),
                "Whether the rate tells the other quantity.",
                plot,
            ));
        }
    }
    Ok(section)
}
