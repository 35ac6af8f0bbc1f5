//! Effective connectivity: which share of a neuron's input comes from a source over paths of 1 to K edges.
//!
//! `P[i, j] = w_ij / sum_k w_kj` is the share of `i` in the input of `j`, over all inputs of `j` inside the circuit: the
//! columns of `P` sum to 1. Paths of `k` edges are `P^k`. With signs, each edge carries the sign of its presynaptic neuron;
//! positive and negative paths are summed apart (`E+`, `E-`), so that what cancels stays visible.

use kenyon_base::{Result, UserError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::matrix::{check_neurons, check_signs};
use crate::edges::{Csr, Edges};

/// How far paths are followed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EffectiveOptions {
    /// Longest path, in edges (K).
    pub hops: usize,
    /// Entries below this are dropped after each hop, from the result and from longer paths; 0 keeps all.
    pub drop_below: f64,
}

impl Default for EffectiveOptions {
    fn default() -> Self {
        Self { hops: 5, drop_below: 1e-6 }
    }
}

/// Sums over paths, one entry per postsynaptic neuron.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathSums {
    /// `E+`: sum over paths with an even number of inhibitory neurons.
    pub positive: Vec<f64>,
    /// `E-`: sum over paths with an odd number of inhibitory neurons, as a positive number.
    pub negative: Vec<f64>,
}

impl PathSums {
    fn zeros(neurons: usize) -> Self {
        Self { positive: vec![0.0; neurons], negative: vec![0.0; neurons] }
    }

    /// `E+ - E-` per neuron.
    pub fn difference(&self) -> Vec<f64> {
        self.positive.iter().zip(&self.negative).map(|(positive, negative)| positive - negative).collect()
    }

    /// `E+ + E-` per neuron: the share of input regardless of sign.
    pub fn total(&self) -> Vec<f64> {
        self.positive.iter().zip(&self.negative).map(|(positive, negative)| positive + negative).collect()
    }
}

/// Effective connectivity from a set of sources onto every neuron.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effective {
    /// Paths of exactly 1, 2, … K edges.
    pub per_hop: Vec<PathSums>,
    /// Paths of 1 to K edges.
    pub cumulative: PathSums,
    /// Sum of the entries dropped after each hop.
    pub dropped: Vec<f64>,
}

/// Sums over the sources of paths of 1 to K edges onto every neuron.
///
/// Sources add up; call with one source for one row of `P^k`. Edges of a neuron of sign 0 count as absent, also in the sum
/// over inputs. A path may return to a source.
///
/// # Complexity
/// At most K times the number of edges; memory two numbers per neuron and hop.
///
/// # Errors
/// Usage `no-sources`, `no-hops`, `bad-threshold`, `unknown-neuron`; bad data if edges or signs are inconsistent.
///
/// # Example
/// ```
/// use kenyon_connectome::edges::Edges;
/// use kenyon_connectome::influence::{EffectiveOptions, effective_connectivity};
///
/// // a -> b 6, c -> b 4, b -> d 5, a -> d 5
/// let edges = Edges::from_triples(4, &[(0, 1, 6), (2, 1, 4), (1, 3, 5), (0, 3, 5)]);
/// let paths = effective_connectivity(&edges, None, &[0], &EffectiveOptions { hops: 2, ..Default::default() })?;
/// assert!((paths.cumulative.positive[3] - 0.8).abs() < 1e-12);
/// # Ok::<(), kenyon_base::UserError>(())
/// ```
pub fn effective_connectivity(
    edges: &Edges,
    sign: Option<&[i8]>,
    sources: &[u32],
    options: &EffectiveOptions,
) -> Result<Effective> {
    let shares = Shares::new(edges, sign, options)?;
    check_neurons(edges, "sources", sources.iter().copied())?;
    if sources.is_empty() {
        return Err(UserError::usage("no-sources", "no neuron to start from").mend("name at least one source neuron"));
    }
    Ok(shares.follow(sources, options))
}

/// Group level: the mean over a postsynaptic group of values that are sums over a presynaptic group.
///
/// `values` has one entry per neuron, as [`PathSums`] gives for the presynaptic group as sources; 0 for an empty group.
pub fn group_level(values: &[f64], post_group: &[u32]) -> f64 {
    if post_group.is_empty() {
        return 0.0;
    }
    post_group.iter().map(|&neuron| values[neuron as usize]).sum::<f64>() / post_group.len() as f64
}

/// Effective connectivity between groups of neurons, cumulative over 1 to K edges.
///
/// Matrices are `groups` rows (presynaptic) of `groups` values (postsynaptic).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupConnectivity {
    /// Number of groups.
    pub groups: usize,
    /// Paths of exactly 1, 2, … K edges: `E+`.
    pub positive_per_hop: Vec<Vec<f64>>,
    /// Paths of exactly 1, 2, … K edges: `E-`.
    pub negative_per_hop: Vec<Vec<f64>>,
    /// Paths of 1 to K edges: `E+`.
    pub positive: Vec<f64>,
    /// Paths of 1 to K edges: `E-`.
    pub negative: Vec<f64>,
    /// Sum of all entries dropped, per presynaptic group.
    pub dropped: Vec<f64>,
}

/// Mean over each postsynaptic group of the sum over each presynaptic group; `group` holds a code below `groups` per neuron.
///
/// # Complexity
/// One run of [`effective_connectivity`] per group, on all threads.
///
/// # Errors
/// As [`effective_connectivity`]; bad data `neuron-lengths` or `bad-group` if `group` does not fit.
pub fn group_connectivity(
    edges: &Edges,
    sign: Option<&[i8]>,
    group: &[u32],
    groups: usize,
    options: &EffectiveOptions,
) -> Result<GroupConnectivity> {
    let shares = Shares::new(edges, sign, options)?;
    if group.len() != edges.neurons as usize {
        return Err(UserError::bad_data("neuron-lengths", "a neuron column has the wrong length")
            .column("group")
            .found(group.len().to_string())
            .expected(format!("{}, one entry per neuron", edges.neurons)));
    }
    let mut members = vec![Vec::new(); groups];
    for (neuron, &code) in group.iter().enumerate() {
        let Some(list) = members.get_mut(code as usize) else {
            return Err(UserError::bad_data("bad-group", "a group code is out of range")
                .row(neuron as u64 + 1)
                .found(code.to_string())
                .expected(format!("below {groups}")));
        };
        list.push(neuron as u32);
    }
    let onto_groups = |values: &[f64]| members.iter().map(|post| group_level(values, post)).collect::<Vec<f64>>();
    let rows: Vec<_> = members
        .par_iter()
        .map(|sources| {
            let paths = shares.follow(sources, options);
            let hops: Vec<_> = paths.per_hop.iter().map(|hop| (onto_groups(&hop.positive), onto_groups(&hop.negative))).collect();
            let all = (onto_groups(&paths.cumulative.positive), onto_groups(&paths.cumulative.negative));
            (hops, all, paths.dropped.iter().sum::<f64>())
        })
        .collect();
    let mut out = GroupConnectivity {
        groups,
        positive_per_hop: vec![Vec::new(); options.hops],
        negative_per_hop: vec![Vec::new(); options.hops],
        positive: Vec::new(),
        negative: Vec::new(),
        dropped: Vec::new(),
    };
    for (hops, (positive, negative), dropped) in rows {
        for (at, (positive, negative)) in hops.into_iter().enumerate() {
            out.positive_per_hop[at].extend(positive);
            out.negative_per_hop[at].extend(negative);
        }
        out.positive.extend(positive);
        out.negative.extend(negative);
        out.dropped.push(dropped);
    }
    Ok(out)
}

/// `P` by presynaptic row.
struct Shares<'a> {
    rows: Csr,
    share: Vec<f64>,
    sign: Option<&'a [i8]>,
}

impl<'a> Shares<'a> {
    fn new(edges: &Edges, sign: Option<&'a [i8]>, options: &EffectiveOptions) -> Result<Self> {
        edges.validate()?;
        check_signs(edges, sign)?;
        if options.hops == 0 {
            return Err(UserError::usage("no-hops", "paths need at least one edge").found("0").expected("1 or more hops"));
        }
        if !(options.drop_below >= 0.0 && options.drop_below.is_finite()) {
            return Err(UserError::usage("bad-threshold", "`drop_below` is not a threshold")
                .found(options.drop_below.to_string())
                .expected("a finite number of at least 0"));
        }
        let present = |pre: u32| sign.is_none_or(|sign| sign[pre as usize] != 0);
        let mut inputs = vec![0_u64; edges.neurons as usize];
        for (pre, post, count) in edges.triples() {
            inputs[post as usize] += if present(pre) { u64::from(count) } else { 0 };
        }
        let share = |(pre, post, count): (u32, u32, u32)| {
            if present(pre) { f64::from(count) / inputs[post as usize] as f64 } else { 0.0 }
        };
        Ok(Self { rows: edges.csr(), share: edges.triples().map(share).collect(), sign })
    }

    fn follow(&self, sources: &[u32], options: &EffectiveOptions) -> Effective {
        let neurons = self.rows.rows();
        let mut now = PathSums::zeros(neurons);
        for &source in sources {
            now.positive[source as usize] += 1.0;
        }
        let mut out = Effective { per_hop: Vec::new(), cumulative: PathSums::zeros(neurons), dropped: Vec::new() };
        for _ in 0..options.hops {
            let mut next = self.hop(&now);
            let mut dropped = 0.0;
            for value in next.positive.iter_mut().chain(&mut next.negative) {
                if *value < options.drop_below {
                    dropped += std::mem::take(value);
                }
            }
            for (sum, value) in out.cumulative.positive.iter_mut().zip(&next.positive) {
                *sum += value;
            }
            for (sum, value) in out.cumulative.negative.iter_mut().zip(&next.negative) {
                *sum += value;
            }
            out.dropped.push(dropped);
            now = next.clone();
            out.per_hop.push(next);
        }
        out
    }

    /// One edge further, from the neurons that were reached, in order of their number.
    fn hop(&self, now: &PathSums) -> PathSums {
        let mut next = PathSums::zeros(self.rows.rows());
        for pre in 0..self.rows.rows() {
            let (mut positive, mut negative) = (now.positive[pre], now.negative[pre]);
            if positive == 0.0 && negative == 0.0 {
                continue;
            }
            if self.sign.is_some_and(|sign| sign[pre] < 0) {
                std::mem::swap(&mut positive, &mut negative);
            }
            let row = pre as u32;
            for (&post, &edge) in self.rows.neighbours(row).iter().zip(self.rows.edges(row)) {
                let share = self.share[edge as usize];
                next.positive[post as usize] += positive * share;
                next.negative[post as usize] += negative * share;
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kenyon_base::Streams;
    use proptest::prelude::*;
    use rand::Rng;

    const EXACT: EffectiveOptions = EffectiveOptions { hops: 4, drop_below: 0.0 };

    fn golden() -> Edges {
        Edges::from_triples(4, &[(0, 1, 6), (2, 1, 4), (1, 3, 5), (0, 3, 5)])
    }

    fn random(seed: u64, neurons: u32) -> (Edges, Vec<i8>) {
        let mut rng = Streams::new(seed).stream("test");
        let mut triples = Vec::new();
        for pre in 0..neurons {
            for post in 0..neurons {
                if pre != post && rng.random_bool(0.25) {
                    triples.push((pre, post, rng.random_range(1..50)));
                }
            }
        }
        let sign = (0..neurons).map(|_| rng.random_range(-1..=1)).collect();
        (Edges::from_triples(neurons, &triples), sign)
    }

    /// `P` with signs, dense: row pre, column post.
    fn dense(edges: &Edges, sign: &[i8]) -> Vec<Vec<f64>> {
        let n = edges.neurons as usize;
        let mut p = vec![vec![0.0; n]; n];
        for (pre, post, count) in edges.triples() {
            p[pre as usize][post as usize] = f64::from(count) * f64::from(sign[pre as usize]);
        }
        for post in 0..n {
            let sum: f64 = p.iter().map(|row| row[post].abs()).sum();
            if sum > 0.0 {
                for row in &mut p {
                    row[post] /= sum;
                }
            }
        }
        p
    }

    fn product(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let n = a.len();
        (0..n).map(|i| (0..n).map(|j| (0..n).map(|k| a[i][k] * b[k][j]).sum()).collect()).collect()
    }

    #[test]
    fn the_golden_circuit_has_its_published_paths() {
        let options = EffectiveOptions { hops: 2, ..EffectiveOptions::default() };
        let paths = effective_connectivity(&golden(), None, &[0], &options).unwrap();
        assert!((paths.per_hop[0].positive[1] - 0.6).abs() < 1e-12);
        assert!((paths.per_hop[0].positive[3] - 0.5).abs() < 1e-12);
        assert!((paths.per_hop[1].positive[3] - 0.3).abs() < 1e-12);
        assert!((paths.cumulative.difference()[3] - 0.8).abs() < 1e-12);
        assert!((paths.cumulative.total()[3] - 0.8).abs() < 1e-12);
    }

    #[test]
    fn an_inhibitory_neuron_on_the_way_turns_the_path_negative() {
        let options = EffectiveOptions { hops: 2, ..EffectiveOptions::default() };
        let paths = effective_connectivity(&golden(), Some(&[1, -1, 1, 1]), &[0], &options).unwrap();
        assert!((paths.per_hop[1].difference()[3] + 0.3).abs() < 1e-12);
        assert!((paths.cumulative.positive[3] - 0.5).abs() < 1e-12);
        assert!((paths.cumulative.negative[3] - 0.3).abs() < 1e-12);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn paths_agree_with_powers_of_the_dense_matrix(seed in any::<u64>(), neurons in 2_u32..25) {
            let (edges, sign) = random(seed, neurons);
            let p = dense(&edges, &sign);
            let absolute: Vec<Vec<f64>> = p.iter().map(|row| row.iter().map(|x| x.abs()).collect()).collect();
            let (mut power, mut total) = (p.clone(), absolute.clone());
            let paths = effective_connectivity(&edges, Some(&sign), &[0, 1], &EXACT).unwrap();
            for hop in &paths.per_hop {
                for post in 0..neurons as usize {
                    prop_assert!((hop.difference()[post] - power[0][post] - power[1][post]).abs() < 1e-12);
                    prop_assert!((hop.total()[post] - total[0][post] - total[1][post]).abs() < 1e-12);
                }
                (power, total) = (product(&power, &p), product(&total, &absolute));
            }
            prop_assert!(paths.dropped.iter().all(|&mass| mass == 0.0));
        }

        #[test]
        fn all_sources_together_make_up_all_input(seed in any::<u64>(), neurons in 2_u32..25) {
            let (edges, _) = random(seed, neurons);
            let all: Vec<u32> = (0..neurons).collect();
            let one = effective_connectivity(&edges, None, &all, &EffectiveOptions { hops: 1, drop_below: 0.0 }).unwrap();
            for (share, degree) in one.per_hop[0].positive.iter().zip(edges.in_degrees()) {
                prop_assert!((share - f64::from(u8::from(degree > 0))).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn small_entries_are_dropped_and_their_mass_is_reported() {
        let edges = Edges::from_triples(4, &[(0, 1, 1), (2, 1, 99), (0, 2, 1), (1, 3, 1)]);
        let options = EffectiveOptions { hops: 2, drop_below: 0.05 };
        let paths = effective_connectivity(&edges, None, &[0], &options).unwrap();
        assert_eq!(paths.per_hop[0].positive, [0.0, 0.0, 1.0, 0.0]);
        assert!((paths.dropped[0] - 0.01).abs() < 1e-12);
        assert_eq!(paths.per_hop[1].positive[3].to_bits(), 0);
    }

    #[test]
    fn group_level_is_the_mean_over_targets_of_the_sum_over_sources() {
        let (edges, sign) = random(3, 20);
        let group: Vec<u32> = (0..20).map(|neuron| neuron % 3).collect();
        let matrix = group_connectivity(&edges, Some(&sign), &group, 4, &EXACT).unwrap();
        for pre in 0..4_u32 {
            for post in 0..4_u32 {
                let targets: Vec<u32> = (0..20).filter(|k| k % 3 == post).collect();
                let mut sum = 0.0;
                for source in (0..20).filter(|k| k % 3 == pre) {
                    let paths = effective_connectivity(&edges, Some(&sign), &[source], &EXACT).unwrap();
                    sum += targets.iter().map(|&t| paths.cumulative.difference()[t as usize]).sum::<f64>();
                }
                let expected = if targets.is_empty() { 0.0 } else { sum / targets.len() as f64 };
                let at = (pre * 4 + post) as usize;
                assert!((matrix.positive[at] - matrix.negative[at] - expected).abs() < 1e-12);
            }
        }
        let first: f64 = matrix.positive_per_hop.iter().map(|hop| hop[0]).sum();
        assert!((first - matrix.positive[0]).abs() < 1e-12);
    }

    #[test]
    fn wrong_requests_have_their_own_codes() {
        let code = |sources: &[u32], hops, drop_below| {
            let error = effective_connectivity(&golden(), None, sources, &EffectiveOptions { hops, drop_below }).unwrap_err();
            error.code().to_string()
        };
        assert_eq!(code(&[], 1, 0.0), "no-sources");
        assert_eq!(code(&[4], 1, 0.0), "unknown-neuron");
        assert_eq!(code(&[0], 0, 0.0), "no-hops");
        assert_eq!(code(&[0], 1, f64::NAN), "bad-threshold");
        let error = group_connectivity(&golden(), None, &[0, 1, 2, 3], 3, &EXACT).unwrap_err();
        assert_eq!(error.code(), "bad-group");
    }
}
