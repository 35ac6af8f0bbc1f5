//! Whether the machine holds it: E10, I1.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::Finding;

/// What a network needs of a machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Name of the machine.
    pub machine: String,
    /// What is needed, and how much of it there is.
    pub needs: Vec<Need>,
    /// Packets per step, where spikes are known.
    pub packets_per_step: Option<f64>,
    /// Rough time to load.
    pub load_s: f64,
}

/// One kind of resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// Of what: `cores`, `bytes of SDRAM`, `routing entries of chip 0, 0`, …
    pub what: String,
    /// How much is needed.
    pub needed: u64,
    /// How much there is.
    pub available: u64,
}

/// Findings E10, one for each resource that does not suffice, and I1.
pub(super) fn fit(estimate: &Estimate) -> Vec<Finding> {
    let mut found: Vec<Finding> = estimate
        .needs
        .iter()
        .filter(|need| need.needed > need.available)
        .map(|need| {
            let text = format!("{} {} needed, {} has {}", need.needed, need.what, estimate.machine, need.available);
            let mend = "take a larger machine, record less, read out on the host, or prune small weights";
            Finding::new("E10", &estimate.machine, need.needed - need.available, text, mend)
        })
        .collect();
    let mut text = String::new();
    for need in &estimate.needs {
        let _ = write!(text, "{} of {} {}, ", need.needed, need.available, need.what);
    }
    if let Some(packets) = estimate.packets_per_step {
        let _ = write!(text, "{packets:.1} packets per step, ");
    }
    let _ = write!(text, "about {:.0} s to load", estimate.load_s);
    found.push(Finding::new(
        "I1",
        &estimate.machine,
        1,
        text,
        "nothing to do: an estimate, to be compared with the mapper's report",
    ));
    found
}
