//! E6: populations, neurons and ids that do not exist.

use super::tally::{self, Tally};
use super::{Finding, Training};
use crate::deployment::{Deployment, Projection, Role};

/// Findings E6, of any deployment; ids are looked up where the trained network is known.
pub(super) fn places(deployment: &Deployment, training: Option<&Training>) -> Vec<Finding> {
    let mut found: Vec<Finding> = deployment.projections.iter().filter_map(|p| of_projection(deployment, p)).collect();
    found.extend(of_samples(deployment));
    found.extend(of_host_readout(deployment));
    if let Some(training) = training.filter(|t| !t.ids.is_empty()) {
        let mut known = training.ids.clone();
        known.sort_unstable();
        found.extend(foreign_ids(deployment, &known));
    }
    found
}

/// Number of neurons of a population, if there is such a population.
fn size(deployment: &Deployment, population: u32) -> Option<usize> {
    deployment.populations.get(population as usize).map(|p| p.ids.len())
}

fn of_projection(deployment: &Deployment, projection: &Projection) -> Option<Finding> {
    let place = deployment.place(projection);
    let mend = "number neurons from 0 within their population";
    let (Some(pre), Some(post)) = (size(deployment, projection.pre), size(deployment, projection.post)) else {
        let n = deployment.populations.len();
        let text = format!(
            "unknown population: projection from population {} to {}; expected numbers below {n}",
            projection.pre, projection.post
        );
        return Some(Finding::new("E6", place, projection.synapses.len().max(1) as u64, text, mend));
    };
    let mut tally = Tally::default();
    for (i, s) in projection.synapses.iter().enumerate() {
        let beyond = |index: u32, n: usize| (index as usize + 1).saturating_sub(n);
        let far = beyond(s.pre, pre).max(beyond(s.post, post));
        if far > 0 {
            tally.add(far as f64, i);
        }
    }
    let worst = tally.worst()?;
    let name = |i: usize| tally::synapse(deployment, projection, &projection.synapses[i]);
    let text = format!(
        "synapse of a neuron that does not exist, {}; expected positions below {pre} and {post}{}",
        name(worst),
        tally.others(name)
    );
    Some(Finding::new("E6", place, tally.count, text, mend))
}

fn of_samples(deployment: &Deployment) -> Option<Finding> {
    let mut tally = Tally::default();
    for (k, sample) in deployment.samples.iter().enumerate() {
        for (i, &(population, neuron, _)) in sample.spikes.iter().enumerate() {
            if size(deployment, population).is_none_or(|n| neuron as usize >= n) {
                tally.add(0.0, (k, i));
            }
        }
    }
    let (k, i) = tally.worst()?;
    let (population, neuron, step) = deployment.samples[k].spikes[i];
    let text = format!("spike of population {population}, neuron {neuron}, step {step}: there is no such neuron");
    let place = format!("sample {}", deployment.samples[k].name);
    Some(Finding::new("E6", place, tally.count, text, "number neurons from 0 within their population"))
}

fn of_host_readout(deployment: &Deployment) -> Vec<Finding> {
    let Some(readout) = &deployment.host_readout else { return Vec::new() };
    let mut found = Vec::new();
    let mut add = |tally: &Tally<usize>, what: &dyn Fn(usize) -> String, mend: &str| {
        if let Some(i) = tally.worst() {
            found.push(Finding::new("E6", "host readout", tally.count, format!("{}{}", what(i), tally.others(what)), mend));
        }
    };
    let mut sources = Tally::default();
    for (i, &(population, neuron)) in readout.sources.iter().enumerate() {
        if size(deployment, population).is_none_or(|n| neuron as usize >= n) {
            sources.add(0.0, i);
        }
    }
    let source = |i: usize| format!("population {}, neuron {}: there is none", readout.sources[i].0, readout.sources[i].1);
    add(&sources, &source, "number neurons from 0 within their population");
    let mut weights = Tally::default();
    for (i, &(from, class, _)) in readout.weights.iter().enumerate() {
        if from as usize >= readout.sources.len() || class as usize >= readout.classes.len() {
            weights.add(0.0, i);
        }
    }
    let (sources, classes) = (readout.sources.len(), readout.classes.len());
    let weight = |i: usize| format!("weight {} -> {} of {sources} and {classes}", readout.weights[i].0, readout.weights[i].1);
    add(&weights, &weight, "number the neurons that are read, and the classes, from 0");
    found
}

/// Ids of inputs and neurons that the trained network does not have; `known` is sorted.
fn foreign_ids(deployment: &Deployment, known: &[u64]) -> Vec<Finding> {
    let trained = deployment.populations.iter().filter(|p| p.role != Role::Readout);
    trained
        .filter_map(|population| {
            let mut tally = Tally::default();
            for (i, id) in population.ids.iter().enumerate() {
                if known.binary_search(id).is_err() {
                    tally.add(0.0, i);
                }
            }
            let name = |i: usize| tally::neuron(population, i);
            let worst = tally.worst()?;
            let text = format!("neuron {} is not in the trained network{}", name(worst), tally.others(name));
            Some(Finding::new("E6", &population.label, tally.count, text, "export the run again"))
        })
        .collect()
}
