//! The edge table of a circuit: directed, weighted, sorted, without duplicates.
//!
//! Null models and influence work on this table alone; names, types and sides of neurons stay outside.

use kenyon_base::{Result, UserError};

/// Directed weighted edges between `neurons` neurons, sorted by (pre, post), without duplicates.
///
/// The four columns have one entry per edge. Weights are whole synapse counts: an edge has at least one synapse.
///
/// # Example
/// ```
/// use kenyon_connectome::edges::Edges;
///
/// let edges = Edges::from_triples(3, &[(1, 2, 5), (0, 1, 7)]);
/// edges.validate()?;
/// assert_eq!(edges.pre, [0, 1]);
/// assert_eq!(edges.out_degrees(), [1, 1, 0]);
/// # Ok::<(), kenyon_base::UserError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edges {
    /// Number of neurons; every endpoint is below it.
    pub neurons: u32,
    /// Presynaptic neuron of each edge.
    pub pre: Vec<u32>,
    /// Postsynaptic neuron of each edge.
    pub post: Vec<u32>,
    /// Synapses of each edge.
    pub syn_count: Vec<u32>,
    /// Whether the edge was generated rather than measured; travels with the synapse count.
    pub synthetic: Vec<bool>,
}

impl Edges {
    /// No edges between `neurons` neurons.
    pub fn new(neurons: u32) -> Self {
        Self { neurons, ..Self::default() }
    }

    /// Measured edges from (pre, post, synapses), in any order; sorted here, not validated.
    pub fn from_triples(neurons: u32, triples: &[(u32, u32, u32)]) -> Self {
        let mut edges = Self {
            neurons,
            pre: triples.iter().map(|t| t.0).collect(),
            post: triples.iter().map(|t| t.1).collect(),
            syn_count: triples.iter().map(|t| t.2).collect(),
            synthetic: vec![false; triples.len()],
        };
        edges.pack_order();
        edges
    }

    /// Number of edges.
    pub fn len(&self) -> usize {
        self.pre.len()
    }

    /// Whether there are no edges.
    pub fn is_empty(&self) -> bool {
        self.pre.is_empty()
    }

    /// (pre, post, synapses) of each edge, in order.
    pub fn triples(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        self.pre.iter().zip(&self.post).zip(&self.syn_count).map(|((&pre, &post), &count)| (pre, post, count))
    }

    /// Number of edges from a neuron to itself.
    pub fn self_loops(&self) -> usize {
        self.pre.iter().zip(&self.post).filter(|(pre, post)| pre == post).count()
    }

    /// Checks everything this type promises: lengths, endpoints, counts, order, no duplicates. Linear in the edges.
    ///
    /// # Errors
    /// Bad data with code `edge-lengths`, `edge-endpoint`, `edge-count`, `edge-order` or `duplicate-edge`.
    pub fn validate(&self) -> Result<()> {
        let len = self.pre.len();
        if self.post.len() != len || self.syn_count.len() != len || self.synthetic.len() != len {
            let found = format!("{len}, {}, {}, {}", self.post.len(), self.syn_count.len(), self.synthetic.len());
            return Err(UserError::bad_data("edge-lengths", "the columns of the edge table differ in length")
                .found(found)
                .expected("four equal lengths (pre, post, syn_count, synthetic)"));
        }
        if u32::try_from(len).is_err() {
            return Err(UserError::bad_data("edge-lengths", "too many edges")
                .found(len.to_string())
                .expected("at most 2^32 - 1"));
        }
        let mut last = None;
        for (row, (pre, post, count)) in self.triples().enumerate() {
            let row = row as u64 + 1;
            if pre >= self.neurons || post >= self.neurons {
                return Err(UserError::bad_data("edge-endpoint", "an edge ends outside the circuit")
                    .row(row)
                    .found(format!("{pre} -> {post}"))
                    .expected(format!("neurons below {}", self.neurons)));
            }
            if count == 0 {
                return Err(UserError::bad_data("edge-count", "an edge without synapses")
                    .row(row)
                    .column("syn_count")
                    .found("0")
                    .expected("at least 1"));
            }
            if last == Some((pre, post)) {
                return Err(UserError::bad_data("duplicate-edge", "an edge occurs twice")
                    .row(row)
                    .found(format!("{pre} -> {post}"))
                    .expected("one row per pair")
                    .mend("sum the rows of the pair first"));
            }
            if last.is_some_and(|before| before > (pre, post)) {
                return Err(UserError::bad_data("edge-order", "the edges are not sorted")
                    .row(row)
                    .found(format!("{pre} -> {post}"))
                    .expected("order by (pre, post)")
                    .mend("call `sort` first"));
            }
            last = Some((pre, post));
        }
        Ok(())
    }

    /// Sorts by (pre, post); equal pairs keep their order. Two counting sorts: linear in edges and neurons.
    ///
    /// # Errors
    /// Bad data if the columns differ in length or an endpoint is outside the circuit; nothing is moved then.
    pub fn sort(&mut self) -> Result<()> {
        let len = self.pre.len();
        let outside = self.pre.iter().chain(&self.post).any(|&neuron| neuron >= self.neurons);
        if outside || self.post.len() != len || self.syn_count.len() != len || self.synthetic.len() != len {
            return self.validate();
        }
        self.pack_order();
        Ok(())
    }

    /// The sort itself; columns are equally long. An endpoint outside the circuit is sorted too, for `validate` to name.
    fn pack_order(&mut self) {
        let mut order: Vec<u32> = (0..self.pre.len() as u32).collect();
        if self.pre.iter().chain(&self.post).all(|&neuron| neuron < self.neurons) {
            order = stable_order(&order, &self.post, self.neurons as usize);
            order = stable_order(&order, &self.pre, self.neurons as usize);
        } else {
            order.sort_by_key(|&edge| (self.pre[edge as usize], self.post[edge as usize]));
        }
        self.pre = gather(&self.pre, &order);
        self.post = gather(&self.post, &order);
        self.syn_count = gather(&self.syn_count, &order);
        self.synthetic = gather(&self.synthetic, &order);
    }

    /// Out-edges of every neuron: row = pre, neighbour = post.
    ///
    /// # Panics
    /// If an endpoint is outside the circuit; call [`Edges::validate`] where edges come in.
    pub fn csr(&self) -> Csr {
        Csr::build(self.neurons, &self.pre, &self.post)
    }

    /// In-edges of every neuron: row = post, neighbour = pre; same panics as [`Edges::csr`].
    pub fn csc(&self) -> Csr {
        Csr::build(self.neurons, &self.post, &self.pre)
    }

    /// Number of targets of each neuron.
    pub fn out_degrees(&self) -> Vec<u32> {
        degrees(self.neurons, &self.pre)
    }

    /// Number of sources of each neuron.
    pub fn in_degrees(&self) -> Vec<u32> {
        degrees(self.neurons, &self.post)
    }

    /// Output synapses of each neuron.
    pub fn out_strengths(&self) -> Vec<u64> {
        strengths(self.neurons, &self.pre, &self.syn_count)
    }

    /// Input synapses of each neuron.
    pub fn in_strengths(&self) -> Vec<u64> {
        strengths(self.neurons, &self.post, &self.syn_count)
    }
}

fn degrees(neurons: u32, ends: &[u32]) -> Vec<u32> {
    let mut out = vec![0; neurons as usize];
    for &end in ends {
        out[end as usize] += 1;
    }
    out
}

fn strengths(neurons: u32, ends: &[u32], syn_count: &[u32]) -> Vec<u64> {
    let mut out = vec![0; neurons as usize];
    for (&end, &count) in ends.iter().zip(syn_count) {
        out[end as usize] += u64::from(count);
    }
    out
}

fn gather<T: Copy>(column: &[T], order: &[u32]) -> Vec<T> {
    order.iter().map(|&at| column[at as usize]).collect()
}

/// `items` in stable order of `key[item]`, all keys below `bound`.
fn stable_order(items: &[u32], key: &[u32], bound: usize) -> Vec<u32> {
    let mut next = vec![0_usize; bound + 1];
    for &item in items {
        next[key[item as usize] as usize + 1] += 1;
    }
    for at in 1..next.len() {
        next[at] += next[at - 1];
    }
    let mut out = vec![0; items.len()];
    for &item in items {
        let slot = &mut next[key[item as usize] as usize];
        out[*slot] = item;
        *slot += 1;
    }
    out
}

/// Compressed rows: the edges of each neuron, side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csr {
    offsets: Vec<usize>,
    neighbours: Vec<u32>,
    edges: Vec<u32>,
}

impl Csr {
    /// Groups edges by `row` with a counting sort; inside a row they keep the order of the table.
    fn build(neurons: u32, row: &[u32], neighbour: &[u32]) -> Self {
        let mut offsets = vec![0_usize; neurons as usize + 1];
        for &at in row {
            offsets[at as usize + 1] += 1;
        }
        for at in 1..offsets.len() {
            offsets[at] += offsets[at - 1];
        }
        let all: Vec<u32> = (0..row.len() as u32).collect();
        let edges = stable_order(&all, row, neurons as usize);
        let neighbours = gather(neighbour, &edges);
        Self { offsets, neighbours, edges }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Neurons at the other end of the edges of `row`.
    pub fn neighbours(&self, row: u32) -> &[u32] {
        &self.neighbours[self.offsets[row as usize]..self.offsets[row as usize + 1]]
    }

    /// Positions in the edge table of the edges of `row`, in the order of [`Csr::neighbours`].
    pub fn edges(&self, row: u32) -> &[u32] {
        &self.edges[self.offsets[row as usize]..self.offsets[row as usize + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Edges {
        Edges::from_triples(4, &[(2, 0, 3), (0, 3, 1), (0, 1, 9), (2, 1, 4)])
    }

    #[test]
    fn edges_are_sorted_by_pre_then_post() {
        let edges = example();
        edges.validate().unwrap();
        assert_eq!(edges.triples().collect::<Vec<_>>(), [(0, 1, 9), (0, 3, 1), (2, 0, 3), (2, 1, 4)]);
    }

    #[test]
    fn the_flag_of_a_synthetic_edge_moves_with_its_row() {
        let mut edges = Edges::new(3);
        edges.pre = vec![2, 0];
        edges.post = vec![1, 1];
        edges.syn_count = vec![5, 6];
        edges.synthetic = vec![true, false];
        edges.sort().unwrap();
        assert_eq!((edges.syn_count, edges.synthetic), (vec![6, 5], vec![false, true]));
    }

    #[test]
    fn degrees_and_strengths_count_both_ends() {
        let edges = example();
        assert_eq!(edges.out_degrees(), [2, 0, 2, 0]);
        assert_eq!(edges.in_degrees(), [1, 2, 0, 1]);
        assert_eq!(edges.out_strengths(), [10, 0, 7, 0]);
        assert_eq!(edges.in_strengths(), [3, 13, 0, 1]);
    }

    #[test]
    fn both_views_point_back_into_the_table() {
        let edges = example();
        let (out, into) = (edges.csr(), edges.csc());
        assert_eq!(out.neighbours(2), [0, 1]);
        assert_eq!(into.neighbours(1), [0, 2]);
        assert_eq!(into.edges(1).iter().map(|&e| edges.syn_count[e as usize]).collect::<Vec<_>>(), [9, 4]);
        assert_eq!(out.rows(), 4);
    }

    #[test]
    fn each_broken_promise_has_its_own_code() {
        let code = |break_it: fn(&mut Edges)| {
            let mut edges = example();
            break_it(&mut edges);
            edges.validate().unwrap_err().code().to_string()
        };
        assert_eq!(code(|e| e.post.truncate(1)), "edge-lengths");
        assert_eq!(code(|e| e.post[0] = 4), "edge-endpoint");
        assert_eq!(code(|e| e.syn_count[1] = 0), "edge-count");
        assert_eq!(code(|e| e.post[1] = 1), "duplicate-edge");
        assert_eq!(code(|e| e.pre.swap(0, 3)), "edge-order");
    }

    #[test]
    fn a_stray_endpoint_is_kept_for_validation_to_name() {
        let edges = Edges::from_triples(2, &[(u32::MAX, 0, 1), (0, 1, 1)]);
        assert_eq!(edges.validate().unwrap_err().code(), "edge-endpoint");
    }

    #[test]
    fn sorting_refuses_an_endpoint_outside_the_circuit() {
        let mut edges = example();
        edges.pre[0] = 7;
        assert_eq!(edges.sort().unwrap_err().code(), "edge-endpoint");
    }
}
