//! The regions of a core.
//!
//! * Core parameters: whether it sends, n, n rounded up to a power of two, colour bits, number of receptors, shifts, a key per neuron.
//! * Neuron parameters: per neuron initial potential and membrane parameters; then what the kind adds; thresholds; synapses.
//! * Synapse parameters: sizes of the ring buffers, shifts.
//! * Population table: senders by key, and where their rows lie.
//! * Rows: per projection and sender the synapses as `weight << 16 | delay | receptor | target`.

use std::ops::Range;

use kenyon_base::{Result, UserError};

use super::keys::{COLOUR_BITS, Key, span, zone};
use crate::deployment::{CellKind, Receptor};
use crate::spinnaker::board::{LONGEST_ROW, NEURONS_PER_CORE, bits};
use crate::spinnaker::{Quantised, QuantisedCells, QuantisedProjection};

/// Words before the synapses of a row: plastic words, synapses, plastic synapses.
const ROW_HEADER: usize = 3;
/// Words after the last row.
const TAIL: usize = 4;
/// Address of a projection without synapses.
const NO_ROWS: u32 = 0xff_ffff << 8;
/// Most addresses of a population table: 13 bits number them.
const MOST_ADDRESSES: usize = 1 << 13;
/// Most neurons of a sender in a population table: 16 bits count them.
const MOST_SENDERS: u32 = (1 << 16) - 1;
/// Words in front of which rows are aligned to.
const ALIGNMENT: usize = 4;

/// Which region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegionKind {
    /// Sizes, shifts and keys.
    CoreParameters,
    /// Parameters of the neurons.
    NeuronParameters,
    /// Sizes of the ring buffers.
    SynapseParameters,
    /// Senders.
    PopulationTable,
    /// Rows of synapses.
    SynapticBlocks,
}

impl RegionKind {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::CoreParameters, Self::NeuronParameters, Self::SynapseParameters, Self::PopulationTable, Self::SynapticBlocks];

    /// Its name in the mapper's reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::CoreParameters => "Neuron Core Params",
            Self::NeuronParameters => "neuron_params",
            Self::SynapseParameters => "SynapseParams",
            Self::PopulationTable => "PopTable",
            Self::SynapticBlocks => "SynBlocks",
        }
    }

    /// Its number in the table of pointers.
    pub fn number(self) -> usize {
        match self {
            Self::CoreParameters => 1,
            Self::NeuronParameters => 2,
            Self::SynapseParameters => 4,
            Self::PopulationTable => 5,
            Self::SynapticBlocks => 6,
        }
    }
}

/// The regions of one core.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Regions {
    words: [Vec<u32>; 5],
}

impl Regions {
    /// Words of a region.
    pub fn words(&self, kind: RegionKind) -> &[u32] {
        &self.words[kind as usize]
    }
}

/// The regions of one core of a population.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreImage {
    /// First neuron: its position in the population.
    pub first: u32,
    /// Number of neurons.
    pub n: u32,
    /// The regions.
    pub regions: Regions,
    /// Where the rows of each projection lie.
    pub rows: Vec<Rows>,
}

/// The rows of one projection on a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// Word of the region at which they begin.
    pub start: usize,
    /// How many: one for each sender.
    pub count: usize,
    /// Words of each after its three of header, padding included.
    pub length: usize,
}

impl Rows {
    /// The words of the region in which the synapses of a row lie.
    pub fn synapses(self, row: usize) -> Range<usize> {
        let start = self.start + row * (ROW_HEADER + self.length) + ROW_HEADER;
        start..start + self.length
    }
}

/// The cores of each population, none for spike sources. `keys` are those of the populations that something listens to.
///
/// # Errors
/// Bad data for a row beyond 256 synapses, a delay that does not fit beside the target, and where a sender has no key.
pub fn regions(network: &Quantised, keys: &[Option<Key>]) -> Result<Vec<Vec<CoreImage>>> {
    let of = |(k, population): (usize, &crate::spinnaker::QuantisedPopulation)| {
        let Some(cells) = &population.cells else { return Ok(Vec::new()) };
        let key = keys.get(k).copied().flatten();
        let longest = |p: &QuantisedProjection| p.synapses.iter().map(|s| u32::from(s.delay)).max();
        let longest = incoming(network, k as u32).filter_map(longest).max().unwrap_or(1);
        let shift = cells.shift.map(u32::from);
        // Sizes are those of the fullest core.
        let most = population.n.min(NEURONS_PER_CORE);
        let parameters = vec![most, 2, bits(most), 1, bits(longest), 0, LONGEST_ROW, shift[0], shift[1]];
        let Synapses { table, blocks, rows } = synapses(network, k as u32, keys)?;
        let cores = blocks.into_iter().zip((0..).step_by(NEURONS_PER_CORE as usize)).map(|(blocks, first)| {
            let n = (population.n - first).min(NEURONS_PER_CORE);
            let own = first..first + n;
            let core = core_parameters(own.clone(), most, key, shift);
            let neurons = neuron_parameters(cells, own, network.ts as u32);
            let regions = Regions { words: [core, neurons, parameters.clone(), table.clone(), blocks] };
            CoreImage { first, n, regions, rows: rows.clone() }
        });
        Ok(cores.collect())
    };
    network.populations.iter().enumerate().map(of).collect()
}

fn incoming(network: &Quantised, population: u32) -> impl Iterator<Item = &QuantisedProjection> {
    network.projections.iter().filter(move |p| p.post == population)
}

fn core_parameters(own: Range<u32>, most: u32, key: Option<Key>, shift: [u32; 2]) -> Vec<u32> {
    let mut words = vec![u32::from(key.is_some()), own.len() as u32, 1 << bits(most), COLOUR_BITS, 2, shift[0], shift[1]];
    words.extend(own.map(|i| key.map_or(0, |key| key.of(i, 0))));
    words
}

fn neuron_parameters(cells: &QuantisedCells, own: Range<u32>, ts: u32) -> Vec<u32> {
    let (raw, own) = (&cells.raw, own.start as usize..own.end as usize);
    let mut words = vec![1];
    let mut put = |value: i32| words.push(value as u32);
    for i in own.clone() {
        let membrane = [&raw.v_init, &raw.v_rest, &raw.cm, &raw.tau_m, &raw.i_offset, &raw.v_reset, &raw.tau_refrac];
        for column in membrane {
            put(column[i]);
        }
        put(0);
        put(ts as i32);
    }
    for i in own.clone() {
        match cells.kind {
            CellKind::CurrExp => {}
            CellKind::CurrDelta => put(ts as i32),
            CellKind::CondExp => [raw.e_rev_e[i], raw.e_rev_i[i]].into_iter().for_each(&mut put),
        }
    }
    raw.v_thresh[own.clone()].iter().copied().for_each(&mut put);
    for i in own {
        if cells.kind.decays() {
            // A time constant and its initial value for each receptor.
            [raw.tau_syn_e[i], 0, raw.tau_syn_i[i], 0, ts as i32].into_iter().for_each(&mut put);
        } else {
            [0, 0].into_iter().for_each(&mut put);
        }
    }
    words
}

/// What leads from a packet to its synapses.
struct Synapses {
    /// Population table, the same on every core.
    table: Vec<u32>,
    /// Rows of each core.
    blocks: Vec<Vec<u32>>,
    /// Where they lie, the same on every core.
    rows: Vec<Rows>,
}

fn synapses(network: &Quantised, population: u32, keys: &[Option<Key>]) -> Result<Synapses> {
    let post = &network.populations[population as usize];
    let mut blocks = vec![Vec::new(); post.n.div_ceil(NEURONS_PER_CORE) as usize];
    // (key of the sender, sender, address), one for each projection.
    let mut addresses: Vec<(Key, u32, u32)> = Vec::new();
    let mut layout = Vec::new();
    for projection in incoming(network, population) {
        let pre = &network.populations[projection.pre as usize];
        let place = || format!("{} -> {}", pre.label, post.label);
        let key = keys.get(projection.pre as usize).copied().flatten();
        let key = key.ok_or_else(|| UserError::bad_data("no-key", "the sending population has no routing key").key(place()))?;
        let rows = append(&mut blocks, projection, pre.n, post.n).map_err(|e| e.key(place()))?;
        let address = rows.map_or(NO_ROWS, |rows| (rows.length as u32 - 1) | ((rows.start / ALIGNMENT) as u32) << 8);
        addresses.push((key, projection.pre, address));
        layout.extend(rows);
    }
    for core in &mut blocks {
        core.extend([0; TAIL]);
    }

    if addresses.len() > MOST_ADDRESSES {
        return Err(UserError::bad_data("many-projections", "more projections than a population table numbers")
            .key(&post.label)
            .found(addresses.len().to_string())
            .expected(format!("at most {MOST_ADDRESSES}"))
            .mend("join the projections of each sender"));
    }
    addresses.sort_by_key(|(key, _, _)| key.base);
    let senders = addresses.chunk_by(|a, b| a.1 == b.1);
    let mut table = vec![senders.clone().count() as u32, addresses.len() as u32];
    let mask = !(zone(network, |k| keys.get(k).is_some_and(Option::is_some)) - 1);
    let mut start = 0;
    for sender in senders {
        let (key, pre, _) = sender[0];
        let (count, pre) = (sender.len() as u32, &network.populations[pre as usize]);
        // Spike sources stay on one core, whatever their number.
        let on_core = if pre.cells.is_some() { pre.n.min(NEURONS_PER_CORE) } else { pre.n };
        if on_core > MOST_SENDERS {
            return Err(UserError::bad_data("many-sources", "more spike sources than a population table counts")
                .key(&pre.label)
                .found(on_core.to_string())
                .expected(format!("at most {MOST_SENDERS}"))
                .mend("split them into several populations"));
        }
        let cores = pre.n.div_ceil(on_core.max(1));
        let core_mask = if cores > 1 { (1 << bits(cores)) - 1 } else { 0 };
        table.extend([key.base, mask, start | COLOUR_BITS << 13 | count << 16]);
        table.extend([core_mask | span(on_core).trailing_zeros() << 16, on_core | on_core.div_ceil(32) << 16]);
        start += count;
    }
    table.extend(addresses.iter().map(|(_, _, address)| address));
    Ok(Synapses { table, blocks, rows: layout })
}

/// Appends the rows of a projection to each core's; where they lie, unless there are none.
///
/// Rows are as long on every core as the longest on any, so that one address serves all; longer yet if the released mapper takes them
/// for longer.
fn append(blocks: &mut [Vec<u32>], projection: &QuantisedProjection, n_pre: u32, n_post: u32) -> Result<Option<Rows>> {
    let index_bits = bits(n_post.min(NEURONS_PER_CORE));
    let mut rows = vec![Vec::new(); blocks.len() * n_pre as usize];
    let receptor = u32::from(projection.receptor == Receptor::Inhibitory) << index_bits;
    for synapse in &projection.synapses {
        let delay = u32::from(synapse.delay) << (index_bits + 1);
        if delay > 0xffff {
            return Err(UserError::bad_data("long-delay", "a delay does not fit beside the target")
                .found(format!("{} steps", synapse.delay))
                .expected(format!("at most {}", 0xffff >> (index_bits + 1))));
        }
        let (core, target) = (synapse.post / NEURONS_PER_CORE, synapse.post % NEURONS_PER_CORE);
        let word = u32::from(synapse.weight) << 16 | delay | receptor | target;
        rows[core as usize * n_pre as usize + synapse.pre as usize].push(word);
    }
    let longest = rows.iter().map(Vec::len).max().unwrap_or(0).max(mappers_longest(projection, n_pre, blocks.len()));
    if longest == 0 {
        return Ok(None);
    }
    if longest > LONGEST_ROW as usize {
        return Err(UserError::bad_data("long-row", "too many synapses from one sender")
            .found(longest.to_string())
            .expected("at most 256")
            .mend("split the projection"));
    }
    let mut start = 0;
    for (core, rows) in blocks.iter_mut().zip(rows.chunks(n_pre.max(1) as usize)) {
        core.resize(core.len().next_multiple_of(ALIGNMENT), 0);
        start = core.len();
        for row in rows {
            let padded = core.len() + ROW_HEADER + longest;
            core.extend([0, row.len() as u32, 0]);
            core.extend(row);
            core.resize(padded, 0);
        }
    }
    Ok(Some(Rows { start, count: n_pre as usize, length: longest }))
}

/// The length that the released mapper finds for the longest row.
///
/// It means to group the list by sender and then by core of the receiver; but it cuts the list at the places where senders would change if
/// it were sorted. Of a list sorted by sender, or onto one core, that is the true length. Of another it may be too short: then the mapper
/// leaves out the synapses beyond it without a word, and our images, which have them all, differ from its.
fn mappers_longest(projection: &QuantisedProjection, n_pre: u32, cores: usize) -> usize {
    let mut counts = vec![0; n_pre as usize];
    for synapse in &projection.synapses {
        counts[synapse.pre as usize] += 1;
    }
    let (mut longest, mut rest) = (0, projection.synapses.as_slice());
    for count in counts {
        let (group, after) = rest.split_at(count);
        let mut on_core = vec![0; cores];
        for synapse in group {
            on_core[(synapse.post / NEURONS_PER_CORE) as usize] += 1;
        }
        longest = on_core.into_iter().max().unwrap_or(0).max(longest);
        rest = after;
    }
    longest
}
