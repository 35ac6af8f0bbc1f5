//! A case's reference beside our own results.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Expected;
use super::tables::TABLES;
use crate::spinnaker::init::RawCells;
use crate::spinnaker::quantise::QuantisedCells;
use crate::spinnaker::recording::PopulationRun;

/// How many values of a population differ; none where the reference says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Name of the population.
    pub population: String,
    /// Values of V.
    pub v: Option<u64>,
    /// Values of the excitatory synaptic variable.
    pub gsyn_exc: Option<u64>,
    /// Values of the inhibitory synaptic variable.
    pub gsyn_inh: Option<u64>,
    /// Spikes that only one side has.
    pub spikes: Option<u64>,
    /// Derived constants.
    pub state_raw: Option<u64>,
    /// Ring-buffer shifts.
    pub shifts: Option<u64>,
    /// How far the counts of clipped additions lie apart.
    pub saturations: Option<u64>,
    /// Values that were compared.
    pub compared: u64,
    /// Spikes of the reference.
    pub spikes_expected: Option<u64>,
    /// Our spikes.
    pub spikes_got: Option<u64>,
    /// Largest distance of a recorded value from the reference's, raw.
    pub max_abs_error: Option<u64>,
    /// Largest distance in steps of the k-th spikes of the neurons that spike equally often on both sides; none if no neuron does.
    pub max_spike_shift_steps: Option<u32>,
    /// Recordings that the reference lacks.
    pub missing: Vec<String>,
    /// The first difference in words.
    pub first: Option<String>,
}

impl Difference {
    /// All that differs.
    pub fn total(&self) -> u64 {
        self.fields().into_iter().filter_map(|(_, n)| n).sum()
    }

    /// What differs, in words, with the first difference; empty if nothing does.
    pub fn words(&self) -> String {
        let differ = self.fields().into_iter().filter_map(|(name, n)| n.filter(|n| *n > 0).map(|n| format!("{n} of {name}")));
        let differ = differ.collect::<Vec<_>>().join(", ");
        match &self.first {
            Some(first) => format!("{differ} (first: {first})"),
            None => differ,
        }
    }

    fn fields(&self) -> [(&'static str, Option<u64>); 7] {
        [
            ("v", self.v),
            ("gsyn_exc", self.gsyn_exc),
            ("gsyn_inh", self.gsyn_inh),
            ("spikes", self.spikes),
            ("state_raw", self.state_raw),
            ("shifts", self.shifts),
            ("saturations", self.saturations),
        ]
    }

    fn first(&mut self, words: impl FnOnce() -> String) {
        self.first.get_or_insert_with(words);
    }
}

impl Expected {
    /// What differs between the reference and our results.
    pub(super) fn compare(&self, label: &str, cells: &QuantisedCells, run: &PopulationRun) -> Difference {
        let mut out = Difference { population: label.to_string(), missing: self.missing.clone(), ..Difference::default() };
        self.compare_rows(cells.raw.len(), run, &mut out);
        self.compare_spikes(run, &mut out);
        self.compare_state(cells, &mut out);
        if let Some(shift) = self.shift {
            out.compared += 2;
            let differ = shift.iter().zip(cells.shift).filter(|(a, b)| **a != i64::from(*b)).count() as u64;
            out.shifts = Some(differ);
            if differ > 0 {
                out.first(|| format!("shifts: reference {shift:?}, ours {:?}", cells.shift));
            }
        }
        if let Some(saturations) = self.saturations {
            out.compared += 1;
            out.saturations = Some(saturations.abs_diff(run.saturations));
            if saturations != run.saturations {
                out.first(|| format!("saturations: reference {saturations}, ours {}", run.saturations));
            }
        }
        out
    }

    fn compare_rows(&self, n: usize, run: &PopulationRun, out: &mut Difference) {
        let ours = [&run.v, &run.gsyn_exc, &run.gsyn_inh];
        for (k, ((reference, ours), (_, name))) in self.rows.iter().zip(ours).zip(TABLES).enumerate() {
            let Some(reference) = reference else { continue };
            out.compared += reference.len() as u64;
            let mut differ = (reference.len().max(ours.len()) - reference.len().min(ours.len())) as u64;
            let mut largest = 0;
            for (at, (&a, &b)) in reference.iter().zip(ours).enumerate().filter(|(_, (a, b))| a != b) {
                differ += 1;
                largest = u64::from(a.abs_diff(b)).max(largest);
                out.first(|| format!("{name} of step {}, neuron {}: reference {a}, ours {b}", at / n, at % n));
            }
            out.max_abs_error = Some(out.max_abs_error.unwrap_or(0).max(largest));
            *[&mut out.v, &mut out.gsyn_exc, &mut out.gsyn_inh][k] = Some(differ);
        }
    }

    fn compare_spikes(&self, run: &PopulationRun, out: &mut Difference) {
        let Some(spikes) = &self.spikes else { return };
        let only = |a: &[(u32, u32)], b: &[(u32, u32)]| -> Vec<(u32, u32)> {
            a.iter().filter(|s| b.binary_search(s).is_err()).copied().collect()
        };
        let (theirs, ours) = (only(spikes, &run.spikes), only(&run.spikes, spikes));
        out.compared += spikes.len() as u64;
        out.spikes = Some((theirs.len() + ours.len()) as u64);
        out.spikes_expected = Some(spikes.len() as u64);
        out.spikes_got = Some(run.spike_count);
        out.max_spike_shift_steps = shift(spikes, &run.spikes);
        if let Some((step, neuron)) = theirs.iter().chain(&ours).min() {
            let whose = if theirs.contains(&(*step, *neuron)) { "the reference's" } else { "ours" };
            out.first(|| format!("a spike of step {step}, neuron {neuron}, is only {whose}"));
        }
    }

    fn compare_state(&self, cells: &QuantisedCells, out: &mut Difference) {
        let Some(states) = &self.state else { return };
        let mut differ = (cells.raw.len() as u64).saturating_sub(states.len() as u64);
        for (i, reference) in states.iter().enumerate() {
            let ours: BTreeMap<&str, i64> = if i < cells.raw.len() { state(cells, i) } else { BTreeMap::new() };
            out.compared += reference.len() as u64;
            for (name, value) in reference.iter().filter(|(name, value)| ours.get(name.as_str()) != Some(value)) {
                differ += 1;
                let own = ours.get(name.as_str()).map_or_else(|| "none".into(), i64::to_string);
                out.first(|| format!("{name} of neuron {i}: reference {value}, ours {own}"));
            }
        }
        out.state_raw = Some(differ);
    }
}

/// Largest distance of the k-th spikes of the neurons that spike equally often in both lists; 0 if nothing spikes at all.
fn shift(a: &[(u32, u32)], b: &[(u32, u32)]) -> Option<u32> {
    if a.is_empty() && b.is_empty() {
        return Some(0);
    }
    let by_neuron = |list: &[(u32, u32)]| {
        let mut out: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for &(step, neuron) in list {
            out.entry(neuron).or_default().push(step);
        }
        out
    };
    let (a, b) = (by_neuron(a), by_neuron(b));
    let pairs = a.iter().filter_map(|(neuron, a)| Some((a, b.get(neuron).filter(|b| b.len() == a.len())?)));
    pairs.flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| a.abs_diff(*b))).max()
}

/// What the core holds for neuron `i` before the first step, by the reference's names.
pub fn state(cells: &QuantisedCells, i: usize) -> BTreeMap<&'static str, i64> {
    let QuantisedCells { kind, raw, derived, .. } = cells;
    let RawCells { v_init, v_rest, i_offset, v_reset, v_thresh, e_rev_e, e_rev_i, .. } = raw;
    let d = &derived[i];
    let mut out = BTreeMap::from([
        ("V_init", i64::from(v_init[i])),
        ("V_rest", i64::from(v_rest[i])),
        ("R_membrane", i64::from(d.r_membrane)),
        ("exp_TC", i64::from(d.exp_tc)),
        ("I_offset", i64::from(i_offset[i])),
        ("V_reset", i64::from(v_reset[i])),
        ("T_refract", i64::from(d.t_refract)),
        ("V_thresh", i64::from(v_thresh[i])),
    ]);
    if kind.decays() {
        out.extend([
            ("exc_decay", i64::from(d.exc.decay)),
            ("exc_init", i64::from(d.exc.init)),
            ("inh_decay", i64::from(d.inh.decay)),
            ("inh_init", i64::from(d.inh.init)),
        ]);
    }
    if kind.conducts() {
        out.extend([("V_rev_E", i64::from(e_rev_e[i])), ("V_rev_I", i64::from(e_rev_i[i]))]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_shift_by_the_farthest_of_equally_many() {
        assert_eq!((shift(&[], &[]), shift(&[(1, 0)], &[])), (Some(0), None));
        let (a, b) = ([(1, 0), (2, 1), (9, 0)], [(1, 0), (5, 1), (11, 0)]);
        assert_eq!((shift(&a, &a), shift(&a, &b), shift(&a, &b[..2])), (Some(0), Some(3), Some(3)));
    }
}
