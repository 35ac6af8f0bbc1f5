//! The regions of a core.
//!
//! * Core parameters: whether it sends, n, n rounded up to a power of two, colour bits, number of receptors, shifts, a key per neuron.
//! * Neuron parameters: per neuron initial potential and membrane parameters; then what the kind adds; thresholds; synapses.
//! * Synapse parameters: sizes of the ring buffers, shifts.
//! * Population table: senders by key, and where their rows lie.
//! * Rows: per projection and sender the synapses as `weight << 16 | delay | receptor | target`.

use kenyon_base::{Result, UserError};

use super::bits;
use super::keys::{COLOUR_BITS, Key, span, zone};
use crate::deployment::{CellKind, Receptor};
use crate::spinnaker::quantise::NEURONS_PER_CORE;
use crate::spinnaker::{Quantised, QuantisedCells, QuantisedProjection};

/// Words before the synapses of a row: plastic words, synapses, plastic synapses.
const ROW_HEADER: usize = 3;
/// Words after the last row.
const TAIL: usize = 4;
/// Address of a projection without synapses.
const NO_ROWS: u32 = 0xff_ffff << 8;
/// Most synapses of a row.
const LONGEST_ROW: usize = 256;
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

/// The regions of each population; none for spike sources. `keys` are those of the populations that something listens to.
///
/// # Errors
/// Bad data for a population beyond 256 neurons, a row beyond 256 synapses, a delay that does not fit beside the target, and where
/// a sender has no key.
pub fn regions(network: &Quantised, keys: &[Option<Key>]) -> Result<Vec<Option<Regions>>> {
    let of = |(k, population): (usize, &crate::spinnaker::QuantisedPopulation)| {
        let Some(cells) = &population.cells else { return Ok(None) };
        let n = population.n;
        if n > NEURONS_PER_CORE {
            return Err(UserError::bad_data("several-cores", "images are made for populations of one core only")
                .key(&population.label)
                .found(format!("{n} neurons"))
                .expected("at most 256"));
        }
        let key = keys.get(k).copied().flatten();
        let (table, blocks) = rows(network, k as u32, n, keys)?;
        let longest = |p: &QuantisedProjection| p.synapses.iter().map(|s| u32::from(s.delay)).max();
        let longest = incoming(network, k as u32).filter_map(longest).max().unwrap_or(1);
        let shift = cells.shift.map(u32::from);
        let synapses = vec![n, 2, bits(n), 1, bits(longest), 0, LONGEST_ROW as u32, shift[0], shift[1]];
        let words = [core_parameters(n, key, shift), neuron_parameters(cells, network.ts as u32), synapses, table, blocks];
        Ok(Some(Regions { words }))
    };
    network.populations.iter().enumerate().map(of).collect()
}

fn incoming(network: &Quantised, population: u32) -> impl Iterator<Item = &QuantisedProjection> {
    network.projections.iter().filter(move |p| p.post == population)
}

fn core_parameters(n: u32, key: Option<Key>, shift: [u32; 2]) -> Vec<u32> {
    let mut words = vec![u32::from(key.is_some()), n, 1 << bits(n), COLOUR_BITS, 2, shift[0], shift[1]];
    words.extend((0..n).map(|i| key.map_or(0, |key| key.of(i, 0))));
    words
}

fn neuron_parameters(cells: &QuantisedCells, ts: u32) -> Vec<u32> {
    let (raw, n) = (&cells.raw, cells.raw.len());
    let mut words = vec![1];
    let mut put = |value: i32| words.push(value as u32);
    for i in 0..n {
        let membrane = [&raw.v_init, &raw.v_rest, &raw.cm, &raw.tau_m, &raw.i_offset, &raw.v_reset, &raw.tau_refrac];
        membrane.into_iter().for_each(|column| put(column[i]));
        put(0);
        put(ts as i32);
    }
    for i in 0..n {
        match cells.kind {
            CellKind::CurrExp => {}
            CellKind::CurrDelta => put(ts as i32),
            CellKind::CondExp => [raw.e_rev_e[i], raw.e_rev_i[i]].into_iter().for_each(&mut put),
        }
    }
    raw.v_thresh.iter().copied().for_each(&mut put);
    for i in 0..n {
        if cells.kind.decays() {
            // A time constant and its initial value for each receptor.
            [raw.tau_syn_e[i], 0, raw.tau_syn_i[i], 0, ts as i32].into_iter().for_each(&mut put);
        } else {
            [0, 0].into_iter().for_each(&mut put);
        }
    }
    words
}

/// Population table and rows.
fn rows(network: &Quantised, population: u32, n: u32, keys: &[Option<Key>]) -> Result<(Vec<u32>, Vec<u32>)> {
    let mut blocks = Vec::new();
    // (key of the sender, sender, address), one for each projection.
    let mut addresses: Vec<(Key, u32, u32)> = Vec::new();
    for projection in incoming(network, population) {
        let pre = projection.pre;
        let place =
            || format!("{} -> {}", network.populations[pre as usize].label, network.populations[population as usize].label);
        let key = keys.get(pre as usize).copied().flatten();
        let key = key.ok_or_else(|| UserError::bad_data("no-key", "the sending population has no routing key").key(place()))?;
        let address = append(&mut blocks, projection, network.populations[pre as usize].n, n).map_err(|e| e.key(place()))?;
        addresses.push((key, pre, address));
    }
    blocks.extend([0; TAIL]);

    addresses.sort_by_key(|(key, _, _)| key.base);
    let senders = addresses.chunk_by(|a, b| a.1 == b.1);
    let mut table = vec![senders.clone().count() as u32, addresses.len() as u32];
    let mask = !(zone(network) - 1);
    let mut start = 0;
    for sender in senders {
        let (key, pre, _) = sender[0];
        let (count, n_pre) = (sender.len() as u32, network.populations[pre as usize].n);
        let core_mask = 0;
        let mask_shift = span(n_pre).trailing_zeros();
        table.extend([key.base, mask, start | COLOUR_BITS << 13 | count << 16]);
        table.extend([core_mask | mask_shift << 16, n_pre | n_pre.div_ceil(32) << 16]);
        start += count;
    }
    table.extend(addresses.iter().map(|(_, _, address)| address));
    Ok((table, blocks))
}

/// Appends the rows of a projection; their address in the population table.
fn append(blocks: &mut Vec<u32>, projection: &QuantisedProjection, n_pre: u32, n: u32) -> Result<u32> {
    let mut rows = vec![Vec::new(); n_pre as usize];
    let receptor = u32::from(projection.receptor == Receptor::Inhibitory) << bits(n);
    let delay_at = bits(n) + 1;
    for synapse in &projection.synapses {
        let delay = u32::from(synapse.delay) << delay_at;
        if delay > 0xffff {
            return Err(UserError::bad_data("long-delay", "a delay does not fit beside the target")
                .found(format!("{} steps", synapse.delay))
                .expected(format!("at most {}", 0xffff >> delay_at)));
        }
        rows[synapse.pre as usize].push(u32::from(synapse.weight) << 16 | delay | receptor | synapse.post);
    }
    let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
    if longest == 0 {
        return Ok(NO_ROWS);
    }
    if longest > LONGEST_ROW {
        return Err(UserError::bad_data("long-row", "too many synapses from one sender")
            .found(longest.to_string())
            .expected("at most 256")
            .mend("split the projection"));
    }
    blocks.resize(blocks.len().next_multiple_of(ALIGNMENT), 0);
    let offset = (blocks.len() / ALIGNMENT) as u32;
    for row in rows {
        let padded = blocks.len() + ROW_HEADER + longest;
        blocks.extend([0, row.len() as u32, 0]);
        blocks.extend(row);
        blocks.resize(padded, 0);
    }
    Ok((longest as u32 - 1) | offset << 8)
}
