//! What each null model promises to keep, computed anew from the tables before and after.
//!
//! Nothing here knows how a model works: a fault in a model shows as a broken promise.

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

use super::{Block, NullInput, NullModel};
use crate::edges::Edges;

/// A promise that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invariant {
    /// What is kept.
    pub name: String,
    /// Whether it is; always true in a report, since a broken promise is an error.
    pub held: bool,
}

/// A circuit after a null model.
#[derive(Debug, Clone, Copy)]
pub struct NullState<'a> {
    /// The edges.
    pub edges: &'a Edges,
    /// Transmitter per neuron.
    pub nt: &'a [u32],
    /// Sign per neuron.
    pub sign: &'a [i8],
    /// New position of every neuron's wiring (`identity`).
    pub permutation: Option<&'a [u32]>,
}

/// Checks all promises of `model`; sorting dominates, `E log E`.
///
/// # Errors
/// `null-invariant` with the name of the first broken promise.
pub fn check_invariants(model: NullModel, block: Block, before: &NullInput<'_>, after: &NullState<'_>) -> Result<Vec<Invariant>> {
    let mut ledger = Ledger { model, held: Vec::new() };
    ledger.hold("edge table is sorted, in range and without duplicates", after.edges.validate().is_ok())?;
    ledger.hold("number of neurons", same_neurons(before, after))?;
    ledger.hold("number of edges", before.edges.len() == after.edges.len())?;
    ledger.hold("multiset of counts", weights(before.edges) == weights(after.edges))?;
    if before.silenced.contains(&true) {
        ledger.hold("silenced neurons have no edges", before.silenced_are_bare(after.edges))?;
    }
    match model {
        NullModel::Swap => swap(&mut ledger, before, after)?,
        NullModel::SwapTyped => {
            swap(&mut ledger, before, after)?;
            let [was, is] = [before.edges, after.edges].map(|edges| block_sizes(edges, before.type_code));
            ledger.hold("number of edges of every (pre type, post type) block", was == is)?;
        }
        NullModel::WeightBlock => {
            let group = before.block(block);
            ledger.hold("topology", topology(before, after))?;
            let [was, is] = [before.edges, after.edges].map(|edges| block_weights(edges, group));
            let name = match block {
                Block::Type => "multiset of counts of every (pre type, post type) block",
                Block::Population => "multiset of counts of every (pre population, post population) block",
            };
            ledger.hold(name, was == is)?;
            ledger.hold("sign of every neuron", signs(before, after))?;
        }
        NullModel::WeightAll => {
            ledger.hold("topology", topology(before, after))?;
            ledger.hold("sign of every neuron", signs(before, after))?;
        }
        NullModel::Sign => {
            ledger.hold("topology", topology(before, after))?;
            ledger.hold("count of every edge", before.edges == after.edges)?;
            let was = transmitters(before.population, before.nt, before.sign);
            let is = transmitters(before.population, after.nt, after.sign);
            ledger.hold("transmitters of every population, with their signs", was == is)?;
        }
        NullModel::Er => {
            ledger.hold("no self loop", after.edges.self_loops() == 0)?;
            ledger.hold("sign of every neuron", signs(before, after))?;
        }
        NullModel::Identity => identity(&mut ledger, before, after)?,
    }
    Ok(ledger.held)
}

/// Promises kept so far.
struct Ledger {
    model: NullModel,
    held: Vec<Invariant>,
}

impl Ledger {
    fn hold(&mut self, name: &str, held: bool) -> Result<()> {
        if !held {
            return Err(UserError::failed("null-invariant", format!("null model `{}` did not keep: {name}", self.model))
                .mend("this is a fault of kenyon, not of your data; report it with the circuit and the seed"));
        }
        self.held.push(Invariant { name: name.to_string(), held });
        Ok(())
    }
}

fn swap(ledger: &mut Ledger, before: &NullInput<'_>, after: &NullState<'_>) -> Result<()> {
    let (was, is) = (before.edges, after.edges);
    ledger.hold("no self loop", is.self_loops() == 0)?;
    ledger.hold("in-degree of every neuron", was.in_degrees() == is.in_degrees())?;
    ledger.hold("out-degree of every neuron", was.out_degrees() == is.out_degrees())?;
    ledger.hold("out-strength of every neuron", was.out_strengths() == is.out_strengths())?;
    ledger.hold("output counts of every neuron", output_weights(was) == output_weights(is))?;
    ledger.hold("sign of every neuron", signs(before, after))
}

fn identity(ledger: &mut Ledger, before: &NullInput<'_>, after: &NullState<'_>) -> Result<()> {
    let map = after.permutation.unwrap_or_default();
    let inverse = inverse(map, before.hidden.len());
    ledger.hold("one permutation of all neurons", inverse.is_some())?;
    let stays = before.hidden.iter().zip(map).enumerate().all(|(at, (&hidden, &to))| hidden || to as usize == at);
    ledger.hold("input neurons stay", stays)?;
    let stays = before.silenced.iter().zip(map).enumerate().all(|(at, (&silenced, &to))| !silenced || to as usize == at);
    ledger.hold("silenced neurons stay", stays)?;
    let inverse = inverse.unwrap_or_default();
    // The isomorphism is shown by undoing it: every edge is found again, with its count, flag and sign.
    let mut undone: Vec<_> = rows(after.edges).map(|(a, b, w, s)| (inverse[a as usize], inverse[b as usize], w, s)).collect();
    undone.sort_unstable();
    ledger.hold("graph isomorphism with counts", undone.iter().copied().eq(rows(before.edges)))?;
    let signs_follow = map
        .iter()
        .enumerate()
        .all(|(at, &to)| after.nt[to as usize] == before.nt[at] && after.sign[to as usize] == before.sign[at]);
    ledger.hold("transmitter and sign follow the wiring", signs_follow)?;
    let (was, is) = (before.edges, after.edges);
    ledger.hold("multiset of in-degrees", sorted(was.in_degrees()) == sorted(is.in_degrees()))?;
    ledger.hold("multiset of out-degrees", sorted(was.out_degrees()) == sorted(is.out_degrees()))?;
    ledger.hold("multiset of in-strengths", sorted(was.in_strengths()) == sorted(is.in_strengths()))?;
    ledger.hold("multiset of out-strengths", sorted(was.out_strengths()) == sorted(is.out_strengths()))
}

fn same_neurons(before: &NullInput<'_>, after: &NullState<'_>) -> bool {
    let neurons = before.edges.neurons;
    after.edges.neurons == neurons && after.nt.len() == neurons as usize && after.sign.len() == neurons as usize
}

fn topology(before: &NullInput<'_>, after: &NullState<'_>) -> bool {
    before.edges.pre == after.edges.pre && before.edges.post == after.edges.post
}

fn signs(before: &NullInput<'_>, after: &NullState<'_>) -> bool {
    before.nt == after.nt && before.sign == after.sign
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values
}

/// (pre, post, count, flag) of each edge.
fn rows(edges: &Edges) -> impl Iterator<Item = (u32, u32, u32, bool)> {
    edges.triples().zip(&edges.synthetic).map(|((pre, post, count), &synthetic)| (pre, post, count, synthetic))
}

fn weights(edges: &Edges) -> Vec<(u32, bool)> {
    sorted(rows(edges).map(|(_, _, count, synthetic)| (count, synthetic)).collect())
}

fn output_weights(edges: &Edges) -> Vec<(u32, u32, bool)> {
    sorted(rows(edges).map(|(pre, _, count, synthetic)| (pre, count, synthetic)).collect())
}

fn block_weights(edges: &Edges, group: &[u32]) -> Vec<(u32, u32, u32, bool)> {
    sorted(rows(edges).map(|(a, b, count, synthetic)| (group[a as usize], group[b as usize], count, synthetic)).collect())
}

/// Blocks of the edges, sorted: equal lists mean equal numbers of edges in every block.
fn block_sizes(edges: &Edges, group: &[u32]) -> Vec<(u32, u32)> {
    sorted(edges.triples().map(|(pre, post, _)| (group[pre as usize], group[post as usize])).collect())
}

fn transmitters(population: &[u32], nt: &[u32], sign: &[i8]) -> Vec<(u32, u32, i8)> {
    sorted(population.iter().zip(nt).zip(sign).map(|((&population, &nt), &sign)| (population, nt, sign)).collect())
}

fn inverse(map: &[u32], neurons: usize) -> Option<Vec<u32>> {
    let mut out = vec![u32::MAX; neurons];
    for (from, &to) in map.iter().enumerate() {
        let slot = out.get_mut(to as usize)?;
        if *slot != u32::MAX {
            return None;
        }
        *slot = from as u32;
    }
    (map.len() == neurons).then_some(out)
}

/// Shares of pairs and of edges (pair, count, transmitter, sign) of the new circuit that the original does not have.
pub(super) fn changed(before: &NullInput<'_>, after: &NullState<'_>) -> (f64, f64) {
    let (was, is) = (before.edges, after.edges);
    if is.is_empty() {
        return (0.0, 0.0);
    }
    let (mut same_pairs, mut same_edges) = (0_u64, 0_u64);
    let mut at = 0;
    for (pre, post, count) in is.triples() {
        while at < was.len() && (was.pre[at], was.post[at]) < (pre, post) {
            at += 1;
        }
        if at < was.len() && (was.pre[at], was.post[at]) == (pre, post) {
            same_pairs += 1;
            let neuron = pre as usize;
            let same_sign = before.nt[neuron] == after.nt[neuron] && before.sign[neuron] == after.sign[neuron];
            same_edges += u64::from(same_sign && was.syn_count[at] == count);
        }
    }
    let share = |same: u64| (is.len() as u64 - same) as f64 / is.len() as f64;
    (share(same_pairs), share(same_edges))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::Circuit;
    use super::super::{NullOptions, NullResult, generate};
    use super::*;

    /// Whether the checker objects to `result` after `break_it`.
    fn caught(model: NullModel, break_it: impl Fn(&mut NullResult)) -> String {
        let circuit = Circuit::random(11, 40, 0.2);
        let mut result = generate(model, &circuit.input(), 3, &NullOptions::default()).unwrap();
        break_it(&mut result);
        let state =
            NullState { edges: &result.edges, nt: &result.nt, sign: &result.sign, permutation: result.permutation.as_deref() };
        let error = check_invariants(model, Block::Type, &circuit.input(), &state).expect_err("the result is wrong");
        assert_eq!(error.code(), "null-invariant");
        error.to_string()
    }

    /// Moves the target of the first edge that can move to a neuron its source does not reach.
    fn move_one_edge(result: &mut NullResult) {
        let taken: std::collections::BTreeSet<_> = result.edges.triples().map(|(a, b, _)| (a, b)).collect();
        let pre = result.edges.pre[0];
        let free = (0..result.edges.neurons).find(|&post| post != pre && !taken.contains(&(pre, post))).expect("sparse circuit");
        result.edges.post[0] = free;
        result.edges.sort().unwrap();
    }

    #[test]
    fn a_moved_edge_is_caught_by_every_model_that_keeps_degrees_or_topology() {
        for (model, name) in [
            (NullModel::Swap, "in-degree"),
            (NullModel::SwapTyped, "in-degree"),
            (NullModel::WeightBlock, "topology"),
            (NullModel::WeightAll, "topology"),
            (NullModel::Sign, "topology"),
            (NullModel::Identity, "isomorphism"),
        ] {
            assert!(caught(model, move_one_edge).contains(name), "{model}");
        }
    }

    #[test]
    fn a_changed_count_is_caught_by_every_model() {
        for model in NullModel::ALL {
            assert!(caught(model, |result| result.edges.syn_count[0] += 1).contains("multiset of counts"), "{model}");
        }
    }

    #[test]
    fn a_lost_edge_is_caught_by_every_model() {
        let lose = |result: &mut NullResult| {
            result.edges.pre.pop();
            result.edges.post.pop();
            result.edges.syn_count.pop();
            result.edges.synthetic.pop();
        };
        for model in NullModel::ALL {
            assert!(caught(model, lose).contains("number of edges"), "{model}");
        }
    }

    #[test]
    fn a_flipped_sign_is_caught_by_every_model() {
        for model in NullModel::ALL {
            assert!(caught(model, |result| result.sign[0] = -result.sign[0]).contains("sign"), "{model}");
        }
    }

    #[test]
    fn a_synthetic_flag_that_left_its_count_is_caught() {
        for model in NullModel::ALL {
            assert!(caught(model, |result| result.edges.synthetic[0] ^= true).contains("multiset of counts"), "{model}");
        }
    }

    #[test]
    fn an_edge_of_a_silenced_neuron_is_caught_by_every_model() {
        let mut circuit = Circuit::random(11, 40, 0.2);
        let sound: Vec<_> =
            NullModel::ALL.map(|model| generate(model, &circuit.input(), 3, &NullOptions::default()).unwrap()).into();
        circuit.silenced[sound[0].edges.pre[0] as usize] = true;
        for (model, result) in NullModel::ALL.into_iter().zip(sound) {
            let (nt, sign) = (&result.nt, &result.sign);
            let state = NullState { edges: &result.edges, nt, sign, permutation: result.permutation.as_deref() };
            let error = check_invariants(model, Block::Type, &circuit.input(), &state).unwrap_err();
            assert!(error.to_string().contains("silenced neurons have no edges"), "{model}: {error}");
        }
    }

    #[test]
    fn a_self_loop_and_a_duplicate_are_caught() {
        for model in [NullModel::Swap, NullModel::SwapTyped, NullModel::Er] {
            let text = caught(model, |result| {
                result.edges.post[0] = result.edges.pre[0];
                result.edges.sort().unwrap();
            });
            assert!(text.contains("self loop"), "{model}: {text}");
            let text = caught(model, |result| {
                (result.edges.pre[1], result.edges.post[1]) = (result.edges.pre[0], result.edges.post[0]);
            });
            assert!(text.contains("duplicates"), "{model}: {text}");
        }
    }

    #[test]
    fn counts_exchanged_between_sources_or_blocks_are_caught() {
        let exchange = |result: &mut NullResult| {
            let last = result.edges.len() - 1;
            let other = (1..=last).rev().find(|&e| result.edges.syn_count[e] != result.edges.syn_count[0]).unwrap();
            result.edges.syn_count.swap(0, other);
            result.edges.synthetic.swap(0, other);
        };
        assert!(caught(NullModel::Swap, exchange).contains("out-strength"));
        assert!(caught(NullModel::WeightBlock, exchange).contains("block"));
        assert!(caught(NullModel::Sign, exchange).contains("count of every edge"));
        assert!(caught(NullModel::Identity, exchange).contains("isomorphism"));
    }

    #[test]
    fn a_swap_across_blocks_is_caught_by_the_typed_model_alone() {
        let circuit = Circuit::random(11, 40, 0.2);
        let crossed = generate(NullModel::Swap, &circuit.input(), 3, &NullOptions::default()).unwrap();
        let state = NullState { edges: &crossed.edges, nt: &crossed.nt, sign: &crossed.sign, permutation: None };
        assert!(check_invariants(NullModel::Swap, Block::Type, &circuit.input(), &state).is_ok());
        let error = check_invariants(NullModel::SwapTyped, Block::Type, &circuit.input(), &state).unwrap_err();
        assert!(error.to_string().contains("block"), "{error}");
    }

    #[test]
    fn a_permutation_that_is_none_is_caught() {
        let twice = |result: &mut NullResult| {
            let map = result.permutation.as_mut().unwrap();
            map[0] = map[1];
        };
        assert!(caught(NullModel::Identity, twice).contains("permutation"));
        assert!(caught(NullModel::Identity, |result| result.permutation = None).contains("permutation"));
    }
}
