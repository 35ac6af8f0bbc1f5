//! Who is connected to whom, and where each effective parameter stands.

use std::ops::Range;

use kenyon_base::{Result, UserError};

use super::presynaptic::Presynaptic;

/// Pattern of a sparse matrix, row by row: row = sender, column = receiver. Values stand elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Csr {
    /// Number of rows.
    pub rows: usize,
    /// Start of each row in `col`, and the end of the last: `rows + 1` entries.
    pub row_ptr: Vec<u32>,
    /// Column of each stored entry.
    pub col: Vec<u32>,
}

impl Csr {
    /// A pattern without entries.
    pub fn empty(rows: usize) -> Self {
        Self { rows, row_ptr: vec![0; rows + 1], col: Vec::new() }
    }

    /// The pattern of pairs that are sorted by row.
    ///
    /// # Errors
    /// If the pairs are not sorted by row or a row is out of range.
    pub fn from_sorted(rows: usize, pairs: impl IntoIterator<Item = (u32, u32)>) -> Result<Self> {
        let (mut row_ptr, mut col) = (Vec::with_capacity(rows + 1), Vec::new());
        for (row, column) in pairs {
            if row as usize >= rows || ((row as usize) + 1) < row_ptr.len() {
                return Err(UserError::bad_data("bad-wiring", "synapses are not sorted by sender, or a sender is out of range")
                    .found(row.to_string())
                    .expected(format!("senders from 0 to {}, in ascending order", rows.saturating_sub(1)))
                    .mend("sort the synapses by sender"));
            }
            row_ptr.resize(row as usize + 1, col.len() as u32);
            col.push(column);
        }
        row_ptr.resize(rows + 1, col.len() as u32);
        Ok(Self { rows, row_ptr, col })
    }

    /// The pattern of the non-zero entries of a dense row-major matrix.
    pub fn from_dense(rows: usize, columns: usize, is_set: impl Fn(usize) -> bool) -> Self {
        let (mut row_ptr, mut col) = (vec![0], Vec::new());
        for row in 0..rows {
            col.extend((0..columns).filter(|c| is_set(row * columns + c)).map(|c| c as u32));
            row_ptr.push(col.len() as u32);
        }
        Self { rows, row_ptr, col }
    }

    /// Number of stored entries.
    pub fn nnz(&self) -> usize {
        self.col.len()
    }

    /// Stored entries of one row.
    #[inline(always)]
    pub fn row(&self, row: usize) -> Range<usize> {
        self.row_ptr[row] as usize..self.row_ptr[row + 1] as usize
    }

    /// Row of every stored entry.
    pub fn row_of_entry(&self) -> Vec<u32> {
        (0..self.rows).flat_map(|row| self.row(row).map(move |_| row as u32)).collect()
    }

    pub(super) fn check(&self, name: &str, rows: usize, columns: usize) -> Result<()> {
        let sound = self.rows == rows
            && self.row_ptr.len() == rows + 1
            && self.row_ptr[0] == 0
            && self.row_ptr.is_sorted()
            && self.row_ptr[rows] as usize == self.col.len();
        if !sound {
            return Err(UserError::bad_data("bad-wiring", format!("the rows of `{name}` do not fit together"))
                .found(format!("{} rows, {} entries", self.rows, self.col.len()))
                .expected(format!("{rows} rows with ascending starts"))
                .mend("build the circuit again"));
        }
        match self.col.iter().find(|c| **c as usize >= columns) {
            None => Ok(()),
            Some(c) => Err(out_of_range(name, *c as usize, columns)),
        }
    }
}

fn out_of_range(name: &str, found: usize, limit: usize) -> UserError {
    UserError::bad_data("bad-wiring", format!("`{name}` names what the network lacks"))
        .found(found.to_string())
        .expected(format!("indices below {limit}"))
        .mend("build the circuit again")
}

/// The connections of a network: M inputs, N neurons, C outputs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Topology {
    /// Inputs, M.
    pub inputs: usize,
    /// Neurons, N.
    pub neurons: usize,
    /// Outputs, C.
    pub outputs: usize,
    /// The neurons that the dense readout `W2` [K, C] reads, in the order of its rows.
    pub readout: Vec<u32>,
    /// Inputs to neurons, M rows.
    pub w1: Csr,
    /// Neurons to neurons, N rows.
    pub v: Csr,
    /// Synaptic channels: states `syn` with a decay of their own; the membrane sees their sum.
    pub channels: usize,
    /// Channel of each input, M entries; empty: all 0.
    pub channel_of_input: Vec<u16>,
    /// Channel of each neuron as sender, N entries; empty: all 0.
    pub channel_of_neuron: Vec<u16>,
    /// Extra axonal delay of each neuron in steps, N entries; `None`: 0.
    pub delay: Option<Vec<u16>>,
    /// Neurons that scale down what input spikes do; `None`: input spikes always count in full.
    pub presynaptic: Option<Presynaptic>,
}

impl Topology {
    /// A network with one channel and no extra delays, read out from all neurons.
    pub fn new(inputs: usize, neurons: usize, outputs: usize, w1: Csr, v: Csr) -> Self {
        let readout = (0..neurons as u32).collect();
        Self { inputs, neurons, outputs, readout, w1, v, channels: 1, ..Self::default() }
    }

    /// Checks that every index is in range and every list has its length.
    pub(crate) fn check(&self) -> Result<()> {
        self.w1.check("w1", self.inputs, self.neurons)?;
        self.v.check("v", self.neurons, self.neurons)?;
        if let Some(presynaptic) = &self.presynaptic {
            presynaptic.check(self.inputs, self.neurons)?;
        }
        let count = |name: &str, found: usize, expected: usize| {
            if found == 0 || found == expected {
                return Ok(());
            }
            Err(UserError::bad_data("bad-wiring", format!("`{name}` has the wrong length"))
                .found(found.to_string())
                .expected(expected.to_string())
                .mend("give one entry for each neuron"))
        };
        count("channel_of_input", self.channel_of_input.len(), self.inputs)?;
        count("channel_of_neuron", self.channel_of_neuron.len(), self.neurons)?;
        count("delay", self.delay.as_ref().map_or(0, Vec::len), self.neurons)?;
        for (name, channels) in [("channel_of_input", &self.channel_of_input), ("channel_of_neuron", &self.channel_of_neuron)] {
            if let Some(c) = channels.iter().find(|c| usize::from(**c) >= self.channels) {
                return Err(out_of_range(name, usize::from(*c), self.channels));
            }
        }
        if self.channels == 0 {
            return Err(out_of_range("channel", 0, 0));
        }
        let mut seen = vec![false; self.neurons];
        for neuron in &self.readout {
            match seen.get_mut(*neuron as usize) {
                None => return Err(out_of_range("readout", *neuron as usize, self.neurons)),
                Some(true) => {
                    return Err(UserError::bad_data("bad-wiring", "a neuron is read out twice")
                        .found(neuron.to_string())
                        .mend("name each neuron of the readout once"));
                }
                Some(seen) => *seen = true,
            }
        }
        Ok(())
    }
}

/// A named part of the flat vector of effective parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// Bias of each neuron, subtracted from the synaptic variable: N.
    IC,
    /// Share of the way to its drive that a potential goes in a step, 1 - beta (LIF, non-spiking) or dt / tau (LIF2, QIF): N.
    Rise,
    /// What each synaptic channel loses in a step, 1 - alpha.
    SynLoss,
    /// Threshold of each neuron: N.
    Threshold,
    /// Reset (and first) potential of each neuron: N.
    Reset,
    /// What the readout's synapse loses in a step: 1.
    OutSynLoss,
    /// Share of the way that the readout's membrane goes in a step: 1.
    OutRise,
    /// Values of W1, in the order of its pattern.
    W1,
    /// Values of V, in the order of its pattern.
    V,
}

impl Segment {
    /// All segments in their order.
    pub const ALL: [Self; 9] =
        [Self::IC, Self::Rise, Self::SynLoss, Self::Threshold, Self::Reset, Self::OutSynLoss, Self::OutRise, Self::W1, Self::V];

    /// Name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IC => "i_c",
            Self::Rise => "rise",
            Self::SynLoss => "syn_loss",
            Self::Threshold => "threshold",
            Self::Reset => "reset",
            Self::OutSynLoss => "out_syn_loss",
            Self::OutRise => "out_rise",
            Self::W1 => "w1",
            Self::V => "v",
        }
    }
}

/// Where each segment stands in the flat vector of effective parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    starts: [usize; 10],
}

impl Layout {
    /// The layout of a network.
    pub fn of(topology: &Topology) -> Self {
        let n = topology.neurons;
        let lengths = [n, n, topology.channels, n, n, 1, 1, topology.w1.nnz(), topology.v.nnz()];
        let mut starts = [0; 10];
        for (i, length) in lengths.into_iter().enumerate() {
            starts[i + 1] = starts[i] + length;
        }
        Self { starts }
    }

    /// Positions of one segment.
    pub fn range(&self, segment: Segment) -> Range<usize> {
        let i = segment as usize;
        self.starts[i]..self.starts[i + 1]
    }

    /// Length of the flat vector.
    pub fn len(&self) -> usize {
        self.starts[9]
    }

    /// Whether there is no parameter at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
