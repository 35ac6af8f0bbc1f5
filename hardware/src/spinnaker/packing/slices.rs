//! Populations cut into cores of up to 256 neurons: rows, memory and delays of each.

use super::place::Core;
use super::{Cores, LONGEST_ROW, LongRow, PopulationFit};
use crate::deployment::{CellKind, Deployment, Population, Projection, Synapse, Variable};
use crate::spinnaker::board::{NEURONS_PER_CORE as NEURONS, delay_slots as slots_of, ring_buffer_bytes};

/// Bytes of a core's memory for everything else: tables, buffers of rows and spikes, recording. An estimate.
const OTHER_DTCM: u32 = 8 * 1024;
/// Bytes of the small regions and the table of pointers.
const OTHER_SDRAM: u64 = 2 * 1024;
/// Bytes of an extension core: its table and its recordings of nothing.
const DELAY_CORE_SDRAM: u64 = 64 * 1024;

/// The whole network in cores.
#[derive(Debug)]
pub(super) struct Slices {
    pub(super) populations: Vec<PopulationFit>,
    pub(super) long_rows: Vec<LongRow>,
    /// Bytes that are written before a run.
    pub(super) loaded: u64,
    cores: Vec<Core>,
    wires: Vec<(u32, u32)>,
}

/// Bytes that one projection puts on each core of its receiver, the longest row, and the parts of the sender that reach it.
struct Blocks {
    bytes: Vec<u64>,
    longest: u32,
    /// (part of the sender, part of the receiver), sorted.
    reached: Vec<(u32, u32)>,
}

impl Slices {
    pub(super) fn of(deployment: &Deployment, kind: Cores) -> Self {
        let mut long_rows = Vec::new();
        let blocks: Vec<Blocks> =
            (0..).zip(&deployment.projections).map(|(k, p)| blocks(deployment, k, p, &mut long_rows)).collect();
        let mut found = Self { populations: Vec::new(), long_rows, loaded: 0, cores: Vec::new(), wires: Vec::new() };
        let delays: Vec<u32> = deployment.projections.iter().map(longest_delay).collect();
        let mut first_core = Vec::new();
        let slots: Vec<u32> = deployment.populations.iter().map(delay_slots).collect();
        for k in 0..deployment.populations.len() {
            first_core.push(found.cores.len() as u32);
            let incoming = || deployment.projections.iter().enumerate().filter(|(_, p)| p.post as usize == k);
            // Its spikes are held back for receivers whose ring buffers are too short.
            let held_back = deployment.projections.iter().zip(&delays);
            let held_back = held_back.filter(|(p, _)| p.pre as usize == k).any(|(p, delay)| *delay > slots[p.post as usize]);
            let max_delay_steps = incoming().map(|(p, _)| delays[p]).max().unwrap_or(0);
            found.add(deployment, k as u32, kind, slots[k], max_delay_steps, held_back, &|part| {
                incoming().map(|(p, _)| blocks[p].bytes[part as usize]).sum()
            });
            let fit = found.populations.last_mut().expect("just added");
            fit.longest_row = incoming().map(|(p, _)| blocks[p].longest).max().unwrap_or(0);
        }
        // The first core of each part sends and, near enough, receives.
        let stride = |population: u32| {
            let fit = &found.populations[population as usize];
            if fit.delay_slots == 0 || fit.slices == 0 { 1 } else { (fit.cores - fit.delay_cores) / fit.slices }
        };
        for (projection, blocks) in deployment.projections.iter().zip(&blocks) {
            let core = |population: u32, part: u32| first_core[population as usize] + part * stride(population);
            found.wires.extend(blocks.reached.iter().map(|(a, b)| (core(projection.pre, *a), core(projection.post, *b))));
        }
        found.wires.sort_unstable();
        found.wires.dedup();
        found
    }

    pub(super) fn cores(&self) -> &[Core] {
        &self.cores
    }

    /// (sending core, receiving core), sorted.
    pub(super) fn wires(&self) -> Vec<(u32, u32)> {
        self.wires.clone()
    }

    #[expect(clippy::too_many_arguments, reason = "what is known of one population")]
    fn add(
        &mut self,
        deployment: &Deployment,
        index: u32,
        kind: Cores,
        delay_slots: u32,
        max_delay_steps: u32,
        held_back: bool,
        synapses: &dyn Fn(u32) -> u64,
    ) {
        let population = &deployment.populations[index as usize];
        let n = population.ids.len() as u32;
        let slices = n.div_ceil(NEURONS);
        let neurons = population.cells.neurons();
        let split = kind == Cores::Split && neurons.is_some();
        let together = 1 + u32::from(split);
        let mut sdram_bytes = 0;
        for part in 0..slices {
            let size = (n - part * NEURONS).min(NEURONS);
            let recorded = recording_bytes(population, size) * u64::from(deployment.steps);
            let loaded = OTHER_SDRAM + parameter_bytes(population, size) + if neurons.is_some() { synapses(part) } else { 0 };
            let source = if neurons.is_none() { source_bytes(deployment, index, part) } else { 0 };
            self.loaded += loaded + source;
            let sdram = loaded + source + recorded;
            sdram_bytes += sdram;
            self.cores.push(Core { population: index, sdram, together });
            if split {
                self.cores.push(Core { population: index, sdram: 0, together: 0 });
            }
        }
        let delay_cores = if held_back { slices } else { 0 };
        for _ in 0..delay_cores {
            self.cores.push(Core { population: index, sdram: DELAY_CORE_SDRAM, together: 1 });
            sdram_bytes += DELAY_CORE_SDRAM;
        }
        let ring_buffer_bytes = if neurons.is_some() { ring_buffer_bytes(n, max_delay_steps) } else { 0 };
        let state = neurons.map_or(0, |cells| 4 * state_words(cells.kind) * n.min(NEURONS));
        self.populations.push(PopulationFit {
            label: population.label.clone(),
            n,
            slices,
            cores: slices * together + delay_cores,
            delay_cores,
            delay_slots,
            max_delay_steps,
            ring_buffer_bytes,
            dtcm_bytes: OTHER_DTCM + ring_buffer_bytes + state,
            sdram_bytes,
            longest_row: 0,
        });
    }
}

/// Slots that fit into a population's ring buffers; 0 for spike sources.
fn delay_slots(population: &Population) -> u32 {
    match population.cells.neurons() {
        None => 0,
        Some(_) => slots_of(population.ids.len() as u32),
    }
}

fn longest_delay(projection: &Projection) -> u32 {
    projection.synapses.iter().map(Synapse::delay).max().unwrap_or(0)
}

/// Words of a neuron's state in a core's data memory.
fn state_words(kind: CellKind) -> u32 {
    match kind {
        CellKind::CurrExp => 15,
        CellKind::CurrDelta => 12,
        CellKind::CondExp => 17,
    }
}

/// Bytes of the parameter regions for `n` neurons.
fn parameter_bytes(population: &Population, n: u32) -> u64 {
    let words = population.cells.neurons().map_or(0, |cells| match cells.kind {
        CellKind::CurrExp => 15,
        CellKind::CurrDelta => 13,
        CellKind::CondExp => 17,
    });
    // Core parameters, neuron parameters, synapse parameters.
    4 * u64::from((7 + n) + (1 + words * n) + 9)
}

/// Most bytes that a step of recording `n` neurons takes.
fn recording_bytes(population: &Population, n: u32) -> u64 {
    let of = |variable: &Variable| match variable {
        Variable::Spikes => 4 * (1 + n.div_ceil(32)),
        _ => 4 * (1 + n),
    };
    population.record.iter().map(|v| u64::from(of(v))).sum()
}

/// Most bytes that a part's spikes of one sample take: a step's number and count, and a key for each.
fn source_bytes(deployment: &Deployment, population: u32, part: u32) -> u64 {
    let of = |sample: &crate::Sample| sample.spikes.iter().filter(|(k, i, _)| *k == population && i / NEURONS == part).count();
    deployment.samples.iter().map(of).max().unwrap_or(0) as u64 * 12
}

fn blocks(deployment: &Deployment, index: u32, projection: &Projection, long_rows: &mut Vec<LongRow>) -> Blocks {
    let size = |population: u32| deployment.populations[population as usize].ids.len() as u32;
    let (senders, parts) = (size(projection.pre), size(projection.post).div_ceil(NEURONS));
    let mut rows = vec![0u32; senders as usize * parts as usize];
    for synapse in &projection.synapses {
        rows[synapse.pre as usize * parts as usize + (synapse.post / NEURONS) as usize] += 1;
    }
    let mut blocks = Blocks { bytes: vec![0; parts as usize], longest: 0, reached: Vec::new() };
    for part in 0..parts {
        for first in (0..senders).step_by(NEURONS as usize) {
            let last = senders.min(first + NEURONS);
            let mut longest = 0;
            for pre in first..last {
                let synapses = rows[pre as usize * parts as usize + part as usize];
                longest = longest.max(synapses);
                if synapses > LONGEST_ROW {
                    long_rows.push(LongRow { projection: index, pre, first_post: part * NEURONS, synapses });
                }
            }
            if longest > 0 {
                let words = u64::from(last - first) * u64::from(3 + longest);
                // To a multiple of 16 bytes; six words of the table lead to it.
                blocks.bytes[part as usize] += (4 * words).next_multiple_of(16) + 24;
                blocks.reached.push((first / NEURONS, part));
                blocks.longest = blocks.longest.max(longest);
            }
        }
    }
    blocks.reached.sort_unstable();
    blocks
}
