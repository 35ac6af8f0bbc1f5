//! Whether a network fits a machine: cores, chips, memory, routing entries, rows, and a rough load time.
//!
//! | file | subject |
//! |---|---|
//! | here | [`Machine`], [`Fit`] and the estimate |
//! | `slices` | a population cut into cores: rows, memory, delays |
//! | `place` | cores laid on chips, first fit |
//!
//! An estimate: the released mapper partitions the same way (up to 256 neurons a core), but places by its own search and lets
//! recordings fill the chip. It gave 8 cores for 2,000 neurons, 79 cores on 6 chips for 20,000, and 157 on 10 for 40,000. Spike sources it
//! keeps on one core (700 were); here each 256 are counted as one, as for neurons.

mod place;
mod slices;

use serde::Serialize;

use self::slices::Slices;
use crate::deployment::Deployment;

pub use super::board::LONGEST_ROW;

/// Bytes of SDRAM on a chip that applications may have.
pub const SDRAM_PER_CHIP: u64 = 123_469_792;
/// Entries of a chip's routing table that applications may have.
pub const ROUTES_PER_CHIP: u32 = 1023;
/// Bytes of a core's data memory, less its stack.
pub const DTCM_PER_CORE: u32 = 65_536 - 2_048;
/// Cores of a chip that applications may have: 18 less the system's monitor and the mapper's own.
const CORES_PER_CHIP: u32 = 16;
/// Bytes that a host writes in a second, by SCP without a faster protocol. Rough.
const LOAD_BYTES_PER_S: f64 = 1e6;
/// Seconds for booting, routing tables and images. Rough.
const LOAD_FIXED_S: f64 = 5.0;

/// A machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// Four chips.
    Spinn3,
    /// This many boards of 48 chips.
    Spinn5 {
        /// At least 1.
        boards: u32,
    },
}

impl Machine {
    /// Its name.
    pub fn name(self) -> String {
        match self {
            Self::Spinn3 => "SpiNN-3".into(),
            Self::Spinn5 { boards: 1 } => "SpiNN-5".into(),
            Self::Spinn5 { boards } => format!("{boards} SpiNN-5"),
        }
    }

    /// Number of chips.
    pub fn chips(self) -> u32 {
        match self {
            Self::Spinn3 => 4,
            Self::Spinn5 { boards } => 48 * boards,
        }
    }

    /// Cores of a chip that applications may have; the chip at the Ethernet port of each board runs one more of the mapper's own.
    fn cores_of(self, chip: u32) -> u32 {
        let per_board = self.chips() / self.boards();
        CORES_PER_CHIP - u32::from(chip.is_multiple_of(per_board))
    }

    fn boards(self) -> u32 {
        match self {
            Self::Spinn3 => 1,
            Self::Spinn5 { boards } => boards,
        }
    }

    /// Cores that applications may have.
    pub fn cores(self) -> u32 {
        CORES_PER_CHIP * self.chips() - self.boards()
    }
}

/// How neurons and their synapses share cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cores {
    /// Neurons and synapses on one core: the released mapper's choice from 1 ms on.
    Combined,
    /// A core for the neurons and one for their synapses: its choice below 1 ms.
    Split,
}

impl Cores {
    /// What the released mapper takes by itself.
    pub fn default_for(dt_ms: f64) -> Self {
        if dt_ms < 1.0 { Self::Split } else { Self::Combined }
    }
}

/// How a network fits a machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// Name of the machine.
    pub machine: String,
    /// How neurons and synapses share cores.
    pub kind: Cores,
    /// Cores of the network.
    pub cores: u32,
    /// Cores of the machine.
    pub cores_available: u32,
    /// Chips on which a core was placed.
    pub chips: u32,
    /// Chips of the machine.
    pub chips_available: u32,
    /// Bytes of SDRAM: images and recordings.
    pub sdram_bytes: u64,
    /// Bytes of SDRAM on the fullest chip.
    pub sdram_largest_chip: u64,
    /// Bytes of SDRAM of a chip.
    pub sdram_available: u64,
    /// Entries of the fullest routing table.
    pub routing_entries: u32,
    /// What a table holds.
    pub routing_entries_available: u32,
    /// Input spikes of the busiest step of all samples.
    pub busiest_input_step: u32,
    /// Rough time to load the network by its bytes alone; the released tools take far longer for long lists of synapses.
    pub load_s: f64,
    /// Population by population.
    pub populations: Vec<PopulationFit>,
    /// Rows that are too long.
    pub long_rows: Vec<LongRow>,
    /// What does not fit.
    pub problems: Vec<Problem>,
}

impl Fit {
    /// Whether the network fits.
    pub fn fits(&self) -> bool {
        self.problems.is_empty() && self.long_rows.is_empty()
    }

    /// Populations whose delays need extension cores, which are not emulated.
    pub fn extended(&self) -> impl Iterator<Item = &PopulationFit> {
        self.populations.iter().filter(|p| p.max_delay_steps > p.delay_slots && p.delay_slots > 0)
    }
}

/// How one population is laid out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PopulationFit {
    /// Name of the population.
    pub label: String,
    /// Number of neurons.
    pub n: u32,
    /// Parts of up to 256 neurons.
    pub slices: u32,
    /// All its cores, with those for synapses and delays.
    pub cores: u32,
    /// Cores that hold back its spikes for receivers with longer delays than their ring buffers have slots.
    pub delay_cores: u32,
    /// Slots of the ring buffers; 0 for spike sources.
    pub delay_slots: u32,
    /// Longest delay of its inputs.
    pub max_delay_steps: u32,
    /// Bytes of ring buffers on a core.
    pub ring_buffer_bytes: u32,
    /// Bytes of a core's data memory, ring buffers included: an estimate.
    pub dtcm_bytes: u32,
    /// Bytes of SDRAM.
    pub sdram_bytes: u64,
    /// Longest row of any of its inputs.
    pub longest_row: u32,
}

/// One sender with more synapses onto one core, in one projection, than a row holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LongRow {
    /// Index of the projection.
    pub projection: u32,
    /// Sender: position in its population.
    pub pre: u32,
    /// First receiver of the core.
    pub first_post: u32,
    /// Synapses.
    pub synapses: u32,
}

/// Something that the machine does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Of what.
    pub what: &'static str,
    /// The population, or empty for the whole network.
    pub population: String,
    /// Needed.
    pub needed: u64,
    /// There.
    pub available: u64,
}

/// How `deployment` fits `machine`. Positions in projections must be within their populations.
pub fn fit(deployment: &Deployment, machine: Machine, kind: Cores) -> Fit {
    let slices = Slices::of(deployment, kind);
    let placed = place::first_fit(machine, slices.cores(), &slices.wires());
    let total = |f: fn(&PopulationFit) -> u64| slices.populations.iter().map(f).sum::<u64>();
    let (cores, sdram_bytes) = (total(|p| p.cores.into()), total(|p| p.sdram_bytes));
    let mut problems = Vec::new();
    let mut check = |what, population: &str, needed: u64, available: u64| {
        if needed > available {
            problems.push(Problem { what, population: population.into(), needed, available });
        }
    };
    check("cores", "", cores, machine.cores().into());
    check("routing entries of a chip", "", placed.routes.into(), ROUTES_PER_CHIP.into());
    for population in &slices.populations {
        check("bytes of a core's data memory", &population.label, population.dtcm_bytes.into(), DTCM_PER_CORE.into());
    }
    for (k, core) in slices.cores().iter().enumerate().filter(|(_, c)| c.sdram > SDRAM_PER_CHIP) {
        if k == 0 || slices.cores()[k - 1].population != core.population {
            let label = &slices.populations[core.population as usize].label;
            check("bytes of a chip's SDRAM, for one core", label, core.sdram, SDRAM_PER_CHIP);
        }
    }
    // Cores and memory may each be enough and yet not together.
    check("chips", "", placed.chips.into(), machine.chips().into());
    Fit {
        machine: machine.name(),
        kind,
        cores: cores as u32,
        cores_available: machine.cores(),
        chips: placed.chips,
        chips_available: machine.chips(),
        sdram_bytes,
        sdram_largest_chip: placed.fullest,
        sdram_available: SDRAM_PER_CHIP,
        routing_entries: placed.routes,
        routing_entries_available: ROUTES_PER_CHIP,
        busiest_input_step: busiest_step(deployment),
        load_s: LOAD_FIXED_S + slices.loaded as f64 / LOAD_BYTES_PER_S,
        long_rows: slices.long_rows,
        populations: slices.populations,
        problems,
    }
}

/// Most spikes of one step of one sample.
fn busiest_step(deployment: &Deployment) -> u32 {
    let of = |sample: &crate::Sample| {
        let mut steps: Vec<u32> = sample.spikes.iter().map(|(_, _, step)| *step).collect();
        steps.sort_unstable();
        steps.chunk_by(|a, b| a == b).map(<[u32]>::len).max().unwrap_or(0)
    };
    deployment.samples.iter().map(of).max().unwrap_or(0) as u32
}
