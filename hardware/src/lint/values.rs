//! Numbers that no neuron can have, whatever the machine.

use super::Finding;
use crate::deployment::{Deployment, Population, Projection, Synapse};

/// Farthest that a delay may lie from a whole number of steps.
const OFF_GRID: f64 = 1e-6;

/// Findings E1 (not finite), E2 (constants that must be above zero), E4 (delays), E5 (signs) of a deployment whose structure is sound.
pub fn values(deployment: &Deployment) -> Vec<Finding> {
    let cells = deployment.populations.iter().flat_map(of_population);
    cells.chain(deployment.projections.iter().flat_map(|p| of_projection(deployment, p))).collect()
}

fn of_population(population: &Population) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, values) in population.cells.neurons().map(crate::Neurons::columns).unwrap_or_default() {
        let mut add = |code: &str, expected: &str, wrong: &dyn Fn(f64) -> bool| {
            let at: Vec<usize> = (0..values.len()).filter(|&i| wrong(values[i])).collect();
            if let Some(&i) = at.first() {
                let text = format!("`{name}` of neuron {i} (id {}) is {}; expected {expected}", population.ids[i], values[i]);
                findings.push(Finding::new(code, &population.label, at.len() as u64, text, "correct the parameter"));
            }
        };
        add("E1", "a finite number", &|v| !v.is_finite());
        let positive = name.starts_with("tau") && name != "tau_refrac" || name == "cm";
        if positive {
            add("E2", "a value above 0", &|v| v <= 0.0);
        } else if name == "tau_refrac" {
            add("E2", "a time of 0 or more", &|v| v < 0.0);
        }
    }
    findings
}

fn of_projection(deployment: &Deployment, projection: &Projection) -> Vec<Finding> {
    let place = deployment.place(projection);
    let (pre, post) = (&deployment.populations[projection.pre as usize], &deployment.populations[projection.post as usize]);
    let mut findings = Vec::new();
    let mut add = |code: &str, what: &str, mend: &str, wrong: &dyn Fn(&Synapse) -> bool| {
        let mut at = projection.synapses.iter().filter(|s| wrong(s));
        if let Some(s) = at.next() {
            let (from, to) = (pre.ids[s.pre as usize], post.ids[s.post as usize]);
            let text = format!(
                "{what}: synapse {} -> {} (ids {from} -> {to}), {:?}, {:?} steps",
                s.pre, s.post, s.weight, s.delay_steps
            );
            findings.push(Finding::new(code, &place, 1 + at.count() as u64, text, mend));
        }
    };
    let finite = |s: &Synapse| s.weight.is_finite() && s.delay_steps.is_finite();
    add("E1", "weight or delay that is not finite", "take an earlier checkpoint", &|s| !finite(s));
    add("E4", "delay below one step, or not a whole number of steps", "round the delay to whole steps, at least 1", &|s| {
        finite(s) && (s.delay_steps < 1.0 - OFF_GRID || (s.delay_steps - s.delay_steps.round()).abs() > OFF_GRID)
    });
    let mend = "give the magnitude, and put synapses of the other sign into a projection of the other receptor";
    add("E5", "sign that contradicts the receptor, or weight 0", mend, &|s| s.weight <= 0.0);
    findings
}
