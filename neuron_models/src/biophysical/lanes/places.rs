//! Walking over the instances of a mechanism, several numbers at a time.
//!
//! States lie instance by instance, lane by lane: `index = instance * lanes + lane`. For one cell (`lanes = 1`) a chunk is
//! [`CHUNK`] instances at nodes of their own (of a few, one after the other), for a batch it is [`CHUNK`] cells of one instance. A [`Kernel`] is written once,
//! over [`Walk`], and runs on the best instruction set there is.

use pulp::{Arch, Simd, WithSimd};

use super::{Lanes, Real};

/// Numbers in a chunk; the cells of a batch are a multiple of it.
pub const CHUNK: usize = 8;

/// So many instances of a single cell do not make a chunk: what fills it up would cost more than it helps.
const FEW: usize = 2;

/// The nodes of a mechanism's instances.
#[derive(Debug, Clone)]
pub struct Places {
    /// One per instance; for a single cell filled up to whole chunks with the last.
    nodes: Vec<u32>,
    /// For a single cell, per chunk: its first node if the nodes follow each other.
    runs: Vec<Option<u32>>,
    count: usize,
    lanes: usize,
}

impl Places {
    /// Instances at these nodes, in `lanes` cells.
    ///
    /// # Panics
    /// If `lanes` is neither 1 nor a multiple of [`CHUNK`].
    pub fn new(nodes: impl IntoIterator<Item = u32>, lanes: usize) -> Self {
        assert!(lanes == 1 || lanes > 0 && lanes.is_multiple_of(CHUNK), "a batch is filled up to whole chunks");
        let mut nodes: Vec<u32> = nodes.into_iter().collect();
        let count = nodes.len();
        let mut runs = Vec::new();
        if lanes == 1
            && let Some(&last) = nodes.last()
        {
            nodes.resize(count.next_multiple_of(CHUNK), last);
            let whole = count / CHUNK;
            runs = nodes
                .as_chunks::<CHUNK>()
                .0
                .iter()
                .enumerate()
                .map(|(c, chunk)| (c < whole && chunk.windows(2).all(|w| w[1] == w[0] + 1)).then_some(chunk[0]))
                .collect();
        }
        Self { nodes, runs, count, lanes }
    }

    /// How many instances there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether they are so few, of a single cell, that a chunk is one of them.
    pub fn are_few(&self) -> bool {
        self.lanes == 1 && self.count <= FEW
    }

    /// How many cells there are.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// The node of each instance.
    pub fn nodes(&self) -> &[u32] {
        &self.nodes[..self.count]
    }

    /// Places for one state of every instance in every cell, with what fills up the last chunk.
    pub fn state_len(&self) -> usize {
        self.nodes.len() * self.lanes
    }

    /// The states that belong to an instance, without what fills up.
    pub fn own<'a>(&self, states: &'a [f64]) -> &'a [f64] {
        &states[..self.count * self.lanes]
    }

    /// Where a state of `instance` lies for the cell `lane`.
    pub fn index(&self, instance: usize, lane: usize) -> usize {
        debug_assert!(instance < self.count && lane < self.lanes);
        instance * self.lanes + lane
    }

    /// Where the value of `instance`'s node lies for the cell `lane`.
    pub fn node_index(&self, instance: usize, lane: usize) -> usize {
        self.nodes[instance] as usize * self.lanes + lane
    }

    /// A parameter of every instance, zero in what fills up.
    pub fn parameter(&self, values: impl IntoIterator<Item = f64>) -> Vec<f64> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.resize(self.nodes.len(), 0.0);
        values
    }

    /// Runs `kernel` over all instances, compiled for `arch`.
    pub fn run(&self, arch: Arch, kernel: impl Kernel) {
        arch.dispatch(Run { places: self, kernel });
    }
}

struct Run<'a, K> {
    places: &'a Places,
    kernel: K,
}

impl<K: Kernel> WithSimd for Run<'_, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if self.places.are_few() {
            self.kernel.run(Few { places: self.places });
        } else if self.places.lanes == 1 {
            self.kernel.run(OneCell { places: self.places });
        } else {
            self.kernel.run(Batch { places: self.places });
        }
    }
}

/// What is done to every chunk of instances; `run` is inlined into each instruction set's code.
pub trait Kernel {
    /// Goes over `walk`'s chunks. To be marked `#[inline(always)]`.
    fn run<W: Walk>(self, walk: W);
}

/// The chunks of one cell or of a batch.
pub trait Walk: Copy {
    /// The numbers of one chunk.
    type V: Real;

    /// Chunks there are: groups of instances times groups of cells.
    fn extent(self) -> (usize, usize);
    /// Where the states of a chunk begin.
    fn state(self, outer: usize, inner: usize) -> usize;
    /// A parameter of the instances, the same in all cells.
    fn parameter(self, outer: usize, values: &[f64]) -> Self::V;
    /// A quantity of the nodes.
    fn read(self, outer: usize, inner: usize, nodes: &[f64]) -> Self::V;
    /// Sets a quantity of the nodes; instances that share a node set it one after the other.
    fn write(self, outer: usize, inner: usize, nodes: &mut [f64], x: Self::V);
    /// Adds to a quantity of the nodes.
    fn add(self, outer: usize, inner: usize, nodes: &mut [f64], x: Self::V);
}

/// A chunk is one instance of one cell.
#[derive(Clone, Copy)]
struct Few<'a> {
    places: &'a Places,
}

impl Walk for Few<'_> {
    type V = f64;

    #[inline(always)]
    fn extent(self) -> (usize, usize) {
        (self.places.count, 1)
    }

    #[inline(always)]
    fn state(self, outer: usize, _: usize) -> usize {
        outer
    }

    #[inline(always)]
    fn parameter(self, outer: usize, values: &[f64]) -> f64 {
        values[outer]
    }

    #[inline(always)]
    fn read(self, outer: usize, _: usize, nodes: &[f64]) -> f64 {
        nodes[self.places.nodes[outer] as usize]
    }

    #[inline(always)]
    fn write(self, outer: usize, _: usize, nodes: &mut [f64], x: f64) {
        nodes[self.places.nodes[outer] as usize] = x;
    }

    #[inline(always)]
    fn add(self, outer: usize, _: usize, nodes: &mut [f64], x: f64) {
        nodes[self.places.nodes[outer] as usize] += x;
    }
}

/// A chunk is several instances of one cell.
#[derive(Clone, Copy)]
struct OneCell<'a> {
    places: &'a Places,
}

impl Walk for OneCell<'_> {
    type V = Lanes<CHUNK>;

    #[inline(always)]
    fn extent(self) -> (usize, usize) {
        (self.places.runs.len(), 1)
    }

    #[inline(always)]
    fn state(self, outer: usize, _: usize) -> usize {
        outer * CHUNK
    }

    #[inline(always)]
    fn parameter(self, outer: usize, values: &[f64]) -> Self::V {
        Lanes::load(&values[outer * CHUNK..])
    }

    #[inline(always)]
    fn read(self, outer: usize, _: usize, nodes: &[f64]) -> Self::V {
        if let Some(first) = self.places.runs[outer] {
            Lanes::load(&nodes[first as usize..])
        } else {
            let at = &self.places.nodes[outer * CHUNK..][..CHUNK];
            Lanes::from_fn(|i| nodes[at[i] as usize])
        }
    }

    #[inline(always)]
    fn write(self, outer: usize, _: usize, nodes: &mut [f64], x: Self::V) {
        let first = outer * CHUNK;
        for (&node, &x) in self.places.nodes[first..self.places.count.min(first + CHUNK)].iter().zip(&x.0) {
            nodes[node as usize] = x;
        }
    }

    #[inline(always)]
    fn add(self, outer: usize, _: usize, nodes: &mut [f64], x: Self::V) {
        if let Some(first) = self.places.runs[outer] {
            let to = &mut nodes[first as usize..][..CHUNK];
            (Lanes::<CHUNK>::load(to) + x).store(to);
        } else {
            let first = outer * CHUNK;
            // One after the other: instances may share a node.
            for (&node, &x) in self.places.nodes[first..self.places.count.min(first + CHUNK)].iter().zip(&x.0) {
                nodes[node as usize] += x;
            }
        }
    }
}

/// A chunk is one instance in several cells.
#[derive(Clone, Copy)]
struct Batch<'a> {
    places: &'a Places,
}

impl Batch<'_> {
    #[inline(always)]
    fn node(self, outer: usize, inner: usize) -> usize {
        self.places.nodes[outer] as usize * self.places.lanes + inner * CHUNK
    }
}

impl Walk for Batch<'_> {
    type V = Lanes<CHUNK>;

    #[inline(always)]
    fn extent(self) -> (usize, usize) {
        (self.places.count, self.places.lanes / CHUNK)
    }

    #[inline(always)]
    fn state(self, outer: usize, inner: usize) -> usize {
        outer * self.places.lanes + inner * CHUNK
    }

    #[inline(always)]
    fn parameter(self, outer: usize, values: &[f64]) -> Self::V {
        Lanes::splat(values[outer])
    }

    #[inline(always)]
    fn read(self, outer: usize, inner: usize, nodes: &[f64]) -> Self::V {
        Lanes::load(&nodes[self.node(outer, inner)..])
    }

    #[inline(always)]
    fn write(self, outer: usize, inner: usize, nodes: &mut [f64], x: Self::V) {
        x.store(&mut nodes[self.node(outer, inner)..]);
    }

    #[inline(always)]
    fn add(self, outer: usize, inner: usize, nodes: &mut [f64], x: Self::V) {
        let to = &mut nodes[self.node(outer, inner)..][..CHUNK];
        (Lanes::<CHUNK>::load(to) + x).store(to);
    }
}
