//! E11: a description that contradicts itself, whatever its numbers are.

use std::collections::BTreeMap;

use super::Finding;
use super::tally::Tally;
use crate::deployment::{Cells, Decision, Deployment, HostReadout, Neurons, Population, Projection, Sample, VERSION, Variable};

/// Most steps of a simulation.
pub const MOST_STEPS: u32 = 10_000_000;
/// Most values that a sample records: 4 GiB.
pub const MOST_RECORDED: u64 = 1 << 30;

/// Findings E11 that keep a network from running at all.
pub(super) fn structure(deployment: &Deployment) -> Vec<Finding> {
    let mut found = whole(deployment);
    found.extend(deployment.populations.iter().flat_map(of_population));
    found.extend(deployment.projections.iter().filter_map(|p| onto_sources(deployment, p)));
    found.extend(deployment.samples.iter().flat_map(|s| of_sample(deployment, s)));
    found.extend(decision(deployment));
    found.extend(deployment.host_readout.iter().flat_map(|r| host_readout(deployment, r)));
    found
}

/// Findings E11 of what no lowered network has, though it could run.
pub(super) fn lowered(deployment: &Deployment) -> Vec<Finding> {
    let empty = deployment.populations.iter().filter(|p| p.ids.is_empty());
    let mut found: Vec<Finding> =
        empty.map(|p| fault(&p.label, 1, "empty population: it has no neuron", "leave it out")).collect();
    let mut times: BTreeMap<_, u64> = BTreeMap::new();
    for p in &deployment.projections {
        *times.entry((p.pre, p.post, p.receptor)).or_default() += 1;
    }
    let mut told = Vec::new();
    for p in &deployment.projections {
        let key = (p.pre, p.post, p.receptor);
        if times[&key] > 1 && !told.contains(&key) {
            told.push(key);
            let text = format!("described twice: {} projections between these populations at this receptor", times[&key]);
            found.push(fault(deployment.place(p), times[&key] - 1, text, "join their synapses into one projection"));
        }
    }
    found
}

fn fault(place: impl Into<String>, count: u64, text: impl Into<String>, mend: &str) -> Finding {
    Finding::new("E11", place, count, text, mend)
}

fn whole(d: &Deployment) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |text: String, mend: &str| found.push(fault("the network", 1, text, mend));
    if d.version != VERSION {
        add(
            format!("unknown version {} of a deployment; expected {VERSION}", d.version),
            "export it with this version of kenyon",
        );
    }
    if d.steps == 0 || d.lead_in_steps >= d.steps {
        let text = format!("no step to simulate: `steps` is {}, of which the lead-in takes {}", d.steps, d.lead_in_steps);
        add(text, "give more steps than the lead-in has");
    }
    let analogue = |p: &Population| p.record.iter().filter(|v| **v != Variable::Spikes).count() * p.ids.len();
    let recorded = d.populations.iter().map(analogue).sum::<usize>() as u64 * u64::from(d.steps);
    if d.steps > MOST_STEPS {
        add(
            format!("too many steps: {}; expected at most {MOST_STEPS}", d.steps),
            "count steps, not ms or us; simulate less at a time",
        );
    } else if recorded > MOST_RECORDED {
        let text = format!("{recorded} recorded values in {} steps; expected at most {MOST_RECORDED}", d.steps);
        add(text, "simulate fewer steps, or record less");
    }
    found
}

fn of_population(population: &Population) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |text: String, mend: &str| found.push(fault(&population.label, 1, text, mend));
    let n = population.ids.len();
    if !population.names.is_empty() && population.names.len() != n {
        let text = format!("names do not match the neurons: found {}, expected {n} or none", population.names.len());
        add(text, "give each neuron a name, or none at all");
    }
    let mut ids = population.ids.clone();
    ids.sort_unstable();
    if let Some(twice) = ids.iter().zip(ids.iter().skip(1)).find_map(|(a, b)| (a == b).then_some(a)) {
        add(format!("an id occurs twice: {twice}"), "give each neuron an id of its own");
    }
    let scale = population.v_scale;
    if scale.is_finite() && !(scale > 0.0 && scale.log2().fract() == 0.0) {
        add(format!("bad scale: `v_scale` is {scale}; expected a power of two"), "give the mV per unit of the trained network");
    }
    if let Some(variable) = population.record.iter().find(|v| !population.cells.has(**v)) {
        let text = format!("spike sources have spikes to record and nothing else; found `{}`", variable.name());
        add(text, "record spikes, or nothing");
    }
    for (name, values) in population.cells.neurons().map(Neurons::columns).unwrap_or_default() {
        if values.len() != n {
            let text = format!("`{name}` does not match the neurons: found {} values, expected {n}", values.len());
            add(text, "give one value for each neuron, in the order of the ids");
        }
    }
    found
}

fn onto_sources(d: &Deployment, projection: &Projection) -> Option<Finding> {
    let post = d.populations.get(projection.post as usize)?;
    let n = projection.synapses.len().max(1) as u64;
    matches!(post.cells, Cells::SpikeSource)
        .then(|| fault(d.place(projection), n, "spike sources receive nothing", "project to a population of neurons"))
}

/// A spike as it stands in a sample.
type Spike = (u32, u32, u32);

fn of_sample(d: &Deployment, sample: &Sample) -> Vec<Finding> {
    let place = format!("sample {}", sample.name);
    let spike = |(population, neuron, step): Spike| format!("population {population}, neuron {neuron}, step {step}");
    let (mut foreign, mut outside, mut disordered) = (Tally::default(), Tally::default(), Tally::default());
    for &s in &sample.spikes {
        if d.populations.get(s.0 as usize).is_some_and(|p| !matches!(p.cells, Cells::SpikeSource)) {
            foreign.add(0.0, s);
        }
        if !(d.lead_in_steps..d.steps).contains(&s.2) {
            outside.add(f64::from(s.2), s);
        }
    }
    for pair in sample.spikes.windows(2).filter(|pair| pair[0] >= pair[1]) {
        disordered.add(0.0, pair[1]);
    }
    let mut found = Vec::new();
    let mut add = |tally: &Tally<Spike>, what: &str, mend: &str| {
        if let Some(worst) = tally.worst() {
            let text = format!("{what}: {}{}", spike(worst), tally.others(spike));
            found.push(fault(&place, tally.count, text, mend));
        }
    };
    add(&foreign, "spike of a population that is no spike source", "let spike sources alone have input spikes");
    let range = match d.steps.checked_sub(1).filter(|last| *last >= d.lead_in_steps) {
        Some(last) => format!("spike outside the steps {} to {last}", d.lead_in_steps),
        None => "spike outside: there is no step after the lead-in".into(),
    };
    add(&outside, &range, "count steps from the start, lead-in included; give enough `steps`");
    add(&disordered, "spikes are out of order or occur twice", "sort them by population, neuron and step, each once");
    found
}

fn decision(d: &Deployment) -> Option<Finding> {
    match d.decision {
        Decision::Count if d.host_readout.is_none() => Some(fault(
            "decision",
            1,
            "counts spikes, which no cell does",
            "read on the host, or decide by `max`, `mean`, `last` or a window",
        )),
        Decision::Window { from, to } if from >= to || to > d.steps.saturating_sub(d.lead_in_steps) => {
            let rows = d.steps.saturating_sub(d.lead_in_steps);
            let text = format!("is a window outside the readout: rows {from} to {to} of {rows}");
            Some(fault("decision", 1, text, "take at least one of the rows after the lead-in"))
        }
        _ => None,
    }
}

fn host_readout(d: &Deployment, readout: &HostReadout) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut silent: Vec<u32> = readout.sources.iter().map(|s| s.0).collect();
    silent.sort_unstable();
    silent.dedup();
    for population in silent.into_iter().filter_map(|p| d.populations.get(p as usize)) {
        if !population.record.contains(&Variable::Spikes) {
            let text = "is read on the host, but its spikes are not recorded";
            found.push(fault(&population.label, population.ids.len() as u64, text, "record its spikes"));
        }
    }
    for (name, decay) in [("decay_syn", readout.decay_syn), ("decay_mem", readout.decay_mem)] {
        // What is no number at all has a finding of its own.
        if decay.is_finite() && !(0.0..1.0).contains(&decay) {
            let text = format!("`{name}` is {decay}; expected a decay from 0 up to but not 1");
            found.push(fault("host readout", 1, text, "give the decay per step"));
        }
    }
    found
}
