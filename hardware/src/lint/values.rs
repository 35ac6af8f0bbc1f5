//! Numbers that no neuron can have, whatever the machine, and numbers that s16.15 cannot hold.

use super::Finding;
use super::tally::{self, Tally};
use crate::deployment::{Deployment, Population, Projection, Synapse};
use crate::spinnaker::fixed;

/// Farthest that a delay may lie from a whole number of steps.
const OFF_GRID: f64 = 1e-6;

/// Findings E1 (not finite), E2 (constants that must be above zero), E4 (delays), E5 (signs), of any deployment.
pub fn values(deployment: &Deployment) -> Vec<Finding> {
    let mut found = Vec::new();
    if !deployment.dt_ms.is_finite() {
        found.push(Finding::new("E1", "the network", 1, format!("`dt_ms` is {}", deployment.dt_ms), "give a time step in ms"));
    } else if deployment.dt_ms <= 0.0 {
        let text = format!("`dt_ms` is {}; expected a value above 0", deployment.dt_ms);
        found.push(Finding::new("E2", "the network", 1, text, "give a time step in ms"));
    }
    found.extend(deployment.populations.iter().flat_map(of_population));
    found.extend(deployment.projections.iter().flat_map(|p| of_projection(deployment, p)));
    found.extend(of_host_readout(deployment));
    found
}

/// Findings E2 and E3: parameters that become 0 in s16.15 and may not, and parameters outside of it.
pub(super) fn format(deployment: &Deployment) -> Vec<Finding> {
    let mut found = Vec::new();
    let dt = deployment.dt_ms;
    if dt > 0.0 && dt.is_finite() {
        match fixed::raw(dt) {
            Some(0) => {
                let text = format!("`dt_ms` is {dt}, which s16.15 rounds to 0");
                found.push(Finding::new("E2", "the network", 1, text, "give a time step of at least 0.00002 ms"));
            }
            None => {
                let text = format!("`dt_ms` is {dt}; expected {FORMAT}");
                found.push(Finding::new("E3", "the network", 1, text, "give a shorter time step"));
            }
            Some(_) => {}
        }
    }
    for population in &deployment.populations {
        for (name, values) in population.cells.neurons().map(crate::Neurons::columns).unwrap_or_default() {
            let positive = must_be_positive(name);
            column(&mut found, population, name, values, "E2", "a value that s16.15 does not round to 0", RESCALE, &|v| {
                positive && v > 0.0 && fixed::raw(v) == Some(0)
            });
            let voltage = name.starts_with('v') || name.starts_with("e_rev") || name == "i_offset";
            let mend = if voltage { SMALLER } else { RESCALE };
            column(&mut found, population, name, values, "E3", FORMAT, mend, &|v| v.is_finite() && fixed::raw(v).is_none());
        }
    }
    found
}

const FORMAT: &str = "a value of s16.15, -65536 to 65535.99997";
const SMALLER: &str = "correct the parameter, or lower the scale of the network with `--weight-scale`";
const RESCALE: &str = "correct the parameter or its unit (ms, nF)";

fn must_be_positive(name: &str) -> bool {
    name.starts_with("tau") && name != "tau_refrac" || name == "cm"
}

/// Adds a finding if a parameter of any neuron is wrong; the worst is the one farthest from zero.
#[allow(clippy::too_many_arguments, reason = "one sentence in parts")]
fn column(
    found: &mut Vec<Finding>,
    population: &Population,
    name: &str,
    values: &[f64],
    code: &str,
    expected: &str,
    mend: &str,
    wrong: &dyn Fn(f64) -> bool,
) {
    let mut tally = Tally::default();
    for (i, &v) in values.iter().enumerate().filter(|(_, v)| wrong(**v)) {
        tally.add(v.abs(), i);
    }
    if let Some(i) = tally.worst() {
        let others = tally.others(|i| format!("neuron {}", tally::neuron(population, i)));
        let text = format!("`{name}` of neuron {} is {}; expected {expected}{others}", tally::neuron(population, i), values[i]);
        found.push(Finding::new(code, &population.label, tally.count, text, mend));
    }
}

fn of_population(population: &Population) -> Vec<Finding> {
    let mut found = Vec::new();
    if !population.v_scale.is_finite() {
        let text = format!("`v_scale` is {}; expected a power of two", population.v_scale);
        found.push(Finding::new("E1", &population.label, 1, text, "give the mV per unit of the trained network"));
    }
    for (name, values) in population.cells.neurons().map(crate::Neurons::columns).unwrap_or_default() {
        let mut add = |code: &str, expected: &str, wrong: &dyn Fn(f64) -> bool| {
            column(&mut found, population, name, values, code, expected, "correct the parameter", wrong);
        };
        add("E1", "a finite number", &|v| !v.is_finite());
        if must_be_positive(name) {
            add("E2", "a value above 0", &|v| v.is_finite() && v <= 0.0);
        } else if name == "tau_refrac" {
            add("E2", "a time of 0 or more", &|v| v.is_finite() && v < 0.0);
        }
    }
    found
}

fn of_projection(deployment: &Deployment, projection: &Projection) -> Vec<Finding> {
    let place = deployment.place(projection);
    let mut found = Vec::new();
    let mut add = |code: &str, what: &str, mend: &str, badness: &dyn Fn(&Synapse) -> Option<f64>| {
        let mut tally = Tally::default();
        for (i, s) in projection.synapses.iter().enumerate() {
            if let Some(badness) = badness(s) {
                tally.add(badness, i);
            }
        }
        if let Some(i) = tally.worst() {
            let s = &projection.synapses[i];
            let name = |i: usize| tally::synapse(deployment, projection, &projection.synapses[i]);
            let text =
                format!("{what}: synapse {}, weight {}, delay {} steps{}", name(i), s.weight, s.delay_steps, tally.others(name));
            found.push(Finding::new(code, &place, tally.count, text, mend));
        }
    };
    let finite = |s: &Synapse| s.weight.is_finite() && s.delay_steps.is_finite();
    add("E1", "weight or delay that is not finite", "give finite numbers; from training, take an earlier checkpoint", &|s| {
        (!finite(s)).then_some(0.0)
    });
    add("E4", "delay below one step, or not a whole number of steps", "round the delay to whole steps, at least 1", &|s| {
        let off = (s.delay_steps - s.delay_steps.round()).abs();
        let wrong = s.delay_steps.is_finite() && (s.delay_steps < 1.0 - OFF_GRID || off > OFF_GRID);
        wrong.then_some(off.max(1.0 - s.delay_steps))
    });
    let mend = "give the magnitude, and put synapses of the other sign into a projection of the other receptor";
    add("E5", "sign that contradicts the receptor, or weight 0", mend, &|s| {
        (s.weight.is_finite() && s.weight <= 0.0).then_some(s.weight.abs())
    });
    found
}

fn of_host_readout(deployment: &Deployment) -> Option<Finding> {
    let readout = deployment.host_readout.as_ref()?;
    let mut tally = Tally::default();
    for (i, (_, _, weight)) in readout.weights.iter().enumerate().filter(|(_, w)| !w.2.is_finite()) {
        tally.add(weight.abs(), i);
    }
    let text = if let Some(i) = tally.worst() {
        let name = |i: usize| format!("{} -> {}", readout.weights[i].0, readout.weights[i].1);
        format!("weight {} is {}; expected a finite number{}", name(i), readout.weights[i].2, tally.others(name))
    } else if !(readout.decay_syn.is_finite() && readout.decay_mem.is_finite()) {
        format!("decays {} and {}; expected finite numbers", readout.decay_syn, readout.decay_mem)
    } else {
        return None;
    };
    Some(Finding::new(
        "E1",
        "host readout",
        tally.count.max(1),
        text,
        "give finite numbers; from training, take an earlier checkpoint",
    ))
}
