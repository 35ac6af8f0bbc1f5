//! Whether the machine holds it: E10, I1.

use super::{Activity, Finding};
use crate::deployment::Deployment;
use crate::spinnaker::packing::Fit;

/// Findings E10, one for each resource that does not suffice, and I1.
pub(super) fn fit(deployment: &Deployment, fit: &Fit, activity: Option<&Activity>) -> Vec<Finding> {
    let short = fit.problems.iter().map(|problem| {
        let place = if problem.population.is_empty() { &fit.machine } else { &problem.population };
        let text = format!("{} {} needed, {} has {}", problem.needed, problem.what, fit.machine, problem.available);
        let mend = match problem.what {
            "bytes of a core's data memory" => "take fewer neurons per core with `--split`, or shorten the delays",
            "bytes of a chip's SDRAM, for one core" => {
                "record less, run fewer steps, or take fewer neurons per core with `--split`"
            }
            _ => "take a larger machine, read out on the host, or prune small weights",
        };
        Finding::new("E10", place, problem.needed - problem.available, text, mend)
    });
    short.chain([estimate(deployment, fit, activity)]).collect()
}

/// I1: what is needed, in one line.
fn estimate(deployment: &Deployment, fit: &Fit, activity: Option<&Activity>) -> Finding {
    let packets = match packets_per_step(deployment, activity) {
        Some(packets) => format!(", {packets:.1} {} per step", if activity.is_some() { "packets" } else { "input packets" }),
        None => String::new(),
    };
    let text = format!(
        "{} of {} cores, {} of {} chips, {} bytes of SDRAM ({} of {} on the fullest chip), {} of {} routing entries{packets}, \
         about {:.0} s to load",
        fit.cores,
        fit.cores_available,
        fit.chips,
        fit.chips_available,
        fit.sdram_bytes,
        fit.sdram_largest_chip,
        fit.sdram_available,
        fit.routing_entries,
        fit.routing_entries_available,
        fit.load_s
    );
    Finding::new("I1", &fit.machine, 1, text, "nothing to do: an estimate; the mapper's own report may differ by a tenth")
}

/// Spikes per step: of the input, and of neurons where they were emulated.
fn packets_per_step(deployment: &Deployment, activity: Option<&Activity>) -> Option<f64> {
    let samples = deployment.samples.len();
    if samples == 0 || deployment.steps == 0 {
        return None;
    }
    let input: usize = deployment.samples.iter().map(|s| s.spikes.len()).sum();
    let mut packets = input as f64 / samples as f64;
    if let Some(activity) = activity.filter(|a| a.samples > 0) {
        let neurons = deployment.populations.iter().zip(&activity.populations).filter(|(p, _)| p.cells.neurons().is_some());
        packets += neurons.map(|(_, seen)| seen.spikes).sum::<u64>() as f64 / activity.samples as f64;
    }
    Some(packets / f64::from(deployment.steps))
}
