//! Which connections of the pack become connections of the circuit.

use std::path::Path;

use kenyon_base::{Result, nearest};
use serde::{Deserialize, Serialize};

use super::config_error;
use super::cut::CutSums;
use super::select::Selection;
use crate::circuit::spec::CircuitSpec;
use crate::connectome::{Pairs, Rows};
use crate::pack::Pack;

/// Connections kept and left out, step by step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WiringReport {
    /// Pairs of the pack.
    pub pack_pairs: u64,
    /// Rows left out by the neuropil filter.
    pub neuropil_rows: u64,
    /// Pairs with both ends selected, before any threshold.
    pub inside_pairs: u64,
    /// Of these, pairs left out by neuropil and threshold.
    pub below_threshold: u64,
    /// Synapses of these.
    pub below_threshold_synapses: u64,
    /// Self loops left out.
    pub self_loops: u64,
    /// Connections among inputs left out.
    pub input_to_input: u64,
    /// Connections from the circuit back onto inputs left out.
    pub onto_inputs: u64,
    /// Connections of neurons without a sign left out.
    pub sign_zero: u64,
    /// Measured pairs kept.
    pub kept_pairs: u64,
    /// Their synapses.
    pub kept_synapses: u64,
}

/// Connections by pack row.
#[derive(Debug)]
pub(super) struct Wired {
    pub(super) triples: Vec<(u32, u32, u32)>,
    pub(super) report: WiringReport,
    pub(super) cut: CutSums,
}

pub(super) fn wire(
    pack: &Pack,
    spec: &CircuitSpec,
    config: &Path,
    selection: &Selection,
    pairs: &Pairs,
    rows: &Rows,
    sign: &[i8],
) -> Result<Wired> {
    let allowed = neuropils(pack, spec, config)?;
    let mut wired = Wired { triples: Vec::new(), report: WiringReport::default(), cut: CutSums::new(spec.population.len()) };
    wired.report.pack_pairs = pairs.len() as u64;
    let mut first_row = 0;
    for i in 0..pairs.len() {
        let own_rows = first_row..first_row + usize::from(pairs.row_count[i]);
        first_row = own_rows.end;
        let (pre, post) = (pairs.pre[i], pairs.post[i]);
        let (from, to) = (selection.population(pre), selection.population(post));
        if from.is_none() && to.is_none() {
            continue;
        }
        let mut total = 0_u64;
        for r in own_rows {
            let in_place = allowed.as_ref().is_none_or(|allowed| allowed[usize::from(rows.neuropil[r])]);
            wired.report.neuropil_rows += u64::from(!in_place);
            if in_place && spec.threshold.keeps_row(rows.syn_count[r]) {
                total += u64::from(rows.syn_count[r]);
            }
        }
        let kept = total > 0 && spec.threshold.keeps_pair(total);
        let total = u32::try_from(total).expect("the sum of a pair's rows fits, checked at import");
        if kept {
            wired.cut.count(from, to, total);
        }
        if from.is_none() || to.is_none() {
            continue;
        }
        let report = &mut wired.report;
        report.inside_pairs += 1;
        if !kept {
            report.below_threshold += 1;
            report.below_threshold_synapses += u64::from(pairs.syn_count[i]);
            continue;
        }
        let (pre_input, post_input) = (selection.is_input(pre), selection.is_input(post));
        if pre == post && !spec.selection.self_loops {
            report.self_loops += 1;
        } else if pre_input && post_input && !spec.selection.input_to_input {
            report.input_to_input += 1;
        } else if !pre_input && post_input && !spec.selection.presynaptic_inhibition {
            report.onto_inputs += 1;
        } else if sign[pre as usize] == 0 {
            report.sign_zero += 1;
        } else {
            report.kept_pairs += 1;
            report.kept_synapses += u64::from(total);
            wired.triples.push((pre, post, total));
        }
    }
    Ok(wired)
}

/// Which neuropil codes count; `None` if all do.
fn neuropils(pack: &Pack, spec: &CircuitSpec, config: &Path) -> Result<Option<Vec<bool>>> {
    let (only, not) = (&spec.selection.neuropils, &spec.selection.exclude_neuropils);
    if only.is_empty() && not.is_empty() {
        return Ok(None);
    }
    let known = pack.neuropils()?;
    for (key, names) in [("selection.neuropils", only), ("selection.exclude_neuropils", not)] {
        for name in names {
            if !known.contains(name) {
                let mend = match nearest(name, known.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "see `kenyon connectome info` for the neuropils of the pack".into(),
                };
                return Err(
                    config_error(config, key, "unknown-neuropil", format!("the pack has no neuropil `{name}`")).mend(mend)
                );
            }
        }
    }
    Ok(Some(known.iter().map(|name| (only.is_empty() || only.contains(name)) && !not.contains(name)).collect()))
}
