//! Steps, refractory time, start and delays: W5, W6, W7, W8, W12.

use super::tally::{self, Tally};
use super::{Finding, Known, Training};
use crate::deployment::{Cells, Deployment, Neurons, Population, Projection, Role};
use crate::spinnaker::board::{NEURONS_PER_CORE, delay_slots};
use crate::spinnaker::{fixed, init};

/// PyNN's potential at the start if none is given.
const PYNN_V_INIT: f64 = -65.0;
/// Steps that a lowered network runs on after its input has ended, until the readout has it all.
const PIPELINE: u32 = 2;

/// Findings W5, W6, W7, W8 and W12.
pub(super) fn timing(deployment: &Deployment, known: &Known) -> Vec<Finding> {
    let mut found = Vec::new();
    for population in &deployment.populations {
        if let Some(neurons) = population.cells.neurons() {
            found.extend(refractory(deployment, population, neurons, known.training));
            found.extend(start(population, neurons));
        }
    }
    found.extend(deployment.projections.iter().filter_map(|p| slots(deployment, p)));
    found.extend(cores(deployment, known));
    found.extend(known.training.iter().flat_map(|t| training(deployment, t)));
    found
}

/// Refractory steps as the board counts them; none if it cannot.
fn refractory_steps(tau_refrac: f64, dt: i32) -> Option<u64> {
    Some(init::refractory_steps(dt, fixed::raw(tau_refrac).filter(|&raw| raw >= 0)?) as u64)
}

/// W5: the refractory time is counted in whole steps, rounded up.
fn refractory(
    deployment: &Deployment,
    population: &Population,
    neurons: &Neurons,
    training: Option<&Training>,
) -> Option<Finding> {
    let dt = fixed::raw(deployment.dt_ms).filter(|&dt| dt > 0)?;
    let trained = training.filter(|_| population.role == Role::Hidden).map(|t| t.refractory_steps);
    let mut tally = Tally::default();
    for (i, &tau) in neurons.tau_refrac_ms.iter().enumerate() {
        let Some(steps) = refractory_steps(tau, dt) else { continue };
        let asked = trained.map_or(tau / deployment.dt_ms, f64::from);
        let off = (steps as f64 - asked).abs();
        if off > 1e-6 {
            tally.add(off, i);
        }
    }
    let i = tally.worst()?;
    let tau = neurons.tau_refrac_ms[i];
    let steps = refractory_steps(tau, dt)?;
    let asked = match trained {
        Some(steps) => format!("the network was trained with {steps}"),
        None => format!("asked were {:.6}", tau / deployment.dt_ms),
    };
    let text = format!(
        "refractory for {steps} steps, neuron {}: `tau_refrac` {tau} ms at {} ms a step; {asked}",
        tally::neuron(population, i),
        deployment.dt_ms
    );
    let mend = match trained {
        Some(steps) => format!("set `tau_refrac` to {steps} time steps"),
        None => "set `tau_refrac` to a whole number of time steps".into(),
    };
    Some(Finding::new("W5", &population.label, tally.count, text, mend))
}

/// W8: without a start of its own a neuron starts at PyNN's -65 mV, whatever its rest.
fn start(population: &Population, neurons: &Neurons) -> Option<Finding> {
    let mut tally = Tally::default();
    for (i, &rest) in neurons.v_rest_mv.iter().enumerate().skip(neurons.v_init_mv.len()) {
        if rest != PYNN_V_INIT {
            tally.add((rest - PYNN_V_INIT).abs(), i);
        }
    }
    let i = tally.worst()?;
    let rest = neurons.v_rest_mv[i];
    let text = format!("no initial potential; neuron {} starts at -65 mV and rests at {rest} mV", tally::neuron(population, i));
    Some(Finding::new("W8", &population.label, tally.count, text, "give `v_init`, or let it settle with `--lead-in`"))
}

/// W6: longer delays than the ring buffers reach.
fn slots(deployment: &Deployment, projection: &Projection) -> Option<Finding> {
    let post = deployment.populations.get(projection.post as usize)?;
    let slots = delay_slots(post.ids.len() as u32);
    let mut tally = Tally::default();
    for (i, s) in projection.synapses.iter().enumerate().filter(|(_, s)| s.delay_steps > f64::from(slots)) {
        tally.add(s.delay_steps, i);
    }
    let name = |i: usize| tally::synapse(deployment, projection, &projection.synapses[i]);
    let i = tally.worst()?;
    let text = format!(
        "delay of {} steps, synapse {}; the ring buffers of {} neurons a core reach {slots} steps ahead, so that the mapper adds \
         cores for delays, which are not emulated{}",
        projection.synapses[i].delay_steps,
        name(i),
        (post.ids.len() as u32).min(NEURONS_PER_CORE),
        tally.others(name)
    );
    Some(Finding::new(
        "W6",
        deployment.place(projection),
        tally.count,
        text,
        "shorten the delays, or split the receiving population into smaller ones",
    ))
}

/// W7: below 1 ms the mapper puts synapses and neurons on cores of their own.
fn cores(deployment: &Deployment, known: &Known) -> Option<Finding> {
    let populations = deployment.populations.iter().filter(|p| !matches!(p.cells, Cells::SpikeSource)).count();
    if !(deployment.dt_ms > 0.0 && deployment.dt_ms < 1.0) || populations == 0 || known.combined_cores {
        return None;
    }
    let text = format!(
        "steps of {} ms: below 1 ms sPyNNaker puts synapses and neurons of {populations} populations on cores of their own, which are \
         not emulated bit for bit",
        deployment.dt_ms
    );
    Some(Finding::new("W7", "the network", populations as u64, text, "let them share cores with `--combined-cores`"))
}

/// W12: another number of steps, or another step, than in training.
fn training(deployment: &Deployment, training: &Training) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |count: u64, text: String, mend: &str| found.push(Finding::new("W12", "the network", count, text, mend));
    if (deployment.dt_ms / training.dt_ms - 1.0).abs() > 1e-9 {
        let text = format!("steps of {} ms; the network was trained with {} ms", deployment.dt_ms, training.dt_ms);
        add(1, text, "take the time step of training");
    }
    let steps = deployment.steps.saturating_sub(deployment.lead_in_steps);
    if !(training.steps..=training.steps.saturating_add(PIPELINE)).contains(&steps) {
        let text = format!(
            "{steps} steps after a lead-in of {}; the network was trained with {}, and its readout has seen all input after {PIPELINE} more",
            deployment.lead_in_steps, training.steps
        );
        add(1, text, "take the number of steps of training, beside those of `--lead-in`");
    }
    let last = deployment.lead_in_steps.saturating_add(training.steps);
    let late = deployment.samples.iter().flat_map(|s| &s.spikes).filter(|s| s.2 >= last).count();
    if late > 0 {
        let text = format!("input spikes at step {last} or later, after the last step of training");
        add(late as u64, text, "count steps, not ms, from the end of the lead-in");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refractory_time_is_rounded_up_to_whole_steps() {
        let dt = |ms: f64| fixed::raw(ms).expect("in range");
        assert_eq!(refractory_steps(1.5, dt(1.0)), Some(2));
        assert_eq!(refractory_steps(2.0, dt(0.1)), Some(20));
        assert_eq!(refractory_steps(0.6, dt(0.3)), Some(3), "both round, and one unit is a step");
        assert_eq!((refractory_steps(0.0, dt(2.0)), refractory_steps(-1.0, dt(2.0))), (Some(0), None));
    }
}
