//! What changed between two packs, for example between materializations 630 and 783.
//!
//! Root ids change whenever a neuron is edited, so an old neuron that has "gone" has often only been proofread.

use std::collections::{BTreeMap, BTreeSet};

use kenyon_base::Result;
use serde::Serialize;
use serde_json::Value;

use crate::Categorical;
use crate::connectome::Pairs;
use crate::pack::Pack;
use crate::query::Table;

/// Counts on both sides of a comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sets {
    /// In the first pack.
    pub a: u64,
    /// In the second pack.
    pub b: u64,
    /// In both.
    pub common: u64,
    /// Only in the first.
    pub only_a: u64,
    /// Only in the second.
    pub only_b: u64,
}

/// How an attribute differs on the neurons that both packs hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AttributeDiff {
    /// Blank in the first, a text in the second.
    pub gained: u64,
    /// A text in the first, blank in the second.
    pub lost: u64,
    /// Different texts.
    pub changed: u64,
    /// The most frequent changes: first text, second text, neurons.
    pub examples: Vec<(String, String, u64)>,
}

/// What changed between two packs.
#[derive(Debug, Clone, Serialize)]
pub struct Diff {
    /// Neurons by root id.
    pub neurons: Sets,
    /// Connected pairs by root ids.
    pub pairs: Sets,
    /// Common pairs whose synapse count differs.
    pub pairs_changed: u64,
    /// Synapses: first and second pack, and on common pairs in each.
    pub synapses: Synapses,
    /// Attributes on common neurons.
    pub attributes: BTreeMap<String, AttributeDiff>,
    /// The first ten root ids only in the first pack.
    pub only_a_examples: Vec<String>,
    /// The first ten root ids only in the second pack.
    pub only_b_examples: Vec<String>,
    /// How the packs were made differently: option, in the first pack, in the second.
    pub made: Vec<Made>,
    /// Whether no neuron, pair, count or attribute differs.
    pub equal: bool,
}

/// An option or a source in which the making of two packs differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// What: `synthetic`, `tables`, or an option of the import.
    pub what: String,
    /// In the first pack.
    pub a: String,
    /// In the second pack.
    pub b: String,
}

/// Differences in the origin of two packs, which explain differences in their content.
fn made(a: &Pack, b: &Pack) -> Result<Vec<Made>> {
    let mut out = Vec::new();
    let mut compare = |what: &str, a: String, b: String| {
        if a != b {
            out.push(Made { what: what.to_string(), a, b });
        }
    };
    let synthetic = |pack: &Pack| if pack.provenance().synthetic { "yes" } else { "no" }.to_string();
    compare("synthetic", synthetic(a), synthetic(b));
    compare("tables", a.tables()?.join(", "), b.tables()?.join(", "));
    let options = |pack: &Pack| pack.provenance().steps.first().map(|step| step["import"].clone()).unwrap_or_default();
    let (first, second) = (options(a), options(b));
    let names: BTreeSet<&String> = [&first, &second].into_iter().filter_map(|o| o.as_object()).flat_map(|o| o.keys()).collect();
    // Which tables were read stands above, whether or not they had to be named.
    for name in names.into_iter().filter(|name| *name != "connections") {
        let shown = |options: &Value| options[name].as_str().map_or_else(|| options[name].to_string(), String::from);
        compare(name, shown(&first), shown(&second));
    }
    Ok(out)
}

/// Synapses on both sides.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Synapses {
    /// In the first pack.
    pub a: u64,
    /// In the second pack.
    pub b: u64,
    /// On common pairs, in the first pack.
    pub common_a: u64,
    /// On common pairs, in the second pack.
    pub common_b: u64,
}

/// Compares two packs; linear in their size.
pub fn diff(a: &Pack, b: &Pack) -> Result<Diff> {
    let (ids_a, ids_b) = (a.root_ids(), b.root_ids());
    let mut common = Vec::new();
    let (mut only_a, mut only_b) = (Vec::new(), Vec::new());
    merge(
        ids_a.len(),
        ids_b.len(),
        |i, j| ids_a[i].cmp(&ids_b[j]),
        |side| match side {
            Met::A(i) => only_a.push(ids_a[i]),
            Met::B(j) => only_b.push(ids_b[j]),
            Met::Both(i, j) => common.push((i, j)),
        },
    );
    let sets = |a: usize, b: usize, common: usize| Sets {
        a: a as u64,
        b: b as u64,
        common: common as u64,
        only_a: (a - common) as u64,
        only_b: (b - common) as u64,
    };

    let (pairs_a, pairs_b) = (a.pairs()?, b.pairs()?);
    let key = |ids: &[u64], pairs: &Pairs, i: usize| (ids[pairs.pre[i] as usize], ids[pairs.post[i] as usize]);
    let mut synapses = Synapses { a: pairs_a.synapses(), b: pairs_b.synapses(), ..Synapses::default() };
    let (mut common_pairs, mut pairs_changed) = (0, 0);
    merge(
        pairs_a.len(),
        pairs_b.len(),
        |i, j| key(ids_a, &pairs_a, i).cmp(&key(ids_b, &pairs_b, j)),
        |side| {
            if let Met::Both(i, j) = side {
                common_pairs += 1;
                pairs_changed += u64::from(pairs_a.syn_count[i] != pairs_b.syn_count[j]);
                synapses.common_a += u64::from(pairs_a.syn_count[i]);
                synapses.common_b += u64::from(pairs_b.syn_count[j]);
            }
        },
    );
    let mut names: Vec<&String> = a.attribute_names().iter().chain(b.attribute_names()).collect();
    names.sort_unstable();
    names.dedup();
    let mut attributes = BTreeMap::new();
    for name in names {
        let (before, after) = (a.attribute(name)?, b.attribute(name)?);
        attributes.insert(name.clone(), compare(&before, &after, &common));
    }
    let examples = |ids: &[u64]| ids.iter().take(10).map(u64::to_string).collect();
    let neurons = sets(ids_a.len(), ids_b.len(), common.len());
    let pairs = sets(pairs_a.len(), pairs_b.len(), common_pairs);
    let same_sets = |s: &Sets| s.only_a == 0 && s.only_b == 0;
    let same_attributes = attributes.values().all(|d| d.gained + d.lost + d.changed == 0);
    Ok(Diff {
        made: made(a, b)?,
        equal: same_sets(&neurons) && same_sets(&pairs) && pairs_changed == 0 && same_attributes,
        neurons,
        pairs,
        pairs_changed,
        synapses,
        attributes,
        only_a_examples: examples(&only_a),
        only_b_examples: examples(&only_b),
    })
}

/// What a merge of two sorted sequences meets.
enum Met {
    A(usize),
    B(usize),
    Both(usize, usize),
}

fn merge(a: usize, b: usize, order: impl Fn(usize, usize) -> std::cmp::Ordering, mut meet: impl FnMut(Met)) {
    use std::cmp::Ordering;
    let (mut i, mut j) = (0, 0);
    while i < a || j < b {
        let next = if i == a {
            Ordering::Greater
        } else if j == b {
            Ordering::Less
        } else {
            order(i, j)
        };
        match next {
            Ordering::Less => meet(Met::A(i)),
            Ordering::Greater => meet(Met::B(j)),
            Ordering::Equal => meet(Met::Both(i, j)),
        }
        i += usize::from(next.is_le());
        j += usize::from(next.is_ge());
    }
}

fn compare(a: &Categorical, b: &Categorical, common: &[(usize, usize)]) -> AttributeDiff {
    let mut out = AttributeDiff::default();
    let mut changes: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for &(i, j) in common {
        match (a.get(i), b.get(j)) {
            (x, y) if x == y => {}
            ("", _) => out.gained += 1,
            (_, "") => out.lost += 1,
            (x, y) => {
                out.changed += 1;
                *changes.entry((x, y)).or_default() += 1;
            }
        }
    }
    let mut changes: Vec<_> = changes.into_iter().collect();
    changes.sort_by(|x, y| y.1.cmp(&x.1).then(x.0.cmp(&y.0)));
    out.examples = changes.into_iter().take(10).map(|((x, y), n)| (x.to_string(), y.to_string(), n)).collect();
    out
}
