//! Null models: what remains of a result when one kind of structure is destroyed.
//!
//! | model | operation | destroyed |
//! |---|---|---|
//! | `swap` | degree-preserving double-edge swap | pairing, in-strength |
//! | `swap-typed` | the same inside (pre type, post type) blocks | pairing inside blocks |
//! | `weight-block` | counts permuted inside blocks of types or of populations | count-partner relation |
//! | `weight-all` | counts permuted over all edges | all count structure |
//! | `sign` | transmitters permuted over the neurons of each population | sign placement |
//! | `er` | as many edges, uniform over ordered pairs without self; counts permuted | all structure |
//! | `identity` | hidden neurons relabelled | alignment of the wiring with cell types |
//!
//! Every model is a function of its input and a seed alone, at any number of threads. What it must keep is computed anew
//! from the tables before and after ([`check_invariants`]); a model that breaks a promise returns an error, not a table.
//!
//! A neuron that a lesion silenced has no edges and gets none: it takes no part in `er`, `identity` and `sign`.
//!
//! # Example
//! ```
//! use kenyon_connectome::edges::Edges;
//! use kenyon_connectome::nulls::{self, NullInput, NullModel, NullOptions};
//!
//! let edges = Edges::from_triples(4, &[(0, 1, 5), (1, 2, 7), (2, 3, 6), (3, 0, 9)]);
//! let input = NullInput {
//!     edges: &edges,
//!     type_code: &[0, 0, 1, 1],
//!     population: &[0, 0, 0, 0],
//!     nt: &[0, 0, 0, 0],
//!     sign: &[1, 1, 1, 1],
//!     hidden: &[true; 4],
//!     silenced: &[false; 4],
//! };
//!
//! let result = nulls::generate(NullModel::Swap, &input, 7, &NullOptions::default())?;
//! assert!(result.report.invariants.iter().all(|invariant| invariant.held));
//! # Ok::<(), kenyon_base::UserError>(())
//! ```

mod draw;
mod er;
#[cfg(test)]
mod fixtures;
mod invariants;
mod pair_set;
mod permute;
mod statistics;
mod swap;

use std::fmt;
use std::str::FromStr;

use kenyon_base::{Result, Streams, UserError, nearest};
use serde::{Deserialize, Serialize};

use crate::edges::Edges;

pub use invariants::{Invariant, NullState, check_invariants};
pub use statistics::{NullTest, z_and_p};

/// One way to destroy structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NullModel {
    /// Double-edge swap a->b, c->d => a->d, c->b; counts stay with the presynaptic edge.
    Swap,
    /// [`NullModel::Swap`] inside blocks of (pre type, post type).
    SwapTyped,
    /// Counts permuted inside blocks of ([`Block`] of pre, [`Block`] of post).
    WeightBlock,
    /// Counts permuted over all edges.
    WeightAll,
    /// Transmitters, and signs with them, permuted over the neurons of each population.
    Sign,
    /// As many edges, uniform over ordered pairs without self; counts permuted (Erdős and Rényi).
    Er,
    /// One permutation of the identities of hidden neurons.
    ///
    /// The wiring of hidden neuron `x` moves to position `permutation[x]`: the columns of the input matrix, the rows and
    /// columns of the recurrent matrix and the rows of the readout. Input neurons stay. Type, side, population and all
    /// other attributes stay with the position, so each hidden neuron has another's connections. Transmitter and sign
    /// belong to the connections (they are the sign of the weights) and move with them: the signed graph is isomorphic
    /// to the original. A readout or a trained matrix is relabelled by the caller with [`NullResult::permutation`].
    Identity,
}

impl NullModel {
    /// All models, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Swap, Self::SwapTyped, Self::WeightBlock, Self::WeightAll, Self::Sign, Self::Er, Self::Identity];

    /// Name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Swap => "swap",
            Self::SwapTyped => "swap-typed",
            Self::WeightBlock => "weight-block",
            Self::WeightAll => "weight-all",
            Self::Sign => "sign",
            Self::Er => "er",
            Self::Identity => "identity",
        }
    }
}

impl fmt::Display for NullModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for NullModel {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|model| model.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let error = UserError::usage("unknown-null", "no such null model").found(text).expected(names.join(", "));
            match nearest(text, names) {
                Some(near) => error.mend(format!("did you mean `{near}`?")),
                None => error,
            }
        })
    }
}

/// What makes two edges belong to the same block of `weight-block`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Block {
    /// Same (pre cell type, post cell type).
    #[default]
    Type,
    /// Same (pre population, post population): the coarse "shuffle within larger cell types" baseline.
    Population,
}

/// How far a null model goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NullOptions {
    /// Blocks of `weight-block`.
    pub block: Block,
    /// `swap` and `swap-typed` stop one try per edge after this many accepted swaps per edge of a block.
    pub accepted_per_edge: u32,
    /// `swap` and `swap-typed` give up after this many tries per edge of a block.
    pub tries_per_edge: u32,
}

impl Default for NullOptions {
    fn default() -> Self {
        Self { block: Block::Type, accepted_per_edge: 20, tries_per_edge: 200 }
    }
}

/// A circuit as the null models see it; every slice but `edges` has one entry per neuron.
#[derive(Debug, Clone, Copy)]
pub struct NullInput<'a> {
    /// The edges.
    pub edges: &'a Edges,
    /// Cell type.
    pub type_code: &'a [u32],
    /// Population.
    pub population: &'a [u32],
    /// Transmitter.
    pub nt: &'a [u32],
    /// Sign of the output: -1, 0 or 1.
    pub sign: &'a [i8],
    /// `false` for an input (receptor) neuron.
    pub hidden: &'a [bool],
    /// `true` for a neuron that a lesion silenced: it has no edges.
    pub silenced: &'a [bool],
}

impl NullInput<'_> {
    fn validate(&self, model: NullModel) -> Result<()> {
        self.edges.validate()?;
        let neurons = self.edges.neurons as usize;
        let lengths = [
            ("type_code", self.type_code.len()),
            ("population", self.population.len()),
            ("nt", self.nt.len()),
            ("sign", self.sign.len()),
            ("hidden", self.hidden.len()),
            ("silenced", self.silenced.len()),
        ];
        for (column, found) in lengths {
            if found != neurons {
                return Err(UserError::bad_data("neuron-lengths", "a neuron column has the wrong length")
                    .column(column)
                    .found(found.to_string())
                    .expected(format!("{neurons}, one entry per neuron")));
            }
        }
        let rewires = matches!(model, NullModel::Swap | NullModel::SwapTyped | NullModel::Er);
        if rewires && self.edges.self_loops() > 0 {
            return Err(UserError::bad_data("null-self-loop", format!("`{model}` is not defined on a circuit with self loops"))
                .found(format!("{} self loops", self.edges.self_loops()))
                .expected("none")
                .mend("build it with `self_loops = false` in `[selection]`"));
        }
        if !self.silenced_are_bare(self.edges) {
            return Err(UserError::bad_data("silenced-edge", "a silenced neuron has connections")
                .expected("none")
                .mend("silence it with `kenyon circuit lesion`, which takes its connections away"));
        }
        Ok(())
    }

    /// Whether no edge begins or ends on a silenced neuron.
    fn silenced_are_bare(&self, edges: &Edges) -> bool {
        edges.pre.iter().chain(&edges.post).all(|&end| !self.silenced[end as usize])
    }
}

/// A circuit with one kind of structure destroyed.
#[derive(Debug, Clone, PartialEq)]
pub struct NullResult {
    /// The edges, sorted.
    pub edges: Edges,
    /// Transmitter per neuron.
    pub nt: Vec<u32>,
    /// Sign per neuron.
    pub sign: Vec<i8>,
    /// `identity` only: the wiring of old neuron `x` now belongs to neuron `permutation[x]`.
    pub permutation: Option<Vec<u32>>,
    /// What was done and what was checked.
    pub report: NullReport,
}

/// What a null model did and which promises were checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NullReport {
    /// The model.
    pub model: NullModel,
    /// The seed.
    pub seed: u64,
    /// The options, whether or not the model uses them.
    pub options: NullOptions,
    /// Number of edges.
    pub edges: u64,
    /// Moves tried: swaps, pairs drawn (`er`), or items permuted (all others).
    pub attempted: u64,
    /// Moves made.
    pub accepted: u64,
    /// Blocks worked on; 1 where the whole circuit is one block.
    pub blocks: u64,
    /// Blocks that ran out of tries before `accepted_per_edge` (too rigid to be swapped further).
    pub blocks_out_of_tries: u64,
    /// Share of the pairs (pre, post) that the original does not have.
    pub pairs_changed: f64,
    /// Share of the edges without a twin (same pair, count, transmitter and sign) in the original.
    pub edges_changed: f64,
    /// Invariants recomputed from the tables before and after.
    pub invariants: Vec<Invariant>,
}

/// How much a model moved.
#[derive(Debug, Clone, Copy, Default)]
struct Moves {
    attempted: u64,
    accepted: u64,
    blocks: u64,
    blocks_out_of_tries: u64,
}

impl Moves {
    /// A permutation of `items` in `blocks` blocks: every item is drawn once.
    fn permuted(items: usize, blocks: usize) -> Self {
        Self { attempted: items as u64, accepted: items as u64, blocks: blocks as u64, blocks_out_of_tries: 0 }
    }
}

/// Makes the null model `model` of a circuit and checks its invariants.
///
/// # Complexity
/// `swap` and `swap-typed`: `20 E` accepted swaps of constant time; memory about 50 bytes per edge. All others: `E log E`.
///
/// # Errors
/// Bad data if the input is inconsistent, if a silenced neuron has edges, or if (`swap`, `swap-typed`, `er`) it has self loops.
/// `null-invariant` if the model broke a promise, which is a fault of this library.
pub fn generate(model: NullModel, input: &NullInput<'_>, seed: u64, options: &NullOptions) -> Result<NullResult> {
    input.validate(model)?;
    let streams = Streams::new(seed);
    let mut nt = input.nt.to_vec();
    let mut sign = input.sign.to_vec();
    let mut permutation = None;
    let (edges, moves) = match model {
        NullModel::Swap => swap::swap(input.edges, None, streams, options),
        NullModel::SwapTyped => swap::swap(input.edges, Some(input.type_code), streams, options),
        NullModel::WeightBlock => permute::weights(input.edges, Some(input.block(options.block)), streams),
        NullModel::WeightAll => permute::weights(input.edges, None, streams),
        NullModel::Sign => (input.edges.clone(), permute::signs(input, &mut nt, &mut sign, streams)),
        NullModel::Er => er::uniform(input, streams),
        NullModel::Identity => {
            let (map, moves) = permute::identities(input, streams);
            let edges = permute::relabel(input.edges, &map);
            nt = permute::moved(&nt, &map);
            sign = permute::moved(&sign, &map);
            permutation = Some(map);
            (edges, moves)
        }
    };
    let state = NullState { edges: &edges, nt: &nt, sign: &sign, permutation: permutation.as_deref() };
    let invariants = check_invariants(model, options.block, input, &state)?;
    let (pairs_changed, edges_changed) = invariants::changed(input, &state);
    let report = NullReport {
        model,
        seed,
        options: *options,
        edges: edges.len() as u64,
        attempted: moves.attempted,
        accepted: moves.accepted,
        blocks: moves.blocks,
        blocks_out_of_tries: moves.blocks_out_of_tries,
        pairs_changed,
        edges_changed,
        invariants,
    };
    Ok(NullResult { edges, nt, sign, permutation, report })
}

impl<'a> NullInput<'a> {
    /// The neuron column that makes blocks.
    fn block(&self, block: Block) -> &'a [u32] {
        match block {
            Block::Type => self.type_code,
            Block::Population => self.population,
        }
    }
}

/// Edges grouped by the groups of their ends: positions in the edge table, block after block.
struct Blocks {
    order: Vec<u32>,
    starts: Vec<usize>,
}

impl Blocks {
    /// Blocks of equal (group of pre, group of post) in ascending order; one block of all edges without groups.
    fn new(edges: &Edges, group: Option<&[u32]>) -> Self {
        let mut order: Vec<u32> = (0..edges.len() as u32).collect();
        let mut starts = vec![0];
        if let Some(group) = group {
            let key = |&e: &u32| (group[edges.pre[e as usize] as usize], group[edges.post[e as usize] as usize]);
            order.sort_by_key(key);
            starts.extend((1..order.len()).filter(|&at| key(&order[at - 1]) != key(&order[at])));
        }
        if order.is_empty() {
            starts.clear();
        }
        Self { order, starts }
    }

    fn len(&self) -> usize {
        self.starts.len()
    }

    fn get(&self, block: usize) -> &[u32] {
        let end = self.starts.get(block + 1).copied().unwrap_or(self.order.len());
        &self.order[self.starts[block]..end]
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::Circuit;
    use super::*;
    use proptest::prelude::*;

    fn generate_default(model: NullModel, circuit: &Circuit, seed: u64) -> NullResult {
        generate(model, &circuit.input(), seed, &NullOptions::default()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_model_keeps_its_promises_on_random_circuits(seed in any::<u64>(), neurons in 1_u32..40, density in 0.0..1.0) {
            let circuit = Circuit::random(seed, neurons, density);
            for model in NullModel::ALL {
                let result = generate(model, &circuit.input(), seed ^ 1, &NullOptions::default());
                let result = result.map_err(|error| TestCaseError::fail(error.to_string()))?;
                prop_assert!(!result.report.invariants.is_empty());
                prop_assert_eq!(result.edges.len(), circuit.edges.len());
            }
        }

        #[test]
        fn the_coarse_blocks_keep_their_promises_too(seed in any::<u64>(), neurons in 1_u32..40) {
            let circuit = Circuit::random(seed, neurons, 0.3);
            let options = NullOptions { block: Block::Population, ..NullOptions::default() };
            prop_assert!(generate(NullModel::WeightBlock, &circuit.input(), seed, &options).is_ok());
        }
    }

    #[test]
    fn a_seed_gives_the_same_circuit_again_and_another_seed_another() {
        let circuit = Circuit::random(3, 60, 0.2);
        for model in NullModel::ALL {
            let first = generate_default(model, &circuit, 5);
            assert_eq!(first, generate_default(model, &circuit, 5), "{model}");
            let other = generate_default(model, &circuit, 6);
            assert_ne!((&first.edges, &first.nt), (&other.edges, &other.nt), "{model}");
        }
    }

    #[test]
    fn the_number_of_threads_does_not_change_a_null() {
        let circuit = Circuit::random(3, 60, 0.2);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| generate_default(NullModel::SwapTyped, &circuit, 5))
        };
        assert_eq!(with(1), with(4));
    }

    #[test]
    fn every_model_changes_something_of_a_sparse_circuit() {
        let circuit = Circuit::random(1, 200, 0.02);
        for model in NullModel::ALL {
            let report = generate_default(model, &circuit, 1).report;
            assert!(report.edges_changed > 0.1, "{model}: {}", report.edges_changed);
            let rewires = !matches!(model, NullModel::WeightBlock | NullModel::WeightAll | NullModel::Sign);
            assert_eq!(report.pairs_changed > 0.0, rewires, "{model}");
        }
    }

    #[test]
    fn identity_leaves_input_neurons_where_they_are() {
        let circuit = Circuit::random(2, 50, 0.1);
        let permutation = generate_default(NullModel::Identity, &circuit, 1).permutation.unwrap();
        for (neuron, hidden) in circuit.hidden.iter().enumerate() {
            assert!(*hidden || permutation[neuron] as usize == neuron);
        }
    }

    #[test]
    fn a_silenced_neuron_stays_without_edges_and_keeps_its_place_and_transmitter() {
        for density in [0.1, 0.9] {
            let mut circuit = Circuit::random(7, 30, density);
            circuit.silence(&[0, 3, 4, 17, 29]);
            for model in NullModel::ALL {
                let result = generate_default(model, &circuit, 5);
                let touched = result.edges.pre.iter().chain(&result.edges.post).filter(|&&end| circuit.silenced[end as usize]);
                assert_eq!(touched.count(), 0, "{model}");
                assert!(result.report.invariants.iter().any(|i| i.name == "silenced neurons have no edges"), "{model}");
                for neuron in (0..30).filter(|&n| circuit.silenced[n]) {
                    assert_eq!(result.nt[neuron], circuit.nt[neuron], "{model}");
                    assert!(result.permutation.as_ref().is_none_or(|map| map[neuron] as usize == neuron), "{model}");
                }
            }
        }
    }

    #[test]
    fn a_silenced_neuron_with_edges_is_refused() {
        let mut circuit = Circuit::random(7, 30, 0.9);
        circuit.silenced[3] = true;
        let error = generate(NullModel::Er, &circuit.input(), 1, &NullOptions::default()).unwrap_err();
        assert_eq!(error.code(), "silenced-edge");
    }

    #[test]
    fn a_circuit_with_a_self_loop_is_refused_where_edges_move() {
        let mut circuit = Circuit::random(2, 10, 0.0);
        circuit.edges = Edges::from_triples(10, &[(1, 1, 3), (1, 2, 3)]);
        let error = generate(NullModel::Swap, &circuit.input(), 1, &NullOptions::default()).unwrap_err();
        assert_eq!(error.code(), "null-self-loop");
        assert!(generate(NullModel::Identity, &circuit.input(), 1, &NullOptions::default()).is_ok());
    }

    #[test]
    fn a_short_neuron_column_is_named() {
        let circuit = Circuit::random(2, 10, 0.2);
        let mut input = circuit.input();
        input.nt = &input.nt[1..];
        let error = generate(NullModel::Sign, &input, 1, &NullOptions::default()).unwrap_err();
        assert_eq!(error.column_name(), Some("nt"));
    }

    #[test]
    fn names_in_text_and_in_json_are_the_same() {
        for model in NullModel::ALL {
            assert_eq!(model.name().parse::<NullModel>().unwrap(), model);
            assert_eq!(serde_json::to_string(&model).unwrap(), format!("\"{model}\""));
        }
        let error = "swap-type".parse::<NullModel>().unwrap_err();
        assert!(error.to_string().contains("`swap-typed`"), "{error}");
    }

    #[test]
    fn a_report_survives_json() {
        let circuit = Circuit::random(2, 30, 0.2);
        let mut report = generate_default(NullModel::SwapTyped, &circuit, 1).report;
        (report.pairs_changed, report.edges_changed) = (0.5, 0.75);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<NullReport>(&text).unwrap(), report);
    }
}
