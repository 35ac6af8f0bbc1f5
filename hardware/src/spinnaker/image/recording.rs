//! What a core writes during a run, and where to find it.
//!
//! Header: number of channels, then (bytes of space, bytes used, address) of each. Channels 0 V, 1 and 2 synaptic variables: every step
//! its number and a raw word for each neuron. Channel 3 spikes: the step's number and a bit for each neuron, of steps with spikes only.

use crate::messages::MessageError;

/// Channels, in the order of their numbers.
pub const CHANNELS: [&str; 4] = ["v", "gsyn_exc", "gsyn_inh", "spikes"];

/// Counters of a core's synapses in its provenance, in their order.
pub const SYNAPSE_COUNTERS: [&str; 10] = [
    "pre-synaptic events",
    "ring-buffer saturations",
    "plastic saturations",
    "ghost searches",
    "failed bit-field reads",
    "invalid table hits",
    "filtered",
    "skipped synapses",
    "late spikes",
    "largest lateness",
];

/// Where a channel's data lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Channel {
    /// Bytes of space.
    pub space: u32,
    /// Bytes used.
    pub used: u32,
    /// Address of the first.
    pub address: u32,
}

/// Words of the header.
pub fn encode_header(channels: &[Channel]) -> Vec<u32> {
    let mut words = vec![channels.len() as u32];
    words.extend(channels.iter().flat_map(|c| [c.space, c.used, c.address]));
    words
}

/// The channels of a header; words beyond it are not looked at.
///
/// # Errors
/// [`MessageError::Truncated`] if it ends early; [`MessageError::Malformed`] if more is used than there is space.
pub fn decode_header(words: &[u32]) -> Result<Vec<Channel>, MessageError> {
    let cut = |needed: usize| MessageError::Truncated { field: "recording channel", needed: 4 * needed, found: 4 * words.len() };
    let (count, rest) = words.split_first().ok_or(cut(1))?;
    let needed = *count as usize * 3;
    let rest = rest.get(..needed).ok_or(cut(1 + needed))?;
    let channels = rest.chunks_exact(3).map(|c| Channel { space: c[0], used: c[1], address: c[2] });
    let channels: Vec<Channel> = channels.collect();
    if channels.iter().any(|c| c.used > c.space) {
        return Err(MessageError::Malformed { message: "header of a recording" });
    }
    Ok(channels)
}

/// Recorded values of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The step.
    pub step: u32,
    /// A raw value for each neuron.
    pub values: Vec<i32>,
}

/// Words of channels 0 to 2.
pub fn encode_rows(rows: &[Row]) -> Vec<u32> {
    rows.iter().flat_map(|row| std::iter::once(row.step).chain(row.values.iter().map(|v| *v as u32))).collect()
}

/// The rows of `n` neurons.
///
/// # Errors
/// [`MessageError::Truncated`] if the last row is cut.
pub fn decode_rows(words: &[u32], n: usize) -> Result<Vec<Row>, MessageError> {
    whole_records(words, 1 + n)?;
    let row = |record: &[u32]| Row { step: record[0], values: record[1..].iter().map(|w| *w as i32).collect() };
    Ok(words.chunks_exact(1 + n).map(row).collect())
}

/// Words of channel 3 for spikes (step, neuron), sorted, of `n` neurons.
///
/// # Errors
/// [`MessageError::OutOfRange`] for a neuron beyond n; [`MessageError::Malformed`] if they are not sorted.
pub fn encode_spikes(spikes: &[(u32, u32)], n: u32) -> Result<Vec<u32>, MessageError> {
    if !spikes.is_sorted() {
        return Err(MessageError::Malformed { message: "spikes" });
    }
    let mut words = Vec::new();
    for step in spikes.chunk_by(|a, b| a.0 == b.0) {
        words.push(step[0].0);
        let bits = words.len();
        words.resize(bits + n.div_ceil(32) as usize, 0);
        for (_, neuron) in step {
            if *neuron >= n {
                return Err(MessageError::OutOfRange {
                    field: "neuron",
                    value: u64::from(*neuron),
                    largest: u64::from(n.saturating_sub(1)),
                });
            }
            words[bits + (neuron >> 5) as usize] |= 1 << (neuron & 31);
        }
    }
    Ok(words)
}

/// The spikes (step, neuron) of `n` neurons, sorted as recorded.
///
/// # Errors
/// [`MessageError::Truncated`] if the last step is cut; [`MessageError::Malformed`] for bits beyond n.
pub fn decode_spikes(words: &[u32], n: u32) -> Result<Vec<(u32, u32)>, MessageError> {
    let record = 1 + n.div_ceil(32) as usize;
    whole_records(words, record)?;
    let mut spikes = Vec::new();
    for step in words.chunks_exact(record) {
        for (k, word) in (0u32..).zip(&step[1..]) {
            for bit in (0..32).filter(|bit| word >> bit & 1 == 1) {
                if 32 * k + bit >= n {
                    return Err(MessageError::Malformed { message: "recorded spikes" });
                }
                spikes.push((step[0], 32 * k + bit));
            }
        }
    }
    Ok(spikes)
}

fn whole_records(words: &[u32], record: usize) -> Result<(), MessageError> {
    let needed = 4 * words.len().next_multiple_of(record);
    if 4 * words.len() == needed {
        return Ok(());
    }
    Err(MessageError::Truncated { field: "recorded step", needed, found: 4 * words.len() })
}
