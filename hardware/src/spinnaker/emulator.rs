//! The emulator: the plan of a network's synapses, and the state that runs over it.
//!
//! Neurons are cut into parts that hold their own state, ring buffers and incoming synapses. A step delivers the last step's spikes
//! and updates the neurons, part by part, on as many threads as there are; what a neuron receives, and in which order, does not depend
//! on the cuts, so neither do the bits.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::quantise::Quantised;
use super::recording::{PopulationRun, Run};
use super::ring::Ring;
use super::step::{Constants, State};
use crate::deployment::{Receptor, Sample, Variable};

/// Emulates a network, sample by sample, without allocating anew.
#[derive(Debug, Clone)]
pub struct Emulator {
    plan: Arc<Plan>,
    parts: Vec<Part>,
    /// Spikes of sources by step, as global neuron numbers: step `t` from `input_ptr[t]`.
    input: Vec<u32>,
    input_ptr: Vec<u32>,
    fired: Vec<u32>,
}

/// What does not change from run to run.
#[derive(Debug)]
struct Plan {
    steps: u32,
    /// Global number of each population's first neuron, and the total.
    first: Vec<u32>,
    records: Vec<Vec<Variable>>,
    parts: Vec<PartPlan>,
}

/// A part's neurons and the synapses onto them.
#[derive(Debug)]
struct PartPlan {
    blocks: Vec<Block>,
    /// Cells of the ring buffers: two for each neuron.
    width: usize,
    longest: u16,
    /// Groups of each sender from `row[i]` to `row[i + 1]`.
    row: Vec<u32>,
    groups: Vec<Group>,
    cells: Vec<u32>,
    weights: Vec<u16>,
}

/// Neurons of one population within a part.
#[derive(Debug)]
struct Block {
    population: usize,
    range: Range<u32>,
    /// First of its cells in a slot: one receptor, then the other.
    cell: usize,
    constants: Constants,
}

/// Synapses of one sender onto one block with one delay; they end where the next group starts.
#[derive(Debug, Clone, Copy)]
struct Group {
    start: u32,
    block: u32,
    delay: u16,
}

/// State of a part.
#[derive(Debug, Clone)]
struct Part {
    ring: Ring,
    blocks: Vec<BlockState>,
    /// Global numbers of the neurons that fired in this step, ascending.
    fired: Vec<u32>,
}

#[derive(Debug, Clone)]
struct BlockState {
    state: State,
    saturations: u64,
    /// Recorded rows of V, `gsyn_exc`, `gsyn_inh`.
    rows: [Vec<i32>; 3],
}

const ANALOGUE: [Variable; 3] = [Variable::V, Variable::GsynExc, Variable::GsynInh];

impl Emulator {
    /// An emulator that runs a sample on one thread.
    pub fn new(network: &Quantised) -> Self {
        Self::with_parts(network, 1)
    }

    /// An emulator that cuts the network into parts, to be run on the threads of the current pool; for large networks.
    ///
    /// # Panics
    /// If there are more than 2^32 neurons or synapses.
    pub fn with_parts(network: &Quantised, parts: usize) -> Self {
        let mut first = vec![0u32];
        for population in &network.populations {
            first.push(first.last().copied().unwrap_or(0).checked_add(population.n).expect("below 2^32 neurons"));
        }
        let cuts = cuts(network, parts.max(1));
        let parts: Vec<PartPlan> = cuts.iter().map(|cut| PartPlan::new(network, &first, cut)).collect();
        let records = network.populations.iter().map(|p| p.record.clone()).collect();
        let plan = Arc::new(Plan { steps: network.steps, first, records, parts });
        let parts = plan.parts.iter().map(Part::new).collect();
        Self { plan, parts, input: Vec::new(), input_ptr: Vec::new(), fired: Vec::new() }
    }

    /// Runs one sample: input spikes as (population, neuron, step), those of spike sources, sorted.
    pub fn run(&mut self, input: &[(u32, u32, u32)]) -> Run {
        let mut out = Run::default();
        self.run_into(input, &mut out);
        out
    }

    /// The same into a result that is there already, whose memory is used again.
    pub fn run_into(&mut self, input: &[(u32, u32, u32)], out: &mut Run) {
        let plan = Arc::clone(&self.plan);
        self.sort_input(input);
        clear(out, plan.records.len());
        for (part, plan) in self.parts.iter_mut().zip(&plan.parts) {
            part.reset(plan);
        }
        self.fired.clear();
        for t in 0..plan.steps as usize {
            let last = &self.fired;
            let advance = |(part, of): (&mut Part, &PartPlan)| {
                part.deliver(of, last, t.wrapping_sub(1));
                part.advance(of, &plan, t);
            };
            if self.parts.len() == 1 {
                advance((&mut self.parts[0], &plan.parts[0]));
            } else {
                self.parts.par_iter_mut().zip(&plan.parts).for_each(advance);
            }
            self.fired.clear();
            self.fired.extend_from_slice(&self.input[self.input_ptr[t] as usize..self.input_ptr[t + 1] as usize]);
            self.fired.extend(self.parts.iter().flat_map(|part| &part.fired));
            self.fired.sort_unstable();
            note(&plan, &self.fired, t as u32, out);
        }
        for (part, of) in self.parts.iter_mut().zip(&plan.parts) {
            // What would arrive after the end is clipped and counted all the same.
            part.deliver(of, &self.fired, plan.steps as usize - 1);
        }
        for part in plan.parts.iter().zip(&self.parts) {
            collect(&plan, part, out);
        }
    }

    /// Input spikes by step and then by neuron.
    fn sort_input(&mut self, input: &[(u32, u32, u32)]) {
        let steps = self.plan.steps;
        self.input_ptr.clear();
        self.input_ptr.resize(steps as usize + 2, 0);
        let within = || input.iter().filter(|s| s.2 < steps);
        for &(_, _, step) in within() {
            self.input_ptr[step as usize + 2] += 1;
        }
        for t in 2..self.input_ptr.len() {
            self.input_ptr[t] += self.input_ptr[t - 1];
        }
        self.input.clear();
        self.input.resize(within().count(), 0);
        for &(population, neuron, step) in within() {
            let place = &mut self.input_ptr[step as usize + 1];
            self.input[*place as usize] = self.plan.first[population as usize] + neuron;
            *place += 1;
        }
    }
}

/// Runs many samples on the threads of the current pool, and keeps of each what `take` makes of its index and results.
///
/// The order of the outcome is that of the samples, whatever the number of threads.
pub fn emulate_batch<T: Send>(network: &Quantised, samples: &[Sample], take: impl Fn(usize, &Run) -> T + Sync) -> Vec<T> {
    let ready = Emulator::new(network);
    samples
        .par_iter()
        .enumerate()
        .map_init(
            || (ready.clone(), Run::default()),
            |(emulator, run), (i, sample)| {
                emulator.run_into(&sample.spikes, run);
                take(i, run)
            },
        )
        .collect()
}

/// Ranges of global neuron numbers with about equal work.
fn cuts(network: &Quantised, parts: usize) -> Vec<Range<u32>> {
    // A neuron costs every step; a synapse as often as its sender fires, some tens of times less.
    const NEURON: u64 = 32;
    let mut work: Vec<u64> = Vec::new();
    let mut first = Vec::new();
    for population in &network.populations {
        first.push(work.len());
        work.extend(std::iter::repeat_n(if population.cells.is_some() { NEURON } else { 0 }, population.n as usize));
    }
    for projection in &network.projections {
        for synapse in &projection.synapses {
            work[first[projection.post as usize] + synapse.post as usize] += 1;
        }
    }
    let total: u64 = work.iter().sum::<u64>().max(1);
    let mut ends = Vec::with_capacity(parts);
    let mut done = 0;
    for (i, w) in work.iter().enumerate() {
        done += w;
        while (ends.len() as u64) < parts as u64 - 1 && done * parts as u64 >= total * (ends.len() as u64 + 1) {
            ends.push(i as u32 + 1);
        }
    }
    ends.resize(parts - 1, work.len() as u32);
    ends.push(work.len() as u32);
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(&ends).map(|(start, &end)| start..end).collect()
}

impl PartPlan {
    /// The part of the neurons with global numbers in `cut`; `first` has the number of each population's first.
    fn new(network: &Quantised, first: &[u32], cut: &Range<u32>) -> Self {
        let mut blocks = Vec::new();
        let mut width = 0;
        let mut block_of = vec![None; network.populations.len()];
        for (population, p) in network.populations.iter().enumerate() {
            let Some(cells) = &p.cells else { continue };
            let (start, end) = (first[population].max(cut.start), first[population + 1].min(cut.end));
            if start >= end {
                continue;
            }
            let range = start - first[population]..end - first[population];
            let constants = Constants::new(cells, range.start as usize..range.end as usize);
            block_of[population] = Some(blocks.len());
            blocks.push(Block { population, range: range.clone(), cell: width, constants });
            width += 2 * range.len();
        }
        let senders = first.last().copied().unwrap_or(0) as usize;
        let mut row = vec![0u32; senders + 1];
        let mut synapses: Vec<(u32, u32, u16, u32, u16)> = Vec::new();
        let mut longest = 1;
        for projection in &network.projections {
            let Some(b) = block_of[projection.post as usize] else { continue };
            let block = &blocks[b];
            let base = block.cell + if projection.receptor == Receptor::Inhibitory { block.range.len() } else { 0 };
            for s in projection.synapses.iter().filter(|s| block.range.contains(&s.post)) {
                let sender = first[projection.pre as usize] + s.pre;
                let cell = base as u32 + s.post - block.range.start;
                synapses.push((sender, b as u32, s.delay, cell, s.weight));
                longest = longest.max(s.delay);
            }
        }
        // Stable: synapses onto one cell at one time keep their order, on which the count of clipped additions depends.
        synapses.sort_by_key(|&(sender, block, delay, _, _)| (sender, block, delay));
        let mut groups: Vec<Group> = Vec::new();
        let mut last = None;
        for (i, &(sender, block, delay, _, _)) in synapses.iter().enumerate() {
            if last != Some((sender, block, delay)) {
                last = Some((sender, block, delay));
                groups.push(Group { start: u32::try_from(i).expect("below 2^32 synapses"), block, delay });
                row[sender as usize + 1] += 1;
            }
        }
        groups.push(Group { start: synapses.len() as u32, block: 0, delay: 0 });
        for i in 1..row.len() {
            row[i] += row[i - 1];
        }
        let cells = synapses.iter().map(|s| s.3).collect();
        let weights = synapses.iter().map(|s| s.4).collect();
        Self { blocks, width, longest, row, groups, cells, weights }
    }
}

impl Part {
    fn new(plan: &PartPlan) -> Self {
        let block = |b: &Block| BlockState { state: State::new(b.range.len()), saturations: 0, rows: Default::default() };
        let blocks = plan.blocks.iter().map(block).collect();
        Self { ring: Ring::new(plan.width, plan.longest), blocks, fired: Vec::new() }
    }

    fn reset(&mut self, plan: &PartPlan) {
        self.ring.clear();
        for (block, of) in self.blocks.iter_mut().zip(&plan.blocks) {
            block.state.reset(&of.constants);
            block.saturations = 0;
            block.rows.iter_mut().for_each(Vec::clear);
        }
    }

    /// Sends the spikes of a step over the synapses of this part.
    fn deliver(&mut self, plan: &PartPlan, fired: &[u32], step: usize) {
        for &sender in fired {
            let range = plan.row[sender as usize] as usize..plan.row[sender as usize + 1] as usize;
            for (group, next) in plan.groups[range.clone()].iter().zip(&plan.groups[range.start + 1..]) {
                let synapses = group.start as usize..next.start as usize;
                let clipped =
                    self.ring.add(step + usize::from(group.delay), &plan.cells[synapses.clone()], &plan.weights[synapses]);
                self.blocks[group.block as usize].saturations += clipped;
            }
        }
    }

    /// One step of the part's neurons.
    fn advance(&mut self, part: &PartPlan, plan: &Plan, step: usize) {
        self.fired.clear();
        let slots = self.ring.arriving(step);
        for (block, of) in self.blocks.iter_mut().zip(&part.blocks) {
            block.state.input(&of.constants, &mut slots[of.cell..of.cell + 2 * of.range.len()]);
            for (variable, rows) in ANALOGUE.into_iter().zip(&mut block.rows) {
                if plan.records[of.population].contains(&variable) {
                    block.state.record(&of.constants, variable, rows);
                }
            }
            block.state.update(&of.constants, plan.first[of.population] + of.range.start, &mut self.fired);
        }
    }
}

/// Empties a result, keeping its memory.
fn clear(out: &mut Run, populations: usize) {
    out.populations.resize_with(populations, PopulationRun::default);
    for p in &mut out.populations {
        let PopulationRun { mut v, mut gsyn_exc, mut gsyn_inh, mut spikes, .. } = std::mem::take(p);
        [&mut v, &mut gsyn_exc, &mut gsyn_inh].into_iter().for_each(Vec::clear);
        spikes.clear();
        *p = PopulationRun { v, gsyn_exc, gsyn_inh, spikes, ..PopulationRun::default() };
    }
}

/// Counts and records the spikes of a step.
fn note(plan: &Plan, fired: &[u32], step: u32, out: &mut Run) {
    let mut rest = fired;
    for (population, result) in out.populations.iter_mut().enumerate() {
        let (first, end) = (plan.first[population], plan.first[population + 1]);
        let (own, others) = rest.split_at(rest.partition_point(|i| *i < end));
        rest = others;
        result.spike_count += own.len() as u64;
        if plan.records[population].contains(&Variable::Spikes) {
            result.spikes.extend(own.iter().map(|i| (step, i - first)));
        }
    }
}

/// Puts a part's counts and rows in their places.
fn collect(plan: &Plan, (part, state): (&PartPlan, &Part), out: &mut Run) {
    for (block, of) in state.blocks.iter().zip(&part.blocks) {
        let result = &mut out.populations[of.population];
        result.saturations += block.saturations;
        result.wraps += block.state.wraps;
        result.largest = result.largest.max(block.state.largest);
        for receptor in 0..2 {
            result.largest_slot[receptor] = result.largest_slot[receptor].max(block.state.largest_slot[receptor]);
        }
        let n = (plan.first[of.population + 1] - plan.first[of.population]) as usize;
        let (start, own) = (of.range.start as usize, of.range.len());
        for (rows, from) in [&mut result.v, &mut result.gsyn_exc, &mut result.gsyn_inh].into_iter().zip(&block.rows) {
            if own == n {
                rows.extend_from_slice(from);
            } else if !from.is_empty() {
                rows.resize(n * plan.steps as usize, 0);
                for (row, from) in rows.chunks_mut(n).zip(from.chunks(own)) {
                    row[start..start + own].copy_from_slice(from);
                }
            }
        }
    }
}
