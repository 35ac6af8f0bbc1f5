//! Whether the machine holds it: E10, I1.

use super::{Activity, Finding};
use crate::deployment::Deployment;
use crate::spinnaker::board::LONGEST_ROW;
use crate::spinnaker::packing::{DTCM_PER_CORE, Fit, PopulationFit};

/// Synapses of a list from which on its load time is not told by its bytes.
const LONG_LIST: usize = 250_000;
/// The machine beside which there is a larger one.
const SMALLEST: &str = "SpiNN-3";

/// Findings E10, one for each resource that does not suffice, and I1.
pub(super) fn fit(deployment: &Deployment, fit: &Fit, activity: Option<&Activity>) -> Vec<Finding> {
    let short = fit.problems.iter().map(|problem| {
        let place = if problem.population.is_empty() { &fit.machine } else { &problem.population };
        let text = format!("{} {} needed, {} has {}", problem.needed, problem.what, fit.machine, problem.available);
        let mend = match problem.what {
            "bytes of a core's data memory" => "shorten the delays, or split the population into smaller ones",
            "bytes of a chip's SDRAM, for one core" => "record less, run fewer steps, or split the population into smaller ones",
            _ if fit.machine == SMALLEST => "take SpiNN-5, read out on the host, or prune small weights",
            _ => "read out on the host, prune small weights, or choose fewer neurons: SpiNN-5 is the largest single board",
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
    let largest = |of: fn(&PopulationFit) -> u32| fit.populations.iter().map(of).max().unwrap_or(0);
    let text = format!(
        "{} of {} cores, {} of {} chips, {} bytes of SDRAM ({} of {} on the fullest chip), {} of {} bytes of data memory on the fullest \
         core, {} of {} routing entries, rows of up to {} of {} synapses{packets}, {}",
        fit.cores,
        fit.cores_available,
        fit.chips,
        fit.chips_available,
        fit.sdram_bytes,
        fit.sdram_largest_chip,
        fit.sdram_available,
        largest(|p| p.dtcm_bytes),
        DTCM_PER_CORE,
        fit.routing_entries,
        fit.routing_entries_available,
        largest(|p| p.longest_row),
        LONGEST_ROW,
        load(deployment, fit)
    );
    Finding::new("I1", &fit.machine, 1, text, "nothing to do: an estimate; the mapper's own report may differ by a tenth")
}

/// The time to load, in words. The rate at which a host writes says little of long lists: the released tools expand them slowly.
fn load(deployment: &Deployment, fit: &Fit) -> String {
    let longest = deployment.projections.iter().map(|p| p.synapses.len()).max().unwrap_or(0);
    if longest < LONG_LIST {
        return format!("about {:.0} s to load", fit.load_s);
    }
    format!(
        "at least {:.0} s to load, and far more where the tools are slow with lists: one of 1.47 million entries, most of them 0, took \
         2 h 36 min in a published run (the longest here has {longest})",
        fit.load_s
    )
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
