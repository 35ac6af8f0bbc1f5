//! What was chosen for a certificate and cannot be told from the network: `choices.json` of a bundle.

use serde::{Deserialize, Serialize};

use super::Data;
use crate::spinnaker::packing::Machine;
use crate::spinnaker::{Options, Quantised, Shifts};

/// Choices and origins of a certificate.
#[expect(clippy::struct_excessive_bools, reason = "independent choices, each with a name")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// Tool and version.
    pub tool: String,
    /// The samples that it judges by.
    pub data: Data,
    /// Seed of the command.
    pub seed: u64,
    /// Seed of the training.
    pub run_seed: u64,
    /// Largest loss of accuracy that passes.
    pub max_loss: f64,
    /// Name of the machine that it must fit.
    pub machine: String,
    /// Whether weights make up for the factor that the board puts on every input.
    pub compensate_init: bool,
    /// Whether time constants were moved to the nearest that the board can hold.
    pub nudged: bool,
    /// Whether thresholds are rounded up.
    pub thresholds_up: bool,
    /// Whether weights that become 0 are left out.
    pub omit_zeros: bool,
    /// Shifts of the ring buffers \[exc, inh\] of each population, zeros for spike sources.
    pub shifts: Vec<[u8; 2]>,
}

impl Choices {
    /// Notes the board's options, with the shifts that a network got.
    #[must_use]
    pub fn board(mut self, options: &Options, network: &Quantised) -> Self {
        (self.compensate_init, self.nudged) = (options.compensate_init, options.nudge);
        (self.thresholds_up, self.omit_zeros) = (options.thresholds_up, options.omit_zeros);
        self.shifts = network.populations.iter().map(|p| p.cells.as_ref().map_or([0; 2], |c| c.shift)).collect();
        self
    }

    /// The board's options, with the shifts given.
    pub fn options(&self) -> Options {
        Options {
            compensate_init: self.compensate_init,
            nudge: self.nudged,
            thresholds_up: self.thresholds_up,
            omit_zeros: self.omit_zeros,
            shifts: Shifts::Given(self.shifts.clone()),
        }
    }

    /// The machine; none of this name is known.
    pub fn machine(&self) -> Option<Machine> {
        let boards = self.machine.strip_suffix(" SpiNN-5").and_then(|n| n.parse().ok()).unwrap_or(1);
        [Machine::Spinn3, Machine::Spinn5 { boards }].into_iter().find(|machine| machine.name() == self.machine)
    }
}
